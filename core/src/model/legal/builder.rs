//! Nodes that replace another.

use rten::Value;

use crate::model::pb::attribute_proto::AttributeType;
use crate::model::pb::{AttributeProto, GraphProto, NodeProto};
use crate::model::{import::node_name, tensor};

/// Collects nodes and constants. New tensors get names that no tensor of the file has.
pub(crate) struct Builder {
    nodes: Vec<NodeProto>,
    constants: Vec<(String, Value)>,
    prefix: String,
    made: usize,
}

impl Builder {
    /// For a graph, which has no tensor of a name that is to be made.
    pub fn new(graph: &GraphProto) -> Self {
        let mut prefix = String::from("recoup/");
        while has_name(graph, &prefix) {
            prefix.insert(0, '_');
        }
        Self { nodes: Vec::new(), constants: Vec::new(), prefix, made: 0 }
    }

    /// What was collected since the last call.
    pub fn take(&mut self) -> (Vec<NodeProto>, Vec<(String, Value)>) {
        (std::mem::take(&mut self.nodes), std::mem::take(&mut self.constants))
    }

    /// A name that no tensor has.
    pub fn fresh(&mut self) -> String {
        self.made += 1;
        format!("{}{}", self.prefix, self.made)
    }

    /// As [`Builder::node`], of what is along `axes`, which stay as axes of one place if `keep`.
    pub fn reduced(
        &mut self,
        of: &NodeProto,
        operator: &str,
        x: &str,
        axes: &[i64],
        keep: bool,
        opset: i64,
    ) -> String {
        let keep = whole("keepdims", keep.into());
        if opset < 18 {
            return self.node(of, operator, &[x], vec![list("axes", axes), keep]);
        }
        let axes: Vec<i32> = axes.iter().map(|&axis| axis as i32).collect();
        let axes = self.integers(&axes);
        self.node(of, operator, &[x, &axes], vec![keep])
    }

    /// Takes a node as it is.
    pub fn push(&mut self, node: NodeProto) {
        self.nodes.push(node);
    }

    /// A node in place of `of`, whose name it has; returns the tensor that it makes.
    pub fn node(
        &mut self,
        of: &NodeProto,
        operator: &str,
        inputs: &[&str],
        attributes: Vec<AttributeProto>,
    ) -> String {
        let output = self.fresh();
        self.last(of, operator, inputs, attributes, &output);
        output
    }

    /// As [`Builder::node`], making the tensor `output`.
    pub fn last(
        &mut self,
        of: &NodeProto,
        operator: &str,
        inputs: &[&str],
        attribute: Vec<AttributeProto>,
        output: &str,
    ) {
        self.nodes.push(NodeProto {
            name: node_name(of).into(),
            op_type: operator.into(),
            input: inputs.iter().map(|input| input.to_string()).collect(),
            output: vec![output.into()],
            attribute,
            ..Default::default()
        });
    }

    /// A new constant.
    pub fn constant(&mut self, value: Value) -> String {
        let name = self.fresh();
        self.constants.push((name.clone(), value));
        name
    }

    /// A new scalar constant.
    pub fn float(&mut self, value: f32) -> String {
        self.constant(tensor::floats(&[], vec![value]))
    }

    /// A new constant list.
    pub fn integers(&mut self, values: &[i32]) -> String {
        self.constant(tensor::integers(&[values.len()], values.to_vec()))
    }

    /// A new constant shape.
    pub fn shape(&mut self, shape: &[usize]) -> String {
        let dims: Vec<i32> = shape.iter().map(|&dim| dim as i32).collect();
        self.integers(&dims)
    }
}

/// Whether the name of a tensor of a graph, or of one inside it, begins with `prefix`.
fn has_name(graph: &GraphProto, prefix: &str) -> bool {
    let made = graph.node.iter().flat_map(|node| &node.output);
    let given = graph.initializer.iter().map(|tensor| &tensor.name);
    let inputs = graph.input.iter().map(|input| &input.name);
    let attributes = graph.node.iter().flat_map(|node| &node.attribute);
    made.chain(given).chain(inputs).any(|name| name.starts_with(prefix))
        || attributes.flat_map(|attribute| &attribute.g).any(|inner| has_name(inner, prefix))
}

/// A new attribute that is a list of whole numbers.
pub(super) fn list(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Ints as i32,
        ints: values.to_vec(),
        ..Default::default()
    }
}

/// A new attribute that is a whole number.
pub(crate) fn whole(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Int as i32,
        i: value,
        ..Default::default()
    }
}

/// A new attribute that is a number.
pub(super) fn real(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Float as i32,
        f: value,
        ..Default::default()
    }
}

/// A new attribute that is text.
pub(super) fn words(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::String as i32,
        s: value.into(),
        ..Default::default()
    }
}

/// The node without some attributes and with others.
pub(super) fn with(node: &NodeProto, without: &[&str], more: Vec<AttributeProto>) -> NodeProto {
    let mut node = node.clone();
    node.attribute.retain(|attribute| {
        !without.contains(&attribute.name.as_str())
            && !more.iter().any(|more| more.name == attribute.name)
    });
    node.attribute.extend(more);
    node
}
