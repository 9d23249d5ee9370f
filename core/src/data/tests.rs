//! What all sources have in common, and files made for the tests of each.

use std::fs;

use super::*;
use crate::hint::Hint;

/// A CIFAR-10 record whose pixels count up from `start`.
pub(super) fn cifar10_record(label: u8, start: u8) -> Vec<u8> {
    let mut record = vec![label];
    record.extend((0..3072).map(|i| (i as u8).wrapping_add(start)));
    record
}

/// An IDX file of unsigned bytes.
pub(super) fn idx_file(dimensions: &[u32], body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
    for dimension in dimensions {
        bytes.extend(dimension.to_be_bytes());
    }
    bytes.extend(body);
    bytes
}

/// The message and those of its causes.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn embedded() -> Dataset {
    let images: Vec<u8> = (0..12).collect();
    Dataset::idx_from_bytes("embedded", &idx_file(&[3, 2, 2], &images), &idx_file(&[3], &[7, 0, 9]))
        .unwrap()
}

#[test]
fn a_dataset_describes_itself() {
    let dataset = embedded();
    assert_eq!(dataset.name(), "embedded");
    assert_eq!(dataset.len(), 3);
    assert_eq!(dataset.classes(), None);
    assert_eq!(dataset.class_names(), None);
    assert_eq!(dataset.label(2), Some(9));
    assert_eq!(dataset.labels().unwrap(), [7, 0, 9]);
    let sample = dataset.read(1).unwrap();
    assert_eq!(sample.label, Some(0));
    assert_eq!(sample.image.pixels, Pixels::U8(vec![4, 5, 6, 7]));
    assert_eq!(dataset.image_info().unwrap().shape, Some(sample.image.shape));
}

#[test]
fn threads_read_the_same_as_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test_batch.bin");
    let records: Vec<u8> = (0..50).flat_map(|i| cifar10_record(i % 10, i * 5)).collect();
    fs::write(&path, records).unwrap();
    let dataset = Dataset::open(&DataSpec::Cifar10(path)).unwrap();
    assert_eq!(dataset.classes(), Some(10));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for index in 0..50 {
                    let sample = dataset.read(index).unwrap();
                    let record = cifar10_record(index as u8 % 10, index as u8 * 5);
                    assert_eq!(sample.label, Some(u32::from(record[0])));
                    assert_eq!(sample.image.pixels, Pixels::U8(record[1..].to_vec()));
                }
            });
        }
    });
}

#[test]
fn labels_are_held_to_the_outputs_of_the_model() {
    let dataset = embedded();
    dataset.check_outputs(10).unwrap();
    let message = dataset.check_outputs(9).unwrap_err().to_string();
    for part in ["label 9", "image 2", "embedded", "9 outputs"] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_missing_file_is_named() {
    for text in [
        "cifar10:absent.bin",
        "cifar100:absent.bin",
        "idx:absent.bin,other",
        "folder:absent.bin",
        "npz:absent.bin",
    ] {
        let error = Dataset::open(&text.parse().unwrap()).unwrap_err();
        assert!(matches!(error, DataError::Missing { .. }), "{text}");
        assert!(error.to_string().contains("absent.bin"), "{error}");
    }
}

#[test]
fn a_directory_in_place_of_a_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().display();
    for text in [format!("idx:{place},labels"), format!("npz:{place}")] {
        let error = Dataset::open(&text.parse().unwrap()).unwrap_err();
        assert!(matches!(error, DataError::Directory { .. }), "{error}");
    }
}

#[test]
fn an_empty_set_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.bin");
    fs::write(&path, []).unwrap();
    let error = Dataset::open(&DataSpec::Cifar10(path)).unwrap_err();
    assert!(matches!(error, DataError::Empty { .. }), "{error}");
    let none = idx_file(&[0, 2, 2], &[]);
    let error = Dataset::idx_from_bytes("embedded", &none, &idx_file(&[0], &[])).unwrap_err();
    assert!(matches!(error, DataError::Empty { .. }), "{error}");
}

#[test]
fn an_image_becomes_a_model_input() {
    let dataset = embedded();
    let preprocess = "none,mean=1,std=2".parse().unwrap();
    let preprocessor = dataset.preprocessor(&preprocess, &[1, 2, 2]).unwrap();
    let mut input = [0.0; 4];
    dataset.read_input(2, &preprocessor, &mut input).unwrap();
    assert_eq!(input, [3.5, 4.0, 4.5, 5.0]);
}

#[test]
fn a_file_cut_while_in_use_is_a_read_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.bin");
    fs::write(&path, [cifar10_record(1, 0), cifar10_record(2, 0)].concat()).unwrap();
    let dataset = Dataset::open(&DataSpec::Cifar10(path.clone())).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(4000).unwrap();
    assert!(dataset.read(0).is_ok());
    let message = dataset.read(1).unwrap_err().to_string();
    assert!(message.contains("byte 3074"), "{message}");
}

#[test]
fn labels_of_any_source_can_be_shifted() {
    let shifted = embedded().offset_labels(1).unwrap();
    assert_eq!(shifted.labels().unwrap(), [8, 1, 10]);
    assert_eq!(shifted.name(), "embedded, labels +1");
    shifted.check_outputs(11).unwrap();
    let error = shifted.check_outputs(10).unwrap_err();
    assert_eq!(error.hint(), Some(Hint::GiveLabelOffset));
    let message = error.to_string();
    for part in ["label 10", "image 2", "embedded, labels +1", "10 outputs"] {
        assert!(message.contains(part), "{message}");
    }
    for (offset, became) in [(-1, "-1"), (i64::MAX, "9223372036854775814"), (1 << 32, "4294967303")]
    {
        let message = embedded().offset_labels(offset).unwrap_err().to_string();
        assert!(message.contains(&format!("becomes {became} ")), "{message}");
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("pipe.bin");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let labels = directory.path().join("labels");
    fs::write(&labels, idx_file(&[1], &[0])).unwrap();
    let (place, pipe) = (directory.path().display(), pipe.display());
    for text in [
        format!("cifar10:{pipe}"),
        format!("cifar10:{place}"),
        format!("cifar100:{pipe}"),
        format!("npz:{pipe}"),
        format!("idx:{pipe}"),
        format!("idx:{pipe},{}", labels.display()),
        "npz:/dev/zero".to_owned(),
    ] {
        let error = Dataset::open(&text.parse().unwrap()).unwrap_err();
        assert!(matches!(error, DataError::NotRegular { .. }), "{text}: {error}");
        assert!(chain(&error).contains("expected a file"), "{error}");
    }
    let error = Dataset::open(&DataSpec::Folder(directory.path().join("pipe.bin"))).unwrap_err();
    assert!(matches!(error, DataError::NotADirectory { .. }), "{error}");
}
