//! Resize and Upsample.

use super::super::text::{count, list};
use super::{Checked, Node, Size, distinct_axes, elements, equal};

pub(super) fn resize(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    let upsample = node.proto.op_type == "Upsample" || node.opset < 11;
    let (roi, scales, sizes) = if upsample { (9, 1, 9) } else { (1, 2, 3) };
    let axes = match node.ints("axes") {
        Some(axes) => distinct_axes(axes, x.len())?,
        None => (0..x.len()).collect(),
    };
    let attribute = crate::model::attributes::floats(node.proto, "scales");
    let scale_values = attribute.or_else(|| node.floats(scales));
    // Sets 11 and 12 mark what is left out by an empty tensor.
    let empty = |index: usize| node.shape(index).is_some_and(|shape| shape.contains(&0));
    let has_scales = attribute.is_some() || (node.has(scales) && !empty(scales));
    let has_sizes = node.has(sizes) && !empty(sizes);
    if has_scales == has_sizes {
        let found = if has_scales { "both scales and sizes" } else { "neither scales nor sizes" };
        return Err(format!("it has {found}; expected one of them"));
    }
    let cropped = node.text("coordinate_transformation_mode", "") == "tf_crop_and_resize";
    if cropped && !upsample {
        let Some(shape) = node.shape(roi) else {
            return Err("its mode tf_crop_and_resize needs roi, which is left out".into());
        };
        equal(elements(shape), 2 * axes.len(), "values of roi, two per axis")?;
    }
    let mut output: Vec<u128> = x.iter().map(|&dim| dim as u128).collect();
    let number = |found: usize, what: &str| {
        let rank = count(axes.len(), "axis").replace("axiss", "axes");
        equal(found, axes.len(), &format!("number of {what} for {rank}"))
    };
    if has_sizes {
        let Some(values) = node.integers(sizes) else { return Ok(Size::Data("sizes")) };
        number(values.len(), "sizes")?;
        for (&axis, &size) in axes.iter().zip(values) {
            let grows = x[axis] == 0 && size > 0;
            output[axis] =
                u128::try_from(size).ok().filter(|&size| size > 0 && !grows).ok_or_else(|| {
                    format!(
                        "its sizes are {} for the shape {}; expected 1 or more of each, and \
                         something to take them from",
                        list(values),
                        list(x)
                    )
                })?;
        }
        if node.text("keep_aspect_ratio_policy", "stretch") == "not_smaller" {
            // All axes grow by the largest of the scales.
            let scale = |&axis: &usize| output[axis] as f64 / x[axis].max(1) as f64;
            let largest = axes.iter().map(scale).fold(0.0, f64::max);
            for &axis in &axes {
                output[axis] = (x[axis] as f64 * largest).ceil() as u128;
            }
        }
        return Ok(Size::of(output));
    }
    let Some(values) = scale_values else { return Ok(Size::Data("scales")) };
    number(values.len(), "scales")?;
    for (&axis, &scale) in axes.iter().zip(values) {
        if !(scale.is_finite() && scale > 0.0) {
            return Err(format!(
                "its scales are {}; expected finite numbers above 0",
                list(values)
            ));
        }
        // A float becomes an integer by saturation.
        let size = (x[axis] as f64 * f64::from(scale)).floor() as u128;
        if size == 0 && x[axis] > 0 {
            return Err(format!(
                "its scale {scale} leaves nothing of axis {axis}, which has the size {}",
                x[axis]
            ));
        }
        output[axis] = size;
    }
    Ok(Size::of(output))
}
