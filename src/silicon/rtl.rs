//! An array as SystemVerilog, with a testbench.

use recoup_circuits::netlist::Netlist;
use recoup_core::accuracy::Experiment;
use recoup_core::control_variate::ControlVariate;
use recoup_core::design::Design;
use recoup_core::watch::Watch;
use recoup_hardware::cost_table::Structure;
use recoup_hardware::kit;
use recoup_hardware::rtl::{
    self, ArrayRtl, Correction, File, MultiplierCircuit, Options, RandomSize, SIMULATE, Vectors,
};
use recoup_kernels::WeightCoding;
use serde::Serialize;

use crate::error::Result;

/// Products per output that an array takes unless a network says otherwise: 3 x 3 x 512, the
/// deepest of the residual networks.
pub const DEPTH: usize = 4608;
/// Positions of a testbench, of all images together.
const POSITIONS: usize = 32;
/// How often weights are loaded in a testbench of random codes, if that makes their constants.
const LOADS: usize = 2;

/// What an array and its testbench are to be.
#[derive(Clone, Debug)]
pub struct RtlOptions {
    /// Sizes and variants; the depth is that of an array that is made for no network.
    pub array: Options,
    /// Most products per output; those of the network's deepest layer if not said.
    pub depth: Option<usize>,
    /// The layer of the testbench; the first convolution of several tiles if not said.
    pub layer: Option<String>,
    /// The multiplier's own circuit, if it was read from one.
    pub netlist: Option<Netlist>,
    /// The clock of the constraints.
    pub clock_ps: f64,
}

impl RtlOptions {
    /// An array of so many rows and columns, of the cost table's structure.
    pub fn new(rows: usize, columns: usize) -> Self {
        let array = Structure::chosen_array(rows, columns, DEPTH);
        Self { array, depth: None, layer: None, netlist: None, clock_ps: kit::CLOCK_PS }
    }

    /// The array, as deep as was said, or else as the network or any one needs.
    fn array(&self, deepest: Option<usize>) -> Options {
        let depth = self.depth.or(deepest).unwrap_or(self.array.depth);
        Options { depth, ..self.array }
    }

    /// Whether there can be such an array, for asking before a network is calibrated for it.
    ///
    /// # Errors
    /// For sizes beyond what can be synthesised, or summed up in 32 bits.
    pub fn check(&self) -> Result<()> {
        Ok(self.array(None).check()?)
    }
}

/// An array as files.
#[derive(Clone, Debug)]
pub struct Rtl {
    /// The array.
    pub design: ArrayRtl,
    /// What its testbench computes.
    pub vectors: Vectors,
    /// What corrects its multiplier.
    pub control: Option<ControlVariate>,
    /// Sources, testbench and a list of them.
    pub files: Vec<File>,
}

/// The array of a design, with a testbench of codes that `images` cause in a layer of the network.
///
/// # Errors
/// When the design is not for the weights of the experiment, there is no such array or layer, an
/// image cannot be run, or `watch` stops it.
pub fn rtl(
    experiment: &Experiment,
    design: &Design,
    images: &[Vec<f32>],
    options: &RtlOptions,
    watch: &dyn Watch,
) -> Result<Rtl> {
    options.check()?;
    let candidate = experiment.candidate_watched(design, watch)?;
    let layers = candidate.prepared.quantized.macs.iter();
    let array = options.array(layers.map(|mac| mac.shape.depth()).max());
    let layer = options.layer.as_deref();
    let layer = (layer, array.load_constants);
    let vectors = Vectors::of_layer(&candidate, layer, array.rows, images, POSITIONS)?;
    files(design, experiment.weights().coding(), vectors, candidate.control, array, options)
}

/// The array of a design, with a testbench of random codes.
///
/// # Errors
/// When there is no such array, or the control variate takes a network to run.
pub fn rtl_of_random_codes(design: &Design, seed: u64, options: &RtlOptions) -> Result<Rtl> {
    options.check()?;
    let array = options.array(None);
    let Options { rows, columns, depth, .. } = array;
    let loads = if array.load_constants { LOADS } else { 0 };
    // Two blocks of filters and three tiles, the last of each not full.
    let size = RandomSize {
        depth: depth.min(2 * rows + rows.div_ceil(2)),
        filters: columns + columns.div_ceil(2),
        // As many in all.
        positions: POSITIONS / loads.max(1),
        loads,
        seed,
    };
    let weights = design.weight_scheme()?;
    let (vectors, control) = rtl::random(design, weights, size)?;
    files(design, weights.coding(), vectors, control, array, options)
}

fn files(
    design: &Design,
    coding: WeightCoding,
    vectors: Vectors,
    control: Option<ControlVariate>,
    array: Options,
    options: &RtlOptions,
) -> Result<Rtl> {
    let circuit = MultiplierCircuit::of_design(design, options.netlist.clone(), coding)?;
    let correction = control.as_ref().map(Correction::new).transpose()?;
    let mut design = ArrayRtl::new(circuit, array, correction)?;
    if let Some(layer) = &vectors.load {
        design = design.loading(layer);
    }
    let files = kit::files(&design, &vectors, options.clock_ps)?;
    Ok(Rtl { design, vectors, control, files })
}

/// An array as files, as `rtl --json` prints it.
#[derive(Clone, Debug, Serialize)]
pub struct RtlRecord {
    /// The folder.
    pub out: String,
    /// Rows of the array.
    pub rows: usize,
    /// Columns of the array.
    pub columns: usize,
    /// What its PEs are of.
    pub structure: Structure,
    /// Most products per output.
    pub depth: usize,
    /// The multiplier.
    pub multiplier: String,
    /// Whether its weights are signed.
    pub weights_signed: bool,
    /// The control variate's function.
    pub x: Option<String>,
    /// Cycles from the end of loading to the first position, where the array makes constants.
    pub constants_wait: Option<usize>,
    /// Whether there is a control variate in the array, be it of a constant alone.
    #[serde(skip)]
    pub has_v: bool,
    /// Width of partial sums.
    pub psum_bits: usize,
    /// The place of their lowest bit.
    pub psum_lsb: usize,
    /// Width of the accumulators.
    pub acc_bits: usize,
    /// Where the vectors come from, in words.
    pub vectors: String,
    /// How many sums the testbench checks.
    pub accumulators: usize,
    /// The names of the files.
    pub files: Vec<String>,
    /// What simulates the testbench.
    pub simulate: [&'static str; 2],
}

impl Rtl {
    /// The record of the files in the folder `out`.
    pub fn record(&self, out: String) -> RtlRecord {
        let Self { design, vectors, control, files } = self;
        let function = control.as_ref().and_then(|control| control.functions.first());
        RtlRecord {
            out,
            rows: design.options.rows,
            columns: design.options.columns,
            structure: Structure::of(&design.options),
            depth: design.options.depth,
            multiplier: design.circuit.name().to_owned(),
            weights_signed: design.circuit.coding() == WeightCoding::Signed,
            x: function.map(|function| function.function.to_string()),
            constants_wait: design.constants_wait(),
            has_v: design.has_v(),
            psum_bits: design.ranges.psum.bits(),
            psum_lsb: design.circuit.lsb(),
            acc_bits: design.ranges.result.bits(),
            vectors: vectors.source.clone(),
            accumulators: vectors.expected.len(),
            files: files.iter().map(|file| file.name.clone()).collect(),
            simulate: SIMULATE,
        }
    }
}
