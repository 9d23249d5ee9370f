//! Random designs: what the search leaves out is not the answer.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use recoup_core::quantize::WeightScheme;

use super::*;
use crate::runner::strategy::{CLEARLY_LESS, FAR_LESS};
use crate::sequential::{Assessment, ERROR, INTERIM_ERROR};
use crate::shard::Shard;
use crate::store::ResultStore;

const IMAGES: usize = 1000;
const RUNS: u64 = 300;

/// Designs whose powers have nothing to do with their losses. Of the noise it is true what the
/// search takes for true: a design with the same multiplier and clearly less of it loses less, and
/// so does one with another multiplier and far less.
pub struct Random {
    /// The reference first.
    networks: Vec<Network>,
    seen: Cell<usize>,
}

struct Network {
    design: Design,
    noise: f64,
    power: f64,
    /// On all images.
    outcomes: Vec<bool>,
}

impl Random {
    pub const IMAGES: usize = IMAGES;

    pub fn new(seed: u64, designs: &[Design]) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let reference: Vec<bool> = (0..IMAGES).map(|_| random.random_bool(0.9)).collect();
        let mut of_multipliers: Vec<(Multiplier, f64)> = Vec::new();
        let networks = designs.iter().cloned().map(|design| {
            if design.kind() == Kind::Reference {
                return Network { design, noise: 0.0, power: 1.0, outcomes: reference.clone() };
            }
            let noise = 10f64.powf(random.random_range(-3.5..-0.5));
            let multiplier = &design.multiplier;
            let known = of_multipliers.iter().find(|(known, _)| known == multiplier);
            let harm = known.map(|(_, harm)| *harm).unwrap_or_else(|| {
                let harm = random.random_range(FAR_LESS / CLEARLY_LESS..1.0);
                of_multipliers.push((multiplier.clone(), harm));
                harm
            });
            let loss = noise * harm * random.random_range(CLEARLY_LESS..1.0);
            let gained = random.random_range(0.0..0.02);
            let outcomes = reference.iter().map(|&right| match right {
                true => !random.random_bool((loss + gained) / 0.9),
                false => random.random_bool(gained / 0.1),
            });
            let outcomes = outcomes.collect();
            Network { design, noise, power: random.random_range(0.4..0.95), outcomes }
        });
        Self { networks: networks.collect(), seen: Cell::new(0) }
    }

    pub fn figures(&self, design: &Design) -> Figures {
        Figures { power: Some(self.network(design).power), energy: None, load_path: None }
    }

    pub fn outcomes(&self, design: &Design) -> &[bool] {
        &self.network(design).outcomes
    }

    fn network(&self, design: &Design) -> &Network {
        self.networks.iter().find(|network| network.design == *design).unwrap()
    }
}

struct RandomTrial<'a>(&'a Random, &'a [bool]);

impl Subject for Random {
    fn expect(&self, design: &Design) -> Result<Expected, Failure> {
        Ok(Expected { noise_to_signal: self.network(design).noise, ..Expected::default() })
    }

    fn start(&self, design: &Design) -> Result<Box<dyn Trial + '_>, Failure> {
        Ok(Box::new(RandomTrial(self, &self.network(design).outcomes)))
    }
}

impl Trial for RandomTrial<'_> {
    fn outcomes(&mut self, images: Range<usize>) -> Result<Vec<bool>, Failure> {
        self.0.seen.update(|seen| seen + images.len());
        Ok(self.1[images].to_vec())
    }

    fn observe(&mut self, _: usize) -> Result<Vec<LayerQuality>, Failure> {
        Ok(Vec::new())
    }
}

/// The answer when all designs are shown all images: its place and its power.
fn thorough(subject: &Random, limit: Limit) -> Option<(usize, f64)> {
    let reference = &subject.networks[0].outcomes;
    let plan = Plan::single(IMAGES);
    let candidates = subject.networks.iter().map(|network| {
        let assessment = plan.assess(reference, &network.outcomes, limit);
        Judged { kind: network.design.kind(), power: Some(network.power), assessment }
    });
    let best = choose(&candidates.collect::<Vec<_>>()).chosen?;
    Some((best, subject.networks[best].power))
}

/// A search that leaves designs out.
fn search(
    subject: &Random,
    experiment: &ExperimentKey,
    store: &mut Store,
    designs: &[Design],
    limit: Limit,
) -> SearchResult {
    let figures = |design: &Design, _: &Expected| subject.figures(design);
    let judge = Judge::sequential(IMAGES, limit);
    let runner =
        Runner::new(subject, std::slice::from_ref(experiment), judge).with_figures(&figures);
    runner.run(store, &mut LeastPower::new(designs), &Unwatched).unwrap()
}

/// All but who evaluated what, and when.
pub fn lines(found: &SearchResult) -> Vec<(String, Option<Assessment>, Option<String>)> {
    let results = found.results.iter();
    results
        .map(|it| {
            let assessment = it.judged().map(|judged| judged.assessment);
            (it.key.clone(), assessment, it.outcome.reason().map(str::to_owned))
        })
        .collect()
}

/// In whatever order designs are evaluated, and whatever is evaluated in vain.
#[test]
fn parts_add_up_to_the_search_of_one() {
    let designs = designs_of_all(1..6, &[Mode::None, Mode::Fitted(None)]);
    let limit = Limit::new(1.5).unwrap();
    let experiment = &ExperimentKey::of(experiment_record("simulated.onnx"));
    let divisions = [2, 3, 5].map(|count| {
        let first: Shard = format!("1/{count}").parse().unwrap();
        let parts = first.all().map(|shard| shard.designs(&designs, WeightScheme::U8Channel));
        parts.collect::<Vec<_>>()
    });
    let mut in_vain = 0;
    for seed in 0..20 {
        let subject = Random::new(seed, &designs);
        let alone = search(&subject, experiment, &mut Store::in_memory().unwrap(), &designs, limit);
        for parts in &divisions {
            let mut merged = Store::in_memory().unwrap();
            for ours in parts {
                let mut part = Store::in_memory().unwrap();
                search(&subject, experiment, &mut part, ours, limit);
                for (key, record) in part.experiments().unwrap() {
                    merged.put_experiment(&key, &record).unwrap();
                    for row in part.rows(&key).unwrap() {
                        merged.save(&row, &[]).unwrap();
                    }
                }
            }
            let key = merged.experiments().unwrap().into_keys().next().unwrap();
            let evaluated = merged.rows(&key).unwrap().len();
            let found = search(&subject, experiment, &mut merged, &designs, limit);
            assert_eq!(lines(&found), lines(&alone), "{seed}, {} parts", parts.len());
            assert_eq!(found.ended, alone.ended);
            let tried = found.results.iter().filter(|it| it.judged().is_some()).count();
            in_vain += evaluated.saturating_sub(tried);
        }
    }
    assert!(in_vain > 20, "{in_vain} evaluated in vain");
}

#[test]
fn the_answer_is_hardly_ever_dearer_than_that_of_all_images() {
    let experiment = &ExperimentKey::of(experiment_record("simulated.onnx"));
    let designs = designs_of_all(1..4, &[Mode::None, Mode::Fitted(None)]);
    let limit = Limit::new(1.5).unwrap();
    let (mut answers, mut dearer, mut not_tried) = (0, 0, 0);
    let (mut seen, mut left_out) = (0, 0);
    for seed in 0..RUNS {
        let subject = Random::new(seed, &designs);
        let mut store = Store::in_memory().unwrap();
        let found = search(&subject, experiment, &mut store, &designs, limit).results;
        let is_left_out = |result: &DesignResult| matches!(result.outcome, Outcome::Superfluous(_));
        left_out += found.iter().filter(|result| is_left_out(result)).count();
        seen += subject.seen.get();
        let Some((best, least)) = thorough(&subject, limit) else { continue };
        answers += 1;
        if chosen(&found).is_none_or(|power| power > least) {
            dearer += 1;
            not_tried += usize::from(is_left_out(&found[best]));
        }
    }
    assert!(answers * 10 > RUNS * 9, "{answers} of {RUNS} have an answer");
    // What the test promises of one design, and three standard deviations of that.
    let bound = |error: f64| {
        let runs = RUNS as f64;
        (runs * error + 3.0 * (runs * error * (1.0 - error)).sqrt()) as usize
    };
    assert!(dearer <= bound(ERROR), "{dearer} of {answers} are dearer");
    // Wrongly over at one of the eight looks before the last.
    let wrong = 8.0 * INTERIM_ERROR / 2.0;
    assert!(not_tried <= bound(wrong), "the best of {not_tried} of {answers} were not tried");
    let all = RUNS as usize * designs.len();
    assert!(left_out * 4 > all, "{left_out} of {all} are left out");
    assert!(seen * 3 < 2 * all * IMAGES, "{seen} of {} images", all * IMAGES);
}
