use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// Outcomes of a reference and a candidate with these shares of lost and gained images.
fn networks(
    random: &mut ChaCha8Rng,
    images: usize,
    lost: f64,
    gained: f64,
) -> (Vec<bool>, Vec<bool>) {
    let pairs = (0..images).map(|_| match random.random::<f64>() {
        draw if draw < lost => (true, false),
        draw if draw < lost + gained => (false, true),
        _ => (true, true),
    });
    pairs.unzip()
}

/// What the test says as images arrive, and after how many.
fn run(plan: &Plan, reference: &[bool], candidate: &[bool], limit: Limit) -> (Verdict, usize) {
    let mut seen = 0;
    while let Some(next) = plan.next(seen) {
        seen = next;
        let verdict = plan.verdict(reference, &candidate[..seen], limit);
        if verdict != Verdict::Open {
            return (verdict, seen);
        }
    }
    panic!("the last look decides")
}

/// Shares of verdicts, and mean images, over simulated networks.
fn simulate(lost: f64, gained: f64, images: usize, runs: usize) -> (f64, f64, f64) {
    let (plan, limit) = (Plan::new(images), Limit::new(0.5).unwrap());
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let (mut under, mut over, mut seen) = (0, 0, 0);
    for _ in 0..runs {
        let (reference, candidate) = networks(&mut random, images, lost, gained);
        let (verdict, at) = run(&plan, &reference, &candidate, limit);
        under += usize::from(verdict == Verdict::Under);
        over += usize::from(verdict == Verdict::Over);
        seen += at;
    }
    let share = |count: usize| count as f64 / runs as f64;
    (share(under), share(over), share(seen) / images as f64)
}

#[test]
fn the_error_rate_holds_at_the_limit() {
    // The loss is the limit, so every verdict but "undecided" is wrong. 5 % of 1000 runs and
    // three standard deviations of that are 7.1 %.
    for (images, gained) in [(1000, 0.0), (1000, 0.02), (3000, 0.0), (3000, 0.05)] {
        let (under, over, _) = simulate(0.005 + gained, gained, images, 1000);
        assert!(under + over <= 0.071, "{images} images, {gained}: {under} + {over}");
        assert!(under <= 0.04 && over <= 0.04, "{images} images, {gained}: {under}, {over}");
    }
}

#[test]
fn the_looks_share_the_error() {
    for images in [1, 30, 500, 5000, 50_000] {
        let plan = Plan::new(images);
        let errors: f64 = plan.looks.iter().map(|look| 1.0 - look.confidence).sum();
        assert!((errors - ERROR).abs() < 1e-9, "{images}: {errors}");
        assert_eq!(plan.images(), images);
        assert!(plan.looks.is_sorted_by(|a, b| a.images < b.images));
    }
}

#[test]
fn clear_cases_end_early() {
    // A tenth of the accuracy is gone: seen at once.
    let (_, over, images) = simulate(0.12, 0.02, 5000, 200);
    assert!(over > 0.99 && images < 0.1, "{over} {images}");
    // Two points too much.
    let (_, over, images) = simulate(0.035, 0.01, 5000, 200);
    assert!(over > 0.99 && images < 0.5, "{over} {images}");
    // Nothing is lost: fewer than half of the images would not exclude half a point.
    let (under, _, images) = simulate(0.0005, 0.0005, 5000, 200);
    assert!(under > 0.99 && images < 0.8, "{under} {images}");
}

#[test]
fn hopeless_cases_end_early() {
    // The loss is the limit: no number of images shows that it is less.
    let (under, over, images) = simulate(0.015, 0.01, 5000, 300);
    assert!(under + over < 0.05 && images < 0.75, "{under} {over} {images}");
}

#[test]
fn hope_is_given_up_late() {
    // Half of such networks are found under the limit by a look at all images.
    let (plan, limit) = (Plan::new(5000), Limit::new(0.5).unwrap());
    let single = Plan::single(5000);
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let (mut under, mut given_up) = (0, 0);
    for _ in 0..500 {
        let (reference, candidate) = networks(&mut random, 5000, 0.0105, 0.01);
        if single.verdict(&reference, &candidate, limit) == Verdict::Under {
            under += 1;
            let (verdict, seen) = run(&plan, &reference, &candidate, limit);
            given_up += usize::from(verdict == Verdict::Undecided && seen < 5000);
        }
    }
    assert!((150..350).contains(&under) && given_up * 50 <= under, "{given_up} of {under}");
}

#[test]
fn more_images_give_hope_again() {
    let (plan, limit) = (Plan::new(2000), Limit::new(0.5).unwrap());
    let reference = vec![true; 2000];
    let lost: Vec<bool> = (0..2000).map(|image| image % 200 > 0 || image > 1100).collect();
    let at = |seen: usize| plan.verdict(&reference, &lost[..seen], limit);
    assert_eq!(at(1060), Verdict::Undecided);
    assert_eq!(at(2000), Verdict::Undecided);
    let regained: Vec<bool> = (0..2000).map(|image| image % 200 > 0 || image > 500).collect();
    assert_eq!(plan.verdict(&reference, &regained, limit), Verdict::Under);
}

#[test]
fn the_first_verdict_stays() {
    let (plan, limit) = (Plan::new(1000), Limit::new(0.5).unwrap());
    let reference = vec![true; 1000];
    // Bad at first, perfect from then on.
    let candidate: Vec<bool> = (0..1000).map(|image| image >= 40).collect();
    let (verdict, seen) = run(&plan, &reference, &candidate, limit);
    assert_eq!((verdict, seen), (Verdict::Over, 40));
    let later = plan.assess(&reference, &candidate, limit);
    assert_eq!((later.verdict, later.images), (Verdict::Over, 1000));
    assert!((later.loss - 4.0).abs() < 1e-9);
}

#[test]
fn one_look_is_the_plain_test() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (reference, candidate) = networks(&mut random, 2000, 0.02, 0.01);
    let found = Plan::single(2000).assess(&reference, &candidate, Limit::new(5.0).unwrap());
    let expected = recoup_core::accuracy::paired::compare(&reference, &candidate).unwrap();
    assert_eq!((found.loss, found.interval), (expected.points, expected.ci95));
    assert_eq!((found.verdict, found.confidence), (Verdict::Under, 0.95));
}

#[test]
fn the_estimated_number_of_images_decides_four_times_out_of_five() {
    let limit = Limit::new(2.0).unwrap();
    // Of 1,000 images 50 lost and 45 gained, or 80 and 45: under or over, if that goes on.
    for (lost, verdict) in [(50, Verdict::Under), (80, Verdict::Over)] {
        let reference: Vec<bool> = (0..1000).map(|image| image >= 45).collect();
        let candidate: Vec<bool> = (0..1000).map(|image| image < 1000 - lost).collect();
        let found = Plan::single(1000).assess(&reference, &candidate, limit);
        assert_eq!(found.verdict, Verdict::Undecided);
        let images = found.images_to_decide.unwrap() as usize;
        assert!(images > 1000 && images.is_multiple_of(100), "{images}");
        let (plan, mut random) = (Plan::single(images), ChaCha8Rng::seed_from_u64(5));
        let decided = (0..300).filter(|_| {
            let (reference, candidate) = networks(&mut random, images, lost as f64 / 1000.0, 0.045);
            plan.verdict(&reference, &candidate, limit) == verdict
        });
        // 80 %, and three standard deviations of that.
        let decided = decided.count();
        assert!((219..=261).contains(&decided), "{decided} of 300 by {images} images");
    }
}

#[test]
fn no_number_of_images_decides_a_loss_at_the_limit() {
    let (reference, lost): (Vec<bool>, Vec<bool>) = (0..1000).map(|at| (true, at >= 20)).unzip();
    let needed = |limit: f64| {
        let limit = Limit::new(limit).unwrap();
        Plan::single(1000).assess(&reference, &lost, limit).images_to_decide
    };
    // A loss of 2 points.
    assert_eq!((needed(2.0), needed(2.000_001)), (None, None));
    assert!(needed(2.1).is_some_and(|images| images > 10_000));
    // Decided.
    assert_eq!((needed(1.0), needed(4.0)), (None, None));
}

#[test]
fn limits_mean_something() {
    for points in [0.0, 0.5, 99.9] {
        assert_eq!(Limit::new(points).unwrap().points(), points);
    }
    let text = [0.5, 1.0, 6.0].map(|points| Limit::new(points).unwrap().to_string());
    assert_eq!(text, ["0.5 points", "1 point", "6 points"]);
    for points in [-0.1, 100.0, f64::NAN, f64::INFINITY] {
        let error = Limit::new(points).unwrap_err().to_string();
        assert!(error.contains("from 0 to below 100"), "{error}");
    }
}
