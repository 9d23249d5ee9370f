//! A hardware module as data: what is printed, evaluated and counted is this.
//!
//! Items only read what stands before them, registers too: an array has no loops, except that a
//! register with an enable holds its value, and that an accumulator adds to its own.

use std::collections::{HashMap, HashSet};

use recoup_circuits::netlist::{Gate, GateBuilder};

/// One bit of an item's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bit {
    pub(super) item: u32,
    pub(super) bit: u32,
}

impl Bit {
    /// Constant 0.
    pub const ZERO: Self = Self { item: 0, bit: 0 };
    /// Constant 1.
    pub const ONE: Self = Self { item: 0, bit: 1 };

    /// A constant.
    pub fn constant(value: bool) -> Self {
        if value { Self::ONE } else { Self::ZERO }
    }

    /// Its value, if it is a constant.
    pub fn value(self) -> Option<bool> {
        (self.item == 0).then_some(self.bit == 1)
    }
}

/// Something that has outputs.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// The constants 0 and 1; always the first item.
    Constants,
    /// An input port.
    Input {
        /// Its bits.
        width: usize,
    },
    /// A gate.
    Gate(Gate<Bit>),
    /// An instance of `recoup_ha`: bit 0 is the sum, bit 1 the carry.
    HalfAdder([Bit; 2]),
    /// An instance of `recoup_fa`: bit 0 is the sum, bit 1 the carry.
    FullAdder([Bit; 3]),
    /// The sum of two rows of one width, without its carry.
    Add([Vec<Bit>; 2]),
    /// A function of up to 8 bits, in the order of their number.
    Lookup {
        /// What selects, bit 0 first.
        inputs: Vec<Bit>,
        /// One value for each number.
        values: Vec<u64>,
        /// Bits of a value.
        width: usize,
    },
    /// An instance of `recoup_clock_gate`: `clk` where `enable` was 1 before its rising edge.
    ClockGate {
        /// Whether the next pulse passes.
        enable: Bit,
    },
    /// Flip-flops at the rising edge of `clk`, or of a gated clock.
    Register {
        /// What is stored.
        data: Vec<Bit>,
        /// Where it is 0, the old value stays.
        enable: Option<Bit>,
        /// The clock, if it is not `clk`: an input or a clock gate.
        clock: Option<Bit>,
    },
    /// Flip-flops at the rising edge of `clk` that sum up, the one loop that there is.
    Accumulator {
        /// What is added; as wide as the sum.
        data: Vec<Bit>,
        /// Where it is 0, the old value stays.
        enable: Bit,
        /// Where it is 1, the sum begins anew.
        restart: Bit,
        /// Where it is 1, the sum becomes `taken`.
        take: Bit,
        /// What it then is.
        taken: Vec<Bit>,
    },
}

impl Item {
    /// Number of its outputs.
    pub fn width(&self) -> usize {
        match self {
            Self::Gate(_) | Self::ClockGate { .. } => 1,
            Self::Constants | Self::HalfAdder(_) | Self::FullAdder(_) => 2,
            Self::Input { width } | Self::Lookup { width, .. } => *width,
            Self::Add([row, _]) => row.len(),
            Self::Register { data, .. } | Self::Accumulator { data, .. } => data.len(),
        }
    }

    /// The bits that it reads.
    pub fn reads(&self) -> Vec<Bit> {
        match self {
            Self::Constants | Self::Input { .. } => Vec::new(),
            Self::Gate(gate) => match *gate {
                Gate::Constant(_) => Vec::new(),
                Gate::Not(a) => vec![a],
                Gate::And(a, b) | Gate::Or(a, b) | Gate::Xor(a, b) => vec![a, b],
                Gate::Mux { select, high, low } => vec![select, high, low],
            },
            Self::HalfAdder(bits) => bits.to_vec(),
            Self::FullAdder(bits) => bits.to_vec(),
            Self::Add(rows) => rows.concat(),
            Self::Lookup { inputs, .. } => inputs.clone(),
            Self::ClockGate { enable } => vec![*enable],
            Self::Register { data, enable, clock } => {
                data.iter().chain(enable).chain(clock).copied().collect()
            }
            Self::Accumulator { data, enable, restart, take, taken } => {
                let own = [enable, restart, take];
                data.iter().chain(taken).chain(own).copied().collect()
            }
        }
    }

    /// Whether it stores anything.
    pub fn is_stored(&self) -> bool {
        matches!(self, Self::Register { .. } | Self::Accumulator { .. })
    }
}

/// A module under construction, and when it is finished.
#[derive(Clone, Debug)]
pub struct Module {
    /// The module's name.
    pub name: String,
    /// What it does, for the comment at its top.
    pub purpose: String,
    pub(super) items: Vec<(String, Item)>,
    pub(super) outputs: Vec<(String, Vec<Bit>)>,
    /// Comments, each before the item of this index.
    pub(super) comments: Vec<(usize, String)>,
    gates: HashMap<Gate<Bit>, Bit>,
}

impl Module {
    /// An empty module.
    pub fn new(name: &str, purpose: String) -> Self {
        Self {
            name: name.to_string(),
            purpose,
            items: vec![(String::new(), Item::Constants)],
            outputs: Vec::new(),
            comments: Vec::new(),
            gates: HashMap::new(),
        }
    }

    fn push(&mut self, name: String, item: Item) -> u32 {
        self.items.push((name, item));
        (self.items.len() - 1) as u32
    }

    fn push_word(&mut self, name: &str, item: Item) -> Vec<Bit> {
        let width = item.width() as u32;
        let item = self.push(name.to_string(), item);
        (0..width).map(|bit| Bit { item, bit }).collect()
    }

    /// A comment before the items that follow.
    pub fn comment(&mut self, text: impl Into<String>) {
        self.comments.push((self.items.len(), text.into()));
    }

    /// An input port; none for width 0.
    pub fn input(&mut self, name: &str, width: usize) -> Vec<Bit> {
        if width == 0 { Vec::new() } else { self.push_word(name, Item::Input { width }) }
    }

    /// The bit of an input port of one bit, which is made at the first call.
    pub fn input_bit(&mut self, name: &str) -> Bit {
        let made = self
            .items
            .iter()
            .position(|(known, item)| known == name && matches!(item, Item::Input { width: 1 }));
        match made {
            Some(item) => Bit { item: item as u32, bit: 0 },
            None => self.input(name, 1)[0],
        }
    }

    /// An output port; none without bits.
    pub fn output(&mut self, name: &str, bits: Vec<Bit>) {
        if !bits.is_empty() {
            self.outputs.push((name.to_string(), bits));
        }
    }

    /// A register; without an enable it takes its data at every edge.
    pub fn register(&mut self, name: &str, data: Vec<Bit>, enable: Option<Bit>) -> Vec<Bit> {
        self.register_at(None, name, data, enable)
    }

    /// A register at a gated clock, if there is one, else at `clk`.
    pub fn register_at(
        &mut self,
        clock: Option<Bit>,
        name: &str,
        data: Vec<Bit>,
        enable: Option<Bit>,
    ) -> Vec<Bit> {
        if data.is_empty() {
            return data;
        }
        self.push_word(name, Item::Register { data, enable, clock })
    }

    /// The pulses of `clk` before whose rising edge `enable` is 1.
    pub fn clock_gate(&mut self, name: &str, enable: Bit) -> Bit {
        self.push_word(name, Item::ClockGate { enable })[0]
    }

    /// A register that sums up; where `take` is 1, it takes what is `taken` instead.
    pub fn accumulator(
        &mut self,
        name: &str,
        data: Vec<Bit>,
        [enable, restart, take]: [Bit; 3],
        taken: Vec<Bit>,
    ) -> Vec<Bit> {
        assert_eq!(data.len(), taken.len(), "sums of one width");
        self.push_word(name, Item::Accumulator { data, enable, restart, take, taken })
    }

    /// `rows[0] + rows[1]`, as wide as they are.
    pub fn add(&mut self, name: &str, rows: [Vec<Bit>; 2]) -> Vec<Bit> {
        assert_eq!(rows[0].len(), rows[1].len(), "rows of one width");
        self.push_word(name, Item::Add(rows))
    }

    /// A function of at most 8 bits by its values.
    pub fn lookup(
        &mut self,
        name: &str,
        inputs: Vec<Bit>,
        values: Vec<u64>,
        width: usize,
    ) -> Vec<Bit> {
        assert_eq!(values.len(), 1 << inputs.len(), "one value for each number");
        self.push_word(name, Item::Lookup { inputs, values, width })
    }

    fn named_gate(&mut self, name: Option<String>, gate: Gate<Bit>) -> Bit {
        if let Some(&known) = self.gates.get(&gate) {
            return known;
        }
        let name = name.unwrap_or_else(|| format!("n{}", self.items.len()));
        let bit = Bit { item: self.push(name, Item::Gate(gate)), bit: 0 };
        self.gates.insert(gate, bit);
        bit
    }

    /// Conjunction with a name of its own.
    pub fn and_named(&mut self, name: String, a: Bit, b: Bit) -> Bit {
        self.find_and(a, b).unwrap_or_else(|gate| self.named_gate(Some(name), gate))
    }

    /// Disjunction of any number of bits.
    pub fn any(&mut self, bits: &[Bit]) -> Bit {
        bits.iter().fold(Bit::ZERO, |any, &bit| self.or(any, bit))
    }

    /// Sum and carry of two bits; an instance unless one is constant.
    pub fn half_adder(&mut self, [a, b]: [Bit; 2]) -> [Bit; 2] {
        if a.value().is_some() || b.value().is_some() || a == b {
            return [self.xor(a, b), self.and(a, b)];
        }
        let item = self.push(format!("ha{}", self.items.len()), Item::HalfAdder([a, b]));
        [Bit { item, bit: 0 }, Bit { item, bit: 1 }]
    }

    /// Sum and carry of three bits; an instance unless one is constant.
    pub fn full_adder(&mut self, mut bits: [Bit; 3]) -> [Bit; 2] {
        bits.sort_by_key(|bit| bit.value().is_none());
        let [a, b, c] = bits;
        match a.value() {
            Some(false) => self.half_adder([b, c]),
            // b + c + 1.
            Some(true) => {
                let sum = self.xor(b, c);
                [self.not(sum), self.or(b, c)]
            }
            None => {
                let item = self.push(format!("fa{}", self.items.len()), Item::FullAdder([a, b, c]));
                [Bit { item, bit: 0 }, Bit { item, bit: 1 }]
            }
        }
    }

    /// Names and widths of the input ports.
    pub fn inputs(&self) -> impl Iterator<Item = (&str, usize)> {
        self.items.iter().filter_map(|(name, item)| match item {
            Item::Input { width } => Some((name.as_str(), *width)),
            _ => None,
        })
    }

    /// Names and widths of the output ports.
    pub fn output_widths(&self) -> impl Iterator<Item = (&str, usize)> {
        self.outputs.iter().map(|(name, bits)| (name.as_str(), bits.len()))
    }

    /// The bits of each item that nothing reads, of items that have some.
    pub fn unread(&self) -> Vec<Vec<Bit>> {
        let mut read: HashSet<Bit> = self.items.iter().flat_map(|(_, item)| item.reads()).collect();
        read.extend(self.outputs.iter().flat_map(|(_, bits)| bits));
        let bits = |item: usize| {
            let width = self.items[item].1.width() as u32;
            let bits = (0..width).map(|bit| Bit { item: item as u32, bit });
            bits.filter(|bit| !read.contains(bit)).collect::<Vec<_>>()
        };
        (1..self.items.len()).map(bits).filter(|bits| !bits.is_empty()).collect()
    }

    /// Whether it needs a clock.
    pub fn has_registers(&self) -> bool {
        let is_clocked = |item: &Item| item.is_stored() || matches!(item, Item::ClockGate { .. });
        self.items.iter().any(|(_, item)| is_clocked(item))
    }

    /// Full adders, half adders and flip-flops in it, adders of two rows not counted.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for (_, item) in &self.items {
            match item {
                Item::FullAdder(_) => counts.full_adders += 1,
                Item::HalfAdder(_) => counts.half_adders += 1,
                item if item.is_stored() => counts.flip_flops += item.width(),
                _ => {}
            }
        }
        counts
    }
}

impl GateBuilder for Module {
    type Signal = Bit;

    fn gate(&mut self, gate: Gate<Bit>) -> Bit {
        self.named_gate(None, gate)
    }

    fn constant(&mut self, value: bool) -> Bit {
        Bit::constant(value)
    }

    fn value(&self, bit: Bit) -> Option<bool> {
        bit.value()
    }

    fn inverted(&self, bit: Bit) -> Option<Bit> {
        match self.items[bit.item as usize].1 {
            Item::Gate(Gate::Not(inner)) => Some(inner),
            _ => None,
        }
    }
}

/// What a module consists of, before synthesis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Instances of `recoup_fa`.
    pub full_adders: usize,
    /// Instances of `recoup_ha`.
    pub half_adders: usize,
    /// Bits of registers.
    pub flip_flops: usize,
}
