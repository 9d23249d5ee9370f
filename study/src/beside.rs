//! Networks that stand beside the paper's: the same designs on them, in tables of their own.

use std::fmt::Write;

use recoup_core::design::Kind;
use recoup_explore::entry::Entry;
use recoup_explore::recorded::{Mean, Recorded, RecordedNetwork};

use crate::{choices, fraction, interval, is_default, limit, loss, losses};
use recoup::search::short_name;

/// A part for each of them: its accuracy, what is chosen on it, and its losses beside the mean of the
/// others.
pub fn tables(recorded: &Recorded, means: &[Mean]) -> Vec<String> {
    recorded.beside.iter().map(|network| of_network(network, recorded, means)).collect()
}

fn of_network(network: &RecordedNetwork, recorded: &Recorded, means: &[Mean]) -> String {
    let (name, thorough) =
        (short_name(&network.experiment.names.model), recorded.settings.thorough);
    let one = std::slice::from_ref(network);
    let heading = format!(
        "Beside the paper's networks, in no mean and in no choice above: {name}, a transformer, whose\n\
         products of two activations run on the same array ([attention.md](attention.md)). The same\n\
         designs on the same images:\n"
    );
    let chosen = format!(
        "The least array power that is under the limit on it with 95 % confidence:\n\n{}",
        choices::own_choices(one, thorough)
    );
    let defaults = table(network, thorough, means, is_default);
    let others = table(network, thorough, means, |entry| !is_default(entry));
    [heading, losses::accuracies(one), chosen, defaults, others].join("\n")
}

/// The designs that are `shown`, but for the reference.
fn table(
    network: &RecordedNetwork,
    thorough: bool,
    means: &[Mean],
    shown: impl Fn(&Entry) -> bool,
) -> String {
    let mut text = format!(
        "| design | array power | energy | {} [95 %] | mean of the others [95 %] |\n\
         |---|---|---|---|---|\n",
        short_name(&network.experiment.names.model)
    );
    let assessed = network.designs.iter().zip(network.assess(limit(1.0), thorough));
    for (design, assessment) in assessed {
        let entry = &design.entry;
        let Some(assessment) = assessment else { continue };
        if entry.kind == Kind::Reference || !shown(entry) {
            continue;
        }
        let mean = means.iter().find(|mean| mean.design.entry.design == entry.design);
        writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            entry.design,
            fraction(entry.relative_power),
            fraction(network.relative_energy(design)),
            interval(&assessment),
            mean.map(loss).unwrap_or_default()
        )
        .expect("a string takes all");
    }
    text
}
