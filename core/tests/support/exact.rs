//! An imported model with exact products.

use std::sync::Arc;

use recoup_core::emulate::{Network, Prepared};
use recoup_core::model::Graph;
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::{Calibration, Method, Quantized, WeightScheme, Widths, calibrate};
use recoup_kernels::Isa;

/// The network of `graph` with exact products, its ranges those that `images` have.
///
/// # Errors
/// When values are no numbers, or no codes can stand for them.
pub fn exact_network(graph: &Arc<Graph>, images: &[Vec<f32>]) -> Result<Network, String> {
    let tensors = calibrate(graph, images, Method::MinMax, &|_| {}).map_err(|e| e.to_string())?;
    let calibration = Calibration {
        model: String::new(),
        model_sha256: graph.sha256.clone(),
        data: String::new(),
        source: None,
        preprocess: String::new(),
        images: images.len(),
        method: String::new(),
        tensors,
        layers: Vec::new(),
    };
    let (graph, weights) = (graph.clone(), WeightScheme::U8Channel);
    let quantized = Quantized::new(graph, &calibration, weights, Widths::FULL)
        .map_err(|error| error.to_string())?;
    Network::new(&Prepared::new(quantized, Isa::best()), &Multiplier::exact(), None)
        .map_err(|error| error.to_string())
}
