//! The control variate with several functions x_r: V = round(sum of c_r X_r), eq. (3.13).
//!
//! Added to the accumulators before the epilogue. The common case of one function is the
//! epilogue's own, and faster.

use crate::{
    Control, ConvShape, Isa,
    dispatch::multiversion,
    naive::round_half_even_shift,
    output::{
        blocks::{Block, LANES},
        epilogue::Tile,
        sums::CodeFunction,
    },
};

#[derive(Debug)]
pub(crate) struct Combination {
    functions: Vec<Option<CodeFunction>>,
    c_frac: u32,
    blocks: Vec<Block>,
    groups: usize,
    filters_per_group: usize,
    /// `[blocks][terms][LANES]`
    c: Vec<[i64; LANES]>,
}

impl Combination {
    /// None for fewer than two functions.
    pub fn new(control: &Control, shape: &ConvShape, blocks: &[Block]) -> Option<Combination> {
        let terms = &control.terms;
        if terms.len() < 2 {
            return None;
        }
        let mut combination = Combination {
            functions: terms.iter().map(|term| CodeFunction::new(&term.x.map(i32::from))).collect(),
            c_frac: control.c_frac,
            c: vec![[0; LANES]; blocks.len() * terms.len()],
            blocks: blocks.to_vec(),
            groups: shape.groups,
            filters_per_group: shape.filters_per_group(),
        };
        combination.load(control);
        Some(combination)
    }

    /// Takes over the factors of the functions.
    pub fn load(&mut self, Control { terms, .. }: &Control) {
        for (block, places) in self.blocks.iter().zip(self.c.chunks_exact_mut(terms.len())) {
            for (lanes, term) in places.iter_mut().zip(terms) {
                let c = &term.c[block.filter..][..block.count];
                lanes.iter_mut().zip(c).for_each(|(lane, &c)| *lane = i64::from(c));
            }
        }
    }

    /// x_r; None where it is 0 everywhere.
    pub fn functions(&self) -> &[Option<CodeFunction>] {
        &self.functions
    }

    /// Adds V, given X_r, `[position][group]`; empty where it is 0.
    pub fn add(&self, isa: Isa, sums: &[&[i32]], tile: &mut Tile<'_>) {
        add(isa, self, sums, tile);
    }

    #[inline(always)]
    fn add_body(&self, sums: &[&[i32]], tile: &mut Tile<'_>) {
        let terms = self.functions.len();
        let rows = tile.acc.chunks_exact_mut(tile.blocks * LANES);
        for (position, row) in (tile.position..).zip(rows) {
            for (b, acc) in (tile.block..).zip(row.as_chunks_mut::<LANES>().0) {
                let block = &self.blocks[b];
                let mut v = [0i64; LANES];
                for (c, sums) in self.c[b * terms..][..terms].iter().zip(sums) {
                    if sums.is_empty() {
                        continue;
                    }
                    let sums = &sums[position * self.groups..][..self.groups];
                    for (lane, (v, c)) in v[..block.count].iter_mut().zip(c).enumerate() {
                        // A block of a depthwise layer spans groups.
                        let group = (block.filter + lane) / self.filters_per_group;
                        *v += c * i64::from(sums[group]);
                    }
                }
                for (acc, v) in acc.iter_mut().zip(v) {
                    *acc = acc.wrapping_add(round_half_even_shift(v, self.c_frac) as i32);
                }
            }
        }
    }
}

multiversion! {
    fn add(isa, combination: &Combination, sums: &[&[i32]], tile: &mut Tile<'_>) = Combination::add_body;
}
