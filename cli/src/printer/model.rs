//! A network, as `inspect` prints it.

use std::io::{Write, stdout};
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use recoup_circuits::printable;
use recoup_core::model::{Graph, NodeKind, Operand, ValueId, Weights};
use recoup_core::quantize::operators_on_codes;

use super::tables::{align_right, name, table};

/// The graph of `inspect`.
pub fn graph(path: &Path, graph: &Graph, as_json: bool) -> Result<()> {
    let mut out = stdout().lock();
    let on_codes = operators_on_codes(graph);
    let rows: Vec<[String; 5]> = graph
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| {
            let shape = |value: &usize| format!("{:?}", graph.values[*value].shape);
            let outputs: Vec<_> = node.outputs.iter().map(shape).collect();
            let (runs, macs) = match &node.kind {
                NodeKind::Mac(mac) => {
                    let codes = match &mac.loaded {
                        Operand::Constant(Weights::Quantized(_)) => {
                            "on the multipliers, the model's own codes"
                        }
                        Operand::Constant(Weights::Float(_)) => "on the multipliers",
                        Operand::Value { .. } if graph.has_exact_products(mac) => {
                            "on an exact array of their own, both operands activations"
                        }
                        Operand::Value { .. } => "on the multipliers, both operands activations",
                    };
                    (codes.to_string(), mac.mac_count().to_string())
                }
                NodeKind::Operator { exact_because: Some(reason), .. } => {
                    (format!("exactly, in float32: {reason}"), String::new())
                }
                NodeKind::Operator { .. } if on_codes[index] => {
                    ("from codes to codes".into(), String::new())
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
    rows.into_iter().for_each(|[node, operator, output, macs, runs]| {
        table.add_row([name(&node), operator, output, macs, runs]);
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
