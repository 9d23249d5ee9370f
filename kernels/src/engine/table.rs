//! Any multiplier, by its table of products: one lookup per product.

use crate::{
    ConvShape, Isa, MacSpec,
    engine::gemm::contiguous,
    input::image::{Copy, Width, fill},
    output::blocks::{Block, LANES, blocks},
    output::epilogue::Tile,
};

#[derive(Debug)]
pub(crate) struct Table {
    isa: Isa,
    shape: ConvShape,
    padding: u8,
    /// Entry 256 a + w: the products of one activation code are neighbours.
    products: Vec<i32>,
    /// The receptive field as (offset, length) in codes.
    runs: Vec<(usize, usize)>,
    /// `[blocks][depth][LANES]`
    weights: Vec<[u8; LANES]>,
    blocks: Vec<Block>,
}

impl Table {
    /// `table`: entry 256 w + a.
    pub fn new(isa: Isa, spec: &MacSpec, table: &[i32]) -> Table {
        let shape = spec.shape;
        let blocks = blocks(shape.groups, shape.filters_per_group());
        let mut made = Table {
            isa,
            shape,
            padding: spec.input_zero_point,
            products: (0..1 << 16).map(|i| table[(i & 255) << 8 | i >> 8]).collect(),
            runs: contiguous(&shape),
            weights: vec![[0; LANES]; blocks.len() * shape.depth()],
            blocks,
        };
        made.load(spec);
        made
    }

    /// Puts the weights of `spec` into their places.
    pub fn load(&mut self, spec: &MacSpec) {
        let depth = self.shape.depth();
        for (block, places) in self.blocks.iter().zip(self.weights.chunks_exact_mut(depth)) {
            let filters = spec.weights[block.filter * depth..].chunks_exact(depth);
            for (lane, weights) in filters.take(block.count).enumerate() {
                places.iter_mut().zip(weights).for_each(|(place, &w)| place[lane] = w);
            }
        }
    }

    /// Copies the input into `image` and hands the accumulators to `sink`, position by position.
    pub fn run(&self, input: &[u8], image: &mut Vec<u8>, mut sink: impl FnMut(Tile<'_>)) {
        let shape = &self.shape;
        let row = shape.padded_width() * shape.channels;
        image.resize((shape.padded_height() * row).max(image.len()), 0);
        let copy = Copy { shape, padding: self.padding, mask: 0xff, width: Width::One };
        fill(self.isa, copy, input, &mut image[..shape.padded_height() * row]);
        for (b, (block, weights)) in
            self.blocks.iter().zip(self.weights.chunks_exact(shape.depth())).enumerate()
        {
            for position in 0..shape.positions() {
                let (oy, ox) = (position / shape.out_width(), position % shape.out_width());
                let start = oy * shape.stride_height * row
                    + ox * shape.stride_width * shape.channels
                    + block.group * shape.channels_per_group();
                let codes =
                    self.runs.iter().flat_map(|&(offset, len)| &image[start + offset..][..len]);
                let mut acc = [0i32; LANES];
                for (&code, weights) in codes.zip(weights) {
                    let products: &[i32; 256] = self.products[usize::from(code) * 256..]
                        .first_chunk()
                        .expect("256 products for each code");
                    for (sum, &w) in acc.iter_mut().zip(weights) {
                        *sum = sum.wrapping_add(products[usize::from(w)]);
                    }
                }
                sink(Tile {
                    acc: &mut acc,
                    control: &[],
                    position,
                    positions: 1,
                    block: b,
                    blocks: 1,
                });
            }
        }
    }
}
