//! Coordinate descent over the weights of up to 16 filters side by side, each for itself.

use nalgebra::DVector;
use recoup_kernels::{LANES, Lanes, add_by_code, sum_by_code, times_lanes};

use super::Filter;
use super::scene::{Position, Scene, dot};

/// Times that all positions are gone through; fewer where nothing changes.
const SWEEPS: usize = 5;

/// One filter with its codes over one range.
#[derive(Clone)]
pub(super) struct Fit {
    /// Weight bytes.
    pub weights: Vec<u8>,
    /// s_w.
    pub scale: f64,
    /// C_r in units of 2^-c_frac.
    pub c: Vec<i32>,
    /// What the mean of the output lacks, in accumulator units.
    pub constant: f64,
    /// Eq. (6.15), in real units.
    pub error: f64,
}

/// Filters in the middle of the descent. All is in accumulator units.
pub(super) struct Block<'a> {
    filters: &'a [Filter<'a>],
    scales: &'a [f64],
    /// Real values of accumulator units.
    units: Lanes<f64>,
    /// Real weights over the unit, by position.
    weights: Vec<Lanes<f64>>,
    /// Numbers of the candidates, by position.
    codes: Vec<Lanes<u16>>,
    /// What multiplies the sums of codes, -z_w, and behind it those of the functions x, C.
    factors: Vec<Lanes<f64>>,
    /// Output less that of the exact network, both less their means, by patch.
    residual: Vec<Lanes<f32>>,
}

/// Memory to be used again.
struct Buffers {
    sums: Box<[Lanes<f32>; 256]>,
    wide: Vec<Lanes<f64>>,
    slopes: Vec<Lanes<f64>>,
    errors: Vec<Lanes<f64>>,
}

impl<'a> Block<'a> {
    /// Filters in the nearest codes of these scales s_w.
    pub fn new(scene: &Scene, filters: &'a [Filter<'a>], scales: &'a [f64]) -> Self {
        let depth = scene.patches.depth;
        let mut block = Self {
            filters,
            scales,
            units: [1.0; LANES],
            weights: vec![[0.0; LANES]; depth],
            codes: vec![[0; LANES]; depth],
            factors: vec![[0.0; LANES]; 1 + scene.terms()],
            residual: Vec::new(),
        };
        for (lane, (filter, &scale)) in filters.iter().zip(scales).enumerate() {
            let zero_point = f64::from(filter.zero_point);
            block.units[lane] = scale * scene.input_scale;
            block.factors[0][lane] = -zero_point;
            for (at, &weight) in filter.weights.iter().enumerate() {
                block.weights[at][lane] = f64::from(weight) / block.units[lane];
                let value = f64::from(weight) / scale + zero_point;
                block.codes[at][lane] = scene.nearest(value);
            }
        }
        block
    }

    /// The codes that leave the least error, as far as single changes find them.
    pub fn fit(mut self, scene: &Scene) -> Vec<Fit> {
        let mut buffers = Buffers {
            sums: Box::new([[0.0; LANES]; 256]),
            wide: vec![[0.0; LANES]; 256],
            slopes: vec![[0.0; LANES]; scene.products.rank()],
            errors: vec![[0.0; LANES]; scene.candidates.len()],
        };
        // Each weight for itself, with the C that suits the nearest codes.
        self.refit_c(scene, 0.0);
        self.sweep(scene, 0.0, &mut buffers);
        self.refit_c(scene, 0.0);
        self.residual = self.residuals(scene);
        for _ in 0..SWEEPS {
            let changed = self.sweep(scene, scene.joint, &mut buffers);
            self.refit_c(scene, scene.joint);
            if !changed {
                break;
            }
        }
        // Codes may still make up for the rounding of C.
        self.round_c(scene);
        self.sweep(scene, scene.joint, &mut buffers);
        (0..self.filters.len()).map(|lane| self.fit_of(scene, lane)).collect()
    }

    /// Goes through all positions; whether a code changed.
    fn sweep(&mut self, scene: &Scene, joint: f64, buffers: &mut Buffers) -> bool {
        let mut changed = false;
        for at in 0..self.codes.len() {
            changed |= self.improve(scene, at, joint, buffers);
        }
        changed
    }

    /// Gives the weights of a position the codes that leave the least error, with all others as they
    /// are, and `joint` the weight of what positions have in common.
    fn improve(&mut self, scene: &Scene, at: usize, joint: f64, buffers: &mut Buffers) -> bool {
        let Buffers { sums, wide, slopes, errors } = buffers;
        let position = &scene.positions[at];
        let (rank, lanes) = (scene.products.rank(), 0..self.filters.len());
        slopes.fill([0.0; LANES]);
        if joint > 0.0 {
            let codes = scene.patches.position(at).0;
            sum_by_code(scene.isa, codes, &self.residual, sums);
            wide.iter_mut().zip(sums.iter()).for_each(|(wide, sum)| *wide = sum.map(f64::from));
            times_lanes(scene.isa, scene.products.of_code(), wide, slopes);
        }
        // Half of the derivatives by f_r without this weight's own square.
        for lane in lanes.clone() {
            let own = scene.of_candidate(self.codes[at][lane]);
            for (r, slopes) in slopes.iter_mut().enumerate() {
                let together = slopes[lane] - dot(&position.gram[r * rank..][..rank], own);
                let functions = position.with_functions.iter().zip(&self.factors);
                let of_functions: f64 = functions.map(|(with, by)| by[lane] * with[r]).sum();
                let alone = of_functions - self.weights[at][lane] * position.with_exact[r];
                slopes[lane] = joint * together + (1.0 - joint) * alone;
            }
        }
        let own = errors.iter_mut().zip(&position.half_squares);
        own.for_each(|(errors, &half_square)| *errors = [half_square; LANES]);
        times_lanes(scene.isa, &scene.of_candidates, slopes, errors);
        let old = self.codes[at];
        let mut least = old;
        let mut of_least: Lanes<f64> =
            std::array::from_fn(|lane| errors[usize::from(old[lane])][lane]);
        for (number, errors) in errors.iter().enumerate() {
            for lane in 0..LANES {
                if errors[lane] < of_least[lane] {
                    (of_least[lane], least[lane]) = (errors[lane], number as u16);
                }
            }
        }
        self.codes[at] = least;
        let changed = lanes.clone().any(|lane| least[lane] != old[lane]);
        if changed && joint > 0.0 {
            sums.fill([0.0; LANES]);
            for lane in lanes.filter(|&lane| least[lane] != old[lane]) {
                let (before, after) = (scene.row(old[lane]), scene.row(least[lane]));
                position.add_centred(sums, lane, |a| f64::from(after[a] - before[a]));
            }
            add_by_code(scene.isa, scene.patches.position(at).0, &sums[..], &mut self.residual);
        }
        changed
    }

    /// The residuals from the beginning.
    fn residuals(&self, scene: &Scene) -> Vec<Lanes<f32>> {
        let mut residual = vec![[0.0; LANES]; scene.patches.count];
        for (lane, filter) in self.filters.iter().enumerate() {
            let mean = mean_of(filter.outputs);
            for (own, &output) in residual.iter_mut().zip(filter.outputs) {
                own[lane] = ((mean - f64::from(output)) / self.units[lane]) as f32;
            }
        }
        let mut table = Box::new([[0.0; LANES]; 256]);
        for (at, position) in scene.positions.iter().enumerate() {
            table.fill([0.0; LANES]);
            for lane in 0..self.filters.len() {
                let (row, of_code) = (scene.row(self.codes[at][lane]), self.factors[0][lane]);
                position.add_centred(&mut table, lane, |a| f64::from(row[a]) + of_code * a as f64);
            }
            add_by_code(scene.isa, scene.patches.position(at).0, &table[..], &mut residual);
        }
        let c: Vec<Lanes<f64>> = self.factors[1..].to_vec();
        add_sums(&mut residual, scene, &c);
        residual
    }

    /// Least squares for C, with the codes as they are.
    fn refit_c(&mut self, scene: &Scene, joint: f64) {
        let terms = scene.terms();
        let mut steps = vec![[0.0; LANES]; terms];
        for lane in 0..self.filters.len() {
            let slope = |r: usize| {
                let of_position = |(at, position): (usize, &Position)| {
                    let own = scene.of_candidate(self.codes[at][lane]);
                    self.alone_with(position, lane, at, r)
                        + dot(&position.with_functions[1 + r], own)
                };
                let alone: f64 = scene.positions.iter().enumerate().map(of_position).sum();
                let patches = self.residual.iter().zip(&scene.sums_x[r]);
                let together: f64 =
                    patches.map(|(own, &x)| f64::from(own[lane]) * f64::from(x)).sum();
                joint * together + (1.0 - joint) * alone
            };
            let slopes = DVector::from_fn(terms, |r, _| slope(r));
            let inverse = &scene.inverses[usize::from(joint > 0.0)];
            let step = inverse * slopes;
            (0..terms).for_each(|r| steps[r][lane] = -step[r]);
        }
        self.add_to_c(scene, &steps);
    }

    /// Functions and exact activation of one position, as they are in a filter, times x_r.
    fn alone_with(&self, position: &Position, lane: usize, at: usize, r: usize) -> f64 {
        let row = position.functions.row(1 + r);
        let functions = self.factors.iter().zip(row.iter());
        let sum: f64 = functions.map(|(by, with)| by[lane] * with).sum();
        sum - self.weights[at][lane] * row[self.factors.len()]
    }

    fn add_to_c(&mut self, scene: &Scene, steps: &[Lanes<f64>]) {
        for (factors, step) in self.factors[1..].iter_mut().zip(steps) {
            factors.iter_mut().zip(step).for_each(|(factor, step)| *factor += step);
        }
        add_sums(&mut self.residual, scene, steps);
    }

    /// C as it is stored.
    fn round_c(&mut self, scene: &Scene) {
        let unit = 2f64.powi(scene.c_frac as i32);
        let step = |&c: &f64| (c * unit).round_ties_even() / unit - c;
        let steps: Vec<Lanes<f64>> =
            self.factors[1..].iter().map(|c| c.each_ref().map(step)).collect();
        self.add_to_c(scene, &steps);
    }

    fn fit_of(&self, scene: &Scene, lane: usize) -> Fit {
        let unit = self.units[lane];
        let positions = || scene.positions.iter().zip(&self.codes).enumerate();
        let alone = positions().map(|(at, (position, codes))| {
            let own = scene.of_candidate(codes[lane]);
            let mut by: Vec<f64> = self.factors.iter().map(|factors| factors[lane]).collect();
            let products: f64 =
                by.iter().zip(&position.with_functions).map(|(by, with)| by * dot(with, own)).sum();
            let products = products - self.weights[at][lane] * dot(&position.with_exact, own);
            by.push(-self.weights[at][lane]);
            let by = DVector::from_vec(by);
            2.0 * position.half_squares[usize::from(codes[lane])]
                + 2.0 * products
                + by.dot(&(&position.functions * &by))
        });
        let alone: f64 = alone.sum();
        let together: f64 = self.residual.iter().map(|own| f64::from(own[lane]).powi(2)).sum();
        let mean_of_position = |(_, (position, codes)): (usize, (&Position, &Lanes<u16>))| {
            let row = scene.row(codes[lane]);
            position.mean(|a| f64::from(row[a]) + self.factors[0][lane] * a as f64)
        };
        let of_products: f64 = positions().map(mean_of_position).sum();
        let of_v = self.factors[1..].iter().zip(&scene.mean_x).map(|(c, mean)| c[lane] * mean);
        let c_unit = 2f64.powi(scene.c_frac as i32);
        Fit {
            weights: self
                .codes
                .iter()
                .map(|codes| scene.candidates[usize::from(codes[lane])])
                .collect(),
            scale: self.scales[lane],
            // A float to integer cast saturates, as a hardware register would be made to.
            c: self.factors[1..].iter().map(|c| (c[lane] * c_unit).round() as i32).collect(),
            constant: mean_of(self.filters[lane].outputs) / unit - of_products - of_v.sum::<f64>(),
            error: (scene.joint * together + (1.0 - scene.joint) * alone) * unit * unit,
        }
    }
}

/// Adds the sums X times a factor of each filter.
fn add_sums(residual: &mut [Lanes<f32>], scene: &Scene, factors: &[Lanes<f64>]) {
    for (x, factors) in scene.sums_x.iter().zip(factors) {
        let factors = factors.map(|factor| factor as f32);
        for (own, &x) in residual.iter_mut().zip(x) {
            own.iter_mut().zip(&factors).for_each(|(own, factor)| *own += factor * x);
        }
    }
}

fn mean_of(values: &[f32]) -> f64 {
    values.iter().map(|&value| f64::from(value)).sum::<f64>() / values.len().max(1) as f64
}
