//! Energy of an inference: of each layer by its own use of the array, from the cost table or from
//! measurements of `recoup power` (docs/power.md, eq. (P1) to (P6)).
//!
//! The first and the last layer may have an exact array of their own. Layers run one after the
//! other; the array that waits has its clock gated, and leaks.

mod array;
mod measured;

#[cfg(test)]
mod tests;

pub use crate::layer_shape::{Layer, LayerShape};
pub use array::{ArrayEnergy, LayerEnergy};
pub use measured::{MeasuredArray, MeasuredError, MeasuredLayer, Measurements, Mismatch};

/// One array, or two.
#[derive(Clone, Debug, PartialEq)]
pub struct Accelerator {
    /// The array of all layers, or of those between.
    pub main: ArrayEnergy,
    /// The exact array of the first and the last layer.
    pub ends: Option<ArrayEnergy>,
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
    /// Whether a layer runs on the array of the ends.
    fn at_the_ends(&self, layer: usize, layers: usize) -> Option<&ArrayEnergy> {
        self.ends.as_ref().filter(|_| layer == 0 || layer + 1 == layers)
    }

    /// The energy of an inference, eq. (P3) and (P4); None where measurements lack a layer, or
    /// the leakage of an array that waits is not known.
    pub fn inference(&self, layers: &[Layer]) -> Option<InferenceEnergy> {
        let mut energies = Vec::with_capacity(layers.len());
        let mut waiting_fj = 0.0;
        for (index, layer) in layers.iter().enumerate() {
            let ends = self.at_the_ends(index, layers.len());
            let runs = ends.unwrap_or(&self.main);
            let energy = runs.layer(layer)?;
            let waits = if ends.is_some() { Some(&self.main) } else { self.ends.as_ref() };
            if let Some(waits) = waits {
                waiting_fj += waits.leakage_fj(energy.total_cycles() as f64, runs.clock_ps())?;
            }
            energies.push(energy);
        }
        Some(InferenceEnergy { layers: energies, waiting_fj })
    }
}
