//! Which measurements of `recoup power` belong to which network.

use recoup_core::design::Design;
use recoup_core::model::Graph;
use recoup_core::quantize::WeightScheme;
use recoup_hardware::inference::{MeasuredArray, Measurements, Mismatch};

/// A network that files may have been measured on.
#[derive(Clone, Copy)]
pub struct MeasuredNetwork<'a> {
    /// The model's file.
    pub model: &'a str,
    /// The network.
    pub graph: &'a Graph,
}

/// Why measurements cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MeasurementsError {
    /// A file that is of none of the networks.
    #[error("{file}: {}", differences(.networks))]
    File {
        /// The file.
        file: String,
        /// The networks, and how each differs.
        networks: Vec<(String, Mismatch)>,
    },
    /// A network that no file is of.
    #[error("{model}: no file of powers was measured on it ({})", .files.join(", "))]
    Network {
        /// The model's file.
        model: String,
        /// The files.
        files: Vec<String>,
    },
    /// What designs are compared with was not measured.
    #[error(
        "{model}: {} {} no array of {rows}x{columns} with the multiplier exact, which others are \
         compared with", .files.join(", "), if .files.len() == 1 { "has" } else { "have" }
    )]
    Exact {
        /// The model's file.
        model: String,
        /// The files that were measured on it.
        files: Vec<String>,
        /// Rows of the array.
        rows: u32,
        /// Columns of the array.
        columns: u32,
    },
}

fn differences(networks: &[(String, Mismatch)]) -> String {
    let differences =
        networks.iter().map(|(model, mismatch)| format!("not on {model}: {mismatch}"));
    format!("was measured {}", differences.collect::<Vec<_>>().join("; "))
}

/// The arrays in `files` for each of `networks`, compared on an array of `[rows, columns]`. A file
/// serves every network whose layers it has; each file must serve one, and each network needs one,
/// unless there are none.
///
/// # Errors
/// When a file or a network is left over, or exact products were not measured on a network.
pub fn assign(
    files: &[Measurements],
    networks: &[MeasuredNetwork],
    [rows, columns]: [u32; 2],
) -> Result<Vec<Vec<MeasuredArray>>, MeasurementsError> {
    if files.is_empty() {
        return Ok(vec![Vec::new(); networks.len()]);
    }
    for file in files {
        let checked = networks.iter().map(|it| (it.model, file.check(it.graph)));
        let differ: Vec<(String, Mismatch)> =
            checked.filter_map(|(model, check)| Some((model.to_owned(), check.err()?))).collect();
        if differ.len() == networks.len() {
            return Err(MeasurementsError::File { file: file.name.clone(), networks: differ });
        }
    }
    let exact = WeightScheme::ALL
        .map(|weights| Design::exact(8).record(weights.coding()).identity(weights));
    let names = |files: &[&Measurements]| files.iter().map(|file| file.name.clone()).collect();
    let of_network = |network: &MeasuredNetwork| {
        let model = network.model.to_owned();
        let own: Vec<&Measurements> =
            files.iter().filter(|file| file.check(network.graph).is_ok()).collect();
        if own.is_empty() {
            let files = names(&files.iter().collect::<Vec<_>>());
            return Err(MeasurementsError::Network { model, files });
        }
        let arrays: Vec<MeasuredArray> =
            own.iter().flat_map(|file| file.arrays.iter().cloned()).collect();
        let is_exact = |array: &MeasuredArray| {
            array.size() == [rows as usize, columns as usize] && exact.contains(&array.identity)
        };
        match arrays.iter().any(is_exact) {
            true => Ok(arrays),
            false => Err(MeasurementsError::Exact { model, files: names(&own), rows, columns }),
        }
    };
    networks.iter().map(of_network).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use recoup_core::model::{self, OnnxFile};
    use recoup_hardware::inference::{Layer, MeasuredLayer};
    use recoup_kernels::WeightCoding;

    use super::*;

    /// One of the networks inside the command.
    fn graph(name: &str) -> Graph {
        let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../zoo/assets");
        model::load(&OnnxFile::open(&assets.join(name)).unwrap(), None).unwrap()
    }

    fn measurements(name: &str, graph: &Graph) -> Measurements {
        measurements_of(name, Layer::of_graph(graph))
    }

    fn measurements_of(name: &str, layers: Vec<Layer>) -> Measurements {
        let layers = layers.into_iter().map(|layer| MeasuredLayer {
            macs: layer.shape.macs(),
            cycles: layer.shape.cycles(8, 4),
            name: layer.name,
            energy_fj: 1.0,
            loading_fj: 0.0,
        });
        let array = MeasuredArray {
            identity: Design::exact(8)
                .record(WeightCoding::Unsigned)
                .identity(WeightScheme::U8Channel),
            rows: 8,
            columns: 4,
            structure: Default::default(),
            clock_ps: 1000.0,
            clock_fj: 1.0,
            leakage_nw: 1.0,
            layers: layers.collect(),
        };
        Measurements { name: name.to_owned(), model_sha256: None, arrays: vec![array] }
    }

    #[test]
    fn each_network_gets_its_own_files() {
        let (resnet, vgg) = (graph("fashion-resnet8.onnx"), graph("fashion-vgg8.onnx"));
        let networks = [
            MeasuredNetwork { model: "resnet", graph: &resnet },
            MeasuredNetwork { model: "vgg", graph: &vgg },
        ];
        let files = [measurements("v.json", &vgg), measurements("r.json", &resnet)];
        let assigned = assign(&files, &networks, [8, 4]).unwrap();
        assert_eq!(assigned, [files[1].arrays.clone(), files[0].arrays.clone()]);
        assert_eq!(assign(&[], &networks, [8, 4]).unwrap(), [vec![], vec![]]);

        let error = |files: &[Measurements], networks: &[MeasuredNetwork], size| {
            assign(files, networks, size).unwrap_err().to_string()
        };
        let one = error(&files, &networks[..1], [8, 4]);
        assert!(one.starts_with("v.json: was measured not on resnet: it has no layer \""), "{one}");
        let none = error(&files[..1], &networks, [8, 4]);
        assert!(
            none.starts_with("resnet: no file of powers was measured on it (v.json)"),
            "{none}"
        );
        let size = error(&files, &networks, [16, 16]);
        assert!(size.starts_with("resnet: r.json has no array of 16x16"), "{size}");
    }

    /// What is loaded is each design's own choice.
    #[test]
    fn measurements_may_have_either_operand_loaded() {
        let graph = graph("fashion-vit.onnx");
        let layers = Layer::of_graph(&graph);
        let products = layers.iter().filter(|layer| layer.loaded_operand.is_some());
        let first: Vec<String> = products.map(|layer| layer.name.clone()).collect();
        let exchanged = Layer::loading(&layers, &first);
        assert_ne!(exchanged, layers);
        for layers in [layers, exchanged] {
            assert_eq!(measurements_of("vit", layers).check(&graph), Ok(()));
        }
    }

    #[test]
    fn sizes_names_and_hashes_tell_networks_apart() {
        let graph = graph("fashion-resnet8.onnx");
        let measured = measurements("r.json", &graph);
        assert_eq!(measured.check(&graph), Ok(()));
        let changed = |change: &dyn Fn(&mut Measurements)| {
            let mut other = measured.clone();
            change(&mut other);
            other.check(&graph).unwrap_err().to_string()
        };
        let larger = changed(&|it| it.arrays[0].layers[2].macs += 1);
        assert!(larger.contains("products in") && larger.contains("the network's has"), "{larger}");
        let slower = changed(&|it| it.arrays[0].rows = 16);
        assert!(slower.contains("cycles"), "{slower}");
        let mut more = measured.arrays[0].layers[0].clone();
        more.name = "another".to_owned();
        let foreign = changed(&|it| it.arrays[0].layers.push(more.clone()));
        assert_eq!(foreign, "the network has no layer \"another\"");
        let missing = changed(&|it| drop(it.arrays[0].layers.remove(0)));
        assert!(missing.starts_with("it has no layer \""), "{missing}");
        let retrained = changed(&|it| it.model_sha256 = Some("0123".to_owned()));
        assert_eq!(retrained, "it was measured on another file, with SHA-256 0123");
        let same = Measurements { model_sha256: Some(graph.sha256.clone()), ..measured.clone() };
        assert_eq!(same.check(&graph), Ok(()));
    }
}
