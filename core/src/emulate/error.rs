//! Why a network does not run.

use recoup_kernels::KernelError;

use crate::model::SampleError;
use crate::multiplier::MultiplierError;
use crate::watch::Stopped;

/// Why a network does not run.
#[derive(Debug, thiserror::Error)]
pub enum EmulateError {
    /// A kernel refused a layer.
    #[error("a layer cannot be run: {0}")]
    Kernel(#[from] KernelError),
    /// The multiplier is for another coding of the weights.
    #[error(transparent)]
    Multiplier(#[from] MultiplierError),
    /// See [`Stopped`].
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// See [`SampleError`].
    #[error(transparent)]
    Sample(#[from] SampleError),
}
