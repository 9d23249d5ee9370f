//! What configurations of a network have in common, computed once per image.
//!
//! They differ from the first layer on that may be approximate. What comes before it is the same in
//! all that code it alike: the codes of the image, operators that run in float, and the first layer
//! where it is exact.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use sha2::{Digest, Sha256};

use crate::model::{SampleError, ValueId};

use super::network::Network;
use super::operations::Stored;
use super::prepared::Prepared;
use super::workspace::{Workspace, outputs};

/// The steps that a network shares with others, and how they are told from other networks'.
pub(super) struct Prefix {
    /// So many steps from the first on.
    pub steps: usize,
    /// Hash of all that they compute.
    key: [u8; 32],
    /// What the other steps read of them.
    values: Vec<ValueId>,
}

impl Prefix {
    /// The steps before the first layer that is not exact, or the second; `is_exact` tells of each
    /// layer.
    pub fn new(prepared: &Prepared, is_exact: impl Fn(usize) -> bool) -> Self {
        let (plan, quantized) = (&prepared.plan, &prepared.quantized);
        let mut layers = 0;
        let differs = plan.steps.iter().position(|step| {
            layers += usize::from(step.mac.is_some());
            step.mac.is_some_and(|fused| layers > 1 || !is_exact(fused.layer))
        });
        let (own, others) = plan.steps.split_at(differs.unwrap_or(plan.steps.len()));
        let mut hash = Sha256::new();
        hash.update(&quantized.graph.sha256);
        let mut written = quantized.graph.inputs.clone();
        for step in own {
            written.extend(&step.outputs);
            hash.update(format!("{step:?}"));
            if let Some(fused) = step.mac {
                let mac = &quantized.macs[fused.layer];
                hash.update(format!("{:?}", (quantized.weights, &mac.scales, &mac.zero_points)));
                hash.update(format!("{:?}", (&mac.bias, &mac.gains)));
                hash.update(&mac.weights);
            }
            if let Some(function) = step.function.or(step.mac.and_then(|fused| fused.function)) {
                let function = &plan.functions[function];
                let coding = quantized.activations[function.input];
                let dropped = quantized.dropped_bits(function.input);
                hash.update(format!("{:?}", (coding, dropped, &function.entries)));
            }
        }
        for &value in &written {
            let coding = (plan.place(value).format, quantized.dropped_bits(value));
            hash.update(format!("{value}: {coding:?}"));
        }
        let is_read = |value: &ValueId| {
            quantized.graph.outputs.contains(value)
                || others.iter().any(|step| step.inputs.contains(value))
        };
        written.retain(is_read);
        Self { steps: own.len(), key: hash.finalize().into(), values: written }
    }
}

/// What the steps of a prefix made of an image.
type State = Vec<(ValueId, Kept)>;

enum Kept {
    Codes(Vec<u8>),
    Floats(Vec<f32>),
}

impl Kept {
    fn bytes(&self) -> usize {
        match self {
            Self::Codes(codes) => codes.len(),
            Self::Floats(values) => size_of_val(values.as_slice()),
        }
    }
}

/// What prefixes made of numbered images, within a given memory.
pub struct Prefixes {
    most_bytes: usize,
    /// By the key of the prefix.
    groups: Mutex<HashMap<[u8; 32], Group>>,
}

/// What one prefix made of images.
#[derive(Default)]
struct Group {
    bytes: usize,
    states: HashMap<usize, Arc<State>>,
}

impl Prefixes {
    /// Keeps up to `most_bytes`; what would be more pushes out what other prefixes made, and is not
    /// kept if that does not suffice.
    pub fn new(most_bytes: usize) -> Self {
        Self { most_bytes, groups: Mutex::default() }
    }

    /// Number of images that are kept, each as often as prefixes differ.
    pub fn len(&self) -> usize {
        self.groups().values().map(|group| group.states.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn groups(&self) -> MutexGuard<'_, HashMap<[u8; 32], Group>> {
        self.groups.lock().expect("nothing panics under the lock")
    }

    fn get(&self, prefix: &Prefix, image: usize) -> Option<Arc<State>> {
        self.groups().get(&prefix.key)?.states.get(&image).cloned()
    }

    fn put(&self, prefix: &Prefix, image: usize, state: State) {
        let bytes: usize = state.iter().map(|(_, kept)| kept.bytes()).sum();
        let mut groups = self.groups();
        let fits = |groups: &HashMap<[u8; 32], Group>| {
            groups.values().map(|group| group.bytes).sum::<usize>() + bytes <= self.most_bytes
        };
        if !fits(&groups) {
            groups.retain(|key, _| *key == prefix.key);
        }
        if fits(&groups) {
            let group = groups.entry(prefix.key).or_default();
            if group.states.insert(image, Arc::new(state)).is_none() {
                group.bytes += bytes;
            }
        }
    }
}

impl Network {
    /// As [`Network::run_many`], with a number for each image: the same number is the same image.
    /// What other networks have computed of it is taken from `prefixes`, and kept there for others.
    ///
    /// # Errors
    /// When an image has not the inputs' size, or an operator in float does not take its values.
    pub fn run_sharing(
        &self,
        images: &[(usize, &[f32])],
        workspaces: &mut Vec<Workspace>,
        prefixes: &Prefixes,
    ) -> Result<Vec<Vec<f32>>, SampleError> {
        let (prepared, prefix) = (&self.prepared, &self.prefix);
        workspaces.resize_with(images.len().max(workspaces.len()), Workspace::default);
        let workspaces = &mut workspaces[..images.len()];
        for (workspace, &(number, image)) in workspaces.iter_mut().zip(images) {
            if let Some(state) = prefixes.get(prefix, number) {
                workspace.restore(prepared, &state);
                continue;
            }
            workspace.load(prepared, image)?;
            self.run_steps(0..prefix.steps, std::slice::from_mut(workspace))?;
            prefixes.put(prefix, number, workspace.state(prepared, &prefix.values));
        }
        self.run_steps(prefix.steps..prepared.plan.steps.len(), workspaces)?;
        Ok(outputs(prepared, workspaces))
    }
}

impl Workspace {
    fn state(&self, prepared: &Prepared, values: &[ValueId]) -> State {
        let kept = |&value: &ValueId| {
            let kept = match self.stored(&prepared.plan, value) {
                Stored::Codes(codes, _) => Kept::Codes(codes.to_vec()),
                Stored::Floats(values) => Kept::Floats(values.to_vec()),
            };
            (value, kept)
        };
        values.iter().map(kept).collect()
    }

    fn restore(&mut self, prepared: &Prepared, state: &State) {
        self.fit(prepared);
        for (value, kept) in state {
            let place = prepared.plan.place(*value);
            match kept {
                Kept::Codes(codes) => {
                    self.codes[place.buffer][..place.length].copy_from_slice(codes)
                }
                Kept::Floats(values) => {
                    self.floats[place.buffer][..place.length].copy_from_slice(values)
                }
            }
        }
    }
}
