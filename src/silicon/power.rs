//! The power of arrays, simulated on codes.

use recoup_circuits::netlist::Netlist;
use recoup_core::accuracy::Experiment;
use recoup_core::control_variate::ControlVariate;
use recoup_core::design::Design;
use recoup_core::watch::Watch;
use recoup_hardware::cells::CellLibrary;
use recoup_hardware::cost_table::Structure;
use recoup_hardware::power::{
    ClockTree, Estimate, EstimateOptions, Mode, Scene, Workload, estimate,
};
use recoup_hardware::rtl::{ArrayRtl, Correction, MultiplierCircuit, Options, RandomSize, random};
use recoup_hardware::simulate::DelayOptions;
use recoup_hardware::synthesis::SynthesisOptions;
use recoup_hardware::units::ArrayUnits;

use super::power_record::{ArrayRecord, PowerRecord};
use crate::error::Result;

/// Products per output of random codes: 3 x 3 x 64, several tiles for most arrays.
const RANDOM_DEPTH: usize = 576;
/// Filters of random codes.
const RANDOM_FILTERS: usize = 64;
/// Positions per image and layer that are kept to be sampled.
const POSITIONS: usize = 1024;

/// What an array gets to do.
#[derive(Clone, Debug)]
pub struct Codes {
    /// Where they come from, in words.
    pub words: String,
    /// The layers.
    workloads: Vec<Workload>,
    /// The control variate whose constants they have.
    control: Option<ControlVariate>,
    /// SHA-256 of the network's file, if they are one's.
    model_sha256: Option<String>,
}

/// Codes of no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RandomCodes {
    /// All alike likely.
    Uniform,
    /// Weights about the middle, 45 % of the activations 0, the others half-normal.
    ReluLike,
}

impl Codes {
    /// What the layers of a network multiply on a design, as `images` cause it.
    ///
    /// # Errors
    /// When the design is not for the weights of the experiment, an image cannot be run, or `watch`
    /// stops it.
    pub fn of_network(
        experiment: &Experiment,
        design: &Design,
        images: &[Vec<f32>],
        watch: &dyn Watch,
    ) -> Result<Self> {
        let candidate = experiment.candidate_watched(design, watch)?;
        Ok(Self {
            words: "codes of the network".to_owned(),
            workloads: Workload::of_network(&candidate, images, POSITIONS, watch)?,
            control: candidate.control,
            model_sha256: Some(experiment.graph().sha256.clone()),
        })
    }

    /// Random codes, with the constants of a design; `load_constants` for an array that makes these
    /// itself.
    ///
    /// # Errors
    /// When its control variate takes a network to run.
    pub fn random(
        design: &Design,
        codes: RandomCodes,
        load_constants: bool,
        seed: u64,
    ) -> Result<Self> {
        let weights = design.weight_scheme()?;
        let loads = usize::from(load_constants);
        let size =
            RandomSize { depth: RANDOM_DEPTH, filters: RANDOM_FILTERS, positions: 1, loads, seed };
        let (vectors, control) = random(design, weights, size)?;
        let (words, workload) = match codes {
            RandomCodes::Uniform => {
                ("uniform codes", Workload::uniform(RANDOM_DEPTH, RANDOM_FILTERS, seed))
            }
            RandomCodes::ReluLike => {
                let coding = weights.coding();
                let workload = Workload::relu_like(RANDOM_DEPTH, RANDOM_FILTERS, coding, seed);
                ("ReLU-like random codes", workload)
            }
        };
        let workload =
            workload.cut_to(design.activation_bits, design.weight_bits).with_constants(&vectors.c);
        let (words, workloads) = (words.to_owned(), vec![workload]);
        Ok(Self { words, workloads, control, model_sha256: None })
    }
}

/// How power is measured.
#[derive(Clone, Debug)]
pub struct PowerOptions {
    /// Sizes and variants of the array, which is as deep as the codes.
    pub array: Options,
    /// How transitions are found.
    pub mode: Mode,
    /// Pins per buffer of the clock tree; 0 for clock pins and their wire alone.
    pub clock_fan_out: usize,
    /// Standard error at which sampling stops, relative to the energy.
    pub relative_error: f64,
    /// For the choice of samples.
    pub seed: u64,
}

impl PowerOptions {
    /// An array of so many rows and columns, of the cost table's structure, with gate delays, to 1 %.
    pub fn new(rows: usize, columns: usize) -> Self {
        Self {
            array: Structure::chosen_array(rows, columns, rows),
            mode: Mode::Delays,
            clock_fan_out: ClockTree::default().fan_out,
            relative_error: 0.01,
            seed: 0,
        }
    }

    /// Whether there can be such an array, for asking before a network is calibrated for it.
    ///
    /// # Errors
    /// For sizes beyond what can be synthesised.
    pub fn check(&self) -> Result<()> {
        Ok(self.array.check()?)
    }
}

/// Measures the arrays of designs, one after the other: all at the clock of the synthesis or,
/// without one, at the fastest of the first array.
pub struct PowerMeter<'a> {
    library: &'a CellLibrary,
    synthesis: &'a SynthesisOptions,
    options: &'a PowerOptions,
    measured: Option<PowerRecord>,
}

impl<'a> PowerMeter<'a> {
    /// For arrays in these cells.
    pub fn new(
        library: &'a CellLibrary,
        synthesis: &'a SynthesisOptions,
        options: &'a PowerOptions,
    ) -> Self {
        Self { library, synthesis, options, measured: None }
    }

    /// Synthesises the array of a design, and simulates it on codes; `netlist` is the multiplier's
    /// own circuit, if it was read from one.
    ///
    /// # Errors
    /// When there is no such array, yosys or the cells fail it, or `watch` stops it.
    pub fn measure(
        &mut self,
        design: &Design,
        netlist: Option<Netlist>,
        codes: &Codes,
        watch: &dyn Watch,
    ) -> Result<()> {
        let weights = design.weight_scheme()?;
        let circuit = MultiplierCircuit::of_design(design, netlist, weights.coding())?;
        let depth = codes.workloads.iter().map(|workload| workload.depth).max().unwrap_or(1);
        let correction = codes.control.as_ref().map(Correction::new).transpose()?;
        // An exact multiplier has no constants to make.
        let load_constants = self.options.array.load_constants && correction.is_some();
        let options = Options { depth, load_constants, ..self.options.array };
        let array = ArrayRtl::new(circuit, options, correction)?;
        let units = ArrayUnits::synthesize(array, self.library, self.synthesis, watch)?;
        let fastest_ps = || units.fastest_clock_ps().ceil().max(1.0);
        let before = self.measured.as_ref().map(|measured| measured.clock_ps);
        let clock_ps = before.or(self.synthesis.clock_ps).unwrap_or_else(fastest_ps);
        let estimate = self.simulate(&units, &codes.workloads, clock_ps, watch)?;
        let array = ArrayRecord::new(design, weights, self.library, &units, &estimate);
        let empty = self.record(design, codes, clock_ps);
        self.measured.get_or_insert(empty).results.push(array);
        Ok(())
    }

    /// Without any array.
    fn record(&self, design: &Design, codes: &Codes, clock_ps: f64) -> PowerRecord {
        PowerRecord {
            library: self.library.name.clone(),
            voltage_v: self.library.voltage_v,
            clock_ps,
            rows: self.options.array.rows,
            columns: self.options.array.columns,
            structure: Structure::of(&self.options.array),
            codes: codes_in_words(&codes.words, design),
            model_sha256: codes.model_sha256.clone(),
            activation_bits: design.activation_bits,
            weight_bits: design.weight_bits,
            results: Vec::new(),
        }
    }

    /// What was measured; none without any array.
    pub fn finish(self) -> Option<PowerRecord> {
        self.measured
    }

    fn simulate(
        &self,
        units: &ArrayUnits,
        workloads: &[Workload],
        clock_ps: f64,
        watch: &dyn Watch,
    ) -> Result<Estimate> {
        let PowerOptions { mode, clock_fan_out: fan_out, relative_error, seed, .. } = *self.options;
        let wire_ff = self.synthesis.timing.wire_ff;
        let delays = DelayOptions { wire_ff_per_sink: wire_ff, ..DelayOptions::default() };
        let power = recoup_hardware::power::PowerOptions {
            clock_wire_ff_per_sink: wire_ff,
            clock_tree: (fan_out > 0).then_some(ClockTree { fan_out }),
        };
        let models = units.models(self.library, &delays, &power)?;
        let scenes: Vec<Scene<'_>> =
            workloads.iter().map(|workload| Scene::new(&units.design, workload)).collect();
        let options =
            EstimateOptions { relative_error, seed, ..EstimateOptions::new(mode, clock_ps) };
        Ok(estimate(&models, &scenes, &options, watch)?)
    }
}

/// Where codes come from, and of how many bits they are.
fn codes_in_words(words: &str, design: &Design) -> String {
    let mut words = words.to_owned();
    for (codes, bits) in [("activations", design.activation_bits), ("weights", design.weight_bits)]
    {
        if bits < 8 {
            words += &format!(", {codes} of {bits} bits");
        }
    }
    words
}
