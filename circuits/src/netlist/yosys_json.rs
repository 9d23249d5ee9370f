//! Netlists as yosys' `write_json` writes them.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::ast::Direction;
use super::cells::Library;
use super::error::{NetlistError, Place};
use super::graph::{Graph, Node};
use super::lexer::shorten;
use super::ports::{Port, Summary};
use super::word_cells::{self, WordCell};

/// Longest JSON file.
pub(crate) const MAX_JSON: usize = 64 << 20;

/// Deepest hierarchy.
const MAX_HIERARCHY: usize = 50;

/// Most instances of modules.
const MAX_INSTANCES: usize = 1 << 16;

/// The modules of a JSON netlist.
#[derive(Debug)]
pub struct YosysDesign {
    modules: Vec<Module>,
}

#[derive(Debug)]
struct Module {
    name: String,
    marked: bool,
    ports: Vec<ModulePort>,
    cells: Vec<ModuleCell>,
    /// The names of nets, for messages.
    net_names: HashMap<u64, String>,
}

#[derive(Debug)]
struct ModulePort {
    name: String,
    direction: Direction,
    bits: Vec<Bit>,
}

#[derive(Debug)]
struct ModuleCell {
    name: String,
    kind: String,
    parameters: Map<String, Value>,
    connections: Vec<(String, Vec<Bit>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bit {
    Net(u64),
    Constant(bool),
    /// x or z.
    Unknown,
}

/// Reads the modules of a JSON netlist, without connecting anything.
pub fn parse_yosys_json(json: &[u8]) -> Result<YosysDesign, NetlistError> {
    if json.len() > MAX_JSON {
        return Err(NetlistError::TooLarge {
            what: "the JSON netlist".to_owned(),
            limit: format!("{} MiB", MAX_JSON >> 20),
        });
    }
    let value: Value =
        serde_json::from_slice(json).map_err(|error| wrong(&error.to_string(), "a JSON object"))?;
    let modules = object(value.get("modules"), "\"modules\" at the top")?;
    let is_cell_model = |module: &Value| {
        ["blackbox", "whitebox"].iter().any(|mark| module["attributes"].get(mark).is_some())
    };
    let modules = modules.iter().filter(|(_, module)| !is_cell_model(module));
    let modules = modules.map(|(name, value)| module(name, value)).collect::<Result<_, _>>()?;
    Ok(YosysDesign { modules })
}

fn wrong(found: &str, expected: &str) -> NetlistError {
    NetlistError::Json { found: shorten(found), expected: expected.to_owned() }
}

fn object<'a>(
    value: Option<&'a Value>,
    expected: &str,
) -> Result<&'a Map<String, Value>, NetlistError> {
    let expected = format!("an object {expected}");
    let value = value.ok_or_else(|| wrong("nothing", &expected))?;
    value.as_object().ok_or_else(|| wrong(&value.to_string(), &expected))
}

fn module(name: &str, value: &Value) -> Result<Module, NetlistError> {
    let mut module = Module {
        name: name.to_owned(),
        marked: value["attributes"].get("top").is_some(),
        ports: Vec::new(),
        cells: Vec::new(),
        net_names: HashMap::new(),
    };
    for (port, value) in object(value.get("ports"), "\"ports\" in each module")? {
        let direction = match value["direction"].as_str() {
            Some("input") => Direction::Input,
            Some("output") => Direction::Output,
            Some("inout") => {
                return Err(NetlistError::Inout { at: Place::Json, name: shorten(port) });
            }
            _ => return Err(wrong(&value.to_string(), "a port with \"direction\"")),
        };
        let bits = bits(&value["bits"])?;
        module.ports.push(ModulePort { name: port.clone(), direction, bits });
    }
    if let Some(names) = value.get("netnames") {
        for (net, value) in object(Some(names), "\"netnames\"")? {
            module.name_net(net, &bits(&value["bits"])?, value["hide_name"] == 1);
        }
    }
    for (cell, value) in object(value.get("cells"), "\"cells\" in each module")? {
        let kind = value["type"].as_str();
        let kind = kind.ok_or_else(|| wrong(&value.to_string(), "a cell with \"type\""))?;
        let mut connections = Vec::new();
        for (pin, value) in object(value.get("connections"), "\"connections\" in each cell")? {
            connections.push((pin.clone(), bits(value)?));
        }
        module.cells.push(ModuleCell {
            name: cell.clone(),
            kind: kind.to_owned(),
            parameters: value["parameters"].as_object().cloned().unwrap_or_default(),
            connections,
        });
    }
    Ok(module)
}

fn bits(value: &Value) -> Result<Vec<Bit>, NetlistError> {
    let bit = |value: &Value| match value {
        Value::Number(number) => number.as_u64().map(Bit::Net),
        Value::String(text) => match text.as_str() {
            "0" => Some(Bit::Constant(false)),
            "1" => Some(Bit::Constant(true)),
            "x" | "z" => Some(Bit::Unknown),
            _ => None,
        },
        _ => None,
    };
    let list = value.as_array().ok_or_else(|| wrong(&value.to_string(), "a list of bits"))?;
    list.iter()
        .map(|value| {
            bit(value).ok_or_else(|| wrong(&value.to_string(), "a net's number, \"0\" or \"1\""))
        })
        .collect()
}

impl Module {
    /// Names that the user gave come before those that yosys made up.
    fn name_net(&mut self, name: &str, bits: &[Bit], made_up: bool) {
        for (place, bit) in bits.iter().enumerate() {
            let Bit::Net(net) = *bit else { continue };
            if made_up && self.net_names.contains_key(&net) {
                continue;
            }
            let name = shorten(name);
            let name = if bits.len() == 1 { name } else { format!("{name}[{place}]") };
            self.net_names.insert(net, name);
        }
    }
}

impl YosysDesign {
    fn module(&self, name: &str) -> Option<&Module> {
        self.modules.iter().find(|module| module.name == name)
    }

    pub(crate) fn summaries(&self) -> Vec<Summary> {
        let kinds: HashSet<&str> = self
            .modules
            .iter()
            .flat_map(|module| &module.cells)
            .map(|cell| cell.kind.as_str())
            .collect();
        let summary = |module: &Module| Summary {
            name: module.name.clone(),
            ports: module
                .ports
                .iter()
                .map(|port| Port {
                    name: port.name.clone(),
                    direction: port.direction,
                    width: port.bits.len(),
                })
                .collect(),
            contained: kinds.contains(module.name.as_str()),
            marked: module.marked,
        };
        self.modules.iter().map(summary).collect()
    }

    /// Makes the wires and gates of a module, by number; returns the bits of its ports.
    pub(crate) fn elaborate(
        &self,
        top: usize,
        library: &Library,
        graph: &mut Graph,
    ) -> Result<HashMap<String, Vec<Node>>, NetlistError> {
        let mut elaborator =
            Elaborator { design: self, library, graph, parents: Vec::new(), instances: 0 };
        elaborator.module(&self.modules[top], "")
    }
}

struct Elaborator<'a, 'g> {
    design: &'a YosysDesign,
    library: &'a Library,
    graph: &'g mut Graph,
    parents: Vec<&'a str>,
    instances: usize,
}

/// The wires of one instance of a module.
struct Wires<'a> {
    module: &'a Module,
    path: &'a str,
    nodes: HashMap<u64, Node>,
}

impl Wires<'_> {
    fn nodes(&mut self, bits: &[Bit], graph: &mut Graph) -> Result<Vec<Node>, NetlistError> {
        bits.iter().map(|&bit| self.node(bit, graph)).collect()
    }

    fn node(&mut self, bit: Bit, graph: &mut Graph) -> Result<Node, NetlistError> {
        let net = match bit {
            Bit::Constant(value) => return Ok(graph.constant(value)),
            Bit::Unknown => {
                let name = match self.path {
                    "" => format!("a constant in module {}", shorten(&self.module.name)),
                    path => format!("a constant in instance {}", path.trim_end_matches('.')),
                };
                return graph.unknown(name, Place::Json);
            }
            Bit::Net(net) => net,
        };
        if let Some(&node) = self.nodes.get(&net) {
            return Ok(node);
        }
        let name = self.module.net_names.get(&net);
        let name = name.map_or_else(|| format!("number {net}"), Clone::clone);
        let node = graph.wire(format!("{}{name}", self.path), None, Place::Json)?[0];
        self.nodes.insert(net, node);
        Ok(node)
    }
}

impl<'a> Elaborator<'a, '_> {
    fn module(
        &mut self,
        module: &'a Module,
        path: &str,
    ) -> Result<HashMap<String, Vec<Node>>, NetlistError> {
        self.parents.push(&module.name);
        let mut wires = Wires { module, path, nodes: HashMap::new() };
        let mut ports = HashMap::new();
        for port in &module.ports {
            ports.insert(port.name.clone(), wires.nodes(&port.bits, self.graph)?);
        }
        for cell in &module.cells {
            // Where modules were before they were flattened; no logic.
            if cell.kind == "$scopeinfo" {
                continue;
            }
            let mut pins = Vec::with_capacity(cell.connections.len());
            for (pin, bits) in &cell.connections {
                pins.push((pin.as_str(), wires.nodes(bits, self.graph)?));
            }
            self.cell(cell, &pins, path)?;
        }
        self.parents.pop();
        Ok(ports)
    }

    fn cell(
        &mut self,
        cell: &'a ModuleCell,
        pins: &[(&str, Vec<Node>)],
        path: &str,
    ) -> Result<(), NetlistError> {
        if let Some(module) = self.design.module(&cell.kind) {
            return self.submodule(cell, module, pins, path);
        }
        if cell.kind.starts_with('$') && !cell.kind.starts_with("$_") {
            let word = WordCell { kind: &cell.kind, parameters: &cell.parameters, pins };
            let result = word_cells::build(&word, self.graph)?;
            let value = result.map_err(|problem| {
                let net = word.pin("Q").first().map(|&node| self.graph.name(node));
                problem.at(Place::Json, &shorten(&cell.name), &shorten(&cell.kind), net)
            })?;
            return self.drive(word.pin("Y"), &value);
        }
        let names: Vec<&str> = pins.iter().map(|(pin, _)| *pin).collect();
        let connected = |name: &str| pins.iter().find(|(pin, _)| *pin == name);
        let found = self.library.find(&cell.kind, &names).map_err(|problem| {
            let outputs = ["Q", "Y", "Z", "ZN", "X", "QN"];
            let net = outputs.iter().find_map(|name| connected(name)?.1.first().copied());
            let net = net.map(|node| self.graph.name(node));
            problem.at(Place::Json, &shorten(&cell.name), &shorten(&cell.kind), net)
        })?;
        let mut values = Vec::with_capacity(found.inputs.len());
        for input in &found.inputs {
            let node = match connected(input).and_then(|(_, nodes)| nodes.first()) {
                Some(&node) => node,
                None => {
                    let name = format!("{path}{}.{input}", shorten(&cell.name));
                    self.graph.wire(name, None, Place::Json)?[0]
                }
            };
            values.push((input.as_str(), node));
        }
        for (output, function) in &found.outputs {
            if let Some((_, nodes)) = connected(output) {
                let value = function.build(&values, self.graph);
                self.drive(nodes, &[value])?;
            }
        }
        self.graph.check_size()
    }

    fn drive(&mut self, target: &[Node], value: &[Node]) -> Result<(), NetlistError> {
        for (&bit, &source) in target.iter().zip(value) {
            self.graph.drive(bit, source, Place::Json)?;
        }
        Ok(())
    }

    fn submodule(
        &mut self,
        cell: &'a ModuleCell,
        module: &'a Module,
        pins: &[(&str, Vec<Node>)],
        path: &str,
    ) -> Result<(), NetlistError> {
        self.instances += 1;
        if self.parents.contains(&module.name.as_str()) {
            let module = shorten(&module.name);
            return Err(NetlistError::Recursion { at: Place::Json, module });
        }
        if self.instances > MAX_INSTANCES || self.parents.len() >= MAX_HIERARCHY {
            return Err(NetlistError::TooLarge {
                what: "the hierarchy".to_owned(),
                limit: format!("{MAX_INSTANCES} instances, {MAX_HIERARCHY} deep"),
            });
        }
        let inner = self.module(module, &format!("{path}{}.", shorten(&cell.name)))?;
        for port in &module.ports {
            let Some((_, outer)) = pins.iter().find(|(pin, _)| *pin == port.name) else { continue };
            match port.direction {
                Direction::Input => self.drive(&inner[&port.name], outer)?,
                Direction::Output => self.drive(outer, &inner[&port.name])?,
            }
        }
        Ok(())
    }
}
