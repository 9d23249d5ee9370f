//! Results for other programs, a line for each design.

mod parquet;

use std::borrow::Cow;
use std::io::Write;

use recoup_core::quantize::WeightScheme;
use serde::Serialize;

use crate::runner::{DesignResult, Outcome};

pub use self::parquet::{COLUMNS, ColumnKind, parquet};

/// One design on one network. Columns keep their names and meaning.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The model's file.
    pub model: String,
    /// The multiplier, as the command line names it.
    pub multiplier: String,
    /// Where C and C0 come from.
    pub control_variate: String,
    /// The functions x in use.
    pub control_function: Option<String>,
    /// Significant bits of activation codes.
    pub activation_bits: u32,
    /// Significant bits of weight codes.
    pub weight_bits: u32,
    /// How activations become codes.
    pub quantization: String,
    /// Which codes weights get.
    pub weight_codes: String,
    /// Whether the first and the last layer run on an exact array of their own.
    pub exact_ends: bool,
    /// How weights are coded.
    pub weights: String,
    /// Array power relative to the exact 8-bit array.
    pub relative_power: Option<f64>,
    /// Energy of an inference, nJ.
    pub energy_nj: Option<f64>,
    /// Energy of an inference relative to the exact 8-bit network's on one array.
    pub relative_energy: Option<f64>,
    /// Predicted error over signal in the layers.
    pub noise_to_signal: Option<f64>,
    /// `done`, `failed`, `superfluous` or `not-tried`.
    pub status: &'static str,
    /// Of a failure; or why it was not tried.
    pub reason: Option<String>,
    /// Images seen.
    pub images: Option<usize>,
    /// Share of them that was classified correctly.
    pub top1: Option<f64>,
    /// Points lost against exact 8-bit products, on the same images.
    pub loss: Option<f64>,
    /// Lower end of its confidence interval, points.
    pub loss_low: Option<f64>,
    /// Upper end of it, points.
    pub loss_high: Option<f64>,
    /// Confidence of the interval.
    pub confidence: Option<f64>,
    /// `under`, `over` or `undecided`.
    pub verdict: Option<&'static str>,
    /// Without a verdict: about how many images would lead to one.
    pub images_to_decide: Option<u64>,
    /// Time that the evaluation took, s.
    pub elapsed_s: Option<f64>,
    /// Who evaluated it.
    pub worker: Option<String>,
    /// Key of the result in the store.
    pub key: String,
    /// SHA-256 of the design's products and options: equal for designs that differ in names alone.
    pub identity: String,
}

impl Line {
    /// What was found about one design of `model`, whose weights are in the coding
    /// `weights` unless it says otherwise.
    pub fn new(model: &str, weights: WeightScheme, found: &DesignResult) -> Self {
        let design = &found.design;
        let functions = &found.functions;
        let mut line = Self {
            model: model.to_owned(),
            multiplier: design.multiplier.to_string(),
            control_variate: design.control_variate.to_string(),
            control_function: (!functions.is_empty()).then(|| functions.join(" + ")),
            activation_bits: design.activation_bits,
            weight_bits: design.weight_bits,
            quantization: design.quantization().to_string(),
            weight_codes: design.weight_codes.to_string(),
            exact_ends: design.exact_ends,
            weights: design.weights.unwrap_or(weights).to_string(),
            relative_power: found.power,
            energy_nj: found.energy.map(|energy| energy.energy_nj),
            relative_energy: found.energy.map(|energy| energy.relative),
            noise_to_signal: found.noise_to_signal,
            status: found.outcome.status(),
            reason: found.outcome.reason().map(str::to_owned),
            images: None,
            top1: None,
            loss: None,
            loss_low: None,
            loss_high: None,
            confidence: None,
            verdict: None,
            images_to_decide: None,
            elapsed_s: None,
            worker: None,
            key: found.key.clone(),
            identity: found.record.identity(weights),
        };
        match &found.outcome {
            Outcome::Failed(_) | Outcome::Superfluous(_) | Outcome::NotTried => {}
            Outcome::Assessed { assessment, row } => {
                let right = row.outcomes.iter().filter(|right| **right).count();
                line.images = Some(assessment.images);
                line.top1 = Some(right as f64 / row.outcomes.len().max(1) as f64);
                line.loss = Some(assessment.loss);
                line.loss_low = Some(assessment.interval[0]);
                line.loss_high = Some(assessment.interval[1]);
                line.confidence = Some(assessment.confidence);
                line.verdict = Some(assessment.verdict.name());
                line.images_to_decide = assessment.images_to_decide;
                line.elapsed_s = Some(row.elapsed.as_secs_f64());
                line.worker = Some(row.worker.clone());
            }
        }
        line
    }
}

/// A text that no spreadsheet takes for a formula: one that begins as a formula does, or with a
/// control character, which some programs drop before they look, gets an apostrophe before it.
fn harmless(text: &str) -> Cow<'_, str> {
    let runs = |c: char| "=+-@".contains(c) || c.is_control() || c.is_whitespace();
    if text.starts_with(runs) { format!("'{text}").into() } else { text.into() }
}

impl Line {
    /// The line with texts that are none but texts.
    fn for_spreadsheets(&self) -> Self {
        let text = |text: &String| harmless(text).into_owned();
        let some_text = |value: &Option<String>| value.as_ref().map(text);
        Self {
            model: text(&self.model),
            multiplier: text(&self.multiplier),
            control_variate: text(&self.control_variate),
            control_function: some_text(&self.control_function),
            quantization: text(&self.quantization),
            weight_codes: text(&self.weight_codes),
            weights: text(&self.weights),
            reason: some_text(&self.reason),
            worker: some_text(&self.worker),
            key: text(&self.key),
            ..self.clone()
        }
    }
}

/// Comma-separated values with a header.
///
/// # Errors
/// When they cannot be written.
pub fn csv(lines: &[Line], out: impl Write) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(out);
    lines.iter().try_for_each(|line| writer.serialize(line.for_spreadsheets()))?;
    Ok(writer.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn line() -> Line {
        Line {
            model: "a, \"b\".onnx".into(),
            multiplier: "truncated:7".into(),
            control_variate: "fitted".into(),
            control_function: Some("weighted".into()),
            activation_bits: 8,
            weight_bits: 8,
            quantization: "plain".into(),
            weight_codes: "plain".into(),
            exact_ends: false,
            weights: "u8-channel".into(),
            relative_power: Some(0.75),
            energy_nj: Some(900.5),
            relative_energy: Some(0.8),
            noise_to_signal: Some(0.01),
            status: "done",
            reason: None,
            images: Some(2000),
            top1: Some(0.5),
            loss: Some(0.25),
            loss_low: Some(-0.5),
            loss_high: Some(1.0),
            confidence: Some(0.95),
            verdict: Some("undecided"),
            images_to_decide: Some(5200),
            elapsed_s: Some(1.5),
            worker: Some("host:1:0".into()),
            key: "00ff".into(),
            identity: "0f0f".into(),
        }
    }

    #[test]
    fn csv_has_a_header_and_quotes() {
        let mut bytes = Vec::new();
        let failed = Line { loss: None, reason: Some("no, it did not".into()), ..line() };
        csv(&[line(), failed], &mut bytes).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("model,multiplier,control_variate,control_function,"));
        assert!(lines[1].starts_with(
            "\"a, \"\"b\"\".onnx\",truncated:7,fitted,weighted,8,8,plain,plain,false,u8-channel,0.75,900.5,0.8,"
        ));
        assert!(lines[1].contains(",,2000,0.5,0.25,-0.5,1.0,0.95,undecided,5200,"), "{}", lines[1]);
        assert!(lines[2].contains(",\"no, it did not\",2000,0.5,,"), "{}", lines[2]);
        let fields =
            |line: &str| csv::Reader::from_reader(line.as_bytes()).headers().unwrap().len();
        assert!(lines.iter().all(|line| fields(line) == 28));
    }

    #[test]
    fn no_text_of_a_csv_is_a_formula() {
        for (text, cell) in [
            ("=1+1", "'=1+1,"),
            ("+A1.onnx", "'+A1.onnx,"),
            ("-net.onnx", "'-net.onnx,"),
            ("@SUM(A1)", "'@SUM(A1),"),
            ("\t=1", "'\t=1,"),
            ("net=1.onnx", "net=1.onnx,"),
        ] {
            let line = Line {
                model: text.into(),
                reason: Some(text.into()),
                worker: Some(text.into()),
                multiplier: text.into(),
                key: text.into(),
                loss: Some(-1.5),
                ..line()
            };
            let mut bytes = Vec::new();
            csv(&[line], &mut bytes).unwrap();
            let written = String::from_utf8(bytes).unwrap();
            let row = written.lines().nth(1).unwrap();
            assert!(row.starts_with(cell) && row.contains(",-1.5,"), "{row}");
            assert_eq!(row.matches(cell.trim_end_matches(',')).count(), 5, "{row}");
        }
    }
}
