//! Explorations and evaluations whose pieces are done by workers that share nothing with them but
//! files.

use std::collections::VecDeque;

use recoup::data::Labels;
use recoup::design::WeightScheme;
use recoup::search::{
    EvaluationPiece, EvaluationWorker, OpenNetwork, Piece, Pool, SessionsWorker, Store, Worker,
    emulated, explore_on, explore_sessions, explore_sessions_on, explored_inputs, worker,
};
use recoup::{
    DataSpec, Design, Details, EvaluateOptions, ExploreOptions, Limit, Power, Results, Session,
    SessionOptions, Unwatched, explore, on_threads,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Workers that take pieces in turns; every seventh piece is lost.
struct InTurns<W, P, R> {
    workers: Vec<W>,
    run: fn(&mut W, &P) -> R,
    out: VecDeque<String>,
    done: usize,
}

impl<W, P, R> InTurns<W, P, R> {
    fn new(workers: Vec<W>, run: fn(&mut W, &P) -> R) -> Self {
        Self { workers, run, out: VecDeque::new(), done: 0 }
    }
}

impl<W, P, R> Pool<P, R> for InTurns<W, P, R>
where
    P: Serialize + DeserializeOwned,
    R: Serialize + DeserializeOwned,
{
    fn size(&self) -> usize {
        2 * self.workers.len()
    }

    fn room(&self) -> usize {
        self.size() - self.out.len()
    }

    fn images(&self) -> usize {
        13
    }

    fn submit(&mut self, piece: P) {
        self.out.push_back(serde_json::to_string(&piece).unwrap());
    }

    fn wait(&mut self) -> Option<(P, Option<R>)> {
        self.done += 1;
        let newest = self.done.is_multiple_of(2);
        let text = if newest { self.out.pop_back() } else { self.out.pop_front() };
        let piece: P = serde_json::from_str(&text?).unwrap();
        if self.done.is_multiple_of(7) {
            return Some((piece, None));
        }
        let count = self.workers.len();
        let result = (self.run)(&mut self.workers[self.done % count], &piece);
        let result = serde_json::to_string(&result).unwrap();
        Some((piece, serde_json::from_str(&result).unwrap()))
    }
}

fn sessions() -> Vec<Session> {
    ["zoo/assets/fashion-resnet8.onnx", "zoo/assets/fashion-vgg8.onnx"]
        .map(|model| session(model, Labels::IfAny))
        .into()
}

fn session(model: &str, labels: Labels) -> Session {
    let data: DataSpec = "idx:zoo/assets/fashion-test-2000-images-idx3-ubyte.gz,\
                          zoo/assets/fashion-test-2000-labels-idx1-ubyte.gz"
        .parse()
        .unwrap();
    let options = SessionOptions {
        labels,
        preprocess: "fashion-mnist".parse().unwrap(),
        images: Some(80),
        calibration_images: Some(8),
        ..SessionOptions::new(data)
    };
    Session::open(model, options).unwrap()
}

fn open() -> Vec<OpenNetwork> {
    let codings = [WeightScheme::U8Channel, WeightScheme::U8Tensor];
    let open = |it| OpenNetwork::new(it, Power::default(), &codings, 0, 16, &Unwatched).unwrap();
    sessions().into_iter().map(open).collect()
}

/// The JSON, but for who evaluated a design and how long it took.
fn lines(exploration: &recoup::Exploration) -> Vec<String> {
    let text = serde_json::to_string_pretty(&exploration.record()).unwrap();
    let of_a_worker =
        |line: &&str| ["\"elapsed_s\"", "\"worker\""].iter().any(|it| line.contains(it));
    text.lines().filter(|line| !of_a_worker(line)).map(str::to_owned).collect()
}

#[test]
fn workers_find_what_one_process_finds() {
    let designs: Vec<Design> = [
        "exact",
        "truncated:7 with V (fitted)",
        "truncated:8, u8-tensor weights",
        "perforated:2",
        "exact, 4 activation bits",
    ]
    .map(|design| design.parse().unwrap())
    .into();
    let limit = Limit::new(8.0).unwrap();
    let options = ExploreOptions { designs, observed_images: 4, ..ExploreOptions::new(limit) };
    let (here, there) = (open(), [open(), open()]);
    let inputs = there.each_ref().map(|networks| explored_inputs(networks, &Unwatched).unwrap());
    let ready = [0, 1].map(|at| emulated(&there[at], &inputs[at]));
    for networks in [&here[..1], &here] {
        let alone = explore(&mut Store::in_memory().unwrap(), networks, &options, &Unwatched);
        let workers = [0, 1].map(|at| worker(&there[at], &ready[at], &options.designs));
        let mut pool =
            InTurns::new(workers.into(), |it: &mut Worker, piece| it.run(piece).unwrap());
        let mut store = Store::in_memory().unwrap();
        let found = explore_on(&mut pool, &mut store, networks, &options, &Unwatched).unwrap();
        assert_eq!(lines(&found), lines(&alone.unwrap()));
        assert!(pool.done > 20, "{}", pool.done);
        // With what happens in layers, for the page.
        let rows =
            store.experiments().unwrap().into_keys().flat_map(|key| store.rows(&key).unwrap());
        let looked_at = rows.filter(|row| !store.layers(&row.key).unwrap().is_empty()).count();
        assert!(looked_at >= 2, "{looked_at}");
    }
}

/// In one process, with as many threads as whoever waits for them.
#[test]
fn workers_of_sessions_find_what_one_process_finds() {
    let designs = ["exact", "truncated:7 with V (fitted)", "perforated:2"];
    let designs: Vec<Design> = designs.map(|design| design.parse().unwrap()).into();
    let limit = Limit::new(8.0).unwrap();
    let options = ExploreOptions { designs: designs.clone(), ..ExploreOptions::new(limit) };
    let start = || SessionsWorker::new(sessions(), designs.clone(), 5, 1).unwrap();
    let (alone, found) = on_threads(1, || {
        let mut store = Store::in_memory().unwrap();
        let alone = explore_sessions(&mut store, sessions(), &options, 5, "", &Unwatched).unwrap();
        let run = |it: &mut SessionsWorker, piece: &Piece| it.run(piece.clone()).unwrap();
        let mut pool = InTurns::new(vec![start(), start()], run);
        let mut store = Store::in_memory().unwrap();
        let pool: &mut dyn Pool = &mut pool;
        let found =
            explore_sessions_on(pool, &mut store, sessions(), &options, 5, "", &Unwatched).unwrap();
        (lines(&alone), lines(&found))
    });
    assert_eq!(found, alone);
    // A worker of other designs says what it was not given.
    let other = SessionsWorker::new(sessions(), vec![], 6, 1).unwrap();
    let job = recoup::search::Job::Images(0..1);
    let piece = Piece { experiment: "e".to_owned(), design: "d".to_owned(), job };
    assert!(other.run(piece).unwrap_err().to_string().contains("the network with the key e"));
}

/// The JSON, but for times.
fn record(results: &Results) -> String {
    let mut record = results.record(&(0..results.candidates.len()).collect::<Vec<_>>());
    record.float.images_per_s = 0.0;
    for row in &mut record.results {
        row.images_per_s = 0.0;
        if let Some(profile) = row.profile.take() {
            assert_eq!(profile.images, results.images);
        }
    }
    serde_json::to_string_pretty(&record).unwrap()
}

#[test]
fn an_evaluation_by_workers_is_that_of_one_process() {
    let designs = ["truncated:7 with V (fitted)", "truncated:8, u8-tensor weights", "perforated:2"];
    let designs: Vec<Design> = designs.map(|design| design.parse().unwrap()).into();
    // Without labels outputs are compared with those of the references.
    for (labels, layers, fields) in [(Labels::IfAny, false, 0), (Labels::Dropped, true, 4)] {
        let open = || session("zoo/assets/fashion-resnet8.onnx", labels);
        // A piece is more than a batch.
        let details = Details { layers, profile: layers };
        let options = EvaluateOptions { details, batch: 9, ..EvaluateOptions::default() };
        let alone = record(&open().evaluate(&designs, options, &Unwatched).unwrap());
        let start = || EvaluationWorker::new(open(), &designs, options, 1).unwrap();
        let run = |it: &mut EvaluationWorker, piece: &EvaluationPiece| it.run(piece).unwrap();
        let mut pool = InTurns::new(vec![start(), start()], run);
        let found = open().evaluate_on(&mut pool, &designs, options, &Unwatched).unwrap();
        assert_eq!(record(&found), alone);
        assert!(pool.done > 7, "{}", pool.done);
        assert_eq!(alone.matches("vs_exact\": {").count(), fields);
        assert_eq!(alone.contains("error_std_after"), layers);
    }
}

#[test]
fn a_worker_of_another_network_or_images_does_no_piece() {
    let model = "zoo/assets/fashion-resnet8.onnx";
    let options = EvaluateOptions::default();
    let start = |session| EvaluationWorker::new(session, &[], options, 1).unwrap();
    let mut fewer = session(model, Labels::IfAny);
    fewer.indices.pop();
    let mut others_first = session(model, Labels::IfAny);
    others_first.indices.swap(0, 1);
    let vgg8 = session("zoo/assets/fashion-vgg8.onnx", Labels::IfAny);
    let strangers = [vgg8, session(model, Labels::Dropped), fewer, others_first].map(start);
    let workers = vec![(start(session(model, Labels::IfAny)), strangers)];
    let mut pool = InTurns::new(workers, |(usual, strangers), piece: &EvaluationPiece| {
        for stranger in strangers {
            let error = stranger.run(piece).err().unwrap().to_string();
            assert!(error.contains(&format!("with the key {}", piece.key)), "{error}");
        }
        usual.run(piece).unwrap()
    });
    let found = session(model, Labels::IfAny).evaluate_on(&mut pool, &[], options, &Unwatched);
    assert_eq!(found.unwrap().images, 80);
}
