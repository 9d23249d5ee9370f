mod pool;
mod random;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use recoup_core::control_variate::Mode;
use recoup_core::design::{Kind, Space};
use recoup_core::multiplier::{Multiplier, perforated};
use recoup_core::watch::Unwatched;
use recoup_hardware::cost_table::CostTable;
use tempfile::TempDir;

use super::*;
use crate::entry::Settings;
use crate::key::experiment_record;
use crate::quality::LayerQuality;
use crate::sequential::{Limit, Plan, Verdict};
use crate::space;
use crate::store::{Status, Store};
use crate::subject::{Expected, Failure, Trial};

const IMAGES: usize = 2000;
const BATCH: usize = 64;

/// Networks that lose every n-th image, or worse. Counts the images that each has seen, and the
/// predictions.
#[derive(Default)]
struct Simulated {
    seen: RefCell<HashMap<String, usize>>,
    /// In the order in which they began.
    started: RefCell<Vec<String>>,
    predicted: Cell<usize>,
}

struct SimulatedTrial<'a> {
    subject: &'a Simulated,
    name: String,
    period: usize,
}

impl Subject for Simulated {
    fn expect(&self, design: &Design) -> Result<Expected, Failure> {
        self.predicted.update(|predicted| predicted + 1);
        let functions =
            if design.is_corrected() { vec!["low-bits".to_owned()] } else { Vec::new() };
        let constant = design.control_variate == Mode::Constant;
        let noise_to_signal = if constant { 1.0 } else { 0.1 + 0.2 };
        Ok(Expected { functions, noise_to_signal, ..Expected::default() })
    }

    fn start(&self, design: &Design) -> Result<Box<dyn Trial + '_>, Failure> {
        self.started.borrow_mut().push(design.to_string());
        let period = match design.multiplier.to_string().as_str() {
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
        Ok(Box::new(SimulatedTrial { subject: self, name: design.to_string(), period }))
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

fn designs(levels: Range<u32>) -> Vec<Design> {
    designs_of(levels, &[Mode::Fitted(None)])
}

fn designs_of(levels: Range<u32>, modes: &[Mode]) -> Vec<Design> {
    let designs = designs_of_all(levels, modes);
    designs.into_iter().filter(|design| design.kind() != Kind::ReducedPrecision).collect()
}

/// With reduced precision.
fn designs_of_all(levels: Range<u32>, modes: &[Mode]) -> Vec<Design> {
    let control_variates = modes.to_vec();
    let multipliers = levels.map(perforated).collect();
    space::with_rivals(&Space { multipliers, control_variates, ..Space::default() })
}

/// More approximate, less power; and without x.
fn figures(design: &Design, _: &Expected) -> Figures {
    let constant = design.control_variate == Mode::Constant;
    let name = design.multiplier.to_string();
    let level: Option<f64> = name.rsplit(':').next().and_then(|level| level.parse().ok());
    Figures {
        power: Some(1.0 - level.unwrap_or(0.0) / 10.0 - if constant { 0.01 } else { 0.0 }),
        energy: None,
        load_path: None,
    }
}

struct Run {
    found: SearchResult,
    /// Images that went through each network.
    seen: HashMap<String, usize>,
    predicted: usize,
}

impl Run {
    fn outcome(&self, design: &Design) -> &Outcome {
        let mut results = self.found.results.iter();
        &results.find(|result| result.design == *design).unwrap().outcome
    }

    fn verdict(&self, level: u32) -> Option<Verdict> {
        verdict(self.outcome(&Design::new(perforated(level))))
    }
}

fn verdict(outcome: &Outcome) -> Option<Verdict> {
    match outcome {
        Outcome::Assessed { assessment, .. } => Some(assessment.verdict),
        _ => None,
    }
}

/// What is asked of networks; nothing is left out unless it says so.
#[derive(Clone, Copy)]
struct Question<'a> {
    designs: &'a [Design],
    limit: f64,
    prune: bool,
    all_images: bool,
    figures: FiguresOf<'a>,
    settings: Option<&'a Settings>,
    budget: Budget,
}

impl<'a> Question<'a> {
    fn of(designs: &'a [Design], limit: f64) -> Self {
        Self {
            designs,
            limit,
            prune: false,
            all_images: false,
            figures: &figures,
            settings: None,
            budget: Budget::default(),
        }
    }

    fn ask(
        &self,
        path: &Path,
        subject: &dyn Subject,
        watch: &dyn Watch,
    ) -> Result<SearchResult, RunnerError> {
        let experiment = ExperimentKey::of(experiment_record("simulated.onnx"));
        let mut store = Store::open(path).unwrap();
        if let Some(settings) = self.settings {
            store.start_run("recoup", settings).unwrap();
        }
        let judge = Judge::sequential(IMAGES, Limit::new(self.limit).unwrap());
        let judge = if self.all_images { judge.on_all_images() } else { judge };
        let mut strategy = match self.prune {
            true => LeastPower::new(self.designs),
            false => LeastPower::all_of(self.designs),
        };
        Runner::new(subject, std::slice::from_ref(&experiment), judge)
            .with_figures(self.figures)
            .with_budget(self.budget)
            .run(&mut store, &mut strategy, watch)
    }

    fn run(&self, path: &Path) -> Run {
        let subject = Simulated::default();
        let found = self.ask(path, &subject, &Unwatched).unwrap();
        Run { found, seen: subject.seen.into_inner(), predicted: subject.predicted.get() }
    }
}

fn search(path: &Path, designs: &[Design], limit: f64) -> Run {
    Question::of(designs, limit).run(path)
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
    let run = search(&path, &designs(1..5), 1.0);
    let verdicts: Vec<_> = (1..5).map(|level| run.verdict(level)).collect();
    use Verdict::{Over, Undecided, Under};
    assert_eq!(verdicts, [Some(Under), Some(Undecided), Some(Over), Some(Over)]);
    assert!(run.seen[V4] < IMAGES / 20, "{:?}", run.seen);
    assert_eq!(run.seen["exact"], IMAGES);
    // The same verdicts as on all images.
    let (_folder, path) = new_path();
    let all = Question { all_images: true, ..Question::of(&designs(1..5), 1.0) }.run(&path);
    let all_verdicts: Vec<_> = (1..5).map(|level| all.verdict(level)).collect();
    assert_eq!(verdicts, all_verdicts);
    assert_eq!(all.seen[V4], IMAGES);
}

#[test]
fn a_rerun_computes_nothing_and_another_limit_goes_on() {
    let (_folder, path) = new_path();
    let first = search(&path, &designs(1..5), 1.0);
    let again = search(&path, &designs(1..5), 1.0);
    assert!(again.seen.is_empty(), "{:?}", again.seen);
    assert_eq!(again.found.results, first.found.results);
    // A limit near the loss of perforated:4, 25 points, needs more images of it, but not all: it
    // is given up when the rest could not show it to be under.
    let harder = search(&path, &designs(1..5), 24.0);
    assert_eq!(harder.seen.len(), 1);
    assert_eq!(harder.verdict(4), Some(Verdict::Undecided));
    assert!(first.seen[V4] + harder.seen[V4] < IMAGES, "{:?}", harder.seen);
}

#[test]
fn what_a_run_has_predicted_is_not_predicted_again() {
    let (_folder, path) = new_path();
    let settings = Settings {
        max_loss: Limit::new(1.0).unwrap(),
        thorough: false,
        confirmation_inputs: None,
        beside: Vec::new(),
        library: "none".into(),
        array: [64, 64],
        costs: CostTable::new(Vec::new(), Vec::new()),
        part: None,
    };
    let search = |designs: &[Design]| {
        Question { settings: Some(&settings), ..Question::of(designs, 1.0) }.run(&path)
    };
    let first = search(&designs(1..5));
    let again = search(&designs(1..5));
    assert_eq!((first.predicted, again.predicted), (designs(1..5).len(), 0));
    assert_eq!(again.found.results, first.found.results);
    let more = search(&designs(1..6));
    assert_eq!(more.predicted, designs(1..6).len() - designs(1..5).len());
}

#[test]
fn what_fails_is_marked_and_the_others_go_on() {
    let (_folder, path) = new_path();
    let run = search(&path, &designs(1..7), 1.0);
    let reason = |level: usize| match &run.found.results[level].outcome {
        Outcome::Failed(reason) => reason.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(5), "no kernel for this");
    assert_eq!(reason(6), "panicked: a broken kernel");
    assert_eq!(run.verdict(1), Some(Verdict::Under));
    let store = Store::open(&path).unwrap();
    let status = |index: usize| store.load(&run.found.results[index].key).unwrap().unwrap().status;
    assert_eq!(status(6), Status::Failed("panicked: a broken kernel".into()));
    assert_eq!(status(1), Status::Done);
}

#[test]
fn what_cannot_be_the_answer_is_left_out() {
    let (_folder, path) = new_path();
    // At 5 points, perforated:3 is the cheapest that is good enough.
    let run = Question { prune: true, ..Question::of(&designs(1..5), 5.0) }.run(&path);
    assert_eq!((run.verdict(4), run.verdict(3)), (Some(Verdict::Over), Some(Verdict::Under)));
    for level in [1, 2] {
        assert_eq!(
            run.found.results[level].outcome,
            Outcome::Superfluous("perforated:3 with V (fitted) is under".into())
        );
    }
    assert!(!run.seen.contains_key(V1));
}

/// The same networks; of each level five times the noise is expected that the one before has.
struct Noisier(Simulated);

impl Subject for Noisier {
    fn expect(&self, design: &Design) -> Result<Expected, Failure> {
        let level = designs(1..5).iter().position(|known| known == design).unwrap_or(0);
        Ok(Expected { noise_to_signal: 5f64.powi(level as i32), ..self.0.expect(design)? })
    }

    fn start(&self, design: &Design) -> Result<Box<dyn Trial + '_>, Failure> {
        self.0.start(design)
    }
}

#[test]
fn the_least_power_comes_first() {
    let list = designs(1..5);
    let search = |limit: f64| {
        let (_folder, path) = new_path();
        let subject = Noisier(Simulated::default());
        let question = Question { prune: true, ..Question::of(&list, limit) };
        let found = question.ask(&path, &subject, &Unwatched).unwrap();
        let outcomes: Vec<String> = found
            .results
            .iter()
            .map(|result| match verdict(&result.outcome) {
                Some(verdict) => verdict.name().to_owned(),
                None => result.outcome.reason().unwrap().to_owned(),
            })
            .collect();
        let level = |text: String| list.iter().position(|design| design.to_string() == text);
        let started: Vec<usize> =
            subject.0.started.into_inner().into_iter().filter_map(level).collect();
        (started, outcomes)
    };
    // The reference, then what needs least. What needs more than the first that is under is left
    // out.
    let under = "perforated:3 with V (fitted) is under";
    let (started, outcomes) = search(5.0);
    assert_eq!(started, [0, 4, 3]);
    assert_eq!(outcomes, ["under", under, under, "under", "over"]);
    // What is over or could be either rules out nothing that needs more.
    let (started, outcomes) = search(0.6);
    assert_eq!(started, [0, 4, 3, 2, 1]);
    assert_eq!(outcomes, ["under", "under", "undecided", "over", "over"]);
}

#[test]
fn noisier_designs_are_left_out_where_a_better_one_is_over() {
    let (_folder, path) = new_path();
    let designs = designs_of(1..4, &[Mode::Constant, Mode::Fitted(None)]);
    // The noisier one needs a little more.
    let figures = |design: &Design, expected: &Expected| {
        let constant = design.control_variate == Mode::Constant;
        let more = if constant { 0.02 } else { 0.0 };
        let power = figures(design, expected).power.map(|power| power + more);
        Figures { power, energy: None, load_path: None }
    };
    let question = Question { prune: true, figures: &figures, ..Question::of(&designs, 1.0) };
    let run = question.run(&path);
    let outcome = |level: u32, mode: Mode| {
        run.outcome(&Design::new(perforated(level)).with_control_variate(mode)).clone()
    };
    let verdict = |level: u32, mode: Mode| verdict(&outcome(level, mode)).unwrap();
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
        fn expect(&self, _: &Design) -> Result<Expected, Failure> {
            Ok(Expected::default())
        }
        fn start(&self, _: &Design) -> Result<Box<dyn Trial + '_>, Failure> {
            Err("broken".into())
        }
    }
    let (_folder, path) = new_path();
    let error = Question::of(&designs(1..3), 1.0).ask(&path, &Broken, &Unwatched).unwrap_err();
    assert!(matches!(&error, RunnerError::Reference(reason) if reason == "broken"), "{error}");
}

#[test]
fn two_workers_share_the_work() {
    let (_folder, path) = new_path();
    let runs: Vec<Run> = std::thread::scope(|scope| {
        let start = || search(&path, &designs(1..5), 1.0);
        let threads = [scope.spawn(start), scope.spawn(start)];
        threads.map(|thread| thread.join().unwrap()).into()
    });
    let verdicts = |run: &Run| (1..5).map(|level| run.verdict(level)).collect::<Vec<_>>();
    assert_eq!(verdicts(&runs[0]), verdicts(&runs[1]));
    assert_eq!(runs[0].found.results, runs[1].found.results);
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
    fn expect(&self, design: &Design) -> Result<Expected, Failure> {
        self.networks.expect(design)
    }

    fn start(&self, design: &Design) -> Result<Box<dyn Trial + '_>, Failure> {
        if design.multiplier == perforated(self.level) {
            self.arrived.send(())?;
            self.opened.recv_timeout(Duration::from_secs(60))?;
        }
        self.networks.start(design)
    }
}

/// What a worker finds who leaves out what can be left out.
fn ask(path: &Path, subject: &dyn Subject) -> Vec<DesignResult> {
    let designs = designs(1..5);
    let question = Question { prune: true, ..Question::of(&designs, 5.0) };
    question.ask(path, subject, &Unwatched).unwrap().results
}

#[test]
fn all_workers_give_the_same_answer() {
    let (_folder, path) = new_path();
    let (at_3, begun_3) = channel();
    let (at_2, begun_2) = channel();
    let (done, nothing_left) = channel();
    let gate = |level, arrived, opened| Gated {
        networks: Noisier(Simulated::default()),
        level,
        arrived,
        opened,
    };
    let path = &path;
    // One is at perforated:3, which will rule out perforated:2, until another has begun that; who
    // is at it until the first one has its answer.
    let [one, other] = std::thread::scope(|scope| {
        let one = scope.spawn(move || {
            let found = ask(path, &gate(3, at_3, begun_2));
            done.send(()).unwrap();
            found
        });
        begun_3.recv().unwrap();
        let other = scope.spawn(move || ask(path, &gate(2, at_2, nothing_left)));
        [one, other].map(|worker| worker.join().unwrap())
    });
    assert_eq!(one, other);
    assert_eq!(one, ask(path, &Noisier(Simulated::default())));
    // It was begun in vain: the result is there, and no part of the answer.
    let row = Store::open(path).unwrap().load(&one[2].key).unwrap();
    assert!(row.is_some_and(|row| !row.outcomes.is_empty()));
    let (_folder, alone) = new_path();
    let alone = ask(&alone, &Noisier(Simulated::default()));
    assert!(matches!(alone[2].outcome, Outcome::Superfluous(_)), "{:?}", alone[2]);
    let outcomes = |results: &[DesignResult]| {
        results
            .iter()
            .map(|it| (verdict(&it.outcome), it.outcome.reason().map(str::to_owned)))
            .collect::<Vec<_>>()
    };
    assert_eq!(outcomes(&one), outcomes(&alone));
}

/// The power of the design that is chosen.
fn chosen(found: &[DesignResult]) -> Option<f64> {
    let judged: Vec<Judged> = found.iter().filter_map(DesignResult::judged).collect();
    judged[choose(&judged).chosen?].power
}

#[test]
fn of_designs_of_equal_power_none_is_left_out() {
    let (_folder, path) = new_path();
    let designs = designs_of(1..2, &[Mode::Constant, Mode::Fitted(None)]);
    let figures =
        |_: &Design, _: &Expected| Figures { power: Some(0.5), energy: None, load_path: None };
    let question = Question { prune: true, figures: &figures, ..Question::of(&designs, 1.0) };
    let run = question.run(&path);
    let assessed = run.found.results.iter().filter(|result| result.judged().is_some());
    assert_eq!(assessed.count(), designs.len());
}

#[test]
fn a_search_says_why_it_ended() {
    let (_folder, path) = new_path();
    let designs = designs(1..5);
    let question = |limit: f64| Question { prune: true, ..Question::of(&designs, limit) };
    assert_eq!(question(5.0).run(&path).found.ended, Ended::Decided);
    // perforated:2 needs less than perforated:1, which is under, and could be either.
    assert_eq!(question(0.6).run(&path).found.ended, Ended::Exhausted);
}

#[test]
fn what_a_budget_ends_goes_on_later() {
    let designs = designs(1..5);
    let (_folder, path) = new_path();
    let all = search(&path, &designs, 1.0);
    let (_folder, path) = new_path();
    let most = IMAGES as u64 + 100;
    let budget = Budget { images: Some(most), deadline: None };
    let part = Question { budget, ..Question::of(&designs, 1.0) }.run(&path);
    assert_eq!((part.found.ended, part.found.images), (Ended::ImageLimit, most));
    let outcomes: Vec<&Outcome> = part.found.results.iter().map(|result| &result.outcome).collect();
    assert!(outcomes.contains(&&Outcome::NotTried), "{outcomes:?}");
    let open = outcomes.iter().filter(|outcome| verdict(outcome) == Some(Verdict::Open));
    assert_eq!(open.count(), 1, "{outcomes:?}");
    // Nothing that has been seen is shown again.
    let rest = search(&path, &designs, 1.0);
    assert_eq!(part.found.images + rest.found.images, all.found.images);
    assert_eq!(rest.found.ended, all.found.ended);
    let verdicts = |run: &Run| (1..5).map(|level| run.verdict(level)).collect::<Vec<_>>();
    assert_eq!(verdicts(&rest), verdicts(&all));
}

#[test]
fn time_and_interrupts_end_a_search() {
    struct Stopped;
    impl Watch for Stopped {
        fn begin(&self, _: &'static str, _: usize) {}
        fn advance(&self, _: usize) {}
        fn is_stopped(&self) -> bool {
            true
        }
    }
    let designs = designs(1..5);
    let (_folder, path) = new_path();
    let question = Question::of(&designs, 1.0);
    let stopped = question.ask(&path, &Simulated::default(), &Stopped).unwrap();
    let budget = Budget { images: None, deadline: Some(Instant::now()) };
    let late = Question { budget, ..question }.run(&path);
    assert_eq!((stopped.ended, late.found.ended), (Ended::Interrupted, Ended::TimeLimit));
    for results in [&stopped.results, &late.found.results] {
        assert!(results.iter().all(|result| result.outcome == Outcome::NotTried));
        assert_eq!(results.len(), designs.len());
    }
    assert!(late.seen.is_empty());
}

/// A strategy of several rounds: what is found decides what is tried next.
#[test]
fn a_strategy_may_propose_more_by_what_was_found() {
    struct Up(u32);
    impl Strategy for Up {
        fn propose(&mut self, found: &[DesignResult]) -> Vec<Design> {
            let is_over = |result: &DesignResult| verdict(&result.outcome) == Some(Verdict::Over);
            match found.iter().any(is_over) {
                true => Vec::new(),
                false => {
                    self.0 += 1;
                    vec![Design::new(perforated(self.0))]
                }
            }
        }
        fn rank(&self, _: &Task) -> [f64; 2] {
            [0.0; 2]
        }
        fn superfluous(&self, _: &Task, _: &[Task]) -> Option<String> {
            None
        }
    }
    let (_folder, path) = new_path();
    let experiment = ExperimentKey::of(experiment_record("simulated.onnx"));
    let mut store = Store::open(&path).unwrap();
    let subject = Simulated::default();
    let judge = Judge::sequential(IMAGES, Limit::new(1.0).unwrap());
    let runner = Runner::new(&subject, std::slice::from_ref(&experiment), judge);
    let found = runner.run(&mut store, &mut Up(0), &Unwatched).unwrap();
    let tried: Vec<String> = found.results.iter().map(DesignResult::name).collect();
    // Undecided is not over.
    let name = |level: u32| format!("perforated:{level} with V (fitted), x = low-bits");
    assert_eq!(tried, [name(1), name(2), name(3)]);
}
