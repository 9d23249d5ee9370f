//! Evaluates a module for 64 inputs at a time. Registers let their data through: what a pipeline
//! computes once it is filled.

use recoup_circuits::netlist::Gate;

use super::module::{Bit, Item, Module};

impl Module {
    /// The outputs' words for the inputs' words, port by port in the order of their making, each
    /// bit 0 first; lane i of every word belongs to one evaluation.
    ///
    /// # Panics
    /// When the inputs are not those of the ports.
    pub fn evaluate(&self, inputs: &[Vec<u64>]) -> Vec<Vec<u64>> {
        let mut values: Vec<Vec<u64>> = Vec::with_capacity(self.items.len());
        let mut inputs = inputs.iter();
        for (name, item) in &self.items {
            let read = |bit: Bit| values[bit.item as usize][bit.bit as usize];
            let value = match item {
                Item::Constants => vec![0, u64::MAX],
                Item::Input { width } => {
                    let words = inputs.next().unwrap_or_else(|| panic!("no value for port {name}"));
                    assert_eq!(words.len(), *width, "bits of port {name}");
                    words.clone()
                }
                Item::Gate(gate) => vec![match *gate {
                    Gate::Constant(value) => read(Bit::constant(value)),
                    Gate::Not(a) => !read(a),
                    Gate::And(a, b) => read(a) & read(b),
                    Gate::Or(a, b) => read(a) | read(b),
                    Gate::Xor(a, b) => read(a) ^ read(b),
                    Gate::Mux { select, high, low } => {
                        let select = read(select);
                        select & read(high) | !select & read(low)
                    }
                }],
                Item::HalfAdder([a, b]) => vec![read(*a) ^ read(*b), read(*a) & read(*b)],
                Item::FullAdder([a, b, c]) => full_adder(read(*a), read(*b), read(*c)).to_vec(),
                Item::Add([left, right]) => {
                    let mut carry = 0;
                    let bits = left.iter().zip(right).map(|(&left, &right)| {
                        let [sum, out] = full_adder(read(left), read(right), carry);
                        carry = out;
                        sum
                    });
                    bits.collect()
                }
                Item::Lookup { inputs, values, width } => {
                    let mut words = vec![0; *width];
                    for lane in 0..64 {
                        let bits = inputs.iter().enumerate();
                        let index: usize =
                            bits.map(|(at, &bit)| ((read(bit) >> lane & 1) as usize) << at).sum();
                        for (at, word) in words.iter_mut().enumerate() {
                            *word |= (values[index] >> at & 1) << lane;
                        }
                    }
                    words
                }
                // A clock is no value.
                Item::ClockGate { .. } => vec![0],
                Item::Register { data, .. } => data.iter().map(|&bit| read(bit)).collect(),
                // As if the sum began with this.
                Item::Accumulator { data, take, taken, .. } => {
                    let take = read(*take);
                    let bits = data.iter().zip(taken);
                    bits.map(|(&data, &taken)| take & read(taken) | !take & read(data)).collect()
                }
            };
            values.push(value);
        }
        let read = |bit: &Bit| values[bit.item as usize][bit.bit as usize];
        self.outputs.iter().map(|(_, bits)| bits.iter().map(read).collect()).collect()
    }
}

fn full_adder(a: u64, b: u64, c: u64) -> [u64; 2] {
    [a ^ b ^ c, a & b | c & (a ^ b)]
}

/// Numbers, one per lane, to the words of their `width` low bits.
pub fn to_words(numbers: &[i64], width: usize) -> Vec<u64> {
    let word = |bit: usize| {
        let lanes = numbers.iter().enumerate();
        lanes.fold(0, |word, (lane, &number)| word | ((number >> bit & 1) as u64) << lane)
    };
    (0..width).map(word).collect()
}

/// The number in one lane, read as two's complement if `signed`.
pub fn from_words(words: &[u64], lane: usize, signed: bool) -> i64 {
    let bits = words.iter().enumerate();
    let number = bits.fold(0, |number, (bit, &word)| number | ((word >> lane & 1) as i64) << bit);
    let negative = signed && words.last().is_some_and(|top| top >> lane & 1 == 1);
    if negative { number - (1 << words.len()) } else { number }
}
