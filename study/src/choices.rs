//! The designs with the least power under each limit: one for all networks, or one for each.

use std::fmt::{self, Write};

use recoup_core::design::Kind;
use recoup_explore::choose::{Judged, cheapest, choose};
use recoup_explore::entry::Entry;
use recoup_explore::recorded::{Mean, Recorded, RecordedNetwork};
use recoup_explore::sequential::Verdict;

use crate::{LIMITS, is_default, limit, loss, saved};
use recoup::search::{mean_name, short_name};

/// What a choice is among.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// Designs as they are by default, on one array.
    Default,
    /// Those without gains, in chosen codes and with exact ends, too.
    All,
}

/// Both.
pub const AMONG: [Among; 2] = [Among::Default, Among::All];

impl Among {
    /// Whether it is one of them.
    pub fn has(self, entry: &Entry) -> bool {
        self == Self::All || is_default(entry)
    }
}

/// Designs of all kinds.
pub const EVERY: &[Kind] = &[Kind::ReducedPrecision, Kind::WithoutV, Kind::WithV];

/// Reduced precision alone.
pub const REDUCED_PRECISION: &[Kind] = &[Kind::ReducedPrecision];

/// The kinds among which there is a choice: all, and the rivals of V.
pub const GROUPS: [&[Kind]; 3] = [EVERY, REDUCED_PRECISION, &[Kind::WithoutV]];

impl fmt::Display for Among {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Default => "default",
            Self::All => "all",
        })
    }
}

/// One design for all networks: by the upper end of the interval, and by the mean alone, as the
/// paper does.
pub fn of_mean(recorded: &Recorded) -> String {
    let mut text = String::from(
        "One design for all networks: the least array power under a limit of the mean loss. Sure:\n\
         the upper end of the 95 % interval is under the limit. Measured: the mean itself is. Default:\n\
         in the calibration's codes with gains, on one array; all: without gains, in chosen codes and\n\
         with exact ends, too.\n\n\
         | limit | | among | chosen | saved | reduced precision | saved | without V | saved |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for points in LIMITS {
        let means = recorded.means(limit(points));
        for (sure, among) in
            [true, false].into_iter().flat_map(|sure| AMONG.map(|among| (sure, among)))
        {
            let best = |kinds: &[Kind]| best(&means, kinds, among, points, sure);
            let cell = |found: Option<&Mean>| match found {
                Some(mean) => {
                    format!("{}, {} | {}", mean_name(mean), loss(mean), saved(mean.mean.power))
                }
                None => "none |".to_owned(),
            };
            let how = if sure { "sure" } else { "measured" };
            let cells = GROUPS.map(|kinds| cell(best(kinds)));
            writeln!(text, "| {points} | {how} | {among} | {} |", cells.join(" | "))
                .expect("a string takes all");
        }
    }
    text
}

/// The design with the least known power under a limit; of several the one with the least loss.
pub fn best<'a, 'r>(
    means: &'a [Mean<'r>],
    kinds: &[Kind],
    among: Among,
    points: f64,
    sure: bool,
) -> Option<&'a Mean<'r>> {
    let under = means.iter().filter(|mean| {
        let entry = &mean.design.entry;
        kinds.contains(&entry.kind)
            && among.has(entry)
            && match sure {
                true => mean.mean.assessment.verdict == Verdict::Under,
                false => mean.mean.assessment.loss < points,
            }
    });
    cheapest(under.filter_map(|mean| Some((mean, mean.mean.power?, mean.mean.assessment.loss))))
}

/// A design for each network.
pub fn per_network(recorded: &Recorded) -> String {
    let text = "A design for each network: the least array power that is under the limit on it with\n\
                95 % confidence, and the mean of what they save. Where no design is, the exact array \
                stays.\n\n";
    text.to_owned() + &own_choices(&recorded.networks, recorded.settings.thorough)
}

/// The choice on each of some networks, as a table.
pub fn own_choices(networks: &[RecordedNetwork], thorough: bool) -> String {
    let names: Vec<String> =
        networks.iter().map(|network| short_name(&network.experiment.names.model)).collect();
    let what_is_saved = if networks.len() == 1 { "saved" } else { "mean saved" };
    let mut text = format!(
        "| limit | among | {what_is_saved} | reduced precision | without V | {} |\n\
         |---|---|---|---|---|{}\n",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    for (points, among) in LIMITS.into_iter().flat_map(|points| AMONG.map(|among| (points, among)))
    {
        let own: Vec<Own> =
            networks.iter().map(|it| Own::new(it, points, thorough, among)).collect();
        let mean = |power: fn(&Own) -> f64| {
            saved(Some(own.iter().map(power).sum::<f64>() / own.len().max(1) as f64))
        };
        let chosen: Vec<&str> = own.iter().map(|own| own.name.as_str()).collect();
        writeln!(
            text,
            "| {points} | {among} | {} | {} | {} | {} |",
            mean(|own| own.power),
            mean(|own| own.reduced_precision),
            mean(|own| own.without_v),
            chosen.join(" | ")
        )
        .expect("a string takes all");
    }
    text
}

/// What one network gets: powers against the exact array, 1 where nothing is under the limit.
struct Own {
    name: String,
    power: f64,
    reduced_precision: f64,
    without_v: f64,
}

impl Own {
    fn new(network: &RecordedNetwork, points: f64, thorough: bool, among: Among) -> Self {
        let assessments = network.assess(limit(points), thorough);
        let evaluated = network.designs.iter().zip(assessments);
        let (entries, candidates): (Vec<&Entry>, Vec<Judged>) = evaluated
            .filter(|(design, _)| among.has(&design.entry))
            .filter_map(|(design, assessment)| {
                let Entry { kind, relative_power: power, .. } = design.entry;
                Some((&design.entry, Judged { kind, power, assessment: assessment? }))
            })
            .unzip();
        let choice = choose(&candidates);
        let power = |at: Option<usize>| at.and_then(|at| candidates[at].power).unwrap_or(1.0);
        Self {
            name: choice.chosen.map_or("none".to_owned(), |at| entries[at].name()),
            power: power(choice.chosen),
            reduced_precision: power(choice.reduced_precision),
            without_v: power(choice.without_v),
        }
    }
}
