use std::time::Duration;

use recoup_core::design::Design;
use recoup_core::multiplier::{Multiplier, truncated};
use recoup_core::quantize::WeightScheme;
use recoup_core::watch::Unwatched;
use recoup_hardware::cost_table::CostTable;
use tempfile::TempDir;

use super::*;
use crate::key::{ExperimentKey, experiment_record};
use crate::recorded::Recorded;
use crate::sequential::Limit;

/// What a part asks for, and of which network.
struct Asked {
    shard: &'static str,
    settings: Settings,
    designs: Vec<Design>,
    experiment: ExperimentKey,
}

impl Asked {
    fn part(shard: &'static str) -> Self {
        let settings = Settings {
            max_loss: Limit::new(0.5).unwrap(),
            thorough: true,
            confirmation_inputs: None,
            beside: Vec::new(),
            library: "asap7".into(),
            array: [64, 64],
            costs: CostTable::new(Vec::new(), Vec::new()),
            part: None,
        };
        let multipliers = [Multiplier::exact()].into_iter().chain((5..9).map(truncated));
        Self {
            shard,
            settings,
            designs: multipliers.map(Design::new).collect(),
            experiment: ExperimentKey::of(experiment_record("m.onnx")),
        }
    }

    /// Does the part of the work, in which every design gets the first image wrong.
    fn done(&self, path: &Path) -> Store {
        let mut store = Store::open(path).unwrap();
        let shard: Shard = self.shard.parse().unwrap();
        let part = Some(shard.of(&self.designs, WeightScheme::U8Channel));
        let settings = Settings { part, ..self.settings.clone() };
        store.start_run("recoup", &settings).unwrap();
        let ExperimentKey { key, record, .. } = &self.experiment;
        store.put_experiment(key, record).unwrap();
        for design in shard.designs(&self.designs, WeightScheme::U8Channel) {
            let row = self.row(&design, &[false, true, true, true]);
            store.save(&row, &[]).unwrap();
        }
        store
    }

    fn row(&self, design: &Design, outcomes: &[bool]) -> Row {
        let (key, design) = self.experiment.design(design);
        Row {
            key,
            experiment: self.experiment.key.clone(),
            design,
            function: None,
            status: Status::Done,
            outcomes: outcomes.to_vec(),
            elapsed: Duration::from_secs(1),
            worker: format!("host-{}:1:0", self.shard),
            finished: 1_800_000_000,
        }
    }
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The files of two of the two parts.
    fn two(&self) -> [PathBuf; 2] {
        ["1/2", "2/2"].map(|shard| self.part(&Asked::part(shard)))
    }

    fn part(&self, asked: &Asked) -> PathBuf {
        let path = self.path(&format!("part-{}.db", asked.shard.replace('/', "-of-")));
        asked.done(&path);
        path
    }
}

/// The message, which names all of `expected`.
fn refused(paths: &[PathBuf], expected: &[&str]) {
    let error = merge(paths, &Unwatched).unwrap_err().to_string();
    for part in expected {
        assert!(error.contains(part), "no {part:?} in: {error}");
    }
}

#[test]
fn parts_come_together_in_any_order() {
    let folder = Folder::new();
    let [one, other] = folder.two();
    let contents = [[&one, &other], [&other, &one]].map(|paths| {
        let before = paths.map(|path| std::fs::read(path).unwrap());
        let mut merged = merge(&paths.map(Clone::clone), &Unwatched).unwrap();
        assert_eq!(paths.map(|path| std::fs::read(path).unwrap()), before);
        merged.bytes().unwrap()
    });
    assert_eq!(contents[0], contents[1]);
    let path = folder.path("run.db");
    std::fs::write(&path, &contents[0]).unwrap();
    let merged = Store::open_existing(&path).unwrap();
    let asked = Asked::part("1/2");
    let rows = merged.rows(&asked.experiment.key).unwrap();
    assert_eq!((rows.len(), merged.runs().unwrap().len()), (5, 2));
    for design in &asked.designs {
        let (key, _) = asked.experiment.design(design);
        let row = merged.load(&key).unwrap().unwrap();
        assert_eq!(row.outcomes, [false, true, true, true], "{design}");
    }
    // Parts have no answer, together neither: that is for a search on all of them.
    assert!(Recorded::last(&merged).unwrap().is_none());
    refused(&[path], &["run.db", "1/2, 2/2", "not merged again"]);
}

#[test]
fn what_has_seen_more_images_stays() {
    let folder = Folder::new();
    let paths = folder.two();
    let asked = Asked::part("2/2");
    let reference = asked.row(&asked.designs[0], &[false, true, true, true, true, false]);
    Store::open(&paths[1]).unwrap().save(&reference, &[]).unwrap();
    let merged = merge(&paths, &Unwatched).unwrap();
    assert_eq!(merged.load(&reference.key).unwrap().unwrap().outcomes.len(), 6);
}

#[test]
fn missing_parts_and_parts_too_many_are_named() {
    let folder = Folder::new();
    let [one, other] = folder.two();
    refused(&[], &["no files"]);
    refused(std::slice::from_ref(&one), &["parts are missing: 2/2"]);
    refused(&[one.clone(), folder.path("nothing.db")], &["nothing.db", "no such file"]);
    refused(&[one.clone(), other.clone(), one.clone()], &["part-1-of-2.db", "both are part 1/2"]);
    let third = folder.part(&Asked::part("3/3"));
    refused(&[one.clone(), third.clone()], &["is part 1/2", "part-3-of-3.db is part 3/3"]);
    let many = folder.part(&Asked::part("2/30"));
    refused(&[many], &["1/30, 3/30", "11/30 and 19 more"]);
    // All of the work.
    let asked = Asked::part("1/1");
    let all = folder.path("all.db");
    Store::open(&all).unwrap().start_run("recoup", &asked.settings).unwrap();
    refused(&[one, all], &["all.db", "only files of parts"]);
}

#[test]
fn parts_of_other_questions_are_named() {
    let other = |change: fn(&mut Asked), expected: &str| {
        let folder = Folder::new();
        let one = folder.part(&Asked::part("1/2"));
        let mut asked = Asked::part("2/2");
        change(&mut asked);
        let other = folder.part(&asked);
        refused(&[one, other], &["part-1-of-2.db", "part-2-of-2.db", "differ in", expected]);
    };
    other(|asked| asked.settings.max_loss = Limit::new(1.0).unwrap(), "the limit of loss");
    other(|asked| asked.settings.thorough = false, "every design sees all images");
    other(|asked| asked.settings.array = [32, 32], "the costs of arrays");
    other(|asked| asked.designs.truncate(4), "the designs");
    fn change(asked: &mut Asked, change: fn(&mut ExperimentRecord)) {
        let mut record = asked.experiment.record.clone();
        change(&mut record);
        asked.experiment = ExperimentKey::of(record);
    }
    other(|asked| change(asked, |it| it.model_sha256 = "f".into()), "differ in the network;");
    other(|asked| change(asked, |it| it.inputs_sha256 = "f".into()), "the images or their order");
    other(|asked| change(asked, |it| it.calibration_sha256 = "f".into()), "the calibration");
    other(
        |asked| change(asked, |it| it.weights = WeightScheme::U8Tensor),
        "the coding of the weights",
    );
}

#[test]
fn results_that_differ_are_named() {
    let folder = Folder::new();
    let paths = folder.two();
    let asked = Asked::part("2/2");
    let reference = asked.row(&asked.designs[0], &[false, true, false, true, true]);
    Store::open(&paths[1]).unwrap().save(&reference, &[]).unwrap();
    let expected = ["part-1-of-2.db", "part-2-of-2.db", "exact", "image 2", &reference.key];
    refused(&paths, &expected);
}

#[test]
fn files_that_are_damaged_at_work_or_of_another_version_are_named() {
    let folder = Folder::new();
    let [one, other] = folder.two();
    let both = [one.clone(), other.clone()];
    let bytes = std::fs::read(&other).unwrap();
    for damage in [&bytes[..bytes.len() / 2], b"no database at all, but long enough to be one"] {
        std::fs::write(&other, damage).unwrap();
        refused(&both, &["part-2-of-2.db"]);
    }
    std::fs::write(&other, &bytes).unwrap();
    let mut store = Store::open(&other).unwrap();
    store.claim("key").unwrap();
    refused(&both, &["part-2-of-2.db", "is still at work"]);
    store.release("key").unwrap();
    let version = || rusqlite::Connection::open(&other).unwrap();
    version().execute("UPDATE run SET version = '0.0.9'", []).unwrap();
    refused(&both, &["part-2-of-2.db", "version 0.0.9"]);
}
