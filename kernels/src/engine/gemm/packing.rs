//! How weights come to their places in the lines of a block: term by term, run by run, each run padded
//! to whole lines.
//!
//! They are put in their places once, and replaced there by each term's numbers.

use crate::{
    Isa, MacSpec,
    buffer::first,
    dispatch::multiversion,
    engine::{
        byte_lookup::map_codes,
        gemm::{Line, UNIT},
    },
    input::image::Width,
    output::blocks::{Block, LANES},
    product::{factors::Factor, terms::Count},
};

/// A line's weights, `C` for each lane.
type Weights<const C: usize> = [[u8; C]; LANES];

/// What makes the lines of a layer, as often as it has other weights.
#[derive(Debug)]
pub(super) struct Packing {
    /// The receptive field, as [`contiguous`](super::contiguous) has it.
    taps: Vec<(usize, usize)>,
    numbers: Numbers,
}

#[derive(Debug)]
enum Numbers {
    Bytes(Terms<Bytes, 4>, Option<Count>),
    Words(Terms<Words, 2>),
}

impl Packing {
    /// `terms` with what their factors are stored less, and bits of bytes to count.
    pub fn new(
        taps: Vec<(usize, usize)>,
        terms: &[(&Factor, i32)],
        count: Option<Count>,
        width: Width,
    ) -> Self {
        // Of weights that do not occur some may not fit.
        let words = terms.iter().map(|(term, offset)| {
            term.of_weight.map(|number| i32::from(number).wrapping_sub(*offset) as i16)
        });
        let numbers = match width {
            Width::One => Numbers::Bytes(Terms::new(words.map(Bytes::new)), count),
            Width::Two => Numbers::Words(Terms::new(words.map(Words::new))),
        };
        Packing { taps, numbers }
    }

    /// Writes the lines of one block.
    pub fn pack(&mut self, isa: Isa, spec: &MacSpec, block: &Block, lines: &mut [Line]) {
        match &mut self.numbers {
            Numbers::Bytes(terms, count) => {
                let counted = |(_, len): &(usize, usize)| len.div_ceil(2 * UNIT);
                let counted = count.map_or(0, |_| self.taps.iter().map(counted).sum());
                let (of_terms, of_count) = lines.split_at_mut(lines.len() - counted);
                terms.pack(isa, spec, block, &self.taps, of_terms);
                if let Some(count) = count {
                    pair_bits(&terms.placed, count.bits, &self.taps, of_count);
                }
            }
            Numbers::Words(terms) => terms.pack(isa, spec, block, &self.taps, lines),
        }
    }
}

/// What is stored for weight bytes.
trait Replace<const C: usize> {
    /// Writes it for those that are `placed`.
    fn fill(&self, isa: Isa, placed: &[Weights<C>], lines: &mut [Line]);
}

#[derive(Debug)]
struct Terms<N, const C: usize> {
    terms: Vec<N>,
    /// The block's weights.
    placed: Vec<Weights<C>>,
}

impl<N: Replace<C>, const C: usize> Terms<N, C> {
    fn new(terms: impl Iterator<Item = N>) -> Self {
        Self { terms: terms.collect(), placed: Vec::new() }
    }

    fn pack(
        &mut self,
        isa: Isa,
        spec: &MacSpec,
        block: &Block,
        taps: &[(usize, usize)],
        lines: &mut [Line],
    ) {
        let of_term = lines.len() / self.terms.len();
        let placed = first(&mut self.placed, of_term, [[0; C]; LANES]);
        let depth = spec.shape.depth();
        let filters = spec.weights[block.filter * depth..].chunks_exact(depth);
        for (lane, weights) in filters.take(block.count).enumerate() {
            let (mut line, mut rest) = (0, weights);
            for &(_, len) in taps {
                let (own, others) = rest.split_at(len);
                let (units, tail) = own.as_chunks::<C>();
                for (unit, placed) in units.iter().zip(&mut placed[line..]) {
                    placed[lane] = *unit;
                }
                line += units.len();
                if !tail.is_empty() {
                    placed[line][lane][..tail.len()].copy_from_slice(tail);
                    line += 1;
                }
                rest = others;
            }
        }
        for (numbers, lines) in self.terms.iter().zip(lines.chunks_exact_mut(of_term)) {
            numbers.fill(isa, placed, lines);
            let mut line = 0;
            for &(_, len) in taps {
                line += len.div_ceil(C);
                if len % C > 0 {
                    lines[line - 1].keep(len % C * (UNIT / C));
                }
            }
        }
    }
}

impl Line {
    /// Leaves 0 but for so many bytes of each lane: what is read beyond a run is multiplied by it.
    fn keep(&mut self, bytes: usize) {
        let mut kept = [0; UNIT];
        kept[..bytes].fill(u8::MAX);
        let kept = u32::from_ne_bytes(kept);
        for unit in self.0.as_chunks_mut::<UNIT>().0 {
            *unit = (u32::from_ne_bytes(*unit) & kept).to_ne_bytes();
        }
    }
}

/// Bits of two lines' weights in each line, those of the second between those of the first.
fn pair_bits(mut placed: &[Weights<4>], bits: u8, taps: &[(usize, usize)], mut lines: &mut [Line]) {
    for (_, len) in taps {
        let (own, others) = placed.split_at(len.div_ceil(UNIT));
        let (to, rest) = std::mem::take(&mut lines).split_at_mut(own.len().div_ceil(2));
        for (line, pair) in to.iter_mut().zip(own.chunks(2)) {
            let second = pair.get(1).unwrap_or(&[[0; 4]; LANES]).as_flattened();
            let both = pair[0].as_flattened().iter().zip(second);
            for (to, (first, second)) in line.0.iter_mut().zip(both) {
                *to = first & bits | (second & bits) << 1;
            }
        }
        (placed, lines) = (others, rest);
    }
}

/// Numbers of one byte.
#[derive(Debug)]
struct Bytes {
    entries: [u8; 256],
    /// The bits of the weight that are kept, and those that are flipped then, if that is all.
    bits: Option<[u8; 2]>,
}

impl Bytes {
    fn new(numbers: [i16; 256]) -> Self {
        let entries = numbers.map(|number| number as u8);
        let flipped = entries[0];
        let kept = entries[255] ^ flipped;
        let is_all = (0..=255u8).all(|w| entries[usize::from(w)] == w & kept ^ flipped);
        Self { entries, bits: is_all.then_some([kept, flipped]) }
    }
}

impl Replace<4> for Bytes {
    fn fill(&self, isa: Isa, placed: &[Weights<4>], lines: &mut [Line]) {
        if let Some(bits) = self.bits {
            return keep_bits(isa, placed, bits, lines);
        }
        for (line, placed) in lines.iter_mut().zip(placed) {
            line.0.copy_from_slice(placed.as_flattened());
        }
        map_codes(isa, &self.entries, Line::flattened(lines));
    }
}

/// Numbers of 16 bits.
#[derive(Debug)]
struct Words {
    numbers: [i16; 256],
    /// The bits of the weight that are kept, as a number of this sign, and what is added then, if that
    /// is all.
    bits: Option<(u8, Sign, i16)>,
}

#[derive(Debug, Clone, Copy)]
enum Sign {
    Unsigned,
    Signed,
}

impl Sign {
    #[inline(always)]
    fn value(self, byte: u8) -> i16 {
        match self {
            Sign::Unsigned => i16::from(byte),
            Sign::Signed => i16::from(byte as i8),
        }
    }
}

impl Words {
    fn new(numbers: [i16; 256]) -> Self {
        let added = numbers[0];
        let kept = numbers[255].wrapping_sub(added) as u8;
        let is_all = |sign: &Sign| {
            (0..=255u8).all(|w| numbers[usize::from(w)] == sign.value(w & kept).wrapping_add(added))
        };
        let sign = [Sign::Unsigned, Sign::Signed].into_iter().find(is_all);
        Self { numbers, bits: sign.map(|sign| (kept, sign, added)) }
    }
}

impl Replace<2> for Words {
    fn fill(&self, isa: Isa, placed: &[Weights<2>], lines: &mut [Line]) {
        match self.bits {
            Some((kept, Sign::Unsigned, added)) => keep_words(isa, placed, kept, added, lines),
            Some((kept, Sign::Signed, added)) => keep_signed(isa, placed, kept, added, lines),
            None => replace(placed, lines, |w| self.numbers[usize::from(w)]),
        }
    }
}

#[inline(always)]
fn replace(placed: &[Weights<2>], lines: &mut [Line], number: impl Fn(u8) -> i16) {
    for (line, placed) in lines.iter_mut().zip(placed) {
        let words = line.0.as_chunks_mut::<2>().0.iter_mut().zip(placed.as_flattened());
        words.for_each(|(to, &w)| *to = number(w).to_ne_bytes());
    }
}

#[inline(always)]
fn keep_words_body(placed: &[Weights<2>], kept: u8, added: i16, lines: &mut [Line]) {
    replace(placed, lines, |w| Sign::Unsigned.value(w & kept).wrapping_add(added));
}

#[inline(always)]
fn keep_signed_body(placed: &[Weights<2>], kept: u8, added: i16, lines: &mut [Line]) {
    replace(placed, lines, |w| Sign::Signed.value(w & kept).wrapping_add(added));
}

#[inline(always)]
fn keep_bits_body(placed: &[Weights<4>], [kept, flipped]: [u8; 2], lines: &mut [Line]) {
    for (line, placed) in lines.iter_mut().zip(placed) {
        let bytes = line.0.iter_mut().zip(placed.as_flattened());
        bytes.for_each(|(to, w)| *to = w & kept ^ flipped);
    }
}

multiversion! {
    fn keep_bits(isa, placed: &[Weights<4>], bits: [u8; 2], lines: &mut [Line]) = keep_bits_body;
}

multiversion! {
    fn keep_words(
        isa,
        placed: &[Weights<2>],
        kept: u8,
        added: i16,
        lines: &mut [Line],
    ) = keep_words_body;
}

multiversion! {
    fn keep_signed(
        isa,
        placed: &[Weights<2>],
        kept: u8,
        added: i16,
        lines: &mut [Line],
    ) = keep_signed_body;
}
