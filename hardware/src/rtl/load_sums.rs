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

/// The sums of a column; `None` where the array makes no constants.
pub fn load_sums(design: &ArrayRtl) -> Option<Module> {
    let load = design.load()?;
    let mut module = Module::new("load_sums", purpose(design, load));
    let count = module.input("count", 1)[0];
    let first = module.input("first", 1)[0];
    let make = module.input("make", 1)[0];
    let w = module.input("w", 8);
    let sums_in = module.input("sums_in", load.sums_bits(design.term().is_some()));
    let moves = module.or(count, make);
    let addends = match &load.shares {
        LoadShares::Bits { .. } => {
            module.comment("How many weights have each bit.");
            let bits = load.count_bits();
            (0..8).map(|l| (format!("count{l}"), extend(&w[l..=l], bits, false))).collect()
        }
        LoadShares::Table { g, m } => {
            module.comment("What the weight adds to C and C0, and the weight itself.");
            let mut addends: Vec<(String, Vec<Bit>)> = Vec::new();
            if design.term().is_some() {
                addends.push(("sum_g".into(), looked_up(&mut module, "g", &w, g, load.sum_g)));
            }
            addends.push(("sum_m".into(), looked_up(&mut module, "m", &w, m, load.sum_m)));
            let signed = design.circuit.weights().is_signed();
            addends.push(("sum_w".into(), extend(&w, load.sum_w.bits(), signed)));
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

/// A function of the weight, as wide as its sum.
fn looked_up(
    module: &mut Module,
    name: &str,
    w: &[Bit],
    values: &[i32; 256],
    sum: Range,
) -> Vec<Bit> {
    let range = Range::of(values.iter().map(|&value| i64::from(value)));
    let mask = (1_u64 << range.bits()) - 1;
    let values = values.iter().map(|&value| i64::from(value) as u64 & mask).collect();
    let value = module.lookup(name, w.to_vec(), values, range.bits());
    extend(&value, sum.bits(), range.is_signed())
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
         count: w counts; first: it is the first one; make: the sums of the column before are taken.",
        load.depth
    )
}
