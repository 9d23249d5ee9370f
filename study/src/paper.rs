//! The paper's claims, and our targets, beside what was found.

use std::fmt::Write;

use recoup::design::{Quantization, WeightCodes};
use recoup_core::design::Kind;
use recoup_explore::entry::Entry;
use recoup_explore::recorded::{Mean, Recorded};
use recoup_report::data::Comparison;

use crate::choices::{AMONG, Among, EVERY, REDUCED_PRECISION, best};
use crate::confirmation::{self, Confirmed};
use crate::{LIMITS, interval, limit, loss, saved};
use recoup::search::{mean_name, short_name};

/// As a table.
pub fn compared(recorded: &Recorded) -> String {
    let mut text = String::from("| | paper | here | |\n|---|---|---|---|\n");
    for Comparison { quantity, paper, here, comment } in comparisons(recorded) {
        writeln!(text, "| {quantity} | {paper} | {here} | {comment} |")
            .expect("a string takes all");
    }
    text
}

/// A target: so much array power saved, percent, at a mean loss under so many points.
struct Target {
    points: f64,
    saved: f64,
    whose: &'static str,
}

const TARGETS: [Target; 2] = [
    Target { points: 1.0, saved: 45.0, whose: "45 %" },
    Target { points: 0.5, saved: 37.0, whose: "(our target: 37 %)" },
];

/// The paper's claims and our targets beside what was found.
pub fn comparisons(recorded: &Recorded) -> Vec<Comparison> {
    let savings =
        TARGETS.iter().flat_map(|target| AMONG.map(|among| saving(recorded, target, among)));
    let confirmed = confirmation::of(recorded).unwrap_or_default();
    let again = TARGETS.iter().flat_map(|target| {
        let of_target = confirmed.iter().filter(|confirmed| confirmed.points == target.points);
        let of_target = of_target.filter(|confirmed| confirmed.kinds == EVERY);
        of_target.map(|confirmed| confirmed_saving(confirmed, target))
    });
    let rivals = AMONG.into_iter().filter_map(|among| confirmed_rival(&confirmed, among));
    savings.chain([rival(recorded)]).chain(again).chain(rivals).chain(recovery(recorded)).collect()
}

fn saving(recorded: &Recorded, target: &Target, among: Among) -> Comparison {
    let Target { points, saved: wanted, whose } = *target;
    let means = recorded.means(limit(points));
    let percent = |mean: &Mean| mean.mean.power.map_or(0.0, |power| 100.0 * (1.0 - power));
    let found = best(&means, EVERY, among, points, true);
    let missing = wanted - found.map_or(0.0, percent);
    let verdict = match limiting(recorded, &means, target, among) {
        _ if missing <= 0.0 => "met".to_owned(),
        Some(limiting) => format!("missed by {missing:.1} points of power: {limiting}"),
        None => format!("missed by {missing:.1} points of power: no design saves so much"),
    };
    Comparison {
        quantity: format!("array power saved at a mean loss under {points} points, {among}"),
        paper: whose.to_owned(),
        here: match found {
            Some(mean) => {
                let saved = saved(mean.mean.power);
                format!("{saved}: {}, loss {}", mean_name(mean), loss(mean))
            }
            None => "no design is under it".to_owned(),
        },
        comment: format!(
            "{verdict}. 64 x 64 array with all that V needs against the exact one in the same \
             style; the upper end of the 95 % interval of the mean is under the limit"
        ),
    }
}

/// What keeps a target from being met: of the designs that save enough the one with the least loss,
/// and the network that it loses most on.
fn limiting(recorded: &Recorded, means: &[Mean], target: &Target, among: Among) -> Option<String> {
    let enough = 1.0 - target.saved / 100.0;
    let saves = |mean: &&Mean| {
        among.has(&mean.design.entry) && mean.mean.power.is_some_and(|power| power <= enough)
    };
    let mean = means
        .iter()
        .filter(saves)
        .min_by(|a, b| a.mean.assessment.loss.total_cmp(&b.mean.assessment.loss))?;
    let configuration = &mean.design.entry.design;
    let losses = recorded.networks.iter().filter_map(|network| {
        let mut designs = network.designs.iter();
        let design = designs.find(|design| design.entry.design == *configuration)?;
        let mut designs = network.designs.iter();
        let reference = designs.find(|design| design.entry.kind == Kind::Reference)?;
        Some((network, 100.0 * (reference.top1()? - design.top1()?)))
    });
    let (network, most) = losses.max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    Some(format!(
        "{} loses {}, and {most:.2} on {}",
        mean_name(mean),
        loss(mean),
        short_name(&network.experiment.names.model)
    ))
}

/// How much more power the chosen design saves than reduced precision, under each limit.
fn rival(recorded: &Recorded) -> Comparison {
    let mut missed = Vec::new();
    let more = LIMITS.map(|points| {
        let means = recorded.means(limit(points));
        let power = |kinds: &[Kind]| {
            let found = best(&means, kinds, Among::All, points, true);
            found.and_then(|mean| mean.mean.power).unwrap_or(1.0)
        };
        let more = 100.0 * (power(REDUCED_PRECISION) - power(EVERY));
        if more <= 0.0 {
            missed.push(format!("{points}"));
        }
        format!("{more:.1} under {points}")
    });
    let verdict = match &missed[..] {
        [] => "met".to_owned(),
        limits => format!(
            "missed under {} points: the chosen design is itself one of reduced precision, or none \
             is sure, as so few images hardly tell so small a loss from none",
            limits.join(" and ")
        ),
    };
    Comparison {
        quantity: "points of array power saved more than with reduced precision alone, all".into(),
        paper: "(our target: more under every limit)".into(),
        here: more.join(", "),
        comment: format!(
            "{verdict}. Both with 95 % confidence, in chosen codes and with exact ends, too"
        ),
    }
}

/// What was confirmed on images that no choice has seen, against a target.
fn confirmed_saving(confirmed: &Confirmed, target: &Target) -> Comparison {
    let Target { points, saved: wanted, whose } = *target;
    let missing = wanted - 100.0 * (1.0 - confirmed.power());
    let verdict = match confirmed.ended_by() {
        _ if missing <= 0.0 => "met".to_owned(),
        Some(design) => format!("missed by {missing:.1} points of power: the next was {design}"),
        None => {
            format!("missed by {missing:.1} points of power: no more designs were worth a test")
        }
    };
    Comparison {
        quantity: format!(
            "array power saved at a mean loss under {points} points, {}, confirmed",
            confirmed.among
        ),
        paper: whose.to_owned(),
        here: match confirmed.chosen() {
            Some((design, assessment)) => {
                let saved = saved(Some(design.power));
                format!("{saved}: {}, loss {}", design.name, interval(assessment))
            }
            None => "no design is confirmed".to_owned(),
        },
        comment: format!(
            "{verdict}. Chosen as above, tested on images that no choice has seen; the upper end of \
             the 95 % interval on these is under the limit"
        ),
    }
}

/// How much more power the confirmed design saves than the one of reduced precision.
fn confirmed_rival(confirmed: &[Confirmed], among: Among) -> Option<Comparison> {
    let of = |kinds: &'static [Kind]| {
        confirmed.iter().filter(move |found| found.among == among && found.kinds == kinds)
    };
    let (mut more, mut missed) = (Vec::new(), Vec::new());
    for (chosen, rival) in of(EVERY).zip(of(REDUCED_PRECISION)) {
        let points = chosen.points;
        let difference = 100.0 * (rival.power() - chosen.power());
        more.push(format!("{difference:.1} under {points}"));
        if difference <= 0.0 {
            missed.push(match chosen.ended_by() {
                Some(design) => {
                    format!("under {points} points, where the test ended with {design}")
                }
                None => format!("under {points} points, where no more designs were worth a test"),
            });
        }
    }
    let verdict = match &missed[..] {
        [] => "met".to_owned(),
        missed => format!("missed {}", missed.join("; ")),
    };
    (!more.is_empty()).then(|| Comparison {
        quantity: format!(
            "points of array power saved more than with reduced precision alone, {among}, confirmed"
        ),
        paper: "(our target: more under every limit)".into(),
        here: more.join(", "),
        comment: format!("{verdict}. Both tested on images that no choice has seen"),
    })
}

/// The accuracy of corrected multipliers over that of the same ones as they are.
fn recovery(recorded: &Recorded) -> Vec<Comparison> {
    let means = recorded.means(limit(1.0));
    let of = |kind: Kind, how: Quantization| {
        means.iter().filter(move |mean| {
            let Entry { kind: found, design, .. } = &mean.design.entry;
            // The paper has families only.
            let is_of_family = !design.multiplier.starts_with("mask:");
            let in_codes = (design.quantization, design.weight_codes) == (how, WeightCodes::Plain);
            *found == kind && in_codes && !design.exact_ends && is_of_family
        })
    };
    let over_bare = |(what, how): (&str, Quantization)| {
        let (mut with, mut without) = (0.0, 0.0);
        for corrected in of(Kind::WithV, how) {
            let array = corrected.design.entry.design.clone().uncorrected().of_array();
            let bare = of(Kind::WithoutV, Quantization::PLAIN)
                .find(|bare| bare.design.entry.design == array);
            if let Some(bare) = bare {
                with += corrected.top1;
                without += bare.top1;
            }
        }
        (without > 0.0).then(|| Comparison {
            quantity: format!("top-1 with {what} over top-1 without any"),
            paper: "1.9x".to_owned(),
            here: format!("{:.2}x", with / without),
            comment: "mean over all levels of the families and networks, over that of the same \
                      multipliers as they are: it depends on which levels are in the mean"
                .to_owned(),
        })
    };
    let all =
        [("V alone", Quantization::PLAIN), ("V and gains", Quantization::GAIN)].map(over_bare);
    all.into_iter().flatten().collect()
}
