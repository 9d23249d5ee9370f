//! com.microsoft's operators for real numbers, which ONNX Runtime's optimiser writes in place of
//! several of ONNX's own.

use super::builder::{real, whole, with, words};
use super::{Builder, Known, attention, gemm, pb};
use crate::model::attributes::{float, floats, text};

/// Takes a node of com.microsoft apart.
pub(super) fn microsoft(
    builder: &mut Builder,
    node: &pb::NodeProto,
    known: &[Option<Known>],
) -> Result<bool, String> {
    let mut fused = Fused { builder, node };
    match node.op_type.as_str() {
        "FusedMatMul" => return gemm::fused_matmul(builder, node, known),
        "Attention" => return attention::merged(builder, node, known),
        "MultiHeadAttention" => return attention::multi_head(builder, node, known),
        "FusedGemm" => fused.activated("Gemm", 3)?,
        "FusedConv" => fused.activated("Conv", 3)?,
        "SkipLayerNormalization" => fused.skip_normalization()?,
        "EmbedLayerNormalization" => fused.embedding()?,
        "BiasGelu" => fused.gelu("none"),
        "FastGelu" => fused.gelu("tanh"),
        "QuickGelu" => fused.quick_gelu(),
        _ => builder.push(pb::NodeProto { domain: String::new(), ..node.clone() }),
    }
    Ok(true)
}

struct Fused<'a> {
    builder: &'a mut Builder,
    node: &'a pb::NodeProto,
}

impl<'a> Fused<'a> {
    /// The name of an input that is not left out.
    fn input(&self, index: usize) -> Option<&'a str> {
        self.node.input.get(index).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The name of an output that is read.
    fn output(&self, index: usize) -> Option<&'a str> {
        self.node.output.get(index).map(String::as_str).filter(|name| !name.is_empty())
    }

    fn op(&mut self, operator: &str, inputs: &[&str]) -> String {
        self.builder.node(self.node, operator, inputs, vec![])
    }

    /// The sum of a tensor and an input, if that is there.
    fn plus(&mut self, x: &str, input: usize) -> String {
        match self.input(input) {
            Some(added) => self.op("Add", &[x, added]),
            None => x.into(),
        }
    }

    /// A layer of so many inputs, the addition of one more, and its activation.
    fn activated(&mut self, operator: &str, inputs: usize) -> Result<(), String> {
        let node = self.node;
        let name = text(node, "activation").unwrap_or("");
        let parameters = floats(node, "activation_params");
        let first = parameters.and_then(|all| all.first().copied());
        let alpha = float(node, "activation_alpha").or(first);
        let attributes = match name {
            "" | "Relu" | "Sigmoid" | "Tanh" => vec![],
            "LeakyRelu" => vec![real("alpha", alpha.unwrap_or(0.01))],
            other => {
                return Err(format!(
                    "has activation \"{other}\"; expected Relu, LeakyRelu, Sigmoid or Tanh: \
                     export the model without ONNX Runtime's optimisations"
                ));
            }
        };
        let own = ["activation", "activation_params", "activation_alpha", "activation_beta"];
        let own = [&own[..], &["activation_gamma"]].concat();
        let rest = with(node, &own, vec![]).attribute;
        let given: Vec<&str> = node.input.iter().take(inputs).map(String::as_str).collect();
        let product = self.builder.node(node, operator, &given, rest);
        let sum = self.plus(&product, inputs);
        let last = if name.is_empty() { "Identity" } else { name };
        self.builder.last(node, last, &[&sum], attributes, &node.output[0]);
        Ok(())
    }

    /// Normalises the last axis, with the scale and the shift at these inputs.
    fn normalized(&mut self, x: &str, scale: usize, default_epsilon: f32) {
        let node = self.node;
        let scale = [self.input(scale), self.input(scale + 1)];
        let inputs: Vec<&str> = [x].into_iter().chain(scale.into_iter().flatten()).collect();
        let epsilon = float(node, "epsilon").unwrap_or(default_epsilon);
        let attributes = vec![whole("axis", -1), real("epsilon", epsilon)];
        self.builder.last(node, "LayerNormalization", &inputs, attributes, &node.output[0]);
    }

    /// The sum of two tensors and a bias, normalised; the sum itself is an output too.
    fn skip_normalization(&mut self) -> Result<(), String> {
        if self.output(1).or(self.output(2)).is_some() {
            return Err("hands out its mean or deviation, which are for training; export the \
                        model after model.eval()"
                .into());
        }
        let sum = self.op("Add", &[&self.node.input[0], &self.node.input[1]]);
        let sum = self.plus(&sum, 4);
        if let Some(output) = self.output(3) {
            self.builder.last(self.node, "Identity", &[&sum], vec![], output);
        }
        self.normalized(&sum, 2, 1e-12);
        Ok(())
    }

    /// The vectors of words, places and parts of a text, added and normalised.
    fn embedding(&mut self) -> Result<(), String> {
        let node = self.node;
        if self.output(1).is_some() && self.input(7).is_none() {
            return Err("hands out how long its texts are, without a mask that says so; export \
                        the model without ONNX Runtime's optimisations"
                .into());
        }
        let mut sum = self.op("Gather", &[&node.input[2], &node.input[0]]);
        let places = match self.input(8) {
            Some(places) => self.op("Gather", &[&node.input[3], places]),
            None => self.first_places(),
        };
        sum = self.op("Add", &[&sum, &places]);
        if let (Some(vectors), Some(parts)) = (self.input(4), self.input(1)) {
            let parts = self.op("Gather", &[vectors, parts]);
            sum = self.op("Add", &[&sum, &parts]);
        }
        if let Some(output) = self.output(2) {
            self.builder.last(node, "Identity", &[&sum], vec![], output);
        }
        if let (Some(output), Some(mask)) = (self.output(1), self.input(7)) {
            let axis = self.builder.integers(&[1]);
            let keep = vec![whole("keepdims", 0)];
            self.builder.last(node, "ReduceSum", &[mask, &axis], keep, output);
        }
        self.normalized(&sum, 5, 1e-12);
        Ok(())
    }

    /// The vectors of the first places, as many as there are words.
    fn first_places(&mut self) -> String {
        let node = self.node;
        let shape = self.op("Shape", &[&node.input[0]]);
        let [zero, one] = [0, 1].map(|index| self.builder.integers(&[index]));
        let words = self.builder.node(node, "Gather", &[&shape, &one], vec![whole("axis", 0)]);
        self.op("Slice", &[&node.input[3], &zero, &words, &zero])
    }

    /// GELU of the sum of its inputs.
    fn gelu(&mut self, approximate: &str) {
        let sum = self.plus(&self.node.input[0], 1);
        let approximate = vec![words("approximate", approximate)];
        self.builder.last(self.node, "Gelu", &[&sum], approximate, &self.node.output[0]);
    }

    /// x sigmoid(alpha x)
    fn quick_gelu(&mut self) {
        let x = &self.node.input[0];
        let alpha = self.builder.float(float(self.node, "alpha").unwrap_or(1.702));
        let scaled = self.op("Mul", &[x, &alpha]);
        let gate = self.op("Sigmoid", &[&scaled]);
        self.builder.last(self.node, "Mul", &[x, &gate], vec![], &self.node.output[0]);
    }
}
