//! The float32 reference: the whole model as rten runs it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rten::Value;

use super::pb;
use super::runtime::{Runtime, trial, untyped};
use super::stages::Stages;
use super::tensor;
use super::{Graph, SampleError};

fn elements(tensor: &Value) -> Vec<f32> {
    tensor::numbers(tensor).expect("outputs are tensors")
}

/// The nodes of a file that depend on its input, in operators that rten has.
#[derive(Debug, Default)]
pub(crate) struct FloatGraph {
    /// Each with the shapes of its inputs.
    pub nodes: Vec<(pb::NodeProto, Vec<Vec<usize>>)>,
    pub constants: HashMap<String, Arc<Value>>,
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

    /// The operator sets of the file.
    pub fn opsets(&self) -> &[pb::OperatorSetIdProto] {
        &self.opsets
    }

    /// Some of the nodes as a model of rten's, from these tensors to those.
    ///
    /// # Errors
    /// With rten's reason.
    pub fn runtime(
        &self,
        nodes: &[&pb::NodeProto],
        inputs: &[&str],
        outputs: &[&str],
        optimise: bool,
    ) -> Result<Runtime, String> {
        let constants: BTreeMap<&String, &Arc<Value>> = nodes
            .iter()
            .flat_map(|node| &node.input)
            .filter_map(|name| Some((name, self.constants.get(name)?)))
            .collect();
        let proto = pb::GraphProto {
            name: "model".into(),
            node: nodes.iter().map(|node| (*node).clone()).collect(),
            input: inputs.iter().map(|name| untyped(name)).collect(),
            output: outputs.iter().map(|name| untyped(name)).collect(),
            initializer: constants
                .iter()
                .map(|(name, value)| tensor::to_proto(name, value))
                .collect(),
            ..Default::default()
        };
        Runtime::new(proto, &self.opsets, optimise)
    }

    /// Takes the constants that the nodes read from `constant`.
    pub fn add_constants(&mut self, constant: impl Fn(&str) -> Option<Arc<Value>>) {
        for name in self.nodes.iter().flat_map(|(node, _)| &node.input) {
            if let Some(tensor) = constant(name) {
                self.constants.insert(name.clone(), tensor);
            }
        }
    }
}

/// A float32 model of batch 1 that gives its outputs and any tensors asked for.
#[derive(Clone)]
pub struct FloatModel {
    stages: Arc<Stages>,
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
        let outputs = graph.float.outputs.iter().map(String::as_str);
        let wanted: Vec<&str> = tensors.iter().copied().chain(outputs).collect();
        let values = graph.inputs.iter().map(|&input| &graph.values[input]);
        let inputs: Vec<_> = values.map(|value| (value.shape.clone(), value.integer)).collect();
        let zeros = vec![0.0; graph.input_elements()];
        // A fusion of rten's can be wrong about shapes that broadcast; its nodes are not.
        let fused = trial(|| {
            let stages = Stages::new(&graph.float, &wanted, true).ok()?;
            stages.run(split(&inputs, &zeros)).is_ok().then_some(stages)
        });
        let stages = fused.map_or_else(|| Stages::new(&graph.float, &wanted, false), Ok);
        let stages = stages.unwrap_or_else(|reason| panic!("the float model: {reason}"));
        Self { stages: Arc::new(stages), inputs, tensors: tensors.len() }
    }

    /// Runs one sample, the elements of all inputs; `visit` gets the index and elements of each
    /// tensor asked for.
    ///
    /// # Errors
    /// When `sample` has not the inputs' size, or an operator does not take its values.
    pub fn run(
        &self,
        sample: &[f32],
        mut visit: impl FnMut(usize, &[f32]),
    ) -> Result<(), SampleError> {
        for (index, output) in self.values(sample)?.iter().take(self.tensors).enumerate() {
            visit(index, &elements(output));
        }
        Ok(())
    }

    /// The elements of all outputs for one sample, one after the other.
    ///
    /// # Errors
    /// When `sample` has not the inputs' size, or an operator does not take its values.
    pub fn outputs(&self, sample: &[f32]) -> Result<Vec<f32>, SampleError> {
        Ok(self.values(sample)?.iter().skip(self.tensors).flat_map(elements).collect())
    }

    fn values(&self, sample: &[f32]) -> Result<Vec<Value>, SampleError> {
        let sizes = self.inputs.iter().map(|(shape, _)| shape.iter().product::<usize>());
        SampleError::check(sample.len(), sizes.sum())?;
        self.stages.run(split(&self.inputs, sample)).map_err(SampleError::Values)
    }
}

/// The inputs, of these shapes and integer or not, of which a sample is made.
fn split(inputs: &[(Vec<usize>, bool)], sample: &[f32]) -> Vec<Value> {
    let mut rest = sample;
    let inputs = inputs.iter().map(|(shape, integer)| {
        let (own, others) = rest.split_at(shape.iter().product());
        rest = others;
        match integer {
            true => tensor::integers(shape, own.iter().map(|&value| value as i32).collect()),
            false => tensor::floats(shape, own.to_vec()),
        }
    });
    inputs.collect()
}
