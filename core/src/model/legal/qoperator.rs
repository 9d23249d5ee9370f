//! Operators on codes (QLinearConv and its relatives) as the operators between DequantizeLinear and
//! QuantizeLinear that they stand for, with the same codes.

use std::sync::Arc;

use rten::Value;

use crate::model::tensor::{self, numbers};

use super::builder::{list, whole, with};
use super::{Builder, Known, norms, pb};
use crate::model::attributes::{float, int};

/// A node on codes, with what is known of its inputs.
struct OnCodes<'a> {
    builder: &'a mut Builder,
    node: &'a pb::NodeProto,
    known: &'a [Option<Known>],
}

/// Rewrites the operators of which each input has a scale of its own.
pub(super) fn rewrite(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
    opset: i64,
) -> Result<bool, String> {
    let mut on_codes = OnCodes { builder, node, known };
    match node.op_type.as_str() {
        "QLinearConv" => on_codes.conv(),
        "QLinearMatMul" => on_codes.matmul(),
        "QGemm" => on_codes.gemm(),
        "QLinearAdd" | "QLinearMul" => {
            let operator = &node.op_type["QLinear".len()..];
            let inputs = [on_codes.real(0, None), on_codes.real(3, None)];
            let y = on_codes.real_node(operator, &inputs);
            on_codes.coded(&y, 6)
        }
        "QLinearConcat" => {
            let inputs: Vec<_> =
                (2..node.input.len()).step_by(3).map(|at| on_codes.real(at, None)).collect();
            let y = on_codes.real_node("Concat", &inputs);
            on_codes.coded(&y, 0)
        }
        "QLinearAveragePool" | "QLinearGlobalAveragePool" => on_codes.pool(),
        "QLinearSoftmax" => on_codes.softmax(opset),
        _ => {
            let x = on_codes.real(0, None);
            let y = on_codes.real_node(&node.op_type["QLinear".len()..], &[x]);
            on_codes.coded(&y, 3)
        }
    }
}

impl OnCodes<'_> {
    fn input(&self, index: usize) -> &str {
        self.node.input.get(index).map_or("", String::as_str)
    }

    fn known(&self, index: usize) -> Option<&Known> {
        self.known.get(index)?.as_ref()
    }

    fn constant(&self, index: usize) -> Option<&Arc<Value>> {
        self.known(index)?.constant.as_ref()
    }

    fn rank(&self, index: usize) -> usize {
        self.known(index).map_or(0, |known| known.shape.len())
    }

    /// The zero point at an input, or that of no offset, of the type of the codes at `codes`.
    fn zero_point(&mut self, index: usize, codes: usize) -> String {
        if !self.input(index).is_empty() {
            return self.input(index).into();
        }
        let zero = match self.known(codes).is_some_and(|known| known.signed) {
            true => Value::from_shape([], vec![0i8]).expect("one element"),
            false => Value::from_shape([], vec![0u8]).expect("one element"),
        };
        self.builder.constant(zero)
    }

    /// The real values of the codes at `index`, whose scale and zero point are the next two inputs.
    fn real(&mut self, index: usize, axis: Option<usize>) -> String {
        let (codes, scale) = (self.input(index).to_string(), self.input(index + 1).to_string());
        let zero_point = self.zero_point(index + 2, index);
        let axis = axis.map(|axis| whole("axis", axis as i64));
        let inputs = [&codes[..], &scale, &zero_point];
        self.builder.node(self.node, "DequantizeLinear", &inputs, axis.into_iter().collect())
    }

    /// The node's real counterpart, with the node's own attributes.
    fn real_node(&mut self, operator: &str, inputs: &[String]) -> String {
        let own = ["channels_last", "opset"];
        let attributes = with(self.node, &own, vec![]).attribute;
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        self.builder.node(self.node, operator, &inputs, attributes)
    }

    /// Codes of `real`, with the scale at input `scale`, as the node's output.
    fn coded(&mut self, real: &str, scale: usize) -> Result<bool, String> {
        let first = if self.node.op_type == "QLinearConcat" { 2 } else { 0 };
        let zero_point = self.zero_point(scale + 1, first);
        let inputs = [real, &self.node.input[scale], &zero_point];
        self.builder.last(self.node, "QuantizeLinear", &inputs, vec![], &self.node.output[0]);
        Ok(true)
    }

    /// The int32 bias at `index` as real values: its scale is that of the products, s_x s_w.
    fn bias(&mut self, index: usize, factor: f32) -> Result<String, String> {
        let scales = |index| self.constant(index).and_then(|scale| numbers::<f32>(scale));
        let (Some(x), Some(w)) = (scales(1), scales(4)) else {
            return Err("has a bias, and scales that are not constant".into());
        };
        let [x] = x[..] else {
            return Err("has a scale per channel; activations need one scale per tensor".into());
        };
        let scales: Vec<f32> = w.iter().map(|w| factor * x * w).collect();
        let shape = if scales.len() == 1 { vec![] } else { vec![scales.len()] };
        let last = self.rank(index).saturating_sub(1);
        let axis = (scales.len() > 1).then(|| whole("axis", last as i64));
        let scale = self.builder.constant(tensor::floats(&shape, scales));
        let inputs = [self.input(index), &scale].map(str::to_string);
        let inputs = [&inputs[0][..], &inputs[1]];
        let attributes = axis.into_iter().collect();
        Ok(self.builder.node(self.node, "DequantizeLinear", &inputs, attributes))
    }

    fn conv(&mut self) -> Result<bool, String> {
        let mut inputs = vec![self.real(0, None), self.real(3, Some(0))];
        if !self.input(8).is_empty() {
            inputs.push(self.bias(8, 1.0)?);
        }
        let y = self.real_node("Conv", &inputs);
        self.coded(&y, 6)
    }

    fn matmul(&mut self) -> Result<bool, String> {
        let last = self.rank(3).saturating_sub(1);
        let inputs = [self.real(0, None), self.real(3, Some(last))];
        let y = self.real_node("MatMul", &inputs);
        self.coded(&y, 6)
    }

    fn gemm(&mut self) -> Result<bool, String> {
        let transposed = int(self.node, "transB").unwrap_or(0) != 0;
        let mut inputs = vec![self.real(0, None), self.real(3, Some(usize::from(!transposed)))];
        if !self.input(6).is_empty() {
            let alpha = float(self.node, "alpha").unwrap_or(1.0);
            inputs.push(self.bias(6, alpha)?);
        }
        let y = self.real_node("Gemm", &inputs);
        if self.input(7).is_empty() {
            self.builder.last(self.node, "Identity", &[&y], vec![], &self.node.output[0]);
            return Ok(true);
        }
        self.coded(&y, 7)
    }

    fn pool(&mut self) -> Result<bool, String> {
        let operator = &self.node.op_type["QLinear".len()..];
        let mut x = self.real(0, None);
        let channels_last = int(self.node, "channels_last").unwrap_or(0) != 0;
        let rank = self.rank(0) as i64;
        if channels_last {
            let order: Vec<i64> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
            x = self.transposed(&x, &order);
        }
        let mut y = self.real_node(operator, &[x]);
        if channels_last {
            let order: Vec<i64> = [0].into_iter().chain(2..rank).chain([1]).collect();
            y = self.transposed(&y, &order);
        }
        self.coded(&y, 3)
    }

    fn transposed(&mut self, x: &str, order: &[i64]) -> String {
        let order = vec![list("perm", order)];
        self.builder.node(self.node, "Transpose", &[x], order)
    }

    /// Its attribute `opset` says whether the axes behind `axis` are normalised with it.
    fn softmax(&mut self, opset: i64) -> Result<bool, String> {
        let x = self.real(0, None);
        let rank = self.rank(0) as i64;
        let flat = int(self.node, "opset").unwrap_or(opset) < 13;
        let axis = int(self.node, "axis").unwrap_or(-1);
        let last = axis == -1 || axis == rank - 1;
        let y = if flat && !last {
            let shape = self.known(0).map_or(vec![], |known| known.shape.clone());
            let (soft, shape) =
                norms::flattened(self.builder, self.node, "Softmax", &x, &shape, axis);
            self.builder.node(self.node, "Reshape", &[&soft, &shape], vec![])
        } else if last || opset >= 13 {
            let axis = vec![whole("axis", if last { -1 } else { axis })];
            self.builder.node(self.node, "Softmax", &[&x], axis)
        } else {
            return Err(format!(
                "has axis {axis} and opset 13 in a model of operator set {opset}; expected the \
                 last axis"
            ));
        };
        self.coded(&y, 3)
    }
}

/// MatMulInteger and ConvInteger: products of codes without their offsets, which are codes of scale
/// 1. What follows multiplies by the scales.
pub(super) fn integer(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let mut on_codes = OnCodes { builder, node, known };
    let operator = &node.op_type[..node.op_type.len() - "Integer".len()];
    let mut inputs = Vec::with_capacity(2);
    for index in 0..2 {
        let zero_point = on_codes.zero_point(index + 2, index);
        let count = match on_codes.known(index + 2) {
            Some(zero) => zero.shape.iter().product(),
            None => 1,
        };
        let shape: &[usize] = if count == 1 { &[] } else { &[count] };
        let ones = on_codes.builder.constant(tensor::floats(shape, vec![1.0; count]));
        let filters = match operator {
            "Conv" => 0,
            _ => on_codes.rank(index).saturating_sub(1),
        };
        let axis = (count > 1).then(|| whole("axis", filters as i64));
        let codes = on_codes.input(index).to_string();
        let operands = [&codes[..], &ones, &zero_point];
        let axis = axis.into_iter().collect();
        inputs.push(on_codes.builder.node(node, "DequantizeLinear", &operands, axis));
    }
    let inputs = [&inputs[0][..], &inputs[1]];
    on_codes.builder.last(node, operator, &inputs, node.attribute.clone(), &node.output[0]);
    Ok(true)
}
