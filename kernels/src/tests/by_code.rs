//! Sums by code against the obvious loops, equal bit for bit.

use super::*;

fn rows(random: &mut Random, count: usize) -> Vec<Lanes<f32>> {
    let mut number = || random.between(-5_000, 5_000) as f32 / 7.0;
    (0..count).map(|_| std::array::from_fn(|_| number())).collect()
}

/// Below, at and above what a loop takes at a time.
const COUNTS: [usize; 6] = [0, 1, 2, 15, 16, 333];

#[test]
fn sums_by_code_are_those_of_the_definition() {
    let mut cases = 0;
    for isa in Isa::available() {
        let mut random = Random(7);
        for count in COUNTS {
            let (codes, before) = (random.codes(count), rows(&mut random, count));
            let table = rows(&mut random, 256);
            let mut sums = [[f32::NAN; LANES]; 256];
            sum_by_code(isa, &codes, &before, &mut sums);
            let mut after = before.clone();
            add_by_code(isa, &codes, &table, &mut after);
            for lane in 0..LANES {
                let mut expected = [0.0; 256];
                for (row, &code) in codes.iter().enumerate() {
                    expected[usize::from(code)] += before[row][lane];
                    let sum = before[row][lane] + table[usize::from(code)][lane];
                    assert_eq!(after[row][lane], sum, "{isa:?} {count} {row} {lane}");
                }
                assert_eq!(sums.map(|sum| sum[lane]), expected, "{isa:?} {count} {lane}");
                cases += 1;
            }
        }
    }
    assert!(cases >= COUNTS.len() * LANES);
}

#[test]
fn products_with_lanes_are_those_of_the_definition() {
    let mut cases = 0;
    for isa in Isa::available() {
        let mut random = Random(8);
        for (height, width) in [(0, 3), (3, 0), (1, 1), (2, 5), (9, 8), (17, 256)] {
            let mut number = || f64::from(random.between(-5_000, 5_000)) / 7.0;
            let matrix: Vec<f64> = (0..height * width).map(|_| number()).collect();
            let mut lanes =
                |count| (0..count).map(|_| std::array::from_fn(|_| number())).collect::<Vec<_>>();
            let (factors, before) = (lanes(width), lanes(height));
            let mut products = before.clone();
            times_lanes(isa, &matrix, &factors, &mut products);
            for lane in 0..LANES {
                for row in 0..height {
                    let mut sum = before[row][lane];
                    for (column, factors) in factors.iter().enumerate() {
                        sum += matrix[row * width + column] * factors[lane];
                    }
                    assert_eq!(products[row][lane], sum, "{isa:?} {height} {width} {row} {lane}");
                    cases += 1;
                }
            }
        }
    }
    assert!(cases >= 32 * LANES);
}
