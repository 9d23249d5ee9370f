//! A library as a Liberty file, for tools that map onto it.

use std::fmt::Write;

use super::{ArcKind, Cell, CellId, CellLibrary, Pin, Sense, Table, TimingArc, TruthTable};

impl CellLibrary {
    /// The given cells as Liberty text: functions, areas, pin capacitances, and per pair of pins
    /// one arc with the worst of its conditions. That is what mapping reads, in a fraction of the
    /// library's size.
    pub fn to_liberty(&self, cells: &[CellId]) -> String {
        let mut text = String::from(
            "library (cells) {\n  delay_model : table_lookup;\n  time_unit : \"1ps\";\n  \
             voltage_unit : \"1V\";\n  current_unit : \"1mA\";\n  \
             pulling_resistance_unit : \"1kohm\";\n  leakage_power_unit : \"1nW\";\n  \
             capacitive_load_unit (1, ff);\n",
        );
        let _ = writeln!(text, "  nom_voltage : {};", self.voltage_v);
        let arcs =
            cells.iter().flat_map(|&cell| &self.cells[cell].pins).flat_map(|pin| &pin.timing);
        let tables = arcs.flat_map(|arc| [&arc.rise_ps, &arc.fall_ps]);
        let mut sizes: Vec<(usize, usize)> = tables.map(size).collect();
        sizes.sort_unstable();
        sizes.dedup();
        for (slews, loads) in sizes {
            let entries = |count: usize| {
                (1..=count).map(|entry| entry.to_string()).collect::<Vec<_>>().join(", ")
            };
            let _ = writeln!(
                text,
                "  lu_table_template (t{slews}x{loads}) {{\n    variable_1 : \
                 input_net_transition;\n    variable_2 : total_output_net_capacitance;\n    \
                 index_1 (\"{}\");\n    index_2 (\"{}\");\n  }}",
                entries(slews),
                entries(loads)
            );
        }
        for &cell in cells {
            write_cell(&mut text, &self.cells[cell]);
        }
        text.push_str("}\n");
        text
    }
}

fn size(table: &Table) -> (usize, usize) {
    (table.slews_ps.len(), table.loads_ff.len())
}

fn write_cell(text: &mut String, cell: &Cell) {
    let _ = writeln!(text, "  cell ({}) {{\n    area : {};", cell.name, cell.area_um2);
    let names: Vec<&str> = cell.pins[..cell.inputs].iter().map(|pin| pin.name.as_str()).collect();
    if let Some(flip_flop) = &cell.flip_flop {
        let edge = if flip_flop.falling { "!" } else { "" };
        let next = sum_of_products(flip_flop.next_state, &names);
        let _ = writeln!(
            text,
            "    ff (IQ, IQN) {{\n      clocked_on : \"{edge}{}\";",
            names[flip_flop.clock]
        );
        let _ = writeln!(text, "      next_state : \"{next}\";");
        // As resets, all of them: what matters is that they are to be tied.
        for ((pin, tied), name) in flip_flop.tied.iter().zip(["clear", "preset"]) {
            let inverted = if *tied { "!" } else { "" };
            let _ = writeln!(text, "      {name} : \"{inverted}{}\";", names[*pin]);
        }
        text.push_str("    }\n");
    }
    if cell.clock_gate.is_some() {
        // Mappers would take it for an and.
        text.push_str(
            "    clock_gating_integrated_cell : \"latch_posedge\";\n    dont_use : true;\n",
        );
    }
    for (place, pin) in cell.pins.iter().enumerate() {
        let _ = writeln!(text, "    pin ({}) {{", pin.name);
        match pin.function {
            None => {
                let clock =
                    cell.flip_flop.as_ref().is_some_and(|flip_flop| flip_flop.clock == place);
                let clock = if clock { " clock : true;" } else { "" };
                let _ = writeln!(
                    text,
                    "      direction : input;{clock}\n      capacitance : {};",
                    pin.capacitance_ff
                );
            }
            Some(_) if cell.clock_gate.is_some() => text.push_str("      direction : output;\n"),
            Some(function) => write_output(text, cell, pin, function, &names),
        }
        text.push_str("    }\n");
    }
    text.push_str("  }\n");
}

fn write_output(text: &mut String, cell: &Cell, pin: &Pin, function: TruthTable, names: &[&str]) {
    let function = match cell.flip_flop {
        // Of what is stored alone, which is the last variable.
        Some(_) if function.value(0) => "IQN".to_owned(),
        Some(_) => "IQ".to_owned(),
        None => sum_of_products(function, names),
    };
    let _ = writeln!(text, "      direction : output;\n      function : \"{function}\";");
    if let Some(most) = pin.max_capacitance_ff {
        let _ = writeln!(text, "      max_capacitance : {most};");
    }
    for (related, name) in names.iter().enumerate() {
        let arcs: Vec<&TimingArc> =
            pin.timing.iter().filter(|arc| arc.related == related).collect();
        if arcs.is_empty() {
            continue;
        }
        let senses: Vec<Sense> = arcs.iter().filter_map(|arc| sense(arc)).collect();
        let (kind, sense) = match senses[0] {
            Sense::RisingEdge => ("rising_edge", "non_unate"),
            Sense::FallingEdge => ("falling_edge", "non_unate"),
            first if senses.iter().any(|sense| *sense != first) => ("combinational", "non_unate"),
            Sense::Positive => ("combinational", "positive_unate"),
            Sense::Negative => ("combinational", "negative_unate"),
            Sense::Both => ("combinational", "non_unate"),
        };
        let _ = writeln!(
            text,
            "      timing () {{\n        related_pin : \"{name}\";\n        timing_sense : \
             {sense};\n        timing_type : {kind};"
        );
        let tables: [(&str, TableOf); 4] = [
            ("cell_rise", |arc| &arc.rise_ps),
            ("rise_transition", |arc| &arc.rise_slew_ps),
            ("cell_fall", |arc| &arc.fall_ps),
            ("fall_transition", |arc| &arc.fall_slew_ps),
        ];
        for (name, of) in tables {
            let tables: Vec<&Table> = arcs.iter().map(|arc| of(arc)).collect();
            let worst = |values: &[f64]| values.iter().copied().fold(f64::MIN, f64::max);
            write_table(text, name, &Table::combine(&tables, worst));
        }
        text.push_str("      }\n");
    }
}

/// One of an arc's tables.
type TableOf = fn(&TimingArc) -> &Table;

fn sense(arc: &TimingArc) -> Option<Sense> {
    match arc.kind {
        ArcKind::Delay(sense) => Some(sense),
        _ => None,
    }
}

fn write_table(text: &mut String, kind: &str, table: &Table) {
    if table.is_empty() {
        return;
    }
    let numbers = |values: &[f64]| {
        values.iter().map(|value| format!("{value}")).collect::<Vec<_>>().join(", ")
    };
    let (slews, loads) = size(table);
    let rows: Vec<String> =
        table.values.chunks(loads).map(|row| format!("\"{}\"", numbers(row))).collect();
    let _ = writeln!(
        text,
        "        {kind} (t{slews}x{loads}) {{\n          index_1 (\"{}\");\n          index_2 \
         (\"{}\");\n          values ({});\n        }}",
        numbers(&table.slews_ps),
        numbers(&table.loads_ff),
        rows.join(", ")
    );
}

/// The function as a sum of products, one for each of its ones that no other covers.
fn sum_of_products(function: TruthTable, names: &[&str]) -> String {
    if let Some(value) = function.constant() {
        return u8::from(value).to_string();
    }
    // Products as (cares, values); grown by one variable as long as the function stays 1.
    let mut products: Vec<(u32, u32)> = Vec::new();
    let all = (1u32 << function.inputs) - 1;
    for one in (0..=all).filter(|&v| function.value(v)) {
        if products.iter().any(|(cares, values)| one & cares == *values) {
            continue;
        }
        let is_implicant =
            |cares: u32| (0..=all).filter(|v| v & cares == one & cares).all(|v| function.value(v));
        let cares = (0..function.inputs).fold(all, |cares, variable| {
            let fewer = cares & !(1 << variable);
            if is_implicant(fewer) { fewer } else { cares }
        });
        products.push((cares, one & cares));
    }
    let product = |(cares, values): &(u32, u32)| {
        let literal =
            |(place, name): (usize, &&str)| match (cares >> place & 1, values >> place & 1) {
                (0, _) => None,
                (_, 0) => Some(format!("!{name}")),
                _ => Some((*name).to_owned()),
            };
        names.iter().enumerate().filter_map(literal).collect::<Vec<_>>().join("*")
    };
    products.iter().map(|one| format!("({})", product(one))).collect::<Vec<_>>().join(" + ")
}
