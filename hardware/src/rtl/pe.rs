//! The processing element: `pe.sv`.
//!
//! The operand registers feed the multiplier, whose partial products go into one carry-save tree
//! with the partial sum from above; the sum is registered on its way down.

use recoup_circuits::netlist::GateBuilder;

use super::design::ArrayRtl;
use super::module::{Bit, Module};
use super::multiplier::extend;
use super::range::Range;
use super::tree::Tree;

/// The PE of a design.
pub fn pe(design: &ArrayRtl) -> Module {
    let options = &design.options;
    let width = design.ranges.psum.bits();
    let mut module = Module::new("pe", purpose(design));

    let (weight_bits, activation_bits) = (design.pe_weight_bits(), design.pe_activation_bits());
    let load = module.input("load", 1)[0];
    let w_in = module.input("w_in", weight_bits.len());
    let a_in = module.input("a_in", activation_bits.len());
    let zero_in = if options.zero_gating { module.input("zero_in", 1)[0] } else { Bit::ZERO };
    let psum_in = module.input("psum_in", width);
    let x_bits = if design.x_in_pe().is_some() { design.ranges.x.bits() } else { 0 };
    let x_in = module.input("x_in", x_bits);

    module.comment("The weight stays while a tile runs; activations move on to the next column.");
    let w = module.register("w", w_in, Some(load));
    let zero = if options.zero_gating {
        module.register("zero", vec![zero_in], None)[0]
    } else {
        Bit::ZERO
    };
    let moves = options.zero_gating.then(|| module.not(zero_in));
    let a = module.register("a", a_in, moves);
    module.output("w_out", w.clone());
    module.output("a_out", a.clone());
    if options.zero_gating {
        module.output("zero_out", vec![zero]);
    }
    let w = scatter(&w, &weight_bits);
    let a = scatter(&a, &activation_bits);

    if let Some(x) = design.x_in_pe() {
        module.comment(format!("X of this column: {}.", x.describe()));
        let mut tree = Tree::new(x_bits);
        tree.add_word(&mut module, 0, &x_in, false);
        x.add_to(&mut module, &mut tree, "x_of_a", &a);
        let sum = tree.sum(&mut module, "x_sum");
        let sum = bypass(&mut module, zero, &x_in, &sum);
        let x_out = module.register("x", sum, None);
        module.output("x_out", x_out);
    }

    let sum = if options.pipeline {
        module.comment("The product, registered before it is accumulated.");
        let range = product_range(design);
        let mut tree = Tree::new(range.bits());
        add_product(design, &mut module, &mut tree, &w, &a);
        let product = tree.sum(&mut module, "product_sum");
        let enable = options.zero_gating.then(|| module.not(zero));
        let product = module.register("product", product, enable);
        let product = extend(&product, width, range.is_signed());
        let skip = if options.zero_gating {
            module.register("skip", vec![zero], None)[0]
        } else {
            Bit::ZERO
        };
        let mut tree = Tree::new(width);
        tree.add_word(&mut module, 0, &product, false);
        tree.add_word(&mut module, 0, &psum_in, false);
        let sum = tree.sum(&mut module, "sum");
        bypass(&mut module, skip, &psum_in, &sum)
    } else {
        module.comment("Product and partial sum in one tree.");
        let mut tree = Tree::new(width);
        add_product(design, &mut module, &mut tree, &w, &a);
        tree.add_word(&mut module, 0, &psum_in, false);
        let sum = tree.sum(&mut module, "sum");
        bypass(&mut module, zero, &psum_in, &sum)
    };
    let psum = module.register("psum", sum, None);
    module.output("psum_out", psum);
    module
}

/// What every PE leaves out of its sum, and the top of the column makes up for.
///
/// A skipped product must leave nothing out: with zero gating the constant is in the tree.
pub fn constant(design: &ArrayRtl) -> i64 {
    if design.options.zero_gating {
        return 0;
    }
    let mut module = Module::new("pe", String::new());
    let mut tree = Tree::new(design.ranges.psum.bits());
    let bits: [Bit; 8] = module.input("w", 8).try_into().expect("8 bits");
    design.circuit.add_to(&mut module, &mut tree, &bits, &bits);
    tree.take_constant() as i64
}

fn add_product(
    design: &ArrayRtl,
    module: &mut Module,
    tree: &mut Tree,
    w: &[Bit; 8],
    a: &[Bit; 8],
) {
    design.circuit.add_to(module, tree, w, a);
    if !design.options.zero_gating {
        tree.take_constant();
    }
}

/// The product without its constant, which makes a signed one unsigned.
fn product_range(design: &ArrayRtl) -> Range {
    let constant = constant(design);
    let Range { low, high } = design.circuit.range();
    Range { low: (low - constant).min(0), high: high - constant }
}

/// `skip ? unchanged : sum`.
fn bypass(module: &mut Module, skip: Bit, unchanged: &[Bit], sum: &[Bit]) -> Vec<Bit> {
    unchanged.iter().zip(sum).map(|(&old, &new)| module.mux(skip, old, new)).collect()
}

/// Stored bits at their places in a byte.
pub fn scatter(stored: &[Bit], places: &[usize]) -> [Bit; 8] {
    let mut byte = [Bit::ZERO; 8];
    stored.iter().zip(places).for_each(|(&bit, &place)| byte[place] = bit);
    byte
}

fn purpose(design: &ArrayRtl) -> String {
    let ArrayRtl { circuit, options, ranges, .. } = design;
    let list = |bits: &[usize]| bits.iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
    let mut text = format!(
        "Processing element: psum_out = psum_in + p(w, a) / {}, p = {}.\n\
         w_in and w_out are weight bits {}, a_in and a_out activation bits {}.\n\
         Partial sums of {} rows: {} to {}, modulo 2^{}.",
        1 << circuit.lsb(),
        circuit.name(),
        list(&design.pe_weight_bits()),
        list(&design.pe_activation_bits()),
        options.rows,
        ranges.psum.low,
        ranges.psum.high,
        ranges.psum.bits(),
    );
    let constant = constant(design);
    if constant != 0 {
        text += &format!(
            "\nThe constant {constant} of the inverted partial products is left to the top of the \
             column."
        );
    }
    text
}
