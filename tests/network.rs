//! A network that is calibrated once.

use recoup::data::{Data, Labels, MemoryArray, Output, Outputs, Pixels};
use recoup::design::design;
use recoup::layers::{Factors, Parameters};
use recoup::records::design_columns;
use recoup::{
    Attention, Dataset, Design, ErrorKind, EvaluateOptions, Hint, Network, Session, SessionOptions,
    Unwatched,
};
use recoup_core::watch::Watch;

const MODEL: &str = "zoo/assets/fashion-resnet8.onnx";

/// Grey pictures that differ, with labels.
fn pictures(count: usize, labelled: bool) -> Dataset {
    let pixels = (0..count * 784).map(|place| (place % (place / 784 + 3) * 40) as u8).collect();
    let elements = Pixels::U8(pixels).into();
    let images = MemoryArray { name: "x".into(), shape: vec![count, 28, 28], elements };
    let labels = (0..count as u32).map(|index| index % 10).collect();
    Dataset::from_arrays(vec![images], labelled.then_some(labels)).unwrap()
}

fn options(data: impl Into<Data>) -> SessionOptions {
    SessionOptions { preprocess: "fashion-mnist".parse().unwrap(), ..SessionOptions::new(data) }
}

fn truncated() -> Design {
    design("truncated:7", None).unwrap().0
}

fn calibrated(data: &Dataset, images: usize) -> Network {
    calibrated_of(MODEL, data, images)
}

fn calibrated_of(model: &str, data: &Dataset, images: usize) -> Network {
    let mut network = Network::open(model, None, Attention::default()).unwrap();
    let sample = SessionOptions { images: Some(images), seed: Some(0), ..options(data.clone()) };
    network.calibrate(sample, &Unwatched).unwrap();
    network
}

/// The same images held out, the same results: but for times.
#[test]
fn it_evaluates_as_a_session_does() {
    let data = pictures(48, true);
    let network = calibrated(&data, 16);
    let mut by_network = network.session(options(data.clone())).unwrap();
    let mut by_session =
        Session::open(MODEL, SessionOptions { calibration_images: Some(16), ..options(data) })
            .unwrap();
    assert_eq!(by_network.indices, by_session.indices);
    let records = [&mut by_network, &mut by_session].map(|session| {
        let found = session.evaluate(&[truncated()], EvaluateOptions::default(), &Unwatched);
        let mut record = found.unwrap().record(&[0, 1]);
        record.float.images_per_s = 0.0;
        record.results.iter_mut().for_each(|row| row.images_per_s = 0.0);
        serde_json::to_value(record).unwrap()
    });
    assert_eq!(records[0], records[1]);
    assert_eq!(records[0]["calibration"]["data"], "held out from arrays in memory");
}

#[test]
fn other_images_are_all_evaluated() {
    let network = calibrated(&pictures(16, true), 16);
    let session = network.session(options(pictures(20, true))).unwrap();
    // The first 16 are the same pictures.
    assert_eq!(session.indices, [16, 17, 18, 19]);
    let others = Dataset::from_arrays(
        vec![MemoryArray {
            name: "x".into(),
            shape: vec![3, 28, 28],
            elements: Pixels::U8(vec![9; 3 * 784]).into(),
        }],
        Some(vec![1, 2, 3]),
    );
    let session = network.session(options(others.unwrap())).unwrap();
    assert_eq!(session.indices, [0, 1, 2]);
}

#[test]
fn it_runs_designs_on_what_it_is_given() {
    let data = pictures(48, false);
    let network = calibrated(&data, 16);
    let emulator = network.emulate(&truncated(), &Unwatched).unwrap();
    let [output] = &emulator.run(data.clone(), &Unwatched).unwrap()[..] else { panic!() };
    assert_eq!((&output.shape[..], output.values.len()), (&[48, 10][..], 480));
    // One image alone, as in the batch.
    let one = pictures(1, false);
    assert_eq!(emulator.run(one, &Unwatched).unwrap()[0].values, output.values[..10]);
    let mut session = network.session(options(data)).unwrap();
    let mut saved = Saved(Vec::new());
    let designs = [truncated()];
    let found =
        session.evaluate_saving(&designs, EvaluateOptions::default(), Some(&mut saved), &Unwatched);
    found.unwrap();
    let wanted: Vec<f32> =
        session.indices.iter().flat_map(|&at| output.values[at * 10..][..10].to_vec()).collect();
    assert_eq!(saved.0, wanted);
}

/// The scores of the only design that is no reference.
struct Saved(Vec<f32>);

impl Outputs for Saved {
    fn save(&mut self, network: Option<usize>, _: usize, all: &[Vec<f32>]) -> std::io::Result<()> {
        if network == Some(1) {
            self.0.extend(all.concat());
        }
        Ok(())
    }
}

/// All that a detector gives, float32 first; labels measure no accuracy where there are no scores.
#[test]
fn outputs_of_any_shape_come_with_labels() {
    let records = |numbers: std::ops::Range<usize>, labels: Option<Vec<u32>>| {
        let values = numbers.clone().flat_map(|at| (0..72).map(move |x| (x * at % 13) as f32));
        let elements = Pixels::F32(values.collect()).into();
        let shape = vec![numbers.len(), 2, 6, 6];
        let array = MemoryArray { name: "input".into(), shape, elements };
        Dataset::from_arrays(vec![array], labels).unwrap()
    };
    let mut network =
        Network::open("reference/odd/output-boxes.onnx", None, Attention::default()).unwrap();
    network.calibrate(SessionOptions::new(records(1..9, None)), &Unwatched).unwrap();
    let labelled = SessionOptions::new(records(20..23, Some(vec![7, 0, 900])));
    let (mut session, targets) = network.session_with_targets(labelled.clone()).unwrap();
    assert_eq!(targets, Some(vec![7, 0, 900]));
    let mut seen = Seen(Vec::new(), network.clone());
    let options = EvaluateOptions { batch: 2, ..EvaluateOptions::default() };
    let found = session.evaluate_saving(&[truncated()], options, Some(&mut seen), &Unwatched);
    assert!(found.unwrap().evaluation.float.top1.is_empty());
    let order: Vec<_> = seen.0.iter().map(|(network, first, _)| (*network, *first)).collect();
    let networks = [None, Some(0), Some(1)];
    let expected = [0, 2].map(|first| networks.map(|network| (network, first))).concat();
    assert_eq!(order, expected);
    let Output { name, shape, values } = &seen.0[5].2[1];
    assert_eq!((name.as_str(), &shape[..], values.len()), ("output2", &[1, 45, 3][..], 135));
    let emulator = network.emulate(&truncated(), &Unwatched).unwrap();
    assert_eq!(emulator.run(records(22..23, None), &Unwatched).unwrap(), seen.0[5].2);
    let dropped = SessionOptions { labels: Labels::Dropped, ..labelled };
    assert_eq!(network.session_with_targets(dropped).unwrap().1, None);
}

/// What it was shown.
struct Seen(Vec<(Option<usize>, usize, Vec<Output>)>, Network);

impl Outputs for Seen {
    fn save(
        &mut self,
        network: Option<usize>,
        first: usize,
        all: &[Vec<f32>],
    ) -> std::io::Result<()> {
        self.0.push((network, first, Output::of(self.1.graph(), all)));
        Ok(())
    }
}

#[test]
fn what_it_lacks_is_said() {
    let mut network = Network::open(MODEL, None, Attention::default()).unwrap();
    let error = network.emulate(&truncated(), &Unwatched).err().unwrap();
    assert_eq!((error.kind(), error.hint()), (ErrorKind::Calibration, Some(Hint::CalibrateFirst)));
    let data = pictures(4, true);
    let many = SessionOptions { images: Some(5), ..options(data.clone()) };
    let error = network.calibrate(many, &Unwatched).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Data);
    network.calibrate(options(data.clone()), &Unwatched).unwrap();
    assert_eq!(network.calibration().unwrap().images, 4);
    let other = SessionOptions { preprocess: "mnist".parse().unwrap(), ..options(data.clone()) };
    let error = network.session(other).err().unwrap();
    assert_eq!((error.kind(), error.hint()), (ErrorKind::Calibration, Some(Hint::PreprocessAlike)));
    // All of it calibrates: nothing is left.
    let error = network.session(SessionOptions { labels: Labels::IfAny, ..options(data) });
    assert_eq!(error.err().unwrap().kind(), ErrorKind::Data);
    let stopped = Network::open(MODEL, None, Attention::default())
        .unwrap()
        .calibrate(options(pictures(4, true)), &Never);
    assert_eq!(stopped.unwrap_err().kind(), ErrorKind::Stopped);
}

struct Never;

impl Watch for Never {
    fn begin(&self, _: &'static str, _: usize) {}

    fn advance(&self, _: usize) {}

    fn is_stopped(&self) -> bool {
        true
    }
}

/// Whatever is one number, text or flag of a row is in a column, and intervals are two.
#[test]
fn rows_are_columns() {
    let mut session =
        calibrated(&pictures(24, true), 16).session(options(pictures(24, true))).unwrap();
    let found = session.evaluate(&[truncated()], EvaluateOptions::default(), &Unwatched).unwrap();
    let row = serde_json::to_value(&found.rows()[1]).unwrap();
    let fields: Vec<&String> = row.as_object().unwrap().keys().collect();
    let columns = design_columns();
    for field in &fields {
        let known = columns.iter().filter(|column| column.field == **field).count();
        let expected = match row[field].as_array() {
            Some(list) if list.first().is_some_and(serde_json::Value::is_number) => 2,
            // Names.
            Some(_) => 0,
            None => 1,
        };
        assert_eq!(known, expected, "{field}");
    }
    assert!(columns.iter().all(|column| fields.iter().any(|field| *field == column.field)));
}

/// With the parameters of its file, a network is what it is; with others, what their file would be.
#[test]
fn it_runs_with_other_parameters() {
    let data = pictures(24, false);
    let network = calibrated(&data, 16);
    let own = network.parameters();
    let outputs = |emulator: &recoup::Emulator| emulator.run(data.clone(), &Unwatched).unwrap();
    let expected = outputs(&network.emulate(&truncated(), &Unwatched).unwrap());
    let same = network.emulate_with(&truncated(), own.clone(), &Unwatched).unwrap();
    assert_eq!(outputs(&same), expected);

    // Doubled weights and biases of the last layer have the same codes, and twice the scale.
    let mut doubled = own.clone();
    let last = doubled.last_mut().unwrap();
    last.weights.iter_mut().chain(&mut last.bias).for_each(|value| *value *= 2.0);
    let emulator = network.emulate_with(&truncated(), doubled, &Unwatched).unwrap();
    let twice: Vec<f32> = expected[0].values.iter().map(|value| 2.0 * value).collect();
    assert_eq!(outputs(&emulator)[0].values, twice);
}

#[test]
fn parameters_must_fit() {
    let network = calibrated(&pictures(16, false), 16);
    let own = network.parameters();
    let said = |change: &dyn Fn(&mut Vec<Parameters>), design: Design| {
        let mut parameters = own.clone();
        change(&mut parameters);
        let error = network.emulate_with(&design, parameters, &Unwatched).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Request);
        error.to_string()
    };
    let text = said(&|all| all.truncate(3), truncated());
    assert!(text.contains("parameters of 3 layers; expected 11"), "{text}");
    let text = said(&|all| all[1].bias.truncate(5), truncated());
    assert!(text.contains(" 5 biases; expected"), "{text}");
    let text = said(&|all| all[2].weights[3] = f32::NAN, truncated());
    assert!(text.contains("NaN or infinite"), "{text}");
    let aware = truncated().with_quantization("aware".parse().unwrap());
    let text = said(&|_| (), aware);
    assert!(text.contains("take quantization=\"plain+gain\""), "{text}");
}

/// A layer sees what the codes of its inputs stand for.
#[test]
fn its_layers_run_by_themselves() {
    let network = calibrated(&pictures(16, false), 16);
    let emulator = network.emulate(&truncated(), &Unwatched).unwrap();
    let count = network.layers().len();
    assert!(emulator.layer(count).unwrap().is_none() && emulator.layer_codes(count).is_none());
    let codes = emulator.layer_codes(0).unwrap();
    let input = codes.inputs[0].codes;
    let (scale, zero) = (input.scale, f32::from(input.zero_point));
    let inputs: Vec<f32> = (0..2 * 784).map(|at| (at % 23) as f32 * 0.1 - 1.0).collect();
    let made = emulator.layer(0).unwrap().unwrap().run(&inputs, &[]).unwrap();
    for (&value, &seen) in inputs.iter().zip(&made.inputs) {
        let code = ((value * (1.0 / scale)).round_ties_even() + zero).clamp(0.0, 255.0);
        assert_eq!(seen, (code - zero) * scale, "{value}");
    }
    // Two images are computed as each of them alone.
    let layer = emulator.layer(0).unwrap().unwrap();
    let alone =
        [&inputs[..784], &inputs[784..]].map(|image| layer.run(image, &[]).unwrap().outputs);
    assert_eq!(made.outputs, alone.concat());
    let error = layer.run(&inputs[..1000], &[]).unwrap_err().to_string();
    assert!(error.contains("1000 elements"), "{error}");
}

/// Products of two activations, too: each image brings both operands.
#[test]
fn its_products_run_by_themselves() {
    let network = calibrated_of("zoo/assets/fashion-vit.onnx", &pictures(8, false), 4);
    let emulator = network.emulate(&truncated(), &Unwatched).unwrap();
    let layers = network.layers();
    let products = layers.iter().enumerate().filter_map(|(index, (_, factors))| match *factors {
        Factors::Product { matrices, rows, depth, columns } => {
            Some((index, matrices * rows * depth, matrices * depth * columns))
        }
        Factors::Parameters(_) => None,
    });
    let products: Vec<_> = products.collect();
    assert!(products.len() >= 4 && products.len() + network.parameters().len() == layers.len());
    let (index, streamed, loaded) = products[0];
    let codes = emulator.layer_codes(index).unwrap();
    assert!(codes.inputs.len() == 2 && codes.weights.is_none());
    let layer = emulator.layer(index).unwrap().unwrap();
    let values = |count: usize| -> Vec<f32> {
        (0..count).map(|at| (at as f32 * 12.9898).sin() * 2.0).collect()
    };
    let (inputs, keys) = (values(2 * streamed), values(2 * loaded));
    let made = layer.run(&inputs, &keys).unwrap();
    let alone = [0, 1].map(|image| {
        let of = |values: &[f32], len: usize| values[image * len..][..len].to_vec();
        layer.run(&of(&inputs, streamed), &of(&keys, loaded)).unwrap().outputs
    });
    assert_eq!(made.outputs, alone.concat());
    let of_keys = codes.inputs[1].codes;
    for (&value, &seen) in keys.iter().zip(&made.loaded) {
        let zero = f32::from(of_keys.zero_point);
        let code = ((value * (1.0 / of_keys.scale)).round_ties_even() + zero).clamp(0.0, 255.0);
        assert_eq!(seen, (code - zero) * of_keys.scale, "{value}");
    }
    let error = layer.run(&inputs, &keys[..loaded]).unwrap_err().to_string();
    assert!(error.contains(&format!("{loaded} elements")), "{error}");
}
