//! One channel's positions with AVX-512 and VBMI: bytes looked up for its taps, and sums of words.

use std::arch::x86_64::*;

use crate::{
    engine::{
        byte_lookup::{CHUNKS, POSITIONS, Sums, tables::Line},
        depthwise::lookup::input::{ControlInput, Input, PadInput},
    },
    output::blocks::LANES,
};

/// Puts the codes of the image in their places.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(crate) fn pad(input: &PadInput<'_>, planes: &mut [u8]) {
    input.check(planes);
    for (n, windows) in input.windows.iter().enumerate() {
        for channel in 0..input.channels {
            let mut codes = _mm512_set1_epi8(input.padding as i8);
            for window in windows {
                // SAFETY: there are 64 indices, and the input was checked for two vectors of each
                // window.
                let (at, low, high) = unsafe {
                    let image = input.image.as_ptr().add(channel * input.pixels + window.from);
                    (
                        _mm512_loadu_si512(window.at.as_ptr().cast()),
                        _mm512_loadu_si512(image.cast()),
                        _mm512_loadu_si512(image.add(POSITIONS).cast()),
                    )
                };
                let found = _mm512_permutex2var_epi8(low, at, high);
                codes = _mm512_mask_mov_epi8(codes, window.positions, found);
            }
            let to = &mut planes[channel * input.step + n * POSITIONS..][..POSITIONS];
            // SAFETY: there is place for 64 codes.
            unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), codes) };
        }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(crate) fn look_up(input: &Input<'_>, sums: &mut [Sums]) {
    input.check(sums);
    match (input.bits, &input.table.upper) {
        (8, None) => of_lines::<4, false>(input, sums),
        (8, Some(_)) => of_lines::<2, true>(input, sums),
        (7, _) => of_lines::<2, false>(input, sums),
        (_, _) => of_lines::<1, false>(input, sums),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn of_lines<const LINES: usize, const UPPER: bool>(input: &Input<'_>, sums: &mut [Sums]) {
    match input.chunks {
        1 => of_chunks::<LINES, UPPER, 1>(input, sums),
        2 => of_chunks::<LINES, UPPER, 2>(input, sums),
        3 => of_chunks::<LINES, UPPER, 3>(input, sums),
        _ => of_chunks::<LINES, UPPER, CHUNKS>(input, sums),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn of_chunks<const LINES: usize, const UPPER: bool, const N: usize>(
    input: &Input<'_>,
    sums: &mut [Sums],
) {
    let taps = input.taps.all();
    let numbers = input.numbers.chunks_exact(taps.len());
    for (c, ((numbers, runs), sums)) in numbers.zip(input.runs).zip(sums).enumerate() {
        let channel = input.channels.codes[c * input.channels.step..].as_ptr();
        // SAFETY: the input was checked for all channels, taps and chunks.
        unsafe {
            match runs.len() == taps.len() {
                true => of_channel::<LINES, UPPER, true, N>(input, channel, numbers, runs, sums),
                false => of_channel::<LINES, UPPER, false, N>(input, channel, numbers, runs, sums),
            }
        }
    }
}

/// # Safety
/// There are codes for all taps of the input and N chunks.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
unsafe fn of_channel<const LINES: usize, const UPPER: bool, const SINGLE: bool, const N: usize>(
    input: &Input<'_>,
    codes: *const u8,
    numbers: &[u8],
    runs: &[u8],
    sums: &mut Sums,
) {
    // The sums of bytes of the even positions, with 256 times the odd ones', and the odd positions'.
    let mut both = [_mm512_setzero_si512(); N];
    let mut odd = [_mm512_setzero_si512(); N];
    // A table for every number, so that no lookup checks one.
    let tables: &[[Line; LINES]; 256] =
        input.table.tables.as_chunks().0.first_chunk().expect("a table for every number");
    let upper = input.table.upper.as_deref().unwrap_or(&[0; 256]);
    let mut taps = input.taps.all().iter().zip(numbers);
    for &run in runs {
        let mut bytes = [_mm512_setzero_si512(); N];
        for _ in 0..if SINGLE { 1 } else { run } {
            let Some((&tap, &number)) = taps.next() else { unreachable!("runs of all taps") };
            let mut table = [_mm512_setzero_si512(); 4];
            for (table, line) in table.iter_mut().zip(&tables[usize::from(number)]) {
                // SAFETY: a line has 64 bytes and is aligned to 64.
                *table = unsafe { _mm512_load_si512(line.0.as_ptr().cast()) };
            }
            let more = _mm512_set1_epi8(upper[usize::from(number)] as i8);
            for (c, bytes) in bytes.iter_mut().enumerate() {
                // SAFETY: the caller provides the codes.
                let at = unsafe { _mm512_loadu_si512(codes.add(tap + POSITIONS * c).cast()) };
                let entries = match LINES {
                    1 => _mm512_permutexvar_epi8(at, table[0]),
                    2 => {
                        let low = _mm512_permutex2var_epi8(table[0], at, table[1]);
                        match UPPER {
                            true => _mm512_mask_add_epi8(low, _mm512_movepi8_mask(at), low, more),
                            false => low,
                        }
                    }
                    _ => {
                        let low = _mm512_permutex2var_epi8(table[0], at, table[1]);
                        let high = _mm512_permutex2var_epi8(table[2], at, table[3]);
                        _mm512_mask_blend_epi8(_mm512_movepi8_mask(at), low, high)
                    }
                };
                *bytes = if SINGLE { entries } else { _mm512_add_epi8(*bytes, entries) };
            }
        }
        for c in 0..N {
            both[c] = _mm512_add_epi16(both[c], bytes[c]);
            odd[c] = _mm512_add_epi16(odd[c], _mm512_srli_epi16::<8>(bytes[c]));
        }
    }
    for c in 0..N {
        let even = _mm512_sub_epi16(both[c], _mm512_slli_epi16::<8>(odd[c]));
        store([even, odd[c]], &mut sums[c]);
    }
}

/// Where the even words of two vectors are, and the odd ones.
const HALVES: [[u16; 32]; 2] = {
    let mut halves = [[0; 32]; 2];
    let mut i = 0;
    while i < 32 {
        halves[0][i] = 2 * i as u16;
        halves[1][i] = 2 * i as u16 + 1;
        i += 1;
    }
    halves
};

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
pub(crate) fn sum_control(
    input: &ControlInput<'_>,
    words: &mut [u16],
    rows: &mut [u16],
    sums: &mut [Sums],
) {
    input.check(words, rows, sums);
    let tables = tables(input.entries);
    // SAFETY: there are 32 indices each.
    let [even, odd] = HALVES.map(|at| unsafe { _mm512_loadu_si512(at.as_ptr().cast()) });
    let mut first = 0;
    while first < input.channels.count {
        let channels = first..input.channels.count.min(first + input.together);
        for (c, words) in channels.clone().zip(words.chunks_exact_mut(input.words)) {
            let codes = &input.channels.codes[c * input.channels.step..][..input.words];
            to_words(&tables, codes, words);
        }
        let of_channel = input.rows.len() * input.row_len;
        let buffers = words.chunks_exact(input.words).zip(rows.chunks_exact_mut(of_channel));
        for (words, rows) in buffers.take(channels.len()) {
            for (at, rows) in input.rows.iter().zip(rows.chunks_exact_mut(input.row_len)) {
                for (n, rows) in rows.as_chunks_mut::<POSITIONS>().0.iter_mut().enumerate() {
                    // SAFETY: the input was checked for all sums over rows.
                    let sum = unsafe { sum_at(words.as_ptr().add(n * POSITIONS), at.all()) };
                    store(sum, rows);
                }
            }
        }
        for (c, rows) in channels.clone().zip(rows.chunks_exact(of_channel)) {
            for n in 0..input.chunks {
                // SAFETY: the input was checked for all chunks.
                let sum = unsafe { sum_at(rows.as_ptr().add(n * POSITIONS), input.columns.all()) };
                let [low, high] = sum;
                let sum = [
                    _mm512_permutex2var_epi16(low, even, high),
                    _mm512_permutex2var_epi16(low, odd, high),
                ];
                store(sum, &mut sums[n / CHUNKS * LANES + c][n % CHUNKS]);
            }
        }
        first = channels.end;
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn tables(entries: &[[u8; 256]; 2]) -> [[__m512i; 4]; 2] {
    let mut tables = [[_mm512_setzero_si512(); 4]; 2];
    for (table, entries) in tables.iter_mut().zip(entries) {
        for (table, entries) in table.iter_mut().zip(entries.as_chunks::<64>().0) {
            // SAFETY: there are 64 entries.
            *table = unsafe { _mm512_loadu_si512(entries.as_ptr().cast()) };
        }
    }
    tables
}

/// The x of each code.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn to_words(tables: &[[__m512i; 4]; 2], codes: &[u8], words: &mut [u16]) {
    // Interleaving takes quarters apart.
    let quarters = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
    let codes = codes.as_chunks::<POSITIONS>().0;
    for (codes, words) in codes.iter().zip(words.as_chunks_mut::<POSITIONS>().0) {
        // SAFETY: there are 64 codes.
        let at = unsafe { _mm512_loadu_si512(codes.as_ptr().cast()) };
        let at = _mm512_permutexvar_epi64(quarters, at);
        let upper = _mm512_movepi8_mask(at);
        let mut bytes = [_mm512_setzero_si512(); 2];
        for (bytes, table) in bytes.iter_mut().zip(tables) {
            let low = _mm512_permutex2var_epi8(table[0], at, table[1]);
            let high = _mm512_permutex2var_epi8(table[2], at, table[3]);
            *bytes = _mm512_mask_blend_epi8(upper, low, high);
        }
        let [low, high] = bytes;
        store([_mm512_unpacklo_epi8(low, high), _mm512_unpackhi_epi8(low, high)], words);
    }
}

/// The sums of the words from all `offsets` on.
///
/// # Safety
/// There are 64 words each.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
unsafe fn sum_at(words: *const u16, offsets: &[usize]) -> [__m512i; 2] {
    // SAFETY: as the caller says. By far the most frequent number takes no loop.
    unsafe {
        match *offsets {
            [a, b, c] => sum_all(words, &[a, b, c]),
            _ => sum_all(words, offsets),
        }
    }
}

/// # Safety
/// As for [`sum_at`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
unsafe fn sum_all(words: *const u16, offsets: &[usize]) -> [__m512i; 2] {
    let mut sums = [_mm512_setzero_si512(); 2];
    for &offset in offsets {
        for (half, sum) in sums.iter_mut().enumerate() {
            // SAFETY: the caller provides the words.
            let words = unsafe { _mm512_loadu_si512(words.add(offset + 32 * half).cast()) };
            *sum = _mm512_add_epi16(*sum, words);
        }
    }
    sums
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn store([low, high]: [__m512i; 2], words: &mut [u16; POSITIONS]) {
    // SAFETY: there are 64 words.
    unsafe {
        _mm512_storeu_si512(words.as_mut_ptr().cast(), low);
        _mm512_storeu_si512(words.as_mut_ptr().add(32).cast(), high);
    }
}
