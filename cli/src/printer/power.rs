//! Energies of arrays, for people.

use std::io::{Write, stdout};

use anyhow::Result;

use recoup::silicon::{ArrayRecord, PowerRecord};

use super::tables;

/// Each array: what its parts and the layers take; and a comparison with the first.
pub fn power(record: &PowerRecord) -> Result<()> {
    let out = &mut stdout();
    let PowerRecord { rows, columns, structure, library, voltage_v, clock_ps, codes, .. } = record;
    writeln!(
        out,
        "{rows}x{columns} array in {library} at {voltage_v} V, clock {clock_ps} ps; {codes}\n{structure}"
    )?;
    for array in &record.results {
        one(array, *clock_ps, out)?;
    }
    if record.results.len() > 1 {
        writeln!(out, "\n{}", comparison(&record.results))?;
    }
    Ok(())
}

fn one(array: &ArrayRecord, clock_ps: f64, out: &mut impl Write) -> Result<()> {
    let fastest_ps = array.fastest_clock_ps;
    let verdict = if fastest_ps > clock_ps { ", TOO SLOW for this clock" } else { "" };
    writeln!(
        out,
        "\n{}, control variate {}: {:.1} µm², fastest clock {fastest_ps:.1} ps{verdict}",
        array.multiplier, array.control_variate, array.area_um2,
    )?;
    let header = ["unit", "fJ per cycle", "internal", "switching", "leakage nW", "µW", "share"];
    let mut table = tables::table(&header);
    for unit in &array.units {
        table.add_row([
            unit.unit.clone(),
            format!("{:.1}", unit.energy_fj_per_cycle),
            format!("{:.1}", unit.internal_fj_per_cycle),
            format!("{:.1}", unit.switching_fj_per_cycle),
            format!("{:.1}", unit.leakage_nw),
            format!("{:.1}", unit.power_uw),
            format!("{:.1} %", 100.0 * unit.power_uw / array.power_uw),
        ]);
    }
    tables::align_right(&mut table, 1..header.len());
    writeln!(out, "{table}")?;
    let header =
        ["layer", "MACs", "cycles", "PEs used", "fJ per MAC", "nJ per image", "± standard error"];
    let mut table = tables::table(&header);
    for layer in &array.layers {
        table.add_row([
            tables::name(&layer.layer),
            layer.macs.to_string(),
            layer.cycles.to_string(),
            format!("{:.1} %", 100.0 * layer.utilisation),
            format!("{:.2}", layer.energy_per_mac_fj),
            format!("{:.3}", layer.energy_fj * 1e-6),
            format!("{:.1} %", 100.0 * layer.standard_error_fj / layer.energy_fj),
        ]);
    }
    tables::align_right(&mut table, 1..header.len());
    writeln!(out, "{table}")?;
    let cycles: u64 = array.layers.iter().map(|layer| layer.sampled_cycles).sum();
    write!(
        out,
        "{:.2} fJ per MAC, {:.3} nJ per image, {:.1} µW\n\
         standard error {:.2} %, {} samples of {cycles} cycles in all; {}",
        array.energy_per_mac_fj,
        array.energy_per_image_fj * 1e-6,
        array.power_uw,
        100.0 * array.relative_standard_error,
        array.samples,
        array.mode
    )?;
    match array.slowest_transition_ps {
        Some(slowest_ps) => writeln!(out, "; slowest transition seen {slowest_ps:.0} ps"),
        None => writeln!(out),
    }?;
    let loading_fj: f64 = array.layers.iter().map(|layer| layer.loading_fj).sum();
    writeln!(
        out,
        "loading weights, once for each image, takes {:.3} nJ more, without the clock",
        loading_fj * 1e-6
    )?;
    Ok(())
}

fn comparison(arrays: &[ArrayRecord]) -> comfy_table::Table {
    let first = &arrays[0];
    let header = ["multiplier", "area µm²", "ratio", "fJ per MAC", "ratio"];
    let mut table = tables::table(&header);
    for array in arrays {
        let (area, energy) = (array.area_um2, array.energy_per_mac_fj);
        table.add_row([
            array.multiplier.clone(),
            format!("{area:.1}"),
            format!("{:.3}", area / first.area_um2),
            format!("{energy:.2}"),
            format!("{:.3}", energy / first.energy_per_mac_fj),
        ]);
    }
    tables::align_right(&mut table, 1..header.len());
    table
}
