//! Which full adders work on inverted bits.
//!
//! A full adder is self-dual: of inverted inputs it makes the inverted outputs. A cell with
//! inverted outputs is then used in two ways: on bits as they are, its outputs inverted, or on
//! inverted bits, its outputs as they are. Where one adder feeds another, the ways should
//! alternate; wherever they do not, there is an inverter.

use std::collections::HashMap;

use recoup_circuits::yosys_json::{self, Bit, Cell, Module};

use crate::cells::Adder;
use crate::mapped::MappedError;

/// An adder in a module, with the connections to other adders.
struct Node<'a> {
    name: &'a str,
    /// A half adder is not self-dual: it works on bits as they are.
    full: bool,
    inputs: Vec<usize>,
    outputs: Vec<usize>,
    /// Works on inverted bits.
    inverted: bool,
    /// Its outputs are inverted when it works on bits as they are.
    inverts: bool,
}

/// The full adders that are to work on inverted bits, as `module/instance`, given the elaborated
/// design as yosys' JSON.
pub fn choose(json: &[u8], half_adder: Option<Adder>) -> Result<Vec<String>, MappedError> {
    let modules = yosys_json::parse(json)?;
    let half_inverts = half_adder.is_some_and(|adder| adder.sum_inverted && adder.carry_inverted);
    let mut chosen = Vec::new();
    for (name, module) in &modules {
        let mut nodes = nodes(module, half_inverts);
        improve(&mut nodes);
        let inverted = nodes.iter().filter(|node| node.inverted);
        chosen.extend(inverted.map(|node| format!("{name}/{}", node.name)));
    }
    Ok(chosen)
}

fn nodes(module: &Module, half_inverts: bool) -> Vec<Node<'_>> {
    let adders = module.cells.iter().filter_map(|(name, cell)| match cell.kind.as_str() {
        "recoup_fa" => Some((name, cell, true)),
        "recoup_ha" => Some((name, cell, false)),
        _ => None,
    });
    let adders: Vec<(&String, &Cell, bool)> = adders.collect();
    let nets = |cell: &Cell, ports: &[&str]| -> Vec<u64> {
        let bits = ports.iter().filter_map(|port| cell.connections.get(*port)?.first());
        let net = |bit: &Bit| if let Bit::Net(net) = bit { Some(*net) } else { None };
        bits.filter_map(net).collect()
    };
    let mut drivers: HashMap<u64, usize> = HashMap::new();
    for (place, (_, cell, _)) in adders.iter().enumerate() {
        drivers.extend(nets(cell, &["s", "co"]).into_iter().map(|net| (net, place)));
    }
    let mut nodes: Vec<Node> = adders
        .iter()
        .map(|(name, cell, full)| Node {
            name,
            full: *full,
            inputs: nets(cell, &["a", "b", "c"])
                .iter()
                .filter_map(|net| drivers.get(net).copied())
                .collect(),
            outputs: Vec::new(),
            inverted: false,
            inverts: *full || half_inverts,
        })
        .collect();
    for reader in 0..nodes.len() {
        for driver in nodes[reader].inputs.clone() {
            nodes[driver].outputs.push(reader);
        }
    }
    nodes
}

/// Turns adders over, one at a time, as long as that saves inverters. Deterministic, and never
/// worse than where it begins: the ways alternating by depth.
fn improve(nodes: &mut [Node]) {
    let mut depths = vec![None; nodes.len()];
    for place in 0..nodes.len() {
        let depth = depth(place, nodes, &mut depths);
        nodes[place].inverted = nodes[place].full && depth % 2 == 1;
    }
    loop {
        let mut changed = false;
        for place in 0..nodes.len() {
            let node = &nodes[place];
            if !node.full {
                continue;
            }
            // An inverter is needed where a bit does not come as it is wanted.
            let comes_inverted = |node: &Node| node.inverts != node.inverted;
            let before =
                node.inputs.iter().map(|&input| comes_inverted(&nodes[input]) != node.inverted);
            let after =
                node.outputs.iter().map(|&output| comes_inverted(node) != nodes[output].inverted);
            let (needed, saved): (Vec<bool>, Vec<bool>) =
                before.chain(after).partition(|inverter| *inverter);
            if needed.len() > saved.len() {
                nodes[place].inverted = !nodes[place].inverted;
                changed = true;
            }
        }
        if !changed {
            return;
        }
    }
}

/// Number of adders before an adder on the longest way to it; a loop, which is an error found
/// later, counts as nothing.
fn depth(place: usize, nodes: &[Node], depths: &mut [Option<usize>]) -> usize {
    if let Some(depth) = depths[place] {
        return depth;
    }
    depths[place] = Some(0);
    let before = nodes[place].inputs.iter().map(|&input| depth(input, nodes, depths) + 1).max();
    depths[place] = Some(before.unwrap_or(0));
    before.unwrap_or(0)
}
