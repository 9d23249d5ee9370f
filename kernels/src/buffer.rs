//! Buffers that layers of different sizes share.

/// The first `len` elements of a buffer. It grows if need be, to elements of `value`, and does not
/// shrink: what grows again would be written again.
pub(crate) fn first<T: Clone>(buffer: &mut Vec<T>, len: usize, value: T) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, value);
    }
    &mut buffer[..len]
}
