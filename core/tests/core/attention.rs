//! Products of two activations on the multipliers: against NumPy's, made from the equations alone
//! (reference/attention.py), and in all forms that exporters write.

use std::sync::Arc;

use recoup_core::accuracy::{EmulatedDesign, Experiment};
use recoup_core::design::Design;
use recoup_core::emulate::{LayerStatistics, Workspace};
use recoup_core::model::{self, Attention, LoadedOperand, OnnxFile};
use recoup_core::quantize::{Method, WeightScheme};
use recoup_kernels::{Isa, MacLayer, Scratch, WeightCoding};
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
        Experiment::calibrate(&file.path, &graph, images, Method::MinMax, origin, &|_| {}).unwrap();
    let experiment = Experiment::new(graph, images.clone(), calibration, scheme, isa);
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

/// The statistics of the layers of a network on the reference's images.
fn statistics(expected: &Reference, candidate: &EmulatedDesign) -> Vec<LayerStatistics> {
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
    all.finish(&candidate.network, &candidate.reference)
}

/// What V leaves of a product of two activations, and its slopes, on its own codes and from the input,
/// whichever operand is loaded.
#[test]
fn layer_statistics_of_products_are_those_of_what_is_loaded() {
    for operand in [LoadedOperand::Second, LoadedOperand::First] {
        let text = format!("truncated:7 with V (fitted, loading {})", operand.name());
        let (expected, candidate) = design(Isa::best(), WeightScheme::U8Channel, Some(&text));
        for layer in &statistics(&expected, &candidate)[3..5] {
            assert_eq!(layer.loaded_operand, Some(operand));
            let [before, after] = [layer.sqnr_before_db, layer.sqnr_db].map(Option::unwrap);
            assert!(after > before + 10.0, "{layer:?}");
            assert!(layer.mean_after.abs() < 0.05 * layer.mean_before.abs(), "{layer:?}");
            for slope in [layer.slope, layer.slope_from_input].map(Option::unwrap) {
                assert!((0.9..1.1).contains(&slope), "{layer:?}");
            }
        }
    }
}

/// The sums of a product whose operands are exchanged are those of the multiplier, of what the other
/// order streams and what it loads.
#[test]
fn what_streamed_is_loaded_and_what_was_loaded_streams() {
    const HEADS: usize = 2;
    let multiplier = recoup_core::multiplier::truncated(7);
    for scheme in [WeightScheme::U8Channel, WeightScheme::I8Channel] {
        let coding = scheme.coding();
        let seen = ["second", "first"].map(|operand| {
            let text =
                format!("truncated:7 with V (fitted, loading {operand}), plain quantisation");
            let (expected, candidate) = design(Isa::best(), scheme, Some(&text));
            let mut found = None;
            let observe = |index: usize, layer: &MacLayer, codes: &[u8]| {
                if index == 3 {
                    let mut sums = vec![0; layer.spec().shape.output_len()];
                    layer.accumulate(codes, &mut Scratch::default(), &mut sums);
                    let spec = layer.spec();
                    found = Some((codes.to_vec(), spec.weights.clone(), sums, spec.shape.depth()));
                }
            };
            let image = &expected.images[0];
            candidate.network.run_observed(image, &mut Workspace::default(), observe).unwrap();
            found.unwrap()
        });
        let [(queries, keys, _, depth), (streamed, loaded, sums, _)] = seen;
        let tokens = keys.len() / HEADS / depth;
        let offset = if coding == WeightCoding::Signed { 128 } else { 0 };
        let at = |head: usize, row: usize| (head * tokens + row) * depth;
        let of_rows = |head: usize, row: usize| (row * HEADS + head) * depth;
        for (head, query, key) in (0..HEADS * tokens * tokens)
            .map(|at| (at / tokens / tokens, at / tokens % tokens, at % tokens))
        {
            let [mut sum, found] = [0, sums[(key * HEADS + head) * tokens + query]];
            for k in 0..depth {
                let query = queries[of_rows(head, query) + k];
                let key = keys[at(head, key) + k].wrapping_add(offset);
                sum += multiplier.product(query.wrapping_sub(offset), key, coding);
            }
            assert_eq!(found, sum, "{scheme}, head {head}, query {query}, key {key}");
            assert_eq!(loaded[at(head, query)], queries[of_rows(head, query)].wrapping_sub(offset));
            assert_eq!(streamed[of_rows(head, key)], keys[at(head, key)].wrapping_add(offset));
        }
    }
}

/// A layer by itself takes its operands in their order, whichever is loaded.
#[test]
fn a_product_by_itself_is_the_same_whichever_operand_is_loaded() {
    for operand in ["second", "first"] {
        let text = format!("truncated:6 with V (fitted, loading {operand}), plain quantisation");
        let (_, candidate) = design(Isa::best(), WeightScheme::U8Channel, Some(&text));
        let shape = candidate.reference.quantized.macs[3].shape;
        let (matrices, depth) = (shape.groups, shape.depth());
        // As many queries as keys.
        let tokens = shape.positions();
        let values = |seed: usize| -> Vec<f32> {
            let elements = 2 * matrices * tokens * depth;
            (0..elements).map(|at| ((at * 37 + seed) % 101) as f32 / 101.0 - 0.4).collect()
        };
        let made = candidate.network.lone_layer(3).unwrap().run(&values(1), &values(50)).unwrap();
        let (mut signal, mut noise) = (0.0, 0.0);
        let all = (0..2 * tokens * matrices * tokens).map(|at| {
            let (row, column) = (at / tokens, at % tokens);
            let (image, matrix) = (row / matrices / tokens, row % matrices);
            let first = &made.inputs[row * depth..][..depth];
            let second = ((image * matrices + matrix) * tokens + column) * depth;
            let second = &made.loaded[second..][..depth];
            let sum: f32 = first.iter().zip(second).map(|(a, b)| a * b).sum();
            (f64::from(made.outputs[at]), f64::from(sum))
        });
        let all: Vec<(f64, f64)> = all.collect();
        let products: f64 = all.iter().map(|(found, sum)| found * sum).sum();
        let squares: f64 = all.iter().map(|(_, sum)| sum * sum).sum();
        // The scale of attention scores.
        let factor = products / squares;
        for (found, sum) in all {
            signal += (factor * sum).powi(2);
            noise += (found - factor * sum).powi(2);
        }
        assert!(signal > 100.0 * noise, "{operand}: {signal} to {noise}");
    }
}

/// Of each layer that operand is loaded which leaves clearly less error in the network.
#[test]
fn the_operand_that_leaves_less_error_is_loaded() {
    let (mut chosen_first, mut chosen_second) = (0, 0);
    for multiplier in ["truncated:7", "perforated:2", "perforated:3"] {
        let [second, first, chosen] = ["second", "first", "chosen"].map(|how| {
            let text = format!("{multiplier} with V (fitted, loading {how}), plain quantisation");
            let text = text.replace(", loading chosen", "");
            let (expected, candidate) = design(Isa::best(), WeightScheme::U8Channel, Some(&text));
            statistics(&expected, &candidate)
        });
        for at in 3..5 {
            let left = |layers: &[LayerStatistics]| {
                layers[at].std_after.powi(2) + layers[at].mean_after.powi(2)
            };
            let share = left(&first) / left(&second);
            let operand = chosen[at].loaded_operand;
            match operand {
                Some(LoadedOperand::First) => chosen_first += 1,
                _ => chosen_second += 1,
            }
            // What reaches the second product depends on the first.
            if share < 0.85 {
                assert_eq!(operand, Some(LoadedOperand::First), "{multiplier}, {at}: {share}");
            } else if share > 0.95 {
                assert_eq!(operand, Some(LoadedOperand::Second), "{multiplier}, {at}: {share}");
            }
        }
    }
    assert!(chosen_first > 0 && chosen_second > 0, "{chosen_first}, {chosen_second}");
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
                narrow.push(codes.iter().chain(&*spec.weights).all(|code| code % 4 == 0));
            };
            let mut workspace = Workspace::default();
            candidate.network.run_observed(&expected.images[0], &mut workspace, observe).unwrap();
            assert!(!narrow[3] && !narrow[4], "{text}: {narrow:?}");
        }
    }
}
