//! Attention and LayerNormalization between layers, as exporters write them, against the obvious
//! loops in double precision on what the layers before them make.

use std::path::Path;
use std::sync::Arc;

use recoup_core::emulate::{Network, Times, Workspace};
use recoup_core::model::pb::NodeProto;
use recoup_core::model::{self, ActivationQuantization, Attention, Graph, OnnxFile};
use recoup_core::quantize::{Method, Widths, calibrate};
use recoup_kernels::{Isa, MacLayer, MacSpec, Output, OutputSpec, Residual, naive};

use crate::exact::with_ranges;
use crate::onnx::{encode, float, int, ints, model_of, node, tensor, whole};

const TOKENS: usize = 6;
const HEADS: usize = 2;
/// Of a head.
const DEPTH: usize = 12;
const WIDTH: usize = HEADS * DEPTH;

/// A layer that makes "x" of three rows of `WIDTH` for each token, `middle` from "x" to "m", and a
/// layer that reads "m".
struct Net {
    graph: Arc<Graph>,
    images: Vec<Vec<f32>>,
}

impl Net {
    fn new(middle: Vec<NodeProto>) -> Self {
        let mut nodes = vec![node("MatMul", "first", &["input", "w"], "p")];
        nodes.push(node("Add", "bias", &["p", "b"], "x"));
        nodes.extend(middle);
        nodes.push(node("MatMul", "last", &["m", "v"], "output"));
        let spread = |count: usize, by: f32| -> Vec<f32> {
            (0..count).map(|i| (i as f32 * 78.233).sin() * by).collect()
        };
        let (tokens, heads, depth) = (TOKENS as i64, HEADS as i64, DEPTH as i64);
        let width = heads * depth;
        let initializers = vec![
            tensor("w", &[8, 3 * width], &spread(24 * WIDTH, 0.8)),
            tensor("b", &[3 * width], &spread(3 * WIDTH, 0.3)),
            tensor("v", &[width, 2], &spread(2 * WIDTH, 1.0)),
            tensor("third", &[], &[1.0 / 3.0]),
            tensor("three", &[1], &[3.0]),
            tensor("root", &[1], &[3f32.sqrt()]),
            tensor("mask", &[tokens, tokens], &spread(TOKENS * TOKENS, 1.0)),
            tensor("scale", &[width], &spread(WIDTH, 2.0)),
            tensor("shift", &[width], &spread(WIDTH, 0.5)),
            whole("split", &[5], &[1, tokens, 3, heads, depth]),
            whole("joined", &[3], &[1, tokens, width]),
            whole("rows", &[3], &[1, tokens * 3, width]),
            whole("first_rows", &[tokens], &(0..tokens).collect::<Vec<_>>()),
            whole("zero", &[], &[0]),
            whole("one", &[], &[1]),
            whole("two", &[], &[2]),
        ];
        let mut model = model_of(nodes, initializers, &[Some(1), Some(tokens), Some(8)]);
        model.opset_import[0].version = 17;
        let file = OnnxFile::from_bytes(&encode(&model), Path::new("net.onnx")).unwrap();
        let graph = Arc::new(
            model::load_with(&file, None, Attention::Float)
                .unwrap_or_else(|error| panic!("{error}")),
        );
        let image = |number: usize| {
            (0..8 * TOKENS).map(|i| 2.0 * ((number * 50 + i) as f32 * 12.9898).sin()).collect()
        };
        Self { graph, images: (0..4).map(image).collect() }
    }

    fn network(&self, isa: Isa) -> Network {
        let tensors = calibrate(&self.graph, &self.images, Method::MinMax, &|_| {}).unwrap();
        with_ranges(&self.graph, tensors, self.images.len(), isa, Widths::FULL).unwrap()
    }

    /// The operators of all steps between the layers.
    fn steps(&self) -> Vec<String> {
        let network = self.network(Isa::best());
        let mut times = Times::default();
        network.run_timed(&[&self.images[0]], &mut Vec::new(), &mut times).unwrap();
        let steps = network.profile(&times).steps;
        let (first, last) = (2, steps.len() - 2);
        steps[first..last].iter().map(|step| step.operator.clone()).collect()
    }

    /// Compares what the last layer reads with what `expected` makes of the first one's rows.
    fn check(&self, name: &str, expected: impl Fn(&[f64]) -> Vec<f64>) {
        let mut compared = 0;
        for isa in Isa::available() {
            let network = self.network(isa);
            for image in &self.images {
                let mut layers: Vec<(MacSpec, Vec<u8>)> = Vec::new();
                let observe = |_: usize, layer: &MacLayer, codes: &[u8]| {
                    layers.push((layer.spec().clone(), codes.to_vec()));
                };
                network.run_observed(image, &mut Workspace::default(), observe).unwrap();
                let (first, last) = (&layers[0], &layers[1]);
                let spec = MacSpec { output: OutputSpec::F32, activation: None, ..first.0.clone() };
                let mut rows = vec![0.0; spec.shape.output_len()];
                naive::run(&spec, &first.1, Residual::None, Output::F32(&mut rows));
                let rows: Vec<f64> = rows.into_iter().map(f64::from).collect();
                let to = self.read_by_last(&network);
                let code =
                    |value: f64| naive::quantize(value as f32, 1.0 / to.scale, to.zero_point, 0);
                let expected = expected(&rows);
                assert_eq!(last.1.len(), expected.len(), "{name}");
                for (&found, &value) in last.1.iter().zip(&expected) {
                    // On a tie single precision may round the other way.
                    let (low, high) = (code(value - 1e-5), code(value + 1e-5));
                    assert!((low..=high).contains(&found), "{name}: {found}, not {low}");
                    compared += 1;
                }
            }
        }
        assert!(compared >= self.images.len() * WIDTH, "{name}");
    }

    fn read_by_last(&self, network: &Network) -> ActivationQuantization {
        let mut found = None;
        network
            .run_observed(&self.images[0], &mut Workspace::default(), |_, layer, _| {
                found = Some(layer.spec().input_zero_point);
            })
            .unwrap();
        let tensors = calibrate(&self.graph, &self.images, Method::MinMax, &|_| {}).unwrap();
        let input = self.graph.macs().last().unwrap().0.inputs[0];
        let name = &self.graph.values[input].tensor;
        let entry = tensors.iter().find(|entry| entry.tensor == *name).unwrap();
        assert_eq!(found, Some(entry.zero_point));
        ActivationQuantization { scale: entry.scale, zero_point: entry.zero_point }
    }
}

fn with_ints(node: NodeProto, name: &str, values: &[i64]) -> NodeProto {
    NodeProto { attribute: vec![ints(name, values)], ..node }
}

fn with_int(node: NodeProto, name: &str, value: i64) -> NodeProto {
    NodeProto { attribute: vec![int(name, value)], ..node }
}

/// From "x" to "q", "k" (transposed) and "v", as PyTorch's exporters write it.
fn operands() -> Vec<NodeProto> {
    let part = |index: &str, to: &str| with_int(node("Gather", to, &["t", index], to), "axis", 0);
    vec![
        node("Reshape", "r", &["x", "split"], "r"),
        with_ints(node("Transpose", "t", &["r"], "t"), "perm", &[2, 0, 3, 1, 4]),
        part("zero", "q"),
        part("one", "k0"),
        part("two", "v"),
    ]
    .into_iter()
    .map(|node| match node.output[0].as_str() {
        // "v" is the last layer's matrix.
        "v" => NodeProto { output: vec!["values".into()], ..node },
        _ => node,
    })
    .chain([with_ints(node("Transpose", "k", &["k0"], "k"), "perm", &[0, 1, 3, 2])])
    .collect()
}

/// From "a" to "m".
fn joined() -> Vec<NodeProto> {
    vec![
        with_ints(node("Transpose", "u", &["a"], "u"), "perm", &[0, 2, 1, 3]),
        node("Reshape", "j", &["u", "joined"], "m"),
    ]
}

/// softmax(factor q k + mask) v of rows of q, k and v for each token, over keys or over queries.
fn obvious(
    rows: &[f64],
    factor: f64,
    mask: impl Fn(usize, usize) -> f64,
    over_keys: bool,
) -> Vec<f64> {
    let of = |part: usize, token: usize, head: usize, d: usize| {
        rows[(token * 3 + part) * WIDTH + head * DEPTH + d]
    };
    let mut output = vec![0.0; TOKENS * WIDTH];
    for head in 0..HEADS {
        let power = |query: usize, key: usize| {
            let products = (0..DEPTH).map(|d| of(0, query, head, d) * of(1, key, head, d));
            (factor * products.sum::<f64>() + mask(query, key)).exp()
        };
        for query in 0..TOKENS {
            for d in 0..DEPTH {
                let weighted = (0..TOKENS).map(|key| {
                    let all: f64 = match over_keys {
                        true => (0..TOKENS).map(|other| power(query, other)).sum(),
                        false => (0..TOKENS).map(|other| power(other, key)).sum(),
                    };
                    power(query, key) / all * of(2, key, head, d)
                });
                output[query * WIDTH + head * DEPTH + d] = weighted.sum();
            }
        }
    }
    output
}

/// Between the product of q and k, "s", and that with v.
fn attention(scores: Vec<NodeProto>) -> Vec<NodeProto> {
    let mut nodes = operands();
    nodes.extend(scores);
    nodes.push(node("MatMul", "second", &["f", "values"], "a"));
    nodes.extend(joined());
    nodes
}

#[test]
fn attention_is_one_step_however_it_is_scaled() {
    let product = node("MatMul", "product", &["q", "k"], "s");
    let softmax = with_int(node("Softmax", "softmax", &["y"], "f"), "axis", -1);
    let scaled = |operator: &str, number: &str| {
        vec![product.clone(), node(operator, "y", &["s", number], "y"), softmax.clone()]
    };
    let on_both = vec![
        node("Div", "qs", &["q", "root"], "qs"),
        node("Div", "ks", &["k", "root"], "ks"),
        node("MatMul", "product", &["qs", "ks"], "s"),
        with_int(node("Softmax", "softmax", &["s"], "f"), "axis", 3),
    ];
    let constant_first =
        vec![product.clone(), node("Mul", "y", &["third", "s"], "y"), softmax.clone()];
    let spellings = [scaled("Mul", "third"), scaled("Div", "three"), on_both, constant_first];
    for (index, scores) in spellings.into_iter().enumerate() {
        let net = Net::new(attention(scores));
        let steps = net.steps();
        assert_eq!(steps.len(), 1, "{index}: {steps:?}");
        net.check(&format!("{index}"), |rows| obvious(rows, 1.0 / 3.0, |_, _| 0.0, true));
    }
}

/// What is not quite an attention is still what it says.
#[test]
fn other_products_with_a_softmax_keep_their_meaning() {
    let product = node("MatMul", "product", &["q", "k"], "s");
    let softmax =
        |from: &str, axis: i64| with_int(node("Softmax", "softmax", &[from], "f"), "axis", axis);
    let masked = vec![product.clone(), node("Add", "y", &["s", "mask"], "y"), softmax("y", -1)];
    let net = Net::new(attention(masked));
    let mask = |query: usize, key: usize| f64::from(((query * TOKENS + key) as f32 * 78.233).sin());
    net.check("a mask", |rows| obvious(rows, 1.0, mask, true));
    let net = Net::new(attention(vec![product, softmax("s", 2)]));
    net.check("over queries", |rows| obvious(rows, 1.0, |_, _| 0.0, false));
}

/// Each row less its mean over its deviation; first rows of three of each token.
#[test]
fn normalisations_are_those_of_rows() {
    let normalized = |inputs: &[&str], attributes: Vec<_>| {
        let norm = node("LayerNormalization", "norm", inputs, "n");
        vec![
            node("Reshape", "r", &["x", "rows"], "r"),
            NodeProto { attribute: attributes, ..norm },
            with_int(node("Gather", "g", &["n", "first_rows"], "m"), "axis", 1),
        ]
    };
    let spread = |index: usize, by: f64| f64::from((index as f32 * 78.233).sin()) * by;
    let cases = [
        (normalized(&["r", "scale", "shift"], vec![]), 1e-5, 0.5),
        (normalized(&["r", "scale"], vec![float("epsilon", 0.5), int("axis", 2)]), 0.5, 0.0),
    ];
    for (middle, epsilon, shift) in cases {
        let net = Net::new(middle);
        assert!(net.steps().contains(&"LayerNormalization".to_string()), "{:?}", net.steps());
        net.check("normalisation", |rows| {
            let rows = rows.chunks_exact(WIDTH).take(TOKENS);
            let normal = rows.flat_map(|row| {
                let mean = row.iter().sum::<f64>() / WIDTH as f64;
                let squares: f64 = row.iter().map(|value| (value - mean).powi(2)).sum();
                let deviation = (squares / WIDTH as f64 + epsilon).sqrt();
                let units = row.iter().map(move |value| (value - mean) / deviation).enumerate();
                units.map(move |(index, unit)| unit * spread(index, 2.0) + spread(index, shift))
            });
            normal.collect()
        });
    }
}
