//! Buffers that layers of different sizes share.

/// The first `len` elements of a buffer. It grows if need be, to elements of `value`, and does not
/// shrink: what grows again would be written again.
pub(crate) fn first<T: Clone>(buffer: &mut Vec<T>, len: usize, value: T) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, value);
    }
    &mut buffer[..len]
}

/// Rows of 16 numbers, each of which fills a line of the cache: vectors that straddle lines are read
/// and written in twice the time.
#[derive(Debug, Default)]
pub(crate) struct Rows(Vec<i32>);

impl Rows {
    fn before(&self) -> usize {
        self.0.as_ptr().align_offset(64).min(self.0.len())
    }

    pub fn all(&self) -> &[[i32; 16]] {
        self.0[self.before()..].as_chunks().0
    }

    /// The first so many. They stay what they are while no more are asked for.
    pub fn first(&mut self, count: usize) -> &mut [[i32; 16]] {
        first(&mut self.0, 16 * count + 15, 0);
        let before = self.before();
        &mut self.0[before..].as_chunks_mut().0[..count]
    }
}
