//! What was evaluated, in words.

use std::io::Write;

use anyhow::Result;

use recoup::design::{Mode, WeightScheme};
use recoup::records::ExactNode;
use recoup::{Design, Results};
use recoup_core::accuracy::EmulatedDesign;
use recoup_core::control_variate::ControlVariate;
use recoup_core::model::{Attention, OwnCodes};
use recoup_core::quantize::{Calibration, WeightCodes};
use recoup_kernels::WeightCoding;

use super::tables::{name, percent};

/// A candidate's multiplier, and where it does not run.
pub fn multiplier_text(candidate: &EmulatedDesign) -> String {
    let Design { multiplier, exact_ends, .. } = &candidate.design;
    format!("{multiplier}{}", if *exact_ends { ", exact ends" } else { "" })
}

/// What a candidate's control variate came to be: the mode, and the x that was chosen.
pub fn control_text(candidate: &EmulatedDesign) -> String {
    let mode = candidate.design.control_variate;
    let functions = functions(candidate);
    match mode {
        Mode::Fitted(Some(named)) | Mode::Regressed(Some(named))
            if functions == named.to_string() =>
        {
            mode.to_string()
        }
        Mode::Fitted(_) | Mode::Regressed(_) if !functions.is_empty() => {
            format!("{mode} ({functions})")
        }
        _ => mode.to_string(),
    }
}

/// The functions x of a candidate's control variate; empty without one.
pub fn functions(candidate: &EmulatedDesign) -> String {
    candidate.control.as_ref().map(ControlVariate::names).unwrap_or_default()
}

/// Significant bits of the codes of activations; and of weights, if these are fewer than 8.
pub fn bits_text(activation_bits: u32, weight_bits: u32) -> String {
    match weight_bits {
        8 => activation_bits.to_string(),
        _ => format!("{activation_bits}, weights {weight_bits}"),
    }
}

/// How a candidate's activations become codes, and the rounding that was chosen; and which codes
/// weights have, if these are not the nearest.
pub fn quantization_text(candidate: &EmulatedDesign) -> String {
    let quantization = candidate.design.quantization();
    let of_activations = match 8 - candidate.prepared.quantized.widths.activation_bits {
        rounded if quantization.aware && rounded > 0 => {
            format!("{quantization} ({rounded} bits rounded)")
        }
        _ => quantization.to_string(),
    };
    match candidate.design.weight_codes {
        WeightCodes::Plain => of_activations,
        codes => format!("{of_activations}, {codes} weight codes"),
    }
}

/// Whose codes the weights are.
pub fn weights_text(scheme: WeightScheme, own: OwnCodes) -> String {
    let OwnCodes { kept, recoded, layers, .. } = own;
    let sign = match scheme.coding() {
        WeightCoding::Unsigned => "unsigned",
        WeightCoding::Signed => "signed",
    };
    let again = match recoded {
        0 => String::new(),
        _ => format!(
            "; made again by channel in {recoded} of {layers} layers, which the model codes with one \
             scale each"
        ),
    };
    match kept {
        0 => format!("{scheme}{again}"),
        _ if kept == layers => format!("the model's own codes, {sign} in the multipliers"),
        _ => format!("{scheme}; the model's own codes in {kept} of {layers} layers{again}"),
    }
}

/// Where products of two activations run.
pub fn attention_text(attention: Attention) -> &'static str {
    match attention {
        Attention::Emulated => "emulated: products of two activations on the multipliers",
        Attention::Exact => "exact: products of two activations on an exact array of their own",
        Attention::Float => "float: products of two activations in float32",
    }
}

/// Where channels are scaled, if they are anywhere.
pub fn scaled_channels(
    calibration: &Calibration,
    indent: &str,
    out: &mut impl Write,
) -> Result<()> {
    let tensors: Vec<String> =
        calibration.scaled_tensors().map(|scaled| name(&scaled.tensor)).collect();
    if !tensors.is_empty() {
        writeln!(out, "{indent}channels scaled in {}", tensors.join(", "))?;
    }
    Ok(())
}

/// What was evaluated, above a table.
pub fn heading(results: &Results, out: &mut impl Write) -> Result<()> {
    writeln!(out, "model        {}", results.model)?;
    writeln!(
        out,
        "data         {} images of {}, preprocess {}",
        results.images, results.data, results.preprocess
    )?;
    let Calibration { method, images, data, .. } = &results.calibration;
    writeln!(out, "calibration  {method} on {images} images, {data}")?;
    scaled_channels(&results.calibration, "             ", out)?;
    writeln!(out, "weights      {}", weights_text(results.weights, results.own_codes))?;
    if let Some(attention) = results.attention {
        writeln!(out, "attention    {}", attention_text(attention))?;
    }
    for ExactNode { node, operator, reason } in &results.exact_nodes {
        writeln!(out, "exact        node \"{node}\" ({operator}) runs in float32: {reason}")?;
    }
    let float = &results.evaluation.float;
    let top1 = float.top1_accuracy().map(|top1| format!("{} % top-1, ", percent(top1)));
    writeln!(out, "float32      {}{:.0} images/s", top1.unwrap_or_default(), float.images_per_s())?;
    Ok(())
}
