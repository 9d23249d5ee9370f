//! `recoup explore --shard`, `recoup merge`, and the answer on what they make.

use std::path::Path;
use std::process::Command;

use recoup_explore::store::{Row, Store};
use tempfile::TempDir;

use crate::explore::{Folder, kill_after, rows};
use crate::run::{Tiny, assert_refused, recoup, stdout, workspace};

/// The JSON of a search, byte for byte, but for who evaluated a design and how long it took.
fn answer(args: &[String]) -> String {
    let text = stdout(args);
    let of_a_worker =
        |line: &&str| !["\"elapsed_s\"", "\"worker\""].iter().any(|it| line.contains(it));
    text.lines().filter(of_a_worker).map(|line| format!("{line}\n")).collect()
}

/// The arguments of part `number` of `count`.
fn part(folder: &Folder, number: u32, count: u32, more: &[&str]) -> Vec<String> {
    let (shard, out) = (format!("{number}/{count}"), folder.path(&format!("part-{number}.db")));
    folder.args(&[&["--shard", &shard, "--out", &out], more].concat())
}

fn merge(folder: &Folder, count: u32, out: &str) {
    let parts = (1..=count).map(|number| folder.path(&format!("part-{number}.db")));
    let args = ["merge".to_owned(), "--out".to_owned(), out.to_owned()];
    assert_eq!(stdout(&args.into_iter().chain(parts).collect::<Vec<_>>()), "");
}

#[test]
fn parts_answer_as_one_process() {
    let one = Folder::new();
    for more in [&[][..], &["--thorough"]] {
        let alone = answer(&one.args(more));
        for order in [&[1][..], &[2, 1], &[3, 1, 2]] {
            let (folder, count) = (Folder::new(), order.len() as u32);
            for &number in order {
                let text = stdout(&part(&folder, number, count, more));
                assert!(text.contains(&format!("\"shard\": \"{number}/{count}\"")), "{text}");
            }
            let out = folder.path("run.db");
            merge(&folder, count, &out);
            let before = rows(&out);
            assert_eq!(answer(&folder.args(&[&["--out", &out], more].concat())), alone);
            // Nothing is evaluated again.
            let after = rows(&out);
            assert!(before.iter().all(|row| after.contains(row)));
            if !more.is_empty() {
                assert_eq!((before.len(), after.len()), (34, 34));
            }
        }
    }
}

#[test]
fn a_part_that_was_killed_goes_on_and_what_is_missing_is_made_up_for() {
    let folder = Folder::new();
    let alone = answer(&folder.args(&["--thorough"]));
    stdout(&part(&folder, 2, 2, &["--thorough"]));
    let (killed, path) = (part(&folder, 1, 2, &["--thorough"]), folder.path("part-1.db"));
    kill_after(&killed, &path, 2);
    let kept = rows(&path);
    // As it is: the search on the merged file does the rest.
    let early = folder.path("early.db");
    merge(&folder, 2, &early);
    assert!(rows(&early).len() < 34);
    assert_eq!(answer(&folder.args(&["--thorough", "--out", &early])), alone);
    // Restarted.
    stdout(&killed);
    let finished = rows(&path);
    assert!(kept.iter().all(|row| finished.contains(row)), "computed again");
    let out = folder.path("run.db");
    merge(&folder, 2, &out);
    assert_eq!(rows(&out).len(), 34);
    assert_eq!(answer(&folder.args(&["--thorough", "--out", &out])), alone);
}

#[test]
fn parts_of_several_networks_answer_as_one_process() {
    let folder = Folder::new();
    let on_two = |args: Vec<String>| {
        let other = "zoo/assets/fashion-vgg8.onnx".to_owned();
        [&args[..2], &[other], &args[2..]].concat()
    };
    let alone = answer(&on_two(folder.args(&[])));
    for number in [1, 2] {
        stdout(&on_two(part(&folder, number, 2, &[])));
    }
    let out = folder.path("run.db");
    merge(&folder, 2, &out);
    assert_eq!(answer(&on_two(folder.args(&["--out", &out]))), alone);
}

#[test]
fn people_are_told_what_comes_next() {
    let folder = Folder::new();
    let mut args = part(&folder, 1, 2, &[]);
    args.retain(|arg| arg != "--json");
    let text = stdout(&args);
    assert!(text.contains("This is part 1/2 of the work. recoup merge"), "{text}");
    assert!(!text.contains("The least power"), "{text}");
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let tiny = Tiny::new();
    let path = |name: &str| tiny.path(name);
    let run =
        |more: &[&str]| stdout(&tiny.explore(&[&["--multiplier", "truncated:7"], more].concat()));
    let refused = |args: &[&str], expected: &[&str]| {
        assert_refused(tiny.folder(), &[&["merge"], args].concat(), expected);
    };
    let [one, two, three, other, all] = ["1.db", "2.db", "3.db", "other.db", "all.db"].map(path);
    for (number, file) in [(1, &one), (2, &two), (3, &three)] {
        run(&["--max-loss", "1", "--shard", &format!("{number}/3"), "--out", file]);
    }
    run(&["--max-loss", "2", "--shard", "2/3", "--out", &other]);
    run(&["--max-loss", "1", "--out", &all]);
    let out = path("run.db");
    refused(&[&one, &three, "--out", &out], &["parts are missing: 2/3"]);
    refused(&[&one, &two, &two, &three, "--out", &out], &["2.db and", "both are part 2/3"]);
    refused(&[&one, &other, &three, "--out", &out], &["other.db", "the limit of loss"]);
    refused(&[&one, &all, &three, "--out", &out], &["all.db", "only files of parts"]);
    refused(&[&one, &two, &path("4.db"), "--out", &out], &["4.db", "no such file"]);
    refused(&[&one, &two, &path("data.npz"), "--out", &out], &["data.npz"]);
    // Nothing is overwritten that should not be.
    refused(&[&one, &two, &three, "--out", &all], &["all.db", "--force"]);
    refused(&[&one, &two, &three, "--out", &two, "--force"], &["2.db", "is a part itself"]);
    let beside = tiny.path("folder/../2.db");
    std::fs::create_dir(tiny.path("folder")).unwrap();
    refused(&[&one, &two, &three, "--out", &beside, "--force"], &["is a part itself"]);
    tiny.write("run.db-wal", b"of a program that was killed");
    refused(&[&one, &two, &three, "--out", &out], &["run.db-wal", "is in use"]);
    std::fs::remove_file(path("run.db-wal")).unwrap();
    refused(&[&one, &two, &three, "--out", &path("none/run.db")], &["none"]);
    // Whose results are not those of the other parts.
    let connection = rusqlite::Connection::open(&two).unwrap();
    connection.execute("UPDATE result SET outcomes = zeroblob(length(outcomes))", []).unwrap();
    drop(connection);
    refused(&[&one, &two, &three, "--out", &out], &["1.db", "2.db", "exact", "image", "key"]);
    let page = ["report", &one, "--out", &path("page.html")];
    assert_refused(tiny.folder(), &page, &["1.db", "holds parts of the work"]);
    for shard in ["0/3", "4/3", "one"] {
        let args = tiny.explore(&["--max-loss", "1", "--shard", shard, "--out", &out]);
        assert_refused(tiny.folder(), &args, &["as in 2/8"]);
    }
    let nowhere = tiny.explore(&["--max-loss", "1", "--shard", "1/3"]);
    assert_refused(tiny.folder(), &nowhere, &["--out"]);
}

/// A program that submits jobs by running them at once, the last of an array first.
const SBATCH: &str = r#"#!/usr/bin/env bash
set -euo pipefail
tasks=("")
for argument in "$@"; do
    case $argument in
    --array=*-*) tasks=($(seq "${argument##*-}" -1 1)) ;;
    --dependency=afterok:17) [ -e part-1.db ] ;;
    -*) ;;
    *) script+=("$argument") ;;
    esac
done
for task in "${tasks[@]}"; do
    SLURM_CPUS_PER_TASK=2 SLURM_ARRAY_TASK_ID=$task bash "${script[@]}" >"job-$task.txt"
done
echo "17;cluster"
"#;

#[cfg(unix)]
#[test]
fn the_job_array_of_the_example_answers() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let demo = recoup(&["demo", "--files", "try"]).current_dir(folder.path()).output().unwrap();
    assert!(demo.status.success(), "{demo:?}");
    std::fs::create_dir(path("bin")).unwrap();
    std::fs::write(path("bin/sbatch"), SBATCH).unwrap();
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(path("bin/sbatch"), executable).unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_recoup")).parent().unwrap().to_owned();
    let own = std::env::var_os("PATH").unwrap();
    let folders = [path("bin"), program].into_iter().chain(std::env::split_paths(&own));
    let script = workspace().join("examples/cluster/explore.sbatch");
    let output = Command::new("bash")
        .arg(script.canonicalize().unwrap())
        .current_dir(folder.path())
        .env("PATH", std::env::join_paths(folders).unwrap())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let said = std::fs::read_to_string(path("job-.txt")).unwrap();
    assert!(said.contains("The least power under 5 points of loss"), "{said}");
    assert!(path("report.html").exists());
    // What the parts have done is not done again.
    let workers = |name: &str| -> Vec<Row> {
        let store = Store::open_existing(&path(name)).unwrap();
        let keys = store.experiments().unwrap().into_keys();
        keys.flat_map(|key| store.rows(&key).unwrap()).collect()
    };
    let merged = workers("run.db");
    for part in 1..=3 {
        let rows = workers(&format!("part-{part}.db"));
        assert!(rows.len() > 1, "{rows:?}");
        let is_there = |row: &Row| merged.iter().any(|it| it.key == row.key);
        assert!(rows.iter().all(is_there));
    }
}
