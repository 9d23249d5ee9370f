use std::io::{Cursor, Write};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::data::DataSpec;
use crate::data::npz::tests::npy;
use crate::hint::Hint;

/// A model's input.
fn input(name: &str, shape: &[usize], integer: bool) -> InputTensor {
    InputTensor { name: name.into(), shape: shape.to_vec(), integer }
}

fn floats(shape: &str, values: &[f32]) -> Vec<u8> {
    npy("<f4", shape, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
}

fn integers(shape: &str, values: &[i64]) -> Vec<u8> {
    npy("<i8", shape, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>())
}

/// All samples of an npz file with these arrays for a model with these inputs.
fn read(
    arrays: &[(&str, Vec<u8>)],
    preprocess: &str,
    inputs: &[InputTensor],
) -> Result<Vec<Vec<f32>>, DataError> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.npz");
    std::fs::write(&path, archive.finish().unwrap().into_inner()).unwrap();
    let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    let dataset = Dataset::open_inputs(&DataSpec::Npz(path), &names)?;
    let sampler = Sampler::new(&dataset, &preprocess.parse()?, inputs.to_vec())?;
    assert_eq!(sampler.elements(), inputs.iter().map(InputTensor::volume).sum::<usize>());
    (0..dataset.len()).map(|index| sampler.read(&dataset, index)).collect()
}

/// Asserts that the message of a refusal has `parts`.
fn refused(found: Result<Vec<Vec<f32>>, DataError>, parts: &[&str]) {
    let said = found.unwrap_err().to_string();
    assert!(parts.iter().all(|part| said.contains(part)), "{said}");
}

#[test]
fn a_sample_is_the_elements_of_all_inputs_in_the_models_order() {
    let image = floats("(2, 1, 2, 2)", &[1.0, 2.0, 3.0, 4.0, -1.0, -2.0, -3.0, -4.0]);
    let ids = integers("(2, 2)", &[7, 8, -9, 16_777_215]);
    let scale = floats("(2, 1)", &[0.5, 0.25]);
    let arrays = [("scale", scale), ("ids", ids), ("image", image)];
    let inputs = [
        input("ids", &[1, 2], true),
        input("image", &[1, 1, 2, 2], false),
        input("scale", &[], false),
    ];
    assert_eq!(
        read(&arrays, "none", &inputs).unwrap(),
        [[7.0, 8.0, 1.0, 2.0, 3.0, 4.0, 0.5], [-9.0, 16_777_215.0, -1.0, -2.0, -3.0, -4.0, 0.25]]
    );
}

#[test]
fn the_array_of_the_only_inputs_name_is_an_image_as_x_is() {
    let pixels = npy("|u1", "(2, 1, 2)", &[0, 255, 51, 102]);
    let inputs = [input("image", &[1, 1, 1, 2], false)];
    let expected = [[0.0, 1.0], [0.2, 0.4]];
    for name in ["image", "x"] {
        let arrays = [(name, pixels.clone())];
        assert_eq!(read(&arrays, "none,scale=1/255", &inputs).unwrap(), expected, "{name}");
    }
    refused(read(&[("other", pixels)], "none", &inputs), &["no array x", "other"]);
}

#[test]
fn arrays_that_are_not_the_inputs() {
    let two = floats("(2, 3)", &[0.0; 6]);
    let inputs = [input("a", &[1, 3], false), input("b", &[1, 3], false)];
    let with = |b: Vec<u8>| [("a", two.clone()), ("b", b)];
    let wrong_shape = read(&with(floats("(2, 1, 4)", &[0.0; 8])), "none", &inputs);
    refused(wrong_shape, &["array b", "[1, 4]", "takes [3]"]);
    let wrong_count = read(&with(floats("(3, 3)", &[0.0; 9])), "none", &inputs);
    refused(wrong_count, &["array b", "3 records where a has 2"]);
    let wrong_type = read(&with(npy("<c8", "(2, 3)", &[0; 48])), "none", &inputs);
    refused(wrong_type, &["array b", "<c8"]);
    refused(read(&[("a", two.clone())], "none", &inputs), &["no array b", "each input"]);
    let preprocessed = read(&with(two.clone()), "mnist", &inputs);
    assert_eq!(preprocessed.as_ref().unwrap_err().hint(), Some(Hint::LeaveOutPreprocess));
    refused(preprocessed, &["2 inputs", "as they are"]);
}

#[test]
fn inputs_of_whole_numbers_take_no_others() {
    let inputs = [input("a", &[1, 2], false), input("ids", &[1, 2], true)];
    let a = || ("a", floats("(2, 2)", &[0.5; 4]));
    let fraction = read(&[a(), ("ids", floats("(2, 2)", &[1.0, 2.0, 3.0, 4.5]))], "none", &inputs);
    refused(fraction, &["record 1", "4.5", "element 1 of input ids", "integers"]);
    // 2^24 + 1 would become 2^24.
    for (beyond, kept) in [(-16_777_220, "-16777220"), (16_777_217, "16777216")] {
        let ids = integers("(2, 2)", &[1, beyond, 3, 4]);
        refused(read(&[a(), ("ids", ids)], "none", &inputs), &["record 0", kept, "up to 16777215"]);
    }
    // Of images as well: a preprocessing may make fractions of them.
    let pixels = || [("x", npy("|u1", "(1, 2)", &[3, 255]))];
    let one = [input("image", &[1, 2], true)];
    assert_eq!(read(&pixels(), "none", &one).unwrap(), [[3.0, 255.0]]);
    refused(read(&pixels(), "none,scale=1/255", &one), &["element 0 of input image"]);
}
