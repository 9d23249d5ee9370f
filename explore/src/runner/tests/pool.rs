//! Many workers, whose results come in any order, or not at all.

use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::random::{Random, lines};
use super::*;

/// Workers that come back in random order, and lose a part of what they do.
struct Many<'a> {
    workers: usize,
    images: usize,
    /// How many pieces of a hundred are lost.
    lost_percent: u32,
    worker: Worker<'a>,
    out: Vec<Piece>,
    random: ChaCha8Rng,
    /// Pieces that show images.
    submitted: usize,
    lost: usize,
}

impl<'a> Many<'a> {
    fn new(subject: &'a dyn Subject, experiment: &ExperimentKey, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut worker = Worker::default();
        worker.know_network(&experiment.key, subject);
        Self {
            workers: *[1, 2, 3, 8, 64].choose(&mut random).unwrap(),
            images: random.random_range(1..200),
            lost_percent: random.random_range(0..40),
            worker,
            out: Vec::new(),
            random,
            submitted: 0,
            lost: 0,
        }
    }
}

impl Pool for Many<'_> {
    fn know(&mut self, key: &str, design: &Design) {
        self.worker.know_design(key, design);
    }

    fn size(&self) -> usize {
        self.workers
    }

    fn room(&self) -> usize {
        self.workers - self.out.len()
    }

    fn images(&self) -> usize {
        self.images
    }

    fn submit(&mut self, piece: Piece) {
        assert!(self.out.len() < self.workers);
        // As it travels.
        let text = serde_json::to_string(&piece).unwrap();
        self.submitted += usize::from(piece.job != Job::Expect);
        self.out.push(serde_json::from_str(&text).unwrap());
    }

    fn wait(&mut self) -> Option<(Piece, Option<PieceResult>)> {
        if self.random.random_bool(0.1) {
            return None;
        }
        let piece = self.out.swap_remove(self.random.random_range(0..self.out.len()));
        if self.random.random_ratio(self.lost_percent, 100) {
            self.lost += 1;
            return Some((piece, None));
        }
        let result = self.worker.run(&piece).unwrap();
        let text = serde_json::to_string(&result).unwrap();
        Some((piece, Some(serde_json::from_str(&text).unwrap())))
    }
}

/// With every number of workers, in every order, and whatever is lost.
#[test]
fn any_number_of_workers_finds_the_same_for_the_same_reason() {
    let experiment = ExperimentKey::of(experiment_record("simulated.onnx"));
    let designs = designs_of_all(1..4, &[Mode::None, Mode::Fitted(None)]);
    let (mut lost, mut ends) = (0, Vec::new());
    for seed in 0..120 {
        let subject = Random::new(seed / 4, &designs);
        let figures = |design: &Design, _: &Expected| subject.figures(design);
        let judge = Judge::sequential(Random::IMAGES, Limit::new(1.5).unwrap());
        let judge = if seed % 3 == 0 { judge.on_all_images() } else { judge };
        // None, in the reference, at its end, in a design.
        let images = [None, Some(700), Some(1000), Some(1800)][seed as usize % 4];
        let runner = Runner::new(&subject, std::slice::from_ref(&experiment), judge)
            .with_figures(&figures)
            .with_observed_images(if seed % 2 == 0 { 8 } else { 0 })
            .with_budget(Budget { images, deadline: None });
        let run = |pool: Option<&mut dyn Pool>, store: &mut Store| {
            let mut strategy = LeastPower::new(&designs);
            let found = match pool {
                Some(pool) => runner.run_on(pool, store, &mut strategy, &Unwatched),
                None => runner.run(store, &mut strategy, &Unwatched),
            };
            found.unwrap()
        };
        let alone = run(None, &mut Store::in_memory().unwrap());
        let mut many = Many::new(&subject, &experiment, seed);
        let mut store = Store::in_memory().unwrap();
        let found = run(Some(&mut many), &mut store);
        let of = format!("seed {seed}, {} workers", many.workers);
        assert_eq!(lines(&found), lines(&alone), "{of}");
        assert_eq!((found.ended, found.images), (alone.ended, alone.images), "{of}");
        lost += many.lost;
        ends.push(found.ended);
        // What is in the file answers, too; and what was ended early goes on.
        if images.is_none() {
            let before = many.submitted;
            let again = run(Some(&mut many), &mut store);
            assert_eq!((lines(&again), again.images), (lines(&alone), 0), "{of}");
            assert_eq!(many.submitted, before, "{of}");
        }
    }
    assert!(lost > 1000, "only {lost} pieces were lost");
    assert!(ends.contains(&Ended::Decided) && ends.contains(&Ended::ImageLimit), "{ends:?}");
}

/// A network on which some images cannot be read.
struct Torn<'a>(&'a Random, usize);

struct TornTrial<'a>(Box<dyn Trial + 'a>, usize);

impl Subject for Torn<'_> {
    fn expect(&self, design: &Design) -> Result<Expected, Failure> {
        self.0.expect(design)
    }

    fn start(&self, design: &Design) -> Result<Box<dyn Trial + '_>, Failure> {
        let torn = if design.kind() == Kind::Reference { usize::MAX } else { self.1 };
        Ok(Box::new(TornTrial(self.0.start(design)?, torn)))
    }
}

impl Trial for TornTrial<'_> {
    fn outcomes(&mut self, images: Range<usize>) -> Result<Vec<bool>, Failure> {
        match images.contains(&self.1) {
            true => Err(format!("image {} is torn", self.1).into()),
            false => self.0.outcomes(images),
        }
    }

    fn observe(&mut self, images: usize) -> Result<Vec<LayerQuality>, Failure> {
        self.0.observe(images)
    }
}

/// What fails where one worker would never have come to does not fail.
#[test]
fn failures_are_those_of_one_worker() {
    let experiment = ExperimentKey::of(experiment_record("simulated.onnx"));
    let designs = designs_of_all(1..4, &[Mode::None, Mode::Fitted(None)]);
    let (mut failed, mut assessed) = (0, 0);
    for seed in 0..40 {
        let subject = Random::new(seed, &designs);
        let torn = Torn(&subject, 400);
        let figures = |design: &Design, _: &Expected| subject.figures(design);
        let judge = Judge::sequential(Random::IMAGES, Limit::new(1.5).unwrap());
        let runner =
            Runner::new(&torn, std::slice::from_ref(&experiment), judge).with_figures(&figures);
        let mut store = Store::in_memory().unwrap();
        let alone = runner.run(&mut store, &mut LeastPower::new(&designs), &Unwatched).unwrap();
        let mut many = Many::new(&torn, &experiment, seed);
        let mut store = Store::in_memory().unwrap();
        let strategy = &mut LeastPower::new(&designs);
        let found = runner.run_on(&mut many, &mut store, strategy, &Unwatched).unwrap();
        assert_eq!((lines(&found), found.ended), (lines(&alone), alone.ended), "{seed}");
        let outcomes = found.results.iter().map(|result| result.outcome.status());
        failed += outcomes.clone().filter(|status| *status == "failed").count();
        assessed += outcomes.filter(|status| *status == "done").count();
    }
    assert!(failed > 20 && assessed > 60, "{failed} failed, {assessed} assessed");
}

#[test]
fn a_worker_does_nothing_that_it_was_not_told_of() {
    let experiment = ExperimentKey::of(experiment_record("simulated.onnx"));
    let designs = designs_of_all(1..2, &[Mode::None]);
    let subject = Random::new(1, &designs);
    let (design, job) = (experiment.design(&designs[0]).0, Job::Images(3..7));
    let piece = Piece { experiment: experiment.key.clone(), design: design.clone(), job };
    let mut worker = Worker::default();
    let unknown = |worker: &mut Worker| worker.run(&piece).unwrap_err();
    assert_eq!(unknown(&mut worker).to_string().matches(&experiment.key).count(), 1);
    worker.know_network(&experiment.key, &subject);
    assert_eq!((unknown(&mut worker).what, unknown(&mut worker).key), ("design", design.clone()));
    worker.know_design(&design, &designs[0]);
    let Seen::Outcomes(outcomes) = worker.run(&piece).unwrap().seen else { panic!() };
    assert_eq!(outcomes, subject.outcomes(&designs[0])[3..7]);
    let text = serde_json::to_value(Seen::Outcomes(vec![true, false, true])).unwrap();
    assert_eq!(text, serde_json::json!({ "outcomes": "101" }));
    assert!(serde_json::from_value::<Seen>(serde_json::json!({ "outcomes": "12" })).is_err());
}
