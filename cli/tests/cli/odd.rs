//! Models of several inputs and outputs (reference/odd) with what ONNX Runtime makes of them.

use serde_json::Value;

use crate::run::{Tiny, archive, npy_floats, workspace};

/// A model with its two samples.
pub struct Odd {
    pub tiny: Tiny,
    pub model: String,
    pub inputs: Vec<Tensor>,
    pub outputs: Vec<Tensor>,
}

/// A tensor of two samples.
pub struct Tensor {
    pub name: String,
    /// The batch included, which is 2.
    pub shape: Vec<usize>,
    pub data: Vec<f32>,
}

impl Tensor {
    fn of(value: &Value) -> Self {
        let list = |key: &str| value[key].as_array().unwrap();
        Self {
            name: value["name"].as_str().unwrap().into(),
            shape: list("shape").iter().map(|size| size.as_u64().unwrap() as usize).collect(),
            data: list("data").iter().map(|number| number.as_f64().unwrap() as f32).collect(),
        }
    }

    /// The elements of one sample.
    pub fn sample(&self, index: usize) -> &[f32] {
        &self.data[index * self.data.len() / 2..][..self.data.len() / 2]
    }
}

impl Odd {
    pub fn new(name: &str) -> Self {
        let path = workspace().join("reference/odd").join(name);
        let text = std::fs::read_to_string(path.with_extension("json")).unwrap();
        let vectors: Value = serde_json::from_str(&text).unwrap();
        let others = vectors["other_inputs"].as_array().into_iter().flatten();
        let inputs: Vec<_> =
            [&vectors["input"]].into_iter().chain(others).map(Tensor::of).collect();
        let outputs = vectors["outputs"].as_array().unwrap().iter().map(Tensor::of).collect();
        let model = path.with_extension("onnx").display().to_string();
        Self { tiny: Tiny::new(), model, inputs, outputs }
    }

    /// All elements of a sample's inputs.
    pub fn sample(&self, index: usize) -> Vec<f32> {
        self.inputs.iter().flat_map(|input| input.sample(index)).copied().collect()
    }

    /// Writes samples, by their numbers, as arrays by the names of the inputs, and `more` arrays.
    pub fn data(&self, file: &str, samples: &[usize], more: &[(&str, Vec<u8>)]) -> String {
        let array = |input: &Tensor| {
            let data: Vec<f32> =
                samples.iter().flat_map(|&index| input.sample(index)).copied().collect();
            let shape = [&[samples.len()], &input.shape[1..]].concat();
            (format!("{}.npy", input.name), npy_floats(&shape, &data))
        };
        let arrays: Vec<_> = self.inputs.iter().map(array).collect();
        let arrays = arrays.iter().map(|(name, bytes)| (name.as_str(), bytes.clone()));
        let members: Vec<_> = arrays.chain(more.iter().cloned()).collect();
        format!("npz:{}", self.tiny.write(file, &archive(&members)))
    }

    /// `command` on both samples, calibrated on both: in another order, so that they are not
    /// recognised, and evaluated nevertheless.
    pub fn args(&self, command: &str, more: &[&str]) -> Vec<String> {
        let data = self.data("data.npz", &[0, 1], &[]);
        self.args_on(command, &data, more)
    }

    /// The same on other data.
    pub fn args_on(&self, command: &str, data: &str, more: &[&str]) -> Vec<String> {
        let calibration = self.data("calibration.npz", &[1, 0], &[]);
        let args = [command, &self.model, "--data", data, "--calibration-data", &calibration];
        let method = ["--calibration-method", "min-max"];
        args.iter().chain(&method).chain(more).map(|arg| arg.to_string()).collect()
    }
}
