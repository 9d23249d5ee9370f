//! From a file to the table of a multiplier.

use std::path::{Path, PathBuf};

use super::ast::{Direction, VerilogSource};
use super::cells::Library;
use super::circuit::{INPUTS, Netlist, OUTPUTS, Signal};
use super::elaborate::elaborate;
use super::error::NetlistError;
use super::file::{read_limited, read_text};
use super::graph::{Graph, Node};
use super::liberty;
use super::parser::{MAX_SOURCE, parse_files};
use super::ports::{Port, PortNames, Summary, choose_top};
use super::reading::interpret;
use super::yosys;
use super::yosys_json::{MAX_JSON, YosysModules, parse_yosys_json};
use crate::liberty::read_liberty;
use crate::{Operands, ProductTable};

/// How a netlist is to be read.
#[derive(Clone, Debug)]
pub struct VerilogOptions {
    /// The operands and the product; otherwise found by width and name.
    pub ports: Option<PortNames>,
    /// How the operands are coded; otherwise as the ports are declared, or whichever is closest
    /// to a product. Where weights alone are signed, the signed operand is the weight.
    pub operands: Option<Operands>,
    /// The first operand is the activation and the second the weight, instead of the other way
    /// round.
    pub swap: bool,
    /// Liberty files with the cells of the netlist.
    pub cells: Vec<PathBuf>,
    /// The program that translates what is beyond the subset that is read directly.
    pub yosys: PathBuf,
}

impl Default for VerilogOptions {
    fn default() -> Self {
        Self {
            ports: None,
            operands: None,
            swap: false,
            cells: Vec::new(),
            yosys: PathBuf::from("yosys"),
        }
    }
}

/// A multiplier that was read from a netlist.
#[derive(Clone, Debug)]
pub struct VerilogImport {
    /// All its products.
    pub table: ProductTable,
    /// Its gates; the first operand is port `a`, whatever stands for the weight.
    pub netlist: Netlist,
    /// The comments of the source text, where error metrics may be declared.
    pub comments: String,
    /// The module that was read.
    pub top: String,
    /// Its operands and its product.
    pub ports: PortNames,
    /// Whether yosys translated it, now or before.
    pub by_yosys: bool,
}

/// Reads a Verilog file. `top` is the module; otherwise the only one with the ports of a
/// multiplier.
pub fn read_verilog(
    path: &Path,
    top: Option<&str>,
    options: &VerilogOptions,
) -> Result<VerilogImport, NetlistError> {
    read_verilog_files(&[path.to_owned()], top, options)
}

/// Reads a circuit whose modules are in several Verilog files. Places in errors count the files
/// from 1.
pub fn read_verilog_files(
    paths: &[PathBuf],
    top: Option<&str>,
    options: &VerilogOptions,
) -> Result<VerilogImport, NetlistError> {
    let library = read_library(&options.cells)?;
    let text = |path: &PathBuf| read_text(path, MAX_SOURCE).map_err(|error| error.in_file(path));
    let texts = paths.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    import_texts(&texts, top, options, library).map_err(|error| error.in_files(paths))
}

/// Reads a netlist that yosys wrote with `write_json`.
pub fn read_yosys_json(
    path: &Path,
    top: Option<&str>,
    options: &VerilogOptions,
) -> Result<VerilogImport, NetlistError> {
    let library = read_library(&options.cells)?;
    let import = read_limited(path, MAX_JSON)
        .and_then(|json| parse_yosys_json(&json)?.import(top, options, &library));
    import.map_err(|error| error.in_file(path))
}

fn read_library(paths: &[PathBuf]) -> Result<Library, NetlistError> {
    let mut library = Library::default();
    for path in paths {
        let text = read_liberty(path).map_err(NetlistError::from);
        let cells = text.and_then(|text| liberty::cells(&text));
        library.extend(cells.map_err(|error| error.in_file(path))?);
    }
    Ok(library)
}

fn import_texts(
    texts: &[&str],
    top: Option<&str>,
    options: &VerilogOptions,
    mut library: Library,
) -> Result<VerilogImport, NetlistError> {
    let mut comments = String::new();
    let modules = parse_files(texts, &mut comments);
    if comments.contains("EvoApprox") {
        library.extend_by_evoapproxlib();
    }
    let source = |modules| VerilogSource { modules, comments: comments.clone() };
    let direct = modules.and_then(|modules| source(modules).import(top, options, &library));
    let reason = match direct {
        Err(reason @ (NetlistError::BeyondSubset { .. } | NetlistError::Syntax { .. })) => reason,
        direct => return direct,
    };
    let modules = yosys::translate(&options.yosys, texts, top, reason)?;
    let import = modules.import(top, options, &library)?;
    Ok(VerilogImport { comments, ..import })
}

impl VerilogSource {
    /// Connects the module `top` and computes all products, without yosys.
    pub fn import(
        &self,
        top: Option<&str>,
        options: &VerilogOptions,
        library: &Library,
    ) -> Result<VerilogImport, NetlistError> {
        let summaries = self.summaries();
        // Not all ports of a module that cannot be read may be known.
        let unread = || self.modules.iter().find_map(|module| module.check_subset().err());
        let place = choose_top(&summaries, top, options.ports.as_ref())
            .map_err(|error| unread().unwrap_or(error))?;
        let module = &self.modules[place];
        module.check_subset()?;
        let ports = summaries[place].choose_ports(options.ports.as_ref())?;
        let mut graph = Graph::new();
        let scope = elaborate(self, module, library, &mut graph)?;
        let nodes = |port: &str| Ok(scope.signal(port, module.at)?.nodes.clone());
        let netlist = connect(&mut graph, &summaries[place], &ports, nodes)?;
        let is_signed = |port: &str| module.declaration(port).is_some_and(|port| port.signed);
        let declared = [is_signed(&ports.a), is_signed(&ports.b)];
        Ok(VerilogImport {
            table: interpret(&netlist, declared, options)?,
            netlist,
            comments: self.comments.clone(),
            top: module.name.clone(),
            ports,
            by_yosys: false,
        })
    }
}

impl YosysModules {
    /// Connects the module `top` and computes all products.
    pub fn import(
        &self,
        top: Option<&str>,
        options: &VerilogOptions,
        library: &Library,
    ) -> Result<VerilogImport, NetlistError> {
        let summaries = self.summaries();
        let place = choose_top(&summaries, top, options.ports.as_ref())?;
        let ports = summaries[place].choose_ports(options.ports.as_ref())?;
        let mut graph = Graph::new();
        let nodes = self.elaborate(place, library, &mut graph)?;
        let port = |port: &str| Ok(nodes[port].clone());
        let netlist = connect(&mut graph, &summaries[place], &ports, port)?;
        Ok(VerilogImport {
            table: interpret(&netlist, [false; 2], options)?,
            netlist,
            comments: String::new(),
            top: summaries[place].name.clone(),
            ports,
            by_yosys: true,
        })
    }
}

/// Makes two inputs the operands, leaves the others without a value, and collects what the product
/// needs.
fn connect(
    graph: &mut Graph,
    module: &Summary,
    ports: &PortNames,
    nodes: impl Fn(&str) -> Result<Vec<Node>, NetlistError>,
) -> Result<Netlist, NetlistError> {
    let operands = [nodes(&ports.a)?, nodes(&ports.b)?].concat();
    for (operand, &bit) in operands.iter().enumerate() {
        graph.drive_by_operand(bit, operand as Signal)?;
    }
    let is_other = |port: &&Port| {
        port.direction == Direction::Input && port.name != ports.a && port.name != ports.b
    };
    for other in module.ports.iter().filter(is_other) {
        for bit in nodes(&other.name)? {
            graph.drive_by_nobody(bit)?;
        }
    }
    let product = nodes(&ports.out)?;
    debug_assert_eq!((operands.len(), product.len()), (INPUTS, OUTPUTS));
    graph.netlist(&std::array::from_fn(|bit| product[bit]))
}
