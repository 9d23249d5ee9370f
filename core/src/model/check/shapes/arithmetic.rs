//! Element by element, along an axis, and over axes.

use super::super::text::list;
use super::layout::with_axis;
use super::{Checked, Node, Size, at_least, broadcast, broadcasts_to, distinct_axes, elements};

/// Operators whose inputs are broadcast together.
const BROADCAST: &[&str] = &[
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Mod",
    "Pow",
    "And",
    "Or",
    "Xor",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "BitShift",
    "BitwiseAnd",
    "BitwiseOr",
    "BitwiseXor",
    "Where",
    "PRelu",
    "Max",
    "Min",
    "Mean",
    "Sum",
];

/// Operators element by element, and all that no other file knows.
pub(super) fn elementwise(node: &Node) -> Checked {
    let operator = node.proto.op_type.as_str();
    match operator {
        "Mod" | "Div" if node.integers(1).is_some_and(|values| values.contains(&0)) => {
            return Err("it divides integers by a constant 0".into());
        }
        // Integers are held in 32 bits, where the quotient does not fit.
        "Mod" | "Div"
            if [(0, i64::from(i32::MIN)), (1, -1)].iter().all(|(index, value)| {
                node.integers(*index).is_some_and(|values| values.contains(value))
            }) =>
        {
            return Err("it divides the least integer by -1, which is no integer".into());
        }
        "Clip" => check_bounds(node)?,
        "PRelu" => {
            if let Some((x, slope)) = node.shape(0).zip(node.shape(1))
                && !broadcasts_to(slope, x)
            {
                return Err(format!(
                    "its slope has the shape {}, which cannot be broadcast to its input's {}",
                    list(slope),
                    list(x)
                ));
            }
        }
        "Dropout" if node.integers(2).is_some_and(|values| values.contains(&1)) => {
            return Err("its training_mode is true; export the model after model.eval()".into());
        }
        _ => {}
    }
    if let "Clip" | "Dropout" = operator {
        return Ok(node.shape(0).map_or(Size::Unknown, Size::like));
    }
    let Some(shapes) = node.shapes() else { return Ok(Size::Unknown) };
    let together = broadcast(&shapes).map(|together| elements(&together) as u128);
    if BROADCAST.contains(&operator) {
        return Ok(Size::Elements(together?));
    }
    let side_by_side = shapes.iter().map(|shape| elements(shape) as u128);
    let side_by_side = side_by_side.fold(0, u128::saturating_add);
    // Some have a lone number beside the rest as an output, whatever comes in.
    Ok(Size::Elements(together.unwrap_or(0).max(side_by_side).max(1)))
}

/// Clip's bounds are single numbers. A lower one above the upper one is defined: all become the
/// upper one.
fn check_bounds(node: &Node) -> Result<(), String> {
    for (index, name) in [(1, "min"), (2, "max")] {
        if let Some(shape) = node.shape(index)
            && elements(shape) != 1
        {
            return Err(format!("its {name} has the shape {}; expected one number", list(shape)));
        }
        if node.floats(index).is_some_and(|values| values.iter().any(|value| value.is_nan())) {
            return Err(format!("its {name} is no number"));
        }
    }
    Ok(())
}

/// Operators that work along one axis and keep the shape, or remove that axis.
pub(super) fn along_axis(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    match node.proto.op_type.as_str() {
        "Trilu" => at_least(x, 2, "its input")?,
        "CumSum" => {
            if let Some(&[axis]) = node.integers(1) {
                super::axis(axis, x.len())?;
            }
        }
        "ArgMax" | "ArgMin" => {
            let axis = node.axis(0, x.len())?;
            if x[axis] == 0 {
                return Err(format!("axis {axis} of its input, {}, is empty", list(x)));
            }
        }
        operator => {
            let old = node.opset < 13 && operator != "LpNormalization";
            // A lone number has no axis; runtimes take it as a list of one.
            if !x.is_empty() {
                with_axis(node, if old { 1.min(x.len() as i64 - 1) } else { -1 })?;
            }
        }
    }
    Ok(Size::like(x))
}

pub(super) fn reduce(node: &Node) -> Checked {
    let Some(x) = node.shape(0) else { return Ok(Size::Unknown) };
    distinct_axes(node.axes(1).unwrap_or_default(), x.len())?;
    // Of nothing, a sum is one element.
    Ok(Size::of(x.iter().map(|&dim| dim.max(1) as u128)))
}
