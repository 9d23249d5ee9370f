//! A search for masks: which partial products to keep, for the least predicted noise at each power.
//!
//! The front of the best is grown from regular masks: members of it are changed a little, and what none
//! beats in both stays. The same seed gives the same front on every machine.

use std::collections::HashSet;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use rayon::prelude::*;

use recoup_core::watch::{Stopped, Watch, go_on};

/// Masks that are judged side by side before the front is updated.
const BATCH: usize = 256;
/// Fewest partial products that are kept.
const FEWEST: u32 = 4;

/// A mask with what is predicted of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// Bit 8 i + l keeps the product of activation bit i and weight bit l.
    pub mask: u64,
    /// What is predicted of the loss; less is better.
    pub noise: f64,
    /// Array power.
    pub power: f64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Front {
    /// By power, the least first; each has less noise than all before it.
    pub masks: Vec<Scored>,
    /// How many masks were judged.
    pub judged: usize,
}

/// Judges so many masks by `noise` and `power`; fewer, if the front has no new ones around it.
///
/// # Errors
/// When `watch` stops it.
pub fn search(
    trials: usize,
    seed: u64,
    noise: &(dyn Fn(u64) -> f64 + Sync),
    power: &(dyn Fn(u64) -> f64 + Sync),
    watch: &dyn Watch,
) -> Result<Front, Stopped> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut front, mut seen) = (Vec::new(), HashSet::new());
    let mut judged = 0;
    let mut waiting = regular();
    watch.begin("judging masks", trials);
    loop {
        go_on(watch)?;
        waiting.retain(|&mask| mask.count_ones() >= FEWEST && seen.insert(mask));
        waiting.truncate(trials - judged);
        if waiting.is_empty() {
            break;
        }
        let score = |&mask: &u64| Scored { mask, noise: noise(mask), power: power(mask) };
        let scored: Vec<Scored> = waiting.par_iter().map(score).collect();
        judged += scored.len();
        watch.advance(scored.len());
        scored.into_iter().for_each(|scored| add(&mut front, scored));
        waiting = (0..BATCH).map(|_| changed(&front, &mut random)).collect();
    }
    watch.end();
    Ok(Front { masks: front, judged })
}

/// All masks that keep the columns from one on, of the bits from one on of either operand.
fn regular() -> Vec<u64> {
    let mut masks = Vec::new();
    for (column, low_a, low_w) in
        (0..13).flat_map(|column| (0..5).flat_map(move |a| (0..5).map(move |w| (column, a, w))))
    {
        let is_kept = |bit: &u32| {
            let (i, l) = (bit / 8, bit % 8);
            i + l >= column && i >= low_a && l >= low_w
        };
        masks.push((0..64).filter(is_kept).map(|bit| 1 << bit).sum());
    }
    masks
}

/// A member of the front with one to three changes.
fn changed(front: &[Scored], random: &mut ChaCha8Rng) -> u64 {
    let mut below = |most: usize| random.next_u32() as usize % most;
    let mut mask = front[below(front.len())].mask;
    for _ in 0..=below(3) {
        let at = below(8) as u32;
        let row = 0xff_u64 << (8 * at);
        let column = 0x0101_0101_0101_0101 << at;
        mask = match below(6) {
            // A row, or a column, with one more or one less partial product at its low end.
            0 => mask | (mask & row) >> 1 & row,
            1 => mask & !(mask & row & (mask & row).wrapping_neg()),
            2 => mask | (mask & column) >> 8 & column,
            3 => mask & !(mask & column & (mask & column).wrapping_neg()),
            // A partial product more or less, among those with a neighbour that is otherwise.
            _ => {
                let bit = 1 << below(64);
                let near = (bit << 1 | bit >> 1 | bit << 8 | bit >> 8) & !bit;
                let is_kept = mask & bit != 0;
                let differs = if is_kept { near & !mask } else { near & mask };
                if differs != 0 { mask ^ bit } else { mask }
            }
        };
    }
    mask
}

/// Keeps the front: by power, without what another beats in both.
fn add(front: &mut Vec<Scored>, new: Scored) {
    let at = front.partition_point(|it| (it.power, it.noise) < (new.power, new.noise));
    if at > 0 && front[at - 1].noise <= new.noise {
        return;
    }
    let beaten = front[at..].iter().take_while(|it| it.noise >= new.noise).count();
    front.splice(at..at + beaten, [new]);
}

impl Front {
    /// Up to `count` of them, spread evenly over power between two limits, the least noise of each part.
    pub fn spread(&self, count: usize, [low, high]: [f64; 2]) -> Vec<Scored> {
        let step = (high - low) / count.max(1) as f64;
        let part = |number: usize| {
            let until = low + step * (number + 1) as f64;
            let from = low + step * number as f64;
            let mut within = self.masks.iter().filter(|it| it.power >= from && it.power < until);
            within.next_back().copied()
        };
        (0..count).filter_map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use recoup_core::watch::Unwatched;

    use super::*;

    /// Each partial product has a weight that it loses, and costs one.
    fn found(trials: usize, seed: u64) -> Front {
        let noise = |mask: u64| {
            let lost = (0..64).filter(|bit| mask >> bit & 1 == 0);
            lost.map(|bit: u32| f64::from(bit / 8 + bit % 8).exp2()).sum()
        };
        search(trials, seed, &noise, &|mask| f64::from(mask.count_ones()), &Unwatched).unwrap()
    }

    #[test]
    fn the_front_is_the_best_for_each_power() {
        let front = found(4000, 7);
        assert_eq!(front.judged, 4000);
        // The best masks keep the largest, and there is one for each number of them.
        let mut weights: Vec<f64> =
            (0..64u32).map(|bit| f64::from(bit / 8 + bit % 8).exp2()).collect();
        weights.sort_by(f64::total_cmp);
        assert!(front.masks.len() >= 58, "{}", front.masks.len());
        for scored in &front.masks {
            let lost = 64 - scored.mask.count_ones() as usize;
            assert_eq!(scored.noise, weights[..lost].iter().sum::<f64>(), "{scored:?}");
        }
        assert!(front.masks.is_sorted_by(|a, b| a.power < b.power && a.noise > b.noise));
    }

    #[test]
    fn the_same_seed_finds_the_same() {
        assert_eq!(found(1500, 3), found(1500, 3));
        assert_ne!(found(1500, 3).masks, found(400, 3).masks);
    }

    #[test]
    fn a_few_are_spread_over_the_powers() {
        let few = found(4000, 1).spread(4, [10.0, 30.0]);
        let powers: Vec<f64> = few.iter().map(|it| it.power).collect();
        assert_eq!(powers, [14.0, 19.0, 24.0, 29.0]);
        assert!(found(400, 1).spread(3, [100.0, 200.0]).is_empty());
    }
}
