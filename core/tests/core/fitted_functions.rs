//! The function x that `fitted:auto` makes is never worse than one that has a name: on a network's
//! own weights and codes it leaves no more of the error's variance.

use rand_chacha::rand_core::{RngCore, SeedableRng};
use recoup_core::control_variate::{
    CodeFunction, ControlFunction, ControlOptions, ControlVariateError, Errors, Statistics,
    functions, layers, residual_share,
};
use recoup_core::emulate::code_histograms;
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::WeightScheme;
use recoup_kernels::Isa;

use crate::{experiment, fashion};

const IMAGES: usize = 32;

/// The levels of the families that matter, and masks of no family.
fn masks() -> Vec<Multiplier> {
    let families = ["perforated:2", "truncated:6", "truncated:8", "recursive:4"];
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(9);
    let of_no_family = (0..4).map(|_| {
        // A mask that keeps most, above all where products weigh most.
        let upper = (0..64).filter(|bit| bit / 8 + bit % 8 >= 8).map(|bit| 1 << bit).sum::<u64>();
        Multiplier::from_mask(random.next_u64() | upper)
    });
    families.iter().map(|text| text.parse().unwrap()).chain(of_no_family).collect()
}

#[test]
fn auto_leaves_no_more_than_a_named_function() {
    let mut compared = 0;
    for scheme in [WeightScheme::U8Channel, WeightScheme::I8Channel] {
        let experiment = experiment::new(scheme, Isa::best(), IMAGES);
        let exact = experiment::candidate(&experiment, "exact", "none");
        let network = &exact.prepared.quantized;
        let (images, _) = fashion::images("calibration-256", IMAGES);
        let histograms = code_histograms(&exact.prepared, &images, &|_| {}).unwrap();
        let (found, expected) = (network.macs.len() - 1, network.macs.len());
        assert_eq!(
            layers(network, &histograms[1..]).unwrap_err(),
            ControlVariateError::Histograms { found, expected }
        );
        let layers = layers(network, &histograms).unwrap();
        let masks = masks();
        let cases =
            masks.iter().flat_map(|mask| Statistics::ALL.map(|statistics| (mask, statistics)));
        for (multiplier, statistics) in cases {
            let errors = Errors::new(&multiplier.errors(scheme.coding()));
            let left = |x: &[CodeFunction]| residual_share(&layers, &errors, x, statistics);
            let options = ControlOptions { statistics, ..ControlOptions::default() };
            let auto = Some(ControlFunction::Auto);
            let auto =
                left(&functions(&layers, scheme.coding(), multiplier, auto, options).unwrap());
            assert!(auto < 1.0, "{multiplier}, {scheme}: V removes nothing");
            for named in CodeFunction::all_named(multiplier) {
                let name = named.function;
                let named = left(&[named]);
                assert!(
                    auto <= named,
                    "{multiplier}, {scheme}, {statistics}: {auto}, {name} {named}"
                );
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 2 * 8 * 2 * ControlFunction::NAMED.len());
}
