//! One step of the plan: layers on the multipliers, nodes on codes, nodes in float.

use std::borrow::Cow;

use recoup_kernels::{
    BatchItem, Coded, Encoded, MacLayer, Output, Pairing, Residual, map, max_pool_codes,
    max_pool_floats, pair,
};

use crate::model::{ActivationQuantization, NodeKind, SampleError, ValueId};

use super::operations::{self, Size, Stored};
use super::plan::{FloatWork, Format, Plan, Step};
use super::prepared::Prepared;
use super::workspace::Workspace;

impl Workspace {
    /// Runs one step that is not on the multipliers.
    ///
    /// # Errors
    /// When an operator in float does not take the values that reach it.
    pub(super) fn run_step(&mut self, prepared: &Prepared, step: &Step) -> Result<(), SampleError> {
        let plan = &prepared.plan;
        match step.float {
            None => {}
            Some(FloatWork::Stretch(index)) => return self.run_stretch(prepared, step, index),
            Some(FloatWork::Attention(index)) => {
                plan.attentions[index].run(prepared, self);
                return Ok(());
            }
            Some(FloatWork::Normalization(index)) => {
                plan.normalizations[index].run(prepared, self);
                return Ok(());
            }
            Some(FloatWork::Softmax(index)) => {
                plan.softmaxes[index].run(prepared, self);
                return Ok(());
            }
            Some(FloatWork::Average(index)) => {
                plan.averages[index].run(prepared, self);
                return Ok(());
            }
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
                    let encode =
                        || prepared.to_codes(&values, step.outputs[0], quantization, output);
                    self.stopwatch.time(encode);
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

    /// Functions, products, sums and movements of codes, maxima of codes of one scale. False when the
    /// step has to go through floats.
    fn run_on_codes(&self, prepared: &Prepared, step: &Step, output: &mut [u8]) -> bool {
        let (graph, plan) = (&prepared.quantized.graph, &prepared.plan);
        if let Some(function) = step.function
            && let Stored::Codes(codes, _) = self.stored(plan, step.inputs[0])
        {
            output.copy_from_slice(codes);
            map(prepared.isa, &plan.functions[function].entries, output);
            return true;
        }
        if let Some(pairing) = step.pairing {
            self.run_pair(prepared, step, pairing, output);
            return true;
        }
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
                    inputs.push(Cow::Borrowed(codes))
                }
                Stored::Codes(codes, quantization) if matches!(kind, NodeKind::Movement(_)) => {
                    let mut codes = codes.to_vec();
                    let entries = recoding(prepared, quantization, step.outputs[0]);
                    map(prepared.isa, &entries, &mut codes);
                    inputs.push(Cow::Owned(codes));
                }
                _ => return false,
            }
        }
        let Format::Codes(quantization) = format else { return false };
        match kind {
            NodeKind::Movement(runs) => match step.order {
                Some(order) => plan.orders[order].take(&inputs[0], output),
                None => {
                    let inputs: Vec<&[u8]> = inputs.iter().map(|codes| &**codes).collect();
                    operations::movement(runs, &inputs, quantization.zero_point, output)
                }
            },
            NodeKind::MaxPool(window) => {
                let size = |value: ValueId| Size::of(&graph.values[value].shape);
                let (from, to) = (size(step.inputs[0]), size(step.outputs[0]));
                let pool = operations::pool(window, from, to);
                max_pool_codes(prepared.isa, &pool, &inputs[0], output);
            }
            _ => return false,
        }
        true
    }

    /// A product or a sum of two tensors. // eq. (4.10), (4.11)
    fn run_pair(&self, prepared: &Prepared, step: &Step, pairing: Pairing, codes: &mut [u8]) {
        let plan = &prepared.plan;
        let coded = |value: ValueId| match self.stored(plan, value) {
            Stored::Codes(codes, ActivationQuantization { scale, zero_point }) => {
                Coded { codes, scale, zero_point }
            }
            Stored::Floats(_) => unreachable!("pairs are of codes"),
        };
        let pairs = [coded(step.inputs[0]), coded(step.inputs[1])];
        let Format::Codes(quantization) = plan.place(step.outputs[0]).format else {
            unreachable!("pairs become codes");
        };
        let mut to = Encoded {
            codes,
            inv_scale: 1.0 / quantization.scale,
            zero_point: quantization.zero_point,
            dropped_bits: prepared.quantized.dropped_bits(step.outputs[0]),
        };
        pair(prepared.isa, pairing, pairs, &mut to)
            .expect("scales were checked when the network was quantised");
    }

    fn run_in_floats(&mut self, prepared: &Prepared, step: &Step, output: &mut [f32]) {
        let (graph, plan) = (&prepared.quantized.graph, &prepared.plan);
        let size = |value: ValueId| Size::of(&graph.values[value].shape);
        let kind = &graph.nodes[step.node].kind;
        if matches!(kind, NodeKind::GlobalAveragePool) {
            operations::global_average(
                prepared.isa,
                size(step.inputs[0]),
                self.stored(plan, step.inputs[0]),
                output,
            );
            return;
        }
        let decoded = self.take_decoded(plan, &step.inputs);
        let inputs = self.real_values(plan, &step.inputs, &decoded);
        match kind {
            NodeKind::Add => {
                let sums = inputs[0].iter().zip(inputs[1]).map(|(left, right)| left + right);
                output.iter_mut().zip(sums).for_each(|(output, sum)| *output = sum);
            }
            NodeKind::Clip { low, high } => {
                output
                    .iter_mut()
                    .zip(inputs[0])
                    .for_each(|(output, value)| *output = value.max(*low).min(*high));
            }
            NodeKind::Quantize => output.copy_from_slice(inputs[0]),
            NodeKind::Movement(runs) => match step.order {
                Some(order) => plan.orders[order].take(inputs[0], output),
                None => operations::movement(runs, &inputs, 0.0, output),
            },
            NodeKind::MaxPool(window) => {
                let (from, to) = (size(step.inputs[0]), size(step.outputs[0]));
                let pool = operations::pool(window, from, to);
                max_pool_floats(prepared.isa, &pool, inputs[0], output);
            }
            NodeKind::GlobalAveragePool
            | NodeKind::Recode
            | NodeKind::Mac(_)
            | NodeKind::Operator { .. } => unreachable!("handled before"),
        }
        self.decoded = decoded;
    }

    /// Nodes that rten runs, in floats.
    fn run_stretch(
        &mut self,
        prepared: &Prepared,
        step: &Step,
        stretch: usize,
    ) -> Result<(), SampleError> {
        let plan = &prepared.plan;
        let decoded = self.take_decoded(plan, &step.inputs);
        let made = plan.stretches[stretch].run(&self.real_values(plan, &step.inputs, &decoded));
        self.decoded = decoded;
        for (&output, values) in step.outputs.iter().zip(made?) {
            self.put(prepared, output, &values);
        }
        Ok(())
    }

    /// Stores real values as the codes or floats that a tensor has.
    pub(super) fn put(&mut self, prepared: &Prepared, value: ValueId, values: &[f32]) {
        let place = prepared.plan.place(value);
        match place.format {
            Format::Floats => self.floats[place.buffer][..place.length].copy_from_slice(values),
            Format::Codes(quantization) => {
                let codes = &mut self.codes[place.buffer][..place.length];
                self.stopwatch.time(|| prepared.to_codes(values, value, quantization, codes));
            }
        }
    }

    /// The real values of those of `values` that are codes, each in a buffer of its place. The
    /// buffers are the workspace's own, which get back to it.
    pub(super) fn take_decoded(&mut self, plan: &Plan, values: &[ValueId]) -> Vec<Vec<f32>> {
        let mut stopwatch = std::mem::take(&mut self.stopwatch);
        let mut decoded = std::mem::take(&mut self.decoded);
        decoded.resize_with(values.len().max(decoded.len()), Vec::new);
        for (&value, buffer) in values.iter().zip(&mut decoded) {
            if let stored @ Stored::Codes(..) = self.stored(plan, value) {
                stopwatch.time(|| stored.to_floats(buffer));
            }
        }
        self.stopwatch = stopwatch;
        decoded
    }

    /// The real values of tensors: as they are stored, or `decoded`.
    pub(super) fn real_values<'a>(
        &'a self,
        plan: &Plan,
        values: &[ValueId],
        decoded: &'a [Vec<f32>],
    ) -> Vec<&'a [f32]> {
        let real = |(&value, decoded): (&ValueId, &'a Vec<f32>)| match self.stored(plan, value) {
            Stored::Floats(values) => values,
            Stored::Codes(..) => decoded,
        };
        values.iter().zip(decoded).map(real).collect()
    }
}

/// The codes of `to` for the same real values as codes of another scale. // eq. (4.9)
fn recoding(prepared: &Prepared, from: ActivationQuantization, to: ValueId) -> [u8; 256] {
    let values: [f32; 256] = std::array::from_fn(|code| operations::real(code as u8, from));
    let Format::Codes(quantization) = prepared.plan.place(to).format else {
        unreachable!("only codes are recoded");
    };
    let mut entries = [0; 256];
    prepared.to_codes(&values, to, quantization, &mut entries);
    entries
}

/// Runs a layer on the multipliers, on the images in all workspaces.
pub(super) fn run_layer(workspaces: &mut [Workspace], plan: &Plan, step: &Step, layer: &MacLayer) {
    /// An output, taken out of its workspace: the plan never lets a step write a buffer that it
    /// reads.
    enum Taken {
        Codes(Vec<u8>),
        Floats(Vec<f32>),
    }
    let place = plan.place(step.outputs[0]);
    let Some(first) = workspaces.first_mut() else { return };
    let mut scratch = std::mem::take(&mut first.scratch);
    let taken = workspaces.iter_mut().map(|workspace| match place.format {
        Format::Codes(_) => Taken::Codes(std::mem::take(&mut workspace.codes[place.buffer])),
        Format::Floats => Taken::Floats(std::mem::take(&mut workspace.floats[place.buffer])),
    });
    let mut taken: Vec<Taken> = taken.collect();
    let items = workspaces.iter().zip(&mut taken).map(|(workspace, taken)| {
        let Stored::Codes(input, _) = workspace.stored(plan, step.inputs[0]) else {
            unreachable!("a layer on the multipliers reads codes");
        };
        let residual = step.mac.and_then(|fused| fused.residual);
        let residual = match residual.map(|value| workspace.stored(plan, value)) {
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
