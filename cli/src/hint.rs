//! What would help, in options of the command line.

use std::error::Error;

use recoup::Hint;
use recoup_core::quantize::WeightScheme;
use recoup_explore::measured::MeasurementsError;
use recoup_hardware::rtl::RtlError;

/// What to do about an error, where its text does not say it.
pub fn of(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<MeasurementsError>() {
        return Some(measure(error));
    }
    let hint = match error.downcast_ref::<RtlError>() {
        Some(RtlError::Multiplier(error)) => error.hint(),
        Some(RtlError::Sample(error)) => error.hint(),
        _ => recoup::hint(error),
    };
    hint.map(text)
}

fn text(hint: Hint) -> String {
    match hint {
        Hint::GiveInputShape => {
            "pass --input-shape (for example 3x32x32), or export the model with a fixed image size \
             (the batch may stay dynamic)"
                .into()
        }
        Hint::CheckData => "check the data and --preprocess".into(),
        Hint::CheckWeights => "check --preprocess and the model's weights".into(),
        Hint::LeaveOutPreprocess => "leave --preprocess out".into(),
        Hint::SkipBackgroundClass => {
            "if the first output is a background class, give --label-offset 1".into()
        }
        Hint::GiveLabelOffset => "--label-offset shifts the labels".into(),
        Hint::LeaveOutClasses => "leave --classes out".into(),
        Hint::ChooseWeights(coding) => {
            let schemes = WeightScheme::ALL.iter().filter(|scheme| scheme.coding() == coding);
            let names: Vec<String> = schemes.map(ToString::to_string).collect();
            format!("give --weights {}", names.join(" or "))
        }
        Hint::Calibrate => "make a new calibration with recoup quantize".into(),
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

/// How the measurements are made that a network lacks.
fn measure(error: &MeasurementsError) -> String {
    let (model, array) = match error {
        MeasurementsError::File { networks, .. } => (&networks[0].0, None),
        MeasurementsError::Network { model, .. } => (model, None),
        MeasurementsError::Exact { model, rows, columns, .. } => (model, Some((rows, columns))),
    };
    let design =
        array.map(|(rows, columns)| format!(" --multiplier exact --array {rows}x{columns}"));
    format!("measure one with recoup power --model {model}{} --json", design.unwrap_or_default())
}
