//! The processing element: `pe.sv`.
//!
//! The operand registers feed the multipliers, whose partial products go into one carry-save tree
//! with the partial sum from above; the sum is registered on its way down. Where columns share
//! activation registers, the PE is that of all of them: one set of these, and a tree for each.

use recoup_circuits::netlist::GateBuilder;

use super::design::ArrayRtl;
use super::module::{Bit, Module};
use super::multiplier::extend;
use super::range::Range;
use super::tree::Tree;

/// The column of a tree of several products from which it has half adders.
const HALF_ADDERS_FROM: usize = 10;
/// The port for the gated clock of the weights.
const WEIGHT_CLOCK: &str = "w_gclk";

/// The PE of a design.
pub fn pe(design: &ArrayRtl) -> Module {
    let options = &design.options;
    let (products, columns) = (options.products_per_pe, options.share_columns);
    let width = design.ranges.psum.bits();
    let mut module = Module::new("pe", purpose(design));

    let (weight_bits, activation_bits) = (design.pe_weight_bits(), design.pe_activation_bits());
    let load = if design.gates_weights() { Bit::ONE } else { module.input("load", 1)[0] };
    let w_clock = design.gates_weights().then(|| module.input(WEIGHT_CLOCK, 1)[0]);
    let on = if design.gates_idle() {
        let [row, column] = ["row_on", "column_on"].map(|name| module.input(name, 1)[0]);
        Some(module.and(row, column))
    } else {
        None
    };
    let w_in = module.input("w_in", columns * products * weight_bits.len());
    let a_in = module.input("a_in", products * activation_bits.len());
    let zero_in = if options.zero_gating { module.input("zero_in", 1)[0] } else { Bit::ZERO };
    let psum_in = module.input("psum_in", columns * width);
    let x_bits = if design.x_in_pe().is_some() { design.ranges.x.bits() } else { 0 };
    let x_in = module.input("x_in", x_bits);

    let clock = match on {
        Some(on) if options.gate_cells => {
            module
                .comment("The clock stands still in rows and columns that the tile does not use.");
            Clock::Gated(module.clock_gate("clk_on", on))
        }
        Some(on) => Clock::Held(on),
        None => Clock::Always,
    };
    module.comment("The weights stay while a tile runs; activations move on to the next column.");
    let w = match w_clock {
        Some(clock) => module.register_at(Some(clock), "w", w_in, None),
        None => module.register("w", w_in, Some(load)),
    };
    let zero = if options.zero_gating {
        clock.register(&mut module, "zero", vec![zero_in], None)[0]
    } else {
        Bit::ZERO
    };
    let moves = options.zero_gating.then(|| module.not(zero_in));
    let a = clock.register(&mut module, "a", a_in, moves);
    module.output("w_out", w.clone());
    module.output("a_out", a.clone());
    if options.zero_gating {
        module.output("zero_out", vec![zero]);
    }
    let w = scatter_each(&w, columns * products, &weight_bits);
    let a = scatter_each(&a, products, &activation_bits);

    if let Some(x) = design.x_in_pe() {
        module.comment(format!("X of this column: {}.", x.describe()));
        let mut tree = Tree::new(x_bits);
        tree.add_word(&mut module, 0, &x_in, false);
        for (at, a) in a.iter().enumerate() {
            let name = if products == 1 { "x_of_a".into() } else { format!("x_of_a{at}") };
            x.add_to(&mut module, &mut tree, &name, a);
        }
        let sum = tree.sum(&mut module, "x_sum");
        let sum = bypass(&mut module, zero, &x_in, &sum);
        // X of the tiles before comes through all rows, used or not.
        let x_out = module.register("x", sum, None);
        module.output("x_out", x_out);
    }

    let mut columns: Vec<Column<'_>> = w
        .chunks(products)
        .zip(psum_in.chunks(width))
        .enumerate()
        .map(|(at, (weights, psum_in))| Column {
            weights,
            psum_in,
            number: if columns == 1 { String::new() } else { at.to_string() },
            product: Vec::new(),
        })
        .collect();
    let mut skip = zero;
    if options.pipeline {
        module.comment("The product, registered before it is accumulated.");
        let enable = options.zero_gating.then(|| module.not(zero));
        let range = product_range(design);
        for column in &mut columns {
            let mut tree = tree(design, range.bits());
            column.add_products(design, &mut module, &mut tree, &a);
            let sum = tree.sum(&mut module, &format!("product_sum{}", column.number));
            let name = format!("product{}", column.number);
            let product = clock.register(&mut module, &name, sum, enable);
            column.product = extend(&product, width, range.is_signed());
        }
        if options.zero_gating {
            skip = clock.register(&mut module, "skip", vec![zero], None)[0];
        }
    } else {
        module.comment("Product and partial sum in one tree.");
    }
    let mut sums = Vec::new();
    for column in &columns {
        let mut tree = tree(design, width);
        if options.pipeline {
            tree.add_word(&mut module, 0, &column.product, false);
        } else {
            column.add_products(design, &mut module, &mut tree, &a);
        }
        tree.add_word(&mut module, 0, column.psum_in, false);
        let sum = tree.sum(&mut module, &format!("sum{}", column.number));
        sums.extend(bypass(&mut module, skip, column.psum_in, &sum));
    }
    let psum = clock.register(&mut module, "psum", sums, None);
    module.output("psum_out", psum);
    module
}

/// The tree of one column. Four exact products and the sum miss the clock of one by 2 % in ASAP7; with
/// half adders in the upper columns they meet it for 1.6 % more power, and narrower sums have none.
fn tree(design: &ArrayRtl, width: usize) -> Tree {
    match design.options.products_per_pe {
        1 => Tree::new(width),
        _ => Tree::new(width).with_half_adders_from(HALF_ADDERS_FROM),
    }
}

/// What gates the clock of the weights in a group of columns that share PEs; `None` where multiplexers
/// hold them.
pub fn weight_gate(design: &ArrayRtl) -> Option<Module> {
    if !design.gates_weights() {
        return None;
    }
    let purpose = "The clock of the weights of a column runs while they are loaded.";
    let mut module = Module::new("weight_gate", purpose.to_owned());
    let load = module.input("load", 1)[0];
    let gated = module.clock_gate("gated", load);
    module.output(WEIGHT_CLOCK, vec![gated]);
    Some(module)
}

/// When registers take what comes.
#[derive(Clone, Copy)]
enum Clock {
    /// In each cycle.
    Always,
    /// At the pulses of a gated clock.
    Gated(Bit),
    /// Where this is 1.
    Held(Bit),
}

impl Clock {
    fn register(
        self,
        module: &mut Module,
        name: &str,
        data: Vec<Bit>,
        enable: Option<Bit>,
    ) -> Vec<Bit> {
        match (self, enable) {
            (Self::Always, enable) => module.register(name, data, enable),
            (Self::Gated(clock), enable) => module.register_at(Some(clock), name, data, enable),
            (Self::Held(on), None) => module.register(name, data, Some(on)),
            (Self::Held(on), Some(enable)) => {
                let enable = module.and(on, enable);
                module.register(name, data, Some(enable))
            }
        }
    }
}

/// One of the columns that a PE serves.
struct Column<'a> {
    weights: &'a [[Bit; 8]],
    psum_in: &'a [Bit],
    /// What tells its names from those of others; empty if there are none.
    number: String,
    /// The registered product, with a pipeline.
    product: Vec<Bit>,
}

impl Column<'_> {
    /// Adds the products of its weights and `a`, without what the top of the column makes up for.
    fn add_products(
        &self,
        design: &ArrayRtl,
        module: &mut Module,
        tree: &mut Tree,
        a: &[[Bit; 8]],
    ) {
        let single = self.number.is_empty() && a.len() == 1;
        for (at, (w, a)) in self.weights.iter().zip(a).enumerate() {
            let name = if single { "pp".into() } else { format!("pp{}_{at}", self.number) };
            design.circuit.add_to(module, tree, &name, [w, a]);
        }
        if !design.options.zero_gating {
            tree.take_constant();
        }
    }
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
    design.circuit.add_to(&mut module, &mut tree, "pp", [&bits, &bits]);
    design.options.products_per_pe as i64 * tree.take_constant() as i64
}

/// The products of a column without their constant, which makes signed ones unsigned.
fn product_range(design: &ArrayRtl) -> Range {
    let constant = constant(design);
    let Range { low, high } = design.circuit.range().times(design.options.products_per_pe);
    Range { low: (low - constant).min(0), high: high - constant }
}

/// `skip ? unchanged : sum`.
fn bypass(module: &mut Module, skip: Bit, unchanged: &[Bit], sum: &[Bit]) -> Vec<Bit> {
    unchanged.iter().zip(sum).map(|(&old, &new)| module.mux(skip, old, new)).collect()
}

/// So many codes, of which each has the same bits stored.
fn scatter_each(stored: &[Bit], codes: usize, places: &[usize]) -> Vec<[Bit; 8]> {
    let code = |at: usize| scatter(&stored[at * places.len()..(at + 1) * places.len()], places);
    (0..codes).map(code).collect()
}

/// Stored bits at their places in a byte.
pub fn scatter(stored: &[Bit], places: &[usize]) -> [Bit; 8] {
    let mut byte = [Bit::ZERO; 8];
    stored.iter().zip(places).for_each(|(&bit, &place)| byte[place] = bit);
    byte
}

fn purpose(design: &ArrayRtl) -> String {
    let ArrayRtl { circuit, options, ranges, .. } = design;
    let (products, columns) = (options.products_per_pe, options.share_columns);
    let list = |bits: &[usize]| bits.iter().map(usize::to_string).collect::<Vec<_>>().join(" ");
    let sum = if products == 1 { String::new() } else { format!("the sum of {products} ") };
    let mut text = format!(
        "Processing element: psum_out = psum_in + {sum}p(w, a) / {}, p = {}.\n\
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
    if products > 1 {
        text += &format!("\n{products} codes stand side by side, the first row's lowest.");
    }
    if columns > 1 {
        text += &format!(
            "\nIt serves {columns} columns, whose weights and sums stand side by side, the first \
             column's lowest."
        );
    }
    let constant = constant(design);
    if constant != 0 {
        text += &format!(
            "\nThe constant {constant} of the inverted partial products is left to the top of the \
             column."
        );
    }
    text
}
