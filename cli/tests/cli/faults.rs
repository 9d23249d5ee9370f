//! Results files that are locked, damaged or somebody else's, disks that are full, and limits
//! that no design meets.

use std::path::Path;
use std::process::{Command, Stdio};

use recoup_explore::store::Store;
use rusqlite::Connection;
use tempfile::TempDir;

use crate::run::{Tiny, assert_refused, files, recoup, stdout};

/// The commands that use `folder`/run.db.
fn commands(tiny: &Tiny, folder: &Path) -> [Vec<String>; 3] {
    let path = |name: &str| folder.join(name).display().to_string();
    let words = |words: &[&str]| words.iter().map(|word| word.to_string()).collect::<Vec<_>>();
    let (folder, run) = (folder.display().to_string(), path("run.db"));
    [
        words(&["report", &run, "--out", &path("page.html")]),
        tiny.explore(&["--max-loss", "1", "--out", &run]),
        words(&["reproduce", "--network", "resnet8", "--images", "2", "--out", &folder]),
    ]
}

#[test]
fn a_file_that_is_not_ours_or_damaged_is_left_alone() {
    let tiny = Tiny::new();
    let refused = |name: &str, expected: &str| {
        let folder = tiny.folder().join(name);
        let before = std::fs::read(folder.join("run.db")).unwrap();
        for command in commands(&tiny, &folder) {
            assert_refused(tiny.folder(), &command, &["run.db", expected]);
            assert_eq!(std::fs::read(folder.join("run.db")).unwrap(), before, "{command:?}");
        }
    };
    tiny.write("notes/run.db", "nothing that a database would hold".repeat(50).as_bytes());
    refused("notes", "is no results file; it is left as it is");
    let songs = Connection::open(tiny.write("songs/run.db", b"")).unwrap();
    songs.execute_batch("CREATE TABLE song (title TEXT)").unwrap();
    drop(songs);
    refused("songs", "is the SQLite file of another program; it is left as it is");
    let damaged = tiny.write("damaged/run.db", b"");
    drop(Store::open(Path::new(&damaged)).unwrap());
    let mut bytes = std::fs::read(&damaged).unwrap();
    bytes[4096..].fill(0x55);
    std::fs::write(&damaged, bytes).unwrap();
    refused("damaged", "is damaged");
}

#[test]
fn a_file_that_stays_locked_is_an_error() {
    let tiny = Tiny::new();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.db");
    drop(Store::open(&path).unwrap());
    let lock = Connection::open(&path).unwrap();
    // Without a journal that others could read beside it.
    lock.pragma_update(None, "journal_mode", "DELETE").unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    // Each waits for a while, all at the same time.
    let children = commands(&tiny, folder.path()).map(|command| {
        let mut command = recoup(&command);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    for child in children {
        let output = child.wait_with_output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains("run.db: is locked by another program"), "{message}");
    }
    lock.execute_batch("COMMIT").unwrap();
    assert!(!folder.path().join("page.html").exists());
    assert!(Store::open_existing(&path).unwrap().experiments().unwrap().is_empty());
}

/// A command that cannot make files longer than `bytes`, as on a disk that is full.
#[cfg(unix)]
fn with_room_for<S: AsRef<str>>(bytes: usize, args: &[S]) -> Command {
    let whole = recoup(args);
    let mut command = Command::new("sh");
    // A signal would end the program; ignored, the write fails. The unit is 512 bytes.
    command.args(["-c", r#"trap "" XFSZ; ulimit -f "$0"; exec "$@""#]);
    command.arg((bytes / 512).to_string()).arg(whole.get_program()).args(whole.get_args());
    command.current_dir(whole.get_current_dir().unwrap());
    command
}

#[cfg(unix)]
#[test]
fn a_full_disk_keeps_the_results_that_are_there() {
    let tiny = Tiny::new();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.db");
    drop(Store::open(&path).unwrap());
    let [report, explore, _] = commands(&tiny, folder.path());
    let output = with_room_for(640 << 10, &explore).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("run.db: cannot grow"), "{message}");
    assert!(message.contains("make room and run again"), "{message}");
    let rows = || {
        let store = Store::open_existing(&path).unwrap();
        let experiments = store.experiments().unwrap();
        store.rows(experiments.keys().next().unwrap()).unwrap()
    };
    let kept = rows();
    assert!(!kept.is_empty(), "nothing was finished before the disk was full");
    stdout(&explore);
    let all = rows();
    assert!(all.len() > kept.len() && kept.iter().all(|row| all.contains(row)));

    // Nor is half a page left.
    let before = files(folder.path()).len();
    let output = with_room_for(64 << 10, &report).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("page.html: cannot be written"), "{message}");
    assert_eq!(files(folder.path()).len(), before);
}

#[test]
fn a_limit_that_no_design_meets_names_the_nearest() {
    let tiny = Tiny::new();
    let text = stdout(&tiny.explore(&["--max-loss", "0", "--multiplier", "perforated:4"]));
    assert!(
        text.contains("No design is under 0 points of loss with 95 % confidence; the nearest: "),
        "{text}"
    );
}

#[test]
fn two_limits_are_refused() {
    let tiny = Tiny::new();
    for mut command in commands(&tiny, tiny.folder()) {
        command.retain(|word| word != "--max-loss" && word != "1");
        command.extend(["--max-loss", "0.5", "--max-loss", "1"].map(str::to_owned));
        assert_refused(tiny.folder(), &command, &["--max-loss", "cannot be used multiple times"]);
    }
}
