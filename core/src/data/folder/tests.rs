use std::fs;

use tempfile::TempDir;

use super::*;
use crate::data::tests::chain;
use crate::data::{DataSpec, Dataset, Pixels};
use crate::hint::Hint;

/// A folder with the given files, all 3 x 2 images of one colour.
fn tree(files: &[&str]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (file, value) in files.iter().zip(10..) {
        let path = directory.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut encoder = png::Encoder::new(fs::File::create(&path).unwrap(), 3, 2);
        encoder.set_color(png::ColorType::Rgb);
        encoder.write_header().unwrap().write_image_data(&[value; 18]).unwrap();
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
    assert_eq!(dataset.labels().unwrap(), [0, 1, 2, 3, 3]);
    // b/1.JPG comes before b/2.png; its content tells that it is a PNG.
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
fn folders_without_classes_or_images_are_refused() {
    let empty = tempfile::tempdir().unwrap();
    assert!(message(&empty).contains("one folder for each class"));
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

#[test]
fn numbered_classes_are_ordered_by_value_while_images_keep_their_numbers() {
    let directory = tree(&["0/a.png", "1/a.png", "10/a.png", "2/a.png"]);
    let dataset = open(&directory).unwrap();
    assert_eq!(dataset.class_names().unwrap(), ["0", "1", "2", "10"]);
    // 10/a.png is image 2, as it was before numbers were told from names.
    assert_eq!(dataset.labels().unwrap(), [0, 1, 3, 2]);
    assert_eq!(dataset.read(2).unwrap().image.pixels, Pixels::U8(vec![12; 18]));
    assert!(dataset.class_order_note().unwrap().contains("0, 1, 2, 10"));
    assert_eq!(open(&tree(&["a/1.png", "b/1.png"])).unwrap().class_order_note(), None);
}

#[test]
fn a_file_orders_the_classes() {
    let directory = tree(&["0/a.png", "10/a.png", "2/a.png"]);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, "10\n0\n2\n").unwrap();
    let dataset = open(&directory).unwrap().order_classes(file.path()).unwrap();
    assert_eq!(dataset.class_names().unwrap(), ["10", "0", "2"]);
    assert_eq!(dataset.labels().unwrap(), [1, 0, 2]);
    assert_eq!(dataset.class_order_note(), None);
    assert!(dataset.name().contains(", classes of "), "{}", dataset.name());
    fs::write(&file, "10\n0\n1\n").unwrap();
    let error = open(&directory).unwrap().order_classes(file.path()).unwrap_err();
    assert!(error.to_string().contains("line 3"), "{error}");
    let images = tree(&["1.png"]);
    let error = open(&images).unwrap().order_classes(file.path()).unwrap_err();
    assert_eq!(error.hint(), Some(Hint::LeaveOutClasses));
}

#[test]
fn a_background_class_is_an_offset() {
    let directory = tree(&["a/1.png", "b/1.png"]);
    let error = open(&directory).unwrap().check_outputs(3).unwrap_err();
    assert_eq!(error.hint(), Some(Hint::SkipBackgroundClass));
    let dataset = open(&directory).unwrap().offset_labels(1).unwrap();
    assert_eq!(dataset.labels().unwrap(), [1, 2]);
    dataset.check_outputs(3).unwrap();
    let error = dataset.check_outputs(2).unwrap_err();
    assert_eq!(error.hint(), None);
    let text = error.to_string();
    assert!(text.contains("2 class folders, with a label offset of 1"), "{text}");
    assert!(text.contains("put a subset into an npz file"), "{text}");
}

#[test]
fn images_alone_have_no_labels() {
    let directory = tree(&["2.png", "1.png"]);
    let dataset = open(&directory).unwrap();
    assert_eq!((dataset.len(), dataset.classes(), dataset.class_names()), (2, None, None));
    assert_eq!(dataset.read(0).unwrap().image.pixels, Pixels::U8(vec![11; 18]));
    assert_eq!(dataset.read(0).unwrap().label, None);
    dataset.check_outputs(1000).unwrap();
    for error in [dataset.labels().unwrap_err(), dataset.offset_labels(1).unwrap_err()] {
        assert!(matches!(error, DataError::NoLabels { .. }), "{error}");
        assert!(error.to_string().contains("one folder for each class"), "{error}");
    }
}

#[test]
fn a_file_in_place_of_a_folder_is_named() {
    let directory = tree(&["1.png"]);
    let error = Dataset::open(&DataSpec::Folder(directory.path().join("1.png"))).unwrap_err();
    assert!(matches!(error, DataError::NotADirectory { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_among_images_is_refused_when_listed() {
    for place in ["a/2.png", "2.png"] {
        let directory = tree(&[if place.contains('/') { "a/1.png" } else { "1.png" }]);
        let path = directory.path().join(place);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let text = chain(&open(&directory).unwrap_err());
        assert!(text.contains("2.png") && text.contains("a pipe (FIFO)"), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn names_from_the_disk_are_shown_without_control_characters() {
    let directory = tree(&["a/1.png"]);
    fs::write(directory.path().join("a/\u{1b}[2J.txt"), "").unwrap();
    let text = message(&directory);
    assert!(text.contains("\\u{1b}[2J.txt") && !text.contains('\u{1b}'), "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_utf_8_are_classes_if_they_can_be_told_apart() {
    use std::os::unix::ffi::OsStrExt;
    let directory = tree(&["a/1.png", "b/1.png", "c/1.png"]);
    let rename = |from: &str, to: &[u8]| {
        let path = directory.path();
        fs::rename(path.join(from), path.join(OsStr::from_bytes(to))).unwrap();
    };
    rename("b", b"x\xff");
    assert_eq!(open(&directory).unwrap().class_names().unwrap(), ["a", "c", "x\u{fffd}"]);
    rename("c", b"x\xfe");
    let text = message(&directory);
    assert!(text.contains("both shown as \"x\u{fffd}\""), "{text}");
}
