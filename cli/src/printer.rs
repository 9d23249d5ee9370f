//! Results, for people and for machines.

use std::io::{Write, stdout};
use std::path::Path;

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};

use recoup::{Design, ExactNode, Results};
use recoup_circuits::printable;
use recoup_core::accuracy::paired::PairedLoss;
use recoup_core::accuracy::{EmulatedDesign, Evaluation};
use recoup_core::control_variate::{ControlVariate, Mode};
use recoup_core::model::{Graph, NodeKind, ValueId, Weights};
use recoup_core::quantize::{Calibration, Quantization, WeightScheme};
use recoup_kernels::WeightCoding;

use recoup_explore::power::{Energy, Power};

use crate::{cost, costs, fidelity};

/// Results, as they are printed.
pub struct Report {
    pub results: Results,
    /// The designs in the order in which they are printed.
    order: Vec<usize>,
    /// Whether what hardware needs was measured on the network.
    pub measured: bool,
}

impl Report {
    /// Results on arrays that need so much.
    pub fn new(mut results: Results, power: &Power) -> Self {
        let candidates = &results.candidates;
        results.figures = candidates.iter().map(|candidate| power.figures_of(candidate)).collect();
        let order = (0..candidates.len()).collect();
        Self { results, order, measured: !power.measured.is_empty() }
    }

    /// Orders the results by accuracy, or without labels by the output that is furthest from
    /// float32, behind the reference; equals stay in their order.
    pub fn best_first(&mut self) {
        let Evaluation { candidates, fidelity, .. } = &self.results.evaluation;
        let quality = |index: usize| {
            candidates[index]
                .top1_accuracy()
                .or_else(|| fidelity.as_ref().map(|all| fidelity::least_sqnr_db(&all[index])))
                .unwrap_or(0.0)
        };
        self.order[1..].sort_by(|&a, &b| quality(b).total_cmp(&quality(a)));
    }

    /// Whether activations became codes in other ways than the plain one.
    pub fn with_quantization(&self) -> bool {
        let mut ways = self.results.candidates.iter().map(|it| it.design.quantization);
        ways.any(|how| how != Quantization::PLAIN)
    }

    /// The results in the order in which they are printed.
    pub fn results(&self) -> impl Iterator<Item = (usize, &EmulatedDesign)> {
        self.order.iter().map(|&index| (index, &self.results.candidates[index]))
    }
}

pub fn multiplier_text(candidate: &EmulatedDesign) -> String {
    let Design { multiplier, exact_ends, .. } = &candidate.design;
    format!("{multiplier}{}", if *exact_ends { ", exact ends" } else { "" })
}

/// What a candidate's control variate came to be: the mode, and the x that was chosen.
pub fn control_text(candidate: &EmulatedDesign) -> String {
    let mode = candidate.design.control_variate;
    let functions = functions(candidate);
    match mode {
        Mode::Fitted(Some(named)) | Mode::Regressed(Some(named))
            if functions == named.to_string() =>
        {
            mode.to_string()
        }
        Mode::Fitted(_) | Mode::Regressed(_) if !functions.is_empty() => {
            format!("{mode} ({functions})")
        }
        _ => mode.to_string(),
    }
}

/// The functions x of a candidate's control variate; empty without one.
pub fn functions(candidate: &EmulatedDesign) -> String {
    candidate.control.as_ref().map(ControlVariate::names).unwrap_or_default()
}

/// How a candidate's activations become codes, and the rounding that was chosen.
pub fn quantization_text(candidate: &EmulatedDesign) -> String {
    let quantization = candidate.design.quantization;
    match 8 - candidate.prepared.quantized.activation_bits {
        rounded if quantization.aware && rounded > 0 => {
            format!("{quantization} ({rounded} bits rounded)")
        }
        _ => quantization.to_string(),
    }
}

/// The JSON object of `eval` and `demo` (docs/json.md).
pub fn json(report: &Report) -> Result<()> {
    let object = serde_json::to_value(report.results.record(&report.order))?;
    writeln!(stdout(), "{object:#}")?;
    Ok(())
}

/// Where `eval` says how activations became codes, if not all of them did so plainly.
const QUANTIZATION_COLUMN: usize = 3;

/// The table of `eval`.
pub fn text(report: &Report) -> Result<()> {
    let mut out = stdout().lock();
    heading(&report.results, &mut out)?;
    let float_top1 = report.results.evaluation.float.top1_accuracy();
    let mut header = vec!["multiplier", "control variate", "bits"];
    if float_top1.is_some() {
        header.extend(["top-1 %", "loss vs exact [95 %]", "p", "loss vs float [95 %]", "p"]);
    }
    header.extend(["array power", "energy nJ", "images/s", "kernel"]);
    header.extend(report.results.evaluation.float.top5_accuracy().map(|_| "top-5 %"));
    let with_quantization = report.with_quantization();
    if with_quantization {
        header.insert(QUANTIZATION_COLUMN, "quantisation");
    }
    let mut table = table(&header);
    for (index, candidate) in report.results() {
        let outcomes = &report.results.evaluation.candidates[index];
        let mut row = vec![
            multiplier_text(candidate),
            control_text(candidate),
            candidate.design.activation_bits.to_string(),
        ];
        row.extend(outcomes.top1_accuracy().map(percent));
        if let Some(exact) = report.results.loss_against_exact(index) {
            let reference = index == 0;
            row.push(if reference { "reference".into() } else { loss(&exact) });
            row.push(if reference { String::new() } else { probability(exact.mcnemar_p) });
        }
        if let Some(float) = report.results.loss_against_float(index) {
            row.extend([loss(&float), probability(float.mcnemar_p)]);
        }
        row.extend([
            power(report.results.figures[index].power),
            energy(report.results.figures[index].energy),
            format!("{:.0}", outcomes.images_per_s()),
            candidate.network.kernels().join(", "),
        ]);
        row.extend(outcomes.top5_accuracy().map(percent));
        if with_quantization {
            row.insert(QUANTIZATION_COLUMN, quantization_text(candidate));
        }
        table.add_row(row);
    }
    const NUMBERS: [&str; 7] =
        ["bits", "top-1 %", "p", "array power", "energy nJ", "images/s", "top-5 %"];
    let columns = header.iter().enumerate().filter(|(_, name)| NUMBERS.contains(name));
    align_right(&mut table, columns.map(|(column, _)| column));
    writeln!(out, "{table}")?;
    if float_top1.is_some() {
        writeln!(
            out,
            "loss in points (percent of images); p: McNemar's exact test on the same images"
        )?;
    }
    writeln!(out, "{}", costs::legend(report.measured))?;
    fidelity::print(report, &mut out)?;
    cost::print(report, &mut out)?;
    layers(report, &mut out)?;
    Ok(())
}

fn layers(report: &Report, out: &mut impl Write) -> Result<()> {
    let Some(layers) = &report.results.evaluation.layers else { return Ok(()) };
    for (index, candidate) in report.results() {
        let layers = &layers[index];
        if candidate.design.multiplier.is_exact() {
            continue;
        }
        writeln!(
            out,
            "\n{}, {}: accumulated error without and with V, in accumulator units",
            multiplier_text(candidate),
            control_text(candidate)
        )?;
        let mut table =
            table(&["layer", "mean", "std", "mean with V", "std with V", "SQNR dB", "kernel"]);
        for layer in layers {
            table.add_row(vec![
                layer.node.clone(),
                format!("{:.1}", layer.mean_before),
                format!("{:.1}", layer.std_before),
                format!("{:.1}", layer.mean_after),
                format!("{:.1}", layer.std_after),
                layer.sqnr_db.map_or("no error".into(), |db| format!("{db:.1}")),
                layer.kernel.clone(),
            ]);
        }
        align_right(&mut table, 1..=5);
        writeln!(out, "{table}")?;
    }
    Ok(())
}

/// What was evaluated, above a table.
pub fn heading(results: &Results, out: &mut impl Write) -> Result<()> {
    writeln!(out, "model        {}", results.model)?;
    writeln!(
        out,
        "data         {} images of {}, preprocess {}",
        results.images, results.data, results.preprocess
    )?;
    let Calibration { method, images, data, .. } = &results.calibration;
    writeln!(out, "calibration  {method} on {images} images, {data}")?;
    writeln!(out, "weights      {}", weights_text(results.weights, results.own_weight_codes))?;
    for ExactNode { node, operator, reason } in &results.exact_nodes {
        writeln!(out, "exact        node \"{node}\" ({operator}) runs in float32: {reason}")?;
    }
    let float = &results.evaluation.float;
    let top1 = float.top1_accuracy().map(|top1| format!("{} % top-1, ", percent(top1)));
    writeln!(out, "float32      {}{:.0} images/s", top1.unwrap_or_default(), float.images_per_s())?;
    Ok(())
}

/// Whose codes the weights are.
pub fn weights_text(scheme: WeightScheme, (own, layers): (usize, usize)) -> String {
    let sign = match scheme.coding() {
        WeightCoding::Unsigned => "unsigned",
        WeightCoding::Signed => "signed",
    };
    match own {
        0 => scheme.to_string(),
        _ if own == layers => format!("the model's own codes, {sign} in the multipliers"),
        _ => format!("{scheme}; the model's own codes in {own} of {layers} layers"),
    }
}

/// The calibration that was written.
pub fn calibration(calibration: &Calibration, target: &Path) -> Result<()> {
    let mut out = stdout().lock();
    let mut table = table(&["tensor", "min", "max", "low", "high", "scale", "zero point"]);
    for entry in &calibration.tensors {
        let number = |value: f32| format!("{value:.4}");
        table.add_row(vec![
            printable(&entry.tensor).into_owned(),
            number(entry.min),
            number(entry.max),
            number(entry.low),
            number(entry.high),
            format!("{:.6}", entry.scale),
            entry.zero_point.to_string(),
        ]);
    }
    align_right(&mut table, 1..=6);
    writeln!(out, "{table}")?;
    writeln!(
        out,
        "{} tensors, {} on {} images, {}\nwritten to {}; use it with: recoup eval {} --calibration {} ...",
        calibration.tensors.len(),
        calibration.method,
        calibration.images,
        calibration.data,
        target.display(),
        calibration.model,
        target.display()
    )?;
    if calibration.tensors.is_empty() {
        writeln!(
            out,
            "The model brings all its scales itself (QDQ): nothing was left to calibrate."
        )?;
    }
    Ok(())
}

/// The graph of `inspect`.
pub fn graph(path: &Path, graph: &Graph, as_json: bool) -> Result<()> {
    let mut out = stdout().lock();
    let rows: Vec<[String; 5]> = graph
        .nodes
        .iter()
        .map(|node| {
            let shape = |value: &usize| format!("{:?}", graph.values[*value].shape);
            let outputs: Vec<_> = node.outputs.iter().map(shape).collect();
            let (runs, macs) = match &node.kind {
                NodeKind::Mac(mac) => {
                    let own = matches!(mac.weights, Weights::Quantized(_));
                    let codes = if own {
                        "on the multipliers, the model's own codes"
                    } else {
                        "on the multipliers"
                    };
                    (codes.to_string(), mac.mac_count().to_string())
                }
                NodeKind::Operator { exact_because: Some(reason), .. } => {
                    (format!("exactly, in float32: {reason}"), String::new())
                }
                NodeKind::Operator { .. } => ("in float32".into(), String::new()),
                NodeKind::Movement(_) => ("moves codes or floats".into(), String::new()),
                NodeKind::MaxPool(_) => ("on codes or floats".into(), String::new()),
                NodeKind::GlobalAveragePool => {
                    ("sums codes, mean in float32".into(), String::new())
                }
                NodeKind::Add | NodeKind::Clip { .. } => {
                    ("with the layer before it, or in float32".into(), String::new())
                }
                NodeKind::Quantize => {
                    ("with the layer before it, or on its own".into(), String::new())
                }
                NodeKind::Recode => ("the same codes on another scale".into(), String::new()),
            };
            [node.name.clone(), node.operator.clone(), outputs.join(" "), macs, runs]
        })
        .collect();
    let total: u64 = graph.macs().map(|(_, mac)| mac.mac_count()).sum();
    let layers = graph.macs().count();
    if as_json {
        let nodes = rows.iter().map(|[node, operator, output, macs, runs]| {
            json!({ "node": node, "operator": operator, "output": output, "macs": macs.parse::<u64>().ok(), "runs": runs })
        });
        let object = json!({
            "model": path.display().to_string(),
            "sha256": graph.sha256,
            "input": graph.values[graph.inputs[0]].shape,
            "output": graph.values[graph.outputs[0]].shape,
            "inputs": tensors_json(graph, &graph.inputs, graph.input_names()),
            "outputs": tensors_json(graph, &graph.outputs, graph.output_names()),
            "macs": total,
            "nodes": nodes.collect::<Vec<_>>(),
        });
        writeln!(out, "{object:#}")?;
        return Ok(());
    }
    let mut table = table(&["node", "operator", "output", "MACs", "runs"]);
    rows.into_iter().for_each(|row| {
        table.add_row(row.to_vec());
    });
    align_right(&mut table, [3]);
    writeln!(out, "{}  SHA-256 {}", path.display(), graph.sha256)?;
    writeln!(
        out,
        "input {}, output {}; {total} MACs per image in {layers} layers on the multipliers",
        tensors_text(graph, &graph.inputs, graph.input_names()),
        tensors_text(graph, &graph.outputs, graph.output_names())
    )?;
    writeln!(out, "{table}")?;
    let exact = graph.exact_macs().count();
    if exact > 0 {
        writeln!(out, "{exact} nodes multiply outside the multipliers; see their last column")?;
    }
    Ok(())
}

/// Inputs or outputs: name and shape.
fn tensors_json(graph: &Graph, tensors: &[ValueId], names: &[String]) -> Value {
    let tensor = |(&id, name): (&ValueId, &String)| {
        let value = &graph.values[id];
        json!({ "name": name, "shape": value.shape, "integer": value.integer })
    };
    tensors.iter().zip(names).map(tensor).collect()
}

fn tensors_text(graph: &Graph, tensors: &[ValueId], names: &[String]) -> String {
    let tensor = |(&id, name): (&ValueId, &String)| {
        let value = &graph.values[id];
        let whole = if value.integer { " of whole numbers" } else { "" };
        format!("\"{}\" {:?}{whole}", printable(name), value.shape)
    };
    tensors.iter().zip(names).map(tensor).collect::<Vec<_>>().join(", ")
}

/// An empty table.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header.to_vec());
    table
}

/// Aligns columns of numbers.
pub fn align_right(table: &mut Table, columns: impl IntoIterator<Item = usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// A share in percent.
pub fn percent(share: f64) -> String {
    format!("{:.2}", 100.0 * share)
}

pub fn loss(loss: &PairedLoss) -> String {
    format!("{:.2} [{:.2}, {:.2}]", loss.points, loss.ci95[0], loss.ci95[1])
}

/// A fraction of the exact array's power; a dash where none is known.
pub fn power(fraction: Option<f64>) -> String {
    fraction.map_or("–".into(), |fraction| format!("{fraction:.2}"))
}

/// Energy of an inference, and over that of the exact network.
pub fn energy(energy: Option<Energy>) -> String {
    energy
        .map_or("–".into(), |energy| format!("{:.0} ({:.2})", energy.energy_nj, energy.relative))
}

fn probability(p: f64) -> String {
    if p < 0.001 { "<0.001".into() } else { format!("{p:.3}") }
}
