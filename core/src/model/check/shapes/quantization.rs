//! Scales and zero points: as many as there are channels, and usable as divisors.

use super::super::text::list;
use super::{Checked, Node, Size, axis, broadcast, elements};

/// That a scale is finite and large enough that its inverse is finite. Weights may be stored with
/// negative scales; what quantises must not.
fn check_scale(node: &Node, index: usize) -> Result<(), String> {
    let Some(values) = node.floats(index) else { return Ok(()) };
    let negative = node.proto.op_type == "DequantizeLinear";
    let sound = |value: &&f32| value.is_normal() && (negative || **value > 0.0);
    match values.iter().find(|value| !sound(value)) {
        Some(value) => Err(format!(
            "its scale holds {value:e}; expected finite numbers {} whose inverse is finite, at \
             least {:e}",
            if negative { "other than 0" } else { "above 0" },
            f32::MIN_POSITIVE
        )),
        None => Ok(()),
    }
}

/// That a zero point is a code of up to 16 bits, and has the shape of its scale.
fn check_pair(node: &Node, scale: usize) -> Result<(), String> {
    check_scale(node, scale)?;
    let codes = -0x8000..=0xffff;
    let zeros = node.integers(scale + 1).unwrap_or_default();
    if let Some(zero) = zeros.iter().find(|zero| !codes.contains(*zero)) {
        return Err(format!(
            "its zero point holds {zero}; expected a code of up to 16 bits, or 0 for int32"
        ));
    }
    let Some((scale, zero)) = node.shape(scale).zip(node.shape(scale + 1)) else { return Ok(()) };
    // One number is written with and without a dimension.
    if scale == zero || (elements(scale) == 1 && elements(zero) == 1) {
        return Ok(());
    }
    Err(format!(
        "its zero point has the shape {}; expected that of its scale, {}",
        list(zero),
        list(scale)
    ))
}

/// QuantizeLinear and DequantizeLinear.
pub(super) fn linear(node: &Node) -> Checked {
    check_pair(node, 1)?;
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    if let Some(scale) = node.shape(1)
        && elements(scale) != 1
    {
        let axis = axis(node.int("axis", 1), x.len())?;
        let blocked = node.int("block_size", 0) > 0 || scale.len() == x.len() && x.len() > 1;
        if !blocked && scale != [x[axis]] {
            return Err(format!(
                "its scale has the shape {}; expected one number, or {} for axis {axis} of {}",
                list(scale),
                x[axis],
                list(x)
            ));
        }
        if blocked {
            check_blocks(node, x, scale, axis)?;
        }
    }
    Ok(Size::like(x))
}

fn check_blocks(node: &Node, x: &[usize], scale: &[usize], axis: usize) -> Result<(), String> {
    let block = usize::try_from(node.int("block_size", 0)).unwrap_or(0);
    let fits = block > 0
        && scale.len() == x.len()
        && (0..x.len()).all(|other| {
            scale[other] == if other == axis { x[other].div_ceil(block) } else { x[other] }
        });
    if fits {
        return Ok(());
    }
    Err(format!(
        "its scale has the shape {} for {}, in blocks of {block} along axis {axis}; expected one \
         scale per block",
        list(scale),
        list(x)
    ))
}

/// QLinearAdd and QLinearMul.
pub(super) fn binary(node: &Node) -> Checked {
    for scale in [1, 4, 6] {
        check_pair(node, scale)?;
    }
    let Some((a, b)) = node.shape(0).zip(node.shape(3)) else { return Ok(Size::Unknown) };
    Ok(Size::like(&broadcast(&[a, b])?))
}

/// Quantised operators of one tensor.
pub(super) fn unary(node: &Node) -> Checked {
    check_pair(node, 1)?;
    check_pair(node, 3)?;
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    if node.proto.op_type == "QLinearSoftmax" && !x.is_empty() {
        node.axis(-1, x.len())?;
    }
    Ok(Size::like(x))
}

/// The scales of quantised products, whose sizes other files check.
pub(super) fn scales(node: &Node) -> Result<(), String> {
    let scales: &[usize] = match node.proto.op_type.as_str() {
        "QLinearConv" | "QLinearMatMul" => &[1, 4, 6],
        "QGemm" => &[1, 4, 7],
        "QLinearAveragePool" | "QLinearGlobalAveragePool" => &[1, 3],
        "QLinearConcat" => &[0],
        _ => &[],
    };
    scales.iter().try_for_each(|&scale| check_scale(node, scale))
}
