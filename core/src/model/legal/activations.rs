//! Activation functions that rten lacks, by those that it has.

use super::builder::real;
use super::{Builder, pb};
use crate::model::attributes::float;

/// Adds what is taken in place of one of them.
pub(super) fn rewrite(builder: &mut Builder, node: &pb::NodeProto) {
    match node.op_type.as_str() {
        "Celu" => celu(builder, node),
        "Selu" => selu(builder, node),
        "Mish" => mish(builder, node),
        "Softplus" => {
            let softplus = softplus(builder, node);
            builder.last(node, "Identity", &[&softplus], vec![], &node.output[0]);
        }
        _ => thresholded_relu(builder, node),
    }
}

/// alpha (e^(x/alpha) - 1) below zero, x above.
fn celu(builder: &mut Builder, node: &pb::NodeProto) {
    let alpha = builder.float(float(node, "alpha").unwrap_or(1.0));
    let inner = builder.node(node, "Div", &[&node.input[0], &alpha], vec![]);
    let elu = builder.node(node, "Elu", &[&inner], vec![real("alpha", 1.0)]);
    builder.last(node, "Mul", &[&elu, &alpha], vec![], &node.output[0]);
}

/// gamma x above zero, gamma alpha (e^x - 1) below.
fn selu(builder: &mut Builder, node: &pb::NodeProto) {
    let alpha = float(node, "alpha").unwrap_or(1.673_263_2);
    let gamma = builder.float(float(node, "gamma").unwrap_or(1.050_701));
    let elu = builder.node(node, "Elu", &[&node.input[0]], vec![real("alpha", alpha)]);
    builder.last(node, "Mul", &[&elu, &gamma], vec![], &node.output[0]);
}

/// x tanh(ln(1 + e^x)).
fn mish(builder: &mut Builder, node: &pb::NodeProto) {
    let softplus = softplus(builder, node);
    let gate = builder.node(node, "Tanh", &[&softplus], vec![]);
    builder.last(node, "Mul", &[&node.input[0], &gate], vec![], &node.output[0]);
}

/// ln(1 + e^x) as max(x, 0) + ln(1 + e^-|x|): rten's own is infinite from x = 89 on.
fn softplus(builder: &mut Builder, node: &pb::NodeProto) -> String {
    let one = builder.float(1.0);
    let above = builder.node(node, "Relu", &[&node.input[0]], vec![]);
    let magnitude = builder.node(node, "Abs", &[&node.input[0]], vec![]);
    let minus = builder.node(node, "Neg", &[&magnitude], vec![]);
    let power = builder.node(node, "Exp", &[&minus], vec![]);
    let sum = builder.node(node, "Add", &[&power, &one], vec![]);
    let below = builder.node(node, "Log", &[&sum], vec![]);
    builder.node(node, "Add", &[&above, &below], vec![])
}

/// x above alpha, else 0.
fn thresholded_relu(builder: &mut Builder, node: &pb::NodeProto) {
    let alpha = builder.float(float(node, "alpha").unwrap_or(1.0));
    let zero = builder.float(0.0);
    let above = builder.node(node, "Greater", &[&node.input[0], &alpha], vec![]);
    builder.last(node, "Where", &[&above, &node.input[0], &zero], vec![], &node.output[0]);
}
