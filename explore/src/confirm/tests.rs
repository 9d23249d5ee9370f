use std::convert::Infallible;

use super::*;
use crate::sequential::{Assessment, Verdict};

fn candidate(kind: Kind, power: Option<f64>, loss: f64, margin: f64) -> Judged {
    let assessment = Assessment {
        verdict: Verdict::Undecided,
        images: 1000,
        loss,
        interval: [loss - margin, loss + margin],
        confidence: 0.95,
        images_to_decide: None,
    };
    Judged { kind, power, assessment }
}

fn limit(points: f64) -> Limit {
    Limit::new(points).unwrap()
}

/// The exact array, and designs that save the more the more they lose.
fn table() -> Vec<Judged> {
    vec![
        candidate(Kind::Reference, Some(1.0), 0.0, 0.0),
        candidate(Kind::WithV, Some(0.5), 0.4, 0.3),
        candidate(Kind::ReducedPrecision, Some(0.9), 0.0, 0.1),
        candidate(Kind::WithV, Some(0.7), 0.1, 0.2),
        candidate(Kind::WithoutV, Some(0.4), 1.5, 0.5),
    ]
}

#[test]
fn the_surest_comes_first_and_each_saves_more_than_the_one_before() {
    let table = table();
    assert_eq!(sequence(&table, limit(2.0)), [2, 3, 1, 4]);
    // Upper ends rise and powers fall, strictly.
    for pair in sequence(&table, limit(2.0)).windows(2) {
        let [one, next] = [pair[0], pair[1]].map(|at| &table[at]);
        assert!(one.assessment.interval[1] < next.assessment.interval[1] && one.power > next.power);
    }
}

#[test]
fn only_measured_losses_under_the_limit_are_worth_a_test() {
    // 0.4 is not under 0.4, though it is under 0.5 with an interval that ends at 0.7.
    assert_eq!(sequence(&table(), limit(0.5)), [2, 3, 1]);
    assert_eq!(sequence(&table(), limit(0.4)), [2, 3]);
    assert!(sequence(&table(), limit(0.0)).is_empty());
    assert!(sequence(&[], limit(1.0)).is_empty());
}

#[test]
fn unknown_powers_and_beaten_designs_are_left_out() {
    let mut table = table();
    table.push(candidate(Kind::WithV, None, -1.0, 0.1));
    // As much power as another and less sure; more power and less sure.
    table.push(candidate(Kind::WithV, Some(0.7), 0.1, 0.25));
    table.push(candidate(Kind::WithV, Some(0.8), 0.2, 0.2));
    // On the front by its loss, not by what it may lose: it could end the test, and others save
    // more.
    table.push(candidate(Kind::WithV, Some(0.95), -0.1, 0.5));
    assert_eq!(sequence(&table, limit(2.0)), [2, 3, 1, 4]);
}

#[test]
fn of_equals_one_is_tested() {
    let same = vec![candidate(Kind::WithV, Some(0.6), 0.1, 0.1); 3];
    assert_eq!(sequence(&same, limit(0.5)), [0]);
    // Equally sure: the one that saves more. Of equal power: the surer one.
    let ties = [(0.6, 0.1), (0.5, 0.1), (0.5, 0.2)]
        .map(|(power, loss)| candidate(Kind::WithV, Some(power), loss, 0.1));
    assert_eq!(sequence(&ties, limit(0.5)), [1]);
}

/// The upper ends that designs of these names turn out to have, under 0.5 or not; and what was
/// asked for.
fn walked(uppers: &[f64]) -> (Walked<usize, f64>, Vec<usize>) {
    let mut asked = Vec::new();
    let test = |&design: &usize| {
        asked.push(design);
        Ok::<f64, Infallible>(uppers[design])
    };
    let walked = walk(0..uppers.len(), test, |&upper| upper < 0.5).unwrap();
    (walked, asked)
}

#[test]
fn the_first_failure_ends_the_test() {
    // The third would pass, but is never asked for.
    let (found, asked) = walked(&[0.1, 0.2, 0.6, 0.3]);
    let expected = Walked { passed: Some((1, 0.2)), failed: Some((2, 0.6)), tested: 3 };
    assert_eq!((found, asked), (expected, vec![0, 1, 2]));
    // At the limit is not under it.
    let (found, asked) = walked(&[0.5, 0.1]);
    assert_eq!((found.passed, found.failed, asked.len()), (None, Some((0, 0.5)), 1));
}

#[test]
fn all_may_pass_or_there_may_be_nothing_to_test() {
    let (found, _) = walked(&[0.3, 0.1]);
    assert_eq!(found, Walked { passed: Some((1, 0.1)), failed: None, tested: 2 });
    assert_eq!(walked(&[]).0, Walked { passed: None, failed: None, tested: 0 });
}

#[test]
fn a_test_that_cannot_be_made_ends_all() {
    let test = |&design: &usize| if design < 2 { Ok(0.0) } else { Err("no room") };
    assert_eq!(walk(0..4, test, |_| true), Err("no room"));
}

/// Designs that all are just over the limit: some choice is wrongly confirmed as seldom as a single
/// test is wrong, though a hundred are tested.
#[test]
fn errors_do_not_add_up() {
    let mut state = 1_u64;
    let mut uniform = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let runs = 20_000;
    let wrong = (0..runs).filter(|_| {
        let test = |_: &usize| Ok::<f64, Infallible>(uniform());
        walk(0..100, test, |&p| p < 0.025).unwrap().passed.is_some()
    });
    // 500 expected; five standard deviations are 110.
    let wrong = wrong.count();
    assert!((390..610).contains(&wrong), "{wrong}");
}
