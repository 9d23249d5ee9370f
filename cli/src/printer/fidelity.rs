//! How close outputs stay to those of the references, as `eval` prints it.

use std::io::Write;

use anyhow::Result;

use recoup_circuits::printable;
use recoup_core::accuracy::{EmulatedDesign, Fidelity, OutputFidelity};

use super::report::Report;
use super::tables::{align_right, percent, table};
use super::words::{bits_text, control_text, multiplier_text, quantization_text};

/// A table for each output, if outputs were compared.
pub fn print(report: &Report, out: &mut impl Write) -> Result<()> {
    let Some(all) = &report.results.evaluation.fidelity else { return Ok(()) };
    for (place, output) in all[0].iter().enumerate() {
        writeln!(out, "\noutput \"{}\" {:?}", printable(&output.output), output.shape)?;
        let is_scores = output.against_float.agreement.is_some();
        let with_quantization = report.with_quantization();
        let mut header = vec!["multiplier", "control variate", "bits"];
        header.extend(with_quantization.then_some("quantisation"));
        header.extend(["against", "SQNR dB [95 %]", "cosine [95 %]", "largest difference"]);
        header.extend(is_scores.then_some("same class % [95 %]"));
        let mut rows = table(&header);
        for (index, candidate) in report.results() {
            let OutputFidelity { against_float, against_exact, .. } = &all[index][place];
            rows.add_row(row(candidate, with_quantization, "float32", against_float));
            // The reference is equal to itself.
            if index != 0 {
                rows.add_row(row(candidate, with_quantization, "exact", against_exact));
            }
        }
        let numbers = header.iter().position(|name| *name == "against").map_or(0, |at| at + 1);
        align_right(&mut rows, [2].into_iter().chain(numbers..header.len()));
        writeln!(out, "{rows}")?;
    }
    writeln!(
        out,
        "SQNR: squares of the reference over those of the differences, all samples; cosine: mean \
         over samples;\nexact: exact products of 8-bit codes; –: not a finite number"
    )?;
    if report.results.images == 1 {
        writeln!(out, "Of one sample, SQNR and cosine have no interval.")?;
    }
    Ok(())
}

fn row(
    candidate: &EmulatedDesign,
    quantization: bool,
    name: &str,
    fidelity: &Fidelity,
) -> Vec<String> {
    let mut row = vec![
        multiplier_text(candidate),
        control_text(candidate),
        bits_text(candidate.design.activation_bits, candidate.design.weight_bits),
    ];
    row.extend(quantization.then(|| quantization_text(candidate)));
    let sqnr_db = with_interval(fidelity.sqnr_db, fidelity.sqnr_db_ci95, 2);
    let largest = fidelity.largest_difference.map(|largest| format!("{largest:.4}"));
    row.extend([
        name.to_owned(),
        if fidelity.equal { "no error".into() } else { sqnr_db },
        with_interval(fidelity.cosine, fidelity.cosine_ci95, 6),
        largest.unwrap_or_else(|| "–".into()),
    ]);
    row.extend(fidelity.agreement.map(|agreement| {
        let [low, high] = agreement.ci95.map(percent);
        format!("{} [{low}, {high}]", percent(agreement.share))
    }));
    row
}

fn with_interval(middle: Option<f64>, interval: Option<[f64; 2]>, digits: usize) -> String {
    match (middle, interval) {
        (None, _) => "–".into(),
        (Some(middle), None) => format!("{middle:.digits$}"),
        (Some(middle), Some([low, high])) => {
            format!("{middle:.digits$} [{low:.digits$}, {high:.digits$}]")
        }
    }
}
