//! Tables of bytes looked up in registers, with AVX2: 32 positions to a vector, 16 entries to a
//! shuffle.

use std::arch::x86_64::*;

use crate::{
    engine::byte_lookup::{
        tables::{Index, Line},
        {Codes, FILTERS, Input, POSITIONS, Sums, position},
    },
    input::planes::transpose_words,
    output::blocks::LANES,
};

/// Added to 17 to 32 columns, it leaves bit 7, at which a shuffle gives 0, to the upper sixteen.
pub(crate) const RAISE: u8 = 0x70;

/// Vectors of a chunk.
const VECTORS: usize = POSITIONS / 32;

/// The ways to look up, as constants.
const SIXTEEN: u8 = 0;
const THIRTY_TWO: u8 = 1;
const NIBBLES: u8 = 2;

/// The sums of bytes of the even positions, with 256 times the odd ones', and the odd positions'.
type Words = [[[__m256i; 2]; FILTERS]; VECTORS];

#[target_feature(enable = "avx2")]
pub(crate) fn add_bytes(input: &Input<'_>, sums: &mut [Sums; FILTERS]) {
    // 256 bytes of at most 255 fit 16 bits.
    assert!(input.codes.len() <= 256);
    for c in 0..input.chunks {
        let words = match (input.index, input.is_single()) {
            (Index::Column(0..=4), true) => lookups::<SIXTEEN, true>(input, c),
            (Index::Column(0..=4), false) => lookups::<SIXTEEN, false>(input, c),
            (Index::Column(5), true) => lookups::<THIRTY_TWO, true>(input, c),
            (Index::Column(5), false) => lookups::<THIRTY_TWO, false>(input, c),
            (Index::Nibbles, true) => lookups::<NIBBLES, true>(input, c),
            (Index::Nibbles, false) => lookups::<NIBBLES, false>(input, c),
            (Index::Column(_), _) => unreachable!("its costs rule more than 32 columns out"),
        };
        for (v, words) in words.iter().enumerate() {
            for (words, sums) in words.iter().zip(&mut *sums) {
                add_words(words, input.first, v, &mut sums[c]);
            }
        }
    }
}

/// 16 entries, in both halves.
#[inline]
#[target_feature(enable = "avx2")]
fn entries(line: &Line, part: usize) -> __m256i {
    let entries: &[u8; 16] = &line.0.as_chunks().0[part];
    // SAFETY: there are 16 bytes.
    _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(entries.as_ptr().cast()) })
}

// Values of vector types are kept out of closures: what the standard library would call them from
// is compiled without the features, and the calls would go through memory.
#[inline]
#[target_feature(enable = "avx2")]
fn lookups<const WAY: u8, const SINGLE: bool>(input: &Input<'_>, c: usize) -> Words {
    let mut words = [[[_mm256_setzero_si256(); 2]; FILTERS]; VECTORS];
    // A table for every number, so that no lookup checks one.
    let tables: &[Line; 256] = input.tables.first_chunk().expect("a table for every number");
    let (mut codes, mut weights) = (input.codes, input.weights);
    for &run in input.runs {
        let mut bytes = [[_mm256_setzero_si256(); FILTERS]; VECTORS];
        let (run_codes, run_weights);
        (run_codes, codes) = codes.split_at(usize::from(run));
        (run_weights, weights) = weights.split_at(usize::from(run));
        for (codes, weights) in run_codes.iter().zip(run_weights) {
            let mut halves_of = [(_mm256_setzero_si256(), _mm256_setzero_si256()); FILTERS];
            for (table, &number) in halves_of.iter_mut().zip(weights) {
                let line = &tables[usize::from(number)];
                *table = (entries(line, 0), entries(line, 1));
            }
            for v in 0..VECTORS {
                let (l, h) = halves::<WAY>(load(codes, c, v));
                for (f, &(low, high)) in halves_of.iter().enumerate() {
                    let mut entries = _mm256_shuffle_epi8(low, l);
                    if WAY == THIRTY_TWO {
                        entries = _mm256_or_si256(entries, _mm256_shuffle_epi8(high, h));
                    }
                    if WAY == NIBBLES {
                        entries = _mm256_add_epi8(entries, _mm256_shuffle_epi8(high, h));
                    }
                    if SINGLE {
                        widen(&mut words[v][f], entries);
                    } else {
                        bytes[v][f] = _mm256_add_epi8(bytes[v][f], entries);
                    }
                }
            }
        }
        if !SINGLE {
            for (words, bytes) in words.iter_mut().zip(bytes) {
                for (words, bytes) in words.iter_mut().zip(bytes) {
                    widen(words, bytes);
                }
            }
        }
    }
    words
}

#[inline]
#[target_feature(enable = "avx2")]
fn widen([both, odd]: &mut [__m256i; 2], bytes: __m256i) {
    *both = _mm256_add_epi16(*both, bytes);
    *odd = _mm256_add_epi16(*odd, _mm256_srli_epi16::<8>(bytes));
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(codes: &Codes, c: usize, v: usize) -> __m256i {
    let codes: &[u8; 32] = &codes[c].as_chunks().0[v];
    // SAFETY: there are 32 bytes.
    unsafe { _mm256_loadu_si256(codes.as_ptr().cast()) }
}

/// The indices into the first and into the second 16 entries; those with bit 7 give 0.
#[inline]
#[target_feature(enable = "avx2")]
fn halves<const WAY: u8>(at: __m256i) -> (__m256i, __m256i) {
    match WAY {
        SIXTEEN => (at, at),
        THIRTY_TWO => (at, _mm256_xor_si256(at, _mm256_set1_epi8(-0x80))),
        _ => {
            let nibble = _mm256_set1_epi8(15);
            (_mm256_and_si256(at, nibble), _mm256_and_si256(_mm256_srli_epi16::<4>(at), nibble))
        }
    }
}

/// Adds a vector of positions to the sums.
#[inline]
#[target_feature(enable = "avx2")]
fn add_words(&[both, odd]: &[__m256i; 2], first: bool, v: usize, sums: &mut [u16; POSITIONS]) {
    let even = _mm256_sub_epi16(both, _mm256_slli_epi16::<8>(odd));
    for (n, more) in [v, v + VECTORS].into_iter().zip([even, odd]) {
        let sums: &mut [u16; 16] = &mut sums.as_chunks_mut().0[n];
        // SAFETY: there are 16 sums.
        unsafe {
            let before = if first {
                _mm256_setzero_si256()
            } else {
                _mm256_loadu_si256(sums.as_ptr().cast())
            };
            _mm256_storeu_si256(sums.as_mut_ptr().cast(), _mm256_add_epi16(before, more));
        }
    }
}

/// Transposes the sums of a block's filters and adds them to rows or to constants.
#[target_feature(enable = "avx2")]
pub(crate) fn to_rows(
    sums: &[Sums; LANES],
    shift: u32,
    constants: Option<&[i32; LANES]>,
    (rows, step): (&mut [[i32; LANES]], usize),
) {
    for (c, rows) in rows.chunks_mut(POSITIONS * step).enumerate() {
        for first in (0..POSITIONS).step_by(16) {
            let sums =
                std::array::from_fn(|lane| sums[lane][c][first..].first_chunk().expect("16"));
            let mut square = [[0; LANES]; 16];
            transpose_words(sums, square.each_mut());
            for (n, sums) in (first..).zip(&square) {
                let Some(row) = rows.get_mut(position(n) * step) else { continue };
                let before = constants.unwrap_or(row);
                *row = std::array::from_fn(|lane| {
                    before[lane].wrapping_add(i32::from(sums[lane]) << shift)
                });
            }
        }
    }
}
