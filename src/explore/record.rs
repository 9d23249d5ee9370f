//! What was found, as plain data: the JSON of `recoup explore` (docs/json.md).

use recoup_core::as_text;
use recoup_core::design::Design;
use recoup_core::model::Attention;
use recoup_core::multiplier::Multiplier;
use recoup_explore::choose::{Choice, MeanLoss};
use recoup_explore::explorer::MeanResult;
use recoup_explore::export::Line;
use recoup_explore::ingredients::Step;
use recoup_explore::masks::Scored;
use recoup_explore::runner::Ended;
use recoup_explore::sequential::{Assessment, ERROR, Limit};
use recoup_explore::shard::Shard;
use serde::Serialize;

use super::{Confirmation, Exploration, ExploredNetwork, Made, Tested};

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub struct ExplorationRecord {
    /// Version of the library.
    pub recoup: &'static str,
    /// The most that may be lost, points.
    pub max_loss: Limit,
    /// Confidence of each verdict, all looks of its test together.
    pub confidence: f64,
    /// Why the search ended.
    pub ended: Ended,
    /// The part of the work that this is, as `2/8`; none for all.
    pub shard: Option<Shard>,
    /// Each network.
    pub networks: Vec<NetworkRecord>,
    /// Over all networks; none for one.
    pub mean: Option<MeanRecord>,
}

/// What `recoup design` made: an exploration, and the search before it.
#[derive(Clone, Debug, Serialize)]
pub struct MadeRecord {
    /// The search.
    pub search: SearchRecord,
    /// The design with the least power under the limit, as text; none if none is.
    pub chosen: Option<String>,
    /// What became of the designs.
    #[serde(flatten)]
    pub exploration: ExplorationRecord,
}

/// A search for masks.
#[derive(Clone, Debug, Serialize)]
pub struct SearchRecord {
    /// Masks that were judged.
    pub masks: usize,
    /// How many of them in a second.
    pub masks_per_s: f64,
    /// Its seed.
    pub seed: u64,
    /// Those that nothing predicted beats, by power.
    pub front: Vec<MaskRecord>,
    /// Those that were evaluated, by power.
    pub finalists: Vec<MaskRecord>,
}

/// A mask with what is predicted of it.
#[derive(Clone, Debug, Serialize)]
pub struct MaskRecord {
    /// Its name.
    pub multiplier: String,
    /// Partial products that it keeps.
    pub kept: u32,
    /// Error over signal, on average over layers and networks.
    pub noise_to_signal: f64,
    /// Array power with V, estimated, relative to the exact 8-bit array's.
    pub relative_power: f64,
}

impl MaskRecord {
    fn new(scored: &Scored) -> Self {
        Self {
            multiplier: Multiplier::from_mask(scored.mask).to_string(),
            kept: scored.mask.count_ones(),
            noise_to_signal: scored.noise,
            relative_power: scored.power,
        }
    }
}

/// What was confirmed on images that nothing was chosen by.
#[derive(Clone, Debug, Serialize)]
pub struct ConfirmationRecord {
    /// Images of each network.
    pub images: usize,
    /// Among all designs.
    pub made: WalkedRecord,
    /// Among exact products of fewer bits, with the same treatment.
    pub reduced_precision: WalkedRecord,
}

/// Designs that were tested, the surest first, until one failed.
#[derive(Clone, Debug, Serialize)]
pub struct WalkedRecord {
    /// How many were tested.
    pub tested: usize,
    /// The last that was under the limit.
    pub confirmed: Option<TestedRecord>,
    /// The one that was not, unless all were.
    pub ended_by: Option<TestedRecord>,
}

/// A design on these images. Losses are in points; null where it fails on them.
#[derive(Clone, Debug, Serialize)]
pub struct TestedRecord {
    /// The design, as text.
    pub design: String,
    /// Array power, relative to the exact 8-bit array's.
    pub relative_power: Option<f64>,
    /// Its loss.
    pub loss: Option<f64>,
    /// The lower end of its interval.
    pub loss_low: Option<f64>,
    /// The upper end.
    pub loss_high: Option<f64>,
}

impl Confirmation {
    /// As plain data.
    pub fn record(&self) -> ConfirmationRecord {
        let tested =
            |((design, power), found): &((Design, Option<f64>), Option<Assessment>)| TestedRecord {
                design: design.to_string(),
                relative_power: *power,
                loss: found.map(|found| found.loss),
                loss_low: found.map(|found| found.interval[0]),
                loss_high: found.map(|found| found.interval[1]),
            };
        let walked = |it: &Tested| WalkedRecord {
            tested: it.tested,
            confirmed: it.passed.as_ref().map(tested),
            ended_by: it.failed.as_ref().map(tested),
        };
        ConfirmationRecord {
            images: self.images,
            made: walked(&self.made),
            reduced_precision: walked(&self.rival),
        }
    }
}

impl Made {
    /// Everything that was found.
    pub fn record(&self) -> MadeRecord {
        let of = |all: &[Scored]| all.iter().map(MaskRecord::new).collect();
        MadeRecord {
            search: SearchRecord {
                masks: self.front.judged,
                masks_per_s: self.masks_per_s,
                seed: self.seed,
                front: of(&self.front.masks),
                finalists: of(&self.finalists),
            },
            chosen: self.chosen().map(|design| design.to_string()),
            exploration: self.exploration.record(),
        }
    }
}

/// One network.
#[derive(Clone, Debug, Serialize)]
pub struct NetworkRecord {
    /// The model's file.
    pub model: String,
    /// Where the images come from.
    pub data: String,
    /// From pixels to the model's input.
    pub preprocess: String,
    /// How many images there are.
    pub images: usize,
    /// Where products of two activations run; none if there are none.
    #[serde(with = "as_text::optional", skip_serializing_if = "Option::is_none")]
    pub attention: Option<Attention>,
    /// Layers whose weights are the model's own codes.
    pub own_weight_codes: usize,
    /// Layers whose own codes by tensor were made again by channel.
    #[serde(skip_serializing_if = "recoup_core::model::is_zero")]
    pub recoded_weight_codes: usize,
    /// The designs.
    pub configurations: Vec<Line>,
    /// The choice among them, as places in their list.
    pub choice: Choice,
    /// What its saving is made of.
    pub steps: Vec<Step>,
}

/// The designs over all networks.
#[derive(Clone, Debug, Serialize)]
pub struct MeanRecord {
    /// Those that were evaluated on all.
    pub configurations: Vec<MeanDesignRecord>,
    /// The choice among them, as places in their list.
    pub choice: Choice,
    /// What its saving is made of.
    pub steps: Vec<Step>,
}

/// A design over all networks. Losses are in points.
#[derive(Clone, Debug, Serialize)]
pub struct MeanDesignRecord {
    multiplier: String,
    control_variate: String,
    activation_bits: u32,
    weight_bits: u32,
    quantization: String,
    weight_codes: String,
    exact_ends: bool,
    weights: String,
    relative_power: Option<f64>,
    relative_energy: Option<f64>,
    loss: f64,
    loss_low: f64,
    loss_high: f64,
    confidence: f64,
    verdict: &'static str,
    images_to_decide: Option<u64>,
}

impl Exploration {
    /// Everything that was found.
    pub fn record(&self) -> ExplorationRecord {
        let networks = self.networks.iter().zip(self.answers());
        let networks = networks.map(|(network, answer)| NetworkRecord {
            model: network.model.clone(),
            data: network.data.clone(),
            preprocess: network.preprocess.clone(),
            images: network.images,
            attention: network.attention,
            own_weight_codes: network.own_codes.kept,
            recoded_weight_codes: network.own_codes.recoded,
            configurations: network.lines(),
            choice: answer.choice,
            steps: answer.steps,
        });
        let mean = self.mean_answer().map(|answer| MeanRecord {
            configurations: self.means.iter().map(|it| self.networks[0].mean(it)).collect(),
            choice: answer.choice,
            steps: answer.steps,
        });
        ExplorationRecord {
            recoup: env!("CARGO_PKG_VERSION"),
            max_loss: self.limit,
            confidence: 1.0 - ERROR,
            ended: self.ended,
            shard: self.shard,
            networks: networks.collect(),
            mean,
        }
    }
}

impl ExploredNetwork {
    /// A design over this and other networks, with weights as this one has them unless it says
    /// otherwise.
    fn mean(&self, MeanResult { design, mean }: &MeanResult) -> MeanDesignRecord {
        let MeanLoss { power, relative_energy, assessment } = mean;
        MeanDesignRecord {
            multiplier: design.multiplier.to_string(),
            control_variate: design.control_variate.to_string(),
            activation_bits: design.activation_bits,
            weight_bits: design.weight_bits,
            quantization: design.quantization().to_string(),
            weight_codes: design.weight_codes.to_string(),
            exact_ends: design.exact_ends,
            weights: design.weights.unwrap_or(self.weights).to_string(),
            relative_power: *power,
            relative_energy: *relative_energy,
            loss: assessment.loss,
            loss_low: assessment.interval[0],
            loss_high: assessment.interval[1],
            confidence: assessment.confidence,
            verdict: assessment.verdict.name(),
            images_to_decide: assessment.images_to_decide,
        }
    }
}
