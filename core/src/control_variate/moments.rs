//! Means, variances and covariances of errors and of x over the codes that a layer multiplies.

use nalgebra::{DMatrix, DVector};

use super::codes::SeenCodes;
use super::fit::pseudo_inverse;
use super::{CodeFunction, LayerConstants};

/// All errors of a multiplier, and their squares, `[w, a]`.
pub struct Errors {
    errors: DMatrix<f64>,
    squares: DMatrix<f64>,
}

impl Errors {
    /// `errors` is `[w][a]` ([`Multiplier::errors`]).
    ///
    /// [`Multiplier::errors`]: crate::multiplier::Multiplier::errors
    pub fn new(errors: &[i32]) -> Self {
        let errors = errors.iter().map(|&error| f64::from(error));
        let errors = DMatrix::from_row_iterator(256, 256, errors);
        Self { squares: errors.component_mul(&errors), errors }
    }
}

/// A filter of a layer.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    /// The group of channels that it reads.
    pub group: usize,
    /// Its weight bytes.
    pub weights: &'a [u8],
}

/// Which distribution the activations of one position j of a filter have.
#[derive(Clone, Copy, Debug)]
struct Position {
    /// Its place among the distributions of the filter's group.
    place: usize,
    /// The share that is padding instead.
    padding: f64,
}

/// Moments of one group's x, as means over the positions of a filter.
struct Group {
    /// Mean of E_j x_r.
    mean: DVector<f64>,
    /// Mean of Cov_j(x_r, x_s).
    covariance: DMatrix<f64>,
    /// Its inverse, without the directions in which no x varies.
    inverse: DMatrix<f64>,
}

/// Moments of the error of one layer's products, over the distribution of the codes at each
/// position, per weight byte; and of the functions x_r.
pub struct LayerMoments {
    positions: Vec<Position>,
    /// Distributions that belong to a group; all groups share the one there is if it is 0.
    places: usize,
    groups: Vec<Group>,
    /// E e(w, a), `[w, place]`.
    mean: DMatrix<f64>,
    variance: DMatrix<f64>,
    /// Cov(e(w, a), x_r), for each r.
    covariance: Vec<DMatrix<f64>>,
    /// E x_r, `[r, place]`.
    mean_x: DMatrix<f64>,
    /// e(w, z) and x_r(z) of the code z of padding.
    padding: (Vec<f64>, DVector<f64>),
}

impl LayerMoments {
    /// For filters of `depth` weights, with one distribution of codes for all positions.
    pub fn pooled(
        errors: &Errors,
        functions: &[CodeFunction],
        codes: &[f64; 256],
        depth: usize,
    ) -> Self {
        let positions = vec![Position { place: 0, padding: 0.0 }; depth];
        Self::new(errors, functions, &[*codes], positions, (0, 1), 0)
    }

    /// For filters of `depth` weights in so many groups, with a distribution for each channel where
    /// these are known.
    pub fn by_channel(
        errors: &Errors,
        functions: &[CodeFunction],
        codes: &SeenCodes,
        depth: usize,
        groups: usize,
    ) -> Self {
        let groups = groups.max(1);
        let known = codes.channels.as_ref().filter(|channels| channels.counts.len() >= groups);
        let Some(channels) = known else {
            return Self::pooled(errors, functions, &codes.distribution(), depth);
        };
        let places = channels.counts.len() / groups;
        let taps = channels.padding.iter();
        let positions =
            taps.flat_map(|&padding| (0..places).map(move |place| Position { place, padding }));
        let distributions = channels.distributions();
        Self::new(
            errors,
            functions,
            &distributions,
            positions.collect(),
            (places, groups),
            channels.zero_point,
        )
    }

    fn new(
        Errors { errors, squares }: &Errors,
        functions: &[CodeFunction],
        distributions: &[[f64; 256]],
        positions: Vec<Position>,
        (places, groups): (usize, usize),
        zero_point: u8,
    ) -> Self {
        let codes = DMatrix::from_fn(256, distributions.len(), |a, place| distributions[place][a]);
        let x = DMatrix::from_fn(256, functions.len(), |a, r| f64::from(functions[r].x[a]));
        let mean_x = x.tr_mul(&codes);
        // P(a) (x_r(a) - E x_r), `[a, place]`.
        let centered = |r: usize| {
            DMatrix::from_fn(256, codes.ncols(), |a, place| {
                codes[(a, place)] * (x[(a, r)] - mean_x[(r, place)])
            })
        };
        let centered: Vec<DMatrix<f64>> = (0..functions.len()).map(centered).collect();
        let mean = errors * &codes;
        let mut variance = squares * &codes - mean.component_mul(&mean);
        variance.apply(|value| *value = value.max(0.0));
        let covariance = centered.iter().map(|centered| errors * centered).collect();
        let z = usize::from(zero_point);
        let padding = (errors.column(z).iter().copied().collect(), x.row(z).transpose());
        let layer = Self {
            positions,
            places,
            groups: Vec::new(),
            mean,
            variance,
            covariance,
            mean_x,
            padding,
        };
        // Cov(x_r, x_s), `[r, s]`, at each place.
        let within: Vec<DMatrix<f64>> = (0..codes.ncols())
            .map(|place| {
                let centered = |r: usize, a: usize| x[(a, r)] - layer.mean_x[(r, place)];
                DMatrix::from_fn(functions.len(), functions.len(), |r, s| {
                    (0..256).map(|a| codes[(a, place)] * centered(r, a) * centered(s, a)).sum()
                })
            })
            .collect();
        Self { groups: (0..groups).map(|group| layer.group(group, &within)).collect(), ..layer }
    }

    /// Moments of x over the positions of a group's filters; `within` has the covariances of x at
    /// each place.
    fn group(&self, group: usize, within: &[DMatrix<f64>]) -> Group {
        let terms = self.covariance.len();
        let (mut mean, mut covariance) = (DVector::zeros(terms), DMatrix::zeros(terms, terms));
        // All alike, and nothing to be rounded.
        let all = self.positions.len();
        let distinct = &self.positions[..if self.places == 0 { all.min(1) } else { all }];
        for position in distinct {
            let (place, share) = (group * self.places + position.place, position.padding);
            let own = self.mean_x.column(place);
            let apart = own - &self.padding.1;
            mean += own * (1.0 - share) + &self.padding.1 * share;
            covariance += &within[place] * (1.0 - share);
            covariance += &apart * apart.transpose() * (share * (1.0 - share));
        }
        mean /= distinct.len().max(1) as f64;
        covariance /= distinct.len().max(1) as f64;
        Group { inverse: pseudo_inverse(&covariance), mean, covariance }
    }

    /// Sum over a filter's positions of a function of weight byte, place and share of padding.
    fn sum(
        &self,
        Filter { group, weights }: Filter,
        of_position: impl Fn(usize, usize, f64) -> f64,
    ) -> f64 {
        let first = group * self.places;
        let positions = self.positions.iter().zip(weights);
        positions
            .map(|(position, &weight)| {
                of_position(usize::from(weight), first + position.place, position.padding)
            })
            .sum()
    }

    /// Mean of a filter's accumulated error.
    pub fn mean(&self, filter: Filter) -> f64 {
        self.sum(filter, |weight, place, padding| {
            let own = self.mean[(weight, place)];
            own + padding * (self.padding.0[weight] - own)
        })
    }

    /// Sum over a filter's positions of Cov_j(e(w_j, a), x_r).
    fn covariances(&self, filter: Filter) -> DVector<f64> {
        DVector::from_fn(self.covariance.len(), |r, _| {
            self.sum(filter, |weight, place, padding| {
                let error = self.mean[(weight, place)] - self.padding.0[weight];
                let x = self.mean_x[(r, place)] - self.padding.1[r];
                (1.0 - padding) * (self.covariance[r][(weight, place)] + padding * error * x)
            })
        })
    }

    /// The moments of x of a filter's group.
    fn group_of(&self, filter: Filter) -> &Group {
        &self.groups[if self.places == 0 { 0 } else { filter.group }]
    }

    /// C_r of a filter, eq. (3.3) and its least-squares form for several functions, eq. (3.13).
    pub fn c(&self, filter: Filter) -> DVector<f64> {
        &self.group_of(filter).inverse * self.covariances(filter) / filter.weights.len() as f64
    }

    /// Variance of a filter's accumulated error without and with V, eq. (3.5).
    pub fn variances(&self, filter: Filter) -> (f64, f64) {
        let c = self.c(filter);
        let before = self.sum(filter, |weight, place, padding| {
            let apart = self.mean[(weight, place)] - self.padding.0[weight];
            (1.0 - padding) * (self.variance[(weight, place)] + padding * apart * apart)
        });
        let depth = filter.weights.len() as f64;
        let covariance_x = &self.group_of(filter).covariance;
        let removed = 2.0 * c.dot(&self.covariances(filter)) - depth * c.dot(&(covariance_x * &c));
        (before, (before - removed).max(0.0))
    }

    /// Constants of filters.
    pub(super) fn constants(&self, filters: &[Filter], c_frac: u32) -> LayerConstants {
        let c: Vec<DVector<f64>> = filters.iter().map(|&filter| self.c(filter)).collect();
        let terms: Vec<Vec<f64>> =
            (0..self.covariance.len()).map(|r| c.iter().map(|c| c[r]).collect()).collect();
        // Eq. (3.4), with C as it is stored.
        LayerConstants::round(&terms, c.len(), c_frac, |at, c| {
            let filter = filters[at];
            let mean_v = DVector::from_row_slice(c).dot(&self.group_of(filter).mean);
            self.mean(filter) - filter.weights.len() as f64 * mean_v
        })
    }
}
