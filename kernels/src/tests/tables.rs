//! Multipliers given as tables.

use super::*;

/// Tables of each kind: near to exact, with large errors, full 16-bit products, any 32-bit entry.
fn tables(random: &mut Random, coding: WeightCoding) -> Vec<Product> {
    let exact = Product::Mask(u64::MAX);
    let mut table = |entry: fn(&mut Random, i32) -> i32| {
        let pairs = (0..=255).flat_map(|w| (0..=255).map(move |a| (w, a)));
        let products = pairs.map(|(w, a)| naive::product(coding, &exact, w, a));
        let entries: Vec<i32> = products.map(|p| entry(random, p)).collect();
        Product::Table(entries.into())
    };
    vec![
        table(|random, p| p - random.between(-20, 100)),
        // 16 bits hold the sums of few of these.
        table(|random, p| p - random.between(-5_000, 5_000)),
        table(|random, _| random.between(0, 65_535)),
        table(|random, _| random.bits() as i32),
        // So small that 16 bits hold the sums of many taps.
        table(|random, _| random.between(0, 3_000)),
        table(|random, _| random.between(-100, 100) << 6),
        // Columns and nibbles: entries of one byte, of several, and many to a byte.
        columns(random, 9, 255),
        columns(random, 16, 1 << 20),
        columns(random, 31, 7),
        columns(random, 32, 65_535),
        columns(random, 64, 65_535),
        columns(random, 128, 30),
        columns(random, 200, 65_535),
        nibbles(random, 120),
        nibbles(random, 9),
        factors(random, coding, 0),
        factors(random, coding, 1),
        factors(random, coding, 2),
        factors(random, coding, 3),
        factors(random, coding, 4),
    ]
}

/// Bytes f(a) times bytes g(w), so many of them and ever smaller, and functions of one alone.
fn factors(random: &mut Random, coding: WeightCoding, products: usize) -> Product {
    let mut bytes = |high| -> [i32; 256] { std::array::from_fn(|_| random.between(0, high)) };
    let zero = match coding {
        WeightCoding::Unsigned => 0,
        WeightCoding::Signed => 128,
    };
    let factors: Vec<_> = (0..products).map(|r| (bytes(255 >> r), bytes(255 >> r))).collect();
    let (c, d) = (bytes(9_999), bytes(99));
    let entry = |i: usize| {
        let (w, a) = (i >> 8, i & 255);
        factors.iter().map(|(f, g)| f[a] * (g[w] - zero)).sum::<i32>() + c[a] - d[w]
    };
    Product::Table((0..1 << 16).map(entry).collect::<Vec<_>>().into())
}

/// The kinds of kernels that an instruction set has for the tables above.
fn kinds(isa: Isa) -> Vec<&'static str> {
    let mut kinds = vec!["-map+gemm1", "-map+gemm4"];
    // AVX-512 looks bytes up wherever others take rows or single lookups.
    if isa.name() != "avx512vnni" {
        kinds.extend(["-rows16", "-rows32", "-table"]);
    }
    match isa.name() {
        "avx2" => kinds.extend(["lookup4x1", "lookup5x2", "lookup4+4x1"]),
        "avx512vnni" => kinds.extend([
            "gemm1+lookup8x1",
            "-lookup8x2",
            "-lookup8x4",
            "lookup6x2",
            "lookup7x1",
            "lookup4x3",
        ]),
        _ => {}
    }
    kinds
}

fn columns(random: &mut Random, distinct: usize, most: i32) -> Product {
    let entries: Vec<i32> =
        (0..256 * distinct).map(|_| random.between(0, most) - most / 3).collect();
    let entry = |i: usize| entries[(i >> 8) * distinct + (i & 255) * 7 % distinct];
    Product::Table((0..1 << 16).map(entry).collect::<Vec<_>>().into())
}

fn nibbles(random: &mut Random, most: i32) -> Product {
    let entries: Vec<i32> = (0..256 * 32).map(|_| random.between(0, most)).collect();
    let entry = |i: usize| {
        let [low, high] = [i & 15, (i >> 4 & 15) + 16].map(|n| entries[(i >> 8) * 32 + n]);
        low - high
    };
    Product::Table((0..1 << 16).map(entry).collect::<Vec<_>>().into())
}

#[test]
fn any_table() {
    let (mut random, mut judge) = (Random(11), Judge::default());
    for coding in [WeightCoding::Unsigned, WeightCoding::Signed] {
        for product in tables(&mut random, coding) {
            for (channels, size, filters) in [
                (1, (4, 4), 4),
                (3, (5, 7), 17),
                (16, (8, 8), 32),
                (5, (2, 33), 9),
                (70, (4, 5), 16),
            ] {
                for (kernel, stride, groups) in
                    [(3, 1, 1), (1, 1, 1), (3, 2, 1), (2, 3, 1), (3, 1, 2)]
                {
                    if channels % groups != 0 || filters % groups != 0 {
                        continue;
                    }
                    let shape = ConvShape {
                        stride_height: stride,
                        stride_width: stride,
                        groups,
                        ..conv(channels, size, filters, kernel)
                    };
                    let spec = MacSpec { coding, ..layer(&mut random, shape, product.clone()) };
                    let spec = with_control(&mut random, spec, 7, 4);
                    judge.compare(&mut random, &spec);
                }
            }
        }
    }
    for isa in Isa::available() {
        let of_isa = |name: &&String| name.starts_with(&format!("{}-", isa.name()));
        let names: Vec<&String> = judge.kernels.iter().filter(of_isa).collect();
        for kind in kinds(isa) {
            assert!(names.iter().any(|name| name.ends_with(kind)), "{kind}: {names:?}");
        }
    }
    judge.verdict(300);
}

#[test]
fn a_table_that_is_a_mask_runs_as_one() {
    let (mut random, mut judge) = (Random(13), Judge::default());
    for product in [exact(), truncated(7), mask(|i, l| i >= 4 || l >= 4), Product::Mask(0)] {
        for (shape, coding) in [
            (conv(16, (8, 8), 17, 3), WeightCoding::Unsigned),
            (conv(5, (9, 7), 4, 3), WeightCoding::Signed),
            (ConvShape { groups: 8, ..conv(8, (5, 5), 8, 3) }, WeightCoding::Unsigned),
        ] {
            let entries = (0..1 << 16)
                .map(|i| naive::product(coding, &product, (i >> 8) as u8, i as u8))
                .collect::<Vec<_>>();
            let as_mask = MacSpec { coding, ..layer(&mut random, shape, product.clone()) };
            let as_table = MacSpec { product: Product::Table(entries.into()), ..as_mask.clone() };
            judge.compare(&mut random, &as_table);
            for isa in Isa::available() {
                let name = |spec| MacLayer::new(isa, spec).unwrap().kernel_name();
                assert_eq!(name(as_table.clone()), name(as_mask.clone()));
                judge.judged.count(isa, "names");
            }
        }
    }
    judge.judged.verdict(&[("names", 12)]);
    judge.verdict(12);
}

#[test]
fn a_batch_gives_what_its_images_give() {
    let mut random = Random(12);
    let mut judged = Judged::default();
    // Rows and images far apart, and some that share a vector.
    let strided = ConvShape { stride_height: 2, stride_width: 2, ..conv(3, (9, 37), 5, 3) };
    let shapes = [conv(3, (20, 20), 5, 3), conv(2, (7, 7), 3, 3), strided];
    let products = tables(&mut random, WeightCoding::Unsigned)
        .into_iter()
        .chain([exact(), truncated(7)])
        .flat_map(|product| shapes.map(|shape| (shape, product.clone())));
    for (shape, product) in products {
        let spec = MacSpec {
            coding: WeightCoding::Unsigned,
            output: OutputSpec::F32,
            ..layer(&mut random, shape, product)
        };
        // More than the layer takes together.
        let inputs: Vec<Vec<u8>> = (0..25).map(|_| random.codes(shape.input_len())).collect();
        for isa in Isa::available() {
            let layer = MacLayer::new(isa, spec.clone()).unwrap();
            let mut scratch = Scratch::default();
            let mut outputs = vec![vec![0f32; shape.output_len()]; inputs.len()];
            let items = inputs.iter().zip(&mut outputs).map(|(input, output)| BatchItem {
                input,
                residual: Residual::None,
                output: Output::F32(output),
            });
            layer.run_batch(&mut items.collect::<Vec<_>>(), &mut scratch);
            for (input, output) in inputs.iter().zip(&outputs) {
                let mut expected = vec![0f32; shape.output_len()];
                naive::run(&spec, input, Residual::None, Output::F32(&mut expected));
                assert_eq!(output, &expected, "{}", layer.kernel_name());
                judged.count(isa, "images");
            }
        }
    }
    judged.verdict(&[("images", 3 * 22 * 25)]);
}
