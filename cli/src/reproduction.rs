//! What `reproduce` found, as tables beside the paper's claims.

use std::fmt::Write;

use recoup_explore::recorded::{Mean, Recorded};
use recoup_explore::sequential::{Limit, Verdict};
use recoup_explore::space::Kind;
use recoup_report::data::Comparison;

use crate::page::{choose_mean, mean_name, short_name};

/// Limits of the mean loss, points.
const LIMITS: [f64; 5] = [0.1, 0.25, 0.5, 1.0, 2.0];

/// Markdown: every design on every network, and the best under several limits.
pub fn tables(recorded: &Recorded) -> String {
    [accuracies(recorded), losses(recorded), choices(recorded), compared(recorded)].join("\n")
}

fn limit(points: f64) -> Limit {
    Limit::new(points).expect("the limits above are losses")
}

/// Top-1 of the exact networks.
fn accuracies(recorded: &Recorded) -> String {
    let mut text = String::from("| network | images | exact, 8 bits: top-1 % |\n|---|---|---|\n");
    for network in &recorded.networks {
        let top1 = network.designs.first().and_then(|reference| reference.top1());
        let top1 = top1.map(|top1| format!("{:.2}", 100.0 * top1)).unwrap_or_default();
        let name = short_name(network.model());
        writeln!(text, "| {name} | {} | {top1} |", network.images).expect("a string takes all");
    }
    text
}

/// The loss of every design on every network.
fn losses(recorded: &Recorded) -> String {
    let names: Vec<String> =
        recorded.networks.iter().map(|network| short_name(network.model())).collect();
    let mut text = format!(
        "Loss of top-1 in points against exact 8-bit products on the same images; array power\n\
         against the exact 8-bit array. V `fitted`.\n\n\
         | design | array power | mean loss [95 %] | {} |\n|---|---|---|{}\n",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    let any = limit(1.0);
    let assessments: Vec<_> = recorded
        .networks
        .iter()
        .map(|network| network.assess(any, recorded.settings.thorough))
        .collect();
    for mean in recorded.means(any) {
        let configuration = &mean.design.finding.configuration;
        let on = recorded.networks.iter().zip(&assessments).map(|(network, assessments)| {
            let mut designs = network.designs.iter();
            let at = designs.position(|design| design.finding.configuration == *configuration);
            let found = at.and_then(|at| assessments[at]);
            found.map(|found| format!("{:.2}", found.loss)).unwrap_or_default()
        });
        let on: Vec<String> = on.collect();
        if mean.design.finding.kind != Kind::Reference {
            writeln!(
                text,
                "| {} | {} | {} | {} |",
                mean_name(&mean),
                power(&mean),
                loss(&mean),
                on.join(" | ")
            )
            .expect("a string takes all");
        }
    }
    text
}

/// The designs with the least power under each limit: by the upper end of the interval, and by the
/// mean alone, as the paper does.
fn choices(recorded: &Recorded) -> String {
    let mut text = String::from(
        "The least array power under a limit of the mean loss. Sure: the upper end of the 95 %\n\
         interval is under the limit. Measured: the mean itself is.\n\n\
         | limit | | chosen | saved | reduced precision | saved | without V | saved |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for points in LIMITS {
        let means = recorded.means(limit(points));
        for sure in [true, false] {
            let best = |kinds: &[Kind]| best(&means, kinds, points, sure);
            let cell = |found: Option<&Mean>| match found {
                Some(mean) => format!("{}, {} | {}", mean_name(mean), loss(mean), saved(mean)),
                None => "none |".to_owned(),
            };
            let how = if sure { "sure" } else { "measured" };
            let cells = [
                &[Kind::ReducedPrecision, Kind::WithoutV, Kind::WithV][..],
                &[Kind::ReducedPrecision],
                &[Kind::WithoutV],
            ]
            .map(|kinds| cell(best(kinds)));
            writeln!(text, "| {points} | {how} | {} |", cells.join(" | "))
                .expect("a string takes all");
        }
    }
    text
}

/// The design with the least known power under a limit.
fn best<'a, 'r>(
    means: &'a [Mean<'r>],
    kinds: &[Kind],
    points: f64,
    sure: bool,
) -> Option<&'a Mean<'r>> {
    let under = means.iter().filter(|mean| {
        kinds.contains(&mean.design.finding.kind)
            && match sure {
                true => mean.assessment.verdict == Verdict::Under,
                false => mean.assessment.loss < points,
            }
    });
    let known = under.filter_map(|mean| Some((mean, mean.relative_power?)));
    known.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(mean, _)| mean)
}

fn power(mean: &Mean) -> String {
    mean.relative_power.map(|power| format!("{power:.3}")).unwrap_or_default()
}

fn saved(mean: &Mean) -> String {
    mean.relative_power.map(|power| format!("{:.1} %", 100.0 * (1.0 - power))).unwrap_or_default()
}

fn loss(mean: &Mean) -> String {
    let [low, high] = mean.assessment.interval;
    format!("{:.2} [{low:.2}, {high:.2}]", mean.assessment.loss)
}

fn compared(recorded: &Recorded) -> String {
    let mut text = String::from("| | paper | here | |\n|---|---|---|---|\n");
    for Comparison { quantity, paper, here, comment } in comparisons(recorded) {
        writeln!(text, "| {quantity} | {paper} | {here} | {comment} |")
            .expect("a string takes all");
    }
    text
}

/// The paper's claims beside what was found.
pub fn comparisons(recorded: &Recorded) -> Vec<Comparison> {
    let saving = |points: f64, paper: &str, comment: &str| {
        let means = recorded.means(limit(points));
        let chosen = choose_mean(&means).chosen.map(|chosen| &means[chosen]);
        Comparison {
            quantity: format!("array power saved at a mean loss under {points} points"),
            paper: paper.to_owned(),
            here: match chosen {
                Some(mean) => format!("{}: {}, loss {}", saved(mean), mean_name(mean), loss(mean)),
                None => "no design is under it".to_owned(),
            },
            comment: comment.to_owned(),
        }
    };
    let mut rows = vec![
        saving(
            1.0,
            "45 %",
            "64 x 64 array with all that V needs against the exact one in the same style; the \
             upper end of the 95 % interval of the mean is under the limit",
        ),
        saving(0.5, "(our target: 37 %)", "the same"),
    ];
    rows.extend(recovery(recorded));
    rows
}

/// The accuracy with V over that without.
fn recovery(recorded: &Recorded) -> Option<Comparison> {
    let means = recorded.means(limit(1.0));
    let (mut with, mut without) = (0.0, 0.0);
    for corrected in means.iter().filter(|mean| mean.design.finding.kind == Kind::WithV) {
        let plain = means.iter().find(|plain| {
            let [one, other] = [plain, corrected].map(|mean| &mean.design.finding);
            plain.design.finding.kind == Kind::WithoutV
                && one.multiplier() == other.multiplier()
                && one.activation_bits() == other.activation_bits()
        });
        if let Some(plain) = plain {
            with += corrected.top1;
            without += plain.top1;
        }
    }
    (without > 0.0).then(|| Comparison {
        quantity: "top-1 with V over top-1 without".to_owned(),
        paper: "1.9x".to_owned(),
        here: format!("{:.2}x", with / without),
        comment: "mean over all approximate multipliers and networks with V, over that without: \
                  it depends on which levels are in the mean"
            .to_owned(),
    })
}
