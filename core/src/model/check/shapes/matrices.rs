//! Matrix products.

use super::super::text::list;
use super::{Checked, Node, Size, at_least, broadcast, broadcasts_to, equal};

pub(super) fn matmul(node: &Node) -> Checked {
    let quantised = node.proto.op_type == "QLinearMatMul";
    let right = if quantised { 3 } else { 1 };
    let Some((a, b)) = node.shape(0).zip(node.shape(right)) else { return Ok(Size::Unknown) };
    at_least(a, 1, "its first input")?;
    at_least(b, 1, "its second input")?;
    // A vector is a row on the left and a column on the right.
    let mut left = if a.len() == 1 { vec![1, a[0]] } else { a.to_vec() };
    let mut right = if b.len() == 1 { vec![b[0], 1] } else { b.to_vec() };
    for (name, batch, shape) in
        [("transA", "transBatchA", &mut left), ("transB", "transBatchB", &mut right)]
    {
        let rank = shape.len();
        if node.int(batch, 0) == 1 {
            shape[..rank - 1].rotate_left(1);
        }
        if node.int(name, 0) == 1 {
            shape.swap(rank - 2, rank - 1);
        }
    }
    let (rows, depth) = (left[left.len() - 2], left[left.len() - 1]);
    let (other, columns) = (right[right.len() - 2], right[right.len() - 1]);
    check_depth(depth, other, a, b)?;
    let batches = broadcast(&[&left[..left.len() - 2], &right[..right.len() - 2]])?;
    Ok(Size::of(batches.iter().chain(&[rows, columns]).map(|&dim| dim as u128)))
}

fn check_depth(depth: usize, other: usize, a: &[usize], b: &[usize]) -> Result<(), String> {
    if depth == other {
        return Ok(());
    }
    Err(format!(
        "it multiplies the shapes {} and {}, whose inner sizes {depth} and {other} differ",
        list(a),
        list(b)
    ))
}

pub(super) fn gemm(node: &Node) -> Checked {
    let (b, c) = if node.proto.op_type == "QGemm" { (3, 6) } else { (1, 2) };
    let Some((a, b)) = node.shape(0).zip(node.shape(b)) else { return Ok(Size::Unknown) };
    equal(a.len(), 2, "dimensions of its first input")?;
    equal(b.len(), 2, "dimensions of its second input")?;
    let turned = |name: &str, shape: &[usize]| {
        if node.int(name, 0) == 1 { (shape[1], shape[0]) } else { (shape[0], shape[1]) }
    };
    let (rows, depth) = turned("transA", a);
    let (other, columns) = turned("transB", b);
    check_depth(depth, other, a, b)?;
    if let Some(c) = node.shape(c)
        && !broadcasts_to(c, &[rows, columns])
    {
        return Err(format!(
            "its C has the shape {}, which cannot be broadcast to its output's {}",
            list(c),
            list(&[rows, columns])
        ));
    }
    Ok(Size::like(&[rows, columns]))
}
