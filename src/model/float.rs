//! The float32 reference: the whole model as rten runs it.

use std::collections::HashMap;
use std::sync::Arc;

use rten::{Value, ValueOrView};
use rten_tensor::TensorView;

use super::Graph;
use super::pb::{self, tensor_proto::DataType};
use super::runtime::{Runtime, untyped, value_info};
use super::tensor;

/// The nodes of a file that depend on its input, in operators that rten has.
#[derive(Debug, Default)]
pub(crate) struct FloatGraph {
    pub nodes: Vec<pb::NodeProto>,
    constants: HashMap<String, Arc<Value>>,
    inputs: Vec<String>,
    outputs: Vec<String>,
    opsets: Arc<Vec<pb::OperatorSetIdProto>>,
}

impl FloatGraph {
    /// With the inputs and outputs of `graph`, and no nodes.
    pub fn new(graph: &pb::GraphProto, opsets: &Arc<Vec<pb::OperatorSetIdProto>>) -> Self {
        let names = |values: &[pb::ValueInfoProto]| {
            values.iter().map(|value| value.name.clone()).collect::<Vec<_>>()
        };
        Self {
            nodes: Vec::new(),
            constants: HashMap::new(),
            inputs: names(&graph.input),
            outputs: names(&graph.output),
            opsets: opsets.clone(),
        }
    }

    /// Takes the constants that the nodes read from `constant`.
    pub fn add_constants(&mut self, constant: impl Fn(&str) -> Option<Arc<Value>>) {
        for name in self.nodes.iter().flat_map(|node| &node.input) {
            if let Some(tensor) = constant(name) {
                self.constants.insert(name.clone(), tensor);
            }
        }
    }
}

/// A float32 model of batch 1 that gives the logits and any tensors asked for.
#[derive(Clone)]
pub struct FloatModel {
    runtime: Arc<Runtime>,
    input_shape: Vec<usize>,
}

impl FloatModel {
    /// Prepares the model that `graph` was imported from. Besides the logits, which come last, it
    /// will give the ONNX tensors named in `tensors`.
    ///
    /// # Panics
    /// When rten refuses together what it accepted node by node.
    pub fn new(graph: &Graph, tensors: &[&str]) -> Self {
        let FloatGraph { nodes, constants, inputs, outputs, opsets } = &*graph.float;
        let input_shape = graph.values[graph.input].shape.clone();
        let given = |name: &String| value_info(name, DataType::Float, Some(&input_shape));
        let logits = outputs.iter().map(String::as_str);
        let proto = pb::GraphProto {
            name: "model".into(),
            node: nodes.clone(),
            input: inputs.iter().map(given).collect(),
            output: tensors.iter().copied().chain(logits).map(untyped).collect(),
            initializer: constants
                .iter()
                .map(|(name, value)| tensor::to_proto(name, value))
                .collect(),
            ..Default::default()
        };
        let runtime = Runtime::new(proto.clone(), opsets, true)
            .or_else(|_| Runtime::new(proto, opsets, false));
        let runtime = runtime.unwrap_or_else(|reason| panic!("the float model: {reason}"));
        Self { runtime: Arc::new(runtime), input_shape }
    }

    /// Runs one image, given in ONNX order; `visit` gets each output's index and elements.
    ///
    /// # Panics
    /// When `image` has not the input's size.
    pub fn run(&self, image: &[f32], mut visit: impl FnMut(usize, &[f32])) {
        let input = TensorView::from_data(&self.input_shape[..], image);
        let outputs = self.runtime.run(vec![ValueOrView::from(input)]);
        let outputs = outputs.unwrap_or_else(|reason| panic!("the float model: {reason}"));
        for (index, output) in outputs.iter().enumerate() {
            let elements = tensor::numbers::<f32>(output).expect("outputs are tensors");
            visit(index, &elements);
        }
    }
}
