//! Where the time of a network goes.

use std::io::Write;

use anyhow::Result;
use recoup::records::ProfileRecord;

use super::report::Report;
use super::tables::{align_right, name, percent, table};
use super::words::{control_text, multiplier_text};

/// A table of kinds and one of steps for each design.
pub fn print(report: &Report, out: &mut impl Write) -> Result<()> {
    let Some(profiles) = &report.results.evaluation.profiles else { return Ok(()) };
    for (index, candidate) in report.results() {
        let profile = ProfileRecord::from(&profiles[index]);
        writeln!(
            out,
            "\n{}, {}: time in the threads that ran it, {} us per image",
            multiplier_text(candidate),
            control_text(candidate),
            time(profile.us_per_image)
        )?;
        kinds(&profile, out)?;
        steps(&profile, out)?;
    }
    writeln!(
        out,
        "runs on: the emulated multipliers, codes without them, or float; conversion: from codes to \
         float and back,\nin the times of layers and a row of its own among the operators"
    )?;
    Ok(())
}

fn kinds(profile: &ProfileRecord, out: &mut impl Write) -> Result<()> {
    let mut table = table(&["operator", "runs on", "steps", "time %", "us/image", "GMAC/s"]);
    for it in &profile.operators {
        table.add_row(vec![
            it.kind.clone(),
            it.runs_on.into(),
            it.steps.to_string(),
            percent(it.share),
            time(it.us),
            rate(it.gmac_per_s),
        ]);
    }
    let conversions = profile.steps.iter().filter(|step| step.conversion_us > 0.0).count();
    table.add_row(vec![
        "conversion".into(),
        String::new(),
        conversions.to_string(),
        percent(profile.conversion_share),
        time(profile.conversion_us),
        String::new(),
    ]);
    align_right(&mut table, 2..=5);
    writeln!(out, "{table}")?;
    Ok(())
}

fn steps(profile: &ProfileRecord, out: &mut impl Write) -> Result<()> {
    let header = ["layer", "operators", "runs on", "time %", "us/image", "conversion us", "GMAC/s"];
    let mut table = table(&header);
    for it in &profile.steps {
        table.add_row(vec![
            it.nodes.first().map_or_else(String::new, |node| name(node)),
            it.operator.clone(),
            it.runs_on.into(),
            percent(it.share),
            time(it.us),
            time(it.conversion_us),
            rate(it.gmac_per_s),
        ]);
    }
    align_right(&mut table, 3..=6);
    writeln!(out, "{table}")?;
    Ok(())
}

fn time(us: f64) -> String {
    format!("{us:.1}")
}

fn rate(gmac_per_s: Option<f64>) -> String {
    gmac_per_s.map_or_else(String::new, |rate| format!("{rate:.1}"))
}
