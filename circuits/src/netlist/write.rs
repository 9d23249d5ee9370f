//! Netlists as Verilog, and tables as netlists.

use std::fmt::Write;

use super::circuit::{INPUTS, Netlist, NetlistBuilder, OUTPUTS, Signal};
use super::error::NetlistError;
use super::gates::{Gate, GateBuilder};
use super::keywords::{is_beyond_keyword, is_keyword};
use crate::{Operands, ProductTable};

/// Orders of the operands' bits in decision diagrams: numbers of signals, from the root. Which
/// gives the smallest diagram depends on the circuit.
fn orders() -> [[Signal; INPUTS]; 3] {
    let from_high =
        std::array::from_fn(|level| (7 - level as Signal / 2) + if level % 2 == 0 { 0 } else { 8 });
    let from_low =
        std::array::from_fn(|level| (level as Signal / 2) + if level % 2 == 0 { 0 } else { 8 });
    let one_by_one = std::array::from_fn(|level| level as Signal);
    [from_high, from_low, one_by_one]
}

impl Netlist {
    /// Multiplexers that compute a table: a reduced ordered binary decision diagram for each bit
    /// of the product, with shared nodes. The weight is the first operand.
    pub fn from_table(table: &ProductTable) -> Result<Self, NetlistError> {
        let range = match table.operands() {
            Operands::Unsigned => 0..=i32::from(u16::MAX),
            Operands::Signed | Operands::SignedWeight => i32::from(i16::MIN)..=i32::from(i16::MAX),
        };
        let wide = table.products().iter().position(|product| !range.contains(product));
        if let Some(place) = wide {
            return Err(NetlistError::TooLarge {
                what: format!(
                    "the product {} of the bytes {} and {}",
                    table.products()[place],
                    place >> 8,
                    place & 0xFF
                ),
                limit: format!("16 {} bits", table.operands()),
            });
        }
        let diagrams = orders().map(|order| diagram(table, &order));
        let [first, rest @ ..] = diagrams;
        Ok(rest.into_iter().fold(first, |best, other| {
            if other.gates().len() < best.gates().len() { other } else { best }
        }))
    }

    /// The circuit as a module of assigns, which [`parse_verilog`](super::parse_verilog) and any
    /// other tool reads. Its operands are A and B, its product O.
    pub fn to_verilog(&self, module: &str) -> String {
        self.write(module, Operands::Unsigned)
    }

    fn write(&self, module: &str, operands: Operands) -> String {
        let name = |signal: Signal| match signal {
            0..8 => format!("A[{signal}]"),
            8..16 => format!("B[{}]", signal - 8),
            _ => format!("n{}", signal as usize - INPUTS),
        };
        let keyword = |signed: bool| if signed { "signed " } else { "" };
        let (weight, activation) = (operands.weight_is_signed(), operands.activation_is_signed());
        let mut text = format!(
            "module {}(A, B, O);\n  input {}[7:0] A;\n  input {}[7:0] B;\n  output {}[15:0] O;\n",
            identifier(module),
            keyword(weight),
            keyword(activation),
            keyword(weight || activation)
        );
        for place in 0..self.gates().len() {
            let opening = if place % 16 == 0 { "  wire " } else { "," };
            let closing =
                if place % 16 == 15 || place + 1 == self.gates().len() { ";\n" } else { "" };
            let _ = write!(text, "{opening}n{place}{closing}");
        }
        for (place, &gate) in self.gates().iter().enumerate() {
            let value = match gate {
                Gate::Constant(value) => format!("1'b{}", u8::from(value)),
                Gate::Not(a) => format!("~{}", name(a)),
                Gate::And(a, b) => format!("{} & {}", name(a), name(b)),
                Gate::Or(a, b) => format!("{} | {}", name(a), name(b)),
                Gate::Xor(a, b) => format!("{} ^ {}", name(a), name(b)),
                Gate::Mux { select, high, low } => {
                    format!("{} ? {} : {}", name(select), name(high), name(low))
                }
            };
            let _ = writeln!(text, "  assign n{place} = {value};");
        }
        for (bit, &output) in self.outputs().iter().enumerate() {
            let _ = writeln!(text, "  assign O[{bit}] = {};", name(output));
        }
        text + "endmodule\n"
    }
}

/// A table as a Verilog module whose operand A is the weight. Signed operands and products are
/// declared signed.
pub fn table_to_verilog(table: &ProductTable, module: &str) -> Result<String, NetlistError> {
    Ok(Netlist::from_table(table)?.write(module, table.operands()))
}

fn diagram(table: &ProductTable, order: &[Signal; INPUTS]) -> Netlist {
    let mut builder = NetlistBuilder::default();
    // The place in the table of each leaf: bit i of a leaf's number belongs to level 15 - i.
    let places: Vec<usize> = (0..ProductTable::LEN)
        .map(|leaf| {
            let bit = |level: usize| (leaf >> (INPUTS - 1 - level) & 1) << table_bit(order[level]);
            (0..INPUTS).map(bit).sum()
        })
        .collect();
    let constants = [builder.constant(false), builder.constant(true)];
    let outputs = std::array::from_fn::<_, OUTPUTS, _>(|output| {
        let value = |&place: &usize| constants[(table.products()[place] >> output & 1) as usize];
        let mut nodes: Vec<Signal> = places.iter().map(value).collect();
        for &select in order.iter().rev() {
            let pairs = nodes.chunks_exact(2);
            // Most pairs are equal near the leaves; asking here saves calls.
            let node = |pair: &[Signal]| match *pair {
                [low, high] if low != high => builder.mux(select, high, low),
                _ => pair[0],
            };
            nodes = pairs.map(node).collect();
        }
        nodes[0]
    });
    builder.finish(outputs)
}

/// The bit of a place in a table, 256 w + a, for a signal: those of the weight come first.
fn table_bit(signal: Signal) -> usize {
    (signal as usize + 8) % INPUTS
}

/// A name that needs no escaping.
fn identifier(name: &str) -> String {
    let simple = |character: char| {
        if character.is_ascii_alphanumeric() { character } else { '_' }
    };
    let name: String = name.chars().map(simple).collect();
    let begins_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let reserved = is_keyword(&name) || is_beyond_keyword(&name);
    if begins_well && !reserved { name } else { format!("m_{name}") }
}
