//! x(a) fitted to a multiplier's error: the function of few bits that removes most variance.
//!
//! With one C per filter, V removes from a filter's error what its mean error function
//! `m_f(a) = mean_j e(w_j, a)` has in common with x: of the variance (3.5),
//! `k Cov(m_f, x)^2 / Var x`. Summed over filters this is a quadratic form of x over its variance,
//! and its maximum the leading eigenfunction. // eq. (3.14)
//! With a distribution for each channel, positions add up what each has in common with x, eq. (3.19).
//! Small integers are found from it by rounding, and improved code by code.

use nalgebra::{DMatrix, DVector};

use super::fit::pseudo_inverse;
use super::moments::Place;
use super::{ChannelCodes, CodeFunction, CodeHistogram, ControlFunction, Errors, Layer};

const CODES: usize = 256;

/// Share of the probability that codes get which calibration never met: evaluation may.
const UNSEEN: f64 = 1e-3;

/// Weights of a layer that are looked at, as every n-th filter, where each meets codes of its own: x
/// is an average over filters, which a layer of more has enough of.
const WEIGHTS: usize = 1 << 17;

/// What one layer asks of x.
pub struct LayerForm {
    /// P(a), the mean over positions.
    probability: DVector<f64>,
    /// The covariance of P_j(a) and P_j(a') over positions: what of Var x is between them.
    between: DMatrix<f64>,
    /// The removed share of the layer's variance is x' form x / Var x.
    form: DMatrix<f64>,
    /// Mean over positions of P_j(a) (x_s(a) - E_j x_s) of the functions that are already there.
    basis: DMatrix<f64>,
    /// The inverse of their covariances.
    inverse: DMatrix<f64>,
}

impl LayerForm {
    /// `errors` is `[w][a]`; each filter is the histogram of its weight bytes.
    pub fn new(
        errors: &[i32],
        histogram: &CodeHistogram,
        filters: impl Iterator<Item = [u32; 256]>,
    ) -> Self {
        let total: u64 = histogram.iter().sum();
        let seen = (1.0 - UNSEEN) / total.max(1) as f64;
        let probability =
            DVector::from_fn(CODES, |a, _| histogram[a] as f64 * seen + UNSEEN / CODES as f64);
        let centered = |error: &mut DVector<f64>| {
            let mean = probability.dot(error);
            error.add_scalar_mut(-mean);
        };
        let rows: Vec<DVector<f64>> = errors
            .chunks_exact(CODES)
            .map(|row| {
                let mut row = DVector::from_iterator(CODES, row.iter().map(|&e| f64::from(e)));
                centered(&mut row);
                row
            })
            .collect();
        let variances: Vec<f64> = rows
            .iter()
            .map(|row| row.iter().zip(&probability).map(|(e, p)| p * e * e).sum())
            .collect();
        let (mut before, mut vectors) = (0.0, Vec::new());
        for weights in filters {
            let depth: u32 = weights.iter().sum();
            let mut vector = DVector::zeros(CODES);
            for (w, &count) in weights.iter().enumerate().filter(|(_, count)| **count > 0) {
                vector.axpy(f64::from(count), &rows[w], 1.0);
                before += f64::from(count) * variances[w];
            }
            // sqrt(k) P(a) m_f(a)
            vector.component_mul_assign(&probability);
            vector /= f64::from(depth.max(1)).sqrt();
            vectors.push(vector);
        }
        Self::of(&vectors, before, probability, DMatrix::zeros(CODES, CODES))
    }

    /// With a distribution for each position, eq. (3.17).
    pub fn by_channel(errors: &Errors, channels: &ChannelCodes, layer: &Layer) -> Self {
        let places = channels.counts.len() / layer.groups.max(1);
        let unseen = UNSEEN / CODES as f64;
        let own = channels.distributions().into_iter();
        let own: Vec<[f64; CODES]> =
            own.map(|own| own.map(|share| (1.0 - UNSEEN) * share + unseen)).collect();
        let moments = Place::of_all(errors, &[], &own);
        let rows = errors.by_weight();
        let z = usize::from(channels.zero_point);
        let positions: Vec<(f64, usize)> = channels
            .padding
            .iter()
            .flat_map(|&padding| (0..places).map(move |place| (padding, place)))
            .collect();
        let (mut before, mut vectors) = (0.0, Vec::new());
        let filters = layer.filters();
        let every = (filters.len() * positions.len()).div_ceil(WEIGHTS).max(1);
        for &filter in filters.iter().step_by(every) {
            // Sum of P_j(a) (e(w_j, a) - E_j e(w_j, a)), over sqrt(k)
            let mut vector = DVector::zeros(CODES);
            for (&(padding, place), &weight) in positions.iter().zip(filter.weights) {
                let place = filter.group * places + place;
                let (weight, inside) = (usize::from(weight), 1.0 - padding);
                let (mean, variance) =
                    (moments[place].mean[weight], moments[place].variance[weight]);
                let row = &rows[weight];
                let apart = row[z] - mean;
                let mean = mean + padding * apart;
                let terms = vector.iter_mut().zip(&own[place]).zip(row);
                terms.for_each(|((sum, share), e)| *sum += inside * share * (e - mean));
                vector[z] += padding * (row[z] - mean);
                before += inside * (variance + padding * apart * apart);
            }
            vectors.push(vector / (filter.weights.len().max(1) as f64).sqrt());
        }
        let (probability, between) = spread(&own, channels);
        Self::of(&vectors, before, probability, between)
    }

    /// `vectors` are of the filters, whose errors vary by `before` in all.
    fn of(
        vectors: &[DVector<f64>],
        before: f64,
        probability: DVector<f64>,
        between: DMatrix<f64>,
    ) -> Self {
        let vectors = DMatrix::from_columns(vectors);
        let scale = if before > 0.0 { 1.0 / before } else { 0.0 };
        Self {
            form: &vectors * vectors.transpose() * scale,
            probability,
            between,
            basis: DMatrix::zeros(CODES, 0),
            inverse: DMatrix::zeros(0, 0),
        }
    }

    /// Takes out what V with these functions removes already.
    fn without(&self, functions: &[CodeFunction]) -> Self {
        let x = DMatrix::from_fn(CODES, functions.len(), |a, r| f64::from(functions[r].x[a]));
        let mean = x.tr_mul(&self.probability);
        let basis = DMatrix::from_fn(CODES, functions.len(), |a, r| {
            self.probability[a] * (x[(a, r)] - mean[r])
        }) - &self.between * &x;
        let inverse = pseudo_inverse(&basis.tr_mul(&x));
        // keep form keep' with keep = 1 - basis inverse x', multiplied out.
        let project = &basis * &inverse;
        let shared = x.tr_mul(&self.form);
        let once = &project * &shared;
        let form =
            &self.form - &once - once.transpose() + &project * (shared * x) * project.transpose();
        let (probability, between) = (self.probability.clone(), self.between.clone());
        Self { form, probability, between, basis, inverse }
    }
}

/// Mean and covariance of P_j(a) over all positions of all groups.
fn spread(own: &[[f64; CODES]], channels: &ChannelCodes) -> (DVector<f64>, DMatrix<f64>) {
    let mean = |of_tap: &dyn Fn(f64) -> f64| {
        let taps = channels.padding.iter().map(|&padding| of_tap(padding));
        taps.sum::<f64>() / channels.padding.len().max(1) as f64
    };
    let own = DMatrix::from_column_slice(CODES, own.len(), own.as_flattened());
    let mut at_edge = DVector::zeros(CODES);
    at_edge[usize::from(channels.zero_point)] = 1.0;
    let of_channels = own.column_mean();
    let squares = &own * own.transpose() / own.ncols().max(1) as f64;
    let mixed = &of_channels * at_edge.transpose() + &at_edge * of_channels.transpose();
    let second = squares * mean(&|q| (1.0 - q) * (1.0 - q))
        + mixed * mean(&|q| q * (1.0 - q))
        + &at_edge * at_edge.transpose() * mean(&|q| q * q);
    let first = of_channels * mean(&|q| 1.0 - q) + at_edge * mean(&|q| q);
    let between = second - &first * first.transpose();
    (first, between)
}

/// The function of `bits` bits that removes most of what the `given` functions leave.
pub fn fit_function(layers: &[LayerForm], given: &[CodeFunction], bits: u32) -> CodeFunction {
    let layers: Vec<LayerForm> = layers.iter().map(|layer| layer.without(given)).collect();
    let real = leading_eigenfunction(&layers);
    let levels = 1u16 << bits;
    let best = starts(&real, levels).map(|x| improve(&layers, x, levels));
    let best = best.max_by(|a, b| a.0.total_cmp(&b.0)).expect("several starts");
    CodeFunction { function: ControlFunction::Auto, x: best.1 }
}

/// Over the layers' mean distribution; exact where they have the same one.
fn leading_eigenfunction(layers: &[LayerForm]) -> DVector<f64> {
    let mut form = DMatrix::zeros(CODES, CODES);
    let mut probability = DVector::zeros(CODES);
    for layer in layers {
        form += &layer.form;
        probability += &layer.probability / layers.len() as f64;
    }
    let root = probability.map(f64::sqrt);
    let symmetric = DMatrix::from_fn(CODES, CODES, |a, b| form[(a, b)] / (root[a] * root[b]));
    // Power iteration, squaring the matrix instead of repeating the step: 2^STEPS of them, from
    // the column of the code that matters most.
    const STEPS: usize = 8;
    let mut power = symmetric;
    for _ in 0..STEPS {
        let largest = power.amax();
        if largest == 0.0 {
            break;
        }
        power /= largest;
        power = &power * &power;
    }
    let column = (0..CODES).max_by(|&a, &b| power[(a, a)].total_cmp(&power[(b, b)]));
    power.column(column.expect("256 codes")).component_div(&root)
}

/// Roundings of a real function to levels: its extremes may be rare, so narrower ranges too.
fn starts(real: &DVector<f64>, levels: u16) -> impl Iterator<Item = [u16; 256]> {
    let (low, high) = (real.min(), real.max());
    let top = f64::from(levels - 1);
    [(0.0, 1.0), (0.0, 0.7), (0.3, 1.0), (0.0, 0.4), (0.6, 1.0)].into_iter().map(
        move |(from, to)| {
            let (first, range) = (low + from * (high - low), (to - from) * (high - low));
            let level = |value: f64| (top * (value - first) / range).round().clamp(0.0, top);
            let constant = range <= 0.0;
            std::array::from_fn(|a| if constant { 0 } else { level(real[a]) as u16 })
        },
    )
}

/// Sets code after code to its best level until nothing improves; the removed share, and x.
fn improve(layers: &[LayerForm], mut x: [u16; 256], levels: u16) -> (f64, [u16; 256]) {
    const SWEEPS: usize = 8;
    let mut states: Vec<State> = layers.iter().map(|layer| State::new(layer, &x)).collect();
    let share = |states: &[State], change: Change| -> f64 {
        states.iter().map(|state| state.moments(change).share()).sum()
    };
    let mut best = share(&states, Change { code: 0, old: 0.0, new: 0.0 });
    for _ in 0..SWEEPS {
        let before = best;
        for (code, value) in x.iter_mut().enumerate() {
            let old = f64::from(*value);
            let change = |level: u16| Change { code, old, new: level.into() };
            let (level, found) = (0..levels)
                .map(|level| (level, share(&states, change(level))))
                .max_by(|a, b| a.1.total_cmp(&b.1))
                .expect("at least one level");
            // Rounding alone must not keep the search going.
            if found > best * (1.0 + 1e-9) {
                states.iter_mut().for_each(|state| state.apply(change(level)));
                (*value, best) = (level, found);
            }
        }
        if best <= before * (1.0 + 1e-6) {
            break;
        }
    }
    (best, x)
}

/// x(code) becomes `new`.
#[derive(Clone, Copy)]
struct Change {
    code: usize,
    old: f64,
    new: f64,
}

/// What the removed share of one layer is made of.
struct Moments {
    /// x' form x
    removed: f64,
    variance: f64,
    /// The part of the variance that the functions before it explain.
    explained: f64,
}

impl Moments {
    fn share(&self) -> f64 {
        let own = self.variance - self.explained;
        // An x that others already are, but for rounding, removes nothing.
        if own > 1e-9 * self.variance && own > 1e-12 { self.removed / own } else { 0.0 }
    }
}

/// The quantities of one layer that change with x.
struct State<'a> {
    layer: &'a LayerForm,
    /// E x, E x^2
    mean: f64,
    mean_square: f64,
    /// x' between x, between x
    between: f64,
    between_gradient: DVector<f64>,
    /// x' form x, form x
    removed: f64,
    gradient: DVector<f64>,
    /// Covariances with the functions that are already there.
    common: DVector<f64>,
}

impl<'a> State<'a> {
    fn new(layer: &'a LayerForm, x: &[u16; 256]) -> Self {
        let x = DVector::from_iterator(CODES, x.iter().map(|&x| f64::from(x)));
        let gradient = &layer.form * &x;
        let between_gradient = &layer.between * &x;
        Self {
            between: x.dot(&between_gradient),
            between_gradient,
            mean: layer.probability.dot(&x),
            mean_square: layer.probability.dot(&x.component_mul(&x)),
            removed: x.dot(&gradient),
            common: layer.basis.tr_mul(&x),
            gradient,
            layer,
        }
    }

    /// E x, E x^2, x' form x and x' between x after a change.
    fn sums(&self, Change { code, old, new }: Change) -> [f64; 4] {
        let (p, step) = (self.layer.probability[code], new - old);
        [
            self.mean + p * step,
            self.mean_square + p * (new * new - old * old),
            self.removed
                + step * (2.0 * self.gradient[code] + step * self.layer.form[(code, code)]),
            self.between
                + step
                    * (2.0 * self.between_gradient[code] + step * self.layer.between[(code, code)]),
        ]
    }

    fn moments(&self, change: Change) -> Moments {
        let [mean, mean_square, removed, between] = self.sums(change);
        let step = change.new - change.old;
        let common = |r: usize| self.common[r] + step * self.layer.basis[(change.code, r)];
        let inverse = &self.layer.inverse;
        let terms = 0..self.common.len();
        let explained = terms
            .clone()
            .flat_map(|r| terms.clone().map(move |s| (r, s)))
            .map(|(r, s)| common(r) * inverse[(r, s)] * common(s))
            .sum();
        Moments { removed, variance: mean_square - mean * mean - between, explained }
    }

    fn apply(&mut self, change: Change) {
        [self.mean, self.mean_square, self.removed, self.between] = self.sums(change);
        let (code, step) = (change.code, change.new - change.old);
        self.gradient.axpy(step, &self.layer.form.column(code), 1.0);
        self.between_gradient.axpy(step, &self.layer.between.column(code), 1.0);
        self.common.axpy(step, &self.layer.basis.row(code).transpose(), 1.0);
    }
}

#[cfg(test)]
mod tests;
