//! Sums as carry-save trees: columns of bits, reduced by full adders to two rows.

use std::collections::HashMap;

use recoup_circuits::netlist::GateBuilder;

use super::module::{Bit, Module};

/// Delay of an adder's outputs after its latest input, in units of a carry: a sum is two
/// exclusive ors, a carry is one gate.
const SUM_DELAY: u32 = 2;
const CARRY_DELAY: u32 = 1;

/// Bits to be added, by their weight, modulo 2^width.
#[derive(Clone, Debug)]
pub struct Tree {
    columns: Vec<Vec<Bit>>,
    /// Added to them; kept apart so that constants of all sources are one.
    constant: i128,
    /// The column from which half adders make an even number of bits of an odd one.
    half_adders_from: usize,
}

impl Tree {
    /// Nothing yet, modulo 2^width.
    pub fn new(width: usize) -> Self {
        Self { columns: vec![Vec::new(); width], constant: 0, half_adders_from: usize::MAX }
    }

    /// With half adders from a column on, where carries come late: faster, and a little larger.
    pub fn with_half_adders_from(self, column: usize) -> Self {
        Self { half_adders_from: column, ..self }
    }

    /// Adds `bit` 2^column; what is beyond the width is lost.
    pub fn add(&mut self, column: usize, bit: Bit) {
        match bit.value() {
            Some(false) => {}
            Some(true) => self.constant += 1 << column,
            None => {
                if let Some(bits) = self.columns.get_mut(column) {
                    bits.push(bit);
                }
            }
        }
    }

    /// Subtracts `bit` 2^column, as Baugh and Wooley do: -b = (1 - b) - 1.
    pub fn subtract(&mut self, module: &mut Module, column: usize, bit: Bit) {
        let inverse = module.not(bit);
        self.add(column, inverse);
        self.constant -= 1 << column;
    }

    /// Adds a number whose bit 0 weighs 2^column; of a signed one the top bit counts negative.
    pub fn add_word(&mut self, module: &mut Module, column: usize, bits: &[Bit], signed: bool) {
        for (at, &bit) in bits.iter().enumerate() {
            if signed && at + 1 == bits.len() {
                self.subtract(module, column + at, bit);
            } else {
                self.add(column + at, bit);
            }
        }
    }

    /// Adds `b` times the unsigned `a`. `name` is what the partial products begin with.
    pub fn add_product(
        &mut self,
        module: &mut Module,
        name: &str,
        (b, signed): (&[Bit], bool),
        a: &[Bit],
    ) {
        for (l, &b_bit) in b.iter().enumerate() {
            for (i, &a_bit) in a.iter().enumerate() {
                let bit = module.and_named(format!("{name}_{l}_{i}"), b_bit, a_bit);
                if signed && l + 1 == b.len() {
                    self.subtract(module, l + i, bit);
                } else {
                    self.add(l + i, bit);
                }
            }
        }
    }

    /// Leaves out the columns below `fraction`; the bit of column `fraction` that rounding half to
    /// even adds. Only what the tree holds so far is rounded.
    pub fn round(&mut self, module: &mut Module, fraction: usize) -> Bit {
        if fraction == 0 {
            return Bit::ZERO;
        }
        let rest = self.resolve(module, fraction);
        let units = self.column(fraction).to_vec();
        let odd = units.iter().fold(Bit::ZERO, |odd, &bit| module.xor(odd, bit));
        let (half, below) = rest.split_last().expect("a fraction has bits");
        let beyond = module.any(below);
        let not_even = module.or(beyond, odd);
        module.and(*half, not_even)
    }

    /// Takes the constant out: the caller adds it elsewhere.
    pub fn take_constant(&mut self) -> i128 {
        std::mem::take(&mut self.constant)
    }

    /// The bits of one column, the constant's included.
    pub fn column(&mut self, column: usize) -> &[Bit] {
        self.place_constant();
        &self.columns[column]
    }

    /// The constant, modulo 2^width, as bits of the columns.
    fn place_constant(&mut self) {
        let constant = self.take_constant();
        for (column, bits) in self.columns.iter_mut().enumerate() {
            if constant >> column & 1 == 1 {
                bits.push(Bit::ONE);
            }
        }
    }

    /// Reduces the columns below `low` to one bit each, whose carries go up.
    pub fn resolve(&mut self, module: &mut Module, low: usize) -> Vec<Bit> {
        self.place_constant();
        let mut times = HashMap::new();
        (0..low)
            .map(|column| {
                self.reduce_column(module, &mut times, column, 1);
                self.columns[column].pop().unwrap_or(Bit::ZERO)
            })
            .collect()
    }

    /// Reduces all columns to two bits or fewer: two rows of the tree's width, the first without
    /// gaps where there is a bit at all.
    pub fn rows(mut self, module: &mut Module) -> [Vec<Bit>; 2] {
        self.place_constant();
        let mut times = HashMap::new();
        for column in 0..self.columns.len() {
            self.reduce_column(module, &mut times, column, 2);
        }
        let row = |at: usize| {
            let bit = |column: &Vec<Bit>| column.get(at).copied().unwrap_or(Bit::ZERO);
            self.columns.iter().map(bit).collect()
        };
        [row(0), row(1)]
    }

    /// The sum: the tree and a final adder, which begins where there are two bits.
    pub fn sum(self, module: &mut Module, name: &str) -> Vec<Bit> {
        let rows = self.rows(module);
        add_rows(module, name, rows)
    }

    /// Adds three bits, always the earliest, until `most` are left. Carries of the columns below
    /// are there already: the time at which each arrives decides the shape of the tree, which
    /// keeps paths short and even, and so glitches few.
    ///
    /// No half adders unless asked for: with one in every column of an odd number of bits, as in the classical
    /// trees, the exact PE is 12 % faster in ASAP7, but 8 % larger and takes 10 % more power.
    fn reduce_column(
        &mut self,
        module: &mut Module,
        times: &mut HashMap<Bit, u32>,
        column: usize,
        most: usize,
    ) {
        let mut bits = std::mem::take(&mut self.columns[column]);
        let is_odd = bits.len() > most && (bits.len() - most) % 2 == 1;
        let mut takes_two = is_odd && most == 2 && column >= self.half_adders_from;
        while bits.len() > most {
            let time = |bit: &Bit| times.get(bit).copied().unwrap_or(0);
            // Constants first: an adder with one is cheaper.
            bits.sort_by_key(|bit| (bit.value().is_none(), time(bit), *bit));
            let most_taken = if std::mem::take(&mut takes_two) { 2 } else { 3 };
            let taken: Vec<Bit> = bits.drain(..bits.len().min(most_taken)).collect();
            let latest = taken.iter().map(time).max().unwrap_or(0);
            let [sum, carry] = match taken[..] {
                [a, b, c] => module.full_adder([a, b, c]),
                [a, b] => module.half_adder([a, b]),
                _ => unreachable!("more than one bit is left"),
            };
            for (bit, delay, to) in [(sum, SUM_DELAY, column), (carry, CARRY_DELAY, column + 1)] {
                // A folded adder may give one of its inputs back, or a constant.
                times.entry(bit).or_insert(latest + delay);
                match bit.value() {
                    Some(false) => {}
                    _ if to == column => bits.push(bit),
                    _ => {
                        if let Some(above) = self.columns.get_mut(to) {
                            above.push(bit);
                        }
                    }
                }
            }
        }
        self.columns[column] = bits;
    }
}

/// The sum of two rows and of `up` in their lowest column, all registered before the final adder.
/// The rows' registers are called `name` 0 and 1.
pub fn add_registered(
    module: &mut Module,
    name: [&str; 3],
    rows: [Vec<Bit>; 2],
    up: Bit,
) -> Vec<Bit> {
    let [row, up_name, sum_name] = name;
    let mut rows = register_rows(module, row, rows);
    if up != Bit::ZERO {
        // A column below the lowest, whose carry is the bit.
        let up = module.register(up_name, vec![up], None)[0];
        rows.iter_mut().for_each(|row| row.insert(0, up));
    }
    let mut sum = add_rows(module, sum_name, rows);
    if up != Bit::ZERO {
        sum.remove(0);
    }
    sum
}

/// Registers two rows, as `name` 0 and 1.
pub fn register_rows(module: &mut Module, name: &str, rows: [Vec<Bit>; 2]) -> [Vec<Bit>; 2] {
    let [first, second] = rows;
    [(0, first), (1, second)]
        .map(|(number, row)| register_some(module, &format!("{name}{number}"), row))
}

/// Registers the bits of a row that are no constants.
fn register_some(module: &mut Module, name: &str, row: Vec<Bit>) -> Vec<Bit> {
    let moving = |bit: &&Bit| bit.value().is_none();
    let data: Vec<Bit> = row.iter().filter(moving).copied().collect();
    let mut stored = module.register(name, data, None).into_iter();
    row.into_iter()
        .map(|bit| if bit.value().is_some() { bit } else { stored.next().expect("one each") })
        .collect()
}

/// The sum of two rows; where the low columns hold one bit at most, there is nothing to add.
pub fn add_rows(module: &mut Module, name: &str, [left, right]: [Vec<Bit>; 2]) -> Vec<Bit> {
    let first = (0..left.len()).find(|&at| left[at] != Bit::ZERO && right[at] != Bit::ZERO);
    let first = first.unwrap_or(left.len());
    let mut sum: Vec<Bit> =
        (0..first).map(|at| if left[at] == Bit::ZERO { right[at] } else { left[at] }).collect();
    if first < left.len() {
        sum.extend(module.add(name, [left[first..].to_vec(), right[first..].to_vec()]));
    }
    sum
}
