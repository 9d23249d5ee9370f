//! What would help, in options of the command line.

use recoup::Hint;

/// What to do about an error of the library's.
pub fn text(hint: Hint) -> String {
    match hint {
        Hint::HoldOutFewer => "lower --calibration-images, or give --calibration-data".into(),
        Hint::LeaveCalibrationImages { wanted } => format!(
            "leave --calibration-images {wanted} out, or make a new calibration with recoup quantize"
        ),
        Hint::SayWhereCalibrationImagesAre => {
            "give as --calibration-data where they are now, or make a new calibration with recoup \
             quantize"
                .into()
        }
        Hint::PreprocessAlike => {
            "give the same --preprocess, or make a new calibration with recoup quantize".into()
        }
        Hint::LeaveLabels => {
            "leave the labels away, or give --no-labels, and outputs are compared with those of \
             float32 and of exact 8 bits"
                .into()
        }
        Hint::EvaluateInstead => "recoup eval compares other outputs, without labels".into(),
    }
}
