//! Operators that only move data, as runs of elements to copy.
//!
//! Instead of writing Reshape, Transpose, Slice, Pad, Concat... once more, the operator is run
//! once on a tensor of element numbers; where each number ends up is the whole operator. The runs
//! then copy floats or codes alike, in Recoup's own storage order.

use std::sync::Arc;

use rten_tensor::Layout;

use super::super::runtime::Runtime;
use super::super::tensor::{floats, numbers};
use super::Run;

/// Most elements to be moved: float32 holds every integer up to here, and its double.
pub(super) const MOST_ELEMENTS: usize = 1 << 23;

/// The movement that the operator in `model` performs on inputs and outputs of these shapes, one
/// list of runs per output; `None` when it does more than move (a Pad with a constant other than
/// zero, for example).
pub(super) fn trace(
    model: &Runtime,
    inputs: &[Vec<usize>],
    outputs: &[Vec<usize>],
) -> Option<Vec<Arc<[Run]>>> {
    let total = |shapes: &[Vec<usize>]| {
        shapes.iter().map(|shape| shape.iter().product::<usize>()).sum::<usize>()
    };
    if total(inputs).max(total(outputs)) > MOST_ELEMENTS {
        return None;
    }
    // Elements are numbered from 1 through all inputs; 0 marks padding. A movement commutes with
    // doubling, a constant that is not zero does not.
    let run = |factor: f32| {
        let mut next = 0;
        let tensors = inputs.iter().map(|shape| {
            let volume: usize = shape.iter().product();
            let numbers: Vec<f32> = (next + 1..=next + volume).map(|n| n as f32 * factor).collect();
            next += volume;
            floats(shape, numbers).into()
        });
        model.run(tensors.collect()).ok()
    };
    let (once, twice) = (run(1.0)?, run(2.0)?);
    let mut sources = vec![(None, 0)];
    for (index, shape) in inputs.iter().enumerate() {
        let mut stored_at = vec![0; shape.iter().product()];
        for (position, logical) in storage_order(shape).enumerate() {
            stored_at[logical] = position as u32;
        }
        sources.extend(stored_at.into_iter().map(|position| (Some(index as u32), position)));
    }
    let outputs = once.iter().zip(&twice).map(|(once, twice)| {
        let (numbers, doubled) = (numbers::<f32>(once)?, numbers::<f32>(twice)?);
        let shape = once.shape();
        let order = storage_order(&shape);
        let elements = order.map(|logical| {
            let number = numbers[logical];
            let source =
                sources.get(number as usize).filter(|_| number.fract() == 0.0 && number >= 0.0)?;
            (doubled[logical] == 2.0 * number).then_some(*source)
        });
        Some(join(elements.collect::<Option<Vec<_>>>()?))
    });
    outputs.collect()
}

/// The movement that reads a tensor of shape `input` with its axes permuted (`permutation[i]` is
/// the input axis that becomes axis i) and stores it as `output`, of equal volume.
pub(super) fn permuted(input: &[usize], permutation: &[usize], output: &[usize]) -> Arc<[Run]> {
    let mut strides = vec![1; input.len()];
    for axis in (0..input.len().saturating_sub(1)).rev() {
        strides[axis] = strides[axis + 1] * input[axis + 1];
    }
    let dims: Vec<usize> = permutation.iter().map(|&axis| input[axis]).collect();
    let elements = storage_order(output).map(|index| {
        let mut rest = index;
        let mut logical = 0;
        for (axis, &dim) in dims.iter().enumerate().rev() {
            logical += rest % dim * strides[permutation[axis]];
            rest /= dim;
        }
        logical
    });
    gathered(input, elements)
}

/// The movement that takes these elements of a tensor of shape `input`, given by their ONNX order, in
/// the order in which they are to be stored.
pub(in crate::model) fn gathered(
    input: &[usize],
    elements: impl Iterator<Item = usize>,
) -> Arc<[Run]> {
    let mut stored_at = vec![0; input.iter().product()];
    for (position, logical) in storage_order(input).enumerate() {
        stored_at[logical] = position as u32;
    }
    join(elements.map(|element| (Some(0), stored_at[element])).collect())
}

/// For each storage position, in order, the index of its element in ONNX (row-major) order.
/// Rank 4 is stored channels-last, everything else as it is.
pub fn storage_order(shape: &[usize]) -> Box<dyn Iterator<Item = usize>> {
    match *shape {
        [batch, channels, height, width] => {
            let plane = height * width;
            Box::new((0..batch).flat_map(move |image| {
                (0..plane).flat_map(move |pixel| {
                    (0..channels).map(move |channel| (image * channels + channel) * plane + pixel)
                })
            }))
        }
        _ => Box::new(0..shape.iter().product()),
    }
}

/// Joins neighbours that are consecutive in the source.
fn join(elements: Vec<(Option<u32>, u32)>) -> Arc<[Run]> {
    let mut runs: Vec<Run> = Vec::new();
    for (input, start) in elements {
        match runs.last_mut() {
            Some(last)
                if last.input == input
                    && (input.is_none() || last.start + last.length == start) =>
            {
                last.length += 1;
            }
            _ => runs.push(Run { input, start, length: 1 }),
        }
    }
    runs.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permuting_a_matrix_reads_columns() {
        let runs = permuted(&[2, 3], &[1, 0], &[3, 2]);
        let starts: Vec<_> = runs.iter().map(|run| (run.start, run.length)).collect();
        assert_eq!(starts, [(0, 1), (3, 1), (1, 1), (4, 1), (2, 1), (5, 1)]);
    }

    #[test]
    fn keeping_the_order_is_one_run() {
        let runs = permuted(&[2, 3], &[0, 1], &[6]);
        assert_eq!(&*runs, [Run { input: Some(0), start: 0, length: 6 }]);
    }

    #[test]
    fn rank_four_is_stored_channels_last() {
        let order: Vec<_> = storage_order(&[1, 2, 1, 3]).collect();
        assert_eq!(order, [0, 3, 1, 4, 2, 5]);
    }
}
