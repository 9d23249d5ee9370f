//! Reproducible choice of images.

use std::collections::HashSet;

use super::DataError;

/// The images to evaluate out of `len`: `images` of them, or all. With a seed they are drawn
/// without replacement, each subset being equally likely, and the first draws do not depend on
/// how many follow: 100 images are among the 200 of the same seed. Without one they are the
/// first. In ascending order, which reads files forward.
///
/// The same arguments give the same images on every machine and in every version.
pub fn select(
    len: usize,
    images: Option<usize>,
    seed: Option<u64>,
) -> Result<Vec<usize>, DataError> {
    select_others(len, &[], images, seed)
}

/// [`select`] of the images that are not in `calibration`.
pub fn select_others(
    len: usize,
    calibration: &[usize],
    images: Option<usize>,
    seed: Option<u64>,
) -> Result<Vec<usize>, DataError> {
    let pool = others(len, calibration);
    let wanted = images.unwrap_or(pool.len());
    choose(pool, wanted, seed, "evaluation")
}

/// `n` images for calibration out of `len`, none of them in `eval`; drawn as in [`select`].
pub fn hold_out(
    len: usize,
    eval: &[usize],
    n: usize,
    seed: Option<u64>,
) -> Result<Vec<usize>, DataError> {
    choose(others(len, eval), n, seed, "calibration")
}

fn others(len: usize, taken: &[usize]) -> Vec<usize> {
    let taken: HashSet<usize> = taken.iter().copied().collect();
    (0..len).filter(|index| !taken.contains(index)).collect()
}

fn choose(
    mut pool: Vec<usize>,
    wanted: usize,
    seed: Option<u64>,
    purpose: &'static str,
) -> Result<Vec<usize>, DataError> {
    if wanted == 0 || wanted > pool.len() {
        return Err(DataError::Selection { purpose, wanted, available: pool.len() });
    }
    if let Some(seed) = seed {
        draw(&mut pool, wanted, seed);
    }
    pool.truncate(wanted);
    pool.sort_unstable();
    Ok(pool)
}

/// Puts images in a random order, each order being equally likely: any number of the first ones
/// is then a random sample of all. The same seed gives the same order on every machine and in
/// every version.
pub fn shuffle(indices: &mut [usize], seed: u64) {
    draw(indices, indices.len(), seed);
}

/// Fisher-Yates from the front, stopped when enough are drawn.
fn draw(pool: &mut [usize], wanted: usize, seed: u64) {
    let mut random = SplitMix64(seed);
    for drawn in 0..wanted {
        let rest = (pool.len() - drawn) as u64;
        pool.swap(drawn, drawn + random.below(rest) as usize);
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, OOPSLA
/// 2014, fig. 17), written out here so that no library update changes published numbers.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A uniform number below `bound`: the numbers beyond the last whole multiple of `bound`
    /// are drawn again.
    fn below(&mut self, bound: u64) -> u64 {
        let excess = (u64::MAX % bound + 1) % bound;
        loop {
            let number = self.next();
            if number <= u64::MAX - excess {
                return number % bound;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gives_its_published_values() {
        let mut random = SplitMix64(1_234_567);
        let found: Vec<u64> = (0..5).map(|_| random.next()).collect();
        assert_eq!(
            found,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821,
            ]
        );
    }

    #[test]
    fn without_a_seed_the_first_images_in_order() {
        assert_eq!(select(10, Some(4), None).unwrap(), [0, 1, 2, 3]);
        assert_eq!(select(3, None, None).unwrap(), [0, 1, 2]);
        assert_eq!(select(3, None, Some(1)).unwrap(), [0, 1, 2]);
    }

    #[test]
    fn a_subset_is_distinct_and_nested() {
        for seed in 0..20 {
            let small = select(1000, Some(100), Some(seed)).unwrap();
            let large = select(1000, Some(200), Some(seed)).unwrap();
            assert_eq!(small.len(), 100);
            assert!(small.is_sorted_by(|a, b| a < b));
            assert!(small.iter().all(|index| large.contains(index)));
            assert!(large.iter().all(|&index| index < 1000));
        }
        assert_ne!(
            select(1000, Some(100), Some(1)).unwrap(),
            select(1000, Some(100), Some(2)).unwrap()
        );
    }

    /// Each of the 10 pairs out of 5 has the probability 1/10: of 10,000 draws, 1000 with a
    /// standard deviation of 30.
    #[test]
    fn subsets_are_equally_likely() {
        let mut counts = std::collections::HashMap::new();
        for seed in 0..10_000 {
            *counts.entry(select(5, Some(2), Some(seed)).unwrap()).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 10);
        for (pair, count) in counts {
            assert!((850..=1150).contains(&count), "{pair:?}: {count}");
        }
    }

    /// The expected indices come from a separate implementation, in Python.
    #[test]
    fn the_choice_never_changes() {
        assert_eq!(select(10_000, Some(5), Some(7)).unwrap(), [2102, 4487, 7746, 8746, 8799]);
    }

    #[test]
    fn calibration_images_are_not_evaluated() {
        let eval = select(100, Some(60), Some(3)).unwrap();
        let calibration = hold_out(100, &eval, 40, Some(3)).unwrap();
        assert_eq!(calibration.len(), 40);
        assert!(calibration.iter().all(|index| !eval.contains(index)));
        assert_eq!(hold_out(10, &[0, 2], 3, None).unwrap(), [1, 3, 4]);
        assert_eq!(select_others(6, &[0, 4], None, None).unwrap(), [1, 2, 3, 5]);
        assert_eq!(select_others(6, &[0, 4], Some(2), None).unwrap(), [1, 2]);
        assert!(select_others(6, &[0, 4], Some(5), None).is_err());
    }

    /// Each of the 6 orders of 3 has the probability 1/6: of 6000 shuffles, 1000 with a standard
    /// deviation of 29.
    #[test]
    fn orders_are_equally_likely() {
        let mut counts = std::collections::HashMap::new();
        for seed in 0..6000 {
            let mut order = [0, 1, 2];
            shuffle(&mut order, seed);
            *counts.entry(order).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6);
        assert!(counts.values().all(|count| (850..=1150).contains(count)), "{counts:?}");
    }

    #[test]
    fn too_many_or_none_is_an_error() {
        let eval = select(100, Some(60), None).unwrap();
        let message = hold_out(100, &eval, 41, None).unwrap_err().to_string();
        assert!(message.contains("41") && message.contains("1 to 40"), "{message}");
        for result in [
            select(100, Some(0), None),
            select(100, Some(101), Some(1)),
            hold_out(100, &eval, 0, Some(1)),
        ] {
            assert!(matches!(result, Err(DataError::Selection { .. })));
        }
    }
}
