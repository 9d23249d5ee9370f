//! What would help, in options of the command line.

use recoup::Hint;
use recoup_hardware::cost_table::CostError;
use recoup_hardware::inference::MeasuredError;
use recoup_hardware::measure::MeasureError;
use recoup_hardware::rtl::RtlError;

/// What to do about an error; none where its text says all.
pub fn of(error: &anyhow::Error) -> Option<String> {
    if let Some(error) = error.downcast_ref::<recoup::Error>() {
        return error.hint().map(text);
    }
    let hint = if let Some(error) = error.downcast_ref::<RtlError>() {
        of_rtl(error)?
    } else if let Some(error) = error.downcast_ref::<MeasureError>() {
        match error {
            MeasureError::Rtl(error) => of_rtl(error)?,
            MeasureError::Slow { .. } => "give a slower one with --clock-ps",
            _ => return None,
        }
    } else if let Some(CostError::Format { .. }) = error.downcast_ref() {
        "make one with recoup hardware measure"
    } else if error.is::<MeasuredError>() {
        "make them with recoup power --json for this network"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

fn of_rtl(error: &RtlError) -> Option<&'static str> {
    match error {
        RtlError::Size { .. } => Some("give one such as --array 16x16"),
        RtlError::ZeroGating { .. } => Some("leave --zero-gating out"),
        RtlError::ZeroGatedX(_) => Some("leave --zero-gating or --x-in-pe out"),
        RtlError::Terms(_) => Some("use --control-variate-terms 1"),
        _ => None,
    }
}

/// What to do about an error of the library's.
fn text(hint: Hint) -> String {
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

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use recoup_hardware::cost_table::CostTable;
    use recoup_hardware::inference::Measurements;

    use super::*;

    /// As the program reports it, whatever was said around it.
    fn hint(error: impl std::error::Error + Send + Sync + 'static) -> Option<String> {
        of(&Err::<(), _>(error).context("array.json").unwrap_err())
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
        assert_eq!(hint(MeasureError::Interrupted), None);
    }
}
