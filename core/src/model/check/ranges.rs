//! Ranges of attributes, as far as they need no shapes.

use super::pb::attribute_proto::AttributeType;
use super::text::{count, list, shown};
use super::{MOST_AXES, MOST_EXTENT, pb, tensor, words};
use crate::model::attributes;

/// Operators that slide a window over the input.
const WINDOWS: &[&str] = &[
    "Conv",
    "ConvInteger",
    "QLinearConv",
    "ConvTranspose",
    "DeformConv",
    "MaxPool",
    "AveragePool",
    "LpPool",
    "MaxUnpool",
    "QLinearAveragePool",
    "Col2Im",
];

/// Attributes that are 0 or 1.
const FLAGS: &[&str] = &[
    "align_corners",
    "allowzero",
    "antialias",
    "ceil_mode",
    "center_point_box",
    "channels_last",
    "count_include_pad",
    "detect_negative",
    "detect_positive",
    "exclude_outside",
    "exclusive",
    "fmod",
    "input_forget",
    "interleaved",
    "inverse",
    "is_causal",
    "keepdims",
    "largest",
    "layout",
    "linear_before_reset",
    "noop_with_empty_axes",
    "onesided",
    "periodic",
    "reverse",
    "saturate",
    "select_last_index",
    "sorted",
    "spatial",
    "storage_order",
    "training_mode",
    "transA",
    "transB",
    "transBatchA",
    "transBatchB",
    "upper",
];

/// Checks the ranges of a node's attributes, which have the types of its signature.
pub(super) fn check(node: &pb::NodeProto, opset: i64) -> Result<(), String> {
    for attribute in &node.attribute {
        let checked = match AttributeType::try_from(attribute.r#type).unwrap_or_default() {
            AttributeType::Int => int(node, &attribute.name, attribute.i),
            AttributeType::Ints => ints(node, &attribute.name, &attribute.ints),
            AttributeType::Float => float(&attribute.name, attribute.f),
            AttributeType::Floats => floats(&attribute.name, &attribute.floats),
            AttributeType::String => word(node, &attribute.name, opset),
            AttributeType::SparseTensor => Err("is a sparse tensor; expected a dense one".into()),
            _ => Ok(()),
        };
        checked.map_err(|reason| format!("attribute \"{}\" {reason}", attribute.name))?;
    }
    lengths(node)?;
    whole_node(node, opset)
}

fn int(node: &pb::NodeProto, name: &str, value: i64) -> Result<(), String> {
    let operator = node.op_type.as_str();
    match name {
        "axis" | "batch_axis" | "time_axis" => within(value, -(MOST_AXES as i64), MOST_AXES as i64),
        "batch_dims" => within(value, 0, MOST_AXES as i64),
        "to" | "dtype" | "output_datatype" => tensor::named_type(value, false),
        "output_dtype" | "precision" | "softmax_precision" => tensor::named_type(value, true),
        "group" | "offset_group" | "blocksize" | "num_groups" | "num_outputs" | "hidden_size"
        | "size" | "p" | "output_height" | "output_width" | "q_num_heads" | "kv_num_heads"
        | "sample_size" => within(value, 1, MOST_EXTENT),
        "block_size" | "sampling_ratio" | "num_heads" | "rotary_embedding_dim" => {
            within(value, 0, MOST_EXTENT)
        }
        "k" if operator == "TopK" => within(value, 0, i64::MAX),
        "qk_matmul_output_mode" => within(value, 0, 3),
        _ if FLAGS.contains(&name) => within(value, 0, 1),
        _ => Ok(()),
    }
}

fn ints(node: &pb::NodeProto, name: &str, values: &[i64]) -> Result<(), String> {
    let all = |low, high| values.iter().try_for_each(|&value| within(value, low, high));
    let axes = MOST_AXES as i64;
    match name {
        "kernel_shape" | "strides" | "dilations" | "output_shape" | "pooled_shape" => {
            all(1, MOST_EXTENT)
        }
        "output_padding" => all(0, MOST_EXTENT),
        // A negative pad of a window would cut the input.
        "pads" if WINDOWS.contains(&node.op_type.as_str()) => all(0, MOST_EXTENT),
        "split" => all(0, i64::MAX),
        "shape" => tensor::elements(values)
            .map(|_| ())
            .map_err(|reason| format!("names a tensor: {reason}")),
        "axes" => {
            all(-axes, axes - 1)?;
            distinct(values)
        }
        "perm" => {
            all(0, axes - 1)?;
            distinct(values)?;
            let most = values.len() as i64 - 1;
            match values.iter().find(|&&value| value > most) {
                Some(value) => {
                    Err(format!("is no permutation: it holds {value}, and not all of 0 to {most}"))
                }
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn float(name: &str, value: f32) -> Result<(), String> {
    let sound = match name {
        "epsilon" => value.is_finite() && value >= 0.0,
        "ratio" => (0.0..1.0).contains(&value),
        "spatial_scale" => value.is_finite() && value > 0.0,
        "alpha" | "beta" | "gamma" | "lambd" | "bias" | "scale" | "softcap" | "cubic_coeff_a"
        | "p" | "momentum" => value.is_finite(),
        _ => true,
    };
    if sound {
        return Ok(());
    }
    let expected = match name {
        "epsilon" => "a finite number, 0 or more",
        "ratio" => "0 or more and less than 1",
        "spatial_scale" => "a finite number above 0",
        _ => "a finite number",
    };
    Err(format!("is {value}; expected {expected}"))
}

fn floats(name: &str, values: &[f32]) -> Result<(), String> {
    match values.iter().find(|value| !value.is_finite() || **value <= 0.0) {
        Some(value) if name == "scales" => {
            Err(format!("holds {value}; expected finite numbers above 0"))
        }
        _ => Ok(()),
    }
}

fn word(node: &pb::NodeProto, name: &str, opset: i64) -> Result<(), String> {
    let Some(allowed) = words::allowed(&node.op_type, name) else { return Ok(()) };
    let found = attributes::text(node, name).unwrap_or_default();
    if !allowed.contains(&found) {
        let found = shown(found);
        return Err(format!("is \"{found}\"; expected one of {}", allowed.join(", ")));
    }
    if node.op_type == "Pad" && found == "wrap" && opset < 19 {
        return Err("is \"wrap\", which Pad knows from operator set 19 on".into());
    }
    Ok(())
}

fn within(value: i64, low: i64, high: i64) -> Result<(), String> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    let expected = match (low, high) {
        (0, 1) => "0 or 1".to_string(),
        (_, i64::MAX) => format!("{low} or more"),
        _ => format!("{low} to {high}"),
    };
    Err(format!("holds {value}; expected {expected}"))
}

fn distinct(values: &[i64]) -> Result<(), String> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("holds {} twice: {}", pair[0], list(values))),
        None => Ok(()),
    }
}

/// The lists of one window must have one entry per spatial axis, pads two.
fn lengths(node: &pb::NodeProto) -> Result<(), String> {
    if !WINDOWS.contains(&node.op_type.as_str()) {
        return Ok(());
    }
    let mut axes: Option<(&str, usize)> = None;
    for name in ["kernel_shape", "strides", "dilations", "output_padding", "pads"] {
        let Some(values) = attributes::ints(node, name) else { continue };
        let per_axis = if name == "pads" { 2 } else { 1 };
        if values.is_empty() || values.len() % per_axis != 0 {
            return Err(format!(
                "attribute \"{name}\" has {}; expected {per_axis} for each spatial axis",
                count(values.len(), "value")
            ));
        }
        let found = values.len() / per_axis;
        match axes {
            Some((first, expected)) if expected != found => {
                return Err(format!(
                    "attribute \"{name}\" has {}, {per_axis} for each spatial axis; \
                     \"{first}\" is for {expected}",
                    count(values.len(), "value")
                ));
            }
            Some(_) => {}
            None => axes = Some((name, found)),
        }
    }
    Ok(())
}

/// What one operator asks of its attributes together.
fn whole_node(node: &pb::NodeProto, opset: i64) -> Result<(), String> {
    let training = "expected inference; export the model after model.eval()";
    match node.op_type.as_str() {
        "BatchNormalization" => {
            if attributes::int(node, "training_mode") == Some(1)
                || (opset < 14 && node.output.iter().skip(1).any(|name| !name.is_empty()))
            {
                return Err(format!("it is in training mode; {training}"));
            }
            if attributes::int(node, "spatial") == Some(0) {
                return Err("attribute \"spatial\" is 0; expected 1: one mean per channel".into());
            }
        }
        "Constant" => {
            if node.attribute.len() != 1 {
                return Err(format!(
                    "it has {}; expected one, its value",
                    count(node.attribute.len(), "attribute")
                ));
            }
            if ["value_string", "value_strings"].iter().any(|name| attributes::has(node, name)) {
                return Err("it holds text; expected numbers".into());
            }
        }
        "ConstantOfShape" => {
            let value = node.attribute.first().and_then(|attribute| attribute.t.as_ref());
            if let Some(value) = value
                && tensor::elements(&value.dims)? != 1
            {
                return Err(format!(
                    "attribute \"value\" has the shape {}; expected one element",
                    list(&value.dims)
                ));
            }
        }
        "Split" => {
            let outputs = node.output.len();
            let parts = attributes::ints(node, "split").map(|split| split.len() as i64);
            if let Some(found) = parts.or(attributes::int(node, "num_outputs"))
                && found != outputs as i64
            {
                return Err(format!("it splits into {found}, but has {outputs} outputs"));
            }
            if node.input.get(1).is_some_and(|name| !name.is_empty())
                && attributes::has(node, "num_outputs")
            {
                return Err("it has both split sizes and \"num_outputs\"; expected one".into());
            }
        }
        "Slice" if opset < 10 => {
            let length = |name| attributes::ints(node, name).map(<[i64]>::len);
            if length("starts") != length("ends")
                || length("axes").is_some_and(|axes| Some(axes) != length("starts"))
            {
                return Err("its starts, ends and axes differ in number".into());
            }
        }
        "QLinearConcat" if node.input.len() % 3 != 2 => {
            return Err(format!(
                "it has {}; expected two, and three for each tensor",
                count(node.input.len(), "input")
            ));
        }
        _ => {}
    }
    Ok(())
}
