//! Array power and energies of designs, from the cost table inside this program or what
//! the command line names.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use recoup_circuits::read_text;
use recoup_core::design::Design;
use recoup_core::quantize::WeightScheme;
use recoup_explore::measured::{self, MeasuredNetwork};
use recoup_explore::power::{EXACT_SIZE, LIBRARY, Power, SIZE};
use recoup_hardware::cost_table::CostTable;
use recoup_hardware::inference::{Layer, Measurements};

use crate::parse::parse_array;
use crate::{headings, values};

/// Which layers run on an exact array of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Ends {
    /// None
    None,
    /// The first and the last
    Both,
}

/// What a network's layers run on, beside the array of all.
#[derive(Args)]
#[command(next_help_heading = headings::ARRAYS)]
pub struct ArrayArgs {
    #[arg(long, value_enum, hide_possible_values = true, value_name = "WHICH", help = format!("Run the first and the last layer on an exact 8-bit array of their own: {}; may be repeated [default: none]", values::names::<Ends>()))]
    pub exact_ends: Vec<Ends>,
    /// Rows and columns of that array; products of two activations run on it, too, with --attention
    /// exact
    #[arg(long, alias = "ends-array", default_value = format!("{EXACT_SIZE}x{EXACT_SIZE}"), value_name = "RxC", value_parser = parse_array)]
    pub exact_array: [u32; 2],
    /// Power and energies as `recoup power --json` measured them on this network; may be repeated,
    /// for other designs or networks. What no file has is unknown [default: from the cost table]
    #[arg(long, value_name = "FILE")]
    pub power: Vec<PathBuf>,
}

impl ArrayArgs {
    /// Whether the ends are exact, for each value that was given.
    pub fn exact_ends(&self) -> Vec<bool> {
        match &self.exact_ends[..] {
            [] => vec![false],
            given => given.iter().map(|ends| *ends == Ends::Both).collect(),
        }
    }

    /// The arrays in a cell library of a table, for each of the networks: with what was measured on
    /// it. Those of `designs` that were not are named on standard error; they have weights in the coding
    /// `weights`, unless they name another.
    ///
    /// # Errors
    /// When a file is no output of `recoup power --json`, or is of none of the networks, or a network
    /// has none.
    pub fn powers(
        &self,
        (table, library, array): (&CostTable, &str, [u32; 2]),
        weights: WeightScheme,
        networks: &[MeasuredNetwork],
        designs: &[Design],
    ) -> Result<Vec<Power>> {
        let mut files = Vec::new();
        for path in &self.power {
            let name = path.display().to_string();
            let text = read_text(path).with_context(|| format!("{name}: cannot be read"))?;
            files.push(Measurements::parse(&name, &text)?);
        }
        let power = |measured| Power {
            table: table.clone(),
            library: library.to_owned(),
            array,
            exact_array: self.exact_array,
            measured,
            weights,
        };
        let measured = measured::assign(&files, networks, array)?;
        let powers: Vec<Power> = measured.into_iter().map(power).collect();
        for (power, network) in powers.iter().zip(networks) {
            warn_of_unmeasured(power, network, designs);
            warn_of_lacking_load_path(power, network, designs);
        }
        Ok(powers)
    }
}

/// Says once which designs the measurements lack, and what measures them.
fn warn_of_unmeasured(power: &Power, network: &MeasuredNetwork, designs: &[Design]) {
    let MeasuredNetwork { model, graph } = *network;
    let layers = Layer::of_graph(graph);
    let unmeasured = || designs.iter().filter(|design| power.is_unmeasured(design, &layers));
    let Some(names) = array_names(unmeasured()) else { return };
    let size = |[rows, columns]: [u32; 2]| format!("--array {rows}x{columns}");
    let mut how = format!("recoup power --model {model} {} --json", size(power.array));
    if unmeasured().any(|design| Power::has_array_beside(design, &layers)) {
        how += &format!(
            " (and exact with {} for the layers that run on an exact array)",
            size(power.exact_array)
        );
    }
    eprintln!(
        "note: {model}: no file of --power has these designs, whose power is unknown; measure them \
         with {how}: {names}"
    );
}

/// Says once whose constants are made of loaded codes by what their figures leave out.
fn warn_of_lacking_load_path(power: &Power, network: &MeasuredNetwork, designs: &[Design]) {
    let MeasuredNetwork { model, graph } = *network;
    let layers = Layer::of_graph(graph);
    let lacking = designs.iter().filter(|design| power.lacks_load_path(design, &layers));
    let Some(names) = array_names(lacking) else { return };
    eprintln!(
        "note: {model}: the cost table has no load path for these designs, which make constants of loaded \
         codes; their power and energy are without it: {names}"
    );
}

/// The names of the arrays of designs, each once; none without any.
fn array_names<'a>(designs: impl Iterator<Item = &'a Design>) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    for design in designs {
        // In other codes it is the same array.
        let name = Design { quantization: None, ..design.clone() }.to_string();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| names.join("; "))
}

/// The cost table in a file.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn read(path: &Path) -> Result<CostTable> {
    let name = path.display().to_string();
    let text = read_text(path).with_context(|| format!("{name}: cannot be read"))?;
    Ok(CostTable::parse(&name, &text)?)
}

/// What the figures are, for below a table.
pub fn legend(measured: bool) -> String {
    if measured {
        return "array power: of an inference as recoup power measured it, against the exact array's \
                at the same images per second;\nenergy: of that inference"
            .to_owned();
    }
    format!(
        "array power: of a full {SIZE} x {SIZE} array in {LIBRARY} with all that V needs, against the exact \
         one (recoup hardware list);\nenergy: of an inference on it, with what layers leave idle, \
         and against the exact network's"
    )
}
