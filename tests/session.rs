//! Sessions: what can be done more than once, stopped, and go wrong.

use std::sync::Mutex;

use recoup::data::{Labels, MemoryArray, Pixels};
use recoup::search::Store;
use recoup::{
    Dataset, Design, ErrorKind, EvaluateOptions, ExploreOptions, Hint, Limit, Multiplier, Results,
    Session, SessionOptions, Unwatched, Watch,
};

const MODEL: &str = "zoo/assets/fashion-resnet8.onnx";

/// Grey pictures that differ, with labels.
fn pictures(count: usize) -> Dataset {
    let pixels = (0..count * 784).map(|place| (place % (place / 784 + 3) * 40) as u8).collect();
    let shape = vec![count, 28, 28];
    let images = MemoryArray { name: "x".into(), shape, elements: Pixels::U8(pixels).into() };
    let labels = (0..count as u32).map(|index| index % 10).collect();
    Dataset::from_arrays(vec![images], Some(labels)).unwrap()
}

fn options(data: Dataset) -> SessionOptions {
    SessionOptions {
        preprocess: "fashion-mnist".parse().unwrap(),
        calibration_images: Some(16),
        ..SessionOptions::new(data)
    }
}

fn truncated() -> Design {
    Design::from("truncated:7".parse::<Multiplier>().unwrap())
}

/// What does not depend on the clock.
fn outcomes(results: &Results) -> Vec<(String, Option<f64>, Vec<bool>)> {
    let rows = results.rows().into_iter().zip(&results.evaluation.candidates);
    rows.map(|(row, all)| (row.multiplier, row.loss_vs_float, all.top1.clone())).collect()
}

/// The calibration images are not used up by the first evaluation.
#[test]
fn a_session_evaluates_again() {
    let mut session = Session::open(MODEL, options(pictures(48))).unwrap();
    let mut evaluate = || session.evaluate(&[truncated()], EvaluateOptions::default(), &Unwatched);
    let (first, second) = (evaluate().unwrap(), evaluate().unwrap());
    assert_eq!((first.images, first.rows().len()), (32, 2));
    assert_eq!(first.rows()[0].multiplier, "exact");
    assert_eq!(outcomes(&first), outcomes(&second));
}

/// Stops after so many steps, and notes what began.
struct Impatient {
    left: Mutex<usize>,
    began: Mutex<Vec<&'static str>>,
}

impl Watch for Impatient {
    fn begin(&self, what: &'static str, _: usize) {
        self.began.lock().unwrap().push(what);
    }

    fn advance(&self, steps: usize) {
        let mut left = self.left.lock().unwrap();
        *left = left.saturating_sub(steps);
    }

    fn is_stopped(&self) -> bool {
        *self.left.lock().unwrap() == 0
    }
}

#[test]
fn all_that_takes_long_can_be_stopped() {
    // 16 images calibrate, 2 designs are fitted, 8 at a time are evaluated.
    let cases = [(3, "calibrating"), (17, "fitting control variates"), (16 + 2 + 8, "evaluating")];
    for (steps, expected) in cases {
        let mut session = Session::open(MODEL, options(pictures(48))).unwrap();
        let watch = Impatient { left: Mutex::new(steps), began: Mutex::default() };
        let evaluation = EvaluateOptions { batch: 8, ..EvaluateOptions::default() };
        let error = session.evaluate(&[truncated()], evaluation, &watch).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Stopped, "{error}");
        assert_eq!(*watch.began.lock().unwrap().last().unwrap(), expected);
        // Nothing is broken by it.
        session.evaluate(&[truncated()], evaluation, &Unwatched).unwrap();
    }
}

/// Whatever the work is at, it ends soon, and nothing of it is half kept.
#[test]
fn a_search_can_be_stopped_anywhere() {
    let designs: Vec<Design> = vec![
        Design::exact(8),
        "truncated:7 with V (regressed)".parse().unwrap(),
        "truncated:7 with V (fitted), aware+bias quantisation".parse().unwrap(),
    ];
    let limit = Limit::new(5.0).unwrap();
    let options = ExploreOptions { designs, thorough: true, ..ExploreOptions::new(limit) };
    let mut store = Store::in_memory().unwrap();
    let mut ends = Vec::new();
    for questions in [0, 5, 20, 40, 60, 90, 130, 180, 250, 100_000] {
        let session = Session::open(MODEL, self::options(pictures(48))).unwrap();
        let watch = Asked { left: Mutex::new(questions) };
        match session.explore(&mut store, &options, &watch) {
            Ok(found) => ends.push(found.ended.to_string()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Stopped, "{error}");
                ends.push("stopped".to_owned());
            }
        }
        let asked_since = watch.left.into_inner().unwrap();
        assert!(asked_since > -20, "{questions}: went on for {asked_since} questions");
    }
    let last = ends.last().unwrap().as_str();
    assert_eq!((ends[0].as_str(), last), ("stopped", "exhausted"));
    assert!(ends.contains(&"interrupted".to_owned()), "{ends:?}");
    // What was stopped did not fail.
    let rows = store.experiments().unwrap().into_keys().flat_map(|key| store.rows(&key).unwrap());
    let statuses: Vec<_> = rows.map(|row| row.status).collect();
    assert_eq!(statuses, vec![recoup_explore::store::Status::Done; 3]);
}

/// Stops when it has been asked so many times.
struct Asked {
    left: Mutex<i32>,
}

impl Watch for Asked {
    fn begin(&self, _: &'static str, _: usize) {}

    fn advance(&self, _: usize) {}

    fn is_stopped(&self) -> bool {
        let mut left = self.left.lock().unwrap();
        *left -= 1;
        *left < 0
    }
}

#[test]
fn errors_have_a_kind_and_a_hint() {
    let refused = |model: &str, options| Session::open(model, options).err().unwrap();
    let error = refused("missing.onnx", options(pictures(48)));
    assert_eq!((error.kind(), error.hint()), (ErrorKind::Model, None));
    assert!(error.to_string().contains("missing.onnx"), "{error}");
    let error = refused(MODEL, options(pictures(16)));
    assert_eq!((error.kind(), error.hint()), (ErrorKind::Data, Some(Hint::HoldOutFewer)));
    let needed =
        SessionOptions { labels: Labels::Needed, ..options(pictures(48).without_labels()) };
    assert_eq!(refused(MODEL, needed).kind(), ErrorKind::Data);
    let offset = SessionOptions { label_offset: 3, ..options(pictures(48)) };
    let error = refused(MODEL, offset);
    assert_eq!((error.kind(), error.hint()), (ErrorKind::Data, Some(Hint::GiveLabelOffset)));
}
