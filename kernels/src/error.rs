//! What can be wrong with a layer description.

use std::fmt;

/// Why a [`MacSpec`](crate::MacSpec) or an instruction set was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KernelError {
    /// A dimension that has to be positive is zero. Holds its name.
    ZeroDimension(&'static str),
    /// `groups` does not divide the channels or the filters. Holds which, and the numbers.
    Groups {
        /// "channels" or "filters".
        of: &'static str,
        /// The number that is not a multiple of `groups`.
        count: usize,
        /// The number of groups.
        groups: usize,
    },
    /// The dilated kernel is larger than the padded input along an axis.
    KernelTooLarge {
        /// "height" or "width".
        axis: &'static str,
        /// Extent of the dilated kernel, in pixels.
        kernel: usize,
        /// Extent of the padded input, in pixels.
        input: usize,
    },
    /// The sizes overflow the address space.
    TooLarge,
    /// A vector has the wrong number of entries.
    Length {
        /// The field of the description.
        field: &'static str,
        /// Entries needed.
        expected: usize,
        /// Entries found.
        found: usize,
    },
    /// A number is outside its range. Holds a sentence that names field and range.
    Range(&'static str),
    /// The instruction set has no such name, or this processor lacks it.
    Isa {
        /// The name asked for.
        name: String,
        /// The names that work here.
        available: Vec<&'static str>,
    },
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroDimension(name) => write!(f, "{name} must be at least 1"),
            Self::Groups { of, count, groups } => {
                write!(f, "{count} {of} cannot be divided into {groups} groups")
            }
            Self::KernelTooLarge { axis, kernel, input } => write!(
                f,
                "the dilated kernel's {axis} is {kernel}, the padded input's only {input}"
            ),
            Self::TooLarge => write!(f, "the layer's sizes overflow the address space"),
            Self::Length { field, expected, found } => {
                write!(f, "{field} needs {expected} entries and has {found}")
            }
            Self::Range(sentence) => f.write_str(sentence),
            Self::Isa { name, available } => write!(
                f,
                "instruction set \"{name}\" is not available here; these are: {}",
                available.join(", ")
            ),
        }
    }
}

impl std::error::Error for KernelError {}
