use std::fs;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::data::tests::{chain, idx_file};
use crate::data::{DataSpec, Dataset, Pixels};

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Four images of 2 x 3.
fn images() -> Vec<u8> {
    idx_file(&[4, 2, 3], &(0..24).collect::<Vec<u8>>())
}

fn labels() -> Vec<u8> {
    idx_file(&[4], &[3, 1, 4, 1])
}

/// Opens the two as files and as bytes, which must agree on the error, if any.
fn open_both(images: &[u8], labels: &[u8]) -> Result<[Dataset; 2], DataError> {
    let directory = tempfile::tempdir().unwrap();
    let spec = DataSpec::Idx {
        images: directory.path().join("images"),
        labels: Some(directory.path().join("labels")),
    };
    fs::write(directory.path().join("images"), images).unwrap();
    fs::write(directory.path().join("labels"), labels).unwrap();
    let from_files = Dataset::open(&spec);
    let from_bytes = Dataset::idx_from_bytes("bytes", images, labels);
    match (from_files, from_bytes) {
        (Ok(from_files), Ok(from_bytes)) => Ok([from_files, from_bytes]),
        (Err(from_files), Err(from_bytes)) => {
            assert_eq!(
                std::mem::discriminant(&from_files),
                std::mem::discriminant(&from_bytes),
                "{from_files} / {from_bytes}"
            );
            Err(from_files)
        }
        (from_files, from_bytes) => panic!("{from_files:?} / {from_bytes:?}"),
    }
}

fn message(images: &[u8], labels: &[u8]) -> String {
    chain(&open_both(images, labels).unwrap_err())
}

#[track_caller]
fn assert_parts(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "no {part:?} in: {message}");
    }
}

#[test]
fn plain_and_gzip_read_alike() {
    let (images, labels) = (images(), labels());
    for images in [images.clone(), gzip(&images)] {
        for labels in [labels.clone(), gzip(&labels)] {
            for dataset in open_both(&images, &labels).unwrap() {
                assert_eq!(dataset.len(), 4);
                let sample = dataset.read(2).unwrap();
                assert_eq!(sample.label, Some(4));
                assert_eq!(sample.image.shape.to_string(), "1 x 2 x 3");
                assert_eq!(sample.image.pixels, Pixels::U8((12..18).collect()));
            }
        }
    }
}

#[test]
fn a_gzip_of_several_members_is_one_stream() {
    let images = images();
    let members = [gzip(&images[..20]), gzip(&images[20..])].concat();
    let [dataset, _] = open_both(&members, &labels()).unwrap();
    let pixels = dataset.read(3).unwrap().image.pixels;
    assert_eq!(pixels, Pixels::U8((18..24).collect()));
}

#[test]
fn a_bad_magic_shows_both() {
    let swapped = message(&labels(), &images());
    assert_parts(&swapped, &["images", "[00, 00, 08, 01]", "in this order"]);
    let mut floats = images();
    floats[2] = 0x0d;
    assert_parts(&message(&floats, &labels()), &["unsigned bytes"]);
    assert_parts(&message(b"\x89PNG....", &labels()), &["[89, 50, 4e, 47]"]);
    let four = idx_file(&[4, 1, 2, 3], &[0; 24]);
    assert_parts(&message(&four, &labels()), &["[00, 00, 08, 04]"]);
}

#[test]
fn impossible_dimensions_are_refused_before_reading() {
    for dimensions in [[4, 0, 3], [4, 2, 0], [u32::MAX, u32::MAX, u32::MAX]] {
        let images = idx_file(&dimensions, &[]);
        let error = open_both(&images, &labels()).unwrap_err();
        assert!(matches!(error, DataError::IdxDimensions { .. }), "{error}");
    }
}

#[test]
fn a_truncated_file_shows_how_much_is_missing() {
    let (whole_images, whole_labels) = (images(), labels());
    for length in 0..whole_images.len() {
        let text = message(&whole_images[..length], &whole_labels);
        assert_parts(&text, &["images ends at byte", &length.to_string()]);
    }
    for length in 0..whole_labels.len() {
        let text = message(&whole_images, &whole_labels[..length]);
        assert_parts(&text, &["labels ends at byte", &length.to_string()]);
    }
    let text = message(&gzip(&whole_images[..30]), &whole_labels);
    assert_parts(&text, &["byte 30 of 40"]);
}

#[test]
fn trailing_bytes_are_refused() {
    let longer = |mut bytes: Vec<u8>| {
        bytes.push(0);
        bytes
    };
    for text in [
        message(&longer(images()), &labels()),
        message(&gzip(&longer(images())), &labels()),
        message(&images(), &longer(labels())),
        message(&images(), &gzip(&longer(labels()))),
    ] {
        assert_parts(&text, &["goes on after"]);
    }
}

#[test]
fn another_number_of_labels_is_refused() {
    let text = message(&images(), &idx_file(&[5], &[0; 5]));
    assert_parts(&text, &["4 images", "5 labels"]);
}

#[test]
fn damaged_gzip_is_refused() {
    let whole = gzip(&images());
    for length in 2..whole.len() {
        let error = open_both(&whole[..length], &labels()).unwrap_err();
        assert!(matches!(error, DataError::Gzip { .. }), "{length}: {error}");
    }
    let mut checksum = whole.clone();
    *checksum.iter_mut().nth_back(7).unwrap() ^= 1;
    let text = message(&checksum, &labels());
    assert_parts(&text, &["images", "gzip", "fetch the file again"]);
}

#[test]
fn a_gzip_bomb_is_cut_at_the_declared_size() {
    let mut bomb = images();
    bomb.resize(8 << 20, 0);
    let bomb = gzip(&bomb);
    let mut input = Input::new(&bomb[..], Path::new("bomb")).unwrap();
    ImagesHeader::read(&mut input).unwrap();
    let mut out = Vec::new();
    let error = input.copy_body(&mut out, 16, 24).unwrap_err();
    assert!(matches!(error, DataError::IdxTrailing { .. }), "{error}");
    assert_eq!(out.len(), 25);
}

#[test]
fn images_alone_have_no_labels() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("images");
    for bytes in [images(), gzip(&images())] {
        fs::write(&path, bytes).unwrap();
        let dataset = Dataset::open(&DataSpec::Idx { images: path.clone(), labels: None }).unwrap();
        assert_eq!((dataset.len(), dataset.label(3)), (4, None));
        assert_eq!(dataset.read(2).unwrap().image.pixels, Pixels::U8((12..18).collect()));
        assert_parts(
            &dataset.labels().unwrap_err().to_string(),
            &["no labels", "idx:IMAGES,LABELS"],
        );
    }
}

/// Of the images only the header is there.
#[test]
fn what_headers_and_labels_say_is_known_before_images_are_decompressed() {
    let directory = tempfile::tempdir().unwrap();
    let (images_path, labels_path) = (directory.path().join("i"), directory.path().join("l"));
    fs::write(&images_path, gzip(&images()[..16])).unwrap();
    fs::write(&labels_path, labels()).unwrap();
    let spec = DataSpec::Idx { images: images_path, labels: Some(labels_path) };
    let dataset = Dataset::open_headers(&spec).unwrap();
    assert!(dataset.preprocessor(&"none".parse().unwrap(), &[1, 28, 28]).is_err());
    assert!(dataset.check_outputs(1).is_err());
    for error in [dataset.load().unwrap_err(), dataset.read(0).unwrap_err()] {
        assert!(matches!(error, DataError::IdxTruncated { .. }), "{error}");
    }
}
