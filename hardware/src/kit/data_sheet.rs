//! The data sheet of an array: `README.md` of its folder.

use std::fmt::Write;

use super::axi::{Axi, Field, Stream, WEIGHTS};
use super::sdc::OUTSIDE;
use super::timing::Timing;
use crate::rtl::{ArrayRtl, File, SIMULATE, mac_latency, ports};

/// Every file that a design may have, and what it is.
const MEANINGS: [(&str, &str); 31] = [
    ("array.sv", "the array, synthesis top"),
    ("array_axi.sv", "the array behind AXI4-Stream, the other top"),
    ("array.f", "list of the files of both"),
    ("array.sdc", "clock and delays at the array's ports"),
    ("array_axi.sdc", "the same of array_axi"),
    ("array.json", "ports, delays and formats as data"),
    ("pe.sv", "processing element: multiplier with the partial sum in its tree, registers"),
    ("weight_gate.sv", "lets the clock through to a column's weights while they are loaded"),
    ("x_line.sv", "sums x of the control variate, once for all columns"),
    ("mac_plus.sv", "end of a column: sum of the tiles before, and V"),
    ("load_sums.sv", "beside the top of a column: sums of what it is loaded with"),
    ("constants.sv", "makes C and C0 of each column's sums, once for all columns"),
    ("multiplier.sv", "the multiplier alone: p = p(w, a)"),
    ("recoup_fa.sv", "full adder, to be mapped onto the library's cell"),
    ("recoup_ha.sv", "half adder, likewise"),
    ("recoup_clock_gate.sv", "clock gate, likewise"),
    ("recoup_delay.sv", "delay line of array_axi"),
    ("recoup_fifo.sv", "its FIFO, to be mapped onto a memory"),
    ("tb.sv", "self-checking testbench of the array, simulation top"),
    ("test_array_axi.py", "test of array_axi in cocotb"),
    ("weights.hex", "weight codes, [filter][product]"),
    ("activations.hex", "activation codes, [position][product]"),
    ("c.hex", "C of each filter"),
    ("c0.hex", "C0 of each filter"),
    ("g.hex", "what each bit of a loaded weight adds to C, in 1/256 of its unit"),
    ("m.hex", "what it adds to the mean error, in 1/256"),
    ("x0.hex", "what C is multiplied by and C0 less by"),
    ("sum_w.hex", "sum of the weights of each filter"),
    ("bias.hex", "what is added to a filter's sums behind the array"),
    ("expected.hex", "the emulator's accumulators, [position][filter]"),
    ("README.md", "this data sheet"),
];

/// The names of all files that a design may have, and of those that earlier versions wrote.
pub fn file_names() -> impl Iterator<Item = &'static str> {
    MEANINGS.iter().map(|(name, _)| *name).chain(["README.txt"])
}

/// The text of `README.md`.
pub fn data_sheet(design: &ArrayRtl, axi: Option<&Axi>, clock_ps: f64, files: &[File]) -> String {
    let options = &design.options;
    let mut text = format!(
        "# {} x {} array of {}\n\nWeight-stationary: weights stay in the processing elements (PEs), activation \
         codes move right, sums move down. Up to {} products per output, {} in one tile.\n",
        options.rows,
        options.columns,
        design.circuit.name(),
        options.depth,
        options.rows
    );
    port_table(design, &mut text);
    parameters(design, &mut text);
    delays(design, &mut text);
    use_of(design, &mut text);
    match axi {
        Some(axi) => streams(design, axi, &mut text),
        None => {
            text += "\n## AXI4-Stream\n\nThere is no wrapper for an array that makes its constants: they are made \
                     while the next\npositions wait, and when these may enter depends on the layer.\n";
        }
    }
    let _ = write!(
        text,
        "\n## Constraints\n\n`array.sdc` asks for a clock of {clock_ps} ps, with {OUTSIDE} % of it outside at \
         inputs and outputs. `ns` in it is the\nnanosecond in the library's unit of time.\n"
    );
    text +=
        "\n## Simulation\n\nThe testbench, in this folder, with Icarus Verilog or Verilator:\n\n";
    SIMULATE.iter().for_each(|command| text += &format!("    {command}\n"));
    if axi.is_some() {
        text += "\nThe wrapper, with Python, cocotb 2 and Icarus Verilog: the layer of the vectors with stalls \
                 at random,\nwithout any, and with reset in the middle:\n\n    pip install cocotb \
                 cocotbext-axi\n    python3 test_array_axi.py\n";
    }
    text += "\n## Files\n\n| file | content |\n|---|---|\n";
    for (name, meaning) in MEANINGS
        .iter()
        .filter(|(name, _)| *name == "README.md" || files.iter().any(|file| file.name == *name))
    {
        let _ = writeln!(text, "| `{name}` | {meaning} |");
    }
    text
}

fn port_table(design: &ArrayRtl, text: &mut String) {
    *text += "\n## Ports of `array`\n\n| port | direction | bits | meaning |\n|---|---|---|---|\n";
    for port in ports(design) {
        let direction = if port.input { "in" } else { "out" };
        let _ =
            writeln!(text, "| `{}` | {direction} | {} | {} |", port.name, port.width, port.meaning);
    }
    *text += "\nOf vectors of numbers, that of row or column 0 is lowest. All inputs are taken at the rising edge \
              of `clk`.\n";
}

/// What is fixed in the files, as there are no Verilog parameters.
fn parameters(design: &ArrayRtl, text: &mut String) {
    let (options, ranges) = (&design.options, &design.ranges);
    *text += "\n## Parameters\n\nThe modules have none: widths follow from these, with which they were made.\n\n";
    *text += "| parameter | value |\n|---|---|\n";
    let signed = design.circuit.coding() == recoup_kernels::WeightCoding::Signed;
    let yes = |yes: bool| if yes { "yes" } else { "no" };
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "| {name} | {value} |");
    };
    row("rows, columns", format!("{}, {}", options.rows, options.columns));
    row("products of a PE", options.products_per_pe.to_string());
    row("columns that share activation registers", options.share_columns.to_string());
    row("clocks that are gated", options.clock_gating.to_string());
    row("most products per output", options.depth.to_string());
    row("weight codes", if signed { "-128 to 127" } else { "0 to 255" }.to_owned());
    row("activation codes", "0 to 255".to_owned());
    let unit = 1u64 << design.circuit.lsb();
    let range = |range: crate::rtl::Range| {
        format!("{} to {}, {} bits", range.low, range.high, range.bits())
    };
    row("partial sum", format!("{}, in units of {unit}", range(ranges.psum)));
    if design.is_tiled() {
        row(
            "sum of all tiles before V (`acc_in`)",
            format!("{}, in units of {unit}", range(ranges.acc)),
        );
    }
    if design.has_mac_plus() {
        let unit = if design.has_v() { 1 } else { unit };
        row("`acc_out`", format!("{}, in units of {unit}", range(ranges.result)));
    }
    if let Some((_, c)) = design.term() {
        let frac = design.correction.as_ref().map_or(0, |correction| correction.c_frac);
        row("C", format!("{}, in units of 2^-{frac}", range(*c)));
        row("X", range(ranges.x));
    }
    if let Some(c0) = design.c0_in_mac() {
        row("C0", range(c0));
    }
    row("register between multiplier and adder", yes(options.pipeline).into());
    row("operands held at code 0", yes(options.zero_gating).into());
    row("x summed", if options.x_in_pe { "in every PE" } else { "in one line" }.into());
    row("constants", if options.load_constants { "made" } else { "written" }.into());
}

fn delays(design: &ArrayRtl, text: &mut String) {
    let (options, timing) = (&design.options, Timing::of(design));
    let (rows, columns) = (options.rows - 1, options.columns - 1);
    let pipeline = usize::from(options.pipeline);
    let mac = mac_latency(design);
    let _ = write!(
        text,
        "
## Delays

Cycles are counted from a position's code at row 0 of `a_in`.

| what | cycle |
|---|---|
| code of row {rows} at `a_in` | {} |
",
        timing.row(rows)
    );
    if design.is_tiled() {
        let _ =
            writeln!(text, "| sum of the tiles before at `acc_in`, column 0 | {} |", timing.acc_in);
        if design.term().is_some() {
            let _ = writeln!(text, "| X of them at `x_acc_in` | {} |", timing.x_in);
        }
    }
    if design.term().is_some() {
        let _ = writeln!(text, "| X at `x_acc_out` | {} |", timing.x_out);
    }
    let _ = write!(
        text,
        "| sum at `acc_out`, column 0 | {} |
| sum at `acc_out`, column {columns} | {} |

Latency to column 0 = rows of PEs + operand register + register behind the multiplier + end of the column
= {} + 1 + {pipeline} + {mac} = {} cycles; to the last column {} more. One position enters and one leaves each cycle. A tile of n
positions takes {} + n + {} cycles from its first weight to its last sum.
",
        timing.acc_out,
        timing.latency(),
        timing.pe_rows,
        timing.acc_out,
        timing.latency() - timing.acc_out,
        timing.pe_rows,
        timing.latency(),
    );
}

/// How to load, stream, drain and reset.
fn use_of(design: &ArrayRtl, text: &mut String) {
    let (options, timing) = (&design.options, Timing::of(design));
    let (rows, columns) = (timing.pe_rows, options.columns);
    let _ = write!(
        text,
        "
## Use of `array`

- **Load.** `load` is 1 for {rows} cycles, with the weights of the last row of PEs first. Where a filter or a product is
  missing, the weight is 0.
"
    );
    if design.load().is_none() && design.has_v() {
        let _ = writeln!(
            text,
            "- **Constants.** `c_load` is 1 for {columns} cycles, with the last column's first; before the first position of the\n  \
             tile in which they count, and not while sums of others are in the array."
        );
    }
    *text += "- **Stream.** A position's codes enter each cycle, skewed by row as above. Rows beyond the last product get a code\n  \
              with x = 0 (`padding` in `array.json`).";
    if design.is_tiled() {
        *text += " With the first tile of an output `acc_in` is 0; with others it is\n  what `acc_out` was for this \
                  position and column";
        if design.has_v() && design.circuit.lsb() > 0 {
            let _ = write!(text, ", without its {} low bits", design.circuit.lsb());
        }
        *text += ".";
        if design.term().is_some() {
            *text += " So are `x_acc_in` and `x_acc_out`.";
        }
        if design.has_v() {
            *text += "\n  `last` is 1 during the last tile.";
        }
    }
    let _ = write!(
        text,
        "
- **Drain.** Weights may be loaded again when the last position has passed the last PE; {} cycles after it entered it has also
  left the array. Nothing stops the array: sums that nobody takes are lost.
- **Reset.** No register of the array is reset: all are overwritten by what enters. After power-up, sums count from
  the first position behind a load.
- **Behind it.** The gain and bias of a filter, which V is a part of in a layer, are applied behind the array: bias.hex
  is added to a sum{}, and requantisation multiplies it by g s_w s_a.
",
        timing.latency(),
        match (design.has_v(), design.circuit.lsb()) {
            (false, lsb) if lsb > 0 => format!(" times {}", 1 << lsb),
            _ => String::new(),
        }
    );
    if design.gates_idle() {
        let _ = write!(
            text,
            "- **Idle parts.** A tile that does not fill the rows of PEs is in the last ones; those above get weights of 0 and a
  code whose x is 0. `row_on` and `column_on` are 1 while weights are loaded. {} cycles after the last weight
  `row_on` may be 0 for rows of PEs that the tile does not use, and `column_on` for columns without a filter
  at once. `array_axi` leaves all of them on.
",
            design.settling()
        );
    }
    if let Some((latency, wait)) = design.constants_latency().zip(design.constants_wait()) {
        let _ = write!(
            text,
            "- **Constants that the array makes.** A layer's numbers are written with `layer_load`, those of bit 7 of a weight first.
  Weights count for the constants while `count` is 1, the first ones of a filter with `first`. After the
  last tile `make` is 1 for {columns} cycles. {latency} cycles later `made` is 1, with the constants of the last
  column, then those of the one before it, and so on. The first position may enter {wait} cycles after
  `make` begins. `made_sum_w` are sums of weights, and `made_c0` is C0 for what is behind the array, unless
  the array adds it. What makes constants has no reset either: {latency} cycles after power-up it is clean.
"
        );
    }
}

fn streams(design: &ArrayRtl, axi: &Axi, text: &mut String) {
    *text += "\n## AXI4-Stream: `array_axi`\n\n| stream | bits | `tdata` | words of a packet |\n|---|---|---|---|\n";
    for Stream { name, bits, fields, words, meaning, .. } in &axi.streams {
        let words = words.map_or("positions".to_owned(), |words| words.to_string());
        let fields: Vec<String> = fields.iter().map(place).collect();
        let _ =
            writeln!(text, "| `{name}` | {bits} | {meaning}: {} | {words} |", fields.join("; "));
    }
    let user = axi.stream(WEIGHTS).map_or(&[][..], |weights| &weights.user);
    if !user.is_empty() {
        *text +=
            "\nWith the last word of the weights, `s_axis_weights_tuser` says what tile it is:\n\n";
        for (bit, meaning) in user.iter().enumerate() {
            let _ = writeln!(text, "- bit {bit}: {meaning}.");
        }
    }
    let results = axi.stream(super::axi::RESULTS).map_or(0, |results| results.bits + 1);
    let places = 1usize << axi.fifo_bits;
    let _ = write!(
        text,
        "
A tile is a packet on each stream that it needs; tiles may follow one another without a pause, and any stream may
stall at any word. `tlast` ends a packet. `error` becomes 1, until reset, when a packet's length is wrong: what then
comes out is wrong.

- **Backpressure.** The array cannot wait. A position enters only if there is a place for its sums in a FIFO, so no word
  is lost, and `tready` of the results reaches no register of the array. Stopping the array's clock instead would
  take no memory, but one net from `tready` to everything. The FIFO is {places} x {results} bits: {} cycles of latency, so
  that a position can enter in each. With a smaller parameter `FIFO_BITS` (now {}) it is slower, not wrong.
- **Time.** A tile takes {} cycles of loading{}, one for each position, and {} until the array is empty.
- **Reset.** `aresetn` is sampled at the rising edge of `aclk`, low for at least one cycle, at any time. What was in
  the array or the FIFO is gone; the next word is the first of a tile's weights.
",
        axi.latency,
        axi.fifo_bits,
        Timing::of(design).pe_rows,
        axi.stream(super::axi::CONSTANTS)
            .and_then(|stream| stream.words)
            .map_or(String::new(), |words| format!(", {words} of constants in the last one")),
        axi.latency + 1,
    );
}

/// Where a field is in a word.
fn place(field: &Field) -> String {
    let Field { name, low, bits, stride, count, signed } = field;
    let signed = if *signed { "signed" } else { "unsigned" };
    match count {
        1 => format!("`{name}` [{}:{low}], {signed}", low + bits - 1),
        _ => format!("{count} numbers `{name}` of {bits} bits, {signed}, every {stride} bits"),
    }
}
