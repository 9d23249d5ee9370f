//! A network that was written in the codes of a design.

use std::io::{Write, stdout};
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use recoup_core::accuracy::EmulatedDesign;
use recoup_core::control_variate::LayerConstants;

use super::tables::{align_right, name, table};

/// What was written.
#[derive(Serialize)]
pub struct CodesRecord {
    recoup: &'static str,
    out: String,
    model: String,
    design: String,
    multiplier: String,
    weights: String,
    rounded_bits: u32,
    layers: Vec<LayerRecord>,
    /// What the file lacks, if the design has it.
    control_variate: Option<ControlRecord>,
    #[serde(skip)]
    is_exact: bool,
    uncorrected: Vec<String>,
}

#[derive(Serialize)]
struct ControlRecord {
    c_frac: u32,
    /// x of each activation code, for each term.
    x: Vec<Vec<u16>>,
}

#[derive(Serialize)]
struct LayerRecord {
    layer: String,
    weights: usize,
    other_codes: usize,
    gain_low: f32,
    gain_high: f32,
    /// C of each term and filter, and C0 of each filter; empty without V.
    c: Vec<Vec<i32>>,
    c0: Vec<i32>,
}

impl CodesRecord {
    /// Of a design's network, written to `out`; `uncorrected` are the layers whose corrections the file
    /// lacks.
    pub fn new(out: &Path, model: &Path, made: &EmulatedDesign, uncorrected: Vec<String>) -> Self {
        let own = &made.prepared.quantized;
        let pairs = own.macs.iter().zip(&made.reference.quantized.macs).enumerate();
        let layers = pairs.filter(|(_, (mac, _))| mac.load.is_none()).map(|(layer, pair)| {
            let (mac, nearest) = pair;
            let constants = made.control.as_ref().map(|control| control.layers[layer].clone());
            let LayerConstants { c, c0, .. } = constants.unwrap_or_default();
            let bytes = mac.weights.iter().zip(nearest.weights.iter());
            LayerRecord {
                layer: own.graph.nodes[mac.node].name.clone(),
                weights: mac.weights.len(),
                other_codes: bytes.filter(|(own, nearest)| own != nearest).count(),
                gain_low: mac.gains.iter().copied().fold(f32::INFINITY, f32::min),
                gain_high: mac.gains.iter().copied().fold(f32::NEG_INFINITY, f32::max),
                c,
                c0,
            }
        });
        Self {
            recoup: env!("CARGO_PKG_VERSION"),
            out: out.display().to_string(),
            model: model.display().to_string(),
            design: made.design.to_string(),
            multiplier: made.design.multiplier.to_string(),
            weights: own.weights.to_string(),
            rounded_bits: 8 - own.widths.activation_bits,
            layers: layers.collect(),
            control_variate: made.control.as_ref().map(|control| ControlRecord {
                c_frac: control.c_frac,
                x: control.functions.iter().map(|function| function.x.to_vec()).collect(),
            }),
            is_exact: made.design.multiplier.is_exact(),
            uncorrected,
        }
    }
}

/// The same for people.
pub fn codes(record: &CodesRecord) -> Result<()> {
    let mut out = stdout().lock();
    let mut table = table(&["layer", "weights", "other codes", "gains"]);
    for LayerRecord { layer, weights, other_codes, gain_low, gain_high, .. } in &record.layers {
        table.add_row(vec![
            name(layer),
            weights.to_string(),
            other_codes.to_string(),
            format!("{gain_low:.3} to {gain_high:.3}"),
        ]);
    }
    align_right(&mut table, 1..=3);
    writeln!(out, "{table}")?;
    let sum = |of: fn(&LayerRecord) -> usize| record.layers.iter().map(of).sum::<usize>();
    writeln!(
        out,
        "{} of {} weights have other codes than the nearest; {} low bits of activation codes are 0\n\
         written to {} for {}",
        sum(|layer| layer.other_codes),
        sum(|layer| layer.weights),
        record.rounded_bits,
        record.out,
        record.design,
    )?;
    if !record.is_exact {
        let constants = match record.control_variate {
            Some(_) => " and V's constants, which --json prints",
            None => "",
        };
        writeln!(
            out,
            "not in the file: the multiplier{constants}. What runs it multiplies exactly, and these \
             codes are for products that are not exact: accuracy is the design's on the multiplier only"
        )?;
    }
    if !record.uncorrected.is_empty() {
        writeln!(
            out,
            "gains and biases of products of two activations have no place in the file: {}",
            record.uncorrected.join(", ")
        )?;
    }
    Ok(())
}
