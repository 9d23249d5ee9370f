//! From ONNX nodes to a [`Graph`].
//!
//! Nodes are taken in file order (ONNX demands a topological one). Each tensor name is bound to
//! a constant, to a value, or to the codes of a value between QuantizeLinear and
//! DequantizeLinear.

use std::collections::HashMap;
use std::sync::Arc;

use tract_onnx::pb;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::prelude::{DatumType, Tensor};

use super::error::{ModelError, ModelErrorKind};
use super::onnx::OnnxFile;
use super::operator::{Feed, Operator};
use super::{
    ActivationQuantization, Graph, Mac, Node, NodeKind, QuantizedWeights, Run, Value, ValueId,
    Window, fold, mac, movement,
};

type Result<T> = std::result::Result<T, ModelErrorKind>;

/// Largest input, 1 GiB of float32: far beyond any image, far below where indices overflow.
const MOST_INPUT_ELEMENTS: usize = 1 << 28;

/// Operators that only move data, whatever their attributes.
const MOVEMENT: &[&str] = &[
    "Reshape",
    "Flatten",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Slice",
    "Pad",
    "Concat",
    "Split",
    "Gather",
    "Expand",
    "Tile",
    "DepthToSpace",
    "SpaceToDepth",
];

/// Operators that multiply and accumulate, and that are not emulated when they end up with tract.
const MULTIPLYING: &[&str] =
    &["Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum", "LSTM", "GRU", "RNN", "Attention"];

/// Quantised operators of the QOperator format.
const QOPERATOR: &[&str] = &[
    "QLinearConv",
    "QLinearMatMul",
    "QLinearAdd",
    "QLinearMul",
    "QGemm",
    "ConvInteger",
    "MatMulInteger",
    "QLinearGlobalAveragePool",
    "QLinearConcat",
    "QLinearAveragePool",
    "DynamicQuantizeLinear",
];

/// What a tensor name stands for.
#[derive(Clone)]
pub(super) enum Binding {
    /// Known now; with the codes it was dequantised from, if any.
    Constant(Arc<Tensor>, Option<Arc<QuantizedConstant>>),
    /// Known at run time.
    Value(ValueId),
    /// The integer tensor between a QuantizeLinear and its DequantizeLinear.
    Codes(ValueId),
}

/// A constant that the model stores as codes.
pub(super) struct QuantizedConstant {
    pub codes: Vec<i16>,
    pub signed: bool,
    pub scales: Vec<f32>,
    pub zero_points: Vec<i32>,
    pub axis: usize,
}

impl QuantizedConstant {
    /// With scales and zero points repeated for each filter, and codes put in `order`.
    pub fn to_weights(
        &self,
        filters: usize,
        filter_axis: usize,
        order: impl Fn(&[i16]) -> Vec<i16>,
    ) -> std::result::Result<QuantizedWeights, String> {
        let per_filter = self.scales.len() > 1;
        if per_filter && (self.axis != filter_axis || self.scales.len() != filters) {
            return Err(
                "its weights are quantised along another axis than the output channel".into()
            );
        }
        let spread = |index: usize| if per_filter { index } else { 0 };
        Ok(QuantizedWeights {
            codes: order(&self.codes),
            signed: self.signed,
            scales: (0..filters).map(|f| self.scales[spread(f)]).collect(),
            zero_points: (0..filters).map(|f| self.zero_points[spread(f)]).collect(),
        })
    }
}

pub(super) struct Importer<'a> {
    file: &'a OnnxFile,
    bindings: HashMap<String, Binding>,
    /// How many nodes and graph outputs read each tensor name.
    uses: HashMap<&'a str, usize>,
    values: Vec<Value>,
    nodes: Vec<Node>,
    /// The Mac node that made a value, for folding what follows into it.
    mac_of: HashMap<ValueId, usize>,
}

pub(super) fn import(
    file: &OnnxFile,
    input_shape: Option<&[usize]>,
) -> std::result::Result<Graph, ModelError> {
    let graph = file.graph();
    let mut importer = Importer {
        file,
        bindings: HashMap::new(),
        uses: HashMap::new(),
        values: Vec::new(),
        nodes: Vec::new(),
        mac_of: HashMap::new(),
    };
    let read = graph.node.iter().flat_map(|node| &node.input);
    for name in read.chain(graph.output.iter().map(|output| &output.name)) {
        *importer.uses.entry(name.as_str()).or_default() += 1;
    }
    for (name, tensor) in file.initializers()? {
        importer.bindings.insert(name, Binding::Constant(tensor, None));
    }
    let kind = |kind| file.error(kind);
    let input = importer.bind_input(input_shape).map_err(kind)?;
    for proto in &graph.node {
        importer.node(proto).map_err(kind)?;
    }
    let output = importer.output().map_err(kind)?;
    let mut graph = Graph {
        sha256: file.sha256.clone(),
        values: importer.values,
        nodes: importer.nodes,
        input,
        output,
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

/// Nodes that do not contribute to the output (training leftovers) would only cost time.
fn drop_unread_nodes(graph: &mut Graph) {
    let mut needed = vec![false; graph.values.len()];
    needed[graph.output] = true;
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
    fn bind_input(&mut self, input_shape: Option<&[usize]>) -> Result<ValueId> {
        let inputs = self.file.graph().input.iter();
        let inputs: Vec<_> =
            inputs.filter(|input| !self.bindings.contains_key(&input.name)).collect();
        let [input] = inputs[..] else {
            let names: Vec<_> = inputs.iter().map(|input| input.name.as_str()).collect();
            return Err(ModelErrorKind::Signature(format!(
                "has {} inputs ({}); Recoup evaluates models with one input, an image",
                names.len(),
                names.join(", ")
            )));
        };
        let tensor = input.r#type.as_ref().and_then(|kind| kind.value.as_ref());
        let Some(pb::type_proto::Value::TensorType(tensor)) = tensor else {
            return Err(ModelErrorKind::Signature(format!(
                "input \"{}\" is no tensor",
                input.name
            )));
        };
        if tensor.elem_type != pb::tensor_proto::DataType::Float as i32 {
            return Err(ModelErrorKind::Signature(format!(
                "input \"{}\" is not float32; export the model with a float32 input",
                input.name
            )));
        }
        let dims: Vec<_> =
            tensor.shape.iter().flat_map(|shape| &shape.dim).map(|dim| dim.value.clone()).collect();
        if dims.len() < 2 {
            return Err(ModelErrorKind::Signature(format!(
                "input \"{}\" has {} dimensions; expected the batch and at least one more",
                input.name,
                dims.len()
            )));
        }
        if let Some(given) = input_shape
            && given.len() != dims.len() - 1
        {
            return Err(ModelErrorKind::Signature(format!(
                "input \"{}\" has {} dimensions beside the batch, --input-shape gives {}",
                input.name,
                dims.len() - 1,
                given.len()
            )));
        }
        let mut shape = vec![1];
        for (axis, dim) in dims.iter().enumerate().skip(1) {
            let fixed = match dim {
                Some(Dimension::DimValue(value)) if *value > 0 => Some(*value as usize),
                _ => None,
            };
            let given = input_shape.map(|given| given[axis - 1]);
            match (fixed, given) {
                (Some(fixed), Some(given)) if fixed != given => {
                    return Err(ModelErrorKind::Signature(format!(
                        "input \"{}\" has {fixed} in dimension {axis}, --input-shape gives {given}",
                        input.name
                    )));
                }
                (Some(size), _) | (None, Some(size)) if size > 0 => shape.push(size),
                _ => {
                    return Err(ModelErrorKind::DynamicShape {
                        input: input.name.clone(),
                        shape: shape_text(&dims),
                        axis,
                    });
                }
            }
        }
        let elements =
            shape.iter().try_fold(1, |elements: usize, &size| elements.checked_mul(size));
        if elements.is_none_or(|elements| elements > MOST_INPUT_ELEMENTS) {
            return Err(ModelErrorKind::Signature(format!(
                "input \"{}\" has the shape {shape:?}, more than {MOST_INPUT_ELEMENTS} elements; \
                 check --input-shape",
                input.name
            )));
        }
        let id = self.add_value(&input.name, &input.name, shape);
        self.bindings.insert(input.name.clone(), Binding::Value(id));
        Ok(id)
    }

    fn output(&self) -> Result<ValueId> {
        let outputs = &self.file.graph().output;
        let [output] = &outputs[..] else {
            let names: Vec<_> = outputs.iter().map(|output| output.name.as_str()).collect();
            return Err(ModelErrorKind::Signature(format!(
                "has {} outputs ({}); Recoup evaluates models with one output, the class scores",
                names.len(),
                names.join(", ")
            )));
        };
        let Some(Binding::Value(id)) = self.bindings.get(&output.name) else {
            return Err(ModelErrorKind::Signature(format!(
                "output \"{}\" does not depend on the input, or is no float tensor",
                output.name
            )));
        };
        let shape = &self.values[*id].shape;
        let classes = shape.iter().copied().max().unwrap_or(0);
        if shape.first() != Some(&1) || self.values[*id].volume() != classes || classes < 2 {
            return Err(ModelErrorKind::Signature(format!(
                "output \"{}\" has the shape {shape:?}; expected one score per class, [1, classes]",
                output.name
            )));
        }
        Ok(*id)
    }

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
        if QOPERATOR.contains(&proto.op_type.as_str()) {
            return Err(fail(
                "is of the QOperator format; quantise the model in QDQ format instead \
                 (onnxruntime.quantization.quantize_static with quant_format=QuantFormat.QDQ)"
                    .into(),
            ));
        }
        if let Some(Some(Binding::Codes(_))) = inputs.first()
            && proto.op_type != "DequantizeLinear"
        {
            return Err(fail("reads integer codes; expected a DequantizeLinear before it".into()));
        }
        let handled = match proto.op_type.as_str() {
            "Identity" | "Dropout" => self.alias(proto, &inputs),
            "DequantizeLinear" => self.dequantize(proto, &inputs)?,
            _ if inputs.iter().flatten().all(|input| matches!(input, Binding::Constant(..))) => {
                self.fold_constants(proto, &inputs)?;
                true
            }
            "Shape" => self.shape_of(proto, &inputs),
            "QuantizeLinear" => self.quantize(proto, &inputs)?,
            "Conv" | "Gemm" | "MatMul" => mac::import(self, proto, &inputs)?,
            "BatchNormalization" => fold::batch_norm(self, proto, &inputs)?,
            "Add" | "Sum" => self.add(proto, &inputs)?,
            "Relu" => self.clip(proto, &inputs, 0.0, f32::INFINITY),
            "Clip" => self.clip_between(proto, &inputs)?,
            _ => false,
        };
        if handled { Ok(()) } else { self.evaluated_by_tract(proto, &inputs) }
    }

    /// Pools, movements and everything else: tract infers the shape, and evaluates the node when
    /// it is nothing that Recoup has code for.
    fn evaluated_by_tract(
        &mut self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
    ) -> Result<()> {
        let name = node_name(proto).to_string();
        // tract does not come back from axes that are named twice.
        if let Some(axes) = integers(proto, "perm")
            && (0..axes.len() as i64).any(|axis| !axes.contains(&axis))
        {
            let reason = format!("perm {axes:?} is no order of the axes 0 to {}", axes.len() - 1);
            return Err(ModelErrorKind::node(&name, &proto.op_type, reason));
        }
        let operator = self.operator(proto, inputs)?;
        if !operator.is_float() {
            return Err(ModelErrorKind::node(
                &name,
                &proto.op_type,
                "makes a tensor that is not float32, which Recoup cannot carry through the network",
            ));
        }
        let runtime = runtime_values(inputs);
        let tensors: Vec<_> =
            proto.output.iter().filter(|output| !output.is_empty()).cloned().collect();
        let shapes = operator.output_shapes().to_vec();
        let outputs: Vec<_> = tensors
            .iter()
            .zip(&shapes)
            .map(|(tensor, shape)| self.add_value(tensor, tensor, shape.clone()))
            .collect();
        for (tensor, &output) in tensors.iter().zip(&outputs) {
            self.bindings.insert(tensor.clone(), Binding::Value(output));
        }
        let input_shapes: Vec<_> =
            runtime.iter().map(|&id| self.values[id].shape.clone()).collect();
        if MOVEMENT.contains(&proto.op_type.as_str())
            && let Some(runs) = movement::trace(&operator, &input_shapes)
        {
            for (&output, runs) in outputs.iter().zip(runs) {
                self.add_node(
                    &name,
                    &proto.op_type,
                    NodeKind::Movement(runs),
                    runtime.clone(),
                    output,
                );
            }
            return Ok(());
        }
        if let Some(kind) = pool(proto, &input_shapes, &shapes) {
            self.add_node(&name, &proto.op_type, kind, runtime, outputs[0]);
            return Ok(());
        }
        let exact_because = MULTIPLYING.contains(&proto.op_type.as_str()).then(|| {
            let constant =
                inputs.iter().skip(1).any(|input| matches!(input, Some(Binding::Constant(..))));
            match proto.op_type.as_str() {
                "Conv" if constant => "only 1-D and 2-D convolutions are emulated".to_string(),
                "Conv" | "Gemm" | "MatMul" if !constant => {
                    "both operands are activations".to_string()
                }
                "Gemm" | "MatMul" => "its constant is no matrix".to_string(),
                other => format!("{other} is not emulated"),
            }
        });
        self.nodes.push(Node {
            name,
            operator: proto.op_type.clone(),
            kind: NodeKind::Operator { operator: Arc::new(operator), exact_because },
            inputs: runtime,
            outputs,
        });
        Ok(())
    }

    /// The node as a tract model of its own.
    fn operator(&self, proto: &pb::NodeProto, inputs: &[Option<Binding>]) -> Result<Operator> {
        let feeds: Vec<_> = inputs
            .iter()
            .map(|input| match input {
                None => Feed::Absent,
                Some(Binding::Constant(tensor, _)) => Feed::Constant(tensor.clone()),
                Some(Binding::Value(id) | Binding::Codes(id)) => {
                    Feed::Runtime(self.values[*id].shape.clone())
                }
            })
            .collect();
        Operator::new(proto, &feeds, &self.file.proto.opset_import).map_err(|reason| {
            ModelErrorKind::node(
                node_name(proto),
                &proto.op_type,
                format!("cannot be run: {reason}"),
            )
        })
    }

    fn fold_constants(&mut self, proto: &pb::NodeProto, inputs: &[Option<Binding>]) -> Result<()> {
        let fail = |reason| ModelErrorKind::node(node_name(proto), &proto.op_type, reason);
        let outputs = self.operator(proto, inputs)?.run(vec![]).map_err(fail)?;
        let names = proto.output.iter().filter(|output| !output.is_empty());
        for (name, tensor) in names.zip(outputs) {
            self.bindings.insert(name.clone(), Binding::Constant(Arc::new(tensor), None));
        }
        Ok(())
    }

    /// Dropout and Identity at inference.
    fn alias(&mut self, proto: &pb::NodeProto, inputs: &[Option<Binding>]) -> bool {
        let Some(Some(binding)) = inputs.first() else { return false };
        let alias = &proto.output[0];
        if let Binding::Value(id) = binding {
            // Whoever reads the alias reads the value, in place of this node.
            let readers = self.uses.get(alias.as_str()).copied().unwrap_or(0);
            if let Some(uses) = self.uses.get_mut(self.values[*id].name.as_str()) {
                *uses = *uses + readers - 1;
            }
        }
        self.bindings.insert(alias.clone(), binding.clone());
        true
    }

    fn shape_of(&mut self, proto: &pb::NodeProto, inputs: &[Option<Binding>]) -> bool {
        // opset 15 added start and end; tract handles those on constants only, so they are rare.
        let (Some(Some(Binding::Value(id))), true) = (inputs.first(), proto.attribute.is_empty())
        else {
            return false;
        };
        let dims: Vec<i64> = self.values[*id].shape.iter().map(|&dim| dim as i64).collect();
        let tensor = tract_onnx::prelude::tensor1(&dims);
        self.bindings.insert(proto.output[0].clone(), Binding::Constant(Arc::new(tensor), None));
        true
    }

    fn quantize(&mut self, proto: &pb::NodeProto, inputs: &[Option<Binding>]) -> Result<bool> {
        let Some(Some(Binding::Value(input))) = inputs.first() else { return Ok(false) };
        let parameters = self.activation_quantization(proto, inputs)?;
        let output = if self.values[*input].quantization == Some(parameters) {
            *input
        } else {
            let tensor = self.values[*input].tensor.clone();
            let output =
                self.add_value(&proto.output[0], &tensor, self.values[*input].shape.clone());
            self.values[output].quantization = Some(parameters);
            self.add_node(
                node_name(proto),
                "QuantizeLinear",
                NodeKind::Quantize,
                vec![*input],
                output,
            );
            output
        };
        self.bindings.insert(proto.output[0].clone(), Binding::Codes(output));
        Ok(true)
    }

    fn dequantize(&mut self, proto: &pb::NodeProto, inputs: &[Option<Binding>]) -> Result<bool> {
        match inputs.first() {
            Some(Some(Binding::Codes(id))) => {
                let parameters = self.activation_quantization(proto, inputs)?;
                if self.values[*id].quantization != Some(parameters) {
                    return Err(ModelErrorKind::node(
                        node_name(proto),
                        "DequantizeLinear",
                        "has another scale or zero point than the QuantizeLinear before it",
                    ));
                }
                self.bindings.insert(proto.output[0].clone(), Binding::Value(*id));
                Ok(true)
            }
            Some(Some(Binding::Constant(codes, _))) => {
                let quantized = quantized_constant(proto, codes, inputs).map_err(|reason| {
                    ModelErrorKind::node(node_name(proto), "DequantizeLinear", reason)
                })?;
                self.fold_constants(proto, inputs)?;
                if let (Some(Binding::Constant(_, slot)), Some(quantized)) =
                    (self.bindings.get_mut(&proto.output[0]), quantized)
                {
                    *slot = Some(Arc::new(quantized));
                }
                Ok(true)
            }
            _ => Err(ModelErrorKind::node(
                node_name(proto),
                "DequantizeLinear",
                "reads a tensor that is neither a constant nor the output of a QuantizeLinear",
            )),
        }
    }

    /// Scale and zero point of a QuantizeLinear or DequantizeLinear on activations.
    fn activation_quantization(
        &self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
    ) -> Result<ActivationQuantization> {
        let fail = |reason: &str| ModelErrorKind::node(node_name(proto), &proto.op_type, reason);
        let Some(Some(Binding::Constant(scale, _))) = inputs.get(1) else {
            return Err(fail("has no constant scale"));
        };
        let scale = scale
            .cast_to_scalar::<f32>()
            .map_err(|_| fail("has a scale per channel; activations need one scale per tensor"))?;
        if !(scale.is_finite() && scale > 0.0) {
            return Err(fail("has a scale that is not a positive number"));
        }
        let zero_point = match inputs.get(2) {
            Some(Some(Binding::Constant(zero_point, _))) => {
                let value: i32 =
                    zero_point.cast_to_scalar().map_err(|_| fail("has no scalar zero point"))?;
                match zero_point.datum_type() {
                    DatumType::U8 => value,
                    // int8 codes become unsigned by an offset that the zero point takes up.
                    DatumType::I8 => value + 128,
                    _ => return Err(fail("is not 8-bit; Recoup runs uint8 and int8 activations")),
                }
            }
            _ => 0,
        };
        Ok(ActivationQuantization { scale, zero_point: zero_point as u8 })
    }

    fn add(&mut self, proto: &pb::NodeProto, inputs: &[Option<Binding>]) -> Result<bool> {
        match inputs {
            [Some(Binding::Value(left)), Some(Binding::Value(right))]
                if self.values[*left].shape == self.values[*right].shape =>
            {
                let shape = self.values[*left].shape.clone();
                let output = self.new_output(proto, shape);
                self.add_node(node_name(proto), "Add", NodeKind::Add, vec![*left, *right], output);
                Ok(true)
            }
            [Some(Binding::Value(value)), Some(Binding::Constant(constant, _))]
            | [Some(Binding::Constant(constant, _)), Some(Binding::Value(value))] => {
                fold::bias(self, proto, *value, constant)
            }
            _ => Ok(false),
        }
    }

    fn clip(
        &mut self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
        low: f32,
        high: f32,
    ) -> bool {
        let Some(Some(Binding::Value(input))) = inputs.first() else { return false };
        let output = self.new_output(proto, self.values[*input].shape.clone());
        self.add_node(
            node_name(proto),
            &proto.op_type,
            NodeKind::Clip { low, high },
            vec![*input],
            output,
        );
        true
    }

    fn clip_between(&mut self, proto: &pb::NodeProto, inputs: &[Option<Binding>]) -> Result<bool> {
        let bound = |index: usize, name: &str, default: f32| match inputs.get(index) {
            Some(Some(Binding::Constant(bound, _))) => bound.cast_to_scalar::<f32>().ok(),
            Some(Some(_)) => None,
            _ => Some(attribute(proto, name).map_or(default, |attribute| attribute.f)),
        };
        let low = bound(1, "min", f32::NEG_INFINITY);
        let high = bound(2, "max", f32::INFINITY);
        Ok(match (low, high) {
            (Some(low), Some(high)) => self.clip(proto, inputs, low, high),
            _ => false,
        })
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
            name: name.into(),
            operator: operator.into(),
            kind,
            inputs,
            outputs: vec![output],
        });
        self.nodes.len() - 1
    }

    /// A Movement that reads `input` in the logical order `permutation` and gives it `shape`.
    pub(super) fn rearranged(
        &mut self,
        name: &str,
        input: ValueId,
        permutation: &[usize],
        shape: Vec<usize>,
    ) -> ValueId {
        let runs: Arc<[Run]> = movement::permuted(&self.values[input].shape, permutation, &shape);
        let tensor = self.values[input].tensor.clone();
        let output = self.add_value(&format!("{}/rows", self.values[input].name), &tensor, shape);
        self.values[output].quantization = self.values[input].quantization;
        self.add_node(name, "(layout)", NodeKind::Movement(runs), vec![input], output);
        output
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

/// The run-time tensors among a node's inputs, in order.
fn runtime_values(inputs: &[Option<Binding>]) -> Vec<ValueId> {
    let inputs = inputs.iter().flatten();
    inputs
        .filter_map(|input| match input {
            Binding::Value(id) => Some(*id),
            _ => None,
        })
        .collect()
}

/// The codes of a weight constant; `None` for int32 biases, which stay real numbers.
fn quantized_constant(
    proto: &pb::NodeProto,
    codes: &Tensor,
    inputs: &[Option<Binding>],
) -> std::result::Result<Option<QuantizedConstant>, String> {
    let signed = match codes.datum_type() {
        DatumType::I8 => true,
        DatumType::U8 => false,
        DatumType::I32 => return Ok(None),
        other => return Err(format!("dequantises {other:?}; Recoup runs int8 and uint8 weights")),
    };
    let list = |index: usize| match inputs.get(index) {
        Some(Some(Binding::Constant(tensor, _))) => Some(tensor.clone()),
        _ => None,
    };
    let scales = list(1).ok_or("has no constant scale")?;
    let scales = numbers::<f32>(&scales).ok_or("has a scale that is no float")?;
    let zero_points = match list(2) {
        Some(tensor) => numbers::<i32>(&tensor).ok_or("has a zero point that is no integer")?,
        None => vec![0; scales.len()],
    };
    let axis = attribute(proto, "axis").map_or(1, |attribute| attribute.i);
    let axis = if axis < 0 { axis + codes.rank() as i64 } else { axis };
    if zero_points.len() != scales.len()
        || scales.iter().any(|scale| !(scale.is_finite() && *scale > 0.0))
    {
        return Err("has scales and zero points that do not fit together".into());
    }
    Ok(Some(QuantizedConstant {
        codes: numbers::<i16>(codes).ok_or("has unreadable codes")?,
        signed,
        scales,
        zero_points,
        axis: axis as usize,
    }))
}

/// A tensor's elements as numbers of one type.
pub(super) fn numbers<T: tract_onnx::prelude::Datum + Copy>(tensor: &Tensor) -> Option<Vec<T>> {
    let cast = tensor.cast_to::<T>().ok()?;
    Some(cast.try_as_plain_ram().ok()?.as_slice::<T>().ok()?.to_vec())
}

pub(super) fn attribute<'a>(
    proto: &'a pb::NodeProto,
    name: &str,
) -> Option<&'a pb::AttributeProto> {
    proto.attribute.iter().find(|attribute| attribute.name == name)
}

/// An attribute that is a list of integers.
pub(super) fn integers(proto: &pb::NodeProto, name: &str) -> Option<Vec<i64>> {
    attribute(proto, name).map(|attribute| attribute.ints.clone())
}

/// A MaxPool that Recoup runs on codes, or a mean over the whole image.
fn pool(proto: &pb::NodeProto, inputs: &[Vec<usize>], outputs: &[Vec<usize>]) -> Option<NodeKind> {
    let ([input], [output]) = (inputs, outputs) else { return None };
    let (&[1, _, height, width], &[1, _, rows, columns]) = (&input[..], &output[..]) else {
        return None;
    };
    if proto.op_type == "GlobalAveragePool" {
        return Some(NodeKind::GlobalAveragePool);
    }
    let pair = |name: &str, default: usize| -> [usize; 2] {
        match integers(proto, name).as_deref() {
            Some([first, second, ..]) => [*first as usize, *second as usize],
            _ => [default; 2],
        }
    };
    let kernel = pair("kernel_shape", 0);
    let auto_pad = attribute(proto, "auto_pad").is_some_and(|pad| pad.s != b"NOTSET");
    let pads = integers(proto, "pads").unwrap_or(vec![0; 4]);
    match proto.op_type.as_str() {
        "AveragePool"
            if kernel == [height, width]
                && [rows, columns] == [1, 1]
                && pads.iter().all(|&pad| pad == 0) =>
        {
            Some(NodeKind::GlobalAveragePool)
        }
        "MaxPool"
            if !auto_pad && pair("dilations", 1) == [1, 1] && pads.iter().all(|&pad| pad >= 0) =>
        {
            // ceil_mode shows in the output's shape only: windows that overhang hold fewer pixels.
            let pad_begin = [pads[0] as usize, pads[1] as usize];
            Some(NodeKind::MaxPool(Window { kernel, stride: pair("strides", 1), pad_begin }))
        }
        _ => None,
    }
}

fn shape_text(dims: &[Option<Dimension>]) -> String {
    let dims: Vec<_> = dims
        .iter()
        .map(|dim| match dim {
            Some(Dimension::DimValue(value)) => value.to_string(),
            Some(Dimension::DimParam(name)) => name.clone(),
            None => "?".into(),
        })
        .collect();
    format!("[{}]", dims.join(", "))
}
