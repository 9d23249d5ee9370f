//! From a record of a data set to a sample of a model: the elements of all its inputs.

use super::{DataError, Dataset, Preprocess, Preprocessor};

/// Up to here 32-bit floats, in which samples are kept, tell whole numbers apart; the next one is
/// also what its neighbour is rounded to.
const WHOLE_LIMIT: f32 = 16_777_215.0;

/// An input of a model, as far as data must suit it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputTensor {
    /// Its name, which is that of its array.
    pub name: String,
    /// Its shape, batch (1) included.
    pub shape: Vec<usize>,
    /// Whether it takes whole numbers only.
    pub integer: bool,
}

impl InputTensor {
    fn volume(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Reads the samples of a model with one input or several.
#[derive(Clone, Debug)]
pub struct Sampler {
    inputs: Vec<InputTensor>,
    /// Of the only input; several take the arrays of their names as they are.
    preprocessor: Option<Preprocessor>,
}

impl Sampler {
    /// Binds a data set, opened by [`Dataset::open_inputs`] where there are several inputs, to a
    /// model.
    ///
    /// # Errors
    /// When the data cannot be the inputs, as far as can be said without reading a record.
    pub fn new(
        dataset: &Dataset,
        preprocess: &Preprocess,
        inputs: Vec<InputTensor>,
    ) -> Result<Self, DataError> {
        if let [input] = &inputs[..] {
            let preprocessor =
                dataset.preprocessor(preprocess, input.shape.get(1..).unwrap_or_default())?;
            return Ok(Self { preprocessor: Some(preprocessor), inputs });
        }
        let arrays = dataset.arrays();
        if arrays.len() != inputs.len() {
            let name = dataset.name().to_owned();
            return Err(DataError::SeveralInputs { name, inputs: inputs.len() });
        }
        if *preprocess != Preprocess::default() {
            return Err(DataError::SeveralPreprocess { inputs: inputs.len() });
        }
        for (array, input) in arrays.iter().zip(&inputs) {
            // The batch, and a scalar that was given an axis, change nothing about the elements.
            if without_leading_ones(&array.shape) != without_leading_ones(&input.shape) {
                let expected = match &input.shape[..] {
                    [1, rest @ ..] => rest,
                    shape => shape,
                };
                return Err(DataError::RecordShape {
                    array: array.name.clone(),
                    found: array.shape.clone(),
                    expected: expected.to_vec(),
                });
            }
        }
        Ok(Self { inputs, preprocessor: None })
    }

    /// Number of values of a sample.
    pub fn elements(&self) -> usize {
        self.inputs.iter().map(InputTensor::volume).sum()
    }

    /// Reads one sample of the data set that the sampler is bound to.
    ///
    /// # Errors
    /// When the record cannot be read, or does not suit an input.
    ///
    /// # Panics
    /// If `index` is not below [`Dataset::len`].
    pub fn read(&self, dataset: &Dataset, index: usize) -> Result<Vec<f32>, DataError> {
        let sample = match &self.preprocessor {
            Some(preprocessor) => {
                let mut sample = vec![0.0; preprocessor.elements()];
                dataset.read_input(index, preprocessor, &mut sample)?;
                sample
            }
            None => {
                let arrays = (0..self.inputs.len()).map(|array| dataset.read_array(index, array));
                arrays.collect::<Result<Vec<_>, _>>()?.concat()
            }
        };
        let mut rest = &sample[..];
        for input in &self.inputs {
            let (own, others) = rest.split_at(input.volume());
            rest = others;
            let is_whole = |value: f32| value.fract() == 0.0 && value.abs() <= WHOLE_LIMIT;
            let other = own.iter().position(|&value| input.integer && !is_whole(value));
            if let Some(element) = other {
                return Err(DataError::NotWhole {
                    name: dataset.name().to_owned(),
                    index,
                    input: input.name.clone(),
                    element,
                    value: own[element],
                    limit: WHOLE_LIMIT,
                });
            }
        }
        Ok(sample)
    }
}

fn without_leading_ones(shape: &[usize]) -> &[usize] {
    &shape[shape.iter().take_while(|&&extent| extent == 1).count()..]
}

#[cfg(test)]
mod tests;
