//! What would help, in options of the command line.

use std::error::Error;

use recoup::Hint;
use recoup_core::quantize::WeightScheme;
use recoup_explore::measured::MeasurementsError;
use recoup_hardware::cost_table::CostError;
use recoup_hardware::inference::MeasuredError;

/// What to do about an error, where its text does not say it.
pub fn of(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<MeasurementsError>() {
        return Some(measure(error));
    }
    if let Some(CostError::Format { .. }) = error.downcast_ref() {
        return Some("make one with recoup hardware measure".into());
    }
    if error.is::<MeasuredError>() {
        return Some("make them with recoup power --json for this network".into());
    }
    recoup::hint(error).map(text)
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
        Hint::Calibrate | Hint::CalibrateFirst => {
            "make a new calibration with recoup quantize".into()
        }
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
        Hint::ChooseArray => "give one such as --array 16x16".into(),
        Hint::LeaveOutZeroGating => "leave --zero-gating out".into(),
        Hint::LeaveOutZeroGatingOrXInPe => "leave --zero-gating or --x-in-pe out".into(),
        Hint::FitOneTerm => "use --control-variate-terms 1".into(),
        Hint::GiveSlowerClock => "give a slower one with --clock-ps".into(),
        Hint::WriteArray => "recoup rtl writes them".into(),
        Hint::NameModule => "give one of them as --top".into(),
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

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use recoup_core::watch::Stopped;
    use recoup_hardware::cost_table::CostTable;
    use recoup_hardware::inference::Measurements;
    use recoup_hardware::measure::MeasureError;
    use recoup_hardware::rtl::RtlError;

    use super::*;

    /// As the program reports it, whatever was said around it.
    fn hint(error: impl std::error::Error + Send + Sync + 'static) -> Option<String> {
        let error = Err::<(), _>(error).context("array.json").unwrap_err();
        error.chain().find_map(of)
    }

    #[test]
    fn errors_of_the_hardware_get_options() {
        let size = || RtlError::Size { rows: 0, columns: 1, problem: String::new() };
        let gating = RtlError::ZeroGating { multiplier: String::new(), weight: 0, product: 1 };
        let slow = MeasureError::Slow { design: String::new(), fastest_ps: 2.0, clock_ps: 1.0 };
        for (found, expected) in [
            (hint(size()), "--array 16x16"),
            (hint(MeasureError::Rtl(size())), "--array 16x16"),
            (hint(gating), "leave --zero-gating out"),
            (hint(RtlError::ZeroGatedX(1)), "leave --zero-gating or --x-in-pe out"),
            (hint(RtlError::Terms(2)), "use --control-variate-terms 1"),
            (hint(slow), "give a slower one with --clock-ps"),
            (hint(CostTable::parse("a", "3").unwrap_err()), "recoup hardware measure"),
            (hint(Measurements::parse("a", "3").unwrap_err()), "recoup power --json"),
        ] {
            assert!(found.as_ref().is_some_and(|it| it.contains(expected)), "{found:?}");
        }
        assert_eq!(hint(RtlError::Depth { depth: 0, most: 1 }), None);
        assert_eq!(hint(MeasureError::Stopped(Stopped)), None);
    }
}
