//! What a mask leaves of the error where weight codes are chosen for it, of statistics alone: so fast
//! that a search can ask for thousands of masks. // eq. (6.17)

use recoup_kernels::WeightCoding;

use crate::multiplier::code_value;
use crate::quantize::Quantized;

use super::{
    CodeHistogram, ControlVariateError, SeenCodes, filters, fit::variance, weight_histogram,
};

/// How often codes are chosen and the correction is fitted to them, by turns.
const ROUNDS: usize = 2;

/// A number for each bit of a code.
type Bits = [f64; 8];

/// The layers of a network, as far as masks are concerned.
#[derive(Clone, Debug)]
pub struct MaskNoise {
    layers: Vec<LayerNoise>,
}

#[derive(Clone, Debug)]
struct LayerNoise {
    /// Covariances of the bits of activation codes, on average over the positions of a filter.
    bits: [Bits; 8],
    /// The weight bytes that occur, as numbers without their zero point, and their shares.
    weights: Vec<(f64, f64)>,
    /// The zero point that all filters have, in this sense: what a byte stands for, more.
    zero_point: f64,
    /// Variance of an exact product.
    signal: f64,
}

impl MaskNoise {
    /// Of a network with exact products and the codes that its layers multiply.
    ///
    /// # Errors
    /// When weights are signed, or their layers have not one zero point each.
    pub fn new(network: &Quantized, histograms: &[SeenCodes]) -> Result<Self, ControlVariateError> {
        if network.weights.coding() == WeightCoding::Signed {
            return Err(ControlVariateError::MaskNoise("weights are signed"));
        }
        let layers = network.macs.iter().zip(histograms).enumerate();
        let layers = layers.filter(|(at, _)| !network.is_exact(*at)).map(|(_, (mac, codes))| {
            let zero_point = *mac.zero_points.first().unwrap_or(&0);
            if mac.zero_points.iter().any(|&other| other != zero_point) {
                return Err(ControlVariateError::MaskNoise("a layer has several zero points"));
            }
            let mut counts = [0u32; 256];
            for filter in filters(mac, codes) {
                let of_filter = weight_histogram(filter);
                counts.iter_mut().zip(of_filter).for_each(|(all, own)| *all += own);
            }
            let zero_point = f64::from(zero_point);
            let number =
                |byte: u8| f64::from(code_value(byte, WeightCoding::Unsigned)) - zero_point;
            let all = counts.iter().map(|&count| f64::from(count)).sum::<f64>().max(1.0);
            let seen = (0..=255u8).zip(counts).filter(|(_, count)| *count > 0);
            let weights: Vec<(f64, f64)> =
                seen.map(|(byte, count)| (number(byte), f64::from(count) / all)).collect();
            let squares: f64 = weights.iter().map(|(w, share)| share * w * w).sum();
            let signal = squares * variance(&codes.all);
            Ok(LayerNoise { bits: covariances(codes), weights, zero_point, signal })
        });
        Ok(Self { layers: layers.collect::<Result<_, _>>()? })
    }

    /// Variance of what is left of the error over that of the signal, on average over the layers:
    /// each weight takes the code whose products come nearest, and what bits of activations have in
    /// common is corrected.
    pub fn of(&self, mask: u64) -> f64 {
        let candidates = Candidates::new(mask);
        let sum: f64 = self.layers.iter().map(|layer| layer.noise(&candidates)).sum();
        sum / self.layers.len().max(1) as f64
    }
}

/// The weight codes that a mask tells apart.
struct Candidates {
    /// Which of `products` a byte has.
    of_byte: [usize; 256],
    /// What a code's products with the single bits of an activation are.
    products: Vec<Bits>,
}

impl Candidates {
    fn new(mask: u64) -> Self {
        let used = (0..8).fold(0u8, |used, i| used | (mask >> (8 * i)) as u8);
        let mut numbers = [usize::MAX; 256];
        let mut products = Vec::new();
        let mut of_byte = [0; 256];
        for w in 0..=255u8 {
            let number = &mut numbers[usize::from(w & used)];
            if *number == usize::MAX {
                *number = products.len();
                let bit = |i: usize| f64::from(u32::from(w & (mask >> (8 * i)) as u8) << i);
                products.push(std::array::from_fn(bit));
            }
            of_byte[usize::from(w)] = *number;
        }
        Self { of_byte, products }
    }
}

impl LayerNoise {
    fn noise(&self, candidates: &Candidates) -> f64 {
        if self.signal == 0.0 {
            return 0.0;
        }
        // The products of 1 with the bits.
        let unit: Bits = std::array::from_fn(|i| f64::from(1 << i));
        let times = |x: &Bits| -> Bits { self.bits.map(|row| dot(&row, x)) };
        let unit_bits = times(&unit);
        let of_unit = dot(&unit, &unit_bits);
        let squares: Vec<f64> = candidates.products.iter().map(|p| dot(p, &times(p))).collect();
        let mut own: Vec<usize> = self
            .weights
            .iter()
            .map(|&(w, _)| candidates.of_byte[(w + self.zero_point) as usize])
            .collect();
        let mut left = f64::INFINITY;
        for round in 0..=ROUNDS {
            // What all weights lack on average is V's.
            let mut v = [0.0; 8];
            for (&(w, share), &code) in self.weights.iter().zip(&own) {
                let product = &candidates.products[code];
                for i in 0..8 {
                    v[i] += share * ((w + self.zero_point) * unit[i] - product[i]);
                }
            }
            let v_bits = times(&v);
            let (of_v, v_unit) = (dot(&v, &v_bits), dot(&v, &unit_bits));
            // (p + v - t unit)' S (p + v - t unit) = a - 2 t b + t^2 unit' S unit
            let lines: Vec<(f64, f64)> = candidates
                .products
                .iter()
                .zip(&squares)
                .map(|(p, square)| {
                    (square + 2.0 * dot(p, &v_bits) + of_v, dot(p, &unit_bits) + v_unit)
                })
                .collect();
            let mut sum = 0.0;
            for (&(w, share), own) in self.weights.iter().zip(&mut own) {
                let t = w + self.zero_point;
                let value = |&(a, b): &(f64, f64)| a - 2.0 * t * b;
                if round < ROUNDS {
                    let mut least = f64::INFINITY;
                    for (code, line) in lines.iter().enumerate() {
                        let value = value(line);
                        if value < least {
                            (least, *own) = (value, code);
                        }
                    }
                }
                sum += share * (value(&lines[*own]) + t * t * of_unit);
            }
            left = sum.max(0.0);
        }
        left / self.signal
    }
}

fn dot(x: &Bits, y: &Bits) -> f64 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

/// Within each channel where these are known: what differs between them C0 takes away.
fn covariances(codes: &SeenCodes) -> [Bits; 8] {
    let mut sum = [[0.0; 8]; 8];
    let channels = codes.channels.as_ref().map(|channels| &channels.counts[..]);
    match channels.filter(|channels| !channels.is_empty()) {
        None => add_covariances(&codes.all, 1.0, &mut sum),
        Some(channels) => {
            let share = 1.0 / channels.len() as f64;
            for counts in channels {
                add_covariances(&counts.map(u64::from), share, &mut sum);
            }
        }
    }
    sum
}

fn add_covariances(counts: &CodeHistogram, share: f64, sum: &mut [Bits; 8]) {
    let all = counts.iter().sum::<u64>();
    if all == 0 {
        return;
    }
    let mut both = [[0u64; 8]; 8];
    for (code, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        for i in (0..8).filter(|i| code >> i & 1 == 1) {
            (0..8).filter(|k| code >> k & 1 == 1).for_each(|k| both[i][k] += count);
        }
    }
    let mean = |i: usize, k: usize| both[i][k] as f64 / all as f64;
    for (i, row) in sum.iter_mut().enumerate() {
        for (k, cell) in row.iter_mut().enumerate() {
            *cell += share * (mean(i, k) - mean(i, i) * mean(k, k));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multiplier::{Multiplier, truncated};

    fn counts() -> CodeHistogram {
        std::array::from_fn(|a| if a == 0 { 900 } else { 4000 / (a as u64 + 20) })
    }

    fn layer() -> LayerNoise {
        let counts = counts();
        let mut bits = [[0.0; 8]; 8];
        add_covariances(&counts, 1.0, &mut bits);
        let weights: Vec<(f64, f64)> = (-40..40).map(|w| (f64::from(w), 1.0 / 80.0)).collect();
        let squares: f64 = weights.iter().map(|(w, share)| share * w * w).sum();
        LayerNoise { bits, weights, zero_point: 128.0, signal: squares * variance(&counts) }
    }

    fn noise(mask: u64) -> f64 {
        layer().noise(&Candidates::new(mask))
    }

    #[test]
    fn exact_products_leave_nothing_and_fewer_partial_products_more() {
        assert!(noise(u64::MAX).abs() < 1e-12);
        let of = |m: u32| noise(truncated(m).mask().unwrap());
        let all: Vec<f64> = (1..12).map(of).collect();
        assert!(all.is_sorted(), "{all:?}");
        assert!(all[0] > 0.0 && all[10] < 1.0, "{all:?}");
        // Weights that are told apart less well are chosen among less well.
        assert!(noise(0xf8f8_f0e0_c000_0000) < noise(0xf0f0_f0e0_c000_0000));
    }

    /// The noise of the first round, without a choice of codes, is what the variance of the products
    /// themselves says.
    #[test]
    fn errors_are_those_of_the_products() {
        let own = layer();
        let multiplier = Multiplier::from_mask(0xfcf8_f0e0_c080_0000);
        let counts = counts();
        let all: f64 = counts.iter().map(|&count| count as f64).sum();
        let errors = multiplier.errors(WeightCoding::Unsigned);
        let expect = |of: &dyn Fn(usize) -> f64| -> f64 {
            (0..256).map(|a| counts[a] as f64 / all * of(a)).sum()
        };
        let error = |w: f64, a: usize| f64::from(errors[(w as usize) << 8 | a]);
        let lacking = |a: usize| -> f64 {
            own.weights.iter().map(|&(w, share)| share * error(w + 128.0, a)).sum()
        };
        let left: f64 = own
            .weights
            .iter()
            .map(|&(w, share)| {
                let apart = |a: usize| error(w + 128.0, a) - lacking(a);
                let mean = expect(&apart);
                share * expect(&|a| (apart(a) - mean).powi(2))
            })
            .sum();
        let chosen = own.noise(&Candidates::new(multiplier.mask().unwrap())) * own.signal;
        assert!(chosen < left, "{chosen} of {left}");
        assert!(chosen > left / 100.0, "{chosen} of {left}");
    }
}
