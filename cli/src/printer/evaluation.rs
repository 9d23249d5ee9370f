//! The results of `eval`, for people and for machines.

use std::io::{Write, stdout};

use anyhow::Result;
use recoup::design::WeightScheme;
use recoup::records::LayerNoise;

use super::report::Report;
use super::tables::{align_right, energy, loss, name, percent, power, probability, table};
use super::words::{bits_text, control_text, heading, multiplier_text, quantization_text};
use super::{fidelity, profile, term_cost};
use crate::costs;

/// The JSON object of `eval` and `demo` (docs/json.md).
pub fn json(report: &Report) -> Result<()> {
    let object = serde_json::to_value(report.results.record(report.order()))?;
    writeln!(stdout(), "{object:#}")?;
    Ok(())
}

/// Where `eval` says how activations became codes, if not all of them did so plainly.
const QUANTIZATION_COLUMN: usize = 3;

/// The table of `eval`.
pub fn text(report: &Report) -> Result<()> {
    let mut out = stdout().lock();
    heading(&report.results, &mut out)?;
    let float_top1 = report.results.evaluation.float.top1_accuracy();
    let mut header = vec!["multiplier", "control variate", "bits"];
    if float_top1.is_some() {
        header.extend(["top-1 %", "loss vs exact [95 %]", "p", "loss vs float [95 %]", "p"]);
    }
    header.extend(["array power", "energy nJ", "images/s", "kernel"]);
    header.extend(report.results.evaluation.float.top5_accuracy().map(|_| "top-5 %"));
    let with_quantization = report.with_quantization();
    if with_quantization {
        header.insert(QUANTIZATION_COLUMN, "quantisation");
    }
    let mut table = table(&header);
    for (index, candidate) in report.results() {
        let outcomes = &report.results.evaluation.candidates[index];
        let mut row = vec![
            multiplier_text(candidate),
            control_text(candidate),
            bits_text(candidate.design.activation_bits, candidate.design.weight_bits),
        ];
        row.extend(outcomes.top1_accuracy().map(percent));
        if let Some(exact) = report.results.loss_against_exact(index) {
            let reference = index == 0;
            row.push(if reference { "reference".into() } else { loss(&exact) });
            row.push(if reference { String::new() } else { probability(exact.mcnemar_p) });
        }
        if let Some(float) = report.results.loss_against_float(index) {
            row.extend([loss(&float), probability(float.mcnemar_p)]);
        }
        row.extend([
            power(report.results.figures[index].power),
            energy(report.results.figures[index].energy),
            format!("{:.0}", outcomes.images_per_s()),
            candidate.network.kernels().join(", "),
        ]);
        row.extend(outcomes.top5_accuracy().map(percent));
        if with_quantization {
            row.insert(QUANTIZATION_COLUMN, quantization_text(candidate));
        }
        table.add_row(row);
    }
    const NUMBERS: [&str; 7] =
        ["bits", "top-1 %", "p", "array power", "energy nJ", "images/s", "top-5 %"];
    let columns = header.iter().enumerate().filter(|(_, name)| NUMBERS.contains(name));
    align_right(&mut table, columns.map(|(column, _)| column));
    writeln!(out, "{table}")?;
    if float_top1.is_some() {
        writeln!(
            out,
            "loss in points (percent of images); p: McNemar's exact test on the same images"
        )?;
    }
    writeln!(out, "{}", costs::legend(report.measured))?;
    if (0..report.results.candidates.len()).any(|index| needs_more_constants(report, index)) {
        writeln!(
            out,
            "+gain: with u8-tensor weights a layer has one requantisation constant for all filters, and now \
             needs\none for each; with +layer-gain it has one"
        )?;
    }
    what_v_leaves(report, &mut out)?;
    fidelity::print(report, &mut out)?;
    term_cost::print(report, &mut out)?;
    layers(report, &mut out)?;
    profile::print(report, &mut out)
}

/// Why V does not give more back, where much is missing.
fn what_v_leaves(report: &Report, out: &mut impl Write) -> Result<()> {
    for (index, candidate) in report.results() {
        let Some(layers) = &report.results.left_by_v[index] else { continue };
        let of_layer =
            |it: &LayerNoise| format!("{:.1} dB in {}", it.predicted_sqnr_db, name(&it.node));
        let layers: Vec<String> = layers.iter().map(of_layer).collect();
        let codes = match candidate.design.quantization().aware {
            true => "",
            false => ", or codes chosen for the multiplier (--quantization aware+gain)",
        };
        let by_channel = match report.results.own_codes.by_tensor {
            0 => "",
            _ => {
                "; or weights coded by channel (--weights u8-channel): the model has one scale for all \
                 filters of a layer"
            }
        };
        writeln!(
            out,
            "{}, {}: V cannot help here, because what it leaves is noise, by prediction an SQNR of\n{};\n\
             smaller errors there would help{codes}{by_channel}",
            multiplier_text(candidate),
            control_text(candidate),
            layers.join(", ")
        )?;
    }
    Ok(())
}

/// Whether filters of a layer have gains of their own, where its weights have one scale.
fn needs_more_constants(report: &Report, index: usize) -> bool {
    let quantized = &report.results.candidates[index].prepared.quantized;
    let differ = |gains: &[f32]| gains.iter().any(|gain| *gain != gains[0]);
    quantized.weights == WeightScheme::U8Tensor
        && quantized.macs.iter().any(|mac| differ(&mac.gains))
}

fn layers(report: &Report, out: &mut impl Write) -> Result<()> {
    let Some(layers) = &report.results.evaluation.layers else { return Ok(()) };
    let mut any = false;
    for (index, candidate) in report.results() {
        let layers = &layers[index];
        if candidate.design.multiplier.is_exact() {
            continue;
        }
        writeln!(
            out,
            "\n{}, {}: accumulated error without and with V, in accumulator units",
            multiplier_text(candidate),
            control_text(candidate)
        )?;
        let mut table = table(&[
            "layer",
            "mean",
            "std",
            "mean with V",
            "std with V",
            "SQNR dB",
            "constant %",
            "slope",
            "from input",
            "kernel",
        ]);
        let some = |number: Option<f64>, text: fn(f64) -> String| number.map_or("–".into(), text);
        for layer in layers {
            table.add_row(vec![
                name(&layer.node),
                format!("{:.1}", layer.mean_before),
                format!("{:.1}", layer.std_before),
                format!("{:.1}", layer.mean_after),
                format!("{:.1}", layer.std_after),
                layer.sqnr_db.map_or("no error".into(), |db| format!("{db:.1}")),
                some(layer.constant_share, |share| format!("{:.0}", 100.0 * share)),
                some(layer.slope, |slope| format!("{slope:.3}")),
                some(layer.slope_from_input, |slope| format!("{slope:.3}")),
                layer.kernel.clone(),
            ]);
        }
        align_right(&mut table, 1..=8);
        writeln!(out, "{table}")?;
        any = true;
    }
    if any {
        writeln!(
            out,
            "constant %: of what V leaves, the power of filters' mean errors; slope: of the result on \
             the exact one,\non the layer's own codes, and from the input on, gains included"
        )?;
    }
    Ok(())
}
