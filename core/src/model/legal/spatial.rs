//! Blocks of pixels as channels, and resizing.

use rten_tensor::Layout;

use crate::model::tensor::{self, numbers};

use super::builder::{list, whole, with};
use super::{Builder, Known, pb};
use crate::model::attributes::{attribute, int, ints, text};

/// The pixels of each block become channels, in the order of the block's rows.
pub(super) fn space_to_depth(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let Some(Some(input)) = known.first() else { return Ok(false) };
    let block = int(node, "blocksize").unwrap_or(1).max(1) as usize;
    let &[batch, channels, height, width] = &input.shape[..] else {
        return Err(format!("needs an image, got the shape {:?}", input.shape));
    };
    if height % block != 0 || width % block != 0 {
        return Err(format!("{height} x {width} pixels do not divide into blocks of {block}"));
    }
    let (rows, columns) = (height / block, width / block);
    let blocks = builder.shape(&[batch, channels, rows, block, columns, block]);
    let x = builder.node(node, "Reshape", &[&node.input[0], &blocks], vec![]);
    let order = vec![list("perm", &[0, 3, 5, 1, 2, 4])];
    let x = builder.node(node, "Transpose", &[&x], order);
    let shape = builder.shape(&[batch, channels * block * block, rows, columns]);
    builder.last(node, "Reshape", &[&x, &shape], vec![], &node.output[0]);
    Ok(true)
}

/// What the rounding of a scale does not make of a whole size.
const LEAST_FRACTION: f32 = 1e-3;

/// Sizes or scales of all axes, and the form that Resize has from operator set 11 on. rten would
/// take cubic interpolation for linear.
pub(super) fn resize(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
    opset: i64,
) -> Result<bool, String> {
    if attribute(node, "mode").is_some_and(|mode| mode.s == b"cubic") {
        return Err("interpolates with cubics; Recoup runs nearest and linear".into());
    }
    if opset < 11 {
        return Ok(of_set_10(builder, node, known));
    }
    let Some(Some(input)) = known.first() else { return Ok(false) };
    if input.shape.is_empty() {
        return Err("resizes one number without dimensions".into());
    }
    let rank = input.shape.len();
    let constant = |index: usize| {
        let known = known.get(index)?.as_ref()?;
        known.constant.as_ref().filter(|constant| constant.len() > 0)
    };
    let (scales, sizes) = (constant(2), constant(3));
    let empty_scales = known.get(2).is_some_and(Option::is_some) && scales.is_none();
    let axes = match ints(node, "axes") {
        Some(axes) => axes.iter().map(|axis| axis.rem_euclid(rank as i64) as usize).collect(),
        None => (0..rank).collect::<Vec<_>>(),
    };
    let (scales, sizes) = match (scales, sizes) {
        (_, Some(sizes)) => {
            let given = numbers::<i64>(sizes).filter(|given| given.len() == axes.len());
            let given = given.ok_or("has sizes that do not fit its axes")?;
            let mut full: Vec<i32> = input.shape.iter().map(|&dim| dim as i32).collect();
            for (&axis, size) in axes.iter().zip(given) {
                full[axis] = size as i32;
            }
            // The batch, which a file may fix, is 1 here.
            if input.shape[0] == 1 && rank > 2 {
                full[0] = 1;
            }
            let same = full.iter().map(|&size| i64::from(size)).eq(numbers::<i64>(sizes).unwrap());
            if same && !empty_scales {
                return Ok(false);
            }
            (String::new(), builder.integers(&full))
        }
        (Some(scales), None) => {
            let given = numbers::<f32>(scales).filter(|given| given.len() == axes.len());
            let given = given.ok_or("has scales that do not fit its axes")?;
            let corners = text(node, "coordinate_transformation_mode") == Some("align_corners");
            for (&axis, scale) in axes.iter().zip(&given).filter(|_| corners) {
                let size = input.shape[axis] as f32 * scale;
                if size.fract() > LEAST_FRACTION {
                    return Err(format!(
                        "aligns the corners of an axis that its scale {scale} takes from {} to \
                         {size}, where runtimes differ; expected a whole number: export it with \
                         sizes",
                        input.shape[axis]
                    ));
                }
            }
            if given.len() == rank && ints(node, "axes").is_none() {
                return Ok(false);
            }
            let mut full = vec![1.0; rank];
            for (&axis, scale) in axes.iter().zip(given) {
                full[axis] = scale;
            }
            (builder.constant(tensor::floats(&[rank], full)), String::new())
        }
        (None, None) => return Err("has no constant scales or sizes".into()),
    };
    let input = vec![node.input[0].clone(), String::new(), scales, sizes];
    builder.push(pb::NodeProto { input, ..with(node, &["axes"], vec![]) });
    Ok(true)
}

/// Whether a Resize or Upsample takes pixels as they are.
pub(crate) fn takes_nearest(node: &pb::NodeProto) -> bool {
    text(node, "mode").is_none_or(|mode| mode == "nearest")
}

/// Resize of operator set 10. Of an axis that shrinks, its mode nearest takes the pixel at or behind
/// the place that an output has in the input; of one that grows, the pixel before, as Upsample does.
fn of_set_10(builder: &mut Builder, node: &pb::NodeProto, known: &[Option<Known>]) -> bool {
    let [Some(Some(input)), Some(Some(scales))] = [known.first(), known.get(1)] else {
        return false;
    };
    let scales = scales.constant.as_deref().and_then(numbers::<f32>);
    let Some(mut scales) = scales.filter(|scales| scales.len() == input.shape.len()) else {
        return false;
    };
    let mut x = node.input[0].clone();
    if takes_nearest(node) {
        for (axis, scale) in scales.iter_mut().enumerate().filter(|(_, scale)| **scale < 1.0) {
            let size = input.shape[axis];
            let pixels = (0..(size as f32 * *scale).floor() as usize)
                .map(|place| ((place as f32 / *scale).ceil() as usize).min(size - 1));
            let pixels = builder.shape(&pixels.collect::<Vec<_>>());
            x = builder.node(node, "Gather", &[&x, &pixels], vec![whole("axis", axis as i64)]);
            *scale = 1.0;
        }
    }
    let scales = builder.constant(tensor::floats(&[scales.len()], scales));
    let attributes = node.attribute.clone();
    builder.last(node, "Upsample", &[&x, &scales], attributes, &node.output[0]);
    true
}
