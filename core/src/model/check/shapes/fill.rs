//! Operators whose output is as large as numbers say: Expand, Tile, Range and the like.

use super::super::text::list;
use super::{Checked, Node, Size, axis, broadcast, equal};

/// The size of a tensor whose shape `dims` gives.
pub(super) fn given(dims: &[i64], what: &str) -> Checked {
    let sizes = dims.iter().map(|&dim| u128::try_from(dim)).collect::<Result<Vec<_>, _>>();
    let sizes = sizes.map_err(|_| format!("{what} is {}; expected 0 or more", list(dims)))?;
    Ok(Size::of(sizes))
}

/// A constant of the graph.
pub(super) fn constant(node: &Node) -> Size {
    let sizes = node.proto.attribute.iter().map(|value| match &value.t {
        Some(tensor) => tensor.dims.iter().fold(1, |product: u128, &dim| {
            product.saturating_mul(u128::try_from(dim).unwrap_or(0))
        }),
        None => value.ints.len().max(value.floats.len()).max(1) as u128,
    });
    Size::Elements(sizes.max().unwrap_or(0))
}

pub(super) fn expand(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    let Some(target) = node.integers(1) else { return Ok(Size::Data("shape")) };
    let sizes = target.iter().map(|&size| usize::try_from(size)).collect::<Result<Vec<_>, _>>();
    let sizes = sizes.map_err(|_| format!("shape is {}; expected 0 or more", list(target)))?;
    Ok(Size::like(&broadcast(&[x, &sizes])?))
}

pub(super) fn tile(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    let Some(repeats) = node.integers(1) else { return Ok(Size::Data("repeats")) };
    equal(repeats.len(), x.len(), "number of repeats, one per dimension")?;
    let Size::Elements(copies) = given(repeats, "repeats")? else { return Ok(Size::Unknown) };
    Ok(Size::of(x.iter().map(|&dim| dim as u128).chain([copies])))
}

pub(super) fn range(node: &Node) -> Checked {
    let scalar = |index: usize| match (node.integers(index), node.floats(index)) {
        (Some(&[value]), _) => Some(value as f64),
        (_, Some(&[value])) => Some(f64::from(value)),
        _ => None,
    };
    let delta = scalar(2);
    if delta.is_some_and(|delta| delta == 0.0 || !delta.is_finite()) {
        return Err("its delta is 0 or no number, so that it never ends".into());
    }
    let (Some(start), Some(limit), Some(delta)) = (scalar(0), scalar(1), delta) else {
        return Ok(Size::Data("start, limit or delta"));
    };
    let steps = ((limit - start) / delta).ceil();
    if !steps.is_finite() {
        return Err(format!("it goes from {start} to {limit}; expected finite numbers"));
    }
    // Rounded up once more, as the exact quotient may be larger; negative means none.
    Ok(Size::Elements(if steps > 0.0 { steps as u128 + 1 } else { 0 }))
}

pub(super) fn constant_of_shape(node: &Node) -> Checked {
    match node.integers(0) {
        Some(dims) => given(dims, "its shape"),
        None => Ok(Size::Data("its shape")),
    }
}

pub(super) fn random(node: &Node) -> Checked {
    given(node.ints("shape").unwrap_or_default(), "its shape")
}

pub(super) fn multinomial(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    equal(x.len(), 2, "dimensions of its input")?;
    given(&[x[0].min(i64::MAX as usize) as i64, node.int("sample_size", 1)], "its shape")
}

pub(super) fn eye_like(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    equal(x.len(), 2, "dimensions of its input")?;
    Ok(Size::like(x))
}

pub(super) fn one_hot(node: &Node) -> Checked {
    let Some(indices) = node.shape(0) else { return Ok(Size::Unknown) };
    axis(node.int("axis", -1), indices.len() + 1)?;
    if let Some(values) = node.shape(2)
        && values != [2]
    {
        return Err(format!("its values have the shape {}; expected [2]", list(values)));
    }
    // Its type is free: depths are often floats.
    let depth = match (node.integers(1), node.floats(1)) {
        (Some(&[depth]), _) => depth as f64,
        (_, Some(&[depth])) => f64::from(depth),
        (None, None) => return Ok(Size::Data("depth")),
        _ => return Err("its depth is not one number".into()),
    };
    if depth.is_nan() || depth < 1.0 {
        return Err(format!("its depth is {depth}; expected 1 or more"));
    }
    Ok(Size::of(indices.iter().map(|&dim| dim as u128).chain([depth as u128])))
}
