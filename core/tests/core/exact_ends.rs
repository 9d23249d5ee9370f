//! The first and the last layer on exact multipliers, the others on approximate ones.

use recoup_core::accuracy::{EmulatedDesign, Experiment};
use recoup_core::design::Design;
use recoup_core::emulate::Workspace;
use recoup_core::quantize::{QuantizedMac, WeightScheme};
use recoup_core::watch::Unwatched;
use recoup_kernels::{Isa, MacLayer, Scratch};

use crate::{experiment, fashion};

/// What a layer reads and what it sums.
struct Seen {
    codes: Vec<u8>,
    weights: Vec<u8>,
    sums: Vec<i32>,
}

fn candidate(
    experiment: &Experiment,
    (multiplier, mode): (&str, &str),
    ends: bool,
) -> EmulatedDesign {
    let design = experiment::candidate(experiment, multiplier, mode).design;
    experiment.candidate(&design.with_exact_ends(ends)).unwrap()
}

fn run(candidate: &EmulatedDesign, image: &[f32]) -> Vec<Seen> {
    let mut seen = Vec::new();
    let observe = |_: usize, layer: &MacLayer, codes: &[u8]| {
        let shape = layer.spec().shape;
        let mut sums = vec![0; shape.positions() * shape.filters];
        layer.accumulate(codes, &mut Scratch::default(), &mut sums);
        seen.push(Seen { codes: codes.to_vec(), weights: layer.spec().weights.to_vec(), sums });
    };
    candidate.network.run_observed(image, &mut Workspace::default(), observe).unwrap();
    seen
}

#[test]
fn the_ends_are_exact_and_the_rest_is_not() {
    let experiment = experiment::new(WeightScheme::U8Channel, Isa::best(), 8);
    let (images, _) = fashion::images("test-2000", 1);
    let exact = run(&candidate(&experiment, ("exact", "none"), false), &images[0]);
    for mode in ["none", "fitted", "regressed", "constant"] {
        let mixed = candidate(&experiment, ("truncated:7", mode), true);
        let approximate = candidate(&experiment, ("truncated:7", mode), false);
        let (first, last) = (0, exact.len() - 1);
        let (mixed_seen, approximate) = (run(&mixed, &images[0]), run(&approximate, &images[0]));
        assert_eq!(mixed_seen[first].sums, exact[first].sums, "{mode}");
        assert_ne!(approximate[first].sums, exact[first].sums, "{mode}");
        // The second layer, on approximate multipliers, reads what the exact network's does.
        assert!(mixed_seen[1].codes == exact[1].codes, "{mode}");
        assert_ne!(mixed_seen[1].sums, exact[1].sums, "{mode}");
        // The last layer is a matrix: its sums by the definition.
        let Seen { codes, weights, sums } = &mixed_seen[last];
        let product = |(&weight, &code): (&u8, &u8)| i32::from(weight) * i32::from(code);
        let by_hand: Vec<i32> = weights
            .chunks_exact(codes.len())
            .map(|weights| weights.iter().zip(codes).map(product).sum())
            .collect();
        assert_eq!(*sums, by_hand, "{mode}");
        for control in mixed.control.iter() {
            for (layer, constants) in control.layers.iter().enumerate() {
                let zero = constants.c.iter().flatten().chain(&constants.c0).all(|&it| it == 0);
                assert_eq!(zero, layer == first || layer == last, "{mode}, layer {layer}");
            }
        }
    }
}

#[test]
fn exact_ends_lower_the_predicted_noise() {
    let experiment = experiment::new(WeightScheme::U8Channel, Isa::best(), 8);
    let noise = |ends| {
        let design = candidate(&experiment, ("truncated:7", "fitted"), ends).design;
        experiment.predict(&design, &Unwatched).unwrap().noise_to_signal
    };
    assert!(noise(true) < noise(false));
}

#[test]
fn exact_ends_read_all_bits_of_reduced_codes() {
    let experiment = experiment::new(WeightScheme::U8Channel, Isa::best(), 8);
    let (images, _) = fashion::images("test-2000", 1);
    let run = |exact_ends| {
        let design = Design::exact(4).with_exact_ends(exact_ends);
        let candidate = experiment.candidate(&design).unwrap();
        run(&candidate, &images[0])
    };
    let narrow = |seen: &Seen| seen.codes.iter().all(|code| code % 16 == 0);
    assert!(run(false).iter().all(narrow));
    let seen = run(true);
    let wide = |layer: usize| !narrow(&seen[layer]);
    let wide: Vec<usize> = (0..seen.len()).filter(|&layer| wide(layer)).collect();
    assert_eq!(wide, [0, seen.len() - 1]);
}

#[test]
fn exact_ends_keep_all_bits_of_reduced_weights() {
    let experiment = experiment::new(WeightScheme::U8Channel, Isa::best(), 8);
    let narrow = |exact_ends| -> Vec<bool> {
        let design = Design::exact(8).with_weight_bits(4).with_exact_ends(exact_ends);
        let prepared = experiment.candidate(&design).unwrap().prepared;
        let of_16 = |layer: &QuantizedMac| layer.weights.iter().all(|code| code % 16 == 0);
        prepared.quantized.macs.iter().map(of_16).collect()
    };
    assert!(narrow(false).iter().all(|narrow| *narrow));
    let ends = narrow(true);
    let last = ends.len() - 1;
    assert!(
        ends.iter().enumerate().all(|(layer, &narrow)| narrow != (layer == 0 || layer == last))
    );
}
