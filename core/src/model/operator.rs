//! ONNX nodes that run in float: shape inference and constant folding of one, and stretches of
//! several that run as one model, so that rten can fuse them.

use std::sync::Arc;

use rten::{Value, ValueOrView};
use rten_tensor::prelude::*;
use rten_tensor::{Tensor, TensorView};

use super::pb::tensor_proto::DataType;
use super::runtime::{Runtime, trial, untyped, value_info};
use super::{Graph, Node, SampleError, ValueId, attributes, pb, tensor};

/// What feeds one input of a node.
#[derive(Clone, Debug)]
pub(crate) enum Feed {
    /// An optional input that is left out.
    Absent,
    /// A constant.
    Constant(Arc<Value>),
    /// The next of the node's run-time inputs.
    Runtime,
}

/// An ONNX node with its constants, as it can be run by itself or in a stretch.
#[derive(Clone, Debug)]
pub struct Source {
    node: pb::NodeProto,
    feeds: Vec<Feed>,
    opsets: Arc<Vec<pb::OperatorSetIdProto>>,
}

impl Source {
    pub(crate) fn new(
        node: &pb::NodeProto,
        feeds: Vec<Feed>,
        opsets: &Arc<Vec<pb::OperatorSetIdProto>>,
    ) -> Self {
        Self { node: node.clone(), feeds, opsets: opsets.clone() }
    }

    /// The ONNX operator.
    pub(crate) fn operator(&self) -> &str {
        &self.node.op_type
    }

    /// An attribute that is one integer, if it is given.
    pub(crate) fn int(&self, name: &str) -> Option<i64> {
        attributes::int(&self.node, name)
    }

    /// An attribute that is a list of integers, if it is given.
    pub(crate) fn ints(&self, name: &str) -> Option<&[i64]> {
        attributes::ints(&self.node, name)
    }

    /// An attribute that is one float, if it is given.
    pub(crate) fn float(&self, name: &str) -> Option<f32> {
        attributes::float(&self.node, name)
    }

    /// Whether there is an input in this place.
    pub(crate) fn has(&self, index: usize) -> bool {
        !matches!(self.feeds.get(index), None | Some(Feed::Absent))
    }

    /// The constant in this place, if it is one of real numbers.
    pub(crate) fn numbers(&self, index: usize) -> Option<Vec<f32>> {
        match self.feeds.get(index)? {
            Feed::Constant(constant) => tensor::numbers(constant),
            Feed::Absent | Feed::Runtime => None,
        }
    }

    /// The same with the numbers of these constants, where it has them, divided one by one.
    pub(crate) fn with_divided(&self, places: &[usize], by: &[f32]) -> Self {
        let mut divided = self.clone();
        for &place in places {
            let Some(numbers) = self.numbers(place) else { continue };
            let quotients = numbers.iter().zip(by).map(|(number, by)| number / by);
            let constant = tensor::floats(&[by.len()], quotients.collect());
            divided.feeds[place] = Feed::Constant(Arc::new(constant));
        }
        divided
    }

    /// Whether all that it reads is known at run time only.
    pub(crate) fn reads_no_constant(&self) -> bool {
        self.feeds.iter().all(|feed| matches!(feed, Feed::Runtime))
    }

    /// What it multiplies its one tensor by, if that is all that it does.
    pub(crate) fn factor(&self) -> Option<f32> {
        let number = |index: usize| match self.numbers(index)?[..] {
            [number] => Some(number),
            _ => None,
        };
        match (self.operator(), &self.feeds[..]) {
            ("Mul", [Feed::Runtime, Feed::Constant(_)]) => number(1),
            ("Mul", [Feed::Constant(_), Feed::Runtime]) => number(0),
            ("Div", [Feed::Runtime, Feed::Constant(_)]) => number(1).map(|number| 1.0 / number),
            _ => None,
        }
    }

    /// Whether each constant that it reads is one number.
    pub(super) fn constants_are_numbers(&self) -> bool {
        self.feeds.iter().all(|feed| match feed {
            Feed::Constant(constant) => constant.len() == 1,
            Feed::Absent | Feed::Runtime => true,
        })
    }

    /// Adds the node to a graph, reading the tensors `inputs` and making `outputs`, one name for
    /// each run-time input and each output that is not left out.
    fn add_to(&self, graph: &mut pb::GraphProto, inputs: &[String], outputs: &[String]) {
        let mut node = self.node.clone();
        let (mut inputs, mut outputs) = (inputs.iter(), outputs.iter());
        for (index, feed) in self.feeds.iter().enumerate() {
            node.input[index] = match feed {
                Feed::Absent => String::new(),
                Feed::Constant(constant) => {
                    let name = format!("constant{}", graph.initializer.len());
                    graph.initializer.push(tensor::to_proto(&name, constant));
                    name
                }
                Feed::Runtime => inputs.next().expect("a name for every input").clone(),
            };
        }
        for output in node.output.iter_mut().filter(|output| !output.is_empty()) {
            *output = outputs.next().expect("a name for every output").clone();
        }
        graph.node.push(node);
    }

    /// The node as a model of its own, for inputs of these types and shapes.
    pub(crate) fn alone(&self, inputs: &[(DataType, &[usize])]) -> Result<Runtime, String> {
        let mut graph = pb::GraphProto { name: "node".into(), ..Default::default() };
        let names: Vec<String> = (0..inputs.len()).map(|index| format!("input{index}")).collect();
        let made = self.node.output.iter().filter(|output| !output.is_empty()).count();
        let outputs: Vec<String> = (0..made).map(|index| format!("output{index}")).collect();
        self.add_to(&mut graph, &names, &outputs);
        let named = names.iter().zip(inputs);
        graph.input.extend(named.map(|(name, (kind, shape))| value_info(name, *kind, Some(shape))));
        graph.output.extend(outputs.iter().map(|output| untyped(output)));
        Runtime::new(graph, &self.opsets, false)
    }
}

/// Nodes that run in float, as one model. Tensors are given and returned as Recoup stores them:
/// real numbers, rank 4 channels-last.
pub(crate) struct Stretch {
    runtime: Runtime,
    inputs: Vec<Signature>,
}

/// How a tensor goes into a model.
#[derive(Clone)]
struct Signature {
    shape: Vec<usize>,
    integer: bool,
}

impl std::fmt::Debug for Stretch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Stretch({} inputs)", self.inputs.len())
    }
}

impl Stretch {
    /// The nodes `nodes` of `graph`, in execution order, from `inputs` to `outputs`.
    ///
    /// # Panics
    /// When one of them has no source, or rten refuses what it accepted node by node.
    pub fn new(graph: &Graph, nodes: &[usize], inputs: &[ValueId], outputs: &[ValueId]) -> Self {
        let signature = |&id: &ValueId| {
            let value = &graph.values[id];
            Signature { shape: value.shape.clone(), integer: value.integer }
        };
        let signatures = inputs.iter().map(signature).collect();
        Self::with_signatures(graph, nodes, inputs, signatures, outputs)
    }

    /// Nodes that work element by element, on `elements` of them in a row.
    ///
    /// # Panics
    /// As [`Stretch::new`].
    pub fn of_elements(
        graph: &Graph,
        nodes: &[usize],
        inputs: &[ValueId],
        output: ValueId,
        elements: usize,
    ) -> Self {
        let signature =
            |&id: &ValueId| Signature { shape: vec![elements], integer: graph.values[id].integer };
        let signatures = inputs.iter().map(signature).collect();
        Self::with_signatures(graph, nodes, inputs, signatures, &[output])
    }

    fn with_signatures(
        graph: &Graph,
        nodes: &[usize],
        inputs: &[ValueId],
        signatures: Vec<Signature>,
        outputs: &[ValueId],
    ) -> Self {
        let name = |&value: &ValueId| format!("value{value}");
        let names = |values: &[ValueId]| values.iter().map(name).collect::<Vec<_>>();
        let build = |optimise: bool| {
            let mut proto = pb::GraphProto { name: "stretch".into(), ..Default::default() };
            let mut opsets = Arc::default();
            for &index in nodes {
                let node: &Node = &graph.nodes[index];
                let source = node.source.as_ref().expect("a node of the file");
                source.add_to(&mut proto, &names(&node.inputs), &names(&node.outputs));
                opsets = source.opsets.clone();
            }
            proto.input.extend(inputs.iter().zip(&signatures).map(|(id, signature)| {
                value_info(&name(id), element_type(signature.integer), Some(&signature.shape))
            }));
            proto.output.extend(outputs.iter().map(|id| untyped(&name(id))));
            Runtime::new(proto, &opsets, optimise)
        };
        let zeros = signatures.iter().map(|signature| vec![0.0; signature.shape.iter().product()]);
        let zeros: Vec<Vec<f32>> = zeros.collect();
        let zeros: Vec<&[f32]> = zeros.iter().map(Vec::as_slice).collect();
        let stretch =
            |optimise| build(optimise).map(|runtime| Self { runtime, inputs: signatures.clone() });
        // A fusion of rten's can be wrong about shapes that broadcast; its nodes are not.
        let fused = trial(|| stretch(true).ok().filter(|fused| fused.run(&zeros).is_ok()));
        fused.unwrap_or_else(|| stretch(false).expect("every node of it was built before"))
    }

    /// Runs it, and gives the elements of each output in storage order.
    ///
    /// # Errors
    /// When a node does not take the values; shapes were checked when the nodes were imported.
    pub fn run(&self, inputs: &[&[f32]]) -> Result<Vec<Vec<f32>>, SampleError> {
        let values = self.inputs.iter().zip(inputs).map(|(signature, elements)| {
            let view = in_onnx_order(&signature.shape, elements);
            match signature.integer {
                true => ValueOrView::from(view.map(|value| *value as i32)),
                false => ValueOrView::from(view),
            }
        });
        let outputs = self.runtime.run(values.collect()).map_err(SampleError::Values)?;
        Ok(outputs.into_iter().map(in_storage_order).collect())
    }
}

/// rten's name of what Recoup stores as real numbers.
pub(crate) fn element_type(integer: bool) -> DataType {
    if integer { DataType::Int32 } else { DataType::Float }
}

/// Elements in storage order as the tensor that they are.
fn in_onnx_order<'a>(shape: &[usize], elements: &'a [f32]) -> TensorView<'a> {
    match *shape {
        [batch, channels, height, width] => {
            let stored = TensorView::from_data(&[batch, height, width, channels][..], elements);
            stored.permuted(&[0, 3, 1, 2])
        }
        _ => TensorView::from_data(shape, elements),
    }
}

fn in_storage_order(output: Value) -> Vec<f32> {
    fn stored<T: Copy>(tensor: &Tensor<T>, to_float: impl Fn(T) -> f32) -> Vec<f32> {
        let view = tensor.view();
        let view = if view.ndim() == 4 { view.permuted(&[0, 2, 3, 1]) } else { view };
        view.iter().map(|&element| to_float(element)).collect()
    }
    match output {
        Value::FloatTensor(tensor) if tensor.ndim() != 4 && tensor.is_contiguous() => {
            tensor.into_data()
        }
        Value::FloatTensor(tensor) => stored(&tensor, |element| element),
        Value::Int32Tensor(tensor) => stored(&tensor, |element| element as f32),
        Value::Int8Tensor(tensor) => stored(&tensor, f32::from),
        Value::UInt8Tensor(tensor) => stored(&tensor, f32::from),
        _ => unreachable!("sequences are refused on import"),
    }
}
