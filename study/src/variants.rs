//! What codes chosen for the multiplier gain, and exact arrays for the first and the last layer.

use std::fmt::Write;

use recoup_explore::recorded::Mean;

use crate::{CHOSEN_CODES, fraction, loss, variant};
use recoup::search::mean_name;

/// Designs in the calibration's codes and in chosen ones, side by side: what the codes gain is not
/// V's.
pub fn codes(means: &[Mean]) -> String {
    let names = CHOSEN_CODES.map(|codes| codes.to_string());
    let mut text = format!(
        "Mean loss in the calibration's codes, and in codes chosen for the multiplier\n\
         ([quantization.md](quantization.md)), without and with V:\n\n\
         | design | array power | plain | {} |\n|---|---|---|{}\n",
        names.join(" | "),
        "---|".repeat(names.len())
    );
    let plain = means.iter().filter(|mean| super::is_plain(&mean.design.entry));
    for mean in plain {
        let entry = &mean.design.entry;
        let chosen = CHOSEN_CODES.map(|codes| variant(means, entry, codes, false));
        if chosen.iter().all(Option::is_none) {
            continue;
        }
        let chosen = chosen.map(|mean| mean.map(loss).unwrap_or_default());
        writeln!(
            text,
            "| {} | {} | {} | {} |",
            mean_name(mean),
            fraction(mean.mean.power),
            loss(mean),
            chosen.join(" | ")
        )
        .expect("a string takes all");
    }
    text
}

/// Designs that run all layers, beside those whose first and last layer run on an exact array.
pub fn mixed(means: &[Mean]) -> String {
    let mut text = String::from(
        "All layers on one array, or the first and the last on an exact 16 x 16 array of their\n\
         own, whose power and energy are in the numbers:\n\n\
         | design | power: one | two | energy: one | two | mean loss [95 %]: one | two |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for mixed in means.iter().filter(|mean| mean.design.entry.design.exact_ends) {
        let entry = &mixed.design.entry;
        let Some(one) = variant(means, entry, entry.design.quantization, false) else { continue };
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            mean_name(one),
            fraction(one.mean.power),
            fraction(mixed.mean.power),
            fraction(one.mean.relative_energy),
            fraction(mixed.mean.relative_energy),
            loss(one),
            loss(mixed)
        )
        .expect("a string takes all");
    }
    text
}
