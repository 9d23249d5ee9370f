//! Models with one defect each (reference/damaged): whatever a file says, it is refused with a
//! message, or it runs; nothing panics.

use std::path::{Path, PathBuf};

use recoup::model::{self, FloatModel, OnnxFile};

/// Refused by the list, but read with the right meaning: a declared type that nothing looks at, and
/// weights of float64, which become float32.
const LENIENT: &[&str] = &["declared_output_type.onnx", "tensor_type_double.onnx"];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("reference/damaged").join(name)
}

/// Reads a model, and runs it on an image of one colour.
fn run(name: &str) -> Result<(), String> {
    let file = OnnxFile::open(&path(name)).map_err(|error| error.to_string())?;
    let graph = model::load(&file, None).map_err(|error| error.to_string())?;
    FloatModel::new(&graph, &[]).run(&vec![0.1; graph.input_elements()], |_, _| ());
    Ok(())
}

#[test]
fn damaged_models_are_refused_or_run() {
    let table = std::fs::read_to_string(path("README.md")).unwrap();
    let mut problems = Vec::new();
    let mut models = 0;
    for line in table.lines().filter(|line| line.contains(".onnx |")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let (name, must) = (cells[1], cells[3]);
        models += 1;
        match (std::panic::catch_unwind(|| run(name)), must) {
            (Err(_), _) => problems.push(format!("{name}: panics")),
            (Ok(Ok(())), "be refused") if !LENIENT.contains(&name) => {
                problems.push(format!("{name}: runs"));
            }
            (Ok(Err(error)), "runs") => problems.push(format!("{name}: {error}")),
            _ => {}
        }
    }
    assert!(models > 300, "only {models} models in the list");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
