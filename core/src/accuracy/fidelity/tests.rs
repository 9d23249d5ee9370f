use super::*;
use crate::model::Value;

const Z95: f64 = 1.959963984540054;

/// Two outputs: a map of 2 x 3, and four class scores.
fn graph() -> Graph {
    let value = |name: &str, shape: &[usize]| Value {
        name: name.into(),
        tensor: name.into(),
        shape: shape.to_vec(),
        quantization: None,
        integer: false,
    };
    Graph {
        values: vec![value("map", &[1, 1, 2, 3]), value("scores", &[1, 4])],
        outputs: vec![0, 1],
        ..Graph::default()
    }
}

/// Numbers from 0 to 1 that look random.
fn numbers(seed: u64) -> impl Iterator<Item = f64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    })
}

/// So many samples of all ten elements of the outputs, and the same with errors.
fn samples(count: usize) -> (Vec<Vec<f32>>, Vec<Vec<f32>>) {
    let mut random = numbers(1).map(|number| (2.0 * number - 1.0) as f32);
    let mut sample = || random.by_ref().take(10).collect::<Vec<f32>>();
    (0..count)
        .map(|_| {
            let (reference, errors) = (sample(), sample());
            let found = reference.iter().zip(errors).map(|(value, error)| value + 0.4 * error);
            (reference.clone(), found.collect())
        })
        .unzip()
}

fn close(found: Option<f64>, expected: f64) {
    let found = found.unwrap();
    assert!((found - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{found} {expected}");
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// 1.96 standard errors of a mean.
fn half_width(values: &[f64]) -> f64 {
    let squares = values.iter().map(|value| (value - mean(values)).powi(2)).sum::<f64>();
    Z95 * (squares / (values.len() - 1) as f64 / values.len() as f64).sqrt()
}

#[test]
fn statistics_are_those_of_their_formulas() {
    let (reference, found) = samples(25);
    let mut collector = Collector::new(&graph(), &["map".into(), "scores".into()]);
    collector.add(&collector.compare(&found, &reference, &found));
    let outputs = collector.finish();
    assert_eq!(outputs.len(), 2);
    for (output, range) in outputs.iter().zip([0..6, 6..10]) {
        let pairs = reference.iter().zip(&found).map(|(reference, found)| {
            let real = |values: &[f32]| values.iter().map(|&value| value.into()).collect();
            (real(&reference[range.clone()]), real(&found[range.clone()]))
        });
        let pairs: Vec<(Vec<f64>, Vec<f64>)> = pairs.collect();
        let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let differences =
            |(x, y): &(Vec<f64>, Vec<f64>)| x.iter().zip(y).map(|(x, y)| x - y).collect::<Vec<_>>();
        let signal: Vec<f64> = pairs.iter().map(|(x, _)| product(x, x)).collect();
        let noise: Vec<f64> =
            pairs.iter().map(differences).map(|error| product(&error, &error)).collect();
        let cosines: Vec<f64> = pairs
            .iter()
            .map(|(x, y)| product(x, y) / (product(x, x) * product(y, y)).sqrt())
            .collect();
        let Fidelity { sqnr_db, sqnr_db_ci95, cosine, cosine_ci95, .. } = output.against_exact;
        let db = 10.0 * (mean(&signal) / mean(&noise)).log10();
        close(sqnr_db, db);
        // How far each sample pulls the ratio from where it is.
        let pulls: Vec<f64> = signal
            .iter()
            .zip(&noise)
            .map(|(s, n)| 10.0 / 10f64.ln() * (s / mean(&signal) - n / mean(&noise)))
            .collect();
        close(sqnr_db_ci95.map(|ends| ends[0]), db - half_width(&pulls));
        close(sqnr_db_ci95.map(|ends| ends[1]), db + half_width(&pulls));
        close(cosine, mean(&cosines));
        close(cosine_ci95.map(|ends| ends[0]), mean(&cosines) - half_width(&cosines));
        close(cosine_ci95.map(|ends| ends[1]), (mean(&cosines) + half_width(&cosines)).min(1.0));
        let largest =
            pairs.iter().flat_map(differences).fold(0.0, |most: f64, d| most.max(d.abs()));
        close(output.against_exact.largest_difference, largest);
        assert!(!output.against_exact.equal && output.against_exact.samples == 25);
        let equal = &output.against_float;
        assert!(equal.equal && equal.sqnr_db.is_none() && equal.sqnr_db_ci95.is_none());
        assert_eq!((equal.cosine, equal.largest_difference), (Some(1.0), Some(0.0)));
        assert_eq!(equal.cosine_ci95, Some([1.0, 1.0]));
    }
    let best = |scores: &[f32]| (0..4).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let pairs = reference.iter().zip(&found);
    let agreed = pairs.filter(|(x, y)| best(&x[6..]) == best(&y[6..])).count();
    assert!(agreed > 10 && agreed < 25);
    assert_eq!(outputs[0].against_exact.agreement, None);
    let agreement = outputs[1].against_exact.agreement.unwrap();
    assert_eq!(agreement.share, agreed as f64 / 25.0);
    assert_eq!(agreement.ci95, wilson(agreed, 25, quantile(0.95)));
}

#[test]
fn batches_and_threads_change_nothing() {
    let (reference, found) = samples(23);
    let collect = |batch: usize, threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let mut collector = Collector::new(&graph(), &["map".into(), "scores".into()]);
        pool.install(|| {
            for (reference, found) in reference.chunks(batch).zip(found.chunks(batch)) {
                collector.add(&collector.compare(reference, found, found));
            }
        });
        collector.finish()
    };
    let usual = collect(23, 2);
    for (batch, threads) in [(1, 1), (5, 3), (22, 1), (23, 4)] {
        assert_eq!(collect(batch, threads), usual, "{batch} {threads}");
    }
}

#[test]
fn one_sample_has_no_interval_but_of_a_share() {
    let (reference, found) = samples(1);
    let mut collector = Collector::new(&graph(), &["map".into(), "scores".into()]);
    collector.add(&collector.compare(&reference, &reference, &found));
    let fidelity = &collector.finish()[1].against_float;
    assert!(fidelity.sqnr_db.is_some() && fidelity.cosine.is_some());
    assert_eq!((fidelity.sqnr_db_ci95, fidelity.cosine_ci95), (None, None));
    assert!(fidelity.agreement.is_some_and(|it| it.ci95.iter().all(|end| end.is_finite())));
}

/// The fidelity of four class scores.
fn of_scores(reference: &[[f32; 4]], found: &[[f32; 4]]) -> Fidelity {
    let mut sums = Sums::default();
    for (reference, found) in reference.iter().zip(found) {
        sums.add(&Comparison::of(reference, found, true));
    }
    sums.fidelity(true)
}

#[test]
fn what_is_no_number_is_left_out() {
    let plain = [[1.0, 2.0, 3.0, 4.0]; 2];
    for other in [f32::NAN, f32::INFINITY] {
        let found = [[1.0, other, 3.0, 4.0], plain[1]];
        let fidelity = of_scores(&plain, &found);
        assert_eq!((fidelity.sqnr_db, fidelity.largest_difference), (None, None), "{other}");
        assert_eq!((fidelity.sqnr_db_ci95, fidelity.cosine), (None, None), "{other}");
        assert!(!fidelity.equal);
    }
    // A mask of infinities that both have is no error.
    let masked = [[1.0, f32::NEG_INFINITY, 3.0, 4.0]; 2];
    let fidelity = of_scores(&masked, &masked);
    assert!(fidelity.equal && fidelity.cosine == Some(1.0));
    // A reference of zeros has no signal.
    let zeros = [[0.0; 4]; 2];
    let fidelity = of_scores(&zeros, &plain);
    assert_eq!((fidelity.sqnr_db, fidelity.sqnr_db_ci95), (None, None));
    assert_eq!((fidelity.cosine, fidelity.largest_difference), (Some(0.0), Some(4.0)));
    assert!(of_scores(&zeros, &zeros).equal);
}

#[test]
fn of_equal_scores_the_lowest_class_is_first() {
    assert_eq!(first_class(&[1.0, 3.0, 3.0, 2.0]), 1);
    let fidelity = of_scores(&[[1.0, 3.0, 3.0, 2.0]], &[[1.0, 2.9, 3.0, 2.0]]);
    assert_eq!(fidelity.agreement.unwrap().share, 0.0);
}

#[test]
fn wilsons_interval() {
    let near = |found: [f64; 2], expected: [f64; 2]| {
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
    };
    // None: z^2 / (n + z^2); half: 1/2 -+ z / 2 sqrt(n + z^2).
    near(wilson(0, 10, Z95), [0.0, Z95 * Z95 / (10.0 + Z95 * Z95)]);
    near(wilson(10, 10, Z95), [10.0 / (10.0 + Z95 * Z95), 1.0]);
    let half = Z95 / (2.0 * (10.0 + Z95 * Z95).sqrt());
    near(wilson(5, 10, Z95), [0.5 - half, 0.5 + half]);
}

#[test]
fn the_interval_of_sqnr_holds_the_truth_as_often_as_it_says() {
    let mut random = numbers(7);
    let mut next = || random.next().unwrap();
    let (trials, mut inside) = (1000, 0);
    for _ in 0..trials {
        let mut sums = Sums::default();
        for _ in 0..100 {
            let signal = 1.0 + next();
            // On average a hundredth of the signal: 20 dB.
            let noise = 0.01 * signal * 2.0 * next();
            sums.energies.add(signal, noise);
        }
        let [low, high] = sums.fidelity(false).sqnr_db_ci95.unwrap();
        inside += usize::from(low < 20.0 && 20.0 < high);
    }
    assert!((930..=970).contains(&inside), "{inside}");
}
