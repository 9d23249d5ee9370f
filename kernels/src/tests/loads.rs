//! Layers whose weights change, against the naive loops on what was loaded last.

use super::*;

/// Loads others into a layer of each instruction set, several times, and compares.
fn reload(random: &mut Random, judge: &mut Judge, spec: &MacSpec) {
    let mut layers: Vec<_> = Isa::available()
        .into_iter()
        .map(|isa| (isa, LoadLayer::new(isa, spec.clone()).unwrap()))
        .collect();
    judge.compare_layers(random, spec, layers.iter().map(|(isa, it)| (*isa, it.layer())));
    // Factors that fit few bits are used otherwise than large ones: both ways are gone.
    for c_bits in [2, 28, 6] {
        let mut spec = spec.clone();
        spec.weights = random.codes(spec.weights.len()).into();
        spec.constant.iter_mut().for_each(|it| *it = random.between(-30_000, 30_000));
        let terms = spec.control.iter_mut().flat_map(|control| &mut control.terms);
        let largest = 1 << c_bits;
        terms.flat_map(|term| &mut term.c).for_each(|c| *c = random.between(-largest, largest));
        for (_, layer) in &mut layers {
            let write = |loaded: Loaded<'_>| {
                loaded.weights.copy_from_slice(&spec.weights);
                loaded.constant.copy_from_slice(&spec.constant);
                let terms = spec.control.iter().flat_map(|control| &control.terms);
                loaded.c.into_iter().zip(terms).for_each(|(c, term)| c.copy_from_slice(&term.c));
            };
            layer.load(write).unwrap();
            assert_eq!(*layer.layer().spec(), spec);
        }
        judge.compare_layers(random, &spec, layers.iter().map(|(isa, it)| (*isa, it.layer())));
    }
}

#[test]
fn any_weights_can_be_loaded() {
    let (mut random, mut judge) = (Random(31), Judge::default());
    // Of rank 2, which is a sum of ordinary products, and of full rank, which is none.
    let table = |of: &mut dyn FnMut(i32, i32) -> i32| {
        Product::Table((0..1 << 16).map(|i| of(i >> 8, i & 255)).collect())
    };
    let sums = table(&mut |w, a| w * a - (w & 15) * (a & 15) + 3 * w - a);
    let any = table(&mut |_, _| random.between(-9000, 70_000));
    // Three pairs of rows that differ in one partial product, which is counted and added.
    let pairs = Product::Mask(u64::from_le_bytes([0xc0, 0x80, 0xf2, 0, 0xe2, 0, 0x1d, 0x1c]));
    let products = [exact(), mask(|i, _| i >= 2), truncated(7), pairs, Product::Mask(0), sums, any];
    // One token, and around the widths of lines and blocks, in one head and in several; and a
    // convolution, whose receptive field is no single run.
    let sizes = [(1, 1, 1, 1), (1, 49, 3, 1), (7, 5, 17, 2), (9, 24, 49, 4), (49, 49, 24, 4)];
    let mut shapes: Vec<_> = sizes
        .into_iter()
        .map(|(positions, depth, filters, groups)| ConvShape {
            groups,
            ..ConvShape::linear(positions, groups * depth, groups * filters)
        })
        .collect();
    shapes.push(conv(5, (3, 4), 18, 3));
    let mut cases = 0;
    for product in &products {
        for &shape in &shapes {
            let spec = layer(&mut random, shape, product.clone());
            let spec = match cases % 3 {
                0 => spec,
                _ => with_control(&mut random, spec, 7, 4),
            };
            let spec = with_ends(&mut random, spec);
            reload(&mut random, &mut judge, &spec);
            cases += 1;
        }
    }
    let mut ends = vec!["gemm1", "gemm8", "gemm6", "gemm0", "map+gemm2", "table"];
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512bitalg") {
        ends.extend(["gemm4+count", "gemm3+count"]);
    }
    let missing = ends.iter().find(|end| {
        let end = format!("-{end}");
        !judge.kernels.iter().any(|kernel| kernel.ends_with(&end))
    });
    assert_eq!(missing, None, "{:?}", judge.kernels);
    judge.verdict(4 * cases);
}

#[test]
fn factors_beyond_what_is_summed_exactly_are_refused() {
    let shape = ConvShape::linear(1, 1 << 15, 1);
    let spec = layer(&mut Random(32), shape, exact());
    let term = ControlTerm { x: [u16::MAX; 256], c: vec![0] };
    let terms = vec![term; 3];
    let spec = MacSpec { control: Some(Control { terms, c_frac: 0 }), ..spec };
    let mut layer = LoadLayer::new(Isa::best(), spec).unwrap();
    let mut load = |c: i32| layer.load(|it| it.c.into_iter().for_each(|of| of[0] = c));
    assert_eq!(load(1 << 30), Ok(()));
    assert!(matches!(load(i32::MIN), Err(KernelError::Range(_))));
}

#[test]
fn rows_are_summed_as_by_the_obvious_loop() {
    let (mut random, mut judged) = (Random(33), Judged::default());
    for case in 0..24 {
        // Of one byte and of up to four, of either sign; around the widths of vectors.
        let bits = [6, 16, 17, 32][case % 4];
        let f: [i32; 256] = std::array::from_fn(|_| random.bits() as i32 >> (32 - bits));
        let f = if case % 3 == 0 { f.map(|value| value & i32::MAX) } else { f };
        let columns = random.pick(&[1, 3, 4, 5, 24, 49, 63, 64, 65, 130]);
        let rows = random.pick(&[1, 3, 15, 16, 17, 40]);
        let bytes = random.codes(rows * columns);
        let of_row = |row: &[u8]| row.iter().map(|&it| i64::from(f[usize::from(it)])).sum();
        let expected: Vec<i64> = bytes.chunks_exact(columns).map(of_row).collect();
        let sums = RowSums::new(&f);
        for isa in Isa::available() {
            let mut found = vec![i64::MAX; rows];
            sums.of(isa, &bytes, columns, &mut found, &mut Vec::new());
            assert_eq!(found, expected, "{bits} bits, {rows} rows of {columns}, {}", isa.name());
            judged.count(isa, "sums");
        }
    }
    // Beyond what 32 bits hold.
    let sums = RowSums::new(&[i32::MIN; 256]);
    let mut found = [0];
    sums.of(Isa::best(), &[7; 1 << 16], 1 << 16, &mut found, &mut Vec::new());
    assert_eq!(found, [-(1 << 47)]);
    judged.verdict(&[("sums", 24)]);
}
