//! Beside the array: `constants.sv`. Makes C and C0 of what each column was loaded with, eq. (3.22).
//!
//! There is one for all columns. Their sums come through it one after the other, the last column's
//! first, which is the order in which the columns' chain takes constants: a column needs no
//! multiplier and no rounding of its own, and what comes out is the same as what a controller would
//! write.

use recoup_circuits::netlist::GateBuilder;
use recoup_core::control_variate::LoadConstants;

use super::design::{ArrayRtl, Correction};
use super::load::{LoadPath, LoadShares, shifted};
use super::module::{Bit, Module};
use super::multiplier::extend;
use super::range::Range;
use super::tree::{Tree, add_registered, register_rows};

/// Clock cycles from a column's sums to its constants.
pub fn latency(load: &LoadPath, has_x: bool) -> usize {
    let sums = match load.shares {
        LoadShares::Bits { .. } => 3,
        LoadShares::Table { .. } => 0,
    };
    sums + 1 + if has_x { 3 } else { 0 }
}

/// What makes the constants of all columns; `None` where they are made outside.
pub fn constants(design: &ArrayRtl) -> Option<Module> {
    let load = design.load()?;
    let correction = design.correction.as_ref()?;
    let has_x = design.term().is_some();
    let mut module = Module::new("constants", purpose(design, load));
    let settings = Settings::new(&mut module, load, has_x);
    let make = module.input("make", 1)[0];
    let sums = module.input("sums", load.sums_bits(has_x));
    let mut made = vec![make];
    let mut stage = Stage { module: &mut module, number: 0 };

    let mut sums = match &load.shares {
        LoadShares::Bits { .. } => {
            let sums = of_counts(design, load, &settings, stage.module, &sums);
            made = stage.delayed("make", made, 3);
            sums
        }
        LoadShares::Table { .. } => split(load, has_x, &sums),
    };

    stage.module.comment("C, and the mean error: rounded half to even.");
    let c_range = design.term().map_or(Range::default(), |(_, c)| *c);
    let mut c = Vec::new();
    if has_x {
        c = rounded(stage.module, "c", (&sums.g, load.sum_g.is_signed()), c_range.bits());
        c = stage.module.register("c_made", c, None);
    }
    let mean_range = mean_range(load);
    let mean = (&sums.m[..], load.sum_m.is_signed());
    let mean = rounded(stage.module, "mean", mean, mean_range.bits());
    let mean = stage.module.register("mean_made", mean, None);
    sums.w = stage.delayed("sum_w", sums.w, 1);
    made = stage.delayed("make", made, 1);

    let c0_bits = correction.c0.bits();
    let mut c0 = extend(&mean, c0_bits, mean_range.is_signed());
    if has_x {
        stage.module.comment("C X0, rounded half to even.");
        let signed = c_range.is_signed();
        let c_x0 = c_x0(stage.module, correction, (&c, signed), &settings.x0);
        let c_x0 = stage.module.register("cx0", c_x0, None);
        stage.module.comment("C0: the mean error less that.");
        let mean = stage.delayed("mean", c0, 2);
        c0 = difference(stage.module, "c0", &mean, &extend(&c_x0, c0_bits, signed));
        c0 = stage.module.register("c0_made", c0, None);
        c = stage.delayed("c_made", c, 3);
        sums.w = stage.delayed("sum_w", sums.w, 3);
        made = stage.delayed("make", made, 3);
    }
    outputs(design, &mut module, made[0], [c, c0, sums.w]);
    Some(module)
}

/// What leaves: into the chain of the columns where they take it, or else out of the array.
fn outputs(design: &ArrayRtl, module: &mut Module, made: Bit, [c, c0, sum_w]: [Vec<Bit>; 3]) {
    if design.has_v() {
        module.comment("Into the columns; constants that were made outside come the same way.");
        let load = module.input("c_load", 1)[0];
        let loads = module.or(made, load);
        module.output("c_load_out", vec![loads]);
    }
    let mut chained = |name: &str, own: &[Bit]| {
        let outside = module.input(&format!("{name}_in"), own.len());
        let bits = own.iter().zip(outside);
        let chosen = bits.map(|(&own, outside)| module.mux(made, own, outside)).collect();
        module.output(&format!("{name}_out"), chosen);
    };
    if !c.is_empty() {
        chained("c", &c);
    }
    match design.c0_in_mac() {
        Some(_) => chained("c0", &c0),
        None => module.output("made_c0", c0),
    }
    module.output("made", vec![made]);
    module.output("made_sum_w", sum_w);
}

/// The registers that hold a layer's numbers.
struct Settings {
    g: Vec<Vec<Bit>>,
    m: Vec<Vec<Bit>>,
    x0: Vec<Bit>,
}

impl Settings {
    fn new(module: &mut Module, load: &LoadPath, has_x: bool) -> Self {
        let mut settings = Self { g: Vec::new(), m: Vec::new(), x0: Vec::new() };
        let is_bits = matches!(load.shares, LoadShares::Bits { .. });
        if !is_bits && !has_x {
            return settings;
        }
        module.comment("The layer's numbers; G and M of bit 7 come first.");
        let enable = module.input("layer_load", 1)[0];
        if let LoadShares::Bits { g, m } = &load.shares {
            let mut chain = |name: &str, range: &Range| {
                let mut value = module.input(&format!("{name}_in"), range.bits());
                let mut chain = Vec::new();
                for l in 0..8 {
                    value = module.register(&format!("{name}{l}"), value, Some(enable));
                    chain.push(value.clone());
                }
                chain
            };
            if has_x {
                settings.g = chain("g", g);
            }
            settings.m = chain("m", m);
        }
        if has_x {
            let x0 = module.input("x0_in", load.x0.bits());
            settings.x0 = module.register("x0", x0, Some(enable));
        }
        settings
    }
}

/// What a column has added up.
struct Sums {
    g: Vec<Bit>,
    m: Vec<Bit>,
    w: Vec<Bit>,
}

/// The sums of a table's column are there as they are.
fn split(load: &LoadPath, has_x: bool, sums: &[Bit]) -> Sums {
    let g_bits = if has_x { load.sum_g.bits() } else { 0 };
    let (g, rest) = sums.split_at(g_bits);
    let (m, w) = rest.split_at(load.sum_m.bits());
    Sums { g: g.to_vec(), m: m.to_vec(), w: w.to_vec() }
}

/// Sums from how often each bit is set. One tree of all products would be the slowest part of an
/// array: there is one for each pair of bits, and another one of what these leave.
fn of_counts(
    design: &ArrayRtl,
    load: &LoadPath,
    settings: &Settings,
    module: &mut Module,
    counts: &[Bit],
) -> Sums {
    let LoadShares::Bits { g, m } = &load.shares else { unreachable!("counts are of bits") };
    let counts: Vec<&[Bit]> = counts.chunks(load.count_bits()).collect();
    let mut sum = |name: &str, of: &[Vec<Bit>], signed: bool, width: usize| {
        sum_of_pairs(module, name, width, |module, tree, l| {
            let name = format!("{name}{l}");
            tree.add_product(module, &name, (&of[l], signed), counts[l]);
        })
    };
    let g = match settings.g.is_empty() {
        true => Vec::new(),
        false => sum("g", &settings.g, g.is_signed(), load.sum_g.bits()),
    };
    let m = sum("m", &settings.m, m.is_signed(), load.sum_m.bits());
    let signed = design.circuit.weights().is_signed();
    let w = sum_of_pairs(module, "w", load.sum_w.bits(), |module, tree, l| {
        for (at, &bit) in counts[l].iter().enumerate() {
            if signed && l == 7 {
                tree.subtract(module, l + at, bit);
            } else {
                tree.add(l + at, bit);
            }
        }
    });
    Sums { g, m, w }
}

/// The sum over the eight bits of a weight of what `add` adds for each, in three cycles.
fn sum_of_pairs(
    module: &mut Module,
    name: &str,
    width: usize,
    add: impl Fn(&mut Module, &mut Tree, usize),
) -> Vec<Bit> {
    module.comment(format!("sum {name} of the column's weights: two bits of a weight each."));
    let mut all = Tree::new(width);
    for pair in 0..4 {
        let mut tree = Tree::new(width);
        for l in [2 * pair, 2 * pair + 1] {
            add(module, &mut tree, l);
        }
        let rows = tree.rows(module);
        for row in register_rows(module, &format!("{name}_pair{pair}_row"), rows) {
            all.add_word(module, 0, &row, false);
        }
    }
    module.comment("All of them; the final adder.");
    let rows = all.rows(module);
    let names = [format!("{name}_row"), format!("{name}_up"), format!("{name}_total")];
    let sum = add_registered(module, [&names[0], &names[1], &names[2]], rows, Bit::ZERO);
    module.register(&format!("sum_{name}"), sum, None)
}

/// A sum without its guard bits, in `width` bits.
fn rounded(
    module: &mut Module,
    name: &str,
    (sum, signed): (&[Bit], bool),
    width: usize,
) -> Vec<Bit> {
    let guard = LoadConstants::GUARD as usize;
    let mut tree = Tree::new(guard + width);
    tree.add_word(module, 0, sum, signed);
    let up = tree.round(module, guard);
    tree.add(guard, up);
    tree.sum(module, name)[guard..].to_vec()
}

/// The range of the rounded mean error.
fn mean_range(load: &LoadPath) -> Range {
    shifted(load.sum_m, LoadConstants::GUARD)
}

/// round(C X0 / 2^c_frac), in one more cycle than the one that it is stored in.
fn c_x0(
    module: &mut Module,
    correction: &Correction,
    (c, signed): (&[Bit], bool),
    x0: &[Bit],
) -> Vec<Bit> {
    let fraction = correction.c_frac;
    // A bit more, for what rounding adds.
    let mut tree = Tree::new((c.len() + x0.len() + 1).max(fraction + 1));
    tree.add_product(module, "cx0", (c, signed), x0);
    let up = tree.round(module, fraction);
    let rows = tree.rows(module).map(|row| row[fraction..].to_vec());
    add_registered(module, ["cx0_row", "cx0_up", "cx0_total"], rows, up)
}

/// `left - right`, words of one width, as left + ~right + 1: the 1 is the carry of a column below
/// the lowest, for in a tree it would ripple through all columns.
fn difference(module: &mut Module, name: &str, left: &[Bit], right: &[Bit]) -> Vec<Bit> {
    let mut rows = [vec![Bit::ONE], vec![Bit::ONE]];
    for (&left, &right) in left.iter().zip(right) {
        let inverse = module.not(right);
        rows[0].push(left);
        rows[1].push(inverse);
    }
    module.add(name, rows)[1..].to_vec()
}

/// Registers that keep values in step.
struct Stage<'a> {
    module: &'a mut Module,
    number: usize,
}

impl Stage<'_> {
    /// A value so many cycles later.
    fn delayed(&mut self, name: &str, mut value: Vec<Bit>, cycles: usize) -> Vec<Bit> {
        for _ in 0..cycles {
            self.number += 1;
            let name = format!("{name}_late{}", self.number);
            value = self.module.register(&name, value, None);
        }
        value
    }
}

fn purpose(design: &ArrayRtl, load: &LoadPath) -> String {
    let correction = design.correction.as_ref().expect("constants are a correction's");
    let mut text =
        "Makes the constants of what columns were loaded with, the last column's first:\n"
            .to_string();
    if design.term().is_some() {
        text += &format!(
            "C = round(sum G / 256), sum G from {} to {};\n\
             C0 = round(sum M / 256) - round(C X0 / {}), C0 from {} to {}, X0 up to {}; sum w.",
            load.sum_g.low,
            load.sum_g.high,
            1 << correction.c_frac,
            correction.c0.low,
            correction.c0.high,
            load.x0.high,
        );
    } else {
        text += "C0 = round(sum M / 256); sum w.";
    }
    text + &format!(
        "\nThey are there {} cycles after make.",
        latency(load, design.term().is_some())
    )
}
