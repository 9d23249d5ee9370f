//! An exploration whose pieces are done by workers that share nothing with it but files.

use std::collections::VecDeque;

use recoup::design::WeightScheme;
use recoup::search::{
    OpenNetwork, Piece, PieceResult, Pool, SessionsWorker, Store, Worker, emulated, explore_on,
    explore_sessions, explore_sessions_on, explored_inputs, worker,
};
use recoup::{
    DataSpec, Design, ExploreOptions, Limit, Power, Session, SessionOptions, Unwatched, explore,
    on_threads,
};

/// Workers that take pieces in turns; every seventh piece is lost.
struct InTurns<W> {
    workers: Vec<W>,
    run: fn(&mut W, Piece) -> PieceResult,
    out: VecDeque<String>,
    done: usize,
}

impl<W> InTurns<W> {
    fn new(workers: Vec<W>, run: fn(&mut W, Piece) -> PieceResult) -> Self {
        Self { workers, run, out: VecDeque::new(), done: 0 }
    }
}

impl<W> Pool for InTurns<W> {
    /// They know the designs by themselves.
    fn know(&mut self, _: &str, _: &Design) {}

    fn size(&self) -> usize {
        2 * self.workers.len()
    }

    fn room(&self) -> usize {
        self.size() - self.out.len()
    }

    fn images(&self) -> usize {
        13
    }

    fn submit(&mut self, piece: Piece) {
        self.out.push_back(serde_json::to_string(&piece).unwrap());
    }

    fn wait(&mut self) -> Option<(Piece, Option<PieceResult>)> {
        self.done += 1;
        let newest = self.done.is_multiple_of(2);
        let text = if newest { self.out.pop_back() } else { self.out.pop_front() };
        let piece: Piece = serde_json::from_str(&text?).unwrap();
        if self.done.is_multiple_of(7) {
            return Some((piece, None));
        }
        let count = self.workers.len();
        let result = (self.run)(&mut self.workers[self.done % count], piece.clone());
        Some((piece, Some(result)))
    }
}

fn sessions() -> Vec<Session> {
    let data: DataSpec = "idx:zoo/assets/fashion-test-2000-images-idx3-ubyte.gz,\
                          zoo/assets/fashion-test-2000-labels-idx1-ubyte.gz"
        .parse()
        .unwrap();
    let models = ["zoo/assets/fashion-resnet8.onnx", "zoo/assets/fashion-vgg8.onnx"];
    let sessions = models.map(|model| {
        let options = SessionOptions {
            preprocess: "fashion-mnist".parse().unwrap(),
            images: Some(80),
            calibration_images: Some(8),
            ..SessionOptions::new(data.clone())
        };
        Session::open(model, options).unwrap()
    });
    sessions.into()
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
            InTurns::new(workers.into(), |it: &mut Worker, piece| it.run(&piece).unwrap());
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
        let run = |it: &mut SessionsWorker, piece| it.run(piece).unwrap();
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
