//! What the kernels that look depthwise products up read.

use crate::{
    engine::byte_lookup::{
        CHUNKS, POSITIONS, Sums,
        gather::{WINDOW, Window},
        tables::BytePlane,
    },
    output::blocks::LANES,
};

/// Places in a buffer, and the last of them.
#[derive(Debug)]
pub(crate) struct Offsets {
    all: Vec<usize>,
    last: usize,
}

impl Offsets {
    pub fn new(all: Vec<usize>) -> Offsets {
        let last = all.iter().copied().max().expect("a kernel has a tap");
        Offsets { all, last }
    }

    pub fn all(&self) -> &[usize] {
        &self.all
    }

    pub fn last(&self) -> usize {
        self.last
    }
}

/// Some channels' codes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channels<'a> {
    /// From the first channel's first position on.
    pub codes: &'a [u8],
    /// Codes from one channel to the next.
    pub step: usize,
    pub count: usize,
}

impl Channels<'_> {
    /// That each has so many codes.
    fn check(&self, codes: usize) {
        assert!((1..=LANES).contains(&self.count));
        assert!((self.count - 1) * self.step + codes <= self.codes.len());
    }
}

/// What a kernel reads.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub channels: Channels<'a>,
    /// Chunks of positions.
    pub chunks: usize,
    /// Where what each tap meets begins.
    pub taps: &'a Offsets,
    /// The numbers of the taps' tables, `[channels][taps]`.
    pub numbers: &'a [u8],
    /// The taps in runs whose entries fit a byte together: their lengths, for each channel.
    pub runs: &'a [Vec<u8>],
    pub table: &'a BytePlane,
    /// Bits of the code that select an entry.
    pub bits: u32,
}

impl Input<'_> {
    /// That there is a code for each tap and position, and a place for each sum.
    pub fn check(&self, sums: &[Sums]) {
        let Channels { count, .. } = self.channels;
        assert!((1..=CHUNKS).contains(&self.chunks));
        self.channels.check(self.taps.last + self.chunks * POSITIONS);
        assert!(self.taps.all.len() <= MOST_TAPS);
        assert!(self.numbers.len() == count * self.taps.all.len());
        assert!(self.runs.len() == count && sums.len() >= count);
    }
}

/// Taps whose bytes 16 bits can add up.
pub(crate) const MOST_TAPS: usize = 256;

/// Sums the entries of each channel.
///
/// # Safety
/// The processor has the features of the kernel.
pub(crate) type LookUp = unsafe fn(&Input<'_>, &mut [Sums]);

/// What the sums of x are made of.
#[derive(Debug)]
pub(crate) struct ControlInput<'a> {
    pub channels: Channels<'a>,
    /// The low and the high byte of each code's x.
    pub entries: &'a [[u8; 256]; 2],
    /// For each remainder of the columns, where the codes that the kernel's rows meet begin.
    pub rows: &'a [Offsets],
    /// Where what each of the kernel's columns meets begins in the sums over rows.
    pub columns: &'a Offsets,
    /// Words of a channel, and sums over rows for each remainder.
    pub words: usize,
    pub row_len: usize,
    /// Channels that go through each step together: what was just written is better not read yet.
    pub together: usize,
    /// Chunks of positions.
    pub chunks: usize,
}

impl ControlInput<'_> {
    /// That there are so many words, sums over rows, and places for sums.
    pub fn check(&self, words: &[u16], rows: &[u16], sums: &[Sums]) {
        let of_channel = self.rows.len() * self.row_len;
        self.channels.check(self.words);
        assert!(self.together > 0 && words.len() == self.together * self.words);
        assert!(rows.len() == self.together * of_channel);
        assert!(self.words.is_multiple_of(POSITIONS) && self.row_len.is_multiple_of(POSITIONS));
        assert!(self.rows.iter().all(|rows| rows.last + self.row_len <= self.words));
        assert!(self.columns.last + self.chunks * POSITIONS <= of_channel);
        assert!(self.chunks.div_ceil(CHUNKS) * LANES <= sums.len());
    }
}

/// Sums x over the kernel's windows, rows first, `[spans][channels of a block]`; words and sums over
/// rows are buffers.
///
/// # Safety
/// The processor has the features of the kernel.
pub(crate) type SumControl = unsafe fn(&ControlInput<'_>, &mut [u16], &mut [u16], &mut [Sums]);

/// What padded planes are made of.
#[derive(Debug)]
pub(crate) struct PadInput<'a> {
    /// `[channels][pixels]`
    pub image: &'a [u8],
    pub pixels: usize,
    pub channels: usize,
    /// Of each chunk of a channel's planes.
    pub windows: &'a [Vec<Window>],
    pub padding: u8,
    /// Codes from one channel's planes to the next's.
    pub step: usize,
}

impl PadInput<'_> {
    /// That there are the windows' codes, and place for the planes.
    pub fn check(&self, planes: &[u8]) {
        let last = self.windows.iter().flatten().map(|window| window.from).max().unwrap_or(0);
        assert!((self.channels - 1) * self.pixels + last + WINDOW <= self.image.len());
        assert!(self.windows.len() * POSITIONS <= self.step);
        assert!(self.channels * self.step <= planes.len());
    }
}

/// Writes each channel's planes.
///
/// # Safety
/// The processor has the features of the kernel.
pub(crate) type Pad = unsafe fn(&PadInput<'_>, planes: &mut [u8]);
