//! A time wheel: at most one pending event per net, one slot per tick.

/// Slots, and so the longest delay that can be scheduled, plus one.
pub(super) const SLOTS: usize = 4096;

const NONE: u32 = u32::MAX;

/// Pending events by the tick at which they happen; of one tick, in the order of scheduling.
/// Doubly linked lists, so that an event can be taken back at once.
pub(super) struct Wheel {
    /// First and last event of each slot.
    slots: Vec<(u32, u32)>,
    /// Neighbours of each event in its slot.
    links: Vec<(u32, u32)>,
    /// Slot of each pending event.
    slot_of: Vec<u32>,
    /// One bit per slot that is not empty, and one per word that is not 0.
    occupied: [u64; SLOTS / 64],
    words: u64,
    now: u64,
}

impl Wheel {
    /// For events 0 to `events` - 1.
    pub(super) fn new(events: usize) -> Self {
        Self {
            slots: vec![(NONE, NONE); SLOTS],
            links: vec![(NONE, NONE); events],
            slot_of: vec![0; events],
            occupied: [0; SLOTS / 64],
            words: 0,
            now: 0,
        }
    }

    /// Ticks since the last [`Wheel::restart`].
    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// Begins at tick 0 again; nothing may be pending.
    pub(super) fn restart(&mut self) {
        debug_assert_eq!(self.words, 0, "nothing is pending");
        self.now = 0;
    }

    /// Schedules an event that is not pending, 1 to [`SLOTS`] - 1 ticks from now.
    pub(super) fn schedule(&mut self, event: u32, delay: u32) {
        debug_assert!((1..SLOTS as u32).contains(&delay));
        let slot = (self.now as usize + delay as usize) % SLOTS;
        let (first, last) = self.slots[slot];
        self.links[event as usize] = (last, NONE);
        self.slot_of[event as usize] = slot as u32;
        if first == NONE {
            self.slots[slot] = (event, event);
            self.occupied[slot / 64] |= 1 << (slot % 64);
            self.words |= 1 << (slot / 64);
        } else {
            self.links[last as usize].1 = event;
            self.slots[slot].1 = event;
        }
    }

    /// Takes a pending event back.
    pub(super) fn cancel(&mut self, event: u32) {
        let slot = self.slot_of[event as usize] as usize;
        let (previous, next) = self.links[event as usize];
        match previous {
            NONE => self.slots[slot].0 = next,
            previous => self.links[previous as usize].1 = next,
        }
        match next {
            NONE => self.slots[slot].1 = previous,
            next => self.links[next as usize].0 = previous,
        }
        if self.slots[slot].0 == NONE {
            self.occupied[slot / 64] &= !(1 << (slot % 64));
            if self.occupied[slot / 64] == 0 {
                self.words &= !(1 << (slot / 64));
            }
        }
    }

    /// The next event, and moves on to its tick.
    pub(super) fn pop(&mut self) -> Option<u32> {
        let slot = self.next_slot()?;
        let here = self.now as usize % SLOTS;
        self.now += ((slot + SLOTS - here) % SLOTS) as u64;
        let event = self.slots[slot].0;
        self.cancel(event);
        Some(event)
    }

    /// The first occupied slot from now on, round the wheel.
    fn next_slot(&self) -> Option<usize> {
        if self.words == 0 {
            return None;
        }
        let here = self.now as usize % SLOTS;
        let word = here / 64;
        let rest = self.occupied[word] & (u64::MAX << (here % 64));
        if rest != 0 {
            return Some(word * 64 + rest.trailing_zeros() as usize);
        }
        // The words after this one, else from the start up to this one.
        let later = if word == 63 { 0 } else { self.words & (u64::MAX << (word + 1)) };
        let word = if later != 0 { later } else { self.words }.trailing_zeros() as usize;
        Some(word * 64 + self.occupied[word].trailing_zeros() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_order_as_a_sorted_list() {
        let mut wheel = Wheel::new(40);
        let mut pending: Vec<(u64, u64, u32)> = Vec::new();
        let (mut random, mut order) = (1_u64, 0);
        let mut popped = 0;
        for _ in 0..20_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let event = (random >> 40) as u32 % 40;
            let at = pending.iter().position(|&(_, _, other)| other == event);
            match (at, random >> 62) {
                (None, _) => {
                    let reach = if random >> 60 & 1 == 0 { 20 } else { SLOTS as u32 - 1 };
                    let delay = 1 + (random >> 20) as u32 % reach;
                    wheel.schedule(event, delay);
                    pending.push((wheel.now() + u64::from(delay), order, event));
                    order += 1;
                }
                (Some(at), 0) => {
                    wheel.cancel(event);
                    pending.remove(at);
                }
                _ => {
                    pending.sort_unstable();
                    let (tick, _, expected) = pending.remove(0);
                    assert_eq!(wheel.pop(), Some(expected));
                    assert_eq!(wheel.now(), tick);
                    popped += 1;
                }
            }
        }
        assert!(popped > 1000, "{popped}");
        (0..pending.len()).for_each(|_| assert!(wheel.pop().is_some()));
        assert_eq!(wheel.pop(), None);
    }
}
