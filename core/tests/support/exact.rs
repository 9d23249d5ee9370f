//! An imported model with exact products.

use std::sync::Arc;

use recoup_core::emulate::{Network, Prepared};
use recoup_core::model::Graph;
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::{
    Calibration, Method, Quantized, TensorCalibration, WeightScheme, Widths, calibrate,
};
use recoup_kernels::Isa;

/// The network of `graph` with exact products, its ranges those that `images` have.
///
/// # Errors
/// When values are no numbers, or no codes can stand for them.
pub fn exact_network(graph: &Arc<Graph>, images: &[Vec<f32>]) -> Result<Network, String> {
    let tensors = calibrate(graph, images, Method::MinMax, &|_| {}).map_err(|e| e.to_string())?;
    with_ranges(graph, tensors, images.len(), Isa::best(), Widths::FULL)
}

/// The same with ranges that are given, which come of so many images.
///
/// # Errors
/// When no codes can stand for values.
pub fn with_ranges(
    graph: &Arc<Graph>,
    tensors: Vec<TensorCalibration>,
    images: usize,
    isa: Isa,
    widths: Widths,
) -> Result<Network, String> {
    let nothing = Calibration::of_own_codes(graph.sha256.clone());
    let calibration = Calibration { images, tensors, ..nothing };
    let (graph, weights) = (graph.clone(), WeightScheme::U8Channel);
    let quantized =
        Quantized::new(graph, &calibration, weights, widths).map_err(|error| error.to_string())?;
    Network::new(&Prepared::new(quantized, isa), &Multiplier::exact(), None)
        .map_err(|error| error.to_string())
}
