//! The tensors of one image on its way through a network.

use recoup_kernels::Scratch;

use crate::model::{SampleError, ValueId, storage_order};

use super::operations::Stored;
use super::plan::{Format, Place, Plan};
use super::prepared::Prepared;
use super::profile::Stopwatch;

/// The buffers of one thread (or of one image, where images go through layer by layer).
#[derive(Default)]
pub struct Workspace {
    pub(super) codes: Vec<Vec<u8>>,
    pub(super) floats: Vec<Vec<f32>>,
    pub(super) scratch: Scratch,
    /// Real values on their way to a quantiser.
    pub(super) values: Vec<f32>,
    /// The inputs of a step that are codes in real values, one buffer each.
    pub(super) decoded: Vec<Vec<f32>>,
    /// The operands of an attention, one buffer each, and what lies between its products.
    pub(super) operands: [Vec<f32>; 3],
    pub(super) scores: Vec<f32>,
    /// Codes on their way to another order.
    pub(super) moved: Vec<u8>,
    pub(super) stopwatch: Stopwatch,
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
    ///
    /// # Errors
    /// When it has another size.
    pub(super) fn load(&mut self, prepared: &Prepared, sample: &[f32]) -> Result<(), SampleError> {
        SampleError::check(sample.len(), prepared.quantized.graph.input_elements())?;
        self.fit(prepared);
        self.fill(prepared, sample);
        Ok(())
    }

    /// The same with memory for the sample alone: the steps make room for what they write.
    ///
    /// # Errors
    /// When it has another size.
    pub(super) fn load_alone(
        &mut self,
        prepared: &Prepared,
        sample: &[f32],
    ) -> Result<(), SampleError> {
        let (plan, graph) = (&prepared.plan, &prepared.quantized.graph);
        SampleError::check(sample.len(), graph.input_elements())?;
        self.codes.resize_with(plan.code_buffers.len(), Vec::new);
        self.floats.resize_with(plan.float_buffers.len(), Vec::new);
        self.make_room(plan, &graph.inputs);
        self.fill(prepared, sample);
        self.values = Vec::new();
        Ok(())
    }

    /// Makes the buffers of some tensors as large as they are.
    pub(super) fn make_room(&mut self, plan: &Plan, values: &[ValueId]) {
        for place in values.iter().map(|&value| plan.place(value)) {
            match place.format {
                Format::Codes(_) => self.codes[place.buffer].resize(place.length, 0),
                Format::Floats => self.floats[place.buffer].resize(place.length, 0.0),
            }
        }
    }

    /// Gives back the memory of tensors that nobody reads any more.
    pub(super) fn release(&mut self, dead: &[Place]) {
        for place in dead {
            match place.format {
                Format::Codes(_) => self.codes[place.buffer] = Vec::new(),
                Format::Floats => self.floats[place.buffer] = Vec::new(),
            }
        }
        (self.values, self.decoded) = Default::default();
    }

    fn fill(&mut self, prepared: &Prepared, sample: &[f32]) {
        let (plan, graph) = (&prepared.plan, &prepared.quantized.graph);
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
}

/// The outputs of all images.
pub(super) fn outputs(prepared: &Prepared, workspaces: &mut [Workspace]) -> Vec<Vec<f32>> {
    workspaces.iter_mut().map(|workspace| workspace.outputs(prepared).to_vec()).collect()
}
