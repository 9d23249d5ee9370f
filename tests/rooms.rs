//! The data path: a room imports only rooms that feed it, and a package only packages below it.
//! Tests may look anywhere.

use std::fs;
use std::path::{Path, PathBuf};

/// The packages by their folders, each behind those that it may use.
const PACKAGES: [&str; 11] = [
    "kernels", "circuits", "core", "hardware", "explore", "report", ".", "zoo", "study", "cli",
    "python",
];

/// A room with those that it may import, which come before it.
type Room = (&'static str, &'static [&'static str]);

/// The rooms of each package: the modules at its top.
const ROOMS: [(&str, &[Room]); 11] = [
    (
        "kernels/src",
        &[
            ("aarch64", &[]),
            ("buffer", &[]),
            ("isa", &[]),
            ("dispatch", &["isa"]),
            ("x86_64", &[]),
            ("engine", &["aarch64", "buffer", "isa", "x86_64"]),
            ("error", &[]),
            ("output", &["buffer", "isa", "dispatch", "x86_64", "engine"]),
            ("float", &["isa", "dispatch", "x86_64", "engine", "output"]),
            ("input", &["isa", "dispatch", "x86_64"]),
            ("layer", &["buffer", "engine"]),
            ("naive", &[]),
            ("product", &["naive"]),
            (
                "codes",
                &["buffer", "isa", "dispatch", "x86_64", "engine", "float", "layer", "output"],
            ),
            ("pool", &["dispatch"]),
            ("by_code", &["isa", "dispatch", "output"]),
        ],
    ),
    (
        "circuits/src",
        &[
            ("product_table", &[]),
            ("distance", &["product_table"]),
            ("files", &[]),
            ("function", &[]),
            ("liberty", &["files", "function"]),
            ("metrics", &[]),
            ("program", &[]),
            ("table", &["distance", "metrics"]),
            ("yosys_json", &["files"]),
            (
                "netlist",
                &["distance", "files", "function", "liberty", "program", "table", "yosys_json"],
            ),
            ("npy", &[]),
        ],
    ),
    (
        "core/src",
        &[
            ("as_text", &[]),
            ("hint", &[]),
            ("numeric", &[]),
            ("multiplier", &["hint", "numeric"]),
            ("model", &["as_text", "hint", "numeric"]),
            ("as_bits", &[]),
            ("as_digits", &[]),
            ("watch", &[]),
            ("quantize", &["hint", "numeric", "model", "watch", "as_text"]),
            ("control_variate", &["numeric", "multiplier", "quantize", "as_text"]),
            ("weight_choice", &["numeric", "multiplier", "control_variate"]),
            (
                "emulate",
                &[
                    "numeric",
                    "multiplier",
                    "model",
                    "as_bits",
                    "watch",
                    "quantize",
                    "control_variate",
                    "weight_choice",
                ],
            ),
            ("code_choice", &["multiplier", "model", "quantize", "control_variate", "emulate"]),
            ("data", &["hint"]),
            ("design", &["numeric", "multiplier", "quantize", "control_variate", "as_text"]),
            (
                "accuracy",
                &[
                    "hint",
                    "multiplier",
                    "model",
                    "as_bits",
                    "as_digits",
                    "watch",
                    "quantize",
                    "control_variate",
                    "emulate",
                    "code_choice",
                    "data",
                    "design",
                ],
            ),
        ],
    ),
    (
        "hardware/src",
        &[
            ("cells", &[]),
            ("layer_shape", &[]),
            ("mapped", &["cells"]),
            ("rtl", &[]),
            ("cost_table", &["cells", "rtl"]),
            ("kit", &["rtl"]),
            ("simulate", &["cells", "mapped"]),
            ("power", &["cells", "layer_shape", "mapped", "rtl", "simulate"]),
            ("inference", &["cost_table", "layer_shape", "power", "rtl"]),
            ("timing", &["cells", "mapped"]),
            ("synthesis", &["cells", "mapped", "rtl", "timing"]),
            ("units", &["cells", "rtl", "simulate", "power", "synthesis"]),
            ("mask_model", &["cost_table"]),
            ("measure", &["cells", "cost_table", "rtl", "simulate", "power", "synthesis", "units"]),
        ],
    ),
    (
        "explore/src",
        &[
            ("sequential", &[]),
            ("choose", &["sequential"]),
            ("confirm", &["sequential", "choose"]),
            ("power", &[]),
            ("hash", &[]),
            ("inputs", &["hash"]),
            ("quality", &[]),
            ("subject", &["inputs", "quality"]),
            ("shard", &["hash"]),
            ("entry", &["sequential", "power", "subject", "shard"]),
            ("key", &["hash", "inputs"]),
            ("outcomes", &[]),
            ("store", &["quality", "entry", "key", "outcomes"]),
            (
                "runner",
                &["sequential", "choose", "power", "quality", "subject", "entry", "key", "store"],
            ),
            (
                "explorer",
                &[
                    "sequential",
                    "choose",
                    "power",
                    "inputs",
                    "subject",
                    "shard",
                    "key",
                    "store",
                    "runner",
                ],
            ),
            ("export", &["runner"]),
            ("masks", &[]),
            ("measured", &[]),
            ("ingredients", &["sequential", "choose", "entry"]),
            ("answer", &["sequential", "choose", "ingredients"]),
            ("merge", &["shard", "entry", "key", "store"]),
            ("recorded", &["sequential", "choose", "quality", "entry", "key", "store"]),
            ("space", &[]),
        ],
    ),
    (
        "report/src",
        &[
            ("data", &[]),
            ("choice", &["data"]),
            ("dots", &["data"]),
            ("number", &["data"]),
            ("view", &["data"]),
            ("bar", &["number"]),
            ("waterfall", &["data", "number", "bar"]),
            ("overview", &["data", "choice", "number", "view", "bar", "waterfall"]),
            ("provenance", &["data", "number"]),
            ("script", &[]),
            ("table", &["data", "number", "view"]),
            ("sections", &["data", "dots", "number", "view", "table"]),
            ("page", &["data", "overview", "provenance", "script", "sections"]),
        ],
    ),
    (
        "src",
        &[
            ("error", &[]),
            ("session", &["error"]),
            ("evaluate", &["error", "session"]),
            ("output", &[]),
            ("network", &["error", "session", "evaluate", "output"]),
            ("layers", &["error", "network"]),
            ("named", &["error"]),
            ("columns", &[]),
            ("explore", &["error", "session"]),
            ("page", &["error"]),
            ("record", &["evaluate"]),
            ("silicon", &["error", "session", "evaluate"]),
        ],
    ),
    ("zoo/src", &[]),
    (
        "study/src",
        &[
            ("choices", &[]),
            ("losses", &[]),
            ("beside", &["choices", "losses"]),
            ("confirmation", &["choices", "losses"]),
            ("paper", &["choices", "confirmation"]),
            ("variants", &[]),
        ],
    ),
    (
        "cli/src",
        &[
            ("headings", &[]),
            ("invocation", &[]),
            ("parse", &[]),
            ("values", &[]),
            ("costs", &["headings", "parse", "values"]),
            ("output", &[]),
            ("progress", &["output"]),
            ("library", &["headings", "values", "progress"]),
            ("args", &["headings", "parse", "values", "costs", "library"]),
            ("cells", &["headings", "progress", "output"]),
            ("session", &["args"]),
            ("network", &["headings", "parse", "progress", "args", "session", "values"]),
            ("printer", &["costs"]),
            (
                "commands",
                &[
                    "headings",
                    "invocation",
                    "parse",
                    "values",
                    "costs",
                    "progress",
                    "library",
                    "args",
                    "output",
                    "cells",
                    "session",
                    "network",
                    "printer",
                ],
            ),
            ("verbs", &["args", "commands"]),
            ("examples", &["verbs"]),
            ("fault", &[]),
            ("hint", &[]),
        ],
    ),
    (
        "python/src",
        &[
            ("hint", &[]),
            ("errors", &["hint"]),
            ("wait", &["errors"]),
            ("remote", &["errors"]),
            ("arrays", &["errors"]),
            ("command", &[]),
            ("table", &["errors"]),
            ("data", &["errors", "wait", "arrays"]),
            ("multiplier", &["errors", "arrays"]),
            ("design", &["errors", "multiplier"]),
            ("measure", &["arrays"]),
            ("layer", &["errors", "wait"]),
            (
                "network",
                &["errors", "wait", "remote", "arrays", "data", "design", "measure", "layer"],
            ),
            ("tried", &["multiplier", "design"]),
            (
                "executor",
                &["errors", "wait", "remote", "data", "design", "measure", "network", "tried"],
            ),
            ("explore", &["errors", "wait", "remote", "executor", "tried"]),
            ("silicon", &["errors", "wait", "design", "network"]),
        ],
    ),
];

#[test]
fn modules_import_only_what_feeds_them() {
    for (source, rooms) in ROOMS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
        let mut imports = 0;
        let known = |room: &str| rooms.iter().position(|(name, _)| *name == room);
        for (at, (room, feeds)) in rooms.iter().enumerate() {
            for feed in *feeds {
                let earlier = known(feed).is_some_and(|place| place < at);
                assert!(earlier, "{source}: {feed} does not come before {room}");
            }
        }
        for file in rust_files(&folder) {
            let inside = file.strip_prefix(&folder).unwrap();
            let first = inside.components().next().unwrap().as_os_str();
            let room = Path::new(first).file_stem().unwrap().to_str().unwrap();
            let is_test = inside
                .components()
                .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
            if is_test || ["lib", "main"].contains(&room) {
                continue;
            }
            let at = known(room).unwrap_or_else(|| panic!("{source}: {room} has no place"));
            let (_, feeds) = rooms[at];
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            for (number, line) in code.lines().enumerate() {
                for imported in imported(line) {
                    imports += 1;
                    // Items at the top of the package are for everyone.
                    assert!(
                        imported == room || known(imported).is_none() || feeds.contains(&imported),
                        "{source}/{}:{}: {room} may not import {imported}",
                        inside.display(),
                        number + 1
                    );
                }
            }
        }
        // Packages of one room have nothing to import.
        let few = rooms.len().saturating_sub(2);
        assert!(imports >= few, "{source}: only {imports} imports found: the test misreads lines");
    }
}

/// The modules that a line of code names with `crate::`, in a `use` or in an expression.
fn imported(line: &str) -> impl Iterator<Item = &str> {
    let code = line.split("//").next().unwrap_or_default();
    code.split("crate::").skip(1).flat_map(|path| {
        let listed = path.strip_prefix('{').map(|list| list.split(['{', '}']).next().unwrap());
        let parts: Vec<&str> = match listed {
            Some(list) => list.split(',').map(str::trim).collect(),
            None => vec![path],
        };
        parts.into_iter().map(|path| {
            let end = path.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(path.len());
            &path[..end]
        })
    })
}

#[test]
fn packages_use_only_those_below_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let members = workspace.lines().find(|line| line.starts_with("members")).unwrap();
    assert_eq!(members.matches('"').count(), 2 * PACKAGES.len(), "{members}");
    let mut used = 0;
    for (at, package) in PACKAGES.iter().enumerate() {
        let manifest = fs::read_to_string(root.join(package).join("Cargo.toml")).unwrap();
        for line in manifest.lines().filter(|line| line.starts_with("recoup")) {
            let (_, path) = line.split_once("path = \"").unwrap();
            let path = path.split('"').next().unwrap();
            let name = path.rsplit('/').next().unwrap();
            let name = if name == ".." { "." } else { name };
            let below = PACKAGES[..at].contains(&name);
            assert!(below, "{package} may not use {name}");
            used += 1;
        }
    }
    assert!(used > 20, "only {used} dependencies found: the test reads the wrong lines");
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.flat_map(|path| match path.is_dir() {
        true => rust_files(&path),
        false => vec![path],
    });
    files.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}
