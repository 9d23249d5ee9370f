//! What an array is: sizes, options, and the widths that follow from them.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use recoup_core::as_text;
use recoup_core::control_variate::{ControlVariate, LoadConstants};
use serde::{Deserialize, Serialize};

use super::circuit::MultiplierCircuit;
use super::constants;
use super::error::RtlError;
use super::load::{LoadPath, MadeRanges};
use super::pe;
use super::range::Range;
use super::x_function::XFunction;

/// Most rows, and most columns.
const MOST_SIZE: usize = 256;
/// Most products per output that a 32-bit accumulator takes, eq. (4.8).
const MOST_DEPTH: usize = 33_025;
/// Memory that yosys takes for each PE of an exact array when it is flattened: 666 MB for 16x16,
/// measured with version 0.23.
const SYNTHESIS_BYTES: f64 = 2.6e6;
/// How many products a PE may take, and how many columns may share its activation registers.
pub const SHARES: [usize; 4] = [1, 2, 4, 8];
/// Widest sum; beyond it constants are nonsense.
const MOST_BITS: usize = 48;

/// Which registers of an array have a gated clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockGating {
    /// None: multiplexers hold the weights.
    #[default]
    None,
    /// Weights, whose clock runs while a column is loaded.
    Weights,
    /// And the codes and partial sums of PEs, which stand still in rows and columns that a tile does not
    /// use. A tile that does not fill the rows is in the last ones.
    Idle,
}

impl ClockGating {
    /// All, from the least.
    pub const ALL: [Self; 3] = [Self::None, Self::Weights, Self::Idle];
}

impl fmt::Display for ClockGating {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Weights => "weights",
            Self::Idle => "idle",
        })
    }
}

impl FromStr for ClockGating {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        as_text::find("clock gating", name, &Self::ALL)
    }
}

/// Sizes and variants of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Rows: products of an output in one pass.
    pub rows: usize,
    /// Columns: filters in one pass.
    pub columns: usize,
    /// Products that a PE adds to one partial sum: rows of the array that are one row of PEs.
    pub products_per_pe: usize,
    /// Neighbouring columns that read one activation register.
    pub share_columns: usize,
    /// Most products per output (k). Above `rows` the outputs are made of tiles.
    pub depth: usize,
    /// Which registers have a gated clock.
    pub clock_gating: ClockGating,
    /// Whether gates are cells. Otherwise multiplexers hold what gated registers have, for libraries
    /// without such a cell.
    pub gate_cells: bool,
    /// A register between multiplier and accumulation.
    pub pipeline: bool,
    /// Operand registers keep their value, and the partial sum passes by, where the activation
    /// code is 0.
    pub zero_gating: bool,
    /// Every PE sums x, as in the paper; otherwise one x line does.
    pub x_in_pe: bool,
    /// MAC+ adds C0; otherwise it is part of the bias.
    pub c0_in_mac: bool,
    /// The array makes C and C0 of what it is loaded with; otherwise they are written into it.
    pub load_constants: bool,
}

impl Options {
    /// An array without any option.
    pub fn new(rows: usize, columns: usize, depth: usize) -> Self {
        Self {
            rows,
            columns,
            products_per_pe: 1,
            share_columns: 1,
            clock_gating: ClockGating::None,
            gate_cells: true,
            depth,
            pipeline: false,
            zero_gating: false,
            x_in_pe: false,
            c0_in_mac: false,
            load_constants: false,
        }
    }

    /// Rows of PEs.
    pub fn pe_rows(&self) -> usize {
        self.rows / self.products_per_pe
    }

    /// Groups of columns that read the same registers.
    pub fn column_groups(&self) -> usize {
        self.columns / self.share_columns
    }

    /// Whether there can be such an array.
    ///
    /// # Errors
    /// For sizes beyond what can be synthesised, or summed up in 32 bits, and for PEs that do not
    /// divide them.
    pub fn check(&self) -> Result<(), RtlError> {
        let Self { rows, columns, depth, .. } = *self;
        let problem = if rows == 0 || columns == 0 {
            "has no PEs".to_string()
        } else if rows > MOST_SIZE || columns > MOST_SIZE {
            let gigabytes = rows as f64 * columns as f64 * SYNTHESIS_BYTES / 1e9;
            format!("to synthesise it flat would take about {gigabytes:.0} GB of memory")
        } else if !(1..=MOST_DEPTH).contains(&depth) {
            return Err(RtlError::Depth { depth, most: MOST_DEPTH });
        } else {
            return self.check_pes();
        };
        Err(RtlError::Size { rows, columns, problem })
    }

    fn check_pes(&self) -> Result<(), RtlError> {
        let shares = [
            ("products per PE", self.products_per_pe, "rows", self.rows),
            ("columns that share a register", self.share_columns, "columns", self.columns),
        ];
        for (what, number, of, size) in shares {
            if !SHARES.contains(&number) || !size.is_multiple_of(number) {
                return Err(RtlError::Share { what, number, of, size });
            }
        }
        Ok(())
    }
}

/// The control variate as hardware has it: one x, and the ranges of the constants.
#[derive(Clone, Debug, PartialEq)]
pub struct Correction {
    /// x and the range of C in units of 2^-c_frac; `None` where V is a constant.
    pub term: Option<(XFunction, Range)>,
    /// Fraction bits of C.
    pub c_frac: usize,
    /// The range of C0, in accumulator units.
    pub c0: Range,
    /// What makes the constants of layers that are loaded by each image; those of all of them, in
    /// the order of the layers.
    pub loads: Vec<Arc<LoadConstants>>,
}

impl Correction {
    /// Wide enough for the constants of all layers.
    ///
    /// # Errors
    /// When there are several functions.
    pub fn new(control: &ControlVariate) -> Result<Self, RtlError> {
        let range = |values: &mut dyn Iterator<Item = i32>| Range::of(values.map(i64::from));
        let term = match control.functions.as_slice() {
            [] => None,
            [function] => {
                let mut c = control.layers.iter().flat_map(|layer| layer.c[0].iter().copied());
                Some((XFunction::new(function.x), range(&mut c)))
            }
            several => return Err(RtlError::Terms(several.len())),
        };
        let mut c0 = control.layers.iter().flat_map(|layer| layer.c0.iter().copied());
        let c0 = range(&mut c0);
        let loads: Vec<_> = control.layers.iter().filter_map(|layer| layer.load.clone()).collect();
        let made = MadeRanges::of(&loads);
        Ok(Self {
            term: term.map(|(x, c)| (x, c.union(made.c))),
            c_frac: control.c_frac as usize,
            c0: c0.union(made.c0),
            loads,
        })
    }
}

/// The ranges of all sums of an array; those of products in units of 2^lsb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranges {
    /// Partial sums of a column.
    pub psum: Range,
    /// Sums of all tiles before V.
    pub acc: Range,
    /// X of one tile, and of all.
    pub x_tile: Range,
    /// X of all tiles.
    pub x: Range,
    /// acc*, in units of 1; as `acc` where there is no V.
    pub result: Range,
}

/// An array of PEs with what belongs to it.
#[derive(Clone, Debug)]
pub struct ArrayRtl {
    /// The multiplier in every PE.
    pub circuit: MultiplierCircuit,
    /// Sizes and variants.
    pub options: Options,
    /// The control variate.
    pub correction: Option<Correction>,
    /// What its sums can be.
    pub ranges: Ranges,
    /// What makes constants, if the array does.
    load: Option<LoadPath>,
}

impl ArrayRtl {
    /// Checks the request and derives the widths.
    ///
    /// # Errors
    /// When there is no such array, or an option would change results.
    pub fn new(
        circuit: MultiplierCircuit,
        options: Options,
        correction: Option<Correction>,
    ) -> Result<Self, RtlError> {
        options.check()?;
        if options.zero_gating {
            check_zero_gating(&circuit, options.x_in_pe, correction.as_ref())?;
        }
        // Every tile runs all rows, those beyond k on zeros.
        let products = options.depth.div_ceil(options.rows) * options.rows;
        let psum = circuit.range().times(options.rows);
        let acc = circuit.range().times(products);
        let term = correction.as_ref().and_then(|correction| correction.term.as_ref());
        let x = term.map_or(Range::default(), |(x, _)| Range { low: 0, high: x.most() });
        let mut ranges =
            Ranges { psum, acc, x_tile: x.times(options.rows), x: x.times(products), result: acc };
        if let Some(correction) =
            correction.as_ref().filter(|c| c.term.is_some() || options.c0_in_mac)
        {
            let scale = 1 << circuit.lsb();
            ranges.result = Range { low: acc.low * scale, high: acc.high * scale };
            if let Some((_, c)) = &correction.term {
                let v = c.product(ranges.x);
                // Rounding may pass the integer part by one.
                let [low, high] = [v.low, v.high].map(|v| v >> correction.c_frac);
                ranges.result = ranges.result.plus(Range { low, high: high + 1 });
            }
            if options.c0_in_mac {
                ranges.result = ranges.result.plus(correction.c0);
            }
        }
        let made = correction.as_ref().filter(|correction| !correction.loads.is_empty());
        let c = made.and_then(|made| made.term.as_ref()).map(|(_, c)| *c).unwrap_or_default();
        let c0 = made.map(|made| made.c0).unwrap_or_default();
        for (sum, range, most) in [
            ("sum X", ranges.x, MOST_BITS),
            ("accumulator", ranges.result, MOST_BITS),
            // Beyond these the emulator's saturate.
            ("C", c, LoadConstants::MOST_C.ilog2() as usize),
            ("C0", c0, i32::BITS as usize),
        ] {
            if range.bits() > most {
                return Err(RtlError::Width { sum, bits: range.bits(), most });
            }
        }
        let loads = made.map_or(&[][..], |made| &made.loads);
        let load = LoadPath::new(loads, &circuit).filter(|_| options.load_constants);
        if options.load_constants && load.is_none() {
            return Err(RtlError::NothingLoaded);
        }
        Ok(Self { circuit, options, correction, ranges, load })
    }

    /// With a testbench for this layer: where what a weight adds to the constants is gates, those of
    /// this layer.
    pub fn loading(mut self, layer: &LoadConstants) -> Self {
        self.load = self.load.map(|load| load.with_functions_of(layer));
        self
    }

    /// Whether the weights' clock is gated by cells, one for each group of columns.
    pub fn gates_weights(&self) -> bool {
        self.options.clock_gating >= ClockGating::Weights && self.options.gate_cells
    }

    /// Whether what rows and columns do not use stands still.
    pub fn gates_idle(&self) -> bool {
        self.options.clock_gating == ClockGating::Idle
    }

    /// Clock cycles after which rows that a tile does not use stand still: when the codes have passed
    /// all columns and the sums all rows.
    pub fn settling(&self) -> usize {
        self.options.pe_rows() + self.options.column_groups() + 4
    }

    /// The rows of PEs at the top that a tile of so many products does not use.
    pub fn idle_rows(&self, products: usize) -> usize {
        let used = products.min(self.options.rows).div_ceil(self.options.products_per_pe);
        if self.gates_idle() { self.options.pe_rows() - used } else { 0 }
    }

    /// What makes constants, if the array does.
    pub fn load(&self) -> Option<&LoadPath> {
        self.load.as_ref()
    }

    /// Clock cycles from a code at row 0 to the partial sum of column 0: operand register, the rows
    /// of PEs, the sum.
    pub fn psum_delay(&self) -> usize {
        self.options.pe_rows() + 1 + usize::from(self.options.pipeline)
    }

    /// Clock cycles that positions wait for constants after the last tile was loaded, if the array
    /// makes any: the last one is in its column when the first sum comes out of it.
    pub fn constants_wait(&self) -> Option<usize> {
        let made = self.constants_latency()? + self.options.columns;
        Some(made.saturating_sub(self.psum_delay()))
    }

    /// Clock cycles from the columns' sums to constants of the first of them, if the array makes any.
    pub fn constants_latency(&self) -> Option<usize> {
        Some(constants::latency(self.load.as_ref()?, self.term().is_some()))
    }

    /// x and the range of C, if there is an x.
    pub fn term(&self) -> Option<&(XFunction, Range)> {
        self.correction.as_ref().and_then(|correction| correction.term.as_ref())
    }

    /// x, where PEs sum it.
    pub fn x_in_pe(&self) -> Option<&XFunction> {
        self.term().filter(|_| self.options.x_in_pe).map(|(x, _)| x)
    }

    /// x, where one line sums it.
    pub fn x_in_line(&self) -> Option<&XFunction> {
        self.term().filter(|_| !self.options.x_in_pe).map(|(x, _)| x)
    }

    /// Range of a C0 that MAC+ adds.
    pub fn c0_in_mac(&self) -> Option<Range> {
        let correction = self.correction.as_ref().filter(|_| self.options.c0_in_mac)?;
        Some(correction.c0)
    }

    /// Bits of a C0, wherever it is added.
    pub fn c0_bits(&self) -> usize {
        self.correction.as_ref().map_or(0, |correction| correction.c0.bits())
    }

    /// Whether MAC+ adds anything but partial sums.
    pub fn has_v(&self) -> bool {
        self.term().is_some() || self.c0_in_mac().is_some()
    }

    /// Whether outputs are made of several tiles.
    pub fn is_tiled(&self) -> bool {
        self.options.depth > self.options.rows
    }

    /// Whether columns end in a MAC+: without tiles and V there is nothing for it to do.
    pub fn has_mac_plus(&self) -> bool {
        self.is_tiled() || self.has_v()
    }

    /// Activation bits that travel through the PEs.
    pub fn pe_activation_bits(&self) -> Vec<usize> {
        let x = self.x_in_pe().map_or(0, XFunction::bits);
        set_bits(self.circuit.activation_bits() | x)
    }

    /// Weight bits that PEs store.
    pub fn pe_weight_bits(&self) -> Vec<usize> {
        set_bits(self.circuit.weight_bits())
    }

    /// What every PE leaves out of its sum, in units of 2^lsb: the constant of Baugh and Wooley's
    /// inversions.
    pub fn pe_constant(&self) -> i64 {
        pe::constant(self)
    }

    /// What the partial sums start with at the top of a column: what all its PEs leave out, modulo
    /// the width.
    pub fn psum_start(&self) -> u64 {
        let constant = self.options.pe_rows() as i64 * self.pe_constant();
        constant as u64 & ((1 << self.ranges.psum.bits()) - 1)
    }
}

/// The numbers of the bits that are set.
pub fn set_bits(bits: u8) -> Vec<usize> {
    (0..8).filter(|bit| bits >> bit & 1 == 1).collect()
}

fn check_zero_gating(
    circuit: &MultiplierCircuit,
    x_in_pe: bool,
    correction: Option<&Correction>,
) -> Result<(), RtlError> {
    if let Some(weight) = (0..=255).find(|&weight| circuit.product(weight, 0) != 0) {
        let product = circuit.product(weight, 0);
        let multiplier = circuit.name().to_string();
        return Err(RtlError::ZeroGating { multiplier, weight, product });
    }
    let term = correction.and_then(|correction| correction.term.as_ref());
    match term {
        Some((x, _)) if x_in_pe && x.value(0) != 0 => Err(RtlError::ZeroGatedX(x.value(0))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use recoup_kernels::WeightCoding::{self, Signed, Unsigned};

    use super::*;

    fn circuit(spec: &str, coding: WeightCoding) -> MultiplierCircuit {
        MultiplierCircuit::new(&spec.parse().unwrap(), coding).unwrap()
    }

    /// Widths by hand: 16 rows of products up to 255 x 255 = 65,025, and so on.
    #[test]
    fn sums_are_as_wide_as_their_ranges() {
        for (spec, coding, psum_bits, acc_bits) in [
            // 1,040,400 < 2^20; 4608 x 65,025 < 2^29.
            ("exact", Unsigned, 20, 29),
            // -128 x 255 x 16 = -522,240 >= -2^19; 4608 of them >= -2^28.
            ("exact", Signed, 20, 29),
            // 255 x 31 x 16 = 126,480 < 2^17, in units of 8.
            ("perforated:3", Unsigned, 17, 26),
            // (65,025 - 1793) / 256 = 247, times 16 < 2^12.
            ("truncated:8", Unsigned, 12, 21),
        ] {
            let options = Options::new(16, 16, 4608);
            let design = ArrayRtl::new(circuit(spec, coding), options, None).unwrap();
            let bits = (design.ranges.psum.bits(), design.ranges.acc.bits());
            assert_eq!(bits, (psum_bits, acc_bits), "{spec} {coding:?}");
        }
    }

    /// 16 rows of 8 inverted products each: -16 x 255 x 2^7 in the exact signed array.
    #[test]
    fn the_constant_of_a_column_is_that_of_its_rows() {
        let design = |zero_gating| {
            let options = Options { zero_gating, ..Options::new(16, 16, 16) };
            ArrayRtl::new(circuit("exact", Signed), options, None).unwrap()
        };
        assert_eq!(design(false).pe_constant(), -(255 << 7));
        assert_eq!(design(false).psum_start(), (1 << 20) - 16 * (255 << 7));
        assert_eq!((design(true).pe_constant(), design(true).psum_start()), (0, 0));
    }

    #[test]
    fn impossible_designs_are_refused() {
        let message = |options: Options, correction| {
            ArrayRtl::new(circuit("truncated:7", Unsigned), options, correction)
                .unwrap_err()
                .to_string()
        };
        let good = Options::new(4, 4, 4);
        assert!(message(Options { columns: 0, ..good }, None).contains("has no PEs"));
        assert!(message(Options { rows: 300, ..good }, None).contains("GB of memory"));
        assert!(message(Options { depth: 33_026, ..good }, None).contains("1 to 33025"));
        let x = XFunction::new([1 << 15; 256]);
        let huge = Range { low: 0, high: i64::from(i32::MAX) };
        let c = |x| Correction {
            term: Some((x, huge)),
            c_frac: 0,
            c0: Range::default(),
            loads: Vec::new(),
        };
        let error = message(Options { depth: 4096, ..good }, Some(c(x.clone())));
        assert!(error.contains("accumulator needs 59 bits"), "{error}");
        let gated = Options { zero_gating: true, x_in_pe: true, ..good };
        assert!(message(gated, Some(c(x))).contains("x(0) is 32768"));
    }
}
