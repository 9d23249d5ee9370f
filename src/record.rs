//! Results as a document for machines (docs/json.md).

mod profile;

use recoup_core::accuracy::{EmulatedDesign, Fidelity, OutputFidelity};
use recoup_core::as_text;
use recoup_core::control_variate::{ControlVariate, TermCost};
use recoup_core::emulate::LayerStatistics;
use recoup_core::model::{Attention, LoadedOperand};
use serde::Serialize;

use crate::evaluate::{ExactNode, LayerNoise, Results};
pub use profile::{OperatorTime, ProfileRecord, StepRecord};

/// Results, as `eval --json` prints them.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// Version of the program.
    pub recoup: &'static str,
    /// The ONNX file.
    pub model: String,
    /// The data source.
    pub data: String,
    /// From pixels to the model's input.
    pub preprocess: String,
    /// Number of evaluated images.
    pub images: usize,
    /// Number of threads.
    pub threads: usize,
    /// How activations got their scales.
    pub calibration: CalibrationRecord,
    /// Where products of two activations run; none if there are none.
    #[serde(with = "as_text::optional", skip_serializing_if = "Option::is_none")]
    pub attention: Option<Attention>,
    /// Layers whose weights are codes that the model brings.
    pub own_weight_codes: usize,
    /// Layers whose own codes by tensor were made again by channel.
    #[serde(skip_serializing_if = "recoup_core::model::is_zero")]
    pub recoded_weight_codes: usize,
    /// Nodes that multiply outside the multipliers.
    pub exact_nodes: Vec<ExactNode>,
    /// The float32 reference.
    pub float: FloatRecord,
    /// The designs; the first is exact at 8 bits.
    pub results: Vec<Row>,
}

/// How activations got their scales.
#[derive(Clone, Debug, Serialize)]
pub struct CalibrationRecord {
    /// How ranges were chosen.
    pub method: String,
    /// Where the images come from, in words.
    pub data: String,
    /// How many there were.
    pub images: usize,
    /// The tensors whose channels are scaled.
    pub scaled_tensors: Vec<String>,
}

/// The float32 reference.
#[derive(Clone, Debug, Serialize)]
pub struct FloatRecord {
    /// Share of images, 0 to 1; none without labels.
    pub top1: Option<f64>,
    /// The same for the best five, from 100 classes on.
    pub top5: Option<f64>,
    /// Images per second.
    pub images_per_s: f64,
}

/// A design and what became of it. Losses are in points; none without labels.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The multiplier.
    pub multiplier: String,
    /// What corrects it; `none` for exact products.
    pub control_variate: String,
    /// The functions x in use.
    pub control_function: Option<String>,
    /// Hardware of each term C X.
    pub control_cost: Option<Vec<CostRecord>>,
    /// Fraction bits of C.
    pub c_frac: Option<u32>,
    /// Which distribution of codes its constants were made for.
    pub statistics: Option<String>,
    /// Where the constants of products of two activations come from, if there are such products.
    pub attention_constants: Option<String>,
    /// Which operand of these is loaded: as the design says.
    pub loaded_operand: Option<String>,
    /// The layers that load the first.
    pub first_loaded: Vec<String>,
    /// Significant bits of the activation codes, 4 to 8.
    pub activation_bits: u32,
    /// Significant bits of weight codes.
    pub weight_bits: u32,
    /// How activations become codes.
    pub quantization: String,
    /// Low bits of the activation codes that are always 0.
    pub rounded_bits: u32,
    /// How weights are coded.
    pub weights: String,
    /// Which codes they have.
    pub weight_codes: String,
    /// Share of images, 0 to 1.
    pub top1: Option<f64>,
    /// The same for the best five, from 100 classes on.
    pub top5: Option<f64>,
    /// Against exact 8-bit products, on the same images.
    pub loss_vs_exact: Option<f64>,
    /// 95 % confidence interval of it.
    pub ci95: Option<[f64; 2]>,
    /// Two-sided p of McNemar's exact test.
    pub mcnemar_p: Option<f64>,
    /// Against float32.
    pub loss_vs_float: Option<f64>,
    /// 95 % confidence interval of it.
    pub loss_vs_float_ci95: Option<[f64; 2]>,
    /// Two-sided p of McNemar's exact test.
    pub loss_vs_float_mcnemar_p: Option<f64>,
    /// Whether the first and the last layer ran on an exact array of their own.
    pub exact_ends: bool,
    /// Array power, as a fraction of the exact 8-bit array's.
    pub array_power: Option<f64>,
    /// Energy of the arrays per inference, nJ.
    pub energy_nj: Option<f64>,
    /// That over the exact 8-bit network's.
    pub relative_energy: Option<f64>,
    /// Whether these three include what makes constants of loaded codes; none where none are made, or
    /// the three are not from the cost table.
    pub load_path: Option<bool>,
    /// Images per second.
    pub images_per_s: f64,
    /// SHA-256 of the design's products and options: equal for designs that differ in names alone.
    pub identity: String,
    /// The kernels that ran.
    pub kernel: String,
    /// Of a design that loses much in spite of V, the layers in which it leaves most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_by_v: Option<Vec<LayerNoise>>,
    /// The accumulated error of each layer, if it was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layers: Option<Vec<LayerRecord>>,
    /// Where the time went, if that was noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileRecord>,
    /// How close each output is to the references', without labels or of several outputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outputs: Option<Vec<OutputRecord>>,
}

/// What a term C X costs.
#[derive(Clone, Debug, Serialize)]
pub struct CostRecord {
    x_bits: u32,
    c_bits: u32,
    sum_bits: u32,
    row_full_adders: u32,
    mac_full_adders: u32,
}

/// The accumulated error of a layer, in accumulator units.
#[derive(Clone, Debug, Serialize)]
pub struct LayerRecord {
    node: String,
    kernel: String,
    loaded_operand: Option<&'static str>,
    error_mean_before: f64,
    error_std_before: f64,
    error_mean_after: f64,
    error_std_after: f64,
    sqnr_db: Option<f64>,
    constant_share: Option<f64>,
    slope: Option<f64>,
    slope_from_input: Option<f64>,
}

/// How close an output is to those of the references.
#[derive(Clone, Debug, Serialize)]
pub struct OutputRecord {
    name: String,
    shape: Vec<usize>,
    vs_float: FidelityRecord,
    vs_exact: FidelityRecord,
}

#[derive(Clone, Debug, Serialize)]
struct FidelityRecord {
    equal: bool,
    sqnr_db: Option<f64>,
    sqnr_db_ci95: Option<[f64; 2]>,
    cosine: Option<f64>,
    cosine_ci95: Option<[f64; 2]>,
    largest_difference: Option<f64>,
    agreement: Option<f64>,
    agreement_ci95: Option<[f64; 2]>,
}

impl Results {
    /// Everything, the designs in this order.
    pub fn record(&self, order: &[usize]) -> Record {
        let float = &self.evaluation.float;
        let scaled = self.calibration.scaled_tensors();
        Record {
            recoup: env!("CARGO_PKG_VERSION"),
            model: self.model.clone(),
            data: self.data.clone(),
            preprocess: self.preprocess.clone(),
            images: self.images,
            threads: rayon::current_num_threads(),
            calibration: CalibrationRecord {
                method: self.calibration.method.clone(),
                data: self.calibration.data.clone(),
                images: self.calibration.images,
                scaled_tensors: scaled.map(|it| it.tensor.clone()).collect(),
            },
            attention: self.attention,
            own_weight_codes: self.own_codes.kept,
            recoded_weight_codes: self.own_codes.recoded,
            exact_nodes: self.exact_nodes.clone(),
            float: FloatRecord {
                top1: float.top1_accuracy(),
                top5: float.top5_accuracy(),
                images_per_s: float.images_per_s(),
            },
            results: order.iter().map(|&index| self.row(index)).collect(),
        }
    }

    /// A row for each design, in their order.
    pub fn rows(&self) -> Vec<Row> {
        (0..self.candidates.len()).map(|index| self.row(index)).collect()
    }

    fn row(&self, index: usize) -> Row {
        let EmulatedDesign { design, control, network, prepared, .. } = &self.candidates[index];
        let outcomes = &self.evaluation.candidates[index];
        let scheme = prepared.quantized.weights;
        let (exact, float) = (self.loss_against_exact(index), self.loss_against_float(index));
        let control = control.as_ref().filter(|control| !control.functions.is_empty());
        let figures = &self.figures[index];
        let layers = self.evaluation.layers.as_ref().map(|all| &all[index]);
        let outputs = self.evaluation.fidelity.as_ref().map(|all| &all[index]);
        Row {
            multiplier: design.multiplier.to_string(),
            control_variate: design.control_variate.to_string(),
            control_function: control.map(ControlVariate::names),
            control_cost: control.map(|control| costs(&control.costs())),
            c_frac: control.map(|control| control.c_frac),
            statistics: control.map(|_| design.control_options.statistics.to_string()),
            attention_constants: control
                .filter(|_| self.attention == Some(Attention::Emulated))
                .map(|_| design.control_options.attention.to_string()),
            loaded_operand: (self.attention == Some(Attention::Emulated))
                .then(|| design.control_options.loading.to_string()),
            first_loaded: self.candidates[index].first_loaded().map(str::to_owned).collect(),
            activation_bits: design.activation_bits,
            weight_bits: design.weight_bits,
            quantization: design.quantization().to_string(),
            rounded_bits: 8 - prepared.quantized.widths.activation_bits,
            weights: scheme.to_string(),
            weight_codes: design.weight_codes.to_string(),
            top1: outcomes.top1_accuracy(),
            top5: outcomes.top5_accuracy(),
            loss_vs_exact: exact.as_ref().map(|loss| loss.points),
            ci95: exact.as_ref().map(|loss| loss.ci95),
            mcnemar_p: exact.as_ref().map(|loss| loss.mcnemar_p),
            loss_vs_float: float.as_ref().map(|loss| loss.points),
            loss_vs_float_ci95: float.as_ref().map(|loss| loss.ci95),
            loss_vs_float_mcnemar_p: float.as_ref().map(|loss| loss.mcnemar_p),
            exact_ends: design.exact_ends,
            array_power: figures.power,
            energy_nj: figures.energy.map(|energy| energy.energy_nj),
            relative_energy: figures.energy.map(|energy| energy.relative),
            load_path: figures.load_path,
            images_per_s: outcomes.images_per_s(),
            identity: design.record(scheme.coding()).identity(scheme),
            kernel: network.kernels().join(", "),
            left_by_v: self.left_by_v[index].clone(),
            layers: layers.map(|layers| layers.iter().map(LayerRecord::from).collect()),
            profile: self.evaluation.profiles.as_ref().map(|all| (&all[index]).into()),
            outputs: outputs.map(|outputs| outputs.iter().map(OutputRecord::from).collect()),
        }
    }
}

/// The costs of the terms of a control variate.
pub fn costs(costs: &[TermCost]) -> Vec<CostRecord> {
    let record = |cost: &TermCost| CostRecord {
        x_bits: cost.x_bits,
        c_bits: cost.c_bits,
        sum_bits: cost.sum_bits,
        row_full_adders: cost.row_full_adders,
        mac_full_adders: cost.mac_full_adders,
    };
    costs.iter().map(record).collect()
}

impl From<&LayerStatistics> for LayerRecord {
    fn from(layer: &LayerStatistics) -> Self {
        Self {
            node: layer.node.clone(),
            kernel: layer.kernel.clone(),
            loaded_operand: layer.loaded_operand.map(LoadedOperand::name),
            error_mean_before: layer.mean_before,
            error_std_before: layer.std_before,
            error_mean_after: layer.mean_after,
            error_std_after: layer.std_after,
            sqnr_db: layer.sqnr_db,
            constant_share: layer.constant_share,
            slope: layer.slope,
            slope_from_input: layer.slope_from_input,
        }
    }
}

impl From<&OutputFidelity> for OutputRecord {
    fn from(output: &OutputFidelity) -> Self {
        Self {
            name: output.output.clone(),
            shape: output.shape.clone(),
            vs_float: (&output.against_float).into(),
            vs_exact: (&output.against_exact).into(),
        }
    }
}

impl From<&Fidelity> for FidelityRecord {
    fn from(fidelity: &Fidelity) -> Self {
        Self {
            equal: fidelity.equal,
            sqnr_db: fidelity.sqnr_db,
            sqnr_db_ci95: fidelity.sqnr_db_ci95,
            cosine: fidelity.cosine,
            cosine_ci95: fidelity.cosine_ci95,
            largest_difference: fidelity.largest_difference,
            agreement: fidelity.agreement.map(|agreement| agreement.share),
            agreement_ci95: fidelity.agreement.map(|agreement| agreement.ci95),
        }
    }
}
