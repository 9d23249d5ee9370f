//! The same scores, bit for bit, whatever the threads, the instruction set and the order of the
//! images.

use rayon::ThreadPoolBuilder;
use recoup_core::emulate::{Prefixes, Workspace};
use recoup_core::quantize::WeightScheme;
use recoup_kernels::Isa;

use crate::{experiment, fashion, scores};

const IMAGES: usize = 6;
const CALIBRATION_IMAGES: usize = 6;

/// Every family, the signed table, an odd mask, and every source of constants.
const CONFIGURATIONS: [(WeightScheme, &str, &str); 6] = [
    (WeightScheme::U8Tensor, "perforated:2", "paper"),
    (WeightScheme::U8Tensor, "truncated:7", "fitted"),
    (WeightScheme::U8Channel, "recursive:5", "regressed"),
    (WeightScheme::U8Channel, "mask:0xfffefcf8f0e0c081", "regressed:weighted"),
    (WeightScheme::I8Channel, "truncated:8", "regressed"),
    (WeightScheme::I8Channel, "truncated:6", "constant"),
];

/// Runs `work` on a pool of its own.
fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

/// Floats by their bits, so that -0 and 0 differ and NaN equals itself.
fn bits(scores: &[Vec<f32>]) -> Vec<u32> {
    scores.iter().flatten().map(|score| score.to_bits()).collect()
}

#[test]
fn threads_change_nothing() {
    let (images, _) = fashion::images("test-2000", IMAGES);
    for (scheme, multiplier, mode) in CONFIGURATIONS {
        let run = |threads| {
            on_threads(threads, || {
                let experiment = experiment::new(scheme, Isa::best(), CALIBRATION_IMAGES);
                let candidate = experiment::candidate(&experiment, multiplier, mode);
                let scores = bits(&scores::scores(&candidate, &images));
                (candidate.control, scores)
            })
        };
        let (control, scores) = run(1);
        assert!(control.is_some(), "{multiplier}, {mode}: no constants to compare");
        let (others, other_scores) = run(2);
        assert_eq!(others, control, "{scheme}, {multiplier}, {mode}");
        assert_eq!(other_scores, scores, "{scheme}, {multiplier}, {mode}");
    }
}

#[test]
fn instruction_sets_change_nothing() {
    let (images, _) = fashion::images("test-2000", IMAGES);
    for (scheme, multiplier, mode) in CONFIGURATIONS {
        let run = |isa| {
            let experiment = experiment::new(scheme, isa, CALIBRATION_IMAGES);
            let candidate = experiment::candidate(&experiment, multiplier, mode);
            let scores = bits(&scores::scores(&candidate, &images));
            (candidate.control, scores)
        };
        let expected = run(Isa::SCALAR);
        for isa in Isa::available() {
            let context = format!("{scheme}, {multiplier}, {mode}, {}", isa.name());
            let (control, scores) = run(isa);
            assert_eq!(control, expected.0, "{context}");
            assert_eq!(scores, expected.1, "{context}");
        }
    }
}

#[test]
fn a_workspace_remembers_nothing_of_the_images_before() {
    let (images, _) = fashion::images("test-2000", IMAGES);
    for (scheme, multiplier, mode) in CONFIGURATIONS {
        let experiment = experiment::new(scheme, Isa::best(), CALIBRATION_IMAGES);
        let candidate = experiment::candidate(&experiment, multiplier, mode);
        let fresh = |image: &Vec<f32>| {
            candidate.network.run(image, &mut Workspace::default()).unwrap().to_vec()
        };
        let expected: Vec<_> = images.iter().map(fresh).collect();
        let mut workspace = Workspace::default();
        // Backwards, then forwards: every image has other predecessors.
        for index in (0..IMAGES).rev().chain(0..IMAGES) {
            let scores = candidate.network.run(&images[index], &mut workspace).unwrap().to_vec();
            let context = format!("{scheme}, {multiplier}, {mode}, image {index}");
            assert_eq!(bits(&[scores]), bits(&[expected[index].clone()]), "{context}");
        }
    }
}

#[test]
fn what_designs_share_changes_nothing() {
    let experiment = experiment::new(WeightScheme::U8Channel, Isa::best(), CALIBRATION_IMAGES);
    let (images, _) = fashion::images("test-2000", IMAGES);
    let inputs: Vec<&[f32]> = images.iter().map(Vec::as_slice).collect();
    let numbered: Vec<(usize, &[f32])> = inputs.iter().copied().enumerate().collect();
    let candidate = |multiplier: &str, mode: &str, activation_bits, exact_ends| {
        let design = experiment::candidate(&experiment, multiplier, mode).design;
        let design = design.with_activation_bits(activation_bits).with_exact_ends(exact_ends);
        experiment.candidate(&design).unwrap()
    };
    // With how many groups have been seen that differ in the image's codes or the first layer.
    let candidates = [
        (candidate("exact", "none", 8, false), 1),
        (candidate("truncated:7", "fitted", 8, true), 1),
        (candidate("perforated:2", "none", 8, true), 1),
        (candidate("perforated:2", "none", 8, false), 2),
        (candidate("truncated:7", "none", 8, false), 2),
        (candidate("exact", "none", 6, false), 3),
        (candidate("perforated:2", "none", 6, false), 4),
        (candidate("recursive:4", "fitted", 6, false), 4),
    ];
    // An image is 28 x 28 codes, and 16 times as many behind the first layer.
    for most_bytes in [usize::MAX / 2, 20_000, 10] {
        let prefixes = Prefixes::new(most_bytes);
        for (candidate, groups) in &candidates {
            let mut workspaces = Vec::new();
            let alone = candidate.network.run_many(&inputs, &mut workspaces).unwrap();
            for _ in 0..2 {
                let shared = candidate.network.run_sharing(&numbered, &mut workspaces, &prefixes);
                let shared = shared.unwrap();
                assert_eq!(bits(&shared), bits(&alone), "{}", candidate.design);
            }
            let kept = match most_bytes {
                10 => 0..=0,
                // One behind the first layer, or the input codes of two kinds.
                20_000 => 1..=2 * IMAGES,
                _ => groups * IMAGES..=groups * IMAGES,
            };
            let (found, design) = (prefixes.len(), &candidate.design);
            assert!(kept.contains(&found), "{found} of {kept:?}, {design}");
        }
    }
}
