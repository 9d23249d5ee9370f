//! What `design` made, for people and for machines.

use std::io::{Write, stdout};

use anyhow::Result;
use serde::Serialize;

use recoup::Design;
use recoup::design::Kind;
use recoup::records::{ConfirmationRecord, MadeRecord};
use recoup::search::{Confirmation, Made, Tested};
use recoup_core::multiplier::dot_diagram;
use recoup_explore::answer::loss;
use recoup_explore::choose::Judged;
use recoup_explore::sequential::{Assessment, Verdict};

use recoup_hardware::mask_model::MaskModel;

use super::exploration;

/// The JSON object of `design` (docs/json.md).
#[derive(Serialize)]
struct Record {
    #[serde(flatten)]
    made: MadeRecord,
    confirmation: Option<ConfirmationRecord>,
}

/// Prints it.
pub fn json(made: &Made, confirmed: Option<&Confirmation>) -> Result<()> {
    let confirmation = confirmed.map(Confirmation::record);
    let record = Record { made: made.record(), confirmation };
    writeln!(stdout(), "{}", serde_json::to_string_pretty(&record)?)?;
    Ok(())
}

/// The search, the tables of all designs, and the answer.
pub fn text(made: &Made, confirmed: Option<&Confirmation>) -> Result<()> {
    exploration::text(&made.exploration)?;
    let mut out = stdout().lock();
    writeln!(
        out,
        "\nsearched {} masks, {:.0} a second; {} of them are not beaten in predicted noise and power",
        made.front.judged,
        made.masks_per_s,
        made.front.masks.len()
    )?;
    let Some(chosen) = made.chosen() else {
        writeln!(out, "No design is under the limit: show more images, or allow more loss.")?;
        return Ok(());
    };
    let judged = made.judged();
    let power = |kind: Kind| {
        let of_kind = judged.iter().filter(|(_, it)| it.kind == kind && is_under(it));
        of_kind.filter_map(|(_, it)| it.power).min_by(f64::total_cmp)
    };
    if let Some(mask) = chosen.multiplier.mask().filter(|_| !chosen.multiplier.is_exact()) {
        writeln!(out, "\n{chosen}\n{}", dot_diagram(mask))?;
    }
    if let (Some(made), Some(rival)) = (power(Kind::WithV), power(Kind::ReducedPrecision)) {
        writeln!(
            out,
            "saves {:.1} % of the array power, reduced precision with the same treatment {:.1} %",
            100.0 * (1.0 - made.min(rival)),
            100.0 * (1.0 - rival)
        )?;
    }
    if let Some(Confirmation { images, made, rival }) = confirmed {
        writeln!(
            out,
            "\nconfirmed on {images} images that nothing was chosen by, the surest first:"
        )?;
        writeln!(out, "  {}", walked(made))?;
        writeln!(out, "  reduced precision: {}", walked(rival))?;
    }
    writeln!(
        out,
        "powers of masks that the cost table does not have are estimated, within {:.1} % (one standard \
         error); recoup hardware measure --multiplier MASK measures them",
        100.0 * MaskModel::shipped().standard_error()
    )?;
    Ok(())
}

/// How a test of designs ended.
fn walked(walked: &Tested) -> String {
    let told = |((design, power), found): &((Design, Option<f64>), Option<Assessment>)| {
        let saved = power.map_or(0.0, |power| 100.0 * (1.0 - power));
        match found {
            Some(found) => format!("{design} saves {saved:.1} % and loses {}", loss(found)),
            None => format!("{design}, which failed"),
        }
    };
    let passed = walked.passed.as_ref().map_or("no design".to_owned(), told);
    let ended = walked.failed.as_ref().map(|failed| format!("; the next, {}", told(failed)));
    format!("{passed} ({} tested{})", walked.tested, ended.unwrap_or_default())
}

fn is_under(judged: &Judged) -> bool {
    judged.assessment.verdict == Verdict::Under
}
