//! What synthesis gave, for people and for machines.

use std::collections::BTreeMap;
use std::io::{Write, stdout};

use anyhow::Result;
use serde_json::{Value, json};

use recoup_circuits::printable;
use recoup_hardware::cells::CellLibrary;
use recoup_hardware::mapped::UnitArea;
use recoup_hardware::synthesis::{Synthesis, SynthesisOptions};
use recoup_hardware::timing::{Edge, PathPoint};

use crate::printer::tables;

/// The results with what they are results of.
pub struct Report<'a> {
    pub library: &'a CellLibrary,
    pub options: &'a SynthesisOptions,
    pub results: &'a [Synthesis],
}

/// Units of one kind, as all `pe_r_c`.
#[derive(Default)]
struct Kind {
    units: usize,
    area_um2: f64,
    cells: usize,
    flip_flops: usize,
}

impl Report<'_> {
    pub fn print(&self) -> Result<()> {
        let out = &mut stdout();
        writeln!(
            out,
            "{} at {} V, {} fF of wire to every pin, ideal clock; {}",
            printable(&self.library.name),
            self.library.voltage_v,
            self.options.timing.wire_ff,
            self.yosys()
        )?;
        for result in self.results {
            let area_um2 = result.netlist.area_um2(self.library);
            writeln!(
                out,
                "\n{}: {area_um2:.2} µm², fastest clock {:.1} ps{}{}",
                result.netlist.name,
                result.timing.fastest_clock_ps(),
                self.verdict(result),
                if result.cached { " (from the cache)" } else { "" }
            )?;
            writeln!(out, "{}", self.units(result, area_um2))?;
            let counts = result.netlist.cell_counts(self.library);
            let counts: Vec<String> =
                counts.iter().map(|(cell, count)| format!("{count} {}", printable(cell))).collect();
            writeln!(out, "cells: {}", counts.join(", "))?;
            writeln!(out, "critical path:")?;
            self.path(result, out)?;
        }
        Ok(())
    }

    fn yosys(&self) -> &str {
        self.results.first().map_or("", |result| result.yosys_version.as_str())
    }

    fn verdict(&self, result: &Synthesis) -> String {
        match self.options.clock_ps {
            None => String::new(),
            Some(clock_ps) if result.timing.fastest_clock_ps() <= clock_ps => {
                format!(", in time for {clock_ps} ps")
            }
            Some(clock_ps) => format!(", TOO SLOW for {clock_ps} ps"),
        }
    }

    fn units(&self, result: &Synthesis, area_um2: f64) -> comfy_table::Table {
        let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
        for unit in result.netlist.units(self.library) {
            let name =
                if unit.unit.is_empty() { &result.netlist.name } else { kind_of(&unit.unit) };
            let kind = kinds.entry(name.to_owned()).or_default();
            kind.units += 1;
            kind.area_um2 += unit.area_um2;
            kind.cells += unit.cells;
            kind.flip_flops += unit.flip_flops;
        }
        let header = ["unit", "number", "area µm²", "each", "share", "cells", "flip-flops"];
        let mut table = tables::table(&header);
        for (name, kind) in kinds {
            table.add_row([
                name,
                kind.units.to_string(),
                format!("{:.2}", kind.area_um2),
                format!("{:.2}", kind.area_um2 / kind.units as f64),
                format!("{:.1} %", 100.0 * kind.area_um2 / area_um2),
                kind.cells.to_string(),
                kind.flip_flops.to_string(),
            ]);
        }
        tables::align_right(&mut table, 1..header.len());
        table
    }

    fn path(&self, result: &Synthesis, out: &mut impl Write) -> Result<()> {
        let critical = &result.timing.critical;
        let mut before_ps = 0.0;
        for PathPoint { instance, cell, pin, edge, arrival_ps } in &critical.points {
            let edge = if *edge == Edge::Rise { "rises" } else { "falls" };
            let place = if cell.is_empty() {
                instance.clone()
            } else {
                format!("{instance}/{pin} ({cell})")
            };
            let step_ps = arrival_ps - before_ps;
            writeln!(out, "  {arrival_ps:9.1} ps {step_ps:+8.1}  {edge}  {}", printable(&place))?;
            before_ps = *arrival_ps;
        }
        if critical.setup_ps != 0.0 {
            let (total_ps, setup_ps) = (critical.total_ps, critical.setup_ps);
            writeln!(out, "  {total_ps:9.1} ps {setup_ps:+8.1}  setup")?;
        }
        Ok(())
    }

    pub fn json(&self) -> Result<()> {
        let results: Vec<Value> = self.results.iter().map(|result| self.design(result)).collect();
        let value = json!({
            "library": self.library.name,
            "voltage_v": self.library.voltage_v,
            "wire_ff": self.options.timing.wire_ff,
            "clock_ps": self.options.clock_ps,
            "dont_use":
                self.options.dont_use.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "left_out": self.library.left_out.iter().map(|(cell, reason)| {
                json!({"cell": cell, "reason": reason})
            }).collect::<Vec<_>>(),
            "yosys": self.yosys(),
            "designs": results,
        });
        writeln!(stdout(), "{value:#}")?;
        Ok(())
    }

    fn design(&self, result: &Synthesis) -> Value {
        let units = result.netlist.units(self.library);
        let unit = |unit: &UnitArea| {
            json!({
                "unit": unit.unit,
                "area_um2": unit.area_um2,
                "cells": unit.cells,
                "flip_flops": unit.flip_flops,
            })
        };
        let point = |point: &PathPoint| {
            json!({
                "instance": point.instance,
                "cell": point.cell,
                "pin": point.pin,
                "edge": if point.edge == Edge::Rise { "rise" } else { "fall" },
                "arrival_ps": point.arrival_ps,
            })
        };
        let critical = &result.timing.critical;
        json!({
            "top": result.netlist.name,
            "area_um2": result.netlist.area_um2(self.library),
            "cells": result.netlist.instances.len(),
            "fastest_clock_ps": result.timing.fastest_clock_ps(),
            "units": units.iter().map(unit).collect::<Vec<_>>(),
            "cell_counts": result.netlist.cell_counts(self.library),
            "critical_path": critical.points.iter().map(point).collect::<Vec<_>>(),
            "setup_ps": critical.setup_ps,
            "cached": result.cached,
        })
    }
}

/// The name of a unit without its row and column.
fn kind_of(unit: &str) -> &str {
    unit.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_')
}
