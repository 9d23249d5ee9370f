//! QuantizeLinear in the one form that the import and rten read: with a zero point of 8 bits.

use std::collections::HashMap;

use rten::Value;

use super::builder::{int, with};
use super::{Builder, Known, pb};
use crate::model::pb::tensor_proto::DataType;
use crate::model::tensor;

/// Gives a QuantizeLinear the zero point that it leaves out.
pub(super) fn with_zero_point(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    if node.input.get(2).is_some_and(|zero_point| !zero_point.is_empty()) {
        return Ok(false);
    }
    let Some(Some(scale)) = known.get(1) else { return Ok(false) };
    let count = scale.shape.iter().product();
    let kind = int(node, "output_dtype").unwrap_or(0) as i32;
    let zeros = match DataType::try_from(kind) {
        Ok(DataType::Undefined | DataType::Uint8) => {
            Value::from_shape(&scale.shape[..], vec![0u8; count]).expect("as many as scales")
        }
        Ok(DataType::Int8) => {
            Value::from_shape(&scale.shape[..], vec![0i8; count]).expect("as many as scales")
        }
        other => {
            let name = other.map_or("an unknown type", |kind| kind.as_str_name());
            return Err(format!("quantises to {name}; Recoup runs uint8 and int8"));
        }
    };
    let zeros = builder.constant(zeros);
    let input = vec![node.input[0].clone(), node.input[1].clone(), zeros];
    builder.push(pb::NodeProto { input, ..with(node, &["output_dtype"], vec![]) });
    Ok(true)
}

/// Writes a QuantizeLinear to 4 bits as one to 8 bits and a Clip, since a constant of 4 bits is
/// read as one of 8.
pub(super) fn widen(graph: &mut pb::GraphProto) {
    let four_bits = graph.initializer.iter().filter_map(|constant| {
        let (low, high) = match DataType::try_from(constant.data_type) {
            Ok(DataType::Int4) => (-8, 7),
            Ok(DataType::Uint4) => (0, 15),
            _ => return None,
        };
        Some((constant.name.clone(), (low, high)))
    });
    let four_bits: HashMap<String, (i32, i32)> = four_bits.collect();
    if four_bits.is_empty() {
        return;
    }
    let mut builder = Builder::new(graph);
    for mut node in std::mem::take(&mut graph.node) {
        let limits = node.input.get(2).and_then(|zero_point| four_bits.get(zero_point));
        let Some(&(low, high)) = limits.filter(|_| node.op_type == "QuantizeLinear") else {
            graph.node.push(node);
            continue;
        };
        let bounds = [low, high].map(|bound| {
            let bound = tensor::codes(&tensor::integers(&[], vec![bound]), low < 0);
            builder.constant(bound.expect("fits 8 bits"))
        });
        let output = std::mem::replace(&mut node.output[0], builder.fresh());
        builder.last(&node, "Clip", &[&node.output[0], &bounds[0], &bounds[1]], vec![], &output);
        let (clip, constants) = builder.take();
        graph.node.push(node);
        graph.node.extend(clip);
        let protos = constants.iter().map(|(name, value)| tensor::to_proto(name, value));
        graph.initializer.extend(protos);
    }
}
