//! yosys' cells on whole words, as they are before `techmap`: `$add`, `$mux` and the like.

use serde_json::{Map, Value};

use super::cells::CellProblem;
use super::error::NetlistError;
use super::graph::{Graph, Node};
use super::vector::Order;

/// Bits of the widest word.
const MAX_WIDTH: usize = 4096;

/// A cell with the nodes at its pins.
pub(crate) struct WordCell<'a> {
    pub kind: &'a str,
    pub parameters: &'a Map<String, Value>,
    pub pins: &'a [(&'a str, Vec<Node>)],
}

impl<'a> WordCell<'a> {
    /// The nodes at a pin; none if it is not connected.
    pub fn pin(&self, name: &str) -> &'a [Node] {
        let pin = self.pins.iter().find(|(pin, _)| *pin == name);
        pin.map_or(&[], |(_, nodes)| nodes)
    }

    /// A flag that yosys writes as a number or as a string of bits.
    fn is_set(&self, parameter: &str) -> bool {
        match self.parameters.get(parameter) {
            Some(Value::Number(number)) => number.as_u64() != Some(0),
            Some(Value::String(bits)) => bits.contains('1'),
            _ => false,
        }
    }
}

/// The value of the cell's output Y, as wide as what is connected there.
pub(crate) fn build(
    cell: &WordCell,
    graph: &mut Graph,
) -> Result<Result<Vec<Node>, CellProblem>, NetlistError> {
    const STORAGE: [&str; 8] =
        ["$dff", "$adff", "$sdff", "$aldff", "$dlatch", "$sr", "$ff", "$mem"];
    if STORAGE.iter().any(|kind| cell.kind.starts_with(kind)) {
        return Ok(Err(CellProblem::Sequential));
    }
    let (a, b, s, y) = (cell.pin("A"), cell.pin("B"), cell.pin("S"), cell.pin("Y").len());
    let widest = a.len().max(b.len()).max(s.len()).max(y);
    let unknown = |hint: &str| Ok(Err(CellProblem::Unknown(hint.to_owned())));
    if widest > MAX_WIDTH || a.is_empty() {
        return unknown("its words are empty or wider than any multiplier's");
    }
    let unary = matches!(
        &cell.kind[1..],
        "pos"
            | "not"
            | "neg"
            | "logic_not"
            | "reduce_and"
            | "reduce_or"
            | "reduce_xor"
            | "reduce_xnor"
            | "reduce_bool"
    );
    if !unary && b.is_empty() {
        return unknown("nothing is connected to its pin B, or it has none");
    }
    let a_signed = cell.is_set("A_SIGNED");
    let signed = a_signed && cell.is_set("B_SIGNED");
    let wide = |graph: &Graph, bits: &[Node], signed| graph.resize(bits.to_vec(), y, signed);
    let common = |graph: &Graph, bits: &[Node]| graph.resize(bits.to_vec(), widest, signed);
    let gate = match &cell.kind[1..] {
        "pos" => wide(graph, a, a_signed),
        "not" => {
            let a = wide(graph, a, a_signed);
            graph.invert(&a)
        }
        "neg" => {
            let a = wide(graph, a, a_signed);
            graph.negate(&a)
        }
        "reduce_and" => vec![graph.reduce(a, true, Graph::and)],
        "reduce_or" | "reduce_bool" => vec![graph.truth(a)],
        "reduce_xor" => vec![graph.reduce(a, false, Graph::xor)],
        "reduce_xnor" => {
            let odd = graph.reduce(a, false, Graph::xor);
            vec![graph.not(odd)]
        }
        "logic_not" => {
            let any = graph.truth(a);
            vec![graph.not(any)]
        }
        "logic_and" | "logic_or" => {
            let (a, b) = (graph.truth(a), graph.truth(b));
            vec![if cell.kind == "$logic_and" { graph.and(a, b) } else { graph.or(a, b) }]
        }
        "and" | "or" | "xor" | "xnor" | "add" | "sub" | "mul" => {
            let (a, b) = (wide(graph, a, signed), wide(graph, b, signed));
            match cell.kind {
                "$and" => graph.bitwise(&a, &b, Graph::and),
                "$or" => graph.bitwise(&a, &b, Graph::or),
                "$xor" => graph.bitwise(&a, &b, Graph::xor),
                "$add" => graph.add(&a, &b),
                "$sub" => graph.subtract(&a, &b),
                "$mul" => graph.multiply(&a, &b)?,
                _ => {
                    let different = graph.bitwise(&a, &b, Graph::xor);
                    graph.invert(&different)
                }
            }
        }
        "eq" | "eqx" | "ne" | "nex" => {
            let (a, b) = (common(graph, a), common(graph, b));
            let equal = graph.equal(&a, &b);
            vec![if cell.kind.starts_with("$eq") { equal } else { graph.not(equal) }]
        }
        order @ ("lt" | "le" | "gt" | "ge") => {
            let order = match order {
                "lt" => Order::Less,
                "le" => Order::LessEqual,
                "gt" => Order::Greater,
                _ => Order::GreaterEqual,
            };
            let (a, b) = (common(graph, a), common(graph, b));
            vec![graph.compare(order, &a, &b, signed)]
        }
        "shl" | "sshl" => {
            let a = wide(graph, a, a_signed);
            graph.shift_by(a, b, Graph::shift_left)
        }
        "shr" | "sshr" => {
            let fill = a_signed && cell.kind == "$sshr";
            let a = graph.resize(a.to_vec(), a.len().max(y), a_signed);
            graph.shift_by(a, b, |graph, bits, by| graph.shift_right(bits, by, fill))
        }
        "mux" if s.len() == 1 && a.len() == b.len() => graph.choose(s[0], b, a),
        "pmux" if !s.is_empty() && b.len() == a.len() * s.len() => {
            let mut value = a.to_vec();
            for (&select, word) in s.iter().zip(b.chunks(a.len())) {
                value = graph.choose(select, word, &value);
            }
            value
        }
        _ => return unknown("run `techmap; simplemap` in yosys before write_json"),
    };
    graph.check_size()?;
    let signed = false; // What is narrower than Y is a truth value.
    Ok(Ok(graph.resize(gate, y, signed)))
}
