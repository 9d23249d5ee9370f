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

/// The unit at the end of each column; `None` where there is nothing to add.
pub fn mac_plus(design: &ArrayRtl) -> Option<Module> {
    if !design.has_mac_plus() {
        return None;
    }
    let psum_range = design.ranges.psum;
    let mut module = Module::new("mac_plus", purpose(design));
    let psum = module.input("psum", psum_range.bits());
    let acc_bits = if design.is_tiled() { design.ranges.acc.bits() } else { 0 };
    let acc = module.input("acc_in", acc_bits);
    let Some(correction) = design.correction.as_ref().filter(|_| design.has_v()) else {
        let mut tree = Tree::new(acc_bits);
        tree.add_word(&mut module, 0, &psum, psum_range.is_signed());
        tree.add_word(&mut module, 0, &acc, false);
        let sum = tree.sum(&mut module, "sum");
        let acc = module.register("acc", sum, None);
        module.output("acc_out", acc);
        return Some(module);
    };

    let last = if design.is_tiled() { module.input("last_in", 1)[0] } else { Bit::ONE };
    if last != Bit::ONE {
        module.comment("The next column is one cycle behind.");
        let last_out = module.register("last", vec![last], None);
        module.output("last_out", last_out);
    }
    let width = correction.c_frac + design.ranges.result.bits();
    let mut tree = Tree::new(width);
    let up = match &correction.term {
        Some((_, c_range)) => add_c_x(design, correction, *c_range, &mut module, &mut tree, last),
        None => Bit::ZERO,
    };
    if let Some(range) = design.c0_in_mac() {
        let c0 = constant_register(&mut module, "c0", range);
        let c0: Vec<Bit> = c0.iter().map(|&bit| module.and(bit, last)).collect();
        tree.add_word(&mut module, correction.c_frac, &c0, range.is_signed());
    }
    module.comment("Partial sum and the tiles before.");
    let first = correction.c_frac + design.circuit.lsb();
    tree.add_word(&mut module, first, &psum, psum_range.is_signed());
    tree.add_word(&mut module, first, &acc, design.ranges.acc.is_signed());
    let rows = tree.rows(&mut module).map(|row| row[correction.c_frac..].to_vec());

    module.comment("Both rows and the bit that rounds up, registered; the final adder.");
    let sum = add_registered(&mut module, ["row", "up", "sum"], rows, up);
    let acc = module.register("acc", sum, None);
    module.output("acc_out", acc);
    Some(module)
}

/// Adds C X to the tree, its fraction resolved and left out; the bit that rounding adds.
fn add_c_x(
    design: &ArrayRtl,
    correction: &Correction,
    c_range: Range,
    module: &mut Module,
    tree: &mut Tree,
    last: Bit,
) -> Bit {
    let mut x = module.input("x_in", design.ranges.x.bits());
    if design.x_in_pe().is_some() {
        if design.options.pipeline {
            x = module.register("x_late", x, None);
        }
    } else {
        let x_out = module.register("x", x.clone(), None);
        module.output("x_out", x_out);
    }
    let c = constant_register(module, "c", c_range);
    module.comment("C X, of the last tile only: before it nothing moves.");
    let x: Vec<Bit> = x.iter().map(|&bit| module.and(bit, last)).collect();
    tree.add_product(module, "cx", (&c, c_range.is_signed()), &x);
    if correction.c_frac > 0 {
        module.comment("The fraction of C X, and whether it rounds up: half to even.");
    }
    tree.round(module, correction.c_frac)
}

/// A constant of the column; a chain through all columns loads it.
fn constant_register(module: &mut Module, name: &str, range: Range) -> Vec<Bit> {
    let load = module.input_bit("c_load");
    let input = module.input(&format!("{name}_in"), range.bits());
    let constant = module.register(name, input, Some(load));
    module.output(&format!("{name}_out"), constant.clone());
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
