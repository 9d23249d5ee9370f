//! The end of a column: `mac_plus.sv`. Adds the sum of the tiles before and, to the last tile, V.
//!
//! acc_out = psum + acc_in + round(C X / 2^c_frac) + C0 is one carry-save tree, cut by registers
//! before its final adder. V is rounded half to even (eq. (3.12)): the fraction is resolved first,
//! and what it rounds up is a last bit of the tree.

use recoup_circuits::netlist::GateBuilder;

use super::design::{ArrayRtl, Correction};
use super::module::{Bit, Module};
use super::range::Range;
use super::tree::{Tree, add_registered};

/// Clock cycles from a column's partial sum to its `acc_out`.
pub fn latency(design: &ArrayRtl) -> usize {
    match (design.has_mac_plus(), design.has_v()) {
        (false, _) => 0,
        (true, false) => 1,
        (true, true) => 2,
    }
}

/// The unit at the end of each column, or of each group of columns that are in step; `None` where
/// there is nothing to add.
pub fn mac_plus(design: &ArrayRtl) -> Option<Module> {
    if !design.has_mac_plus() {
        return None;
    }
    let columns = design.options.share_columns;
    let number = |column: usize| if columns == 1 { String::new() } else { column.to_string() };
    let psum_range = design.ranges.psum;
    let mut module = Module::new("mac_plus", purpose(design));
    let psum = module.input("psum", columns * psum_range.bits());
    let acc_bits = if design.is_tiled() { design.ranges.acc.bits() } else { 0 };
    let acc = module.input("acc_in", columns * acc_bits);
    let psum = |column: usize| &psum[column * psum_range.bits()..(column + 1) * psum_range.bits()];
    let acc = |column: usize| &acc[column * acc_bits..(column + 1) * acc_bits];
    let mut sums = Vec::new();
    let Some(correction) = design.correction.as_ref().filter(|_| design.has_v()) else {
        for column in 0..columns {
            let mut tree = Tree::new(acc_bits);
            tree.add_word(&mut module, 0, psum(column), psum_range.is_signed());
            tree.add_word(&mut module, 0, acc(column), false);
            sums.extend(tree.sum(&mut module, &format!("sum{}", number(column))));
        }
        let acc = module.register("acc", sums, None);
        module.output("acc_out", acc);
        return Some(module);
    };

    let last = if design.is_tiled() { module.input("last_in", 1)[0] } else { Bit::ONE };
    if last != Bit::ONE {
        module.comment("The next column is one cycle behind.");
        let last_out = module.register("last", vec![last], None);
        module.output("last_out", last_out);
    }
    let x = match &correction.term {
        Some(_) => take_x(design, &mut module),
        None => Vec::new(),
    };
    let (mut c_before, mut c0_before) = (None, None);
    for column in 0..columns {
        let number = number(column);
        let mut tree = Tree::new(correction.c_frac + design.ranges.result.bits());
        let up = match &correction.term {
            Some((_, range)) => {
                let c = constant_register(&mut module, "c", &number, *range, &mut c_before);
                let c = (&c[..], range.is_signed(), &number[..]);
                add_c_x(correction, c, &x, &mut module, &mut tree, last)
            }
            None => Bit::ZERO,
        };
        if let Some(range) = design.c0_in_mac() {
            let c0 = constant_register(&mut module, "c0", &number, range, &mut c0_before);
            let c0: Vec<Bit> = c0.iter().map(|&bit| module.and(bit, last)).collect();
            tree.add_word(&mut module, correction.c_frac, &c0, range.is_signed());
        }
        module.comment("Partial sum and the tiles before.");
        let first = correction.c_frac + design.circuit.lsb();
        tree.add_word(&mut module, first, psum(column), psum_range.is_signed());
        tree.add_word(&mut module, first, acc(column), design.ranges.acc.is_signed());
        let rows = tree.rows(&mut module).map(|row| row[correction.c_frac..].to_vec());

        module.comment("Both rows and the bit that rounds up, registered; the final adder.");
        let names = ["row", "up", "sum"].map(|name| match number.is_empty() {
            true => name.to_owned(),
            false => format!("{name}{number}_"),
        });
        sums.extend(add_registered(&mut module, names.each_ref().map(String::as_str), rows, up));
    }
    let acc = module.register("acc", sums, None);
    module.output("acc_out", acc);
    for (name, last) in [("c_out", c_before), ("c0_out", c0_before)] {
        module.output(name, last.unwrap_or_default());
    }
    Some(module)
}

/// X, which moves on to the next column.
fn take_x(design: &ArrayRtl, module: &mut Module) -> Vec<Bit> {
    let x = module.input("x_in", design.ranges.x.bits());
    if design.x_in_pe().is_none() {
        let x_out = module.register("x", x.clone(), None);
        module.output("x_out", x_out);
    } else if design.options.pipeline {
        return module.register("x_late", x, None);
    }
    x
}

/// Adds C X to the tree, its fraction resolved and left out; the bit that rounding adds. C comes
/// with its sign, and with what tells its column's names from those of others.
fn add_c_x(
    correction: &Correction,
    (c, signed, number): (&[Bit], bool, &str),
    x: &[Bit],
    module: &mut Module,
    tree: &mut Tree,
    last: Bit,
) -> Bit {
    module.comment("C X, of the last tile only: before it nothing moves.");
    let x: Vec<Bit> = x.iter().map(|&bit| module.and(bit, last)).collect();
    tree.add_product(module, &format!("cx{number}"), (c, signed), &x);
    if correction.c_frac > 0 {
        module.comment("The fraction of C X, and whether it rounds up: half to even.");
    }
    tree.round(module, correction.c_frac)
}

/// A constant of a column; a chain through all columns loads it, in which it comes after that of
/// the column `before`.
fn constant_register(
    module: &mut Module,
    name: &str,
    number: &str,
    range: Range,
    before: &mut Option<Vec<Bit>>,
) -> Vec<Bit> {
    let load = module.input_bit("c_load");
    let input = match before {
        Some(before) => before.clone(),
        None => module.input(&format!("{name}_in"), range.bits()),
    };
    let name = if number.is_empty() { name.to_owned() } else { format!("{name}_{number}") };
    let constant = module.register(&name, input, Some(load));
    *before = Some(constant.clone());
    constant
}

fn purpose(design: &ArrayRtl) -> String {
    let ranges = &design.ranges;
    let scale = 1 << design.circuit.lsb();
    let tiles = if design.is_tiled() { " + acc_in" } else { "" };
    let Some(correction) = design.correction.as_ref().filter(|_| design.has_v()) else {
        return format!(
            "End of a column: acc_out = psum{tiles}, in units of {scale}.\n\
             {} products at most: {} to {}.",
            design.options.depth, ranges.acc.low, ranges.acc.high
        );
    };
    let cx = correction.term.as_ref().map_or(String::new(), |(_, c)| {
        format!(
            "round(C X / {}), C from {} to {}, X up to {}",
            1 << correction.c_frac,
            c.low,
            c.high,
            ranges.x.high
        )
    });
    let c0 =
        design.c0_in_mac().map_or(String::new(), |c0| format!("C0 from {} to {}", c0.low, c0.high));
    let join = if cx.is_empty() || c0.is_empty() { "" } else { "; plus " };
    format!(
        "End of a column: acc_out = {scale} (psum{tiles}) + V, V in the last tile only.\n\
         V = {cx}{join}{c0}.\n\
         {} products at most: acc_out from {} to {}.",
        design.options.depth, ranges.result.low, ranges.result.high
    )
}
