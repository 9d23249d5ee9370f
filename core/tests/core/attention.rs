//! Products of two activations on the multipliers: against NumPy's, made from the equations alone
//! (reference/attention.py), and in all forms that exporters write.

use std::sync::Arc;

use recoup_core::accuracy::{EmulatedDesign, Experiment};
use recoup_core::design::Design;
use recoup_core::emulate::Workspace;
use recoup_core::model::{self, Attention, OnnxFile};
use recoup_core::quantize::{Method, WeightScheme};
use recoup_kernels::{Isa, MacLayer, Scratch};
use serde::Deserialize;

use crate::reference;

#[derive(Deserialize)]
struct Reference {
    design: String,
    images: Vec<Vec<f32>>,
    /// Codes, per image `[head][query][key]`.
    softmax: Vec<Vec<u8>>,
    /// Codes, per image `[token][channel]`.
    output: Vec<Vec<u8>>,
    products: Vec<Product>,
}

/// The constants of a product, in all and for each image, `[head][filter]`.
#[derive(Deserialize)]
struct Product {
    g: Vec<i32>,
    m: Vec<i32>,
    x0: i64,
    c: Vec<Vec<i32>>,
    c0: Vec<Vec<i32>>,
}

/// The reference, and its network on an instruction set with the weights in one coding.
fn reference(isa: Isa, scheme: WeightScheme) -> (Reference, EmulatedDesign) {
    design(isa, scheme, None)
}

/// The same with another design than the reference's.
fn design(isa: Isa, scheme: WeightScheme, other: Option<&str>) -> (Reference, EmulatedDesign) {
    design_with(Attention::Emulated, isa, scheme, other)
}

/// The same with products of two activations elsewhere.
fn design_with(
    attention: Attention,
    isa: Isa,
    scheme: WeightScheme,
    other: Option<&str>,
) -> (Reference, EmulatedDesign) {
    let expected: Reference = reference::json("attention.json");
    let file = OnnxFile::open(&reference::path("attention.onnx")).unwrap();
    let graph = Arc::new(model::load_with(&file, None, attention).unwrap());
    let (images, origin) = (&expected.images, (String::new(), String::new()));
    let calibration =
        Experiment::calibrate(&file, &graph, images, Method::MinMax, origin, &|_| {}).unwrap();
    let file = Arc::new(file);
    let experiment = Experiment::new(file, graph, images.clone(), calibration, scheme, isa);
    let design: Design = other.unwrap_or(&expected.design).parse().unwrap();
    let candidate = experiment.candidate(&design).unwrap();
    (expected, candidate)
}

#[test]
fn an_attention_is_that_of_the_equations() {
    const HEADS: usize = 2;
    for isa in Isa::available() {
        let (expected, candidate) = reference(isa, WeightScheme::U8Channel);
        let control = candidate.control.as_ref().unwrap();
        for (product, of_layer) in expected.products.iter().zip(&control.layers[3..]) {
            let load = of_layer.load.as_ref().unwrap();
            assert_eq!(load.c[0][..], product.g[..], "{isa:?}");
            assert_eq!(load.mean[..], product.m[..], "{isa:?}");
            assert_eq!(load.mean_x, [product.x0], "{isa:?}");
        }
        for (number, image) in expected.images.iter().enumerate() {
            let mut read = Vec::new();
            let observe = |_: usize, layer: &MacLayer, codes: &[u8]| {
                let c = layer.spec().control.as_ref().map(|control| control.terms[0].c.clone());
                read.push((codes.to_vec(), layer.spec().weights.clone(), c));
            };
            candidate.network.run_observed(image, &mut Workspace::default(), observe).unwrap();
            for (at, product) in expected.products.iter().enumerate() {
                let (_, weights, c) = &read[3 + at];
                assert_eq!(c.as_ref(), Some(&product.c[number]), "{isa:?}");
                let load = control.layers[3 + at].load.as_ref().unwrap();
                assert_eq!(load.of(weights).c0, product.c0[number], "{isa:?}");
            }
            // Streamed as rows of all heads.
            let softmax = &expected.softmax[number];
            let tokens = ((softmax.len() / HEADS) as f64).sqrt() as usize;
            let row = |query: usize| {
                (0..HEADS).flat_map(move |head| {
                    let first = (head * tokens + query) * tokens;
                    &softmax[first..first + tokens]
                })
            };
            assert!((0..tokens).flat_map(row).eq(&read[4].0), "{isa:?}, image {number}");
            assert_eq!(read[5].0, expected.output[number], "{isa:?}, image {number}");
        }
    }
}

/// What V leaves of a product of two activations, and its slopes, on its own codes and from the input.
#[test]
fn layer_statistics_of_products_are_those_of_what_is_loaded() {
    let (expected, candidate) = reference(Isa::best(), WeightScheme::U8Channel);
    let collector = candidate.collector().unwrap();
    let mut all = collector.start();
    for image in &expected.images {
        let mut part = collector.start_image(image, &mut Workspace::default()).unwrap();
        let observe = |index: usize, layer: &MacLayer, codes: &[u8]| {
            collector.observe(&mut part, index, layer, codes);
        };
        candidate.network.run_observed(image, &mut Workspace::default(), observe).unwrap();
        all.merge(&part);
    }
    let layers = all.finish(&candidate.network, &candidate.reference);
    for layer in &layers[3..5] {
        let [before, after] = [layer.sqnr_before_db, layer.sqnr_db].map(Option::unwrap);
        assert!(after > before + 10.0, "{layer:?}");
        assert!(layer.mean_after.abs() < 0.05 * layer.mean_before.abs(), "{layer:?}");
        for slope in [layer.slope, layer.slope_from_input].map(Option::unwrap) {
            assert!((0.9..1.1).contains(&slope), "{layer:?}");
        }
    }
}

/// No constant is regressed on weights that are not there: these layers have what `fitted` gives.
#[test]
fn regressed_leaves_products_of_activations_as_they_are_fitted() {
    for how in ["loaded", "layer", "constant", "none"] {
        let constants = |mode: &str| {
            let text = format!(
                "truncated:7 with V ({mode}:weighted, attention {how}), plain quantisation"
            );
            let text = text.replace(", attention loaded", "");
            let (_, candidate) = design(Isa::best(), WeightScheme::U8Channel, Some(&text));
            candidate.control.unwrap().layers[3..5].to_vec()
        };
        assert_eq!(constants("regressed"), constants("fitted"), "{how}");
    }
}

/// Exact products of 8-bit codes, whatever the other layers run on.
#[test]
fn products_of_two_activations_may_be_exact() {
    for isa in Isa::available() {
        for text in ["truncated:7 with V (fitted)", "truncated:7", "exact, 6 activation bits"] {
            let (expected, candidate) =
                design_with(Attention::Exact, isa, WeightScheme::U8Channel, Some(text));
            let mut narrow = Vec::new();
            let observe = |index: usize, layer: &MacLayer, codes: &[u8]| {
                let (spec, shape) = (layer.spec(), layer.spec().shape);
                let mut sums = vec![0; shape.positions() * shape.filters];
                layer.accumulate(codes, &mut Scratch::default(), &mut sums);
                let (depth, filters) = (shape.depth(), shape.filters);
                let row = shape.groups * depth;
                let by_hand: Vec<i32> = (0..sums.len())
                    .map(|at| {
                        let (position, filter) = (at / filters, at % filters);
                        let group = filter / shape.filters_per_group();
                        let codes = &codes[position * row + group * depth..][..depth];
                        let weights = &spec.weights[filter * depth..][..depth];
                        let products = weights.iter().zip(codes);
                        products.map(|(&w, &a)| i32::from(w) * i32::from(a)).sum()
                    })
                    .collect();
                let is_exact = matches!(index, 3 | 4) || text.starts_with("exact");
                assert_eq!(sums == by_hand, is_exact, "{isa:?}, {text}, layer {index}");
                assert_eq!(spec.control.is_some(), !is_exact && text.contains("with V"), "{text}");
                narrow.push(codes.iter().chain(&spec.weights).all(|code| code % 4 == 0));
            };
            let mut workspace = Workspace::default();
            candidate.network.run_observed(&expected.images[0], &mut workspace, observe).unwrap();
            assert!(!narrow[3] && !narrow[4], "{text}: {narrow:?}");
        }
    }
}
