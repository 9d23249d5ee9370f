//! Nodes that run in float, movements and pools among them: rten says their shapes.

use std::sync::Arc;

use rten::Value as Tensor;
use rten_tensor::Layout;

use super::super::attributes::{attribute, ints};
use super::super::check::text::plain;
use super::super::legal::{self, takes_nearest};
use super::super::operator::element_type;
use super::super::pb::tensor_proto::DataType;
use super::super::runtime::Runtime;
use super::super::tensor;
use super::super::{Node, NodeKind, Window, pb};
use super::{
    Binding, Feed, Importer, ModelErrorKind, QuantizedConstant, Result, Source, ValueId, movement,
    node_name,
};

/// Operators that only move data, whatever their attributes.
pub(super) const MOVEMENT: &[&str] = &[
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

/// Operators that multiply and accumulate, and that are not emulated when they end up in float.
const MULTIPLYING: &[&str] =
    &["Conv", "ConvTranspose", "Gemm", "MatMul", "Einsum", "LSTM", "GRU", "RNN", "Attention"];

impl Importer<'_> {
    /// Pools, movements and everything else: rten infers the shapes, and runs the node when it is
    /// nothing that Recoup has code for.
    pub(super) fn in_float(
        &mut self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
    ) -> Result<()> {
        let name = node_name(proto).to_string();
        let fail = |reason: String| ModelErrorKind::node(&name, &proto.op_type, reason);
        check_shape_is_known(proto, inputs).map_err(fail)?;
        let source = Arc::new(self.source(proto, inputs));
        let runtime = runtime_values(inputs);
        let (model, results) = self.on_zeros(&source, &runtime).map_err(fail)?;
        let tensors: Vec<_> =
            proto.output.iter().filter(|output| !output.is_empty()).cloned().collect();
        let mut outputs = Vec::with_capacity(tensors.len());
        let mut shapes = Vec::with_capacity(tensors.len());
        for (tensor, result) in tensors.iter().zip(&results) {
            let output = self.add_value(tensor, tensor, result.shape().to_vec());
            self.values[output].integer = match result {
                Tensor::FloatTensor(_) => false,
                Tensor::Int32Tensor(_) => true,
                _ => return Err(fail(format!("makes a tensor of {:?}", result.dtype()))),
            };
            self.bindings.insert(tensor.clone(), Binding::Value(output));
            outputs.push(output);
            shapes.push(result.shape().to_vec());
        }
        let input_shapes: Vec<_> =
            runtime.iter().map(|&id| self.values[id].shape.clone()).collect();
        let all_real = runtime.iter().chain(&outputs).all(|&id| !self.values[id].integer);
        let node = |kind, outputs| Node {
            name: plain(&name),
            operator: proto.op_type.clone(),
            kind,
            inputs: runtime.clone(),
            outputs,
            source: Some(source.clone()),
        };
        let is_movement = match proto.op_type.as_str() {
            "Resize" | "Upsample" => takes_nearest(proto),
            operator => MOVEMENT.contains(&operator),
        };
        if all_real
            && is_movement
            && let Some(runs) = movement::trace(&model, &input_shapes, &shapes)
        {
            // A node with several outputs becomes several: none of them is the node of the file.
            let single = outputs.len() == 1;
            for (&output, runs) in outputs.iter().zip(runs) {
                let node = node(NodeKind::Movement(runs), vec![output]);
                self.nodes.push(Node { source: node.source.filter(|_| single), ..node });
            }
            return Ok(());
        }
        if let Some(kind) = pool(proto, &input_shapes, &shapes) {
            self.nodes.push(node(kind, outputs));
            return Ok(());
        }
        let exact_because = MULTIPLYING.contains(&proto.op_type.as_str()).then(|| {
            let constant =
                inputs.iter().skip(1).any(|input| matches!(input, Some(Binding::Constant(..))));
            match proto.op_type.as_str() {
                "Conv" | "Gemm" | "MatMul" if !constant => {
                    "both operands are activations".to_string()
                }
                "Gemm" | "MatMul" => "its constant is no matrix".to_string(),
                "LSTM" | "GRU" | "RNN" => {
                    legal::kept_because(proto, &self.known(inputs)).unwrap_or_default()
                }
                other => format!("{other} is not emulated"),
            }
        });
        self.nodes.push(node(NodeKind::Operator { exact_because }, outputs));
        Ok(())
    }

    /// The node with the constants that it reads.
    pub(super) fn source(&self, proto: &pb::NodeProto, inputs: &[Option<Binding>]) -> Source {
        let feeds = inputs.iter().map(|input| match input {
            None => Feed::Absent,
            Some(Binding::Constant(tensor, _)) => Feed::Constant(tensor.clone()),
            Some(Binding::Value(_) | Binding::Codes(_)) => Feed::Runtime,
        });
        Source::new(proto, feeds.collect(), &self.opsets)
    }

    /// The node as a model, and what that makes of zeros: its outputs' types and shapes.
    fn on_zeros(
        &self,
        source: &Source,
        inputs: &[ValueId],
    ) -> std::result::Result<(Runtime, Vec<Tensor>), String> {
        let values: Vec<_> = inputs.iter().map(|&id| &self.values[id]).collect();
        let types: Vec<(DataType, &[usize])> =
            values.iter().map(|value| (element_type(value.integer), &value.shape[..])).collect();
        let zeros = values.iter().map(|value| match value.integer {
            true => tensor::integers(&value.shape, vec![0; value.volume()]),
            false => tensor::floats(&value.shape, vec![0.0; value.volume()]),
        });
        let model = source.alone(&types).map_err(|reason| format!("cannot be run: {reason}"))?;
        let zeros = zeros.map(Into::into).collect();
        let outputs = model.run(zeros).map_err(|reason| format!("cannot be run: {reason}"))?;
        Ok((model, outputs))
    }

    pub(super) fn fold_constants(
        &mut self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
    ) -> Result<()> {
        let fail = |reason| ModelErrorKind::node(node_name(proto), &proto.op_type, reason);
        let outputs = self.of_constants(proto, inputs).map_err(fail)?;
        let quantized = self.moved_codes(proto, inputs);
        let names = proto.output.iter().filter(|output| !output.is_empty());
        for (name, tensor) in names.zip(outputs) {
            let binding = Binding::Constant(Arc::new(tensor), quantized.clone());
            self.bindings.insert(name.clone(), binding);
        }
        Ok(())
    }

    /// Whether a Cast makes real numbers of numbers that are stored as such already.
    pub(super) fn is_cast_of_number(
        &self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
    ) -> bool {
        let to_float = attribute(proto, "to").is_some_and(|to| to.i == DataType::Float as i64);
        let Some(Some(Binding::Value(id))) = inputs.first() else { return false };
        to_float && !self.values[*id].integer
    }

    /// What a node makes of constants. rten has few operators for 8-bit codes; those that choose
    /// among their elements, or move them, do the same with int32.
    fn of_constants(
        &self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
    ) -> std::result::Result<Vec<Tensor>, String> {
        let coded = |binding: &Binding| match binding {
            Binding::Constant(tensor, _) => codes_signed(tensor),
            _ => None,
        };
        let operator = proto.op_type.as_str();
        let chooses = MOVEMENT.contains(&operator) || matches!(operator, "Clip" | "Min" | "Max");
        let signed = inputs.iter().flatten().next().and_then(coded).filter(|_| chooses);
        let Some(signed) = signed else {
            return Ok(self.on_zeros(&self.source(proto, inputs), &[])?.1);
        };
        let widened = inputs.iter().map(|input| match input {
            Some(Binding::Constant(tensor, _)) if codes_signed(tensor).is_some() => {
                let elements = tensor::numbers(tensor).unwrap_or_default();
                let tensor = tensor::integers(&tensor.shape(), elements);
                Some(Binding::Constant(Arc::new(tensor), None))
            }
            other => other.clone(),
        });
        let widened: Vec<_> = widened.collect();
        let (_, outputs) = self.on_zeros(&self.source(proto, &widened), &[])?;
        outputs.iter().map(|output| tensor::codes(output, signed)).collect()
    }

    /// The codes of the first input, where the node does no more than move them.
    fn moved_codes(
        &self,
        proto: &pb::NodeProto,
        inputs: &[Option<Binding>],
    ) -> Option<Arc<QuantizedConstant>> {
        let Some(Some(Binding::Constant(_, Some(quantized)))) = inputs.first() else { return None };
        let exact_cast = || {
            let to = attribute(proto, "to").map(|to| to.i);
            [DataType::Float, DataType::Double].into_iter().any(|kind| to == Some(kind as i64))
        };
        match proto.op_type.as_str() {
            "Cast" if exact_cast() => Some(quantized.clone()),
            "Transpose" | "Reshape" | "Squeeze" | "Unsqueeze" | "Flatten" => {
                let moved = |tensor: &Tensor| {
                    let mut inputs = inputs.to_vec();
                    inputs[0] = Some(Binding::Constant(Arc::new(tensor.clone()), None));
                    self.on_zeros(&self.source(proto, &inputs), &[]).ok()?.1.pop()
                };
                Some(Arc::new(QuantizedConstant {
                    codes: moved(&quantized.codes)?,
                    scale_of: moved(&quantized.scale_of)?,
                    signed: quantized.signed,
                    scales: quantized.scales.clone(),
                    zero_points: quantized.zero_points.clone(),
                }))
            }
            _ => None,
        }
    }

    /// Identity: whoever reads the alias reads the value, in place of this node.
    pub(super) fn alias(&mut self, proto: &pb::NodeProto, inputs: &[Option<Binding>]) -> bool {
        let Some(Some(binding)) = inputs.first() else { return false };
        let alias = &proto.output[0];
        if let Binding::Value(id) = binding {
            let readers = self.uses.get(alias.as_str()).copied().unwrap_or(0);
            if let Some(uses) = self.uses.get_mut(self.values[*id].name.as_str()) {
                *uses = *uses + readers - 1;
            }
        }
        self.bindings.insert(alias.clone(), binding.clone());
        true
    }

    /// Size; Shape, from operator set 15 on with the axes from `start` to `end`.
    pub(super) fn shape_of(&mut self, proto: &pb::NodeProto, inputs: &[Option<Binding>]) -> bool {
        let Some(&id) = runtime_values(inputs).first() else { return false };
        let shape = &self.values[id].shape;
        if proto.op_type == "Size" {
            let size = tensor::integers(&[], vec![self.values[id].volume() as i32]);
            self.bindings.insert(proto.output[0].clone(), Binding::Constant(Arc::new(size), None));
            return true;
        }
        let rank = shape.len() as i64;
        let axis = |name, default| {
            let given = attribute(proto, name).map_or(default, |attribute| attribute.i);
            (if given < 0 { given + rank } else { given }).clamp(0, rank) as usize
        };
        let (start, end) = (axis("start", 0), axis("end", rank));
        let dims: Vec<i32> = shape[start..end.max(start)].iter().map(|&dim| dim as i32).collect();
        let tensor = tensor::integers(&[dims.len()], dims);
        self.bindings.insert(proto.output[0].clone(), Binding::Constant(Arc::new(tensor), None));
        true
    }
}

/// Whether 8-bit codes are signed; `None` for other tensors.
fn codes_signed(tensor: &Tensor) -> Option<bool> {
    match tensor {
        Tensor::Int8Tensor(_) => Some(true),
        Tensor::UInt8Tensor(_) => Some(false),
        _ => None,
    }
}

/// Refuses a node whose output's shape is known only when it runs.
fn check_shape_is_known(
    proto: &pb::NodeProto,
    inputs: &[Option<Binding>],
) -> std::result::Result<(), String> {
    let decisive: &[usize] = match proto.op_type.as_str() {
        "NonZero" | "NonMaxSuppression" | "Compress" | "Unique" => {
            return Err("has an output whose size depends on data; cut the model before it".into());
        }
        "Slice" => &[1, 2, 3, 4],
        "Range" => &[0, 1, 2],
        "Resize" => &[1, 2, 3],
        "Pad" => &[1, 3],
        "ConstantOfShape" => &[0],
        "TopK" | "Squeeze" | "Unsqueeze" | "Reshape" | "Expand" | "Tile" | "Split" | "Upsample"
        | "OneHot" | "CenterCropPad" => &[1],
        operator if operator.starts_with("Reduce") => &[1],
        _ => &[],
    };
    let known = |index: &&usize| match inputs.get(**index) {
        Some(Some(binding)) => matches!(binding, Binding::Constant(..)),
        _ => true,
    };
    match decisive.iter().find(|index| !known(index)) {
        None => Ok(()),
        Some(&index) => Err(format!(
            "reads \"{}\", which decides on the shape of its output and depends on data; export \
             the model with a constant",
            plain(&proto.input[index])
        )),
    }
}

/// The run-time tensors among a node's inputs, in order.
fn runtime_values(inputs: &[Option<Binding>]) -> Vec<ValueId> {
    let inputs = inputs.iter().flatten();
    inputs
        .filter_map(|input| match input {
            Binding::Value(id) => Some(*id),
            Binding::Codes(codes) => Some(codes.value),
            Binding::Constant(..) => None,
        })
        .collect()
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
        match ints(proto, name) {
            Some([first, second, ..]) => [*first as usize, *second as usize],
            _ => [default; 2],
        }
    };
    let kernel = pair("kernel_shape", 0);
    let auto_pad = attribute(proto, "auto_pad").is_some_and(|pad| pad.s != b"NOTSET");
    let pads = ints(proto, "pads").unwrap_or(&[0; 4]);
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
