//! Products looked up in registers: at the sizes where spans of positions, runs of taps and blocks of
//! channels end.

use super::*;

/// A mask of as many terms as there are bits, tables of one byte and of two, of few and of all columns.
fn products(random: &mut Random) -> Vec<Product> {
    let mut table = |entry: &dyn Fn(i32, i32, i32) -> i32| {
        let entries = (0..1 << 16).map(|i| entry(i >> 8, i & 255, random.between(0, 99)));
        Product::Table(entries.collect::<Vec<_>>().into())
    };
    vec![
        truncated(7),
        truncated(8),
        table(&|w, a, any| w * a - any),
        table(&|w, _, any| w % 3 + any),
        table(&|w, a, _| (w & 0x1f) * (a & 0x70) + a),
        Product::Mask(random.bits() & random.bits()),
        truncated(9),
    ]
}

/// The x of truncated multipliers, which takes two bytes, and one whose sums no 16 bits hold.
fn with_wide_control(random: &mut Random, spec: MacSpec) -> MacSpec {
    let high = random.pick(&[1, 128, 128, 255]);
    let x = std::array::from_fn(|a| high * a.count_ones() as u16 + a as u16 % 7);
    let c = (0..spec.shape.filters).map(|_| random.between(-90, 90)).collect();
    let control = Some(Control { terms: vec![ControlTerm { x, c }], c_frac: 4 });
    with_ends(random, MacSpec { control, ..spec })
}

fn of_zero_points(random: &mut Random, spec: MacSpec) -> MacSpec {
    let any = random.between(-128, 255);
    let points = match random.below(3) {
        0 => (0..spec.shape.filters).map(|_| random.between(-128, 255)).collect(),
        1 => vec![128; spec.shape.filters],
        _ => vec![any; spec.shape.filters],
    };
    MacSpec { weight_zero_points: points, ..spec }
}

#[test]
fn depthwise_spans_and_blocks() {
    let (mut random, mut judge) = (Random(31), Judge::default());
    let sizes = [(2, 5), (3, 62), (4, 15), (7, 7), (9, 16), (15, 17), (21, 30), (45, 50)];
    for (n, size) in sizes.into_iter().enumerate() {
        for channels in [2, 15, 16, 17, 48, 63, 65, 130] {
            let kernel = random.pick(&[1, 3, 3, 5]);
            let mut shape = conv(channels, size, channels, kernel);
            shape.groups = channels;
            (shape.stride_height, shape.stride_width) =
                random.pick(&[(1, 1), (1, 1), (2, 2), (1, 2), (3, 1)]);
            shape.dilation_width = random.pick(&[1, 1, 2]);
            (shape.pad_left, shape.pad_right) = random.pick(&[(2, 2), (4, 0), (kernel, 3)]);
            let products = products(&mut random);
            let product = products[(n + channels) % products.len()].clone();
            let spec = layer(&mut random, shape, product);
            let spec = of_zero_points(&mut random, spec);
            let spec = with_wide_control(&mut random, spec);
            judge.compare(&mut random, &spec);
        }
    }
    let found = |isa: Isa, what: &str| {
        let name = format!("{}-depthwise+lookup{what}", isa.name());
        judge.kernels.iter().any(|kernel| kernel.starts_with(&name))
    };
    for isa in Isa::available() {
        let is_looked_up = isa.name() == "avx512vnni";
        for what in ["6x1", "7x1", "8x1", "8x2"] {
            assert_eq!(found(isa, what), is_looked_up, "{what} of {:?}", judge.kernels);
        }
    }
    judge.verdict(64);
}

#[test]
fn pointwise_spans_and_runs() {
    let (mut random, mut judge) = (Random(32), Judge::default());
    for (height, width) in [(1, 63), (5, 51), (1, 257), (25, 21), (1, 769), (33, 32)] {
        for depth in [1, 16, 95, 96, 97, 193] {
            for filters in [5, 48, 81] {
                // Some of each, in turns.
                if (height + depth + filters) % 3 > 0 {
                    continue;
                }
                let shape = ConvShape { height, ..ConvShape::linear(width, depth, filters) };
                let products = products(&mut random);
                let product = products[(depth + filters) % products.len()].clone();
                let spec = layer(&mut random, shape, product);
                let spec = of_zero_points(&mut random, spec);
                let spec = with_wide_control(&mut random, spec);
                judge.compare(&mut random, &spec);
            }
        }
    }
    // More than one image in a span, and the last span of a window.
    for (size, stride) in [((9, 60), 1), ((25, 40), 2), ((3, 5), 1)] {
        for product in products(&mut random) {
            let mut shape = conv(20, size, 33, 3);
            (shape.stride_height, shape.stride_width) = (stride, stride);
            let spec = layer(&mut random, shape, product);
            let spec = of_zero_points(&mut random, spec);
            let spec = with_wide_control(&mut random, spec);
            judge.compare(&mut random, &spec);
        }
    }
    judge.verdict(40);
}
