//! `recoup report` and `recoup reproduce`.

use recoup_explore::store::Store;
use recoup_report::data::Report;
use tempfile::TempDir;

use crate::run::{assert_refused, explore, recoup, stdout};

/// A folder with the results of a small exploration, and what was said of it.
struct Explored(TempDir, String);

impl Explored {
    fn new(more: &[&str]) -> Self {
        let mut folder = Self(TempDir::new().unwrap(), String::new());
        let out = folder.path("run.db");
        let args = ["--max-loss", "20", "--multiplier", "truncated:8", "--thorough", "--out", &out];
        folder.1 = stdout(&explore("60", &[&args, more].concat()));
        folder
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn report(&self, more: &[&str]) -> String {
        let (run, out) = (self.path("run.db"), self.path("report.html"));
        stdout(&[&["report", &run, "--out", &out][..], more].concat());
        std::fs::read_to_string(out).unwrap()
    }
}

/// What is in the page, for its scripts.
fn data(page: &str) -> Report {
    let start = page.find("<script id=\"data\"").expect("the page has its data");
    let text = &page[start + page[start..].find('>').unwrap() + 1..];
    let text = &text[..text.find("</script>").unwrap()];
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_page_shows_the_run() {
    let folder = Explored::new(&[]);
    let page = folder.report(&[]);
    let report = data(&page);
    assert_eq!((report.max_loss, report.networks.len(), report.mean.is_none()), (20.0, 1, true));
    let network = &report.networks[0];
    assert_eq!((network.name.as_str(), network.images), ("fashion-resnet8", 60));
    let designs = &network.results.designs;
    let names: Vec<&str> = designs.iter().map(|design| design.name.as_str()).collect();
    assert_eq!(names.len(), 28, "{names:?}");
    assert_eq!((names[0], names[1]), ("exact", "exact, 7 weight bits"));
    assert!(designs.iter().all(|design| design.assessment.as_ref().unwrap().images == 60));
    let choice = &network.results.choice;
    let with_v = &designs[choice.with_v.unwrap()];
    assert!(with_v.name.starts_with("truncated:8 with V (fitted), x = "), "{}", with_v.name);
    assert!((0.42..0.45).contains(&with_v.relative_power.unwrap()), "{with_v:?}");
    let chosen = &designs[choice.chosen.unwrap()];
    assert_eq!(chosen.name, "exact, 4 activation bits, 4 weight bits");

    // The sentences are those of the command.
    let answer = &network.results.answer;
    let said = format!("{} {} saves ", answer.headline, chosen.name);
    assert!(folder.1.contains(&said), "no {said:?} in: {}", folder.1);
    assert!(answer.remarks.len() >= 2, "{answer:?}");
    for remark in &answer.remarks {
        assert!(
            folder.1.contains(remark) && page.contains(remark),
            "no {remark:?} in: {}",
            folder.1
        );
    }

    // The layers of truncated:8 without V, with gains alone and with V.
    let with = names.iter().position(|name| *name == with_v.name).unwrap();
    let layers: Vec<_> = network.layers.iter().filter(|layer| layer.design == with).collect();
    assert_eq!((layers.len(), network.layers.len()), (11, 33));
    for layer in layers {
        let (before, after) = (layer.without_v.unwrap(), layer.with_v.unwrap());
        assert!(after.mean.abs() < before.mean.abs(), "{layer:?}");
        assert!(after.sqnr_db > before.sqnr_db, "{layer:?}");
    }
    let histogram = network.histograms.iter().find(|one| one.design == with).unwrap();
    assert_eq!(histogram.before.iter().sum::<u64>(), histogram.after.iter().sum::<u64>());
    assert_eq!(report.multipliers.len(), 2);
    assert_eq!(report.hardware[0].name, "exact");
    assert!(report.provenance.commands[0].command.contains("explore"));
    assert!(report.provenance.inputs.iter().all(|input| input.sha256.len() == 64));
    assert_eq!(report.provenance.costs.unwrap().library, "asap7");
}

#[test]
fn another_limit_may_have_no_design_but_a_nearest() {
    let folder = Explored::new(&[]);
    folder.report(&[]);
    let report = data(&folder.report(&["--max-loss", "0.01", "--force"]));
    let choice = &report.networks[0].results.choice;
    assert_eq!((report.max_loss, choice.chosen), (0.01, None));
    assert!(choice.nearest.is_some());
}

#[test]
fn a_report_that_cannot_be_made_is_refused() {
    let folder = Explored::new(&[]);
    let (run, out) = (folder.path("run.db"), folder.path("report.html"));
    let refused = |run: &str, out: &str, expected: &[&str]| {
        assert_refused(folder.0.path(), &["report", run, "--out", out], expected);
    };
    refused(&folder.path("none.db"), &out, &["none.db", "no such file", "recoup explore"]);
    let notes = folder.path("notes.txt");
    std::fs::write(&notes, "nothing that a database would hold".repeat(50)).unwrap();
    refused(&notes, &out, &["notes.txt", "is no results file"]);
    std::fs::write(folder.path("empty.db"), "").unwrap();
    refused(&folder.path("empty.db"), &out, &["empty.db", "is empty"]);
    refused(&run, &notes, &["notes.txt", "exists already", "--force"]);
    refused(&run, &folder.path("none/report.html"), &["there is no folder"]);
    // Damaged: the header stands, the pages do not.
    let mut bytes = std::fs::read(&run).unwrap();
    bytes[4096..].fill(0x55);
    std::fs::write(folder.path("damaged.db"), bytes).unwrap();
    refused(&folder.path("damaged.db"), &out, &["damaged.db", "is damaged"]);
    assert_refused(
        folder.0.path(),
        &["report", &run, "--out", &out, "--max-loss", "100"],
        &["from 0 to below 100"],
    );
    Store::open(folder.0.path().join("new.db").as_ref()).unwrap();
    let output = recoup(&["report", &folder.path("new.db"), "--out", &out]).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(message.contains("new.db") && message.contains("has finished a design"), "{message}");
}

/// Codes are chosen for minutes; what the tables make of them is tested without a network.
const FEW: [&str; 7] =
    ["--network", "vgg8", "resnet8", "--quantization", "plain+gain", "--images", "30"];

/// One folder for both, as the first half takes long and the second goes on with it.
#[test]
fn a_reproduction_is_chosen_and_then_confirmed() {
    let folder = TempDir::new().unwrap();
    the_reproduction_has_tables_and_goes_on(&folder);
    choices_are_confirmed_on_other_images_and_only_once(&folder);
}

fn the_reproduction_has_tables_and_goes_on(folder: &TempDir) {
    let out = folder.path().join("all").display().to_string();
    let args = [&["reproduce", "--out", &out, "--confirm-images", "0"][..], &FEW].concat();
    let tables = stdout(&args);
    let file = |name: &str| std::fs::read_to_string(folder.path().join("all").join(name)).unwrap();
    assert_eq!(tables.trim_end(), file("tables.md").trim_end());
    let parts = [
        "fashion-vgg8",
        "| truncated:8 with V (fitted), exact ends |",
        "| 0.25 | sure | default |",
        "| 0.25 | measured | all |",
        "A design for each network",
    ];
    for part in parts {
        assert!(tables.contains(part), "no {part:?} in: {tables}");
    }
    let report = data(&file("report.html"));
    assert_eq!((report.networks.len(), report.comparisons.len()), (2, 5));
    let mean = report.mean.unwrap();
    assert_eq!(mean.designs.len(), report.networks[0].results.designs.len());
    assert!(mean.designs.iter().all(|design| design.relative_energy.is_some()));
    // Nothing is computed twice, and the tables are the same.
    let results = |name: &str| {
        let store = Store::open(&folder.path().join("all").join(name)).unwrap();
        let experiments = store.experiments().unwrap();
        experiments.keys().flat_map(|key| store.rows(key).unwrap()).collect::<Vec<_>>()
    };
    let before = results("run.db");
    assert_eq!(stdout(&args), tables);
    assert_eq!(results("run.db"), before);
    let many = ["reproduce", "--images", "2001", "--out", &out];
    assert_refused(folder.path(), &many, &["2001", "2000"]);
    let unknown = ["reproduce", "--quantization", "plain+bias", "--out", &out];
    assert_refused(
        folder.path(),
        &unknown,
        &["plain+bias", "expected one of plain, plain+gain, aware+gain"],
    );
    // A page that is not ours is not replaced.
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("report.html"), "mine").unwrap();
    let other = other.display().to_string();
    assert_refused(
        folder.path(),
        &["reproduce", "--out", &other],
        &["report.html", "exists already"],
    );
}

fn choices_are_confirmed_on_other_images_and_only_once(folder: &TempDir) {
    let out = folder.path().join("all").display().to_string();
    let confirm =
        |images| [&["reproduce", "--out", &out, "--confirm-images", images][..], &FEW].concat();
    let tables = stdout(&confirm("600"));
    let parts =
        ["Confirmed on 600 images of each network", "| 2 | default | ", "Loss on these images"];
    for part in parts {
        assert!(tables.contains(part), "no {part:?} in: {tables}");
    }
    // What 30 images choose is not under 2 points on 600 others, which never say that of 0.1.
    let row = |start: &str| tables.lines().rfind(|line| line.starts_with(start)).unwrap();
    let (confirmed, none) = (row("| 2 | all | "), row("| 0.1 | all | "));
    assert!(confirmed.starts_with("| 2 | all | none | | 1 of 4 | exact, "), "{confirmed}");
    assert!(none.starts_with("| 0.1 | all | none | | 1 of "), "{none}");

    // The page's charts stay those of the first images.
    let page = std::fs::read_to_string(folder.path().join("all/report.html")).unwrap();
    let report = data(&page);
    assert_eq!((report.networks.len(), report.comparisons.len()), (2, 11));
    assert!(report.networks.iter().all(|network| network.images == 30));
    assert!(
        report
            .mean
            .unwrap()
            .designs
            .iter()
            .all(|design| { design.assessment.as_ref().unwrap().images == 60 })
    );
    let images = report.provenance.inputs.iter().filter(|input| input.role.starts_with("images"));
    let images: Vec<&str> = images.map(|input| input.name.as_str()).collect();
    assert_eq!(
        images,
        ["0 to 1999", "2000 to 9999"].map(|n| format!("Fashion-MNIST test images {n} (embedded)"))
    );

    // Nothing is computed twice, and what is there already is gone on with.
    let results = || {
        let store = Store::open(&folder.path().join("all/run.db")).unwrap();
        let experiments = store.experiments().unwrap();
        experiments.keys().flat_map(|key| store.rows(key).unwrap()).collect::<Vec<_>>()
    };
    let before = results();
    assert_eq!(stdout(&confirm("600")), tables);
    assert_eq!(results(), before);
    assert!(stdout(&confirm("0")).contains("No choice was confirmed on other images"));
    assert_eq!(results(), before);
    assert_refused(folder.path(), &confirm("8001"), &["--confirm-images", "8001", "8000"]);
}

/// The transformer takes long: a few designs on a few images are enough for its place beside the others.
#[test]
fn the_transformer_stands_beside_the_others() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().join("out").display().to_string();
    let none = ["reproduce", "--out", &out, "--multiplier", "truncated:3"];
    assert_refused(folder.path(), &none, &["truncated:3 is not evaluated", "truncated:8"]);
    assert!(!folder.path().join("out").exists());
    let args = ["reproduce", "--out", &out, "--confirm-images", "0", "--images", "10"];
    let few = ["--quantization", "plain", "--multiplier", "truncated:8"];
    let networks = ["--network", "vgg8", "resnet8", "vit"];
    let tables = stdout(&[&args[..], &few, &networks].concat());
    let (means, beside) = tables.split_once("Beside the paper's networks").unwrap();
    assert!(!means.contains("fashion-vit") && means.contains("fashion-resnet8"), "{means}");
    assert!(beside.contains("| truncated:8 with V (fitted, statistics pooled) | "), "{beside}");
    let page = std::fs::read_to_string(folder.path().join("out/report.html")).unwrap();
    let report = data(&page);
    assert_eq!(report.title, "2 networks and fashion-vit on approximate multipliers");
    let shown = report.networks.iter().map(|network| (&*network.name, network.beside));
    let shown: Vec<(&str, bool)> = shown.collect();
    assert_eq!(shown, [("fashion-vgg8", false), ("fashion-resnet8", false), ("fashion-vit", true)]);
}

#[test]
fn the_users_own_images_confirm_where_the_choice_leaves_some() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let pixels: Vec<u8> = (0..6 * 28 * 28).map(|at| (at * at / 97 % 256) as u8).collect();
    let images = [&[0, 0, 8, 3, 0, 0, 0, 6, 0, 0, 0, 28, 0, 0, 0, 28][..], &pixels].concat();
    std::fs::write(path("images"), images).unwrap();
    std::fs::write(path("labels"), [0, 0, 8, 1, 0, 0, 0, 6, 0, 1, 2, 3, 4, 5]).unwrap();
    let data = format!("idx:{},{}", path("images"), path("labels"));
    let reproduce = |out: &str, more: &[&str]| {
        let networks = ["--network", "vgg8", "resnet8", "--quantization", "plain+gain"];
        let args = ["reproduce", "--out", &path(out), "--data", &data].map(str::to_owned);
        let more = networks.iter().chain(more).map(|word| word.to_string());
        recoup(&args.into_iter().chain(more).collect::<Vec<_>>()).output().unwrap()
    };
    let some = reproduce("some", &["--images", "4"]);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    assert!(text(some.stdout).contains("Confirmed on 2 images of each network"));
    // Where all are chosen on it is said before anything is computed.
    std::fs::create_dir(path("all")).unwrap();
    std::fs::write(path("all/run.db"), "no database".repeat(50)).unwrap();
    let stderr = text(reproduce("all", &[]).stderr);
    let parts = ["nothing is confirmed on other images: the choice takes all", "no results file"];
    assert!(parts.iter().all(|part| stderr.contains(part)), "{stderr}");
    let none = reproduce("none", &["--confirm-images", "1"]);
    let stderr = text(none.stderr);
    assert!(none.status.code() == Some(2) && stderr.contains("--confirm-images"), "{stderr}");
    assert!(!folder.path().join("none").exists());
}
