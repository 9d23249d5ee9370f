//! The graph's nodes and names: every tensor defined once and before its use, every node one that
//! its operator set knows.

use std::collections::HashSet;

use super::operators::{self, Signature};
use super::text::{count, shown};
use super::{Problem, attributes, node_name, pb, ranges, tensor};

/// Most nodes of a model, those of inner graphs included.
const MOST_NODES: usize = 100_000;

/// How deeply graphs may lie in each other.
const MOST_LEVELS: usize = 8;

/// Operators that a static graph cannot be made of, and why.
const REFUSED: &[(&str, &str)] = &[
    ("Loop", "its number of rounds depends on data; unroll it: export with fixed sizes"),
    ("Scan", "its number of rounds depends on data; unroll it: export with fixed sizes"),
    ("SequenceMap", SEQUENCE),
    ("SequenceConstruct", SEQUENCE),
    ("SequenceEmpty", SEQUENCE),
    ("SequenceInsert", SEQUENCE),
    ("SequenceErase", SEQUENCE),
    ("SequenceAt", SEQUENCE),
    ("SequenceLength", SEQUENCE),
    ("SplitToSequence", SEQUENCE),
    ("ConcatFromSequence", SEQUENCE),
    ("Optional", OPTIONAL),
    ("OptionalGetElement", OPTIONAL),
    ("OptionalHasElement", OPTIONAL),
    ("StringNormalizer", TEXT),
    ("StringConcat", TEXT),
    ("StringSplit", TEXT),
    ("RegexFullMatch", TEXT),
    ("TfIdfVectorizer", TEXT),
];
const SEQUENCE: &str = "it works on sequences of tensors; export with tensors alone";
const OPTIONAL: &str = "it works on optional values; export with tensors alone";
const TEXT: &str = "it works on text; cut the model so that it begins with numbers";

/// Checks the graph of a model, and those inside it; its functions are written out before.
pub(super) fn check(graph: &pb::GraphProto, opset: i64) -> Result<(), Problem> {
    Walk { opset, names: HashSet::new(), nodes: 0 }.graph(graph, 1)
}

struct Walk<'a> {
    opset: i64,
    /// What can be read where the walk is: names of this graph and of those around it.
    names: HashSet<&'a str>,
    nodes: usize,
}

impl<'a> Walk<'a> {
    fn graph(&mut self, graph: &'a pb::GraphProto, level: usize) -> Result<(), Problem> {
        let mut own = Vec::new();
        let inputs: HashSet<_> = graph.input.iter().map(|input| input.name.as_str()).collect();
        for input in &graph.input {
            self.define(&input.name, "a graph input", &mut own)?;
            tensor::declared(input, true)
                .map_err(|reason| format!("input \"{}\": {reason}", shown(&input.name)))?;
        }
        let mut initializers = HashSet::new();
        for constant in &graph.initializer {
            // Old files list initializers as inputs as well.
            let first = initializers.insert(constant.name.as_str());
            if !first || !inputs.contains(constant.name.as_str()) {
                self.define(&constant.name, "an initializer", &mut own)?;
            }
            tensor::check(constant)
                .map_err(|reason| format!("tensor \"{}\": {reason}", shown(&constant.name)))?;
        }
        if let Some(sparse) = graph.sparse_initializer.first() {
            let name = sparse.values.as_ref().map_or("", |values| values.name.as_str());
            return Err(format!(
                "tensor \"{}\" is sparse; Recoup reads dense ones: save it as an initializer",
                shown(name)
            )
            .into());
        }
        for info in graph.output.iter().chain(&graph.value_info) {
            tensor::declared(info, false)
                .map_err(|reason| format!("tensor \"{}\": {reason}", shown(&info.name)))?;
        }
        for node in &graph.node {
            self.node(node, level, &mut own).map_err(|problem| at(node, problem))?;
        }
        let mut listed = HashSet::new();
        for output in &graph.output {
            if level == 1 && !listed.insert(output.name.as_str()) {
                return Err(format!(
                    "output \"{}\" of the graph is listed twice; list it once",
                    shown(&output.name)
                )
                .into());
            }
            if !self.names.contains(output.name.as_str()) {
                return Err(format!(
                    "output \"{}\" of the graph is made by no node; export the model again",
                    shown(&output.name)
                )
                .into());
            }
        }
        for name in own {
            self.names.remove(name);
        }
        Ok(())
    }

    /// Notes a new name, to be forgotten with the graph whose `own` it is.
    fn define(&mut self, name: &'a str, what: &str, own: &mut Vec<&'a str>) -> Result<(), String> {
        if name.is_empty() {
            return Err(format!("{what} has no name; export the model again"));
        }
        if !self.names.insert(name) {
            return Err(format!(
                "tensor \"{}\" is defined twice, the second time as {what}; a name stands for \
                 one tensor: rename one of them",
                shown(name)
            ));
        }
        own.push(name);
        Ok(())
    }

    fn node(
        &mut self,
        node: &'a pb::NodeProto,
        level: usize,
        own: &mut Vec<&'a str>,
    ) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(format!("the model has more than {MOST_NODES} nodes").into());
        }
        let signature = operators::find(&node.domain, &node.op_type, self.opset)?;
        if let Some((_, reason)) = REFUSED.iter().find(|(name, _)| *name == node.op_type) {
            return Err(reason.to_string().into());
        }
        self.inputs(node, signature)?;
        outputs(node, signature)?;
        attributes::check(node, signature)?;
        ranges::check(node, self.opset)?;
        for attribute in &node.attribute {
            if let Some(tensor) = &attribute.t {
                tensor::check(tensor).map_err(|reason| {
                    format!("attribute \"{}\": {reason}", shown(&attribute.name))
                })?;
            }
            if let Some(inner) = &attribute.g {
                self.inner(node, inner, level)?;
            }
        }
        for output in node.output.iter().filter(|output| !output.is_empty()) {
            self.define(output, "a node's output", own)?;
        }
        Ok(())
    }

    /// A graph of an If: it reads the names around it and has no inputs.
    fn inner(
        &mut self,
        node: &pb::NodeProto,
        inner: &'a pb::GraphProto,
        level: usize,
    ) -> Result<(), Problem> {
        if level >= MOST_LEVELS {
            return Err(format!(
                "its graph lies inside {level} others; at most {MOST_LEVELS} levels are possible"
            )
            .into());
        }
        if !inner.input.is_empty() {
            let found = count(inner.input.len(), "input");
            return Err(format!("its inner graph has {found}; expected none").into());
        }
        if inner.output.len() != node.output.len() {
            return Err(format!(
                "its inner graph has {}, the node {}; expected as many",
                count(inner.output.len(), "output"),
                node.output.len()
            )
            .into());
        }
        self.graph(inner, level + 1)
    }

    fn inputs(&self, node: &pb::NodeProto, signature: &Signature) -> Result<(), String> {
        let formals = signature.inputs;
        number(node.input.len(), formals.least(), formals.most(), "input")?;
        for (index, name) in node.input.iter().enumerate() {
            if name.is_empty() {
                if formals.requires(index) {
                    return Err(format!("input {index} is left out, but it is required"));
                }
            } else if !self.names.contains(name.as_str()) {
                return Err(format!(
                    "input {index}, \"{}\", is made by nothing before this node; nodes must come \
                     in the order in which they can run: export the model again",
                    shown(name)
                ));
            }
        }
        Ok(())
    }
}

fn outputs(node: &pb::NodeProto, signature: &Signature) -> Result<(), String> {
    let formals = signature.outputs;
    if node.output.iter().all(String::is_empty) {
        return Err("it has no outputs, so nothing can use it; remove it".into());
    }
    number(node.output.len(), formals.least(), formals.most(), "output")?;
    // Of any number of outputs, those that nothing reads may be left out.
    let missing = |index: &usize| {
        node.output[*index].is_empty() && formals.requires(*index) && formals.most().is_some()
    };
    match (0..node.output.len()).find(missing) {
        Some(index) => Err(format!("output {index} has no name, but it is required")),
        None => Ok(()),
    }
}

fn number(found: usize, least: usize, most: Option<usize>, noun: &str) -> Result<(), String> {
    if found >= least && most.is_none_or(|most| found <= most) {
        return Ok(());
    }
    let expected = match most {
        Some(most) if most == least => format!("{least}"),
        Some(most) => format!("{least} to {most}"),
        None => format!("at least {least}"),
    };
    let found = count(found, noun);
    Err(format!("it has {found}; in the model's operator set it takes {expected}"))
}

/// The problem of a node, unless it is already that of a node inside it.
fn at(node: &pb::NodeProto, problem: Problem) -> Problem {
    let place = || (node_name(node), shown(&node.op_type));
    Problem { node: problem.node.or_else(|| Some(place())), reason: problem.reason }
}
