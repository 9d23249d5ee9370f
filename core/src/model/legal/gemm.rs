//! Products of matrices with more in them than weights and a bias per filter.

use super::builder::{list, with};
use super::{Builder, Known, pb};
use crate::model::attributes::{float, int};

/// Takes out of a Gemm what is no bias per filter, and turns one whose A is constant into a MatMul.
pub(super) fn gemm(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let [Some(Some(a)), Some(Some(b))] = [known.first(), known.get(1)] else { return Ok(false) };
    let flag = |name| int(node, name).unwrap_or(0) != 0;
    let columns = b.shape.get(usize::from(!flag("transB"))).copied().unwrap_or(0);
    let rows = a.shape.get(usize::from(flag("transA"))).copied().unwrap_or(0);
    let beta = float(node, "beta").unwrap_or(1.0);
    let c = known.get(2).and_then(Option::as_ref);
    let per_filter = c.is_none_or(|c| {
        let count: usize = c.shape.iter().product();
        let along_filters = count == 1 || c.shape.last() == Some(&columns) && count == columns;
        c.constant.is_some() && along_filters && beta != 0.0
    });
    let constant_a = a.constant.is_some() && b.constant.is_none();
    if per_filter && !constant_a {
        return Ok(false);
    }
    if let Some(c) = c
        && !fits(&c.shape, rows, columns)
    {
        return Err(format!("cannot add C of shape {:?} to {rows} x {columns}", c.shape));
    }
    let (a, b) = (&node.input[0], &node.input[1]);
    let mut product = match constant_a {
        false => {
            let attributes = with(node, &["beta"], vec![]).attribute;
            builder.node(node, "Gemm", &[a, b], attributes)
        }
        true => {
            let turned = |builder: &mut Builder, matrix: &str, turn: bool| match turn {
                true => builder.node(node, "Transpose", &[matrix], vec![list("perm", &[1, 0])]),
                false => matrix.to_string(),
            };
            let a = turned(builder, a, flag("transA"));
            let b = turned(builder, b, flag("transB"));
            let product = builder.node(node, "MatMul", &[&a, &b], vec![]);
            scaled(builder, node, product, float(node, "alpha").unwrap_or(1.0))
        }
    };
    if c.is_some() && beta != 0.0 {
        let c = scaled(builder, node, node.input[2].clone(), beta);
        product = builder.node(node, "Add", &[&product, &c], vec![]);
    }
    builder.last(node, "Identity", &[&product], vec![], &node.output[0]);
    Ok(true)
}

/// Whether C can be broadcast to rows x columns.
fn fits(c: &[usize], rows: usize, columns: usize) -> bool {
    let dims = c.iter().rev().zip([columns, rows]);
    c.len() <= 2 && dims.into_iter().all(|(&dim, size)| dim == 1 || dim == size)
}

fn scaled(builder: &mut Builder, node: &pb::NodeProto, value: String, factor: f32) -> String {
    if factor == 1.0 {
        return value;
    }
    let factor = builder.float(factor);
    builder.node(node, "Mul", &[&value, &factor], vec![])
}

/// com.microsoft's MatMul of matrices that may be transposed, times alpha.
pub(super) fn fused_matmul(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let flag = |name| int(node, name).unwrap_or(0) != 0;
    if flag("transBatchA") || flag("transBatchB") {
        return Err("transposes its batches; export the model without optimisations".into());
    }
    let mut operands = Vec::with_capacity(2);
    for (index, name) in ["transA", "transB"].into_iter().enumerate() {
        let Some(Some(matrix)) = known.get(index) else { return Ok(false) };
        let rank = matrix.shape.len() as i64;
        let matrix = &node.input[index];
        operands.push(if flag(name) && rank > 1 {
            let order: Vec<i64> = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
            builder.node(node, "Transpose", &[matrix], vec![list("perm", &order)])
        } else {
            matrix.clone()
        });
    }
    let product = builder.node(node, "MatMul", &[&operands[0], &operands[1]], vec![]);
    let product = scaled(builder, node, product, float(node, "alpha").unwrap_or(1.0));
    builder.last(node, "Identity", &[&product], vec![], &node.output[0]);
    Ok(true)
}
