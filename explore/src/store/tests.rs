use std::fs;

use recoup_core::design::{Design, Kind};
use recoup_core::multiplier::truncated;
use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::entry::Entry;
use crate::key::experiment_record;
use crate::quality::LayerQuality;
use crate::recorded::Recorded;

struct Folder {
    _folder: TempDir,
    path: PathBuf,
}

fn folder() -> Folder {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.db");
    Folder { _folder: folder, path }
}

fn row(key: &str, images: usize) -> Row {
    Row {
        key: key.into(),
        experiment: "experiment".into(),
        design: Design::new(truncated(7)).record_with("00".into()),
        function: Some("weighted".into()),
        status: Status::Done,
        outcomes: (0..images).map(|image| image % 3 == 0).collect(),
        elapsed: Duration::from_millis(1500),
        worker: "host:1:0".into(),
        finished: 1_800_000_000,
    }
}

/// A store with an experiment.
fn store(path: &Path) -> Store {
    let mut store = Store::open(path).unwrap();
    store.put_experiment("experiment", &experiment_record("m.onnx")).unwrap();
    store
}

fn settings() -> Settings {
    let costs = recoup_hardware::cost_table::CostTable::new(Vec::new(), Vec::new());
    let max_loss = crate::sequential::Limit::new(0.5).unwrap();
    Settings {
        max_loss,
        thorough: true,
        confirmation_inputs: None,
        beside: Vec::new(),
        library: "asap7".into(),
        array: [64, 64],
        costs,
        part: None,
    }
}

fn layer(name: &str, mean_before: f64) -> LayerQuality {
    LayerQuality {
        layer: name.into(),
        mean_before,
        std_before: 2.0,
        sqnr_before_db: Some(10.0),
        mean_after: 0.5,
        std_after: 1.0,
        sqnr_after_db: None,
        histogram: None,
    }
}

fn kind(result: Result<impl std::fmt::Debug, StoreError>) -> StoreErrorKind {
    let error = result.unwrap_err();
    assert!(error.to_string().contains("run.db"), "{error}");
    error.kind
}

#[test]
fn results_survive_a_reopening() {
    let folder = folder();
    let failed = Row {
        status: Status::Failed("no".into()),
        outcomes: Vec::new(),
        finished: 1_800_000_001,
        ..row("b", 0)
    };
    {
        let mut store = store(&folder.path);
        store.start_run("recoup explore", &settings()).unwrap();
        store.save(&row("a", 1001), &[]).unwrap();
        store.save(&failed, &[]).unwrap();
    }
    let store = Store::open(&folder.path).unwrap();
    assert_eq!(store.load("a").unwrap(), Some(row("a", 1001)));
    assert_eq!(store.load("c").unwrap(), None);
    assert_eq!(store.rows("experiment").unwrap(), [row("a", 1001), failed]);
    assert_eq!(store.rows("other").unwrap(), []);
    let experiments = store.experiments().unwrap();
    assert_eq!(experiments, [("experiment".to_owned(), experiment_record("m.onnx"))].into());
    assert_eq!(store.runs().unwrap()[0].1.command, "recoup explore");
}

#[test]
fn the_better_result_stays() {
    let folder = folder();
    let mut store = store(&folder.path);
    let images = |store: &Store| store.load("a").unwrap().unwrap().outcomes.len();
    let failed = Row { status: Status::Failed("no".into()), outcomes: Vec::new(), ..row("a", 0) };
    for (saved, expected) in [(&failed, 0), (&row("a", 10), 10), (&row("a", 9), 10)] {
        store.save(saved, &[]).unwrap();
        assert_eq!(images(&store), expected);
    }
    store.save(&row("a", 11), &[]).unwrap();
    store.save(&failed, &[]).unwrap();
    assert_eq!((images(&store), store.load("a").unwrap().unwrap().status), (11, Status::Done));
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let folder = folder();
    let text = "no database, but long enough to be read as one: ".repeat(100);
    fs::write(&folder.path, &text).unwrap();
    assert!(matches!(kind(Store::open(&folder.path)), StoreErrorKind::Foreign(_)));
    assert_eq!(fs::read_to_string(&folder.path).unwrap(), text);

    fs::remove_file(&folder.path).unwrap();
    let other = Connection::open(&folder.path).unwrap();
    other.execute_batch("CREATE TABLE result (song TEXT)").unwrap();
    drop(other);
    let before = fs::read(&folder.path).unwrap();
    assert!(matches!(kind(Store::open(&folder.path)), StoreErrorKind::Foreign(_)));
    assert_eq!(fs::read(&folder.path).unwrap(), before);
}

#[test]
fn a_newer_format_is_not_touched() {
    let folder = folder();
    let newer = store(&folder.path);
    newer.connection.pragma_update(None, "user_version", schema::VERSION + 1).unwrap();
    drop(newer);
    assert!(matches!(
        kind(Store::open(&folder.path)),
        StoreErrorKind::Newer { found: 4, known: 3 }
    ));
}

#[test]
fn an_empty_file_becomes_a_store() {
    let folder = folder();
    fs::write(&folder.path, "").unwrap();
    store(&folder.path).save(&row("a", 3), &[]).unwrap();
}

#[test]
fn damage_is_found_when_the_file_is_opened() {
    let folder = folder();
    let mut written = store(&folder.path);
    (0..40).for_each(|index| written.save(&row(&format!("key {index}"), 9000), &[]).unwrap());
    drop(written);
    let mut bytes = fs::read(&folder.path).unwrap();
    let from = bytes.len() / 2;
    bytes[from..from + 3 * 4096].fill(0xa5);
    fs::write(&folder.path, bytes).unwrap();
    assert!(matches!(kind(Store::open(&folder.path)), StoreErrorKind::Corrupt(_)));
}

#[test]
fn damaged_rows_are_found_when_they_are_read() {
    let folder = folder();
    let mut store = store(&folder.path);
    store.save(&row("a", 80), &[]).unwrap();
    store.connection.execute("UPDATE result SET images = 100", []).unwrap();
    assert!(matches!(kind(store.load("a")), StoreErrorKind::Corrupt(_)));
    // No JSON, and JSON without what a design has.
    for design in ["{", "{\"multiplier\": \"truncated:7\"}"] {
        let text = "UPDATE result SET images = 80, configuration = ?1";
        store.connection.execute(text, [design]).unwrap();
        assert!(matches!(kind(store.rows("experiment")), StoreErrorKind::Corrupt(_)));
    }
    store.connection.execute("UPDATE experiment SET description = '{\"images\": 3}'", []).unwrap();
    assert!(matches!(kind(store.experiments()), StoreErrorKind::Corrupt(_)));
}

#[test]
fn entries_of_no_network_are_damage() {
    let folder = folder();
    let mut store = store(&folder.path);
    store.start_run("recoup explore", &settings()).unwrap();
    let design = Design::exact(8);
    let entry = |note: Option<String>| Entry {
        kind: design.kind(),
        design: design.record_with("00".into()),
        mask: None,
        functions: Vec::new(),
        relative_power: None,
        energy_nj: None,
        noise_to_signal: None,
        first_loaded: Vec::new(),
        note,
    };
    store.put_entry("experiment", "a", &entry(None)).unwrap();
    assert!(Recorded::last(&store).unwrap().is_some());
    store.connection.pragma_update(None, "foreign_keys", false).unwrap();
    store.connection.execute("DELETE FROM experiment", []).unwrap();
    assert!(matches!(kind(Recorded::last(&store)), StoreErrorKind::Corrupt(_)));
}

/// Findings of version 2 call the design a configuration, and have its name beside it.
#[test]
fn entries_of_before_are_read() {
    let text = "{\"name\": \"mask:0xfcf8f0e0c0800000 with V (fitted)\", \"kind\": \"with-v\",
        \"configuration\": {\"activation_bits\": 8, \"c_frac\": 4, \"control_variate\": \"fitted\",
            \"multiplier\": \"mask:0xfcf8f0e0c0800000\", \"products_sha256\": \"00\", \"terms\": 1,
            \"x_bits\": 4},
        \"mask\": \"0xfcf8f0e0c0800000\", \"functions\": [\"weighted\"], \"relative_power\": 0.4,
        \"energy_nj\": null, \"noise_to_signal\": 0.25, \"note\": null}";
    let entry: Entry = serde_json::from_str(text).unwrap();
    assert_eq!(entry.name(), "truncated:9 with V (fitted, statistics pooled), x = weighted");
    let design: Design = "truncated:9 with V (fitted, statistics pooled)".parse().unwrap();
    assert_eq!(entry.design, design.record_with("00".into()));
    assert!(serde_json::from_str::<Entry>(&text.replace("\"fitted\"", "\"fit\"")).is_err());
}

#[test]
fn a_lock_that_is_held_too_long_is_an_error() {
    let folder = folder();
    let mut store = store(&folder.path);
    store.connection.busy_timeout(Duration::from_millis(20)).unwrap();
    let other = Connection::open(&folder.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(kind(store.save(&row("a", 3), &[])), StoreErrorKind::Locked));
    assert!(matches!(kind(store.claim("a")), StoreErrorKind::Locked));
    other.execute_batch("COMMIT").unwrap();
    store.save(&row("a", 3), &[]).unwrap();
}

#[test]
fn a_full_disk_loses_nothing_that_was_there() {
    let folder = folder();
    let mut store = store(&folder.path);
    store.save(&row("a", 1000), &[]).unwrap();
    let pages: i64 =
        store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    let limit = |store: &Store, pages: i64| {
        store
            .connection
            .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, i64>(0))
            .unwrap()
    };
    limit(&store, pages);
    assert!(matches!(kind(store.save(&row("b", 1_000_000), &[])), StoreErrorKind::Full));
    assert_eq!(store.load("a").unwrap(), Some(row("a", 1000)));
    assert_eq!(store.load("b").unwrap(), None);
    limit(&store, 1_000_000);
    store.save(&row("b", 1_000_000), &[]).unwrap();
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    let folder = folder();
    let mut store = store(&folder.path);
    store.connection.pragma_update(None, "query_only", true).unwrap();
    assert!(matches!(kind(store.save(&row("a", 3), &[])), StoreErrorKind::ReadOnly));
    let nowhere = folder.path.with_file_name("none").join("run.db");
    assert!(matches!(kind(Store::open(&nowhere)), StoreErrorKind::Open));
}

#[test]
fn a_living_worker_keeps_its_claim() {
    let folder = folder();
    let (mut one, mut other) = (store(&folder.path), store(&folder.path));
    assert_eq!(one.claim("a").unwrap(), Claim::Ours);
    assert_eq!(one.claim("a").unwrap(), Claim::Ours);
    assert_eq!(other.claim("a").unwrap(), Claim::Others(one.worker().to_owned()));
    assert_eq!(other.holder("a").unwrap(), Some(one.worker().to_owned()));
    assert_eq!((one.holder("a").unwrap(), other.holder("b").unwrap()), (None, None));
    // The result ends the claim, of its worker only.
    other.save(&row("a", 3), &[]).unwrap();
    assert_eq!(other.claim("a").unwrap(), Claim::Others(one.worker().to_owned()));
    one.release("a").unwrap();
    assert_eq!(other.claim("a").unwrap(), Claim::Ours);
}

#[test]
fn claims_of_the_dead_and_of_changed_clocks_are_taken_over() {
    let folder = folder();
    let (mut one, mut other) = (store(&folder.path), store(&folder.path));
    for shift in [-STALE_S - 5, STALE_S + 5] {
        assert_eq!(one.claim("a").unwrap(), Claim::Ours);
        one.connection.execute("UPDATE claim SET heartbeat = heartbeat + ?1", [shift]).unwrap();
        assert_eq!(other.holder("a").unwrap(), None, "{shift}");
        assert_eq!(other.claim("a").unwrap(), Claim::Ours, "{shift}");
        other.release("a").unwrap();
        // A sign of life in time keeps it.
        assert_eq!(one.claim("a").unwrap(), Claim::Ours);
        one.connection.execute("UPDATE claim SET heartbeat = heartbeat + ?1", [shift]).unwrap();
        one.heartbeat().unwrap();
        assert!(matches!(other.claim("a").unwrap(), Claim::Others(_)));
        one.release("a").unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn claims_of_a_process_that_ended_are_taken_over_at_once() {
    let folder = folder();
    let (mut one, mut other) = (store(&folder.path), store(&folder.path));
    assert_eq!(one.claim("a").unwrap(), Claim::Ours);
    let mut ended = std::process::Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    let host = one.worker().rsplitn(3, ':').nth(2).unwrap();
    let worker = format!("{host}:{}:0", ended.id());
    one.connection.execute("UPDATE claim SET worker = ?1", [&worker]).unwrap();
    assert_eq!(other.claim("a").unwrap(), Claim::Ours);
    // Elsewhere, nothing is known of a process.
    other.connection.execute("UPDATE claim SET worker = 'elsewhere:1:0'", []).unwrap();
    assert_eq!(one.claim("a").unwrap(), Claim::Others("elsewhere:1:0".into()));
}

#[test]
fn processes_may_make_the_same_file_at_the_same_time() {
    let folder = folder();
    let path = &folder.path;
    std::thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || store(path).save(&row(&format!("{number}"), 100), &[]).unwrap());
        }
    });
    assert_eq!(Store::open(path).unwrap().rows("experiment").unwrap().len(), 8);
}

/// What a run of version 1 left can be gone on with, and read.
#[test]
fn an_older_format_is_brought_up_to_date() {
    let folder = folder();
    let older = Connection::open(&folder.path).unwrap();
    older.execute_batch(schema::TABLES).unwrap();
    older.pragma_update(None, "application_id", schema::APPLICATION_ID).unwrap();
    older.pragma_update(None, "user_version", 1).unwrap();
    let run = "INSERT INTO run (started, worker, version, command) VALUES (1, 'w', '0', 'recoup')";
    older.execute_batch(run).unwrap();
    drop(older);
    let mut store = store(&folder.path);
    store.save(&row("a", 3), &[]).unwrap();
    let runs = store.runs().unwrap();
    assert_eq!((runs[0].1.command.as_str(), &runs[0].1.settings), ("recoup", &None));
    assert!(Recorded::last(&store).unwrap().is_none());
}

#[test]
fn a_run_is_read_as_it_was_written() {
    let folder = folder();
    let entry = |level: u32, note: Option<&str>| Entry {
        kind: if level == 0 { Kind::Reference } else { Kind::WithV },
        design: match level {
            0 => Design::exact(8),
            level => Design::new(truncated(level)),
        }
        .record_with("00".into()),
        mask: Some("0xffffffffffffffff".into()),
        functions: Vec::new(),
        relative_power: Some(0.1 + 0.2),
        energy_nj: Some(0.1 + 0.7),
        noise_to_signal: Some(0.1 + 0.6),
        first_loaded: vec!["/attention/MatMul_1".into()],
        note: note.map(str::to_owned),
    };
    {
        let mut store = store(&folder.path);
        // A run without entries, and what comes before a run, are not what was asked for.
        store.put_entry("experiment", "z", &entry(5, None)).unwrap();
        store.start_run("recoup explore", &settings()).unwrap();
        store.put_entry("experiment", "b", &entry(1, None)).unwrap();
        store.put_entry("experiment", "c", &entry(2, Some("no"))).unwrap();
        store.put_entry("experiment", "b", &entry(1, None)).unwrap();
        store.put_entry("experiment", "a", &entry(0, None)).unwrap();
        store.save(&row("a", 10), &[]).unwrap();
        store.save(&row("b", 10), &[layer("conv1", 1.5), layer("fc", 2.5)]).unwrap();
        // Known already.
        store.save(&row("b", 12), &[layer("conv1", 9.0)]).unwrap();
        assert!(store.has_layers("b").unwrap() && !store.has_layers("a").unwrap());
        let mut later = Store::open(&folder.path).unwrap();
        later.start_run("recoup explore again", &settings()).unwrap();
    }
    let store = Store::open_existing(&folder.path).unwrap();
    let recorded = Recorded::last(&store).unwrap().unwrap();
    assert_eq!((recorded.runs.len(), &recorded.settings), (2, &settings()));
    let [network] = &recorded.networks[..] else { panic!("{:?}", recorded.networks) };
    let names: Vec<String> = network.designs.iter().map(|d| d.entry.name()).collect();
    assert_eq!(names, ["exact", "truncated:1 with V (fitted)", "truncated:2 with V (fitted)"]);
    assert_eq!(network.reference().unwrap(), row("a", 10).outcomes);
    assert_eq!(network.designs[1].entry, entry(1, None));
    assert_eq!(network.designs[1].layers, [layer("conv1", 1.5), layer("fc", 2.5)]);
    assert!(network.designs[2].row.is_none());
    assert_eq!(network.designs[2].entry.note.as_deref(), Some("no"));
}

#[test]
fn reading_makes_no_file() {
    let folder = folder();
    assert!(matches!(kind(Store::open_existing(&folder.path)), StoreErrorKind::Open));
    assert!(!folder.path.exists());
    fs::write(&folder.path, "").unwrap();
    assert!(matches!(kind(Store::open_existing(&folder.path)), StoreErrorKind::Foreign(_)));
    assert_eq!(fs::read(&folder.path).unwrap(), b"");
}
