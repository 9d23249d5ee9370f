//! A quantised network, planned: what all multipliers share, and how its layers become kernels.

use std::ops::Range;
use std::sync::Arc;

use recoup_kernels::{
    Control, ControlTerm, Isa, KernelError, MacLayer, MacSpec, OutputSpec, Product, ResidualSpec,
    WeightCoding, quantize,
};

use crate::control_variate::{ControlVariate, LayerConstants};
use crate::model::{ActivationQuantization, ValueId, storage_order};
use crate::multiplier::{Multiplier, MultiplierError, code_value};
use crate::quantize::{Quantized, QuantizedMac};

use super::layer::Layer;
use super::plan::{Format, FusedMac, Plan};

/// A quantised network, planned: what all multipliers share.
pub struct Prepared {
    /// The network.
    pub quantized: Quantized,
    pub(super) plan: Plan,
    /// For each input, where its stored elements lie in a sample.
    pub(super) input_orders: Vec<Vec<u32>>,
    /// Where the class scores lie among the elements of all outputs, if there are any.
    pub(super) scores: Option<Range<usize>>,
    pub(super) isa: Isa,
}

impl Prepared {
    /// Plans the execution of `quantized` on `isa`.
    pub fn new(quantized: Quantized, isa: Isa) -> Arc<Self> {
        let mut first = 0;
        let order = |&input: &ValueId| {
            let start = first;
            first += quantized.graph.values[input].volume();
            let order = storage_order(&quantized.graph.values[input].shape);
            order.map(|index| (start + index) as u32).collect()
        };
        let input_orders = quantized.graph.inputs.iter().map(order).collect();
        let scores = quantized.graph.scores().map(|(_, scores)| scores);
        Arc::new(Self { plan: Plan::new(&quantized), input_orders, scores, isa, quantized })
    }

    /// Real values to the codes of a tensor.
    pub(super) fn to_codes(
        &self,
        values: &[f32],
        value: ValueId,
        quantization: ActivationQuantization,
        codes: &mut [u8],
    ) {
        encode(&self.quantized, self.isa, values, value, quantization, codes);
    }

    /// Number of elements of all outputs together.
    pub fn output_elements(&self) -> usize {
        let graph = &self.quantized.graph;
        graph.outputs.iter().map(|&output| graph.values[output].volume()).sum()
    }

    /// The products of a multiplier.
    pub(super) fn product(&self, multiplier: &Multiplier) -> Result<Product, MultiplierError> {
        let coding = self.quantized.weights.coding();
        multiplier.check_coding(coding)?;
        Ok(multiplier.kernel_product(coding))
    }

    /// That a control variate has constants for every filter.
    pub(super) fn check(&self, control: &ControlVariate) -> Result<(), KernelError> {
        let macs = &self.quantized.macs;
        same_length("a control variate for layers", control.layers.len(), macs.len())?;
        for (LayerConstants { c, c0, .. }, mac) in control.layers.iter().zip(macs) {
            same_length("C of functions", c.len(), control.functions.len())?;
            same_length("C0 of filters", c0.len(), mac.shape.filters)?;
            c.iter().try_for_each(|c| same_length("C of filters", c.len(), mac.shape.filters))?;
        }
        Ok(())
    }

    /// The kernel layer of one layer of the network; of one that is to be exact, without regard
    /// to `product` and `correction`.
    pub(super) fn layer(
        &self,
        fused: FusedMac,
        output: ValueId,
        product: &Product,
        correction: Option<(&ControlVariate, &LayerConstants)>,
    ) -> Result<Layer, KernelError> {
        self.layer_of(&self.quantized.macs[fused.layer], fused, output, product, correction)
    }

    /// The same, of a layer whose weights may be others.
    pub(super) fn layer_of(
        &self,
        mac: &QuantizedMac,
        fused: FusedMac,
        output: ValueId,
        product: &Product,
        correction: Option<(&ControlVariate, &LayerConstants)>,
    ) -> Result<Layer, KernelError> {
        let spec = self.layer_spec(mac, fused, output, product, correction);
        let Some(load) = mac.load else { return Ok(MacLayer::new(self.isa, spec)?.into()) };
        let correction = correction.filter(|_| !self.quantized.is_exact(fused.layer));
        let constants = correction.and_then(|(_, constants)| constants.load.clone());
        Layer::of_load(self.isa, spec, load.bytes(), constants)
    }

    /// What it is; its outputs may be corrected.
    pub(super) fn layer_spec(
        &self,
        mac: &QuantizedMac,
        fused: FusedMac,
        output: ValueId,
        product: &Product,
        correction: Option<(&ControlVariate, &LayerConstants)>,
    ) -> MacSpec {
        let function = fused.function.map(|function| &self.plan.functions[function]);
        let output = function.map_or(output, |function| function.input);
        let spec = match self.quantized.activations[output] {
            None => OutputSpec::F32,
            Some(quantization) => OutputSpec::U8 {
                inv_scale: 1.0 / quantization.scale,
                zero_point: quantization.zero_point,
                dropped_bits: self.quantized.dropped_bits(output),
            },
        };
        let activation = function.map(|function| function.entries.clone());
        MacSpec { activation, ..self.spec(mac, fused, spec, product, correction) }
    }

    fn spec(
        &self,
        mac: &QuantizedMac,
        fused: FusedMac,
        output: OutputSpec,
        product: &Product,
        correction: Option<(&ControlVariate, &LayerConstants)>,
    ) -> MacSpec {
        let coding = self.quantized.weights.coding();
        let (product, correction) = match self.quantized.is_exact(fused.layer) {
            true => (&Multiplier::exact().kernel_product(coding), None),
            false => (product, correction),
        };
        let (_, input) = self.quantized.mac_input(mac);
        let control = correction.and_then(|(control, constants)| {
            let terms = control.functions.iter().zip(&constants.c);
            let terms: Vec<ControlTerm> =
                terms.map(|(function, c)| ControlTerm { x: function.x, c: c.clone() }).collect();
            (!terms.is_empty()).then_some(Control { terms, c_frac: control.c_frac })
        });
        let (weights, zero_points) = ((&mac.weights[..], coding), &mac.zero_points[..]);
        let zero_terms =
            zero_point_terms(weights, mac.shape.depth(), zero_points, input.zero_point);
        // Weights that an image brings are not there yet.
        let zero_terms = zero_terms.chain(std::iter::repeat(0)).take(mac.shape.filters);
        let c0 = |filter: usize| correction.map_or(0, |(_, constants)| constants.c0[filter]);
        let constant = zero_terms
            .enumerate()
            .map(|(filter, terms)| terms.wrapping_add(mac.bias[filter]).wrapping_add(c0(filter)));
        let residual = fused.residual.map(|value| self.plan.place(value).format);
        MacSpec {
            shape: mac.shape,
            // Some in the place of those that an image brings.
            weights: match mac.load {
                None => mac.weights.clone(),
                Some(_) => vec![0; mac.shape.filters * mac.shape.depth()].into(),
            },
            coding,
            product: product.clone(),
            input_zero_point: input.zero_point,
            weight_zero_points: mac.zero_points.clone(),
            control,
            constant: constant.collect(),
            scale: mac
                .scales
                .iter()
                .zip(&mac.gains)
                .map(|(scale, gain)| scale * input.scale * gain)
                .collect(),
            low: fused.low,
            high: fused.high,
            residual: match residual {
                None => ResidualSpec::None,
                Some(Format::Floats) => ResidualSpec::F32,
                Some(Format::Codes(quantization)) => ResidualSpec::U8 {
                    scale: quantization.scale,
                    zero_point: quantization.zero_point,
                },
            },
            output,
            activation: None,
        }
    }
}

/// Real values to the codes of a tensor of `network`.
pub(super) fn encode(
    network: &Quantized,
    isa: Isa,
    values: &[f32],
    value: ValueId,
    ActivationQuantization { scale, zero_point }: ActivationQuantization,
    codes: &mut [u8],
) {
    let dropped = network.dropped_bits(value);
    quantize(isa, values, 1.0 / scale, zero_point, dropped, codes)
        .expect("scales were checked when the network was quantised");
}

/// That as many are there as are needed.
pub(super) fn same_length(
    field: &'static str,
    found: usize,
    expected: usize,
) -> Result<(), KernelError> {
    if found == expected { Ok(()) } else { Err(KernelError::Length { field, expected, found }) }
}

/// `k z_w z_a - z_a sum w` of each filter of `depth` weights, from eq. (1.2); the sum over activations
/// is the kernel's.
fn zero_point_terms(
    (weights, coding): (&[u8], WeightCoding),
    depth: usize,
    zero_points: &[i32],
    zero_a: u8,
) -> impl Iterator<Item = i32> {
    weights.chunks_exact(depth).zip(zero_points).map(move |(weights, &zero_w)| {
        let value = |&byte: &u8| code_value(byte, coding);
        zero_point_term(weights.iter().map(value).sum(), depth, zero_w, zero_a)
    })
}

/// The same of a filter whose weights have such a sum.
pub(super) fn zero_point_term(sum: i32, depth: usize, zero_w: i32, zero_a: u8) -> i32 {
    i32::from(zero_a).wrapping_mul((depth as i32).wrapping_mul(zero_w).wrapping_sub(sum))
}
