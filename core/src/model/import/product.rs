//! MatMul of two activations, and what attention has between two of them.
//!
//! All matrices of a product are one layer: a 1 x 1 convolution with a group for each matrix. Its
//! codes stream as rows `[row][matrix][depth]`, the other operand is loaded as
//! `[matrix][column][depth]`, and the result is `[row][matrix][column]`. With the matrices of several
//! heads this is the order of a transformer's own rows, whose transposes thus cancel.

use std::sync::Arc;

use recoup_kernels::ConvShape;

use super::super::attributes::int;
use super::super::operator::{Feed, Source};
use super::super::tensor::scalar;
use super::super::{Attention, LoadedOperand, Mac, Node, NodeKind, Operand, ValueId, pb};
use super::{Binding, Importer, Result, mac, movement, node_name, storage_order};

/// A stack of matrices as rows, `[row][matrix][column]`.
#[derive(Clone)]
pub(super) struct Rows {
    /// The tensor in this order, as `rows * matrices` rows.
    value: ValueId,
    /// Extents of the stack.
    stack: Vec<usize>,
    rows: usize,
    columns: usize,
    /// The layer that makes it, if one does.
    layer: Option<usize>,
}

impl Rows {
    fn matrices(&self) -> usize {
        self.stack.iter().product()
    }
}

/// Imports a MatMul as a layer, if both operands are stacks of matrices.
pub(super) fn matmul(
    importer: &mut Importer,
    proto: &pb::NodeProto,
    inputs: &[Option<Binding>],
) -> Result<bool> {
    let &[Some(Binding::Value(left)), Some(Binding::Value(right))] = inputs else {
        return Ok(false);
    };
    let shapes = [left, right].map(|value| importer.value(value).shape.clone());
    let [Some(of_left), Some(of_right)] = [&shapes[0], &shapes[1]].map(|shape| matrix(shape))
    else {
        return Ok(false);
    };
    let ((stack_left, [rows, depth]), (stack_right, [inner, columns])) = (of_left, of_right);
    // rten says what is wrong with other operands.
    let Some(stack) = broadcast(stack_left, stack_right).filter(|_| inner == depth) else {
        return Ok(false);
    };
    let matrices: usize = stack.iter().product();
    let volume = matrices * rows * columns;
    if volume * depth == 0
        || (volume + matrices * depth * (rows + columns)) > movement::MOST_ELEMENTS
    {
        return Ok(false);
    }
    importer.multiplies_activations = true;
    if importer.attention == Attention::Float {
        return Ok(false);
    }
    let shape = ConvShape {
        groups: matrices,
        ..ConvShape::linear(rows, matrices * depth, matrices * columns)
    };
    let streamed = importer.rows.get(&left).filter(|it| it.stack == stack).map(|it| it.value);
    let streamed = streamed.unwrap_or_else(|| {
        let starts = starts(stack_left, &stack, rows * depth);
        let row = |row: usize| {
            let starts = starts.iter();
            starts.flat_map(move |start| (0..depth).map(move |k| start + row * depth + k))
        };
        let elements = (0..rows).flat_map(row);
        importer.gathered(proto, left, elements, vec![rows, matrices * depth])
    });
    let starts = starts(stack_right, &stack, depth * columns);
    let column = |start: &usize| {
        let start = *start;
        (0..columns).flat_map(move |n| (0..depth).map(move |k| start + k * columns + n))
    };
    let elements = starts.iter().flat_map(column);
    let loaded = importer.gathered(proto, right, elements, vec![matrices * columns, depth]);
    // Exchanging them is a choice that depends on the multiplier.
    let operand = Operand::Value { factor: 1.0, operand: LoadedOperand::Second };
    let mac = Mac { shape, loaded: operand, bias: vec![0.0; matrices * columns] };
    let value = importer.new_rows(proto, rows * matrices, columns);
    let layer = mac::add_mac(importer, proto, mac, vec![streamed, loaded], value)?;
    importer.bind_rows(proto, Rows { value, stack, rows, columns, layer: Some(layer) });
    Ok(true)
}

/// Multiplies a layer's result by a number, if nothing else reads it.
pub(super) fn scale(
    importer: &mut Importer,
    proto: &pb::NodeProto,
    inputs: &[Option<Binding>],
) -> bool {
    let (value, by) = match (proto.op_type.as_str(), inputs) {
        (_, [Some(Binding::Value(value)), Some(Binding::Constant(by, _))])
        | ("Mul", [Some(Binding::Constant(by, _)), Some(Binding::Value(value))]) => (*value, by),
        _ => return false,
    };
    let Some(rows) = importer.read_once(value) else { return false };
    let number = scalar::<f32>(by).map(|by| if proto.op_type == "Div" { 1.0 / by } else { by });
    // A constant of higher rank would add axes.
    let keeps_shape = rten_tensor::Layout::ndim(&**by) <= importer.value(value).shape.len();
    let (Some(by), Some(layer), true) = (number, rows.layer, keeps_shape) else { return false };
    let NodeKind::Mac(mac) = &mut importer.nodes[layer].kind else { return false };
    let Operand::Value { factor, .. } = &mut mac.loaded else { return false };
    if !(*factor * by).is_normal() {
        return false;
    }
    *factor *= by;
    importer.nodes[layer].operator.push_str(&format!("+{}", proto.op_type));
    importer.values[rows.value].tensor.clone_from(&proto.output[0]);
    importer.rename(&proto.output[0], value);
    true
}

/// Softmax over the columns of a layer's result, if nothing else reads it: row by row, in its order.
pub(super) fn softmax(
    importer: &mut Importer,
    proto: &pb::NodeProto,
    inputs: &[Option<Binding>],
) -> bool {
    let &[Some(Binding::Value(input))] = inputs else { return false };
    let rank = importer.value(input).shape.len() as i64;
    let axis = int(proto, "axis").unwrap_or(if importer.opset < 13 { 1 } else { -1 });
    let Some(rows) = importer.read_once(input).filter(|_| axis == -1 || axis == rank - 1) else {
        return false;
    };
    let value = importer.new_rows(proto, rows.rows * rows.matrices(), rows.columns);
    let of_rows = pb::NodeProto { attribute: Vec::new(), ..proto.clone() };
    // Over the last of two axes: with or without the default of operator set 13 the same.
    let source = Source::new(&of_rows, vec![Feed::Runtime], &importer.opsets);
    importer.nodes.push(Node {
        name: super::plain(node_name(proto)),
        operator: proto.op_type.clone(),
        kind: NodeKind::Operator { exact_because: None },
        inputs: vec![rows.value],
        outputs: vec![value],
        source: Some(Arc::new(source)),
    });
    importer.bind_rows(proto, Rows { value, layer: None, ..rows });
    true
}

impl Importer<'_> {
    /// The rows of a value that one node reads.
    fn read_once(&self, value: ValueId) -> Option<Rows> {
        let rows = self.rows.get(&value)?;
        let read_once = self.uses.get(self.values[value].name.as_str()) == Some(&1);
        read_once.then(|| rows.clone())
    }

    /// A Movement that takes these elements of `input`, by their ONNX order, to a matrix.
    fn gathered(
        &mut self,
        proto: &pb::NodeProto,
        input: ValueId,
        elements: impl Iterator<Item = usize>,
        shape: Vec<usize>,
    ) -> ValueId {
        let runs = movement::gathered(&self.values[input].shape, elements);
        let (name, tensor) = (&self.values[input].name, self.values[input].tensor.clone());
        let output = self.add_value(&format!("{name}/rows"), &tensor, shape);
        self.values[output].quantization = self.values[input].quantization;
        let kind = NodeKind::Movement(runs);
        self.add_node(node_name(proto), "(layout)", kind, vec![input], output);
        output
    }

    /// A value for rows that a node makes.
    fn new_rows(&mut self, proto: &pb::NodeProto, rows: usize, columns: usize) -> ValueId {
        let tensor = &proto.output[0];
        self.add_value(&format!("{tensor}/rows"), tensor, vec![rows, columns])
    }

    /// Binds the node's output to the stack of matrices that `rows` are.
    fn bind_rows(&mut self, proto: &pb::NodeProto, of: Rows) {
        let Rows { rows, columns, .. } = of;
        let matrices = of.matrices();
        let mut shape = of.stack.clone();
        shape.extend([rows, columns]);
        let elements = storage_order(&shape).map(|element| {
            let (matrix, row) = (element / (rows * columns), element / columns % rows);
            (row * matrices + matrix) * columns + element % columns
        });
        let runs = movement::gathered(&[rows * matrices, columns], elements);
        let output = self.new_output(proto, shape);
        let kind = NodeKind::Movement(runs);
        self.add_node(node_name(proto), "(layout)", kind, vec![of.value], output);
        self.rows.insert(output, of);
    }
}

/// A stack of matrices: the extents of the stack, rows and columns.
fn matrix(shape: &[usize]) -> Option<(&[usize], [usize; 2])> {
    shape.split_last_chunk().map(|(stack, &matrix)| (stack, matrix))
}

/// The extents of two stacks together.
fn broadcast(left: &[usize], right: &[usize]) -> Option<Vec<usize>> {
    let rank = left.len().max(right.len());
    let extent = |stack: &[usize], axis: usize| {
        (axis + stack.len()).checked_sub(rank).map_or(1, |axis| stack[axis])
    };
    let extents = (0..rank).map(|axis| match (extent(left, axis), extent(right, axis)) {
        (1, extent) | (extent, 1) => Some(extent),
        (extent, other) => (extent == other).then_some(extent),
    });
    extents.collect()
}

/// For each matrix of the common `stack`, where the one of `own` begins that takes part.
fn starts(own: &[usize], stack: &[usize], volume: usize) -> Vec<usize> {
    let mut starts = vec![0];
    let own_from = stack.len() - own.len();
    for (axis, &extent) in stack.iter().enumerate() {
        let of_own = axis.checked_sub(own_from).map_or(1, |axis| own[axis]);
        let next = |start: usize| {
            (0..extent).map(move |at| start * of_own + if of_own == 1 { 0 } else { at })
        };
        starts = starts.into_iter().flat_map(next).collect();
    }
    starts.into_iter().map(|start| start * volume).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_broadcast_as_numpy_does() {
        assert_eq!(broadcast(&[2, 3], &[3]), Some(vec![2, 3]));
        assert_eq!(broadcast(&[2, 1], &[3]), Some(vec![2, 3]));
        assert_eq!(broadcast(&[], &[]), Some(vec![]));
        assert_eq!(broadcast(&[2], &[3]), None);
        assert_eq!(starts(&[2, 3], &[2, 3], 10), [0, 10, 20, 30, 40, 50]);
        assert_eq!(starts(&[3], &[2, 3], 10), [0, 10, 20, 0, 10, 20]);
        assert_eq!(starts(&[2, 1], &[2, 3], 10), [0, 0, 0, 10, 10, 10]);
        assert_eq!(starts(&[], &[2], 10), [0, 0]);
    }
}
