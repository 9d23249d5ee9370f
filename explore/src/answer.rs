//! What was chosen, in words: the same for the command and for the page.

use crate::choose::{Choice, Judged, choose};
use crate::ingredients::{Ingredient, Step, steps};
use crate::sequential::{Assessment, ERROR, Limit};

/// A design that was evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// Where it stands in the list of all designs.
    pub position: usize,
    /// In words.
    pub name: String,
    /// The last thing that it needs.
    pub ingredient: Ingredient,
    /// What is chosen by.
    pub judged: Judged,
}

/// The choice among designs, and how it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The choice, as positions in the list of all designs.
    pub choice: Choice,
    /// What was asked and how it ended; if a design is the answer, its name follows.
    pub headline: String,
    /// The design that is the answer, with what it saves and loses.
    pub design: Option<String>,
    /// The best of the other kinds, what the saving is made of, and what is not decided.
    pub remarks: Vec<String>,
    /// What the saving is made of, with positions in the list of all designs.
    pub steps: Vec<Step>,
}

impl Answer {
    /// Chooses among designs by a limit that their losses were judged by.
    pub fn new(designs: &[Evaluated], limit: Limit) -> Self {
        let judged: Vec<Judged> = designs.iter().map(|design| design.judged.clone()).collect();
        let choice = choose(&judged);
        let (under, sure) =
            (format!("under {limit}"), format!("with {:.0} % confidence", 100.0 * (1.0 - ERROR)));
        let names = |positions: &[usize]| {
            let names: Vec<&str> = positions.iter().map(|&at| designs[at].name.as_str()).collect();
            names.join("; ")
        };
        let headline = match (choice.chosen, choice.nearest, &choice.unknown_power[..]) {
            (Some(_), ..) => format!("The least power {under} of loss, {sure}:"),
            (_, Some(_), _) => format!("No design is {under} of loss {sure}; the nearest:"),
            (.., []) => "No design was evaluated.".to_owned(),
            (.., unknown) => format!(
                "Of the designs that are {under} of loss {sure} none has a known power: {}.",
                names(unknown)
            ),
        };
        let mut remarks = Vec::new();
        if let Some(chosen) = choice.chosen {
            let others = [
                ("With V", choice.with_v),
                ("Without V", choice.without_v),
                ("With reduced precision instead", choice.reduced_precision),
            ];
            remarks.extend(others.into_iter().filter(|(_, best)| *best != Some(chosen)).map(
                |(what, best)| match best {
                    Some(best) => format!("{what}: {}.", describe(&designs[best])),
                    None => format!("{what}: no design of known power is under it."),
                },
            ));
        }
        let made_of = steps(designs.iter().map(|it| (it.ingredient, &it.judged)));
        remarks.extend(told(&made_of, designs));
        if !choice.undecided.is_empty() {
            let cheaper = if choice.chosen.is_some() {
                "With less power, but undecided"
            } else {
                "Undecided"
            };
            let undecided = choice.undecided.iter().map(|&at| undecided(&designs[at]));
            let undecided: Vec<String> = undecided.collect();
            remarks.push(format!("{cheaper} on these images: {}.", undecided.join("; ")));
        }
        let positions: Vec<usize> = designs.iter().map(|design| design.position).collect();
        Self {
            design: choice.chosen.or(choice.nearest).map(|at| describe(&designs[at])),
            choice: choice.at(&positions),
            headline,
            remarks,
            steps: made_of.into_iter().map(|step| step.at(&positions)).collect(),
        }
    }

    /// Whether there is no answer for want of powers.
    pub fn lacks_power(&self) -> bool {
        self.design.is_none() && !self.choice.unknown_power.is_empty()
    }

    /// All of it, sentence by sentence.
    pub fn sentences(&self) -> Vec<String> {
        let headline = match &self.design {
            Some(design) => format!("{} {design}.", self.headline),
            None => self.headline.clone(),
        };
        std::iter::once(headline).chain(self.remarks.iter().cloned()).collect()
    }
}

/// The savings step by step, if there are several.
fn told(steps: &[Step], designs: &[Evaluated]) -> Option<String> {
    let saved: Vec<Option<f64>> =
        steps.iter().map(|step| designs[step.best?].judged.power).collect();
    let differ = saved.windows(2).any(|pair| pair[0] != pair[1]);
    let told = steps.iter().zip(&saved).map(|(step, power)| {
        let saved = power.map_or_else(|| "nothing under it".to_owned(), saving);
        format!("{} {saved}", step.ingredient)
    });
    differ.then(|| {
        let told: Vec<String> = told.collect();
        format!("Saved with one thing more at each step: {}.", told.join(", then "))
    })
}

/// A loss with its interval, points.
pub fn loss(assessment: &Assessment) -> String {
    let [low, high] = assessment.interval;
    format!("{:.2} [{low:.2}, {high:.2}]", assessment.loss)
}

/// What a design saves and loses.
fn describe(design: &Evaluated) -> String {
    let Judged { power, assessment, .. } = &design.judged;
    let saved = power.map(|power| format!("saves {} of the array power and ", saving(power)));
    format!("{} {}loses {} points", design.name, saved.unwrap_or_default(), loss(assessment))
}

fn saving(power: f64) -> String {
    format!("{:.1} %", 100.0 * (1.0 - power))
}

/// What an undecided design may save, and what it would take to know.
fn undecided(design: &Evaluated) -> String {
    let Judged { power, assessment, .. } = &design.judged;
    let saved = power.map(|power| format!("saves {}, ", saving(power))).unwrap_or_default();
    let needed = match assessment.images_to_decide {
        Some(images) => format!("about {} images would decide", thousands(images)),
        None => "too near the limit for any number of images".to_owned(),
    };
    format!("{} ({saved}{needed})", design.name)
}

/// A number with commas between thousands.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits"))
        .collect();
    groups.join(",")
}

#[cfg(test)]
mod tests;
