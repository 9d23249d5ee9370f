//! What is imported must run: in float32, and on codes with exact products.

use std::sync::Arc;

use recoup::emulate::{Network, Prepared, Workspace};
use recoup::model::{FloatModel, Graph};
use recoup::multiplier::Multiplier;
use recoup::quantize::{Calibration, Method, Quantized, WeightScheme, calibrate};
use recoup_kernels::Isa;

/// Beyond so many products an image takes longer than a test should.
const MOST_PRODUCTS: u64 = 1 << 26;

/// Runs `graph` on one sample of zeros.
///
/// # Errors
/// When values are no numbers, or no codes can stand for them.
pub fn run_on_zeros(graph: Graph) -> Result<(), String> {
    let products: u64 = graph.macs().map(|(_, mac)| mac.mac_count()).sum();
    if products > MOST_PRODUCTS {
        return Ok(());
    }
    let image = vec![0.0; graph.input_elements()];
    let outputs = graph.output_ranges().last().map_or(0, |range| range.end);
    assert_eq!(FloatModel::new(&graph, &[]).outputs(&image).len(), outputs);
    let graph = Arc::new(graph);
    let images = [image];
    let tensors = calibrate(&graph, &images, Method::MinMax, &|_| {}).map_err(|e| e.to_string())?;
    let calibration = Calibration {
        model: String::new(),
        model_sha256: graph.sha256.clone(),
        data: String::new(),
        source: None,
        preprocess: String::new(),
        images: 1,
        method: String::new(),
        tensors,
        layers: Vec::new(),
    };
    let quantized = Quantized::new(graph, &calibration, WeightScheme::U8Channel, 8, false)
        .map_err(|error| error.to_string())?;
    let network = Network::new(&Prepared::new(quantized, Isa::best()), &Multiplier::exact(), None)
        .map_err(|error| error.to_string())?;
    assert_eq!(network.run(&images[0], &mut Workspace::default()).len(), outputs);
    Ok(())
}
