//! Integer accumulators of ConvInteger, MatMulInteger and Gemm in ONNX Runtime, bit for bit, on
//! every kernel of this processor: eq. (1.1), and eq. (1.2) without its scales.

use recoup_core::multiplier::{Multiplier, code_value};
use recoup_kernels::{
    ConvShape, Isa, MacLayer, MacSpec, Output, OutputSpec, Product, Residual, ResidualSpec,
    Scratch, WeightCoding,
};
use serde::Deserialize;

use crate::reference;

const CASES: usize = 32;

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    operator: String,
    #[serde(default)]
    strides: Vec<usize>,
    #[serde(default)]
    pads: Vec<usize>,
    #[serde(default)]
    dilations: Vec<usize>,
    group: Option<usize>,
    trans_b: Option<u8>,
    alpha: Option<f32>,
    beta: Option<f32>,
    bias: Option<Vec<f32>>,
    output: Option<Vec<f32>>,
    input_shape: Vec<usize>,
    weight_shape: Vec<usize>,
    weight_type: String,
    activation_zero_point: u8,
    weight_zero_point: OneOrMore,
    activations: Vec<u8>,
    weights: Vec<i16>,
    accumulators: Vec<i32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(i32),
    More(Vec<i32>),
}

/// A case in the storage of the kernels: channels last, filters first.
struct Layer {
    shape: ConvShape,
    coding: WeightCoding,
    images: Vec<Vec<u8>>,
    weights: Vec<u8>,
    zero_points: Vec<i32>,
    zero_a: u8,
    /// Expected values to the order of `[image][position][filter]`.
    order: Vec<usize>,
}

impl Layer {
    fn new(case: &Case) -> Self {
        let shape = match case.operator.as_str() {
            "Conv" => convolution(case),
            _ => product(case),
        };
        let (channels, filters) = (shape.channels, shape.filters);
        let pixels = shape.height * shape.width;
        let inner = shape.channels_per_group();
        let taps = shape.kernel_height * shape.kernel_width;
        let images = case.activations.chunks_exact(channels * pixels);
        let byte = |&code: &i16| code as u8;
        let (images, weights): (Vec<_>, Vec<u8>) = if case.operator == "Conv" {
            (
                images.map(|image| turned(image, channels, pixels)).collect(),
                case.weights
                    .chunks_exact(inner * taps)
                    .flat_map(|filter| turned(filter, inner, taps))
                    .map(|code| byte(&code))
                    .collect(),
            )
        } else {
            let weights = match case.trans_b {
                Some(1) => case.weights.clone(),
                _ => turned(&case.weights, channels, filters),
            };
            (images.map(<[u8]>::to_vec).collect(), weights.iter().map(byte).collect())
        };
        let positions = shape.positions();
        let numbers: Vec<usize> = (0..images.len() * positions * filters).collect();
        let order = match case.operator.as_str() {
            "Conv" => numbers
                .chunks_exact(positions * filters)
                .flat_map(|image| turned(image, filters, positions))
                .collect(),
            _ => numbers,
        };
        Self {
            shape,
            coding: match case.weight_type.as_str() {
                "u8" => WeightCoding::Unsigned,
                _ => WeightCoding::Signed,
            },
            images,
            weights,
            zero_points: match &case.weight_zero_point {
                OneOrMore::One(zero_point) => vec![*zero_point; filters],
                OneOrMore::More(zero_points) => zero_points.clone(),
            },
            zero_a: case.activation_zero_point,
            order,
        }
    }

    /// The layer with `constant` besides its zero-point terms, and `scale`.
    fn spec(&self, product: Product, constant: &[i32], scale: f32) -> MacSpec {
        let depth = self.shape.depth() as i32;
        let terms = (0..self.shape.filters).map(|filter| {
            // k z_w z_a - z_a sum w
            let z_a = i32::from(self.zero_a);
            depth * self.zero_points[filter] * z_a - z_a * self.weight_sum(filter)
        });
        MacSpec {
            shape: self.shape,
            weights: self.weights.clone().into(),
            coding: self.coding,
            product,
            input_zero_point: self.zero_a,
            weight_zero_points: self.zero_points.clone(),
            control: None,
            constant: terms.zip(constant).map(|(terms, constant)| terms + constant).collect(),
            scale: vec![scale; self.shape.filters],
            low: f32::NEG_INFINITY,
            high: f32::INFINITY,
            residual: ResidualSpec::None,
            output: OutputSpec::F32,
            activation: None,
        }
    }

    fn weight_sum(&self, filter: usize) -> i32 {
        let depth = self.shape.depth();
        let weights = &self.weights[filter * depth..][..depth];
        weights.iter().map(|&weight| code_value(weight, self.coding)).sum()
    }

    /// `sum (w - z_w)(a - z_a)` out of the plain sums of products and of activations, eq. (1.2).
    fn centred(&self, kernel: &MacLayer, image: &[u8], scratch: &mut Scratch) -> Vec<i32> {
        let (filters, groups) = (self.shape.filters, self.shape.groups);
        let mut products = vec![0; self.shape.output_len()];
        let mut activations = vec![0; self.shape.positions() * groups];
        kernel.accumulate(image, scratch, &mut products);
        let identity: [i32; 256] = std::array::from_fn(|code| code as i32);
        kernel.position_sums(&identity, image, scratch, &mut activations);
        let (depth, z_a) = (self.shape.depth() as i32, i32::from(self.zero_a));
        let centre = |(index, acc): (usize, &i32)| {
            let (position, filter) = (index / filters, index % filters);
            let group = filter / self.shape.filters_per_group();
            let (z_w, sum_a) = (self.zero_points[filter], activations[position * groups + group]);
            acc - z_w * sum_a - z_a * self.weight_sum(filter) + depth * z_w * z_a
        };
        products.iter().enumerate().map(centre).collect()
    }
}

/// A 1-D convolution has height 1.
fn convolution(case: &Case) -> ConvShape {
    let two = |values: &[usize], fill: usize| match *values {
        [width] => [fill, width],
        [height, width] => [height, width],
        _ => panic!("{}: {values:?} are no spatial axes", case.name),
    };
    let [height, width] = two(&case.input_shape[2..], 1);
    let [kernel_height, kernel_width] = two(&case.weight_shape[2..], 1);
    let [stride_height, stride_width] = two(&case.strides, 1);
    let [dilation_height, dilation_width] = two(&case.dilations, 1);
    let (begin, end) = case.pads.split_at(case.pads.len() / 2);
    let [pad_top, pad_left] = two(begin, 0);
    let [pad_bottom, pad_right] = two(end, 0);
    ConvShape {
        channels: case.input_shape[1],
        height,
        width,
        filters: case.weight_shape[0],
        kernel_height,
        kernel_width,
        stride_height,
        stride_width,
        dilation_height,
        dilation_width,
        pad_top,
        pad_left,
        pad_bottom,
        pad_right,
        groups: case.group.unwrap_or(1),
    }
}

/// MatMul and Gemm are 1 x 1 convolutions over their rows.
fn product(case: &Case) -> ConvShape {
    let depth = *case.input_shape.last().unwrap();
    let filters = match case.trans_b {
        Some(1) => case.weight_shape[0],
        _ => case.weight_shape[1],
    };
    ConvShape::linear(case.activations.len() / depth, depth, filters)
}

/// `[rows][columns]` to `[columns][rows]`.
fn turned<T: Copy>(matrix: &[T], rows: usize, columns: usize) -> Vec<T> {
    (0..columns).flat_map(|c| (0..rows).map(move |r| matrix[r * columns + c])).collect()
}

/// All kernels: each instruction set with the exact mask and the exact table, and the definition.
fn kernels(layer: &Layer, constant: &[i32], scale: f32) -> Vec<MacLayer> {
    let table = Product::Table(Multiplier::exact().table(layer.coding).into());
    let products = [Product::Mask(u64::MAX), table];
    let mut kernels = Vec::new();
    for product in products {
        let spec = layer.spec(product, constant, scale);
        kernels.push(MacLayer::new_naive(spec.clone()).unwrap());
        kernels.extend(
            Isa::available().into_iter().map(|isa| MacLayer::new(isa, spec.clone()).unwrap()),
        );
    }
    kernels
}

fn cases() -> Vec<Case> {
    let vectors: Vectors = reference::json("integer_vectors.json");
    vectors.cases
}

#[test]
fn accumulators_equal_onnx_runtimes() {
    let mut names = Vec::new();
    for case in cases() {
        let layer = Layer::new(&case);
        let expected: Vec<i32> =
            layer.order.iter().map(|&index| case.accumulators[index]).collect();
        let constant = vec![0; layer.shape.filters];
        for kernel in kernels(&layer, &constant, 1.0) {
            let context = format!("{} on {}", case.name, kernel.kernel_name());
            let mut scratch = Scratch::default();
            let centred =
                layer.images.iter().flat_map(|image| layer.centred(&kernel, image, &mut scratch));
            assert_eq!(centred.collect::<Vec<_>>(), expected, "{context}");
            // The same in one go, zero points and all.
            let real = layer.images.iter().flat_map(|image| run(&kernel, image, &mut scratch));
            let expected: Vec<f32> = expected.iter().map(|&acc| acc as f32).collect();
            assert_eq!(real.collect::<Vec<_>>(), expected, "{context}");
        }
        names.push(case.name);
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), CASES, "{names:?}");
}

#[test]
fn gemm_scales_its_product_and_its_bias() {
    let mut ran = 0;
    for case in cases() {
        let (Some(alpha), Some(beta), Some(bias), Some(expected)) =
            (case.alpha, case.beta, &case.bias, &case.output)
        else {
            assert_ne!(case.operator, "Gemm", "{}", case.name);
            continue;
        };
        // alpha acc + beta b = alpha (acc + beta b / alpha), eq. (1.5); all are integers.
        let constant: Vec<i32> = bias.iter().map(|bias| (beta * bias / alpha) as i32).collect();
        let layer = Layer::new(&case);
        for kernel in kernels(&layer, &constant, alpha) {
            let real = run(&kernel, &layer.images[0], &mut Scratch::default());
            assert_eq!(&real, expected, "{} on {}", case.name, kernel.kernel_name());
        }
        ran += 1;
    }
    assert_eq!(ran, 5, "Gemm cases");
}

fn run(kernel: &MacLayer, image: &[u8], scratch: &mut Scratch) -> Vec<f32> {
    let mut real = vec![0.0; kernel.spec().shape.output_len()];
    kernel.run(image, Residual::None, Output::F32(&mut real), scratch);
    real
}
