//! Deep neural networks on approximate multipliers, with the accuracy recovered by a control
//! variate.
//!
//! ```no_run
#![doc = include_str!("../examples/evaluate.rs")]
//! ```
//!
//! A [`Session`] is a model with its images: it holds some out, calibrates on them, and evaluates
//! designs on the others, each beside the float32 network and exact products of 8-bit codes. The
//! work below is done by [`recoup_core`], the search for a design by [`recoup_explore`].

mod error;
mod evaluate;
mod record;
mod session;

pub use error::{Error, ErrorKind, Hint, Result};
pub use evaluate::{EvaluateOptions, ExactNode, Results, candidates, with_reference};
pub use record::{CostRecord, Record, Row, costs};
pub use recoup_circuits::{Operands, ProductTable};
pub use recoup_core::accuracy::Configuration;
pub use recoup_core::data::{DataSpec, Dataset, MemoryArray, Pixels, Preprocess};
pub use recoup_core::multiplier::Multiplier;
pub use recoup_core::watch::{Unwatched, Watch};
pub use session::{Data, Labels, Session, SessionOptions, read_inputs};
