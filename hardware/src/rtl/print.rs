//! A module as SystemVerilog.

use std::fmt::Write;

use recoup_circuits::netlist::Gate;

use super::module::{Bit, Item, Module};

impl Module {
    /// The text of the module, concrete and without parameters.
    pub fn to_system_verilog(&self) -> String {
        let mut ports = Vec::new();
        if self.has_registers() {
            ports.push("input wire clk".to_string());
        }
        ports.extend(
            self.inputs().map(|(name, width)| format!("input wire{} {name}", range(width))),
        );
        ports.extend(
            self.output_widths().map(|(name, width)| format!("output wire{} {name}", range(width))),
        );
        let mut text = String::new();
        for line in self.purpose.lines() {
            let _ = writeln!(text, "{}", format!("// {line}").trim_end());
        }
        let _ = write!(text, "module {} (\n    {}\n);\n", self.name, ports.join(",\n    "));
        let mut comments = self.comments.iter().peekable();
        for (index, (name, item)) in self.items.iter().enumerate() {
            while let Some((_, comment)) = comments.next_if(|(at, _)| *at <= index) {
                let _ = writeln!(text, "\n  // {comment}");
            }
            self.print_item(&mut text, name, item);
        }
        comments.for_each(|(_, comment)| {
            let _ = writeln!(text, "\n  // {comment}");
        });
        text.push('\n');
        for (name, bits) in &self.outputs {
            let _ = writeln!(text, "  assign {name} = {};", self.word(bits));
        }
        let unread = self.unread();
        text += &unused(unread.iter().map(|bits| self.word(bits)));
        text + "endmodule\n"
    }

    fn print_item(&self, text: &mut String, name: &str, item: &Item) {
        let bit = |bit: Bit| self.word(&[bit]);
        let _ = match item {
            Item::Constants | Item::Input { .. } => Ok(()),
            Item::Gate(gate) => {
                let value = match *gate {
                    Gate::Constant(value) => bit(Bit::constant(value)),
                    Gate::Not(a) => format!("~{}", bit(a)),
                    Gate::And(a, b) => format!("{} & {}", bit(a), bit(b)),
                    Gate::Or(a, b) => format!("{} | {}", bit(a), bit(b)),
                    Gate::Xor(a, b) => format!("{} ^ {}", bit(a), bit(b)),
                    Gate::Mux { select, high, low } => {
                        format!("{} ? {} : {}", bit(select), bit(high), bit(low))
                    }
                };
                writeln!(text, "  wire {name} = {value};")
            }
            Item::HalfAdder([a, b]) => writeln!(
                text,
                "  wire {name}_s, {name}_c;\n  recoup_ha {name} (.a({}), .b({}), .s({name}_s), \
                 .co({name}_c));",
                bit(*a),
                bit(*b)
            ),
            Item::FullAdder([a, b, c]) => writeln!(
                text,
                "  wire {name}_s, {name}_c;\n  recoup_fa {name} (.a({}), .b({}), .c({}), \
                 .s({name}_s), .co({name}_c));",
                bit(*a),
                bit(*b),
                bit(*c)
            ),
            Item::Add([left, right]) => writeln!(
                text,
                "  wire{} {name} = {}\n      + {};",
                range(left.len()),
                self.word(left),
                self.word(right)
            ),
            Item::Lookup { inputs, values, width } => {
                print_lookup(text, name, &self.word(inputs), values, inputs.len(), *width)
            }
            Item::ClockGate { enable } => writeln!(
                text,
                "  wire {name};\n  recoup_clock_gate gate_{name} (.clk(clk), .enable({}), \
                 .gclk({name}));",
                bit(*enable)
            ),
            Item::Register { data, enable, clock } => {
                let clock = clock.map_or("clk".to_owned(), bit);
                let condition =
                    enable.map_or(String::new(), |enable| format!("if ({}) ", bit(enable)));
                writeln!(
                    text,
                    "  reg{} {name};\n  always @(posedge {clock}) {condition}{name} <= {};",
                    range(data.len()),
                    self.word(data)
                )
            }
            Item::Accumulator { data, enable, restart, take, taken } => writeln!(
                text,
                "  reg{range} {name};\n  always @(posedge clk) if ({}) {name} <= {} ? {}\n      : \
                 ({} ? {}'d0 : {name}) + {};",
                bit(*enable),
                bit(*take),
                self.word(taken),
                bit(*restart),
                data.len(),
                self.word(data),
                range = range(data.len()),
            ),
        };
    }

    /// Bits as an expression: slices of what they come from, joined, the highest first.
    fn word(&self, bits: &[Bit]) -> String {
        let mut parts: Vec<String> = Vec::new();
        let mut end = bits.len();
        while end > 0 {
            let mut start = end - 1;
            let follows = |low: Bit, high: Bit| match low.value() {
                Some(_) => high.item == 0,
                None => {
                    low.item == high.item && low.bit + 1 == high.bit && self.is_vector(low.item)
                }
            };
            while start > 0 && follows(bits[start - 1], bits[start]) {
                start -= 1;
            }
            parts.push(self.slice(&bits[start..end]));
            end = start;
        }
        if parts.len() == 1 { parts.remove(0) } else { format!("{{{}}}", parts.join(", ")) }
    }

    fn is_vector(&self, item: u32) -> bool {
        !matches!(self.items[item as usize].1, Item::HalfAdder(_) | Item::FullAdder(_))
    }

    /// Constants, or consecutive bits of one item.
    fn slice(&self, bits: &[Bit]) -> String {
        let (low, high) = (bits[0], bits[bits.len() - 1]);
        let (name, item) = &self.items[low.item as usize];
        match item {
            Item::Constants => {
                let digits = bits.iter().rev().map(|bit| if bit.bit == 1 { '1' } else { '0' });
                format!("{}'b{}", bits.len(), digits.collect::<String>())
            }
            Item::HalfAdder(_) | Item::FullAdder(_) => {
                format!("{name}_{}", if low.bit == 0 { 's' } else { 'c' })
            }
            _ if bits.len() == item.width() => name.clone(),
            _ if bits.len() == 1 => format!("{name}[{}]", low.bit),
            _ => format!("{name}[{}:{}]", high.bit, low.bit),
        }
    }
}

/// A case statement; the commonest value is its default.
fn print_lookup(
    text: &mut String,
    name: &str,
    select: &str,
    values: &[u64],
    inputs: usize,
    width: usize,
) -> std::fmt::Result {
    let count = |value: u64| values.iter().filter(|&&other| other == value).count();
    let default = values.iter().copied().max_by_key(|&value| (count(value), value)).unwrap_or(0);
    write!(text, "  reg{} {name};\n  always_comb begin\n    case ({select})\n", range(width))?;
    for (index, &value) in values.iter().enumerate().filter(|(_, value)| **value != default) {
        writeln!(text, "      {inputs}'d{index}: {name} = {width}'d{value};")?;
    }
    write!(text, "      default: {name} = {width}'d{default};\n    endcase\n  end\n")
}

/// A wire that says of others that nothing reads them. Linters know it by its name.
pub(crate) fn unused(wires: impl IntoIterator<Item = String>) -> String {
    let wires: Vec<String> = wires.into_iter().collect();
    if wires.is_empty() {
        return String::new();
    }
    format!(
        "\n  // Read by nothing, on purpose.\n  wire unused = &{{1'b0, {}}};\n",
        wires.join(", ")
    )
}

/// The range of a vector, with a space in front; nothing for a single bit.
pub(crate) fn range(width: usize) -> String {
    if width == 1 { String::new() } else { format!(" [{}:0]", width - 1) }
}
