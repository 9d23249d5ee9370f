//! `recoup hardware`: the cost table, and how it is made.

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use sha2::{Digest, Sha256};

use recoup::{Mode, Multiplier, Space, WeightScheme, candidates, read_inputs};
use recoup_core::accuracy::EmulatedDesign;
use recoup_core::control_variate::ControlFunction;
use recoup_core::design::Design;
use recoup_explore::{power, space};
use recoup_hardware::cost_table::{CostRun, CostTable, Library, Stimulus};
use recoup_hardware::measure::{Bench, measure_each};
use recoup_hardware::power::Workload;
use recoup_hardware::synthesis::SynthesisOptions;

use crate::args::MachineArgs;
use crate::headings;
use crate::output::{self, Draft};
use crate::printer::tables::{align_right, table};
use crate::progress::Bars;
use crate::session;
use crate::{cells, costs};
use recoup_zoo::Embedded;

/// Images of the network's stimulus, and positions of each image and layer to sample from.
const IMAGES: usize = 4;
const POSITIONS: usize = 64;

/// Arguments of `hardware`.
#[derive(Args)]
pub struct HardwareArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: HardwareCommand,
}

impl HardwareArgs {
    /// What the work was told about threads and kernels.
    pub fn machine(&self) -> Option<&MachineArgs> {
        match &self.command {
            HardwareCommand::Measure(args) => Some(&args.machine),
            _ => None,
        }
    }
}

/// What can be done with costs.
#[derive(Subcommand)]
pub enum HardwareCommand {
    /// The cost table inside this program: area, delay and energy of arrays
    List {
        #[arg(long, help_heading = headings::ARRAYS, value_name = "N", help = format!("Only arrays of so many rows [default: {}]", power::SIZE))]
        size: Option<u32>,
        /// Another table than the one inside
        #[arg(long, help_heading = headings::ARRAYS, value_name = "FILE")]
        costs: Option<PathBuf>,
        /// Only this library [default: all]
        #[arg(long, help_heading = headings::CELLS, value_name = "NAME")]
        library: Option<String>,
        /// Print the whole table as JSON, with the runs that its rows came from
        #[arg(long, help_heading = headings::OUTPUT)]
        json: bool,
    },
    /// Measure all designs of the cost table in a cell library; needs yosys
    Measure(MeasureArgs),
}

/// Arguments of `hardware measure`.
#[derive(Args)]
pub struct MeasureArgs {
    /// Only designs of these multipliers, and of exact ones [default: all]
    #[arg(long, help_heading = headings::MULTIPLIERS, value_name = "SPEC", num_args = 1..)]
    pub multiplier: Vec<String>,
    /// Rows and columns of the arrays
    #[arg(long, help_heading = headings::ARRAYS, value_name = "N", num_args = 1.., default_values_t = [16, 32, 64], value_parser = clap::value_parser!(u16).range(1..=256))]
    pub size: Vec<u16>,
    /// Liberty files that belong together, plain or .gz
    #[arg(long, help_heading = headings::CELLS, value_name = "LIB", required = true, num_args = 1..)]
    pub cells: Vec<PathBuf>,
    /// Short name of the library in the table
    #[arg(long, help_heading = headings::CELLS, value_name = "NAME")]
    pub library: String,
    /// Period of the clock that all designs have to close at, ps
    #[arg(long, help_heading = headings::CELLS, value_name = "T")]
    pub clock_ps: f64,
    /// Standard error of the energy at which sampling stops, percent
    #[arg(long, help_heading = headings::SIMULATION, value_name = "PERCENT", default_value_t = 1.0)]
    pub error: f64,
    /// The table to write; rows of other libraries that it has are kept
    #[arg(long, help_heading = headings::OUTPUT, value_name = "FILE.json")]
    pub out: PathBuf,
    /// Replace what the table has of this library
    #[arg(long, help_heading = headings::OUTPUT)]
    pub force: bool,
    /// Threads and kernels.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// Runs what `args` say.
pub fn run(args: &HardwareArgs) -> Result<()> {
    match &args.command {
        HardwareCommand::List { library, size, costs, json } => {
            let read;
            let table = match costs {
                Some(path) => {
                    read = costs::read(path)?;
                    &read
                }
                None => power::shipped_costs(),
            };
            if *json {
                write!(stdout(), "{}", table.to_json())?;
                return Ok(());
            }
            list(table, library.as_deref(), size.unwrap_or(power::SIZE))
        }
        HardwareCommand::Measure(args) => measure_all(args),
    }
}

fn list(costs: &CostTable, library: Option<&str>, size: u32) -> Result<()> {
    let mut out = stdout().lock();
    let runs: Vec<&CostRun> = costs
        .runs
        .iter()
        .filter(|run| library.is_none_or(|name| run.library.name == name))
        .collect();
    if runs.is_empty() {
        let names: Vec<&str> = costs.runs.iter().map(|run| run.library.name.as_str()).collect();
        bail!("no costs of that library; there are: {}", names.join(", "));
    }
    for run in runs {
        let mut table = table(&[
            "multiplier",
            "bits",
            "x",
            "PE µm²",
            "PE ps",
            "array µm²",
            "fJ/MAC",
            "area",
            "power",
            "uniform",
            "demo",
        ]);
        let rows = costs.costs.iter().filter(|cost| {
            cost.run == run.id && cost.design.rows == size && cost.stimulus == Stimulus::Demo
        });
        for row in rows {
            let name = &run.library.name;
            let exact = costs.find(name, &row.design.exact(), Stimulus::Demo);
            let of = |stimulus| costs.find(name, &row.design, stimulus);
            let energy =
                |stimulus| of(stimulus).map_or(String::new(), |c| format!("{:.1}", c.energy_fj));
            let ratio = |value: Option<f64>| value.map_or(String::new(), |r| format!("{r:.3}"));
            let power = |stimulus| ratio(costs.relative_power(name, &row.design, stimulus));
            table.add_row(vec![
                row.design.multiplier.clone(),
                row.design.activation_bits.to_string(),
                row.design.control.clone().unwrap_or_else(|| "–".into()),
                format!("{:.2}", row.pe_area_um2),
                format!("{:.0}", row.pe_delay_ps),
                format!("{:.0}", row.area_um2),
                energy(Stimulus::ReluLike),
                ratio(exact.map(|exact| row.area_um2 / exact.area_um2)),
                power(Stimulus::ReluLike),
                power(Stimulus::Uniform),
                power(Stimulus::Demo),
            ]);
        }
        align_right(&mut table, [1, 3, 4, 5, 6, 7, 8, 9, 10]);
        writeln!(
            out,
            "{}: {size} x {size} arrays at {:.0} ps, {:.2} fF of wire per sink, {}",
            run.library.name,
            run.clock_ps,
            run.wire_ff_per_sink,
            run.tools
                .iter()
                .map(|(tool, version)| format!("{tool} {version}"))
                .collect::<Vec<_>>()
                .join(", ")
        )?;
        writeln!(out, "{table}")?;
    }
    writeln!(
        out,
        "area and power of the whole array, against the exact one at 8 bits; x: the function of the\n\
         control variate, – without. power and fJ/MAC: codes as a network has them, in layers that fill\n\
         the array; uniform: random codes; demo: the embedded network, whose small layers leave much of\n\
         a large array idle, and its clock running. Energies have a standard error of about 1 %; arrays\n\
         are composed of units that were synthesised one by one (docs/hardware.md)."
    )?;
    Ok(())
}

/// The designs of the table.
fn designs() -> Vec<Design> {
    let cheaper = [ControlFunction::Popcount, ControlFunction::AnyBit];
    let cheaper = cheaper.map(|x| Mode::Fitted(Some(x)));
    let all = space::with_rivals(&Space {
        multipliers: space::standard(),
        control_variates: [&[Mode::None, Mode::Fitted(None)], &cheaper[..]].concat(),
        ..Space::default()
    });
    // Where no x explains all of the error, as for truncated ones, also what is cheaper than the x
    // that fits best, and not much worse.
    let low_bits_fit = |it: &Design| {
        let member = it.multiplier.member();
        member.is_some_and(|member| member.family.paper == Some(ControlFunction::LowBits))
    };
    let is_one = |it: &Design| !low_bits_fit(it) || !cheaper.contains(&it.control_variate);
    all.into_iter().filter(is_one).collect()
}

/// The designs of these multipliers and of exact ones; all if none is named.
fn chosen(names: &[String]) -> Result<Vec<Design>> {
    let mut all = designs();
    // A mask may be a family's.
    let canonical = |name: &String| name.parse().map(|known: Multiplier| known.to_string());
    let names: Vec<String> =
        names.iter().map(|name| canonical(name).unwrap_or_else(|_| name.clone())).collect();
    let name = |design: &Design| design.multiplier.to_string();
    if let Some(unknown) = names.iter().find(|&wanted| all.iter().all(|it| name(it) != *wanted)) {
        let mut known: Vec<String> = all.iter().map(name).collect();
        known.dedup();
        bail!("\"{unknown}\" is not in the cost table; expected one of {}", known.join(", "));
    }
    if !names.is_empty() {
        all.retain(|it| it.multiplier.is_exact() || names.contains(&name(it)));
    }
    Ok(all)
}

fn measure_all(args: &MeasureArgs) -> Result<()> {
    if !(args.clock_ps > 0.0 && args.clock_ps.is_finite()) {
        bail!("--clock-ps {}: expected a period of more than 0 ps", args.clock_ps);
    }
    if !(args.error > 0.0 && args.error.is_finite()) {
        bail!("--error {}: expected more than 0 percent", args.error);
    }
    output::check(&args.out, true)?;
    let mut before = match args.out.exists() {
        true => costs::read(&args.out)?,
        false => CostTable::new(Vec::new(), Vec::new()),
    };
    if before.runs.iter().any(|run| run.library.name == args.library) && !args.force {
        bail!(
            "{}: has costs of {} already; give --force to replace them",
            args.out.display(),
            args.library
        );
    }
    let chosen = chosen(&args.multiplier)?;
    let library = cells::read(&args.cells)?;
    let synthesis = SynthesisOptions {
        clock_ps: Some(args.clock_ps),
        cache: cells::default_cache(),
        ..SynthesisOptions::new(&library)
    };
    let mut session = Embedded::Resnet8.session(None)?;
    let inputs: Vec<usize> = session.indices[..IMAGES].to_vec();
    let images = read_inputs(&session.dataset, &inputs, &session.preprocess, &session.graph)?;
    session.isa = session::isa(&args.machine);
    let experiment = session.experiment(WeightScheme::U8Channel, &Bars::default())?;
    let candidates = candidates(&experiment, &chosen, &Bars::default())?;

    let exact: Vec<(u32, Vec<Workload>)> = candidates
        .iter()
        .filter(|candidate| candidate.design.multiplier.is_exact())
        .map(|candidate| {
            let bits = candidate.design.activation_bits;
            Ok((bits, Workload::of_network(candidate, &images, POSITIONS)?))
        })
        .collect::<Result<_>>()?;
    let bench = Bench {
        run: &args.library,
        library: &library,
        synthesis: &synthesis,
        clock_ps: args.clock_ps,
        relative_error: args.error / 100.0,
        exact: &exact,
    };
    let sizes = args.size.iter().map(|&size| usize::from(size));
    let designs: Vec<(&EmulatedDesign, usize)> =
        sizes.flat_map(|size| candidates.iter().map(move |candidate| (candidate, size))).collect();
    let measured = output::interruptible(|| measure_each(&bench, &designs, &Bars::default()))?;
    let exact = Design::exact(8);
    let reference = designs.iter().position(|(candidate, _)| candidate.design == exact);
    let leakage_nw_per_um2 = reference.map(|index| measured[index].leakage_nw_per_um2);

    before.runs.retain(|run| run.library.name != args.library);
    before.costs.retain(|cost| before.runs.iter().any(|run| run.id == cost.run));
    before.runs.push(provenance(args, &synthesis, leakage_nw_per_um2)?);
    before.costs.extend(measured.into_iter().flat_map(|measured| measured.costs));
    let mut draft = Draft::new(&args.out, true)?;
    draft.file().write_all(before.to_json().as_bytes())?;
    draft.finish()?;
    writeln!(stdout(), "{} designs measured, written to {}", designs.len(), args.out.display())?;
    Ok(())
}

fn provenance(
    args: &MeasureArgs,
    synthesis: &SynthesisOptions,
    leakage_nw_per_um2: Option<f64>,
) -> Result<CostRun> {
    let mut files = BTreeMap::new();
    let mut names = Vec::new();
    for path in &args.cells {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let bytes =
            std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
        let hash: String =
            Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        names.push(name.clone());
        files.insert(name, hash);
    }
    let sizes: Vec<String> = args.size.iter().map(ToString::to_string).collect();
    Ok(CostRun {
        id: args.library.clone(),
        library: Library { name: args.library.clone(), files },
        clock_ps: args.clock_ps,
        wire_ff_per_sink: synthesis.timing.wire_ff,
        leakage_nw_per_um2,
        command: format!(
            "recoup hardware measure --library {} --clock-ps {} --size {} --error {} --cells {}",
            args.library,
            args.clock_ps,
            sizes.join(" "),
            args.error,
            names.join(" ")
        ),
        date: time::OffsetDateTime::now_utc().date().to_string(),
        tools: BTreeMap::from([
            ("recoup".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("yosys".to_owned(), recoup_hardware::synthesis::version(&synthesis.yosys)?),
        ]),
    })
}
