//! `recoup multiplier`.

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::run::{Tiny, assert_refused, json, recoup, stdout, workspace};

#[test]
fn show_draws_and_measures() {
    let text = stdout(&["multiplier", "show", "truncated:8"]);
    // Which kernel it is depends on the machine.
    let (kernel, others): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with("kernel "));
    assert_eq!(kernel.len(), 1, "{text}");
    insta::assert_snapshot!(others.join("\n"));
}

#[test]
fn show_as_json() {
    let mut object = json(&["multiplier", "show", "truncated:8", "--json"]);
    let kernel = object.as_object_mut().and_then(|object| object.remove("kernel"));
    assert!(kernel.is_some_and(|kernel| kernel.is_string()));
    insta::assert_snapshot!(format!("{object:#}"));
}

/// One wrong product of two bits by two, 3 x 3 = 7, in all places: a rank more than exact.
#[test]
fn a_table_of_rank_2_runs_as_two_products() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("pairs.bin");
    let pairs = |v: u16| v & (v >> 1) & 0x55;
    let products = (0..=u16::MAX).map(|i| {
        let (w, a) = (i >> 8, i & 255);
        w * a - 2 * pairs(w) * pairs(a)
    });
    std::fs::write(&path, products.flat_map(u16::to_le_bytes).collect::<Vec<u8>>()).unwrap();
    let object = json(&["multiplier", "show", path.to_str().unwrap(), "--json"]);
    assert_eq!(object["structure"], "rank 2: a sum of so many f(w) g(a)");
    let kernel = object["kernel"].as_str().unwrap();
    // Without vectors, rows are faster.
    assert!(kernel.ends_with("map+gemm2") || kernel == "scalar-rows16", "{kernel}");
}

#[test]
fn signed_weights_have_errors_of_their_own() {
    let show =
        |weights| json(&["multiplier", "show", "recursive:3", "--weights", weights, "--json"]);
    let (unsigned, signed) = (show("u8-tensor"), show("i8-channel"));
    assert_eq!(signed["weights"], "i8-channel");
    assert_ne!(unsigned["mre"], signed["mre"]);
}

/// Tables are those of the reference, to the last product; a .npy has a header before them.
#[test]
fn tables_match_the_reference() {
    let folder = TempDir::new().unwrap();
    let hashes = std::fs::read_to_string(workspace().join("reference/tables.sha256")).unwrap();
    let cases = [
        ("perforated:3", "perforated 3", "u8-channel", "u8u8", "table.bin", 0),
        ("truncated:7", "truncated 7", "u8-tensor", "u8u8", "table.npy", 128),
        ("recursive:4", "recursive 4", "i8-channel", "i8u8", "table", 0),
        ("exact", "exact 0", "i8-channel", "i8u8", "exact.npy", 128),
    ];
    for (spec, name, weights, codes, file, header_bytes) in cases {
        let path = folder.path().join(file);
        let out = path.display().to_string();
        let args = ["multiplier", "table", spec, "--out", &out, "--weights", weights];
        assert_eq!(stdout(&args), "");
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len(), header_bytes + 4 * 65_536, "{spec}");
        let hash: String = Sha256::digest(&bytes[header_bytes..])
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert!(hashes.lines().any(|line| line == format!("{name} {codes} {hash}")), "{spec}");
        let text = String::from_utf8_lossy(&bytes[..header_bytes]).into_owned();
        assert_eq!(text.contains("'shape': (256, 256"), header_bytes > 0);
    }
}

#[test]
fn an_existing_table_is_replaced_by_force_only() {
    let tiny = Tiny::new();
    let out = tiny.write("table.bin", b"mine");
    let args = ["multiplier", "table", "exact", "--out", &out];
    assert_refused(tiny.folder(), &args, &[&out, "exists already", "--force"]);
    assert_eq!(std::fs::read(&out).unwrap(), b"mine");
    stdout(&[&args[..], &["--force"]].concat());
    assert_eq!(std::fs::read(&out).unwrap().len(), 4 * 65_536);
}

#[test]
fn a_missing_folder_is_named() {
    let tiny = Tiny::new();
    let out = tiny.path("nowhere/table.bin");
    assert_refused(
        tiny.folder(),
        &["multiplier", "table", "exact", "--out", &out],
        &[&out, "cannot be written", "folder"],
    );
}

#[test]
fn unknown_multipliers_list_the_valid_ones() {
    let tiny = Tiny::new();
    let families = ["perforated:M (1 to 7)", "truncated:M (1 to 14)", "recursive:M", "mask:0x"];
    for spec in ["booth", "perforate:3", "exact:1", "", "TRUNCATED:3"] {
        assert_refused(tiny.folder(), &["multiplier", "show", spec], &families);
    }
    for (spec, levels) in [
        ("perforated:0", "1 to 7"),
        ("perforated:8", "1 to 7"),
        ("truncated:15", "1 to 14"),
        ("recursive:-1", "1 to 7"),
        ("recursive:99999999999999999999", "1 to 7"),
    ] {
        assert_refused(tiny.folder(), &["multiplier", "show", spec], &[spec, levels]);
    }
    for spec in ["mask:", "mask:0x", "mask:12", "mask:0x12345678123456789", "mask:0x-1"] {
        assert_refused(tiny.folder(), &["multiplier", "show", spec], &[spec, "hexadecimal"]);
    }
}

/// The shortest pipeline: `recoup multiplier show ... | head -1`.
#[cfg(unix)]
#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let mut child = recoup(&["multiplier", "show", "exact", "--json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
