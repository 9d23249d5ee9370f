//! Ctrl-C.

use std::path::PathBuf;
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

/// Whatever stage it is in: tools that run, or the simulation of what they made.
#[test]
#[cfg(unix)]
fn an_interrupt_ends_measurements_and_leaves_no_folder() {
    let cells = ["--cells", "/usr/share/qflow/tech/osu018/osu018_stdcells.lib"];
    let array = ["--multiplier", "exact", "--array", "4x4", "--no-cache", "--stimuli", "uniform"];
    let power = [&["power", "--standard-error", "0.001"], &array[..], &cells].concat();
    let one = ["--multiplier", "exact", "--size", "4", "--library", "one", "--out", "costs.json"];
    let measure = ["hardware", "measure", "--clock-ps", "20000", "--error", "0.001"];
    let measure = [&measure[..], &one, &cells].concat();
    for (args, pause_ms) in [(&power, 0), (&power, 4000), (&measure, 0)] {
        let folder = TempDir::new().unwrap();
        let mut child = recoup(args)
            .env("TMPDIR", folder.path())
            .env("XDG_CACHE_HOME", folder.path().join("cache"))
            .current_dir(folder.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let started = Instant::now();
        let is_work = |path: PathBuf| path.to_string_lossy().contains("recoup-synth-");
        let entries = || std::fs::read_dir(folder.path()).unwrap().map(|it| it.unwrap().path());
        while !entries().any(is_work) {
            assert!(child.try_wait().unwrap().is_none(), "ended before the interrupt: {args:?}");
            assert!(started.elapsed() < Duration::from_secs(60), "no work after a minute");
            sleep(Duration::from_millis(2));
        }
        sleep(Duration::from_millis(pause_ms));
        let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let killed = Instant::now();
        assert!(kill.success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        // A second, and time for a machine that has other things to do.
        assert!(killed.elapsed() < Duration::from_secs(4), "{args:?}: {:?}", killed.elapsed());
        let left: Vec<PathBuf> = entries().filter(|path| !path.ends_with("cache")).collect();
        assert_eq!(left, Vec::<PathBuf>::new(), "{args:?}");
    }
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
