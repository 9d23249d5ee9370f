//! The loops around the tiles.

use std::ops::Range;

use super::image::{FloatBuffer, FloatImage, Line};
use super::tile::{FloatKernels, Tap, Tile, TileKernel};
use crate::{ConvShape, Isa, KernelError, output::blocks::LANES};

/// Bytes of input rows that meet all filters before the next rows do: they stay in the second-level
/// cache meanwhile.
const ROWS_BYTES: usize = 256 << 10;

/// Channels of a group up to which groups that are no whole blocks are spread over the lanes.
const SPREAD_CHANNELS: usize = 8;

/// Floats that nobody counts.
const SMALL: usize = 1 << 20;

/// What a [`FloatConv`] computes.
#[derive(Clone, Debug)]
pub struct FloatConvSpec {
    /// Geometry.
    pub shape: ConvShape,
    /// Weights, `[filter][channel in group][kernel row][kernel column]`.
    pub weights: Vec<f32>,
    /// One per filter.
    pub bias: Vec<f32>,
    /// Lower bound of what comes out, or negative infinity.
    pub low: f32,
    /// Upper bound, or infinity.
    pub high: f32,
}

/// A convolution between images in blocks of channels.
#[derive(Clone, Debug)]
pub struct FloatConv {
    shape: ConvShape,
    input: FloatImage,
    output: FloatImage,
    /// Where groups are no whole blocks: first the channel that each filter reads first, in the
    /// filter's lane, then those that they read second and so on.
    spread: Option<FloatImage>,
    strips: Vec<Strip>,
    rows: usize,
    taps: Vec<Tap>,
    /// A line for each channel of each tap, in each block of filters.
    weights: Vec<Line>,
    bias: Vec<Line>,
    low: f32,
    high: f32,
    kernels: &'static [&'static [TileKernel]],
}

/// Blocks of filters that a tile computes together.
#[derive(Clone, Debug)]
struct Strip {
    blocks: Range<usize>,
    /// Where the first block of the channels that they read starts.
    input: usize,
}

impl FloatConv {
    /// Whether it is quick and takes a few times the memory of the image, weights and output at
    /// most: not with groups that are neither whole blocks nor of few channels, nor with pads much
    /// larger than the image.
    pub fn pays(shape: &ConvShape) -> bool {
        if shape.validate().is_err() {
            return false;
        }
        let blocks = |count: usize| count.next_multiple_of(LANES);
        let padded = shape.padded_height() * shape.padded_width();
        let spread = match whole_blocks(shape) || shape.groups == 1 {
            true => 0,
            false => shape.channels_per_group() * blocks(shape.filters) * padded,
        };
        let ours = blocks(shape.channels) * padded
            + spread
            + blocks(shape.filters) * (shape.positions() + shape.depth());
        let plain = shape.input_len() + shape.output_len() + shape.filters * shape.depth();
        ours <= SMALL + 4 * plain && (spread == 0 || shape.channels_per_group() <= SPREAD_CHANNELS)
    }

    /// From images like `input`, whose border has the pads, to images like `output`.
    ///
    /// # Errors
    /// [`KernelError`] when the shape is impossible or the images are too large.
    ///
    /// # Panics
    /// When the images or the slices do not fit the shape.
    pub fn new(
        isa: Isa,
        spec: &FloatConvSpec,
        input: FloatImage,
        output: FloatImage,
    ) -> Result<Self, KernelError> {
        let shape = spec.shape;
        shape.validate()?;
        let size = |image: &FloatImage| [image.channels, image.height, image.width];
        assert_eq!(size(&input), [shape.channels, shape.height, shape.width], "the input");
        assert_eq!(
            size(&output),
            [shape.filters, shape.out_height(), shape.out_width()],
            "the output"
        );
        let pads = [shape.pad_top, shape.pad_left, shape.pad_bottom, shape.pad_right];
        assert!(input.border.iter().zip(pads).all(|(border, pad)| *border >= pad), "the pads");
        assert!(output.lanes == LANES, "whole blocks");
        assert_eq!(spec.weights.len(), shape.filters * shape.depth(), "weights of all filters");
        assert_eq!(spec.bias.len(), shape.filters, "biases of all filters");

        let kernels = FloatKernels::of(isa);
        let lanewise = shape.groups > 1 && !whole_blocks(&shape);
        let depthwise = shape.groups == shape.filters && shape.groups == shape.channels;
        let spread = (lanewise && !depthwise).then(|| {
            let channels = shape.channels_per_group() * shape.filters.next_multiple_of(LANES);
            FloatImage { channels, lanes: LANES, ..input }
        });
        let source = spread.unwrap_or(input);
        for image in [&input, &output, &source] {
            image.validate()?;
        }
        let (strips, rows) = if lanewise {
            assert!(source.lanes == LANES, "whole blocks");
            let strip = |block| Strip { blocks: block..block + 1, input: block * source.block() };
            ((0..output.blocks()).map(strip).collect(), shape.out_height())
        } else {
            let bytes =
                source.row() * shape.channels_per_group().div_ceil(LANES) * size_of::<f32>();
            let rows = (ROWS_BYTES / bytes / shape.stride_height).max(1);
            (shared_strips(&shape, &source, kernels.shared.len()), rows)
        };
        let kernels = if lanewise { kernels.lanewise } else { kernels.shared };
        let taps = taps(&shape, &source, lanewise);
        let (weights, bias) = (pack(spec, &taps), lines(&spec.bias));
        let FloatConvSpec { low, high, .. } = *spec;
        let layer = Self {
            shape,
            input,
            output,
            spread,
            strips,
            rows,
            taps,
            weights,
            bias,
            low,
            high,
            kernels,
        };
        Ok(layer)
    }

    /// Convolves `input` and adds `residual`, an image of the output's size. `scratch` keeps its
    /// memory for the next call.
    ///
    /// # Panics
    /// When the residual's size is not the output's, or a buffer is not that of such an image.
    pub fn run(
        &self,
        input: &FloatBuffer,
        residual: Option<(&FloatImage, &FloatBuffer)>,
        output: &mut FloatBuffer,
        scratch: &mut FloatBuffer,
    ) {
        let (shape, to) = (&self.shape, &self.output);
        output.reserve(to);
        to.clear_border(output);
        let (from, input) = match &self.spread {
            None => (&self.input, input),
            Some(spread) => {
                scratch.reserve(spread);
                self.spread(spread, input, scratch);
                (spread, &*scratch)
            }
        };
        let (input, output) = (&input.floats()[..from.len()], &mut output.floats_mut()[..to.len()]);
        let residual = residual.map(|(image, buffer)| {
            assert_eq!(FloatImage { border: to.border, ..*image }, *to, "the residual's size");
            assert_eq!(image.validate(), Ok(()), "the residual's border");
            (image, &buffer.floats()[..image.len()])
        });
        let pads = [shape.pad_top, shape.pad_left];
        let lines = self.weights.len() / self.bias.len();
        // With one column its stride may be any, and is not read.
        let step = shape.stride_width.saturating_mul(from.lanes);
        let most = self.kernels[0].len();
        let tile = |strip: &Strip, y: usize, x: usize| {
            let block = strip.blocks.start;
            let first = from.pixel(y * shape.stride_height, x * shape.stride_width, pads);
            Tile {
                input: input[strip.input + first..].as_ptr(),
                step,
                taps: &self.taps,
                weights: self.weights[block * lines..].as_ptr().cast(),
                weights_block: lines * LANES,
                bias: self.bias[block..].as_ptr().cast(),
                residual: residual.map(|(image, elements)| {
                    elements[block * image.block() + image.pixel(y, x, [0; 2])..].as_ptr()
                }),
                residual_block: residual.map_or(0, |(image, _)| image.block()),
                output_block: to.block(),
                low: self.low,
                high: self.high,
            }
        };
        for rows in chunks(shape.out_height(), self.rows) {
            for strip in &self.strips {
                let kernels = self.kernels[strip.blocks.len() - 1];
                for y in rows.clone() {
                    for columns in parts(shape.out_width(), most) {
                        let x = columns.start;
                        let first = strip.blocks.start * to.block() + to.pixel(y, x, [0; 2]);
                        let output = output[first..].as_mut_ptr();
                        // SAFETY: the shape is valid and the border has the pads, so the taps of all
                        // positions lie in the planes of the input, whose length was checked, as
                        // were those of the output and the residual; there are weights and biases
                        // for all blocks, and the kernels are those of an Isa that exists.
                        unsafe { kernels[columns.len() - 1](&tile(strip, y, x), output) };
                    }
                }
            }
        }
    }

    fn spread(&self, spread: &FloatImage, input: &FloatBuffer, output: &mut FloatBuffer) {
        let (shape, from) = (&self.shape, &self.input);
        let input = &input.floats()[..from.len()];
        let output = &mut output.floats_mut()[..spread.len()];
        let channels = shape.filters.next_multiple_of(LANES);
        for index in 0..shape.channels_per_group() {
            for filter in 0..shape.filters {
                let group = filter / shape.filters_per_group();
                let channel = group * shape.channels_per_group() + index;
                let target = index * channels + filter;
                let input = input[channel / from.lanes * from.block()..][..from.block()]
                    .chunks_exact(from.lanes);
                let output = output[target / LANES * spread.block()..][..spread.block()]
                    .chunks_exact_mut(LANES);
                output.zip(input).for_each(|(output, input)| {
                    output[target % LANES] = input[channel % from.lanes]
                });
            }
        }
    }
}

/// Whether each group reads and makes whole blocks.
fn whole_blocks(shape: &ConvShape) -> bool {
    let counts = [shape.channels_per_group(), shape.filters_per_group()];
    counts.iter().all(|count| count.is_multiple_of(LANES))
}

/// Each group's blocks in strips of at most so many.
fn shared_strips(shape: &ConvShape, source: &FloatImage, most: usize) -> Vec<Strip> {
    let blocks = shape.filters_per_group().div_ceil(LANES);
    let strips = (0..shape.groups).flat_map(|group| {
        let input = group * shape.channels_per_group() / LANES * source.block();
        parts(blocks, most).map(move |part| Strip {
            blocks: group * blocks + part.start..group * blocks + part.end,
            input,
        })
    });
    strips.collect()
}

/// The receptive field of a strip's filters.
fn taps(shape: &ConvShape, source: &FloatImage, lanewise: bool) -> Vec<Tap> {
    let depth = shape.channels_per_group();
    // Lanewise, the channels that filters read next are as many blocks on as there are filters'.
    let (lanes, block) = match lanewise {
        true => (1, shape.filters.div_ceil(LANES) * source.block()),
        false => (source.lanes, source.block()),
    };
    let mut taps = Vec::new();
    for (index, first) in (0..depth).step_by(lanes).enumerate() {
        for ky in 0..shape.kernel_height {
            for kx in 0..shape.kernel_width {
                let row = ky * shape.dilation_height * source.row();
                let column = kx * shape.dilation_width * source.lanes;
                let channels = lanes.min(depth - first);
                taps.push(Tap { offset: index * block + row + column, channels });
            }
        }
    }
    taps
}

/// The weights in the order in which the taps meet them.
fn pack(spec: &FloatConvSpec, taps: &[Tap]) -> Vec<Line> {
    let shape = &spec.shape;
    let area = shape.kernel_height * shape.kernel_width;
    let blocks = shape.filters.div_ceil(LANES);
    let mut lines = Vec::with_capacity(blocks * taps.iter().map(|tap| tap.channels).sum::<usize>());
    for block in 0..blocks {
        let filters = block * LANES..shape.filters.min((block + 1) * LANES);
        let mut first = 0;
        for (index, tap) in taps.iter().enumerate() {
            for channel in first..first + tap.channels {
                let mut line = Line([0.0; LANES]);
                for (lane, filter) in line.0.iter_mut().zip(filters.clone()) {
                    *lane = spec.weights[filter * shape.depth() + channel * area + index % area];
                }
                lines.push(line);
            }
            if index % area == area - 1 {
                first += tap.channels;
            }
        }
    }
    lines
}

fn lines(values: &[f32]) -> Vec<Line> {
    let line = |values: &[f32]| {
        let mut line = Line([0.0; LANES]);
        line.0[..values.len()].copy_from_slice(values);
        line
    };
    values.chunks(LANES).map(line).collect()
}

/// As few parts as can be of at most so many, none much larger than another.
fn parts(total: usize, most: usize) -> impl Iterator<Item = Range<usize>> {
    let count = total.div_ceil(most);
    (0..count).map(move |part| part * total / count..(part + 1) * total / count)
}

fn chunks(total: usize, size: usize) -> impl Iterator<Item = Range<usize>> {
    (0..total).step_by(size).map(move |start| start..total.min(start + size))
}
