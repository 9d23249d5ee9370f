//! What coding does to the values of a tensor.

use crate::model::ActivationQuantization;
use crate::quantize::drop_low_bits;

/// Real values and how often each was seen.
pub(super) type Values = Vec<(f64, u64)>;

/// Values as codes: per code how often it occurs, and what its values lost, in steps of the code.
pub(super) struct Coded {
    /// Real value of one step.
    pub scale: f64,
    /// How often each code occurs.
    pub counts: [u64; 256],
    /// Mean of the error q of the values that get a code.
    pub mean: [f64; 256],
    /// Mean of q^2 over all values.
    pub mean_square: f64,
}

impl Coded {
    /// Codes `values` by eq. (1.6), with the `rounded` low bits of every code zero.
    pub fn new(values: &Values, quantization: ActivationQuantization, rounded: u32) -> Self {
        let scale = f64::from(quantization.scale);
        let zero_point = drop_low_bits(i32::from(quantization.zero_point), rounded);
        let zero = f64::from(zero_point >> rounded);
        let (step, most) = (f64::from(1u32 << rounded), f64::from(255u32 >> rounded));
        let (mut counts, mut sums, mut squares) = ([0; 256], [0.0; 256], 0.0);
        for &(value, count) in values {
            let in_steps = value / scale;
            let coarse = ((in_steps / step).round_ties_even() + zero).clamp(0.0, most);
            let error = (coarse - zero) * step - in_steps;
            let code = (coarse as usize) << rounded;
            counts[code] += count;
            sums[code] += count as f64 * error;
            squares += count as f64 * error * error;
        }
        let total = counts.iter().sum::<u64>().max(1) as f64;
        let mean = std::array::from_fn(|code| sums[code] / counts[code].max(1) as f64);
        Self { scale, counts, mean, mean_square: squares / total }
    }

    /// How many values there are.
    pub fn total(&self) -> f64 {
        self.counts.iter().sum::<u64>().max(1) as f64
    }

    /// Mean of q over all values.
    pub fn mean_error(&self) -> f64 {
        self.expect(|code| self.mean[code])
    }

    /// Mean of a function of the code.
    pub fn expect(&self, of_code: impl Fn(usize) -> f64) -> f64 {
        let total = self.total();
        let seen = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        seen.map(|(code, &count)| count as f64 * of_code(code)).sum::<f64>() / total
    }
}

/// The variance of values.
pub(super) fn variance(values: &Values) -> f64 {
    let total = values.iter().map(|(_, count)| count).sum::<u64>().max(1) as f64;
    let mean = values.iter().map(|&(value, count)| value * count as f64).sum::<f64>() / total;
    let squares = values.iter().map(|&(value, count)| (value - mean).powi(2) * count as f64);
    squares.sum::<f64>() / total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_those_of_the_requantiser() {
        let quantization = ActivationQuantization { scale: 0.5, zero_point: 6 };
        // In steps: -2.5, 0, 5.5, 400; multiples of 4 around the zero point 8.
        let values = vec![(-1.25, 1), (0.0, 5), (2.75, 2), (200.0, 1)];
        let coded = Coded::new(&values, quantization, 2);
        assert_eq!([coded.counts[4], coded.counts[8], coded.counts[12]], [1, 5, 2]);
        assert_eq!(coded.counts[252], 1);
        assert_eq!(coded.mean[4], -1.5);
        assert_eq!(coded.mean[12], -1.5);
        assert_eq!(coded.mean[252], -156.0);
        let squares = 1.5 * 1.5 + 2.0 * 1.5 * 1.5 + 156.0 * 156.0;
        assert!((coded.mean_square - squares / 9.0).abs() < 1e-9);
        assert!((coded.mean_error() + (1.5 + 3.0 + 156.0) / 9.0).abs() < 1e-9);
    }

    #[test]
    fn the_variance_counts_every_value() {
        assert!((variance(&vec![(1.0, 3), (5.0, 1)]) - 3.0).abs() < 1e-12);
    }
}
