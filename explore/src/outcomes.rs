//! Which images a network got right, one bit an image.

/// Eight images a byte, the first in the lowest bit; the last byte is filled with zeros.
pub fn pack(outcomes: &[bool]) -> Vec<u8> {
    let byte = |images: &[bool]| {
        images.iter().enumerate().fold(0, |byte, (bit, &right)| byte | u8::from(right) << bit)
    };
    outcomes.chunks(8).map(byte).collect()
}

/// The first `images` bits; nothing if there are not exactly as many bytes as they need.
pub fn unpack(bytes: &[u8], images: usize) -> Option<Vec<bool>> {
    (bytes.len() == images.div_ceil(8))
        .then(|| (0..images).map(|image| bytes[image / 8] >> (image % 8) & 1 == 1).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_survive() {
        for images in [0, 1, 7, 8, 9, 1000] {
            let outcomes: Vec<bool> = (0..images).map(|image| image * image % 7 < 3).collect();
            let bytes = pack(&outcomes);
            assert_eq!(unpack(&bytes, images), Some(outcomes));
            assert_eq!(unpack(&bytes, images + 8), None);
        }
        assert_eq!(pack(&[true, false, false, true]), [9]);
    }
}
