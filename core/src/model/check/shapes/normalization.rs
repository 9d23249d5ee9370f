//! Normalisations: parameters as long as what they scale.

use super::super::text::list;
use super::{Checked, Node, Size, broadcasts_to, filled};

/// That an input is a vector with one value per channel.
fn per(node: &Node, index: usize, name: &str, length: usize) -> Result<(), String> {
    match node.shape(index) {
        Some(shape) if shape != [length] => Err(format!(
            "its {name} has the shape {}; expected {}, one value per channel",
            list(shape),
            list(&[length])
        )),
        _ => Ok(()),
    }
}

/// BatchNormalization and InstanceNormalization.
pub(super) fn per_channel(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    let instance = node.proto.op_type == "InstanceNormalization";
    filled(x, if instance { 3 } else { 1 })?;
    // A vector is one channel.
    let channels = x.get(1).copied().unwrap_or(1);
    for (index, name) in [(1, "scale"), (2, "bias"), (3, "mean"), (4, "variance")] {
        per(node, index, name, channels)?;
    }
    let epsilon = crate::model::attributes::float(node.proto, "epsilon").unwrap_or(1e-5);
    let impossible = |value: &&f32| !(value.is_finite() && **value + epsilon >= 0.0);
    if let Some(value) = node.floats(4).and_then(|values| values.iter().find(impossible)) {
        return Err(format!(
            "its variance holds {value}; expected finite numbers, 0 or more; the model was probably saved after training diverged"
        ));
    }
    Ok(Size::like(x))
}

/// LayerNormalization and RMSNormalization.
pub(super) fn layer(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    filled(x, 1)?;
    let axis = node.axis(-1, x.len())?;
    for (index, name) in [(1, "scale"), (2, "bias")] {
        if let Some(shape) = node.shape(index)
            && !broadcasts_to(shape, &x[axis..])
        {
            return Err(format!(
                "its {name} has the shape {}; expected {}, the sizes from axis {axis} on",
                list(shape),
                list(&x[axis..])
            ));
        }
    }
    Ok(Size::like(x))
}

pub(super) fn group(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    filled(x, 2)?;
    let groups = node.int("num_groups", 1);
    if !usize::try_from(groups).is_ok_and(|groups| groups > 0 && x[1].is_multiple_of(groups)) {
        return Err(format!("its {} channels do not divide into {groups} groups", x[1]));
    }
    per(node, 1, "scale", x[1])?;
    per(node, 2, "bias", x[1])?;
    Ok(Size::like(x))
}

pub(super) fn lrn(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    filled(x, 3)?;
    Ok(Size::like(x))
}
