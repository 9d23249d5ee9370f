//! `recoup hardware`: the cost table, and how it is made.

mod args;

use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Result, bail};

use recoup::silicon::{
    ArrayOptions, CostOptions, Structure, SynthesisOptions, measure_costs, table_designs,
};
use recoup_explore::power;
use recoup_hardware::cost_table::CostTable;
use recoup_zoo::Embedded;

use crate::output::Draft;
use crate::progress::Bars;
use crate::{cells, costs, output, printer, session};

pub use args::{HardwareArgs, HardwareCommand, MeasureArgs};

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
            printer::costs(table, library.as_deref(), size.unwrap_or(power::SIZE))
        }
        HardwareCommand::Measure(args) => measure(args),
    }
}

fn measure(args: &MeasureArgs) -> Result<()> {
    if !(args.clock_ps > 0.0 && args.clock_ps.is_finite()) {
        bail!("--clock-ps {}: expected a period of more than 0 ps", args.clock_ps);
    }
    if !(args.error > 0.0 && args.error.is_finite()) {
        bail!("--error {}: expected more than 0 percent", args.error);
    }
    output::check(&args.out, true)?;
    let mut table = match args.out.exists() {
        true => costs::read(&args.out)?,
        false => CostTable::new(Vec::new(), Vec::new()),
    };
    if table.libraries().contains(&args.library.as_str()) && !args.force {
        bail!(
            "{}: has costs of {} already; give --force to replace them",
            args.out.display(),
            args.library
        );
    }
    let designs = table_designs(&args.multiplier)?;
    let library = cells::read(&args.cells)?;
    let synthesis =
        SynthesisOptions { cache: cells::default_cache(), ..SynthesisOptions::new(&library) };
    let options = CostOptions {
        library: args.library.clone(),
        files: args.cells.clone(),
        sizes: args.size.iter().map(|&size| usize::from(size)).collect(),
        array: array(args),
        clock_ps: args.clock_ps,
        relative_error: args.error / 100.0,
        command: command(args),
    };
    let mut session = Embedded::Resnet8.session(None)?;
    session.isa = session::isa(&args.machine);
    let (run, costs) = output::interruptible(|| {
        let watch = Bars::default();
        measure_costs(&mut session, &designs, &library, &synthesis, &options, &watch)
    })?;
    table.replace(run, costs);
    let mut draft = Draft::new(&args.out, true)?;
    draft.file().write_all(table.to_json().as_bytes())?;
    draft.finish()?;
    let measured = designs.len() * options.sizes.len();
    writeln!(stdout(), "{measured} designs measured, written to {}", args.out.display())?;
    Ok(())
}

/// What the PEs are of, in arrays of all sizes.
fn array(args: &MeasureArgs) -> ArrayOptions {
    let common = args.size.iter().fold(0, |common, &size| gcd(common, usize::from(size)));
    args.pe.of(Structure::chosen_array(common, common, 1))
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// What makes the same rows again.
fn command(args: &MeasureArgs) -> String {
    let sizes: Vec<String> = args.size.iter().map(ToString::to_string).collect();
    let name = |path: &PathBuf| path.file_name().unwrap_or(path.as_os_str()).display().to_string();
    let names: Vec<String> = args.cells.iter().map(name).collect();
    let Structure { products_per_pe, share_columns, clock_gating } = Structure::of(&array(args));
    let mut more = format!(
        " --products-per-pe {products_per_pe} --share-columns {share_columns} --clock-gating {clock_gating}"
    );
    if !args.multiplier.is_empty() {
        more += &format!(" --multiplier {}", args.multiplier.join(" "));
    }
    format!(
        "recoup hardware measure --library {} --clock-ps {} --size {}{more} --error {} --cells {}",
        args.library,
        args.clock_ps,
        sizes.join(" "),
        args.error,
        names.join(" ")
    )
}
