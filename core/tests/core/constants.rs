//! Control variate and gains against NumPy's, made from the equations alone (reference/constants.py).

use std::sync::Arc;

use recoup_core::accuracy::Experiment;
use recoup_core::design::Design;
use recoup_core::model::{self, OnnxFile};
use recoup_core::quantize::{Method, WeightScheme};
use recoup_kernels::Isa;
use serde::Deserialize;

use crate::reference;

#[derive(Deserialize)]
struct Reference {
    design: String,
    images: Vec<Vec<f32>>,
    layers: Vec<LayerConstants>,
}

/// One number per filter.
#[derive(Debug, Deserialize, PartialEq)]
struct LayerConstants {
    c: Vec<i32>,
    c0: Vec<i32>,
    /// The bits of single precision.
    gains: Vec<u32>,
    bias: Vec<i32>,
}

#[test]
fn constants_of_a_separable_network_are_those_of_the_equations() {
    let expected: Reference = reference::json("constants.json");
    let file = OnnxFile::open(&reference::path("constants.onnx")).unwrap();
    let graph = Arc::new(model::load(&file, None).unwrap());
    let (images, origin) = (&expected.images, (String::new(), String::new()));
    let calibration =
        Experiment::calibrate(&file.path, &graph, images, Method::MinMax, origin, &|_| {}).unwrap();
    let scheme = WeightScheme::U8Channel;
    for isa in Isa::available() {
        let (images, calibration) = (images.clone(), calibration.clone());
        let experiment = Experiment::new(graph.clone(), images, calibration, scheme, isa);
        let design: Design = expected.design.parse().unwrap();
        let candidate = experiment.candidate(&design).unwrap();
        let control = candidate.control.as_ref().unwrap();
        let layers = control.layers.iter().zip(&candidate.prepared.quantized.macs);
        let layers = layers.map(|(constants, mac)| LayerConstants {
            c: constants.c[0].clone(),
            c0: constants.c0.clone(),
            gains: mac.gains.iter().map(|gain| gain.to_bits()).collect(),
            bias: mac.bias.clone(),
        });
        assert_eq!(layers.collect::<Vec<_>>(), expected.layers, "{isa:?}");
    }
    assert_eq!(expected.layers.len(), 2);
}
