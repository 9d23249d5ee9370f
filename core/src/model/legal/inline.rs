//! Graphs written out where they are used: branches that are taken, and functions of the model.

use std::collections::HashMap;

use super::{Builder, Known, pb};
use crate::model::tensor::{self, scalar};

/// New names of tensors, by old ones.
pub(super) type Names = HashMap<String, String>;

/// The nodes with tensors of new names, where `names` has none, so that they can stand in another
/// graph, and more than once. What they read from outside keeps its name.
pub(super) fn renamed(
    builder: &mut Builder,
    nodes: &[pb::NodeProto],
    names: &mut Names,
) -> Vec<pb::NodeProto> {
    let mut written = nodes.to_vec();
    for node in &mut written {
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            if !names.contains_key(output) {
                names.insert(output.clone(), builder.fresh());
            }
        }
        rename(node, names);
    }
    written
}

fn rename(node: &mut pb::NodeProto, names: &Names) {
    let new = |name: &mut String| {
        if let Some(new) = names.get(name) {
            *name = new.clone();
        }
    };
    node.input.iter_mut().chain(&mut node.output).for_each(new);
    for graph in node.attribute.iter_mut().filter_map(|attribute| attribute.g.as_mut()) {
        graph.output.iter_mut().for_each(|output| new(&mut output.name));
        graph.node.iter_mut().for_each(|node| rename(node, names));
    }
}

/// The branch of an If that is taken.
pub(super) fn branch(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let condition = known.first().and_then(|known| known.as_ref()?.constant.as_deref());
    let condition: i32 = condition.and_then(scalar).ok_or(
        "has a condition that depends on data; export the model with torch.jit.trace, or without \
         the branch",
    )?;
    let name = if condition != 0 { "then_branch" } else { "else_branch" };
    let graph =
        crate::model::attributes::attribute(node, name).and_then(|branch| branch.g.as_ref());
    let graph = graph.ok_or_else(|| format!("has no {name}"))?;
    let mut names = Names::new();
    for constant in &graph.initializer {
        let value = tensor::from_proto(constant)
            .map_err(|reason| format!("tensor \"{}\": {reason}", constant.name))?;
        names.insert(constant.name.clone(), builder.constant(value));
    }
    for inner in renamed(builder, &graph.node, &mut names) {
        builder.push(inner);
    }
    for (inner, output) in graph.output.iter().zip(&node.output) {
        if !output.is_empty() {
            let inner = names.get(&inner.name).unwrap_or(&inner.name).clone();
            builder.last(node, "Identity", &[&inner], vec![], output);
        }
    }
    Ok(true)
}
