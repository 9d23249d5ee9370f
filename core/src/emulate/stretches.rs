//! Which nodes run together in float.
//!
//! Operators between the layers become models of several nodes, so that rten can fuse them: a
//! normalisation, a masked attention, a GELU. Nodes that only move, add or clip real numbers come along
//! where they lie between such operators.

use crate::model::{NodeKind, ValueId};
use crate::quantize::Quantized;

/// Nodes that run as one, with what they read from others and what others read of them.
pub(super) struct Group {
    pub nodes: Vec<usize>,
    pub inputs: Vec<ValueId>,
    pub outputs: Vec<ValueId>,
}

/// Groups of the nodes that are not `taken` by layers on the multipliers or run on codes. Every
/// operator is in one.
pub(super) fn groups(network: &Quantized, taken: &[bool]) -> Vec<Group> {
    let graph = &network.graph;
    let real = |value: &ValueId| network.activations[*value].is_none();
    let joins = |index: usize| {
        let node = &graph.nodes[index];
        !taken[index]
            && match node.kind {
                NodeKind::Operator { .. } => true,
                NodeKind::Mac(_) | NodeKind::Quantize | NodeKind::Recode => false,
                _ => node.source.is_some() && node.inputs.iter().chain(&node.outputs).all(real),
            }
    };
    // A node's level is the number of nodes outside of groups on the way to it. Groups of one level
    // that share real values can run together: no way leads out of them and back.
    let mut level = vec![0; graph.values.len()];
    let mut group_of = vec![usize::MAX; graph.nodes.len()];
    let mut maker = vec![usize::MAX; graph.values.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        let own = node.inputs.iter().map(|&input| level[input]).max().unwrap_or(0);
        let joins = joins(index);
        if joins {
            group_of[index] = index;
            for &input in node.inputs.iter().filter(|input| real(input)) {
                let from = maker[input];
                if from != usize::MAX && level[input] == own {
                    unite(&mut group_of, from, index);
                }
            }
        }
        for &output in &node.outputs {
            level[output] = own + usize::from(!joins || !real(&output));
            maker[output] = if joins { index } else { usize::MAX };
        }
    }
    let mut groups: Vec<(usize, Group)> = Vec::new();
    for index in (0..graph.nodes.len()).filter(|&index| group_of[index] != usize::MAX) {
        let first = root(&group_of, index);
        match groups.iter_mut().find(|(of, _)| *of == first) {
            Some((_, group)) => group.nodes.push(index),
            None => groups.push((
                first,
                Group { nodes: vec![index], inputs: Vec::new(), outputs: Vec::new() },
            )),
        }
    }
    let is_operator = |&node: &usize| matches!(graph.nodes[node].kind, NodeKind::Operator { .. });
    let mut groups: Vec<Group> = groups.into_iter().map(|(_, group)| group).collect();
    groups.retain(|group| group.nodes.iter().any(is_operator));
    groups.iter_mut().for_each(|group| group.find_ends(network));
    groups
}

impl Group {
    fn find_ends(&mut self, network: &Quantized) {
        let graph = &network.graph;
        let made: Vec<ValueId> =
            self.nodes.iter().flat_map(|&node| graph.nodes[node].outputs.clone()).collect();
        for &node in &self.nodes {
            for input in &graph.nodes[node].inputs {
                if !made.contains(input) && !self.inputs.contains(input) {
                    self.inputs.push(*input);
                }
            }
        }
        let outside = |value: &ValueId| {
            let reads = |(index, node): (usize, &crate::model::Node)| {
                node.inputs.contains(value) && !self.nodes.contains(&index)
            };
            graph.outputs.contains(value) || graph.nodes.iter().enumerate().any(reads)
        };
        self.outputs = made.iter().copied().filter(outside).collect();
    }
}

/// The first node of a node's group.
fn root(group_of: &[usize], mut node: usize) -> usize {
    while group_of[node] != node {
        node = group_of[node];
    }
    node
}

fn unite(group_of: &mut [usize], left: usize, right: usize) {
    let (left, right) = (root(group_of, left), root(group_of, right));
    group_of[left.max(right)] = left.min(right);
}
