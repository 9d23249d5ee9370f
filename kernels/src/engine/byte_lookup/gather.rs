//! Gathers the codes that weight positions meet, for positions that are computed together.

use crate::{
    ConvShape,
    dispatch::multiversion,
    engine::byte_lookup::{Codes, POSITIONS},
    input::planes::planes_len,
};

/// Copies the codes that each tap meets.
///
/// # Safety
/// The processor has the features of the kernel.
pub(crate) type Gather =
    unsafe fn(taps: &[usize], planes: &[u8], windows: &[Vec<Window>], codes: &mut [Codes]);

/// Where the codes of some of a chunk's positions are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Where the first position's receptive field starts in the planes.
    pub from: usize,
    /// The positions, a bit each.
    pub positions: u64,
    /// Where each of them does, counted from there.
    pub at: [u8; POSITIONS],
    /// The largest of these; below [`WINDOW`].
    pub last: usize,
}

/// Codes of the planes that a [`Gather`] reads for a chunk and a tap.
pub(crate) const WINDOW: usize = 2 * POSITIONS;

/// A stretch of positions in one row of one image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch {
    /// Where the first position's receptive field starts in the planes.
    from: usize,
    /// First of the positions that are computed together.
    to: usize,
    len: usize,
}

/// Cuts positions where a row of an image ends.
pub(crate) fn cut_into_stretches(
    shape: &ConvShape,
    positions: std::ops::Range<usize>,
    stretches: &mut Vec<Stretch>,
) {
    stretches.clear();
    let mut position = positions.start;
    while position < positions.end {
        let len = (shape.out_width() - position % shape.out_width()).min(positions.end - position);
        let from = receptive_field(shape, position);
        stretches.push(Stretch { from, to: position - positions.start, len });
        position += len;
    }
}

/// Where a position's receptive field starts in the planes; positions go through several images.
fn receptive_field(shape: &ConvShape, position: usize) -> usize {
    let (image, position) = (position / shape.positions(), position % shape.positions());
    let (oy, ox) = (position / shape.out_width(), position % shape.out_width());
    let pixel = oy * shape.stride_height * shape.padded_width() + ox * shape.stride_width;
    image * planes_len(shape) + pixel
}

/// The windows of each chunk of the first `positions`, more than one where rows or images are far
/// apart; None if some chunk would have so many that copying its codes one by one takes no longer.
pub(crate) fn windows(shape: &ConvShape, positions: usize) -> Option<Vec<Vec<Window>>> {
    const MOST: usize = 8;
    let of_chunk = |first: usize| {
        let mut windows: Vec<Window> = Vec::new();
        for i in 0..POSITIONS.min(positions - first) {
            let from = receptive_field(shape, first + i);
            if windows.last().is_none_or(|window| from - window.from >= WINDOW) {
                windows.push(Window { from, positions: 0, at: [0; POSITIONS], last: 0 });
            }
            let window = windows.last_mut().expect("one at least");
            window.last = from - window.from;
            window.at[i] = window.last as u8;
            window.positions |= 1 << i;
        }
        (windows.len() <= MOST).then_some(windows)
    };
    (0..positions).step_by(POSITIONS).map(of_chunk).collect()
}

#[inline(always)]
fn gather_body(
    taps: &[usize],
    planes: &[u8],
    stretches: &[Stretch],
    shape: &ConvShape,
    codes: &mut [Codes],
) {
    let len = shape.out_width();
    let whole = stretches.iter().all(|stretch| stretch.len == len);
    // A call for each copy would take longer than copying so little.
    match (shape.stride_width, len) {
        (1, 8) if whole => copy::<8, 8, 1>(taps, planes, stretches, codes),
        (1, 16) if whole => copy::<16, 16, 1>(taps, planes, stretches, codes),
        (1, 32) if whole => copy::<32, 32, 1>(taps, planes, stretches, codes),
        (1, 64) if whole => copy::<64, 64, 1>(taps, planes, stretches, codes),
        (2, 8) if whole => copy::<8, 15, 2>(taps, planes, stretches, codes),
        (2, 16) if whole => copy::<16, 31, 2>(taps, planes, stretches, codes),
        (stride, _) => {
            for (&tap, codes) in taps.iter().zip(codes) {
                let codes = codes.as_flattened_mut();
                for &Stretch { from, to, len } in stretches {
                    let (to, from) = (&mut codes[to..to + len], &planes[from + tap..]);
                    if stride == 1 {
                        to.copy_from_slice(&from[..len]);
                    } else {
                        let from = from.iter().step_by(stride);
                        to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                    }
                }
            }
        }
    }
}

/// `LEN` codes out of `FROM`.
#[inline(always)]
fn copy<const LEN: usize, const FROM: usize, const STRIDE: usize>(
    taps: &[usize],
    planes: &[u8],
    stretches: &[Stretch],
    codes: &mut [Codes],
) {
    for (&tap, codes) in taps.iter().zip(codes) {
        let codes = codes.as_flattened_mut();
        for &Stretch { from, to, .. } in stretches {
            let from: &[u8; FROM] = planes[from + tap..].first_chunk().expect("a row of the plane");
            let to: &mut [u8; LEN] = codes[to..].first_chunk_mut().expect("a part of the codes");
            *to = std::array::from_fn(|i| from[STRIDE * i]);
        }
    }
}

multiversion! {
    /// The codes that each tap meets; those beyond the last position stay what they were.
    pub(crate) fn gather(
        isa,
        taps: &[usize],
        planes: &[u8],
        stretches: &[Stretch],
        shape: &ConvShape,
        codes: &mut [Codes],
    ) = gather_body;
}
