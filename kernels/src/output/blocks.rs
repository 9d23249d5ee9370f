//! Filters side by side in vectors.

/// Filters that are processed together.
pub const LANES: usize = 16;

/// One value for each filter of a block.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(crate) struct Lanes<T>(pub [T; LANES]);

/// A block of up to 16 neighbouring filters of one group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    /// First filter.
    pub filter: usize,
    /// Filters in the block; the other lanes are idle.
    pub count: usize,
    /// The sums that the block reads.
    pub group: usize,
}

/// Splits `groups` groups of `filters_per_group` filters into blocks.
pub(crate) fn blocks(groups: usize, filters_per_group: usize) -> Vec<Block> {
    (0..groups)
        .flat_map(|group| {
            (0..filters_per_group).step_by(LANES).map(move |first| Block {
                filter: group * filters_per_group + first,
                count: (filters_per_group - first).min(LANES),
                group,
            })
        })
        .collect()
}

impl Block {
    /// What is made of a value of each filter, in the filters' lanes.
    pub fn fill<T: Copy, U>(&self, lanes: &mut Lanes<U>, values: &[T], of: impl Fn(T) -> U) {
        let values = &values[self.filter..][..self.count];
        lanes.0.iter_mut().zip(values).for_each(|(lane, &value)| *lane = of(value));
    }
}
