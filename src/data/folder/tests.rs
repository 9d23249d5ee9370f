use std::fs;

use image::{GrayImage, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba};
use tempfile::TempDir;

use super::*;
use crate::data::tests::chain;
use crate::data::{DataSpec, Dataset};

/// A folder with the given files, all 3 x 2 images of one colour.
fn tree(files: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (file, value) in files.iter().zip(10..) {
        let path = directory.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let format = ImageFormat::from_path(&path).unwrap();
        RgbImage::from_pixel(3, 2, Rgb([value, value, value]))
            .save_with_format(&path, format)
            .unwrap();
    }
    directory
}

fn open(directory: &TempDir) -> Result<Dataset, DataError> {
    Dataset::open(&DataSpec::Folder(directory.path().into()))
}

fn message(directory: &TempDir) -> String {
    open(directory).unwrap_err().to_string()
}

#[test]
fn labels_follow_the_sorted_names() {
    let directory = tree(&["b/2.png", "b/1.JPG", "a/z.jpeg", "B/y.png", "10/x.PNG"]);
    fs::write(directory.path().join(".hidden"), "").unwrap();
    fs::write(directory.path().join("b/.DS_Store"), "").unwrap();
    fs::write(directory.path().join("b/Thumbs.db"), "").unwrap();
    let dataset = open(&directory).unwrap();
    assert_eq!(dataset.class_names().unwrap(), ["10", "B", "a", "b"]);
    assert_eq!(dataset.classes(), Some(4));
    let labels: Vec<u32> = (0..dataset.len()).map(|index| dataset.label(index)).collect();
    assert_eq!(labels, [0, 1, 2, 3, 3]);
    // b/1.JPG comes before b/2.png; JPEG keeps a single colour to within a step or two.
    let Pixels::U8(pixels) = dataset.read(3).unwrap().image.pixels else { panic!("not 8-bit") };
    assert!(pixels.iter().all(|&value| value.abs_diff(11) <= 2), "{pixels:?}");
    let sample = dataset.read(4).unwrap();
    assert_eq!(sample.image.shape.to_string(), "3 x 2 x 3");
    assert_eq!(sample.image.pixels, Pixels::U8(vec![10; 18]));
}

#[test]
fn the_content_tells_the_format() {
    let directory = tree(&["a/1.png"]);
    fs::rename(directory.path().join("a/1.png"), directory.path().join("a/1.jpg")).unwrap();
    let dataset = open(&directory).unwrap();
    assert_eq!(dataset.read(0).unwrap().image.pixels, Pixels::U8(vec![10; 18]));
}

#[test]
fn every_colour_type_becomes_8_bit_grey_or_rgb() {
    let cases = [
        (DynamicImage::from(GrayImage::from_pixel(1, 1, Luma([9]))), vec![9]),
        (image::GrayAlphaImage::from_pixel(1, 1, LumaA([9, 1])).into(), vec![9]),
        (image::RgbaImage::from_pixel(1, 1, Rgba([1, 2, 3, 0])).into(), vec![1, 2, 3]),
        (image::ImageBuffer::from_pixel(1, 1, Luma([9u16 * 257])).into(), vec![9]),
        (image::ImageBuffer::from_pixel(1, 1, Rgb([257u16, 514, 771])).into(), vec![1, 2, 3]),
    ];
    for (decoded, values) in cases {
        assert_eq!(eight_bit(decoded).pixels, Pixels::U8(values));
    }
}

#[test]
fn folders_without_classes_or_images_are_refused() {
    let empty = tempfile::tempdir().unwrap();
    assert!(message(&empty).contains("one folder for each class"));
    let images_only = tree(&["1.png"]);
    assert!(message(&images_only).contains("one folder for each class"));
    let empty_class = tree(&["a/1.png"]);
    fs::create_dir(empty_class.path().join("b")).unwrap();
    let error = open(&empty_class).unwrap_err();
    assert!(matches!(error, DataError::FolderEmptyClass { .. }), "{error}");
    assert!(error.to_string().contains("b has no images"), "{error}");
}

#[test]
fn mixed_folders_are_refused() {
    let message_beside = message(&tree(&["a/1.png", "2.png", "3.png"]));
    assert!(message_beside.contains("2.png lies beside"), "{message_beside}");
    let message_nested = message(&tree(&["a/1.png", "a/deeper/2.png"]));
    assert!(message_nested.contains("deeper lies inside"), "{message_nested}");
}

#[test]
fn the_first_file_that_is_no_image_is_named() {
    for place in ["readme.txt", "a/list.csv", "a/noextension"] {
        let directory = tree(&["a/1.png"]);
        fs::write(directory.path().join(place), "").unwrap();
        fs::write(directory.path().join("zzz.txt"), "").unwrap();
        let text = message(&directory);
        let first = if place.contains('/') { "zzz.txt" } else { place };
        assert!(text.contains(first), "{text}");
        fs::remove_file(directory.path().join("zzz.txt")).unwrap();
        assert!(message(&directory).contains(place));
    }
}

#[test]
fn an_undecodable_image_is_named_with_the_cause() {
    let directory = tree(&["a/1.png"]);
    let path = directory.path().join("a/1.png");
    let whole = fs::read(&path).unwrap();
    for damaged in [&whole[..40], b"GIF89a", b""] {
        fs::write(&path, damaged).unwrap();
        let error = open(&directory).unwrap().read(0).unwrap_err();
        assert!(matches!(error, DataError::Decode { .. }), "{error}");
        assert!(error.to_string().contains("1.png"), "{error}");
        assert!(chain(&error).len() > error.to_string().len());
    }
}

#[test]
fn a_folder_has_the_classes_of_the_model() {
    let dataset = open(&tree(&["a/1.png", "b/1.png"])).unwrap();
    dataset.check_outputs(2).unwrap();
    for outputs in [1, 3] {
        let text = dataset.check_outputs(outputs).unwrap_err().to_string();
        assert!(text.contains("2 class folders"), "{text}");
    }
}
