use std::fs;

use serde::Deserialize;

use super::*;

/// What Pillow makes of a file of `reference/images`.
#[derive(Deserialize)]
struct Expected {
    file: String,
    mode: String,
    height: usize,
    width: usize,
    rgb: Vec<u8>,
}

#[derive(Deserialize)]
struct Reference {
    images: Vec<Expected>,
}

/// As `preprocess` widens grey for a model of three channels.
fn rgb(image: &Image) -> Vec<u8> {
    let Pixels::U8(pixels) = &image.pixels else { panic!("not 8-bit") };
    let repeated = 3 / image.shape.channels;
    pixels.iter().flat_map(|&value| std::iter::repeat_n(value, repeated)).collect()
}

/// Of JPEG the decoders' own rounding may differ: by a step in transform and colours each, and in
/// the scaling of colours that are stored at half the size.
#[test]
fn every_kind_of_file_reads_as_pillow_reads_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reference");
    let text = fs::read_to_string(folder.join("images.json")).unwrap();
    let reference: Reference = serde_json::from_str(&text).unwrap();
    assert_eq!(reference.images.len(), 25);
    for Expected { file, mode, height, width, rgb: expected } in reference.images {
        let image = read(&folder.join("images").join(&file)).unwrap();
        // Pillow opens grey of 16 bits with alpha as colour, of equal channels.
        let grey = ["1", "L", "LA", "I;16"].contains(&mode.as_str()) || file == "grey16-alpha.png";
        let shape = ImageShape { channels: if grey { 1 } else { 3 }, height, width };
        assert_eq!((image.shape, image.layout), (shape, Layout::Hwc), "{file}");
        let tolerance = match () {
            () if file.ends_with("-420.jpg") => 3,
            () if file.ends_with(".jpg") => 2,
            () => 0,
        };
        let found = rgb(&image);
        assert_eq!(found.len(), expected.len(), "{file}");
        let most = found.iter().zip(&expected).map(|(&a, &b)| a.abs_diff(b)).max();
        assert!(most.unwrap() <= tolerance, "{file}: {found:?}, not {expected:?}");
    }
}

/// Pillow refuses these too.
#[test]
fn a_file_that_ends_early_is_no_image() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reference/images");
    let cut = tempfile::tempdir().unwrap();
    for file in ["palette8.png", "grey16.png", "ycbcr.jpg", "cmyk-adobe.jpg"] {
        let whole = fs::read(folder.join(file)).unwrap();
        let path = cut.path().join(file);
        for length in [0, 5, 30, whole.len() / 2, whole.len() * 3 / 4] {
            fs::write(&path, &whole[..length]).unwrap();
            let error = read(&path).map(|image| image.shape).unwrap_err();
            assert!(matches!(error, DataError::Decode { .. }), "{file} {length}: {error}");
        }
    }
}
