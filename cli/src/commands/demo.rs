//! `recoup demo`: a network and images inside this program.

use std::io::{Write, stdout};
use std::path::Path;

use anyhow::Result;

use recoup::design::Mode;
use recoup::{Design, EvaluateOptions, Space};
use recoup_core::multiplier::{perforated, recursive, truncated};
use recoup_explore::power::Power;

use crate::args::DemoArgs;
use crate::printer::{self, DemoTable, Report};
use crate::progress::Bars;
use crate::{output, session};
use recoup_zoo::Embedded;

/// Evaluates every family, without and with V, beside exact products at 8 to 4 activation bits.
pub fn run(args: &DemoArgs) -> Result<()> {
    if let Some(folder) = &args.files {
        return write(args.network, folder, args.force);
    }
    let mut session = args.network.session(args.images)?;
    session.isa = session::isa(&args.machine);
    let designs = designs();
    let (options, power) = (EvaluateOptions::default(), Power::default());
    if args.json {
        let results = session.evaluate(&designs, options, &Bars::default())?;
        return printer::json(&Report::new(results, &power));
    }
    let mut table = DemoTable::new(stdout(), &power);
    session.evaluate_in_turn(&designs, options, &Bars::default(), |results| table.add(results))?;
    table.finish()
}

/// Writes network and images, unless they are there already, and says what they are good for.
fn write(network: Embedded, folder: &Path, force: bool) -> Result<()> {
    let files = network.files();
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    let is_there = |(name, bytes): &(&str, &[u8])| {
        std::fs::read(folder.join(name)).is_ok_and(|it| it == *bytes)
    };
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    if !files.iter().all(is_there) {
        output::write_folder(folder, &files, &names, force)?;
    }
    let folder = folder.display();
    writeln!(
        stdout(),
        "{folder}: {}\n\
         Next: recoup eval {folder}/{} --data idx:{folder}/images.gz,{folder}/labels.gz \
         --calibration-data idx:{folder}/calibration.gz --preprocess fashion-mnist \
         --multiplier truncated:7",
        names.join(", "),
        names[0]
    )?;
    Ok(())
}

/// What is compared.
pub fn designs() -> Vec<Design> {
    let multipliers = (1..=4)
        .map(perforated)
        .chain((5..=8).map(truncated))
        .chain((3..=5).map(recursive))
        .collect();
    let control_variates = vec![Mode::None, Mode::Fitted(None)];
    let widths = [(8, 8), (7, 8), (6, 8), (5, 8), (4, 8), (6, 6), (5, 5)];
    let exact =
        widths.map(|(activations, weights)| Design::exact(activations).with_weight_bits(weights));
    let approximate = Space { multipliers, control_variates, ..Space::default() };
    [exact.to_vec(), approximate.designs()].concat()
}
