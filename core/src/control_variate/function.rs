//! The functions x of the activation code, and their values.

use crate::multiplier::{ControlFunction, Multiplier, kept_in_row};

/// A function and its values.
#[derive(Clone, Debug, PartialEq)]
pub struct CodeFunction {
    /// How it was made.
    pub function: ControlFunction,
    /// x(a) for every code.
    pub x: [u16; 256],
}

impl CodeFunction {
    /// One of the named functions; `None` for [`ControlFunction::Auto`], which takes a fit.
    pub fn named(function: ControlFunction, multiplier: &Multiplier) -> Option<Self> {
        let low_bits = multiplier.lossy_bits();
        let loss = losses(multiplier);
        let bits = |code: u8| (0..8).filter(move |bit| (code & low_bits) >> bit & 1 == 1);
        let x: &dyn Fn(u8) -> u16 = match function {
            ControlFunction::LowBits => &|code| u16::from(code & low_bits),
            ControlFunction::AnyBit => &|code| u16::from(code & low_bits != 0),
            ControlFunction::Popcount => &|code| bits(code).count() as u16,
            ControlFunction::Weighted => &|code| bits(code).map(|bit| loss[bit]).sum(),
            ControlFunction::Auto => return None,
        };
        Some(Self { function, x: std::array::from_fn(|code| x(code as u8)) })
    }

    /// All named functions, cheapest first.
    pub fn all_named(multiplier: &Multiplier) -> Vec<Self> {
        ControlFunction::NAMED
            .iter()
            .filter_map(|&function| Self::named(function, multiplier))
            .collect()
    }
}

/// What each bit of the code loses on average over uniform weights, as small integers.
fn losses(multiplier: &Multiplier) -> [u16; 8] {
    match multiplier.mask() {
        Some(mask) => {
            let loss: [u16; 8] =
                std::array::from_fn(|row| u16::from(!kept_in_row(mask, row as u32)) << row);
            let divisor = loss.into_iter().fold(0, greatest_common_divisor).max(1);
            loss.map(|loss| loss / divisor)
        }
        None => {
            let coding = multiplier.coding().expect("a table has a coding");
            let errors = multiplier.errors(coding);
            // The mean difference that setting the bit makes, over all codes and weights.
            let mean = |bit: usize| {
                let set = (0..errors.len()).filter(|at| at >> bit & 1 == 1);
                let sum: i64 = set.map(|at| i64::from(errors[at] - errors[at ^ 1 << bit])).sum();
                (sum as f64).max(0.0)
            };
            let loss: [f64; 8] = std::array::from_fn(mean);
            let most = loss.into_iter().fold(0.0, f64::max);
            // Four bits tell them apart well enough.
            loss.map(|loss| if most > 0.0 { (15.0 * loss / most).round() as u16 } else { 0 })
        }
    }
}

fn greatest_common_divisor(a: u16, b: u16) -> u16 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
