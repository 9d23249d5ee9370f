//! Operators that read or write where indices say.

use super::super::text::list;
use super::layout::with_axis;
use super::{Checked, Node, Size, at_least, elements};

/// That constant indices lie within a dimension; negative ones count from its end.
fn in_bounds(indices: Option<&[i64]>, size: usize, axis: usize) -> Result<(), String> {
    let size = size as i128;
    let outside = |&&index: &&i64| !(-size..size).contains(&i128::from(index));
    match indices.unwrap_or_default().iter().find(outside) {
        Some(index) if size == 0 => Err(format!("index {index} into axis {axis}, which is empty")),
        Some(index) => Err(format!(
            "index {index} lies outside of axis {axis}, which has the size {size}; expected {} \
             to {}",
            -size,
            size - 1
        )),
        None => Ok(()),
    }
}

pub(super) fn gather(node: &Node) -> Checked {
    let Some((x, axis)) = with_axis(node, 0)? else { return Ok(Size::Unknown) };
    in_bounds(node.integers(1), x[axis], axis)?;
    let Some(indices) = node.shape(1) else { return Ok(Size::Unknown) };
    let others = x.iter().enumerate().filter(|&(other, _)| other != axis).map(|(_, dim)| dim);
    Ok(Size::of(others.chain(indices).map(|&dim| dim as u128)))
}

/// Indices of the same rank as the data, not longer along the other axes.
fn elements_fit(x: &[usize], indices: &[usize], axis: usize) -> Result<(), String> {
    let fits = x.len() == indices.len()
        && (0..x.len()).all(|other| other == axis || indices[other] <= x[other]);
    if fits {
        return Ok(());
    }
    Err(format!(
        "its indices have the shape {}; expected as many dimensions as its data, {}, and no \
         larger sizes along axes other than {axis}",
        list(indices),
        list(x)
    ))
}

pub(super) fn gather_elements(node: &Node) -> Checked {
    let Some((x, axis)) = with_axis(node, 0)? else { return Ok(Size::Unknown) };
    let Some(indices) = node.shape(1) else { return Ok(Size::Unknown) };
    elements_fit(x, indices, axis)?;
    in_bounds(node.integers(1), x[axis], axis)?;
    Ok(Size::like(indices))
}

pub(super) fn scatter_elements(node: &Node) -> Checked {
    let Some((x, axis)) = with_axis(node, 0)? else { return Ok(Size::Unknown) };
    if let Some(indices) = node.shape(1) {
        elements_fit(x, indices, axis)?;
        in_bounds(node.integers(1), x[axis], axis)?;
        if let Some(updates) = node.shape(2)
            && updates != indices
        {
            return Err(format!(
                "its updates have the shape {}; expected that of its indices, {}",
                list(updates),
                list(indices)
            ));
        }
    }
    Ok(Size::like(x))
}

/// Checks index tuples, whose length is the indices' last dimension, from axis `first` on.
fn tuples(node: &Node, x: &[usize], indices: &[usize], first: usize) -> Result<usize, String> {
    at_least(indices, 1, "the tensor of its indices")?;
    let length = indices[indices.len() - 1];
    if length == 0 || length > x.len().saturating_sub(first) {
        return Err(format!(
            "its indices have the shape {}: tuples of {length} for data of the shape {}, of \
             which {} can be indexed",
            list(indices),
            list(x),
            x.len().saturating_sub(first)
        ));
    }
    let values = node.integers(1).unwrap_or_default();
    for axis in 0..length {
        let along: Vec<i64> = values.iter().skip(axis).step_by(length).copied().collect();
        in_bounds(Some(&along), x[first + axis], first + axis)?;
    }
    Ok(length)
}

pub(super) fn gather_nd(node: &Node) -> Checked {
    let Some((x, indices)) = node.shape(0).zip(node.shape(1)) else { return Ok(Size::Unknown) };
    let batch = usize::try_from(node.int("batch_dims", 0)).unwrap_or(usize::MAX);
    if batch >= x.len().min(indices.len()) || x[..batch] != indices[..batch] {
        return Err(format!(
            "its data of the shape {} and its indices of the shape {} do not have {batch} batch \
             dimensions in common",
            list(x),
            list(indices)
        ));
    }
    let length = tuples(node, x, indices, batch)?;
    let output = indices[..indices.len() - 1].iter().chain(&x[batch + length..]);
    Ok(Size::of(output.map(|&dim| dim as u128)))
}

pub(super) fn scatter_nd(node: &Node) -> Checked {
    let Some((x, indices)) = node.shape(0).zip(node.shape(1)) else { return Ok(Size::Unknown) };
    let length = tuples(node, x, indices, 0)?;
    if let Some(updates) = node.shape(2) {
        let expected = [&indices[..indices.len() - 1], &x[length..]].concat();
        if updates != expected {
            return Err(format!(
                "its updates have the shape {}; expected {}",
                list(updates),
                list(&expected)
            ));
        }
    }
    Ok(Size::like(x))
}

pub(super) fn non_zero(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    Ok(Size::of(x.iter().map(|&dim| dim as u128).chain([x.len().max(1) as u128])))
}

pub(super) fn top_k(node: &Node) -> Checked {
    let Some((x, axis)) = with_axis(node, -1)? else { return Ok(Size::Unknown) };
    let given = crate::model::attributes::int(node.proto, "k");
    let k = given.or_else(|| node.integers(1).and_then(|values| values.first().copied()));
    if let Some(k) = k
        && !(0..=x[axis] as i128).contains(&i128::from(k))
    {
        return Err(format!(
            "k is {k}, but axis {axis} has the size {}; expected 0 to {}",
            x[axis], x[axis]
        ));
    }
    Ok(Size::like(x))
}

pub(super) fn compress(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    let along = if crate::model::attributes::has(node.proto, "axis") {
        x[node.axis(0, x.len())?]
    } else {
        elements(x)
    };
    if let Some(condition) = node.shape(1)
        && (condition.len() != 1 || condition[0] > along)
    {
        return Err(format!(
            "its condition has the shape {}; expected one dimension of at most {along}",
            list(condition)
        ));
    }
    Ok(Size::like(x))
}
