//! Beside the top of each column: `load_sums.sv`. Adds up what the column is loaded with.
//!
//! G and M of a mask are sums over the bits of a weight, so that their sums over a column follow
//! from how many of its weights have each bit: eight counters, where adding G and M themselves would
//! take an adder of some 20 bits for each of 16 numbers, in every column.

use recoup_circuits::netlist::GateBuilder;

use super::design::ArrayRtl;
use super::load::{LoadPath, LoadShares};
use super::module::{Bit, Module};
use super::multiplier::extend;
use super::range::Range;
use super::tree::Tree;

/// The sums of a column; `None` where the array makes no constants.
pub fn load_sums(design: &ArrayRtl) -> Option<Module> {
    let load = design.load()?;
    let mut module = Module::new("load_sums", purpose(design, load));
    let weights = design.options.products_per_pe;
    let counts = module.input("count", weights);
    let first = module.input("first", 1)[0];
    let make = module.input("make", 1)[0];
    let w = module.input("w", 8 * weights);
    let sums_in = module.input("sums_in", load.sums_bits(design.term().is_some()));
    let count = module.any(&counts);
    let moves = module.or(count, make);
    let row = Row { w: w.chunks(8).collect(), counts: &counts };
    let addends = match &load.shares {
        LoadShares::Bits { .. } => {
            module.comment("How many weights have each bit.");
            let bits = load.count_bits();
            let count = |l: usize| {
                let name = format!("count{l}");
                let addend = row.sum(&mut module, &name, (bits, false), |_, _, w| vec![w[l]]);
                (name, addend)
            };
            (0..8).map(count).collect()
        }
        LoadShares::Table { g, m } => {
            module.comment("What the weight adds to C and C0, and the weight itself.");
            let mut addends: Vec<(String, Vec<Bit>)> = Vec::new();
            if design.term().is_some() {
                addends.push(("sum_g".into(), row.looked_up(&mut module, "g", g, load.sum_g)));
            }
            addends.push(("sum_m".into(), row.looked_up(&mut module, "m", m, load.sum_m)));
            let sum_w = (load.sum_w.bits(), design.circuit.weights().is_signed());
            let addend = row.sum(&mut module, "sum_w", sum_w, |_, _, w| w.to_vec());
            addends.push(("sum_w".into(), addend));
            addends
        }
    };
    let (mut sums, mut taken) = (Vec::new(), &sums_in[..]);
    for (name, addend) in addends {
        let (own, rest) = taken.split_at(addend.len());
        sums.extend(module.accumulator(&name, addend, [moves, first, make], own.to_vec()));
        taken = rest;
    }
    module.output("sums_out", sums);
    Some(module)
}

/// The weights that a column is loaded with in one cycle.
struct Row<'a> {
    w: Vec<&'a [Bit]>,
    /// Which of them count.
    counts: &'a [Bit],
}

impl Row<'_> {
    /// The sum of what each adds, in so many bits; `value` gives it for a weight and its number, in
    /// two's complement if signed. A single weight that does not count is not added anyway.
    fn sum(
        &self,
        module: &mut Module,
        name: &str,
        (bits, signed): (usize, bool),
        value: impl Fn(&mut Module, &str, &[Bit]) -> Vec<Bit>,
    ) -> Vec<Bit> {
        if let [w] = self.w[..] {
            let value = value(module, "", w);
            return extend(&value, bits, signed);
        }
        let mut tree = Tree::new(bits);
        for (at, (w, &counts)) in self.w.iter().zip(self.counts).enumerate() {
            let value = value(module, &at.to_string(), w);
            let value: Vec<Bit> = value.iter().map(|&bit| module.and(bit, counts)).collect();
            tree.add_word(module, 0, &value, signed);
        }
        tree.sum(module, &format!("{name}_row"))
    }

    /// The sum of a function of the weights.
    fn looked_up(
        &self,
        module: &mut Module,
        name: &str,
        values: &[i32; 256],
        sum: Range,
    ) -> Vec<Bit> {
        let range = Range::of(values.iter().map(|&value| i64::from(value)));
        let mask = (1_u64 << range.bits()) - 1;
        let values: Vec<u64> = values.iter().map(|&value| i64::from(value) as u64 & mask).collect();
        let width = (sum.bits(), range.is_signed());
        self.sum(module, &format!("sum_{name}"), width, |module, number, w| {
            module.lookup(&format!("{name}{number}"), w.to_vec(), values.clone(), range.bits())
        })
    }
}

fn purpose(design: &ArrayRtl, load: &LoadPath) -> String {
    let what = match &load.shares {
        LoadShares::Bits { .. } => "how many have each bit, bit 0 first".to_string(),
        LoadShares::Table { .. } if design.term().is_some() => {
            "sum G(w), sum M(w) and sum w".to_string()
        }
        LoadShares::Table { .. } => "sum M(w) and sum w".to_string(),
    };
    format!(
        "Sums of up to {} weights of a column as they are loaded: {what}.\n\
         count: these weights count; first: they are the first; make: the sums of the column before are taken.",
        load.depth
    )
}
