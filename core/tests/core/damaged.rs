//! Damaged models (reference/damaged): each is refused with a message that says where the damage
//! is, or runs to the end.

use std::panic::catch_unwind;
use std::path::Path;

use recoup_core::model::{self, OnnxFile};

use crate::models::{Damaged, Must};
use crate::{models, pipeline};

/// What is wrong with what became of a model, if anything.
fn check(damaged: &Damaged) -> Result<(), String> {
    let loaded = catch_unwind(|| {
        let file = OnnxFile::open(&damaged.path)?;
        model::load(&file, None)
    });
    match (loaded.map_err(|_| "panics on import")?, damaged.must) {
        (Ok(_), Must::BeRefused) => Err("is read, must be refused".into()),
        (Err(error), Must::Run) => Err(format!("must run, is refused: {error}")),
        (Err(error), _) => models::problem_of(&error.to_string(), damaged).map_or(Ok(()), Err),
        (Ok(graph), must) => match catch_unwind(|| pipeline::run_on_zeros(graph)) {
            Err(_) => Err("is read, panics as it runs".into()),
            Ok(Err(problem)) if must == Must::Run => Err(format!("must run: {problem}")),
            Ok(_) => Ok(()),
        },
    }
}

#[test]
fn damaged_models_are_refused_or_run() {
    let all = models::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."));
    let problems: Vec<String> = all
        .iter()
        .filter_map(|damaged| {
            check(damaged).err().map(|problem| format!("{}: {problem}", damaged.name))
        })
        .collect();
    assert!(problems.is_empty(), "{} of {}:\n{}", problems.len(), all.len(), problems.join("\n"));
}
