//! Sessions: what can be done more than once, stopped, and go wrong.

use std::sync::Mutex;

use recoup::{
    Dataset, Design, ErrorKind, EvaluateOptions, Hint, Labels, MemoryArray, Multiplier, Pixels,
    Results, Session, SessionOptions, Unwatched, Watch,
};

const MODEL: &str = "zoo/assets/fashion-resnet8.onnx";

/// Grey pictures that differ, with labels.
fn pictures(count: usize) -> Dataset {
    let pixels = (0..count * 784).map(|place| (place % (place / 784 + 3) * 40) as u8).collect();
    let shape = vec![count, 28, 28];
    let images = MemoryArray { name: "x".into(), shape, elements: Pixels::U8(pixels) };
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
