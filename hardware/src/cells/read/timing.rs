//! Delays of outputs, and setup and hold times of inputs.

use recoup_circuits::liberty::Group;

use super::super::{ArcKind, Cell, Pin, Sense, Table, TimingArc, TruthTable};
use super::Fault;
use super::cell::Names;
use super::header::Header;

impl Header<'_> {
    /// Reads the arcs that end at a pin.
    pub fn timing(
        &self,
        group: &Group,
        names: &Names,
        cell: &Cell,
        pin: &mut Pin,
    ) -> Result<(), Fault> {
        for timing in group.groups("timing") {
            let Some(kind) = kind(timing, cell)? else { continue };
            // Delays end at outputs, setup and hold times at inputs.
            if pin.function.is_some() != matches!(kind, ArcKind::Delay(_)) {
                continue;
            }
            let when = timing.value("when").map(|when| names.truth_table(when)).transpose()?;
            let related = timing.value("related_pin").unwrap_or("");
            for name in related.split_ascii_whitespace() {
                let Some(related) = names.pin(name) else {
                    let reason = format!("its pin {} has a delay from {name:.60}", pin.name);
                    return Err(Fault::LeftOut(reason));
                };
                if cell.tied(related).is_some() {
                    continue;
                }
                let arc = self.arc(timing, kind, related, when, pin)?;
                match related < cell.inputs {
                    true => pin.timing.push(arc),
                    false => pin.timing_from_outputs.push(arc),
                }
            }
        }
        Ok(())
    }

    fn arc(
        &self,
        group: &Group,
        kind: ArcKind,
        related: usize,
        when: Option<TruthTable>,
        pin: &Pin,
    ) -> Result<TimingArc, Fault> {
        let table = |kind: &str| {
            let Some(group) = group.groups(kind).next() else { return Ok(Table::default()) };
            let table = self.table(group, self.units.time_ps)?;
            // A delay may be negative where a slow input meets a light load; not everywhere, and a
            // transition nowhere. Constraints may be anything.
            let wrong = match kind {
                "cell_rise" | "cell_fall" => table.values.iter().all(|value| *value < 0.0),
                "rise_transition" | "fall_transition" => {
                    table.values.iter().any(|value| *value < 0.0)
                }
                _ => false,
            };
            if wrong && !table.is_empty() {
                let found = format!("negative times in {kind}");
                return Err(self.error(group.offset, found, "times of 0 or more").into());
            }
            Ok::<_, Fault>(table)
        };
        let arc = match kind {
            ArcKind::Delay(sense) => TimingArc {
                related,
                kind: ArcKind::Delay(self.sense(group, sense, related, pin)),
                when,
                rise_ps: table("cell_rise")?,
                fall_ps: table("cell_fall")?,
                rise_slew_ps: table("rise_transition")?,
                fall_slew_ps: table("fall_transition")?,
            },
            ArcKind::Setup | ArcKind::Hold => TimingArc {
                related,
                kind,
                when,
                rise_ps: table("rise_constraint")?,
                fall_ps: table("fall_constraint")?,
                rise_slew_ps: Table::default(),
                fall_slew_ps: Table::default(),
            },
        };
        let pairs = [(&arc.rise_ps, &arc.rise_slew_ps), (&arc.fall_ps, &arc.fall_slew_ps)];
        let without_slew = |(delay, slew): &(&Table, &Table)| !delay.is_empty() && slew.is_empty();
        let is_delay = matches!(kind, ArcKind::Delay(_));
        if pairs.iter().all(|(delay, _)| delay.is_empty()) {
            let name = &pin.name;
            return Err(Fault::LeftOut(format!("its pin {name} has timing without NLDM tables")));
        }
        if is_delay && pairs.iter().any(without_slew) {
            let name = &pin.name;
            return Err(Fault::LeftOut(format!("its pin {name} has delays without transitions")));
        }
        Ok(arc)
    }

    /// The sense that the file gives; otherwise that of the function.
    fn sense(&self, group: &Group, known: Sense, related: usize, pin: &Pin) -> Sense {
        if matches!(known, Sense::RisingEdge | Sense::FallingEdge) {
            return known;
        }
        match group.value("timing_sense") {
            Some("positive_unate") => Sense::Positive,
            Some("negative_unate") => Sense::Negative,
            Some(_) => Sense::Both,
            None => {
                let function = pin.function.filter(|table| related < table.inputs.into());
                function.and_then(|table| table.sense(related)).unwrap_or(Sense::Both)
            }
        }
    }
}

/// What an arc is; `None` for what is not used: pulse widths, what set and reset do.
fn kind(timing: &Group, cell: &Cell) -> Result<Option<ArcKind>, Fault> {
    let falling = cell.flip_flop.as_ref().is_some_and(|flip_flop| flip_flop.falling);
    Ok(match timing.value("timing_type").unwrap_or("combinational") {
        // The tables that are there say which edges there are.
        "combinational" | "combinational_rise" | "combinational_fall" => {
            Some(ArcKind::Delay(Sense::Both))
        }
        "rising_edge" => Some(ArcKind::Delay(Sense::RisingEdge)),
        "falling_edge" => Some(ArcKind::Delay(Sense::FallingEdge)),
        "setup_rising" if !falling => Some(ArcKind::Setup),
        "setup_falling" if falling => Some(ArcKind::Setup),
        "hold_rising" if !falling => Some(ArcKind::Hold),
        "hold_falling" if falling => Some(ArcKind::Hold),
        other if other.starts_with("three_state") => {
            return Err(Fault::LeftOut("it is tri-state".to_owned()));
        }
        _ => None,
    })
}
