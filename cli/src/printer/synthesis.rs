//! What synthesis gave, for people.

use std::collections::BTreeMap;
use std::io::{Write, stdout};

use anyhow::Result;

use recoup::silicon::SynthesisRecord;
use recoup_circuits::printable;
use recoup_hardware::synthesis::SynthesizedRecord;
use recoup_hardware::timing::{Edge, PathPoint};

use super::tables;

/// Units of one kind, as all `pe_r_c`.
#[derive(Default)]
struct Kind {
    units: usize,
    area_um2: f64,
    cells: usize,
    flip_flops: usize,
}

/// Each design: area, clock, units and the critical path.
pub fn synthesis(record: &SynthesisRecord) -> Result<()> {
    let out = &mut stdout();
    writeln!(
        out,
        "{} at {} V, {} fF of wire to every pin, ideal clock; {}",
        printable(&record.library),
        record.voltage_v,
        record.wire_ff,
        record.yosys
    )?;
    for design in &record.designs {
        writeln!(
            out,
            "\n{}: {:.2} µm², fastest clock {:.1} ps{}{}",
            design.top,
            design.area_um2,
            design.fastest_clock_ps,
            verdict(design, record.clock_ps),
            if design.cached { " (from the cache)" } else { "" }
        )?;
        writeln!(out, "{}", units(design))?;
        let counts = design.cell_counts.iter();
        let counts: Vec<String> =
            counts.map(|(cell, count)| format!("{count} {}", printable(cell))).collect();
        writeln!(out, "cells: {}", counts.join(", "))?;
        writeln!(out, "critical path:")?;
        path(design, out)?;
    }
    Ok(())
}

fn verdict(design: &SynthesizedRecord, clock_ps: Option<f64>) -> String {
    match clock_ps {
        None => String::new(),
        Some(clock_ps) if design.fastest_clock_ps <= clock_ps => {
            format!(", in time for {clock_ps} ps")
        }
        Some(clock_ps) => format!(", TOO SLOW for {clock_ps} ps"),
    }
}

fn units(design: &SynthesizedRecord) -> comfy_table::Table {
    let mut kinds: BTreeMap<&str, Kind> = BTreeMap::new();
    for unit in &design.units {
        let name = if unit.unit.is_empty() { &design.top } else { kind_of(&unit.unit) };
        let kind = kinds.entry(name).or_default();
        kind.units += 1;
        kind.area_um2 += unit.area_um2;
        kind.cells += unit.cells;
        kind.flip_flops += unit.flip_flops;
    }
    let header = ["unit", "number", "area µm²", "each", "share", "cells", "flip-flops"];
    let mut table = tables::table(&header);
    for (name, kind) in kinds {
        table.add_row([
            name.to_owned(),
            kind.units.to_string(),
            format!("{:.2}", kind.area_um2),
            format!("{:.2}", kind.area_um2 / kind.units as f64),
            format!("{:.1} %", 100.0 * kind.area_um2 / design.area_um2),
            kind.cells.to_string(),
            kind.flip_flops.to_string(),
        ]);
    }
    tables::align_right(&mut table, 1..header.len());
    table
}

fn path(design: &SynthesizedRecord, out: &mut impl Write) -> Result<()> {
    let mut before_ps = 0.0;
    for PathPoint { instance, cell, pin, edge, arrival_ps } in &design.critical_path {
        let edge = if *edge == Edge::Rise { "rises" } else { "falls" };
        let place =
            if cell.is_empty() { instance.clone() } else { format!("{instance}/{pin} ({cell})") };
        let step_ps = arrival_ps - before_ps;
        writeln!(out, "  {arrival_ps:9.1} ps {step_ps:+8.1}  {edge}  {}", printable(&place))?;
        before_ps = *arrival_ps;
    }
    if design.setup_ps != 0.0 {
        let (total_ps, setup_ps) = (design.fastest_clock_ps, design.setup_ps);
        writeln!(out, "  {total_ps:9.1} ps {setup_ps:+8.1}  setup")?;
    }
    Ok(())
}

/// The name of a unit without its row and column.
fn kind_of(unit: &str) -> &str {
    unit.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_')
}
