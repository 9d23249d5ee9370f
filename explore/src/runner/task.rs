//! Designs on their way through a search.

use recoup_core::design::{Design, DesignRecord, Kind};

use crate::entry::{Entry, name_with_functions};
use crate::power::{Energy, Figures};
use crate::sequential::Assessment;
use crate::store::Row;
use crate::subject::Expected;

/// A design to be found out about, with what is known of it so far.
#[derive(Clone, Debug)]
pub struct Task {
    /// The design.
    pub design: Design,
    /// What it needs, as far as it is known.
    pub figures: Figures,
    /// How it went, if that is known.
    pub outcome: Option<Outcome>,
    /// Key of the network on its images, with the weights in its coding.
    pub(super) experiment: String,
    /// What files keep of it.
    pub(super) record: DesignRecord,
    /// Key of its result.
    pub(super) key: String,
    pub(super) expected: Option<Expected>,
    /// Its place in the order of the proposals.
    pub(super) index: usize,
    /// It failed in an earlier run, and has not been tried again yet.
    pub(super) retry: bool,
}

impl Task {
    /// Predicted error over signal.
    pub fn noise_to_signal(&self) -> Option<f64> {
        self.expected.as_ref().map(|expected| expected.noise_to_signal)
    }

    pub(super) fn functions(&self) -> &[String] {
        self.expected.as_ref().map_or(&[], |expected| &expected.functions)
    }

    pub(super) fn first_loaded(&self) -> &[String] {
        self.expected.as_ref().map_or(&[], |expected| &expected.first_loaded)
    }

    pub(super) fn result(&self, outcome: Outcome) -> DesignResult {
        DesignResult {
            design: self.design.clone(),
            record: self.record.clone(),
            key: self.key.clone(),
            power: self.figures.power,
            energy: self.figures.energy,
            noise_to_signal: self.noise_to_signal(),
            functions: self.functions().to_vec(),
            first_loaded: self.first_loaded().to_vec(),
            outcome,
        }
    }
}

/// What became of a design on one network.
#[derive(Clone, Debug, PartialEq)]
pub struct DesignResult {
    /// The design.
    pub design: Design,
    /// What files keep of it.
    pub record: DesignRecord,
    /// Key of its result.
    pub key: String,
    /// The functions x of its control variate.
    pub functions: Vec<String>,
    /// The products of two activations that load their first operand.
    pub first_loaded: Vec<String>,
    /// Array power relative to the exact 8-bit array, where the cost is known.
    pub power: Option<f64>,
    /// Energy of an inference, where it is known.
    pub energy: Option<Energy>,
    /// Predicted error over signal.
    pub noise_to_signal: Option<f64>,
    /// The end.
    pub outcome: Outcome,
}

impl DesignResult {
    /// In words, with the function that the control variate came to have.
    pub fn name(&self) -> String {
        name_with_functions(&self.design.to_string(), &self.functions)
    }

    /// What is kept of it beside its outcomes.
    pub fn entry(&self) -> Entry {
        let mask = self.design.multiplier.mask();
        Entry {
            design: self.record.clone(),
            kind: self.kind(),
            mask: mask.map(|mask| format!("{mask:#018x}")),
            functions: self.functions.clone(),
            relative_power: self.power,
            energy_nj: self.energy.map(|energy| energy.energy_nj),
            noise_to_signal: self.noise_to_signal,
            first_loaded: self.first_loaded.clone(),
            note: self.outcome.reason().map(str::to_owned),
        }
    }

    /// What kind of design it is.
    pub fn kind(&self) -> Kind {
        self.design.kind()
    }
}

/// How it went.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was evaluated, now or earlier.
    Assessed {
        /// The verdict.
        assessment: Assessment,
        /// The outcomes behind it.
        row: Box<Row>,
    },
    /// It could not be evaluated, for this reason.
    Failed(String),
    /// It was not tried, because of a design of its kind and what became of that.
    Superfluous(String),
    /// The search ended before it was tried.
    NotTried,
}

impl Outcome {
    /// In one word, as files have it.
    pub fn status(&self) -> &'static str {
        match self {
            Self::Assessed { .. } => "done",
            Self::Failed(_) => "failed",
            Self::Superfluous(_) => "superfluous",
            Self::NotTried => "not-tried",
        }
    }

    /// Why there is no result, if there is none.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Assessed { .. } => None,
            Self::Failed(reason) | Self::Superfluous(reason) => Some(reason),
            Self::NotTried => Some("the search ended before"),
        }
    }
}
