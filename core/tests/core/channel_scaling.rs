//! Channels of a LayerNormalization that reach further than others: scales bring back what their
//! ranges cost, and nothing else has any.

use std::path::Path;
use std::sync::Arc;

use recoup_core::emulate::Workspace;
use recoup_core::model::pb::NodeProto;
use recoup_core::model::{self, FloatModel, Graph, OnnxFile};
use recoup_core::quantize::{
    ChannelScaling, Method, Ranging, TensorCalibration, Widths, calibrate,
};
use recoup_kernels::Isa;

use crate::exact::with_ranges;
use crate::onnx::{encode, model_of, node, tensor};

const TOKENS: usize = 12;
const WIDTH: usize = 32;
/// Channels that reach further.
const FAR: [usize; 3] = [3, 17, 30];

/// Numbers between -by and by, without a pattern.
fn spread(seed: u32, count: usize, by: f32) -> Vec<f32> {
    let number =
        |i: u32| ((i + 1000 * seed).wrapping_mul(2_654_435_761) ^ 0x9E37).wrapping_mul(40_503);
    (0..count as u32).map(|i| (number(i) >> 8) as f32 / 8_388_608.0 * by - by).collect()
}

/// A LayerNormalization of rows between two layers, some of whose channels are `far` as large as the
/// others while the weights that read them are as much smaller: the same function for any `far`.
fn graph(far: f32, more: &[NodeProto]) -> Arc<Graph> {
    let factor = |channel: usize| if FAR.contains(&channel) { far } else { 1.0 };
    let [mut scale, mut shift] = [vec![1.0; WIDTH], spread(1, WIDTH, 0.5)];
    let mut weights = spread(2, WIDTH * 16, 1.0);
    for channel in 0..WIDTH {
        scale[channel] *= factor(channel);
        shift[channel] *= factor(channel);
        weights[channel * 16..][..16].iter_mut().for_each(|weight| *weight /= factor(channel));
    }
    let (width, tokens) = (WIDTH as i64, TOKENS as i64);
    let mut nodes = vec![
        node("MatMul", "first", &["input", "w"], "x"),
        node("LayerNormalization", "norm", &["x", "scale", "shift"], "m"),
        node("MatMul", "last", &["m", "v"], if more.is_empty() { "output" } else { "y" }),
    ];
    nodes.extend_from_slice(more);
    let initializers = vec![
        tensor("w", &[8, width], &spread(3, 8 * WIDTH, 0.8)),
        tensor("scale", &[width], &scale),
        tensor("shift", &[width], &shift),
        tensor("v", &[width, 16], &weights),
    ];
    let mut model = model_of(nodes, initializers, &[Some(1), Some(tokens), Some(8)]);
    model.opset_import[0].version = 17;
    let file = OnnxFile::from_bytes(&encode(&model), Path::new("net.onnx")).unwrap();
    Arc::new(model::load(&file, None).unwrap())
}

fn images() -> Vec<Vec<f32>> {
    (4..10).map(|number| spread(number, 8 * TOKENS, 1.0)).collect()
}

fn calibrated(graph: &Graph, channel_scaling: ChannelScaling) -> Vec<TensorCalibration> {
    let ranging = Ranging { method: Method::MinMax, channel_scaling };
    calibrate(graph, &images(), ranging, &|_| {}).unwrap()
}

/// Signal over the square error of the outputs in codes.
fn signal_to_noise(graph: &Arc<Graph>, tensors: Vec<TensorCalibration>) -> f64 {
    let images = images();
    let network = with_ranges(graph, tensors, images.len(), Isa::best(), Widths::FULL).unwrap();
    let float = FloatModel::new(graph, &[]);
    let (mut signal, mut noise) = (0.0, 0.0);
    for image in &images {
        let expected = float.outputs(image).unwrap();
        let mut workspace = Workspace::default();
        for (found, expected) in network.run(image, &mut workspace).unwrap().iter().zip(expected) {
            signal += f64::from(expected).powi(2);
            noise += f64::from(found - expected).powi(2);
        }
    }
    signal / noise
}

#[test]
fn scales_bring_back_what_far_channels_cost() {
    let [plain, far] = [1.0, 30.0].map(|far| graph(far, &[]));
    let measured = calibrated(&far, ChannelScaling::Measured);
    let scaled = measured.iter().find(|entry| entry.tensor == "m").unwrap();
    let scales = &scaled.channel_scales;
    assert_eq!(scales.len(), WIDTH);
    for (channel, &scale) in scales.iter().enumerate() {
        assert_eq!(scale.log2().fract(), 0.0, "powers of two round nothing");
        let expected = if FAR.contains(&channel) { 16.0..=64.0 } else { 0.5..=2.0 };
        assert!(expected.contains(&scale), "{channel}: {scale}");
    }
    assert!(scaled.max < 8.0, "{}", scaled.max);
    let others = measured.iter().filter(|entry| entry.tensor != "m");
    assert!(others.clone().count() > 0 && others.clone().all(|it| it.channel_scales.is_empty()));
    let none = calibrated(&far, ChannelScaling::None);
    assert!(none.iter().all(|entry| entry.channel_scales.is_empty()));
    let without_far = signal_to_noise(&plain, calibrated(&plain, ChannelScaling::None));
    let (with, without) = (signal_to_noise(&far, measured), signal_to_noise(&far, none));
    assert!(without < without_far / 30.0, "{without} of {without_far}");
    assert!(with > 0.7 * without_far, "{with} of {without_far}");
}

#[test]
fn channels_that_reach_as_far_as_others_have_no_scales() {
    let plain = calibrated(&graph(1.0, &[]), ChannelScaling::Measured);
    assert!(plain.iter().all(|entry| entry.channel_scales.is_empty()), "{plain:?}");
}

/// What something else reads, too, stays as it is.
#[test]
fn channels_that_no_weights_take_back_have_no_scales() {
    let more = [
        node("Relu", "relu", &["m"], "r"),
        node("ReduceSum", "sum", &["r"], "s"),
        node("Add", "add", &["y", "s"], "output"),
    ];
    let graph = graph(30.0, &more);
    let measured = calibrated(&graph, ChannelScaling::Measured);
    assert!(measured.iter().all(|entry| entry.channel_scales.is_empty()), "{measured:?}");
}

#[test]
fn scales_that_do_not_fit_are_refused() {
    let graph = graph(30.0, &[]);
    let measured = calibrated(&graph, ChannelScaling::Measured);
    let wrong = |change: fn(&mut TensorCalibration)| {
        let mut tensors = measured.clone();
        tensors.iter_mut().filter(|it| it.tensor == "m").for_each(change);
        let made = with_ranges(&graph, tensors, 1, Isa::best(), Widths::FULL);
        made.err().expect("scales of other channels, or none")
    };
    for error in [
        wrong(|it| it.channel_scales.truncate(WIDTH - 1)),
        wrong(|it| it.channel_scales[0] = 0.0),
        wrong(|it| it.tensor = "x".into()),
    ] {
        assert!(error.contains("no usable scale for tensor"), "{error}");
    }
}
