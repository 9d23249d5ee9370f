//! The answer of `explore`, for people and for machines.

use std::io::{Write, stdout};

use anyhow::Result;

use recoup::Exploration;
use recoup::design::Kind;
use recoup_explore::answer::{Answer, loss};
use recoup_explore::explorer::MeanResult;
use recoup_explore::runner::{DesignResult, Outcome};
use recoup_explore::sequential::ERROR;

use super::tables::{align_right, percent, table};
use super::words::{attention_text, weights_text};

/// The answer, and where powers come from if it lacks them.
fn advised(mut answer: Answer) -> Answer {
    if answer.lacks_power() {
        answer.remarks.insert(0, "See recoup hardware list, and --power.".to_owned());
    }
    answer
}

/// The JSON object of `explore` (docs/json.md).
pub fn json(exploration: &Exploration) -> Result<()> {
    let record = serde_json::to_string_pretty(&exploration.record()).expect("plain data");
    writeln!(stdout(), "{record}")?;
    Ok(())
}

/// The tables, and the sentences that answer.
pub fn text(exploration: &Exploration) -> Result<()> {
    let mut out = stdout().lock();
    for (network, answer) in exploration.networks.iter().zip(exploration.answers()) {
        writeln!(
            out,
            "{}  {} images of {}, preprocess {}",
            network.model, network.images, network.data, network.preprocess
        )?;
        if let Some(attention) = network.attention {
            writeln!(out, "attention: {}", attention_text(attention))?;
        }
        if network.own_codes.kept + network.own_codes.recoded > 0 {
            writeln!(out, "weights: {}", weights_text(network.weights, network.own_codes))?;
        }
        let mut rows = table(&[
            "design",
            "power %",
            "energy nJ",
            "loss [interval]",
            "confidence %",
            "images",
            "top-1 %",
            "verdict",
            "front",
        ]);
        for (index, found) in network.results.iter().enumerate() {
            rows.add_row(row(found, answer.choice.front.contains(&index)));
        }
        align_right(&mut rows, [1, 2, 4, 5, 6]);
        writeln!(out, "{rows}")?;
        // Others have designs that may be better.
        if exploration.shard.is_none() {
            for sentence in advised(answer).sentences() {
                writeln!(out, "{sentence}")?;
            }
        }
        writeln!(out)?;
    }
    if let Some(shard) = exploration.shard {
        writeln!(
            out,
            "This is part {shard} of the work. recoup merge brings all parts together; recoup explore \
             on the merged file, without --shard, answers.\n"
        )?;
    }
    if let Some(answer) = exploration.mean_answer() {
        writeln!(out, "Mean of {} networks", exploration.networks.len())?;
        let mut rows =
            table(&["design", "power %", "energy %", "loss [interval]", "confidence %", "verdict"]);
        for MeanResult { design, mean } in &exploration.means {
            rows.add_row(vec![
                design.to_string(),
                mean.power.map(percent).unwrap_or_default(),
                mean.relative_energy.map(percent).unwrap_or_default(),
                loss(&mean.assessment),
                percent(mean.assessment.confidence),
                mean.assessment.verdict.name().to_owned(),
            ]);
        }
        align_right(&mut rows, [1, 2, 4]);
        writeln!(out, "{rows}")?;
        for sentence in advised(answer).sentences() {
            writeln!(out, "{sentence}")?;
        }
        writeln!(out)?;
    }
    if exploration.ended.is_early() {
        let results = exploration.networks.iter().flat_map(|network| &network.results);
        let left = results.filter(|result| result.outcome == Outcome::NotTried).count();
        writeln!(
            out,
            "The search ended before the answer was sure ({}): {left} designs were not tried. With \
             --out it goes on from here.\n",
            exploration.ended
        )?;
    }
    writeln!(
        out,
        "loss in points against exact 8-bit products on the same images; the looks of a test\n\
         together have {:.0} % confidence, so that one look has more",
        100.0 * (1.0 - ERROR)
    )?;
    Ok(())
}

fn row(found: &DesignResult, on_front: bool) -> Vec<String> {
    let energy = found.energy.map(|energy| format!("{:.0}", energy.energy_nj));
    let mut row = vec![
        found.name(),
        found.power.map(percent).unwrap_or_default(),
        energy.unwrap_or_default(),
    ];
    match &found.outcome {
        Outcome::Failed(_) | Outcome::Superfluous(_) | Outcome::NotTried => {
            row.extend([String::new(), String::new(), String::new(), String::new()]);
            let reason = found.outcome.reason().unwrap_or_default();
            row.push(format!("{}: {reason}", found.outcome.status()));
        }
        Outcome::Assessed { assessment, row: result } => {
            let right = result.outcomes.iter().filter(|right| **right).count();
            let top1 = percent(right as f64 / result.outcomes.len().max(1) as f64);
            let images = assessment.images.to_string();
            row.extend(match found.kind() {
                Kind::Reference => {
                    ["reference".to_owned(), String::new(), images, top1, String::new()]
                }
                _ => [
                    loss(assessment),
                    percent(assessment.confidence),
                    images,
                    top1,
                    assessment.verdict.name().to_owned(),
                ],
            });
        }
    }
    row.push(if on_front { "*".to_owned() } else { String::new() });
    row
}
