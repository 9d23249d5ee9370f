//! The array: `array.sv`. Instances and their wires.

use std::collections::HashMap;
use std::fmt::Write;
use std::ops::Range;

use super::constants::constants;
use super::design::ArrayRtl;
use super::load::LoadShares;
use super::load_sums::load_sums;
use super::mac_plus;
use super::print::{range, unused};

/// A port of the array: its direction, name, width and meaning.
pub struct ArrayPort {
    /// Whether it is an input.
    pub input: bool,
    /// Its name.
    pub name: &'static str,
    /// Its bits.
    pub width: usize,
    /// What it carries.
    pub meaning: String,
}

/// The ports of a design's array, `clk` first.
pub fn ports(design: &ArrayRtl) -> Vec<ArrayPort> {
    let options = &design.options;
    let (rows, columns) = (options.rows, options.columns);
    let mut ports = Vec::new();
    let mut port = |input, name, width, meaning: &str| {
        ports.push(ArrayPort { input, name, width, meaning: meaning.into() });
    };
    port(true, "clk", 1, "rising edge");
    port(true, "load", 1, "weights move down one row");
    let of_pe = options.products_per_pe;
    let (weights, codes) = match of_pe {
        1 => (
            "a weight code for each column, the last row's first".to_owned(),
            "an activation code for each row, row r by r cycles later".to_owned(),
        ),
        _ => (
            format!("{of_pe} weight codes for each column, the last rows' first"),
            format!("an activation code for each row, row r by floor(r / {of_pe}) cycles later"),
        ),
    };
    if design.gates_idle() {
        let meaning = "whether a row of PEs is used, or its sums have not settled";
        port(true, "row_on", options.pe_rows(), meaning);
        port(true, "column_on", options.column_groups(), "whether columns are used");
    }
    port(true, "w_in", 8 * of_pe * columns, &weights);
    port(true, "a_in", 8 * rows, &codes);
    if let Some((_, c)) = design.term() {
        let x_bits = design.ranges.x.bits();
        if design.is_tiled() {
            port(true, "x_acc_in", x_bits, "X of the tiles before");
        }
        port(false, "x_acc_out", x_bits, "X with this tile");
        port(true, "c_load", 1, "constants move on one column");
        port(true, "c_in", c.bits(), "C, the last column's first");
    } else if design.c0_in_mac().is_some() {
        port(true, "c_load", 1, "constants move on one column");
    }
    if let Some(c0) = design.c0_in_mac() {
        port(true, "c0_in", c0.bits(), "C0, the last column's first");
    }
    if let Some(load) = design.load() {
        let has_x = design.term().is_some();
        if let LoadShares::Bits { g, m } = &load.shares {
            port(true, "layer_load", 1, "numbers of a layer move on one bit");
            if has_x {
                port(true, "g_in", g.bits(), "G of a bit of the weights, bit 7's first");
            }
            port(true, "m_in", m.bits(), "M of it");
        } else if has_x {
            port(true, "layer_load", 1, "X0 is taken");
        }
        if has_x {
            port(true, "x0_in", load.x0.bits(), "X0 of the layer");
        }
        port(true, "count", of_pe, "weights that are loaded count for the constants");
        port(true, "first", 1, "they are the first to");
        port(true, "make", 1, "constants of the next column are made, the last column's first");
        port(false, "made", 1, "those of a column are there");
        if design.c0_in_mac().is_none() {
            port(false, "made_c0", design.c0_bits(), "its C0");
        }
        port(false, "made_sum_w", load.sum_w.bits(), "the sum of its weights");
    }
    if design.is_tiled() {
        if design.has_v() {
            port(true, "last", 1, "this is the last tile: V is added");
        }
        let bits = design.ranges.acc.bits();
        port(true, "acc_in", bits * columns, "sums of the tiles before");
    }
    let meaning = match options.share_columns {
        1 => "a sum for each column, column c by c cycles later".to_owned(),
        shared => format!("a sum for each column, column c by floor(c / {shared}) cycles later"),
    };
    port(false, "acc_out", result_bits(design) * columns, &meaning);
    ports
}

/// Bits of one column's output.
pub fn result_bits(design: &ArrayRtl) -> usize {
    if design.has_mac_plus() { design.ranges.result.bits() } else { design.ranges.psum.bits() }
}

/// Whether a column's output is two's complement.
pub fn result_is_signed(design: &ArrayRtl) -> bool {
    design.ranges.result.is_signed()
}

/// The text of `array.sv`.
pub fn array(design: &ArrayRtl) -> String {
    let options = &design.options;
    let mut text = format!(
        "// {} rows x {} columns of {}: weights stay, activations move right, sums move down.\n",
        options.rows,
        options.columns,
        design.circuit.name()
    );
    text += "module array (\n";
    let ports = ports(design);
    for (index, port) in ports.iter().enumerate() {
        let direction = if port.input { "input" } else { "output" };
        let comma = if index + 1 < ports.len() { "," } else { "" };
        let (range, name, meaning) = (range(port.width), port.name, &port.meaning);
        let _ = writeln!(text, "    {direction} wire{range} {name}{comma}  // {meaning}");
    }
    text += ");\n";
    rows(design, &mut text);
    if design.x_in_line().is_some() {
        x_line(design, &mut text);
    }
    if design.load().is_some() {
        load_path(design, &mut text);
    }
    columns(design, &mut text);
    text += &unused(unread(design, &text));
    text + "endmodule\n"
}

/// Bits of codes that no PE has a product for, and what the last PEs, load sums and MAC+ hand on.
fn unread(design: &ArrayRtl, text: &str) -> Vec<String> {
    let options = &design.options;
    let of_codes = |port, codes: usize, read: &[usize]| {
        let bits: Vec<usize> = (0..8).filter(|bit| !read.contains(bit)).collect();
        let bits = (!bits.is_empty()).then_some(bits).into_iter();
        let codes = (0..codes).flat_map(move |code| bits.clone().map(move |bits| (code, bits)));
        codes.map(move |(code, bits)| select(port, code..code + 1, &bits)).collect::<Vec<_>>()
    };
    let mut unread = Vec::new();
    // The sums of what is loaded read whole codes, as the x line does.
    if design.load().is_none() {
        let codes = options.columns * options.products_per_pe;
        unread.extend(of_codes("w_in", codes, &design.pe_weight_bits()));
    }
    if design.x_in_line().is_none() {
        unread.extend(of_codes("a_in", options.rows, &design.pe_activation_bits()));
    }
    // A wire stands where it is declared, where it is driven, if that is elsewhere, and where it is
    // read.
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for name in text.split(|c: char| !c.is_alphanumeric() && c != '_') {
        *counts.entry(name).or_default() += 1;
    }
    for line in text.lines() {
        let Some(declared) = line.strip_prefix("  wire") else { continue };
        let declared = declared.trim_end_matches(';');
        let (declared, driven) = match declared.split_once(" = ") {
            Some((declared, _)) => (declared, 1),
            None => (declared, 2),
        };
        let name = declared.rsplit(' ').next().unwrap_or(declared);
        if counts[name] == driven {
            unread.push(name.to_owned());
        }
    }
    unread
}

/// The PEs, row by row. `w_r_c`, `a_r_c`, `psum_r_c` are what PE r, c receives, of which c counts the
/// groups of columns that share one.
fn rows(design: &ArrayRtl, text: &mut String) {
    let options = &design.options;
    let (weights, activations) = (design.pe_weight_bits(), design.pe_activation_bits());
    let (products, shared) = (options.products_per_pe, options.share_columns);
    let psum_bits = design.ranges.psum.bits();
    let x_bits = if design.x_in_pe().is_some() { design.ranges.x.bits() } else { 0 };
    let gating = options.zero_gating;
    // (name of the wire, bits, moves down)
    let wires: Vec<(&str, usize, bool)> = [
        ("w", shared * products * weights.len(), true),
        ("a", products * activations.len(), false),
        ("zero", usize::from(gating), false),
        ("psum", shared * psum_bits, true),
        ("x", x_bits, true),
    ]
    .into_iter()
    .filter(|(_, bits, _)| *bits > 0)
    .collect();
    let _ =
        writeln!(text, "\n  // The top: weights come in, sums start with what the PEs leave out.");
    for column in 0..options.column_groups() {
        for &(name, bits, _) in wires.iter().filter(|(_, _, down)| *down) {
            let value = match name {
                "w" => {
                    let codes = shared * products;
                    select("w_in", codes * column..codes * (column + 1), &weights)
                }
                "psum" if shared == 1 => format!("{bits}'d{}", design.psum_start()),
                "psum" => format!("{{{shared}{{{psum_bits}'d{}}}}}", design.psum_start()),
                _ if !design.is_tiled() => format!("{bits}'d0"),
                _ if column == 0 => "x_acc_in".into(),
                _ => {
                    let _ = writeln!(
                        text,
                        "  reg{} x_top_{column};\n  always @(posedge clk) x_top_{column} <= {};",
                        range(bits),
                        if column == 1 {
                            "x_acc_in".into()
                        } else {
                            format!("x_top_{}", column - 1)
                        },
                    );
                    format!("x_top_{column}")
                }
            };
            let _ = writeln!(text, "  wire{} {name}_0_{column} = {value};", range(bits));
        }
    }
    if design.gates_weights() {
        for column in 0..options.column_groups() {
            let _ = writeln!(
                text,
                "  wire w_gclk_{column};\n  weight_gate weight_gate_{column} (.clk(clk), \
                 .load(load), .w_gclk(w_gclk_{column}));"
            );
        }
    }
    let bit = |name: &str, at: usize, of: usize| match of {
        1 => format!(".{name}({name})"),
        _ => format!(".{name}({name}[{at}])"),
    };
    for row in 0..options.pe_rows() {
        let codes = products * row..products * (row + 1);
        let _ = writeln!(text, "\n  // Row {row}.");
        for &(name, bits, _) in wires.iter().filter(|(_, _, down)| !*down) {
            let value = match name {
                "a" => select("a_in", codes.clone(), &activations),
                _ => {
                    let bits = products * activations.len();
                    format!("{} == {bits}'d0", select("a_in", codes.clone(), &activations))
                }
            };
            let _ = writeln!(text, "  wire{} {name}_{row}_0 = {value};", range(bits));
        }
        for column in 0..options.column_groups() {
            let mut connections = vec![".clk(clk)".to_string()];
            connections.push(match design.gates_weights() {
                true => format!(".w_gclk(w_gclk_{column})"),
                false => ".load(load)".to_owned(),
            });
            if design.gates_idle() {
                connections.push(bit("row_on", row, options.pe_rows()));
                connections.push(bit("column_on", column, options.column_groups()));
            }
            for &(name, bits, down) in &wires {
                let (to_row, to_column) = if down { (row + 1, column) } else { (row, column + 1) };
                let _ = writeln!(text, "  wire{} {name}_{to_row}_{to_column};", range(bits));
                connections.push(format!(".{name}_in({name}_{row}_{column})"));
                connections.push(format!(".{name}_out({name}_{to_row}_{to_column})"));
            }
            let _ = writeln!(text, "  pe pe_{row}_{column} ({});", connections.join(", "));
        }
    }
}

fn x_line(design: &ArrayRtl, text: &mut String) {
    let bits = range(design.ranges.x.bits());
    let x_in = if design.is_tiled() { ", .x_in(x_acc_in)" } else { "" };
    let _ = write!(
        text,
        "\n  // X, once for all columns.\n  wire{bits} column_x_0;\n  x_line x_line (.clk(clk), \
         .a(a_in){x_in}, .x_out(column_x_0));\n  assign x_acc_out = column_x_0;\n",
    );
}

/// What adds up weights and makes constants of them.
fn load_path(design: &ArrayRtl, text: &mut String) {
    let Some((sums, constants)) = load_sums(design).zip(constants(design)) else { return };
    let bits = sums.output_widths().next().map_or(0, |(_, width)| width);
    let (columns, codes) = (design.options.columns, design.options.products_per_pe);
    let _ = writeln!(
        text,
        "\n  // What the columns are loaded with, and its constants.\n  wire{0} sums_0 = {bits}'d0;",
        range(bits)
    );
    for column in 0..columns {
        let _ = writeln!(
            text,
            "  wire{} sums_{next};\n  load_sums load_sums_{column} (.clk(clk), .count(count), \
             .first(first), .make(make), .w(w_in[{}:{}]), .sums_in(sums_{column}), \
             .sums_out(sums_{next}));",
            range(bits),
            8 * codes * (column + 1) - 1,
            8 * codes * column,
            next = column + 1,
        );
    }
    let mut connections = vec![".clk(clk)".to_string()];
    for (name, _) in constants.inputs() {
        let value = if name == "sums" { format!("sums_{columns}") } else { name.to_string() };
        connections.push(format!(".{name}({value})"));
    }
    for (name, width) in constants.output_widths() {
        let value = match name {
            "c_load_out" | "c_out" | "c0_out" => {
                let wire = format!("chain_made_{}", name.trim_end_matches("_out"));
                let _ = writeln!(text, "  wire{} {wire};", range(width));
                wire
            }
            name => name.to_string(),
        };
        connections.push(format!(".{name}({value})"));
    }
    let _ = writeln!(text, "  constants constants ({});", connections.join(", "));
}

/// What stands under the columns.
fn columns(design: &ArrayRtl, text: &mut String) {
    let (rows, columns) = (design.options.pe_rows(), design.options.column_groups());
    let out = design.options.share_columns * result_bits(design);
    let slice = |bits: usize, column: usize| match bits {
        1 if columns == 1 => String::new(),
        1 => format!("[{column}]"),
        _ => format!("[{}:{}]", bits * (column + 1) - 1, bits * column),
    };
    text.push_str("\n  // The ends of the columns.\n");
    if design.x_in_pe().is_some() {
        let _ = writeln!(text, "  assign x_acc_out = x_{rows}_0;");
    }
    let Some(module) = mac_plus::mac_plus(design) else {
        for column in 0..columns {
            let _ =
                writeln!(text, "  assign acc_out{} = psum_{rows}_{column};", slice(out, column));
        }
        return;
    };
    // Constants, X and the mark of the last tile go from column to column.
    let chained = |name: &str| -> Option<String> {
        let wire = match name {
            "c_in" | "c_out" => "c",
            "c0_in" | "c0_out" => "c0",
            "last_in" | "last_out" => "last",
            "x_in" | "x_out" if design.x_in_pe().is_none() => "x",
            _ => return None,
        };
        Some(format!("column_{wire}"))
    };
    let [c, c0, c_load] = match design.load().is_some() {
        true => ["chain_made_c", "chain_made_c0", "chain_made_c_load"],
        false => ["c_in", "c0_in", "c_load"],
    };
    for (port, first) in [("c_in", c), ("c0_in", c0), ("last_in", "last")] {
        if let Some((_, width)) = module.inputs().find(|(name, _)| *name == port) {
            let wire = chained(port).expect("a chained port");
            let _ = writeln!(text, "  wire{} {wire}_0 = {first};", range(width));
        }
    }
    for column in 0..columns {
        let mut connections = Vec::new();
        if module.has_registers() {
            connections.push(".clk(clk)".to_string());
        }
        for (name, width) in module.inputs() {
            let value = match (chained(name), name) {
                (Some(wire), _) => format!("{wire}_{column}"),
                (None, "psum") => format!("psum_{rows}_{column}"),
                (None, "acc_in") => format!("acc_in{}", slice(width, column)),
                (None, "x_in") => format!("x_{rows}_{column}"),
                (None, "c_load") => c_load.to_string(),
                (None, name) => name.to_string(),
            };
            connections.push(format!(".{name}({value})"));
        }
        for (name, width) in module.output_widths() {
            let value = match chained(name) {
                Some(wire) => {
                    let _ = writeln!(text, "  wire{} {wire}_{};", range(width), column + 1);
                    format!("{wire}_{}", column + 1)
                }
                None => format!("acc_out{}", slice(width, column)),
            };
            connections.push(format!(".{name}({value})"));
        }
        let _ = writeln!(text, "  mac_plus mac_plus_{column} ({});", connections.join(", "));
    }
}

/// These bits of some codes in a vector of codes, as an expression.
fn select(port: &str, codes: Range<usize>, bits: &[usize]) -> String {
    let bits: Vec<usize> =
        codes.flat_map(|code| bits.iter().map(move |bit| 8 * code + bit)).collect();
    let mut parts: Vec<String> = Vec::new();
    let mut end = bits.len();
    while end > 0 {
        let mut start = end - 1;
        while start > 0 && bits[start - 1] + 1 == bits[start] {
            start -= 1;
        }
        parts.push(match bits[start] {
            low if start + 1 == end => format!("{port}[{low}]"),
            low => format!("{port}[{}:{low}]", bits[end - 1]),
        });
        end = start;
    }
    if parts.len() == 1 { parts.remove(0) } else { format!("{{{}}}", parts.join(", ")) }
}
