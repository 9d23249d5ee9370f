//! What can be wrong with an array.

use recoup_circuits::netlist::NetlistError;
use recoup_core::hint::Hint;
use recoup_core::model::SampleError;

/// Why there is no hardware for a request.
#[derive(Debug, thiserror::Error)]
pub enum RtlError {
    /// Not a usable number of rows or columns.
    #[error("an array of {rows}x{columns} PEs: {problem}; expected 1x1 to 256x256")]
    Size {
        /// Rows asked for.
        rows: usize,
        /// Columns asked for.
        columns: usize,
        /// What is wrong with them.
        problem: String,
    },
    /// PEs that do not divide the array.
    #[error("{number} {what} in {size} {of}: expected 1, 2, 4 or 8 that divide the {of}")]
    Share {
        /// What there are so many of.
        what: &'static str,
        /// How many.
        number: usize,
        /// What they have to divide.
        of: &'static str,
        /// How many there are of these.
        size: usize,
    },
    /// Not a usable number of products per output.
    #[error(
        "{depth} products per output: a 32-bit accumulator holds 1 to {most}; give a layer in between"
    )]
    Depth {
        /// Products asked for.
        depth: usize,
        /// The most that fit.
        most: usize,
    },
    /// Sums that are too wide.
    #[error(
        "the {sum} needs {bits} bits, and {most} are the most; constants of the control variate of this size mean nothing"
    )]
    Width {
        /// Which sum.
        sum: &'static str,
        /// Its width.
        bits: usize,
        /// The widest that there is.
        most: usize,
    },
    /// Constants are to be made, and no layer has any that can be.
    #[error(
        "no constants to make while the array is loaded: no product of two activations runs on it \
         with a control variate"
    )]
    NothingLoaded,
    /// Zero gating changes results.
    #[error(
        "zero gating skips products with the activation code 0, but {multiplier} gives {product} for weight byte {weight} and activation 0"
    )]
    ZeroGating {
        /// The multiplier.
        multiplier: String,
        /// A weight at which it is not 0.
        weight: u8,
        /// What it is there.
        product: i32,
    },
    /// Zero gating would skip a function value.
    #[error("zero gating in PEs that sum x skips activation code 0, but x(0) is {0}")]
    ZeroGatedX(u16),
    /// More than one function x.
    #[error("a control variate of {0} functions: the array has one x line")]
    Terms(usize),
    /// A table that is no 16-bit circuit.
    #[error(transparent)]
    Netlist(#[from] NetlistError),
    /// The multiplier is for the other weight coding.
    #[error(transparent)]
    Multiplier(#[from] recoup_core::multiplier::MultiplierError),
    /// Stimuli that do not fit the array.
    #[error("vectors for the testbench: {found}; expected {expected}")]
    Vectors {
        /// What they are.
        found: String,
        /// What the array takes.
        expected: String,
    },
    /// No such layer.
    #[error("no layer \"{name}\" runs on the multipliers; these do: {layers}")]
    Layer {
        /// What was asked for.
        name: String,
        /// What there is.
        layers: String,
    },
    /// See [`SampleError`].
    #[error(transparent)]
    Sample(#[from] SampleError),
}

impl RtlError {
    /// What would help, where the text does not say it.
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::Multiplier(error) => error.hint(),
            Self::Sample(error) => error.hint(),
            Self::Size { .. } => Some(Hint::ChooseArray),
            Self::ZeroGating { .. } => Some(Hint::LeaveOutZeroGating),
            Self::ZeroGatedX(_) => Some(Hint::LeaveOutZeroGatingOrXInPe),
            Self::Terms(_) => Some(Hint::FitOneTerm),
            _ => None,
        }
    }
}
