//! Arguments that several verbs take, and those of the smaller ones.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use recoup::data::CALIBRATION_IMAGES;
use recoup_circuits::table::{ElementType, Index, Order};
use recoup_core::control_variate::{
    AttentionConstants, ControlOptions, LOADING_HELP, Loading, MODE_HELP, Mode, Statistics,
};
use recoup_core::data::{DataError, DataSpec, Dataset, FORMS, KEYS, PRESETS, Preprocess};
use recoup_core::design::Design;
use recoup_core::model::{ATTENTION_HELP, Attention};
use recoup_core::multiplier::{FamilyHelp, METRIC_DEFINITIONS, SPEC_HELP, Source};
use recoup_core::quantize::{
    CHANNEL_SCALING_HELP, ChannelScaling, METHOD_HELP, Method, QUANTIZATION_HELP, Quantization,
    WEIGHT_CODES_HELP, WeightCodes, WeightScheme,
};
use recoup_kernels::Isa;

use crate::costs::ArrayArgs;
use crate::headings;
use crate::library::ImportArgs;
use crate::parse::{embedded, parse_positive};
use crate::values::{self, CODE_BITS};
use recoup_zoo::Embedded;

/// What every command that computes takes.
#[derive(Args)]
#[command(next_help_heading = headings::MACHINE)]
pub struct MachineArgs {
    /// Number of threads [default: one per core]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,
    /// Instruction set of the kernels [default: the best this machine has]
    #[arg(long, value_parser = parse_isa, value_name = "ISA")]
    pub isa: Option<Isa>,
}

/// A model, and how it is calibrated.
#[derive(Args)]
pub struct ModelArgs {
    /// The network: ONNX, float32 or QDQ
    pub model: PathBuf,
    /// Its data.
    #[command(flatten)]
    pub data: DataArgs,
}

/// What a model is evaluated and calibrated on.
#[derive(Args, Clone)]
#[command(next_help_heading = headings::MODEL)]
pub struct DataArgs {
    /// Shape of the input without the batch, where the model leaves it open: 3x32x32
    #[arg(long, value_parser = parse_shape, value_name = "CxHxW")]
    pub input_shape: Option<Shape>,
    #[arg(long, default_value_t, value_name = "WHERE", help = format!("Where products of two activations run: {ATTENTION_HELP}"))]
    pub attention: Attention,
    #[arg(long, value_name = "SPEC", help = format!("Images or other arrays, with labels where accuracy is measured: {FORMS} (array x, or one for each input by its name; labels y). Without labels, eval compares outputs with those of float32 and of exact 8 bits"))]
    pub data: DataSpec,
    /// What their labels mean.
    #[command(flatten)]
    pub labels: LabelArgs,
    #[arg(long, default_value = "none", value_name = "PRESET", help = format!("From pixels to the model's input: {PRESETS}; also with values of your own, joined by commas: {KEYS}"))]
    pub preprocess: Preprocess,
    /// Evaluate this many images only [default: all that are not held out]
    #[arg(long, value_name = "N")]
    pub images: Option<usize>,
    /// Draw the images at random, reproducibly [default: the first ones]
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    #[arg(long, value_name = "N", value_parser = parse_positive, help = format!("Number of images to calibrate on; never one that is evaluated [default: {CALIBRATION_IMAGES}, or all of a smaller --calibration-data]"))]
    pub calibration_images: Option<usize>,
    /// Calibrate on images of this source [default: held out from --data]
    #[arg(long, value_name = "SPEC")]
    pub calibration_data: Option<DataSpec>,
    #[arg(long, default_value = "mean-square", value_name = "METHOD", help = format!("How activation ranges are chosen: {METHOD_HELP}"))]
    pub calibration_method: Method,
    #[arg(long, default_value_t, value_name = "WHERE", help = format!("Whether channels of LayerNormalizations get scales of their own, which weights take back: {CHANNEL_SCALING_HELP}"))]
    pub channel_scaling: ChannelScaling,
}

/// What the labels of `--data` mean to the network.
#[derive(Args, Clone, Default)]
#[command(next_help_heading = headings::MODEL)]
pub struct LabelArgs {
    /// The order of the class folders of folder:DIR, a file with the name of one in each line
    /// [default: numbers by value, other names byte by byte]
    #[arg(long, value_name = "FILE", requires = "data")]
    pub classes: Option<PathBuf>,
    /// Add N to every label: 1 for a network whose first output is a background class
    #[arg(long, value_name = "N", requires = "data", allow_hyphen_values = true)]
    pub label_offset: Option<i64>,
}

impl LabelArgs {
    /// Opens data with these labels, as [`Dataset::open_headers`] does.
    pub fn open(&self, spec: &DataSpec) -> Result<Dataset, DataError> {
        let offset = self.label_offset.unwrap_or(0);
        Dataset::open_headers(spec)?.labelled(self.classes.as_deref(), offset)
    }
}

/// Arguments of `eval`.
#[derive(Args)]
pub struct EvalArgs {
    /// The model and its data.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Take the data as if it had no labels: for a model whose outputs are no class scores
    #[arg(long, help_heading = headings::MODEL, conflicts_with_all = ["classes", "label_offset"])]
    pub no_labels: bool,
    #[arg(long, help_heading = headings::MULTIPLIERS, value_name = "SPEC", num_args = 1.., help = format!("A multiplier; may be repeated: {SPEC_HELP} [default: exact]"))]
    pub multiplier: Vec<Source>,
    #[arg(long, help_heading = headings::CONTROL, value_name = "MODE", num_args = 1.., help = format!("What corrects it; may be repeated: {MODE_HELP} [default: fitted]"))]
    pub control_variate: Vec<Mode>,
    #[arg(long, help_heading = headings::CONTROL, value_name = "BITS", value_parser = clap::value_parser!(u32).range(0..=16), help = format!("Fraction bits of the control variate's C [default: {}]", ControlOptions::default().c_frac))]
    pub c_frac: Option<u32>,
    #[arg(long, help_heading = headings::CONTROL, value_name = "R", value_parser = clap::value_parser!(u8).range(1..=8), help = format!("Number of functions x of the activation code, each with a constant per filter; those after the first are fitted [default: {}]", ControlOptions::default().terms))]
    pub control_variate_terms: Option<u8>,
    #[arg(long, help_heading = headings::CONTROL, value_name = "B", value_parser = clap::value_parser!(u32).range(1..=8), help = format!("Bits of a fitted x(a) [default: {}]", ControlOptions::default().x_bits))]
    pub control_variate_bits: Option<u32>,
    #[arg(long, help_heading = headings::CONTROL, value_name = "HOW", help = format!("Which distribution of codes a fitted control variate is for, {}: of a layer, or of each of its input channels [default: {}]", values::list(Statistics::ALL), ControlOptions::default().statistics))]
    pub statistics: Option<Statistics>,
    #[arg(long, help_heading = headings::CONTROL, value_name = "HOW", help = format!("Where C and C0 of products of two activations come from, {}: from what is loaded into each column, one of each for a layer, C0 alone for each column, or no V [default: {}]", values::list(AttentionConstants::ALL), ControlOptions::default().attention))]
    pub attention_constants: Option<AttentionConstants>,
    #[arg(long, help_heading = headings::CONTROL, value_name = "WHICH", help = format!("Which operand of products of two activations is loaded into the array while the other streams: {LOADING_HELP} [default: {}]", ControlOptions::default().loading))]
    pub loaded_operand: Option<Loading>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "B", num_args = 1.., value_parser = clap::value_parser!(u32).range(CODE_BITS), help = format!("Significant bits of the activation codes, {}; may be repeated [default: 8]", values::code_bits()))]
    pub activation_bits: Vec<u32>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "B", num_args = 1.., value_parser = clap::value_parser!(u32).range(CODE_BITS), help = format!("Significant bits of the weight codes, {}; may be repeated [default: 8]", values::code_bits()))]
    pub weight_bits: Vec<u32>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "HOW", num_args = 1.., help = format!("How activations become codes; may be repeated: {QUANTIZATION_HELP} [default: {}]", values::QUANTIZATION_DEFAULT))]
    pub quantization: Vec<Quantization>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "HOW", num_args = 1.., help = format!("Which codes weights get; may be repeated: {WEIGHT_CODES_HELP} [default: {}]", WeightCodes::default()))]
    pub weight_codes: Vec<WeightCodes>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "CODING", help = format!("How weights are coded: {}; {} [default: u8-channel]", values::weight_codings(), values::RECODED))]
    pub weights: Option<WeightScheme>,
    /// Scales from `recoup quantize`, instead of calibrating now; V is fitted on the same images,
    /// and none of them is evaluated
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "FILE")]
    pub calibration: Option<PathBuf>,
    /// Arrays.
    #[command(flatten)]
    pub arrays: ArrayArgs,
    /// Also print, per layer, the accumulated error before and after V, and the SQNR
    #[arg(long, help_heading = headings::OUTPUT)]
    pub layers: bool,
    /// Also print where the time goes: per kind of operator and per layer
    #[arg(long, help_heading = headings::OUTPUT)]
    pub profile: bool,
    /// Write all class scores, [result][image][class], float32
    #[arg(long, help_heading = headings::OUTPUT, value_name = "FILE.npy")]
    pub save_logits: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long, help_heading = headings::OUTPUT)]
    pub json: bool,
    /// Images in memory at a time; changes no result
    #[arg(long, help_heading = headings::MACHINE, default_value_t = 256, value_name = "N", value_parser = parse_positive)]
    pub batch: usize,
    /// Threads and kernels.
    #[command(flatten)]
    pub machine: MachineArgs,
    /// What files of multipliers do not say.
    #[command(flatten)]
    pub import: ImportArgs,
}

impl EvalArgs {
    /// How weights are coded.
    pub fn coding(&self) -> WeightScheme {
        self.weights.unwrap_or(WeightScheme::U8Channel)
    }
}

/// Arguments of `demo`.
#[derive(Args)]
pub struct DemoArgs {
    /// Which of the networks inside this program
    #[arg(long, help_heading = headings::MODEL, value_parser = embedded(), default_value = "resnet8", value_name = "NAME")]
    pub network: Embedded,
    /// Only the first of its test images [default: all]
    #[arg(long, help_heading = headings::MODEL, value_name = "N", value_parser = parse_positive)]
    pub images: Option<usize>,
    /// Instead of evaluating, write the network and its images into this folder, for other verbs to
    /// try on
    #[arg(long, help_heading = headings::OUTPUT, value_name = "DIR", conflicts_with_all = ["images", "json"])]
    pub files: Option<PathBuf>,
    /// Replace other files of the same names
    #[arg(long, help_heading = headings::OUTPUT, requires = "files")]
    pub force: bool,
    /// Print one JSON object
    #[arg(long, help_heading = headings::OUTPUT)]
    pub json: bool,
    /// Threads and kernels.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// What `quantize --for` takes.
const DESIGN_HELP: &str = "a multiplier alone, for which codes of activations and weights, gains and V \
     are chosen, or a whole design, such as \"truncated:9 with V (fitted), aware+gain quantisation, \
     chosen weight codes\"";

/// Arguments of `quantize`.
#[derive(Args)]
pub struct QuantizeArgs {
    /// The model and its data.
    #[command(flatten)]
    pub model: ModelArgs,
    #[arg(long = "for", help_heading = headings::QUANTIZATION, value_name = "DESIGN", help = format!("Instead of the calibration write the network with the codes that a design has, as QDQ ONNX: {DESIGN_HELP}"))]
    pub design: Option<String>,
    /// Where to write the calibration, or the network [default: the model's name with
    /// .calibration.json, or .codes.onnx]
    #[arg(long, help_heading = headings::OUTPUT, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, help_heading = headings::OUTPUT)]
    pub force: bool,
    /// Print one JSON object about the network that was written
    #[arg(long, help_heading = headings::OUTPUT, requires = "design")]
    pub json: bool,
    /// Threads and kernels.
    #[command(flatten)]
    pub machine: MachineArgs,
}

/// Arguments of `inspect`.
#[derive(Args)]
pub struct InspectArgs {
    /// The network: ONNX, float32 or QDQ
    pub model: PathBuf,
    /// Shape of the input without the batch, where the model leaves it open: 3x32x32
    #[arg(long, help_heading = headings::MODEL, value_parser = parse_shape, value_name = "CxHxW")]
    pub input_shape: Option<Shape>,
    #[arg(long, help_heading = headings::MODEL, default_value_t, value_name = "WHERE", help = format!("Where products of two activations run: {ATTENTION_HELP}"))]
    pub attention: Attention,
    /// Print one JSON object
    #[arg(long, help_heading = headings::OUTPUT)]
    pub json: bool,
}

/// Arguments of `multiplier`.
#[derive(Args)]
pub struct MultiplierArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: MultiplierCommand,
}

/// What can be done with a multiplier.
#[derive(Subcommand)]
pub enum MultiplierCommand {
    /// Write all 65,536 products, [weight][activation], int32 little-endian
    #[command(after_help = format!("SPEC: {SPEC_HELP}\n\n{FamilyHelp}"))]
    Table {
        /// The multiplier
        spec: Source,
        #[arg(long, help_heading = headings::QUANTIZATION, value_name = "CODING", help = format!("Coding of the weight: {} [default: unsigned, but for a table of signed weights]", values::weight_signs()))]
        weights: Option<WeightScheme>,
        /// Where to: raw, or NumPy when the name ends in .npy
        #[arg(long, help_heading = headings::OUTPUT, value_name = "FILE")]
        out: PathBuf,
        /// Replace the file if it exists
        #[arg(long, help_heading = headings::OUTPUT)]
        force: bool,
        /// What a file does not say.
        #[command(flatten)]
        import: ImportArgs,
    },
    /// Write a multiplier in another format: a table, or Verilog
    #[command(after_help = format!("SPEC: {SPEC_HELP}\n\n{FamilyHelp}"))]
    Convert(ConvertArgs),
    /// A picture of the partial products, the error metrics, and what a control variate removes
    #[command(after_help = format!("SPEC: {SPEC_HELP}\n\n{FamilyHelp}\n\n{METRIC_DEFINITIONS}"))]
    Show(ShowArgs),
}

/// Arguments of `multiplier convert`.
#[derive(Args)]
pub struct ConvertArgs {
    /// The multiplier
    pub spec: Source,
    #[arg(long, help_heading = headings::OUTPUT, value_name = "FILE", help = format!("Where to; the extension is the format: {}", values::formats()))]
    pub out: PathBuf,
    #[arg(long, help_heading = headings::OUTPUT, value_name = "TYPE", help = format!("Type of the products: {} (the product + 32768) [default: the smallest that holds them]", values::list(ElementType::WORDS)))]
    pub out_type: Option<ElementType>,
    /// First index: wa for the weight, aw for the activation
    #[arg(long, help_heading = headings::OUTPUT, default_value = "wa", value_name = "ORDER")]
    pub out_order: Order,
    /// Where a signed operand is: code for its byte, signed for its value + 128
    #[arg(long, help_heading = headings::OUTPUT, default_value = "code", value_name = "INDEX")]
    pub out_index: Index,
    /// Replace the file if it exists
    #[arg(long, help_heading = headings::OUTPUT)]
    pub force: bool,
    /// What a file does not say.
    #[command(flatten)]
    pub import: ImportArgs,
}

/// Arguments of `multiplier show`.
#[derive(Args)]
pub struct ShowArgs {
    /// The multiplier; several, or a library, are listed with the best first
    #[arg(required = true)]
    pub spec: Vec<Source>,
    #[arg(long, help_heading = headings::CONTROL, value_name = "B", value_parser = clap::value_parser!(u32).range(1..=8), help = format!("Bits of a fitted x(a) [default: {}]", ControlOptions::default().x_bits))]
    pub control_variate_bits: Option<u32>,
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "CODING", help = format!("Coding of the weight: {} [default: unsigned, but for a table of signed weights]", values::weight_signs()))]
    pub weights: Option<WeightScheme>,
    /// Also for the activation codes of a network: a file that `recoup quantize` wrote
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "FILE")]
    pub calibration: Option<PathBuf>,
    /// Also draw the error of every product, as .png or .svg
    #[arg(long, help_heading = headings::OUTPUT, value_name = "FILE")]
    pub heat_map: Option<PathBuf>,
    /// Replace the picture if it exists
    #[arg(long, help_heading = headings::OUTPUT)]
    pub force: bool,
    /// Print one JSON object
    #[arg(long, help_heading = headings::OUTPUT)]
    pub json: bool,
    /// What files of multipliers do not say.
    #[command(flatten)]
    pub import: ImportArgs,
}

/// The input's shape without the batch.
#[derive(Clone, Debug)]
pub struct Shape(pub Vec<usize>);

pub fn parse_shape(text: &str) -> Result<Shape, String> {
    let dims: Option<Vec<usize>> =
        text.split('x').map(|dim| dim.parse().ok().filter(|dim| *dim > 0)).collect();
    dims.map(Shape)
        .ok_or_else(|| format!("\"{text}\" is no shape; expected sizes joined by x, as in 3x32x32"))
}

fn parse_isa(name: &str) -> Result<Isa, String> {
    Isa::from_name(name).map_err(|error| error.to_string())
}

/// The codes of a design whose array is made.
#[derive(Args)]
pub struct CodeArgs {
    #[arg(long, help_heading = headings::QUANTIZATION, value_name = "CODING", help = format!("Coding of the weights: {} [default: unsigned, unless the multiplier is for signed ones]", values::weight_signs()))]
    pub weights: Option<WeightScheme>,
    #[arg(long, help_heading = headings::QUANTIZATION, default_value_t = 8, value_name = "B", value_parser = clap::value_parser!(u32).range(CODE_BITS), help = format!("Significant bits of the activation codes, {}; exact products of fewer have an array that leaves the others out", values::code_bits()))]
    pub activation_bits: u32,
    #[arg(long, help_heading = headings::QUANTIZATION, default_value_t = 8, value_name = "B", value_parser = clap::value_parser!(u32).range(CODE_BITS), help = format!("Significant bits of the weight codes, {}; likewise", values::code_bits()))]
    pub weight_bits: u32,
}

impl CodeArgs {
    /// The names of its arguments.
    pub const NAMES: [&str; 3] = ["weights", "activation_bits", "weight_bits"];

    /// A design in these codes.
    pub fn of(&self, design: Design) -> Design {
        design
            .with_activation_bits(self.activation_bits)
            .with_weight_bits(self.weight_bits)
            .with_weights(self.weights)
    }
}
