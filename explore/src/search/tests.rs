mod random;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};

use recoup_core::accuracy::Configuration;
use recoup_core::control_variate::{ControlOptions, Mode};
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::Quantization;
use recoup_core::quantize::WeightScheme;
use recoup_hardware::costs::CostTable;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::choose::{Candidate, choose};
use crate::finding::Settings;
use crate::space::{self, Kind};
use crate::subject::Failure;

const IMAGES: usize = 2000;
const BATCH: usize = 64;

/// Networks that lose every n-th image, or worse. Counts the images that each has seen, and the
/// predictions.
#[derive(Default)]
struct Simulated {
    seen: RefCell<HashMap<String, usize>>,
    predicted: Cell<usize>,
}

struct SimulatedTrial<'a> {
    subject: &'a Simulated,
    name: String,
    period: usize,
}

impl Subject for Simulated {
    fn expect(&self, point: &Point) -> Result<Expected, Failure> {
        self.predicted.update(|predicted| predicted + 1);
        let functions = if point.is_corrected() { vec!["low-bits".to_owned()] } else { Vec::new() };
        let constant = point.configuration.control_variate == Mode::Constant;
        Ok(Expected { functions, noise_to_signal: if constant { 1.0 } else { 0.1 + 0.2 } })
    }

    fn start(&self, point: &Point) -> Result<Box<dyn Trial + '_>, Failure> {
        let period = match point.configuration.multiplier.to_string().as_str() {
            "exact" => usize::MAX,
            // Under, undecided, over, far over.
            "perforated:1" => 2000,
            "perforated:2" => 125,
            "perforated:3" => 40,
            "perforated:4" => 4,
            "perforated:5" => return Err("no kernel for this".into()),
            "perforated:6" => panic!("a broken kernel"),
            _ => 1,
        };
        Ok(Box::new(SimulatedTrial { subject: self, name: point.name(), period }))
    }
}

impl Trial for SimulatedTrial<'_> {
    fn outcomes(&mut self, images: Range<usize>) -> Result<Vec<bool>, Failure> {
        let images = images.start..images.end.min(images.start + BATCH);
        *self.subject.seen.borrow_mut().entry(self.name.clone()).or_default() += images.len();
        Ok(images.map(|image| image % self.period != self.period - 1).collect())
    }

    fn observe(&mut self, _: usize) -> Result<Vec<LayerQuality>, Failure> {
        Ok(Vec::new())
    }
}

fn points(levels: Range<u32>) -> Vec<Point> {
    points_of(levels, &[Mode::Fitted(None)])
}

fn points_of(levels: Range<u32>, modes: &[Mode]) -> Vec<Point> {
    let points = points_of_all(levels, modes);
    points.into_iter().filter(|point| point.kind() != Kind::ReducedPrecision).collect()
}

/// With reduced precision.
fn points_of_all(levels: Range<u32>, modes: &[Mode]) -> Vec<Point> {
    let multipliers: Vec<Multiplier> = levels.map(recoup_core::multiplier::perforated).collect();
    space::points(&multipliers, modes, &[8], &[Quantization::PLAIN], ControlOptions::default())
}

/// More approximate, less power; and without x.
fn figures(point: &Point, _: &[String]) -> Figures {
    let constant = point.configuration.control_variate == Mode::Constant;
    let name = point.configuration.multiplier.to_string();
    let level: Option<f64> = name.rsplit(':').next().and_then(|level| level.parse().ok());
    Figures {
        power: Some(1.0 - level.unwrap_or(0.0) / 10.0 - if constant { 0.01 } else { 0.0 }),
        energy: None,
    }
}

struct Run {
    found: Vec<Found>,
    /// Images that went through each network.
    seen: HashMap<String, usize>,
    predicted: usize,
}

impl Run {
    fn verdict(&self, level: u32) -> Option<Verdict> {
        let name = format!("perforated:{level}");
        let found =
            self.found.iter().find(|f| f.point.configuration.multiplier.to_string() == name);
        match &found.unwrap().outcome {
            Outcome::Assessed { assessment, .. } => Some(assessment.verdict),
            _ => None,
        }
    }
}

/// A search that leaves nothing out.
fn set_up<'a>(
    store: &'a mut Store,
    experiment: &'a ExperimentKey,
    subject: &'a dyn Subject,
    limit: f64,
) -> Search<'a> {
    Search {
        store,
        experiments: std::slice::from_ref(experiment),
        subject,
        plan: Plan::new(IMAGES),
        limit: Limit::new(limit).unwrap(),
        figures: &figures,
        prune: false,
        all_images: false,
        observed_images: 0,
    }
}

fn search(path: &Path, points: &[Point], limit: f64, change: impl FnOnce(&mut Search)) -> Run {
    let subject = Simulated::default();
    let experiment = ExperimentKey::of(json!("simulated"), WeightScheme::U8Channel);
    let mut store = Store::open(path).unwrap();
    let mut search = set_up(&mut store, &experiment, &subject, limit);
    change(&mut search);
    let found = search.run(points, &mut |_| {}).unwrap();
    Run { found, seen: subject.seen.into_inner(), predicted: subject.predicted.get() }
}

fn new_path() -> (TempDir, std::path::PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("run.db");
    (folder, path)
}

const V1: &str = "perforated:1 with V (fitted)";
const V4: &str = "perforated:4 with V (fitted)";

#[test]
fn candidates_are_left_when_they_are_decided() {
    let (_folder, path) = new_path();
    let run = search(&path, &points(1..5), 1.0, |_| {});
    let verdicts: Vec<_> = (1..5).map(|level| run.verdict(level)).collect();
    use Verdict::{Over, Undecided, Under};
    assert_eq!(verdicts, [Some(Under), Some(Undecided), Some(Over), Some(Over)]);
    assert!(run.seen[V4] < IMAGES / 20, "{:?}", run.seen);
    assert_eq!(run.seen["exact"], IMAGES);
    // The same verdicts as on all images.
    let (_folder, path) = new_path();
    let all = search(&path, &points(1..5), 1.0, |search| search.all_images = true);
    let all_verdicts: Vec<_> = (1..5).map(|level| all.verdict(level)).collect();
    assert_eq!(verdicts, all_verdicts);
    assert_eq!(all.seen[V4], IMAGES);
}

#[test]
fn a_rerun_computes_nothing_and_another_limit_goes_on() {
    let (_folder, path) = new_path();
    let first = search(&path, &points(1..5), 1.0, |_| {});
    let again = search(&path, &points(1..5), 1.0, |_| {});
    assert!(again.seen.is_empty(), "{:?}", again.seen);
    assert_eq!(again.found, first.found);
    // A limit near the loss of perforated:4, 25 points, needs more images of it, but not all: it
    // is given up when the rest could not show it to be under.
    let harder = search(&path, &points(1..5), 24.0, |_| {});
    assert_eq!(harder.seen.len(), 1);
    assert_eq!(harder.verdict(4), Some(Verdict::Undecided));
    assert!(first.seen[V4] + harder.seen[V4] < IMAGES, "{:?}", harder.seen);
}

#[test]
fn what_a_run_has_predicted_is_not_predicted_again() {
    let (_folder, path) = new_path();
    let settings = || Settings {
        max_loss: Limit::new(1.0).unwrap(),
        thorough: false,
        confirmation_inputs: None,
        library: "none".into(),
        array: [64, 64],
        costs: CostTable::new(Vec::new(), Vec::new()),
    };
    let start = |search: &mut Search| search.store.start_run("recoup", &settings()).unwrap();
    let first = search(&path, &points(1..5), 1.0, start);
    let again = search(&path, &points(1..5), 1.0, start);
    assert_eq!((first.predicted, again.predicted), (points(1..5).len(), 0));
    assert_eq!(again.found, first.found);
    let more = search(&path, &points(1..6), 1.0, start);
    assert_eq!(more.predicted, points(1..6).len() - points(1..5).len());
}

#[test]
fn what_fails_is_marked_and_the_others_go_on() {
    let (_folder, path) = new_path();
    let run = search(&path, &points(1..7), 1.0, |_| {});
    let reason = |level: usize| match &run.found[level].outcome {
        Outcome::Failed(reason) => reason.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(5), "no kernel for this");
    assert_eq!(reason(6), "panicked: a broken kernel");
    assert_eq!(run.verdict(1), Some(Verdict::Under));
    let store = Store::open(&path).unwrap();
    let status = |index: usize| store.load(&run.found[index].key).unwrap().unwrap().status;
    assert_eq!(status(6), Status::Failed("panicked: a broken kernel".into()));
    assert_eq!(status(1), Status::Done);
}

#[test]
fn what_cannot_be_the_answer_is_left_out() {
    let (_folder, path) = new_path();
    // At 5 points, perforated:3 is the cheapest that is good enough.
    let run = search(&path, &points(1..5), 5.0, |search| search.prune = true);
    assert_eq!((run.verdict(4), run.verdict(3)), (Some(Verdict::Over), Some(Verdict::Under)));
    for level in [1, 2] {
        assert_eq!(
            run.found[level].outcome,
            Outcome::Superfluous("perforated:3 with V (fitted) is under".into())
        );
    }
    assert!(!run.seen.contains_key(V1));
}

/// The same networks; of each level five times the noise is expected that the one before has.
struct Noisier(Simulated);

impl Subject for Noisier {
    fn expect(&self, point: &Point) -> Result<Expected, Failure> {
        let level = points(1..5).iter().position(|known| known == point).unwrap_or(0);
        Ok(Expected { noise_to_signal: 5f64.powi(level as i32), ..self.0.expect(point)? })
    }

    fn start(&self, point: &Point) -> Result<Box<dyn Trial + '_>, Failure> {
        self.0.start(point)
    }
}

#[test]
fn the_least_power_comes_first() {
    let (_folder, path) = new_path();
    let subject = Noisier(Simulated::default());
    let verdicts = |limit: f64| -> Vec<(usize, String)> {
        let mut order = Vec::new();
        let mut store = Store::open(&path).unwrap();
        let experiment = ExperimentKey::of(json!(limit), WeightScheme::U8Channel);
        let mut search = set_up(&mut store, &experiment, &subject, limit);
        search.prune = true;
        let mut report = |event: Event| {
            if let Event::Finished(found) = event {
                let level = points(1..5).iter().position(|point| *point == found.point).unwrap();
                let what = match &found.outcome {
                    Outcome::Assessed { assessment, .. } => format!("{:?}", assessment.verdict),
                    Outcome::Superfluous(reason) => reason.clone(),
                    Outcome::Failed(reason) => panic!("{reason}"),
                };
                order.push((level, what));
            }
        };
        search.run(&points(1..5), &mut report).unwrap();
        order
    };
    let is = |level: usize, what: &str| (level, what.to_owned());
    // What needs more power than the first that is under is left out.
    let under = "perforated:3 with V (fitted) is under";
    assert_eq!(
        verdicts(5.0),
        [is(4, "Over"), is(3, "Under"), is(2, under), is(1, under), is(0, "Under")]
    );
    // What is over or could be either rules out nothing that needs more.
    assert_eq!(
        verdicts(0.6),
        [is(4, "Over"), is(3, "Over"), is(2, "Undecided"), is(1, "Under"), is(0, "Under")]
    );
}

#[test]
fn noisier_designs_are_left_out_where_a_better_one_is_over() {
    let (_folder, path) = new_path();
    let points = points_of(1..4, &[Mode::Constant, Mode::Fitted(None)]);
    let run = search(&path, &points, 1.0, |search| {
        search.prune = true;
        // The noisier one needs a little more.
        search.figures = &|point, functions| {
            let constant = point.configuration.control_variate == Mode::Constant;
            let more = if constant { 0.02 } else { 0.0 };
            let power = figures(point, functions).power.map(|power| power + more);
            Figures { power, energy: None }
        };
    });
    let outcome = |level: u32, mode: Mode| {
        let multiplier = recoup_core::multiplier::perforated(level);
        let mut found = run.found.iter().map(|found| (&found.point.configuration, &found.outcome));
        let is = |of: &Configuration| of.multiplier == multiplier && of.control_variate == mode;
        found.find(|(of, _)| is(of)).unwrap().1.clone()
    };
    let verdict = |level: u32, mode: Mode| match outcome(level, mode) {
        Outcome::Assessed { assessment, .. } => assessment.verdict,
        other => panic!("{other:?}"),
    };
    assert_eq!(verdict(3, Mode::Fitted(None)), Verdict::Over);
    let reason = "perforated:3 with V (fitted) is over, with less noise".to_owned();
    assert_eq!(outcome(3, Mode::Constant), Outcome::Superfluous(reason));
    // What is not decided says nothing of the noisier one.
    assert_eq!(verdict(2, Mode::Fitted(None)), Verdict::Undecided);
    assert_eq!(verdict(2, Mode::Constant), Verdict::Undecided);
    assert_eq!(verdict(1, Mode::Fitted(None)), Verdict::Under);
}

#[test]
fn without_the_reference_there_is_no_search() {
    struct Broken;
    impl Subject for Broken {
        fn expect(&self, _: &Point) -> Result<Expected, Failure> {
            Ok(Expected::default())
        }
        fn start(&self, _: &Point) -> Result<Box<dyn Trial + '_>, Failure> {
            Err("broken".into())
        }
    }
    let (_folder, path) = new_path();
    let experiment = ExperimentKey::of(json!("broken"), WeightScheme::U8Channel);
    let mut store = Store::open(&path).unwrap();
    let mut search = set_up(&mut store, &experiment, &Broken, 1.0);
    search.prune = true;
    search.figures = &|_, _| Figures::default();
    let error = search.run(&points(1..3), &mut |_| {}).unwrap_err();
    assert!(matches!(&error, SearchError::Reference(reason) if reason == "broken"), "{error}");
}

#[test]
fn two_workers_share_the_work() {
    let (_folder, path) = new_path();
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let start = || search(&path, &points(1..5), 1.0, |_| {});
        let threads = [scope.spawn(start), scope.spawn(start)];
        threads.map(|thread| thread.join().unwrap()).into()
    });
    let verdicts = |run: &Run| (1..5).map(|level| run.verdict(level)).collect::<Vec<_>>();
    assert_eq!(verdicts(&runs[0]), verdicts(&runs[1]));
    assert_eq!(runs[0].found, runs[1].found);
    for name in ["exact", V1, V4] {
        let seen = |run: &Run| run.seen.get(name).copied().unwrap_or(0);
        let counts = (seen(&runs[0]), seen(&runs[1]));
        assert!(counts.0 == 0 || counts.1 == 0, "{name} was computed twice: {counts:?}");
    }
}

/// The same networks; one of them begins only when something has happened elsewhere.
struct Gated {
    networks: Noisier,
    level: u32,
    /// Told when that one is to begin.
    arrived: Sender<()>,
    /// Tells that it may.
    opened: Receiver<()>,
}

impl Subject for Gated {
    fn expect(&self, point: &Point) -> Result<Expected, Failure> {
        self.networks.expect(point)
    }

    fn start(&self, point: &Point) -> Result<Box<dyn Trial + '_>, Failure> {
        if point.configuration.multiplier == recoup_core::multiplier::perforated(self.level) {
            self.arrived.send(())?;
            self.opened.recv_timeout(Duration::from_secs(60))?;
        }
        self.networks.start(point)
    }
}

/// What a worker finds who leaves out what can be left out, and tells when it waits for others.
fn ask(path: &Path, subject: &dyn Subject, waits: &Sender<()>) -> Vec<Found> {
    let experiment = ExperimentKey::of(json!("simulated"), WeightScheme::U8Channel);
    let mut store = Store::open(path).unwrap();
    let mut search = set_up(&mut store, &experiment, subject, 5.0);
    search.prune = true;
    let mut report = |event: Event| {
        if let Event::Waiting(_) = event {
            let _ = waits.send(());
        }
    };
    search.run(&points(1..5), &mut report).unwrap()
}

#[test]
fn all_workers_give_the_same_answer() {
    let (_folder, path) = new_path();
    let (at_3, begun_3) = channel();
    let (at_2, begun_2) = channel();
    let (waits, nothing_left) = channel();
    let ignored = channel().0;
    let gate = |level, arrived, opened| Gated {
        networks: Noisier(Simulated::default()),
        level,
        arrived,
        opened,
    };
    let (path, ignored) = (&path, &ignored);
    // One is at perforated:3, which will rule out perforated:2, until another has begun that; who
    // is at it until nothing else is left.
    let [one, other] = std::thread::scope(|scope| {
        let one = scope.spawn(move || ask(path, &gate(3, at_3, begun_2), &waits));
        begun_3.recv().unwrap();
        let other = scope.spawn(move || ask(path, &gate(2, at_2, nothing_left), ignored));
        [one, other].map(|worker| worker.join().unwrap())
    });
    // It was begun in vain, but the result is there.
    assert!(matches!(one[2].outcome, Outcome::Assessed { .. }), "{:?}", one[2]);
    assert_eq!(one, other);
    assert_eq!(one, ask(path, &Noisier(Simulated::default()), ignored));
    let (_folder, alone) = new_path();
    let alone = ask(&alone, &Noisier(Simulated::default()), ignored);
    assert!(matches!(alone[2].outcome, Outcome::Superfluous(_)), "{:?}", alone[2]);
    assert_eq!(chosen(&one), chosen(&alone));
}

/// The power of the design that is chosen.
fn chosen(found: &[Found]) -> Option<f64> {
    let candidates: Vec<Candidate> = found
        .iter()
        .filter_map(|found| match found.outcome {
            Outcome::Assessed { assessment, .. } => {
                Some(Candidate { kind: found.point.kind(), power: found.power, assessment })
            }
            _ => None,
        })
        .collect();
    candidates[choose(&candidates).chosen?].power
}

#[test]
fn of_designs_of_equal_power_none_is_left_out() {
    let (_folder, path) = new_path();
    let points = points_of(1..2, &[Mode::Constant, Mode::Fitted(None)]);
    let run = search(&path, &points, 1.0, |search| {
        search.prune = true;
        search.figures = &|_, _| Figures { power: Some(0.5), energy: None };
    });
    let assessed =
        run.found.iter().filter(|found| matches!(found.outcome, Outcome::Assessed { .. }));
    assert_eq!(assessed.count(), points.len());
}
