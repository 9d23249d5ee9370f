//! The multiplier as what a tree adds up: kept partial products, or the product of a circuit.

use recoup_circuits::netlist::{Gate, GateBuilder, Netlist, Signal};
use recoup_circuits::{Operands, ProductTable};
use recoup_core::design::Design;
use recoup_core::multiplier::{Multiplier, PartialProduct, code_value};
use recoup_kernels::WeightCoding;

use super::error::RtlError;
use super::module::{Bit, Module};
use super::range::Range;
use super::tree::Tree;

/// A multiplier that hardware can be made of.
#[derive(Clone, Debug)]
pub struct MultiplierCircuit {
    name: String,
    coding: WeightCoding,
    source: Source,
    /// What the circuit returns, `[w][a]`, in units of 1.
    products: Vec<i32>,
    lsb: usize,
    range: Range,
    activation_bits: u8,
    weight_bits: u8,
    weight_factor: i32,
}

#[derive(Clone, Debug)]
enum Source {
    Mask(Vec<PartialProduct>),
    Circuit {
        netlist: Netlist,
        /// The first operand is the activation.
        swapped: bool,
        /// It multiplies the activation code with its top bit inverted.
        signed: bool,
    },
}

impl MultiplierCircuit {
    /// The circuit of a multiplier: the tree of its mask, or multiplexers that compute its table.
    ///
    /// # Errors
    /// When it is not for `coding`, or its products do not fit 16 bits.
    pub fn new(multiplier: &Multiplier, coding: WeightCoding) -> Result<Self, RtlError> {
        multiplier.check_coding(coding)?;
        if let Some(parts) = multiplier.partial_products(coding) {
            let products = multiplier.table(coding);
            return Ok(Self::from_source(multiplier, coding, Source::Mask(parts), products, 0));
        }
        let netlist = |operands| Netlist::from_table(&circuit_table(multiplier, operands));
        let netlist = match coding {
            WeightCoding::Unsigned => netlist(Operands::Unsigned)?,
            // The table may have been one of signed operands: the smaller circuit tells.
            WeightCoding::Signed => {
                let (weight, both) = (netlist(Operands::SignedWeight), netlist(Operands::Signed));
                match (weight, both) {
                    (Ok(weight), Ok(both)) if both.gates().len() < weight.gates().len() => both,
                    (Ok(weight), _) => weight,
                    (Err(_), both) => both?,
                }
            }
        };
        let circuit = Self::from_netlist(multiplier, coding, netlist);
        Ok(circuit.expect("a netlist of its own table"))
    }

    /// The circuit that computes a design: that of the multiplier's own netlist, if it has one and
    /// multiplies weights of `coding`. An exact multiplier of codes of fewer bits never sees the low
    /// ones.
    ///
    /// # Errors
    /// See [`MultiplierCircuit::new`].
    pub fn of_design(
        design: &Design,
        netlist: Option<Netlist>,
        coding: WeightCoding,
    ) -> Result<Self, RtlError> {
        let multiplier = &design.multiplier;
        match (design.activation_bits, design.weight_bits) {
            (activations, weights) if multiplier.is_exact() && activations.min(weights) < 8 => {
                Self::new(&Multiplier::exact_of_widths(activations, weights), coding)
            }
            _ => netlist
                .and_then(|netlist| Self::from_netlist(multiplier, coding, netlist))
                .map_or_else(|| Self::new(multiplier, coding), Ok),
        }
    }

    /// A multiplier with the circuit that it was read from, whichever operand is the weight;
    /// `None` if the circuit does not multiply weights of `coding`.
    pub fn from_netlist(
        multiplier: &Multiplier,
        coding: WeightCoding,
        netlist: Netlist,
    ) -> Option<Self> {
        multiplier.check_coding(coding).ok()?;
        let raw = netlist.products();
        let operands = match coding {
            WeightCoding::Unsigned => &[Operands::Unsigned][..],
            WeightCoding::Signed => &[Operands::SignedWeight, Operands::Signed],
        };
        let readings = operands.iter().flat_map(|&operands| [(operands, false), (operands, true)]);
        for (operands, swapped) in readings {
            let signed = operands == Operands::Signed;
            let product = |at: usize| {
                let (w, a) = (at >> 8, if signed { at & 0xff ^ 0x80 } else { at & 0xff });
                let bits = raw[if swapped { a << 8 | w } else { w << 8 | a }];
                let negative = coding == WeightCoding::Signed;
                if negative { i32::from(bits as i16) } else { i32::from(bits) }
            };
            let products: Vec<i32> = (0..1 << 16).map(product).collect();
            // Eq. (2.5).
            let factor = if signed { 128 } else { 0 };
            let is_multiplier = products.iter().enumerate().all(|(at, product)| {
                let (w, a) = ((at >> 8) as u8, at as u8);
                product + factor * code_value(w, coding) == multiplier.product(w, a, coding)
            });
            if is_multiplier {
                let source = Source::Circuit { netlist, swapped, signed };
                return Some(Self::from_source(multiplier, coding, source, products, factor));
            }
        }
        None
    }

    fn from_source(
        multiplier: &Multiplier,
        coding: WeightCoding,
        source: Source,
        products: Vec<i32>,
        weight_factor: i32,
    ) -> Self {
        let any = products.iter().fold(0, |any, product| any | product);
        let lsb = match &source {
            // Of a tree no column may be lost, even if its products cancel.
            Source::Mask(parts) => parts.iter().map(|part| part.column as usize).min().unwrap_or(0),
            Source::Circuit { .. } if any == 0 => 0,
            Source::Circuit { .. } => any.trailing_zeros() as usize,
        };
        let (weight_bits, activation_bits) = source.used_bits();
        Self {
            name: multiplier.to_string(),
            range: Range::of(products.iter().map(|&product| i64::from(product >> lsb))),
            coding,
            source,
            products,
            lsb,
            activation_bits,
            weight_bits,
            weight_factor,
        }
    }

    /// The multiplier's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its weights can be.
    pub fn weights(&self) -> Range {
        match self.coding {
            WeightCoding::Unsigned => Range { low: 0, high: 255 },
            WeightCoding::Signed => Range { low: -128, high: 127 },
        }
    }

    /// The coding of its weights.
    pub fn coding(&self) -> WeightCoding {
        self.coding
    }

    /// What the circuit returns for a weight byte and an activation code. The multiplier's product
    /// is this plus [`MultiplierCircuit::weight_factor`] times the weight.
    pub fn product(&self, weight: u8, activation: u8) -> i32 {
        self.products[usize::from(weight) << 8 | usize::from(activation)]
    }

    /// All products are multiples of 2^lsb.
    pub fn lsb(&self) -> usize {
        self.lsb
    }

    /// Its products, in units of 2^lsb; 0 included.
    pub fn range(&self) -> Range {
        self.range
    }

    /// The activation bits that it reads.
    pub fn activation_bits(&self) -> u8 {
        self.activation_bits
    }

    /// The weight bits that it reads.
    pub fn weight_bits(&self) -> u8 {
        self.weight_bits
    }

    /// What times the weight has to be added to a product: 128 for a circuit of signed operands,
    /// eq. (2.5), else 0. It is a constant of the filter, and part of its bias.
    pub fn weight_factor(&self) -> i32 {
        self.weight_factor
    }

    /// Whether the circuit is a tree of partial products.
    pub fn is_mask(&self) -> bool {
        matches!(self.source, Source::Mask(_))
    }

    /// Adds the product of `w` and `a`, in units of 2^lsb, to `tree`. Bits that are not read may
    /// be anything. `name` is what its partial products begin with.
    pub fn add_to(&self, module: &mut Module, tree: &mut Tree, name: &str, [w, a]: [&[Bit; 8]; 2]) {
        match &self.source {
            Source::Mask(parts) => {
                for part in parts {
                    let (i, l) = (part.activation_bit as usize, part.weight_bit as usize);
                    let name = format!("{name}_{i}_{l}");
                    let bit = module.and_named(name, a[i], w[l]);
                    let column = part.column as usize - self.lsb;
                    if part.negative {
                        tree.subtract(module, column, bit);
                    } else {
                        tree.add(column, bit);
                    }
                }
            }
            Source::Circuit { netlist, swapped, signed } => {
                let mut a = *a;
                if *signed {
                    a[7] = module.not(a[7]);
                }
                let [first, second] = if *swapped { [&a, w] } else { [w, &a] };
                let outputs = netlist_outputs(module, netlist, first, second);
                let bits = &outputs[self.lsb..(self.lsb + self.range.bits()).min(16)];
                tree.add_word(module, 0, bits, self.range.is_signed());
            }
        }
    }
}

impl Source {
    /// The weight and the activation bits that are read.
    fn used_bits(&self) -> (u8, u8) {
        match self {
            Self::Mask(parts) => parts.iter().fold((0, 0), |(weights, activations), part| {
                (weights | 1 << part.weight_bit, activations | 1 << part.activation_bit)
            }),
            Self::Circuit { netlist, swapped, .. } => {
                let used = used_signals(netlist);
                let bits = |from: usize| {
                    (0..8).filter(|bit| used[from + bit]).fold(0, |bits, bit| bits | 1 << bit)
                };
                if *swapped { (bits(8), bits(0)) } else { (bits(0), bits(8)) }
            }
        }
    }
}

/// The products that a circuit of these operands gives; those of signed operands miss 128 w.
fn circuit_table(multiplier: &Multiplier, operands: Operands) -> ProductTable {
    let signed =
        if operands.weight_is_signed() { WeightCoding::Signed } else { WeightCoding::Unsigned };
    ProductTable::from_fn(operands, |w, a| match operands {
        Operands::Unsigned | Operands::SignedWeight => multiplier.product(w, a, signed),
        // Eq. (2.5) backwards.
        Operands::Signed => multiplier.product(w, a ^ 0x80, signed) - 128 * code_value(w, signed),
    })
}

/// The signals that a gate reads.
fn gate_inputs(gate: Gate) -> Vec<Signal> {
    match gate {
        Gate::Constant(_) => Vec::new(),
        Gate::Not(a) => vec![a],
        Gate::And(a, b) | Gate::Or(a, b) | Gate::Xor(a, b) => vec![a, b],
        Gate::Mux { select, high, low } => vec![select, high, low],
    }
}

/// Which signals the product depends on.
fn used_signals(netlist: &Netlist) -> Vec<bool> {
    let mut used = vec![false; 16 + netlist.gates().len()];
    netlist.outputs().iter().for_each(|&output| used[output as usize] = true);
    for (place, &gate) in netlist.gates().iter().enumerate().rev() {
        if used[16 + place] {
            gate_inputs(gate).into_iter().for_each(|input| used[input as usize] = true);
        }
    }
    used
}

/// The netlist's gates in the module; its outputs.
fn netlist_outputs(
    module: &mut Module,
    netlist: &Netlist,
    first: &[Bit; 8],
    second: &[Bit; 8],
) -> Vec<Bit> {
    let used = used_signals(netlist);
    let mut signals: Vec<Bit> = first.iter().chain(second).copied().collect();
    for (place, &gate) in netlist.gates().iter().enumerate() {
        let at = |signal: Signal| signals[signal as usize];
        let bit = match gate {
            _ if !used[16 + place] => Bit::ZERO,
            Gate::Constant(value) => module.constant(value),
            Gate::Not(a) => module.not(at(a)),
            Gate::And(a, b) => module.and(at(a), at(b)),
            Gate::Or(a, b) => module.or(at(a), at(b)),
            Gate::Xor(a, b) => module.xor(at(a), at(b)),
            Gate::Mux { select, high, low } => module.mux(at(select), at(high), at(low)),
        };
        signals.push(bit);
    }
    netlist.outputs().iter().map(|&output| signals[output as usize]).collect()
}
