//! Slice, Pad and CenterCropPad.

use super::super::text::list;
use super::{Checked, Node, Size, distinct_axes, equal};

/// What a slice leaves out of its lists: axes are the first ones, steps are 1.
pub(super) fn slice(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    let list_of = |name: &str, index: usize| node.ints(name).or_else(|| node.integers(index));
    let lists = [list_of("starts", 1), list_of("ends", 2), list_of("axes", 3), list_of("steps", 4)];
    let [starts, _, axes, steps] = lists;
    let mut known = lists.iter().flatten();
    if let Some(first) = known.next()
        && let Some(other) = known.find(|other| other.len() != first.len())
    {
        return Err(format!(
            "its starts, ends, axes and steps have different lengths: {} and {}",
            list(first),
            list(other)
        ));
    }
    if let Some(axes) = axes {
        distinct_axes(axes, x.len())?;
    } else if let Some(starts) = starts
        && starts.len() > x.len()
    {
        return Err(format!("it slices {} axes of the shape {}", starts.len(), list(x)));
    }
    if steps.is_some_and(|steps| steps.contains(&0)) {
        return Err("one of its steps is 0; expected another number".into());
    }
    Ok(Size::like(x))
}

pub(super) fn pad(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    let Some(pads) = node.ints("pads").or_else(|| node.integers(1)) else {
        return Ok(Size::Data("pads"));
    };
    let axes: Vec<usize> = match node.integers(3) {
        Some(axes) => distinct_axes(axes, x.len())?,
        None if node.has(3) => return Ok(Size::Data("axes")),
        None => (0..x.len()).collect(),
    };
    equal(pads.len(), 2 * axes.len(), "number of pads, two per axis")?;
    let mode = node.text("mode", "constant");
    let mut output: Vec<u128> = x.iter().map(|&dim| dim as u128).collect();
    for (index, &axis) in axes.iter().enumerate() {
        let (size, begin, end) = (x[axis], pads[index], pads[index + axes.len()]);
        let grown = size as i128 + i128::from(begin) + i128::from(end);
        let what = format!("it pads axis {axis}, of the size {size}, by {begin} and {end}");
        if grown < 0 || (begin < 0 && begin.unsigned_abs() > size as u64) {
            return Err(format!("{what}, which cuts off more than there is"));
        }
        let longest = i128::from(begin.max(end));
        if mode == "reflect" && longest > 0 && longest >= size as i128 {
            return Err(format!("{what}; mode reflect can add at most one less than the size"));
        }
        if mode != "constant" && size == 0 && grown > 0 {
            return Err(format!("{what}; mode {mode} has nothing to repeat"));
        }
        output[axis] = grown as u128;
    }
    Ok(Size::of(output))
}

pub(super) fn center_crop_pad(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    let Some(target) = node.integers(1) else { return Ok(Size::Data("shape")) };
    let axes = match node.ints("axes") {
        Some(axes) => distinct_axes(axes, x.len())?,
        None => (0..x.len()).collect(),
    };
    equal(target.len(), axes.len(), "sizes of shape, one per axis")?;
    let mut output: Vec<u128> = x.iter().map(|&dim| dim as u128).collect();
    for (&axis, &size) in axes.iter().zip(target) {
        output[axis] = u128::try_from(size)
            .map_err(|_| format!("its shape is {}; expected 0 or more", list(target)))?;
    }
    Ok(Size::of(output))
}
