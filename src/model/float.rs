//! The float32 reference: the whole model as rten runs it.

use std::collections::HashMap;
use std::sync::Arc;

use rten::{Value, ValueOrView};
use rten_tensor::TensorView;
use rten_tensor::prelude::*;

use super::Graph;
use super::operator::element_type;
use super::pb;
use super::runtime::{Runtime, untyped, value_info};
use super::tensor;

fn elements(tensor: &Value) -> Vec<f32> {
    tensor::numbers(tensor).expect("outputs are tensors")
}

/// The nodes of a file that depend on its input, in operators that rten has.
#[derive(Debug, Default)]
pub(crate) struct FloatGraph {
    pub nodes: Vec<pb::NodeProto>,
    constants: HashMap<String, Arc<Value>>,
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
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

/// A float32 model of batch 1 that gives its outputs and any tensors asked for.
#[derive(Clone)]
pub struct FloatModel {
    runtime: Arc<Runtime>,
    inputs: Vec<(Vec<usize>, bool)>,
    tensors: usize,
}

impl FloatModel {
    /// Prepares the model that `graph` was imported from. Besides its outputs, it will give the
    /// ONNX tensors named in `tensors`.
    ///
    /// # Panics
    /// When rten refuses together what it accepted node by node.
    pub fn new(graph: &Graph, tensors: &[&str]) -> Self {
        let FloatGraph { nodes, constants, inputs, outputs, opsets } = &*graph.float;
        let values = graph.inputs.iter().map(|&input| &graph.values[input]);
        let given = inputs
            .iter()
            .zip(values.clone())
            .map(|(name, value)| value_info(name, element_type(value.integer), Some(&value.shape)));
        let outputs = outputs.iter().map(String::as_str);
        let proto = pb::GraphProto {
            name: "model".into(),
            node: nodes.clone(),
            input: given.collect(),
            output: tensors.iter().copied().chain(outputs).map(untyped).collect(),
            initializer: constants
                .iter()
                .map(|(name, value)| tensor::to_proto(name, value))
                .collect(),
            ..Default::default()
        };
        let runtime = Runtime::new(proto.clone(), opsets, true)
            .or_else(|_| Runtime::new(proto, opsets, false));
        let runtime = runtime.unwrap_or_else(|reason| panic!("the float model: {reason}"));
        let inputs = values.map(|value| (value.shape.clone(), value.integer)).collect();
        Self { runtime: Arc::new(runtime), inputs, tensors: tensors.len() }
    }

    /// Runs one sample, the elements of all inputs; `visit` gets the index and elements of each
    /// tensor asked for.
    ///
    /// # Panics
    /// When `sample` has not the inputs' size.
    pub fn run(&self, sample: &[f32], mut visit: impl FnMut(usize, &[f32])) {
        for (index, output) in self.values(sample).iter().take(self.tensors).enumerate() {
            visit(index, &elements(output));
        }
    }

    /// The elements of all outputs for one sample, one after the other.
    ///
    /// # Panics
    /// When `sample` has not the inputs' size.
    pub fn outputs(&self, sample: &[f32]) -> Vec<f32> {
        self.values(sample).iter().skip(self.tensors).flat_map(elements).collect()
    }

    fn values(&self, sample: &[f32]) -> Vec<Value> {
        let mut rest = sample;
        let inputs = self.inputs.iter().map(|(shape, integer)| {
            let (own, others) = rest.split_at(shape.iter().product());
            rest = others;
            let view = TensorView::from_data(&shape[..], own);
            match integer {
                true => ValueOrView::from(view.map(|value| *value as i32)),
                false => ValueOrView::from(view),
            }
        });
        let outputs = self.runtime.run(inputs.collect());
        outputs.unwrap_or_else(|reason| panic!("the float model: {reason}"))
    }
}
