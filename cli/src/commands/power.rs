//! `recoup power`.

mod args;

use anyhow::{Context, Result, bail};

use recoup::silicon::{Codes, PowerMeter, PowerMode, PowerOptions, RandomCodes};
use recoup_core::control_variate::Mode;
use recoup_core::design::Design;

use crate::cells::watched;
use crate::library::{self};
use crate::printer;
use crate::progress::Bars;

pub use args::{PowerArgs, Stimuli};

/// Synthesises the arrays, simulates them and reports.
pub fn run(args: &PowerArgs) -> Result<()> {
    let [rows, columns] = args.array.map(|size| size as usize);
    let options = PowerOptions {
        array: args.variant.of(PowerOptions::new(rows, columns).array),
        mode: if args.fast { PowerMode::ZeroDelay } else { PowerMode::Delays },
        clock_fan_out: args.clock_fan_out,
        relative_error: args.standard_error / 100.0,
        seed: args.seed.unwrap_or(0),
    };
    options.check()?;
    let multipliers = library::read(&args.multiplier, &args.import.options())?;
    let library = args.cells.read()?;
    let synthesis = args.cells.options(&library);
    let mut meter = PowerMeter::new(&library, &synthesis, &options);
    for imported in multipliers {
        let name = imported.multiplier.to_string();
        let design = Design::corrected_by(imported.multiplier, args.control_variate);
        let design = args.codes.of(design);
        let measured = codes(args, &design).and_then(|codes| {
            let netlist = imported.netlist;
            Ok(watched(&name, |watch| meter.measure(&design, netlist, &codes, watch))?)
        });
        measured.context(name)?;
    }
    let measured = meter.finish().context("no multiplier to measure")?;
    if args.json { printer::record(&measured) } else { printer::power(&measured) }
}

fn codes(args: &PowerArgs, design: &Design) -> Result<Codes> {
    let random = match args.stimuli {
        Stimuli::Uniform => RandomCodes::Uniform,
        Stimuli::ReluLike => RandomCodes::ReluLike,
        Stimuli::Network => {
            let (experiment, images) =
                args.network.open(args.images, args.seed, design, &args.machine)?;
            let mut codes = Codes::of_network(&experiment, design, &images, &Bars::default())?;
            if args.network.model.is_none() {
                codes.words = "codes of the embedded network".to_owned();
            }
            return Ok(codes);
        }
    };
    if let mode @ Mode::Regressed(_) = design.control_variate {
        bail!(
            "--control-variate {mode} takes a network to run; give --stimuli network, or fitted \
             instead"
        );
    }
    Ok(Codes::random(design, random, args.variant.load_constants, args.seed.unwrap_or(0))?)
}
