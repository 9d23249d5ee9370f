//! What can be wrong with a model file.

use std::path::PathBuf;

use super::check::Problem;
use super::check::text::{plain, shown};
use crate::hint::Hint;

/// A model that cannot be used, with the file it came from.
#[derive(Debug, thiserror::Error)]
#[error("{}: {kind}", path.display())]
pub struct ModelError {
    /// The ONNX file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: ModelErrorKind,
}

/// The ways in which a model can be unusable.
#[derive(Debug, thiserror::Error)]
pub enum ModelErrorKind {
    /// The file cannot be opened or read.
    #[error("cannot be read ({0}); give the path of an ONNX model")]
    Read(std::io::Error),
    /// The bytes are no ONNX protobuf.
    #[error(
        "is not an ONNX model, or is truncated ({0}); expected a protobuf as written by torch.onnx.export or onnx.save"
    )]
    NotOnnx(String),
    /// Weights lie in another file, which is missing or too short.
    #[error(
        "tensor \"{tensor}\": its data is kept outside the model, in {file}, which {problem}; put that file beside the model"
    )]
    ExternalData {
        /// The tensor.
        tensor: String,
        /// Where its data should be.
        file: String,
        /// What is wrong with that file.
        problem: String,
    },
    /// The graph's inputs or outputs are not one image in, one score vector out.
    #[error("{0}")]
    Signature(String),
    /// A dimension of the input that nothing fixes.
    #[error("input \"{input}\" has the shape {shape}, of which dimension {axis} is not fixed")]
    DynamicShape {
        /// The graph input.
        input: String,
        /// Its shape as the file gives it.
        shape: String,
        /// The first unknown axis after the batch.
        axis: usize,
    },
    /// An operator or pattern that Recoup cannot run.
    #[error("node \"{node}\" ({operator}): {reason}")]
    Node {
        /// The node's name.
        node: String,
        /// Its ONNX operator.
        operator: String,
        /// What does not work, and what to do.
        reason: String,
    },
}

impl ModelError {
    /// What would help.
    pub fn hint(&self) -> Option<Hint> {
        matches!(self.kind, ModelErrorKind::DynamicShape { .. }).then_some(Hint::GiveInputShape)
    }
}

impl From<Problem> for ModelErrorKind {
    fn from(Problem { node, reason }: Problem) -> Self {
        match node {
            Some((node, operator)) => ModelErrorKind::Node { node, operator, reason },
            None => ModelErrorKind::Signature(reason),
        }
    }
}

impl ModelErrorKind {
    /// A [`ModelErrorKind::Node`]; what comes from the file is made fit to be printed.
    pub(crate) fn node(node: &str, operator: &str, reason: impl Into<String>) -> Self {
        ModelErrorKind::Node {
            node: shown(node),
            operator: shown(operator),
            reason: plain(&reason.into()),
        }
    }
}

/// A sample that the model does not take.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// Values that an operator in float does not take, such as an index beyond its table.
    #[error("its values are none that the model takes ({0})")]
    Values(String),
    /// Another size than that of all inputs together.
    #[error("it has {found} elements, where the model's inputs have {expected} together")]
    Elements {
        /// How many it has.
        found: usize,
        /// How many the inputs have.
        expected: usize,
    },
}

impl SampleError {
    /// That a sample has as many elements as all inputs together.
    pub(crate) fn check(found: usize, expected: usize) -> Result<(), Self> {
        if found == expected { Ok(()) } else { Err(Self::Elements { found, expected }) }
    }

    /// What would help, where the text does not say it.
    pub fn hint(&self) -> Option<Hint> {
        matches!(self, Self::Values(_)).then_some(Hint::CheckData)
    }
}
