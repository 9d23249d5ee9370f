//! What the calibration images look like inside the quantised network.

use std::sync::Arc;

use rayon::prelude::*;
use recoup_kernels::{ConvShape, MacLayer};

use crate::control_variate::CodeHistogram;
use crate::model::SampleError;
use crate::multiplier::Multiplier;

use crate::watch::{Watch, go_on};

use super::error::EmulateError;
use super::execute::{Threads, execute};
use super::network::Network;
use super::prepared::Prepared;
use super::workspace::Workspace;

impl Network {
    /// As [`Network::run`], showing `observe` each layer's index, kernel layer and input codes
    /// before it runs.
    ///
    /// # Errors
    /// When `image` has not the inputs' size, or an operator in float does not take its values.
    pub fn run_observed<'w>(
        &self,
        image: &[f32],
        workspace: &'w mut Workspace,
        mut observe: impl FnMut(usize, &MacLayer, &[u8]),
    ) -> Result<&'w [f32], SampleError> {
        let prepared = &self.prepared;
        workspace.load(prepared, image)?;
        let (steps, image) = (0..prepared.plan.steps.len(), std::slice::from_mut(workspace));
        execute(prepared, steps, image, Threads::Caller, |next, image| {
            let layer = next.fused.layer;
            observe(layer, &self.layers[layer], next.input_of(&mut image[0]).0);
            Ok::<_, SampleError>(&self.layers[layer])
        })?;
        Ok(workspace.outputs(prepared))
    }
}

/// Runs the network with exact products on `images` and counts, per layer, how often each
/// activation code takes part in a product; padding counts as the zero point that it is.
/// A step of the work is an image.
///
/// # Errors
/// When a kernel refuses a layer, or an operator in float the values of an image.
pub fn code_histograms(
    prepared: &Arc<Prepared>,
    images: &[Vec<f32>],
    watch: &(impl Watch + ?Sized),
) -> Result<Vec<CodeHistogram>, EmulateError> {
    let network = Network::new(prepared, &Multiplier::exact(), None)?;
    let macs = &prepared.quantized.macs;
    let coverage: Vec<_> = macs.iter().map(|mac| Coverage::new(&mac.shape)).collect();
    let empty = || (vec![[0; 256]; macs.len()], Workspace::default());
    let (histograms, _) = images
        .par_iter()
        .try_fold(empty, |(mut histograms, mut workspace), image| {
            go_on(watch)?;
            network.run_observed(image, &mut workspace, |layer, _, codes| {
                let mac = &macs[layer];
                let zero_point = prepared.quantized.mac_input(mac).1.zero_point;
                coverage[layer].count(
                    codes,
                    mac.shape.channels,
                    zero_point,
                    &mut histograms[layer],
                );
            })?;
            watch.advance(1);
            Ok::<_, EmulateError>((histograms, workspace))
        })
        .try_reduce(empty, |(mut left, workspace), (right, _)| {
            for (left, right) in left.iter_mut().zip(&right) {
                left.iter_mut().zip(right).for_each(|(count, more)| *count += more);
            }
            Ok((left, workspace))
        })?;
    Ok(histograms)
}

/// The outputs of `images`, in their order.
///
/// # Errors
/// When an operator in float does not take the values of an image.
pub fn class_scores(
    network: &Network,
    images: &[Vec<f32>],
    watch: &(impl Watch + ?Sized),
) -> Result<Vec<Vec<f32>>, EmulateError> {
    let run = |workspace: &mut Workspace, image: &Vec<f32>| {
        go_on(watch)?;
        Ok(network.run(image, workspace)?.to_vec())
    };
    images.par_iter().map_init(Workspace::default, run).collect()
}

/// The share of a layer's products whose activation is padding.
pub(crate) fn padding_share(shape: &ConvShape) -> f64 {
    let coverage = Coverage::new(shape);
    let inside: u64 = coverage.rows.iter().sum::<u64>() * coverage.columns.iter().sum::<u64>();
    1.0 - inside as f64 / coverage.taps as f64
}

/// How many windows cover each row and each column of the image.
struct Coverage {
    rows: Vec<u64>,
    columns: Vec<u64>,
    /// Products per filter and image, padding included, per channel of the whole image.
    taps: u64,
}

impl Coverage {
    fn new(shape: &ConvShape) -> Self {
        let count = |size: usize,
                     outputs: usize,
                     kernel: usize,
                     stride: usize,
                     dilation: usize,
                     pad: usize| {
            let mut covered = vec![0; size];
            for output in 0..outputs {
                for tap in 0..kernel {
                    let at = (output * stride + tap * dilation).checked_sub(pad);
                    if let Some(count) = at.and_then(|at| covered.get_mut(at)) {
                        *count += 1;
                    }
                }
            }
            covered
        };
        Self {
            rows: count(
                shape.height,
                shape.out_height(),
                shape.kernel_height,
                shape.stride_height,
                shape.dilation_height,
                shape.pad_top,
            ),
            columns: count(
                shape.width,
                shape.out_width(),
                shape.kernel_width,
                shape.stride_width,
                shape.dilation_width,
                shape.pad_left,
            ),
            taps: (shape.positions() * shape.kernel_height * shape.kernel_width) as u64,
        }
    }

    fn count(&self, codes: &[u8], channels: usize, zero_point: u8, histogram: &mut CodeHistogram) {
        let mut pixels = codes.chunks_exact(channels);
        let mut inside = 0;
        for &rows in &self.rows {
            for (&columns, pixel) in self.columns.iter().zip(&mut pixels) {
                let times = rows * columns;
                inside += times;
                pixel.iter().for_each(|&code| histogram[usize::from(code)] += times);
            }
        }
        histogram[usize::from(zero_point)] += (self.taps - inside) * channels as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tap_is_counted_once() {
        let shape = ConvShape {
            height: 3,
            width: 4,
            kernel_height: 3,
            kernel_width: 2,
            stride_width: 2,
            pad_top: 1,
            pad_bottom: 1,
            pad_left: 1,
            ..ConvShape::linear(1, 2, 1)
        };
        let codes: Vec<u8> = (10..34).collect();
        let mut counted = [0; 256];
        Coverage::new(&shape).count(&codes, 2, 7, &mut counted);
        let mut expected = [0; 256];
        for y in 0..shape.out_height() as isize {
            for x in 0..shape.out_width() as isize {
                for (dy, dx) in (0..3).flat_map(|dy| (0..2).map(move |dx| (dy, dx))) {
                    let (row, column) = (y + dy - 1, 2 * x + dx - 1);
                    for channel in 0..2 {
                        let inside = (0..3).contains(&row) && (0..4).contains(&column);
                        let code = if inside {
                            codes[((row * 4 + column) * 2 + channel) as usize]
                        } else {
                            7
                        };
                        expected[usize::from(code)] += 1;
                    }
                }
            }
        }
        assert_eq!(counted, expected);
    }
}
