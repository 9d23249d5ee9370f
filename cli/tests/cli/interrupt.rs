//! Ctrl-C.

use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::run::{FASHION_DATA, FASHION_MODEL, files, recoup};

#[test]
fn an_interrupt_ends_with_130_and_leaves_no_file() {
    let folder = TempDir::new().unwrap();
    let logits = folder.path().join("logits.npy").display().to_string();
    let args = [
        "eval",
        FASHION_MODEL,
        "--data",
        FASHION_DATA,
        "--preprocess",
        "fashion-mnist",
        "--calibration-images",
        "2",
        "--batch",
        "8",
        "--save-logits",
        &logits,
    ];
    let mut child = recoup(&args)
        .env("TMPDIR", folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Until the scores are being written: then there is something to clean up.
    let started = Instant::now();
    while files(folder.path()).iter().all(|(_, bytes)| *bytes < 1000) {
        assert!(child.try_wait().unwrap().is_none(), "ended before the interrupt");
        assert!(started.elapsed() < Duration::from_secs(60), "no scores after a minute");
        sleep(Duration::from_millis(5));
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(output.stdout.is_empty());
    assert_eq!(files(folder.path()), []);
}

/// As on a full disk: the file is named, and nothing is left of it.
#[test]
fn a_limit_of_file_length_leaves_no_file() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("table.npy").display().to_string();
    let program = recoup(&[""]).get_program().to_owned();
    let output = Command::new("sh")
        .args(["-c", "ulimit -f 8; exec \"$0\" multiplier table exact --out \"$1\""])
        .arg(program)
        .arg(&out)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("table.npy") && stderr.contains("too large"), "{stderr}");
    assert_eq!(files(folder.path()), []);
}
