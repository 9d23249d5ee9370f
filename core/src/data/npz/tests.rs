use std::fs;
use std::io::Write;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::data::tests::chain;
use crate::data::{DataSpec, Dataset, Pixels};
use crate::hint::Hint;

/// A .npy file, version 1.
pub(in crate::data) fn npy(descr: &str, shape: &str, body: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(body);
    bytes
}

fn npz(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut bytes = io::Cursor::new(Vec::new());
    let mut writer = ZipWriter::new(&mut bytes);
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in members {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap();
    bytes.into_inner()
}

fn open_bytes(bytes: &[u8]) -> Result<Dataset, DataError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("set.npz");
    fs::write(&path, bytes).unwrap();
    Dataset::open(&DataSpec::Npz(path))
}

fn open_arrays(x: &[u8], y: &[u8]) -> Result<Dataset, DataError> {
    let members = [("x.npy", x), ("y.npy", y)];
    let stored = open_bytes(&npz(&members, CompressionMethod::Stored));
    let deflated = open_bytes(&npz(&members, CompressionMethod::Deflated));
    assert_eq!(stored.is_ok(), deflated.is_ok());
    deflated
}

fn two_labels() -> Vec<u8> {
    npy("<i8", "(2,)", &[1i64.to_le_bytes(), 0i64.to_le_bytes()].concat())
}

#[track_caller]
fn assert_parts(error: DataError, parts: &[&str]) {
    let message = chain(&error);
    for part in parts {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
}

#[test]
fn stored_and_deflated_read_alike() {
    let x = npy("|u1", "(2, 3, 1, 2)", &(0..12).collect::<Vec<u8>>());
    let members = [("y.npy", &two_labels()[..]), ("x.npy", &x), ("z.npy", b"ignored")];
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let dataset = open_bytes(&npz(&members, method)).unwrap();
        assert_eq!((dataset.len(), dataset.labels().unwrap()), (2, &[1, 0][..]));
        let image = dataset.read(1).unwrap().image;
        assert_eq!(image.pixels, Pixels::U8((6..12).collect()), "{method}");
    }
}

#[test]
fn the_axes_are_told_by_the_channels() {
    for (shape, expected, layout) in [
        ("(2, 3, 5, 4)", "3 x 5 x 4", Layout::Chw),
        ("(2, 5, 4, 3)", "3 x 5 x 4", Layout::Hwc),
        ("(2, 60, 1, 1)", "1 x 60 x 1", Layout::Hwc),
        ("(2, 3, 20, 1)", "3 x 20 x 1", Layout::Chw),
        ("(2, 4, 5, 3)", "3 x 4 x 5", Layout::Hwc),
        ("(2, 15, 2, 2)", "15 x 2 x 2", Layout::Chw),
        ("(2, 6, 10)", "1 x 6 x 10", Layout::Chw),
        ("(2, 60)", "1 x 1 x 60", Layout::Chw),
    ] {
        let dataset = open_arrays(&npy("|u1", shape, &[0; 120]), &two_labels()).unwrap();
        let image = dataset.read(1).unwrap().image;
        assert_eq!(image.shape.to_string(), expected, "{shape}");
        assert_eq!(image.layout, layout, "{shape}");
        assert!(dataset.image_info().unwrap().eight_bit);
    }
}

#[test]
fn wider_types_become_f32() {
    let f4 = [0.5f32, -1.0, 2.0, 1e30].map(f32::to_le_bytes).concat();
    let f8 = [0.5f64, -1.0, 2.0, 1e30].map(f64::to_be_bytes).concat();
    let i2 = [-3i16, 256, 0, 7].map(i16::to_le_bytes).concat();
    for (descr, body, second) in
        [("<f4", f4, [2.0, 1e30]), (">f8", f8, [2.0, 1e30]), ("<i2", i2, [0.0, 7.0])]
    {
        let dataset = open_arrays(&npy(descr, "(2, 2)", &body), &two_labels()).unwrap();
        let pixels = dataset.read(1).unwrap().image.pixels;
        assert_eq!(pixels, Pixels::F32(second.to_vec()), "{descr}");
        assert!(!dataset.image_info().unwrap().eight_bit);
    }
}

#[test]
fn a_missing_array_lists_those_there() {
    let members = [("images.npy", &b""[..]), ("y.npy", b"")];
    let error = open_bytes(&npz(&members, CompressionMethod::Stored)).unwrap_err();
    assert_parts(error, &["no array x", "images, y", "numpy.savez"]);
    let members = [("\u{1b}[2J.npy", &b""[..])];
    let error = open_bytes(&npz(&members, CompressionMethod::Stored)).unwrap_err();
    assert_parts(error, &["no array x", "has \\u{1b}[2J:"]);
    let error = open_bytes(&npz(&[], CompressionMethod::Stored)).unwrap_err();
    assert_parts(error, &["has none"]);
}

#[test]
fn unsuitable_types_are_refused() {
    let x = npy("|u1", "(2, 2)", &[0; 4]);
    for descr in ["<f2", "|b1", "<c8", "<U4"] {
        let error = open_arrays(&npy(descr, "(2, 2)", &[0; 4]), &two_labels()).unwrap_err();
        assert_parts(error, &["array x", descr, "float32"]);
    }
    let error = open_arrays(&x, &npy("<f4", "(2,)", &[0; 8])).unwrap_err();
    assert_parts(error, &["array y", "<f4", "integer"]);
    let error = open_arrays(&x, &npy("|O", "(2,)", &[0; 8])).unwrap_err();
    assert_parts(error, &["array y", "|O", "integer"]);
}

#[test]
fn unsuitable_shapes_are_refused() {
    for shape in ["()", "(2,)", "(2, 0)", "(2, 3, 0, 4)"] {
        let error = open_arrays(&npy("|u1", shape, &[]), &two_labels()).unwrap_err();
        assert_parts(error, &["array x", "N x C x H x W"]);
    }
    let x = npy("|u1", "(2, 2)", &[0; 4]);
    for shape in ["()", "(2, 1)"] {
        let error = open_arrays(&x, &npy("|u1", shape, &[0; 2])).unwrap_err();
        assert_parts(error, &["array y", "one label for each image"]);
    }
    let fortran = String::from_utf8_lossy(&x[10..]).replace("False", "True ");
    let fortran = [&x[..10], fortran.as_bytes()].concat();
    let error = open_arrays(&fortran, &two_labels()).unwrap_err();
    assert_parts(error, &["array x", "ascontiguousarray"]);
    let huge = npy("|u1", "(18446744073709551615, 3)", &[]);
    assert_parts(open_arrays(&huge, &two_labels()).unwrap_err(), &["addressed"]);
}

#[test]
fn another_number_of_labels_is_refused() {
    let x = npy("|u1", "(3, 2)", &[0; 6]);
    let error = open_arrays(&x, &two_labels()).unwrap_err();
    assert_parts(error, &["3 images", "2 labels", "set.npz"]);
    let empty = open_arrays(&npy("|u1", "(0, 2)", &[]), &npy("|u1", "(0,)", &[]));
    assert!(matches!(empty, Err(DataError::Empty { .. })));
}

#[test]
fn a_label_that_is_no_class_is_named() {
    let x = npy("|u1", "(2, 2)", &[0; 4]);
    let error = open_arrays(&x, &npy("|i1", "(2,)", &[0, 255])).unwrap_err();
    assert_parts(error, &["y[1]", "is -1"]);
    let y = npy("<i8", "(2,)", &[1i64 << 32, 0].map(i64::to_le_bytes).concat());
    assert_parts(open_arrays(&x, &y).unwrap_err(), &["y[0]", "4294967296"]);
}

#[test]
fn values_that_are_not_finite_are_named_when_read() {
    for value in [f64::NAN, f64::INFINITY, 1e39] {
        let body = [0.0, 0.0, 0.0, value].map(f64::to_le_bytes).concat();
        let dataset = open_arrays(&npy("<f8", "(2, 2)", &body), &two_labels()).unwrap();
        assert!(dataset.read(0).is_ok());
        let error = dataset.read(1).unwrap_err();
        assert_parts(error, &["image 1", "element 1", "set.npz"]);
    }
}

#[test]
fn elements_must_fill_the_member() {
    for (bytes, found) in [(3, "3 bytes"), (5, "more"), (100_000, "more")] {
        let x = npy("|u1", "(2, 2)", &vec![0; bytes]);
        let error = open_arrays(&x, &two_labels()).unwrap_err();
        assert_parts(error, &["array x", found, "4 bytes"]);
    }
}

#[test]
fn a_damaged_container_is_refused() {
    assert_parts(open_bytes(b"not a zip").unwrap_err(), &["set.npz", "zip"]);
    let x = npy("|u1", "(2, 200)", &[77; 400]);
    let members = [("x.npy", &x[..]), ("y.npy", &two_labels())];
    let whole = npz(&members, CompressionMethod::Stored);
    for length in 0..whole.len() {
        assert!(open_bytes(&whole[..length]).is_err(), "{length}");
    }
    // The checksum notices a changed pixel.
    let mut changed = whole;
    let pixel = changed.iter().position(|&byte| byte == 77).unwrap();
    changed[pixel + 200] = 78;
    let error = open_bytes(&changed).unwrap_err();
    assert!(matches!(error, DataError::NpzContainer { .. }), "{error}");
    assert_parts(error, &["array x"]);
}

fn open_inputs(members: &[(&str, &[u8])], inputs: &[&str]) -> Result<Dataset, DataError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("set.npz");
    fs::write(&path, npz(members, CompressionMethod::Deflated)).unwrap();
    let dataset = Dataset::open_inputs(&DataSpec::Npz(path), inputs)?;
    dataset.load()?;
    Ok(dataset)
}

#[test]
fn images_alone_have_no_labels() {
    let x = npy("|u1", "(2, 3)", &[0, 1, 2, 3, 4, 5]);
    let dataset = open_bytes(&npz(&[("x.npy", &x)], CompressionMethod::Deflated)).unwrap();
    assert_eq!((dataset.len(), dataset.label(1)), (2, None));
    assert_eq!(dataset.read(1).unwrap().image.pixels, Pixels::U8(vec![3, 4, 5]));
    dataset.check_outputs(1).unwrap();
    assert_parts(dataset.labels().unwrap_err(), &["set.npz", "no labels", "y=labels"]);
}

#[test]
fn arrays_are_read_by_the_names_of_inputs() {
    let ids = npy("<i8", "(2, 3)", &[5i64, 6, 7, 8, 9, 10].map(i64::to_le_bytes).concat());
    let mask = npy("<f4", "(2, 1, 2, 1, 2)", &[0.5f32; 8].map(f32::to_le_bytes).concat());
    let bytes = npy("|u1", "(2, 1)", &[3, 255]);
    let labels = two_labels();
    let members =
        [("ids.npy", &ids[..]), ("mask.npy", &mask), ("x.npy", &bytes), ("y.npy", &labels)];
    let dataset = open_inputs(&members, &["mask", "ids", "x"]).unwrap();
    let shapes: Vec<_> =
        dataset.arrays().iter().map(|array| (array.name.as_str(), &array.shape[..])).collect();
    assert_eq!(shapes, [("mask", &[1, 2, 1, 2][..]), ("ids", &[3]), ("x", &[1])]);
    assert_eq!(dataset.labels().unwrap(), [1, 0]);
    assert_eq!(dataset.read_array(1, 0).unwrap(), [0.5; 4]);
    assert_eq!(dataset.read_array(1, 1).unwrap(), [8.0, 9.0, 10.0]);
    assert_eq!(dataset.read_array(1, 2).unwrap(), [255.0]);
    assert_eq!(dataset.image_info(), None);
    assert_parts(dataset.read(0).unwrap_err(), &["arrays mask, ids, x", "no images"]);
    let error = dataset.preprocessor(&"none".parse().unwrap(), &[3]).unwrap_err();
    assert_parts(error, &["no images"]);
    // One input takes the images, or else the array of its name.
    let one = open_inputs(&members, &["ids"]).unwrap();
    assert_eq!(one.arrays()[0].name, "x");
    let one = open_inputs(&members[..2], &["ids"]).unwrap();
    assert_eq!((one.arrays()[0].name.as_str(), one.label(0)), ("ids", None));
    // Labels are none where an input has their name.
    let rows = npy("<i8", "(2, 1)", &[1i64, 2].map(i64::to_le_bytes).concat());
    let taken = open_inputs(&[("y.npy", &rows), ("x.npy", &bytes)], &["y", "x"]).unwrap();
    assert_eq!((taken.label(0), taken.read_array(1, 0).unwrap()), (None, vec![2.0]));
}

#[test]
fn inputs_need_an_array_each_and_as_many_records() {
    let (two, three) = (npy("|u1", "(2, 2)", &[0; 4]), npy("|u1", "(3, 2)", &[0; 6]));
    let members = [("a.npy", &two[..]), ("b.npy", &three)];
    let error = open_inputs(&members, &["a", "b"]).unwrap_err();
    assert_parts(error, &["array b", "3 records where a has 2"]);
    let error = open_inputs(&members, &["a", "c\u{7}"]).unwrap_err();
    assert_parts(error, &["no array c\\u{7}", "a, b", "one for each input"]);
    let error = Dataset::open_inputs(&"cifar10:x".parse().unwrap(), &["a", "b"]).unwrap_err();
    assert_parts(error, &["2 inputs", "npz"]);
}

#[test]
fn records_of_more_axes_are_taken_as_they_are() {
    let values: Vec<f32> = (0..48).map(|value| value as f32 - 0.5).collect();
    let body: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let dataset = open_arrays(&npy("<f4", "(2, 4, 1, 2, 3)", &body), &two_labels()).unwrap();
    assert_eq!(dataset.image_info(), None);
    assert_eq!(dataset.arrays()[0].shape, [4, 1, 2, 3]);
    let preprocessor = dataset.preprocessor(&"none".parse().unwrap(), &[4, 1, 2, 3]).unwrap();
    let mut input = [0.0; 24];
    dataset.read_input(1, &preprocessor, &mut input).unwrap();
    assert_eq!(input, values[24..]);
    let error = dataset.preprocessor(&"none".parse().unwrap(), &[4, 2, 1, 3]).unwrap_err();
    assert_parts(error, &["[4, 1, 2, 3]", "[4, 2, 1, 3]"]);
    let error = dataset.preprocessor(&"mean=1".parse().unwrap(), &[4, 1, 2, 3]).unwrap_err();
    assert_eq!(error.hint(), Some(Hint::LeaveOutPreprocess));
}

/// Headers that declare 8 million images, none of which is there.
#[test]
fn what_headers_say_is_checked_before_images_are_decompressed() {
    let x = npy("|u1", "(8000000, 28, 28)", &[0; 64]);
    let error = open_arrays(&x, &two_labels()).unwrap_err();
    assert_parts(error, &["array x", "64 bytes", "6272000000 bytes"]);
    let x = npy("|u1", "(2, 28, 28)", &[7; 2 * 28 * 28]);
    let members = [("x.npy", &x[..]), ("y.npy", &two_labels())];
    let mut changed = npz(&members, CompressionMethod::Stored);
    let pixel = changed.iter().position(|&byte| byte == 7).unwrap();
    changed[pixel] = 8;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("set.npz");
    fs::write(&path, changed).unwrap();
    let dataset = Dataset::open_headers(&DataSpec::Npz(path)).unwrap();
    assert!(dataset.preprocessor(&"none".parse().unwrap(), &[1, 32, 32]).is_err());
    assert!(dataset.check_outputs(1).is_err());
    // The checksum is compared when the elements are read.
    assert_parts(dataset.load().unwrap_err(), &["array x"]);
    assert_parts(dataset.read(0).unwrap_err(), &["array x"]);
}
