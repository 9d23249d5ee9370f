//! Every kernel of every instruction set, against the naive loops: equal bit for bit.

use std::sync::Arc;

use crate::*;

use judged::Judged;

mod by_code;
mod codes;
pub(crate) mod judged;
mod loads;
mod lookups;
mod tables;

/// SplitMix64: the same cases in every run.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// Any code, and the extremes more often than their share.
    fn code(&mut self) -> u8 {
        match self.below(8) {
            0 => 0,
            1 => 255,
            2 => 128,
            _ => self.bits() as u8,
        }
    }

    fn codes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.code()).collect()
    }

    fn between(&mut self, low: i32, high: i32) -> i32 {
        low + self.below(high.abs_diff(low) as usize + 1) as i32
    }
}

fn mask(kept: impl Fn(u32, u32) -> bool) -> Product {
    Product::Mask((0..64).filter(|&b| kept(b / 8, b % 8)).map(|b| 1 << b).sum())
}

fn exact() -> Product {
    Product::Mask(u64::MAX)
}

fn truncated(m: u32) -> Product {
    mask(|i, l| i + l >= m)
}

fn families() -> Vec<Product> {
    let mut all = vec![exact(), Product::Mask(0)];
    for m in 1..8 {
        all.push(mask(|i, _| i >= m));
        all.push(mask(|i, l| i >= m || l >= m));
    }
    all.extend((1..=8).map(truncated));
    all
}

fn conv(channels: usize, size: (usize, usize), filters: usize, kernel: usize) -> ConvShape {
    ConvShape {
        height: size.0,
        kernel_height: kernel,
        kernel_width: kernel,
        pad_top: kernel / 2,
        pad_left: kernel / 2,
        pad_bottom: kernel / 2,
        pad_right: kernel / 2,
        ..ConvShape::linear(size.1, channels, filters)
    }
}

/// A layer with random weights and a plain float output.
fn layer(random: &mut Random, shape: ConvShape, product: Product) -> MacSpec {
    let any = random.between(0, 255);
    let zero_point = random.pick(&[0, 128, any]);
    MacSpec {
        weights: random.codes(shape.filters * shape.depth()).into(),
        coding: random.pick(&[WeightCoding::Unsigned, WeightCoding::Signed]),
        product,
        input_zero_point: random.code(),
        weight_zero_points: vec![zero_point; shape.filters],
        control: None,
        constant: (0..shape.filters).map(|_| random.between(-30_000, 30_000)).collect(),
        scale: (0..shape.filters).map(|_| random.between(-400, 1600) as f32 / 3e6).collect(),
        low: f32::NEG_INFINITY,
        high: f32::INFINITY,
        residual: ResidualSpec::None,
        output: OutputSpec::F32,
        activation: None,
        shape,
    }
}

fn with_control(random: &mut Random, spec: MacSpec, c_bits: u32, c_frac: u32) -> MacSpec {
    let largest = 1 << c_bits;
    // Often one function, sometimes up to three.
    let terms = random.pick(&[1, 1, 2, 3]);
    let mut term = || {
        let x_bits = random.pick(&[1, 4, 8, 10]);
        let mask = (1u16 << x_bits) - 1;
        // Anything, some of the code's bits, and what its halves add to.
        let x: [u16; 256] = match random.below(3) {
            0 => std::array::from_fn(|_| random.bits() as u16 & mask),
            1 => std::array::from_fn(|a| a as u16 & mask),
            _ => std::array::from_fn(|a| 3 * (a as u16 & mask).count_ones() as u16 + 2),
        };
        ControlTerm {
            x,
            c: (0..spec.shape.filters).map(|_| random.between(-largest, largest)).collect(),
        }
    };
    let terms = (0..terms).map(|_| term()).collect();
    MacSpec { control: Some(Control { terms, c_frac }), ..spec }
}

fn with_ends(random: &mut Random, spec: MacSpec) -> MacSpec {
    let dropped_bits = random.below(5) as u32;
    let code = OutputSpec::U8 {
        inv_scale: random.between(1, 100) as f32 / 3.0,
        zero_point: (random.code() >> dropped_bits) << dropped_bits,
        dropped_bits,
    };
    let (low, high) = random.pick(&[
        (f32::NEG_INFINITY, f32::INFINITY),
        (0.0, f32::INFINITY),
        (0.0, 6.0),
        (-1.3, 1.7),
    ]);
    let scale = random.between(-30, 30) as f32 / 100.0;
    let zero_point = random.code();
    let output = random.pick(&[OutputSpec::F32, code]);
    let function = Arc::new(std::array::from_fn(|_| random.code()));
    let function = random.pick(&[None, Some(function)]);
    MacSpec {
        low,
        high,
        residual: random.pick(&[
            ResidualSpec::None,
            ResidualSpec::U8 { scale, zero_point },
            ResidualSpec::F32,
        ]),
        output,
        activation: function.filter(|_| output == code),
        ..spec
    }
}

/// The outputs as bits, so that -0 differs from 0.
fn run(layer: &MacLayer, input: &[u8], random: &mut Random, scratch: &mut Scratch) -> Vec<u32> {
    let len = layer.spec().shape.output_len();
    let codes = random.codes(len);
    let value = |&code: &u8| match code {
        1 => f32::NAN,
        254 => f32::NEG_INFINITY,
        255 => f32::INFINITY,
        code => f32::from(code) / 7.0 - 16.0,
    };
    let values: Vec<f32> = codes.iter().map(value).collect();
    let residual = match layer.spec().residual {
        ResidualSpec::None => Residual::None,
        ResidualSpec::U8 { .. } => Residual::U8(&codes),
        ResidualSpec::F32 => Residual::F32(&values),
    };
    match layer.spec().output {
        OutputSpec::F32 => {
            let mut out = vec![0.0; len];
            layer.run(input, residual, Output::F32(&mut out), scratch);
            out.into_iter().map(f32::to_bits).collect()
        }
        OutputSpec::U8 { .. } => {
            let mut out = vec![0; len];
            layer.run(input, residual, Output::U8(&mut out), scratch);
            out.into_iter().map(u32::from).collect()
        }
    }
}

/// Compares every instruction set with the naive loops; collects all failures.
#[derive(Default)]
struct Judge {
    scratch: Scratch,
    judged: Judged,
    kernels: std::collections::BTreeSet<String>,
    failures: Vec<String>,
}

impl Judge {
    fn compare(&mut self, random: &mut Random, spec: &MacSpec) {
        let layer = |isa| MacLayer::new(isa, spec.clone()).unwrap();
        let layers: Vec<_> = Isa::available().into_iter().map(|isa| (isa, layer(isa))).collect();
        self.compare_layers(random, spec, layers.iter().map(|(isa, layer)| (*isa, layer)));
    }

    /// Of layers that are to be as `spec` says.
    fn compare_layers<'l>(
        &mut self,
        random: &mut Random,
        spec: &MacSpec,
        layers: impl Iterator<Item = (Isa, &'l MacLayer)>,
    ) {
        let shape = spec.shape;
        let input = random.codes(shape.input_len());
        let f: [i32; 256] = match random.below(3) {
            0 => std::array::from_fn(|a| (a as u32).count_ones() as i32),
            1 => std::array::from_fn(|_| random.between(-20_000, 20_000)),
            _ => std::array::from_fn(|_| random.bits() as i32),
        };
        let seed = random.bits();
        let results = |layer: &MacLayer, scratch: &mut Scratch| {
            let mut acc = vec![0; shape.output_len()];
            layer.accumulate(&input, scratch, &mut acc);
            let mut sums = vec![0; shape.positions() * shape.groups];
            layer.position_sums(&f, &input, scratch, &mut sums);
            (acc, sums, run(layer, &input, &mut Random(seed), scratch))
        };
        let naive = MacLayer::new_naive(spec.clone()).unwrap();
        let (acc, sums, out) = results(&naive, &mut Scratch::default());
        for (isa, layer) in layers {
            let found = results(layer, &mut self.scratch);
            for (what, equal) in [
                ("accumulate", found.0 == acc),
                ("position_sums", found.1 == sums),
                ("run", found.2 == out),
            ] {
                self.judged.count(isa, what);
                if !equal {
                    self.failures.push(format!(
                        "{what} on {}: {:?} {:?} {shape:?}",
                        layer.kernel_name(),
                        spec.coding,
                        match &spec.product {
                            Product::Mask(mask) => format!("{mask:#018x}"),
                            Product::Table(_) => "table".to_owned(),
                        },
                    ));
                }
            }
            self.kernels.insert(layer.kernel_name());
        }
    }

    /// With so many descriptions, all of them on every instruction set.
    fn verdict(self, at_least: usize) {
        assert!(
            self.failures.is_empty(),
            "{} failed:\n{}",
            self.failures.len(),
            self.failures[..self.failures.len().min(20)].join("\n")
        );
        self.judged.verdict(&["accumulate", "position_sums", "run"].map(|what| (what, at_least)));
    }
}

/// Widths around the tiles' and vectors' sizes, depths around a step's.
#[test]
fn sizes_on_the_edges() {
    let (mut random, mut judge) = (Random(1), Judge::default());
    for channels in [1, 3, 4, 5, 16, 17, 33, 64] {
        for filters in [1, 7, 16, 17, 32, 33, 64, 70] {
            let width = random.pick(&[1, 2, 5, 6, 7, 8, 9, 11, 12, 13, 16, 17]);
            let kernel = random.pick(&[1, 3]);
            let shape = conv(channels, (random.between(1, 3) as usize, width), filters, kernel);
            for product in [exact(), truncated(7)] {
                let spec = layer(&mut random, shape, product);
                let spec = with_control(&mut random, spec, 7, 4);
                judge.compare(&mut random, &spec);
            }
        }
    }
    for width in 1..=40 {
        for (filters, product) in [(16, exact()), (40, exact()), (16, truncated(8))] {
            let spec = layer(&mut random, conv(2, (1, width), filters, 1), product);
            judge.compare(&mut random, &spec);
        }
    }
    // Few weights meet some positions after the others, many weights all of them.
    for (depth, filters, positions) in [(5, 70, 150), (1900, 160, 90)] {
        let spec = layer(&mut random, ConvShape::linear(positions, depth, filters), exact());
        judge.compare(&mut random, &spec);
    }
    // Sums of a pixel's channels: as few as a dword has, and around a vector.
    for channels in [2, 4, 63, 65, 128, 130] {
        for width in 1..=9 {
            let spec = layer(&mut random, conv(channels, (1, width), 5, 1), mask(|i, _| i >= 2));
            let spec = with_control(&mut random, spec, 7, 4);
            judge.compare(&mut random, &spec);
        }
    }
    judge.verdict(304);
}

#[test]
fn all_families_in_both_codings() {
    let (mut random, mut judge) = (Random(2), Judge::default());
    for product in families() {
        for coding in [WeightCoding::Unsigned, WeightCoding::Signed] {
            for shape in
                [conv(5, (6, 13), 18, 3), conv(16, (8, 9), 33, 1), ConvShape::linear(1, 70, 10)]
            {
                let spec = MacSpec { coding, ..layer(&mut random, shape, product.clone()) };
                let spec = with_control(&mut random, spec, 10, 6);
                let spec = with_ends(&mut random, spec);
                judge.compare(&mut random, &spec);
            }
        }
    }
    judge.verdict(24 * 6);
}

/// One sum over the receptive field serves the control variate and the zero point: x(a) is what a
/// perforated multiplier drops of a. Weights near the zero point fit a byte less any of them.
#[test]
fn shared_sums() {
    let (mut random, mut judge) = (Random(9), Judge::default());
    for (m, c_frac) in (1..8).flat_map(|m| [(m, 0), (m, 1), (m, 4)]) {
        for (zero_point, narrow) in [(128, false), (121, true), (7, false), (0, true)] {
            let shape = conv(16, (5, 9), 20, 3);
            let mut spec = layer(&mut random, shape, mask(|i, _| i >= m));
            spec.weight_zero_points = vec![zero_point; shape.filters];
            if narrow {
                Arc::make_mut(&mut spec.weights).iter_mut().for_each(|w| *w %= 128);
            }
            spec = with_control(&mut random, spec, 8, c_frac);
            if let Some(control) = &mut spec.control {
                control.terms.truncate(1);
                control.terms[0].x = std::array::from_fn(|a| a as u16 & ((1 << m) - 1));
            }
            let spec = with_ends(&mut random, spec);
            judge.compare(&mut random, &spec);
            // Nothing to sum.
            let x = [0; 256];
            let mut control = spec.control.clone();
            control.iter_mut().flat_map(|control| &mut control.terms).for_each(|term| term.x = x);
            judge.compare(&mut random, &MacSpec { control, ..spec });
        }
    }
    judge.verdict(168);
}

/// What surrounds the products in another way, on what is packed for them; other products are not
/// those that are packed.
#[test]
fn layers_that_share_their_products() {
    let (mut random, mut judge) = (Random(41), Judge::default());
    let depthwise = ConvShape { groups: 24, ..conv(24, (6, 7), 24, 3) };
    let table = |i: i32| (i >> 8) * (i & 255) - ((i >> 8) & (i & 255) & 0x5a) * 7 % 31;
    let table = Product::Table((0..1 << 16).map(table).collect());
    for shape in [conv(5, (6, 7), 20, 3), depthwise, ConvShape::linear(1, 40, 33)] {
        for product in families().into_iter().chain([table.clone()]) {
            let spec = layer(&mut random, shape, product);
            let spec = with_control(&mut random, spec, 7, 4);
            let all = Isa::available().into_iter();
            let all = all.map(|isa| (isa, MacLayer::new(isa, spec.clone()).unwrap()));
            let all: Vec<_> = all.collect();
            let mut other = with_ends(&mut random, spec.clone());
            other.constant.iter_mut().for_each(|it| *it = random.between(-30_000, 30_000));
            let terms = other.control.iter_mut().flat_map(|control| &mut control.terms);
            terms.flat_map(|term| &mut term.c).for_each(|c| *c = random.between(-40, 40));
            let mut weights = other.clone();
            weights.weights = random.codes(weights.weights.len()).into();
            let without = MacSpec { control: None, ..spec };
            for spec in [other, weights, without] {
                let layer = |layer: &MacLayer| layer.with_spec(spec.clone()).unwrap();
                let layers: Vec<_> = all.iter().map(|(isa, it)| (*isa, layer(it))).collect();
                let layers = layers.iter().map(|(isa, layer)| (*isa, layer));
                judge.compare_layers(&mut random, &spec, layers);
            }
        }
    }
    judge.verdict(3 * 3 * families().len());
}

/// Every weight byte meets every code, and the deepest sums of a kernel's narrow accumulators.
#[test]
fn extreme_codes_and_deep_sums() {
    let (mut random, mut judge) = (Random(3), Judge::default());
    for product in families() {
        for coding in [WeightCoding::Unsigned, WeightCoding::Signed] {
            let shape = ConvShape::linear(66, 2900, 3);
            let fill = random.pick(&[255, 127, 128]);
            let spec = MacSpec {
                coding,
                weights: vec![fill; shape.depth() * 3].into(),
                ..layer(&mut random, shape, product.clone())
            };
            judge.compare(&mut random, &spec);
            let shape = ConvShape::linear(256, 1, 256);
            let weights = (0..=255).collect();
            let spec = MacSpec { coding, weights, ..layer(&mut random, shape, product.clone()) };
            let codes: Vec<u8> = (0..=255).collect();
            for isa in Isa::available() {
                let layer = MacLayer::new(isa, spec.clone()).unwrap();
                let mut acc = vec![0; 1 << 16];
                layer.accumulate(&codes, &mut judge.scratch, &mut acc);
                for (i, &p) in acc.iter().enumerate() {
                    assert_eq!(p, naive::product(coding, &product, i as u8, (i >> 8) as u8));
                }
                judge.judged.count(isa, "all pairs");
            }
        }
    }
    judge.judged.verdict(&[("all pairs", 48)]);
    judge.verdict(48);
}

#[test]
fn random_masks_tables_and_geometries() {
    let (mut random, mut judge) = (Random(4), Judge::default());
    for case in 0..300 {
        let groups = random.pick(&[1, 1, 1, 2, 3]);
        let shape = ConvShape {
            channels: groups * random.pick(&[1, 2, 3, 4, 5, 8, 16, 19]),
            height: random.between(1, 9) as usize,
            width: random.between(1, 20) as usize,
            filters: groups * random.pick(&[1, 2, 5, 16, 17, 24]),
            kernel_height: random.between(1, 3) as usize,
            kernel_width: random.between(1, 4) as usize,
            stride_height: random.between(1, 3) as usize,
            stride_width: random.between(1, 3) as usize,
            dilation_height: random.between(1, 2) as usize,
            dilation_width: random.between(1, 2) as usize,
            pad_top: random.between(0, 3) as usize,
            pad_left: random.between(0, 3) as usize,
            pad_bottom: random.between(0, 3) as usize,
            pad_right: random.between(0, 3) as usize,
            groups,
        };
        if shape.validate().is_err() {
            continue;
        }
        let product = match case % 4 {
            0 => Product::Table((0..1 << 16).map(|_| random.bits() as i32).collect::<Arc<[i32]>>()),
            1 => Product::Mask(random.bits()),
            2 => Product::Mask(random.bits() | random.bits() | random.bits()),
            _ => {
                let all = families();
                all[random.below(all.len())].clone()
            }
        };
        let mut spec = layer(&mut random, shape, product);
        if random.below(3) == 0 {
            let points = (0..shape.filters).map(|_| random.between(-128, 255)).collect();
            spec = MacSpec { weight_zero_points: points, ..spec };
        }
        if random.below(3) > 0 {
            spec = with_control(&mut random, spec, 8, 5);
        }
        let spec = with_ends(&mut random, spec);
        judge.compare(&mut random, &spec);
    }
    judge.verdict(200);
}

/// One channel per group, one or several filters per channel.
#[test]
fn depthwise() {
    let (mut random, mut judge) = (Random(5), Judge::default());
    for channels in [1, 3, 15, 16, 17, 33, 64] {
        for multiplier in [1, 2, 3] {
            let table: Vec<i32> = (0..1 << 16).map(|_| random.bits() as i32).collect();
            for product in [
                exact(),
                mask(|i, _| i >= 3),
                truncated(6),
                Product::Mask(random.bits()),
                Product::Table(table.into()),
            ] {
                let mut shape = conv(channels, (5, 7), channels * multiplier, 3);
                shape.groups = channels;
                shape.stride_width = random.pick(&[1, 2]);
                let mut spec = layer(&mut random, shape, product);
                if random.below(2) == 0 {
                    let points = (0..shape.filters).map(|_| random.between(0, 255)).collect();
                    spec = MacSpec { weight_zero_points: points, ..spec };
                }
                let spec = with_control(&mut random, spec, 8, 3);
                let spec = with_ends(&mut random, spec);
                judge.compare(&mut random, &spec);
            }
        }
    }
    // At the edges of 64 channels and of 16 positions, with kernels of more rows than a unit has.
    for channels in [15, 16, 48, 63, 64, 65, 100, 128] {
        for (kernel, width) in [(1, 3), (2, 16), (3, 17), (4, 20), (5, 33), (7, 25)] {
            let mut shape = conv(channels, (7, width), channels, kernel);
            shape.groups = channels;
            shape.kernel_width = random.pick(&[1, 2, kernel]).min(kernel);
            (shape.stride_height, shape.stride_width) = random.pick(&[(1, 1), (2, 1), (1, 2)]);
            shape.dilation_height = if kernel < 4 { random.pick(&[1, 2]) } else { 1 };
            shape.dilation_width = random.pick(&[1, 3]);
            (shape.pad_left, shape.pad_bottom) = random.pick(&[(0, 2), (5, 0), (2, 1)]);
            let product = random.pick(&[exact(), truncated(7), mask(|i, _| i >= 2)]);
            let spec = layer(&mut random, shape, product);
            let spec = with_control(&mut random, spec, 8, 3);
            let spec = with_ends(&mut random, spec);
            judge.compare(&mut random, &spec);
        }
    }
    judge.verdict(153);
}

/// Ties, saturation, the 64-bit control variate and all the ways in and out.
#[test]
fn epilogues() {
    let (mut random, mut judge) = (Random(6), Judge::default());
    for c_frac in 0..=8 {
        for c_bits in [3, 8, 24, 30] {
            for _ in 0..4 {
                // Blocks of a tile, whole and not.
                let filters = random.pick(&[7, 16, 19, 32, 35, 48, 52, 64]);
                let shape = conv(3, (4, 5), filters, 3);
                let spec = layer(&mut random, shape, exact());
                let spec = with_control(&mut random, spec, c_bits, c_frac);
                let spec = with_ends(&mut random, spec);
                judge.compare(&mut random, &spec);
            }
        }
    }
    // Scales that put every output on a tie or far outside the codes.
    for scale in [0.5, 0.25, -0.5, 1e30, -1e30, 0.0] {
        for dropped_bits in 0..=4 {
            let shape = ConvShape::linear(3, 7, 35);
            let output = OutputSpec::U8 { inv_scale: 1.0, zero_point: 48, dropped_bits };
            let spec = MacSpec {
                scale: vec![scale; 35],
                weights: (0..7 * 35).map(|i| (i % 2) as u8).collect(),
                constant: (0..35).map(|i| i * 5 - 300).collect(),
                output,
                ..layer(&mut random, shape, exact())
            };
            judge.compare(&mut random, &spec);
        }
    }
    judge.verdict(174);
}

#[test]
fn quantize_equals_the_definition() {
    let mut random = Random(7);
    let mut values: Vec<f32> =
        (0..500).map(|_| random.between(-9000, 9000) as f32 / 32.0).collect();
    values.extend([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, -0.0, 1e-40]);
    let mut judged = Judged::default();
    for isa in Isa::available() {
        for dropped_bits in 0..=4 {
            for inv_scale in [0.5, 1.0, 3.7] {
                let mut codes = vec![0; values.len()];
                quantize(isa, &values, inv_scale, 112, dropped_bits, &mut codes).unwrap();
                for (&value, &code) in values.iter().zip(&codes) {
                    assert_eq!(
                        code,
                        naive::quantize(value, inv_scale, 112, dropped_bits),
                        "{value}"
                    );
                }
                judged.count(isa, "values");
            }
        }
        assert!(quantize(isa, &[], 0.0, 0, 0, &mut []).is_err());
        assert!(quantize(isa, &[], 1.0, 1, 1, &mut []).is_err());
        judged.count(isa, "refusals");
    }
    judged.verdict(&[("values", 15), ("refusals", 1)]);
}

#[test]
fn descriptions_that_do_not_fit_are_refused() {
    let mut random = Random(8);
    let good = layer(&mut random, conv(3, (4, 4), 2, 3), exact());
    let refused = |spec: MacSpec| MacLayer::new(Isa::best(), spec).unwrap_err().to_string();
    assert_eq!(
        refused(MacSpec { weights: vec![0; 53].into(), ..good.clone() }),
        "weights needs 54 entries and has 53"
    );
    let term = ControlTerm { x: [u16::MAX; 256], c: vec![i32::MIN; 2] };
    let control = |terms, c_frac| Some(Control { terms: vec![term.clone(); terms], c_frac });
    let controlled = |control| refused(MacSpec { control, ..good.clone() });
    assert!(controlled(control(1, 31)).contains("c_frac"));
    assert!(controlled(control(5000, 4)).contains("2^63"));
    let table = Product::Table(Arc::new([0; 3]));
    assert!(refused(MacSpec { product: table, ..good.clone() }).contains("65536"));
    assert!(refused(MacSpec { low: f32::NAN, ..good.clone() }).contains("low"));
    assert!(refused(MacSpec { scale: vec![1.0, f32::NAN], ..good.clone() }).contains("scale"));
    let activation = Some(Arc::new([0; 256]));
    assert!(refused(MacSpec { activation, ..good }).contains("activation"));
}
