//! Products of activations with a softmax between them, as transformers have them: softmax(f q k) v.
//! Transposes and reshapes of their operands and their result are orders in which they are read and
//! written.

use recoup_kernels::{AttentionShape, attention as attend};

use crate::model::{ValueId, storage_order};

use super::operations::{Stored, real};
use super::orders::{Order, Places, Wires, composed, movement, stored_places};
use super::plan::Format;
use super::prepared::Prepared;
use super::single;
use super::workspace::Workspace;

/// An attention with what it takes along.
#[derive(Debug)]
pub(super) struct Attention {
    /// All nodes that it stands for, in execution order.
    pub nodes: Vec<usize>,
    /// The tensors that it reads, and in which order: q, k and v.
    pub inputs: [ValueId; 3],
    pub orders: [Order; 3],
    pub output: ValueId,
    /// From the product to the output.
    pub output_order: Order,
    pub shape: AttentionShape,
    pub factor: f32,
}

impl Attention {
    /// Runs it on an image.
    pub fn run(&self, prepared: &Prepared, workspace: &mut Workspace) {
        let plan = &prepared.plan;
        let mut operands = std::mem::take(&mut workspace.operands);
        let mut stopwatch = std::mem::take(&mut workspace.stopwatch);
        let mut moved = std::mem::take(&mut workspace.moved);
        for ((&input, order), operand) in self.inputs.iter().zip(&self.orders).zip(&mut operands) {
            operand.resize(order.len(), 0.0);
            match workspace.stored(plan, input) {
                Stored::Floats(values) => order.take(values, operand),
                Stored::Codes(codes, quantization) => {
                    moved.resize(order.len(), 0);
                    order.take(codes, &mut moved);
                    let pairs = operand.iter_mut().zip(&moved);
                    stopwatch.time(|| pairs.for_each(|(to, &code)| *to = real(code, quantization)));
                }
            }
        }
        let mut values = std::mem::take(&mut workspace.values);
        values.resize(self.output_order.len(), 0.0);
        let [q, k, v] = &operands;
        let scores = &mut workspace.scores;
        attend(prepared.isa, &self.shape, self.factor, [q, k, v], &mut values, scores);
        let place = plan.place(self.output);
        match place.format {
            Format::Floats => {
                let output = &mut workspace.floats[place.buffer][..place.length];
                self.output_order.take(&values, output);
            }
            Format::Codes(quantization) => {
                let output = &mut workspace.codes[place.buffer][..place.length];
                moved.resize(values.len(), 0);
                stopwatch
                    .time(|| prepared.to_codes(&values, self.output, quantization, &mut moved));
                self.output_order.take(&moved, output);
            }
        }
        (workspace.operands, workspace.values) = (operands, values);
        (workspace.stopwatch, workspace.moved) = (stopwatch, moved);
    }
}

/// An operand with what leads to it.
struct Operand {
    value: ValueId,
    places: Places,
    /// What the operand is multiplied by.
    factor: f32,
    /// The nodes between the value and the operand.
    nodes: Vec<usize>,
}

/// The attentions of a network, of nodes that are not `taken`; takes theirs.
pub(super) fn attentions(wires: &Wires, taken: &mut [bool]) -> Vec<Attention> {
    let count = wires.network.graph.nodes.len();
    let mut found: Vec<Attention> = Vec::new();
    let mut read_through = vec![None; count];
    for softmax in 0..count {
        let Some((attention, through)) = attention(wires, softmax, taken) else { continue };
        attention.nodes.iter().for_each(|&node| taken[node] = true);
        through.iter().for_each(|&node| read_through[node] = Some(found.len()));
        found.push(attention);
    }
    // What leads to operands alone is not run.
    for node in (0..count).rev() {
        let Some(attention) = read_through[node].filter(|_| !taken[node]) else { continue };
        let output = wires.network.graph.nodes[node].outputs[0];
        let is_read = wires.network.graph.outputs.contains(&output)
            || wires.readers[output].iter().any(|&reader| !taken[reader]);
        if !is_read {
            taken[node] = true;
            found[attention].nodes.push(node);
        }
    }
    found.iter_mut().for_each(|attention| attention.nodes.sort_unstable());
    found
}

/// The attention around a softmax over the last axis, and what its operands are read through.
fn attention(wires: &Wires, softmax: usize, taken: &[bool]) -> Option<(Attention, Vec<usize>)> {
    let graph = &wires.network.graph;
    let value_shape = |value: ValueId| &graph.values[value].shape[..];
    let is_inner = |value: ValueId| wires.network.activations[value].is_none();
    let (scaled, powers) = operator(wires, softmax, "Softmax", taken).filter(|&(input, _)| {
        let source = graph.nodes[softmax].source.as_ref();
        let rank = value_shape(input).len() as i64;
        let axis = source.and_then(|source| source.int("axis")).unwrap_or(-1);
        axis == -1 || axis == rank - 1
    })?;
    let mut nodes = vec![softmax];
    let (mut factor, mut scores) = (1.0, scaled);
    let product = loop {
        let maker = wires.makers[scores].filter(|_| is_inner(scores))?;
        wires.only_reader(scores)?;
        match scaling(wires, maker, taken) {
            Some((before, by)) => (scores, factor) = (before, factor * by),
            None => break maker,
        }
        nodes.push(maker);
    };
    let [left, right] = operands(wires, product, taken)?;
    let second = wires.only_reader(powers).filter(|_| is_inner(powers))?;
    let [first, values] = operands(wires, second, taken)?;
    if first != powers || values == powers {
        return None;
    }
    nodes.extend([product, second]);
    let shape = sizes([left, right, values].map(value_shape))?;
    let [q, k, v] = [(left, true), (right, true), (values, false)]
        .map(|(value, may_scale)| operand(wires, value, may_scale, taken));
    let factor = factor * q.factor * k.factor;
    let mut output = graph.nodes[second].outputs[0];
    let mut places: Places = storage_order(value_shape(output)).map(|at| at as u32).collect();
    while let Some(reader) = wires.only_reader(output).filter(|&reader| !taken[reader])
        && let Some((_, of_reader)) = movement(graph, reader)
        && wires.same_form(output, graph.nodes[reader].outputs[0])
    {
        places = composed(&of_reader, &places);
        output = graph.nodes[reader].outputs[0];
        nodes.push(reader);
    }
    let through = [&q, &k, &v].into_iter().flat_map(|operand| operand.nodes.clone()).collect();
    let attention = Attention {
        nodes,
        inputs: [q.value, k.value, v.value],
        orders: [q.places, k.places, v.places].map(Order::new),
        output,
        output_order: Order::new(places),
        shape,
        factor,
    };
    Some((attention, through))
}

/// Input and output of an operator of one tensor, if the node is it.
fn operator(wires: &Wires, node: usize, name: &str, taken: &[bool]) -> Option<(ValueId, ValueId)> {
    let (_, input, output) =
        single::operator(wires.network, node, name).filter(|_| !taken[node])?;
    Some((input, output))
}

/// The operands of a product of two tensors.
fn operands(wires: &Wires, node: usize, taken: &[bool]) -> Option<[ValueId; 2]> {
    let node_at = &wires.network.graph.nodes[node];
    let source = node_at.source.as_ref().filter(|source| source.operator() == "MatMul")?;
    let &[left, right] = &node_at.inputs[..] else { return None };
    (!taken[node] && source.reads_no_constant()).then_some([left, right])
}

/// What a node multiplies by a number, and the number.
fn scaling(wires: &Wires, node: usize, taken: &[bool]) -> Option<(ValueId, f32)> {
    let graph = &wires.network.graph;
    let factor = graph.nodes[node].source.as_ref()?.factor()?;
    let (input, output) = ["Mul", "Div"].iter().find_map(|it| operator(wires, node, it, taken))?;
    (graph.values[input].shape == graph.values[output].shape).then_some((input, factor))
}

/// Of matrices that are multiplied one by one: as many of each.
fn sizes([q, k, v]: [&[usize]; 3]) -> Option<AttentionShape> {
    let rank = q.len().checked_sub(2)?;
    if k.len() != q.len() || v.len() != q.len() {
        return None;
    }
    let (&[queries, depth], &[inner, keys]) = (&q[rank..], &k[rank..]) else { return None };
    let &[rows, value_depth] = &v[rank..] else { return None };
    let fits = inner == depth && rows == keys && q[..rank] == k[..rank] && q[..rank] == v[..rank];
    let heads = q[..rank].iter().product();
    let shape = AttentionShape { heads, queries, keys, depth, value_depth };
    (fits && [heads, queries, keys, depth, value_depth].iter().all(|&size| size > 0))
        .then_some(shape)
}

/// What an operand is made of by movements and, if it may be scaled, by factors.
fn operand(wires: &Wires, value: ValueId, may_scale: bool, taken: &[bool]) -> Operand {
    let graph = &wires.network.graph;
    let mut operand = Operand {
        value,
        places: stored_places(&graph.values[value].shape),
        factor: 1.0,
        nodes: Vec::new(),
    };
    while let Some(maker) = wires.makers[operand.value].filter(|&maker| !taken[maker]) {
        let is_real = wires.network.activations[operand.value].is_none();
        let before = if let Some((before, places)) = movement(graph, maker)
            && (is_real || wires.same_form(before, operand.value))
        {
            operand.places = composed(&operand.places, &places);
            before
        } else if let Some((before, factor)) = scaling(wires, maker, taken)
            && is_real
            && may_scale
        {
            operand.factor *= factor;
            before
        } else {
            break;
        };
        operand.value = before;
        operand.nodes.push(maker);
    }
    operand
}
