//! The network as Recoup sees it: an ONNX graph with batch 1, BatchNorm folded into the weights,
//! and every operator sorted into one of a few kinds.
//!
//! [`load`] walks the ONNX nodes in file order. A Conv, Gemm or MatMul with
//! constant weights becomes a [`Mac`], which the emulated multipliers run, and so does a MatMul of
//! two activations, if [`Attention`] says so; operators that only
//! move data become index maps; a handful of others have code of their own, and all the rest are
//! run by rten.
//!
//! Storage: a value of rank 4 (`[1, C, H, W]`) is stored channels-last, as `H x W x C`; a value of
//! any other rank is stored row-major in the order of its shape.

mod attention;
mod attributes;
mod channels;
mod check;
mod elementwise;
mod error;
mod exchange;
mod external;
mod float;
mod import;
mod legal;
mod onnx;
mod operator;
pub mod pb;
pub(crate) mod qdq;
mod runtime;
mod stages;
mod tensor;
pub mod threads;

use std::ops::Range;
use std::sync::Arc;

use recoup_kernels::ConvShape;

pub use attention::{ATTENTION_HELP, Attention};
pub(crate) use channels::Scalable;
pub use error::{ModelError, SampleError};
pub(crate) use exchange::Exchanged;
pub use float::FloatModel;
pub use import::movement::storage_order;
pub use onnx::OnnxFile;
pub use operator::Source;
pub(crate) use operator::Stretch;

/// Index of a [`Value`] in [`Graph::values`].
pub type ValueId = usize;

/// Scale and zero point of a tensor of unsigned 8-bit activation codes:
/// real value = `scale * (code - zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActivationQuantization {
    /// Real value of one step of the code.
    pub scale: f32,
    /// The code of real zero.
    pub zero_point: u8,
}

/// A tensor that flows between nodes.
#[derive(Clone, Debug)]
pub struct Value {
    /// The tensor's name in the ONNX file, or a derived one for tensors that Recoup inserts.
    pub name: String,
    /// The ONNX tensor that has the same elements, perhaps in another order: what calibration
    /// looks at.
    pub tensor: String,
    /// Logical shape in ONNX order, batch (1) included.
    pub shape: Vec<usize>,
    /// Scale and zero point that the model itself brings (QuantizeLinear), if any.
    pub quantization: Option<ActivationQuantization>,
    /// Whether the elements are whole numbers (indices, conditions), which are stored as real ones:
    /// exact up to 2^24.
    pub integer: bool,
}

impl Value {
    /// Number of elements.
    pub fn volume(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the elements are one score per class of a single sample: `[1, classes]`, perhaps
    /// with further extents of 1.
    pub fn is_scores(&self) -> bool {
        let classes = self.shape.iter().copied().max().unwrap_or(0);
        self.shape.first() == Some(&1) && self.volume() == classes && classes > 1
    }
}

/// A graph that is ready to be quantised. Nodes are in an order in which they can run.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// SHA-256 of the ONNX file, hexadecimal; ties calibrations to models.
    pub sha256: String,
    /// All tensors.
    pub values: Vec<Value>,
    /// All operations, in execution order.
    pub nodes: Vec<Node>,
    /// What comes in, in the order of the file: an image, or several tensors.
    pub inputs: Vec<ValueId>,
    /// What comes out, in the order of the file: class scores, or other tensors.
    pub outputs: Vec<ValueId>,
    /// Where products of two activations run; none if there are none.
    pub attention: Option<Attention>,
    /// Layers whose own codes are made again, see [`Graph::with_weights_by_channel`].
    pub(crate) recoded: usize,
    /// The model in float32.
    pub(crate) float: Arc<float::FloatGraph>,
}

/// For `serde(skip_serializing_if)`: files do not say what is so by default.
pub fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// How many layers have weights that are codes of the model's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnCodes {
    /// Those that run on them.
    pub kept: usize,
    /// Those of them with one scale for all filters.
    pub by_tensor: usize,
    /// Those whose codes by tensor are made again by channel.
    pub recoded: usize,
    /// All layers with weights.
    pub layers: usize,
}

impl Graph {
    /// The nodes that run on the multipliers, in execution order.
    pub fn macs(&self) -> impl Iterator<Item = (&Node, &Mac)> {
        self.nodes.iter().filter_map(|node| match &node.kind {
            NodeKind::Mac(mac) => Some((node, mac.as_ref())),
            _ => None,
        })
    }

    /// Whether the products of a layer are exact, whatever the others run on: of two activations, and
    /// said to be so.
    pub fn has_exact_products(&self, mac: &Mac) -> bool {
        self.attention == Some(Attention::Exact) && mac.loads_value()
    }

    /// Those of them that have weights of their own, with their numbers among all.
    pub fn weighted(&self) -> impl Iterator<Item = (usize, &Node, &Mac, &Weights)> {
        let macs = self.macs().enumerate();
        macs.filter_map(|(layer, (node, mac))| match &mac.loaded {
            Operand::Constant(weights) => Some((layer, node, mac, weights)),
            Operand::Value { .. } => None,
        })
    }

    /// The same with other parameters of the [`Graph::weighted`] layers, in their order, of which there
    /// are as many as before. What runs in float32 stays, and so does the float model.
    #[must_use]
    pub fn with_parameters(mut self, parameters: Vec<Parameters>) -> Self {
        let macs = self.nodes.iter_mut().filter_map(|node| match &mut node.kind {
            NodeKind::Mac(mac) if !mac.loads_value() => Some(mac),
            _ => None,
        });
        for (mac, Parameters { weights, bias }) in macs.zip(parameters) {
            (mac.loaded, mac.bias) = (Operand::Constant(Weights::Float(weights)), bias);
        }
        self
    }

    /// What became of the weight codes that the model brings.
    pub fn own_codes(&self) -> OwnCodes {
        let mut own = OwnCodes {
            kept: 0,
            by_tensor: 0,
            recoded: self.recoded,
            layers: self.weighted().count(),
        };
        for (.., weights) in self.weighted() {
            if let Weights::Quantized(codes) = weights {
                own.kept += 1;
                own.by_tensor += usize::from(codes.are_by_tensor());
            }
        }
        own
    }

    /// The same with weights that the model codes with one scale for a layer as the real numbers that
    /// these codes stand for: they will be coded again, each filter by its own scale.
    #[must_use]
    pub fn with_weights_by_channel(mut self) -> Self {
        for node in &mut self.nodes {
            let NodeKind::Mac(mac) = &mut node.kind else { continue };
            let Operand::Constant(weights) = &mut mac.loaded else { continue };
            if let Weights::Quantized(codes) = weights
                && codes.are_by_tensor()
            {
                *weights = Weights::Float(codes.real());
                self.recoded += 1;
            }
        }
        self
    }

    /// The value whose elements this one has in another place, if it has only been moved.
    pub fn moved_from(&self, value: ValueId) -> Option<ValueId> {
        let node = self.nodes.iter().find(|node| node.outputs.contains(&value))?;
        matches!(node.kind, NodeKind::Movement(_)).then(|| node.inputs[0])
    }

    /// How many nodes (and graph outputs) read each value.
    pub fn use_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.values.len()];
        for node in &self.nodes {
            for &input in &node.inputs {
                counts[input] += 1;
            }
        }
        self.outputs.iter().for_each(|&output| counts[output] += 1);
        counts
    }

    /// The names of the inputs in the file; those of values may be others.
    pub fn input_names(&self) -> &[String] {
        &self.float.inputs
    }

    /// The names of the outputs in the file.
    pub fn output_names(&self) -> &[String] {
        &self.float.outputs
    }

    /// Number of elements that all inputs have together. A sample is their elements one after the
    /// other, each input in ONNX order.
    pub fn input_elements(&self) -> usize {
        self.inputs.iter().map(|&input| self.values[input].volume()).sum()
    }

    /// Where the elements of each output lie among those of all, one after the other.
    pub fn output_ranges(&self) -> Vec<Range<usize>> {
        let mut end = 0;
        let range = |&output: &ValueId| {
            let start = end;
            end += self.values[output].volume();
            start..end
        };
        self.outputs.iter().map(range).collect()
    }

    /// The first output that is one score per class, and where it lies among all outputs.
    pub fn scores(&self) -> Option<(ValueId, Range<usize>)> {
        let found = self.outputs.iter().position(|&output| self.values[output].is_scores())?;
        Some((self.outputs[found], self.output_ranges().swap_remove(found)))
    }

    /// Whether the class scores come out of a softmax, moved or coded or not.
    pub fn scores_are_probabilities(&self) -> bool {
        let Some((mut value, _)) = self.scores() else { return false };
        while let Some(node) = self.nodes.iter().find(|node| node.outputs.contains(&value)) {
            match node.kind {
                NodeKind::Movement(_) | NodeKind::Quantize | NodeKind::Recode => {
                    value = node.inputs[0];
                }
                _ => return node.operator == "Softmax",
            }
        }
        false
    }

    /// Multiply-accumulates per image that do not run on the multipliers: node, operator, reason.
    pub fn exact_macs(&self) -> impl Iterator<Item = (&Node, &str)> {
        self.nodes.iter().filter_map(|node| match &node.kind {
            NodeKind::Operator { exact_because: Some(reason) } => Some((node, reason.as_str())),
            _ => None,
        })
    }
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Node {
    /// The node's name in the ONNX file (or its first output's, when it has none).
    pub name: String,
    /// The ONNX operator, with what was folded into it: `Conv+BatchNormalization`.
    pub operator: String,
    /// What it computes.
    pub kind: NodeKind,
    /// Tensors it reads.
    pub inputs: Vec<ValueId>,
    /// Tensors it writes; more than one only for [`NodeKind::Operator`].
    pub outputs: Vec<ValueId>,
    /// The node of the file, where it is just one and can run in float.
    pub source: Option<Arc<Source>>,
}

/// What a node computes.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// Products on the emulated multipliers.
    Mac(Box<Mac>),
    /// Element-wise sum of two tensors of equal shape.
    Add,
    /// Element-wise `max(low, min(high, x))`: Relu and Clip.
    Clip {
        /// Lower bound, or negative infinity.
        low: f32,
        /// Upper bound, or infinity.
        high: f32,
    },
    /// Maximum over a window; padding never wins.
    MaxPool(Window),
    /// Mean over all of H and W.
    GlobalAveragePool,
    /// Pure data movement: each run copies consecutive elements, in storage order.
    Movement(Arc<[Run]>),
    /// Real values to the codes of the output's own quantization.
    Quantize,
    /// The same codes, which stand for other real values: those of the output's own quantization.
    Recode,
    /// Anything else, in float, by rten.
    Operator {
        /// Set when the operator multiplies and accumulates: why it is not emulated.
        exact_because: Option<String>,
    },
}

/// A run of consecutive elements in a [`NodeKind::Movement`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    /// Which input; `None` writes zeros.
    pub input: Option<u32>,
    /// First element in that input's storage.
    pub start: u32,
    /// Number of elements.
    pub length: u32,
}

/// A two-dimensional pooling window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Height and width.
    pub kernel: [usize; 2],
    /// Strides along height and width.
    pub stride: [usize; 2],
    /// Padding before height and width.
    pub pad_begin: [usize; 2],
}

/// A Conv, Gemm or MatMul: products of the node's first input, whose codes stream through the array,
/// and of what is loaded into it.
#[derive(Clone, Debug)]
pub struct Mac {
    /// Geometry; Gemm and MatMul are 1 x 1 convolutions over their rows. Of matrices that are
    /// multiplied one by one, each is a group.
    pub shape: ConvShape,
    /// What is loaded, `[filter][kernel row][kernel column][channel in group]`.
    pub loaded: Operand,
    /// One bias per filter, in real units.
    pub bias: Vec<f32>,
}

impl Mac {
    /// Multiply-accumulates per image.
    pub fn mac_count(&self) -> u64 {
        (self.shape.positions() * self.shape.filters * self.shape.depth()) as u64
    }

    /// Whether both operands are activations.
    pub fn loads_value(&self) -> bool {
        self.loaded_operand().is_some()
    }

    /// Whether it is loaded with the first operand of a product of two activations.
    pub fn loads_first(&self) -> bool {
        self.loaded_operand() == Some(LoadedOperand::First)
    }

    /// Which operand of a product of two activations is loaded; none if it has weights.
    pub fn loaded_operand(&self) -> Option<LoadedOperand> {
        match self.loaded {
            Operand::Constant(_) => None,
            Operand::Value { operand, .. } => Some(operand),
        }
    }
}

/// What takes the place of the weights in the array.
#[derive(Clone, Debug)]
pub enum Operand {
    /// The same for all images.
    Constant(Weights),
    /// The node's second input, another for each image.
    Value {
        /// What the product is multiplied by: the scale of attention scores.
        factor: f32,
        /// Which operand of the product it is.
        operand: LoadedOperand,
    },
}

/// An operand of a product of two activations, A B.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadedOperand {
    /// A: queries, or probabilities.
    First,
    /// B: keys, or values.
    Second,
}

impl LoadedOperand {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Second => "second",
        }
    }

    /// The one that streams.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }
}

/// The weights of a [`Mac`].
#[derive(Clone, Debug)]
pub enum Weights {
    /// Real values, to be quantised by Recoup.
    Float(Vec<f32>),
    /// Codes that the model brings (QDQ).
    Quantized(QuantizedWeights),
}

impl Weights {
    /// What they stand for.
    pub fn real(&self) -> Vec<f32> {
        match self {
            Self::Float(weights) => weights.clone(),
            Self::Quantized(weights) => weights.real(),
        }
    }
}

/// What training changes in a [`Mac`].
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// In the order of [`Mac::loaded`].
    pub weights: Vec<f32>,
    /// One bias per filter.
    pub bias: Vec<f32>,
}

/// Weight codes with their own scales and zero points:
/// real = `scale[filter] * (code - zero_point[filter])`.
#[derive(Clone, Debug)]
pub struct QuantizedWeights {
    /// Codes in the order of [`Mac::loaded`], -128..=127 or 0..=255.
    pub codes: Vec<i16>,
    /// Whether the codes are int8.
    pub signed: bool,
    /// One scale per filter.
    pub scales: Vec<f32>,
    /// One zero point per filter.
    pub zero_points: Vec<i32>,
}

impl QuantizedWeights {
    /// Whether all filters, of which there are several, have the same scale and zero point.
    pub fn are_by_tensor(&self) -> bool {
        let same = |filter: usize| {
            (self.scales[filter], self.zero_points[filter]) == (self.scales[0], self.zero_points[0])
        };
        self.scales.len() > 1 && (1..self.scales.len()).all(same)
    }

    /// What the codes stand for.
    pub fn real(&self) -> Vec<f32> {
        let depth = (self.codes.len() / self.scales.len().max(1)).max(1);
        let filters = self.codes.chunks_exact(depth).zip(self.scales.iter().zip(&self.zero_points));
        let real = filters.flat_map(|(codes, (&scale, &zero_point))| {
            codes.iter().map(move |&code| (i32::from(code) - zero_point) as f32 * scale)
        });
        real.collect()
    }
}

/// Reads an ONNX file into a [`Graph`].
///
/// `input_shape` (without batch) replaces dynamic dimensions of the model's input.
///
/// # Errors
/// See [`ModelError`]: each names the file and, where there is one, the node and its operator.
pub fn load(file: &OnnxFile, input_shape: Option<&[usize]>) -> Result<Graph, ModelError> {
    load_with(file, input_shape, Attention::default())
}

/// The same, with products of two activations where `attention` says.
///
/// # Errors
/// As [`load`].
pub fn load_with(
    file: &OnnxFile,
    input_shape: Option<&[usize]>,
    attention: Attention,
) -> Result<Graph, ModelError> {
    import::import(file, input_shape, attention)
}
