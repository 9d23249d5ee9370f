//! A layer by itself: real values in and out, on the kernels and constants of its network.

use std::sync::Arc;

use rayon::prelude::*;
use recoup_kernels::{
    BatchItem, KernelError, MacLayer, MacSpec, Output, OutputSpec, Residual, ResidualSpec, Scratch,
};

use crate::model::SampleError;

use super::execute::images_of_a_thread;
use super::network::Network;
use super::operations::real;
use super::prepared::Prepared;

/// A layer without what was fused into it.
pub struct LoneLayer {
    prepared: Arc<Prepared>,
    /// Index into [`crate::quantize::Quantized::macs`].
    layer: usize,
    kernel: MacLayer,
}

/// What a layer makes of some images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoneOutputs {
    /// The inputs as the multipliers get them: what their codes stand for.
    pub inputs: Vec<f32>,
    /// The outputs, `[image][position][filter]`.
    pub outputs: Vec<f32>,
}

impl Network {
    /// One of its layers, in the order of [`crate::quantize::Quantized::macs`].
    ///
    /// # Errors
    /// When a kernel refuses it.
    pub fn lone_layer(&self, layer: usize) -> Result<LoneLayer, KernelError> {
        let spec = MacSpec {
            low: f32::NEG_INFINITY,
            high: f32::INFINITY,
            residual: ResidualSpec::None,
            output: OutputSpec::F32,
            activation: None,
            ..self.layers[layer].spec().clone()
        };
        let kernel = MacLayer::new(self.prepared.isa, spec)?;
        Ok(LoneLayer { prepared: self.prepared.clone(), layer, kernel })
    }
}

impl LoneLayer {
    /// Runs it on all threads on images one after the other, each `[height][width][channel]`.
    ///
    /// # Errors
    /// When they are not a whole number of images.
    pub fn run(&self, inputs: &[f32]) -> Result<LoneOutputs, SampleError> {
        let shape = &self.kernel.spec().shape;
        let (input_len, output_len) = (shape.input_len(), shape.output_len());
        let images = inputs.len() / input_len;
        SampleError::check(inputs.len(), images.max(1) * input_len)?;
        let mut made = LoneOutputs {
            inputs: vec![0.0; inputs.len()],
            outputs: vec![0.0; images * output_len],
        };
        let together = images_of_a_thread(self.kernel.batch(), images);
        let parts = inputs
            .par_chunks(together * input_len)
            .zip(made.inputs.par_chunks_mut(together * input_len))
            .zip(made.outputs.par_chunks_mut(together * output_len));
        parts.for_each_init(Default::default, |buffers, ((inputs, seen), outputs)| {
            self.run_together(inputs, seen, outputs, buffers);
        });
        Ok(made)
    }

    fn run_together(
        &self,
        inputs: &[f32],
        seen: &mut [f32],
        outputs: &mut [f32],
        (codes, scratch): &mut (Vec<u8>, Scratch),
    ) {
        let shape = &self.kernel.spec().shape;
        let quantized = &self.prepared.quantized;
        let (value, quantization) = quantized.mac_input(&quantized.macs[self.layer]);
        codes.resize(inputs.len(), 0);
        self.prepared.to_codes(inputs, value, quantization, codes);
        seen.iter_mut().zip(&*codes).for_each(|(seen, &code)| *seen = real(code, quantization));
        let images = codes.chunks_exact(shape.input_len());
        let items = images.zip(outputs.chunks_exact_mut(shape.output_len()));
        let items = items.map(|(input, output)| BatchItem {
            input,
            residual: Residual::None,
            output: Output::F32(output),
        });
        self.kernel.run_batch(&mut items.collect::<Vec<_>>(), scratch);
    }
}
