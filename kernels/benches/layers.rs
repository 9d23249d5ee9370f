//! Products per nanosecond of whole layers, by kind of layer, multiplier and instruction set.
//!
//! `cargo bench -p recoup-kernels` prints the table; `-- exact avx2` keeps the lines that contain
//! all the words. Each kernel's output is compared with the naive loops before it is timed.

use std::{hint::black_box, time::Instant};

use recoup_kernels::*;

/// One kind of convolution and how often ResNet-20 has it.
struct Layer {
    name: &'static str,
    shape: ConvShape,
    times: usize,
}

fn conv(channels: usize, size: usize, filters: usize, stride: usize) -> ConvShape {
    ConvShape {
        height: size,
        kernel_height: 3,
        kernel_width: 3,
        stride_height: stride,
        stride_width: stride,
        pad_top: 1,
        pad_left: 1,
        pad_bottom: 1,
        pad_right: 1,
        ..ConvShape::linear(size, channels, filters)
    }
}

/// The same with another kernel, padded so that the size stays.
fn of_kernel(shape: ConvShape, kernel: usize) -> ConvShape {
    let pad = kernel / 2;
    ConvShape {
        kernel_height: kernel,
        kernel_width: kernel,
        pad_top: pad,
        pad_left: pad,
        pad_bottom: pad,
        pad_right: pad,
        ..shape
    }
}

fn depthwise(channels: usize, size: usize, kernel: usize, stride: usize) -> ConvShape {
    ConvShape { groups: channels, ..of_kernel(conv(channels, size, channels, stride), kernel) }
}

fn layers() -> Vec<Layer> {
    let layer = |name, shape, times| Layer { name, shape, times };
    vec![
        layer("3x16@32", conv(3, 32, 16, 1), 1),
        layer("16x16@32", conv(16, 32, 16, 1), 6),
        layer("16x32@32/2", conv(16, 32, 32, 2), 1),
        layer("32x32@16", conv(32, 16, 32, 1), 5),
        layer("32x64@16/2", conv(32, 16, 64, 2), 1),
        layer("64x64@8", conv(64, 8, 64, 1), 5),
        layer("depthwise", ConvShape { groups: 32, ..conv(32, 16, 32, 1) }, 0),
        layer("1x1 64x64@16", ConvShape { height: 16, ..ConvShape::linear(16, 64, 64) }, 0),
        layer("linear 512x512", ConvShape::linear(1, 512, 512), 0),
        // MobileNetV2.
        layer("dw 96@112/2", depthwise(96, 112, 3, 2), 0),
        layer("dw 144@56", depthwise(144, 56, 3, 1), 0),
        layer("1x1 16x96@112", ConvShape { height: 112, ..ConvShape::linear(112, 16, 96) }, 0),
        layer("1x1 576x96@14", ConvShape { height: 14, ..ConvShape::linear(14, 576, 96) }, 0),
        // EfficientNet-B0.
        layer("dw5 672@14", depthwise(672, 14, 5, 1), 0),
        layer("dw5 1152@7", depthwise(1152, 7, 5, 1), 0),
        layer("3x32@224/2", conv(3, 224, 32, 2), 0),
        // ResNet-50.
        layer("7x7 3x64@224/2", of_kernel(conv(3, 224, 64, 2), 7), 0),
        layer("1x1 256x64@56", ConvShape { height: 56, ..ConvShape::linear(56, 256, 64) }, 0),
    ]
}

fn mask(kept: impl Fn(u32, u32) -> bool) -> Product {
    Product::Mask((0..64).filter(|&b| kept(b / 8, b % 8)).map(|b| 1 << b).sum())
}

/// A table of w a less an error of up to `errors`, or of anything up to 2^16.
fn table(errors: Option<u32>) -> Product {
    let mut state = 7u32;
    let mut random = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((u64::from(state) * u64::from(below)) >> 32) as i32
    };
    let entry = |i: i32| match errors {
        Some(errors) => (i >> 8) * (i & 255) - random(errors),
        None => random(1 << 16),
    };
    Product::Table((0..1 << 16).map(entry).collect::<Vec<_>>().into())
}

/// A table of one formula.
fn formula(product: impl Fn(i32, i32) -> i32) -> Product {
    Product::Table((0..1 << 16).map(|i| product(i >> 8, i & 255)).collect::<Vec<_>>().into())
}

/// Both bits of each pair: what multipliers made of those for two bits get wrong (Kulkarni et al.,
/// Trading accuracy for power with an underdesigned multiplier architecture, 2011).
fn pairs(v: i32) -> i32 {
    v & (v >> 1) & 0x55
}

/// `rows` functions of the code, each of which many weights share.
fn few_rows(rows: i32) -> Product {
    formula(move |w, a| {
        let any = ((w % rows) * 256 + a).wrapping_mul(0x9e37_79b9_u32 as i32) >> 23;
        w * rows / 256 * a + any
    })
}

fn spec(shape: ConvShape, product: Product, control: Option<&dyn Fn(u8) -> u16>) -> MacSpec {
    let mut state = 1u32;
    let mut byte = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    // As networks have them when each filter has its own scale: around 128, few at the ends.
    let mut weight = || ((0..4).map(|_| u32::from(byte())).sum::<u32>() / 4) as u8;
    MacSpec {
        weights: (0..shape.filters * shape.depth()).map(|_| weight()).collect(),
        coding: WeightCoding::Unsigned,
        product,
        input_zero_point: 0,
        weight_zero_points: vec![128; shape.filters],
        control: control.map(|x| Control {
            terms: vec![ControlTerm {
                x: std::array::from_fn(|a| x(a as u8)),
                c: (0..shape.filters).map(|_| i32::from(byte())).collect(),
            }],
            c_frac: 4,
        }),
        constant: vec![1000; shape.filters],
        scale: vec![1e-3; shape.filters],
        low: 0.0,
        high: f32::INFINITY,
        residual: ResidualSpec::None,
        output: OutputSpec::U8 { inv_scale: 8.0, zero_point: 0, dropped_bits: 0 },
        activation: None,
        shape,
    }
}

/// Nanoseconds per image: the fastest of several rounds, since everything else only adds time.
fn time(images: usize, mut run: impl FnMut()) -> f64 {
    let mut calls = 1;
    let mut best = f64::INFINITY;
    for round in 0..60 {
        let start = Instant::now();
        for _ in 0..calls {
            run();
        }
        let ns = start.elapsed().as_nanos() as f64 / (calls * images) as f64;
        best = best.min(ns);
        if round == 0 {
            calls = ((5e5 / (ns * images as f64)) as usize).max(1);
        }
    }
    best
}

/// The loop of the emulators that look each product up in a table, as AdaPT's: image to columns,
/// then one lookup per product, summed for each filter and position. The rival of `rows`.
fn table_loop(spec: &MacSpec, table: &[i32], input: &[u8], columns: &mut [u8], acc: &mut [i32]) {
    let (shape, depth) = (&spec.shape, spec.shape.depth());
    for (position, column) in columns.chunks_exact_mut(depth).enumerate() {
        let (oy, ox) = (position / shape.out_width(), position % shape.out_width());
        for (j, code) in column.iter_mut().enumerate() {
            let (tap, c) = (j / shape.channels, j % shape.channels);
            let y =
                (oy * shape.stride_height + tap / shape.kernel_width).checked_sub(shape.pad_top);
            let x =
                (ox * shape.stride_width + tap % shape.kernel_width).checked_sub(shape.pad_left);
            let inside = y.zip(x).filter(|&(y, x)| y < shape.height && x < shape.width);
            *code = inside.map_or(0, |(y, x)| input[(y * shape.width + x) * shape.channels + c]);
        }
    }
    let weights = spec.weights.chunks_exact(depth);
    for (weights, acc) in weights.zip(acc.chunks_exact_mut(shape.positions())) {
        for (column, acc) in columns.chunks_exact(depth).zip(acc) {
            let products = weights.iter().zip(column);
            *acc = products.map(|(&w, &a)| table[usize::from(w) << 8 | usize::from(a)]).sum();
        }
    }
}

/// Products per nanosecond of the bare multiply-add instruction, from registers.
#[cfg(target_arch = "x86_64")]
mod limit {
    use std::{arch::x86_64::*, hint::black_box, time::Instant};

    const STEPS: usize = 200_000;

    #[target_feature(enable = "avx2")]
    fn avx2() {
        let mut sums = [_mm256_setzero_si256(); 12];
        let one = black_box(_mm256_set1_epi16(1));
        for _ in 0..STEPS {
            let codes = black_box(one);
            for sum in &mut sums {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(codes, one));
            }
        }
        black_box(sums);
    }

    #[target_feature(enable = "avx512f,avx512vnni")]
    fn avx512() {
        let mut sums = [_mm512_setzero_si512(); 12];
        let one = black_box(_mm512_set1_epi8(1));
        for _ in 0..STEPS {
            let codes = black_box(one);
            for sum in &mut sums {
                *sum = _mm512_dpbusd_epi32(*sum, codes, one);
            }
        }
        black_box(sums);
    }

    pub fn products_per_ns(isa: &str) -> Option<f64> {
        let (run, products): (unsafe fn(), usize) = match isa {
            "avx2" => (avx2, 16),
            "avx512vnni" => (avx512, 64),
            _ => return None,
        };
        let best = (0..10)
            .map(|_| {
                let start = Instant::now();
                // SAFETY: main asks only for the instruction sets that Isa::available lists.
                unsafe { run() };
                start.elapsed().as_nanos() as f64
            })
            .fold(f64::INFINITY, f64::min);
        Some((STEPS * 12 * products) as f64 / best)
    }
}

/// The speed of a network whose layers take so long.
#[derive(Default)]
struct Network {
    ns: f64,
    macs: usize,
}

impl Network {
    fn add(&mut self, layer: &Layer, image_ns: f64) {
        self.ns += image_ns * layer.times as f64;
        self.macs += layer.shape.macs() * layer.times;
    }

    /// Products per nanosecond; None if no layer ran.
    fn speed(&self) -> Option<f64> {
        (self.macs > 0).then(|| self.macs as f64 / self.ns)
    }
}

/// The table loop that lookups are measured against, and its speed.
fn rival(wanted: &dyn Fn(&str) -> bool) -> Option<f64> {
    let mut network = Network::default();
    let product = table(None);
    let Product::Table(table) = &product else { unreachable!("made above") };
    for layer in layers() {
        let Layer { name, shape, .. } = layer;
        let line = format!("{:28} {:16} {name:14}", "scalar table loop (AdaPT)", "table, u16");
        if !wanted(&line) || shape.groups > 1 {
            continue;
        }
        let spec = spec(shape, product.clone(), None);
        let input: Vec<u8> = (0..shape.input_len()).map(|i| ((i * i) >> 3) as u8).collect();
        let mut columns = vec![0; shape.positions() * shape.depth()];
        let mut acc = vec![0; shape.output_len()];
        let image = time(1, || {
            table_loop(&spec, table, black_box(&input), &mut columns, black_box(&mut acc));
        });
        println!("{line} {:7.1}", shape.macs() as f64 / image);
        network.add(&layer, image);
    }
    network.speed()
}

/// The speed of the float reference's convolutions.
fn float(isa: Isa, wanted: &dyn Fn(&str) -> bool) -> Option<f64> {
    let mut network = Network::default();
    for kind in layers() {
        let Layer { name, shape, .. } = kind;
        let line = format!("{:28} {:16} {name:14}", isa.name(), "float32");
        if !wanted(&line) {
            continue;
        }
        // Whole numbers: sums are exact in any order.
        let numbers = |count: usize| (0..count).map(|i| (i * i % 11) as f32 - 5.0).collect();
        let weights: Vec<f32> = numbers(shape.filters * shape.depth());
        let bias = vec![1.0; shape.filters];
        let spec = FloatConvSpec { shape, weights, bias, low: 0.0, high: f32::INFINITY };
        let border = [shape.pad_top, shape.pad_left, shape.pad_bottom, shape.pad_right];
        let from = FloatImage::new(shape.channels, shape.height, shape.width).with_border(border);
        let from = if shape.groups == 1 { from.dense() } else { from };
        let to = FloatImage::new(shape.filters, shape.out_height(), shape.out_width());
        let layer = FloatConv::new(isa, &spec, from, to).expect("a valid layer");
        let [mut input, mut output, mut scratch] = <[FloatBuffer; 3]>::default();
        let planes: Vec<f32> = numbers(shape.input_len());
        from.pack(&planes, &mut input);
        let image = time(1, || {
            layer.run(black_box(&input), None, black_box(&mut output), &mut scratch);
        });
        assert_eq!(to.unpack(&output), naive::convolve_float(&spec, &planes, None), "{line}");
        println!("{line} {:7.1}", shape.macs() as f64 / image);
        network.add(&kind, image);
    }
    network.speed()
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|w| !w.starts_with("--")).collect();
    let wanted = |line: &str| words.iter().all(|word| line.contains(word.as_str()));
    type Multiplier = (&'static str, Product, Option<Box<dyn Fn(u8) -> u16>>);
    let low = |m: u32| move |a: u8| u16::from(a) % (1 << m);
    // What the truncated rows of a code lose on average, but for a factor.
    let lost = |m: u32| {
        let bit = move |a: u8, i: u32| u16::from(a >> i & 1) * ((1 << m) - (1 << i));
        move |a: u8| (0..m.min(8)).map(|i| bit(a, i)).sum()
    };
    let mut multipliers: Vec<Multiplier> = vec![("exact", Product::Mask(u64::MAX), None)];
    multipliers.push(("perforated2+V", mask(|i, _| i >= 2), Some(Box::new(low(2)))));
    multipliers.push(("recursive4+V", mask(|i, l| i >= 4 || l >= 4), Some(Box::new(low(4)))));
    for (name, m) in [
        ("truncated4+V", 4),
        ("truncated5+V", 5),
        ("truncated6+V", 6),
        ("truncated7+V", 7),
        ("truncated8+V", 8),
        ("truncated9+V", 9),
    ] {
        multipliers.push((name, mask(|i, l| i + l >= m), Some(Box::new(lost(m)))));
    }
    multipliers.push(("table, e<200 +V", table(Some(200)), Some(Box::new(low(4)))));
    multipliers.push(("table, e<20000+V", table(Some(20_000)), Some(Box::new(low(4)))));
    multipliers.push(("table, u16 +V", table(None), Some(Box::new(low(4)))));
    let kulkarni = |w, a| w * a - 2 * pairs(w) * pairs(a);
    let three = move |w, a| kulkarni(w, a) - (w & 7) * (a & 7);
    let four = move |w, a| three(w, a) - (w % 11) * (a % 13);
    multipliers.push(("2 products +V", formula(kulkarni), Some(Box::new(low(4)))));
    multipliers.push(("3 products +V", formula(three), Some(Box::new(low(4)))));
    multipliers.push(("4 products +V", formula(four), Some(Box::new(low(4)))));
    multipliers.push(("16 rows +V", few_rows(16), Some(Box::new(low(4)))));
    println!("products per ns, one thread, u8 to u8 with everything included");
    let table_loop = rival(&wanted);
    for isa in Isa::available() {
        #[cfg(target_arch = "x86_64")]
        if let Some(limit) = limit::products_per_ns(isa.name()) {
            println!("{:12} limit of the instruction {limit:.1}", isa.name());
        }
        let mut exact = None;
        for (multiplier, product, control) in &multipliers {
            let mut network = Network::default();
            for kind in layers() {
                let Layer { name, shape, .. } = kind;
                let spec = spec(shape, product.clone(), control.as_deref());
                let layer = MacLayer::new(isa, spec.clone()).expect("a valid layer");
                let line = format!("{:28} {multiplier:16} {name:14}", layer.kernel_name());
                if !wanted(&line) {
                    continue;
                }
                let input: Vec<u8> = (0..shape.input_len()).map(|i| ((i * i) >> 3) as u8).collect();
                let (mut out, mut expected) =
                    (vec![0; shape.output_len()], vec![0; shape.output_len()]);
                let mut scratch = Scratch::default();
                let images = layer.batch();
                let mut outputs = vec![out.clone(); images];
                let image = time(images, || {
                    let items = outputs.iter_mut().map(|output| BatchItem {
                        input: black_box(&input),
                        residual: Residual::None,
                        output: Output::U8(output),
                    });
                    layer.run_batch(&mut items.collect::<Vec<_>>(), &mut scratch);
                });
                out.copy_from_slice(&outputs[images - 1]);
                naive::run(&spec, &input, Residual::None, Output::U8(&mut expected));
                assert_eq!(out, expected, "{line}");
                println!("{line} {:7.1}", shape.macs() as f64 / image);
                network.add(&kind, image);
            }
            let Some(all) = network.speed() else { continue };
            let exact = *exact.get_or_insert(all);
            print!("{:28} {multiplier:16} {:14} {all:7.1}", isa.name(), "ResNet-20");
            // The first multiplier is the exact one, unless it was not wanted.
            if wanted("exact") {
                print!(", {:.2} x exact", all / exact);
            }
            if let Some(table_loop) = table_loop {
                print!(", {:.1} x the table loop", all / table_loop);
            }
            println!();
        }
        if let Some(all) = float(isa, &wanted) {
            println!("{:28} {:16} {:14} {all:7.1}", isa.name(), "float32", "ResNet-20");
        }
    }
}
