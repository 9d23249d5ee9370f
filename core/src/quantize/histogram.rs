//! A histogram of real values whose range grows as values come in.

/// Bins over all of the range; a power of two, so that doubling the range merges pairs exactly.
const BINS: usize = 1 << 14;

/// Counts over `[-reach, reach)`. Since the reach is a power of two, the counts depend on the
/// values only, not on their order: parallel parts can be merged.
#[derive(Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    reach: f64,
    pub min: f32,
    pub max: f32,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            counts: vec![0; BINS],
            reach: f64::powi(2.0, -20),
            min: f32::INFINITY,
            max: f32::NEG_INFINITY,
        }
    }
}

impl Histogram {
    /// Adds finite values; returns false, without a trace of the rest, at the first other one.
    pub fn add(&mut self, values: &[f32]) -> bool {
        let mut bins_per_unit = 1.0 / self.width();
        for &value in values {
            // False for what is not a number.
            let inside = f64::from(value.abs()) < self.reach;
            if !inside {
                if !value.is_finite() {
                    return false;
                }
                let mut reach = self.reach;
                while f64::from(value.abs()) >= reach {
                    reach *= 2.0;
                }
                self.grow(reach);
                bins_per_unit = 1.0 / self.width();
            }
            self.min = self.min.min(value);
            self.max = self.max.max(value);
            // The width is a power of two: the product is exact.
            let bin = floor(f64::from(value) * bins_per_unit) + BINS as i32 / 2;
            self.counts[bin as usize] += 1;
        }
        true
    }

    /// Adds another histogram's counts.
    pub fn merge(mut self, mut other: Self) -> Self {
        let reach = self.reach.max(other.reach);
        self.grow(reach);
        other.grow(reach);
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self
    }

    /// Middle and count of every bin that is not empty, from low to high.
    pub fn bins(&self) -> impl Iterator<Item = (f64, u64)> {
        let counts = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(|(bin, &count)| {
            let middle = (bin as f64 + 0.5 - BINS as f64 / 2.0) * self.width();
            // The outermost bins reach beyond what was seen.
            (middle.clamp(f64::from(self.min), f64::from(self.max)), count)
        })
    }

    /// The value below which a share `p` (0 to 1) of all values lies.
    pub fn quantile(&self, p: f64) -> f64 {
        let total: u64 = self.counts.iter().sum();
        let rank = (p * total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (middle, count) in self.bins() {
            seen += count;
            if seen >= rank {
                return middle;
            }
        }
        f64::from(self.max)
    }

    fn width(&self) -> f64 {
        2.0 * self.reach / BINS as f64
    }

    /// To a reach that is this one, doubled again and again: bins merge in pairs each time.
    fn grow(&mut self, reach: f64) {
        let doublings = (reach / self.reach).log2() as u32;
        self.reach = reach;
        let is_empty = self.min > self.max;
        if doublings == 0 || is_empty {
            return;
        }
        let half = BINS as i32 / 2;
        let mut merged = vec![0; BINS];
        for (bin, &count) in (-half..).zip(&self.counts) {
            merged[((bin >> doublings.min(31)) + half) as usize] += count;
        }
        self.counts = merged;
    }
}

/// The largest integer that is not above a value, which an `i32` holds. `f64::floor` is a call
/// where the instruction set is the oldest.
fn floor(value: f64) -> i32 {
    let towards_zero = value as i32;
    towards_zero - i32::from(f64::from(towards_zero) > value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn double(histogram: &mut Histogram) {
        let mut merged = vec![0; BINS];
        for (bin, &count) in histogram.counts.iter().enumerate() {
            merged[bin / 2 + BINS / 4] += count;
        }
        histogram.counts = merged;
        histogram.reach *= 2.0;
    }

    /// As [`Histogram::add`], a division for each value, and one doubling after the other.
    fn add_naively(histogram: &mut Histogram, values: &[f32]) {
        for &value in values {
            histogram.min = histogram.min.min(value);
            histogram.max = histogram.max.max(value);
            while f64::from(value.abs()) >= histogram.reach {
                double(histogram);
            }
            let bin = (f64::from(value) / histogram.width()).floor() + BINS as f64 / 2.0;
            histogram.counts[bin as usize] += 1;
        }
    }

    #[test]
    fn values_are_counted_as_by_the_naive_loop() {
        let mut values: Vec<f32> = vec![0.0, -0.0, f32::MIN_POSITIVE, -f32::MIN_POSITIVE];
        // Subnormal, on the edges of bins and of reaches, beside them, and far out.
        values.extend([f32::from_bits(1), -f32::from_bits(1), 1.0, -1.0, 3e38, -3e38]);
        let smallest = f32::powi(2.0, -34);
        let edges = (1..9000).map(|edge| edge as f32 * smallest);
        values.splice(
            0..0,
            edges.flat_map(|edge| {
                [edge, -edge, edge.next_up(), edge.next_down(), -edge.next_up(), -edge.next_down()]
            }),
        );
        let (mut fast, mut naive) = (Histogram::default(), Histogram::default());
        for part in values.chunks(700) {
            assert!(fast.add(part));
            add_naively(&mut naive, part);
            assert_eq!(fast.counts, naive.counts);
            assert_eq!((fast.min, fast.max, fast.reach), (naive.min, naive.max, naive.reach));
        }
    }

    #[test]
    fn counts_do_not_depend_on_the_order_or_the_parts() {
        let values: Vec<f32> =
            (0..2000).map(|i| ((i * 7919 % 2003) as f32 - 900.0) / 37.0).collect();
        let mut all = Histogram::default();
        assert!(all.add(&values));
        let mut reversed: Vec<f32> = values.clone();
        reversed.reverse();
        let (mut first, mut second) = (Histogram::default(), Histogram::default());
        assert!(first.add(&reversed[..300]) && second.add(&reversed[300..]));
        let merged = first.merge(second);
        assert_eq!(merged.counts, all.counts);
        assert_eq!((merged.min, merged.max, merged.reach), (all.min, all.max, all.reach));
        assert_eq!(all.counts.iter().sum::<u64>(), 2000);
    }

    #[test]
    fn quantiles_are_within_a_bin() {
        let mut histogram = Histogram::default();
        histogram.add(&(0..=1000).map(|i| i as f32 / 1000.0).collect::<Vec<_>>());
        assert!((histogram.quantile(0.5) - 0.5).abs() < 1e-3);
        assert!((histogram.quantile(1.0) - 1.0).abs() < 1e-3);
    }

    #[test]
    fn infinities_are_refused() {
        assert!(!Histogram::default().add(&[1.0, f32::INFINITY]));
    }
}
