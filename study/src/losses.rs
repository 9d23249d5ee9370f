//! The loss of every design on every network.

use std::fmt::Write;

use recoup_core::design::Kind;
use recoup_explore::entry::Entry;
use recoup_explore::recorded::{Mean, Recorded, RecordedNetwork};

use crate::{fraction, is_default, limit, loss};
use recoup::search::{mean_name, short_name};

/// Top-1 of the exact networks.
pub fn accuracies(networks: &[RecordedNetwork]) -> String {
    let mut text = String::from("| network | images | exact, 8 bits: top-1 % |\n|---|---|---|\n");
    for network in networks {
        let top1 = network.designs.first().and_then(|reference| reference.top1());
        let top1 = top1.map(|top1| format!("{:.2}", 100.0 * top1)).unwrap_or_default();
        let name = short_name(&network.experiment.names.model);
        writeln!(text, "| {name} | {} | {top1} |", network.experiment.images)
            .expect("a string takes all");
    }
    text
}

/// Designs as they are by default, on one array.
pub fn defaults(recorded: &Recorded, means: &[Mean]) -> String {
    let heading = "Loss of top-1 in points against exact 8-bit products on the same images; array \
                   power\nagainst the exact 8-bit array, energy of an inference against the exact \
                   network's on it.\nV `fitted`, a gain for each filter.\n\n";
    let Recorded { networks, settings, .. } = recorded;
    heading.to_owned() + &table(networks, settings.thorough, means, is_default)
}

/// The others, of which the means are compared above.
pub fn others(recorded: &Recorded, means: &[Mean]) -> String {
    let heading = "The same, network by network:\n\n";
    let Recorded { networks, settings, .. } = recorded;
    heading.to_owned() + &table(networks, settings.thorough, means, |entry| !is_default(entry))
}

/// The designs that are `shown`, but for the reference.
pub fn table(
    networks: &[RecordedNetwork],
    thorough: bool,
    means: &[Mean],
    shown: impl Fn(&Entry) -> bool,
) -> String {
    let names: Vec<String> =
        networks.iter().map(|network| short_name(&network.experiment.names.model)).collect();
    let mut text = format!(
        "| design | array power | energy | mean loss [95 %] | {} |\n|---|---|---|---|{}\n",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    let assessments: Vec<_> =
        networks.iter().map(|network| network.assess(limit(1.0), thorough)).collect();
    let shown = means.iter().filter(|mean| {
        let entry = &mean.design.entry;
        entry.kind != Kind::Reference && shown(entry)
    });
    for mean in shown {
        let configuration = &mean.design.entry.design;
        let on = networks.iter().zip(&assessments).map(|(network, assessments)| {
            let mut designs = network.designs.iter();
            let at = designs.position(|design| design.entry.design == *configuration);
            let found = at.and_then(|at| assessments[at]);
            found.map(|found| format!("{:.2}", found.loss)).unwrap_or_default()
        });
        writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            mean_name(mean),
            fraction(mean.mean.power),
            fraction(mean.mean.relative_energy),
            loss(mean),
            on.collect::<Vec<_>>().join(" | ")
        )
        .expect("a string takes all");
    }
    text
}
