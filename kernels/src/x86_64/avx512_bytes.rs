//! Tables of bytes looked up in registers, with AVX-512 and VBMI: 64 positions to a vector.

use std::arch::x86_64::*;

use crate::{
    engine::byte_lookup::{
        gather::{WINDOW, Window},
        tables::{Index, Line},
        {CHUNKS, Codes, FILTERS, Input, POSITIONS, Sums, position},
    },
    output::blocks::LANES,
};

/// The sums of bytes of the even positions, with 256 times the odd ones', and the odd positions'.
type Words<const N: usize> = [[[__m512i; 2]; N]; FILTERS];

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(crate) fn add_bytes(input: &Input<'_>, sums: &mut [Sums; FILTERS]) {
    // 256 bytes of at most 255 fit 16 bits.
    assert!(input.codes.len() <= 256);
    match input.chunks {
        1 => add_chunks::<1>(input, sums),
        2 => add_chunks::<2>(input, sums),
        3 => add_chunks::<3>(input, sums),
        _ => add_chunks::<CHUNKS>(input, sums),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn add_chunks<const N: usize>(input: &Input<'_>, sums: &mut [Sums; FILTERS]) {
    let words = match (input.index, input.is_single()) {
        (Index::Column(8), true) if input.upper.is_some() => lookups::<2, true, true, N>(input),
        (Index::Column(8), false) if input.upper.is_some() => lookups::<2, true, false, N>(input),
        (Index::Column(8), true) => lookups::<4, false, true, N>(input),
        (Index::Column(8), false) => lookups::<4, false, false, N>(input),
        (Index::Column(7), true) => lookups::<2, false, true, N>(input),
        (Index::Column(7), false) => lookups::<2, false, false, N>(input),
        (Index::Column(_), true) => lookups::<1, false, true, N>(input),
        (Index::Column(_), false) => lookups::<1, false, false, N>(input),
        (Index::Nibbles, _) => unreachable!("its costs rule nibbles out"),
    };
    for (words, sums) in words.iter().zip(sums) {
        for (words, sums) in words.iter().zip(sums.iter_mut()) {
            add_words(words, input.first, sums);
        }
    }
}

/// Replaces each code by its entry.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(crate) fn map_codes(entries: &[u8; 256], codes: &mut [u8]) {
    let mut table = [_mm512_setzero_si512(); 4];
    for (i, table) in table.iter_mut().enumerate() {
        // SAFETY: there are 256 entries.
        *table = unsafe { _mm512_loadu_si512(entries.as_ptr().add(64 * i).cast()) };
    }
    for codes in codes.chunks_mut(64) {
        let mask = u64::MAX >> (64 - codes.len());
        // SAFETY: the mask limits the accesses to the chunk.
        unsafe {
            let at = _mm512_maskz_loadu_epi8(mask, codes.as_ptr().cast());
            let low = _mm512_permutex2var_epi8(table[0], at, table[1]);
            let high = _mm512_permutex2var_epi8(table[2], at, table[3]);
            let mapped = _mm512_mask_blend_epi8(_mm512_movepi8_mask(at), low, high);
            _mm512_mask_storeu_epi8(codes.as_mut_ptr().cast(), mask, mapped);
        }
    }
}

/// Copies the codes that each tap meets.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(crate) fn gather(taps: &[usize], planes: &[u8], windows: &[Vec<Window>], codes: &mut [Codes]) {
    let chunks = windows.iter().enumerate();
    for (c, window) in chunks.flat_map(|(c, windows)| windows.iter().map(move |it| (c, it))) {
        // SAFETY: there are 64 indices.
        let at = unsafe { _mm512_loadu_si512(window.at.as_ptr().cast()) };
        let mut low = _mm512_setzero_si512();
        let mut high = low;
        // Tap that they were loaded for.
        let mut loaded = usize::MAX;
        for (&tap, codes) in taps.iter().zip(&mut *codes) {
            if tap < loaded || tap - loaded + window.last >= WINDOW {
                let planes = &planes[window.from + tap..][..WINDOW];
                // SAFETY: there are twice 64 codes.
                unsafe {
                    low = _mm512_loadu_si512(planes.as_ptr().cast());
                    high = _mm512_loadu_si512(planes.as_ptr().add(POSITIONS).cast());
                }
                loaded = tap;
            }
            let at = _mm512_add_epi8(at, _mm512_set1_epi8((tap - loaded) as i8));
            let gathered = _mm512_permutex2var_epi8(low, at, high);
            let codes = codes[c].as_mut_ptr().cast();
            // SAFETY: a chunk has 64 codes.
            unsafe {
                let others = _mm512_loadu_si512(codes);
                let all = _mm512_mask_mov_epi8(others, window.positions, gathered);
                _mm512_storeu_si512(codes, all);
            }
        }
    }
}

// Values of vector types are kept out of closures: what the standard library would call them from
// is compiled without the features, and the calls would go through memory.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn lookups<const LINES: usize, const UPPER: bool, const SINGLE: bool, const N: usize>(
    input: &Input<'_>,
) -> Words<N> {
    let mut words = [[[_mm512_setzero_si512(); 2]; N]; FILTERS];
    // A table for every number, so that no lookup checks one.
    let tables: &[[Line; LINES]; 256] =
        input.tables.as_chunks().0.first_chunk().expect("a table for every number");
    let more = input.upper.unwrap_or(&[0; 256]);
    let (mut codes, mut weights) = (input.codes, input.weights);
    for &run in input.runs {
        let mut bytes = [[_mm512_setzero_si512(); N]; FILTERS];
        let (run_codes, run_weights);
        (run_codes, codes) = codes.split_at(usize::from(run));
        (run_weights, weights) = weights.split_at(usize::from(run));
        for (codes, weights) in run_codes.iter().zip(run_weights) {
            let mut at = [_mm512_setzero_si512(); N];
            let mut upper = [0; N];
            for c in 0..N {
                // SAFETY: a chunk has 64 codes.
                at[c] = unsafe { _mm512_loadu_si512(codes[c].as_ptr().cast()) };
                if LINES == 4 || UPPER {
                    upper[c] = _mm512_movepi8_mask(at[c]);
                }
            }
            for (bytes, &number) in bytes.iter_mut().zip(weights) {
                let mut table = [_mm512_setzero_si512(); 4];
                for (table, line) in table.iter_mut().zip(&tables[usize::from(number)]) {
                    // SAFETY: a line has 64 bytes and is aligned to 64.
                    *table = unsafe { _mm512_load_si512(line.0.as_ptr().cast()) };
                }
                let more = _mm512_set1_epi8(more[usize::from(number)] as i8);
                for c in 0..N {
                    let entries = match LINES {
                        1 => _mm512_permutexvar_epi8(at[c], table[0]),
                        2 if UPPER => {
                            let low = _mm512_permutex2var_epi8(table[0], at[c], table[1]);
                            _mm512_mask_add_epi8(low, upper[c], low, more)
                        }
                        2 => _mm512_permutex2var_epi8(table[0], at[c], table[1]),
                        _ => {
                            let low = _mm512_permutex2var_epi8(table[0], at[c], table[1]);
                            let high = _mm512_permutex2var_epi8(table[2], at[c], table[3]);
                            _mm512_mask_blend_epi8(upper[c], low, high)
                        }
                    };
                    bytes[c] = if SINGLE { entries } else { _mm512_add_epi8(bytes[c], entries) };
                }
            }
        }
        for (words, bytes) in words.iter_mut().zip(bytes) {
            for ([both, odd], bytes) in words.iter_mut().zip(bytes) {
                *both = _mm512_add_epi16(*both, bytes);
                *odd = _mm512_add_epi16(*odd, _mm512_srli_epi16::<8>(bytes));
            }
        }
    }
    words
}

/// Adds a chunk of positions to the sums.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn add_words(&[both, odd]: &[__m512i; 2], first: bool, sums: &mut [u16; POSITIONS]) {
    let even = _mm512_sub_epi16(both, _mm512_slli_epi16::<8>(odd));
    for (sums, more) in sums.as_chunks_mut::<32>().0.iter_mut().zip([even, odd]) {
        // SAFETY: there are 32 sums.
        unsafe {
            let before = if first {
                _mm512_setzero_si512()
            } else {
                _mm512_loadu_si512(sums.as_ptr().cast())
            };
            _mm512_storeu_si512(sums.as_mut_ptr().cast(), _mm512_add_epi16(before, more));
        }
    }
}

/// For each quarter of two vectors, where its eight words of the first and of the second are; to
/// be the lower halves of 32 bits.
const QUARTERS: [[u32; LANES]; 4] = {
    let mut quarters = [[0; LANES]; 4];
    let mut i = 0;
    while i < 4 * LANES {
        let (quarter, lane) = (i / LANES, i % LANES);
        quarters[quarter][lane] = (8 * quarter + lane % 8 + lane / 8 * 32) as u32;
        i += 1;
    }
    quarters
};

/// The lower half of each 32 bits.
const LOWER: u32 = 0x5555_5555;

/// Transposes the sums of a block's filters and adds them to rows or to constants.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(crate) fn to_rows(
    sums: &[Sums; LANES],
    shift: u32,
    constants: Option<&[i32; LANES]>,
    (rows, step): (&mut [[i32; LANES]], usize),
) {
    assert!(rows.len() <= CHUNKS * POSITIONS * step);
    let shift = _mm_cvtsi32_si128(shift as i32);
    let fresh = constants.is_some();
    // SAFETY: there are 16 constants.
    let constants = unsafe { _mm512_loadu_si512(constants.unwrap_or(&[0; LANES]).as_ptr().cast()) };
    for (c, rows) in rows.chunks_mut(POSITIONS * step).enumerate() {
        for half in 0..2 {
            let mut s = [_mm512_setzero_si512(); LANES];
            for (s, sums) in s.iter_mut().zip(sums) {
                let sums: &[u16; 32] = &sums[c].as_chunks().0[half];
                // SAFETY: there are 32 sums.
                *s = unsafe { _mm512_loadu_si512(sums.as_ptr().cast()) };
            }
            // Filters become neighbours, in twos, fours and eights: of the i-th eight filters,
            // vector 8 i + p has sums p, 8 + p, 16 + p and 24 + p.
            let mut twos = s;
            for i in (0..LANES).step_by(2) {
                twos[i] = _mm512_unpacklo_epi16(s[i], s[i + 1]);
                twos[i + 1] = _mm512_unpackhi_epi16(s[i], s[i + 1]);
            }
            let mut fours = twos;
            for i in (0..LANES).step_by(4) {
                for j in 0..2 {
                    let (a, b) = (twos[i + j], twos[i + j + 2]);
                    fours[i + 2 * j] = _mm512_unpacklo_epi32(a, b);
                    fours[i + 2 * j + 1] = _mm512_unpackhi_epi32(a, b);
                }
            }
            let mut eights = fours;
            for i in (0..LANES).step_by(8) {
                for j in 0..4 {
                    let (a, b) = (fours[i + j], fours[i + j + 4]);
                    eights[i + 2 * j] = _mm512_unpacklo_epi64(a, b);
                    eights[i + 2 * j + 1] = _mm512_unpackhi_epi64(a, b);
                }
            }
            for (quarter, words) in QUARTERS.iter().enumerate() {
                // SAFETY: there are 16 indices.
                let from = unsafe { _mm512_loadu_si512(words.as_ptr().cast()) };
                for p in 0..8 {
                    let (first, second) = (eights[p], eights[p + 8]);
                    let more = _mm512_maskz_permutex2var_epi16(LOWER, first, from, second);
                    let at = position(32 * half + 8 * quarter + p) * step;
                    let Some(row) = rows.get_mut(at) else { continue };
                    // SAFETY: a row has 16 entries.
                    unsafe {
                        let row = row.as_mut_ptr().cast();
                        let before = if fresh { constants } else { _mm512_loadu_si512(row) };
                        let sum = _mm512_add_epi32(before, _mm512_sll_epi32(more, shift));
                        _mm512_storeu_si512(row, sum);
                    }
                }
            }
        }
    }
}
