//! Depthwise convolution: one filter per channel, and the channels side by side in the vectors.

use crate::{
    ConvShape, Isa, MacSpec,
    dispatch::multiversion,
    epilogue::{LANES, Tile},
    gemm::TILE,
    image::{Copy, Width, fill},
    terms::Term,
};

#[derive(Debug)]
pub(crate) struct Depthwise {
    isa: Isa,
    shape: ConvShape,
    padding: u8,
    /// Activation bits of each term.
    masks: Vec<u8>,
    /// Offsets of the kernel's taps in the padded image.
    taps: Vec<usize>,
    /// `[blocks][taps][terms]`
    weights: Vec<[i32; LANES]>,
}

impl Depthwise {
    /// Whether each filter has a channel of its own.
    pub fn fits(shape: &ConvShape) -> bool {
        shape.groups == shape.channels && shape.groups == shape.filters && shape.groups > 1
    }

    /// Only for shapes that [`Depthwise::fits`].
    pub fn new(isa: Isa, spec: &MacSpec, terms: &[Term]) -> Depthwise {
        let shape = spec.shape;
        let mut taps = Vec::new();
        for ky in 0..shape.kernel_height {
            for kx in 0..shape.kernel_width {
                let y = ky * shape.dilation_height;
                let x = kx * shape.dilation_width;
                taps.push((y * shape.padded_width() + x) * shape.channels);
            }
        }
        let mut weights = Vec::new();
        for first in (0..shape.filters).step_by(LANES) {
            for tap in 0..taps.len() {
                weights.extend(terms.iter().map(|term| {
                    std::array::from_fn(|lane| {
                        match spec.weights.get((first + lane) * taps.len() + tap) {
                            Some(&w) => term.weight(w, spec.coding),
                            None => 0,
                        }
                    })
                }));
            }
        }
        Depthwise {
            isa,
            shape,
            padding: spec.input_zero_point,
            masks: terms.iter().map(|term| term.rows).collect(),
            taps,
            weights,
        }
    }

    /// Copies the input into `image` and hands the accumulators to `sink`, tile by tile.
    pub fn run(&self, input: &[u8], image: &mut Vec<u8>, mut sink: impl FnMut(Tile<'_>)) {
        let shape = &self.shape;
        let row = shape.padded_width() * shape.channels;
        let len = shape.padded_height() * row;
        // The last block reads whole vectors.
        image.resize((len + LANES).max(image.len()), 0);
        let copy = Copy { shape, padding: self.padding, mask: 0xff, width: Width::One };
        fill(self.isa, copy, input, &mut image[..len]);
        let mut acc = [0; TILE];
        let out_width = shape.out_width();
        let products = self.taps.len() * self.masks.len();
        for block in 0..shape.filters.div_ceil(LANES) {
            let weights = &self.weights[block * products..][..products];
            for oy in 0..shape.out_height() {
                for ox in (0..out_width).step_by(TILE / LANES) {
                    let acc = &mut acc[..(out_width - ox).min(TILE / LANES) * LANES];
                    let start = oy * shape.stride_height * row
                        + ox * shape.stride_width * shape.channels
                        + block * LANES;
                    let stride = shape.stride_width * shape.channels;
                    let rows = acc.as_chunks_mut().0;
                    accumulate(
                        self.isa,
                        &image[start..],
                        stride,
                        &self.taps,
                        &self.masks,
                        weights,
                        rows,
                    );
                    let positions = acc.len() / LANES;
                    sink(Tile { acc, position: oy * out_width + ox, positions, block, blocks: 1 });
                }
            }
        }
    }
}

#[inline(always)]
fn accumulate_body(
    image: &[u8],
    stride: usize,
    taps: &[usize],
    masks: &[u8],
    weights: &[[i32; LANES]],
    acc: &mut [[i32; LANES]],
) {
    for (position, acc) in acc.iter_mut().enumerate() {
        let image = &image[position * stride..];
        let mut sums = [0i32; LANES];
        let mut weights = weights.iter();
        for &tap in taps {
            let codes: &[u8; LANES] = image[tap..].first_chunk().expect("the image has slack");
            for (&mask, weights) in masks.iter().zip(weights.by_ref()) {
                for ((sum, &code), &w) in sums.iter_mut().zip(codes).zip(weights) {
                    *sum = sum.wrapping_add(i32::from(code & mask).wrapping_mul(w));
                }
            }
        }
        *acc = sums;
    }
}

multiversion! {
    /// Sums of one block of filters at neighbouring positions, `stride` codes apart.
    fn accumulate(
        isa,
        image: &[u8],
        stride: usize,
        taps: &[usize],
        masks: &[u8],
        weights: &[[i32; LANES]],
        acc: &mut [[i32; LANES]],
    ) = accumulate_body;
}
