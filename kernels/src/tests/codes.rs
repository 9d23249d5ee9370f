//! What goes from codes to codes between layers, against the naive loops.

use super::*;

#[test]
fn sums_and_products_equal_the_definition() {
    let (mut random, mut judged) = (Random(21), Judged::default());
    for case in 0..60 {
        // Around the widths of vectors, and a code per channel.
        let channels = random.pick(&[1, 3, 16, 31, 64, 65, 100]);
        let pixels = random.pick(&[1, 2, 7, 25]);
        let is_whole = case % 2 == 0;
        let left = random.codes(channels * pixels);
        let right = random.codes(if is_whole { left.len() } else { channels });
        let dropped_bits = random.below(5) as u32;
        let zero_point = (random.code() >> dropped_bits) << dropped_bits;
        // Of codes that mostly saturate to ones that hardly differ.
        let inv_scale = random.between(1, 300) as f32 / 7.0;
        let mut coded = |codes| Coded {
            codes,
            scale: random.between(1, 90) as f32 / 1000.0,
            zero_point: random.code(),
        };
        let both = [coded(&left), coded(&right)];
        for pairing in [Pairing::Sum, Pairing::Product] {
            let paired = |run: &dyn Fn(&mut Encoded<'_>)| {
                let mut codes = vec![0; left.len()];
                run(&mut Encoded { codes: &mut codes, inv_scale, zero_point, dropped_bits });
                codes
            };
            let expected = paired(&|to| naive::pair(pairing, both, to));
            for isa in Isa::available() {
                let found = paired(&|to| pair(isa, pairing, both, to).unwrap());
                assert_eq!(found, expected, "{}, {pairing:?}, {channels} channels", isa.name());
                judged.count(isa, if is_whole { "tensors" } else { "channels" });
            }
        }
    }
    judged.verdict(&[("tensors", 60), ("channels", 60)]);
}

#[test]
fn maps_and_channel_sums_equal_the_loops() {
    let (mut random, mut judged) = (Random(22), Judged::default());
    for channels in [1, 15, 16, 64, 70, 128, 200] {
        let codes = random.codes(channels * 9);
        let entries: [u8; 256] = std::array::from_fn(|_| random.code());
        for isa in Isa::available() {
            let mut mapped = codes.clone();
            map(isa, &entries, &mut mapped);
            assert!(mapped.iter().zip(&codes).all(|(&to, &from)| to == entries[usize::from(from)]));
            let mut sums: Vec<i32> = (0..channels as i32).collect();
            channel_sums(isa, &codes, &mut sums);
            for (channel, &sum) in sums.iter().enumerate() {
                let codes = codes[channel..].iter().step_by(channels);
                assert_eq!(sum, channel as i32 + codes.map(|&code| i32::from(code)).sum::<i32>());
            }
            judged.count(isa, "channels");
        }
    }
    judged.verdict(&[("channels", 7)]);
}

#[test]
fn codes_that_nothing_can_be_rounded_to_are_refused() {
    let coded = Coded { codes: &[7], scale: 0.5, zero_point: 0 };
    let refused = |inv_scale, zero_point, dropped_bits| {
        let mut to = Encoded { codes: &mut [0], inv_scale, zero_point, dropped_bits };
        pair(Isa::best(), Pairing::Sum, [coded; 2], &mut to).unwrap_err().to_string()
    };
    assert!(refused(0.0, 0, 0).contains("inv_scale"));
    assert!(refused(1.0, 1, 1).contains("zero_point"));
    assert!(refused(1.0, 0, 5).contains("dropped_bits"));
}

#[test]
fn softmax_to_codes_is_softmax_and_the_codes_of_it() {
    let (mut random, mut judged) = (Random(22), Judged::default());
    // Around the widths of vectors, and around the rows that go side by side.
    for columns in [1, 2, 15, 16, 17, 49, 64, 65] {
        for (case, rows) in [1, 3, 4, 9].into_iter().enumerate() {
            let most = random.pick(&[0.3, 12.0, 100.0, 3e38]);
            let mut value = |code: u8| match (code, random.below(40)) {
                (_, 0) => f32::NAN,
                (255, 1) => f32::INFINITY,
                (code, _) => most * (f32::from(code) - 128.0) / 128.0,
            };
            let is_wild = case == 3;
            let codes = Random(case as u64).codes(rows * columns);
            let values = codes.iter().map(|&code| match is_wild {
                true => value(code),
                false => most * (f32::from(code) - 128.0) / 128.0,
            });
            let values: Vec<f32> = values.collect();
            let dropped_bits = case as u32;
            let zero_point = (random.pick(&[0, 0, 77]) >> dropped_bits) << dropped_bits;
            let inv_scale = random.pick(&[255.0, 90.0, 4000.0]);
            let (mut reals, mut expected) = (vec![0.0; codes.len()], vec![0; codes.len()]);
            softmax_rows(Isa::SCALAR, &values, columns, &mut reals, &mut Vec::new());
            for (code, &real) in expected.iter_mut().zip(&reals) {
                *code = naive::quantize(real, inv_scale, zero_point, dropped_bits);
            }
            for isa in Isa::available() {
                let mut found = vec![99; codes.len()];
                let mut to = Encoded { codes: &mut found, inv_scale, zero_point, dropped_bits };
                let mut scratch = vec![f32::NAN; 3];
                softmax_codes(isa, &values, columns, &mut to, &mut scratch).unwrap();
                assert_eq!(found, expected, "{}, {rows} rows of {columns}", isa.name());
                judged.count(isa, "rows");
            }
        }
    }
    judged.verdict(&[("rows", 32)]);
}
