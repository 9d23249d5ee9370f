//! Energy of an inference: of each layer by its own use of the array, from the cost table or from
//! measurements of `recoup power` (docs/power.md, eq. (P1) to (P6)).
//!
//! The first and the last layer, and products of two activations, may have an exact array of their
//! own. Layers run one after the other; the array that waits has its clock gated, and leaks.

mod array;
mod measured;

#[cfg(test)]
mod tests;

pub use crate::layer_shape::{Layer, LayerShape};
pub use array::{ArrayEnergy, LayerEnergy, with_load_path};
pub use measured::{MeasuredArray, MeasuredError, MeasuredLayer, Measurements, Mismatch};

/// One array, or two.
#[derive(Clone, Debug, PartialEq)]
pub struct Accelerator {
    /// The array of all layers but those of the other.
    pub main: ArrayEnergy,
    /// An exact array beside it.
    pub beside: Option<Beside>,
}

/// An exact array beside the main one: layers that are exact whatever the others are run on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    /// The array.
    pub array: ArrayEnergy,
    /// Whether the first and the last layer run on it, too.
    pub ends: bool,
}

impl Beside {
    /// Of each layer, whether it runs on it; `ends` as above.
    pub fn runs(layers: &[Layer], ends: bool) -> impl Iterator<Item = bool> {
        let last = layers.len().saturating_sub(1);
        let layers = layers.iter().enumerate();
        layers.map(move |(at, layer)| layer.exact || (ends && (at == 0 || at == last)))
    }
}

/// Energy of an inference.
#[derive(Clone, Debug, PartialEq)]
pub struct InferenceEnergy {
    /// Of each layer, in the order of the layers.
    pub layers: Vec<LayerEnergy>,
    /// Leakage of each array while the other computes, fJ; 0 with one array.
    pub waiting_fj: f64,
}

impl InferenceEnergy {
    /// Of all, fJ per image.
    pub fn total_fj(&self) -> f64 {
        self.layers.iter().map(LayerEnergy::total_fj).sum::<f64>() + self.waiting_fj
    }
}

impl Accelerator {
    /// The energy of an inference, eq. (P3) and (P4); None where measurements lack a layer, or
    /// the leakage of an array that waits is not known.
    pub fn inference(&self, layers: &[Layer]) -> Option<InferenceEnergy> {
        let mut energies = Vec::with_capacity(layers.len());
        let mut waiting_fj = 0.0;
        let is_beside = Beside::runs(layers, self.beside.as_ref().is_some_and(|it| it.ends));
        for (layer, is_beside) in layers.iter().zip(is_beside) {
            let (runs, waits) = match &self.beside {
                None => (&self.main, None),
                Some(beside) if is_beside => (&beside.array, Some(&self.main)),
                Some(beside) => (&self.main, Some(&beside.array)),
            };
            let energy = runs.layer(layer)?;
            if let Some(waits) = waits {
                waiting_fj += waits.leakage_fj(energy.total_cycles() as f64, runs.clock_ps())?;
            }
            energies.push(energy);
        }
        Some(InferenceEnergy { layers: energies, waiting_fj })
    }
}
