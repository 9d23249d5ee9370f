//! Operators that work element by element: chains of them that are functions of one tensor, and
//! products of two.

use super::{Graph, Node, NodeKind, Value, ValueId};

/// Operators each element of whose output depends on those at its place in the inputs alone.
const ELEMENTWISE: &[&str] = &[
    "Abs",
    "Acos",
    "Acosh",
    "Add",
    "And",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "Ceil",
    "Clip",
    "Cos",
    "Cosh",
    "Div",
    "Elu",
    "Equal",
    "Erf",
    "Exp",
    "Floor",
    "Gelu",
    "Greater",
    "GreaterOrEqual",
    "HardSigmoid",
    "HardSwish",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Log",
    "Max",
    "Min",
    "Mod",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "PRelu",
    "Pow",
    "QuickGelu",
    "Reciprocal",
    "Relu",
    "Round",
    "Sigmoid",
    "Sign",
    "Sin",
    "Sinh",
    "Softsign",
    "Sqrt",
    "Sub",
    "Sum",
    "Swish",
    "Tan",
    "Tanh",
    "Where",
    "Xor",
];

impl Graph {
    /// The tensor that a node's output is a function of, element by element, if it is of one:
    /// `root` tells of each input which tensor it is a function of, or itself.
    pub(crate) fn function_of(
        &self,
        node: &Node,
        root: impl Fn(ValueId) -> Option<ValueId>,
    ) -> Option<ValueId> {
        let (&first, &output) = (node.inputs.first()?, node.outputs.first()?);
        let elementwise = match (&node.kind, &node.source) {
            (NodeKind::Quantize, _) => true,
            (NodeKind::Add | NodeKind::Clip { .. } | NodeKind::Operator { .. }, Some(source)) => {
                ELEMENTWISE.contains(&source.operator()) && source.constants_are_numbers()
            }
            _ => false,
        };
        let shape = &self.values[output].shape;
        let same_shape = node.inputs.iter().all(|&input| self.values[input].shape == *shape);
        let of = root(first).filter(|_| elementwise && same_shape && node.outputs.len() == 1)?;
        node.inputs.iter().all(|&input| root(input) == Some(of)).then_some(of)
    }

    /// The factors of a node that multiplies two tensors, the smaller one last: of one shape, or one
    /// with a number for each channel.
    pub(crate) fn factors(&self, node: &Node) -> Option<[ValueId; 2]> {
        let source = node.source.as_ref().filter(|source| source.operator() == "Mul")?;
        let &[left, right] = &node.inputs[..] else { return None };
        let [a, b] = [left, right].map(|value| &self.values[value]);
        let output = &self.values[node.outputs[0]];
        if source.constants_are_numbers() && a.shape == output.shape && repeats(b, a) {
            Some([left, right])
        } else if source.constants_are_numbers() && b.shape == output.shape && repeats(a, b) {
            Some([right, left])
        } else {
            None
        }
    }
}

/// Whether the elements of `small`, over and over, broadcast to `large` in its storage order.
fn repeats(small: &Value, large: &Value) -> bool {
    match (&small.shape[..], &large.shape[..]) {
        (small, large) if small == large => true,
        (&[1, channels, 1, 1], &[1, of, _, _]) => channels == of,
        (small, large) if small.len() == large.len() && small.len() != 4 => {
            let ones = small.iter().take_while(|&&extent| extent == 1).count();
            small[ones..] == large[ones..]
        }
        _ => false,
    }
}
