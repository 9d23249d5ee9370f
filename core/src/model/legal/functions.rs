//! Functions of the model itself, which exporters make of a network's modules, written out.

use std::collections::HashMap;

use prost::Message;

use super::inline::{Names, renamed};
use super::{Builder, pb};
use crate::model::error::ModelErrorKind;
use crate::model::import::node_name;
use crate::model::onnx::opset;

/// Most nodes of a model whose functions are written out.
const MOST_NODES: usize = 100_000;

/// Most bytes of all nodes that calls are replaced by.
const MOST_BYTES: usize = 1 << 27;

/// How deeply functions may call each other.
const MOST_LEVELS: usize = 16;

type Result<T> = std::result::Result<T, ModelErrorKind>;

/// Replaces every call of a function by its nodes, and drops the functions.
///
/// # Errors
/// When functions call each other without end or make too many nodes, or one is of another operator
/// set than the model.
pub(crate) fn write_out(model: &mut pb::ModelProto) -> Result<()> {
    let functions = std::mem::take(&mut model.functions);
    let Some(graph) = model.graph.as_mut().filter(|_| !functions.is_empty()) else {
        return Ok(());
    };
    let named = functions.iter().map(|function| {
        let bytes = function.node.iter().map(Message::encoded_len).sum();
        (key(&function.domain, &function.name, &function.overload), (function, bytes))
    });
    let mut calls = Calls {
        functions: named.collect(),
        builder: Builder::new(graph),
        opset: opset(&model.opset_import),
        nodes: 0,
        bytes: 0,
    };
    graph.node = calls.expand(std::mem::take(&mut graph.node), 0)?;
    Ok(())
}

type Key<'a> = (&'a str, &'a str, &'a str);

fn key<'a>(domain: &'a str, name: &'a str, overload: &'a str) -> Key<'a> {
    (domain, name, overload)
}

struct Calls<'a> {
    /// With the bytes of their nodes.
    functions: HashMap<Key<'a>, (&'a pb::FunctionProto, usize)>,
    builder: Builder,
    /// Of the model.
    opset: i64,
    nodes: usize,
    bytes: usize,
}

impl Calls<'_> {
    fn expand(&mut self, nodes: Vec<pb::NodeProto>, level: usize) -> Result<Vec<pb::NodeProto>> {
        let mut expanded = Vec::with_capacity(nodes.len());
        for mut node in nodes {
            let fail =
                |reason: String| ModelErrorKind::node(node_name(&node), &node.op_type, reason);
            self.nodes += 1;
            if self.nodes > MOST_NODES {
                return Err(fail(format!(
                    "the model has more than {MOST_NODES} nodes, those of its functions included"
                )));
            }
            let called = key(&node.domain, &node.op_type, &node.overload);
            let Some(&(function, bytes)) = self.functions.get(&called) else {
                for attribute in &mut node.attribute {
                    if let Some(graph) = &mut attribute.g {
                        graph.node = self.expand(std::mem::take(&mut graph.node), level)?;
                    }
                }
                expanded.push(node);
                continue;
            };
            self.bytes = self.bytes.saturating_add(bytes);
            if self.bytes > MOST_BYTES {
                return Err(fail(format!(
                    "the functions of the model, written out, take more than {MOST_BYTES} bytes"
                )));
            }
            if level == MOST_LEVELS {
                return Err(fail(format!(
                    "functions call each other more than {MOST_LEVELS} levels deep; a function \
                     must not call itself"
                )));
            }
            let own = opset(&function.opset_import);
            if own != 0 && own != self.opset {
                return Err(fail(format!(
                    "is a function of operator set {own} in a model of set {}; write it out with \
                     onnx.inliner.inline_local_functions",
                    self.opset
                )));
            }
            if node.input.len() > function.input.len() || node.output.len() > function.output.len()
            {
                return Err(fail(format!(
                    "has {} inputs and {} outputs; the function has {} and {}",
                    node.input.len(),
                    node.output.len(),
                    function.input.len(),
                    function.output.len()
                )));
            }
            let body = self.body(&node, function);
            expanded.extend(self.expand(body, level + 1)?);
        }
        Ok(expanded)
    }

    /// The function's nodes, which read and make the tensors of the node that calls it.
    fn body(&mut self, call: &pb::NodeProto, function: &pb::FunctionProto) -> Vec<pb::NodeProto> {
        let mut names = Names::new();
        for (index, input) in function.input.iter().enumerate() {
            // An input that the call leaves out is left out by its readers, too.
            let given = call.input.get(index).cloned().unwrap_or_default();
            names.insert(input.clone(), given);
        }
        let mut aliases = Vec::new();
        for (inner, outer) in function.output.iter().zip(&call.output) {
            if outer.is_empty() {
                continue;
            }
            match names.get(inner) {
                // The function hands an input on, or a tensor on twice.
                Some(_) => aliases.push((inner, outer)),
                None => drop(names.insert(inner.clone(), outer.clone())),
            }
        }
        let mut nodes = renamed(&mut self.builder, &function.node, &mut names);
        for node in &mut nodes {
            node.name = format!("{}/{}", node_name(call), node_name(node));
            give_attributes(node, call, function);
        }
        for (inner, outer) in aliases {
            self.builder.last(call, "Identity", &[&names[inner]], vec![], outer);
        }
        nodes.extend(self.builder.take().0);
        nodes
    }
}

/// Puts the attributes of the call, or their defaults, where the function refers to them.
fn give_attributes(node: &mut pb::NodeProto, call: &pb::NodeProto, function: &pb::FunctionProto) {
    let given = |name: &str| {
        let mut all = call.attribute.iter().chain(&function.attribute_proto);
        all.find(|attribute| attribute.name == name)
    };
    let attributes = std::mem::take(&mut node.attribute);
    node.attribute = attributes
        .into_iter()
        .filter_map(|mut attribute| {
            if attribute.ref_attr_name.is_empty() {
                if let Some(graph) = &mut attribute.g {
                    for node in &mut graph.node {
                        give_attributes(node, call, function);
                    }
                }
                return Some(attribute);
            }
            let value = given(&attribute.ref_attr_name)?.clone();
            Some(pb::AttributeProto { name: attribute.name, ..value })
        })
        .collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str) -> pb::NodeProto {
        pb::NodeProto {
            op_type: name.into(),
            domain: "local".into(),
            input: vec!["x".into()],
            output: vec!["y".into()],
            ..Default::default()
        }
    }

    fn function(name: &str, node: Vec<pb::NodeProto>) -> pb::FunctionProto {
        pb::FunctionProto {
            name: name.into(),
            domain: "local".into(),
            input: vec!["x".into()],
            output: vec!["y".into()],
            node,
            ..Default::default()
        }
    }

    fn model(functions: Vec<pb::FunctionProto>) -> pb::ModelProto {
        pb::ModelProto {
            opset_import: vec![pb::OperatorSetIdProto { domain: String::new(), version: 17 }],
            graph: Some(pb::GraphProto { node: vec![call("F")], ..Default::default() }),
            functions,
            ..Default::default()
        }
    }

    fn refusal(mut model: pb::ModelProto) -> String {
        write_out(&mut model).unwrap_err().to_string()
    }

    #[test]
    fn functions_that_never_end_are_refused() {
        let message = refusal(model(vec![function("F", vec![call("F")])]));
        assert!(message.contains("more than 16 levels"), "{message}");
    }

    #[test]
    fn functions_that_multiply_at_every_level_are_refused() {
        // 20 calls of 20 of 20 of 20: 160,000 nodes of a file that holds 80.
        let name = |level: usize| format!("F{}", "'".repeat(level));
        let functions = (0..4).map(|level| {
            let inner = match level {
                3 => pb::NodeProto { op_type: "Relu".into(), domain: String::new(), ..call("") },
                _ => call(&name(level + 1)),
            };
            function(&name(level), vec![inner; 20])
        });
        let message = refusal(model(functions.collect()));
        assert!(message.contains("more than 100000 nodes"), "{message}");
    }

    #[test]
    fn functions_that_repeat_large_constants_are_refused() {
        let large = pb::AttributeProto {
            name: "value".into(),
            t: Some(pb::TensorProto { raw_data: vec![0; 1 << 17], ..Default::default() }),
            ..Default::default()
        };
        let constant =
            pb::NodeProto { op_type: "Constant".into(), attribute: vec![large], ..call("") };
        let constant = pb::NodeProto { domain: String::new(), ..constant };
        let functions = vec![function("F", vec![call("G"); 1025]), function("G", vec![constant])];
        let message = refusal(model(functions));
        assert!(message.contains("bytes"), "{message}");
    }

    #[test]
    fn a_function_has_the_operator_set_of_the_model() {
        let other = pb::OperatorSetIdProto { domain: String::new(), version: 18 };
        let function = pb::FunctionProto { opset_import: vec![other], ..function("F", vec![]) };
        let message = refusal(model(vec![function]));
        assert!(message.contains("set 18 in a model of set 17"), "{message}");
    }
}
