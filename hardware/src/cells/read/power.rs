//! Leakage and internal energy.

use recoup_circuits::liberty::Group;

use super::super::{Cell, PowerArc, Table, TruthTable};
use super::Fault;
use super::cell::Names;
use super::header::Header;

impl Header<'_> {
    /// Leakage without a condition, and per state. Where the file splits it by supply pins, their
    /// sum.
    pub fn leakage(
        &self,
        cell: &Group,
        names: &Names,
    ) -> Result<(f64, Vec<(TruthTable, f64)>), Fault> {
        let mut whole: Option<f64> = None;
        let mut states: Vec<(TruthTable, f64)> = Vec::new();
        for group in cell.groups("leakage_power") {
            let value = self.size(group, "value")?.unwrap_or(0.0) * self.units.leakage_nw;
            match group.value("when") {
                None => *whole.get_or_insert(0.0) += value,
                Some(when) => {
                    let when = names.truth_table(when)?;
                    match states.iter_mut().find(|(state, _)| *state == when) {
                        Some((_, sum)) => *sum += value,
                        None => states.push((when, value)),
                    }
                }
            }
        }
        // States that cannot be, as those of a flip-flop's outputs that contradict each other.
        states.retain(|(state, _)| state.bits != 0);
        let of_cell = self.size(cell, "cell_leakage_power")?;
        let of_cell = of_cell.map(|value| value * self.units.leakage_nw);
        let mean = || {
            let sum: f64 = states.iter().map(|(_, value)| value).sum();
            (!states.is_empty()).then(|| sum / states.len() as f64)
        };
        let whole = whole.or(of_cell).or_else(mean).unwrap_or(self.default_leakage_nw);
        Ok((whole, states))
    }

    /// The internal energies of a pin's transitions.
    ///
    /// Some libraries have a table for the supply pin and one for the ground pin, each of which
    /// holds the whole energy: then their mean counts, not their sum. A table of zeros, as of a
    /// ground pin beside a supply pin that has it all, does not take part.
    pub fn power(&self, pin: &Group, names: &Names, cell: &Cell) -> Result<Vec<PowerArc>, Fault> {
        let mut by_supply: Vec<(&str, PowerArc)> = Vec::new();
        for group in pin.groups("internal_power") {
            let supply = group.value("related_pg_pin").unwrap_or("");
            let when = group.value("when").map(|when| names.truth_table(when)).transpose()?;
            let related: Vec<Option<usize>> = match group.value("related_pin") {
                None => vec![None],
                Some(related) => {
                    related.split_ascii_whitespace().map(|name| names.pin(name)).collect()
                }
            };
            let table = |kind: &str| match group.groups(kind).next() {
                // `power () { }` says nothing.
                Some(group) if group.attributes.is_empty() => Ok(None),
                Some(group) => self.table(group, self.units.energy_fj).map(Some),
                None => Ok(None),
            };
            let both = table("power")?;
            let either = |own: Option<Table>| own.or_else(|| both.clone()).unwrap_or_default();
            let (rise_fj, fall_fj) = (either(table("rise_power")?), either(table("fall_power")?));
            for related in related {
                if related.is_some_and(|pin| cell.tied(pin).is_some() || pin >= cell.inputs) {
                    continue;
                }
                let (rise_fj, fall_fj) = (rise_fj.clone(), fall_fj.clone());
                by_supply.push((supply, PowerArc { related, when, rise_fj, fall_fj }));
            }
        }
        Ok(mean_over_supplies(by_supply))
    }
}

fn mean_over_supplies(arcs: Vec<(&str, PowerArc)>) -> Vec<PowerArc> {
    let mut groups: Vec<Vec<(&str, PowerArc)>> = Vec::new();
    for (supply, arc) in arcs {
        let same = |group: &&mut Vec<(&str, PowerArc)>| {
            let first = &group[0].1;
            (first.related, first.when) == (arc.related, arc.when)
                && group.iter().all(|(other, _)| *other != supply)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push((supply, arc)),
            None => groups.push(vec![(supply, arc)]),
        }
    }
    let mean = |group: Vec<(&str, PowerArc)>| {
        let over = |table: fn(&PowerArc) -> &Table| {
            let tables: Vec<&Table> = group.iter().map(|(_, arc)| table(arc)).collect();
            let is_zero = |table: &&Table| table.values.iter().all(|value| *value == 0.0);
            let some: Vec<&Table> =
                tables.iter().copied().filter(|table| !is_zero(table)).collect();
            let counted = if some.is_empty() { &tables } else { &some };
            Table::combine(counted, |values| values.iter().sum::<f64>() / values.len() as f64)
        };
        let (rise_fj, fall_fj) = (over(|arc| &arc.rise_fj), over(|arc| &arc.fall_fj));
        let PowerArc { related, when, .. } = group[0].1;
        PowerArc { related, when, rise_fj, fall_fj }
    };
    groups.into_iter().map(mean).collect()
}
