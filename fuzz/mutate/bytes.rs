//! Choices out of bytes.

/// Bytes to choose by; zeros when they have run out.
pub struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// A number below `end`, which is at least 1.
    pub fn below(&mut self, end: usize) -> usize {
        // One byte reaches no further than 256.
        let high = if end > 256 { usize::from(self.byte()) << 8 } else { 0 };
        (high + usize::from(self.byte())) % end
    }

    pub fn pick<'b, T>(&mut self, values: &'b [T]) -> &'b T {
        &values[self.below(values.len())]
    }

    /// One of `values`, to be changed, if there are any.
    pub fn pick_mut<'b, T>(&mut self, values: &'b mut [T]) -> Option<&'b mut T> {
        if values.is_empty() {
            return None;
        }
        let index = self.below(values.len());
        values.get_mut(index)
    }

    /// An integer: small ones, and those at the ends of something.
    pub fn int(&mut self) -> i64 {
        const ODD: &[i64] = &[
            -1,
            -2,
            i64::MIN,
            i64::MAX,
            i32::MAX as i64,
            i32::MIN as i64,
            1 << 20,
            (1 << 20) + 1,
            1 << 31,
            1 << 32,
            1 << 40,
            100_000,
            255,
            256,
            65_536,
            64,
        ];
        let choice = self.byte();
        match ODD.get(usize::from(choice & 0x7f)) {
            Some(&odd) if choice & 0x80 != 0 => odd,
            _ => i64::from(choice & 0x1f),
        }
    }

    /// A float: ordinary ones, and those that break divisions and comparisons.
    pub fn float(&mut self) -> f32 {
        const ODD: &[f32] = &[
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.5,
            1e-45,
            f32::MIN_POSITIVE,
            f32::MAX,
            f32::MIN,
            f32::INFINITY,
            f32::NEG_INFINITY,
            f32::NAN,
            1e12,
            -1e-9,
            256.0,
            3.0,
        ];
        *self.pick(ODD)
    }
}
