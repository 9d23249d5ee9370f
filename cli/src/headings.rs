//! The groups of options in the help of every verb.

pub const MODEL: &str = "Model and data";
pub const MULTIPLIERS: &str = "Multipliers";
pub const CONTROL: &str = "Control variate";
pub const QUANTIZATION: &str = "Quantisation";
pub const ARRAYS: &str = "Arrays and power";
pub const CELLS: &str = "Cells and synthesis";
pub const SIMULATION: &str = "Simulation";
pub const CHOICE: &str = "Choice";
pub const OUTPUT: &str = "Output";
pub const MACHINE: &str = "Machine";
pub const FILES: &str = "Files of multipliers";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use clap::{Command, CommandFactory};

    use super::*;
    use crate::verbs::Cli;

    /// In the order in which every verb has them.
    const ALL: [&str; 11] = [
        MODEL,
        MULTIPLIERS,
        CONTROL,
        QUANTIZATION,
        ARRAYS,
        CELLS,
        SIMULATION,
        CHOICE,
        OUTPUT,
        MACHINE,
        FILES,
    ];

    /// The headings of all options of a verb and of the verbs below it.
    fn collect(verb: &Command, found: &mut BTreeMap<String, Vec<String>>) {
        let mut last = 0;
        for option in verb.get_arguments() {
            let (name, heading) = (option.get_id().as_str(), option.get_help_heading());
            let place = format!("{} {name}", verb.get_name());
            if option.is_positional() {
                assert_eq!(heading, None, "{place}");
                continue;
            }
            let heading = heading.unwrap_or_else(|| panic!("{place}: no heading"));
            let position = ALL.iter().position(|known| *known == heading);
            let position = position.unwrap_or_else(|| panic!("{place}: {heading}"));
            assert!(position >= last, "{place}: {heading} comes after {}", ALL[last]);
            last = position;
            found.entry(name.to_owned()).or_default().push(heading.to_owned());
        }
        verb.get_subcommands().for_each(|verb| collect(verb, found));
    }

    #[test]
    fn every_option_stands_under_the_same_heading_in_every_verb() {
        let mut found = BTreeMap::new();
        collect(&Cli::command(), &mut found);
        assert!(found.len() > 70, "{}", found.len());
        // Cells of a multiplier's netlist, or those that an array is mapped onto.
        assert_eq!(found.remove("cells").unwrap().iter().filter(|it| *it == CELLS).count(), 3);
        for (name, headings) in found {
            assert!(headings.iter().all(|heading| *heading == headings[0]), "{name}: {headings:?}");
        }
    }
}
