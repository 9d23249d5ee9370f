//! Damaged models through the command, within an address space that a sound one fits in.

use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::models::{Damaged, Must, all, problem_of};
use crate::run::{Tiny, npz_images, recoup, workspace};

/// Address space in KiB: a sound model and the largest tensors that Recoup runs.
const MOST_MEMORY_KIB: u64 = 3_000_000;

/// A run that takes longer hangs.
const MOST_TIME: Duration = Duration::from_secs(60);

/// Those whose damage is in sizes, rounds or files, and a part of the others:
/// `core/tests/core/damaged.rs` has all of them.
fn chosen(index: usize, damaged: &Damaged) -> bool {
    let parts = ["huge", "chain_", "loop_", "endless", "infinite", "external_device", "name_esc"];
    parts.iter().any(|part| damaged.name.contains(part)) || index.is_multiple_of(12)
}

/// Runs the command with bounds; `None` when it hangs.
fn bounded(args: &[&str], folder: &Tiny) -> Option<Output> {
    let inner = recoup(args);
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -v {MOST_MEMORY_KIB}; exec \"$@\""), "sh"])
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(workspace())
        .env("TMPDIR", folder.folder())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > MOST_TIME {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Some(child.wait_with_output().unwrap())
}

/// What is wrong with how `inspect` and `eval` take a model, if anything.
fn check(damaged: &Damaged, tiny: &Tiny, data: &str) -> Result<(), String> {
    let path = damaged.path.to_str().unwrap();
    let inspect = ["inspect", path];
    let eval = ["eval", path, "--data", data, "--calibration-images", "2", "--threads", "1"];
    let mut refused = Vec::new();
    for args in [&inspect[..], &eval] {
        let command = args[0];
        let output = bounded(args, tiny).ok_or_else(|| format!("{command} hangs"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        match (output.status.code(), damaged.must) {
            (Some(0), Must::Run | Must::Either) => refused.push(false),
            (Some(2), Must::BeRefused | Must::Either) => {
                refused.push(true);
                if let Some(problem) = problem_of(&stderr, damaged) {
                    return Err(format!("{command} {problem}"));
                }
                if !stdout.is_empty() {
                    return Err(format!("{command} prints what it refuses"));
                }
            }
            (code, must) => {
                return Err(format!("{command} ends with {code:?}, {must:?}: {stderr}"));
            }
        }
        if (stdout + &stderr).contains(|letter: char| letter != '\n' && letter.is_control()) {
            return Err(format!("{command} prints control characters"));
        }
    }
    // Numbers that overflow show when a model runs, and not before.
    if refused[0] != refused[1] && damaged.name != "tensor_huge_values" {
        return Err(format!("inspect and eval do not agree: {refused:?} are refused"));
    }
    Ok(())
}

#[test]
fn damaged_models_end_with_an_answer() {
    let tiny = Tiny::new();
    let data =
        format!("npz:{}", tiny.write("images.npz", &npz_images(&[3, 32, 32], &[0, 1, 2, 3])));
    let all = all(workspace());
    let chosen: Vec<_> =
        all.iter().enumerate().filter(|(index, one)| chosen(*index, one)).collect();
    assert!(chosen.len() > 40);
    let (waiting, problems) = (Mutex::new(chosen.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some((_, damaged)) = waiting.lock().unwrap().next() else { return };
                    if let Err(problem) = check(damaged, &tiny, &data) {
                        problems.lock().unwrap().push(format!("{}: {problem}", damaged.name));
                    }
                }
            });
        }
    });
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
