//! Concat and Split.

use super::super::text::list;
use super::layout::with_axis;
use super::{Checked, Node, Size, axis};

pub(super) fn concat(node: &Node) -> Checked {
    // The quantised form has its output's scale and zero point first, and three inputs a tensor.
    let quantised = node.proto.op_type == "QLinearConcat";
    let (first, step) = if quantised { (2, 3) } else { (0, 1) };
    let parts = (first..node.proto.input.len()).step_by(step);
    let Some(parts) = parts.map(|index| node.shape(index)).collect::<Option<Vec<_>>>() else {
        return Ok(Size::Unknown);
    };
    let Some(&model) = parts.first() else { return Ok(Size::Unknown) };
    let axis = axis(node.int("axis", 1), model.len())?;
    let mut length: u128 = 0;
    for part in &parts {
        let fits = part.len() == model.len()
            && (0..part.len()).all(|other| other == axis || part[other] == model[other]);
        if !fits {
            return Err(format!(
                "it joins the shapes {} and {} along axis {axis}; expected the same sizes along \
                 all other axes",
                list(model),
                list(part)
            ));
        }
        length += part[axis] as u128;
    }
    let others = model.iter().enumerate().filter(|&(other, _)| other != axis);
    Ok(Size::of(others.map(|(_, &dim)| dim as u128).chain([length])))
}

pub(super) fn split(node: &Node) -> Checked {
    let Some((x, axis)) = with_axis(node, 0)? else { return Ok(Size::Unknown) };
    let (length, outputs) = (x[axis], node.proto.output.len());
    if let Some(sizes) = node.ints("split").or_else(|| node.integers(1)) {
        let sum: i128 = sizes.iter().map(|&size| i128::from(size)).sum();
        if sizes.len() != outputs || sizes.iter().any(|&size| size < 0) || sum != length as i128 {
            return Err(format!(
                "it splits {length} along axis {axis} into {}; expected {outputs} sizes, one per \
                 output, that add up to {length}",
                list(sizes)
            ));
        }
    } else if node.has(1) {
        return Ok(Size::Data("split"));
    } else if outputs > 0 {
        // Newer sets let the last part be smaller.
        let sound = if node.opset < 18 {
            length.is_multiple_of(outputs)
        } else {
            length.div_ceil(outputs).saturating_mul(outputs - 1) <= length
        };
        if !sound {
            return Err(format!(
                "it splits {length} along axis {axis} into {outputs} equal parts; give the sizes"
            ));
        }
    }
    Ok(Size::like(x))
}
