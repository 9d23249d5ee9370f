//! A network on one multiplier with one control variate.

use std::ops::Range;
use std::sync::Arc;

use recoup_kernels::{
    BatchItem, Control, ControlTerm, Isa, KernelError, MacLayer, MacSpec, Output, OutputSpec,
    Product, Residual, ResidualSpec, Scratch, quantize,
};

use crate::control_variate::{ControlVariate, LayerConstants};
use crate::model::{ActivationQuantization, NodeKind, SampleError, ValueId, storage_order};
use crate::multiplier::Multiplier;
use crate::quantize::{Quantized, QuantizedMac};

use super::operations::{self, Size, Stored};
use super::plan::{Format, FusedMac, Plan, Step};
use super::prefix::Prefix;

/// A quantised network, planned: what all multipliers share.
pub struct Prepared {
    /// The network.
    pub quantized: Quantized,
    pub(super) plan: Plan,
    /// For each input, where its stored elements lie in a sample.
    input_orders: Vec<Vec<u32>>,
    /// Where the class scores lie among the elements of all outputs, if there are any.
    scores: Option<Range<usize>>,
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
    fn to_codes(
        &self,
        values: &[f32],
        value: ValueId,
        quantization: ActivationQuantization,
        codes: &mut [u8],
    ) {
        let ActivationQuantization { scale, zero_point } = quantization;
        let dropped = self.quantized.dropped_bits(value);
        quantize(self.isa, values, 1.0 / scale, zero_point, dropped, codes)
            .expect("scales were checked when the network was quantised");
    }

    /// Number of elements of all outputs together.
    pub fn output_elements(&self) -> usize {
        let graph = &self.quantized.graph;
        graph.outputs.iter().map(|&output| graph.values[output].volume()).sum()
    }

    /// The kernel layer of one layer of the network; of one that is to be exact, without regard
    /// to `product` and `correction`.
    pub(super) fn layer(
        &self,
        fused: FusedMac,
        output: ValueId,
        product: &Product,
        correction: Option<(&ControlVariate, &LayerConstants)>,
    ) -> Result<MacLayer, KernelError> {
        let spec = match self.plan.place(output).format {
            Format::Floats => OutputSpec::F32,
            Format::Codes(quantization) => OutputSpec::U8 {
                inv_scale: 1.0 / quantization.scale,
                zero_point: quantization.zero_point,
                dropped_bits: self.quantized.dropped_bits(output),
            },
        };
        MacLayer::new(self.isa, self.spec(fused, spec, product, correction))
    }

    /// A layer without what was fused into it: its real outputs.
    pub(super) fn bare_layer(
        &self,
        layer: usize,
        product: &Product,
        correction: Option<(&ControlVariate, &LayerConstants)>,
    ) -> Result<MacLayer, KernelError> {
        let bare = FusedMac { layer, residual: None, low: f32::NEG_INFINITY, high: f32::INFINITY };
        MacLayer::new(self.isa, self.spec(bare, OutputSpec::F32, product, correction))
    }

    fn spec(
        &self,
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
        let mac = &self.quantized.macs[fused.layer];
        let (_, input) = self.quantized.mac_input(mac);
        let control = correction.and_then(|(control, constants)| {
            let terms = control.functions.iter().zip(&constants.c);
            let terms: Vec<ControlTerm> =
                terms.map(|(function, c)| ControlTerm { x: function.x, c: c.clone() }).collect();
            (!terms.is_empty()).then_some(Control { terms, c_frac: control.c_frac })
        });
        let zero_terms = zero_point_terms(mac, self.quantized.weights, i32::from(input.zero_point));
        let c0 = |filter: usize| correction.map_or(0, |(_, constants)| constants.c0[filter]);
        let constant = zero_terms
            .iter()
            .enumerate()
            .map(|(filter, terms)| terms.wrapping_add(mac.bias[filter]).wrapping_add(c0(filter)));
        let residual = fused.residual.map(|value| self.plan.place(value).format);
        MacSpec {
            shape: mac.shape,
            weights: mac.weights.clone(),
            coding,
            product: product.clone(),
            input_zero_point: input.zero_point,
            weight_zero_points: mac.zero_points.clone(),
            control,
            constant: constant.collect(),
            scale: mac.scales.iter().map(|scale| scale * input.scale).collect(),
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
        }
    }
}

/// `k z_w z_a - z_a sum w` per filter, from eq. (2); the sum over activations is the kernel's.
fn zero_point_terms(
    mac: &QuantizedMac,
    scheme: crate::quantize::WeightScheme,
    zero_a: i32,
) -> Vec<i32> {
    let depth = mac.shape.depth();
    let filters = mac.weights.chunks_exact(depth).zip(&mac.zero_points);
    filters
        .map(|(weights, &zero_w)| {
            let value = |&byte: &u8| crate::multiplier::code_value(byte, scheme.coding());
            let sum: i32 = weights.iter().map(value).sum();
            zero_a.wrapping_mul((depth as i32).wrapping_mul(zero_w).wrapping_sub(sum))
        })
        .collect()
}

/// A network that is ready to run.
pub struct Network {
    pub(super) prepared: Arc<Prepared>,
    /// In the order of [`Quantized::macs`].
    pub(super) layers: Vec<MacLayer>,
    pub(super) prefix: Prefix,
}

impl Network {
    /// Builds the layers for `multiplier`, corrected by `control`.
    ///
    /// # Errors
    /// When a kernel refuses a layer: constants beyond what the accumulator holds.
    pub fn new(
        prepared: &Arc<Prepared>,
        multiplier: &Multiplier,
        control: Option<&ControlVariate>,
    ) -> Result<Self, KernelError> {
        let product = multiplier.kernel_product(prepared.quantized.weights.coding());
        let mut layers: Vec<Option<MacLayer>> =
            prepared.quantized.macs.iter().map(|_| None).collect();
        for step in &prepared.plan.steps {
            let Some(fused) = step.mac else { continue };
            let correction = control.map(|control| (control, &control.layers[fused.layer]));
            let layer = prepared.layer(fused, step.outputs[0], &product, correction)?;
            layers[fused.layer] = Some(layer);
        }
        let layers =
            layers.into_iter().map(|layer| layer.expect("every layer is in a step")).collect();
        let all_exact = multiplier.is_exact() && control.is_none();
        let is_exact = |layer| all_exact || prepared.quantized.is_exact(layer);
        Ok(Self { prefix: Prefix::new(prepared, is_exact), prepared: prepared.clone(), layers })
    }

    /// The distinct kernels that its layers run on, in order of first use.
    pub fn kernels(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for name in self.layers.iter().map(MacLayer::kernel_name) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Runs one sample and returns the elements of all outputs ([`crate::model::Graph::output_ranges`]), which
    /// live in `workspace`.
    ///
    /// # Errors
    /// When an operator in float does not take the values of the image.
    ///
    /// # Panics
    /// When `image` has not the inputs' size.
    pub fn run<'w>(
        &self,
        image: &[f32],
        workspace: &'w mut Workspace,
    ) -> Result<&'w [f32], SampleError> {
        self.run_observed(image, workspace, |_, _, _| {})
    }

    /// The class scores among the elements of all outputs.
    ///
    /// # Panics
    /// When no output is one score per class: ask [`crate::model::Graph::scores`] before.
    pub fn class_scores<'o>(&self, outputs: &'o [f32]) -> &'o [f32] {
        let scores = self.prepared.scores.clone();
        &outputs[scores.expect("an output of class scores")]
    }

    /// Images that [`Network::run_many`] likes to get together: more than one where a layer
    /// prepares something that serves them all, but no more than a thread has memory for.
    pub fn batch(&self) -> usize {
        const MOST: usize = 128;
        const BYTES: usize = 64 << 20;
        let plan = &self.prepared.plan;
        let bytes: usize =
            plan.code_buffers.iter().sum::<usize>() + 4 * plan.float_buffers.iter().sum::<usize>();
        let wanted = self.layers.iter().map(MacLayer::batch).max().unwrap_or(1);
        wanted.min(MOST).min(BYTES / bytes.max(1)).max(1)
    }

    /// [`Network::run`] on several images, layer by layer: the same scores, sooner.
    ///
    /// # Errors
    /// When an operator in float does not take the values of an image.
    ///
    /// # Panics
    /// When an image has not the input's size.
    pub fn run_many(
        &self,
        images: &[&[f32]],
        workspaces: &mut Vec<Workspace>,
    ) -> Result<Vec<Vec<f32>>, SampleError> {
        let prepared = &self.prepared;
        workspaces.resize_with(images.len().max(workspaces.len()), Workspace::default);
        let workspaces = &mut workspaces[..images.len()];
        for (workspace, image) in workspaces.iter_mut().zip(images) {
            workspace.load(prepared, image);
        }
        self.run_from(0, workspaces)
    }

    /// Runs the steps from number `first` on.
    pub(super) fn run_from(
        &self,
        first: usize,
        workspaces: &mut [Workspace],
    ) -> Result<Vec<Vec<f32>>, SampleError> {
        let prepared = &self.prepared;
        for step in &prepared.plan.steps[first..] {
            match step.mac {
                Some(fused) => {
                    run_layer(workspaces, &prepared.plan, step, &self.layers[fused.layer])
                }
                None => workspaces
                    .iter_mut()
                    .try_for_each(|work| work.run_step(prepared, step, None))?,
            }
        }
        Ok(workspaces.iter_mut().map(|workspace| workspace.outputs(prepared).to_vec()).collect())
    }

    /// As [`Network::run`], showing `observe` each layer's index, kernel layer and input codes
    /// before it runs.
    ///
    /// # Errors
    /// When an operator in float does not take the values of the image.
    pub fn run_observed<'w>(
        &self,
        image: &[f32],
        workspace: &'w mut Workspace,
        mut observe: impl FnMut(usize, &MacLayer, &[u8]),
    ) -> Result<&'w [f32], SampleError> {
        let plan = &self.prepared.plan;
        workspace.load(&self.prepared, image);
        for step in &plan.steps {
            if let Some(fused) = step.mac {
                let input = plan.place(step.inputs[0]);
                let codes = &workspace.codes[input.buffer][..input.length];
                observe(fused.layer, &self.layers[fused.layer], codes);
            }
            let layer = step.mac.map(|fused| &self.layers[fused.layer]);
            workspace.run_step(&self.prepared, step, layer)?;
        }
        Ok(workspace.outputs(&self.prepared))
    }
}

/// The buffers of one thread (or of one image, where images go through layer by layer).
#[derive(Default)]
pub struct Workspace {
    pub(super) codes: Vec<Vec<u8>>,
    pub(super) floats: Vec<Vec<f32>>,
    pub(super) scratch: Scratch,
    /// Real values on their way to a quantiser.
    values: Vec<f32>,
    /// The inputs of a step in real values, one buffer each.
    inputs: Vec<Vec<f32>>,
    outputs: Vec<f32>,
}

impl Workspace {
    /// Makes the buffers as large as a network needs them.
    pub(super) fn fit(&mut self, prepared: &Prepared) {
        let plan = &prepared.plan;
        self.codes.resize_with(plan.code_buffers.len(), Vec::new);
        self.floats.resize_with(plan.float_buffers.len(), Vec::new);
        self.codes
            .iter_mut()
            .zip(&plan.code_buffers)
            .for_each(|(buffer, &size)| buffer.resize(size, 0));
        self.floats
            .iter_mut()
            .zip(&plan.float_buffers)
            .for_each(|(buffer, &size)| buffer.resize(size, 0.0));
    }

    /// Puts a sample into the inputs' buffers.
    pub(super) fn load(&mut self, prepared: &Prepared, sample: &[f32]) {
        let (plan, graph) = (&prepared.plan, &prepared.quantized.graph);
        assert_eq!(sample.len(), graph.input_elements(), "elements of the inputs");
        self.fit(prepared);
        for (&input, order) in graph.inputs.iter().zip(&prepared.input_orders) {
            let place = plan.place(input);
            let ordered = &mut self.values;
            ordered.clear();
            ordered.extend(order.iter().map(|&index| sample[index as usize]));
            match place.format {
                Format::Floats => {
                    self.floats[place.buffer][..place.length].copy_from_slice(ordered)
                }
                Format::Codes(quantization) => {
                    let codes = &mut self.codes[place.buffer][..place.length];
                    prepared.to_codes(ordered, input, quantization, codes);
                }
            }
        }
    }

    /// The outputs after the last step, in ONNX order, one after the other.
    pub(super) fn outputs(&mut self, prepared: &Prepared) -> &[f32] {
        let graph = &prepared.quantized.graph;
        let (mut outputs, mut values) =
            (std::mem::take(&mut self.outputs), std::mem::take(&mut self.values));
        outputs.clear();
        for &output in &graph.outputs {
            self.stored(&prepared.plan, output).to_floats(&mut values);
            let start = outputs.len();
            outputs.resize(start + values.len(), 0.0);
            for (value, index) in values.iter().zip(storage_order(&graph.values[output].shape)) {
                outputs[start + index] = *value;
            }
        }
        (self.outputs, self.values) = (outputs, values);
        &self.outputs
    }

    pub(super) fn stored(&self, plan: &Plan, value: ValueId) -> Stored<'_> {
        let place = plan.place(value);
        match place.format {
            Format::Codes(quantization) => {
                Stored::Codes(&self.codes[place.buffer][..place.length], quantization)
            }
            Format::Floats => Stored::Floats(&self.floats[place.buffer][..place.length]),
        }
    }

    /// Runs one step; `layer` is the kernel of a step on the multipliers.
    ///
    /// # Errors
    /// When an operator in float does not take the values that reach it.
    pub(super) fn run_step(
        &mut self,
        prepared: &Prepared,
        step: &Step,
        layer: Option<&MacLayer>,
    ) -> Result<(), SampleError> {
        let plan = &prepared.plan;
        if let Some(stretch) = step.stretch {
            return self.run_stretch(prepared, step, stretch);
        }
        if let Some(layer) = layer {
            run_layer(std::slice::from_mut(self), plan, step, layer);
            return Ok(());
        }
        let place = plan.place(step.outputs[0]);
        // Taken out of the workspace for the time of the step; the plan never lets a step write
        // a buffer that it reads.
        match place.format {
            Format::Codes(quantization) => {
                let mut buffer = std::mem::take(&mut self.codes[place.buffer]);
                let output = &mut buffer[..place.length];
                if !self.run_on_codes(prepared, step, output) {
                    let mut values = std::mem::take(&mut self.values);
                    values.clear();
                    values.resize(place.length, 0.0);
                    self.run_in_floats(prepared, step, &mut values);
                    prepared.to_codes(&values, step.outputs[0], quantization, output);
                    self.values = values;
                }
                self.codes[place.buffer] = buffer;
            }
            Format::Floats => {
                let mut buffer = std::mem::take(&mut self.floats[place.buffer]);
                self.run_in_floats(prepared, step, &mut buffer[..place.length]);
                self.floats[place.buffer] = buffer;
            }
        }
        Ok(())
    }

    /// Movements and maxima of codes of one scale; false when the step has to go through floats.
    fn run_on_codes(&self, prepared: &Prepared, step: &Step, output: &mut [u8]) -> bool {
        let (graph, plan) = (&prepared.quantized.graph, &prepared.plan);
        let kind = &graph.nodes[step.node].kind;
        if let (NodeKind::Recode, Stored::Codes(codes, _)) =
            (kind, self.stored(plan, step.inputs[0]))
        {
            output.copy_from_slice(codes);
            return true;
        }
        let format = plan.place(step.outputs[0]).format;
        let mut inputs = Vec::with_capacity(step.inputs.len());
        for &value in &step.inputs {
            match self.stored(plan, value) {
                Stored::Codes(codes, quantization) if format == Format::Codes(quantization) => {
                    inputs.push(codes)
                }
                _ => return false,
            }
        }
        let Format::Codes(quantization) = format else { return false };
        match kind {
            NodeKind::Movement(runs) => {
                operations::movement(runs, &inputs, quantization.zero_point, output)
            }
            NodeKind::MaxPool(window) => {
                let size = |value: ValueId| Size::of(&graph.values[value].shape);
                let (from, to) = (size(step.inputs[0]), size(step.outputs[0]));
                operations::max_pool(window, (from, inputs[0]), (to, output));
            }
            _ => return false,
        }
        true
    }

    fn run_in_floats(&mut self, prepared: &Prepared, step: &Step, output: &mut [f32]) {
        let (graph, plan) = (&prepared.quantized.graph, &prepared.plan);
        let size = |value: ValueId| Size::of(&graph.values[value].shape);
        let kind = &graph.nodes[step.node].kind;
        if matches!(kind, NodeKind::GlobalAveragePool) {
            operations::global_average(
                size(step.inputs[0]),
                self.stored(plan, step.inputs[0]),
                output,
            );
            return;
        }
        let mut inputs = std::mem::take(&mut self.inputs);
        inputs.resize_with(step.inputs.len().max(inputs.len()), Vec::new);
        for (&value, input) in step.inputs.iter().zip(&mut inputs) {
            self.stored(plan, value).to_floats(input);
        }
        match kind {
            NodeKind::Add => {
                let sums = inputs[0].iter().zip(&inputs[1]).map(|(left, right)| left + right);
                output.iter_mut().zip(sums).for_each(|(output, sum)| *output = sum);
            }
            NodeKind::Clip { low, high } => {
                output
                    .iter_mut()
                    .zip(&inputs[0])
                    .for_each(|(output, value)| *output = value.max(*low).min(*high));
            }
            NodeKind::Quantize => output.copy_from_slice(&inputs[0]),
            NodeKind::Movement(runs) => {
                let inputs: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
                operations::movement(runs, &inputs, 0.0, output);
            }
            NodeKind::MaxPool(window) => {
                let (from, to) = (size(step.inputs[0]), size(step.outputs[0]));
                operations::max_pool(window, (from, &inputs[0]), (to, output));
            }
            NodeKind::GlobalAveragePool
            | NodeKind::Recode
            | NodeKind::Mac(_)
            | NodeKind::Operator { .. } => unreachable!("handled before"),
        }
        self.inputs = inputs;
    }

    /// Nodes that rten runs, in floats.
    fn run_stretch(
        &mut self,
        prepared: &Prepared,
        step: &Step,
        stretch: usize,
    ) -> Result<(), SampleError> {
        let plan = &prepared.plan;
        let mut inputs = std::mem::take(&mut self.inputs);
        inputs.resize_with(step.inputs.len().max(inputs.len()), Vec::new);
        for (&value, input) in step.inputs.iter().zip(&mut inputs) {
            self.stored(plan, value).to_floats(input);
        }
        let done = plan.stretches[stretch].run(&inputs, |index, values| {
            let value = step.outputs[index];
            let place = plan.place(value);
            match place.format {
                Format::Floats => {
                    self.floats[place.buffer][..place.length].copy_from_slice(&values)
                }
                Format::Codes(quantization) => {
                    let codes = &mut self.codes[place.buffer][..place.length];
                    prepared.to_codes(&values, value, quantization, codes);
                }
            }
        });
        self.inputs = inputs;
        done
    }
}

/// Runs a layer on the multipliers, on the images in all workspaces.
fn run_layer(workspaces: &mut [Workspace], plan: &Plan, step: &Step, layer: &MacLayer) {
    /// An output, taken out of its workspace: the plan never lets a step write a buffer that it
    /// reads.
    enum Taken {
        Codes(Vec<u8>),
        Floats(Vec<f32>),
    }
    let place = plan.place(step.outputs[0]);
    let mut scratch = std::mem::take(&mut workspaces[0].scratch);
    let taken = workspaces.iter_mut().map(|workspace| match place.format {
        Format::Codes(_) => Taken::Codes(std::mem::take(&mut workspace.codes[place.buffer])),
        Format::Floats => Taken::Floats(std::mem::take(&mut workspace.floats[place.buffer])),
    });
    let mut taken: Vec<Taken> = taken.collect();
    let items = workspaces.iter().zip(&mut taken).map(|(workspace, taken)| {
        let Stored::Codes(input, _) = workspace.stored(plan, step.inputs[0]) else {
            unreachable!("a layer on the multipliers reads codes");
        };
        let residual = match step.inputs.get(1).map(|&value| workspace.stored(plan, value)) {
            None => Residual::None,
            Some(Stored::Codes(codes, _)) => Residual::U8(codes),
            Some(Stored::Floats(values)) => Residual::F32(values),
        };
        let output = match taken {
            Taken::Codes(buffer) => Output::U8(&mut buffer[..place.length]),
            Taken::Floats(buffer) => Output::F32(&mut buffer[..place.length]),
        };
        BatchItem { input, residual, output }
    });
    layer.run_batch(&mut items.collect::<Vec<_>>(), &mut scratch);
    for (workspace, taken) in workspaces.iter_mut().zip(taken) {
        match taken {
            Taken::Codes(buffer) => workspace.codes[place.buffer] = buffer,
            Taken::Floats(buffer) => workspace.floats[place.buffer] = buffer,
        }
    }
    workspaces[0].scratch = scratch;
}
