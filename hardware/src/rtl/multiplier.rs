//! The multiplier alone: `multiplier.sv`.

use super::circuit::MultiplierCircuit;
use super::module::{Bit, Module};
use super::tree::Tree;

/// Bits of a product.
pub const PRODUCT_BITS: usize = 16;

/// `p = w * a` as the multiplier has it, 8 x 8 -> 16 bits.
pub fn multiplier(circuit: &MultiplierCircuit) -> Module {
    let signed = circuit.range().is_signed();
    let mut module = Module::new(
        "multiplier",
        format!(
            "{}: {} weight w, unsigned activation a, {} product p.\n\
             pp_i_l is a[i] & w[l]; full and half adders are instances.",
            circuit.name(),
            if circuit.coding() == recoup_kernels::WeightCoding::Signed {
                "signed"
            } else {
                "unsigned"
            },
            if signed { "signed" } else { "unsigned" },
        ),
    );
    let w = byte(module.input("w", 8));
    let a = byte(module.input("a", 8));
    // Sums of a tree are modulo 2^width: the product's own bits are enough.
    let width = circuit.range().bits();
    let mut tree = Tree::new(width);
    circuit.add_to(&mut module, &mut tree, "pp", [&w, &a]);
    let sum = tree.sum(&mut module, "sum");
    let mut product = vec![Bit::ZERO; circuit.lsb()];
    product.extend(extend(&sum, PRODUCT_BITS - circuit.lsb(), signed));
    module.output("p", product);
    module
}

/// A word in more bits, or fewer.
pub fn extend(bits: &[Bit], width: usize, signed: bool) -> Vec<Bit> {
    let top = if signed { bits.last().copied().unwrap_or(Bit::ZERO) } else { Bit::ZERO };
    (0..width).map(|at| bits.get(at).copied().unwrap_or(top)).collect()
}

/// Eight bits of a port.
pub fn byte(bits: Vec<Bit>) -> [Bit; 8] {
    bits.try_into().expect("8 bits")
}

#[cfg(test)]
mod tests {
    use recoup_circuits::Operands;
    use recoup_circuits::netlist::Netlist;
    use recoup_core::design::Design;
    use recoup_core::multiplier::{FAMILIES, Multiplier, code_value};
    use recoup_kernels::WeightCoding::{self, Signed, Unsigned};

    use super::super::evaluate::{from_words, to_words};
    use super::*;

    /// All 65,536 pairs, 64 at a time.
    fn assert_is(module: &Module, signed: bool, expected: impl Fn(u8, u8) -> i32) {
        for pairs in (0..1 << 16).collect::<Vec<i64>>().chunks_exact(64) {
            let weights: Vec<i64> = pairs.iter().map(|pair| pair >> 8).collect();
            let inputs = [to_words(&weights, 8), to_words(pairs, 8)];
            let outputs = module.evaluate(&inputs);
            for (lane, &pair) in pairs.iter().enumerate() {
                let (weight, activation) = ((pair >> 8) as u8, pair as u8);
                assert_eq!(
                    from_words(&outputs[0], lane, signed),
                    i64::from(expected(weight, activation)),
                    "{} {weight} {activation}",
                    module.purpose
                );
            }
        }
    }

    fn circuit(spec: &str, coding: WeightCoding) -> (Multiplier, MultiplierCircuit) {
        let multiplier: Multiplier = spec.parse().unwrap();
        let circuit = MultiplierCircuit::new(&multiplier, coding).unwrap();
        (multiplier, circuit)
    }

    #[test]
    fn trees_are_the_masks_for_all_pairs_in_both_codings() {
        let levels = FAMILIES
            .iter()
            .flat_map(|family| (1..=family.most).map(|m| format!("{}:{m}", family.name)));
        let specs = ["exact".into(), "mask:0x123456789abcdef0".into(), "mask:0x0".into()]
            .into_iter()
            .chain(levels);
        let mut checked = 0;
        for spec in specs {
            for coding in [Unsigned, Signed] {
                let (product, circuit) = circuit(&spec, coding);
                let module = multiplier(&circuit);
                assert_is(&module, circuit.range().is_signed(), |w, a| {
                    product.product(w, a, coding)
                });
                checked += 1;
            }
        }
        let levels: u32 = FAMILIES.iter().map(|family| family.most).sum();
        assert_eq!(checked, 2 * (3 + levels));
    }

    #[test]
    fn sums_are_narrow_and_the_tree_is_small() {
        let (_, exact) = circuit("exact", Unsigned);
        // 64 bits become 2 rows of 16 columns at most: Dadda's 8 x 8 tree has 35 full adders and 7
        // half adders; here a column may go down to one bit, which spares the final adder's.
        let counts = multiplier(&exact).counts();
        assert!(counts.full_adders <= 48 && counts.half_adders == 0, "{counts:?}");
        for (spec, lsb, activations, weights) in [
            ("perforated:3", 3, 0xf8, 0xff),
            ("truncated:8", 8, 0xfe, 0xfe),
            ("recursive:4", 4, 0xff, 0xff),
        ] {
            let (_, circuit) = circuit(spec, Unsigned);
            assert_eq!(circuit.lsb(), lsb, "{spec}");
            assert_eq!(circuit.activation_bits(), activations, "{spec}");
            assert_eq!(circuit.weight_bits(), weights, "{spec}");
        }
    }

    /// Of codes whose low bits are 0 it computes exact products, and it does not read these bits.
    #[test]
    fn exact_arrays_of_fewer_bits_leave_the_others_out() {
        for coding in [Unsigned, Signed] {
            for (activations, weights) in [(8, 8), (6, 8), (8, 5), (5, 4), (4, 7)] {
                let design = Design::exact(activations).with_weight_bits(weights);
                let circuit = MultiplierCircuit::of_design(&design, None, coding).unwrap();
                let kept = [activations, weights].map(|bits| 0xff_u8 << (8 - bits));
                assert_eq!([circuit.activation_bits(), circuit.weight_bits()], kept);
                let signed = coding == Signed;
                assert_is(&multiplier(&circuit), signed, |w, a| {
                    code_value(w & kept[1], coding) * i32::from(a & kept[0])
                });
            }
        }
    }

    #[test]
    fn tables_and_netlists_are_the_circuit_itself() {
        // A table that is no mask: what an or of the low bits makes of them.
        let odd = |w: i32, a: i32| w * a - (w & 3) * (a & 3) + ((w & 3) | (a & 3));
        let table = recoup_circuits::ProductTable::from_fn(Operands::Unsigned, |w, a| {
            odd(w.into(), a.into())
        });
        let product = Multiplier::from_table("odd", &table);
        assert_eq!(product.mask(), None);
        let circuit = MultiplierCircuit::new(&product, Unsigned).unwrap();
        assert_is(&multiplier(&circuit), false, |w, a| product.product(w, a, Unsigned));
        // The same circuit with its operands exchanged.
        let transposed = recoup_circuits::ProductTable::from_fn(Operands::Unsigned, |a, w| {
            odd(w.into(), a.into())
        });
        let netlist = Netlist::from_table(&transposed).unwrap();
        let swapped = MultiplierCircuit::from_netlist(&product, Unsigned, netlist).unwrap();
        assert_is(&multiplier(&swapped), false, |w, a| product.product(w, a, Unsigned));
    }

    /// Eq. (2.5): the circuit's product and 128 w make the multiplier's.
    #[test]
    fn signed_circuits_leave_a_multiple_of_the_weight_to_the_bias() {
        let table = recoup_circuits::ProductTable::from_fn(Operands::Signed, |w, a| {
            let (w, a) = (i32::from(w as i8), i32::from(a as i8));
            w * a - ((w * a) & 3)
        });
        let product = Multiplier::from_table("odd", &table);
        let netlist = Netlist::from_table(&table).unwrap();
        let circuit = MultiplierCircuit::from_netlist(&product, Signed, netlist).unwrap();
        assert_eq!((circuit.weight_factor(), circuit.lsb()), (128, 2));
        assert_is(&multiplier(&circuit), true, |w, a| {
            product.product(w, a, Signed) - 128 * code_value(w, Signed)
        });
        let circuit = MultiplierCircuit::new(&product, Signed).unwrap();
        let factor = circuit.weight_factor();
        assert_is(&multiplier(&circuit), true, |w, a| {
            product.product(w, a, Signed) - factor * code_value(w, Signed)
        });
    }
}
