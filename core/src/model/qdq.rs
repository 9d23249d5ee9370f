//! The network as an ONNX file that brings its codes: QuantizeLinear and DequantizeLinear (QDQ) where
//! the float model has a tensor that is codes, and weights and biases in their place as integers.
//!
//! What is written are the nodes of the float model, batch 1. What was folded into a layer is gone
//! there, too: its weights are codes of the folded ones.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rten::Value as Tensor;
use rten_tensor::Layout;

use crate::numeric::transposed;

use super::attributes::int;
use super::check::text::plain;
use super::import::node_name;
use super::legal::whole;
use super::onnx::opset;
use super::pb::tensor_proto::DataType;
use super::runtime::value_info;
use super::{ActivationQuantization, Graph, LoadedOperand, NodeKind, Value, ValueId, pb, tensor};

/// The first version of ONNX's operators in which a scale may be one per channel.
pub(crate) const FIRST_OPSET: i64 = 13;

/// A layer with weights, in codes.
pub(crate) struct CodedLayer {
    /// Index of its node in [`Graph::nodes`].
    pub node: usize,
    /// In the order of [`super::Mac::loaded`], as int8 or as uint8.
    pub codes: Codes,
    /// Per filter, what the result is multiplied by included.
    pub scales: Vec<f32>,
    /// Per filter, of the codes' type.
    pub zero_points: Vec<u8>,
    /// Per filter, in units of scale times the input's scale.
    pub bias: Vec<i32>,
    /// Scale of the layer's input.
    pub input_scale: f32,
}

/// Codes of 8 bits.
pub(crate) struct Codes {
    /// As the file has them: int8 in two's complement.
    pub bytes: Vec<u8>,
    /// Whether they are int8.
    pub signed: bool,
}

/// How a tensor's values become codes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct CodedTensor {
    /// Scale and zero point.
    pub quantization: ActivationQuantization,
    /// Low bits that are 0 in every code.
    pub dropped_bits: u32,
}

/// What cannot be written.
#[derive(Debug)]
pub(crate) enum Unwritable {
    /// The version of the file's operators has no scales by channel.
    Opset(i64),
    /// A layer that the float model does not have as one node.
    Layer(String),
}

impl Graph {
    /// The float model with these codes: of layers with weights, and of values, by their numbers.
    /// Channels of some tensors are divided by `scaled` first.
    pub(crate) fn to_qdq(
        &self,
        layers: &[CodedLayer],
        tensors: &[Option<CodedTensor>],
        scaled: &[(String, Vec<f32>)],
    ) -> Result<pb::ModelProto, Unwritable> {
        let opsets = self.float.opsets();
        let version = opset(opsets);
        if version < FIRST_OPSET {
            return Err(Unwritable::Opset(version));
        }
        let sites = self.sites()?;
        let mut writer = Writer::new(self, tensors, scaled);
        writer.inputs();
        let folded: HashSet<usize> = sites.iter().flat_map(|site| &site.folded).copied().collect();
        let mut sites = sites.into_iter().peekable();
        for (index, (node, _)) in self.float.nodes.iter().enumerate() {
            if let Some(site) = sites.next_if(|site| site.float == index) {
                let layer = layers.iter().find(|layer| layer.node == site.node);
                writer.layer(&site, layer, node.clone());
            } else if !folded.contains(&index) {
                writer.node(as_float32(node.clone()));
            }
        }
        Ok(pb::ModelProto {
            // The first versions of the format in which these operators may be.
            ir_version: match version {
                ..=18 => 8,
                19..=20 => 9,
                _ => 10,
            },
            producer_name: "recoup".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            opset_import: opsets.to_vec(),
            graph: Some(writer.finish()),
            ..Default::default()
        })
    }

    /// The nodes of the float model that the layers are made of, in their order.
    fn sites(&self) -> Result<Vec<Site>, Unwritable> {
        let nodes = &self.float.nodes;
        let mut readers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, (node, _)) in nodes.iter().enumerate() {
            for input in &node.input {
                readers.entry(input).or_default().push(index);
            }
        }
        let mut next = 0;
        let mut sites = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let NodeKind::Mac(mac) = &node.kind else { continue };
            let mut parts = node.operator.split('+');
            let operator = parts.next().unwrap_or_default();
            let is_it = |&at: &usize| {
                nodes[at].0.op_type == operator && plain(node_name(&nodes[at].0)) == node.name
            };
            let missing = || Unwritable::Layer(node.name.clone());
            let at = (next..nodes.len()).find(is_it).ok_or_else(missing)?;
            next = at + 1;
            let mut site = Site {
                node: index,
                float: at,
                folded: vec![],
                output: nodes[at].0.output[0].clone(),
            };
            let mut left = if mac.loads_value() { 0 } else { parts.count() };
            while left > 0 {
                let Some(&[reader]) = readers.get(site.output.as_str()).map(Vec::as_slice) else {
                    return Err(missing());
                };
                let (reading, _) = &nodes[reader];
                // What only gives another name is no part of the layer.
                left -= usize::from(!matches!(reading.op_type.as_str(), "Identity" | "Cast"));
                site.folded.push(reader);
                site.output = reading.output[0].clone();
            }
            sites.push(site);
        }
        Ok(sites)
    }
}

/// Where a layer is in the float model.
struct Site {
    /// Its node in [`Graph::nodes`].
    node: usize,
    /// Its node in the float model.
    float: usize,
    /// The nodes behind it that were folded into it.
    folded: Vec<usize>,
    /// The tensor that the last of them makes.
    output: String,
}

/// The codes of a tensor where it is made.
#[derive(Clone, Copy, PartialEq)]
struct Primary {
    coded: CodedTensor,
    /// Whether it is made of such codes by taking them elsewhere.
    is_handed_on: bool,
}

struct Writer<'a> {
    graph: &'a Graph,
    tensors: &'a [Option<CodedTensor>],
    /// Tensors whose readers all read codes, by name.
    primary: HashMap<&'a str, Primary>,
    scaled: HashMap<&'a str, &'a [f32]>,
    nodes: Vec<pb::NodeProto>,
    /// New constants.
    constants: Vec<pb::TensorProto>,
    /// Inputs of the network that have another name behind their codes.
    renamed: HashMap<String, String>,
    names: HashSet<String>,
}

impl<'a> Writer<'a> {
    fn new(
        graph: &'a Graph,
        tensors: &'a [Option<CodedTensor>],
        scaled: &'a [(String, Vec<f32>)],
    ) -> Self {
        let made =
            graph.float.nodes.iter().flat_map(|(node, _)| node.input.iter().chain(&node.output));
        let names = made.chain(&graph.float.inputs).cloned().collect();
        let mut writer = Self {
            graph,
            tensors,
            primary: HashMap::new(),
            scaled: scaled.iter().map(|(name, scales)| (name.as_str(), &scales[..])).collect(),
            nodes: Vec::new(),
            constants: Vec::new(),
            renamed: HashMap::new(),
            names,
        };
        let handed_on: HashSet<ValueId> = graph
            .nodes
            .iter()
            .filter(|node| writer.hands_on(node))
            .flat_map(|node| node.outputs.iter().copied())
            .collect();
        for (id, value) in graph.values.iter().enumerate() {
            if let Some(coded) = writer.coded(id).filter(|_| value.name == value.tensor) {
                let primary = Primary { coded, is_handed_on: handed_on.contains(&id) };
                writer.primary.insert(&value.tensor, primary);
            }
        }
        writer
    }

    /// The codes of a value that the model does not bring: those are in its float model.
    fn coded(&self, value: ValueId) -> Option<CodedTensor> {
        self.tensors[value].filter(|_| self.graph.values[value].quantization.is_none())
    }

    /// Whether a node makes codes of the same codes.
    fn hands_on(&self, node: &super::Node) -> bool {
        matches!(node.kind, NodeKind::Movement(_) | NodeKind::MaxPool(_))
            && node.inputs.iter().all(|&input| self.tensors[input] == self.tensors[node.outputs[0]])
    }

    /// A name that no tensor has.
    fn fresh(&mut self, of: &str, suffix: &str) -> String {
        let mut name = format!("{of}/{suffix}");
        while !self.names.insert(name.clone()) {
            name.push('_');
        }
        name
    }

    fn constant(&mut self, name: &str, suffix: &str, value: &Tensor) -> String {
        let name = self.fresh(name, suffix);
        self.constants.push(tensor::to_proto(&name, value));
        name
    }

    fn push(
        &mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attribute: Vec<pb::AttributeProto>,
    ) {
        self.nodes.push(pb::NodeProto {
            name: output.into(),
            op_type: operator.into(),
            input: inputs.iter().map(|&input| input.into()).collect(),
            output: vec![output.into()],
            attribute,
            ..Default::default()
        });
    }

    /// The codes of the network's inputs.
    fn inputs(&mut self) {
        for name in &self.graph.float.inputs {
            if let Some(primary) = self.primary.get(name.as_str()).copied() {
                let coded = self.fresh(name, "coded");
                self.codes(name, name, &coded, primary);
                self.renamed.insert(name.clone(), coded);
            }
        }
    }

    /// A node, with the codes of what it makes behind it.
    fn node(&mut self, mut node: pb::NodeProto) {
        for input in &mut node.input {
            if let Some(name) = self.renamed.get(input) {
                input.clone_from(name);
            }
        }
        let mut coded = Vec::new();
        for output in &mut node.output {
            if let Some(primary) = self.primary.get(output.as_str()).copied() {
                let real = self.fresh(output, "real");
                coded.push((real.clone(), std::mem::replace(output, real), primary));
            }
        }
        self.nodes.push(node);
        for (real, name, primary) in coded {
            let real = match self.scaled.get(name.as_str()).copied() {
                Some(scales) => {
                    let scales = tensor::floats(&[scales.len()], scales.to_vec());
                    let by = self.constant(&name, "channel_scales", &scales);
                    let divided = self.fresh(&name, "scaled");
                    self.push("Div", &[&real, &by], &divided, vec![]);
                    divided
                }
                None => real,
            };
            self.codes(&name, &real, &name, primary);
        }
    }

    /// From real values to what their codes stand for.
    fn codes(
        &mut self,
        name: &str,
        real: &str,
        to: &str,
        Primary { coded, is_handed_on }: Primary,
    ) {
        let CodedTensor { quantization, dropped_bits } = coded;
        let ActivationQuantization { scale, zero_point } = quantization;
        if dropped_bits == 0 || is_handed_on {
            self.pair(name, real, to, quantization);
            return;
        }
        // Codes of fewer bits, and then the same in steps of all bits. The largest are clipped between
        // them: behind each other, two pairs would be made one by ONNX Runtime, which rounds once.
        let step = scale * (1u32 << dropped_bits) as f32;
        let coarse = zero_point >> dropped_bits;
        let most = step * f32::from((255 >> dropped_bits) - coarse);
        let most = self.constant(name, "most", &tensor::floats(&[], vec![most]));
        let (rounded, clipped) = (self.fresh(name, "rounded"), self.fresh(name, "clipped"));
        let coarse = ActivationQuantization { scale: step, zero_point: coarse };
        self.pair(&rounded, real, &rounded, coarse);
        self.push("Clip", &[&rounded, "", &most], &clipped, vec![]);
        self.pair(name, &clipped, to, quantization);
    }

    fn pair(&mut self, name: &str, from: &str, to: &str, quantization: ActivationQuantization) {
        let ActivationQuantization { scale, zero_point } = quantization;
        let scale = self.constant(name, "scale", &tensor::floats(&[], vec![scale]));
        let zero_point = Codes::tensor(&[zero_point], false, &[]);
        let zero_point = self.constant(name, "zero_point", &zero_point);
        let codes = self.fresh(name, "codes");
        self.push("QuantizeLinear", &[from, &scale, &zero_point], &codes, vec![]);
        self.push("DequantizeLinear", &[&codes, &scale, &zero_point], to, vec![]);
    }

    /// A layer, with the codes of its weights if it has some.
    fn layer(&mut self, site: &Site, layer: Option<&CodedLayer>, mut node: pb::NodeProto) {
        node.name = node_name(&node).into();
        self.private_codes(site, &mut node);
        let Some(layer) = layer else { return self.node(node) };
        let constants = &self.graph.float.constants;
        let is_constant = |input: &String| constants.contains_key(input);
        let place = if node.op_type == "MatMul" && is_constant(&node.input[0]) { 0 } else { 1 };
        let shape = constants[&node.input[place]].shape().to_vec();
        let filters_first = int(&node, "transB").is_some_and(|flag| flag != 0);
        let axis = match node.op_type.as_str() {
            "Conv" => 0,
            "Gemm" => usize::from(!filters_first),
            _ => place,
        };
        let filters = layer.scales.len();
        let codes = layer.codes.weights(&node.op_type, axis, filters, &shape);
        let name = site.output.as_str();
        let axis_is = vec![whole("axis", axis as i64)];
        let codes = self.constant(name, "weight_codes", &codes);
        let scales = tensor::floats(&[filters], layer.scales.clone());
        let scale = self.constant(name, "weight_scale", &scales);
        let zero_points = Codes::tensor(&layer.zero_points, layer.codes.signed, &[filters]);
        let zero_point = self.constant(name, "weight_zero_point", &zero_points);
        let weights = self.fresh(name, "weight");
        self.push("DequantizeLinear", &[&codes, &scale, &zero_point], &weights, axis_is);
        node.input[place] = weights;
        // They are in the codes and the bias.
        node.attribute.retain(|attribute| !matches!(attribute.name.as_str(), "alpha" | "beta"));
        // Filters are rows behind a constant on the left.
        let shape = if place == 0 { vec![filters, 1] } else { vec![filters] };
        let has_bias = layer.bias.iter().any(|&bias| bias != 0);
        let bias = has_bias.then(|| self.bias(name, layer, &shape));
        node.output[0] = site.output.clone();
        if node.op_type != "MatMul" {
            node.input.truncate(2);
            node.input.extend(bias);
            return self.node(node);
        }
        let Some(bias) = bias else { return self.node(node) };
        let product = self.fresh(name, "product");
        node.output[0] = product.clone();
        let sum = pb::NodeProto {
            name: format!("{}/bias", node.name),
            op_type: "Add".into(),
            input: vec![product, bias],
            output: vec![site.output.clone()],
            ..Default::default()
        };
        self.node(node);
        self.node(sum);
    }

    /// The bias of a layer, in real units.
    fn bias(&mut self, name: &str, layer: &CodedLayer, shape: &[usize]) -> String {
        let codes = tensor::integers(shape, layer.bias.clone());
        let codes = self.constant(name, "bias_codes", &codes);
        let unit = |scale: &f32| scale * layer.input_scale;
        let units: Vec<f32> = layer.scales.iter().map(unit).collect();
        let scales = tensor::floats(&[units.len()], units);
        let scale = self.constant(name, "bias_scale", &scales);
        let bias = self.fresh(name, "bias");
        let axis = vec![whole("axis", 0)];
        self.push("DequantizeLinear", &[&codes, &scale], &bias, axis);
        bias
    }

    /// The codes of what a layer reads, where others read real values of the same tensor.
    fn private_codes(&mut self, site: &Site, node: &mut pb::NodeProto) {
        let NodeKind::Mac(mac) = &self.graph.nodes[site.node].kind else { return };
        let streamed = match mac.loaded_operand() {
            None => usize::from(self.graph.float.constants.contains_key(&node.input[0])),
            Some(LoadedOperand::Second) => 0,
            Some(LoadedOperand::First) => 1,
        };
        for (of_layer, &value) in self.graph.nodes[site.node].inputs.iter().enumerate() {
            let place = if of_layer == 0 { streamed } else { 1 - streamed };
            let Some(coded) = self.coded(value) else { continue };
            let tensor = self.graph.values[value].tensor.as_str();
            if self.primary.get(tensor).is_some_and(|primary| primary.coded == coded) {
                continue;
            }
            let from = node.input[place].clone();
            let from = self.renamed.get(&from).cloned().unwrap_or(from);
            let name = self.fresh(&from, "read");
            self.codes(&name, &from, &name, Primary { coded, is_handed_on: false });
            node.input[place] = name;
        }
    }

    /// The graph, without what nobody reads.
    fn finish(self) -> pb::GraphProto {
        let float = &self.graph.float;
        let mut read: HashSet<String> = float.outputs.iter().cloned().collect();
        let mut kept = Vec::new();
        for node in self.nodes.into_iter().rev() {
            if node.output.iter().any(|output| read.contains(output)) {
                read.extend(node.input.iter().cloned());
                kept.push(node);
            }
        }
        kept.reverse();
        // Nodes that stand for one of the file have its name, which other runtimes take once only.
        let mut names = HashSet::new();
        for node in &mut kept {
            node.name = node_name(node).into();
            while !names.insert(node.name.clone()) {
                node.name.push('_');
            }
        }
        let mut initializers = self.constants;
        initializers.retain(|constant| read.contains(&constant.name));
        let mut constants: Vec<(&String, &Arc<Tensor>)> =
            float.constants.iter().filter(|(name, _)| read.contains(*name)).collect();
        constants.sort_by_key(|(name, _)| *name);
        let conditions = conditions(&kept);
        initializers.extend(constants.into_iter().map(|(name, constant)| {
            as_onnx(tensor::to_proto(name, constant), conditions.contains(name.as_str()))
        }));
        let info = |name: &String, value: &Value| {
            let kind = if value.integer { DataType::Int64 } else { DataType::Float };
            value_info(name, kind, Some(&value.shape))
        };
        let all = |names: &[String], values: &[ValueId]| {
            let values = values.iter().map(|&value| &self.graph.values[value]);
            names.iter().zip(values).map(|(name, value)| info(name, value)).collect()
        };
        pb::GraphProto {
            name: "recoup".into(),
            node: kept,
            initializer: initializers,
            input: all(&float.inputs, &self.graph.inputs),
            output: all(&float.outputs, &self.graph.outputs),
            ..Default::default()
        }
    }
}

impl Codes {
    fn tensor(bytes: &[u8], signed: bool, shape: &[usize]) -> Tensor {
        const MADE: &str = "as many codes as the shape has";
        match signed {
            true => {
                let codes: Vec<i8> = bytes.iter().map(|&byte| byte as i8).collect();
                Tensor::from_shape(shape, codes).expect(MADE)
            }
            false => Tensor::from_shape(shape, bytes.to_vec()).expect(MADE),
        }
    }

    /// The codes of a layer's weights in the order of its operator.
    fn weights(&self, operator: &str, axis: usize, filters: usize, shape: &[usize]) -> Tensor {
        let turned = |bytes: &[u8], rows: usize| transposed(bytes, rows);
        let bytes = match operator {
            // Each filter has its channels last.
            "Conv" => {
                let (depth, taps) =
                    (self.bytes.len() / filters.max(1), shape[2..].iter().product());
                self.bytes
                    .chunks_exact(depth.max(1))
                    .flat_map(|filter| turned(filter, taps))
                    .collect()
            }
            _ if axis == 1 => turned(&self.bytes, filters),
            _ => self.bytes.clone(),
        };
        Self::tensor(&bytes, self.signed, shape)
    }
}

/// A node in float32, whatever kind of real numbers the file has.
fn as_float32(mut node: pb::NodeProto) -> pb::NodeProto {
    const REAL: [DataType; 3] = [DataType::Float16, DataType::Double, DataType::Bfloat16];
    let to = node.attribute.iter_mut().find(|attribute| attribute.name == "to");
    if let Some(to) = to.filter(|to| REAL.iter().any(|&kind| to.i == kind as i64)) {
        to.i = DataType::Float as i64;
    }
    node
}

/// The constants that nodes take as true or false.
fn conditions(nodes: &[pb::NodeProto]) -> HashSet<&str> {
    let of_node = |node: &pb::NodeProto| match node.op_type.as_str() {
        "Where" => 0..1,
        "And" | "Or" | "Xor" | "Not" => 0..node.input.len(),
        _ => 0..0,
    };
    nodes.iter().flat_map(|node| node.input[of_node(node)].iter().map(String::as_str)).collect()
}

/// A constant that rten holds as int32 as what it is in ONNX: int64, as shapes and indices are, or
/// truths.
fn as_onnx(mut constant: pb::TensorProto, is_condition: bool) -> pb::TensorProto {
    if constant.data_type != DataType::Int32 as i32 {
        return constant;
    }
    let words = constant.raw_data.chunks_exact(4);
    let numbers = words.map(|word| i32::from_le_bytes(word.try_into().expect("4 bytes")));
    (constant.data_type, constant.raw_data) = match is_condition {
        true => (DataType::Bool as i32, numbers.map(|number| u8::from(number != 0)).collect()),
        false => {
            (DataType::Int64 as i32, numbers.flat_map(|it| i64::from(it).to_le_bytes()).collect())
        }
    };
    constant
}
