//! What would help, in arguments of the Python functions.

use recoup::Hint;
use recoup::design::WeightScheme;

/// What to do, and the arguments that it takes.
pub struct Help {
    /// In words.
    pub words: String,
    /// Their names.
    pub arguments: Vec<&'static str>,
}

fn of(words: impl Into<String>, arguments: &[&'static str]) -> Help {
    Help { words: words.into(), arguments: arguments.to_vec() }
}

/// What to do about an error, where its text does not say it.
pub fn help(hint: Hint) -> Help {
    match hint {
        Hint::GiveInputShape => of(
            "give load(input_shape=(3, 32, 32)), or export the model with a fixed image size (the \
             batch may stay dynamic)",
            &["input_shape"],
        ),
        Hint::CheckData => of("check the data and data(preprocess=)", &["preprocess"]),
        Hint::CheckWeights => {
            of("check data(preprocess=) and the model's weights", &["preprocess"])
        }
        Hint::LeaveOutPreprocess => of("leave data(preprocess=) out", &["preprocess"]),
        Hint::SkipBackgroundClass => of(
            "if the first output is a background class, give data(label_offset=1)",
            &["label_offset"],
        ),
        Hint::GiveLabelOffset => of("data(label_offset=) shifts the labels", &["label_offset"]),
        Hint::LeaveOutClasses => of("leave data(classes=) out", &["classes"]),
        Hint::ChooseWeights(coding) => {
            let schemes = WeightScheme::ALL.iter().filter(|scheme| scheme.coding() == coding);
            let names: Vec<String> =
                schemes.map(|scheme| format!("weights=\"{scheme}\"")).collect();
            of(format!("give {}", names.join(" or ")), &["weights"])
        }
        Hint::Calibrate => of("calibrate it again: net.calibrate(data.sample(256))", &[]),
        Hint::CalibrateFirst => of("calibrate it first: net.calibrate(data.sample(256))", &[]),
        Hint::HoldOutFewer => {
            of("take a smaller sample to calibrate on, or one of other data", &["n"])
        }
        Hint::LeaveCalibrationImages { wanted } => {
            of(format!("calibrate it again: net.calibrate(data.sample({wanted}))"), &["n"])
        }
        Hint::SayWhereCalibrationImagesAre => {
            of("calibrate it again on images that are there", &[])
        }
        Hint::PreprocessAlike => of(
            "give the same data(preprocess=), or calibrate it again on this data",
            &["preprocess"],
        ),
        Hint::LeaveLabels => of(
            "give data(labels=False), and outputs are compared with those of float32 and of exact \
             8 bits",
            &["labels"],
        ),
        Hint::ChooseArray => of("give one such as rows=16, columns=16", &["rows", "columns"]),
        Hint::LeaveOutZeroGating => of("leave zero_gating out", &["zero_gating"]),
        Hint::LeaveOutZeroGatingOrXInPe => {
            of("leave zero_gating or x_in_pe out", &["zero_gating", "x_in_pe"])
        }
        Hint::FitOneTerm => of("give Design(terms=1)", &["terms"]),
        Hint::GiveSlowerClock => of("give a slower one with clock_ps", &["clock_ps"]),
        Hint::WriteArray => of("recoup.rtl writes them", &["out"]),
        Hint::NameModule => of("give one of them as top", &["top"]),
        Hint::EvaluateInstead => of("net.evaluate compares other outputs, without labels", &[]),
    }
}
