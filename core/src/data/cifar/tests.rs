use std::fs;

use super::*;
use crate::data::tests::cifar10_record;
use crate::data::{DataSpec, Dataset, Pixels};

fn cifar100_record(coarse: u8, fine: u8, start: u8) -> Vec<u8> {
    let mut record = vec![coarse];
    record.extend(cifar10_record(fine, start));
    record
}

#[test]
fn reads_a_cifar10_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("any.bin");
    fs::write(&path, [cifar10_record(9, 3), cifar10_record(0, 7)].concat()).unwrap();
    let dataset = Dataset::open(&DataSpec::Cifar10(path)).unwrap();
    assert_eq!(dataset.len(), 2);
    let sample = dataset.read(1).unwrap();
    assert_eq!(sample.label, Some(0));
    assert_eq!(sample.image.shape, SHAPE);
    assert_eq!(sample.image.layout, Layout::Chw);
    let expected = cifar10_record(0, 7)[1..].to_vec();
    assert_eq!(sample.image.pixels, Pixels::U8(expected));
}

#[test]
fn cifar100_uses_the_fine_label() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.bin");
    let records = [cifar100_record(19, 99, 1), cifar100_record(3, 42, 2)].concat();
    fs::write(&path, records).unwrap();
    let dataset = Dataset::open(&DataSpec::Cifar100(path)).unwrap();
    assert_eq!(dataset.labels().unwrap(), [99, 42]);
    let expected = cifar10_record(0, 2)[1..].to_vec();
    assert_eq!(dataset.read(1).unwrap().image.pixels, Pixels::U8(expected));
}

#[test]
fn a_directory_gives_the_test_files_or_all_sorted() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, label| {
        fs::write(directory.path().join(name), cifar10_record(label, label)).unwrap();
    };
    let labels = || {
        let dataset = Dataset::open(&DataSpec::Cifar10(directory.path().into())).unwrap();
        let labels: Vec<u32> =
            (0..dataset.len()).filter_map(|index| dataset.read(index).unwrap().label).collect();
        labels
    };
    fs::write(directory.path().join("readme.html"), "text").unwrap();
    write("data_batch_2.bin", 2);
    write("data_batch_1.bin", 1);
    assert_eq!(labels(), [1, 2]);
    write("test_batch.bin", 5);
    assert_eq!(labels(), [5]);
    write("test_batch_2.bin", 6);
    assert_eq!(labels(), [5, 6]);
}

#[test]
fn a_directory_without_files_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let error = open(directory.path(), CifarKind::Cifar10).unwrap_err();
    assert!(matches!(error, DataError::CifarNoFiles { .. }), "{error}");
}

#[test]
fn a_wrong_length_names_the_likely_cause() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.bin");
    for (bytes, kind, remedy) in [
        (3073 * 2 - 1, CifarKind::Cifar10, "incomplete"),
        (3073 * 2 + 1, CifarKind::Cifar10, "incomplete"),
        (3074 * 2, CifarKind::Cifar10, "use cifar100:"),
        (3073 * 2, CifarKind::Cifar100, "use cifar10:"),
        (1, CifarKind::Cifar100, "incomplete"),
    ] {
        fs::write(&path, vec![0; bytes]).unwrap();
        let message = open(&path, kind).unwrap_err().to_string();
        for part in ["test.bin", &bytes.to_string(), remedy] {
            assert!(message.contains(part), "{message}");
        }
    }
}

#[test]
fn a_label_out_of_range_names_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.bin");
    fs::write(&path, [cifar10_record(9, 0), cifar10_record(10, 0)].concat()).unwrap();
    let message = open(&path, CifarKind::Cifar10).unwrap_err().to_string();
    for part in ["label 10", "record 1", "byte 3073", "test.bin"] {
        assert!(message.contains(part), "{message}");
    }
    fs::write(&path, cifar100_record(0, 100, 0)).unwrap();
    let message = open(&path, CifarKind::Cifar100).unwrap_err().to_string();
    assert!(message.contains("byte 1"), "{message}");
}
