//! The answer of `explore`, for people and for machines.

use std::io::{Write, stdout};

use anyhow::Result;
use serde_json::json;

use recoup_core::quantize::WeightScheme;
use recoup_explore::answer::{self, Evaluated, loss};
use recoup_explore::choose::Candidate;
use recoup_explore::export::Line;
use recoup_explore::search::{Found, Outcome};
use recoup_explore::sequential::{Assessment, ERROR, Limit};
use recoup_explore::space::{Kind, Point};

use crate::printer::{align_right, percent, table, weights_text};

/// All that was found.
pub struct Answer {
    pub limit: Limit,
    pub networks: Vec<Network>,
    /// Over all networks; empty for one.
    pub means: Vec<Mean>,
}

/// One network.
pub struct Network {
    pub model: String,
    pub data: String,
    pub preprocess: String,
    pub images: usize,
    /// How weights are coded, where a design does not say it.
    pub weights: WeightScheme,
    /// Layers whose weights are the model's own codes, and all layers.
    pub own_weight_codes: (usize, usize),
    /// Hash of the images in their order.
    pub inputs: String,
    pub found: Vec<Found>,
}

/// A design over all networks.
pub struct Mean {
    pub point: Point,
    pub power: Option<f64>,
    /// Of an inference, relative to each exact 8-bit network on one array.
    pub energy: Option<f64>,
    pub assessment: Assessment,
}

impl Network {
    /// A line for each configuration.
    pub fn lines(&self) -> Vec<Line> {
        self.found.iter().map(|found| Line::new(&self.model, self.weights, found)).collect()
    }

    fn answer(&self, limit: Limit) -> answer::Answer {
        let evaluated = self.found.iter().enumerate().filter_map(|(position, found)| {
            let Outcome::Assessed { assessment, .. } = found.outcome else { return None };
            let (kind, power) = (found.point.kind(), found.power);
            let candidate = Candidate { kind, power, assessment };
            Some(Evaluated { position, name: found.name(), candidate })
        });
        answer::Answer::new(&evaluated.collect::<Vec<_>>(), limit)
    }
}

fn answer_of_means(means: &[Mean], limit: Limit) -> answer::Answer {
    let evaluated = means.iter().enumerate().map(|(position, mean)| {
        let Mean { point, power, assessment, .. } = mean;
        let candidate = Candidate { kind: point.kind(), power: *power, assessment: *assessment };
        Evaluated { position, name: point.name(), candidate }
    });
    answer::Answer::new(&evaluated.collect::<Vec<_>>(), limit)
}

/// The JSON object of `explore` (docs/json.md).
pub fn json(answer: &Answer) -> Result<()> {
    let networks = answer.networks.iter().map(|network| {
        json!({
            "model": network.model,
            "data": network.data,
            "preprocess": network.preprocess,
            "images": network.images,
            "own_weight_codes": network.own_weight_codes.0,
            "configurations": network.lines(),
            "choice": network.answer(answer.limit).choice,
        })
    });
    let means = answer.means.iter().map(|mean| {
        let configuration = &mean.point.configuration;
        json!({
            "multiplier": configuration.multiplier.to_string(),
            "control_variate": configuration.control_variate.to_string(),
            "activation_bits": configuration.activation_bits,
            "quantization": configuration.quantization.to_string(),
            "exact_ends": configuration.exact_ends,
            "weights": mean.point.weights.unwrap_or(answer.networks[0].weights).to_string(),
            "relative_power": mean.power,
            "relative_energy": mean.energy,
            "loss": mean.assessment.loss,
            "loss_low": mean.assessment.interval[0],
            "loss_high": mean.assessment.interval[1],
            "confidence": mean.assessment.confidence,
            "verdict": mean.assessment.verdict.name(),
            "images_to_decide": mean.assessment.images_to_decide,
        })
    });
    let mean = (!answer.means.is_empty()).then(|| {
        json!({
            "configurations": means.collect::<Vec<_>>(),
            "choice": answer_of_means(&answer.means, answer.limit).choice,
        })
    });
    let object = json!({
        "recoup": env!("CARGO_PKG_VERSION"),
        "max_loss": answer.limit,
        "confidence": 1.0 - ERROR,
        "networks": networks.collect::<Vec<_>>(),
        "mean": mean,
    });
    writeln!(stdout(), "{object:#}")?;
    Ok(())
}

/// The tables, and the sentences that answer.
pub fn text(answer: &Answer) -> Result<()> {
    let mut out = stdout().lock();
    for network in &answer.networks {
        writeln!(
            out,
            "{}  {} images of {}, preprocess {}",
            network.model, network.images, network.data, network.preprocess
        )?;
        if network.own_weight_codes.0 > 0 {
            writeln!(out, "weights: {}", weights_text(network.weights, network.own_weight_codes))?;
        }
        let answered = network.answer(answer.limit);
        let mut rows = table(&[
            "design",
            "power %",
            "energy nJ",
            "loss [interval]",
            "confidence %",
            "images",
            "top-1 %",
            "verdict",
            "front",
        ]);
        for (index, found) in network.found.iter().enumerate() {
            rows.add_row(row(found, answered.choice.front.contains(&index)));
        }
        align_right(&mut rows, [1, 2, 4, 5, 6]);
        writeln!(out, "{rows}")?;
        for sentence in answered.sentences() {
            writeln!(out, "{sentence}")?;
        }
        writeln!(out)?;
    }
    if !answer.means.is_empty() {
        writeln!(out, "Mean of {} networks", answer.networks.len())?;
        let mut rows =
            table(&["design", "power %", "energy %", "loss [interval]", "confidence %", "verdict"]);
        for mean in &answer.means {
            rows.add_row(vec![
                mean.point.name(),
                mean.power.map(percent).unwrap_or_default(),
                mean.energy.map(percent).unwrap_or_default(),
                loss(&mean.assessment),
                percent(mean.assessment.confidence),
                mean.assessment.verdict.name().to_owned(),
            ]);
        }
        align_right(&mut rows, [1, 2, 4]);
        writeln!(out, "{rows}")?;
        for sentence in answer_of_means(&answer.means, answer.limit).sentences() {
            writeln!(out, "{sentence}")?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "loss in points against exact 8-bit products on the same images; the looks of a test\n\
         together have {:.0} % confidence, so that one look has more",
        100.0 * (1.0 - ERROR)
    )?;
    Ok(())
}

fn row(found: &Found, on_front: bool) -> Vec<String> {
    let energy = found.energy.map(|energy| format!("{:.0}", energy.energy_nj));
    let mut row = vec![
        found.name(),
        found.power.map(percent).unwrap_or_default(),
        energy.unwrap_or_default(),
    ];
    match &found.outcome {
        Outcome::Failed(reason) => {
            row.extend([String::new(), String::new(), String::new(), String::new()]);
            row.push(format!("failed: {reason}"));
        }
        Outcome::Superfluous(reason) => {
            row.extend([String::new(), String::new(), String::new(), String::new()]);
            row.push(format!("superfluous: {reason}"));
        }
        Outcome::Assessed { assessment, row: result } => {
            let right = result.outcomes.iter().filter(|right| **right).count();
            let top1 = percent(right as f64 / result.outcomes.len().max(1) as f64);
            let images = assessment.images.to_string();
            row.extend(match found.point.kind() {
                Kind::Reference => {
                    ["reference".to_owned(), String::new(), images, top1, String::new()]
                }
                _ => [
                    loss(assessment),
                    percent(assessment.confidence),
                    images,
                    top1,
                    assessment.verdict.name().to_owned(),
                ],
            });
        }
    }
    row.push(if on_front { "*".to_owned() } else { String::new() });
    row
}
