//! Everything that can be wrong with a data source or its preprocessing.

use std::io;
use std::path::{Path, PathBuf};

use super::pixels::ImageShape;
use super::{preprocess, spec};
use crate::hint::Hint;
use recoup_circuits::{printable, printable_path as shown};

/// Why images cannot be read or fed to a model. Messages name the place and the remedy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are what the message beside them shows")]
pub enum DataError {
    /// The text of a data source starts with no known scheme.
    #[error("unknown data source \"{text}\": use one of {}", spec::FORMS)]
    UnknownScheme { text: String },
    /// The scheme is known, what follows it is not understood.
    #[error("malformed data source \"{text}\": write {form}")]
    SpecForm { text: String, form: &'static str },
    /// A file or folder does not exist.
    #[error(
        "{} does not exist: check the path, which is relative to the working directory",
        shown(path)
    )]
    Missing { path: PathBuf },
    /// A file was expected where there is a directory.
    #[error("{} is a directory: name the file in it", shown(path))]
    Directory { path: PathBuf },
    /// A directory was expected where there is a file.
    #[error("{} is no directory, or lies in what is none: check the path", shown(path))]
    NotADirectory { path: PathBuf },
    /// A pipe, a device or a socket.
    #[error("cannot use {}: copy what it holds into a file", shown(path))]
    NotRegular { path: PathBuf, source: io::Error },
    /// A file or folder exists but cannot be opened or listed.
    #[error("cannot open {}: check its permissions", shown(path))]
    Open { path: PathBuf, source: io::Error },
    /// Reading an opened file failed.
    #[error("cannot read {} at byte {offset}: it may have changed while in use", shown(path))]
    Read { path: PathBuf, offset: u64, source: io::Error },
    /// The temporary file for decompressed data cannot be written.
    #[error(
        "cannot write a temporary file in {}: free some space there, set TMPDIR to another \
         folder, or decompress the data set first",
        shown(directory)
    )]
    Spool { directory: PathBuf, source: io::Error },
    /// The data set has no image.
    #[error("{} holds no images: check that it is the right file", printable(name))]
    Empty { name: String },

    /// A CIFAR directory without CIFAR files.
    #[error(
        "no .bin file in {}: point to the extracted binary version of the data set",
        shown(path)
    )]
    CifarNoFiles { path: PathBuf },
    /// A CIFAR file that is not a whole number of records.
    #[error(
        "{} has {bytes} bytes, which is not a multiple of the {record_bytes} of a {format} \
         record: {remedy}",
        shown(path)
    )]
    CifarLength {
        path: PathBuf,
        bytes: u64,
        record_bytes: u64,
        format: &'static str,
        remedy: &'static str,
    },
    /// A label the format does not have.
    #[error(
        "label {label} of record {record} in {} (byte {offset}) is not below {classes}: check \
         that the file is {format}",
        shown(path)
    )]
    CifarLabel {
        path: PathBuf,
        record: u64,
        offset: u64,
        label: u8,
        classes: u8,
        format: &'static str,
    },

    /// An IDX file of another kind, or another file altogether.
    #[error(
        "{} starts with the bytes {found:02x?} where IDX {content} start with \
         {expected:02x?}: {remedy}",
        shown(path)
    )]
    IdxMagic {
        path: PathBuf,
        content: &'static str,
        expected: [u8; 4],
        found: [u8; 4],
        remedy: &'static str,
    },
    /// An IDX file whose header has an extent that is 0 or more than can be addressed.
    #[error(
        "{} declares the dimensions {dimensions:?} in its header (from byte 4): images need \
         at least one pixel and a total that can be addressed; fetch the file again",
        shown(path)
    )]
    IdxDimensions { path: PathBuf, dimensions: Vec<u32> },
    /// An IDX file that ends too early.
    #[error(
        "{} ends at byte {found_bytes} of {expected_bytes} (counted after decompression): \
         fetch the file again",
        shown(path)
    )]
    IdxTruncated { path: PathBuf, expected_bytes: u64, found_bytes: u64 },
    /// An IDX file with more content than its header declares.
    #[error(
        "{} goes on after the {expected_bytes} bytes its header declares (counted after \
         decompression): the header or the file is wrong; fetch it again",
        shown(path)
    )]
    IdxTrailing { path: PathBuf, expected_bytes: u64 },
    /// A damaged gzip stream.
    #[error(
        "cannot decompress {} beyond byte {decompressed_bytes} of its content: the gzip data is \
         damaged or incomplete; fetch the file again",
        shown(path)
    )]
    Gzip { path: PathBuf, decompressed_bytes: u64, source: io::Error },
    /// As many labels as images are needed.
    #[error(
        "{images} images in {} but {labels} labels in {}: the two do not belong together",
        shown(images_path),
        shown(labels_path)
    )]
    Count { images_path: PathBuf, images: u64, labels_path: PathBuf, labels: u64 },

    /// A directory without images or sub-directories to be classes.
    #[error(
        "no class folders in {}, and no images: put the images into one folder for each class",
        shown(path)
    )]
    FolderNoClasses { path: PathBuf },
    /// A class folder without images.
    #[error("class folder {} has no images: add PNG or JPEG files or remove it", shown(path))]
    FolderEmptyClass { path: PathBuf },
    /// Images beside class folders have no label.
    #[error("image {} lies beside the class folders: move it into one of them", shown(path))]
    FolderMixed { path: PathBuf },
    /// A file that is no image in a folder of images.
    #[error(
        "{} is not named as a PNG or JPEG file (.png, .jpg, .jpeg): convert or remove it",
        shown(path)
    )]
    FolderForeignFile { path: PathBuf },
    /// Class folders hold files only.
    #[error(
        "folder {} lies inside a class folder: move its images up or name its parent as the \
         data set",
        shown(path)
    )]
    FolderNested { path: PathBuf },
    /// Class folders that labels cannot tell apart.
    #[error(
        "two class folders in {} are both shown as \"{}\", as their names are no UTF-8: rename them",
        shown(path),
        printable(class)
    )]
    FolderNames { path: PathBuf, class: String },
    /// A folder with other classes than the model.
    #[error(
        "{} has {classes} class folders{} but the model has {outputs} outputs: labels are \
         positions among the folders, so all {outputs} classes must be there{}",
        shown(path),
        if *offset == 0 { String::new() } else { format!(", with a label offset of {offset}") },
        if lacks_first(*classes, *outputs, *offset) { "" } else { "; put a subset into an npz file with its labels" }
    )]
    FolderClassCount { path: PathBuf, classes: usize, outputs: usize, offset: i64 },
    /// An order of classes that is no text.
    #[error("{} is no UTF-8 text: write the name of a class folder in each line", shown(path))]
    ClassesText { path: PathBuf },
    /// An order of classes with a name that no folder has.
    #[error(
        "line {line} of {}: \"{}\" is no class folder of {}; write the name of one in each line",
        shown(path),
        printable(class),
        shown(folder)
    )]
    ClassUnknown { path: PathBuf, line: usize, class: String, folder: PathBuf },
    /// An order of classes with a name twice.
    #[error(
        "line {line} of {}: \"{}\" is in line {first} already; each class has one line",
        shown(path),
        printable(class)
    )]
    ClassTwice { path: PathBuf, line: usize, class: String, first: usize },
    /// An order of classes without one of the folders.
    #[error(
        "{} ends after line {line} without class folder \"{}\" of {} ({missing} missing): each \
         class has one line",
        shown(path),
        printable(class),
        shown(folder)
    )]
    ClassMissing { path: PathBuf, line: usize, class: String, missing: usize, folder: PathBuf },
    /// An order of classes for data without class folders.
    #[error(
        "{} gives the order of class folders, of which {} has none",
        shown(path),
        printable(name)
    )]
    ClassesWithoutFolders { path: PathBuf, name: String },
    /// A shift that makes a label negative or too large.
    #[error(
        "label {label} of image {index} in {} becomes {} with the label offset {offset}: no label \
         may be negative or beyond 32 bits; give another offset",
        printable(name),
        i128::from(*label) + i128::from(*offset)
    )]
    LabelOffset { name: String, index: usize, label: u32, offset: i64 },
    /// Labels are needed where there are none.
    #[error("{} has no labels, which are needed here: {remedy}", printable(name))]
    NoLabels { name: String, remedy: &'static str },
    /// Arrays by the names of a model's inputs where images are needed.
    #[error(
        "{} was opened for its arrays {}, which are no images: read them by name",
        printable(name),
        names(arrays)
    )]
    NamedArrays { name: String, arrays: Vec<String> },
    /// Several inputs from data that has one.
    #[error(
        "{} has one array for each image but the model has {inputs} inputs: write an npz file with \
         an array for each input, by its name",
        printable(name)
    )]
    SeveralInputs { name: String, inputs: usize },
    /// A damaged image, or one of another format than its name says.
    #[error("cannot decode {} as PNG or JPEG: replace or remove it", shown(path))]
    Decode { path: PathBuf, source: Box<dyn std::error::Error + Send + Sync> },

    /// Not a zip container, or a damaged one.
    #[error(
        "cannot read {} in {}: write it anew with numpy.savez(file, x=images, y=labels)",
        printable(place),
        shown(path)
    )]
    NpzContainer { path: PathBuf, place: String, source: Box<dyn std::error::Error + Send + Sync> },
    /// An npz file without an array.
    #[error(
        "no array {} in {}, which has {}: write {}",
        printable(array),
        shown(path),
        names(found),
        match array.as_str() {
            "x" => "numpy.savez(file, x=images, y=labels)",
            _ => "one for each input of the model, by its name, with numpy.savez",
        }
    )]
    NpzMissing { path: PathBuf, array: String, found: Vec<String> },
    /// An array whose header or size is damaged.
    #[error(
        "array {} in {} is damaged: {detail}; write the file anew",
        printable(array),
        shown(path)
    )]
    NpzArray { path: PathBuf, array: String, detail: String },
    /// An array with elements of an unsuitable type.
    #[error(
        "array {} in {} has dtype {}: {expected}",
        printable(array),
        shown(path),
        printable(dtype)
    )]
    NpzDtype { path: PathBuf, array: String, dtype: String, expected: &'static str },
    /// An array of an unsuitable shape or order.
    #[error("array {} in {} has shape {shape:?}: {expected}", printable(array), shown(path))]
    NpzShape { path: PathBuf, array: String, shape: Vec<u64>, expected: &'static str },
    /// Arrays in memory whose sizes do not agree.
    #[error("array {} in memory: {problem}", printable(name))]
    Memory { name: String, problem: String },
    /// Arrays of different numbers of records.
    #[error(
        "array {} in {} has {records} records where {} has {expected}: each input needs one for \
         each image",
        printable(array),
        shown(path),
        printable(first)
    )]
    NpzCount { path: PathBuf, array: String, records: u64, first: String, expected: u64 },
    /// A label that cannot be a class.
    #[error("y[{index}] in {} is {label}: labels are classes, counted from 0", shown(path))]
    NpzLabel { path: PathBuf, index: usize, label: i128 },
    /// A NaN, an infinity or a number beyond `f32`.
    #[error(
        "image {index} in {} has a value that is not a finite 32-bit float, element {element} \
         (row-major): clean the array first",
        shown(path)
    )]
    NotFinite { path: PathBuf, index: usize, element: usize },
    /// A label beyond the outputs of the model.
    #[error(
        "label {label} of image {index} in {} is not below the {outputs} outputs of the model: the \
         data set and the model do not belong together, or count classes from different numbers",
        printable(name)
    )]
    LabelBeyondOutputs { name: String, index: usize, label: u32, outputs: usize },

    /// A preprocessing that starts with no known preset or key.
    #[error(
        "unknown preprocessing \"{item}\" in \"{text}\": use a preset ({}) and any of {}, \
         separated by commas",
        preprocess::PRESETS,
        preprocess::KEYS
    )]
    UnknownPreprocess { text: String, item: String },
    /// A preprocessing key with an unsuitable value.
    #[error("bad \"{item}\" in preprocessing \"{text}\": {expected}")]
    PreprocessValue { text: String, item: String, expected: &'static str },
    /// A model input that is no image.
    #[error(
        "the model's input {input:?} (without the batch) is no image: C x H x W, H x W x C, \
         H x W or a flat length are supported"
    )]
    ModelInput { input: Vec<usize> },
    /// Records of more axes than an image has, for another shape of the model's input.
    #[error(
        "the records of array {} have the shape {found:?} but the model takes {expected:?}: give \
         them the model's shape",
        printable(array)
    )]
    RecordShape { array: String, found: Vec<usize>, expected: Vec<usize> },
    /// Records of more axes than an image has, to be preprocessed.
    #[error(
        "the records of array {} have the shape {shape:?}, which is no image: they are taken as they \
         are, without preprocessing",
        printable(array)
    )]
    RecordPreprocess { array: String, shape: Vec<usize> },
    /// Several inputs, of which none is known to be an image.
    #[error(
        "the model has {inputs} inputs, whose arrays are taken as they are, without preprocessing: \
         give values as the model was trained on"
    )]
    SeveralPreprocess { inputs: usize },
    /// A fraction, or a number that 32-bit floats do not tell from its neighbours, for an input of
    /// whole numbers.
    #[error(
        "record {index} of {} has the value {value} in element {element} of input {}, which takes \
         whole numbers up to {limit}: give an array of integers, and a preprocessing that keeps them",
        printable(name),
        printable(input)
    )]
    NotWhole { name: String, index: usize, input: String, element: usize, value: f32, limit: f32 },
    /// Images of several sizes for a model without an image shape.
    #[error(
        "the model takes {elements} values without an image shape, to which the images of a \
         folder cannot be cropped: put them into an npz file at their final size"
    )]
    FlatInput { elements: usize },
    /// Means or standard deviations for another number of channels.
    #[error(
        "{values} values of {statistic} for a model input of {channels} channels: give one \
         for all or one for each, as in {statistic}=0.5, or choose another preset"
    )]
    StatisticChannels { statistic: &'static str, values: usize, channels: usize },
    /// A preset that scales 0..255 on values that may be scaled already.
    #[error(
        "the images are not u8, so whether they still need scaling to 0..1 is unknown: add \
         scale=1/255 if they are 0..255, scale=1 if they are 0..1"
    )]
    ScaleUnknown,
    /// Images with other channels than the model takes.
    #[error(
        "images of {found} channels for a model input of {expected} channels: {}",
        if *expected == 1 { "convert the images to grey first" }
        else { "only grey images are expanded; check that data set and model belong together" }
    )]
    Channels { found: usize, expected: usize },
    /// Images of another size than the model takes.
    #[error(
        "images of {found} (channels x height x width) for a model input of {expected}: {remedy}"
    )]
    ImageSize { found: ImageShape, expected: ImageShape, remedy: String },
    /// A resize or crop that does not lead to the model's input.
    #[error("{item}={pixels} does not give the model input of {expected}: {remedy}")]
    Geometry { item: &'static str, pixels: u32, expected: ImageShape, remedy: String },

    /// An image that cannot be preprocessed.
    #[error("{} does not suit the model", printable(place))]
    Unsuited { place: String, source: Box<DataError> },

    /// More images asked for than there are, or none.
    #[error("{wanted} images for {purpose} out of {available} available: ask for 1 to {available}")]
    Selection { purpose: &'static str, wanted: usize, available: usize },
}

impl DataError {
    /// What would help, where the text does not say it.
    pub fn hint(&self) -> Option<Hint> {
        match self {
            &Self::FolderClassCount { classes, outputs, offset, .. } => {
                lacks_first(classes, outputs, offset).then_some(Hint::SkipBackgroundClass)
            }
            Self::LabelBeyondOutputs { .. } => Some(Hint::GiveLabelOffset),
            Self::ClassesWithoutFolders { .. } => Some(Hint::LeaveOutClasses),
            Self::RecordPreprocess { .. } | Self::SeveralPreprocess { .. } => {
                Some(Hint::LeaveOutPreprocess)
            }
            Self::Unsuited { source, .. } => source.hint(),
            _ => None,
        }
    }

    /// The error of opening or listing `path`.
    pub(super) fn open(path: &Path, source: io::Error) -> DataError {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => DataError::Missing { path },
            io::ErrorKind::IsADirectory => DataError::Directory { path },
            io::ErrorKind::NotADirectory => DataError::NotADirectory { path },
            io::ErrorKind::InvalidInput => DataError::NotRegular { path, source },
            _ => DataError::Open { path, source },
        }
    }

    /// The error of writing a temporary file.
    pub(super) fn spool(source: io::Error) -> DataError {
        DataError::Spool { directory: std::env::temp_dir(), source }
    }
}

/// Whether class folders may be all classes but a background class, the first.
fn lacks_first(classes: usize, outputs: usize, offset: i64) -> bool {
    classes + 1 == outputs && offset == 0
}

fn names(found: &[String]) -> String {
    let found: Vec<_> = found.iter().map(|name| printable(name)).collect();
    if found.is_empty() { "none".into() } else { found.join(", ") }
}
