//! Multipliers made for networks: masks are searched by what is predicted of them, and the best are
//! evaluated.

use std::time::Instant;

use recoup_core::design::Kind;
use recoup_core::multiplier::{ControlFunction, truncated};
use recoup_core::quantize::{Quantization, WeightCodes};
use recoup_core::watch::go_on;
use recoup_explore::choose::Judged;
use recoup_explore::confirm::{Walked, sequence, walk};
use recoup_explore::masks::{Front, Scored, search};
use recoup_explore::power::{LIBRARY, SIZE};
use recoup_explore::runner::Budget;
use recoup_explore::sequential::{Assessment, Verdict};
use recoup_hardware::cost_table::Array;
use recoup_hardware::mask_model::MaskModel;

use super::*;

/// Powers between which the first designs are evaluated.
const POWERS: [f64; 2] = [0.25, 0.75];

/// Truncated multipliers that are evaluated beside what was searched.
const TRUNCATED: [u32; 4] = [7, 8, 9, 10];

/// What is searched, and how long.
#[derive(Clone, Debug)]
pub struct MakeOptions {
    /// The most that may be lost.
    pub limit: Limit,
    /// Masks that are judged by what is predicted.
    pub masks: usize,
    /// Seed of the search.
    pub seed: u64,
    /// Masks that are evaluated in each of two rounds: over all powers, and around the limit.
    pub finalists: usize,
    /// Shows every design all images.
    pub thorough: bool,
    /// Images on which the layers of designs are looked at, for the page.
    pub observed_images: usize,
    /// When to end.
    pub deadline: Option<Instant>,
}

/// What was made.
pub struct Made {
    /// The masks that nothing predicted beats.
    pub front: Front,
    /// Those of them that were evaluated, and truncated multipliers beside them, by power.
    pub finalists: Vec<Scored>,
    /// What became of them, and of reduced precision with the same treatment.
    pub exploration: Exploration,
    /// Masks judged per second.
    pub masks_per_s: f64,
    /// Seed of the search.
    pub seed: u64,
}

/// A design of a mask, with all that is done for its accuracy.
pub fn design_of_mask(mask: u64) -> Design {
    Design::new(Multiplier::from_mask(mask)).with_all_chosen()
}

impl MakeOptions {
    /// A search of two minutes for the paper's six networks on two cores, and twice eight designs.
    pub fn new(limit: Limit) -> Self {
        Self {
            limit,
            masks: 20_000,
            seed: 0,
            finalists: 8,
            thorough: false,
            observed_images: 0,
            deadline: None,
        }
    }

    /// What a store keeps of them with [`Store::start_run`], where designs cost `power`.
    pub fn settings(&self, power: &Power) -> Settings {
        Settings::new(self.limit, self.thorough, power)
    }

    /// The reference, and exact products of fewer bits with all that the made designs get; then these.
    fn explored(&self, finalists: &[Scored]) -> ExploreOptions {
        let rivals = space::with_rivals(&Space {
            quantizations: vec![Some(Quantization::CHOSEN)],
            weight_codes: vec![WeightCodes::Chosen],
            ..Space::default()
        });
        let treated = rivals.into_iter().filter(space::are_chosen_together);
        let made = finalists.iter().map(|scored| design_of_mask(scored.mask));
        ExploreOptions {
            designs: treated.chain(made).collect(),
            limit: self.limit,
            thorough: self.thorough,
            observed_images: self.observed_images,
            budget: Budget { images: None, deadline: self.deadline },
            shard: None,
        }
    }
}

/// Makes multipliers for networks, one for all of them: judges masks by what is predicted of their
/// losses, on average over the networks, and of their power; evaluates some of the best over all powers,
/// and then some around the power where the limit turned out to be. Powers of masks that no cost table
/// has are estimated; the networks know them afterwards.
///
/// # Errors
/// As [`explore`], and when weights are not unsigned codes.
pub fn make(
    store: &mut Store,
    networks: &mut [OpenNetwork],
    options: &MakeOptions,
    watch: &dyn Watch,
) -> Result<Made> {
    let start = Instant::now();
    let noises = networks.iter().map(|network| network.experiments[0].mask_noise(watch));
    let noises = noises.collect::<Result<Vec<_>, _>>()?;
    let noise = |mask| noises.iter().map(|own| own.of(mask)).sum::<f64>() / noises.len() as f64;
    let model = MaskModel::shipped();
    let power = |mask| model.of(mask, true).map_or(f64::INFINITY, |it| it.relative_power);
    let front = search(options.masks, options.seed, &noise, &power, watch)?;
    let masks_per_s = front.judged as f64 / start.elapsed().as_secs_f64();
    let mut finalists = front.spread(options.finalists, POWERS);
    // What somebody thought of, lest a prediction that is off leaves it out.
    let thought_of = TRUNCATED.map(truncated).into_iter().filter_map(|it| it.mask());
    add(
        &mut finalists,
        thought_of.map(|mask| Scored { mask, noise: noise(mask), power: power(mask) }),
    );
    let inputs = explored_inputs(networks, watch)?;
    let mut powers: Vec<Power> = networks.iter().map(|network| network.power.clone()).collect();
    let mut evaluate = |finalists: &[Scored]| {
        powers.iter_mut().for_each(|power| estimate(power, finalists));
        let all = networks.iter().zip(&inputs).zip(&powers);
        let all: Vec<Network> = all
            .map(|((network, inputs), power)| Network { power, ..network.network(inputs) })
            .collect();
        explored_on(None, store, networks, &all, &options.explored(finalists), watch)
    };
    let first = evaluate(&finalists)?;
    let around = around_the_limit(&first);
    add(&mut finalists, front.spread(options.finalists, around));
    let exploration = evaluate(&finalists)?;
    drop(inputs);
    networks.iter_mut().zip(powers).for_each(|(network, power)| network.power = power);
    Ok(Made { front, finalists, exploration, masks_per_s, seed: options.seed })
}

/// Adds masks that are not there, by power.
fn add(finalists: &mut Vec<Scored>, more: impl IntoIterator<Item = Scored>) {
    for scored in more {
        if !finalists.iter().any(|other| other.mask == scored.mask) {
            finalists.push(scored);
        }
    }
    finalists.sort_by(|a, b| a.power.total_cmp(&b.power));
}

/// The same for the networks of sessions, in the order of `order_seed`, as in [`explore_sessions`].
///
/// # Errors
/// As [`make`], and when a network cannot be calibrated.
pub fn make_sessions(
    store: &mut Store,
    sessions: Vec<Session>,
    options: &MakeOptions,
    order_seed: u64,
    command: &str,
    watch: &dyn Watch,
) -> Result<Made> {
    store.start_run(command, &options.settings(&Power::default()))?;
    let mut networks = open_sessions(sessions, order_seed, watch)?;
    make(store, &mut networks, options, watch)
}

impl Made {
    /// Every design that was to be evaluated, the reference first.
    pub fn designs(&self) -> impl Iterator<Item = &Design> {
        self.exploration.networks.iter().take(1).flat_map(|it| &it.results).map(|it| &it.design)
    }

    /// Every design that was evaluated, with what is chosen by: over all networks, or on the one.
    pub fn judged(&self) -> Vec<(&Design, Judged)> {
        judged(&self.exploration)
    }

    /// The one with the least power of those under the limit; none if none is.
    pub fn chosen(&self) -> Option<Design> {
        let answer = self.exploration.mean_answer();
        let answer = answer.or_else(|| self.exploration.answers().into_iter().next())?;
        let at = answer.choice.chosen?;
        let design = match &self.exploration.means[..] {
            [] => &self.exploration.networks.first()?.results.get(at)?.design,
            means => &means.get(at)?.design,
        };
        Some(design.clone())
    }
}

/// Choices on images that nothing was chosen by.
pub struct Confirmation {
    /// How many there are for each network.
    pub images: usize,
    /// Among all designs.
    pub made: Tested,
    /// Among exact products of fewer bits, with the same treatment.
    pub rival: Tested,
}

/// Designs with their array powers, and their mean losses on these images; without one where a design
/// fails.
pub type Tested = Walked<(Design, Option<f64>), Option<Assessment>>;

impl Made {
    /// Tests designs on the same networks with other images, the surest first, until one is not under the
    /// limit: the last before it is confirmed (`recoup_explore::confirm`).
    ///
    /// # Errors
    /// As [`explore`].
    pub fn confirm(&self, others: &[OpenNetwork], watch: &dyn Watch) -> Result<Confirmation> {
        let (limit, judged) = (self.exploration.limit, self.judged());
        let inputs = explored_inputs(others, watch)?;
        let all: Vec<Network> =
            others.iter().zip(&inputs).map(|(other, inputs)| other.network(inputs)).collect();
        let question = Question {
            designs: &[],
            limit,
            thorough: true,
            observed_images: 0,
            budget: Budget::default(),
            shard: None,
        };
        let mut store = Store::in_memory()?;
        let mut explorer = Explorer::new(&mut store, &all, question);
        let mut walked = |is_one: fn(Kind) -> bool| -> Result<Tested> {
            let of_kind = judged.iter().filter(|(_, it)| is_one(it.kind));
            let (designs, candidates): (Vec<_>, Vec<Judged>) =
                of_kind.map(|(design, it)| (((*design).clone(), it.power), it.clone())).unzip();
            let sequence = sequence(&candidates, limit);
            watch.begin("confirming", sequence.len() * others.len());
            let test = |(design, _): &(Design, Option<f64>)| -> Result<Option<Assessment>> {
                let mean = explorer.loss(design, watch)?;
                go_on(watch)?;
                Ok(mean.map(|mean| mean.assessment))
            };
            let is_under = |found: &Option<Assessment>| {
                found.is_some_and(|assessment| assessment.interval[1] < limit.points())
            };
            let walked = walk(sequence.into_iter().map(|at| designs[at].clone()), test, is_under)?;
            watch.end();
            Ok(walked)
        };
        let (made, rival) = (walked(|_| true)?, walked(|kind| kind == Kind::ReducedPrecision)?);
        let images = inputs.first().map_or(0, |inputs| inputs.len());
        Ok(Confirmation { images, made, rival })
    }
}

fn judged(exploration: &Exploration) -> Vec<(&Design, Judged)> {
    match &exploration.means[..] {
        [] => {
            let results = exploration.networks.iter().flat_map(|network| &network.results);
            results.filter_map(|it| Some((&it.design, it.judged()?))).collect()
        }
        means => means.iter().map(|mean| (&mean.design, mean.judged())).collect(),
    }
}

/// From the power of the dearest design with V that loses more than the limit, below the first that is
/// surely under it, to the power of that.
fn around_the_limit(exploration: &Exploration) -> [f64; 2] {
    let judged = judged(exploration);
    let powers = |is_one: &dyn Fn(&Judged) -> bool| -> Vec<f64> {
        let of_v = judged.iter().filter(|(_, it)| it.kind == Kind::WithV && is_one(it));
        of_v.filter_map(|(_, it)| it.power).collect()
    };
    let under = powers(&|it| it.assessment.verdict == Verdict::Under);
    let high = under.into_iter().fold(POWERS[1], f64::min);
    let over = powers(&|it| it.assessment.loss >= exploration.limit.points());
    [over.into_iter().filter(|&power| power < high).fold(POWERS[0], f64::max), high]
}

/// Adds rows for masks that a cost table does not have.
fn estimate(power: &mut Power, masks: &[Scored]) {
    if power.library != LIBRARY || power.array != [SIZE; 2] {
        return;
    }
    let table = &mut power.table;
    let structure = table.structure(LIBRARY);
    for scored in masks {
        for x in ControlFunction::NAMED {
            let name = x.to_string();
            let design = design_of_mask(scored.mask);
            let array = Array::new(&design, std::slice::from_ref(&name), [SIZE; 2], structure);
            let is_known = array.is_none_or(|array| table.full(LIBRARY, &array).is_some());
            if !is_known {
                let row = MaskModel::shipped().row(table, LIBRARY, scored.mask, Some(&name));
                table.costs.extend(row);
            }
        }
    }
}
