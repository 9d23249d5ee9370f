//! What the calibration images look like inside the quantised network.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use recoup_kernels::{ConvShape, MacLayer};

use crate::control_variate::{ChannelCodes, CodeHistogram, SeenCodes};
use crate::model::SampleError;
use crate::multiplier::Multiplier;
use crate::quantize::{LayerCodes, Quantized, QuantizedMac};

use crate::watch::{Watch, go_on};

use super::error::EmulateError;
use super::execute::{NextLayer, images_of_a_thread};
use super::network::Network;
use super::operations::turned;
use super::prepared::Prepared;
use super::steps::run_layer;
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
        for step in &prepared.plan.steps {
            let Some(next) = NextLayer::of(&prepared.plan, step) else {
                workspace.run_step(prepared, step)?;
                continue;
            };
            let layer = next.fused.layer;
            let kernel = next.kernel(&self.layers[layer], workspace);
            observe(layer, &kernel, next.input_of(workspace));
            run_layer(std::slice::from_mut(workspace), &prepared.plan, step, &kernel);
        }
        Ok(workspace.outputs(prepared))
    }
}

/// Images whose weights are kept, of layers that each image brings its own.
const LOADED_IMAGES: usize = 16;

/// Runs the network with exact products on `images` and counts, per layer and input channel, how
/// often each activation code takes part in a product; padding counts as the zero point that it
/// is. A step of the work is an image.
///
/// # Errors
/// When a kernel refuses a layer, or an operator in float the values of an image.
pub fn code_histograms(
    prepared: &Arc<Prepared>,
    images: &[Vec<f32>],
    watch: &(impl Watch + ?Sized),
) -> Result<Vec<SeenCodes>, EmulateError> {
    let network = Network::new(prepared, &Multiplier::exact(), None)?;
    let macs = &prepared.quantized.macs;
    let coverage: Vec<_> = macs.iter().map(|mac| Coverage::new(&mac.shape)).collect();
    // The last counts of a layer are those of the bytes that it was loaded with.
    let counts = |mac: &QuantizedMac| vec![[0; 256]; mac.shape.channels + 1];
    let empty = || (macs.iter().map(counts).collect::<Vec<_>>(), Workspace::default());
    // `[layer][image]`, of the first images: what was loaded, and the codes that streamed.
    let of_images = || std::array::from_fn(|_| OnceLock::new());
    let operands: Vec<[OnceLock<[Vec<u8>; 2]>; LOADED_IMAGES]> =
        macs.iter().map(|_| of_images()).collect();
    let (counts, _) = images
        .par_iter()
        .enumerate()
        .try_fold(empty, |(mut counts, mut workspace), (number, image)| {
            go_on(watch)?;
            network.run_observed(image, &mut workspace, |layer, kernel, codes| {
                let (of_loaded, channels) = counts[layer].split_last_mut().expect("one more");
                coverage[layer].count(codes, channels);
                if macs[layer].load.is_none() {
                    return;
                }
                let loaded = &*kernel.spec().weights;
                for &byte in loaded {
                    let count = &mut of_loaded[usize::from(byte)];
                    *count = count.saturating_add(1);
                }
                if let Some(operands) = operands[layer].get(number) {
                    operands.get_or_init(|| [loaded.to_vec(), codes.to_vec()]);
                }
            })?;
            watch.advance(1);
            Ok::<_, EmulateError>((counts, workspace))
        })
        .try_reduce(empty, |(mut left, workspace), (right, _)| {
            let (all, more) = (left.iter_mut().flatten(), right.iter().flatten());
            let pairs = all.zip(more).flat_map(|(all, more)| all.iter_mut().zip(more));
            pairs.for_each(|(count, more)| *count = count.saturating_add(*more));
            Ok((left, workspace))
        })?;
    let layers = macs.iter().zip(&coverage).zip(counts).zip(operands);
    let layers = layers.map(|(((mac, coverage), mut counts), operands)| {
        let zero_point = prepared.quantized.mac_input(mac).1.zero_point;
        let of_loaded = counts.pop().expect("one more");
        let seen = coverage.seen(counts, images.len() as u64, zero_point);
        let Some(load) = mac.load else { return seen };
        let operands = operands.into_iter().filter_map(OnceLock::into_inner);
        let (mut loaded, mut streamed) = (Vec::new(), Vec::new());
        let bytes = load.bytes();
        let (rows, matrices) = (mac.shape.positions(), mac.shape.groups);
        for [of_image, codes] in operands {
            loaded.extend(of_image);
            // As they would be loaded, matrix by matrix.
            let turned = turned(&codes, [rows, matrices], mac.shape.depth());
            streamed.extend(turned.into_iter().map(|code| bytes[usize::from(code)]));
        }
        let mut all: CodeHistogram = [0; 256];
        let positions = mac.shape.positions() as u64;
        for (byte, &count) in (0..=u8::MAX).zip(&of_loaded) {
            all[usize::from(load.code(byte))] += positions * u64::from(count);
        }
        let other = SeenCodes { loaded: streamed, ..SeenCodes::pooled(all) };
        SeenCodes { loaded, exchanged: Some(Box::new(other)), ..seen }
    });
    Ok(layers.collect())
}

/// What [`code_histograms`] counted earlier in this network on so many images, from a file; none if
/// its counts are of other layers, or of maps of another size.
pub(crate) fn counted_codes(
    quantized: &Quantized,
    counted: &[LayerCodes],
    images: u64,
) -> Option<Vec<SeenCodes>> {
    let macs = &quantized.macs;
    let layer = |(mac, counted): (&QuantizedMac, &LayerCodes)| {
        let coverage = Coverage::new(&mac.shape);
        let products = (coverage.taps() * mac.shape.channels as u64).checked_mul(images)?;
        let LayerCodes { node, codes, channels } = counted;
        let seen = match channels.as_slice() {
            [] => SeenCodes::pooled(codes.as_slice().try_into().ok()?),
            channels if channels.len() == mac.shape.channels => {
                let zero_point = quantized.mac_input(mac).1.zero_point;
                coverage.seen(channels.to_vec(), images, zero_point)
            }
            _ => return None,
        };
        let own = images * coverage.inside();
        let of_channel = |counts: &[u32; 256]| counts.iter().map(|&count| u64::from(count)).sum();
        let all = seen.all.iter().try_fold(0u64, |all, &count| all.checked_add(count));
        // A file does not tell what images bring.
        let fits = mac.load.is_none()
            && *node == quantized.graph.nodes[mac.node].name
            && seen.all == **codes
            && all == Some(products)
            && channels.iter().map(of_channel).all(|count: u64| count == own);
        fits.then_some(seen)
    };
    let layers = macs.iter().zip(counted).map(layer);
    if macs.len() == counted.len() { layers.collect() } else { None }
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
    let together = images_of_a_thread(network.batch(), images.len());
    let run = |workspaces: &mut Vec<Workspace>, images: &[Vec<f32>]| {
        go_on(watch)?;
        let images: Vec<&[f32]> = images.iter().map(Vec::as_slice).collect();
        Ok(network.run_many(&images, workspaces)?)
    };
    let scores: Result<Vec<_>, EmulateError> =
        images.par_chunks(together).map_init(Vec::new, run).collect();
    Ok(scores?.concat())
}

/// The share of a layer's products whose activation is padding.
pub(crate) fn padding_share(shape: &ConvShape) -> f64 {
    let coverage = Coverage::new(shape);
    1.0 - coverage.inside() as f64 / coverage.taps() as f64
}

/// How many windows cover each row and each column of the image, and how many activations each row
/// and each column of the kernel finds there.
struct Coverage {
    rows: Cover,
    columns: Cover,
    /// Output positions.
    positions: u64,
}

/// The same in one direction.
struct Cover {
    /// Of each row of the image, the windows that cover it.
    image: Vec<u32>,
    /// Of each row of the kernel, the outputs for which it is inside the image.
    kernel: Vec<u32>,
}

impl Cover {
    fn new(
        size: usize,
        outputs: usize,
        kernel: usize,
        stride: usize,
        dilation: usize,
        pad: usize,
    ) -> Self {
        let mut cover = Self { image: vec![0; size], kernel: vec![0; kernel] };
        for output in 0..outputs {
            for tap in 0..kernel {
                let at = (output * stride + tap * dilation).checked_sub(pad);
                if let Some(count) = at.and_then(|at| cover.image.get_mut(at)) {
                    *count += 1;
                    cover.kernel[tap] += 1;
                }
            }
        }
        cover
    }

    fn inside(&self) -> u64 {
        self.image.iter().map(|&count| u64::from(count)).sum()
    }
}

impl Coverage {
    fn new(shape: &ConvShape) -> Self {
        Self {
            rows: Cover::new(
                shape.height,
                shape.out_height(),
                shape.kernel_height,
                shape.stride_height,
                shape.dilation_height,
                shape.pad_top,
            ),
            columns: Cover::new(
                shape.width,
                shape.out_width(),
                shape.kernel_width,
                shape.stride_width,
                shape.dilation_width,
                shape.pad_left,
            ),
            positions: shape.positions() as u64,
        }
    }

    /// Products per filter, image and channel of the whole image whose activation is no padding.
    fn inside(&self) -> u64 {
        self.rows.inside() * self.columns.inside()
    }

    /// The same, padding included.
    fn taps(&self) -> u64 {
        self.positions * (self.rows.kernel.len() * self.columns.kernel.len()) as u64
    }

    /// Counts the codes of an image by channel, one for each product; a few channels at a time,
    /// whose counts stay in the cache.
    fn count(&self, codes: &[u8], channels: &mut [[u32; 256]]) {
        const AT_ONCE: usize = 32;
        let depth = channels.len();
        for (block, channels) in channels.chunks_mut(AT_ONCE).enumerate() {
            let mut pixels = codes.chunks_exact(depth);
            for &rows in &self.rows.image {
                for (&columns, pixel) in self.columns.image.iter().zip(&mut pixels) {
                    let times = rows * columns;
                    for (counts, &code) in channels.iter_mut().zip(&pixel[block * AT_ONCE..]) {
                        let count = &mut counts[usize::from(code)];
                        *count = count.saturating_add(times);
                    }
                }
            }
        }
    }

    /// What was counted in so many images.
    fn seen(&self, counts: Vec<[u32; 256]>, images: u64, zero_point: u8) -> SeenCodes {
        let mut all: CodeHistogram = [0; 256];
        for counts in &counts {
            all.iter_mut().zip(counts).for_each(|(all, &count)| *all += u64::from(count));
        }
        let padding = images * (self.taps() - self.inside()) * counts.len() as u64;
        all[usize::from(zero_point)] += padding;
        let (rows, columns) = (&self.rows.kernel, &self.columns.kernel);
        let share = |inside: u64| (self.positions - inside) as f64 / self.positions as f64;
        let taps = rows.iter().flat_map(|&row| columns.iter().map(move |&column| (row, column)));
        let channels = ChannelCodes {
            counts,
            samples: images * (self.rows.image.len() * self.columns.image.len()) as u64,
            padding: taps.map(|(row, column)| share(u64::from(row) * u64::from(column))).collect(),
            zero_point,
        };
        SeenCodes { channels: Some(channels), ..SeenCodes::pooled(all) }
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
        let coverage = Coverage::new(&shape);
        let mut counts = vec![[0; 256]; 2];
        coverage.count(&codes, &mut counts);
        let seen = coverage.seen(counts, 1, 7);
        let (mut expected, mut padding) = ([0; 256], vec![0; 6]);
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
                        padding[(dy * 2 + dx) as usize] += u32::from(!inside);
                    }
                }
            }
        }
        assert_eq!(seen.all, expected);
        let channels = seen.channels.unwrap();
        assert_eq!(channels.samples, 12);
        let positions = 2.0 * shape.positions() as f64;
        let padding: Vec<f64> = padding.iter().map(|&count| f64::from(count) / positions).collect();
        assert_eq!(channels.padding, padding);
        for (channel, counts) in channels.counts.iter().enumerate() {
            for code in (10..34).filter(|code| code % 2 == channel) {
                assert_eq!(u64::from(counts[code]), expected[code], "{code}");
            }
            assert_eq!(
                counts.iter().map(|&count| u64::from(count)).sum::<u64>(),
                coverage.inside()
            );
        }
    }

    #[test]
    fn many_channels_are_counted_as_each_alone() {
        const CHANNELS: usize = 70;
        let shape =
            ConvShape { height: 5, width: 4, kernel_height: 3, ..ConvShape::linear(1, 1, 1) };
        let coverage = Coverage::new(&shape);
        let codes: Vec<u8> = (0..20 * CHANNELS).map(|i| (i * i % 251) as u8).collect();
        let mut counts = vec![[0; 256]; CHANNELS];
        coverage.count(&codes, &mut counts);
        for (channel, found) in counts.iter().enumerate() {
            let own: Vec<u8> = codes.iter().skip(channel).step_by(CHANNELS).copied().collect();
            let mut alone = [[0; 256]];
            coverage.count(&own, &mut alone);
            assert_eq!(*found, alone[0], "{channel}");
        }
    }
}
