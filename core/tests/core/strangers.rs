//! What does not belong to a network is refused, with what was expected.

use recoup_circuits::{Operands, ProductTable};
use recoup_core::accuracy::{Details, EvaluateError, Images, evaluate, sampler};
use recoup_core::control_variate::ControlVariate;
use recoup_core::data::{Dataset, MemoryArray, Pixels, Preprocess};
use recoup_core::emulate::{
    EmulateError, Network, Prefixes, StatisticsCollector, Workspace, regress,
};
use recoup_core::model::{FloatModel, SampleError};
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::WeightScheme;
use recoup_kernels::{Isa, KernelError};

use crate::experiment;

const ELEMENTS: usize = 28 * 28;

#[test]
fn samples_of_another_size() {
    let experiment = experiment::new(WeightScheme::U8Channel, Isa::best(), 2);
    let candidate = experiment::candidate(&experiment, "truncated:6", "fitted");
    let float = FloatModel::new(&candidate.prepared.quantized.graph, &[]);
    let network = &candidate.network;
    for elements in [0, ELEMENTS - 1, ELEMENTS + 1] {
        let image = vec![0.0; elements];
        let mut spaces = Vec::new();
        let several = network.run_many(&[&image], &mut spaces).unwrap_err();
        let sharing = network.run_sharing(&[(0, &image)], &mut spaces, &Prefixes::new(0));
        let one = network.run(&image, &mut Workspace::default()).unwrap_err();
        for error in [several, sharing.unwrap_err(), one, float.outputs(&image).unwrap_err()] {
            let SampleError::Elements { found, expected } = error else { panic!("{error}") };
            assert_eq!((found, expected), (elements, ELEMENTS));
        }
    }
    assert!(network.run_many(&[], &mut Vec::new()).unwrap().is_empty());
}

#[test]
fn control_variates_of_another_network() {
    let experiment = experiment::new(WeightScheme::U8Channel, Isa::best(), 2);
    let candidate = experiment::candidate(&experiment, "truncated:6", "fitted");
    let (prepared, own) = (&candidate.prepared, candidate.control.as_ref().unwrap());
    let multiplier = &candidate.design.multiplier;
    let mut strangers = vec![own.clone(); 4];
    strangers[0].layers.pop();
    strangers[1].layers[1].c0.pop();
    strangers[2].layers[1].c[0].push(1);
    strangers[3].functions.clear();
    for control in strangers.iter().map(Some) {
        let errors = [
            Network::new(prepared, multiplier, control).err(),
            StatisticsCollector::new(prepared, control, prepared).err(),
        ];
        for error in errors {
            let error = error.expect("refused");
            assert!(matches!(error, EmulateError::Kernel(KernelError::Length { .. })), "{error}");
        }
    }
}

#[test]
fn multipliers_of_the_other_coding() {
    let experiment = experiment::new(WeightScheme::U8Channel, Isa::best(), 2);
    let prepared = &experiment::candidate(&experiment, "exact", "none").prepared;
    let operands = Operands::SignedWeight;
    let table = ProductTable::from_fn(operands, |w, a| operands.product(w, a) & !1);
    let signed = Multiplier::from_table("signed", &table);
    let start = ControlVariate { functions: Vec::new(), c_frac: 4, layers: Vec::new() };
    let refused = [
        Network::new(prepared, &signed, None).err(),
        regress(prepared, &[], &signed, start, &|_| {}).err(),
    ];
    for error in refused {
        let error = error.expect("refused");
        assert!(matches!(error, EmulateError::Multiplier(_)), "{error}");
    }
}

#[test]
fn evaluations_without_a_reference_or_with_labels_that_it_lacks() {
    let experiment = experiment::new(WeightScheme::U8Channel, Isa::best(), 2);
    let candidates = [experiment::candidate(&experiment, "exact", "none")];
    let graph = &candidates[0].prepared.quantized.graph;
    let elements = Pixels::U8(vec![7; 2 * ELEMENTS]);
    let images =
        MemoryArray { name: "x".into(), shape: vec![2, 28, 28], elements: elements.into() };
    let dataset = Dataset::from_arrays(vec![images], Some(vec![3, 10])).unwrap();
    let sampler =
        sampler(&dataset, &"fashion-mnist".parse::<Preprocess>().unwrap(), graph).unwrap();
    let images = Images { dataset: &dataset, indices: &[0, 1], sampler: &sampler, batch: 2 };
    let float = FloatModel::new(graph, &[]);
    let refused =
        |candidates| evaluate(&images, &float, candidates, Details::default(), None, &|_| {}).err();
    assert!(matches!(refused(&[]), Some(EvaluateError::NoCandidate)));
    let error = refused(&candidates).unwrap().to_string();
    assert!(error.contains("label 10 of image 1"), "{error}");
}
