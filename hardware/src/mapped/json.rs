//! From yosys' JSON, with modules for kept units, to one flat netlist.

use std::collections::{BTreeMap, HashMap};

use recoup_circuits::yosys_json::{self, Bit, Direction, Module};

use super::{Instance, MappedError, MappedNetlist, NetId, Port};
use crate::cells::CellLibrary;

/// Nets of a module by their numbers there.
type Nets = HashMap<u64, NetId>;

impl MappedNetlist {
    /// Reads the module `top` of what yosys' `write_json` gives. Other modules in it are
    /// flattened; their instances' names are the paths of their cells and nets: `pe_3_0/_123_`.
    /// Undefined constants are 0.
    ///
    /// # Errors
    /// When a cell is not in the library, a connection does not fit, a net has several drivers or
    /// none, or gates form a loop.
    pub fn from_yosys_json(
        json: &[u8],
        top: &str,
        library: &CellLibrary,
    ) -> Result<Self, MappedError> {
        let modules = yosys_json::parse(json)?;
        let Some(module) = modules.get(top) else {
            let found = modules.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(MappedError::NoTop { top: top.to_owned(), found });
        };
        let netlist = Self {
            name: top.to_owned(),
            nets: vec!["0".to_owned(), "1".to_owned()],
            ..Self::default()
        };
        let mut flattening = Flattening {
            modules: &modules,
            library,
            netlist,
            open: Vec::new(),
            unmapped: Vec::new(),
            joined: HashMap::new(),
        };
        let mut nets = Nets::new();
        flattening.module(top, module, "", &mut nets)?;
        for (name, port) in &module.ports {
            flattening.port(name, port, &mut nets)?;
        }
        for index in 0..flattening.netlist.instances.len() {
            for pin in 0..flattening.netlist.instances[index].nets.len() {
                let net = flattening.netlist.instances[index].nets[pin];
                let root = net.map(|net| flattening.root(net));
                flattening.netlist.instances[index].nets[pin] = root;
            }
        }
        let Flattening { netlist, unmapped, .. } = flattening;
        if let Some((instance, kind)) = unmapped.first() {
            return Err(MappedError::Unmapped {
                count: unmapped.len(),
                instance: instance.clone(),
                kind: kind.clone(),
            });
        }
        netlist.check(library)?;
        Ok(netlist)
    }
}

struct Flattening<'a> {
    modules: &'a BTreeMap<String, Module>,
    library: &'a CellLibrary,
    netlist: MappedNetlist,
    /// The modules on the way down.
    open: Vec<&'a str>,
    /// Instances of unknown kind, and the kind.
    unmapped: Vec<(String, String)>,
    /// Nets that are one with another, through a module that passes a port on to another.
    joined: HashMap<NetId, NetId>,
}

impl<'a> Flattening<'a> {
    /// Adds the content of a module; `nets` has those that are connected to its ports.
    fn module(
        &mut self,
        name: &'a str,
        module: &'a Module,
        path: &str,
        nets: &mut Nets,
    ) -> Result<(), MappedError> {
        if self.open.contains(&name) {
            return Err(MappedError::Recursion(name.to_owned()));
        }
        self.open.push(name);
        // Nets that the source has a name for first, whatever the order in the file.
        for hidden in [false, true] {
            let named = module.net_names.iter().filter(|(_, net)| net.hidden == hidden);
            for (net_name, named) in named {
                for (index, bit) in named.bits.iter().enumerate() {
                    let name = match named.bits.len() {
                        1 => format!("{path}{net_name}"),
                        _ => format!("{path}{net_name}[{index}]"),
                    };
                    add_net(bit, nets, || name, &mut self.netlist.nets);
                }
            }
        }
        for (cell_name, cell) in &module.cells {
            let instance = format!("{path}{cell_name}");
            match (self.library.by_name.get(&cell.kind), self.modules.get(&cell.kind)) {
                (Some(&id), _) => self.cell(instance, id, cell, path, nets)?,
                (None, Some(inner)) => {
                    let mut inner_nets = self.connected(&instance, cell, inner, path, nets)?;
                    let path = format!("{instance}/");
                    self.module(&cell.kind, inner, &path, &mut inner_nets)?;
                }
                (None, None) => self.unmapped.push((instance, cell.kind.clone())),
            }
        }
        self.open.pop();
        Ok(())
    }

    /// Adds a port of the top module.
    fn port(
        &mut self,
        name: &str,
        port: &yosys_json::Port,
        nets: &mut Nets,
    ) -> Result<(), MappedError> {
        let bits = port.bits.iter().map(|bit| net(bit, "", nets, &mut self.netlist.nets));
        let bits: Vec<NetId> = bits.collect();
        let nets = bits.into_iter().map(|net| self.root(net)).collect();
        let with_nets = Port { name: name.to_owned(), nets };
        match port.direction {
            Direction::Input => self.netlist.inputs.push(with_nets),
            Direction::Output => self.netlist.outputs.push(with_nets),
            Direction::Inout => {
                return Err(MappedError::Connection {
                    instance: format!("port {name}"),
                    kind: self.netlist.name.clone(),
                    problem: "is inout; expected inputs and outputs".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Makes two nets one.
    fn join(&mut self, a: NetId, b: NetId) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            self.joined.insert(a.max(b), a.min(b));
        }
    }

    /// The net that stands for all that a net was joined with.
    fn root(&self, mut net: NetId) -> NetId {
        while let Some(&other) = self.joined.get(&net) {
            net = other;
        }
        net
    }

    fn cell(
        &mut self,
        name: String,
        id: usize,
        cell: &yosys_json::Cell,
        path: &str,
        nets: &mut Nets,
    ) -> Result<(), MappedError> {
        let pins = &self.library.cells[id].pins;
        let mut connected = vec![None; pins.len()];
        for (pin_name, bits) in &cell.connections {
            let problem = |problem: String| MappedError::Connection {
                instance: name.clone(),
                kind: cell.kind.clone(),
                problem,
            };
            let Some(pin) = pins.iter().position(|pin| pin.name == *pin_name) else {
                return Err(problem(format!("the library's cell has no pin {pin_name}")));
            };
            match &bits[..] {
                [] => {}
                [bit] => connected[pin] = Some(net(bit, path, nets, &mut self.netlist.nets)),
                several => {
                    return Err(problem(format!("{} nets at pin {pin_name}", several.len())));
                }
            }
        }
        self.netlist.instances.push(Instance { name, cell: id, nets: connected });
        Ok(())
    }

    /// The nets at the ports of a module's instance, by their numbers in the module.
    fn connected(
        &mut self,
        instance: &str,
        cell: &yosys_json::Cell,
        inner: &Module,
        path: &str,
        nets: &mut Nets,
    ) -> Result<Nets, MappedError> {
        let mut inner_nets = Nets::new();
        for (port_name, port) in &inner.ports {
            let bits = cell.connections.get(port_name).filter(|bits| !bits.is_empty());
            let Some(bits) = bits else { continue };
            if bits.len() != port.bits.len() {
                return Err(MappedError::Connection {
                    instance: instance.to_owned(),
                    kind: cell.kind.clone(),
                    problem: format!(
                        "{} nets at port {port_name} of {} bits",
                        bits.len(),
                        port.bits.len()
                    ),
                });
            }
            for (inside, outside) in port.bits.iter().zip(bits) {
                let outside = net(outside, path, nets, &mut self.netlist.nets);
                let joined = match inside {
                    Bit::Net(number) => *inner_nets.entry(*number).or_insert(outside),
                    constant => constant_net(*constant),
                };
                self.join(joined, outside);
            }
        }
        Ok(inner_nets)
    }
}

/// The net of a bit; one without a name is called by its number.
fn net(bit: &Bit, path: &str, nets: &mut Nets, names: &mut Vec<String>) -> NetId {
    let number = match bit {
        Bit::Net(number) => *number,
        _ => 0,
    };
    add_net(bit, nets, || format!("{path}n{number}"), names)
}

fn add_net(
    bit: &Bit,
    nets: &mut Nets,
    name: impl FnOnce() -> String,
    names: &mut Vec<String>,
) -> NetId {
    match bit {
        Bit::Net(number) => *nets.entry(*number).or_insert_with(|| {
            names.push(name());
            names.len() - 1
        }),
        constant => constant_net(*constant),
    }
}

fn constant_net(bit: Bit) -> NetId {
    usize::from(bit == Bit::Constant(true))
}
