//! `recoup rtl`.

mod args;

use anyhow::{Result, bail};

use recoup::silicon::{ArrayOptions, RtlOptions, rtl, rtl_of_random_codes};
use recoup_core::control_variate::{ControlOptions, Mode};
use recoup_core::design::Design;
use recoup_hardware::kit::file_names;

use super::multiplier;
use crate::progress::Bars;
use crate::{output, printer};

pub use args::{PeArgs, RtlArgs, VariantArgs};

/// Images of a layer's vectors.
const IMAGES: usize = 4;

/// Writes the array and its testbench.
pub fn run(args: &RtlArgs) -> Result<()> {
    output::check_folder(&args.out, args.force)?;
    let [rows, columns] = args.array.map(|size| size as usize);
    let any = RtlOptions::new(rows, columns);
    let array = ArrayOptions { c0_in_mac: args.add_c0, ..args.variant.of(any.array) };
    let (depth, layer) = (args.depth, args.layer.clone());
    let options = RtlOptions { array, depth, layer, ..any };
    options.check()?;
    let imported = multiplier::one(&args.multiplier, &args.import.options())?;
    let options = RtlOptions { netlist: imported.netlist, ..options };
    let default = ControlOptions::default();
    let control = ControlOptions { c_frac: args.c_frac.unwrap_or(default.c_frac), ..default };
    let mode = args.control_variate.unwrap_or(Mode::Fitted(None));
    let design =
        Design::new(imported.multiplier).with_control_variate(mode).with_control_options(control);
    let design = args.codes.of(design);
    let array = if args.network.model.is_some() || args.layer.is_some() {
        let (experiment, images) = args.network.open(IMAGES, args.seed, &design, &args.machine)?;
        rtl(&experiment, &design, &images, &options, &Bars::default())?
    } else {
        if let Mode::Regressed(_) = mode {
            bail!(
                "--control-variate {mode} takes a network to run; give --model and --data, or \
                 fitted instead"
            );
        }
        rtl_of_random_codes(&design, args.seed.unwrap_or(0), &options)?
    };
    let contents: Vec<(&str, &[u8])> =
        array.files.iter().map(|file| (file.name.as_str(), file.text.as_bytes())).collect();
    // Those of an earlier run that are not written again go.
    let known: Vec<&str> = file_names().collect();
    output::write_folder(&args.out, &contents, &known, args.force)?;
    let record = array.record(args.out.display().to_string());
    if args.json { printer::record(&record) } else { printer::array(&record) }
}
