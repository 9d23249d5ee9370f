//! Transposition with SSE2, which every x86-64 has, and with AVX-512.

use std::arch::x86_64::*;

/// Transposes a square of bytes. (Written as portable code, it goes through memory, and each
/// vector that is loaded waits for several narrower ones to be stored.)
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn bytes(square: &mut [[u8; 16]; 16]) {
    let mut rows = [_mm_setzero_si128(); 16];
    for (row, bytes) in rows.iter_mut().zip(&*square) {
        // SAFETY: there are 16 bytes.
        *row = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
    }
    // Interleaving the first half of the rows with the second, four times.
    for _ in 0..4 {
        let before = rows;
        for i in 0..8 {
            rows[2 * i] = _mm_unpacklo_epi8(before[i], before[i + 8]);
            rows[2 * i + 1] = _mm_unpackhi_epi8(before[i], before[i + 8]);
        }
    }
    for (bytes, &row) in square.iter_mut().zip(&rows) {
        // SAFETY: there are 16 bytes.
        unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), row) };
    }
}

/// Transposes a square of words, a quarter after the other.
#[inline]
#[target_feature(enable = "sse2")]
pub(crate) fn words(from: [&[u16; 16]; 16], to: [&mut [u16; 16]; 16]) {
    for (y, x) in [(0, 0), (0, 8), (8, 0), (8, 8)] {
        let mut rows = [_mm_setzero_si128(); 8];
        for (row, words) in rows.iter_mut().zip(&from[y..]) {
            // SAFETY: there are 8 words from 0 and from 8 on.
            *row = unsafe { _mm_loadu_si128(words.as_ptr().add(x).cast()) };
        }
        for _ in 0..3 {
            let before = rows;
            for i in 0..4 {
                rows[2 * i] = _mm_unpacklo_epi16(before[i], before[i + 4]);
                rows[2 * i + 1] = _mm_unpackhi_epi16(before[i], before[i + 4]);
            }
        }
        for (i, &row) in rows.iter().enumerate() {
            // SAFETY: there are 8 words from 0 and from 8 on.
            unsafe { _mm_storeu_si128(to[x + i].as_mut_ptr().add(y).cast(), row) };
        }
    }
}

/// Writes the codes of 16 pixels, so many codes apart, to the planes of their channels, of so many
/// codes each: as squares of 16 channels, or of 64 in about twice the time.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
pub(crate) fn pixels(codes: &[u8], step: usize, channels: usize, planes: &mut [u8], plane: usize) {
    assert!((1..=64).contains(&channels));
    assert!(15 * step + channels <= codes.len());
    assert!((channels - 1) * plane + 16 <= planes.len());
    if channels <= 16 {
        let mask = 0xffff >> (16 - channels);
        let mut rows = [_mm_setzero_si128(); 16];
        for (pixel, row) in rows.iter_mut().enumerate() {
            // SAFETY: the mask limits the access to the channels, which are there.
            *row = unsafe { _mm_maskz_loadu_epi8(mask, codes.as_ptr().add(pixel * step).cast()) };
        }
        for _ in 0..4 {
            let before = rows;
            for i in 0..8 {
                rows[2 * i] = _mm_unpacklo_epi8(before[i], before[i + 8]);
                rows[2 * i + 1] = _mm_unpackhi_epi8(before[i], before[i + 8]);
            }
        }
        for (channel, &row) in rows.iter().enumerate() {
            if channel < channels {
                // SAFETY: there is place for the pixels of each channel.
                unsafe { _mm_storeu_si128(planes.as_mut_ptr().add(channel * plane).cast(), row) };
            }
        }
        return;
    }
    let mask = u64::MAX >> (64 - channels);
    let mut rows = [_mm512_setzero_si512(); 16];
    for (pixel, row) in rows.iter_mut().enumerate() {
        // SAFETY: as above.
        *row = unsafe { _mm512_maskz_loadu_epi8(mask, codes.as_ptr().add(pixel * step).cast()) };
    }
    // Each quarter is a square.
    for _ in 0..4 {
        let before = rows;
        for i in 0..8 {
            rows[2 * i] = _mm512_unpacklo_epi8(before[i], before[i + 8]);
            rows[2 * i + 1] = _mm512_unpackhi_epi8(before[i], before[i + 8]);
        }
    }
    for (i, &row) in rows.iter().enumerate() {
        let quarters = [
            _mm512_castsi512_si128(row),
            _mm512_extracti32x4_epi32::<1>(row),
            _mm512_extracti32x4_epi32::<2>(row),
            _mm512_extracti32x4_epi32::<3>(row),
        ];
        for (quarter, codes) in quarters.into_iter().enumerate() {
            let channel = 16 * quarter + i;
            if channel < channels {
                // SAFETY: as above.
                unsafe { _mm_storeu_si128(planes.as_mut_ptr().add(channel * plane).cast(), codes) };
            }
        }
    }
}
