//! Choices that are tested on images that no choice has seen.

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::fmt::Write;

use recoup_core::design::Kind;
use recoup_explore::choose::{Judged, MeanLoss};
use recoup_explore::confirm::{Walked, sequence, walk};
use recoup_explore::recorded::{Mean, Recorded, RecordedDesign};
use recoup_explore::sequential::Assessment;

use crate::choices::{AMONG, Among, GROUPS};
use crate::{LIMITS, interval, limit, losses, saved};
use recoup::search::mean_name;

/// A design, as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// In words.
    pub name: String,
    /// Array power against the exact array.
    pub power: f64,
}

/// What a test of designs under one limit came to.
pub struct Confirmed {
    /// The limit, points.
    pub points: f64,
    /// Among which designs.
    pub among: Among,
    /// Of which kinds.
    pub kinds: &'static [Kind],
    /// Designs that the first images found worth a test.
    pub worth: usize,
    /// The designs with their mean losses on the other images; without one where that failed.
    pub walked: Walked<Named, Option<Assessment>>,
}

impl Confirmed {
    /// The design that was confirmed and its loss on the other images.
    pub fn chosen(&self) -> Option<(&Named, &Assessment)> {
        let (design, assessment) = self.walked.passed.as_ref()?;
        Some((design, assessment.as_ref()?))
    }

    /// The power of the design that was confirmed; that of the exact array if none was.
    pub fn power(&self) -> f64 {
        self.chosen().map_or(1.0, |(design, _)| design.power)
    }

    /// The design that ended the test, in words with its loss; none if all passed.
    pub fn ended_by(&self) -> Option<String> {
        let (design, assessment) = self.walked.failed.as_ref()?;
        Some(match assessment {
            Some(assessment) => format!("{}, {}", design.name, interval(assessment)),
            None => format!("{}, which failed", design.name),
        })
    }
}

/// The designs to test, each once: for all limits together.
pub fn designs(recorded: &Recorded) -> Vec<&RecordedDesign> {
    let means = recorded.means(limit(1.0));
    let all: BTreeSet<usize> =
        tests(&means).into_iter().flat_map(|(.., sequence)| sequence).collect();
    all.into_iter().map(|at| means[at].design).collect()
}

/// A limit, what a choice is among, the kinds, and positions in the order of the test.
type Test = (f64, Among, &'static [Kind], Vec<usize>);

/// Every test that is made.
fn tests(means: &[Mean]) -> Vec<Test> {
    let mut tests = Vec::new();
    for (points, among) in LIMITS.into_iter().flat_map(|points| AMONG.map(|among| (points, among)))
    {
        for kinds in GROUPS {
            let (positions, candidates): (Vec<usize>, Vec<Judged>) = means
                .iter()
                .enumerate()
                .filter_map(|(at, mean)| {
                    let Mean { design, mean: MeanLoss { power, assessment, .. }, .. } = *mean;
                    let kind = design.entry.kind;
                    let is_one = kinds.contains(&kind) && among.has(&design.entry);
                    is_one.then_some((at, Judged { kind, power, assessment }))
                })
                .unzip();
            let sequence = sequence(&candidates, limit(points));
            let sequence = sequence.into_iter().map(|at| positions[at]).collect();
            tests.push((points, among, kinds, sequence));
        }
    }
    tests
}

/// Makes all tests. `loss` gives the mean loss of a design on the other images, or none if it cannot
/// be run there; it is asked once for each.
///
/// # Errors
/// When `loss` has one.
pub fn confirm<E>(
    recorded: &Recorded,
    mut loss: impl FnMut(&RecordedDesign) -> Result<Option<Assessment>, E>,
) -> Result<Vec<Confirmed>, E> {
    let means = recorded.means(limit(1.0));
    let mut known: HashMap<usize, Option<Assessment>> = HashMap::new();
    let mut confirmed = Vec::new();
    for (points, among, kinds, sequence) in tests(&means) {
        let worth = sequence.len();
        let test = |&at: &usize| {
            if let Some(known) = known.get(&at) {
                return Ok(*known);
            }
            let found = loss(means[at].design)?;
            known.insert(at, found);
            Ok(found)
        };
        let is_under = |found: &Option<Assessment>| {
            found.is_some_and(|assessment| assessment.interval[1] < points)
        };
        let Walked { passed, failed, tested } = walk(sequence, test, is_under)?;
        let shown = |(at, found): (usize, Option<Assessment>)| {
            let mean: &Mean = &means[at];
            let power = mean.mean.power.expect("only designs of known power are tested");
            (Named { name: mean_name(mean), power }, found)
        };
        let walked = Walked { passed: passed.map(shown), failed: failed.map(shown), tested };
        confirmed.push(Confirmed { points, among, kinds, worth, walked });
    }
    Ok(confirmed)
}

/// What the tests of a run came to; none if it made none.
pub fn of(recorded: &Recorded) -> Option<Vec<Confirmed>> {
    recorded.settings.confirmation_inputs.as_ref()?;
    let means = recorded.confirmed_means(limit(1.0));
    let loss = |design: &RecordedDesign| {
        let configuration = &design.entry.design;
        let mut means = means.iter();
        let found = means.find(|mean| mean.design.entry.design == *configuration);
        Ok::<_, Infallible>(found.map(|mean| mean.mean.assessment))
    };
    let Ok(confirmed) = confirm(recorded, loss);
    Some(confirmed)
}

/// As a table, with the losses of all designs that were tested.
pub fn table(recorded: &Recorded) -> String {
    let Some(confirmed) = of(recorded) else {
        return "No choice was confirmed on other images than those above.\n".to_owned();
    };
    let images = recorded.confirmation.first().map_or(0, |network| network.experiment.images);
    let mut text = format!(
        "Confirmed on {images} images of each network that no choice has seen: of the designs whose\n\
         mean loss above is under the limit, and that no other beats in power and in the upper end\n\
         of the interval at once, one is tested after the other, the surest first, until the upper\n\
         end on the other images is not under the limit; the last before that is confirmed. Losses\n\
         are those on the other images.\n\n\
         | limit | among | confirmed | saved | tested | ended by | reduced precision | saved | tested \
         | without V | saved | tested |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in confirmed.chunks(GROUPS.len()) {
        let cells = row.iter().map(|confirmed| {
            let tested = format!("{} of {}", confirmed.walked.tested, confirmed.worth);
            match confirmed.chosen() {
                Some((design, assessment)) => {
                    let (name, saved) = (&design.name, saved(Some(design.power)));
                    format!("{name}, {} | {saved} | {tested}", interval(assessment))
                }
                None => format!("none | | {tested}"),
            }
        });
        let mut cells: Vec<String> = cells.collect();
        cells.insert(1, row[0].ended_by().unwrap_or_default());
        let Confirmed { points, among, .. } = row[0];
        writeln!(text, "| {points} | {among} | {} |", cells.join(" | "))
            .expect("a string takes all");
    }
    text += "\nLoss on these images, of all designs that were tested:\n\n";
    let means = recorded.confirmed_means(limit(1.0));
    text + &losses::table(&recorded.confirmation, recorded.settings.thorough, &means, |_| true)
}
