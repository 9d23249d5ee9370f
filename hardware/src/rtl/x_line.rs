//! The x line: `x_line.sv`. One narrow adder per row, beside the array's input.

use super::design::ArrayRtl;
use super::module::{Bit, Module};
use super::range::Range;
use super::tree::Tree;

/// Sums x over the rows, in step with the first column; `None` where there is no x, or PEs sum it.
pub fn x_line(design: &ArrayRtl) -> Option<Module> {
    let x = design.x_in_line()?;
    let (rows, of_pe) = (design.options.rows, design.options.products_per_pe);
    let mut module = Module::new(
        "x_line",
        format!(
            "X of a tile of {rows} rows, added to that of the tiles before.\n{}, 0 to {}.\n\
             Row r takes the code that row r of the array takes.",
            x.describe(),
            x.most()
        ),
    );
    let a = module.input("a", 8 * rows);
    let x_in =
        if design.is_tiled() { module.input("x_in", design.ranges.x.bits()) } else { Vec::new() };
    let mut sum: Vec<Bit> = Vec::new();
    for row in 0..design.options.pe_rows() {
        let codes = row * of_pe..(row + 1) * of_pe;
        let so_far = Range { low: 0, high: x.most() * codes.end as i64 };
        module.comment(format!("Row {row} of PEs: up to {}.", so_far.high));
        let mut tree = Tree::new(so_far.bits());
        tree.add_word(&mut module, 0, &sum, false);
        for at in codes {
            let code: [Bit; 8] = a[8 * at..8 * at + 8].try_into().expect("8 bits");
            x.add_to(&mut module, &mut tree, &format!("x_of_a{at}"), &code);
        }
        let next = tree.sum(&mut module, &format!("sum{row}"));
        sum = module.register(&format!("x{row}"), next, None);
    }
    // The PEs of the first column have one register more in front of their multiplier.
    module.comment("All tiles so far, in step with the first column's partial sum.");
    if !x_in.is_empty() {
        let mut tree = Tree::new(design.ranges.x.bits());
        tree.add_word(&mut module, 0, &sum, false);
        tree.add_word(&mut module, 0, &x_in, false);
        sum = tree.sum(&mut module, "total");
    }
    let mut sum = module.register("x_all", sum, None);
    if design.options.pipeline {
        sum = module.register("x_late", sum, None);
    }
    module.output("x_out", sum);
    Some(module)
}
