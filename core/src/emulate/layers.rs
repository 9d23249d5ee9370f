//! Per layer: what the multiplier does to the accumulator, and what V gives back.

use std::sync::Arc;

use recoup_kernels::{MacLayer, Scratch};
use serde::{Deserialize, Serialize};

use crate::as_bits;
use crate::control_variate::ControlVariate;
use crate::model::{LoadedOperand, Node, NodeKind, SampleError};
use crate::multiplier::Multiplier;
use crate::numeric::round_half_even_shift;

use super::error::EmulateError;
use super::filter_sums::{FilterSums, Slopes, slopes};
use super::network::Network;
use super::prepared::Prepared;
use super::workspace::Workspace;

/// Error statistics of one layer, over all filters, positions and images (docs/arithmetic.md,
/// eq. (7.9) to (7.14)). The layer's input is what the corrected network gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerStatistics {
    /// The node's name.
    pub node: String,
    /// The kernel it ran on.
    pub kernel: String,
    /// Which operand it is loaded with, if both are activations.
    pub loaded_operand: Option<LoadedOperand>,
    /// Mean of the accumulated error, in accumulator units.
    pub mean_before: f64,
    /// Its standard deviation.
    pub std_before: f64,
    /// Mean of the error that V leaves.
    pub mean_after: f64,
    /// Its standard deviation.
    pub std_after: f64,
    /// 10 log10 of the power of the exact layer's real output over that of the error without V;
    /// `None` when there is none.
    pub sqnr_before_db: Option<f64>,
    /// The same over the error that V leaves.
    pub sqnr_db: Option<f64>,
    /// The share of the power of that error that is a constant per filter; `None` when there is none.
    pub constant_share: Option<f64>,
    /// Slope of the corrected result on that of exact products on the same codes, before its gain,
    /// averaged over filters; `None` when none has a signal.
    pub slope: Option<f64>,
    /// Slope on the result in the network with exact products, gain included.
    pub slope_from_input: Option<f64>,
}

/// Sums that make up [`LayerStatistics`]; one per image, merged in the order of the images.
#[derive(Clone, Default, Serialize, Deserialize)]
struct Sums {
    #[serde(with = "as_bits")]
    outputs: f64,
    #[serde(with = "as_bits")]
    error: f64,
    #[serde(with = "as_bits")]
    error_squared: f64,
    #[serde(with = "as_bits")]
    left: f64,
    #[serde(with = "as_bits")]
    left_squared: f64,
    #[serde(with = "as_bits")]
    signal_power: f64,
    #[serde(with = "as_bits")]
    noise_before_power: f64,
    #[serde(with = "as_bits")]
    noise_power: f64,
}

/// Collects statistics while a network runs.
pub struct StatisticsCollector {
    exact: Network,
    /// The network that losses are measured against: exact products in codes of 8 bits.
    reference: Network,
    control: Option<ControlVariate>,
    sampled: Option<usize>,
}

/// The accumulated error of one output, in accumulator units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorSample {
    /// Of the multiplier alone.
    pub before: i64,
    /// What V leaves of it.
    pub after: i64,
}

/// The sums of some images, with the buffers for the next, which are not sent with them.
#[derive(Default, Serialize, Deserialize)]
pub struct Statistics {
    layers: Vec<Sums>,
    /// `[layer][filter]`.
    filters: Vec<Vec<FilterSums>>,
    samples: Vec<ErrorSample>,
    #[serde(skip)]
    buffers: Buffers,
}

#[derive(Default)]
struct Buffers {
    scratch: Scratch,
    /// The accumulators of each layer in the network with exact products.
    reference: Vec<Vec<i32>>,
    exact: Vec<i32>,
    approximate: Vec<i32>,
    /// One per function of the control variate.
    sums_x: Vec<Vec<i32>>,
    sums_a: Vec<i32>,
}

impl Statistics {
    /// The sums alone, to be kept until they are merged.
    pub fn without_buffers(self) -> Self {
        Self { buffers: Buffers::default(), ..self }
    }

    /// Adds another part's sums. Whoever has seen no image may not know yet how many layers there are.
    pub fn merge(&mut self, other: &Self) {
        self.layers.resize_with(other.layers.len(), Sums::default);
        self.layers.iter_mut().zip(&other.layers).for_each(|(sums, more)| sums.merge(more));
        self.merge_filters(&other.filters);
        self.samples.extend_from_slice(&other.samples);
    }

    fn merge_filters(&mut self, others: &[Vec<FilterSums>]) {
        self.filters.resize_with(others.len().max(self.filters.len()), Vec::new);
        for (filters, others) in self.filters.iter_mut().zip(others) {
            filters.resize_with(others.len(), FilterSums::default);
            filters.iter_mut().zip(others).for_each(|(sums, more)| sums.merge(more));
        }
    }

    /// Takes over the sums of the filters, whose order does not matter, and which are large.
    pub(crate) fn take_filters(&mut self, other: &mut Self) {
        self.merge_filters(&std::mem::take(&mut other.filters));
    }

    /// The errors of the layer that [`StatisticsCollector::sampling`] names, output by output.
    pub fn samples(&self) -> &[ErrorSample] {
        &self.samples
    }

    /// The statistics of all layers of `network`; `reference` is the one that losses are measured
    /// against.
    pub fn finish(&self, network: &Network, reference: &Prepared) -> Vec<LayerStatistics> {
        let (own, other) = (&network.prepared.quantized, &reference.quantized);
        let layers = network.layers.iter().zip(&own.macs).zip(&other.macs);
        let sums = self.layers.iter().zip(&self.filters);
        sums.zip(layers)
            .map(|((sums, filters), ((layer, mac), other_mac))| {
                let (units, others) = (own.units(mac), other.units(other_mac));
                let in_others = units.zip(others).zip(&mac.gains);
                let in_others =
                    in_others.map(|((unit, other), gain)| unit / other * f64::from(*gain));
                let constants = filters.iter().zip(own.units(mac));
                let constants = constants.map(|(sums, unit)| unit * unit * sums.constant_power());
                let node = &own.graph.nodes[mac.node];
                sums.statistics(
                    node,
                    layer.kernel_name(),
                    constants.sum(),
                    slopes(filters, in_others),
                )
            })
            .collect()
    }
}

/// What one filter adds to, or subtracts from, its accumulators.
struct OfFilter {
    c0: i64,
    zero_point: i64,
    constant: i64,
    /// Of an accumulator unit.
    scale: f64,
}

impl StatisticsCollector {
    /// For a network built from the same parts, whose losses are measured against `reference` with
    /// exact products.
    ///
    /// # Errors
    /// When a kernel refuses a layer, or the control variate is for another network.
    pub fn new(
        prepared: &Arc<Prepared>,
        control: Option<&ControlVariate>,
        reference: &Arc<Prepared>,
    ) -> Result<Self, EmulateError> {
        control.map_or(Ok(()), |control| prepared.check(control))?;
        Ok(Self {
            exact: Network::new(prepared, &Multiplier::exact(), None)?,
            reference: Network::new(reference, &Multiplier::exact(), None)?,
            control: control.cloned(),
            sampled: None,
        })
    }

    /// Also keeps every single error of this layer.
    pub fn sampling(self, layer: usize) -> Self {
        Self { sampled: Some(layer), ..self }
    }

    /// An empty part.
    pub fn start(&self) -> Statistics {
        let macs = self.exact.prepared.quantized.macs.iter();
        Statistics {
            layers: vec![Sums::default(); macs.len()],
            filters: macs.map(|mac| vec![FilterSums::default(); mac.shape.filters]).collect(),
            ..Statistics::default()
        }
    }

    /// A part for one image, of which it knows what the reference makes.
    ///
    /// # Errors
    /// When `image` has not the inputs' size, or an operator in float does not take its values.
    pub fn start_image(
        &self,
        image: &[f32],
        workspace: &mut Workspace,
    ) -> Result<Statistics, SampleError> {
        let mut part = self.start();
        let quantized = &self.reference.prepared.quantized;
        let Buffers { scratch, reference, sums_a, .. } = &mut part.buffers;
        self.reference.run_observed(image, workspace, |index, layer, codes| {
            let mac = &quantized.macs[index];
            let per_group = mac.shape.filters / mac.shape.groups;
            let mut outputs = vec![0; mac.shape.positions() * mac.shape.filters];
            layer.accumulate(codes, scratch, &mut outputs);
            sum_codes(layer, codes, scratch, sums_a);
            for (group, (outputs, sum_a)) in
                outputs.chunks_exact_mut(per_group).zip(&*sums_a).enumerate()
            {
                let zero_points = &mac.zero_points[group % mac.shape.groups * per_group..];
                outputs.iter_mut().zip(zero_points).for_each(|(acc, zero)| *acc -= zero * sum_a);
            }
            if mac.load.is_some() {
                // With each image another, while other layers' slopes do not depend on it.
                let constant = layer.spec().constant.iter().cycle();
                outputs.iter_mut().zip(constant).for_each(|(acc, constant)| *acc += constant);
            }
            reference.push(outputs);
        })?;
        Ok(part)
    }

    /// Looks at one layer's input for the image of [`Self::start_image`]; to be called from [`Network::run_observed`].
    pub fn observe(&self, part: &mut Statistics, index: usize, layer: &MacLayer, codes: &[u8]) {
        let quantized = &self.exact.prepared.quantized;
        let mac = &quantized.macs[index];
        let (shape, filters) = (mac.shape, mac.shape.filters);
        let Statistics { layers, filters: all_filters, samples, buffers: part } = part;
        let of_filters = &mut all_filters[index];
        let scratch = &mut part.scratch;
        part.exact.resize(shape.positions() * filters, 0);
        part.approximate.resize(shape.positions() * filters, 0);
        let exact = self.exact.layers[index].loaded_like(layer);
        exact.accumulate(codes, scratch, &mut part.exact);
        layer.accumulate(codes, scratch, &mut part.approximate);
        sum_codes(layer, codes, scratch, &mut part.sums_a);
        let functions = self.control.iter().flat_map(|control| &control.functions);
        part.sums_x.resize(functions.clone().count(), Vec::new());
        for (function, sums) in functions.zip(&mut part.sums_x) {
            sums.resize(shape.positions() * shape.groups, 0);
            layer.position_sums(&function.x.map(i32::from), codes, scratch, sums);
        }
        // The bias, and the terms of eq. (1.2) that do not depend on the activations.
        let constant = &exact.spec().constant;
        let control = self.control.as_ref();
        let made = control.and_then(|control| control.layers[index].load.as_ref());
        let made = made.map(|load| load.of(&layer.spec().weights));
        let control = control
            .map(|control| (made.as_ref().unwrap_or(&control.layers[index]), control.c_frac));
        let of_filter: Vec<OfFilter> = quantized
            .units(mac)
            .enumerate()
            .map(|(filter, unit)| OfFilter {
                c0: control.map_or(0, |(constants, _)| i64::from(constants.c0[filter])),
                zero_point: i64::from(mac.zero_points[filter]),
                constant: i64::from(constant[filter]),
                scale: unit,
            })
            .collect();
        let sums = &mut layers[index];
        let per_group = filters / shape.groups;
        let groups =
            part.exact.chunks_exact(per_group).zip(part.approximate.chunks_exact(per_group));
        let groups = groups.zip(part.reference[index].chunks_exact(per_group));
        for (group, ((exact, approximate), reference)) in groups.enumerate() {
            let first = group % shape.groups * per_group;
            let sum_a = i64::from(part.sums_a[group]);
            let outputs = exact.iter().zip(approximate).zip(reference).zip(first..);
            for (((&exact, &approximate), &reference), filter) in outputs {
                let of_filter = &of_filter[filter];
                let v = of_filter.c0
                    + control.map_or(0, |(constants, c_frac)| {
                        let terms = constants.c.iter().zip(&part.sums_x);
                        let sum = terms.map(|(c, x)| i64::from(c[filter]) * i64::from(x[group]));
                        round_half_even_shift(sum.sum(), c_frac)
                    });
                let error = i64::from(exact) - i64::from(approximate);
                // Eq. (1.2): the exact output in accumulator units.
                let output = i64::from(exact) - of_filter.zero_point * sum_a + of_filter.constant;
                of_filters[filter].add(error - v, output, reference.into());
                sums.add(error as f64, (error - v) as f64, output as f64, of_filter.scale);
                if self.sampled == Some(index) {
                    samples.push(ErrorSample { before: error, after: error - v });
                }
            }
        }
    }
}

/// The sum of the codes in each receptive field.
fn sum_codes(layer: &MacLayer, codes: &[u8], scratch: &mut Scratch, sums: &mut Vec<i32>) {
    let shape = layer.spec().shape;
    sums.resize(shape.positions() * shape.groups, 0);
    let code: [i32; 256] = std::array::from_fn(|a| a as i32);
    layer.position_sums(&code, codes, scratch, sums);
}

impl Sums {
    fn add(&mut self, error: f64, left: f64, output: f64, scale: f64) {
        self.outputs += 1.0;
        self.error += error;
        self.error_squared += error * error;
        self.left += left;
        self.left_squared += left * left;
        self.signal_power += (output * scale).powi(2);
        self.noise_before_power += (error * scale).powi(2);
        self.noise_power += (left * scale).powi(2);
    }

    fn merge(&mut self, other: &Self) {
        self.outputs += other.outputs;
        self.error += other.error;
        self.error_squared += other.error_squared;
        self.left += other.left;
        self.left_squared += other.left_squared;
        self.signal_power += other.signal_power;
        self.noise_before_power += other.noise_before_power;
        self.noise_power += other.noise_power;
    }

    /// The statistics, with what `filters` have in common: the power of their mean errors, and slopes.
    fn statistics(
        &self,
        node: &Node,
        kernel: String,
        constant_power: f64,
        slopes: Slopes,
    ) -> LayerStatistics {
        let n = self.outputs.max(1.0);
        let spread = |sum: f64, squared: f64| (squared / n - (sum / n).powi(2)).max(0.0).sqrt();
        let sqnr_db =
            |noise: f64| (noise > 0.0).then(|| 10.0 * (self.signal_power / noise).log10());
        LayerStatistics {
            node: node.name.clone(),
            kernel,
            loaded_operand: match &node.kind {
                NodeKind::Mac(mac) => mac.loaded_operand(),
                _ => None,
            },
            mean_before: self.error / n,
            std_before: spread(self.error, self.error_squared),
            mean_after: self.left / n,
            std_after: spread(self.left, self.left_squared),
            sqnr_before_db: sqnr_db(self.noise_before_power),
            sqnr_db: sqnr_db(self.noise_power),
            constant_share: (self.noise_power > 0.0).then(|| constant_power / self.noise_power),
            slope: slopes.of_layer,
            slope_from_input: slopes.from_input,
        }
    }
}
