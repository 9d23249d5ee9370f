//! The array behind AXI4-Stream: `array_axi.sv`.
//!
//! The array cannot wait, and what is in it comes out. So a position enters only when there is room
//! for its sums in a FIFO: no word is lost however long the receiver waits, and `tready` of the
//! results reaches no register of the array. Stopping the array's clock instead would need no memory,
//! but a net from `tready` to all of it in one cycle.

use std::fmt::Write;

use serde::Serialize;

use super::timing::Timing;
use crate::rtl::{ArrayRtl, ports, range, result_bits, result_is_signed, unused};

/// A number, or a row of equal ones, in the words of a stream.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its lowest bit.
    pub low: usize,
    /// Bits of one number.
    pub bits: usize,
    /// From the lowest bit of a number to that of the next.
    pub stride: usize,
    /// How many there are.
    pub count: usize,
    /// Whether they are two's complement.
    pub signed: bool,
}

impl Field {
    fn new(name: &'static str, low: usize, bits: usize, count: usize, signed: bool) -> Self {
        Self { name, low, bits, stride: bits.next_multiple_of(8), count, signed }
    }

    fn end(&self) -> usize {
        self.low + self.stride * self.count
    }

    /// Number `index` in the word `of`, or `bits` of it from its bit `from` on.
    fn part(&self, of: &str, index: usize, from: usize, bits: usize) -> String {
        let low = self.low + self.stride * index + from;
        format!("{of}[{}:{low}]", low + bits - 1)
    }
}

/// A stream of the wrapper.
#[derive(Clone, Debug, Serialize)]
pub struct Stream {
    /// What its ports begin with.
    pub name: &'static str,
    /// Whether the array takes it.
    pub input: bool,
    /// Bits of `tdata`.
    pub bits: usize,
    /// What `tdata` consists of.
    pub fields: Vec<Field>,
    /// Meanings of the bits of `tuser`.
    pub user: Vec<&'static str>,
    /// Words of a packet; as many as there are positions if not said.
    pub words: Option<usize>,
    /// What it carries.
    pub meaning: &'static str,
}

impl Stream {
    fn new(name: &'static str, meaning: &'static str, fields: Vec<Field>) -> Self {
        let bits = fields.last().map_or(0, Field::end);
        let input = name.starts_with('s');
        Self { name, input, bits, fields, user: Vec::new(), words: None, meaning }
    }

    /// Its ports: direction, width, end of the name.
    fn ports(&self) -> Vec<(&'static str, usize, &'static str)> {
        let (out, back) = if self.input { ("input", "output") } else { ("output", "input") };
        let mut ports = vec![(out, self.bits, "tdata"), (out, 1, "tvalid"), (back, 1, "tready")];
        ports.push((out, 1, "tlast"));
        if !self.user.is_empty() {
            ports.push((out, self.user.len(), "tuser"));
        }
        ports
    }

    /// The names of its ports, and whether they are inputs.
    pub fn port_names(&self) -> Vec<(String, bool)> {
        let ports = self.ports().into_iter();
        ports.map(|(way, _, end)| (format!("{}_{end}", self.name), way == "input")).collect()
    }
}

/// The wrapper: its streams and sizes.
#[derive(Clone, Debug, Serialize)]
pub struct Axi {
    /// Its streams.
    pub streams: Vec<Stream>,
    /// Cycles from a position's entrance to its sums in the FIFO.
    pub latency: usize,
    /// The FIFO has 2^this words: as many as keep a position entering in each cycle.
    pub fifo_bits: usize,
}

pub const WEIGHTS: &str = "s_axis_weights";
pub const CONSTANTS: &str = "s_axis_constants";
pub const ACTIVATIONS: &str = "s_axis_activations";
pub const SUMS: &str = "s_axis_sums";
pub const RESULTS: &str = "m_axis_results";

/// Cycles beyond the latency after which a word's place in the FIFO is free again: memory, output
/// register, counter.
const RETURN: usize = 3;

impl Axi {
    /// The wrapper of a design's array; `None` if the array makes constants, for which there is none.
    pub fn of(design: &ArrayRtl) -> Option<Self> {
        if design.load().is_some() {
            return None;
        }
        let (options, timing) = (&design.options, Timing::of(design));
        let columns = options.columns;
        let has = |name: &str| ports(design).iter().any(|port| port.name == name);
        let weights_signed = design.circuit.coding() == recoup_kernels::WeightCoding::Signed;
        let per_word = columns * options.rows / timing.pe_rows;
        let mut weights = Stream::new(
            WEIGHTS,
            "weight codes: a word for each row of PEs, the last row's first",
            vec![Field::new("w", 0, 8, per_word, weights_signed)],
        );
        weights.words = Some(timing.pe_rows);
        if has("acc_in") {
            weights.user.push("the first tile of its sums: none are added");
        }
        if has("last") {
            weights.user.push("the last tile: V is added, and constants come before");
        }
        let mut streams = vec![weights];
        let mut constants = Vec::new();
        if let Some((_, c)) = design.term() {
            constants.push(Field::new("c", 0, c.bits(), 1, c.is_signed()));
        }
        if let Some(c0) = design.c0_in_mac() {
            let low = constants.last().map_or(0, Field::end);
            constants.push(Field::new("c0", low, c0.bits(), 1, c0.is_signed()));
        }
        if !constants.is_empty() {
            let meaning = "constants: a word for each column, the last column's first";
            let mut stream = Stream::new(CONSTANTS, meaning, constants);
            stream.words = Some(columns);
            streams.push(stream);
        }
        streams.push(Stream::new(
            ACTIVATIONS,
            "activation codes: a word for each position, row 0 lowest",
            vec![Field::new("a", 0, 8, options.rows, false)],
        ));
        let mut results =
            vec![Field::new("acc", 0, result_bits(design), columns, result_is_signed(design))];
        if has("x_acc_in") {
            results.push(Field::new("x", results[0].end(), design.ranges.x.bits(), 1, false));
        }
        if has("acc_in") {
            let meaning = "results of the tile before, word for word as they came";
            streams.push(Stream::new(SUMS, meaning, results.clone()));
        }
        let meaning = "sums: a word for each position, column 0 lowest";
        streams.push(Stream::new(RESULTS, meaning, results));
        let latency = timing.latency();
        let fifo_bits = (latency + RETURN).next_power_of_two().ilog2() as usize;
        Some(Self { streams, latency, fifo_bits })
    }

    /// A stream by its name, if the wrapper has it.
    pub fn stream(&self, name: &str) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.name == name)
    }

    fn has(&self, name: &str) -> bool {
        self.stream(name).is_some()
    }
}

/// The text of `array_axi.sv`.
pub fn array_axi(design: &ArrayRtl, axi: &Axi) -> String {
    let mut text = head(axi);
    control(design, axi, &mut text);
    instance(design, axi, &mut text);
    results(design, axi, &mut text);
    text + "endmodule\n"
}

fn head(axi: &Axi) -> String {
    let mut text = "// The array behind AXI4-Stream. A tile is a packet of weights, with the last one a packet of \
         constants\n// if there are any, and a packet of activations; a packet of results comes out. The data \
         sheet has the\n// formats. Reset may come at any time.\nmodule array_axi #(\n    // \
         2^FIFO_BITS positions may be in the array or wait for the receiver; fewer are slower.\n"
        .to_owned();
    let _ = writeln!(text, "    parameter integer FIFO_BITS = {}\n) (", axi.fifo_bits);
    text += "    input wire aclk,\n    input wire aresetn,\n";
    for stream in &axi.streams {
        let _ = writeln!(text, "    // {}.", stream.meaning);
        for (direction, bits, end) in stream.ports() {
            let _ = writeln!(text, "    {direction} wire{} {}_{end},", range(bits), stream.name);
        }
    }
    text + "    // A packet was longer or shorter than it must be; until reset.\n    output reg error\n);\n"
}

/// States, handshakes, and what is checked of packets.
fn control(design: &ArrayRtl, axi: &Axi, text: &mut String) {
    let rows = Timing::of(design).pe_rows;
    let (constants, sums) = (axi.has(CONSTANTS), axi.has(SUMS));
    let user = axi.stream(WEIGHTS).map_or(0, |weights| weights.user.len());
    let marks = |index: usize| match user {
        1 => "s_axis_weights_tuser".to_owned(),
        _ => format!("s_axis_weights_tuser[{index}]"),
    };
    let words = if constants { rows.max(design.options.columns) } else { rows };
    let bits = (words.next_power_of_two().ilog2() as usize).max(1);
    let last_of = |words: usize| format!("word == {bits}'d{}", words - 1);
    let first = if sums { "first || s_axis_sums_tvalid" } else { "1'b1" };
    let _ = write!(
        text,
        "
  // A tile: its weights, constants, positions; then the array runs empty.
  localparam [2:0] RESET = 3'd0, WEIGHTS = 3'd1, POSITIONS = 3'd2, EMPTY = 3'd3{and_constants};
  reg [2:0] state;
  reg{word} word;
  // Places in the FIFO that no position has.
  reg [FIFO_BITS:0] places;
  // A position, and the last of a packet, for each cycle of their way through the array.
  reg{flying} flying, closing;
{tile}
  wire load = state == WEIGHTS && s_axis_weights_tvalid;
  wire loaded = load && {all_rows};
  wire open = state == POSITIONS && places != 0;
  wire enter = open && s_axis_activations_tvalid && ({first});
  wire leave = m_axis_results_tvalid && m_axis_results_tready;
  wire arrive = flying[{arrive}];
  assign s_axis_weights_tready = state == WEIGHTS;
  assign s_axis_activations_tready = open && ({first});
",
        tile = match user {
            0 => "",
            1 => "  reg first;\n",
            _ => "  // Which tile of its sums it is.\n  reg first, last;\n",
        },
        and_constants = if constants { ", CONSTANTS = 3'd4" } else { "" },
        word = range(bits),
        flying = range(axi.latency),
        all_rows = last_of(rows),
        arrive = axi.latency - 1,
    );
    // Whether constants come before the positions of this tile.
    let mut with_constants = "1'b0".to_owned();
    if constants {
        with_constants = if user == 2 { marks(1) } else { "1'b1".to_owned() };
        let _ = write!(
            text,
            "  wire c_load = state == CONSTANTS && s_axis_constants_tvalid;
  wire all_constants = c_load && {};
  assign s_axis_constants_tready = state == CONSTANTS;
",
            last_of(design.options.columns)
        );
    }
    if sums {
        *text += "  assign s_axis_sums_tready = open && !first && s_axis_activations_tvalid;\n";
        *text += "  always @(posedge aclk) if (loaded) first <= ";
        let _ = writeln!(text, "{};", marks(0));
    }
    if user == 2 {
        let _ = writeln!(text, "  always @(posedge aclk) if (loaded) last <= {};", marks(1));
    }
    let mut wrong = vec![format!("(load && s_axis_weights_tlast != ({}))", last_of(rows))];
    if constants {
        let end = last_of(design.options.columns);
        wrong.push(format!("(c_load && s_axis_constants_tlast != ({end}))"));
    }
    if sums {
        wrong.push("(enter && !first && s_axis_sums_tlast != s_axis_activations_tlast)".to_owned());
    }
    let counted = if constants { "load || c_load" } else { "load" };
    let cleared = if constants { "loaded || all_constants" } else { "loaded" };
    let after = match constants {
        true => format!("{with_constants} ? CONSTANTS : POSITIONS"),
        false => "POSITIONS".to_owned(),
    };
    let constants_state = match constants {
        true => "\n        CONSTANTS: if (all_constants) state <= POSITIONS;",
        false => "",
    };
    let _ = write!(
        text,
        "
  always @(posedge aclk) begin
    if (!aresetn) begin
      state <= RESET;
      word <= 0;
      places <= {{1'b1, {{FIFO_BITS{{1'b0}}}}}};
      flying <= 0;
      error <= 1'b0;
    end else begin
      case (state)
        WEIGHTS: if (loaded) state <= {after};{constants_state}
        POSITIONS: if (enter && s_axis_activations_tlast) state <= EMPTY;
        // Weights of the next tile must not meet this one's positions.
        EMPTY: if (flying == 0) state <= WEIGHTS;
        default: state <= WEIGHTS;
      endcase
      if ({cleared}) word <= 0;
      else if ({counted}) word <= word + 1'b1;
      if (enter && !leave) places <= places - 1'b1;
      if (leave && !enter) places <= places + 1'b1;
      flying <= {{flying[{top}:0], enter}};
      if ({wrong}) error <= 1'b1;
    end
  end
  always @(posedge aclk) closing <= {{closing[{top}:0], s_axis_activations_tlast}};
",
        top = axi.latency - 2,
        wrong = wrong.join("\n          || "),
    );
}

/// The array, and what delays its inputs.
fn instance(design: &ArrayRtl, axi: &Axi, text: &mut String) {
    let (options, timing) = (&design.options, Timing::of(design));
    let sums = axi.stream(SUMS);
    let kept = design.ranges.acc.bits();
    let shift = if design.has_v() { design.circuit.lsb() } else { 0 };
    *text += "\n  // Each row's code, and each column's sum, when the array wants it.\n";
    for port in ports(design) {
        if ["a_in", "acc_in", "x_acc_in", "acc_out", "x_acc_out"].contains(&port.name) {
            let _ = writeln!(text, "  wire{} {};", range(port.width), port.name);
        }
    }
    let mut connections = Vec::new();
    for port in ports(design) {
        let field = |stream: &str, name: &str| {
            let fields = &axi.stream(stream)?.fields;
            fields.iter().find(|field| field.name == name)
        };
        let value = match port.name {
            "clk" => "aclk".to_owned(),
            "load" | "c_load" | "last" | "acc_out" | "x_acc_out" => port.name.to_owned(),
            "w_in" => "s_axis_weights_tdata".to_owned(),
            "row_on" | "column_on" => format!("{{{}{{1'b1}}}}", port.width),
            "c_in" | "c0_in" => {
                let name = port.name.trim_end_matches("_in");
                let field = field(CONSTANTS, name).expect("a field of each constant");
                field.part("s_axis_constants_tdata", 0, 0, field.bits)
            }
            "a_in" => {
                for row in 0..options.rows {
                    let code = format!("s_axis_activations_tdata[{}:{}]", 8 * row + 7, 8 * row);
                    let to = slice("a_in", 8, row, options.rows);
                    delay(text, &format!("delay_a_{row}"), 8, timing.row(row), &code, &to);
                }
                port.name.to_owned()
            }
            "acc_in" => {
                let field = field(SUMS, "acc").expect("sums have a field");
                for column in 0..options.columns {
                    let sum = field.part("s_axis_sums_tdata", column, shift, kept);
                    let sum = format!("first ? {kept}'d0 : {sum}");
                    let to = slice("acc_in", kept, column, options.columns);
                    let cycles = timing.acc_in + timing.column(column);
                    delay(text, &format!("delay_acc_{column}"), kept, cycles, &sum, &to);
                }
                port.name.to_owned()
            }
            "x_acc_in" => {
                let field = field(SUMS, "x").expect("X has a field");
                let x = field.part("s_axis_sums_tdata", 0, 0, field.bits);
                let x = format!("first ? {}'d0 : {x}", field.bits);
                delay(text, "delay_x", field.bits, timing.x_in, &x, "x_acc_in");
                port.name.to_owned()
            }
            name => unreachable!("a wrapper for the array's port {name}"),
        };
        connections.push(format!(".{}({value})", port.name));
    }
    let _ = write!(text, "  array array (\n      {}\n  );\n", connections.join(",\n      "));
    // What pads numbers to bytes, in sums also what the array does not keep.
    let mut idle = Vec::new();
    for field in axi.stream(CONSTANTS).map_or(&[][..], |stream| &stream.fields) {
        if field.stride > field.bits {
            idle.push(field.part(
                "s_axis_constants_tdata",
                0,
                field.bits,
                field.stride - field.bits,
            ));
        }
    }
    for field in sums.map_or(&[][..], |stream| &stream.fields) {
        let (from, bits) = if field.name == "acc" { (shift, kept) } else { (0, field.bits) };
        for index in 0..field.count {
            let rest = field.stride.saturating_sub(from + bits);
            let spans = [(0, from), (from + bits, rest)];
            let spans = spans.iter().filter(|(_, bits)| *bits > 0);
            idle.extend(
                spans.map(|&(from, bits)| field.part("s_axis_sums_tdata", index, from, bits)),
            );
        }
    }
    if ports(design).iter().any(|port| port.name == "x_acc_out") && sums.is_none() {
        idle.push("x_acc_out".into());
    }
    *text += &unused(idle);
}

/// What comes out, each column's sum with the others' of its position.
fn results(design: &ArrayRtl, axi: &Axi, text: &mut String) {
    let timing = Timing::of(design);
    let results = axi.stream(RESULTS).expect("results");
    *text += "\n  // The sums of a position side by side, as whole bytes.\n";
    let mut bytes = Vec::new();
    for field in &results.fields {
        for index in 0..field.count {
            let (from, cycles, name) = match field.name {
                "acc" => {
                    let cycles = timing.acc_out + timing.column(index);
                    let from = slice("acc_out", field.bits, index, field.count);
                    (from, cycles, format!("sum_{index}"))
                }
                _ => ("x_acc_out".to_owned(), timing.x_out, "sum_x".to_owned()),
            };
            let _ = writeln!(text, "  wire{} {name};", range(field.bits));
            let late = axi.latency - cycles;
            delay(text, &format!("delay_{name}"), field.bits, late, &from, &name);
            let fill = field.stride - field.bits;
            let bit = match field.signed && field.bits > 1 {
                true => format!("{name}[{}]", field.bits - 1),
                false if field.signed => name.clone(),
                false => "1'b0".to_owned(),
            };
            bytes.push(match fill {
                0 => name,
                fill => format!("{{{fill}{{{bit}}}}}, {name}"),
            });
        }
    }
    bytes.reverse();
    let _ = write!(
        text,
        "
  recoup_fifo #(
      .WIDTH({width}),
      .ADDRESS_BITS(FIFO_BITS)
  ) fifo (
      .clk(aclk),
      .resetn(aresetn),
      .write(arrive),
      .in({{closing[{arrive}],
          {bytes}}}),
      .out({{m_axis_results_tlast, m_axis_results_tdata}}),
      .valid(m_axis_results_tvalid),
      .ready(m_axis_results_tready)
  );
",
        width = results.bits + 1,
        arrive = axi.latency - 1,
        bytes = bytes.join(",\n          "),
    );
}

/// `to` is `from` some cycles later.
fn delay(text: &mut String, name: &str, width: usize, cycles: usize, from: &str, to: &str) {
    let _ = match cycles {
        0 => writeln!(text, "  assign {to} = {from};"),
        _ => writeln!(
            text,
            "  recoup_delay #(.WIDTH({width}), .CYCLES({cycles})) {name} (.clk(aclk), .in({from}), .out({to}));"
        ),
    };
}

/// Number `index` of several of these bits in a vector.
fn slice(vector: &str, bits: usize, index: usize, count: usize) -> String {
    match (bits, count) {
        (1, 1) => vector.to_owned(),
        _ => format!("{vector}[{}:{}]", bits * (index + 1) - 1, bits * index),
    }
}
