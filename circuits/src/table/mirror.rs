//! A known defect of tables in circulation: two negative operands computed as mul(|a|, |b|).
//!
//! The converter that comes with AdaPT and TransAxx calls the circuit of a signed multiplier with
//! the magnitudes when both operands are negative. Two's complement circuits err differently
//! there, and -128 has no magnitude: it stays -128, so that its products with negative numbers
//! come out negative.

use crate::{Operands, ProductTable};

/// Whether a table has the defect.
///
/// Where both operands are negative, a defective table mirrors the quadrant where both are
/// positive. So does a multiplier of sign and magnitude, and so does anything that depends on the
/// exact product alone; but those treat (-w, a) and (w, -a) alike, too, and two's complement
/// circuits with an error do not. A circuit without such an error is given away by -128.
pub(super) fn has_mirrored_quadrant(table: &ProductTable) -> bool {
    if table.operands() != Operands::Signed {
        return false;
    }
    let at = |weight: i32, activation: i32| table.product(weight as u8, activation as u8);
    let pairs = || (1..128).flat_map(|w| (1..128).map(move |a| (w, a)));
    let total = 127 * 127;
    let mirrored = pairs().filter(|&(w, a)| at(-w, -a) == at(w, a)).count();
    // A few entries may have been changed by hand.
    if mirrored * 100 < 99 * total {
        return false;
    }
    let mixed_differ = pairs().filter(|&(w, a)| at(-w, a) != at(w, -a)).count();
    let magnitude_of_lowest = |n: &i32| {
        at(-128, -n) == at(-128, *n) && at(-128, -n) < 0
            || at(-n, -128) == at(*n, -128) && at(-n, -128) < 0
    };
    mixed_differ * 100 > 5 * total || (1..128).filter(magnitude_of_lowest).count() * 2 > 127
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the converter makes of a circuit.
    pub(crate) fn converted(circuit: impl Fn(i8, i8) -> i32) -> ProductTable {
        ProductTable::from_fn(Operands::Signed, |weight, activation| {
            let (weight, activation) = (weight as i8, activation as i8);
            if weight < 0 && activation < 0 {
                circuit(weight.wrapping_abs(), activation.wrapping_abs())
            } else {
                circuit(weight, activation)
            }
        })
    }

    fn faithful(circuit: impl Fn(i8, i8) -> i32) -> ProductTable {
        ProductTable::from_fn(Operands::Signed, |w, a| circuit(w as i8, a as i8))
    }

    fn exact(w: i8, a: i8) -> i32 {
        i32::from(w) * i32::from(a)
    }

    /// EvoApproxLib's mul8s_1L2H: without the lowest bits of the operands.
    fn mul8s_1l2h(w: i8, a: i8) -> i32 {
        exact(w & !1, a & !1)
    }

    #[test]
    fn the_defective_table_in_circulation() {
        let (table, circuit) = (converted(mul8s_1l2h), faithful(mul8s_1l2h));
        let differ = table.products().iter().zip(circuit.products()).filter(|(t, c)| t != c);
        // What a comparison of AdaPT's mul8s_1L2H.h with the library's circuit gives.
        assert_eq!(differ.count(), 12_414);
        let metrics = crate::Metrics::of(&table);
        assert_eq!((metrics.mae.round(), metrics.wce), (116.0, 32_384));
        assert!(has_mirrored_quadrant(&table));
        assert!(!has_mirrored_quadrant(&circuit));
    }

    #[test]
    fn any_circuit_is_recognised_after_the_converter() {
        let drop_low_products = |w: i8, a: i8| exact(w, a) & !0xff | 0x80;
        assert!(has_mirrored_quadrant(&converted(exact)));
        assert!(has_mirrored_quadrant(&converted(drop_low_products)));
        assert!(has_mirrored_quadrant(&converted(|w, a| exact(w & !7, a))));
        let mut products = converted(mul8s_1l2h).products().to_vec();
        products[0xfefe] += 1;
        assert!(has_mirrored_quadrant(&ProductTable::new(Operands::Signed, products)));
    }

    #[test]
    fn multipliers_without_the_defect() {
        let sign_magnitude = |w: i8, a: i8| {
            let size = (i32::from(w).abs() & !3) * (i32::from(a).abs() & !1);
            size * exact(w, a).signum()
        };
        // The magnitude of -128 saturates in 7 bits.
        let saturating = |w: i8, a: i8| {
            i32::from(w.saturating_abs()) * i32::from(a.saturating_abs()) * exact(w, a).signum()
        };
        for circuit in [
            exact,
            |w, a| exact(w, a) & !0xff,
            |w, a| exact(w, a) >> 4 << 4,
            |w, a| exact(w & !7, a),
            |w, a| exact(w & !7, a) + 3,
            |_, _| 0,
        ] {
            assert!(!has_mirrored_quadrant(&faithful(circuit)));
        }
        assert!(!has_mirrored_quadrant(&faithful(sign_magnitude)));
        assert!(!has_mirrored_quadrant(&faithful(saturating)));
        assert!(!has_mirrored_quadrant(&ProductTable::exact(Operands::Unsigned)));
    }
}
