//! Rounding, in the one way that emulator and hardware share, how hashes are written, and matrices
//! turned.

/// The one by which the kernels are judged.
pub use recoup_kernels::naive::round_half_even_shift;

/// The nearest integer, ties to even, or `None` outside i32.
pub fn round_to_i32(value: f64) -> Option<i32> {
    let rounded = value.round_ties_even();
    (rounded >= i32::MIN as f64 && rounded <= i32::MAX as f64).then_some(rounded as i32)
}

/// Lower-case hexadecimal, as hashes are written.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A matrix of so many rows, with rows and columns exchanged.
pub(crate) fn transposed<T: Copy>(matrix: &[T], rows: usize) -> Vec<T> {
    let columns = matrix.len() / rows.max(1);
    let column = |column| (0..rows).map(move |row| matrix[row * columns + column]);
    (0..columns).flat_map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_even_on_both_sides_of_zero() {
        // (value, bits, expected): -2.5, -1.5, -0.5, 0.5, 1.5, 2.5 and neighbours.
        for (value, expected) in
            [(-5, -2), (-3, -2), (-1, 0), (1, 0), (3, 2), (5, 2), (4, 2), (-4, -2)]
        {
            assert_eq!(round_half_even_shift(value, 1), expected, "{value} / 2");
        }
        assert_eq!(round_half_even_shift(-7, 2), -2); // -1.75
        assert_eq!(round_half_even_shift(9, 2), 2); // 2.25
        assert_eq!(round_half_even_shift(9, 0), 9);
    }

    #[test]
    fn integers_beyond_i32_are_refused() {
        assert_eq!(round_to_i32(2147483646.5), Some(2147483646));
        assert_eq!(round_to_i32(2147483647.5), None);
        assert_eq!(round_to_i32(f64::NAN), None);
    }
}
