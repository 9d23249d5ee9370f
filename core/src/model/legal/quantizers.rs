//! QuantizeLinear in the one form that the import and rten read: with a zero point of 8 bits and an
//! axis.

use std::collections::HashMap;

use rten::Value;

use super::builder::{whole, with};
use super::{Builder, Known, pb};
use crate::model::attributes::{attribute, int};
use crate::model::pb::tensor_proto::DataType;
use crate::model::tensor;

/// Gives a QuantizeLinear the zero point that it leaves out, and the axis, for which rten would take
/// the last one.
pub(super) fn completed(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let Some(Some(scale)) = known.get(1) else { return Ok(false) };
    let count = scale.shape.iter().product();
    let given = node.input.get(2).filter(|zero_point| !zero_point.is_empty());
    let kind = int(node, "output_dtype").unwrap_or(0) as i32;
    if let (Some(_), Some(Some(zero_point))) = (given, known.get(2)) {
        if kind != 0 && (kind == DataType::Int8 as i32) != zero_point.signed {
            return Err("has an output_dtype other than the type of its zero point".into());
        }
        if kind == 0 && (count == 1 || attribute(node, "axis").is_some()) {
            return Ok(false);
        }
    }
    let zero_point = match (given, DataType::try_from(kind)) {
        (Some(given), _) => given.clone(),
        (None, Ok(DataType::Undefined | DataType::Uint8)) => {
            let zeros = Value::from_shape(&scale.shape[..], vec![0u8; count]);
            builder.constant(zeros.expect("as many as scales"))
        }
        (None, Ok(DataType::Int8)) => {
            let zeros = Value::from_shape(&scale.shape[..], vec![0i8; count]);
            builder.constant(zeros.expect("as many as scales"))
        }
        (None, other) => {
            let name = other.map_or("an unknown type", |kind| kind.as_str_name());
            return Err(format!("quantises to {name}; Recoup runs uint8 and int8"));
        }
    };
    let axis = (count > 1).then(|| whole("axis", int(node, "axis").unwrap_or(1)));
    let node = with(node, &["output_dtype"], axis.into_iter().collect());
    let input = vec![node.input[0].clone(), node.input[1].clone(), zero_point];
    builder.push(pb::NodeProto { input, ..node });
    Ok(true)
}

/// The least and largest codes of constants of 4 bits, by name.
pub(super) type FourBits = HashMap<String, (i32, i32)>;

/// Writes a QuantizeLinear to 4 bits as one to 8 bits and a Clip, since a constant of 4 bits is
/// read as one of 8. `four_bits` are those of the graphs around this one; its own are added.
pub(super) fn widen(graph: &mut pb::GraphProto, four_bits: &mut FourBits) {
    four_bits.extend(graph.initializer.iter().filter_map(|constant| {
        let limits = match DataType::try_from(constant.data_type) {
            Ok(DataType::Int4) => (-8, 7),
            Ok(DataType::Uint4) => (0, 15),
            _ => return None,
        };
        Some((constant.name.clone(), limits))
    }));
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
