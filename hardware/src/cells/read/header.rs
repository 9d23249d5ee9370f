//! What a library says once for all its cells: units, voltage, templates of tables.

use std::collections::HashMap;

use recoup_circuits::liberty::{Attribute, Group, LibertyError};

/// What values in the file are multiplied with.
pub(super) struct Units {
    pub time_ps: f64,
    pub capacitance_ff: f64,
    /// Internal energy: the unit of capacitance times the square of that of voltage.
    pub energy_fj: f64,
    pub leakage_nw: f64,
}

/// Variables of tables with their default entries, as the file has them.
pub(super) type Template<'a> = Vec<(&'a str, Vec<f64>)>;

pub(super) struct Header<'a> {
    pub text: &'a str,
    pub units: Units,
    pub voltage_v: f64,
    pub templates: HashMap<&'a str, Template<'a>>,
    pub default_max_capacitance_ff: Option<f64>,
    pub default_leakage_nw: f64,
}

impl<'a> Header<'a> {
    pub fn read(text: &'a str, library: &Group<'a>) -> Result<Self, LibertyError> {
        if library.kind != "library" {
            let found = format!("the group {}", library.kind);
            return Err(LibertyError::new(text, library.offset, found, "library (name) { … }"));
        }
        let voltage_unit = unit(text, library, "voltage_unit", ("V", 0), "1V")?;
        let capacitance_ff = load_unit(text, library)?;
        let units = Units {
            time_ps: unit(text, library, "time_unit", ("s", -12), "1ns")?,
            capacitance_ff,
            energy_fj: capacitance_ff * voltage_unit * voltage_unit,
            leakage_nw: unit(text, library, "leakage_power_unit", ("W", -9), "1nW")?,
        };
        let mut header = Self {
            text,
            units,
            voltage_v: 0.0,
            templates: HashMap::new(),
            default_max_capacitance_ff: None,
            default_leakage_nw: 0.0,
        };
        let Some(voltage) = header.value(library, "nom_voltage")? else {
            let expected = "its supply voltage, as in nom_voltage : 1.8;";
            return Err(missing(text, library, "nom_voltage", expected));
        };
        header.voltage_v = voltage * voltage_unit;
        header.default_leakage_nw =
            header.value(library, "default_cell_leakage_power")?.unwrap_or(0.0)
                * header.units.leakage_nw;
        header.default_max_capacitance_ff = header
            .value(library, "default_max_capacitance")?
            .map(|value| value * header.units.capacitance_ff);
        for group in &library.groups {
            if ["lu_table_template", "power_lut_template"].contains(&group.kind) {
                let template = header.template(group)?;
                header.templates.insert(group.name(), template);
            }
        }
        Ok(header)
    }

    fn template(&self, group: &Group<'a>) -> Result<Template<'a>, LibertyError> {
        let variables = ["variable_1", "variable_2", "variable_3"].iter().zip(1..);
        let mut template = Vec::new();
        for (name, place) in variables {
            let Some(variable) = group.value(name) else { break };
            let index = group.attribute(&format!("index_{place}"));
            let index = index.map(|index| self.numbers(index)).transpose()?;
            template.push((variable, index.unwrap_or_default()));
        }
        Ok(template)
    }

    pub fn error(&self, offset: usize, found: String, expected: &str) -> LibertyError {
        LibertyError::new(self.text, offset, found, expected)
    }

    /// The value of an attribute, if it is there.
    pub fn value(&self, group: &Group, name: &str) -> Result<Option<f64>, LibertyError> {
        let Some(attribute) = group.attribute(name) else { return Ok(None) };
        match self.numbers(attribute)?[..] {
            [value] => Ok(Some(value)),
            _ => {
                let found = format!("{name} with several values");
                Err(self.error(attribute.offset, found, "a number"))
            }
        }
    }

    /// The value of an attribute that is 0 or more, if it is there.
    pub fn size(&self, group: &Group, name: &str) -> Result<Option<f64>, LibertyError> {
        let value = self.value(group, name)?;
        if let (Some(value), Some(attribute)) = (value.filter(|v| *v < 0.0), group.attribute(name))
        {
            let found = format!("{name} of {value}");
            return Err(self.error(attribute.offset, found, "0 or more"));
        }
        Ok(value)
    }

    /// A flag, `true` or `false` in quotes or not.
    pub fn is_set(&self, group: &Group, name: &str) -> Result<bool, LibertyError> {
        let Some(attribute) = group.attribute(name) else { return Ok(false) };
        let value = attribute.values.first().copied().unwrap_or("");
        match value.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => {
                let found = format!("{name} : {value:.40}");
                Err(self.error(attribute.offset, found, "true or false"))
            }
        }
    }

    /// The numbers of an attribute such as `index_1 ("1, 2", "3");`.
    pub fn numbers(&self, attribute: &Attribute) -> Result<Vec<f64>, LibertyError> {
        let separates = |c: char| c == ',' || c == '\\' || c.is_ascii_whitespace();
        let words = attribute.values.iter().flat_map(|value| value.split(separates));
        let numbers = words.filter(|word| !word.is_empty()).map(|word| match word.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => {
                let found = format!("{word:.40} in {}", attribute.name);
                Err(self.error(attribute.offset, found, "a number"))
            }
        });
        numbers.collect()
    }
}

fn missing(text: &str, library: &Group, name: &str, expected: &str) -> LibertyError {
    let found = format!("library {} without {name}", library.name());
    LibertyError::new(text, library.offset, found, expected)
}

/// A unit such as "10ps", in the SI unit times ten to a power.
fn unit(
    text: &str,
    library: &Group,
    name: &str,
    (si, exponent): (&str, i32),
    example: &str,
) -> Result<f64, LibertyError> {
    let expected = format!("a unit, as in {name} : \"{example}\";");
    let Some(attribute) = library.attribute(name) else {
        return Err(missing(text, library, name, &expected));
    };
    let value = attribute.values.first().copied().unwrap_or("");
    let prefixes = value.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(value.len());
    let (number, unit) = value.split_at(prefixes);
    let prefix = unit.strip_suffix(si).and_then(|prefix| match prefix {
        "" => Some(0),
        "m" => Some(-3),
        "u" => Some(-6),
        "n" => Some(-9),
        "p" => Some(-12),
        "f" => Some(-15),
        _ => None,
    });
    match (number.trim().parse::<f64>(), prefix) {
        (Ok(number), Some(prefix)) if number > 0.0 => Ok(number * 10f64.powi(prefix - exponent)),
        _ => Err(LibertyError::new(text, attribute.offset, format!("\"{value:.40}\""), &expected)),
    }
}

/// `capacitive_load_unit (1, pf);`, in fF; also `(1pf)`, `(1, "pf")` and `: "1pf"`.
fn load_unit(text: &str, library: &Group) -> Result<f64, LibertyError> {
    let expected = "a unit, as in capacitive_load_unit (1, pf);";
    let Some(attribute) = library.attribute("capacitive_load_unit") else {
        return Err(missing(text, library, "capacitive_load_unit", expected));
    };
    let written = attribute.values.concat().to_ascii_lowercase();
    let scales = [("ff", 1.0), ("pf", 1e3), ("nf", 1e6)];
    let read = scales.iter().find_map(|(unit, scale)| {
        let number = written.trim().strip_suffix(unit)?.trim_end();
        // "pf" alone is one.
        let number = if number.is_empty() { 1.0 } else { number.parse::<f64>().ok()? };
        Some(number * scale)
    });
    match read.filter(|unit| *unit > 0.0 && unit.is_finite()) {
        Some(unit) => Ok(unit),
        None => {
            let found = format!("capacitive_load_unit ({:.40})", attribute.values.join(", "));
            Err(LibertyError::new(text, attribute.offset, found, expected))
        }
    }
}
