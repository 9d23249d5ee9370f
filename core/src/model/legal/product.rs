//! Products of stacks of matrices: Einsum of two operands, and MatMul with a stack of weights.

use super::builder::{list, whole};
use super::{Builder, Known, pb};
use crate::model::attributes::text;

/// A tensor with a letter for each of its axes that is longer than 1.
struct Operand {
    name: String,
    shape: Vec<usize>,
    axes: Vec<(char, usize)>,
    constant: bool,
}

/// Axes that an ellipsis stands for, counted from the last one: letters that no equation has.
fn unnamed(axis: usize) -> char {
    char::from_u32(0xE000 + axis as u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// The letters of a term for a tensor of this rank, and how many axes its ellipsis has.
fn letters(term: &str, rank: usize) -> Option<(Vec<char>, usize)> {
    let Some((before, after)) = term.split_once("...") else {
        return Some((term.chars().collect(), 0));
    };
    let inner = rank.checked_sub(before.len() + after.len())?;
    let all = before.chars().chain((0..inner).rev().map(unnamed)).chain(after.chars());
    Some((all.collect(), inner))
}

/// Turns an Einsum of two operands into a product of matrices, where it is one: no letter is twice
/// in a term, or summed in one operand alone.
pub(super) fn einsum(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Option<()> {
    let [Some(left), Some(right)] = known else { return None };
    let equation = text(node, "equation")?.replace(' ', "");
    let (inputs, output) = match equation.split_once("->") {
        Some((inputs, output)) => (inputs, Some(output)),
        None => (&equation[..], None),
    };
    let (first, second) = inputs.split_once(',')?;
    let (left_letters, left_inner) = letters(first, left.shape.len())?;
    let (right_letters, right_inner) = letters(second, right.shape.len())?;
    let inner = left_inner.max(right_inner);
    let output = match output {
        Some(output) if output.contains("...") || inner == 0 => {
            letters(output, output.replace("...", "").len() + inner)?.0
        }
        Some(_) => return None,
        None => {
            let mut all: Vec<char> = left_letters.iter().chain(&right_letters).copied().collect();
            all.sort_unstable();
            let named = |letter: &char| letter.is_ascii();
            let once = |letter: &char| all.iter().filter(|other| *other == letter).count() == 1;
            let once = all.iter().copied().filter(|letter| named(letter) && once(letter));
            (0..inner).rev().map(unnamed).chain(once).collect()
        }
    };
    product(builder, node, [left, right], [left_letters, right_letters], &output)
}

/// Turns a MatMul of which one operand is constant, and more than the matrix that Recoup multiplies
/// with, into products with matrices.
pub(super) fn matmul(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Option<()> {
    let [Some(left), Some(right)] = known else { return None };
    let (ranks, leading) =
        ([left.shape.len(), right.shape.len()], right.shape.iter().rev().skip(2));
    let on_its_own = match (&left.constant, &right.constant) {
        (None, Some(_)) => ranks[1] <= 2,
        (Some(_), None) => ranks[0] <= 2 && leading.copied().all(|size| size == 1),
        _ => true,
    };
    if on_its_own || ranks.into_iter().any(|rank| rank < 2) {
        return None;
    }
    let stack = |rank: usize| (0..rank - 2).rev().map(unnamed);
    let of_left = stack(ranks[0]).chain("mk".chars()).collect();
    let of_right = stack(ranks[1]).chain("kn".chars()).collect();
    let output: Vec<char> = stack(ranks[0].max(ranks[1])).chain("mn".chars()).collect();
    product(builder, node, [left, right], [of_left, of_right], &output)
}

/// The sum of products over all letters that `output` lacks, if it is one of matrices.
fn product(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: [&Known; 2],
    terms: [Vec<char>; 2],
    output: &[char],
) -> Option<()> {
    let twice = |term: &[char]| (1..term.len()).any(|at| term[..at].contains(&term[at]));
    let all_constant = known.iter().all(|known| known.constant.is_some());
    if all_constant || known.iter().any(|known| !known.real) || terms.iter().any(|it| twice(it)) {
        return None;
    }
    // Axes of 1 are broadcast, or not there.
    let operand = |index: usize| {
        let axes = terms[index].iter().copied().zip(known[index].shape.iter().copied());
        Operand {
            name: node.input[index].clone(),
            shape: known[index].shape.clone(),
            axes: axes.filter(|&(_, size)| size != 1).collect(),
            constant: known[index].constant.is_some(),
        }
    };
    let (mut left, mut right) = (operand(0), operand(1));
    if left.constant {
        std::mem::swap(&mut left, &mut right);
    }
    let size = |letter: char| {
        let mut axes = left.axes.iter().chain(&right.axes);
        axes.find(|axis| axis.0 == letter).map_or(1, |axis| axis.1)
    };
    let of = |operand: &Operand, letter: char| operand.axes.iter().any(|axis| axis.0 == letter);
    let of_output = |in_left: bool, in_right: bool| -> Vec<char> {
        let found =
            |letter: &char| of(&left, *letter) == in_left && of(&right, *letter) == in_right;
        output.iter().copied().filter(found).collect()
    };
    let (stack, rows, columns) =
        (of_output(true, true), of_output(true, false), of_output(false, true));
    let summed = |operand: &Operand| -> Vec<char> {
        let letters = operand.axes.iter().map(|axis| axis.0);
        letters.filter(|letter| !output.contains(letter)).collect()
    };
    let (depth, others) = (summed(&left), summed(&right));
    let same = depth.len() == others.len() && depth.iter().all(|letter| others.contains(letter));
    if depth.is_empty() || !same {
        return None;
    }
    let volume = |letters: &[char]| letters.iter().map(|&letter| size(letter)).product::<usize>();
    let [matrices, m, k, n] = [&stack, &rows, &depth, &columns].map(|letters| volume(letters));
    let sizes = |letters: &[char]| letters.iter().map(|&letter| size(letter)).collect::<Vec<_>>();
    let joined =
        |parts: &[&Vec<char>]| parts.iter().copied().flatten().copied().collect::<Vec<_>>();
    let stacked = |matrix: [usize; 2]| [sizes(&stack), matrix.to_vec()].concat();
    let (name, shape, order) = if !right.constant {
        let a = arranged(builder, node, &left, &joined(&[&stack, &rows, &depth]), &stacked([m, k]));
        let b =
            arranged(builder, node, &right, &joined(&[&stack, &depth, &columns]), &stacked([k, n]));
        let product = builder.node(node, "MatMul", &[&a, &b], vec![]);
        (product, stacked([m, n]), joined(&[&stack, &rows, &columns]))
    } else if stack.is_empty() {
        let a = arranged(builder, node, &left, &joined(&[&rows, &depth]), &[m, k]);
        let b = arranged(builder, node, &right, &joined(&[&depth, &columns]), &[k, n]);
        let product = builder.node(node, "MatMul", &[&a, &b], vec![]);
        (product, vec![m, n], joined(&[&rows, &columns]))
    } else {
        // A matrix of weights for each place of the stack: groups of a convolution of kernel 1.
        let a = joined(&[&stack, &depth, &rows]);
        let a = arranged(builder, node, &left, &a, &[1, matrices * k, m]);
        let b = joined(&[&stack, &columns, &depth]);
        let b = arranged(builder, node, &right, &b, &[matrices * n, k, 1]);
        let attributes = vec![whole("group", matrices as i64), list("kernel_shape", &[1])];
        let product = builder.node(node, "Conv", &[&a, &b], attributes);
        (product, vec![1, matrices * n, m], joined(&[&stack, &columns, &rows]))
    };
    let axes = order.iter().map(|&letter| (letter, size(letter))).collect();
    let order: Vec<char> = output.iter().copied().filter(|&letter| size(letter) != 1).collect();
    let product = Operand { name, shape, axes, constant: false };
    let result = arranged(builder, node, &product, &order, &sizes(output));
    builder.last(node, "Identity", &[&result], vec![], &node.output[0]);
    Some(())
}

/// The operand with its axes in another order, and then of another shape.
fn arranged(
    builder: &mut Builder,
    node: &pb::NodeProto,
    operand: &Operand,
    order: &[char],
    shape: &[usize],
) -> String {
    let sizes: Vec<usize> = operand.axes.iter().map(|axis| axis.1).collect();
    let mut name = reshaped(builder, node, operand.name.clone(), &operand.shape, &sizes);
    let position = |letter: &char| operand.axes.iter().position(|axis| axis.0 == *letter);
    let order: Vec<usize> = order.iter().filter_map(position).collect();
    if !order.is_sorted() {
        let order: Vec<i64> = order.iter().map(|&axis| axis as i64).collect();
        name = builder.node(node, "Transpose", &[&name], vec![list("perm", &order)]);
    }
    let turned: Vec<usize> = order.iter().map(|&axis| sizes[axis]).collect();
    reshaped(builder, node, name, &turned, shape)
}

fn reshaped(
    builder: &mut Builder,
    node: &pb::NodeProto,
    name: String,
    from: &[usize],
    to: &[usize],
) -> String {
    if from == to {
        return name;
    }
    let to = builder.shape(to);
    builder.node(node, "Reshape", &[&name, &to], vec![])
}
