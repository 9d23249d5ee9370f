//! What lies between layers runs from codes to codes, as the obvious loop does: decode, apply, encode.

use std::path::Path;
use std::sync::Arc;

use recoup_core::emulate::{Network, Times, Workspace};
use recoup_core::model::pb::tensor_proto::DataType;
use recoup_core::model::pb::{NodeProto, TensorProto};
use recoup_core::model::{self, ActivationQuantization, Graph, OnnxFile};
use recoup_core::quantize::{Method, TensorCalibration, Widths, calibrate};
use recoup_kernels::{Isa, MacLayer, MacSpec, Output, OutputSpec, Residual, ResidualSpec, naive};

use crate::exact::with_ranges;
use crate::onnx::{encode, float, int, ints, model_of, node, tensor};

/// A network of layers with `middle` between the first and the last, which reads "m".
struct Net {
    graph: Arc<Graph>,
    tensors: Vec<TensorCalibration>,
    images: Vec<Vec<f32>>,
}

impl Net {
    fn new(middle: Vec<NodeProto>) -> Self {
        let mut nodes = vec![node("Conv", "first", &["input", "w", "b"], "x")];
        nodes.extend(middle);
        nodes.push(node("Conv", "last", &["m", "v"], "output"));
        let spread =
            |count: usize| -> Vec<f32> { (0..count).map(|i| (i as f32 * 78.233).sin()).collect() };
        let number = |name: &str, value: f32| tensor(name, &[], &[value]);
        let initializers = vec![
            tensor("w", &[6, 3, 1, 1], &spread(18).map_each(|value| 3.0 * value)),
            tensor("b", &[6], &[0.5, -0.5, 0.0, 1.0, -1.0, 0.25]),
            tensor("v", &[2, 6, 1, 1], &spread(12)),
            tensor("u", &[6, 6, 1, 1], &spread(36)),
            tensor("one", &[1, 1, 1, 1], &[1.0]),
            tensor("three", &[1], &[3.0]),
            tensor("twice_as_high", &[4], &[1.0, 1.0, 2.0, 1.0]),
            TensorProto {
                name: "code".into(),
                data_type: DataType::Uint8 as i32,
                int32_data: vec![30],
                ..Default::default()
            },
            number("zero", 0.0),
            number("half", 0.5),
            number("six", 6.0),
            number("root_two", std::f32::consts::SQRT_2),
            number("root_two_over_pi", 0.797_884_6),
            number("cubic", 0.044_715),
        ];
        let model = model_of(nodes, initializers, &[Some(1), Some(3), Some(5), Some(7)]);
        let file = OnnxFile::from_bytes(&encode(&model), Path::new("net.onnx")).unwrap();
        let graph = Arc::new(model::load(&file, None).unwrap_or_else(|error| panic!("{error}")));
        let image = |number: usize| {
            (0..105).map(|i| 2.0 * ((number * 105 + i) as f32 * 12.9898).sin()).collect()
        };
        let images: Vec<Vec<f32>> = (0..6).map(image).collect();
        let tensors = calibrate(&graph, &images, Method::MinMax, &|_| {}).unwrap();
        Self { graph, tensors, images }
    }

    fn quantization(&self, tensor: &str) -> Option<ActivationQuantization> {
        let entry = self.tensors.iter().find(|entry| entry.tensor == tensor)?;
        Some(ActivationQuantization { scale: entry.scale, zero_point: entry.zero_point })
    }

    /// With the ranges of `tensors`.
    fn network(&self, isa: Isa, tensors: &[TensorCalibration], widths: Widths) -> Network {
        with_ranges(&self.graph, tensors.to_vec(), self.images.len(), isa, widths).unwrap()
    }
}

trait MapEach {
    fn map_each(self, of: impl Fn(f32) -> f32) -> Self;
}

impl MapEach for Vec<f32> {
    fn map_each(self, of: impl Fn(f32) -> f32) -> Self {
        self.into_iter().map(of).collect()
    }
}

/// The layers with the codes that they read of an image.
fn layers(network: &Network, image: &[f32]) -> Vec<(MacSpec, Vec<u8>)> {
    let mut layers = Vec::new();
    let observe = |_: usize, layer: &MacLayer, codes: &[u8]| {
        layers.push((layer.spec().clone(), codes.to_vec()));
    };
    network.run_observed(image, &mut Workspace::default(), observe).unwrap();
    layers
}

/// What a layer makes, before what follows it.
fn real_outputs((spec, codes): &(MacSpec, Vec<u8>)) -> Vec<f32> {
    let (residual, output) = (ResidualSpec::None, OutputSpec::F32);
    let spec = MacSpec { residual, output, activation: None, ..spec.clone() };
    let mut made = vec![0.0; spec.shape.output_len()];
    naive::run(&spec, codes, Residual::None, Output::F32(&mut made));
    made
}

/// What the last layer reads of an image, and the real values that the first one makes of it.
fn seen(network: &Network, image: &[f32]) -> (Vec<u8>, Vec<f32>) {
    let mut layers = layers(network, image);
    let made = real_outputs(&layers[0]);
    (layers.pop().unwrap().1, made)
}

fn to_code(value: f64, quantization: ActivationQuantization) -> u8 {
    naive::quantize(value as f32, 1.0 / quantization.scale, quantization.zero_point, 0)
}

fn to_real(code: u8, quantization: ActivationQuantization) -> f64 {
    let steps = i32::from(code) - i32::from(quantization.zero_point);
    f64::from(quantization.scale) * f64::from(steps)
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// 2 over the square root of pi times the integral of e^(-t^2) from 0 to x, by its series.
fn erf(x: f64) -> f64 {
    if x.abs() > 4.0 {
        return x.signum();
    }
    let terms = (0..80).scan(x, |term, n| {
        let now = *term / f64::from(2 * n + 1);
        *term *= -x * x / f64::from(n + 1);
        Some(now)
    });
    2.0 / std::f64::consts::PI.sqrt() * terms.sum::<f64>()
}

fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + erf(x / 2f64.sqrt()))
}

/// A function as exporters write it, from "x" to "m", and in double precision.
type Function = (&'static str, Vec<NodeProto>, fn(f64) -> f64);

fn functions() -> Vec<Function> {
    let of = |operator: &str| vec![node(operator, "f", &["x"], "m")];
    let with = |operator: &str, name: &str, value: f32| {
        let attribute = vec![float(name, value)];
        vec![NodeProto { attribute, ..node(operator, "f", &["x"], "m") }]
    };
    vec![
        ("Sigmoid", of("Sigmoid"), sigmoid),
        ("Tanh", of("Tanh"), f64::tanh),
        ("HardSwish", with_opset_14(), |x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0)),
        ("HardSigmoid", with("HardSigmoid", "alpha", 0.3), |x| (0.3 * x + 0.5).clamp(0.0, 1.0)),
        ("LeakyRelu", with("LeakyRelu", "alpha", 0.1), |x| if x < 0.0 { 0.1 * x } else { x }),
        ("Elu", of("Elu"), |x| if x < 0.0 { x.exp_m1() } else { x }),
        ("Softplus", of("Softplus"), softplus),
        ("Abs", of("Abs"), f64::abs),
        ("Neg", of("Neg"), |x| -x),
        (
            "x * Sigmoid(x)",
            vec![node("Sigmoid", "s", &["x"], "s"), node("Mul", "f", &["x", "s"], "m")],
            |x| x * sigmoid(x),
        ),
        (
            "x * tanh(softplus(x))",
            vec![
                node("Softplus", "s", &["x"], "s"),
                node("Tanh", "t", &["s"], "t"),
                node("Mul", "f", &["t", "x"], "m"),
            ],
            |x| x * softplus(x).tanh(),
        ),
        (
            "x * Clip(x + 3, 0, 6) / 6",
            vec![
                node("Add", "a", &["x", "three"], "a"),
                node("Clip", "c", &["a", "zero", "six"], "c"),
                node("Mul", "p", &["x", "c"], "p"),
                node("Div", "f", &["p", "six"], "m"),
            ],
            |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        ),
        (
            "GELU by Erf",
            vec![
                node("Div", "d", &["x", "root_two"], "d"),
                node("Erf", "e", &["d"], "e"),
                node("Add", "a", &["e", "one"], "a"),
                node("Mul", "p", &["x", "a"], "p"),
                node("Mul", "f", &["p", "half"], "m"),
            ],
            gelu,
        ),
        (
            "GELU by Tanh",
            vec![
                node("Pow", "q", &["x", "three"], "q"),
                node("Mul", "k", &["q", "cubic"], "k"),
                node("Add", "i", &["x", "k"], "i"),
                node("Mul", "j", &["i", "root_two_over_pi"], "j"),
                node("Tanh", "t", &["j"], "t"),
                node("Add", "a", &["t", "one"], "a"),
                node("Mul", "p", &["x", "a"], "p"),
                node("Mul", "f", &["p", "half"], "m"),
            ],
            |x| {
                let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
                0.5 * x * (1.0 + inner.tanh())
            },
        ),
        (
            "Where(x > 0, Sqrt(|x|), x / 6)",
            vec![
                node("Greater", "g", &["x", "zero"], "g"),
                node("Abs", "a", &["x"], "a"),
                node("Sqrt", "r", &["a"], "r"),
                node("Div", "d", &["x", "six"], "d"),
                node("Where", "f", &["g", "r", "d"], "m"),
            ],
            |x| if x > 0.0 { x.sqrt() } else { x / 6.0 },
        ),
    ]
}

/// HardSwish by the operators that it stands for; the operator itself is of set 14.
fn with_opset_14() -> Vec<NodeProto> {
    let attribute = vec![float("alpha", 1.0 / 6.0)];
    vec![
        NodeProto { attribute, ..node("HardSigmoid", "h", &["x"], "h") },
        node("Mul", "f", &["x", "h"], "m"),
    ]
}

#[test]
fn functions_are_what_is_made_of_each_code() {
    let mut cases = 0;
    for (name, middle, function) in functions() {
        let net = Net::new(middle);
        let last = net.graph.macs().last().unwrap().0.inputs[0];
        let last = net.graph.values[last].tensor.as_str();
        let [from, to] = ["x", last].map(|tensor| net.quantization(tensor).expect(name));
        for isa in Isa::available() {
            let network = net.network(isa, &net.tensors, Widths::FULL);
            for image in &net.images {
                let (read, made) = seen(&network, image);
                assert_eq!(read.len(), made.len(), "{name}");
                for (&code, &value) in read.iter().zip(&made) {
                    let x = to_real(to_code(value.into(), from), from);
                    let y = function(x);
                    // A value on a tie may be rounded the other way in single precision.
                    let (low, high) = (to_code(y - 1e-6, to), to_code(y + 1e-6, to));
                    assert!((low..=high).contains(&code), "{name}: {code} for {x}, not {low}");
                    cases += 1;
                }
            }
        }
    }
    assert_eq!(cases, 15 * 6 * 210 * Isa::available().len());
}

/// Codes of fewer bits are for multipliers.
#[test]
fn functions_read_codes_of_8_bits() {
    let (name, middle, function) = functions().swap_remove(9);
    let net = Net::new(middle);
    let [from, mut to] = ["x", "m"].map(|tensor| net.quantization(tensor).expect(name));
    to.zero_point = (to.zero_point + 8) / 16 * 16;
    let widths = Widths { activation_bits: 4, ..Widths::FULL };
    let network = net.network(Isa::best(), &net.tensors, widths);
    let (read, made) = seen(&network, &net.images[0]);
    for (&code, &value) in read.iter().zip(&made) {
        let y = function(to_real(to_code(value.into(), from), from)) as f32;
        assert_eq!(code, naive::quantize(y, 1.0 / to.scale, to.zero_point, 4));
    }
}

/// Codes that the model brings for "x", as "d": of steps of a half, 30 for 0.
fn coded() -> Vec<NodeProto> {
    vec![
        node("QuantizeLinear", "q", &["x", "half", "code"], "codes"),
        node("DequantizeLinear", "dq", &["codes", "half", "code"], "d"),
    ]
}

/// What is only taken elsewhere has the codes that it had, not those of a range of its own.
#[test]
fn codes_of_the_model_stay_where_they_are_moved() {
    let mut middle = coded();
    middle.push(node("Transpose", "t", &["d"], "m"));
    middle.last_mut().unwrap().attribute.push(ints("perm", &[0, 1, 3, 2]));
    let net = Net::new(middle);
    assert_ne!(net.quantization("m").map_or(0, |of_range| of_range.zero_point), 30);
    let network = net.network(Isa::best(), &net.tensors, Widths::FULL);
    let (last, _) = layers(&network, &net.images[0]).pop().unwrap();
    assert_eq!(last.input_zero_point, 30);
}

/// Those that no layer multiplies have 8 bits, also where activations have fewer.
#[test]
fn codes_of_the_model_for_a_sum_have_8_bits() {
    let mut middle = coded();
    middle.push(node("Conv", "other", &["input", "w"], "o"));
    middle.push(node("Add", "a", &["d", "o"], "m"));
    let net = Net::new(middle);
    let widths = Widths { activation_bits: 4, ..Widths::FULL };
    let network = net.network(Isa::best(), &net.tensors, widths);
    let dropped = layers(&network, &net.images[0]).into_iter().map(|(spec, _)| match spec.output {
        OutputSpec::U8 { dropped_bits, .. } => Some(dropped_bits),
        OutputSpec::F32 => None,
    });
    assert_eq!(dropped.collect::<Vec<_>>(), [Some(0), Some(4), None]);
}

/// In a calibration of an older version.
#[test]
fn without_its_range_a_function_stays_in_float() {
    let (name, middle, function) = functions().swap_remove(9);
    let net = Net::new(middle);
    let to = net.quantization("m").expect(name);
    let old: Vec<_> = net.tensors.iter().filter(|entry| entry.tensor != "x").cloned().collect();
    assert_eq!(old.len() + 1, net.tensors.len());
    let network = net.network(Isa::best(), &old, Widths::FULL);
    let (read, made) = seen(&network, &net.images[0]);
    for (&code, &value) in read.iter().zip(&made) {
        let y = function(value.into());
        let (low, high) = (to_code(y - 1e-6, to), to_code(y + 1e-6, to));
        assert!((low..=high).contains(&code), "{code}, not {low}");
    }
}

/// A gate for each channel, made by a layer of its own, times the map.
#[test]
fn gates_multiply_codes() {
    let net = Net::new(vec![
        node("Sigmoid", "s", &["x"], "s"),
        node("Mul", "f", &["x", "s"], "y"),
        node("GlobalAveragePool", "g", &["y"], "g"),
        node("Conv", "squeeze", &["g", "u"], "z"),
        node("Sigmoid", "t", &["z"], "t"),
        node("Mul", "p", &["y", "t"], "m"),
    ]);
    let [x, y, g, z, t, m] =
        ["x", "y", "g", "z", "t", "m"].map(|tensor| net.quantization(tensor).expect(tensor));
    let network = net.network(Isa::best(), &net.tensors, Widths::FULL);
    for image in &net.images {
        let layers = layers(&network, image);
        let swish = |x: f64| x * sigmoid(x);
        let map: Vec<u8> = real_outputs(&layers[0])
            .into_iter()
            .map(|value| to_code(swish(to_real(to_code(value.into(), x), x)), y))
            .collect();
        for (channel, &code) in layers[1].1.iter().enumerate() {
            let sum: f64 = map[channel..].iter().step_by(6).map(|&code| to_real(code, y)).sum();
            assert!(code.abs_diff(to_code(sum / 35.0, g)) <= 1, "the mean of channel {channel}");
        }
        let gates: Vec<u8> = real_outputs(&layers[1])
            .into_iter()
            .map(|value| to_code(sigmoid(to_real(to_code(value.into(), z), z)), t))
            .collect();
        for (i, &code) in layers[2].1.iter().enumerate() {
            let product = to_real(map[i], y) * to_real(gates[i % 6], t);
            let (low, high) = (to_code(product - 1e-6, m), to_code(product + 1e-6, m));
            assert!((low..=high).contains(&code), "{code} at {i}, not {low}");
        }
    }
}

/// Two functions are added, and the sum goes through a third.
#[test]
fn sums_of_functions_add_codes() {
    let net = Net::new(vec![
        node("Sigmoid", "s", &["x"], "s"),
        node("Conv", "other", &["s", "u"], "y"),
        node("Tanh", "t", &["y"], "t"),
        node("Add", "a", &["s", "t"], "a"),
        node("Sigmoid", "f", &["a"], "m"),
    ]);
    let [s, y, t, a, m] =
        ["s", "y", "t", "a", "m"].map(|tensor| net.quantization(tensor).expect(tensor));
    let network = net.network(Isa::best(), &net.tensors, Widths::FULL);
    for image in &net.images {
        let layers = layers(&network, image);
        let (codes, made) = (&layers[1].1, real_outputs(&layers[1]));
        for ((&code, &left), &value) in layers[2].1.iter().zip(codes).zip(&made) {
            let right = to_real(to_code(value.into(), y), y).tanh();
            let sum = to_real(left, s) + to_real(to_code(right, t), t);
            let value = sigmoid(to_real(to_code(sum, a), a));
            let (low, high) = (to_code(value - 1e-6, m), to_code(value + 1e-6, m));
            assert!((low..=high).contains(&code), "{code}, not {low}");
        }
    }
}

/// A layer takes its clip and its residual along: they get no codes of their own.
#[test]
fn what_a_layer_takes_along_has_no_codes() {
    let net = Net::new(vec![
        node("Relu", "r", &["x"], "r"),
        node("Conv", "other", &["r", "u"], "y"),
        node("Add", "a", &["y", "r"], "a"),
        NodeProto {
            attribute: vec![ints("kernel_shape", &[1, 1])],
            ..node("MaxPool", "p", &["a"], "p")
        },
        node("Relu", "f", &["p"], "m"),
    ]);
    let coded: Vec<&str> = net.tensors.iter().map(|entry| entry.tensor.as_str()).collect();
    assert_eq!(coded, ["input", "r", "m"]);
}

/// Real numbers, which are larger than codes, do not wait while other layers run: the shortcut, which
/// is first in the file, is computed right before the layer that adds it.
#[test]
fn a_shortcut_is_computed_where_it_is_added() {
    let net = Net::new(vec![
        node("Relu", "r", &["x"], "r"),
        node("Conv", "shortcut", &["r", "u"], "s"),
        node("Conv", "one", &["r", "u"], "y"),
        node("Relu", "q", &["y"], "q"),
        node("Conv", "two", &["q", "u"], "z"),
        node("Add", "a", &["s", "z"], "a"),
        node("Relu", "f", &["a"], "m"),
    ]);
    let network = net.network(Isa::best(), &net.tensors, Widths::FULL);
    let mut times = Times::default();
    let images: Vec<&[f32]> = net.images.iter().map(Vec::as_slice).collect();
    network.run_timed(&images, &mut Vec::new(), &mut times).unwrap();
    let steps = network.profile(&times).steps;
    let nodes: Vec<&str> = steps.iter().map(|step| step.nodes[0].as_str()).collect();
    assert_eq!(nodes, ["input", "first", "one", "shortcut", "two", "last", "output"]);
    assert_eq!(steps[4].operator, "Conv+Add+Relu");
}

/// Windows with the border's zeros and without them; the means are what a layer adds to its outputs.
#[test]
fn means_of_windows_add_codes() {
    for with_padding in [0, 1] {
        let attribute = vec![
            ints("kernel_shape", &[3, 3]),
            ints("pads", &[1, 1, 1, 1]),
            int("count_include_pad", with_padding),
        ];
        let net = Net::new(vec![
            node("Relu", "r", &["x"], "r"),
            NodeProto { attribute, ..node("AveragePool", "pool", &["r"], "a") },
            node("Conv", "other", &["r", "u"], "y"),
            node("Add", "s", &["a", "y"], "m"),
        ]);
        let [r, m] = ["r", "m"].map(|tensor| net.quantization(tensor).expect(tensor));
        let network = net.network(Isa::best(), &net.tensors, Widths::FULL);
        for image in &net.images {
            let layers = layers(&network, image);
            let (codes, made) = (&layers[1].1, real_outputs(&layers[1]));
            for (i, (&code, &value)) in layers[2].1.iter().zip(&made).enumerate() {
                let (y, x, channel) = (i / 6 / 7, i / 6 % 7, i % 6);
                let rows = y.saturating_sub(1)..(y + 2).min(5);
                let window = rows
                    .flat_map(|row| (x.saturating_sub(1)..(x + 2).min(7)).map(move |it| (row, it)));
                let inside: Vec<f64> = window
                    .map(|(row, column)| to_real(codes[(row * 7 + column) * 6 + channel], r))
                    .collect();
                let count = if with_padding == 1 { 9 } else { inside.len() };
                let sum = inside.iter().sum::<f64>() / count as f64 + f64::from(value);
                let (low, high) = (to_code(sum - 1e-5, m), to_code(sum + 1e-5, m));
                assert!((low..=high).contains(&code), "{code} at {i}, not {low}");
            }
        }
    }
}

/// Codes of several scales become those of what they are joined to; rows are repeated.
#[test]
fn joined_and_resized_codes_are_moved_and_recoded() {
    let net = Net::new(vec![
        node("Sigmoid", "s", &["x"], "s"),
        node("Conv", "other", &["s", "u"], "y"),
        node("Tanh", "t", &["y"], "t"),
        node("Resize", "z", &["s", "", "twice_as_high"], "z"),
        NodeProto { attribute: vec![int("axis", 2)], ..node("Concat", "j", &["z", "t"], "m") },
    ]);
    let [s, y, m] = ["s", "y", "m"].map(|tensor| net.quantization(tensor).expect(tensor));
    assert_ne!(s, m);
    let network = net.network(Isa::best(), &net.tensors, Widths::FULL);
    for image in &net.images {
        let layers = layers(&network, image);
        let (below, codes) = (&layers[1].1, &layers[2].1);
        let (upper, lower) = codes.split_at(2 * below.len());
        let row = 7 * 6;
        for (i, &code) in upper.iter().enumerate() {
            let from = below[i / row / 2 * row + i % row];
            assert_eq!(code, to_code(to_real(from, s), m), "element {i}");
        }
        for (&code, value) in lower.iter().zip(real_outputs(&layers[1])) {
            let value = to_real(to_code(value.into(), y), y).tanh();
            let (low, high) = (to_code(value - 1e-6, m), to_code(value + 1e-6, m));
            assert!((low..=high).contains(&code), "{code}, not {low}");
        }
    }
}
