//! Depthwise convolution: one filter per channel, and the channels side by side in the vectors.

pub(crate) mod columns;
pub(crate) mod lookup;

use std::sync::Arc;

use crate::{
    ConvShape, Isa, MacSpec,
    dispatch::multiversion,
    input::image::{Copy, Width, fill},
    output::blocks::LANES,
    output::epilogue::Tile,
    product::terms::Term,
};

/// Accumulators of neighbouring positions that are computed together.
const TILE: usize = 32 * LANES;

/// How a code and a weight are multiplied.
#[derive(Debug)]
enum Products {
    /// Activation bits of each term.
    Terms(Vec<u8>),
    /// Entry 256 w + a; a weight is stored as 256 w.
    Table(Arc<[i32]>),
}

#[derive(Debug)]
pub(crate) struct Depthwise {
    isa: Isa,
    shape: ConvShape,
    padding: u8,
    products: Products,
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
        let weights: Vec<_> =
            terms.iter().map(|&term| move |w| term.weight(w, spec.coding)).collect();
        let products = Products::Terms(terms.iter().map(|term| term.rows).collect());
        Self::with_products(isa, spec, products, &weights)
    }

    /// The same for a table, entry 256 w + a.
    pub fn with_table(isa: Isa, spec: &MacSpec, table: &Arc<[i32]>) -> Depthwise {
        let row = |w| i32::from(w) << 8;
        Self::with_products(isa, spec, Products::Table(table.clone()), &[row])
    }

    /// A weight is stored as each of the `stored` functions says.
    fn with_products(
        isa: Isa,
        spec: &MacSpec,
        products: Products,
        stored: &[impl Fn(u8) -> i32],
    ) -> Depthwise {
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
                weights.extend(stored.iter().map(|stored| {
                    std::array::from_fn(|lane| {
                        spec.weights
                            .get((first + lane) * taps.len() + tap)
                            .map_or(0, |&w| stored(w))
                    })
                }));
            }
        }
        Depthwise { isa, shape, padding: spec.input_zero_point, products, taps, weights }
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
        let per_tap = match &self.products {
            Products::Terms(masks) => masks.len(),
            Products::Table(_) => 1,
        };
        let per_block = self.taps.len() * per_tap;
        for block in 0..shape.filters.div_ceil(LANES) {
            let weights = &self.weights[block * per_block..][..per_block];
            for oy in 0..shape.out_height() {
                for ox in (0..out_width).step_by(TILE / LANES) {
                    let acc = &mut acc[..(out_width - ox).min(TILE / LANES) * LANES];
                    let start = oy * shape.stride_height * row
                        + ox * shape.stride_width * shape.channels
                        + block * LANES;
                    let stride = shape.stride_width * shape.channels;
                    let rows = acc.as_chunks_mut().0;
                    let (isa, image, taps) = (self.isa, &image[start..], &self.taps);
                    match &self.products {
                        Products::Terms(masks) => {
                            accumulate(isa, image, stride, taps, masks, weights, rows);
                        }
                        Products::Table(table) => {
                            let table = table.first_chunk().expect("a validated table");
                            look_up(image, stride, taps, table, weights, rows);
                        }
                    }
                    let positions = acc.len() / LANES;
                    let position = oy * out_width + ox;
                    sink(Tile { acc, control: &[], position, positions, block, blocks: 1 });
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

/// The same by lookups; no instruction set of ours gathers faster than single loads do.
fn look_up(
    image: &[u8],
    stride: usize,
    taps: &[usize],
    table: &[i32; 1 << 16],
    weights: &[[i32; LANES]],
    acc: &mut [[i32; LANES]],
) {
    for (position, acc) in acc.iter_mut().enumerate() {
        let image = &image[position * stride..];
        let mut sums = [0i32; LANES];
        for (&tap, weights) in taps.iter().zip(weights) {
            let codes: &[u8; LANES] = image[tap..].first_chunk().expect("the image has slack");
            for ((sum, &code), &w) in sums.iter_mut().zip(codes).zip(weights) {
                *sum = sum.wrapping_add(table[usize::from(w as u16 | u16::from(code))]);
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
