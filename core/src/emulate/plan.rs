//! The order of work: which nodes run together, and where their tensors live.
//!
//! A layer on the multipliers takes along what follows it and nobody else reads: the addition of
//! a residual, a clip, the quantiser of its output, and a function of its codes. Its products thus go
//! from codes to codes in one pass. Other operators between them run on codes where they can, else
//! in stretches. Buffers are shared between tensors that
//! are never alive at the same time.

use recoup_kernels::Pairing;

use crate::model::{ActivationQuantization, Graph, Node, NodeKind, Stretch, ValueId};
use crate::quantize::Quantized;

use super::attention::{Attention, attentions};
use super::average::{Average, average};
use super::functions::{Function, Functions};
use super::normalization::{Normalization, normalization};
use super::orders::{Movements, Order, Wires};
use super::single::found;
use super::softmax::{Softmax, softmax};
use super::stretches;

/// How a tensor is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Format {
    Codes(ActivationQuantization),
    Floats,
}

/// Where a tensor lives: a buffer of its format's kind, and how many elements of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub format: Format,
    pub buffer: usize,
    pub length: usize,
}

/// One step of the execution.
#[derive(Debug)]
pub(super) struct Step {
    /// The node that gives the step its kind and name.
    pub node: usize,
    /// All that it runs, in execution order.
    pub nodes: Vec<usize>,
    pub inputs: Vec<ValueId>,
    pub outputs: Vec<ValueId>,
    /// For a layer on the multipliers.
    pub mac: Option<FusedMac>,
    /// For nodes that run in float.
    pub float: Option<FloatWork>,
    /// For a function of codes that no layer takes along: index into [`Plan::functions`].
    pub function: Option<usize>,
    /// For a product or a sum of two tensors of codes.
    pub pairing: Option<Pairing>,
    /// For movements of one tensor: index into [`Plan::orders`].
    pub order: Option<usize>,
}

/// What runs in float.
#[derive(Clone, Copy, Debug)]
pub(super) enum FloatWork {
    /// Index into [`Plan::stretches`].
    Stretch(usize),
    /// Index into [`Plan::attentions`].
    Attention(usize),
    /// Index into [`Plan::normalizations`].
    Normalization(usize),
    /// Index into [`Plan::softmaxes`].
    Softmax(usize),
    /// Index into [`Plan::averages`].
    Average(usize),
}

impl Step {
    fn of_nodes(nodes: Vec<usize>, inputs: Vec<ValueId>, outputs: Vec<ValueId>) -> Self {
        let (node, mac, float, function) = (nodes[0], None, None, None);
        let (pairing, order) = (None, None);
        Self { node, nodes, inputs, outputs, mac, float, function, pairing, order }
    }
}

/// A layer with what was fused into it.
#[derive(Clone, Copy, Debug)]
pub(super) struct FusedMac {
    /// Index into [`Quantized::macs`].
    pub layer: usize,
    /// What is loaded in the place of weights, if each image brings it.
    pub loaded: Option<ValueId>,
    /// Added to the output before the clip.
    pub residual: Option<ValueId>,
    pub low: f32,
    pub high: f32,
    /// Of the codes that it writes, index into [`Plan::functions`].
    pub function: Option<usize>,
}

/// The steps of a network and the buffers they need; the same for every multiplier.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub steps: Vec<Step>,
    pub stretches: Vec<Stretch>,
    pub attentions: Vec<Attention>,
    pub normalizations: Vec<Normalization>,
    pub softmaxes: Vec<Softmax>,
    pub averages: Vec<Average>,
    pub orders: Vec<Order>,
    pub functions: Vec<Function>,
    /// Per value; `None` for values that were fused away.
    pub places: Vec<Option<Place>>,
    /// Per step: where the values lie that nobody reads after it.
    pub dead_after: Vec<Vec<Place>>,
    /// Sizes of the buffers of codes.
    pub code_buffers: Vec<usize>,
    /// Sizes of the buffers of floats.
    pub float_buffers: Vec<usize>,
}

impl Plan {
    pub fn new(network: &Quantized) -> Self {
        let functions = Functions::new(network);
        let mut plan = fuse(network, &functions);
        plan.functions = functions.all;
        plan.places = vec![None; network.graph.values.len()];
        plan.allocate(network);
        plan
    }

    pub fn place(&self, value: ValueId) -> Place {
        self.places[value].expect("every value that a step touches has a place")
    }

    /// Whether the next step adds the real outputs of this layer to its own, and nobody else reads
    /// them: they are larger than codes, and both may run on one image before the next.
    pub fn feeds_next(&self, step: usize) -> bool {
        let Some(next) = self.steps.get(step + 1) else { return false };
        feeds(&self.steps[step], next)
            && self.place(self.steps[step].outputs[0]).format == Format::Floats
    }

    /// Gives every value a buffer from its first write to its last read.
    fn allocate(&mut self, network: &Quantized) {
        let graph = &network.graph;
        let mut last_read = vec![0; graph.values.len()];
        for (index, step) in self.steps.iter().enumerate() {
            step.inputs.iter().chain(&step.outputs).for_each(|&value| last_read[value] = index);
        }
        graph.outputs.iter().for_each(|&output| last_read[output] = self.steps.len());
        let mut pools = Pools::default();
        for &input in &graph.inputs {
            self.places[input] = Some(pools.take(network, input));
        }
        let mut released: Vec<Place> = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            // Not before the next step: a step must not write where it reads.
            released.drain(..).for_each(|place| pools.give_back(place));
            for &output in &step.outputs {
                self.places[output] = Some(pools.take(network, output));
            }
            let mut touched: Vec<ValueId> =
                step.inputs.iter().chain(&step.outputs).copied().collect();
            touched.sort_unstable();
            touched.dedup();
            let dead = touched.into_iter().filter(|&value| last_read[value] == index);
            released
                .extend(dead.map(|value| self.places[value].expect("written before it is read")));
            self.dead_after.push(released.clone());
        }
        self.code_buffers = pools.codes.sizes;
        self.float_buffers = pools.floats.sizes;
    }
}

/// The buffers of both kinds.
#[derive(Default)]
struct Pools {
    codes: Pool,
    floats: Pool,
}

impl Pools {
    fn take(&mut self, network: &Quantized, value: ValueId) -> Place {
        let length = network.graph.values[value].volume();
        match network.activations[value] {
            Some(quantization) => Place {
                format: Format::Codes(quantization),
                buffer: self.codes.take(length),
                length,
            },
            None => Place { format: Format::Floats, buffer: self.floats.take(length), length },
        }
    }

    fn give_back(&mut self, place: Place) {
        match place.format {
            Format::Codes(_) => self.codes.free.push(place.buffer),
            Format::Floats => self.floats.free.push(place.buffer),
        }
    }
}

/// Buffers of one kind.
#[derive(Default)]
struct Pool {
    sizes: Vec<usize>,
    free: Vec<usize>,
}

impl Pool {
    /// The free buffer that needs the least growing, or a new one.
    fn take(&mut self, length: usize) -> usize {
        let waste = |buffer: &usize| self.sizes[*buffer].abs_diff(length);
        let best = (0..self.free.len()).min_by_key(|&index| waste(&self.free[index]));
        let buffer = match best {
            Some(index) => self.free.swap_remove(index),
            None => {
                self.sizes.push(0);
                self.sizes.len() - 1
            }
        };
        self.sizes[buffer] = self.sizes[buffer].max(length);
        buffer
    }
}

/// Nodes to steps. Of two layers that an addition joins, the later one takes it along.
fn fuse(network: &Quantized, functions: &Functions) -> Plan {
    let graph = &network.graph;
    let uses = graph.use_counts();
    let readers = readers(graph);
    let mut fused_away = functions.replaced.clone();
    let mut functions_taken = vec![false; functions.all.len()];
    // (position, step): a fused layer runs where its last part stood.
    let mut steps: Vec<(usize, Step)> = Vec::new();
    for (layer, mac) in network.macs.iter().enumerate().rev() {
        let node = &graph.nodes[mac.node];
        let mut fused = FusedMac {
            layer,
            loaded: node.inputs.get(1).copied(),
            residual: None,
            low: f32::NEG_INFINITY,
            high: f32::INFINITY,
            function: None,
        };
        let (mut output, mut position, mut clipped) = (node.outputs[0], mac.node, false);
        let mut nodes = vec![mac.node];
        while network.activations[output].is_none()
            && uses[output] == 1
            && !graph.outputs.contains(&output)
        {
            let next = readers[output].expect("read once");
            let reader = &graph.nodes[next];
            match reader.kind {
                _ if fused_away[next] => break,
                NodeKind::Add
                    if fused.residual.is_none()
                        && !clipped
                        && reader.inputs[0] != reader.inputs[1] =>
                {
                    let other = reader.inputs.iter().find(|&&input| input != output);
                    fused.residual = other.copied();
                }
                NodeKind::Clip { low, high } if !clipped => {
                    (fused.low, fused.high) = (low, high);
                    clipped = true;
                }
                NodeKind::Quantize => {}
                _ => break,
            }
            fused_away[next] = true;
            nodes.push(next);
            (output, position) = (reader.outputs[0], next);
        }
        fused_away[mac.node] = true;
        if network.activations[output].is_some()
            && let Some(function) = functions.only_reader(graph, output)
        {
            (fused.function, functions_taken[function]) = (Some(function), true);
            nodes.extend(&functions.all[function].nodes);
            output = functions.all[function].output;
        }
        let mut inputs = node.inputs.clone();
        inputs.extend(fused.residual);
        let step = Step::of_nodes(nodes, inputs, vec![output]);
        steps.push((position, Step { mac: Some(fused), ..step }));
    }
    for (index, function) in
        functions.all.iter().enumerate().filter(|(it, _)| !functions_taken[*it])
    {
        let position = function.nodes[function.nodes.len() - 1];
        let step =
            Step::of_nodes(function.nodes.clone(), vec![function.input], vec![function.output]);
        steps.push((position, Step { function: Some(index), ..step }));
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        let Some((pairing, inputs)) = pair(network, node).filter(|_| !fused_away[index]) else {
            continue;
        };
        let (mut output, mut nodes) = (node.outputs[0], vec![index]);
        if network.activations[output].is_none() {
            let quantizer = readers[output].filter(|&reader| {
                let reads_alone = uses[output] == 1 && !fused_away[reader];
                reads_alone && matches!(graph.nodes[reader].kind, NodeKind::Quantize)
            });
            let Some(quantizer) = quantizer else { continue };
            fused_away[quantizer] = true;
            output = graph.nodes[quantizer].outputs[0];
            nodes.push(quantizer);
        }
        fused_away[index] = true;
        let position = nodes[nodes.len() - 1];
        let step = Step::of_nodes(nodes, inputs.to_vec(), vec![output]);
        steps.push((position, Step { pairing: Some(pairing), ..step }));
    }
    let mut plan = Plan::default();
    let wires = Wires::new(network);
    plan.attentions = attentions(&wires, &mut fused_away);
    for (index, it) in plan.attentions.iter().enumerate() {
        let step = Step::of_nodes(it.nodes.clone(), it.inputs.to_vec(), vec![it.output]);
        let position = it.nodes[it.nodes.len() - 1];
        steps.push((position, Step { float: Some(FloatWork::Attention(index)), ..step }));
    }
    plan.normalizations = found(network, &mut fused_away, normalization);
    for (index, it) in plan.normalizations.iter().enumerate() {
        let step = Step::of_nodes(vec![it.node], vec![it.input], vec![it.output]);
        steps.push((it.node, Step { float: Some(FloatWork::Normalization(index)), ..step }));
    }
    plan.softmaxes = found(network, &mut fused_away, softmax);
    for (index, it) in plan.softmaxes.iter().enumerate() {
        let step = Step::of_nodes(vec![it.node], vec![it.input], vec![it.output]);
        steps.push((it.node, Step { float: Some(FloatWork::Softmax(index)), ..step }));
    }
    plan.averages = found(network, &mut fused_away, average);
    for (index, it) in plan.averages.iter().enumerate() {
        let step = Step::of_nodes(vec![it.node], vec![it.input], vec![it.output]);
        steps.push((it.node, Step { float: Some(FloatWork::Average(index)), ..step }));
    }
    for group in stretches::groups(network, &fused_away) {
        let model = Stretch::new(graph, &group.nodes, &group.inputs, &group.outputs);
        group.nodes.iter().for_each(|&node| fused_away[node] = true);
        let position = group.nodes[group.nodes.len() - 1];
        let step = Step::of_nodes(group.nodes, group.inputs, group.outputs);
        let float = Some(FloatWork::Stretch(plan.stretches.len()));
        steps.push((position, Step { float, ..step }));
        plan.stretches.push(model);
    }
    // The step that reads through a node.
    let mut read_through = vec![None; graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        if fused_away[index] {
            continue;
        }
        if let Some(step) = read_through[index] {
            let output = node.outputs[0];
            let is_read = graph.outputs.contains(&output)
                || steps.iter().any(|(_, step): &(usize, Step)| step.inputs.contains(&output));
            if !is_read {
                let (_, step): &mut (usize, Step) = &mut steps[step];
                step.nodes.insert(0, index);
                continue;
            }
        }
        let Some(Movements { nodes, through, input, places }) = wires.movements(index, &fused_away)
        else {
            let step = Step::of_nodes(vec![index], node.inputs.clone(), node.outputs.clone());
            steps.push((index, step));
            continue;
        };
        nodes.iter().for_each(|&node| fused_away[node] = true);
        through.iter().for_each(|&node| read_through[node] = Some(steps.len()));
        let step = Step::of_nodes(nodes, vec![input], node.outputs.clone());
        steps.push((index, Step { order: Some(plan.orders.len()), ..step }));
        plan.orders.push(Order::new(places));
    }
    steps.sort_by_key(|(position, _)| *position);
    plan.steps = in_order(graph, steps.into_iter().map(|(_, step)| step).collect());
    join_feeders(network, &mut plan.steps);
    plan
}

/// Whether a layer adds to its outputs what another makes.
fn feeds(step: &Step, later: &Step) -> bool {
    let residual = later.mac.and_then(|fused| fused.residual);
    step.mac.is_some() && residual == Some(step.outputs[0])
}

/// Moves layers whose real outputs one other layer alone reads, to add them to its own, right before
/// that one: so they are not kept while what lies between is computed.
fn join_feeders(network: &Quantized, steps: &mut [Step]) {
    for index in (0..steps.len()).rev() {
        let output = steps[index].outputs[0];
        let is_real = network.activations[output].is_none();
        let reads = |step: &&Step| step.inputs.contains(&output);
        if !is_real
            || network.graph.outputs.contains(&output)
            || steps.iter().filter(reads).count() != 1
        {
            continue;
        }
        if let Some(reader) = (index + 1..steps.len()).find(|&at| feeds(&steps[index], &steps[at]))
        {
            steps[index..reader].rotate_left(1);
        }
    }
}

/// How a node pairs two tensors of codes, if it does.
fn pair(network: &Quantized, node: &Node) -> Option<(Pairing, [ValueId; 2])> {
    let pair = match (&node.kind, &node.inputs[..]) {
        (NodeKind::Add, &[left, right]) => (Pairing::Sum, [left, right]),
        _ => (Pairing::Product, network.graph.factors(node)?),
    };
    pair.1.iter().all(|&value| network.activations[value].is_some()).then_some(pair)
}

/// Steps such that each comes after those that it reads from, else in the order given.
fn in_order(graph: &Graph, mut waiting: Vec<Step>) -> Vec<Step> {
    let mut known = vec![false; graph.values.len()];
    graph.inputs.iter().for_each(|&input| known[input] = true);
    let mut steps = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|step| step.inputs.iter().all(|&input| known[input]));
        let step = waiting.remove(ready.expect("a graph without circles"));
        step.outputs.iter().for_each(|&output| known[output] = true);
        steps.push(step);
    }
    steps
}

/// The last node that reads each value.
fn readers(graph: &Graph) -> Vec<Option<usize>> {
    let mut readers = vec![None; graph.values.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        node.inputs.iter().for_each(|&input| readers[input] = Some(index));
    }
    readers
}
