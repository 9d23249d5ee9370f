//! Operators that give the same elements another shape or order.

use super::super::text::list;
use super::{Checked, Node, Size, at_least, axis, distinct_axes, equal};

pub(super) fn reshape(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    if let Some(target) = node.integers(1) {
        check_reshape(x, target, node.int("allowzero", 0) == 1)?;
    }
    Ok(Size::like(x))
}

fn check_reshape(x: &[usize], target: &[i64], allow_zero: bool) -> Result<(), String> {
    let shapes = || format!("its input has the shape {}, its target is {}", list(x), list(target));
    let mut product: u128 = 1;
    let mut open = 0;
    for (axis, &size) in target.iter().enumerate() {
        let size = match size {
            -1 => {
                open += 1;
                1
            }
            0 if !allow_zero => *x.get(axis).ok_or_else(|| {
                format!("{}: 0 at {axis} copies a dimension that is not there", shapes())
            })? as u128,
            size => u128::try_from(size)
                .map_err(|_| format!("{}; sizes are -1 (one of them), 0 or more", shapes()))?,
        };
        product = product.saturating_mul(size);
    }
    let elements = x.iter().fold(1u128, |product, &dim| product.saturating_mul(dim as u128));
    if open > 1 || (open == 1 && allow_zero && target.contains(&0)) {
        return Err(format!("{}: more than one size is open", shapes()));
    }
    let fits = match open {
        0 => product == elements,
        _ if product == 0 => false,
        _ => elements.is_multiple_of(product),
    };
    if fits {
        return Ok(());
    }
    Err(format!("{}, which needs {product}{} elements instead of {elements}", shapes(), {
        if open == 1 { " or a multiple of it" } else { "" }
    }))
}

pub(super) fn flatten(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    // One past the last axis is allowed here.
    if node.int("axis", 1) != x.len() as i64 {
        node.axis(1, x.len())?;
    }
    Ok(Size::like(x))
}

pub(super) fn squeeze(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    for axis in distinct_axes(node.axes(1).unwrap_or_default(), x.len())? {
        if x[axis] != 1 {
            return Err(format!(
                "it removes axis {axis} of the shape {}, which has the size {}; expected 1",
                list(x),
                x[axis]
            ));
        }
    }
    Ok(Size::like(x))
}

pub(super) fn unsqueeze(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    if let Some(axes) = node.axes(1) {
        distinct_axes(axes, x.len().saturating_add(axes.len()))
            .map_err(|reason| format!("{reason} (counted in the output)"))?;
    }
    Ok(Size::like(x))
}

pub(super) fn transpose(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    if let Some(perm) = node.ints("perm") {
        equal(perm.len(), x.len(), "values of perm, one per dimension of the input")?;
        distinct_axes(perm, x.len()).map_err(|reason| format!("perm: {reason}"))?;
    }
    Ok(Size::like(x))
}

/// DepthToSpace and SpaceToDepth.
pub(super) fn blocks(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    at_least(x, 4, "its input")?;
    equal(x.len(), 4, "dimensions of its input")?;
    let block = node.int("blocksize", 1);
    let size = usize::try_from(block).ok().filter(|&size| size > 0);
    let size = size.ok_or_else(|| format!("blocksize is {block}; expected 1 or more"))?;
    let divided = if node.proto.op_type == "DepthToSpace" {
        size.checked_mul(size).is_some_and(|square| x[1].is_multiple_of(square))
    } else {
        x[2].is_multiple_of(size) && x[3].is_multiple_of(size)
    };
    if divided {
        return Ok(Size::like(x));
    }
    Err(format!("its input of the shape {} does not divide into blocks of {block}", list(x)))
}

/// The axis of an operator, and its input.
pub(super) fn with_axis<'a>(
    node: &Node<'a>,
    default: i64,
) -> Result<Option<(&'a [usize], usize)>, String> {
    let Some(x) = node.shape(0) else { return Ok(None) };
    Ok(Some((x, axis(node.int("axis", default), x.len())?)))
}
