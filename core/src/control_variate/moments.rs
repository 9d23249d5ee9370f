//! Means, variances and covariances of errors and of x over the codes that a layer multiplies.

use nalgebra::{DMatrix, DVector};

use super::codes::{CodeHistogram, SeenCodes, distribution};
use super::fit::pseudo_inverse;
use super::load::Shares;
use super::{CodeFunction, Errors, LayerConstants};

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

/// Moments over one distribution of codes.
pub(super) struct Place {
    /// E e(w, a), per weight byte.
    pub mean: [f64; 256],
    /// Var e(w, a), per weight byte.
    pub variance: [f64; 256],
    /// Cov(e(w, a), x_r), `[r][w]`.
    covariance: Vec<[f64; 256]>,
    /// E x_r.
    mean_x: DVector<f64>,
    /// Cov(x_r, x_s).
    covariance_x: DMatrix<f64>,
}

impl Place {
    /// Of one distribution.
    fn new(errors: &Errors, functions: &[CodeFunction], codes: &[f64; 256]) -> Self {
        let x = Centered::new(functions, codes);
        let mean = errors.sums(codes, |_, _, e| e);
        let variance = errors.sums(codes, |w, _, e| (e - mean[w]).powi(2));
        let covariance = |r| errors.sums(codes, |w, a, e| (e - mean[w]) * x.at(r, a));
        let covariance = (0..functions.len()).map(covariance).collect();
        Self { mean, variance, covariance, covariance_x: x.covariance(codes), mean_x: x.mean }
    }

    /// Of many, as products of matrices: nothing is centred but x.
    pub fn of_all(errors: &Errors, functions: &[CodeFunction], all: &[[f64; 256]]) -> Vec<Self> {
        let xs = all.iter().map(|codes| Centered::new(functions, codes)).collect::<Vec<_>>();
        let [means, squares] = errors.moments(all);
        let with_x = |r: usize| {
            let shares = all.iter().zip(&xs);
            let shares = shares.map(|(codes, x)| std::array::from_fn(|a| codes[a] * x.at(r, a)));
            errors.products(&shares.collect::<Vec<_>>())
        };
        let covariances: Vec<_> = (0..functions.len()).map(with_x).collect();
        let place = |(at, x): (usize, Centered)| {
            let mean = means[at];
            let variance = |w: usize| (squares[at][w] - mean[w] * mean[w]).max(0.0);
            Self {
                mean,
                variance: std::array::from_fn(variance),
                covariance: covariances.iter().map(|of_term| of_term[at]).collect(),
                covariance_x: x.covariance(&all[at]),
                mean_x: x.mean,
            }
        };
        xs.into_iter().enumerate().map(place).collect()
    }
}

/// Functions without their means over a distribution.
struct Centered<'a> {
    functions: &'a [CodeFunction],
    mean: DVector<f64>,
}

impl<'a> Centered<'a> {
    fn new(functions: &'a [CodeFunction], codes: &[f64; 256]) -> Self {
        let expect = |x: &[u16; 256]| codes.iter().zip(x).map(|(p, &x)| p * f64::from(x)).sum();
        let means = functions.iter().map(|function| expect(&function.x));
        Self { functions, mean: DVector::from_iterator(functions.len(), means) }
    }

    /// x_r(a) - E x_r.
    fn at(&self, r: usize, a: usize) -> f64 {
        f64::from(self.functions[r].x[a]) - self.mean[r]
    }

    /// Cov(x_r, x_s).
    fn covariance(&self, codes: &[f64; 256]) -> DMatrix<f64> {
        let terms = self.functions.len();
        DMatrix::from_fn(terms, terms, |r, s| {
            codes.iter().enumerate().map(|(a, p)| p * (self.at(r, a) * self.at(s, a))).sum()
        })
    }
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
    places: Vec<Place>,
    /// Places that belong to a group; all groups share the one there is if it is 0.
    in_group: usize,
    groups: Vec<Group>,
    /// e(w, z) and x_r(z) of the code z of padding.
    padding: ([f64; 256], DVector<f64>),
}

impl LayerMoments {
    /// For filters of `depth` weights, with one distribution of codes for all positions.
    pub fn pooled(
        errors: &Errors,
        functions: &[CodeFunction],
        codes: &CodeHistogram,
        depth: usize,
    ) -> Self {
        let positions = vec![Position { place: 0, padding: 0.0 }; depth];
        let place = Place::new(errors, functions, &distribution(codes));
        Self::new(errors, functions, vec![place], positions, (0, 1), 0)
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
        let Some(channels) = codes.of_groups(groups) else {
            return Self::pooled(errors, functions, &codes.all, depth);
        };
        let places = channels.counts.len() / groups;
        let taps = channels.padding.iter();
        let positions =
            taps.flat_map(|&padding| (0..places).map(move |place| Position { place, padding }));
        let all = Place::of_all(errors, functions, &channels.distributions());
        Self::new(
            errors,
            functions,
            all,
            positions.collect(),
            (places, groups),
            channels.zero_point,
        )
    }

    fn new(
        errors: &Errors,
        functions: &[CodeFunction],
        places: Vec<Place>,
        positions: Vec<Position>,
        (in_group, groups): (usize, usize),
        zero_point: u8,
    ) -> Self {
        let z = usize::from(zero_point);
        let x = DVector::from_iterator(functions.len(), functions.iter().map(|f| f.x[z].into()));
        let layer = Self {
            positions,
            places,
            in_group,
            groups: Vec::new(),
            padding: (std::array::from_fn(|w| errors.at(w, z)), x),
        };
        Self { groups: (0..groups).map(|group| layer.group(group)).collect(), ..layer }
    }

    /// Moments of x over the positions of a group's filters.
    fn group(&self, group: usize) -> Group {
        let terms = self.padding.1.len();
        let (mut mean, mut covariance) = (DVector::zeros(terms), DMatrix::zeros(terms, terms));
        // All alike, and nothing to be rounded.
        let all = self.positions.len();
        let distinct = &self.positions[..if self.in_group == 0 { all.min(1) } else { all }];
        for &Position { place, padding } in distinct {
            let own = &self.places[group * self.in_group + place];
            let apart = &own.mean_x - &self.padding.1;
            mean += &own.mean_x * (1.0 - padding) + &self.padding.1 * padding;
            covariance += &own.covariance_x * (1.0 - padding);
            covariance += &apart * apart.transpose() * (padding * (1.0 - padding));
        }
        mean /= distinct.len().max(1) as f64;
        covariance /= distinct.len().max(1) as f64;
        Group { inverse: pseudo_inverse(&covariance), mean, covariance }
    }

    /// Sum over a filter's positions of a function of weight byte and place, and of another one of
    /// these and the share of padding where there is some.
    fn sum(
        &self,
        Filter { group, weights }: Filter,
        inside: impl Fn(usize, &Place) -> f64,
        at_edge: impl Fn(usize, &Place, f64) -> f64,
    ) -> f64 {
        let places = &self.places[group * self.in_group..];
        let positions = self.positions.iter().zip(weights);
        let of_position = |(position, &weight): (&Position, &u8)| {
            let (weight, place) = (usize::from(weight), &places[position.place]);
            match position.padding {
                0.0 => inside(weight, place),
                padding => at_edge(weight, place, padding),
            }
        };
        positions.map(of_position).sum()
    }

    /// Mean of a filter's accumulated error.
    pub fn mean(&self, filter: Filter) -> f64 {
        let mean = |weight: usize, place: &Place| place.mean[weight];
        self.sum(filter, mean, |weight, place, padding| {
            let own = place.mean[weight];
            own + padding * (self.padding.0[weight] - own)
        })
    }

    /// Sum over a filter's positions of Cov_j(e(w_j, a), x_r).
    fn covariances(&self, filter: Filter) -> DVector<f64> {
        DVector::from_fn(self.padding.1.len(), |r, _| {
            let covariance = |weight: usize, place: &Place| place.covariance[r][weight];
            self.sum(filter, covariance, |weight, place, padding| {
                let error = place.mean[weight] - self.padding.0[weight];
                let x = place.mean_x[r] - self.padding.1[r];
                (1.0 - padding) * (covariance(weight, place) + padding * error * x)
            })
        })
    }

    /// The moments of x of a filter's group.
    fn group_of(&self, filter: Filter) -> &Group {
        &self.groups[if self.in_group == 0 { 0 } else { filter.group }]
    }

    /// C_r of a filter, eq. (3.3) and its least-squares form for several functions, eq. (3.13).
    pub fn c(&self, filter: Filter) -> DVector<f64> {
        self.c_of(filter, &self.covariances(filter))
    }

    fn c_of(&self, filter: Filter, covariances: &DVector<f64>) -> DVector<f64> {
        &self.group_of(filter).inverse * covariances / filter.weights.len() as f64
    }

    /// Variance of a filter's accumulated error without and with V, eq. (3.5).
    pub fn variances(&self, filter: Filter) -> (f64, f64) {
        let covariances = self.covariances(filter);
        let c = self.c_of(filter, &covariances);
        let variance = |weight: usize, place: &Place| place.variance[weight];
        let before = self.sum(filter, variance, |weight, place, padding| {
            let apart = place.mean[weight] - self.padding.0[weight];
            (1.0 - padding) * (variance(weight, place) + padding * apart * apart)
        });
        let depth = filter.weights.len() as f64;
        let covariance_x = &self.group_of(filter).covariance;
        let removed = 2.0 * c.dot(&covariances) - depth * c.dot(&(covariance_x * &c));
        (before, (before - removed).max(0.0))
    }

    /// What each weight adds to the constants of its filter, eq. (3.21), where one distribution serves
    /// all positions; `of_bits` if it is a sum over the bits of the weight.
    pub(super) fn shares(&self, of_bits: bool) -> Shares {
        let (place, group) = (&self.places[0], &self.groups[0]);
        let products = self.positions.len().max(1);
        let depth = products as f64;
        let gamma = |r: usize| {
            let row = group.inverse.row(r);
            std::array::from_fn(|w| {
                let terms = row.iter().zip(&place.covariance);
                terms.map(|(inverse, of_term)| inverse * of_term[w]).sum::<f64>() / depth
            })
        };
        Shares {
            c: (0..place.covariance.len()).map(gamma).collect(),
            mean: place.mean,
            mean_x: place.mean_x.iter().map(|mean| mean * depth).collect(),
            depth: products,
            of_bits,
        }
    }

    /// Constants of filters.
    pub(super) fn constants(&self, filters: &[Filter], c_frac: u32) -> LayerConstants {
        let c: Vec<DVector<f64>> = filters.iter().map(|&filter| self.c(filter)).collect();
        let terms: Vec<Vec<f64>> =
            (0..self.padding.1.len()).map(|r| c.iter().map(|c| c[r]).collect()).collect();
        // Eq. (3.4), with C as it is stored.
        LayerConstants::round(&terms, c.len(), c_frac, |at, c| {
            let filter = filters[at];
            let mean_v = DVector::from_row_slice(c).dot(&self.group_of(filter).mean);
            self.mean(filter) - filter.weights.len() as f64 * mean_v
        })
    }
}
