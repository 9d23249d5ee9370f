//! Where the time of a network goes, as a document for machines.

use std::time::Duration;

use recoup_core::emulate::{KindProfile, Profile, StepProfile};
use serde::Serialize;

/// Time per image in the threads that ran it, by kinds of operators and step by step.
#[derive(Clone, Debug, Serialize)]
pub struct ProfileRecord {
    /// How many images there were.
    pub images: usize,
    /// All of it, us per image.
    pub us_per_image: f64,
    /// What codes that become real numbers between the layers, and the way back, take of it, us per
    /// image.
    pub conversion_us: f64,
    /// The same as a share, 0 to 1. With those of the operators it is 1.
    pub conversion_share: f64,
    /// By kinds, first what takes longest; without conversions.
    pub operators: Vec<OperatorTime>,
    /// In the order in which they run; with conversions.
    pub steps: Vec<StepRecord>,
}

/// Steps of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct OperatorTime {
    /// The operators, of a layer on the multipliers the one that multiplies.
    pub kind: String,
    /// `multipliers`, `codes` or `float`.
    pub runs_on: &'static str,
    /// How many there are.
    pub steps: usize,
    /// Time per image.
    pub us: f64,
    /// Of all time, 0 to 1.
    pub share: f64,
    /// Billions of multiply-accumulates per second, on the multipliers.
    pub gmac_per_s: Option<f64>,
}

/// A step.
#[derive(Clone, Debug, Serialize)]
pub struct StepRecord {
    /// Its nodes, or the inputs or outputs.
    pub nodes: Vec<String>,
    /// All its operators.
    pub operator: String,
    /// `multipliers`, `codes` or `float`.
    pub runs_on: &'static str,
    /// Multiply-accumulates per image, on the multipliers.
    pub macs: Option<u64>,
    /// Time per image.
    pub us: f64,
    /// What conversions take of it.
    pub conversion_us: f64,
    /// Of all time, 0 to 1.
    pub share: f64,
    /// Billions of multiply-accumulates per second.
    pub gmac_per_s: Option<f64>,
}

impl From<&Profile> for ProfileRecord {
    fn from(profile: &Profile) -> Self {
        let images = profile.images.max(1) as f64;
        let us = |time: Duration| 1e6 * time.as_secs_f64() / images;
        let all = us(profile.time());
        let share = |time: Duration| us(time) / all.max(f64::MIN_POSITIVE);
        let gmac_per_s = |macs: Option<u64>, time: Duration| {
            macs.filter(|_| !time.is_zero()).map(|macs| 1e-3 * macs as f64 / us(time))
        };
        let operator = |it: KindProfile| OperatorTime {
            runs_on: it.runs_on.name(),
            steps: it.steps,
            us: us(it.time),
            share: share(it.time),
            gmac_per_s: gmac_per_s(it.macs, it.time),
            kind: it.kind,
        };
        let step = |it: &StepProfile| StepRecord {
            nodes: it.nodes.clone(),
            operator: it.operator.clone(),
            runs_on: it.runs_on.name(),
            macs: it.macs,
            us: us(it.time),
            conversion_us: us(it.conversion),
            share: share(it.time),
            gmac_per_s: gmac_per_s(it.macs, it.time),
        };
        Self {
            images: profile.images,
            us_per_image: all,
            conversion_us: us(profile.conversion()),
            conversion_share: share(profile.conversion()),
            operators: profile.kinds().into_iter().map(operator).collect(),
            steps: profile.steps.iter().map(step).collect(),
        }
    }
}
