//! What an array of a mask costs, estimated from what others do: for searches, which ask for more
//! masks than can be synthesised. What is reported should be measured.
//!
//! Area, delay and energy are sums over what an array consists of: registers of the bits that are used
//! and of partial sums, and full and half adders, as many as it takes to bring the kept partial products
//! and the partial sum together. Their coefficients are fitted to the rows of a cost table.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use nalgebra::{DMatrix, DVector};

use crate::cost_table::{Array, Cost, CostTable, Stimulus};
use recoup_core::multiplier::Multiplier;

/// Rows and columns of the arrays that the rows are of.
const SIZE: u32 = 64;

/// What is counted in an array.
const PARTS: usize = 8;

/// Fitted to arrays of 64 x 64 PEs with network-like codes.
#[derive(Clone, Debug)]
pub struct MaskModel {
    energy_fj: Fit,
    area_um2: Fit,
    delay_ps: Fit,
    /// Energy of the exact 8-bit array's products, as measured.
    exact_fj: f64,
}

/// Coefficients of one figure.
#[derive(Clone, Debug)]
struct Fit {
    coefficients: DVector<f64>,
    /// What the others predict of each row, over what was measured, less 1.
    left_out: Vec<f64>,
}

/// What a model says of a mask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimated {
    /// Energy per MAC, fJ.
    pub energy_fj: f64,
    /// Over that of the exact 8-bit array, at the same clock.
    pub relative_power: f64,
    /// Of the array, µm².
    pub area_um2: f64,
    /// The longest path of a PE, ps.
    pub delay_ps: f64,
}

impl MaskModel {
    /// Of the rows that come with this crate.
    pub fn shipped() -> &'static Self {
        static MODEL: OnceLock<MaskModel> = OnceLock::new();
        MODEL.get_or_init(|| Self::new(&CostTable::shipped(), "asap7").expect("rows of masks"))
    }

    /// Of the rows of a table in one library; none if there are too few.
    pub fn new(table: &CostTable, library: &str) -> Option<Self> {
        let structure = table.structure(library);
        let exact = Array {
            multiplier: Multiplier::exact(),
            activation_bits: 8,
            weight_bits: 8,
            control: None,
            rows: SIZE,
            columns: SIZE,
            structure,
        };
        let exact = table.find(library, &exact, Stimulus::ReluLike);
        let mut rows: Vec<(u64, bool, &Cost)> = Vec::new();
        for cost in table.of_size(library, SIZE) {
            let Some(mask) = mask_of(&cost.design) else { continue };
            // Of several functions x, the one that the table has first: they hardly differ.
            let corrected = cost.design.control.is_some();
            if !rows.iter().any(|&(other, is, _)| (other, is) == (mask, corrected)) {
                rows.push((mask, corrected, cost));
            }
        }
        let fit = |of: fn(&Cost) -> f64| Fit::new(&rows, of);
        Some(Self {
            energy_fj: fit(|cost| cost.energy_fj)?,
            area_um2: fit(|cost| cost.area_um2)?,
            delay_ps: fit(|cost| cost.pe_delay_ps)?,
            exact_fj: exact?.energy_fj,
        })
    }

    /// An array of this multiplier, with all that V needs or without V; none for the empty mask.
    pub fn of(&self, mask: u64, corrected: bool) -> Option<Estimated> {
        let parts = parts(mask, corrected)?;
        let energy_fj = self.energy_fj.of(&parts);
        Some(Estimated {
            energy_fj,
            relative_power: energy_fj / self.exact_fj,
            area_um2: self.area_um2.of(&parts),
            delay_ps: self.delay_ps.of(&parts),
        })
    }

    /// A row for the array of a mask whose control variate has the function `control`: that of the most
    /// similar one in the table, its parts scaled to what is estimated. Its standard error is the model's.
    pub fn row(
        &self,
        table: &CostTable,
        library: &str,
        mask: u64,
        control: Option<&str>,
    ) -> Option<Cost> {
        let of = self.of(mask, control.is_some())?;
        let apart = |cost: &&Cost| (cost.energy_fj - of.energy_fj).abs();
        let mut rows: Vec<&Cost> = table
            .of_size(library, SIZE)
            .filter(|cost| cost.design.control.is_some() == control.is_some())
            .collect();
        rows.sort_by(|a, b| apart(a).total_cmp(&apart(b)));
        let near = *rows.first()?;
        let scaled = |parts: &BTreeMap<String, f64>, by: f64| {
            parts.iter().map(|(part, value)| (part.clone(), value * by)).collect()
        };
        let (energy, area) = (of.energy_fj / near.energy_fj, of.area_um2 / near.area_um2);
        Some(Cost {
            design: Array {
                multiplier: Multiplier::from_mask(mask),
                activation_bits: 8,
                weight_bits: 8,
                control: control.map(str::to_owned),
                rows: SIZE,
                columns: SIZE,
                structure: near.design.structure,
            },
            pe_area_um2: near.pe_area_um2 * area,
            pe_delay_ps: of.delay_ps,
            area_um2: of.area_um2,
            area_parts_um2: scaled(&near.area_parts_um2, area),
            energy_fj: of.energy_fj,
            energy_standard_error_fj: self.standard_error() * of.energy_fj,
            parts_fj: scaled(&near.parts_fj, energy),
            ..near.clone()
        })
    }

    /// Of an energy, relative to it: what is wrong where a row is left out, rms.
    pub fn standard_error(&self) -> f64 {
        rms(&self.energy_fj.left_out)
    }

    /// Errors of energy, area and delay, relative: of each row, by the model of all others.
    pub fn left_out(&self) -> [&[f64]; 3] {
        [&self.energy_fj, &self.area_um2, &self.delay_ps].map(|fit| &fit.left_out[..])
    }
}

impl Fit {
    /// With the least sum of squared relative errors.
    fn new(rows: &[(u64, bool, &Cost)], of: fn(&Cost) -> f64) -> Option<Self> {
        let all: Vec<([f64; PARTS], f64)> = rows
            .iter()
            .filter_map(|&(mask, corrected, cost)| Some((parts(mask, corrected)?, of(cost))))
            .collect();
        if all.len() < 2 * PARTS {
            return None;
        }
        let relative =
            DMatrix::from_fn(all.len(), PARTS, |row, part| all[row].0[part] / all[row].1);
        let decomposed = relative.clone().svd(true, true);
        let coefficients = decomposed.solve(&DVector::repeat(all.len(), 1.0), 1e-9).ok()?;
        let found = &relative * &coefficients;
        // A row's own weight in what is predicted of it.
        let weights = relative.clone() * decomposed.pseudo_inverse(1e-9).ok()?;
        let left_out = (0..all.len()).map(|row| (found[row] - 1.0) / (1.0 - weights[(row, row)]));
        Some(Self { left_out: left_out.collect(), coefficients })
    }

    fn of(&self, parts: &[f64; PARTS]) -> f64 {
        self.coefficients.iter().zip(parts).map(|(coefficient, part)| coefficient * part).sum()
    }
}

fn rms(errors: &[f64]) -> f64 {
    (errors.iter().map(|error| error * error).sum::<f64>() / errors.len() as f64).sqrt()
}

/// The mask whose array a row is of; codes of fewer bits are those whose low bits no PE sees.
fn mask_of(design: &Array) -> Option<u64> {
    let seen = Multiplier::exact_of_widths(design.activation_bits, design.weight_bits);
    Some(design.multiplier.mask()? & seen.mask()?)
}

/// Counts: one, bits of activations, of weights and of partial sums, kept partial products, half
/// adders, V, and V for each partial product that x stands for.
fn parts(mask: u64, corrected: bool) -> Option<[f64; PARTS]> {
    if mask == 0 {
        return None;
    }
    let cells = || (0..64u32).filter(|cell| mask >> cell & 1 == 1).map(|cell| (cell / 8, cell % 8));
    let used = |of: fn((u32, u32)) -> u32| {
        cells().fold(0u8, |used, cell| used | 1 << of(cell)).count_ones()
    };
    let lowest = cells().map(|(i, l)| i + l).min()?;
    let most: u64 = cells().map(|(i, l)| 1u64 << (i + l)).sum();
    let sum_bits = (u64::from(SIZE) * most + 1).next_power_of_two().ilog2() - lowest;
    let mut heights = [0u32; 32];
    cells().for_each(|(i, l)| heights[(i + l - lowest) as usize] += 1);
    heights.iter_mut().take(sum_bits as usize).for_each(|height| *height += 1);
    let mut half_adders = 0;
    for column in 0..heights.len() - 1 {
        let full = (heights[column] - heights[column].min(1)) / 2;
        let left = heights[column] - 2 * full;
        half_adders += left / 2;
        heights[column + 1] += full + left / 2;
    }
    let v = f64::from(u8::from(corrected));
    let kept = mask.count_ones();
    Some([
        1.0,
        f64::from(used(|(i, _)| i)),
        f64::from(used(|(_, l)| l)),
        f64::from(sum_bits),
        f64::from(kept),
        f64::from(half_adders),
        v,
        v * f64::from(64 - kept) / 64.0,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_were_left_out_are_near_what_was_measured() {
        let [energy, area, delay] = MaskModel::shipped().left_out();
        let most =
            |errors: &[f64]| errors.iter().fold(0.0_f64, |most, error| most.max(error.abs()));
        assert!(energy.len() > 100, "{}", energy.len());
        assert!(rms(energy) < 0.03 && most(energy) < 0.08, "{} {}", rms(energy), most(energy));
        assert!(rms(area) < 0.03 && most(area) < 0.08, "{} {}", rms(area), most(area));
        assert!(rms(delay) < 0.06, "{}", rms(delay));
    }

    #[test]
    fn counts_are_those_by_hand() {
        // Two bits by two: columns of 1, 2 and 1 partial products, sums up to 64 * 9.
        let two_by_two = 0xc0c0_0000_0000_0000;
        let [one, activations, weights, sum, kept, half, v, of_v] =
            parts(two_by_two, true).unwrap();
        assert_eq!((one, activations, weights, kept, v), (1.0, 2.0, 2.0, 4.0, 1.0));
        assert_eq!(sum, 10.0);
        // Columns with the partial sum and carries: 2, 4, 4, 2, 2, ... and the last ends it.
        assert!(half >= 7.0, "{half}");
        assert_eq!(of_v, 60.0 / 64.0);
        assert_eq!(parts(0, false), None);
    }

    #[test]
    fn rows_have_parts_that_add_up() {
        let table = CostTable::shipped();
        let (model, mask) = (MaskModel::shipped(), 0xf8f8_f0e0_c000_0000);
        let row = model.row(&table, "asap7", mask, Some("weighted")).unwrap();
        let parts: f64 = row.parts_fj.values().sum();
        assert!((parts / row.energy_fj - 1.0).abs() < 1e-3, "{parts} {}", row.energy_fj);
        assert_eq!(row.energy_fj, model.of(mask, true).unwrap().energy_fj);
        assert!(row.load_path.is_some());
        assert_eq!(row.design.control.as_deref(), Some("weighted"));
        assert_eq!(model.row(&table, "none", mask, None), None);
    }

    #[test]
    fn fewer_partial_products_cost_less_and_v_costs_some() {
        let model = MaskModel::shipped();
        let power = |mask, v| model.of(mask, v).unwrap().relative_power;
        let masks = [u64::MAX, 0xfefc_f8f0_e0c0_8000, 0xfcf8_f0e0_c080_0000, 0xf8f0_e0c0_8000_0000];
        assert!(masks.map(|mask| -power(mask, false)).is_sorted());
        assert!((power(u64::MAX, false) - 1.0).abs() < 0.03);
        for mask in masks {
            let of_v = power(mask, true) - power(mask, false);
            assert!((0.01..0.06).contains(&of_v), "{of_v}");
        }
    }
}
