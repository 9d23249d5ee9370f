//! The paper's claims, and our targets, beside what was found.

use std::fmt::Write;

use recoup_explore::recorded::Recorded;
use recoup_explore::space::Kind;
use recoup_report::data::Comparison;

use super::choices::{AMONG, best};
use super::{is_plain, limit, loss, saved};
use crate::page::mean_name;

/// As a table.
pub fn compared(recorded: &Recorded) -> String {
    let mut text = String::from("| | paper | here | |\n|---|---|---|---|\n");
    for Comparison { quantity, paper, here, comment } in comparisons(recorded) {
        writeln!(text, "| {quantity} | {paper} | {here} | {comment} |")
            .expect("a string takes all");
    }
    text
}

/// The paper's claims beside what was found.
pub fn comparisons(recorded: &Recorded) -> Vec<Comparison> {
    let claims = [(1.0, "45 %"), (0.5, "(our target: 37 %)")];
    let savings = claims.into_iter().flat_map(|(points, paper)| {
        let means = recorded.means(limit(points));
        AMONG.map(|among| {
            let every = [Kind::ReducedPrecision, Kind::WithoutV, Kind::WithV];
            Comparison {
                quantity: format!(
                    "array power saved at a mean loss under {points} points, {among}"
                ),
                paper: paper.to_owned(),
                here: match best(&means, &every, among, points, true) {
                    Some(mean) => {
                        let saved = saved(mean.relative_power);
                        format!("{saved}: {}, loss {}", mean_name(mean), loss(mean))
                    }
                    None => "no design is under it".to_owned(),
                },
                comment: "64 x 64 array with all that V needs against the exact one in the same \
                          style; the upper end of the 95 % interval of the mean is under the limit"
                    .to_owned(),
            }
        })
    });
    savings.chain(recovery(recorded)).collect()
}

/// The accuracy with V over that without.
fn recovery(recorded: &Recorded) -> Option<Comparison> {
    let means = recorded.means(limit(1.0));
    let plain = |kind: Kind| {
        means.iter().filter(move |mean| {
            let finding = &mean.design.finding;
            finding.kind == kind && is_plain(finding)
        })
    };
    let (mut with, mut without) = (0.0, 0.0);
    for corrected in plain(Kind::WithV) {
        let uncorrected = plain(Kind::WithoutV).find(|uncorrected| {
            let [one, other] = [uncorrected, corrected].map(|mean| &mean.design.finding);
            one.multiplier() == other.multiplier()
                && one.activation_bits() == other.activation_bits()
        });
        if let Some(uncorrected) = uncorrected {
            with += corrected.top1;
            without += uncorrected.top1;
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
