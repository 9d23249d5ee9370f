//! Who does pieces of explorations in other processes.

use recoup_core::design::Design;
use recoup_core::watch::Unwatched;
use recoup_explore::explorer::PREFIX_BYTES;
use recoup_explore::inputs::Inputs;
use recoup_explore::key::ExperimentKey;
use recoup_explore::runner::Worker;
use recoup_explore::subject::Emulated;

use super::OpenNetwork;

/// Networks on their images, ready to run any design.
pub fn emulated<'a>(networks: &'a [OpenNetwork], inputs: &'a [Inputs<'a>]) -> Vec<Emulated<'a>> {
    let of_each = networks.iter().zip(inputs).map(|(network, inputs)| {
        Emulated::new(&network.experiments, inputs, PREFIX_BYTES, &Unwatched)
    });
    of_each.collect()
}

/// A worker for pieces of explorations of these networks and designs. It knows them by their content:
/// whoever explores has opened the same models and data with the same options, wherever they lie.
pub fn worker<'a>(
    networks: &[OpenNetwork],
    emulated: &'a [Emulated<'a>],
    designs: &[Design],
) -> Worker<'a> {
    let mut worker = Worker::default();
    for (network, emulated) in networks.iter().zip(emulated) {
        let key =
            |experiment| ExperimentKey::new(network.names.clone(), experiment, emulated.inputs);
        let keys: Vec<ExperimentKey> = emulated.experiments.iter().map(key).collect();
        keys.iter().for_each(|key| worker.know_network(&key.key, emulated));
        for design in [&Design::exact(8)].into_iter().chain(designs) {
            let (key, _) = ExperimentKey::of_design(&keys, design).design(design);
            worker.know_design(&key, design);
        }
    }
    worker
}
