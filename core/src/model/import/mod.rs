//! From ONNX nodes to a [`Graph`].
//!
//! Nodes are taken in file order (ONNX demands a topological one). Each tensor name is bound to
//! a constant, to a value, or to the codes of a value between QuantizeLinear and
//! DequantizeLinear.

mod bytes;
mod elementwise;
mod float;
mod fold;
mod mac;
mod memory;
pub(super) mod movement;
mod product;
mod quantize;
mod signature;
mod types;
mod work;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rten::Value as Tensor;
use rten_tensor::Layout;

use super::check::shapes;
use super::check::text::plain;
use super::error::{ModelError, ModelErrorKind};
use super::float::FloatGraph;
use super::legal::{self, Builder, Known};
use super::onnx::{OnnxFile, opset};
use super::operator::{Feed, Source};
use super::tensor::numbers;
use super::{Attention, Graph, Mac, Node, NodeKind, Run, Value, ValueId, pb};
use memory::{MOST_ELEMENTS, Memory};
use movement::storage_order;
use product::Rows;
use quantize::QuantizedConstant;
use types::Kind;

type Result<T> = std::result::Result<T, ModelErrorKind>;

/// What a tensor name stands for.
#[derive(Clone)]
pub(super) enum Binding {
    /// Known now; with the codes it was dequantised from, if any.
    Constant(Arc<Tensor>, Option<Arc<QuantizedConstant>>),
    /// Known at run time.
    Value(ValueId),
    /// The integer tensor between a QuantizeLinear and its DequantizeLinear.
    Codes(Codes),
}

/// Codes of a value, int8 or uint8 in the file.
#[derive(Clone, Copy)]
pub(super) struct Codes {
    pub value: ValueId,
    pub signed: bool,
}

pub(super) struct Importer<'a> {
    file: &'a OnnxFile,
    opsets: Arc<Vec<pb::OperatorSetIdProto>>,
    /// The version of ONNX's own operators.
    opset: i64,
    /// Makes the nodes that rten runs of those that it does not.
    builder: Builder,
    /// The float reference: all nodes that are not folded into constants.
    float: FloatGraph,
    bindings: HashMap<String, Binding>,
    /// How many nodes and graph outputs read each tensor name.
    uses: HashMap<String, usize>,
    values: Vec<Value>,
    nodes: Vec<Node>,
    /// Tensors of int8 or uint8 whose values hold real numbers: integer inputs, and what was moved of
    /// them.
    bytes: HashSet<String>,
    /// The Mac node that made a value, for folding what follows into it.
    mac_of: HashMap<ValueId, usize>,
    /// Where products of two activations are to run.
    attention: Attention,
    /// Whether there are any.
    multiplies_activations: bool,
    /// The rows behind stacks of matrices that such products made.
    rows: HashMap<ValueId, Rows>,
    memory: Memory,
}

pub(super) fn import(
    file: &OnnxFile,
    input_shape: Option<&[usize]>,
    attention: Attention,
) -> std::result::Result<Graph, ModelError> {
    let graph = file.graph();
    let opsets = Arc::new(file.proto.opset_import.clone());
    let mut importer = Importer {
        file,
        opsets: opsets.clone(),
        opset: opset(&opsets),
        builder: Builder::new(graph),
        float: FloatGraph::new(graph, &opsets),
        bindings: HashMap::new(),
        uses: HashMap::new(),
        values: Vec::new(),
        nodes: Vec::new(),
        bytes: HashSet::new(),
        mac_of: HashMap::new(),
        attention,
        multiplies_activations: false,
        rows: HashMap::new(),
        memory: Memory::default(),
    };
    let read = graph.node.iter().flat_map(legal::reads);
    let read: Vec<&str> =
        read.chain(graph.output.iter().map(|output| output.name.as_str())).collect();
    importer.memory.will_read(read.iter().copied());
    for name in read {
        *importer.uses.entry(name.into()).or_default() += 1;
    }
    for (name, tensor) in &file.constants {
        importer.bindings.insert(name.clone(), Binding::Constant(tensor.clone(), None));
    }
    let kind = |kind| file.error(kind);
    let inputs = importer.bind_inputs(input_shape).map_err(kind)?;
    for &input in &inputs {
        let value = &importer.values[input];
        importer.memory.made(&value.name, value.volume() as u128);
    }
    for proto in &graph.node {
        importer.node(proto).map_err(kind)?;
    }
    let outputs = importer.outputs().map_err(kind)?;
    let attention = importer.multiplies_activations.then_some(attention);
    let mut float = importer.float;
    float.add_constants(|name| match importer.bindings.get(name) {
        Some(Binding::Constant(tensor, _)) => Some(tensor.clone()),
        _ => None,
    });
    let mut graph = Graph {
        sha256: file.sha256.clone(),
        values: importer.values,
        nodes: importer.nodes,
        inputs,
        outputs,
        attention,
        recoded: 0,
        float: Arc::new(float),
    };
    drop_unread_nodes(&mut graph);
    if graph.macs().next().is_none() {
        return Err(kind(ModelErrorKind::Signature(
            "has no Conv, Gemm or MatMul with constant weights: nothing would run on the multipliers"
                .into(),
        )));
    }
    Ok(graph)
}

/// Checks a node against what is known of its inputs, before anything of it runs: how many
/// elements its largest output has, where that can be told.
fn check(
    proto: &pb::NodeProto,
    known: &[Option<Known>],
    opset: i64,
) -> std::result::Result<Option<u128>, String> {
    // Larger constants are weights: no shape or index is read from them.
    const SMALL: usize = 10_000;
    let inputs: Vec<_> = known
        .iter()
        .map(|known| {
            let known = known.as_ref()?;
            let small = known.constant.as_deref().filter(|tensor| tensor.len() < SMALL);
            let (integers, floats) = match small {
                Some(tensor @ Tensor::FloatTensor(_)) => (None, numbers(tensor)),
                Some(tensor) => (numbers(tensor), None),
                None => (None, None),
            };
            Some(shapes::Known { shape: &known.shape, integers, floats })
        })
        .collect();
    shapes::most_output_elements(proto, opset, &inputs)
}

/// Nodes that do not contribute to the output (training leftovers) would only cost time.
fn drop_unread_nodes(graph: &mut Graph) {
    let mut needed = vec![false; graph.values.len()];
    graph.outputs.iter().for_each(|&output| needed[output] = true);
    let mut keep = vec![false; graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        keep[index] = node.outputs.iter().any(|&output| needed[output]);
        if keep[index] {
            node.inputs.iter().for_each(|&input| needed[input] = true);
        }
    }
    let mut keep = keep.into_iter();
    graph.nodes.retain(|_| keep.next() == Some(true));
}

/// A node's name, or its first output's when the file gives it none.
pub(super) fn node_name(node: &pb::NodeProto) -> &str {
    match node.output.first() {
        Some(output) if node.name.is_empty() => output,
        _ => &node.name,
    }
}

impl Importer<'_> {
    fn node(&mut self, proto: &pb::NodeProto) -> Result<()> {
        let name = node_name(proto);
        let fail = |reason: String| ModelErrorKind::node(name, &proto.op_type, reason);
        let mut inputs = Vec::with_capacity(proto.input.len());
        for input in &proto.input {
            inputs.push(match self.bindings.get(input) {
                Some(binding) => Some(binding.clone()),
                None if input.is_empty() => None,
                None => {
                    return Err(fail(format!(
                        "reads tensor \"{input}\", which nothing before it makes"
                    )));
                }
            });
        }
        if self.bytes_beside_codes(proto, &inputs) {
            self.reads_no_more(proto);
            self.nodes_in_place()?;
            self.memory.has_read(legal::reads(proto).into_iter());
            return Ok(());
        }
        let known = self.known(&inputs);
        let opset = self.opset;
        let constant = inputs.iter().flatten().all(|input| matches!(input, Binding::Constant(..)));
        self.check_bytes(proto).map_err(&fail)?;
        self.check_types(proto, &inputs).map_err(&fail)?;
        let largest = check(proto, &known, opset).map_err(&fail)?;
        if let Some(elements) = largest {
            let outputs = proto.output.iter().filter(|output| !output.is_empty()).count();
            let elements = elements.saturating_mul(outputs as u128);
            self.memory.check(elements, constant).map_err(&fail)?;
        }
        if legal::rewrite(&mut self.builder, proto, &known, opset).map_err(&fail)? {
            self.reads_no_more(proto);
            self.nodes_in_place()?;
        } else {
            self.node_as_it_is(proto, inputs, constant, largest.unwrap_or(0))?;
        }
        for output in &proto.output {
            match self.bindings.get(output) {
                Some(Binding::Constant(tensor, _)) if constant => {
                    self.memory.folded(tensor.len() as u128);
                }
                Some(Binding::Value(id) | Binding::Codes(Codes { value: id, .. })) => {
                    self.memory.made(output, self.values[*id].volume() as u128);
                }
                _ => {}
            }
        }
        self.memory.has_read(legal::reads(proto).into_iter());
        Ok(())
    }

    /// A node that rten has, whose largest output has so many elements.
    fn node_as_it_is(
        &mut self,
        proto: &pb::NodeProto,
        inputs: Vec<Option<Binding>>,
        constant: bool,
        elements: u128,
    ) -> Result<()> {
        let fail = |reason| ModelErrorKind::node(node_name(proto), &proto.op_type, reason);
        if proto.op_type == "DequantizeLinear" && self.bytes.contains(&proto.input[0]) {
            self.dequantize_bytes(proto);
            self.reads_no_more(proto);
            return self.nodes_in_place();
        }
        let on_codes = inputs.iter().flatten().any(|input| matches!(input, Binding::Codes(_)));
        if on_codes
            && !matches!(proto.op_type.as_str(), "DequantizeLinear" | "Identity" | "Shape" | "Size")
        {
            self.on_codes(proto, &inputs).map_err(fail)?;
            self.reads_no_more(proto);
            return self.nodes_in_place();
        }
        if !constant {
            let shape = |input: &Option<Binding>| {
                input.as_ref().map_or(Vec::new(), |input| self.shape_of_binding(input))
            };
            let shapes = inputs.iter().map(shape).collect();
            self.float.nodes.push((proto.clone(), shapes));
        }
        let handled = match proto.op_type.as_str() {
            "Identity" => self.alias(proto, &inputs),
            "Cast" if self.is_cast_of_number(proto, &inputs) => self.alias(proto, &inputs),
            "DequantizeLinear" => self.dequantize(proto, &inputs)?,
            _ if constant => {
                self.check_work(proto, &inputs, elements).map_err(fail)?;
                self.fold_constants(proto, &inputs)?;
                true
            }
            "Shape" | "Size" => self.shape_of(proto, &inputs),
            "QuantizeLinear" => self.quantize(proto, &inputs)?,
            // rten says what is wrong with other operands.
            _ if !self.all_real(&inputs) => false,
            "MatMul" if product::matmul(self, proto, &inputs)? => true,
            "Mul" | "Div" => product::scale(self, proto, &inputs),
            "Softmax" => product::softmax(self, proto, &inputs),
            "Conv" | "Gemm" | "MatMul" => mac::import(self, proto, &inputs)?,
            "BatchNormalization" => fold::batch_norm(self, proto, &inputs)?,
            "Add" | "Sum" => self.add(proto, &inputs)?,
            "Relu" => self.clip(proto, &inputs, 0.0, f32::INFINITY),
            "Clip" => self.clip_between(proto, &inputs)?,
            _ => false,
        };
        if handled {
            return Ok(());
        }
        self.check_work(proto, &inputs, elements).map_err(fail)?;
        self.in_float(proto, &inputs)
    }

    /// Whether all inputs are real numbers, which Recoup's own operators work on.
    fn all_real(&self, inputs: &[Option<Binding>]) -> bool {
        inputs.iter().flatten().all(|input| match input {
            Binding::Constant(tensor, _) => matches!(**tensor, Tensor::FloatTensor(_)),
            Binding::Value(id) => !self.values[*id].integer,
            Binding::Codes(_) => false,
        })
    }

    /// Other nodes stand for this one: it is no reader of its inputs.
    fn reads_no_more(&mut self, proto: &pb::NodeProto) {
        for name in legal::reads(proto) {
            if let Some(uses) = self.uses.get_mut(name) {
                *uses = uses.saturating_sub(1);
            }
        }
    }

    /// Imports what the builder holds in place of a node.
    fn nodes_in_place(&mut self) -> Result<()> {
        let (nodes, constants) = self.builder.take();
        for (name, tensor) in constants {
            self.bindings.insert(name, Binding::Constant(Arc::new(tensor), None));
        }
        let read: Vec<&str> = nodes.iter().flat_map(legal::reads).collect();
        self.memory.will_read(read.iter().copied());
        for name in read {
            *self.uses.entry(name.into()).or_default() += 1;
        }
        nodes.iter().try_for_each(|node| self.node(node))
    }

    /// What is known of a node's inputs before it runs.
    fn known(&self, inputs: &[Option<Binding>]) -> Vec<Option<Known>> {
        let known = |binding: &Binding| {
            let (signed, constant) = match binding {
                Binding::Constant(tensor, _) => {
                    (matches!(**tensor, Tensor::Int8Tensor(_)), Some(tensor.clone()))
                }
                Binding::Value(_) => (false, None),
                Binding::Codes(codes) => (codes.signed, None),
            };
            let real = self.kind(binding) == Kind::Real;
            Known { shape: self.shape_of_binding(binding), signed, real, constant }
        };
        inputs.iter().map(|input| input.as_ref().map(known)).collect()
    }

    /// The shape of what a name stands for.
    fn shape_of_binding(&self, binding: &Binding) -> Vec<usize> {
        match binding {
            Binding::Constant(tensor, _) => tensor.shape().to_vec(),
            Binding::Value(id) | Binding::Codes(Codes { value: id, .. }) => {
                self.values[*id].shape.clone()
            }
        }
    }

    /// A new value for the node's first output.
    pub(super) fn new_output(&mut self, proto: &pb::NodeProto, shape: Vec<usize>) -> ValueId {
        let tensor = &proto.output[0];
        let id = self.add_value(tensor, tensor, shape);
        self.bindings.insert(tensor.clone(), Binding::Value(id));
        id
    }

    /// A new value with the elements of ONNX tensor `tensor`.
    pub(super) fn add_value(&mut self, name: &str, tensor: &str, shape: Vec<usize>) -> ValueId {
        self.values.push(Value {
            name: name.into(),
            tensor: tensor.into(),
            shape,
            quantization: None,
            integer: false,
        });
        self.values.len() - 1
    }

    pub(super) fn value(&self, id: ValueId) -> &Value {
        &self.values[id]
    }

    pub(super) fn add_node(
        &mut self,
        name: &str,
        operator: &str,
        kind: NodeKind,
        inputs: Vec<ValueId>,
        output: ValueId,
    ) -> usize {
        self.nodes.push(Node {
            name: plain(name),
            operator: operator.into(),
            kind,
            inputs,
            outputs: vec![output],
            source: None,
        });
        self.nodes.len() - 1
    }

    /// A Movement that reads `input` in the logical order `permutation` and gives it `shape`.
    pub(super) fn rearranged(
        &mut self,
        proto: &pb::NodeProto,
        input: ValueId,
        permutation: &[usize],
        shape: Vec<usize>,
    ) -> Result<ValueId> {
        let name = node_name(proto);
        let elements = self.values[input].volume();
        if elements > movement::MOST_ELEMENTS {
            let reason = format!(
                "needs {elements} elements in another order; Recoup reorders up to {}",
                movement::MOST_ELEMENTS
            );
            return Err(ModelErrorKind::node(name, &proto.op_type, reason));
        }
        let runs: Arc<[Run]> = movement::permuted(&self.values[input].shape, permutation, &shape);
        let tensor = self.values[input].tensor.clone();
        let output = self.add_value(&format!("{}/rows", self.values[input].name), &tensor, shape);
        self.values[output].quantization = self.values[input].quantization;
        self.add_node(name, "(layout)", NodeKind::Movement(runs), vec![input], output);
        Ok(output)
    }

    /// Binds the node's first output to `value`, which takes its name.
    pub(super) fn bind(&mut self, proto: &pb::NodeProto, value: ValueId) {
        self.rename(&proto.output[0], value);
    }

    fn rename(&mut self, tensor: &str, value: ValueId) {
        self.values[value].name = tensor.into();
        self.values[value].tensor = tensor.into();
        self.bindings.insert(tensor.into(), Binding::Value(value));
    }

    /// Gives a value another shape of the same storage order (no rank 4 on either side).
    pub(super) fn reshape(&mut self, value: ValueId, shape: Vec<usize>) {
        self.values[value].shape = shape;
    }

    /// Remembers that `value` comes out of the Mac node `node`, filter by filter.
    pub(super) fn set_mac_of(&mut self, value: ValueId, node: usize) {
        self.mac_of.insert(value, node);
    }

    /// Whether `value` comes straight out of a convolution.
    pub(super) fn is_convolution(&self, value: ValueId) -> bool {
        let node = self.mac_of.get(&value).map(|&node| &self.nodes[node]);
        node.is_some_and(|node| node.operator.starts_with("Conv"))
    }

    /// The Mac of `filters` filters that made `value`, when the node `reader` is the only one to
    /// read it: then what `reader` does can be folded into the weights. The value takes the name
    /// of `reader`'s output, since it now holds what `reader` would have made.
    pub(super) fn fold_into(
        &mut self,
        value: ValueId,
        reader: &pb::NodeProto,
        filters: usize,
    ) -> Option<(&mut Mac, &mut String)> {
        let node = *self.mac_of.get(&value)?;
        let read_once = self.uses.get(self.values[value].name.as_str()) == Some(&1);
        let fits =
            matches!(&self.nodes[node].kind, NodeKind::Mac(mac) if mac.shape.filters == filters);
        if !read_once || !fits {
            return None;
        }
        self.rename(&reader.output[0], value);
        let node = &mut self.nodes[node];
        match &mut node.kind {
            NodeKind::Mac(mac) => Some((mac, &mut node.operator)),
            _ => None,
        }
    }
}
