//! Reads a run again from its file, and judges its designs by any limit.

use std::cmp::Reverse;

use recoup_core::design::Kind;

use crate::choose::{self, MeanLoss, OnNetwork};
use crate::entry::{Entry, Settings};
use crate::key::ExperimentRecord;
use crate::quality::LayerQuality;
use crate::sequential::{Assessment, Limit, Plan};

use crate::store::{CommandRecord, ResultStore, Row, Status, Store, StoreError};

/// The last run of a file.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The commands that wrote to the file.
    pub runs: Vec<CommandRecord>,
    /// What the last of them with an entry asked for.
    pub settings: Settings,
    /// Its networks, in its order.
    pub networks: Vec<RecordedNetwork>,
    /// Those that stand beside them, in no mean.
    pub beside: Vec<RecordedNetwork>,
    /// The same on the images on which choices were confirmed, with the designs that were tested
    /// there; empty if none were.
    pub confirmation: Vec<RecordedNetwork>,
}

/// A network of a run.
#[derive(Clone, Debug)]
pub struct RecordedNetwork {
    /// What is kept of it and its images.
    pub experiment: ExperimentRecord,
    /// The designs: the reference first, then by kind and name.
    pub designs: Vec<RecordedDesign>,
}

/// A design on a network.
#[derive(Clone, Debug)]
pub struct RecordedDesign {
    /// What the run says of it.
    pub entry: Entry,
    /// What it made of the images, unless it failed or was not needed.
    pub row: Option<Row>,
    /// The errors in its layers, where they were looked at.
    pub layers: Vec<LayerQuality>,
}

/// A design over all networks.
#[derive(Clone, Debug)]
pub struct Mean<'a> {
    /// On the first network.
    pub design: &'a RecordedDesign,
    /// Mean over the networks of the share of images that was classified correctly.
    pub top1: f64,
    /// Its mean loss, and what it costs.
    pub mean: MeanLoss,
}

impl Recorded {
    /// The last run in `store` that has entries and did all of the work; none if no run has.
    ///
    /// # Errors
    /// When the file cannot be read, or is damaged.
    pub fn last(store: &Store) -> Result<Option<Self>, StoreError> {
        let runs = store.runs()?;
        for (number, run) in runs.iter().rev() {
            let (Some(settings), entries) = (&run.settings, store.entries(*number)?) else {
                continue;
            };
            // What a part has found is no answer.
            if entries.is_empty() || settings.part.is_some() {
                continue;
            }
            let mut networks: Vec<(String, Vec<(String, Entry)>)> = Vec::new();
            for keyed in entries {
                let at = networks.iter().position(|(key, _)| *key == keyed.experiment);
                let at = at.unwrap_or_else(|| {
                    networks.push((keyed.experiment, Vec::new()));
                    networks.len() - 1
                });
                networks[at].1.push((keyed.result, keyed.entry));
            }
            let mut experiments = store.experiments()?;
            let networks = networks.into_iter().map(|(key, entries)| {
                let experiment =
                    experiments.remove(&key).ok_or_else(|| store.lacks_experiment(&key))?;
                RecordedNetwork::read(store, experiment, entries)
            });
            let confirms = |network: &RecordedNetwork| {
                let inputs = settings.confirmation_inputs.as_deref();
                inputs.is_some_and(|inputs| network.inputs() == inputs)
            };
            let networks: Vec<RecordedNetwork> = networks.collect::<Result<_, _>>()?;
            let (confirmation, networks): (_, Vec<_>) = networks.into_iter().partition(confirms);
            let is_beside = |network: &RecordedNetwork| {
                settings.beside.contains(&network.experiment.model_sha256)
            };
            let (beside, networks) = networks.into_iter().partition(is_beside);
            return Ok(Some(Self {
                settings: settings.clone(),
                networks,
                beside,
                confirmation,
                runs: runs.into_iter().map(|(_, run)| run).collect(),
            }));
        }
        Ok(None)
    }

    /// All networks, those that stand beside the others behind them.
    pub fn all(&self) -> impl Iterator<Item = &RecordedNetwork> {
        self.networks.iter().chain(&self.beside)
    }

    /// Each design that was evaluated on all of several networks, judged by `limit`.
    pub fn means(&self, limit: Limit) -> Vec<Mean<'_>> {
        means(&self.networks, limit, self.settings.thorough)
    }

    /// The same on the images on which choices were confirmed.
    pub fn confirmed_means(&self, limit: Limit) -> Vec<Mean<'_>> {
        means(&self.confirmation, limit, self.settings.thorough)
    }
}

fn means(networks: &[RecordedNetwork], limit: Limit, thorough: bool) -> Vec<Mean<'_>> {
    let [first, _, ..] = networks else { return Vec::new() };
    let assessments: Vec<Vec<Option<Assessment>>> =
        networks.iter().map(|network| network.assess(limit, thorough)).collect();
    let mean = |design: usize| {
        let record = &first.designs[design].entry.design;
        let mut on = Vec::new();
        let mut top1 = 0.0;
        for (network, assessments) in networks.iter().zip(&assessments) {
            let mut designs = network.designs.iter();
            let at = designs.position(|other| other.entry.design == *record)?;
            let candidate = &network.designs[at];
            on.push(OnNetwork {
                inputs: network.inputs(),
                reference: network.reference()?,
                candidate: &candidate.row.as_ref()?.outcomes,
                assessment: assessments[at]?,
                power: candidate.entry.relative_power,
                relative_energy: network.relative_energy(candidate),
            });
            top1 += candidate.top1()?;
        }
        Some(Mean {
            design: &first.designs[design],
            top1: top1 / networks.len() as f64,
            mean: choose::mean(&on, limit),
        })
    };
    (0..first.designs.len()).filter_map(mean).collect()
}

impl RecordedNetwork {
    fn read(
        store: &Store,
        experiment: ExperimentRecord,
        entries: Vec<(String, Entry)>,
    ) -> Result<Self, StoreError> {
        // Results in further codings of the weights belong to experiments of their own. What the
        // run left out is no part of it, though another may have evaluated it.
        let designs = entries.into_iter().map(|(result, entry)| {
            let row = store.load(&result)?.filter(|row| row.status == Status::Done);
            Ok(RecordedDesign {
                row: row.filter(|_| entry.note.is_none()),
                layers: store.layers(&result)?,
                entry,
            })
        });
        let mut designs: Vec<RecordedDesign> = designs.collect::<Result<_, StoreError>>()?;
        // The more bits the better: 8 before 7.
        designs.sort_by_key(|design| {
            let entry = &design.entry;
            let bits = (entry.design.activation_bits, entry.design.weight_bits);
            (entry.kind, Reverse(bits), entry.name())
        });
        Ok(Self { experiment, designs })
    }

    /// What names its images in their order.
    fn inputs(&self) -> &str {
        &self.experiment.inputs_sha256
    }

    /// What the exact 8-bit network made of the images.
    pub fn reference(&self) -> Option<&[bool]> {
        self.exact()?.row.as_ref().map(|row| row.outcomes.as_slice())
    }

    fn exact(&self) -> Option<&RecordedDesign> {
        self.designs.iter().find(|design| design.entry.kind == Kind::Reference)
    }

    /// Energy of an inference on a design relative to the exact 8-bit network's on one array.
    pub fn relative_energy(&self, design: &RecordedDesign) -> Option<f64> {
        Some(design.entry.energy_nj? / self.exact()?.entry.energy_nj?)
    }

    /// Judges the designs by `limit`, with the looks that the run took: `thorough` is one at all
    /// images. None for a design, or all, without outcomes.
    pub fn assess(&self, limit: Limit, thorough: bool) -> Vec<Option<Assessment>> {
        let reference = self.reference().filter(|reference| !reference.is_empty());
        let assess = |design: &RecordedDesign| {
            let (reference, row) = (reference?, design.row.as_ref()?);
            let plan = match thorough {
                true => Plan::single(reference.len()),
                false => Plan::new(reference.len()),
            };
            (!row.outcomes.is_empty()).then(|| plan.assess(reference, &row.outcomes, limit))
        };
        self.designs.iter().map(assess).collect()
    }
}

impl RecordedDesign {
    /// Share of the images seen that was classified correctly.
    pub fn top1(&self) -> Option<f64> {
        let outcomes = &self.row.as_ref()?.outcomes;
        let right = outcomes.iter().filter(|right| **right).count();
        (!outcomes.is_empty()).then(|| right as f64 / outcomes.len() as f64)
    }
}
