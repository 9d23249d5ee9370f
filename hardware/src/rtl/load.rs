//! What an array adds up while it is loaded, eq. (3.22), and how wide it is.

use std::sync::Arc;

use recoup_core::control_variate::LoadConstants;

use super::circuit::MultiplierCircuit;
use super::range::Range;

/// What makes constants of loaded weights.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadPath {
    /// Most weights that a column adds up.
    pub depth: usize,
    /// What a weight adds.
    pub shares: LoadShares,
    /// Sums of G over a filter; of M.
    pub sum_g: Range,
    /// Sums of M.
    pub sum_m: Range,
    /// X0.
    pub x0: Range,
    /// Sums of the weights themselves.
    pub sum_w: Range,
}

/// G and M, of which G is 0 without an x.
#[derive(Clone, Debug, PartialEq)]
pub enum LoadShares {
    /// Sums over the bits of a weight: eight numbers of each in registers. A column counts bits.
    Bits {
        /// G(2^l).
        g: Range,
        /// M(2^l).
        m: Range,
    },
    /// Functions of a weight, those of one layer: gates.
    Table {
        /// G.
        g: Box<[i32; 256]>,
        /// M.
        m: Box<[i32; 256]>,
    },
}

impl LoadShares {
    /// The ranges of G and M of a bit, where they are in registers.
    pub fn bits(&self) -> Option<[Range; 2]> {
        match self {
            Self::Bits { g, m } => Some([*g, *m]),
            Self::Table { .. } => None,
        }
    }
}

/// Constants that layers make when they are loaded, whatever their weights are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MadeRanges {
    /// C.
    pub c: Range,
    /// C0.
    pub c0: Range,
}

/// G of the one x; 0 without any.
fn g_of(load: &LoadConstants) -> [i32; 256] {
    load.c.first().copied().unwrap_or([0; 256])
}

fn x0_of(load: &LoadConstants) -> i64 {
    load.mean_x.first().copied().unwrap_or(0)
}

fn values(of: &[i32; 256]) -> impl Iterator<Item = i64> {
    of.iter().map(|&value| i64::from(value))
}

/// `2^bits` times smaller, wide enough for any rounding.
pub fn shifted(range: Range, bits: u32) -> Range {
    Range { low: range.low >> bits, high: -(-range.high >> bits) }
}

impl MadeRanges {
    fn new(load: &LoadConstants) -> Self {
        let (g, x0, guard) = (g_of(load), i128::from(x0_of(load)), LoadConstants::GUARD);
        let c = shifted(Range::of(values(&g)).times(load.depth), guard);
        // Without rounding C0 is a sum over the weights, in units of 2^-(8 + c_frac); in this it
        // is far from what the ranges of its two terms would allow.
        let share = |(g, m): (&i32, &i32)| (i128::from(*m) << load.c_frac) - i128::from(*g) * x0;
        let shares = g.iter().zip(&load.mean).map(share);
        let (low, high) =
            shares.fold((0, 0), |(low, high), share| (share.min(low), share.max(high)));
        let whole = |sum: i128| (sum * load.depth as i128) >> (guard + load.c_frac);
        // Half a unit of C times X0, and half of each term.
        let slack = (x0 >> (load.c_frac + 1)) + 2;
        let bounded = |value: i128| value.clamp(-(1 << 60), 1 << 60) as i64;
        let c0 = Range { low: bounded(whole(low) - slack), high: bounded(-whole(-high) + slack) };
        Self { c, c0 }
    }

    /// Those of all layers that are loaded.
    pub fn of(loads: &[Arc<LoadConstants>]) -> Self {
        let made = loads.iter().map(|load| Self::new(load));
        made.fold(Self::default(), |all, made| Self {
            c: all.c.union(made.c),
            c0: all.c0.union(made.c0),
        })
    }
}

/// Whether a function is a sum over the bits of its byte.
fn is_sum_of_bits(of: &[i32; 256]) -> bool {
    let sum = |w: usize| -> i64 {
        (0..8).filter(|l| w >> l & 1 == 1).map(|l| i64::from(of[1 << l])).sum()
    };
    (0..256).all(|w| i64::from(of[w]) == sum(w))
}

impl LoadPath {
    /// Wide enough for all these layers; none without any. Where what a weight adds is no sum over
    /// its bits, the functions are those of the first layer.
    pub fn new(loads: &[Arc<LoadConstants>], circuit: &MultiplierCircuit) -> Option<Self> {
        loads.iter().map(|load| Self::of_layer(load, circuit)).reduce(Self::union)
    }

    fn of_layer(load: &LoadConstants, circuit: &MultiplierCircuit) -> Self {
        let (g, m) = (g_of(load), load.mean);
        let sum = |of: &[i32; 256]| Range::of(values(of)).times(load.depth);
        let of_bits = |of: &[i32; 256]| Range::of((0..8).map(|l| i64::from(of[1 << l])));
        let shares = if is_sum_of_bits(&g) && is_sum_of_bits(&m) {
            LoadShares::Bits { g: of_bits(&g), m: of_bits(&m) }
        } else {
            LoadShares::Table { g: Box::new(g), m: Box::new(m) }
        };
        Self {
            depth: load.depth,
            shares,
            sum_g: sum(&g),
            sum_m: sum(&m),
            x0: Range::of([x0_of(load)]),
            sum_w: circuit.weights().times(load.depth),
        }
    }

    fn union(self, other: Self) -> Self {
        use LoadShares::Bits;
        let shares = match (self.shares, other.shares) {
            (Bits { g, m }, Bits { g: other_g, m: other_m }) => {
                Bits { g: g.union(other_g), m: m.union(other_m) }
            }
            (Bits { .. }, table) => table,
            (table, _) => table,
        };
        Self {
            depth: self.depth.max(other.depth),
            shares,
            sum_g: self.sum_g.union(other.sum_g),
            sum_m: self.sum_m.union(other.sum_m),
            x0: self.x0.union(other.x0),
            sum_w: self.sum_w.union(other.sum_w),
        }
    }

    /// With the functions of this layer, where the array has room for those of one layer only.
    pub fn with_functions_of(mut self, load: &LoadConstants) -> Self {
        if let LoadShares::Table { g, m } = &mut self.shares {
            (**g, **m) = (g_of(load), load.mean);
        }
        self
    }

    /// Whether an array with this makes the constants of a layer.
    pub fn makes(&self, load: &LoadConstants) -> bool {
        let holds = |range: Range, value: i64| (range.low..=range.high).contains(&value);
        let (own_g, own_m) = (g_of(load), load.mean);
        let shares = match &self.shares {
            LoadShares::Bits { g, m } => {
                is_sum_of_bits(&own_g)
                    && is_sum_of_bits(&own_m)
                    && (0..8)
                        .all(|l| holds(*g, own_g[1 << l].into()) && holds(*m, own_m[1 << l].into()))
            }
            LoadShares::Table { g, m } => **g == own_g && **m == own_m,
        };
        shares && load.depth <= self.depth && holds(self.x0, x0_of(load))
    }

    /// Bits of a count of weights.
    pub fn count_bits(&self) -> usize {
        Range { low: 0, high: self.depth as i64 }.bits()
    }

    /// Bits of all that a column adds up.
    pub fn sums_bits(&self, has_x: bool) -> usize {
        match &self.shares {
            LoadShares::Bits { .. } => 8 * self.count_bits(),
            LoadShares::Table { .. } => {
                let g = if has_x { self.sum_g.bits() } else { 0 };
                g + self.sum_m.bits() + self.sum_w.bits()
            }
        }
    }
}

/// The numbers that an array holds for a layer: G(2^l) and M(2^l), and X0.
pub fn settings(load: &LoadConstants) -> ([Vec<i64>; 2], i64) {
    let of_bits = |of: &[i32; 256]| (0..8).map(|l| i64::from(of[1 << l])).collect();
    ([of_bits(&g_of(load)), of_bits(&load.mean)], x0_of(load))
}

#[cfg(test)]
mod tests {
    use recoup_core::control_variate::Mode;
    use recoup_core::design::Design;
    use recoup_core::quantize::WeightScheme;

    use super::super::design::Correction;
    use super::super::vectors::{RandomSize, random};
    use super::*;

    /// Filters of one weight each have all constants that there can be; the ranges hold them, and
    /// waste less than a bit on C.
    #[test]
    fn ranges_hold_what_any_weights_make() {
        let size = RandomSize { depth: 20, filters: 1, positions: 1, loads: 1, seed: 0 };
        let mut compared = 0;
        for (spec, scheme, mode) in [
            ("truncated:8", WeightScheme::U8Channel, Mode::Fitted(None)),
            ("truncated:7", WeightScheme::I8Channel, Mode::Fitted(None)),
            ("perforated:2", WeightScheme::U8Channel, Mode::Paper),
            ("recursive:4", WeightScheme::I8Channel, Mode::Constant),
        ] {
            let design = Design::new(spec.parse().unwrap()).with_control_variate(mode);
            let (_, control) = random(&design, scheme, size).unwrap();
            let correction = Correction::new(&control.unwrap()).unwrap();
            let load = &correction.loads[0];
            let made = MadeRanges::of(&correction.loads);
            let uniform: Vec<u8> = (0..=255).flat_map(|w| vec![w; size.depth]).collect();
            let constants = load.of(&uniform);
            let inside = |range: Range, values: &[i32]| {
                values.iter().all(|&value| (range.low..=range.high).contains(&value.into()))
            };
            assert!(inside(made.c0, &constants.c0), "{spec}: {:?}", made.c0);
            for c in &constants.c {
                assert!(inside(made.c, c), "{spec}: {:?}", made.c);
                let found = Range::of(c.iter().map(|&c| c.into()));
                assert!(made.c.bits() <= found.bits() + 1, "{spec}: {:?}", made.c);
            }
            compared += constants.c0.len();
        }
        assert_eq!(compared, 4 * 256);
    }

    /// An array of other functions is not for a layer of a table.
    #[test]
    fn functions_are_those_of_a_layer() {
        let design = Design::new("perforated:2".parse().unwrap()).with_control_variate(Mode::Paper);
        let size = RandomSize { depth: 20, filters: 1, positions: 1, loads: 1, seed: 0 };
        let (_, control) = random(&design, WeightScheme::U8Channel, size).unwrap();
        let load = &Correction::new(&control.unwrap()).unwrap().loads[0];
        let circuit = MultiplierCircuit::new(&design.multiplier, WeightScheme::U8Channel.coding());
        let path = LoadPath::new(std::slice::from_ref(load), &circuit.unwrap()).unwrap();
        assert!(path.shares.bits().is_none() && path.makes(load));
        let mut other = LoadConstants::clone(load);
        other.c[0][7] += 1;
        assert!(!path.makes(&other));
        assert!(path.with_functions_of(&other).makes(&other));
    }
}
