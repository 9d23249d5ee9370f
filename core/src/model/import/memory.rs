//! How much memory the tensors need that are alive together, before any of them is made.

use std::collections::HashMap;

/// Most elements of one tensor, and of all that depend on the input and are alive together: 1 GiB
/// of float32, far beyond any image, far below where indices overflow.
pub(super) const MOST_ELEMENTS: u128 = 1 << 28;

/// Most elements of one constant that is computed from others: 512 MiB, since runtimes copy it.
const MOST_FOLDED: u128 = 1 << 27;

/// Most elements of all constants that are computed from others: 2 GiB.
const MOST_FOLDED_TOGETHER: u128 = 1 << 29;

/// The tensors of a graph as its nodes are walked in order.
#[derive(Default)]
pub(super) struct Memory {
    /// How many of the nodes and outputs to come read each name.
    readers: HashMap<String, usize>,
    /// Elements of the tensors that are alive.
    alive: HashMap<String, u128>,
    alive_together: u128,
    folded_together: u128,
}

impl Memory {
    /// Somebody will read these names.
    pub fn will_read<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for name in names.filter(|name| !name.is_empty()) {
            *self.readers.entry(name.to_string()).or_default() += 1;
        }
    }

    /// Whether there is room for a node's outputs, which have `elements` together.
    ///
    /// # Errors
    /// With the number of elements and the bound.
    pub fn check(&self, elements: u128, constant: bool) -> Result<(), String> {
        let (one, together, before, what) = match constant {
            true => (MOST_FOLDED, MOST_FOLDED_TOGETHER, self.folded_together, "constants"),
            false => (MOST_ELEMENTS, MOST_ELEMENTS, self.alive_together, "tensors"),
        };
        if elements > one {
            return Err(format!(
                "makes {what} of {elements} elements; Recoup runs {what} of up to {one}"
            ));
        }
        let needed = before.saturating_add(elements);
        if needed > together {
            return Err(format!(
                "makes {what} of {elements} elements, {needed} with those that must be kept \
                 beside them; Recoup keeps up to {together} at a time"
            ));
        }
        Ok(())
    }

    /// A constant was computed.
    pub fn folded(&mut self, elements: u128) {
        self.folded_together = self.folded_together.saturating_add(elements);
    }

    /// A tensor that depends on the input was made; one that nobody reads is gone at once.
    pub fn made(&mut self, name: &str, elements: u128) {
        if self.readers.get(name).is_some_and(|&readers| readers > 0)
            && self.alive.insert(name.into(), elements).is_none()
        {
            self.alive_together = self.alive_together.saturating_add(elements);
        }
    }

    /// A node has read these names.
    pub fn has_read<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        for name in names {
            let Some(readers) = self.readers.get_mut(name) else { continue };
            *readers = readers.saturating_sub(1);
            if *readers == 0
                && let Some(elements) = self.alive.remove(name)
            {
                self.alive_together = self.alive_together.saturating_sub(elements);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_count_from_the_node_that_makes_them_to_the_last_that_reads_them() {
        let mut memory = Memory::default();
        let reads = [&["x"][..], &["a", "x"], &["b"]];
        reads.iter().for_each(|names| memory.will_read(names.iter().copied()));
        let half = MOST_ELEMENTS / 2;
        memory.made("x", half);
        assert_eq!(memory.check(half, false), Ok(()));
        memory.made("a", half);
        memory.has_read(reads[0].iter().copied());
        // x is read again: with a there is no room for an element more.
        let refused = memory.check(1, false).unwrap_err();
        assert!(refused.contains(&(MOST_ELEMENTS + 1).to_string()), "{refused}");
        memory.has_read(reads[1].iter().copied());
        assert_eq!(memory.check(MOST_ELEMENTS, false), Ok(()));
        assert!(memory.check(MOST_ELEMENTS + 1, false).is_err());
        // What nobody reads takes no room.
        memory.made("unread", MOST_ELEMENTS);
        assert_eq!(memory.check(MOST_ELEMENTS, false), Ok(()));
    }

    #[test]
    fn constants_are_kept_to_the_end() {
        let mut memory = Memory::default();
        let mut kept = 0;
        while memory.check(MOST_FOLDED, true).is_ok() {
            memory.folded(MOST_FOLDED);
            kept += 1;
        }
        assert_eq!(kept, 4);
        assert!(memory.check(1, true).is_err());
        assert_eq!(memory.check(MOST_ELEMENTS, false), Ok(()));
    }
}
