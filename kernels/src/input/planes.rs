//! An image by channels: `[channels][padded height][padded width]`, so that neighbouring positions
//! lie side by side.

use crate::{ConvShape, Isa, dispatch::multiversion};

/// Codes of one plane.
pub(crate) fn plane_len(shape: &ConvShape) -> usize {
    shape.padded_height() * shape.padded_width()
}

/// Codes of all planes.
pub(crate) fn planes_len(shape: &ConvShape) -> usize {
    shape.channels * plane_len(shape)
}

/// Fills `planes` with those of all images, one after the other, and returns how many there are.
pub(crate) fn fill_batch<'a>(
    isa: Isa,
    shape: &ConvShape,
    padding: u8,
    images: impl Iterator<Item = &'a [u8]>,
    planes: &mut Vec<u8>,
) -> usize {
    let len = planes_len(shape);
    let mut count = 0;
    for image in images {
        planes.resize(((count + 1) * len).max(planes.len()), 0);
        fill_planes(isa, shape, padding, image, &mut planes[count * len..][..len]);
        count += 1;
    }
    count
}

/// Pixels that are transposed together.
const SIDE: usize = 16;

/// Writes the codes of [`SIDE`] pixels, so many codes apart, and of up to 64 channels to these
/// channels' planes, of so many codes each.
///
/// # Safety
/// The processor has the features of the kernel.
pub(crate) type TransposePixels =
    unsafe fn(codes: &[u8], step: usize, channels: usize, planes: &mut [u8], plane: usize);

/// None if the portable loop is all there is.
pub(crate) fn transpose_pixels(isa: Isa) -> Option<TransposePixels> {
    match isa.level() {
        #[cfg(target_arch = "x86_64")]
        crate::isa::Level::Avx512Vnni => Some(crate::x86_64::transpose::pixels),
        _ => None,
    }
}

/// Writes a row of pixels, `step` codes apart, to their channels' planes. Codes that follow the row
/// may be read.
pub(crate) fn transpose_row(
    transpose: TransposePixels,
    (row, step): (&[u8], usize),
    (pixels, channels): (usize, usize),
    planes: &mut [u8],
    plane: usize,
) {
    if pixels < SIDE && row.len() < (SIDE - 1) * step + channels {
        for (x, codes) in row.chunks(step).enumerate().take(pixels) {
            for (channel, &code) in codes.iter().enumerate().take(channels) {
                planes[channel * plane + x] = code;
            }
        }
        return;
    }
    let mut channel = 0;
    while channel < channels {
        // Whole vectors, and then squares.
        let count = if channels - channel > SIDE * 3 { 64 } else { SIDE };
        let count = count.min(channels - channel);
        if pixels < SIDE {
            let mut squares = [[0; SIDE]; 64];
            // SAFETY: transpose_pixels chose the function for the features of an Isa.
            unsafe { transpose(&row[channel..], step, count, squares.as_flattened_mut(), SIDE) };
            let planes = planes[channel * plane..].chunks_mut(plane);
            for (plane, codes) in planes.zip(&squares[..count]) {
                copy_some(&mut plane[..pixels], codes);
            }
            channel += count;
            continue;
        }
        for x in (0..pixels).step_by(SIDE) {
            // The last are written again where they would be too few.
            let x = x.min(pixels - SIDE);
            let (codes, planes) = (&row[x * step + channel..], &mut planes[channel * plane + x..]);
            // SAFETY: transpose_pixels chose the function for the features of an Isa.
            unsafe { transpose(codes, step, count, planes, plane) };
        }
        channel += count;
    }
}

/// Copies the first few codes, without the call that takes longer than copying them.
#[inline]
fn copy_some(to: &mut [u8], from: &[u8; SIDE]) {
    /// The first and the last codes, which overlap.
    #[inline]
    fn ends<const LEN: usize>(to: &mut [u8], from: &[u8]) {
        let first: &[u8; LEN] = from.first_chunk().expect("so many");
        let last: &[u8; LEN] = from.last_chunk().expect("so many");
        *to.first_chunk_mut().expect("so many") = *first;
        *to.last_chunk_mut().expect("so many") = *last;
    }
    let from = &from[..to.len()];
    match to.len() {
        8.. => ends::<8>(to, from),
        4.. => ends::<4>(to, from),
        _ => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
    }
}

/// Transposes the image into padded planes.
fn fill_planes(isa: Isa, shape: &ConvShape, padding: u8, input: &[u8], planes: &mut [u8]) {
    let Some(transpose) = transpose_pixels(isa) else {
        return fill_portably(isa, shape, padding, input, planes);
    };
    if plane_len(shape) > shape.height * shape.width {
        planes.fill(padding);
    }
    for y in 0..shape.height {
        let row = &input[y * shape.width * shape.channels..];
        let start = (y + shape.pad_top) * shape.padded_width() + shape.pad_left;
        let (row, size) = ((row, shape.channels), (shape.width, shape.channels));
        transpose_row(transpose, row, size, &mut planes[start..], plane_len(shape));
    }
}

#[inline(always)]
fn fill_planes_body(shape: &ConvShape, padding: u8, input: &[u8], planes: &mut [u8]) {
    let plane = plane_len(shape);
    planes.fill(padding);
    for (y, row) in input.chunks_exact(shape.width * shape.channels).enumerate() {
        let start = (y + shape.pad_top) * shape.padded_width() + shape.pad_left;
        for x in (0..shape.width).step_by(SIDE) {
            let pixels = (shape.width - x).min(SIDE);
            for c in (0..shape.channels).step_by(SIDE) {
                let channels = (shape.channels - c).min(SIDE);
                let out = planes[c * plane + start + x..].chunks_mut(plane).take(channels);
                let pixel = row[x * shape.channels..].chunks_exact(shape.channels);
                let mut square = [[0; SIDE]; SIDE];
                // Whole squares apart, lest copies of 16 bytes become calls.
                if (pixels, channels) == (SIDE, SIDE) {
                    for (square, pixel) in square.iter_mut().zip(pixel) {
                        *square = *pixel[c..].first_chunk().expect("the channels of a pixel");
                    }
                    transpose_bytes(&mut square);
                    for (out, codes) in out.zip(&square) {
                        *out.first_chunk_mut().expect("a row of the plane") = *codes;
                    }
                } else {
                    for (square, pixel) in square.iter_mut().zip(pixel.take(pixels)) {
                        square[..channels].copy_from_slice(&pixel[c..][..channels]);
                    }
                    transpose_bytes(&mut square);
                    for (out, codes) in out.zip(&square) {
                        out[..pixels].copy_from_slice(&codes[..pixels]);
                    }
                }
            }
        }
    }
}

multiversion! {
    /// The same for any instruction set.
    fn fill_portably(
        isa,
        shape: &ConvShape,
        padding: u8,
        input: &[u8],
        planes: &mut [u8],
    ) = fill_planes_body;
}

/// [`transpose`] of bytes.
#[inline(always)]
fn transpose_bytes(square: &mut [[u8; 16]; 16]) {
    // SAFETY: every x86-64 has SSE2.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        crate::x86_64::transpose::bytes(square)
    };
    #[cfg(not(target_arch = "x86_64"))]
    transpose(square);
}

/// [`transpose`] of words from one place to another.
#[inline(always)]
pub(crate) fn transpose_words(from: [&[u16; 16]; 16], to: [&mut [u16; 16]; 16]) {
    // SAFETY: every x86-64 has SSE2.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        crate::x86_64::transpose::words(from, to)
    };
    #[cfg(not(target_arch = "x86_64"))]
    transpose_copy(from, to);
}

/// [`transpose`] from one place to another.
#[inline(always)]
pub(crate) fn transpose_copy<T: Copy>(from: [&[T; 16]; 16], to: [&mut [T; 16]; 16]) {
    let mut square = from.map(|row| *row);
    transpose(&mut square);
    for (to, row) in to.into_iter().zip(square) {
        *to = row;
    }
}

/// Interleaving the first half of the rows with the second, four times, transposes a square of 16.
#[inline(always)]
pub(crate) fn transpose<T: Copy>(square: &mut [[T; 16]; 16]) {
    for _ in 0..4 {
        let rows = *square;
        for (i, pair) in square.as_flattened_mut().as_chunks_mut::<32>().0.iter_mut().enumerate() {
            for (j, both) in pair.as_chunks_mut::<2>().0.iter_mut().enumerate() {
                *both = [rows[i][j], rows[i + 8][j]];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{transpose, transpose_bytes, transpose_words};

    #[test]
    fn a_square_is_transposed() {
        let square: [[u8; 16]; 16] =
            std::array::from_fn(|y| std::array::from_fn(|x| (16 * y + x) as u8));
        let (mut transposed, mut bytes) = (square, square);
        transpose(&mut transposed);
        transpose_bytes(&mut bytes);
        assert_eq!(transposed, bytes);
        let words = square.map(|row| row.map(|code| 257 * u16::from(code)));
        let mut turned = words;
        transpose_words(words.each_ref(), turned.each_mut());
        assert_eq!(turned, bytes.map(|row| row.map(|code| 257 * u16::from(code))));
        for (y, row) in transposed.iter().enumerate() {
            for (x, &code) in row.iter().enumerate() {
                assert_eq!(code, square[x][y]);
            }
        }
    }
}
