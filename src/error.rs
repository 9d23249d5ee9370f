//! What can go wrong, and what would help.

use std::fmt;

use recoup_core::accuracy::{EvaluateError, ExperimentError};
use recoup_core::control_variate::ControlVariateError;
use recoup_core::data::DataError;
use recoup_core::design::DesignTextError;
use recoup_core::emulate::EmulateError;
pub use recoup_core::hint::Hint;
use recoup_core::model::{ModelError, SampleError};
use recoup_core::multiplier::{ImportError, MultiplierError};
use recoup_core::quantize::CalibrationError;
use recoup_core::watch::Stopped;
use recoup_explore::merge::MergeError;
use recoup_explore::runner::{RunnerError, UnknownPiece};
use recoup_explore::sequential::LimitError;
use recoup_explore::shard::ShardError;
use recoup_explore::store::StoreError;
use recoup_hardware::cells::CellError;
use recoup_hardware::measure::MeasureError;
use recoup_hardware::rtl::{FolderError, RtlError};
use recoup_hardware::simulate::SimulateError;
use recoup_hardware::synthesis::SynthesisError;

/// The result of a call that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The ONNX file.
    Model,
    /// The images, or other records, or their labels.
    Data,
    /// The calibration: its file, or what the images make of the network.
    Calibration,
    /// A multiplier.
    Multiplier,
    /// A control variate that the multiplier does not have.
    ControlVariate,
    /// A network that cannot be emulated on its multiplier.
    Emulation,
    /// The file that results are kept in.
    Results,
    /// What was asked for: the text of a design, or a limit.
    Request,
    /// An array that cannot be, its cells, or a tool that makes it of them.
    Hardware,
    /// Nothing: the caller stopped the work.
    Stopped,
}

/// An error of any kind. Its text names files, nodes and places.
#[derive(Debug)]
pub struct Error {
    /// What it happened to, or what it means.
    context: Option<String>,
    cause: Box<dyn std::error::Error + Send + Sync>,
    kind: ErrorKind,
    hint: Option<Hint>,
}

impl Error {
    pub(crate) fn new(
        kind: ErrorKind,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { context: None, cause: cause.into(), kind, hint: None }
    }

    pub(crate) fn with_hint(self, hint: Hint) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// The same error, of what it happened to or with what it means.
    pub(crate) fn of(self, context: impl Into<String>) -> Self {
        Self { context: Some(context.into()), ..self }
    }

    /// What is at fault.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What would help, where the text does not say it.
    pub fn hint(&self) -> Option<Hint> {
        self.hint.or_else(|| hint(&*self.cause))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(context) = &self.context {
            write!(formatter, "{context}: ")?;
        }
        self.cause.fmt(formatter)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.source()
    }
}

/// What would help against an error of the library's, where its text does not say it.
pub fn hint(error: &(dyn std::error::Error + 'static)) -> Option<Hint> {
    let own = error.downcast_ref().and_then(Error::hint);
    own.or_else(|| error.downcast_ref().and_then(ModelError::hint))
        .or_else(|| error.downcast_ref().and_then(DataError::hint))
        .or_else(|| error.downcast_ref().and_then(CalibrationError::hint))
        .or_else(|| error.downcast_ref().and_then(MultiplierError::hint))
        .or_else(|| error.downcast_ref().and_then(ExperimentError::hint))
        .or_else(|| error.downcast_ref().and_then(EvaluateError::hint))
        .or_else(|| error.downcast_ref().and_then(SampleError::hint))
        .or_else(|| error.downcast_ref().and_then(RtlError::hint))
        .or_else(|| error.downcast_ref().and_then(FolderError::hint))
        .or_else(|| error.downcast_ref().and_then(MeasureError::hint))
}

impl From<ModelError> for Error {
    fn from(error: ModelError) -> Self {
        Self::new(ErrorKind::Model, error)
    }
}

impl From<DataError> for Error {
    fn from(error: DataError) -> Self {
        Self::new(ErrorKind::Data, error)
    }
}

impl From<MultiplierError> for Error {
    fn from(error: MultiplierError) -> Self {
        Self::new(ErrorKind::Multiplier, error)
    }
}

impl From<ImportError> for Error {
    fn from(error: ImportError) -> Self {
        Self::new(ErrorKind::Multiplier, error)
    }
}

impl From<ControlVariateError> for Error {
    fn from(error: ControlVariateError) -> Self {
        Self::new(ErrorKind::ControlVariate, error)
    }
}

impl From<Stopped> for Error {
    fn from(error: Stopped) -> Self {
        Self::new(ErrorKind::Stopped, error)
    }
}

impl From<CalibrationError> for Error {
    fn from(error: CalibrationError) -> Self {
        match error {
            CalibrationError::Stopped(stopped) => stopped.into(),
            CalibrationError::Image(_) => Self::new(ErrorKind::Data, error),
            _ => Self::new(ErrorKind::Calibration, error),
        }
    }
}

impl From<ExperimentError> for Error {
    fn from(error: ExperimentError) -> Self {
        match error {
            ExperimentError::Model(error) => error.into(),
            ExperimentError::Calibration(error) => error.into(),
            ExperimentError::ControlVariate(error) => error.into(),
            ExperimentError::Multiplier(error) => error.into(),
            ExperimentError::Emulate(error) => error.into(),
        }
    }
}

impl From<EmulateError> for Error {
    fn from(error: EmulateError) -> Self {
        match error {
            EmulateError::Stopped(stopped) => stopped.into(),
            EmulateError::Sample(error) => error.into(),
            EmulateError::Multiplier(error) => error.into(),
            _ => Self::new(ErrorKind::Emulation, error),
        }
    }
}

impl From<EvaluateError> for Error {
    fn from(error: EvaluateError) -> Self {
        match error {
            EvaluateError::Data(error) => error.into(),
            EvaluateError::Stopped(error) => error.into(),
            EvaluateError::Experiment(error) => error.into(),
            EvaluateError::NoScores => Self::new(ErrorKind::Model, error),
            EvaluateError::NoCandidate => Self::new(ErrorKind::Emulation, error),
            EvaluateError::Image { .. } | EvaluateError::Outputs(_) => {
                Self::new(ErrorKind::Data, error)
            }
        }
    }
}

impl From<DesignTextError> for Error {
    fn from(error: DesignTextError) -> Self {
        Self::new(ErrorKind::Request, error)
    }
}

impl From<LimitError> for Error {
    fn from(error: LimitError) -> Self {
        Self::new(ErrorKind::Request, error)
    }
}

impl From<SampleError> for Error {
    fn from(error: SampleError) -> Self {
        Self::new(ErrorKind::Data, error)
    }
}

impl From<RtlError> for Error {
    fn from(error: RtlError) -> Self {
        match error {
            RtlError::Multiplier(error) => error.into(),
            RtlError::Sample(error) => error.into(),
            _ => Self::new(ErrorKind::Hardware, error),
        }
    }
}

impl From<FolderError> for Error {
    fn from(error: FolderError) -> Self {
        Self::new(ErrorKind::Hardware, error)
    }
}

impl From<CellError> for Error {
    fn from(error: CellError) -> Self {
        Self::new(ErrorKind::Hardware, error)
    }
}

impl From<SynthesisError> for Error {
    fn from(error: SynthesisError) -> Self {
        match error {
            SynthesisError::Stopped(stopped) => stopped.into(),
            _ => Self::new(ErrorKind::Hardware, error),
        }
    }
}

impl From<SimulateError> for Error {
    fn from(error: SimulateError) -> Self {
        Self::new(ErrorKind::Hardware, error)
    }
}

impl From<MeasureError> for Error {
    fn from(error: MeasureError) -> Self {
        match error {
            MeasureError::Rtl(error) => error.into(),
            MeasureError::ControlVariate(error) => error.into(),
            MeasureError::Synthesis(error) => error.into(),
            MeasureError::Simulate(error) => error.into(),
            MeasureError::Stopped(stopped) => stopped.into(),
            MeasureError::Slow { .. } => Self::new(ErrorKind::Hardware, error),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::new(ErrorKind::Results, error)
    }
}

impl From<MergeError> for Error {
    fn from(error: MergeError) -> Self {
        match error {
            MergeError::Store(error) => error.into(),
            MergeError::Stopped(stopped) => stopped.into(),
            _ => Self::new(ErrorKind::Results, error),
        }
    }
}

impl From<ShardError> for Error {
    fn from(error: ShardError) -> Self {
        Self::new(ErrorKind::Request, error)
    }
}

impl From<UnknownPiece> for Error {
    fn from(error: UnknownPiece) -> Self {
        Self::new(ErrorKind::Request, error)
    }
}

impl From<RunnerError> for Error {
    fn from(error: RunnerError) -> Self {
        match error {
            RunnerError::Store(error) => error.into(),
            RunnerError::Reference(_) => Self::new(ErrorKind::Emulation, error),
        }
    }
}
