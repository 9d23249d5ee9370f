//! A layer by itself: real values in and out, on the kernels and constants of its network.

use std::sync::Arc;

use rayon::prelude::*;
use recoup_kernels::{
    BatchItem, Isa, KernelError, MacSpec, Output, OutputSpec, Residual, ResidualSpec, Scratch,
};

use crate::model::{ActivationQuantization, SampleError, ValueId};

use super::execute::images_of_a_thread;
use super::layer::Layer;
use super::network::Network;
use super::operations::{real, turned};
use super::prepared::Prepared;

/// A layer without what was fused into it.
pub struct LoneLayer {
    prepared: Arc<Prepared>,
    /// Index into [`crate::quantize::Quantized::macs`].
    layer: usize,
    kernel: Layer,
}

/// What a layer makes of some images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoneOutputs {
    /// The inputs as the multipliers get them: what their codes stand for.
    pub inputs: Vec<f32>,
    /// The same of what is loaded, if images bring it.
    pub loaded: Vec<f32>,
    /// The outputs, `[image][position][filter]`.
    pub outputs: Vec<f32>,
}

/// Some images of a layer, one after the other.
struct Images<'a> {
    inputs: &'a [f32],
    loaded: &'a [f32],
    seen: &'a mut [f32],
    seen_loaded: &'a mut [f32],
    outputs: &'a mut [f32],
}

impl Network {
    /// One of its layers, in the order of [`crate::quantize::Quantized::macs`].
    ///
    /// # Errors
    /// When a kernel refuses it.
    pub fn lone_layer(&self, layer: usize) -> Result<LoneLayer, KernelError> {
        let kernel = self.bare_layer(layer)?;
        Ok(LoneLayer { prepared: self.prepared.clone(), layer, kernel })
    }

    /// A layer without what was fused into it.
    pub(super) fn bare_layer(&self, layer: usize) -> Result<Layer, KernelError> {
        self.layers[layer].bare(self.prepared.isa)
    }
}

impl Layer {
    /// The same without what was fused into it: its real outputs.
    pub(super) fn bare(&self, isa: Isa) -> Result<Layer, KernelError> {
        let spec = MacSpec {
            low: f32::NEG_INFINITY,
            high: f32::INFINITY,
            residual: ResidualSpec::None,
            output: OutputSpec::F32,
            activation: None,
            ..self.spec().clone()
        };
        self.with_spec(isa, spec)
    }
}

impl LoneLayer {
    /// Runs it on all threads on images one after the other, each `[height][width][channel]`. Of a
    /// product of two activations each is `[row][matrix][depth]`, and brings its `loaded` ones,
    /// `[matrix][column][depth]`; of others none are loaded. This is the order of its operands,
    /// whichever the array is loaded with.
    ///
    /// # Errors
    /// When they are not a whole number of images, or what is loaded is not for as many.
    pub fn run(&self, inputs: &[f32], loaded: &[f32]) -> Result<LoneOutputs, SampleError> {
        let mac = self.prepared.quantized.graph.macs().nth(self.layer);
        if !mac.is_some_and(|(_, mac)| mac.loads_first()) {
            return self.run_as_loaded(inputs, loaded);
        }
        let shape = &self.kernel.spec().shape;
        let (matrices, rows, depth) = (shape.groups, shape.filters_per_group(), shape.depth());
        let columns = shape.positions();
        let streamed = turned(loaded, [matrices, columns], depth);
        let made = self.run_as_loaded(&streamed, &turned(inputs, [rows, matrices], depth))?;
        // `[column][matrix][row]` becomes `[matrix][row][column]`, and that `[row][matrix][column]`.
        let by_column = turned(&made.outputs, [columns, matrices * rows], 1);
        Ok(LoneOutputs {
            inputs: turned(&made.loaded, [matrices, rows], depth),
            loaded: turned(&made.inputs, [columns, matrices], depth),
            outputs: turned(&by_column, [matrices, rows], columns),
        })
    }

    fn run_as_loaded(&self, inputs: &[f32], loaded: &[f32]) -> Result<LoneOutputs, SampleError> {
        let shape = &self.kernel.spec().shape;
        let (input_len, output_len) = (shape.input_len(), shape.output_len());
        let images = inputs.len() / input_len;
        SampleError::check(inputs.len(), images.max(1) * input_len)?;
        let loaded_len = if self.kernel.is_loaded() { shape.filters * shape.depth() } else { 0 };
        SampleError::check(loaded.len(), images * loaded_len)?;
        let mut made = LoneOutputs {
            inputs: vec![0.0; inputs.len()],
            loaded: vec![0.0; loaded.len()],
            outputs: vec![0.0; images * output_len],
        };
        let together = images_of_a_thread(self.kernel.batch(), images);
        let mut rest = Images {
            inputs,
            loaded,
            seen: &mut made.inputs,
            seen_loaded: &mut made.loaded,
            outputs: &mut made.outputs,
        };
        let parts: Vec<Images> = (0..images)
            .step_by(together)
            .map(|first| {
                let count = together.min(images - first);
                rest.take(count * input_len, count * loaded_len, count * output_len)
            })
            .collect();
        parts.into_par_iter().for_each_init(Default::default, |buffers, images| {
            self.run_together(images, buffers);
        });
        Ok(made)
    }

    fn run_together(&self, images: Images, (codes, scratch): &mut (Vec<u8>, Scratch)) {
        let Images { inputs, loaded, seen, seen_loaded, outputs } = images;
        let shape = &self.kernel.spec().shape;
        let quantized = &self.prepared.quantized;
        let mac = &quantized.macs[self.layer];
        let (value, quantization) = quantized.mac_input(mac);
        self.code((value, quantization), inputs, codes);
        seen.iter_mut().zip(&*codes).for_each(|(seen, &code)| *seen = real(code, quantization));
        let Some((value, quantization)) = quantized.mac_loaded(mac) else {
            let images = codes.chunks_exact(shape.input_len());
            let items = images.zip(outputs.chunks_exact_mut(shape.output_len()));
            let mut items: Vec<_> = items.map(|(input, output)| item(input, output)).collect();
            self.kernel.loaded(None).run_batch(&mut items, scratch);
            return;
        };
        let mut brought = Vec::new();
        self.code((value, quantization), loaded, &mut brought);
        // Of weights of fewer bits the array sees less of a code.
        let kept = mac.load.expect("codes are loaded").kept();
        let codes_seen = seen_loaded.iter_mut().zip(&brought);
        codes_seen.for_each(|(seen, &code)| *seen = real(kept[usize::from(code)], quantization));
        let brought = brought.chunks_exact(shape.filters * shape.depth());
        let images = codes.chunks_exact(shape.input_len()).zip(brought);
        for ((input, brought), output) in images.zip(outputs.chunks_exact_mut(shape.output_len())) {
            self.kernel.loaded(Some(brought)).run_batch(&mut [item(input, output)], scratch);
        }
    }

    fn code(
        &self,
        (value, quantization): (ValueId, ActivationQuantization),
        values: &[f32],
        codes: &mut Vec<u8>,
    ) {
        codes.resize(values.len(), 0);
        self.prepared.to_codes(values, value, quantization, codes);
    }
}

fn item<'a>(input: &'a [u8], output: &'a mut [f32]) -> BatchItem<'a> {
    BatchItem { input, residual: Residual::None, output: Output::F32(output) }
}

impl<'a> Images<'a> {
    /// The first ones, of so many elements; the others stay.
    fn take(&mut self, inputs: usize, loaded: usize, outputs: usize) -> Self {
        Self {
            inputs: self.inputs.split_off(..inputs).expect("counted"),
            loaded: self.loaded.split_off(..loaded).expect("counted"),
            seen: self.seen.split_off_mut(..inputs).expect("counted"),
            seen_loaded: self.seen_loaded.split_off_mut(..loaded).expect("counted"),
            outputs: self.outputs.split_off_mut(..outputs).expect("counted"),
        }
    }
}
