//! Tables of bytes looked up in registers, with AVX-512 and VBMI: 64 positions to a vector.

use std::arch::x86_64::*;

use crate::{
    byte_lookup::{CHUNKS, Codes, FILTERS, Input, POSITIONS, Sums},
    byte_tables::{Index, Line},
    epilogue::LANES,
    gather::{WINDOW, Window},
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
        (Index::Column(8), true) => lookups::<4, true, N>(input),
        (Index::Column(8), false) => lookups::<4, false, N>(input),
        (Index::Column(7), true) => lookups::<2, true, N>(input),
        (Index::Column(7), false) => lookups::<2, false, N>(input),
        (Index::Column(_), true) => lookups::<1, true, N>(input),
        (Index::Column(_), false) => lookups::<1, false, N>(input),
        (Index::Nibbles, _) => unreachable!("its costs rule nibbles out"),
    };
    let shift = _mm_cvtsi32_si128(input.shift as i32);
    for (words, sums) in words.iter().zip(sums) {
        for (words, sums) in words.iter().zip(sums.iter_mut()) {
            add_words(words, shift, input.first, sums);
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
pub(crate) fn gather(taps: &[usize], planes: &[u8], windows: &[Window], codes: &mut [Codes]) {
    for (c, window) in windows.iter().enumerate() {
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
            // SAFETY: a chunk has 64 codes.
            unsafe { _mm512_storeu_si512(codes[c].as_mut_ptr().cast(), gathered) };
        }
    }
}

// Values of vector types are kept out of closures: what the standard library would call them from
// is compiled without the features, and the calls would go through memory.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn lookups<const LINES: usize, const SINGLE: bool, const N: usize>(input: &Input<'_>) -> Words<N> {
    let mut words = [[[_mm512_setzero_si512(); 2]; N]; FILTERS];
    // A table for every number, so that no lookup checks one.
    let tables: &[[Line; LINES]; 256] =
        input.tables.as_chunks().0.first_chunk().expect("a table for every number");
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
                if LINES == 4 {
                    upper[c] = _mm512_movepi8_mask(at[c]);
                }
            }
            for (bytes, &number) in bytes.iter_mut().zip(weights) {
                let mut table = [_mm512_setzero_si512(); 4];
                for (table, line) in table.iter_mut().zip(&tables[usize::from(number)]) {
                    // SAFETY: a line has 64 bytes and is aligned to 64.
                    *table = unsafe { _mm512_load_si512(line.0.as_ptr().cast()) };
                }
                for c in 0..N {
                    let entries = match LINES {
                        1 => _mm512_permutexvar_epi8(at[c], table[0]),
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

/// Adds 64 positions' sums to wider ones.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn add_words(
    &[both, odd]: &[__m512i; 2],
    shift: __m128i,
    first: bool,
    sums: &mut [i32; POSITIONS],
) {
    let even = _mm512_sub_epi16(both, _mm512_slli_epi16::<8>(odd));
    // Lane by lane of 128 bits, positions 0 to 7 and 8 to 15 of each 16.
    let low = _mm512_unpacklo_epi16(even, odd);
    let high = _mm512_unpackhi_epi16(even, odd);
    // [low 0, low 1, high 0, high 1] to [low 0, high 0, low 1, high 1].
    let front = _mm512_shuffle_i32x4::<0b01_00_01_00>(low, high);
    let back = _mm512_shuffle_i32x4::<0b11_10_11_10>(low, high);
    let front = _mm512_shuffle_i32x4::<0b11_01_10_00>(front, front);
    let back = _mm512_shuffle_i32x4::<0b11_01_10_00>(back, back);
    let quarters = [
        _mm512_castsi512_si256(front),
        _mm512_extracti64x4_epi64::<1>(front),
        _mm512_castsi512_si256(back),
        _mm512_extracti64x4_epi64::<1>(back),
    ];
    for (sums, quarter) in sums.as_chunks_mut::<16>().0.iter_mut().zip(quarters) {
        let more = _mm512_sll_epi32(_mm512_cvtepu16_epi32(quarter), shift);
        // SAFETY: `sums` has 16 entries.
        unsafe {
            let before = if first {
                _mm512_setzero_si512()
            } else {
                _mm512_loadu_si512(sums.as_ptr().cast())
            };
            _mm512_storeu_si512(sums.as_mut_ptr().cast(), _mm512_add_epi32(before, more));
        }
    }
}

/// Transposes the sums of a block's filters, and adds their constants.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(crate) fn to_rows(sums: &[Sums; LANES], constants: &[i32; LANES], rows: &mut [[i32; LANES]]) {
    assert!(rows.len() <= CHUNKS * POSITIONS);
    // SAFETY: there are 16 constants.
    let constants = unsafe { _mm512_loadu_si512(constants.as_ptr().cast()) };
    for (square, rows) in rows.chunks_mut(16).enumerate() {
        let mut s = [_mm512_setzero_si512(); 16];
        for (s, sums) in s.iter_mut().zip(sums) {
            let sums: &[i32; 16] = &sums.as_flattened().as_chunks().0[square];
            // SAFETY: there are 16 sums.
            *s = unsafe { _mm512_loadu_si512(sums.as_ptr().cast()) };
        }
        // Filters become neighbours: in twos, in fours (for each 4 filters, positions i, 4 + i,
        // 8 + i and 12 + i), and across the quarters.
        let mut twos = s;
        for i in (0..16).step_by(2) {
            twos[i] = _mm512_unpacklo_epi32(s[i], s[i + 1]);
            twos[i + 1] = _mm512_unpackhi_epi32(s[i], s[i + 1]);
        }
        let mut fours = twos;
        for i in (0..16).step_by(4) {
            fours[i] = _mm512_unpacklo_epi64(twos[i], twos[i + 2]);
            fours[i + 1] = _mm512_unpackhi_epi64(twos[i], twos[i + 2]);
            fours[i + 2] = _mm512_unpacklo_epi64(twos[i + 1], twos[i + 3]);
            fours[i + 3] = _mm512_unpackhi_epi64(twos[i + 1], twos[i + 3]);
        }
        let mut square = fours;
        for i in 0..4 {
            let [a, b, c, d] = [fours[i], fours[i + 4], fours[i + 8], fours[i + 12]];
            let (ab, cd) = (_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0x88>(c, d));
            square[i] = _mm512_shuffle_i32x4::<0x88>(ab, cd);
            square[i + 8] = _mm512_shuffle_i32x4::<0xdd>(ab, cd);
            let (ab, cd) = (_mm512_shuffle_i32x4::<0xdd>(a, b), _mm512_shuffle_i32x4::<0xdd>(c, d));
            square[i + 4] = _mm512_shuffle_i32x4::<0x88>(ab, cd);
            square[i + 12] = _mm512_shuffle_i32x4::<0xdd>(ab, cd);
        }
        for (row, &sums) in rows.iter_mut().zip(&square) {
            let sums = _mm512_add_epi32(sums, constants);
            // SAFETY: a row has 16 entries.
            unsafe { _mm512_storeu_si512(row.as_mut_ptr().cast(), sums) };
        }
    }
}
