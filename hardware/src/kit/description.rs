//! The array as data: `array.json`, for scripts of those who build it in.

use serde::Serialize;

use super::axi::Axi;
use super::timing::Timing;
use crate::rtl::{ArrayRtl, RtlError, Vectors, padding_code, ports};

#[derive(Serialize)]
struct Description<'a> {
    rows: usize,
    columns: usize,
    depth: usize,
    multiplier: &'a str,
    ports: Vec<Port>,
    cycles: Cycles,
    axi: Option<&'a Axi>,
    vectors: Layer,
}

#[derive(Serialize)]
struct Port {
    name: &'static str,
    direction: &'static str,
    width: usize,
    meaning: String,
}

/// Delays in clock cycles; cycle 0 is that of a position's code at row 0.
#[derive(Serialize)]
struct Cycles {
    pe_rows: usize,
    /// By row.
    row: Vec<usize>,
    /// By column.
    column: Vec<usize>,
    acc_in: usize,
    acc_out: usize,
    x_in: usize,
    x_out: usize,
    latency: usize,
}

/// What the hex files hold.
#[derive(Serialize)]
struct Layer {
    source: String,
    depth: usize,
    filters: usize,
    positions: usize,
    /// The code of rows beyond `depth`.
    padding: u8,
    /// Places that results are shifted up before the bias is added.
    result_shift: usize,
}

/// The text of `array.json`.
pub fn description(
    design: &ArrayRtl,
    vectors: &Vectors,
    axi: Option<&Axi>,
) -> Result<String, RtlError> {
    let (options, timing) = (&design.options, Timing::of(design));
    let port = |port: crate::rtl::ArrayPort| Port {
        name: port.name,
        direction: if port.input { "input" } else { "output" },
        width: port.width,
        meaning: port.meaning,
    };
    let description = Description {
        rows: options.rows,
        columns: options.columns,
        depth: options.depth,
        multiplier: design.circuit.name(),
        ports: ports(design).into_iter().map(port).collect(),
        cycles: Cycles {
            pe_rows: timing.pe_rows,
            row: (0..options.rows).map(|row| timing.row(row)).collect(),
            column: (0..options.columns).map(|column| timing.column(column)).collect(),
            acc_in: timing.acc_in,
            acc_out: timing.acc_out,
            x_in: timing.x_in,
            x_out: timing.x_out,
            latency: timing.latency(),
        },
        axi,
        vectors: Layer {
            source: vectors.source.clone(),
            depth: vectors.depth,
            filters: vectors.filters(),
            positions: vectors.positions(),
            padding: padding_code(design, vectors)?,
            result_shift: if design.has_v() { 0 } else { design.circuit.lsb() },
        },
    };
    let text = serde_json::to_string_pretty(&description).expect("numbers and words");
    Ok(text + "\n")
}
