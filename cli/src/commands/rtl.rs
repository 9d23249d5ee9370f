//! `recoup rtl`.

use std::io::{Write, stdout};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;

use recoup_core::control_variate::{ControlOptions, ControlVariate, MODE_HELP, Mode};
use recoup_core::design::Design;
use recoup_core::multiplier::{SPEC_HELP, Source};
use recoup_core::quantize::WeightScheme;
use recoup_hardware::rtl::{
    ArrayRtl, Correction, File, Options, RandomSize, SIMULATE, Vectors, file_names, files, random,
};

use super::multiplier;
use crate::args::MachineArgs;
use crate::headings;
use crate::library::ImportArgs;
use crate::network::NetworkArgs;
use crate::parse::parse_positive;
use crate::{output, values};

/// Products per output that an array takes unless a network says otherwise: 3 x 3 x 512, the
/// deepest of the residual networks.
const DEPTH: usize = 4608;
/// Images of a layer's vectors, and positions in all.
const IMAGES: usize = 4;
const POSITIONS: usize = 32;

/// Variants of an array.
#[derive(Args)]
#[command(next_help_heading = headings::ARRAYS)]
pub struct VariantArgs {
    /// A register between multiplier and accumulation
    #[arg(long)]
    pub pipeline: bool,
    /// Hold the operands and pass the sum by where an activation code is 0
    #[arg(long)]
    pub zero_gating: bool,
    /// Sum x in every PE, as in the paper, instead of in one line beside the array
    #[arg(long)]
    pub x_in_pe: bool,
}

impl VariantArgs {
    /// An array with these variants.
    pub fn options(&self, [rows, columns]: [usize; 2], depth: usize) -> Options {
        Options {
            pipeline: self.pipeline,
            zero_gating: self.zero_gating,
            x_in_pe: self.x_in_pe,
            ..Options::new(rows, columns, depth)
        }
    }
}

/// Arguments of `rtl`.
#[derive(Args)]
pub struct RtlArgs {
    /// Whose layer the vectors are of; random codes without it.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// The layer by its node's name; without --model, of the network inside this program [default:
    /// the first convolution of several tiles]
    #[arg(long, help_heading = headings::MODEL, value_name = "NAME")]
    pub layer: Option<String>,
    /// For random codes, or to draw the images
    #[arg(long, help_heading = headings::MODEL, value_name = "S")]
    pub seed: Option<u64>,
    #[arg(long, help_heading = headings::MULTIPLIERS, value_name = "SPEC", help = format!("The multiplier: {SPEC_HELP}"))]
    pub multiplier: Source,
    #[arg(long, help_heading = headings::CONTROL, value_name = "MODE", help = format!("What corrects it: {MODE_HELP} [default: fitted]"))]
    pub control_variate: Option<Mode>,
    #[arg(long, help_heading = headings::CONTROL, value_name = "BITS", value_parser = clap::value_parser!(u32).range(0..=16), help = format!("Fraction bits of the control variate's C [default: {}]", ControlOptions::default().c_frac))]
    pub c_frac: Option<u32>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "CODING", help = format!("Coding of the weights: {} [default: unsigned, unless the multiplier is for signed ones]", values::weight_signs()))]
    pub weights: Option<WeightScheme>,
    /// Rows and columns of PEs: 16x16
    #[arg(long, help_heading = headings::ARRAYS, value_name = "RxC", value_parser = parse_array)]
    pub array: [usize; 2],
    #[arg(long, help_heading = headings::ARRAYS, value_name = "K", value_parser = parse_positive, help = format!("Most products per output, k [default: those of the network's deepest layer, or {DEPTH}]"))]
    pub depth: Option<usize>,
    /// Variants of the PE.
    #[command(flatten)]
    pub variant: VariantArgs,
    /// Add C0 in the array, instead of with the bias behind it
    #[arg(long, help_heading = headings::ARRAYS)]
    pub add_c0: bool,
    /// Folder for the files; must not exist, or be empty
    #[arg(long, help_heading = headings::OUTPUT, value_name = "DIR")]
    pub out: PathBuf,
    /// Replace the files of an earlier run
    #[arg(long, help_heading = headings::OUTPUT)]
    pub force: bool,
    /// Print one JSON object
    #[arg(long, help_heading = headings::OUTPUT)]
    pub json: bool,
    /// Threads and kernels.
    #[command(flatten)]
    pub machine: MachineArgs,
    /// What a file of a multiplier does not say.
    #[command(flatten)]
    pub import: ImportArgs,
}

/// Writes the array and its testbench.
pub fn run(args: &RtlArgs) -> Result<()> {
    output::check_folder(&args.out, args.force)?;
    let [rows, columns] = args.array;
    // Refuses an impossible array before a network is calibrated for it.
    let depth = args.depth.unwrap_or(DEPTH);
    let options = Options { c0_in_mac: args.add_c0, ..args.variant.options(args.array, depth) };
    options.check()?;
    let imported = multiplier::one(&args.multiplier, &args.import.options())?;
    let multiplier = imported.multiplier.clone();
    let scheme = multiplier::scheme(&multiplier, args.weights)?;
    let circuit = multiplier::circuit(imported, scheme.coding())?;
    let default = ControlOptions::default();
    let control_options =
        ControlOptions { c_frac: args.c_frac.unwrap_or(default.c_frac), ..default };
    let mode = args.control_variate.unwrap_or(Mode::Fitted(None));
    let emulated = Design::new(multiplier.clone())
        .with_control_variate(mode)
        .with_control_options(control_options);

    let (vectors, control, options) = if args.network.model.is_some() || args.layer.is_some() {
        let (experiment, images) = args.network.open(IMAGES, args.seed, scheme, &args.machine)?;
        let candidate = experiment.candidate(&emulated)?;
        let layers = candidate.prepared.quantized.macs.iter();
        let deepest = layers.map(|mac| mac.shape.depth()).max().unwrap_or(depth);
        let options = Options { depth: args.depth.unwrap_or(deepest), ..options };
        let layer = args.layer.as_deref();
        let vectors = Vectors::of_layer(&candidate, layer, rows, &images, POSITIONS)?;
        (vectors, candidate.control, options)
    } else {
        if let Mode::Regressed(_) = mode {
            bail!(
                "--control-variate {mode} takes a network to run; give --model and --data, or \
                 fitted instead"
            );
        }
        // Two blocks of filters and three tiles, the last of each not full.
        let size = RandomSize {
            depth: depth.min(2 * rows + rows.div_ceil(2)),
            filters: columns + columns.div_ceil(2),
            positions: POSITIONS,
            seed: args.seed.unwrap_or(0),
        };
        let (vectors, control) = random(&multiplier, scheme, (mode, control_options), size)?;
        (vectors, control, options)
    };
    let correction = control.as_ref().map(Correction::new).transpose()?;
    let design = ArrayRtl::new(circuit, options, correction)?;
    let files = files(&design, &vectors)?;
    let contents: Vec<(&str, &[u8])> =
        files.iter().map(|file| (file.name.as_str(), file.text.as_bytes())).collect();
    // Those of an earlier run that are not written again go.
    let known: Vec<&str> = file_names().collect();
    output::write_folder(&args.out, &contents, &known, args.force)?;
    report(args, &design, &vectors, control.as_ref(), &files)
}

fn report(
    args: &RtlArgs,
    design: &ArrayRtl,
    vectors: &Vectors,
    control: Option<&ControlVariate>,
    files: &[File],
) -> Result<()> {
    let [rows, columns] = args.array;
    let function = control.and_then(|control| control.functions.first());
    let function = function.map(|function| function.function.to_string());
    let ranges = &design.ranges;
    let mut out = stdout().lock();
    if args.json {
        let object = json!({
            "out": args.out.display().to_string(),
            "rows": rows,
            "columns": columns,
            "depth": design.options.depth,
            "multiplier": design.circuit.name(),
            "weights_signed": design.circuit.coding() == recoup_kernels::WeightCoding::Signed,
            "x": function,
            "psum_bits": ranges.psum.bits(),
            "psum_lsb": design.circuit.lsb(),
            "acc_bits": ranges.result.bits(),
            "vectors": vectors.source,
            "accumulators": vectors.expected.len(),
            "files": files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(),
            "simulate": SIMULATE,
        });
        writeln!(out, "{object:#}")?;
        return Ok(());
    }
    writeln!(
        out,
        "{}: {rows}x{columns} array of {}, {} files",
        args.out.display(),
        design.circuit.name(),
        files.len()
    )?;
    writeln!(
        out,
        "partial sums {} bits from bit {} on, accumulators {} bits for up to {} products",
        ranges.psum.bits(),
        design.circuit.lsb(),
        ranges.result.bits(),
        design.options.depth
    )?;
    match function {
        Some(function) => writeln!(out, "control variate: x is {function}")?,
        None if design.has_v() => writeln!(out, "control variate: C0 alone")?,
        None => writeln!(out, "control variate: none in the array")?,
    }
    writeln!(
        out,
        "testbench: {} accumulators, {}; run it there with either of\n",
        vectors.expected.len(),
        vectors.source
    )?;
    for command in SIMULATE {
        writeln!(out, "    {command}")?;
    }
    Ok(())
}

/// Rows and columns.
pub fn parse_array(text: &str) -> Result<[usize; 2], String> {
    let sizes = text.split_once('x');
    let sizes = sizes.and_then(|(rows, columns)| Some([rows.parse().ok()?, columns.parse().ok()?]));
    sizes.ok_or_else(|| {
        format!("\"{text}\" is no array; expected rows and columns joined by x, as in 16x16")
    })
}
