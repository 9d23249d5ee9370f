//! The geometry of a convolution.

use crate::KernelError;

/// Sizes of one convolution over one image, in pixels and channels.
///
/// A 1-D convolution has height 1. A fully connected layer or a matrix product is a 1x1
/// convolution with height 1 and one column per row of the matrix ([`ConvShape::linear`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConvShape {
    /// Input channels, all groups together.
    pub channels: usize,
    /// Input height.
    pub height: usize,
    /// Input width.
    pub width: usize,
    /// Output channels, all groups together.
    pub filters: usize,
    /// Kernel height.
    pub kernel_height: usize,
    /// Kernel width.
    pub kernel_width: usize,
    /// Vertical distance between outputs.
    pub stride_height: usize,
    /// Horizontal distance between outputs.
    pub stride_width: usize,
    /// Vertical distance between kernel taps.
    pub dilation_height: usize,
    /// Horizontal distance between kernel taps.
    pub dilation_width: usize,
    /// Padding rows above.
    pub pad_top: usize,
    /// Padding columns on the left.
    pub pad_left: usize,
    /// Padding rows below.
    pub pad_bottom: usize,
    /// Padding columns on the right.
    pub pad_right: usize,
    /// Groups: filter f reads only the channels of group f / (filters / groups).
    pub groups: usize,
}

impl ConvShape {
    /// `rows` vectors of `features` codes times a matrix with `outputs` columns.
    pub fn linear(rows: usize, features: usize, outputs: usize) -> ConvShape {
        ConvShape {
            channels: features,
            height: 1,
            width: rows,
            filters: outputs,
            kernel_height: 1,
            kernel_width: 1,
            stride_height: 1,
            stride_width: 1,
            dilation_height: 1,
            dilation_width: 1,
            pad_top: 0,
            pad_left: 0,
            pad_bottom: 0,
            pad_right: 0,
            groups: 1,
        }
    }

    /// Output height. Needs a [valid](Self::validate) shape, like all that follow.
    pub fn out_height(&self) -> usize {
        (self.padded_height() - self.kernel_extent_height()) / self.stride_height + 1
    }

    /// Output width.
    pub fn out_width(&self) -> usize {
        (self.padded_width() - self.kernel_extent_width()) / self.stride_width + 1
    }

    /// Output pixels.
    pub fn positions(&self) -> usize {
        self.out_height() * self.out_width()
    }

    /// Products per output value: the filter's taps times the channels of its group (k).
    pub fn depth(&self) -> usize {
        self.kernel_height * self.kernel_width * self.channels_per_group()
    }

    /// Channels that one filter reads.
    pub fn channels_per_group(&self) -> usize {
        self.channels / self.groups
    }

    /// Filters that share one group's channels.
    pub fn filters_per_group(&self) -> usize {
        self.filters / self.groups
    }

    /// Codes in the input image, `[height][width][channels]`.
    pub fn input_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Values in the output image, `[out_height][out_width][filters]`.
    pub fn output_len(&self) -> usize {
        self.positions() * self.filters
    }

    /// Products per image.
    pub fn macs(&self) -> usize {
        self.output_len() * self.depth()
    }

    pub(crate) fn padded_height(&self) -> usize {
        self.height + self.pad_top + self.pad_bottom
    }

    pub(crate) fn padded_width(&self) -> usize {
        self.width + self.pad_left + self.pad_right
    }

    fn kernel_extent_height(&self) -> usize {
        (self.kernel_height - 1) * self.dilation_height + 1
    }

    fn kernel_extent_width(&self) -> usize {
        (self.kernel_width - 1) * self.dilation_width + 1
    }

    /// Checks that the shape has at least one output and that its sizes fit the address space.
    ///
    /// # Errors
    /// [`KernelError`] with the field at fault.
    pub fn validate(&self) -> Result<(), KernelError> {
        let positive = [
            ("channels", self.channels),
            ("height", self.height),
            ("width", self.width),
            ("filters", self.filters),
            ("kernel_height", self.kernel_height),
            ("kernel_width", self.kernel_width),
            ("stride_height", self.stride_height),
            ("stride_width", self.stride_width),
            ("dilation_height", self.dilation_height),
            ("dilation_width", self.dilation_width),
            ("groups", self.groups),
        ];
        for (name, value) in positive {
            if value == 0 {
                return Err(KernelError::ZeroDimension(name));
            }
        }
        for (of, count) in [("channels", self.channels), ("filters", self.filters)] {
            if count % self.groups != 0 {
                return Err(KernelError::Groups { of, count, groups: self.groups });
            }
        }
        // One bound on everything keeps the sums and products below from overflowing, here and
        // in the kernels: a buffer holds at most i32::MAX entries.
        let limit = i32::MAX as u128;
        let wide = |v: usize| v as u128;
        let extent = |kernel, dilation| (wide(kernel) - 1) * wide(dilation) + 1;
        let padded = |size, before, after| wide(size) + wide(before) + wide(after);
        for (axis, kernel, input) in [
            (
                "height",
                extent(self.kernel_height, self.dilation_height),
                padded(self.height, self.pad_top, self.pad_bottom),
            ),
            (
                "width",
                extent(self.kernel_width, self.dilation_width),
                padded(self.width, self.pad_left, self.pad_right),
            ),
        ] {
            if kernel > limit || input > limit {
                return Err(KernelError::TooLarge);
            }
            if kernel > input {
                return Err(KernelError::KernelTooLarge {
                    axis,
                    kernel: kernel as usize,
                    input: input as usize,
                });
            }
        }
        let product = |factors: &[usize]| {
            factors.iter().try_fold(1u128, |all, &v| all.checked_mul(wide(v))).unwrap_or(u128::MAX)
        };
        let sizes = [
            product(&[self.padded_height(), self.padded_width(), self.channels]),
            product(&[self.padded_height(), self.padded_width(), self.filters.max(self.channels)]),
            product(&[
                self.kernel_height,
                self.kernel_width,
                self.channels_per_group(),
                self.filters,
            ]),
        ];
        if sizes.iter().any(|&size| size > limit) {
            return Err(KernelError::TooLarge);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conv3x3() -> ConvShape {
        ConvShape {
            kernel_height: 3,
            kernel_width: 3,
            pad_top: 1,
            pad_left: 1,
            pad_bottom: 1,
            pad_right: 1,
            height: 32,
            width: 32,
            ..ConvShape::linear(1, 16, 32)
        }
    }

    #[test]
    fn sizes_of_a_strided_convolution() {
        let shape = ConvShape { stride_height: 2, stride_width: 2, ..conv3x3() };
        shape.validate().unwrap();
        assert_eq!((shape.out_height(), shape.out_width()), (16, 16));
        assert_eq!(shape.depth(), 144);
        assert_eq!(shape.macs(), 16 * 16 * 32 * 144);
    }

    #[test]
    fn a_kernel_that_does_not_fit_is_refused() {
        let shape = ConvShape { dilation_width: 17, ..conv3x3() };
        assert_eq!(
            shape.validate(),
            Err(KernelError::KernelTooLarge { axis: "width", kernel: 35, input: 34 })
        );
    }

    #[test]
    fn odd_groups_zero_sizes_and_huge_sizes_are_refused() {
        let shape = ConvShape { groups: 3, ..conv3x3() };
        assert!(matches!(shape.validate(), Err(KernelError::Groups { of: "channels", .. })));
        let shape = ConvShape { stride_width: 0, ..conv3x3() };
        assert_eq!(shape.validate(), Err(KernelError::ZeroDimension("stride_width")));
        for shape in [
            ConvShape { pad_top: usize::MAX, ..conv3x3() },
            ConvShape::linear(1 << 20, 1 << 20, 1),
            ConvShape::linear(1, 1 << 20, 1 << 20),
        ] {
            assert_eq!(shape.validate(), Err(KernelError::TooLarge));
        }
    }
}
