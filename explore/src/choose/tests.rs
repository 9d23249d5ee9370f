use super::*;
use crate::sequential::Plan;

/// Judged by a limit of half a point.
pub(crate) fn candidate(kind: Kind, power: Option<f64>, loss: f64, margin: f64) -> Judged {
    let interval = [loss - margin, loss + margin];
    let verdict = match () {
        () if interval[1] < 0.5 => Verdict::Under,
        () if interval[0] > 0.5 => Verdict::Over,
        () => Verdict::Undecided,
    };
    let assessment = Assessment {
        verdict,
        images: 1000,
        loss,
        interval,
        confidence: 0.95,
        images_to_decide: None,
    };
    Judged { kind, power, assessment }
}

fn table() -> Vec<Judged> {
    vec![
        candidate(Kind::Reference, Some(1.0), 0.0, 0.0),
        candidate(Kind::ReducedPrecision, Some(0.9), 0.1, 0.2),
        candidate(Kind::ReducedPrecision, Some(0.8), 0.9, 0.2),
        candidate(Kind::WithoutV, Some(0.85), 0.2, 0.2),
        candidate(Kind::WithoutV, Some(0.6), 5.0, 1.0),
        candidate(Kind::WithV, Some(0.7), 0.1, 0.3),
        // Under the limit, if only just, with less power: the answer.
        candidate(Kind::WithV, Some(0.62), 0.2, 0.29),
        // Less power still, but it may be over.
        candidate(Kind::WithV, Some(0.55), 0.4, 0.3),
        candidate(Kind::WithV, None, 0.0, 0.1),
    ]
}

#[test]
fn the_least_power_under_the_limit_is_chosen() {
    let choice = choose(&table());
    assert_eq!(choice.chosen, Some(6));
    assert_eq!(choice.with_v, Some(6));
    assert_eq!(choice.without_v, Some(3));
    assert_eq!(choice.reduced_precision, Some(1));
    assert_eq!(choice.nearest, None);
}

#[test]
fn what_may_be_cheaper_is_listed() {
    assert_eq!(choose(&table()).undecided, [7]);
    // None is under the limit: everything that may be, from the least power on.
    let open: Vec<Judged> =
        [0.7, 0.6, 0.8].map(|power| candidate(Kind::WithV, Some(power), 0.4, 0.3)).into();
    let choice = choose(&open);
    assert_eq!((choice.chosen, choice.undecided), (None, vec![1, 0, 2]));
}

#[test]
fn of_equal_power_the_least_loss_is_chosen() {
    let losses = [0.1, 0.0, 0.05];
    let same: Vec<_> = losses.map(|loss| candidate(Kind::WithV, Some(0.6), loss, 0.1)).into();
    assert_eq!(choose(&same).chosen, Some(1));
}

#[test]
fn the_front_goes_from_least_power_to_least_loss() {
    // 0.55/0.4, 0.62/0.2, 0.7/0.1, 1.0/0.0; 0.9/0.1 and 0.85/0.2 are beaten by 0.7/0.1.
    assert_eq!(choose(&table()).front, [7, 6, 5, 0]);
}

#[test]
fn without_a_design_under_the_limit_the_nearest_is_named() {
    let over = vec![
        candidate(Kind::Reference, Some(1.0), 0.0, 0.0),
        candidate(Kind::WithV, Some(0.5), 3.0, 0.1),
        candidate(Kind::WithV, None, 0.6, 0.3),
        candidate(Kind::WithoutV, Some(0.4), 1.0, 0.1),
    ];
    let choice = choose(&over);
    assert_eq!((choice.chosen, choice.nearest), (None, Some(2)));
    assert_eq!(choose(&[]), Choice::default());
}

#[test]
fn designs_of_unknown_power_are_not_chosen() {
    // The reference, whose loss is under every limit, is none of them.
    let unknown = vec![
        candidate(Kind::Reference, None, 0.0, 0.1),
        candidate(Kind::WithV, None, 0.0, 0.1),
        candidate(Kind::WithV, None, 0.4, 0.3),
    ];
    let choice = choose(&unknown);
    assert_eq!(choice, Choice { unknown_power: vec![1], ..Choice::default() });
    assert_eq!(choose(&unknown[..1]), Choice::default());
}

#[test]
fn choices_are_found_again_in_a_longer_list() {
    let positions: Vec<usize> = (0..9).map(|at| 10 * at).collect();
    let choice = choose(&table()).at(&positions);
    assert_eq!((choice.chosen, choice.without_v, choice.nearest), (Some(60), Some(30), None));
    assert_eq!((choice.front, choice.undecided), (vec![70, 60, 50, 0], vec![70]));
    assert_eq!(choice.unknown_power, [80]);
}

/// Every `period`-th image is lost, shifted.
fn lossy(images: usize, period: usize, shift: usize) -> Vec<bool> {
    (0..images).map(|image| image % period != shift).collect()
}

fn on<'a>(inputs: &'a str, reference: &'a [bool], candidate: &'a [bool]) -> OnNetwork<'a> {
    let limit = Limit::new(0.5).unwrap();
    let assessment = Plan::single(reference.len()).assess(reference, candidate, limit);
    OnNetwork {
        inputs,
        reference,
        candidate,
        assessment,
        power: Some(candidate.len() as f64),
        relative_energy: Some(0.5),
    }
}

fn mean(networks: &[OnNetwork], limit: Limit) -> Assessment {
    super::mean(networks, limit).assessment
}

fn margin(assessment: &Assessment) -> f64 {
    (assessment.interval[1] - assessment.interval[0]) / 2.0
}

#[test]
fn independent_errors_shrink_and_common_ones_do_not() {
    let limit = Limit::new(0.5).unwrap();
    let (reference, candidate) = (vec![true; 10_000], lossy(10_000, 100, 3));
    let one = on("a", &reference, &candidate);
    let alone = mean(&[one], limit);
    assert!((alone.loss - 1.0).abs() < 1e-9 && alone.verdict == Verdict::Over);
    // Four networks on images of their own: half the margin.
    let independent: Vec<OnNetwork> =
        ["a", "b", "c", "d"].map(|inputs| OnNetwork { inputs, ..one }).into();
    let ratio = margin(&mean(&independent, limit)) / margin(&alone);
    assert!((ratio - 0.5).abs() < 1e-9, "{ratio}");
    // The same outcome four times says no more than once.
    let ratio = margin(&mean(&[one; 4], limit)) / margin(&alone);
    assert!((ratio - 1.0).abs() < 1e-9, "{ratio}");
    // Losses that exclude each other: less than independent.
    let other = lossy(10_000, 100, 4);
    let apart = mean(&[one, on("a", &reference, &other)], limit);
    assert!(margin(&apart) / margin(&alone) < 0.5f64.sqrt());
}

#[test]
fn a_network_that_was_left_early_keeps_the_mean_open() {
    let limit = Limit::new(0.5).unwrap();
    let (reference, good) = (vec![true; 10_000], vec![true; 10_000]);
    let bad = lossy(100, 50, 3);
    let networks = [on("a", &reference, &good), on("b", &reference, &bad)];
    let found = mean(&networks, limit);
    assert_eq!((found.verdict, found.images), (Verdict::Open, 10_100));
    assert!((found.loss - 1.0).abs() < 1e-9);
}

#[test]
fn the_dearest_array_counts_and_the_mean_of_the_energies() {
    let limit = Limit::new(1.0).unwrap();
    let reference = vec![true; 100];
    let candidate = lossy(100, 5, 0);
    let on = |power: Option<f64>, relative_energy: Option<f64>| OnNetwork {
        power,
        relative_energy,
        ..on("a", &reference, &candidate)
    };
    let of = |networks: &[OnNetwork]| {
        let found = super::mean(networks, limit);
        (found.power, found.relative_energy)
    };
    let (one, other) = (on(Some(0.5), Some(0.25)), on(Some(0.625), Some(0.75)));
    assert_eq!(of(&[one, other]), (Some(0.625), Some(0.5)));
    assert_eq!(of(&[one, on(None, Some(0.75))]), (None, Some(0.5)));
    assert_eq!(of(&[one, on(Some(0.75), None)]), (Some(0.75), None));
}
