//! From a recorded run to what the report's page shows.

use std::path::Path;

use recoup_core::design::{DesignRecord, Kind};
use recoup_core::model::Attention;
use recoup_core::multiplier::Multiplier;
use recoup_core::quantize::{WeightCodes, WeightScheme};
use recoup_explore::answer::{self, Evaluated};
use recoup_explore::choose::{Judged, MeanLoss};
use recoup_explore::entry::{Entry, Settings};
use recoup_explore::ingredients::Ingredient;
use recoup_explore::power::shipped_costs;
use recoup_explore::quality::LayerQuality;
use recoup_explore::recorded::{Mean, Recorded, RecordedDesign, RecordedNetwork};
use recoup_explore::sequential::{self, ERROR, Limit};
use recoup_explore::store::Store;
use recoup_hardware::cost_table::{Cost, CostRun, Stimulus};
use recoup_hardware::inference::with_load_path;
use recoup_report::data::{
    Answer, Assessment, Command, Comparison, Costs, Hardware, Histogram, Input, LayerError,
    LayerQuality as ShownLayer, Mask, Network, Provenance, Report, Results, ShownDesign,
};
use recoup_report::render;

use crate::error::Result;

/// The page of a recorded run, judged by `limit`; [`recoup_report::render`] makes HTML of it.
/// `comparisons` stand beside what was found.
pub fn page(recorded: &Recorded, limit: Limit, comparisons: Vec<Comparison>) -> Report {
    let of = |networks: &[RecordedNetwork], beside| {
        let shown = networks.iter().map(|it| show(it, limit, &recorded.settings, beside));
        shown.collect::<Vec<Network>>()
    };
    let (networks, beside) = (of(&recorded.networks, false), of(&recorded.beside, true));
    let title = match (&networks[..], &beside[..]) {
        ([one], []) | ([], [one]) => format!("{} on approximate multipliers", one.name),
        (several, []) => format!("{} networks on approximate multipliers", several.len()),
        (several, [one]) => {
            format!("{} networks and {} on approximate multipliers", several.len(), one.name)
        }
        (several, beside) => format!(
            "{} networks on approximate multipliers, {} beside them",
            several.len(),
            beside.len()
        ),
    };
    let means = recorded.means(limit);
    let mean = (!means.is_empty()).then(|| {
        let designs = means.iter().map(|mean| ShownDesign {
            relative_power: mean.mean.power,
            assessment: Some(assessment(&mean.mean.assessment, mean.top1)),
            // Networks may prefer different ones, and need different energies.
            control_function: None,
            energy_nj: None,
            relative_energy: mean.mean.relative_energy,
            name: mean_name(mean),
            ..design(mean.design, recorded.networks[0].experiment.weights)
        });
        results(designs.collect(), &evaluated_means(&means), limit)
    });
    Report {
        title,
        max_loss: limit.points(),
        confidence: 1.0 - ERROR,
        provenance: provenance(recorded),
        networks: [networks, beside].concat(),
        mean,
        multipliers: masks(recorded),
        hardware: hardware(recorded),
        comparisons,
    }
}

/// The page of the last run in a store as HTML, judged by `limit`; none if no design of it has been
/// evaluated.
///
/// # Errors
/// When the store cannot be read.
pub fn last_page(store: &Store, limit: Limit) -> Result<Option<String>> {
    let recorded = Recorded::last(store)?;
    Ok(recorded.map(|recorded| render(&page(&recorded, limit, Vec::new()))))
}

/// The name of a design over several networks, which may prefer different functions x.
pub fn mean_name(mean: &Mean) -> String {
    mean.design.entry.design.to_string()
}

fn evaluated_means(means: &[Mean]) -> Vec<Evaluated> {
    let evaluated = means.iter().enumerate().map(|(position, mean)| {
        let MeanLoss { power, assessment, .. } = mean.mean;
        let judged = Judged { kind: mean.design.entry.kind, power, assessment };
        let ingredient = Ingredient::of_entry(&mean.design.entry);
        Evaluated { position, name: mean_name(mean), ingredient, judged }
    });
    evaluated.collect()
}

/// Designs, and the choice among those that were evaluated.
fn results(designs: Vec<ShownDesign>, evaluated: &[Evaluated], limit: Limit) -> Results {
    let answer = answer::Answer::new(evaluated, limit);
    let answer::Answer { choice, headline, remarks, steps, .. } = answer;
    Results { designs, choice, answer: Answer { headline, remarks }, steps }
}

fn show(network: &RecordedNetwork, limit: Limit, settings: &Settings, beside: bool) -> Network {
    let assessments = network.assess(limit, settings.thorough);
    let evaluated = network.designs.iter().zip(&assessments).enumerate();
    let evaluated: Vec<Evaluated> = evaluated
        .filter_map(|(position, (design, assessment))| {
            let Entry { kind, relative_power: power, .. } = design.entry;
            let judged = Judged { kind, power, assessment: (*assessment)? };
            let ingredient = Ingredient::of_entry(&design.entry);
            Some(Evaluated { position, name: design.entry.name(), ingredient, judged })
        })
        .collect();
    let designs = network.designs.iter().zip(&assessments).map(|(recorded, found)| ShownDesign {
        assessment: found.as_ref().map(|found| assessment(found, recorded.top1().unwrap_or(0.0))),
        relative_energy: network.relative_energy(recorded),
        ..design(recorded, network.experiment.weights)
    });
    let observed = || network.designs.iter().enumerate();
    let names = &network.experiment.names;
    // By layer, then by design.
    let most_layers = observed().map(|(_, design)| design.layers.len()).max().unwrap_or(0);
    let layers = (0..most_layers).flat_map(|layer| {
        observed().filter_map(move |(position, design)| {
            design.layers.get(layer).map(|quality| shown_layer(quality, position, design))
        })
    });
    let histograms = observed().flat_map(|(position, design)| {
        design.layers.iter().filter_map(move |quality| shown_histogram(quality, position, design))
    });
    Network {
        name: short_name(&names.model),
        data: names.data.clone(),
        preprocess: names.preprocess.clone(),
        images: network.experiment.images as u64,
        beside,
        results: results(designs.collect(), &evaluated, limit),
        layers: layers.collect(),
        histograms: histograms.collect(),
    }
}

/// A model's file without folder and extension.
pub fn short_name(model: &str) -> String {
    let name = Path::new(model).file_name().map_or(model.into(), |name| name.to_string_lossy());
    name.trim_end_matches(" (embedded)").trim_end_matches(".onnx").to_owned()
}

/// Without what it takes the network to know; `weights` is how it has them.
fn design(recorded: &RecordedDesign, weights: WeightScheme) -> ShownDesign {
    let entry = &recorded.entry;
    let known = entry.mask().map(Multiplier::from_mask);
    let (family, level) = match known.as_ref().map(|known| (known.is_exact(), known.member())) {
        Some((true, _)) => ("exact", None),
        Some((_, Some(member))) => (member.family.name, Some(member.level)),
        Some((_, None)) => ("mask", None),
        None => ("table", None),
    };
    ShownDesign {
        name: entry.name(),
        kind: entry.kind,
        multiplier: entry.design.multiplier.clone(),
        family: family.to_owned(),
        level,
        control_variate: entry.design.control_variate.to_string(),
        control_function: (!entry.functions.is_empty()).then(|| entry.functions.join(" + ")),
        identity: entry.design.identity(weights),
        activation_bits: entry.design.activation_bits,
        weight_bits: entry.design.weight_bits,
        variant: variant(&entry.design),
        relative_power: entry.relative_power,
        energy_nj: entry.energy_nj,
        relative_energy: None,
        assessment: None,
        note: entry.note.clone().unwrap_or_default(),
    }
}

/// What else is different: the quantisation, the choice of weight codes, whether first and last layer
/// are exact, and the coding of the weights.
fn variant(record: &DesignRecord) -> String {
    let parts = [
        record.other_quantization().map(|how| format!("{how} quantisation")),
        (record.weight_codes != WeightCodes::Plain)
            .then(|| format!("{} weight codes", record.weight_codes)),
        record.exact_ends.then(|| "exact ends".to_owned()),
        record.weights.map(|weights| format!("{weights} weights")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn assessment(found: &sequential::Assessment, top1: f64) -> Assessment {
    Assessment {
        images: found.images as u64,
        top1,
        loss: found.loss,
        interval: found.interval,
        confidence: found.confidence,
        verdict: found.verdict,
    }
}

fn shown_layer(quality: &LayerQuality, position: usize, design: &RecordedDesign) -> ShownLayer {
    let error = |mean: f64, std: f64, sqnr_db: Option<f64>| LayerError {
        mean: shortened(mean),
        std: shortened(std),
        sqnr_db: sqnr_db.map(shortened),
    };
    ShownLayer {
        layer: quality.layer.clone(),
        design: position,
        without_v: Some(error(quality.mean_before, quality.std_before, quality.sqnr_before_db)),
        with_v: is_corrected(design)
            .then(|| error(quality.mean_after, quality.std_after, quality.sqnr_after_db)),
    }
}

/// Four digits: the page has thousands of such numbers, and shows fewer.
fn shortened(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

fn shown_histogram(
    quality: &LayerQuality,
    position: usize,
    design: &RecordedDesign,
) -> Option<Histogram> {
    let histogram = quality.histogram.as_ref()?;
    Some(Histogram {
        layer: quality.layer.clone(),
        design: position,
        edges: histogram.edges.iter().map(|&edge| edge as f64).collect(),
        before: histogram.before.clone(),
        after: if is_corrected(design) { histogram.after.clone() } else { Vec::new() },
    })
}

fn is_corrected(design: &RecordedDesign) -> bool {
    design.entry.kind == Kind::WithV
}

/// All entries, those of the first network first.
fn entries(recorded: &Recorded) -> impl Iterator<Item = &Entry> {
    recorded.all().flat_map(|network| network.designs.iter().map(|design| &design.entry))
}

fn masks(recorded: &Recorded) -> Vec<Mask> {
    let mut masks: Vec<Mask> = Vec::new();
    for entry in entries(recorded) {
        let Some(mask) = entry.mask() else { continue };
        if !masks.iter().any(|known| known.mask == mask) {
            let name = entry.design.multiplier.clone();
            masks.push(Mask { name, mask, coding: "any".into() });
        }
    }
    masks
}

/// The costs of the arrays that the designs run on. Those of the table multiply unsigned codes:
/// designs of others have other identities.
fn hardware(recorded: &Recorded) -> Vec<Hardware> {
    let mut shown: Vec<Hardware> = Vec::new();
    let all = recorded.all().flat_map(|network| {
        let is_loaded = network.experiment.attention == Some(Attention::Emulated);
        network.designs.iter().map(move |design| (&design.entry, is_loaded))
    });
    for (entry, is_loaded) in all {
        let control = (!entry.functions.is_empty()).then(|| entry.functions.join(" + "));
        let design = &entry.design;
        let Some(cost) = find_cost(&recorded.settings, |cost| {
            let array = &cost.design;
            (array.activation_bits, array.weight_bits)
                == (design.activation_bits, design.weight_bits)
                && array.control == control
                && array.identity() == design.products_sha256
        }) else {
            continue;
        };
        let equipped = (is_loaded && design.makes_c_and_c0()).then(|| with_load_path(cost));
        let equipped = equipped.flatten();
        let mut name = design.multiplier.clone();
        for (codes, bits) in
            [("activation", design.activation_bits), ("weight", design.weight_bits)]
        {
            if bits < 8 {
                name += &format!(", {bits} {codes} bits");
            }
        }
        if let Some(function) = &control {
            name += &format!(" with V, x = {function}");
        }
        if equipped.is_some() {
            name += ", constants made when loaded";
        }
        let cost = equipped.as_ref().unwrap_or(cost);
        if !shown.iter().any(|known| known.name == name) {
            shown.push(Hardware {
                name,
                area_um2: cost.area_um2,
                area_parts_um2: cost.area_parts_um2.clone(),
                energy_fj: cost.energy_fj,
                energy_parts_fj: cost.parts_fj.clone(),
            });
        }
    }
    shown
}

/// The cost of a design under the stimulus that powers are of.
fn find_cost(settings: &Settings, wanted: impl Fn(&Cost) -> bool) -> Option<&Cost> {
    let of = |stimulus| {
        let mut costs = settings.costs.costs.iter();
        costs.find(|cost| cost.stimulus == stimulus && wanted(cost))
    };
    [Stimulus::ReluLike, Stimulus::Uniform].into_iter().find_map(of)
}

fn provenance(recorded: &Recorded) -> Provenance {
    let settings = &recorded.settings;
    let commands = recorded
        .runs
        .iter()
        .map(|run| Command { command: run.command.clone(), date: time(run.started) });
    let inputs = recorded.all().chain(&recorded.confirmation).flat_map(|network| {
        let experiment = &network.experiment;
        let input = |role: &str, name: &str, sha256: &str| Input {
            role: role.to_owned(),
            name: name.to_owned(),
            sha256: sha256.to_owned(),
        };
        [
            input("model", &experiment.names.model, &experiment.model_sha256),
            input(
                "images, as the network sees them",
                &experiment.names.data,
                &experiment.inputs_sha256,
            ),
            input(
                "calibration images, as the network sees them",
                &experiment.calibration.data,
                &experiment.calibration_inputs_sha256,
            ),
        ]
    });
    let mut unique: Vec<Input> = Vec::new();
    inputs.for_each(|input| {
        if !unique.contains(&input) {
            unique.push(input);
        }
    });
    let [rows, columns] = settings.array;
    // Only the table inside has the plain array.
    let over_plain = |run: &CostRun| {
        let shipped = shipped_costs();
        let is_shipped = shipped.runs.contains(run) && rows == columns;
        is_shipped.then(|| shipped.power_over_plain(&run.library.name, rows))?
    };
    let costs = settings.costs.runs.first().map(|run| Costs {
        library: run.library.name.clone(),
        clock_ps: run.clock_ps,
        array: format!("{rows} x {columns}"),
        structure: settings.costs.structure(&run.library.name).to_string(),
        power_over_plain: over_plain(run),
        stimulus: "random codes as a network has them: 45 % of the activations 0, the others \
                   half-normal; uniform codes for designs without such a row"
            .into(),
        tools: run.tools.clone(),
        command: run.command.clone(),
        date: run.date.clone(),
        notes: vec![
            "before placement: no wires but a fixed capacitance per sink, a clock tree by rule"
                .into(),
        ],
    });
    let version = recorded.runs.last().map(|run| run.version.clone()).unwrap_or_default();
    let looks = match settings.thorough {
        true => "Every design was to see all images; intervals have 95 % confidence.",
        false => {
            "An evaluation ended as soon as a sequential test was sure of its verdict; the \
             intervals of designs that were left early have a higher confidence, so that all \
             looks together have 95 %."
        }
    };
    let mut chosen = "Designs are chosen on the images that they are scored on: the confidence is \
                      that of each design by itself, not corrected for the choosing among them."
        .to_owned();
    if settings.confirmation_inputs.is_some() {
        chosen += " What is confirmed was tested on other images, in an order that does not depend \
                   on them.";
    }
    let notes = vec![
        looks.to_owned(),
        chosen,
        "Where networks prefer different functions x, the mean counts the dearest one's power."
            .to_owned(),
    ];
    Provenance { version, commands: commands.collect(), inputs: unique, costs, notes }
}

/// Unix time as 2026-11-24 18:00 UTC.
fn time(seconds: i64) -> String {
    match time::OffsetDateTime::from_unix_timestamp(seconds) {
        Ok(at) => format!("{} {:02}:{:02} UTC", at.date(), at.hour(), at.minute()),
        Err(_) => format!("{seconds} s"),
    }
}
