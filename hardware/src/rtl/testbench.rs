//! The self-checking testbench: `tb.sv` and its vectors.
//!
//! It feeds the array tile by tile, as a controller would: weights down the columns, activations
//! skewed by a cycle per row, accumulators and X of the tiles before. It decides and reads at the
//! falling edge; inputs change with the rising edge like registers, so that no order of events
//! matters and simulators agree.

use std::fmt::Write;

use recoup_core::multiplier::code_value;

use super::array;
use super::design::Design;
use super::error::RtlError;
use super::files::File;
use super::mac_plus;
use super::print::range;
use super::vectors::Vectors;
use super::x_function::XFunction;

/// `tb.sv` with its hex files.
///
/// # Errors
/// When the vectors do not fit the design.
pub fn testbench(design: &Design, vectors: &Vectors) -> Result<Vec<File>, RtlError> {
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
    if let Some((_, c)) = design.term() {
        files.push(File::new("c.hex", words(&mut wide(&vectors.c).into_iter(), c.bits())));
    }
    if let Some(c0) = design.c0_in_mac() {
        files.push(File::new("c0.hex", words(&mut wide(&vectors.c0).into_iter(), c0.bits())));
    }
    files.push(File::new("bias.hex", words(&mut bias(design, vectors, &padding).into_iter(), 32)));
    let expected = wide(&vectors.expected);
    files.push(File::new("expected.hex", words(&mut expected.into_iter(), 32)));
    Ok(files)
}

/// What is added behind the array, with the bias of a layer: C0 unless MAC+ does, what a circuit
/// of signed operands leaves out (eq. (46)), and what padded rows added.
fn bias(design: &Design, vectors: &Vectors, padding: &Padding) -> Vec<i64> {
    let circuit = &design.circuit;
    let c0 = |filter: usize| match design.options.c0_in_mac {
        true => 0,
        false => vectors.c0.get(filter).map_or(0, |&c0| i64::from(c0)),
    };
    let filters = vectors.weights.chunks(vectors.depth).enumerate();
    filters
        .map(|(filter, weights)| {
            let sum: i64 =
                weights.iter().map(|&w| i64::from(code_value(w, circuit.coding()))).sum();
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
    fn new(design: &Design, vectors: &Vectors) -> Result<Self, RtlError> {
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

fn check(design: &Design, vectors: &Vectors) -> Result<(), RtlError> {
    let error = |found: String, expected: String| Err(RtlError::Vectors { found, expected });
    if vectors.depth > design.options.depth {
        return error(
            format!("{} products per output", vectors.depth),
            format!("at most {}", design.options.depth),
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

fn text(design: &Design, vectors: &Vectors, padding: &Padding) -> String {
    let options = &design.options;
    let (filters, positions) = (vectors.filters(), vectors.positions());
    let (tiled, has_v) = (design.is_tiled(), design.has_v());
    let late = usize::from(options.pipeline);
    let mac = mac_plus::latency(design);
    // From a code at row 0 to the partial sum of column 0: operand register, the rows, the sum.
    let psum_delay = options.rows + 1 + late;
    let x_in_delay = if options.x_in_pe { 1 } else { options.rows };
    let x_out_delay = if options.x_in_pe { options.rows + 1 } else { psum_delay };
    // Inputs come from registers of the testbench.
    let driven = 1;
    let cycles = positions + driven + psum_delay + mac + options.columns;
    let lsb = design.circuit.lsb();
    let result_bits = array::result_bits(design);
    let x_bits = design.ranges.x.bits();
    let acc_bits = design.ranges.acc.bits();
    let mut text = format!(
        "// Testbench: {filters} filters of {} products at {positions} positions, {};\n\
         // expected accumulators (acc* of the emulator) in expected.hex.\n\
         module tb;\n",
        vectors.depth, vectors.source
    );
    for (name, value) in [
        ("ROWS", options.rows),
        ("COLUMNS", options.columns),
        ("DEPTH", vectors.depth),
        ("FILTERS", filters),
        ("POSITIONS", positions),
        ("TILES", vectors.depth.div_ceil(options.rows)),
        ("BLOCKS", filters.div_ceil(options.columns)),
        ("CYCLES", cycles),
        ("ACC_IN_DELAY", psum_delay),
        ("ACC_OUT_DELAY", driven + psum_delay + mac),
        ("X_IN_DELAY", x_in_delay),
        ("X_OUT_DELAY", driven + x_out_delay),
        ("PADDING", usize::from(padding.code)),
    ] {
        let used = match name {
            "X_IN_DELAY" | "X_OUT_DELAY" => tiled && design.term().is_some(),
            "ACC_IN_DELAY" => tiled,
            _ => true,
        };
        if used {
            let _ = writeln!(text, "  localparam integer {name} = {value};");
        }
    }
    let ports = array::ports(design);
    text.push_str("\n  reg clk = 1'b0;\n  always #5 clk = !clk;\n");
    for port in &ports[1..] {
        let (range, name) = (range(port.width), port.name);
        let _ = match port.input {
            true => writeln!(text, "  reg{range} {name} = 0, next_{name} = 0;"),
            false => writeln!(text, "  wire{range} {name};"),
        };
    }
    text.push_str("  always @(posedge clk) begin\n");
    for port in ports[1..].iter().filter(|port| port.input) {
        let _ = writeln!(text, "    {0} <= next_{0};", port.name);
    }
    text.push_str("  end\n");
    let connections: Vec<String> =
        ports.iter().map(|port| format!(".{0}({0})", port.name)).collect();
    let _ = writeln!(text, "  array dut ({});\n", connections.join(", "));
    let memory = |text: &mut String, bits: usize, name: &str, entries: &str| {
        let _ = writeln!(text, "  reg{} {name} [0:{entries}-1];", range(bits));
    };
    memory(&mut text, 8, "weights", "FILTERS*DEPTH");
    memory(&mut text, 8, "activations", "POSITIONS*DEPTH");
    memory(&mut text, 32, "bias", "FILTERS");
    memory(&mut text, 32, "expected", "POSITIONS*FILTERS");
    let mut loaded = vec!["weights", "activations", "bias", "expected"];
    let mut constants = Vec::new();
    if let Some((_, c)) = design.term() {
        constants.push(("c", c.bits()));
    }
    if let Some(c0) = design.c0_in_mac() {
        constants.push(("c0", c0.bits()));
    }
    for &(name, bits) in &constants {
        memory(&mut text, bits, name, "FILTERS");
        loaded.push(name);
    }
    let keeps_x = tiled && design.term().is_some();
    if tiled {
        text.push_str("  // What a controller keeps from tile to tile.\n");
        memory(&mut text, acc_bits, "acc", "COLUMNS*POSITIONS");
    }
    if keeps_x {
        memory(&mut text, x_bits, "x_acc", "POSITIONS");
    }
    let _ = write!(
        text,
        "  integer block, tile, step, cycle, row, column, position, filter, index;\n\
         \x20 integer checked, failures;\n\
         \x20 reg{} result;\n\
         \x20 reg [31:0] total;\n\n\
         \x20 initial begin\n",
        range(result_bits)
    );
    for name in loaded {
        let _ = writeln!(text, "    $readmemh(\"{name}.hex\", {name});");
    }
    text.push_str("    checked = 0;\n    failures = 0;\n");
    text.push_str("    for (block = 0; block < BLOCKS; block = block + 1) begin\n");
    if !constants.is_empty() {
        text.push_str(
            "      for (step = 0; step < COLUMNS; step = step + 1) begin\n        @(negedge clk);\n        \
             next_c_load = 1'b1;\n        filter = block * COLUMNS + COLUMNS - 1 - step;\n",
        );
        for (name, _) in &constants {
            let _ =
                writeln!(text, "        next_{name}_in = filter < FILTERS ? {name}[filter] : 0;");
        }
        text.push_str("      end\n      @(negedge clk) next_c_load = 1'b0;\n");
    }
    text.push_str(
        "      for (tile = 0; tile < TILES; tile = tile + 1) begin
        for (step = 0; step < ROWS; step = step + 1) begin
          @(negedge clk);
          next_load = 1'b1;
          for (column = 0; column < COLUMNS; column = column + 1) begin
            filter = block * COLUMNS + column;
            index = tile * ROWS + ROWS - 1 - step;
            next_w_in[8*column +: 8] =
                filter < FILTERS && index < DEPTH ? weights[filter * DEPTH + index] : 8'd0;
          end
        end
        @(negedge clk) next_load = 1'b0;\n",
    );
    if tiled && has_v {
        text.push_str("        next_last = tile == TILES - 1;\n");
    }
    text.push_str(
        "        for (cycle = 0; cycle < CYCLES; cycle = cycle + 1) begin
          @(negedge clk);
          for (column = 0; column < COLUMNS; column = column + 1) begin
            position = cycle - ACC_OUT_DELAY - column;
            filter = block * COLUMNS + column;
            if (position >= 0 && position < POSITIONS && filter < FILTERS) begin\n",
    );
    let slice = |bits: usize| match bits * options.columns {
        1 => String::new(),
        _ => format!("[{bits}*column +: {bits}]"),
    };
    let _ = writeln!(text, "              result = acc_out{};", slice(result_bits));
    let result = if array::result_is_signed(design) { "$signed(result)" } else { "result" };
    let shift = if has_v { 0 } else { lsb };
    if tiled {
        let _ = writeln!(
            text,
            "              if (tile < TILES - 1) begin\n                acc[column * POSITIONS + \
             position] = result{};\n              end else begin",
            if has_v && lsb > 0 { format!(" >> {lsb}") } else { String::new() }
        );
    } else {
        text.push_str("              begin\n");
    }
    let _ = write!(
        text,
        "                total = {result};
                total = (total << {shift}) + bias[filter];
                checked = checked + 1;
                if (total !== expected[position * FILTERS + filter]) begin
                  if (failures < 10)
                    $display(\"position %0d, filter %0d: %0d, expected %0d\", position, filter,
                             $signed(total), $signed(expected[position * FILTERS + filter]));
                  failures = failures + 1;
                end
              end
            end
          end\n"
    );
    if keeps_x {
        text.push_str(
            "          position = cycle - X_OUT_DELAY;
          if (position >= 0 && position < POSITIONS) x_acc[position] = x_acc_out;
          position = cycle - X_IN_DELAY;
          next_x_acc_in = tile > 0 && position >= 0 && position < POSITIONS ? x_acc[position] : 0;\n",
        );
    }
    text.push_str(
        "          for (row = 0; row < ROWS; row = row + 1) begin
            position = cycle - row;
            index = tile * ROWS + row;
            next_a_in[8*row +: 8] = PADDING;
            if (position >= 0 && position < POSITIONS && index < DEPTH)
              next_a_in[8*row +: 8] = activations[position * DEPTH + index];
          end\n",
    );
    if tiled {
        let _ = write!(
            text,
            "          for (column = 0; column < COLUMNS; column = column + 1) begin
            position = cycle - ACC_IN_DELAY - column;
            next_acc_in{} = tile > 0 && position >= 0 && position < POSITIONS
                ? acc[column * POSITIONS + position] : 0;
          end\n",
            slice(acc_bits)
        );
    }
    text.push_str(
        "        end
      end
    end
    if (failures != 0 || checked != POSITIONS * FILTERS)
      $fatal(1, \"FAIL: %0d of %0d accumulators differ\", failures, checked);
    $display(\"PASS: %0d accumulators equal the emulator's\", checked);
    $finish;
  end
endmodule\n",
    );
    text
}
