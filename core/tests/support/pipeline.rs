//! What is imported must run: in float32, and on codes with exact products.

use std::sync::Arc;

use recoup_core::emulate::Workspace;
use recoup_core::model::{FloatModel, Graph};

use crate::exact::exact_network;

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
    assert_eq!(FloatModel::new(&graph, &[]).outputs(&image).unwrap().len(), outputs);
    let images = [image];
    let network = exact_network(&Arc::new(graph), &images)?;
    assert_eq!(network.run(&images[0], &mut Workspace::default()).unwrap().len(), outputs);
    Ok(())
}
