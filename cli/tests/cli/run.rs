//! Runs the command, and small data for it.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::onnx::Model;

/// The small network that the command embeds, relative to the workspace.
pub const FASHION_MODEL: &str = "zoo/assets/fashion-resnet8.onnx";
/// Its 2,000 test images.
pub const FASHION_DATA: &str = "idx:zoo/assets/fashion-test-2000-images-idx3-ubyte.gz,\
                                zoo/assets/fashion-test-2000-labels-idx1-ubyte.gz";

/// The folder of the workspace, in which the command runs.
pub fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The command, independent of the terminal and the environment of whoever runs the tests.
pub fn recoup<S: AsRef<str>>(args: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_recoup"));
    command.current_dir(workspace()).args(args.iter().map(AsRef::as_ref)).env("COLUMNS", "100");
    for variable in ["RUST_BACKTRACE", "CLICOLOR_FORCE", "RAYON_NUM_THREADS"] {
        command.env_remove(variable);
    }
    command
}

/// `explore` of the small network on its first `images`, calibrated on few, and `more`.
pub fn explore<'a>(images: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let args = [
        "explore",
        FASHION_MODEL,
        "--data",
        FASHION_DATA,
        "--preprocess",
        "fashion-mnist",
        "--calibration-images",
        "8",
        "--images",
        images,
    ];
    [&args, more].concat()
}

/// Standard output of a run that succeeds.
pub fn stdout<S: AsRef<str>>(args: &[S]) -> String {
    let output = recoup(args).output().unwrap();
    let (stdout, stderr) = text(&output);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    stdout
}

/// Standard output of a run that succeeds, which is one JSON object.
pub fn json<S: AsRef<str>>(args: &[S]) -> Value {
    serde_json::from_str(&stdout(args)).unwrap()
}

/// Asserts that the command refuses `args`: exit code 2, nothing on standard output, every one of
/// `expected` on standard error, and the files in `folder` as they were.
pub fn assert_refused<S: AsRef<str>>(folder: &Path, args: &[S], expected: &[&str]) {
    let before = files(folder);
    let output = recoup(args).env("TMPDIR", folder).output().unwrap();
    let (stdout, stderr) = text(&output);
    assert_eq!(output.status.code(), Some(2), "{stdout}{stderr}");
    assert_eq!(stdout, "");
    assert!(!stderr.contains("panicked"), "{stderr}");
    // Clap and the messages themselves break lines; what they say does not depend on it.
    let words: Vec<_> = stderr.split_whitespace().collect();
    let stderr = words.join(" ");
    for part in expected {
        assert!(stderr.contains(part), "no \"{part}\" in: {stderr}");
    }
    assert_eq!(files(folder), before);
}

/// All files and folders below `folder`, with the length of each, in order.
pub fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            match metadata.is_dir() {
                true => folders.push(entry.path()),
                false => found.push((entry.path(), metadata.len())),
            }
        }
    }
    found.sort();
    found
}

/// What a run wrote.
pub fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

/// A temporary folder with a model of 4 inputs and 10 classes and 20 images for it.
pub struct Tiny {
    pub folder: TempDir,
}

impl Tiny {
    pub fn new() -> Self {
        let tiny = Self { folder: TempDir::new().unwrap() };
        tiny.write("model.onnx", &Model::default().bytes());
        let labels: Vec<i64> = (0..20).map(|index| index % 10).collect();
        tiny.write("data.npz", &npz(4, &labels));
        tiny
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The path of a file in the folder.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Writes a file into the folder and gives its path.
    pub fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    /// `eval` on the model and the images, 4 of them for calibration, and `more`.
    pub fn eval(&self, more: &[&str]) -> Vec<String> {
        let data = format!("npz:{}", self.path("data.npz"));
        self.eval_on(&self.path("model.onnx"), &data, more)
    }

    /// `explore` on the model and the images, and `more`.
    pub fn explore(&self, more: &[&str]) -> Vec<String> {
        let data = format!("npz:{}", self.path("data.npz"));
        let model = self.path("model.onnx");
        let args = ["explore", &model, "--data", &data, "--calibration-images", "4"];
        args.iter().chain(more).map(|arg| arg.to_string()).collect()
    }

    /// `eval` on another model or other images.
    pub fn eval_on(&self, model: &str, data: &str, more: &[&str]) -> Vec<String> {
        let args = ["eval", model, "--data", data, "--calibration-images", "4"];
        args.iter().chain(more).map(|arg| arg.to_string()).collect()
    }

    /// Asserts that `eval` with `more` is refused and leaves no file.
    pub fn assert_eval_refused(&self, more: &[&str], expected: &[&str]) {
        assert_refused(self.folder(), &self.eval(more), expected);
    }
}

/// An archive as numpy.savez writes it: as many rows of `features` pixels as there are labels.
pub fn npz(features: usize, labels: &[i64]) -> Vec<u8> {
    npz_of(&[features], labels, &["x.npy", "y.npy"])
}

/// The same of images of any shape.
pub fn npz_images(image: &[usize], labels: &[i64]) -> Vec<u8> {
    npz_of(image, labels, &["x.npy", "y.npy"])
}

/// The same without labels.
pub fn npz_unlabelled(features: usize, images: usize) -> Vec<u8> {
    npz_of(&[features], &vec![0; images], &["x.npy"])
}

fn npz_of(image: &[usize], labels: &[i64], members: &[&str]) -> Vec<u8> {
    let elements = labels.len() * image.iter().product::<usize>();
    let pixels: Vec<u8> = (0..elements).map(|i| (i * 37 % 256) as u8).collect();
    let sizes = image.iter().map(|size| format!("{size},")).collect::<String>();
    let labels_le: Vec<u8> = labels.iter().flat_map(|label| label.to_le_bytes()).collect();
    let arrays = [
        ("x.npy", npy("|u1", &format!("({}, {sizes})", labels.len()), &pixels)),
        ("y.npy", npy("<i8", &format!("({},)", labels.len()), &labels_le)),
    ];
    let members: Vec<_> = arrays.into_iter().filter(|(name, _)| members.contains(name)).collect();
    archive(&members)
}

/// A zip of .npy files.
pub fn archive(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A .npy file of 32-bit floats.
pub fn npy_floats(shape: &[usize], values: &[f32]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
    let elements: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    npy("<f4", &format!("({sizes})"), &elements)
}

/// A version 1.0 .npy file.
pub fn npy(descr: &str, shape: &str, elements: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    // 10 bytes before it and the elements after it at a multiple of 64.
    let header = format!("{header:117}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.into_bytes());
    bytes.extend(elements);
    bytes
}

/// A PNG of grey pixels.
pub fn grey_png(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    bytes
}
