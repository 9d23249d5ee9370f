//! The damaged models of `reference/damaged`, and what must become of each.

use std::path::{Path, PathBuf};

/// What must become of a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Must {
    BeRefused,
    Run,
    /// ONNX leaves it open.
    Either,
}

/// A row of the table in `README.md`.
pub struct Damaged {
    pub name: String,
    pub path: PathBuf,
    pub must: Must,
}

/// All of them, in order, from the folder of the workspace.
pub fn all(workspace: &Path) -> Vec<Damaged> {
    let folder = workspace.join("reference/damaged");
    let table = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let rows = table.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let name = cells[0].strip_suffix(".onnx")?;
        let must = match *cells.last()? {
            "be refused" => Must::BeRefused,
            "runs" => Must::Run,
            "runs or is refused" => Must::Either,
            other => panic!("{name}: {other} is not what a model must do"),
        };
        Some(Damaged { name: name.to_owned(), path: folder.join(cells[0]), must })
    });
    let rows: Vec<_> = rows.collect();
    let files = std::fs::read_dir(&folder).unwrap().filter(|file| {
        file.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "onnx")
    });
    assert_eq!(rows.len(), files.count(), "the table is not that of the files");
    rows
}

/// What is wrong with a message about the model, if anything.
pub fn problem_of(message: &str, model: &Damaged) -> Option<String> {
    let control = |letter: char| letter != '\n' && (letter.is_control() || letter == '\u{202e}');
    if message.contains(control) {
        return Some(format!("prints control characters: {message:?}"));
    }
    if !message.contains(&format!("{}.onnx", model.name)) {
        return Some(format!("does not name the file: {message}"));
    }
    // What is wrong with a node says which.
    let of_node = ["conv_", "gemm_", "mid_", "qlinearconv_", "relu_"];
    let of_node = of_node.iter().any(|start| model.name.starts_with(start));
    if of_node && !(message.contains("node \"") && message.contains("\" (")) {
        return Some(format!("does not name the node: {message}"));
    }
    None
}
