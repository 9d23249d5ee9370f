//! One table, in the axes that all tables have here: slew, then load.

use recoup_circuits::liberty::Group;

use super::super::Table;
use super::Fault;
use super::header::Header;

/// What a variable of a template is.
#[derive(Clone, Copy, PartialEq)]
enum Axis {
    /// The slew of the causing pin; of a constraint, the clock's.
    Slew,
    /// The load of the output.
    Load,
    /// The slew of the data, which has the load's place in a constraint.
    DataSlew,
}

impl Axis {
    fn of(variable: &str) -> Option<Self> {
        match variable {
            "input_net_transition" | "input_transition_time" | "related_pin_transition" => {
                Some(Self::Slew)
            }
            "total_output_net_capacitance" => Some(Self::Load),
            "constrained_pin_transition" => Some(Self::DataSlew),
            _ => None,
        }
    }
}

impl Header<'_> {
    /// Reads a table such as `cell_rise (template) { index_1 …; values (…); }`; its values are
    /// multiplied with `scale`.
    pub fn table(&self, group: &Group, scale: f64) -> Result<Table, Fault> {
        let axes = self.axes(group)?;
        let Some(attribute) = group.attribute("values") else {
            let found = format!("{} without values", group.kind);
            return Err(self.error(group.offset, found, "values (\"…\");").into());
        };
        let values = self.numbers(attribute)?;
        let expected: usize = axes.iter().map(|(_, entries)| entries.len()).product();
        if values.len() != expected {
            let found = format!("{} values in {}", values.len(), group.kind);
            let expected = format!("{expected}, one for each pair of entries of its axes");
            return Err(self.error(attribute.offset, found, &expected).into());
        }
        let one = || vec![0.0];
        let (slews_ps, loads_ff, transposed) = match &axes[..] {
            [] => (one(), one(), false),
            [(Axis::Slew, slews)] => (slews.clone(), one(), false),
            [(_, loads)] => (one(), loads.clone(), false),
            [(Axis::Slew, slews), (_, loads)] => (slews.clone(), loads.clone(), false),
            [(_, loads), (_, slews)] => (slews.clone(), loads.clone(), true),
            _ => unreachable!("axes() gives two at most"),
        };
        let at = |slew: usize, load: usize| match transposed {
            false => values[slew * loads_ff.len() + load],
            true => values[load * slews_ps.len() + slew],
        };
        let pairs =
            (0..slews_ps.len()).flat_map(|slew| (0..loads_ff.len()).map(move |load| (slew, load)));
        let values = pairs.map(|(slew, load)| scale * at(slew, load)).collect();
        Ok(Table { slews_ps, loads_ff, values })
    }

    /// The axes with their entries, in the order of the values.
    fn axes(&self, group: &Group) -> Result<Vec<(Axis, Vec<f64>)>, Fault> {
        // A table without a template has one value, whatever the input.
        if ["scalar", ""].contains(&group.name()) {
            if group.name().is_empty() && group.attribute("index_1").is_some() {
                let reason = format!("its {} has indices and no template for them", group.kind);
                return Err(Fault::LeftOut(reason));
            }
            return Ok(Vec::new());
        }
        let Some(template) = self.templates.get(group.name()) else {
            let mut known: Vec<&str> = self.templates.keys().copied().collect();
            known.sort_unstable();
            let found = format!("unknown table template {:.60}", group.name());
            let expected =
                format!("scalar, or one that the library declares: {}", known.join(", "));
            return Err(self.error(group.offset, found, &expected).into());
        };
        let mut axes: Vec<(Axis, Vec<f64>)> = Vec::new();
        for ((variable, default), place) in template.iter().zip(1..) {
            let axis = Axis::of(variable).filter(|axis| {
                let same = |other: &Axis| (*other == Axis::Slew) == (*axis == Axis::Slew);
                !axes.iter().any(|(other, _)| same(other))
            });
            let Some(axis) = axis else {
                let name = group.name();
                return Err(Fault::LeftOut(format!("table template {name} has {variable}")));
            };
            let index = group.attribute(&format!("index_{place}"));
            let entries = match index {
                Some(index) => self.numbers(index)?,
                None => default.clone(),
            };
            let ascending = entries.windows(2).all(|pair| pair[0] < pair[1]);
            if entries.is_empty() || !ascending {
                let offset = index.map_or(group.offset, |index| index.offset);
                let found = format!("index_{place} of {} not ascending", group.kind);
                return Err(self
                    .error(offset, found, "entries from the least to the greatest")
                    .into());
            }
            let scale = match axis {
                Axis::Slew | Axis::DataSlew => self.units.time_ps,
                Axis::Load => self.units.capacitance_ff,
            };
            axes.push((axis, entries.iter().map(|entry| scale * entry).collect()));
        }
        Ok(axes)
    }
}
