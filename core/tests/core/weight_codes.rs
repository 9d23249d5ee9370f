//! Codes of weights chosen for a multiplier, in a whole network.

use recoup_core::accuracy::{EmulatedDesign, Experiment};
use recoup_core::design::Design;
use recoup_core::multiplier::truncated;
use recoup_core::quantize::{Quantization, WeightCodes, WeightScheme};
use recoup_kernels::Isa;

use crate::experiment;

/// Few images, of which the last decides: what is asked here does not depend on how many there are.
fn small(isa: Isa) -> Experiment {
    experiment::new(WeightScheme::U8Channel, isa, 4)
}

fn chosen(experiment: &Experiment, design: Design) -> EmulatedDesign {
    experiment.candidate(&design.with_weight_codes(WeightCodes::Chosen)).unwrap()
}

fn weights(candidate: &EmulatedDesign) -> Vec<Vec<u8>> {
    candidate.prepared.quantized.macs.iter().map(|mac| mac.weights.to_vec()).collect()
}

#[test]
fn codes_depend_neither_on_threads_nor_on_the_instruction_set() {
    let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let design = || Design::new(truncated(9)).with_quantization(Quantization::PLAIN);
    let one = pool(1).install(|| chosen(&small(Isa::best()), design()));
    let other = pool(3).install(|| chosen(&small(Isa::available()[0]), design()));
    assert_eq!(weights(&one), weights(&other));
    assert_eq!(one.control, other.control);
    let plain = small(Isa::best()).candidate(&design()).unwrap();
    let macs = one.prepared.quantized.macs.iter().zip(&plain.prepared.quantized.macs);
    let differ = macs.filter(|(one, plain)| one.weights != plain.weights).count();
    assert!(differ >= 3, "{differ} layers have other codes");
}

/// Codes of fewer bits stay on their grid, and exact layers keep all bits.
#[test]
fn chosen_codes_are_codes_of_the_width() {
    let design = Design::exact(8).with_weight_bits(4).with_exact_ends(true);
    let candidate = chosen(&small(Isa::best()), design);
    let macs = &candidate.prepared.quantized.macs;
    let last = macs.len() - 1;
    let mut narrow = 0;
    for (layer, mac) in macs.iter().enumerate().filter(|(layer, _)| ![0, last].contains(layer)) {
        assert!(mac.weights.iter().all(|byte| byte % 16 == 0 && *byte > 0), "layer {layer}");
        narrow += 1;
    }
    assert!(narrow >= 3);
    assert!(macs[0].weights.iter().any(|byte| byte % 16 != 0));
}
