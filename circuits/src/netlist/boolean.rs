//! Boolean functions as gates.

use super::graph::{Graph, Node};
use crate::function::Function;

impl Function {
    /// Its gates. Every pin has a value: the cell's inputs are the pins of its functions.
    pub(crate) fn build(&self, values: &[(&str, Node)], graph: &mut Graph) -> Node {
        let all = |parts: &[Self], graph: &mut Graph| -> Vec<Node> {
            parts.iter().map(|part| part.build(values, graph)).collect()
        };
        match self {
            Self::Constant(value) => graph.constant(*value),
            Self::Pin(name) => {
                let value = values.iter().find(|(pin, _)| pin == name);
                value.map_or_else(|| graph.constant(false), |&(_, node)| node)
            }
            Self::Not(inner) => {
                let inner = inner.build(values, graph);
                graph.not(inner)
            }
            Self::And(parts) => {
                let parts = all(parts, graph);
                graph.reduce(&parts, true, Graph::and)
            }
            Self::Or(parts) => {
                let parts = all(parts, graph);
                graph.reduce(&parts, false, Graph::or)
            }
            Self::Xor(parts) => {
                let parts = all(parts, graph);
                graph.reduce(&parts, false, Graph::xor)
            }
        }
    }
}
