//! What would help against an error, for a caller to say in its own words.

use recoup_kernels::WeightCoding;

/// What would help: a command line names its options, a library its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// Give the shape of the input, or fix it in the model.
    GiveInputShape,
    /// Check the data, and how it is preprocessed.
    CheckData,
    /// Check how images are preprocessed, and the model's weights.
    CheckWeights,
    /// Take records as they are, without preprocessing.
    LeaveOutPreprocess,
    /// Shift the labels by one, if the first output is a background class.
    SkipBackgroundClass,
    /// Shift the labels, if model and data count classes from different numbers.
    GiveLabelOffset,
    /// Give no order of classes.
    LeaveOutClasses,
    /// Code weights in this way.
    ChooseWeights(WeightCoding),
    /// Make a new calibration.
    Calibrate,
    /// Calibrate the network, before it is run.
    CalibrateFirst,
    /// Hold fewer images out, or calibrate on images of another source.
    HoldOutFewer,
    /// Leave the number of calibration images to the file, or make the file again.
    LeaveCalibrationImages {
        /// The number that was asked for.
        wanted: usize,
    },
    /// Say where the images of a calibration are now, or make it again.
    SayWhereCalibrationImagesAre,
    /// Preprocess as the calibration did, or make it again.
    PreprocessAlike,
    /// Take the data without its labels: outputs are then compared with those of the references.
    LeaveLabels,
    /// Evaluate designs, which compares any outputs, instead of exploring.
    EvaluateInstead,
    /// Choose other rows and columns of an array.
    ChooseArray,
    /// Leave zero gating out.
    LeaveOutZeroGating,
    /// Leave zero gating out, or the sums of x in every PE.
    LeaveOutZeroGatingOrXInPe,
    /// Fit a control variate of one function.
    FitOneTerm,
    /// Give a clock of a longer period.
    GiveSlowerClock,
    /// Write an array as SystemVerilog first.
    WriteArray,
    /// Name the module to synthesise.
    NameModule,
}
