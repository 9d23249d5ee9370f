//! What the operands of a netlist are: which is the weight, and which are signed.

use std::fmt;

use super::circuit::Netlist;
use super::error::NetlistError;
use super::import::VerilogOptions;
use crate::distance::{Distance, closest};
use crate::table::Order;
use crate::{Misread, Operands, ProductTable};

/// How the operands of a netlist are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NetlistReading {
    /// How they are coded.
    pub operands: Operands,
    /// Which of them is the weight.
    pub order: Order,
}

impl fmt::Display for NetlistReading {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let [weight, _] = self.order.axes("first", "second");
        match self.operands {
            Operands::SignedWeight => write!(f, "signed weight, the {weight} operand"),
            operands => write!(f, "{operands} operands"),
        }
    }
}

#[derive(Clone, Copy)]
struct Candidate {
    reading: NetlistReading,
    distance: Distance,
}

/// The table of a netlist: as the options say; as `declared`, which of its operands are signed,
/// unless another reading fits much better; otherwise as is closest to a product.
pub(super) fn interpret(
    netlist: &Netlist,
    declared: [bool; 2],
    options: &VerilogOptions,
) -> Result<ProductTable, NetlistError> {
    let products = netlist.products();
    let asked_order = if options.swap { Order::ActivationFirst } else { Order::WeightFirst };
    let readings = Operands::ALL.into_iter().flat_map(|operands| {
        asked_order.possible(operands).map(move |order| NetlistReading { operands, order })
    });
    let candidates: Vec<Candidate> = readings
        .map(|reading| {
            let distance = Distance::of(reading.operands, triples(&products, reading));
            Candidate { reading, distance }
        })
        .collect();
    let nearest = |may_be: &dyn Fn(NetlistReading) -> bool| {
        let candidates = candidates.iter().copied().filter(|candidate| may_be(candidate.reading));
        closest(candidates, |candidate| candidate.distance)
    };
    let asked = |reading: NetlistReading| {
        options.operands.is_none_or(|operands| reading.operands == operands)
            && (!options.swap || reading.order == asked_order)
    };
    let as_declared = |reading: NetlistReading| {
        declared != [false; 2]
            && asked(reading)
            && reading.order.signed_axes(reading.operands) == declared
    };
    let best = nearest(&asked).expect("each coding in each order");
    let fitting = nearest(&|_| true).expect("each coding");
    let chosen = nearest(&as_declared)
        .filter(|declared| !declared.distance.is_clearly_above(best.distance))
        .unwrap_or(best);
    Misread::check((chosen.reading, chosen.distance), (fitting.reading, fitting.distance))?;
    Ok(ProductTable::from_triples(chosen.reading.operands, triples(&products, chosen.reading)))
}

/// The bytes of weight and activation, and the product. Products of signed operands are signed.
fn triples(
    products: &[u16],
    NetlistReading { operands, order }: NetlistReading,
) -> impl Iterator<Item = (u8, u8, i32)> {
    (0..=u16::MAX).zip(products).map(move |(pair, &product)| {
        let [first, second] = pair.to_be_bytes();
        let [weight, activation] = order.axes(first, second);
        let signed = operands != Operands::Unsigned;
        let product = if signed { i32::from(product as i16) } else { product.into() };
        (weight, activation, product)
    })
}
