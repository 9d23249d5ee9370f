//! The padded copies of the input that the kernels read.

use crate::{ConvShape, dispatch::multiversion};

/// Bytes per activation code in a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// The code itself.
    One,
    /// The code as a 16-bit integer.
    Two,
}

impl Width {
    pub fn bytes(self) -> usize {
        match self {
            Width::One => 1,
            Width::Two => 2,
        }
    }
}

/// How one image is copied: `[padded_height][padded_width][channels]`, ANDed with a mask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Copy<'a> {
    pub shape: &'a ConvShape,
    /// Code of the border.
    pub padding: u8,
    /// Bits that are kept.
    pub mask: u8,
    pub width: Width,
}

impl Copy<'_> {
    #[inline(always)]
    fn fill(self, input: &[u8], out: &mut [u8]) {
        let border = self.padding & self.mask;
        let mask = self.mask;
        match self.width {
            Width::One => self.rows(
                input,
                out,
                |out| out.fill(border),
                |input, out| {
                    for (out, &code) in out.iter_mut().zip(input) {
                        *out = code & mask;
                    }
                },
            ),
            Width::Two => {
                let wide = |code: u8| u16::from(code).to_ne_bytes();
                self.rows(
                    input,
                    out,
                    |out| {
                        for out in out.as_chunks_mut().0 {
                            *out = wide(border);
                        }
                    },
                    |input, out| {
                        for (out, &code) in out.as_chunks_mut().0.iter_mut().zip(input) {
                            *out = wide(code & mask);
                        }
                    },
                );
            }
        }
    }

    #[inline(always)]
    fn rows(
        self,
        input: &[u8],
        out: &mut [u8],
        border: impl Fn(&mut [u8]),
        copy: impl Fn(&[u8], &mut [u8]),
    ) {
        let shape = self.shape;
        let pixel = shape.channels * self.width.bytes();
        let row = shape.padded_width() * pixel;
        let (top, rest) = out.split_at_mut(shape.pad_top * row);
        let (middle, bottom) = rest.split_at_mut(shape.height * row);
        border(top);
        border(bottom);
        for (input, out) in
            input.chunks_exact(shape.width * shape.channels).zip(middle.chunks_exact_mut(row))
        {
            let (left, rest) = out.split_at_mut(shape.pad_left * pixel);
            let (inside, right) = rest.split_at_mut(shape.width * pixel);
            border(left);
            copy(input, inside);
            border(right);
        }
    }
}

#[inline(always)]
fn fill_body(copy: Copy<'_>, input: &[u8], out: &mut [u8]) {
    copy.fill(input, out);
}

multiversion! {
    /// Writes one padded copy; `out` is exactly as long as the copy.
    pub(crate) fn fill(isa, copy: Copy<'_>, input: &[u8], out: &mut [u8]) = fill_body;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Isa, tests::judged::Judged};

    #[test]
    fn the_border_and_the_inside_are_masked() {
        let shape = ConvShape { height: 1, pad_top: 1, pad_left: 1, ..ConvShape::linear(2, 2, 1) };
        let copy = Copy { shape: &shape, padding: 9, mask: 0xfe, width: Width::One };
        let mut judged = Judged::default();
        for isa in Isa::available() {
            let mut bytes = [0; 12];
            fill(isa, copy, &[1, 2, 3, 255], &mut bytes);
            assert_eq!(bytes, [8, 8, 8, 8, 8, 8, 8, 8, 0, 2, 2, 254]);
            let mut words = [0; 24];
            let copy = Copy { width: Width::Two, ..copy };
            fill(isa, copy, &[1, 2, 3, 255], &mut words);
            let words: Vec<u16> =
                words.as_chunks().0.iter().map(|&w| u16::from_ne_bytes(w)).collect();
            assert_eq!(words, bytes.map(u16::from));
            judged.count(isa, "widths");
        }
        judged.verdict(&[("widths", 1)]);
    }
}
