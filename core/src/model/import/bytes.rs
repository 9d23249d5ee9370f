//! Integers of 8 bits that are stored as real numbers: inputs of the network, and what is moved of
//! them. Operators that compute with 8 bits wrap around, which real numbers do not.

use rten::Value as Tensor;
use rten_tensor::Layout;

use super::super::check::text::plain;
use super::super::legal::{takes_nearest, whole};
use super::super::pb;
use super::super::pb::tensor_proto::DataType;
use super::super::tensor::{floats, numbers};
use super::float::MOVEMENT;
use super::{Binding, Importer};

/// Operators that choose among their elements, besides those that only move them.
const CHOOSING: &[&str] = &[
    "Clip",
    "GatherElements",
    "GatherND",
    "Identity",
    "Max",
    "MaxPool",
    "Min",
    "ReduceMax",
    "ReduceMin",
    "Relu",
    "Resize",
    "ReverseSequence",
    "Sign",
    "TopK",
    "Trilu",
    "Upsample",
    "Where",
];

/// Operators that compare elements.
const COMPARING: &[&str] =
    &["ArgMax", "ArgMin", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"];

/// Others that Recoup runs on 8 bits as ONNX does, or refuses for a reason of their own.
const SOUND: &[&str] = &[
    "Cast",
    "ConvInteger",
    "DequantizeLinear",
    "MatMulInteger",
    "QGemm",
    "QuantizeLinear",
    "Shape",
    "Size",
];

/// Whether the results of a node have the type of its elements, and are among them.
fn chooses(proto: &pb::NodeProto) -> bool {
    let operator = proto.op_type.as_str();
    match operator {
        "Resize" | "Upsample" => takes_nearest(proto),
        _ => MOVEMENT.contains(&operator) || CHOOSING.contains(&operator),
    }
}

impl Importer<'_> {
    /// Checks what a node does to such integers, and notes whether it makes some.
    pub(super) fn check_bytes(&mut self, proto: &pb::NodeProto) -> std::result::Result<(), String> {
        let Some(name) = self.bytes_of(proto) else { return Ok(()) };
        let operator = proto.op_type.as_str();
        if chooses(proto) {
            // The other output of TopK are indices.
            let of_this_type = if operator == "TopK" { 1 } else { proto.output.len() };
            let named = proto.output.iter().take(of_this_type).filter(|name| !name.is_empty());
            self.bytes.extend(named.cloned());
            return Ok(());
        }
        let sound = COMPARING.contains(&operator) || SOUND.contains(&operator);
        if sound || operator.starts_with("QLinear") {
            return Ok(());
        }
        Err(format!(
            "reads \"{}\", integers of 8 bits, which Recoup holds as real numbers that do not wrap \
             around; expected an operator that moves, chooses or compares them: put a \
             DequantizeLinear or a Cast to float32 before it",
            plain(name)
        ))
    }

    /// The first input of a node that is such integers.
    fn bytes_of<'a>(&self, proto: &'a pb::NodeProto) -> Option<&'a String> {
        proto.input.iter().find(|name| self.bytes.contains(*name))
    }

    /// Gives constants of 8 bits that a node chooses from or compares with such integers the form
    /// of those; false when there are none.
    pub(super) fn bytes_beside_codes(
        &mut self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
    ) -> bool {
        let compares = chooses(proto) || COMPARING.contains(&proto.op_type.as_str());
        if !compares || self.bytes_of(proto).is_none() {
            return false;
        }
        let mut node = proto.clone();
        for (name, input) in node.input.iter_mut().zip(inputs) {
            if let Some(Binding::Constant(constant, _)) = input
                && let Tensor::Int8Tensor(_) | Tensor::UInt8Tensor(_) = **constant
                && let Some(elements) = numbers(constant)
            {
                let shape = constant.shape();
                *name = self.builder.constant(floats(&shape, elements));
            }
        }
        let changed = node.input != proto.input;
        if changed {
            self.builder.push(node);
        }
        changed
    }

    /// DequantizeLinear as a model with integer input reads it: its formula, and quantisers around
    /// it, by which the value gets the codes that it had.
    pub(super) fn dequantize_bytes(&mut self, proto: &pb::NodeProto) {
        let [codes, scale] = [&proto.input[0], &proto.input[1]];
        let zero_point = proto.input.get(2).filter(|name| !name.is_empty());
        let builder = &mut self.builder;
        let to_float = || vec![whole("to", DataType::Float as i64)];
        let codes = builder.node(proto, "Cast", &[codes], to_float());
        let from_zero = match zero_point {
            None => codes,
            Some(zero_point) => {
                let zero = builder.node(proto, "Cast", &[zero_point], to_float());
                builder.node(proto, "Sub", &[&codes, &zero], vec![])
            }
        };
        let real = builder.node(proto, "Mul", &[&from_zero, scale], vec![]);
        let mut inputs = vec![real.as_str(), scale.as_str()];
        inputs.extend(zero_point.map(String::as_str));
        let again = builder.node(proto, "QuantizeLinear", &inputs, vec![]);
        inputs[0] = &again;
        builder.last(proto, "DequantizeLinear", &inputs, vec![], &proto.output[0]);
    }
}
