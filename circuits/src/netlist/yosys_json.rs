//! Netlists as yosys' `write_json` writes them.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::ast::Direction;
use super::cells::Library;
use super::error::{NetlistError, Place};
use super::graph::{Graph, Node};
use super::ports::{Port, Summary};
use super::word_cells::{self, WordCell};
use crate::files::shorten;
use crate::yosys_json::{self, Bit, Cell};

/// Longest JSON file.
pub(crate) const MAX_JSON: usize = 64 << 20;

/// Deepest hierarchy.
const MAX_HIERARCHY: usize = 50;

/// Most instances of modules.
const MAX_INSTANCES: usize = 1 << 16;

/// The modules of a JSON netlist.
#[derive(Debug)]
pub struct YosysModules {
    modules: Vec<Module>,
}

#[derive(Debug)]
struct Module {
    name: String,
    marked: bool,
    ports: Vec<ModulePort>,
    cells: BTreeMap<String, Cell>,
    /// The names of nets, for messages.
    net_names: HashMap<u64, String>,
}

#[derive(Debug)]
struct ModulePort {
    name: String,
    direction: Direction,
    bits: Vec<Bit>,
}

/// Reads the modules of a JSON netlist, without connecting anything.
pub fn parse_yosys_json(json: &[u8]) -> Result<YosysModules, NetlistError> {
    if json.len() > MAX_JSON {
        return Err(NetlistError::TooLarge {
            what: "the JSON netlist".to_owned(),
            limit: format!("{} MiB", MAX_JSON >> 20),
        });
    }
    let is_cell_model = |module: &yosys_json::Module| {
        ["blackbox", "whitebox"].iter().any(|mark| module.attributes.contains_key(*mark))
    };
    let modules = yosys_json::parse(json)?.into_iter();
    let modules = modules.filter(|(_, module)| !is_cell_model(module));
    let modules = modules.map(|(name, module)| Module::new(name, module));
    Ok(YosysModules { modules: modules.collect::<Result<_, _>>()? })
}

impl Module {
    fn new(name: String, module: yosys_json::Module) -> Result<Module, NetlistError> {
        let port = |(name, port): (String, yosys_json::Port)| {
            let direction = match port.direction {
                yosys_json::Direction::Input => Direction::Input,
                yosys_json::Direction::Output => Direction::Output,
                yosys_json::Direction::Inout => {
                    return Err(NetlistError::Inout { at: Place::Json, name: shorten(&name) });
                }
            };
            Ok(ModulePort { name, direction, bits: port.bits })
        };
        let mut made = Module {
            name,
            marked: module.attributes.contains_key("top"),
            ports: module.ports.into_iter().map(port).collect::<Result<_, _>>()?,
            cells: module.cells,
            net_names: HashMap::new(),
        };
        for (net, named) in &module.net_names {
            made.name_net(net, &named.bits, named.hidden);
        }
        Ok(made)
    }

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

impl YosysModules {
    fn module(&self, name: &str) -> Option<&Module> {
        self.modules.iter().find(|module| module.name == name)
    }

    pub(crate) fn summaries(&self) -> Vec<Summary> {
        let kinds: HashSet<&str> = self
            .modules
            .iter()
            .flat_map(|module| module.cells.values())
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
            Elaborator { modules: self, library, graph, parents: Vec::new(), instances: 0 };
        elaborator.module(&self.modules[top], "")
    }
}

struct Elaborator<'a, 'g> {
    modules: &'a YosysModules,
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
        for (name, cell) in &module.cells {
            // Where modules were before they were flattened; no logic.
            if cell.kind == "$scopeinfo" {
                continue;
            }
            let mut pins = Vec::with_capacity(cell.connections.len());
            for (pin, bits) in &cell.connections {
                pins.push((pin.as_str(), wires.nodes(bits, self.graph)?));
            }
            self.cell(name, cell, &pins, path)?;
        }
        self.parents.pop();
        Ok(ports)
    }

    fn cell(
        &mut self,
        name: &str,
        cell: &'a Cell,
        pins: &[(&str, Vec<Node>)],
        path: &str,
    ) -> Result<(), NetlistError> {
        if let Some(module) = self.modules.module(&cell.kind) {
            return self.submodule(name, module, pins, path);
        }
        if cell.kind.starts_with('$') && !cell.kind.starts_with("$_") {
            let word = WordCell { kind: &cell.kind, parameters: &cell.parameters, pins };
            let result = word_cells::build(&word, self.graph)?;
            let value = result.map_err(|problem| {
                let net = word.pin("Q").first().map(|&node| self.graph.name(node));
                problem.at(Place::Json, &shorten(name), &shorten(&cell.kind), net)
            })?;
            return self.drive(word.pin("Y"), &value);
        }
        let names: Vec<&str> = pins.iter().map(|(pin, _)| *pin).collect();
        let connected = |name: &str| pins.iter().find(|(pin, _)| *pin == name);
        let found = self.library.find(&cell.kind, &names).map_err(|problem| {
            let outputs = ["Q", "Y", "Z", "ZN", "X", "QN"];
            let net = outputs.iter().find_map(|name| connected(name)?.1.first().copied());
            let net = net.map(|node| self.graph.name(node));
            problem.at(Place::Json, &shorten(name), &shorten(&cell.kind), net)
        })?;
        let mut values = Vec::with_capacity(found.inputs.len());
        for input in &found.inputs {
            let node = match connected(input).and_then(|(_, nodes)| nodes.first()) {
                Some(&node) => node,
                None => {
                    let name = format!("{path}{}.{input}", shorten(name));
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
        name: &str,
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
        let inner = self.module(module, &format!("{path}{}.", shorten(name)))?;
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
