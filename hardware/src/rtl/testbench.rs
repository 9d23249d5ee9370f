//! The self-checking testbench: `tb.sv` and its vectors.
//!
//! It feeds the array tile by tile, as a controller would: weights down the columns, activations
//! skewed by a cycle per row, accumulators and X of the tiles before. It decides and reads at the
//! falling edge; inputs change with the rising edge like registers, so that no order of events
//! matters and simulators agree.

use recoup_core::control_variate::LoadConstants;
use recoup_core::multiplier::code_value;

use super::array::{self, ArrayPort};
use super::design::ArrayRtl;
use super::error::RtlError;
use super::files::File;
use super::load::{LoadPath, LoadShares, settings};
use super::mac_plus;
use super::print::{self, range};
use super::range::Range;
use super::vectors::Vectors;
use super::x_function::XFunction;

/// Lines from `//if name` to `//end` are there if the condition `name` holds; `{{name}}` is a value.
const TEMPLATE: &str = include_str!("testbench.sv");

/// `tb.sv` with its hex files.
///
/// # Errors
/// When the vectors do not fit the design.
pub fn testbench(design: &ArrayRtl, vectors: &Vectors) -> Result<Vec<File>, RtlError> {
    check(design, vectors)?;
    let padding = Padding::new(design, vectors)?;
    let bytes = |codes: &[u8]| codes.iter().map(|code| format!("{code:02x}\n")).collect::<String>();
    let words = |values: &mut dyn Iterator<Item = i64>, bits: usize| {
        let masked = values.map(|value| value & ((1 << bits) - 1));
        masked.map(|value| format!("{value:0width$x}\n", width = bits.div_ceil(4))).collect()
    };
    let wide = |values: &[i32]| values.iter().copied().map(i64::from).collect::<Vec<_>>();
    let mut files = vec![
        File::new("tb.sv", text(design, vectors, &padding)),
        File::new("weights.hex", bytes(&vectors.weights)),
        File::new("activations.hex", bytes(&vectors.activations)),
    ];
    if let Some((load, layer)) = made(design, vectors) {
        let ([g, m], x0) = settings(layer);
        let has_x = design.term().is_some();
        if let LoadShares::Bits { g: g_range, m: m_range } = &load.shares {
            if has_x {
                files.push(File::new("g.hex", words(&mut g.into_iter(), g_range.bits())));
            }
            files.push(File::new("m.hex", words(&mut m.into_iter(), m_range.bits())));
        }
        if has_x {
            files.push(File::new("x0.hex", words(&mut [x0].into_iter(), load.x0.bits())));
        }
        let sums = words(&mut sums_of_weights(design, vectors).into_iter(), 32);
        files.push(File::new("sum_w.hex", sums));
    }
    if let Some((_, c)) = design.term().filter(|_| made(design, vectors).is_none()) {
        files.push(File::new("c.hex", words(&mut wide(&vectors.c).into_iter(), c.bits())));
    }
    if let Some(c0) = design.c0_in_mac().filter(|_| made(design, vectors).is_none()) {
        files.push(File::new("c0.hex", words(&mut wide(&vectors.c0).into_iter(), c0.bits())));
    }
    files.push(File::new("bias.hex", words(&mut bias(design, vectors, &padding).into_iter(), 32)));
    let expected = wide(&vectors.expected);
    files.push(File::new("expected.hex", words(&mut expected.into_iter(), 32)));
    Ok(files)
}

/// What makes the constants of these vectors, if the array does.
fn made<'a>(
    design: &'a ArrayRtl,
    vectors: &'a Vectors,
) -> Option<(&'a LoadPath, &'a LoadConstants)> {
    design.load().zip(vectors.load.as_deref())
}

/// sum w of each filter.
fn sums_of_weights(design: &ArrayRtl, vectors: &Vectors) -> Vec<i64> {
    let value = |&w: &u8| i64::from(code_value(w, design.circuit.coding()));
    let filters = vectors.weights.chunks(vectors.depth);
    filters.map(|weights| weights.iter().map(value).sum()).collect()
}

/// What is added behind the array, with the bias of a layer: C0 unless the array makes it or MAC+
/// adds it, what a circuit of signed operands leaves out (eq. (2.5)), and what padded rows added.
fn bias(design: &ArrayRtl, vectors: &Vectors, padding: &Padding) -> Vec<i64> {
    let circuit = &design.circuit;
    let inside = design.options.c0_in_mac || made(design, vectors).is_some();
    let c0 = |filter: usize| match inside {
        true => 0,
        false => vectors.c0.get(filter).map_or(0, |&c0| i64::from(c0)),
    };
    sums_of_weights(design, vectors)
        .into_iter()
        .enumerate()
        .map(|(filter, sum)| {
            c0(filter) + i64::from(circuit.weight_factor()) * sum - padding.product
        })
        .collect()
}

/// The rows of the last tile beyond k: weight 0, and a code with x = 0.
struct Padding {
    code: u8,
    /// What their products sum up to.
    product: i64,
}

impl Padding {
    fn new(design: &ArrayRtl, vectors: &Vectors) -> Result<Self, RtlError> {
        let rows = design.options.rows;
        let padded = vectors.depth.div_ceil(rows) * rows - vectors.depth;
        let x = |code: &u8| design.term().map_or(0, |(x, _)| XFunction::value(x, *code));
        let Some(code) = (0..=255).find(|code| x(code) == 0) else {
            if padded == 0 {
                return Ok(Self { code: 0, product: 0 });
            }
            return Err(RtlError::Vectors {
                found: format!("{} products per output, and x is 0 for no code", vectors.depth),
                expected: format!("a multiple of {rows} products, as no row can be left idle"),
            });
        };
        let product = padded as i64 * i64::from(design.circuit.product(0, code));
        Ok(Self { code, product })
    }
}

/// The code of the rows beyond k.
pub(crate) fn padding_code(design: &ArrayRtl, vectors: &Vectors) -> Result<u8, RtlError> {
    Ok(Padding::new(design, vectors)?.code)
}

fn check(design: &ArrayRtl, vectors: &Vectors) -> Result<(), RtlError> {
    let error = |found: String, expected: String| Err(RtlError::Vectors { found, expected });
    if vectors.depth > design.options.depth {
        return error(
            format!("{} products per output", vectors.depth),
            format!("at most {}", design.options.depth),
        );
    }
    if made(design, vectors).is_some_and(|(load, layer)| !load.makes(layer)) {
        return error(
            "a layer that images load".into(),
            "one whose constants the array makes".into(),
        );
    }
    if let Some((_, range)) = design.term() {
        let outside = |&&c: &&i32| i64::from(c) < range.low || i64::from(c) > range.high;
        if let Some(c) = vectors.c.iter().find(outside) {
            return error(format!("C = {c}"), format!("{} to {}", range.low, range.high));
        }
    }
    Ok(())
}

/// `tb.sv` from its template.
fn text(design: &ArrayRtl, vectors: &Vectors, padding: &Padding) -> String {
    let mut text = String::new();
    let mut included = true;
    for line in TEMPLATE.lines() {
        match line.strip_prefix("//") {
            Some("end") => included = true,
            Some(mark) if mark.starts_with("if ") => included = holds(&mark[3..], design, vectors),
            _ if included => {
                fill(line, &mut text, |name| value(name, design, vectors, padding));
                text.push('\n');
            }
            _ => {}
        }
    }
    text
}

/// Adds a line of the template, with its values.
fn fill(line: &str, text: &mut String, value: impl Fn(&str) -> String) {
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").expect("a placeholder ends on its line");
        text.push_str(before);
        text.push_str(&value(name));
        rest = after;
    }
    text.push_str(rest);
}

/// The conditions of the template.
fn holds(name: &str, design: &ArrayRtl, vectors: &Vectors) -> bool {
    let (tiled, has_x) = (design.is_tiled(), design.term().is_some());
    let made = made(design, vectors);
    let of_bits = made.is_some_and(|(load, _)| matches!(load.shares, LoadShares::Bits { .. }));
    let (c, c0) = match made {
        Some(_) => (false, false),
        None => (has_x, design.c0_in_mac().is_some()),
    };
    match name {
        "path" => design.load().is_some(),
        "made" => made.is_some(),
        "given" => made.is_none(),
        "made_bits" => of_bits,
        "made_g" => of_bits && has_x,
        "made_x" => made.is_some() && has_x,
        "made_layer" => of_bits || made.is_some() && has_x,
        "made_c0" => made.is_some() && design.c0_in_mac().is_none(),
        "idle" => design.gates_idle(),
        "tiled" => tiled,
        "untiled" => !tiled,
        "tiled_x" => tiled && has_x,
        "tiled_v" => tiled && design.has_v(),
        "c" => c,
        "c0" => c0,
        "constants" => c || c0,
        _ => unreachable!("the template has a condition {name}"),
    }
}

/// The values of the template.
fn value(name: &str, design: &ArrayRtl, vectors: &Vectors, padding: &Padding) -> String {
    let options = &design.options;
    let (filters, positions) = (vectors.filters(), vectors.positions());
    let mac = mac_plus::latency(design);
    let psum_delay = design.psum_delay();
    let x_in_delay = if options.x_in_pe { 1 } else { options.pe_rows() };
    let x_out_delay = if options.x_in_pe { options.pe_rows() + 1 } else { psum_delay };
    // Inputs come from registers of the testbench.
    let driven = 1;
    let result_bits = array::result_bits(design);
    let acc_bits = design.ranges.acc.bits();
    let (lsb, has_v) = (design.circuit.lsb(), design.has_v());
    let slice = |bits: usize| match bits * options.columns {
        1 => String::new(),
        _ => format!("[{bits}*column +: {bits}]"),
    };
    let load = design.load();
    let bits_of = |range: fn(&LoadPath) -> Option<Range>| {
        load.and_then(range).map_or_else(String::new, |of| print::range(of.bits()))
    };
    let number = match name {
        "rows" => options.rows,
        "columns" => options.columns,
        "products" => options.products_per_pe,
        "shared" => options.share_columns,
        "depth" => vectors.depth,
        "filters" => filters,
        "positions" => positions,
        "loads" => vectors.loads,
        "latency" => design.constants_latency().unwrap_or(0),
        "first" => (vectors.depth.min(options.rows) - 1) / options.products_per_pe,
        "wait" => design.constants_wait().unwrap_or(0),
        "tiles" => vectors.depth.div_ceil(options.rows),
        "blocks" => filters.div_ceil(options.columns),
        "cycles" => positions + driven + psum_delay + mac + options.column_groups(),
        "acc_in_delay" => psum_delay,
        "acc_out_delay" => driven + psum_delay + mac,
        "x_in_delay" => x_in_delay,
        "x_out_delay" => driven + x_out_delay,
        "padding" => usize::from(padding.code),
        // With V the result is in units of 1 already.
        "result_shift" if has_v => 0,
        "result_shift" => lsb,
        "settling" => design.settling(),
        "of_row" if options.pe_rows() == 1 => return String::new(),
        "of_row" => return "[row]".to_owned(),
        "of_group" if options.column_groups() == 1 => return String::new(),
        "of_group" => return "[column / SHARED]".to_owned(),
        "of_product" if options.products_per_pe == 1 => return String::new(),
        "of_product" => return "[product]".to_owned(),
        "source" => return vectors.source.clone(),
        "signals" => return signals(design),
        "registers" => return registers(design),
        "connections" => return connections(design),
        "c_range" => return design.term().map_or_else(String::new, |(_, c)| range(c.bits())),
        "c0_range" => return design.c0_in_mac().map_or_else(String::new, |c0| range(c0.bits())),
        "g_range" => return bits_of(|load| load.shares.bits().map(|[g, _]| g)),
        "m_range" => return bits_of(|load| load.shares.bits().map(|[_, m]| m)),
        "x0_range" => return bits_of(|load| Some(load.x0)),
        "sum_w_range" => return bits_of(|load| Some(load.sum_w)),
        "made_c0_range" => return print::range(design.c0_bits()),
        "made_c0_value" if design.correction.as_ref().is_some_and(|it| it.c0.is_signed()) => {
            return "$signed(c0_of[column])".to_owned();
        }
        "made_c0_value" => return "c0_of[column]".to_owned(),
        "acc_range" => return range(acc_bits),
        "x_range" => return range(design.ranges.x.bits()),
        "result_range" => return range(result_bits),
        "acc_slice" => return slice(acc_bits),
        "result_slice" => return slice(result_bits),
        "result" if array::result_is_signed(design) => return "$signed(result)".to_owned(),
        "result" => return "result".to_owned(),
        "kept_shift" if has_v && lsb > 0 => return format!(" >> {lsb}"),
        "kept_shift" => return String::new(),
        _ => unreachable!("the template has a value {name}"),
    };
    number.to_string()
}

/// A wire or register of the testbench for each port but the clock.
fn signals(design: &ArrayRtl) -> String {
    let signal = |port: &ArrayPort| {
        let (range, name) = (range(port.width), port.name);
        match port.input {
            true => format!("  reg{range} {name} = 0, next_{name} = 0;"),
            false => format!("  wire{range} {name};"),
        }
    };
    array::ports(design)[1..].iter().map(signal).collect::<Vec<_>>().join("\n")
}

/// The registers take what comes next.
fn registers(design: &ArrayRtl) -> String {
    let ports = array::ports(design);
    let inputs = ports[1..].iter().filter(|port| port.input);
    inputs.map(|port| format!("    {0} <= next_{0};", port.name)).collect::<Vec<_>>().join("\n")
}

fn connections(design: &ArrayRtl) -> String {
    let ports = array::ports(design);
    ports.iter().map(|port| format!(".{0}({0})", port.name)).collect::<Vec<_>>().join(", ")
}
