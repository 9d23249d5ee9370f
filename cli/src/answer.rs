//! The answer of `explore`, for people and for machines.

use std::io::{Write, stdout};

use anyhow::Result;
use serde_json::{Value, json};

use recoup_core::quantize::WeightScheme;
use recoup_explore::choose::{Candidate, Choice, choose};
use recoup_explore::export::Line;
use recoup_explore::search::{Found, Outcome};
use recoup_explore::sequential::{Assessment, ERROR, Limit, Verdict};
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

    fn designs(&self) -> Designs {
        let evaluated = self.found.iter().enumerate().filter_map(|(index, found)| {
            let Outcome::Assessed { assessment, .. } = &found.outcome else { return None };
            Some((index, found.name(), found.point.kind(), found.power, *assessment))
        });
        Designs::new(evaluated)
    }
}

/// What was evaluated, and the choice among it.
struct Designs {
    /// Position in the list of everything.
    index: Vec<usize>,
    names: Vec<String>,
    candidates: Vec<Candidate>,
    choice: Choice,
}

impl Designs {
    fn new(
        evaluated: impl Iterator<Item = (usize, String, Kind, Option<f64>, Assessment)>,
    ) -> Self {
        let (mut index, mut names, mut candidates) = (Vec::new(), Vec::new(), Vec::new());
        for (at, name, kind, power, assessment) in evaluated {
            index.push(at);
            names.push(name);
            candidates.push(Candidate { kind, power, assessment });
        }
        let choice = choose(&candidates);
        Self { index, names, candidates, choice }
    }

    fn means(means: &[Mean]) -> Self {
        let means = means.iter().enumerate();
        Self::new(means.map(|(index, mean)| {
            let point = &mean.point;
            (index, point.name(), point.kind(), mean.power, mean.assessment)
        }))
    }

    fn json(&self) -> Value {
        let at = |choice: Option<usize>| choice.map(|choice| self.index[choice]);
        json!({
            "chosen": at(self.choice.chosen),
            "nearest": at(self.choice.nearest),
            "with_v": at(self.choice.with_v),
            "without_v": at(self.choice.without_v),
            "reduced_precision": at(self.choice.reduced_precision),
            "front": self.choice.front.iter().map(|&found| self.index[found]).collect::<Vec<_>>(),
        })
    }

    /// What a design saves and loses.
    fn describe(&self, design: usize) -> String {
        let Candidate { power, assessment, .. } = &self.candidates[design];
        let saved = power
            .map(|power| format!("saves {:.1} % of the array power and ", 100.0 * (1.0 - power)));
        format!(
            "{} {}loses {} points",
            self.names[design],
            saved.unwrap_or_default(),
            loss(assessment)
        )
    }

    /// The sentences that answer.
    fn sentences(&self, limit: Limit) -> Vec<String> {
        let under = format!("under {}", recoup_report::points(limit.points()));
        let confidence = 100.0 * (1.0 - ERROR);
        let Choice { chosen, nearest, with_v, without_v, reduced_precision, .. } = self.choice;
        if let Some(nearest) = nearest {
            return vec![format!(
                "No design is {under} with {confidence:.0} % confidence; the nearest: {}.",
                self.describe(nearest)
            )];
        }
        let Some(chosen) = chosen else {
            let found = self
                .candidates
                .iter()
                .zip(&self.names)
                .filter(|(candidate, _)| candidate.assessment.verdict == Verdict::Under);
            let names: Vec<&str> = found.map(|(_, name)| name.as_str()).collect();
            return vec![format!(
                "Of the designs that are {under} with {confidence:.0} % confidence none has a known power: {}. See recoup hardware list, and --power.",
                names.join("; ")
            )];
        };
        let mut sentences = vec![format!(
            "The least power {under} of loss, with {confidence:.0} % confidence: {}.",
            self.describe(chosen)
        )];
        let others = [
            ("With V", with_v),
            ("Without V", without_v),
            ("With reduced precision instead", reduced_precision),
        ];
        for (what, best) in others {
            match best {
                Some(best) if best == chosen => {}
                Some(best) => sentences.push(format!("{what}: {}.", self.describe(best))),
                None => sentences.push(format!("{what}: no design of known power is under it.")),
            }
        }
        sentences
    }
}

fn loss(assessment: &Assessment) -> String {
    let [low, high] = assessment.interval;
    format!("{:.2} [{low:.2}, {high:.2}]", assessment.loss)
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
            "choice": network.designs().json(),
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
        })
    });
    let mean = (!answer.means.is_empty()).then(|| {
        json!({
            "configurations": means.collect::<Vec<_>>(),
            "choice": Designs::means(&answer.means).json(),
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
        let designs = network.designs();
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
            let place = designs.index.iter().position(|&at| at == index);
            let on_front = place.is_some_and(|place| designs.choice.front.contains(&place));
            rows.add_row(row(found, on_front));
        }
        align_right(&mut rows, [1, 2, 4, 5, 6]);
        writeln!(out, "{rows}")?;
        for sentence in designs.sentences(answer.limit) {
            writeln!(out, "{sentence}")?;
        }
        writeln!(out)?;
    }
    if !answer.means.is_empty() {
        writeln!(out, "Mean of {} networks", answer.networks.len())?;
        let designs = Designs::means(&answer.means);
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
        for sentence in designs.sentences(answer.limit) {
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
