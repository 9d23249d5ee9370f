//! An image by channels: `[channels][padded height][padded width]`, so that neighbouring positions
//! lie side by side.

use crate::{ConvShape, dispatch::multiversion};

/// Codes of one plane.
pub(crate) fn plane_len(shape: &ConvShape) -> usize {
    shape.padded_height() * shape.padded_width()
}

/// Codes of all planes.
pub(crate) fn planes_len(shape: &ConvShape) -> usize {
    shape.channels * plane_len(shape)
}

#[inline(always)]
fn fill_planes_body(shape: &ConvShape, padding: u8, rows: u8, input: &[u8], planes: &mut [u8]) {
    const SIDE: usize = 16;
    let plane = plane_len(shape);
    planes.fill(gather_bits(padding, rows));
    for (y, row) in input.chunks_exact(shape.width * shape.channels).enumerate() {
        let start = (y + shape.pad_top) * shape.padded_width() + shape.pad_left;
        for x in (0..shape.width).step_by(SIDE) {
            let pixels = (shape.width - x).min(SIDE);
            for c in (0..shape.channels).step_by(SIDE) {
                let channels = (shape.channels - c).min(SIDE);
                let mut square = [[0; SIDE]; SIDE];
                for (square, pixel) in square[..pixels]
                    .iter_mut()
                    .zip(row[x * shape.channels..].chunks(shape.channels))
                {
                    match pixel[c..].first_chunk() {
                        Some(codes) => *square = *codes,
                        None => square[..channels].copy_from_slice(&pixel[c..]),
                    }
                }
                gather_square(&mut square, rows);
                transpose(&mut square);
                let out = planes[c * plane + start + x..].chunks_mut(plane);
                // Apart, lest both become calls.
                if pixels == SIDE {
                    for (out, codes) in out.zip(&square[..channels]) {
                        *out.first_chunk_mut().expect("a row of the plane") = *codes;
                    }
                } else {
                    for (out, codes) in out.zip(&square[..channels]) {
                        out[..pixels].copy_from_slice(&codes[..pixels]);
                    }
                }
            }
        }
    }
}

multiversion! {
    /// Transposes the image into padded planes; of each code, the bits in `rows` moved together.
    pub(crate) fn fill_planes(
        isa,
        shape: &ConvShape,
        padding: u8,
        rows: u8,
        input: &[u8],
        planes: &mut [u8],
    ) = fill_planes_body;
}

/// The bits of a code that are in `rows`, moved together.
pub(crate) fn gather_bits(code: u8, rows: u8) -> u8 {
    let mut square = [[code; 16]; 16];
    gather_square(&mut square, rows);
    square[0][0]
}

/// [`gather_bits`] of all codes.
#[inline(always)]
fn gather_square(square: &mut [[u8; 16]; 16], rows: u8) {
    // From the highest down, close the gap that each missing bit leaves.
    for bit in (0..8).rev().filter(|&bit| (rows >> bit) & 1 == 0) {
        let below = (1 << bit) - 1;
        for code in square.as_flattened_mut() {
            *code = *code & below | (*code >> 1) & !below;
        }
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
    use super::transpose;

    #[test]
    fn a_square_is_transposed() {
        let square: [[u8; 16]; 16] =
            std::array::from_fn(|y| std::array::from_fn(|x| (16 * y + x) as u8));
        let mut transposed = square;
        transpose(&mut transposed);
        for (y, row) in transposed.iter().enumerate() {
            for (x, &code) in row.iter().enumerate() {
                assert_eq!(code, square[x][y]);
            }
        }
    }
}
