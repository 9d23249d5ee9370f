//! The energy of layers on an array, from samples.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use recoup_core::watch::{Stopped, Watch, go_on};

use super::model::Energy;
use super::role::Role;
use super::streams::{Phase, Scene, Unit};
use super::unit::{Mode, Runner, UnitModel};

/// How often whoever waits is told how large the error is.
const SAMPLES_PER_STATE: u64 = 64;

/// Samples of a unit that loads, as a multiple of the fewest of one that computes: it is a few percent of
/// the energy, so that some percent of error are small.
const LOADING_SAMPLES: u64 = 4;

/// How to sample.
#[derive(Clone, Debug, PartialEq)]
pub struct EstimateOptions {
    /// How transitions are found.
    pub mode: Mode,
    /// Period of the clock.
    pub clock_ps: f64,
    /// Stop at this standard error, relative to the mean.
    pub relative_error: f64,
    /// Stop at this many samples, however large the error.
    pub most_samples: u64,
    /// For the choice of runs.
    pub seed: u64,
}

impl EstimateOptions {
    /// 1 % standard error, at most 100,000 samples.
    pub fn new(mode: Mode, clock_ps: f64) -> Self {
        Self { mode, clock_ps, relative_error: 0.01, most_samples: 100_000, seed: 0 }
    }
}

/// Energy of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerEstimate {
    /// The layer's name.
    pub name: String,
    /// Products per image.
    pub macs: u64,
    /// Clock cycles per image.
    pub cycles: u64,
    /// Times that weights are loaded per image.
    pub passes: u64,
    /// Share of the PEs that compute something.
    pub utilisation: f64,
    /// Of the whole array per clock cycle, by role.
    pub per_cycle: Vec<(Role, Energy)>,
    /// Per image, fJ.
    pub energy_fj: f64,
    /// Its standard error, fJ.
    pub standard_error_fj: f64,
    /// Of loading weights per image, without the clock, fJ: what moves in the PEs' weight registers,
    /// what these drive, and what adds up weights for constants.
    pub loading_fj: f64,
    /// Clock cycles that were simulated.
    pub sampled_cycles: u64,
}

/// Energy of all layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// How transitions were found.
    pub mode: Mode,
    /// Period of the clock.
    pub clock_ps: f64,
    /// The layers in their order.
    pub layers: Vec<LayerEstimate>,
    /// Samples that were simulated: runs of 32 cycles; without delays, 64 runs of 16.
    pub samples: u64,
    /// Standard error of the energy per image, relative to it.
    pub relative_error: f64,
    /// The latest transition after a clock edge that was seen; `None` without delays.
    pub slowest_ps: Option<f64>,
}

impl Estimate {
    /// Energy per image, fJ.
    pub fn energy_fj(&self) -> f64 {
        self.layers.iter().map(|layer| layer.energy_fj).sum()
    }

    /// Energy per product, fJ: all of the array's energy over the products of the layers.
    pub fn energy_per_mac_fj(&self) -> f64 {
        let macs: u64 = self.layers.iter().map(|layer| layer.macs).sum();
        self.energy_fj() / macs as f64
    }

    /// Mean over the cycles of all layers, of the whole array, by role.
    pub fn per_cycle(&self) -> Vec<(Role, Energy)> {
        let cycles: u64 = self.layers.iter().map(|layer| layer.cycles).sum();
        let mut sums = [None; Role::ALL.len()];
        for layer in &self.layers {
            for &(role, energy) in &layer.per_cycle {
                let sum = sums[role as usize].get_or_insert(Energy::default());
                *sum += energy.times(layer.cycles as f64 / cycles as f64);
            }
        }
        let used = Role::ALL.into_iter().zip(sums);
        used.filter_map(|(role, energy)| energy.map(|energy| (role, energy))).collect()
    }

    /// Power of the array while it computes, µW.
    pub fn power_uw(&self) -> f64 {
        self.per_cycle().iter().map(|(_, energy)| energy.power_uw(self.clock_ps)).sum()
    }
}

/// Samples of one layer in one unit.
struct Stratum<'a> {
    layer: usize,
    unit: usize,
    scene: Scene<'a>,
    /// Units times cycles per image: what one fJ per cycle and unit makes of an image.
    weight: f64,
    samples: u64,
    mean_fj: f64,
    /// Sum of squared deviations from the mean.
    squares: f64,
    sums: [Energy; Role::ALL.len()],
    cycles: u64,
}

impl Stratum<'_> {
    fn add(&mut self, energies: &[(Role, Energy)], cycles: u64, clock_ps: f64) {
        let total: f64 = energies.iter().map(|(_, energy)| energy.total_fj(clock_ps)).sum();
        for &(role, energy) in energies {
            self.sums[role as usize] += energy;
        }
        self.samples += 1;
        self.cycles += cycles;
        // Welford's update.
        let deviation = total - self.mean_fj;
        self.mean_fj += deviation / self.samples as f64;
        self.squares += deviation * (total - self.mean_fj);
    }

    /// Of the clock, per cycle.
    fn mean_clock_fj(&self) -> f64 {
        self.sums[Role::Clock as usize].dynamic_fj() / self.samples as f64
    }

    /// Variance of its part of the energy per image.
    fn variance(&self) -> f64 {
        let samples = self.samples as f64;
        self.weight.powi(2) * self.squares / ((samples - 1.0) * samples)
    }
}

/// Simulates samples of the layers in the units until the energy per image is known to the
/// standard error asked for. Each layer is sampled on its own; the next sample is taken where it
/// lowers the error most for its cost. `watch` is told of every sample, and how large the error is.
///
/// An array's energy is the sum over its units: PEs alike in all columns and rows, of which runs
/// are drawn; the x line; a MAC+ per column. Cycles that fill the array or load weights, in which
/// no position is complete, are not in it; what loading takes beside the clock is a sum of its own, from
/// a fixed number of samples.
///
/// # Errors
/// When `watch` stops it.
///
/// # Panics
/// Without layers or units.
pub fn estimate(
    units: &[UnitModel<'_>],
    scenes: &[Scene<'_>],
    options: &EstimateOptions,
    watch: &dyn Watch,
) -> Result<Estimate, Stopped> {
    assert!(!units.is_empty() && !scenes.is_empty(), "something to simulate");
    let mut generator = ChaCha8Rng::seed_from_u64(options.seed);
    let mut runners: Vec<Runner<'_>> =
        units.iter().map(|unit| Runner::new(unit, options.mode, options.clock_ps)).collect();
    let mut strata = strata(units, scenes);
    let mut sample = |stratum: &mut Stratum<'_>| {
        let (energies, cycles) =
            runners[stratum.unit].sample(stratum.scene, Phase::Computing, &mut generator);
        stratum.add(&energies, cycles, options.clock_ps);
    };
    let fewest = options.mode.fewest_samples();
    watch.begin("simulating", 0);
    for stratum in &mut strata {
        for _ in 0..fewest {
            go_on(watch)?;
            sample(stratum);
            watch.advance(1);
        }
    }
    let mut samples = fewest * strata.len() as u64;
    let relative_error = loop {
        let variance: f64 = strata.iter().map(Stratum::variance).sum();
        let mean: f64 = strata.iter().map(|stratum| stratum.weight * stratum.mean_fj).sum();
        let error = variance.sqrt() / mean;
        let enough = error <= options.relative_error || samples >= options.most_samples;
        if samples.is_multiple_of(SAMPLES_PER_STATE) {
            watch.state(&format!("{samples} samples, standard error {:.2} %", 100.0 * error));
        }
        if enough {
            break error;
        }
        go_on(watch)?;
        let gain = |stratum: &Stratum<'_>| {
            let cost = (units[stratum.unit].size() * stratum.samples as usize) as f64;
            stratum.variance() / cost
        };
        let next = strata.iter_mut().max_by(|left, right| gain(left).total_cmp(&gain(right)));
        sample(next.expect("strata"));
        samples += 1;
        watch.advance(1);
    };
    watch.end();
    let slowest = runners.iter().filter_map(Runner::slowest_ps).reduce(f64::max);
    let mut layers = Vec::with_capacity(scenes.len());
    for (index, scene) in scenes.iter().enumerate() {
        let strata: Vec<&Stratum<'_>> =
            strata.iter().filter(|stratum| stratum.layer == index).collect();
        go_on(watch)?;
        let loading_fj = loading(&mut runners, *scene, &strata, options, &mut generator);
        layers.push(layer(units, *scene, &strata, loading_fj));
    }
    Ok(Estimate {
        mode: options.mode,
        clock_ps: options.clock_ps,
        layers,
        samples,
        relative_error,
        slowest_ps: slowest,
    })
}

/// Energy of what moves while the weights of a layer are loaded, per image, without the PEs' clock as it
/// is while positions stream: a gated one of the weights runs besides.
fn loading(
    runners: &mut [Runner<'_>],
    scene: Scene<'_>,
    strata: &[&Stratum<'_>],
    options: &EstimateOptions,
    generator: &mut ChaCha8Rng,
) -> f64 {
    let options_of_array = &scene.design.options;
    let passes = scene.workload.shape().passes(options_of_array.rows, options_of_array.columns);
    let cycles = passes * options_of_array.pe_rows() as u64;
    let samples = LOADING_SAMPLES * options.mode.fewest_samples();
    let moves = |unit| matches!(unit, Unit::Pe | Unit::LoadSums | Unit::WeightGate);
    let runners = runners.iter_mut().enumerate().filter(|(_, it)| moves(it.unit()));
    let of_units = runners.map(|(unit, runner)| {
        let (mut sum_fj, mut clock_fj) = (0.0, 0.0);
        for _ in 0..samples {
            let (energies, _) = runner.sample(scene, Phase::Loading, generator);
            let without_clock = energies.iter().filter(|(role, _)| *role != Role::Clock);
            sum_fj += without_clock.map(|(_, it)| it.dynamic_fj()).sum::<f64>();
            let clock = energies.iter().filter(|(role, _)| *role == Role::Clock);
            clock_fj += clock.map(|(_, it)| it.dynamic_fj()).sum::<f64>();
        }
        if scene.design.gates_weights() {
            let stratum = strata.iter().find(|stratum| stratum.unit == unit);
            sum_fj += clock_fj - stratum.map_or(0.0, |it| it.mean_clock_fj()) * samples as f64;
        }
        runner.unit().count(options_of_array) as f64 * sum_fj / samples as f64
    });
    cycles as f64 * of_units.sum::<f64>()
}

fn strata<'a>(units: &[UnitModel<'_>], scenes: &[Scene<'a>]) -> Vec<Stratum<'a>> {
    let mut strata = Vec::new();
    for (layer, scene) in scenes.iter().enumerate() {
        let (rows, columns) = (scene.design.options.rows, scene.design.options.columns);
        for (unit, model) in units.iter().enumerate() {
            let count = model.unit.count(&scene.design.options) as f64;
            strata.push(Stratum {
                layer,
                unit,
                scene: *scene,
                weight: count * scene.workload.shape().cycles(rows, columns) as f64,
                samples: 0,
                mean_fj: 0.0,
                squares: 0.0,
                sums: [Energy::default(); Role::ALL.len()],
                cycles: 0,
            });
        }
    }
    strata
}

fn layer(
    units: &[UnitModel<'_>],
    scene: Scene<'_>,
    strata: &[&Stratum<'_>],
    loading_fj: f64,
) -> LayerEstimate {
    let Scene { design, workload, .. } = scene;
    let (rows, columns) = (design.options.rows, design.options.columns);
    let shape = workload.shape();
    let mut energies = [None; Role::ALL.len()];
    for stratum in strata {
        let share = units[stratum.unit].unit.count(&design.options) as f64 / stratum.samples as f64;
        for (sum, energy) in energies.iter_mut().zip(stratum.sums) {
            if energy != Energy::default() {
                *sum.get_or_insert(Energy::default()) += energy.times(share);
            }
        }
    }
    let per_cycle = Role::ALL.into_iter().zip(energies);
    LayerEstimate {
        name: workload.name.clone(),
        macs: shape.macs(),
        cycles: shape.cycles(rows, columns),
        passes: shape.passes(rows, columns),
        utilisation: shape.utilisation(rows, columns),
        per_cycle: per_cycle.filter_map(|(role, energy)| Some((role, energy?))).collect(),
        energy_fj: strata.iter().map(|stratum| stratum.weight * stratum.mean_fj).sum(),
        standard_error_fj: strata.iter().map(|it| it.variance()).sum::<f64>().sqrt(),
        loading_fj,
        sampled_cycles: strata.iter().map(|stratum| stratum.cycles).sum(),
    }
}
