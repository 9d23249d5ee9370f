//! What gains of filters, codes chosen for the multiplier, and exact arrays for the first and the last
//! layer bring.

use std::fmt::Write;

use recoup_explore::recorded::Mean;

use recoup::design::{Quantization, WeightCodes};
use recoup::search::mean_name;

use crate::{fraction, loss, variant};

/// Designs without and with gains, and in chosen codes, side by side: what these bring is not V's.
pub fn codes(means: &[Mean]) -> String {
    let mut text = String::from(
        "Mean loss with nothing but V, fitted to all input channels together, or without it; with gains\n\
         for the filters and V fitted to each channel; in codes of activations chosen for the multiplier,\n\
         too; and in chosen codes of weights besides ([quantization.md](quantization.md)):\n\n\
         | design | array power | plain | plain+gain | aware+gain | chosen weights |\n\
         |---|---|---|---|---|---|\n",
    );
    let is_gained = |mean: &&Mean| {
        let design = &mean.design.entry.design;
        design.quantization == Quantization::GAIN && !design.exact_ends
    };
    for mean in means.iter().filter(is_gained) {
        let of = |how, weights| {
            variant(means, &mean.design.entry, (how, weights)).map(loss).unwrap_or_default()
        };
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            mean_name(mean),
            fraction(mean.mean.power),
            of(Quantization::PLAIN, WeightCodes::Plain),
            loss(mean),
            of(Quantization::CHOSEN, WeightCodes::Plain),
            of(Quantization::CHOSEN, WeightCodes::Chosen)
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
        let codes = (entry.design.quantization, entry.design.weight_codes);
        let Some(one) = variant(means, entry, codes) else { continue };
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
