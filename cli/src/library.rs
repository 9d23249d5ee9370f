//! The multipliers of a command, by name or from files.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use recoup_circuits::Operands;
use recoup_circuits::netlist::{PortNames, VerilogOptions};
use recoup_circuits::table::{ElementType, Index, Order, TableOptions};
use recoup_core::multiplier::{ImportOptions, Imported, Multiplier, Source};
use recoup_kernels::WeightCoding;

use crate::headings;
use crate::{progress, values};

/// What the files of multipliers do not say of themselves.
#[derive(Args)]
#[command(next_help_heading = headings::FILES)]
pub struct ImportArgs {
    /// All but cells.
    #[command(flatten)]
    pub format: FormatArgs,
    /// A Liberty library with the cells of a netlist; may be repeated
    #[arg(long, value_name = "FILE.lib")]
    pub cells: Vec<PathBuf>,
}

/// The same for commands whose `--cells` are those that a design is mapped onto.
#[derive(Args)]
#[command(next_help_heading = headings::FILES)]
pub struct NetlistImportArgs {
    /// All but cells.
    #[command(flatten)]
    pub format: FormatArgs,
    /// A Liberty library with the cells of a multiplier's netlist, where --cells are those of the
    /// array; may be repeated
    #[arg(long, value_name = "FILE.lib")]
    pub netlist_cells: Vec<PathBuf>,
}

/// How files of multipliers are to be read.
#[derive(Args)]
#[command(next_help_heading = headings::FILES)]
pub struct FormatArgs {
    #[arg(long, value_name = "TYPE", help = format!("Type of the products in a table: {} (the product + 32768) [default: by size, and as fits a product]", values::list(ElementType::WORDS)))]
    pub table_type: Option<ElementType>,
    /// First index of a table: wa for the weight, aw for the activation [default: wa; where the
    /// weight alone is signed, as fits a product]
    #[arg(long, value_name = "ORDER")]
    pub table_order: Option<Order>,
    /// Where a table has a signed operand: code for its byte, signed for its value + 128 [default:
    /// as fits a product]
    #[arg(long, value_name = "INDEX")]
    pub table_index: Option<Index>,
    /// Which operands are signed: unsigned for none, signed for both, signed-weight for the weight
    /// alone [default: as fits a product]
    #[arg(long, value_name = "CODING")]
    pub operands: Option<Operands>,
    /// Ports of a netlist: the operands and the product [default: by name and width]
    #[arg(long, value_name = "A,B,O", value_parser = parse_ports)]
    pub ports: Option<PortNames>,
    /// The first operand of a netlist is the activation, the second the weight [default: the other
    /// way round; where the weight alone is signed, as fits a product]
    #[arg(long)]
    pub swap_operands: bool,
}

impl ImportArgs {
    /// The options of the library.
    pub fn options(&self) -> ImportOptions {
        self.format.options(&self.cells)
    }
}

impl NetlistImportArgs {
    /// The options of the library.
    pub fn options(&self) -> ImportOptions {
        self.format.options(&self.netlist_cells)
    }
}

impl FormatArgs {
    fn options(&self, cells: &[PathBuf]) -> ImportOptions {
        ImportOptions {
            table: TableOptions {
                element: self.table_type,
                order: self.table_order,
                index: self.table_index,
                operands: self.operands,
            },
            verilog: VerilogOptions {
                ports: self.ports.clone(),
                operands: self.operands,
                swap: self.swap_operands,
                cells: cells.to_vec(),
                ..VerilogOptions::default()
            },
        }
    }
}

/// Reads all multipliers, with a progress bar; warnings go to standard error.
pub fn read(sources: &[Source], options: &ImportOptions) -> Result<Vec<Imported>> {
    let mut expanded = Vec::new();
    for source in sources {
        expanded.extend(source.clone().expand()?);
    }
    let bar = progress::bar("reading multipliers", expanded.len());
    let mut imported = Vec::new();
    for source in &expanded {
        let import = source.read(options)?;
        bar.suspend(|| import.warnings.iter().for_each(|warning| eprintln!("warning: {warning}")));
        bar.inc(1);
        imported.push(import);
    }
    bar.finish_and_clear();
    tell_apart(&expanded, &mut imported);
    Ok(imported)
}

/// Circuits that differ get names that differ, though their files be called alike.
fn tell_apart(sources: &[Source], imported: &mut [Imported]) {
    let names: Vec<String> = imported.iter().map(|it| it.multiplier.to_string()).collect();
    let differ = |a: &Multiplier, b: &Multiplier| {
        let identity = |it: &Multiplier| it.identity(it.coding().unwrap_or(WeightCoding::Unsigned));
        a.coding() != b.coding() || identity(a) != identity(b)
    };
    let is_ambiguous = |&index: &usize| {
        let others = (0..names.len()).filter(|&other| other != index);
        let mut alike = others.filter(|&other| names[other] == names[index]);
        alike.any(|other| differ(&imported[index].multiplier, &imported[other].multiplier))
    };
    let ambiguous: Vec<usize> = (0..names.len()).filter(is_ambiguous).collect();
    for index in ambiguous {
        let multiplier = &mut imported[index].multiplier;
        *multiplier = multiplier.clone().told_apart();
        eprintln!(
            "note: {} is shown as {multiplier}: other circuits are called {}, too",
            sources[index], names[index]
        );
    }
}

fn parse_ports(text: &str) -> Result<PortNames, String> {
    match text.split(',').collect::<Vec<_>>()[..] {
        [a, b, out] if [a, b, out].iter().all(|name| !name.is_empty()) => {
            Ok(PortNames { a: a.into(), b: b.into(), out: out.into() })
        }
        _ => Err(format!("\"{text}\" are no ports; expected three names, as in A,B,O")),
    }
}
