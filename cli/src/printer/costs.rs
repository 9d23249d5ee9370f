//! The cost table.

use std::io::{Write, stdout};

use anyhow::{Result, bail};

use recoup_hardware::cost_table::{Array, Cost, CostRun, CostTable, Stimulus};

use super::tables::{align_right, table};
use super::words::bits_text;

/// The rows of each library, or of one, for arrays of a size.
pub fn costs(costs: &CostTable, library: Option<&str>, size: u32) -> Result<()> {
    let mut out = stdout().lock();
    let runs: Vec<&CostRun> = costs
        .runs
        .iter()
        .filter(|run| library.is_none_or(|name| run.library.name == name))
        .collect();
    if runs.is_empty() {
        bail!("no costs of that library; there are: {}", costs.libraries().join(", "));
    }
    for run in runs {
        let mut table = table(&[
            "multiplier",
            "bits",
            "x",
            "PE µm²",
            "PE ps",
            "array µm²",
            "fJ/MAC",
            "area",
            "power",
            "uniform",
            "demo",
            "load path",
        ]);
        let rows = costs.costs.iter().filter(|cost| {
            cost.run == run.id && cost.design.rows == size && cost.stimulus == Stimulus::Demo
        });
        for row in rows {
            let name = &run.library.name;
            let exact = costs.find(name, &row.design.exact(), Stimulus::Demo);
            let of = |stimulus| costs.find(name, &row.design, stimulus);
            let energy =
                |stimulus| of(stimulus).map_or(String::new(), |c| format!("{:.1}", c.energy_fj));
            let ratio = |value: Option<f64>| value.map_or(String::new(), |r| format!("{r:.3}"));
            let power = |stimulus| ratio(costs.relative_power(name, &row.design, stimulus));
            table.add_row(vec![
                row.design.multiplier.to_string(),
                bits_text(row.design.activation_bits, row.design.weight_bits),
                row.design.control.clone().unwrap_or_else(|| "–".into()),
                format!("{:.2}", row.pe_area_um2),
                format!("{:.0}", row.pe_delay_ps),
                format!("{:.0}", row.area_um2),
                energy(Stimulus::ReluLike),
                ratio(exact.map(|exact| row.area_um2 / exact.area_um2)),
                power(Stimulus::ReluLike),
                power(Stimulus::Uniform),
                power(Stimulus::Demo),
                load_path(costs, name, row).unwrap_or_default(),
            ]);
        }
        align_right(&mut table, [1, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        writeln!(
            out,
            "{}: {size} x {size} arrays at {:.0} ps, {:.2} fF of wire per sink, {}\n{}",
            run.library.name,
            run.clock_ps,
            run.wire_ff_per_sink,
            run.tools
                .iter()
                .map(|(tool, version)| format!("{tool} {version}"))
                .collect::<Vec<_>>()
                .join(", "),
            costs.structure(&run.library.name)
        )?;
        writeln!(out, "{table}")?;
    }
    writeln!(
        out,
        "area and power of the whole array, against the exact one at 8 bits; x: the function of the\n\
         control variate, – without. power and fJ/MAC: codes as a network has them, in layers that fill\n\
         the array; uniform: random codes; demo: the embedded network, whose small layers leave much of\n\
         a large array idle. load path: what an array that makes constants of loaded\n\
         codes, as attention needs, adds to area and power. Energies have a standard error of about 1 %; arrays\n\
         are composed of units that were synthesised one by one (docs/hardware.md)."
    )?;
    Ok(())
}

/// What a load path adds to the area and to the power of a row's array.
fn load_path(costs: &CostTable, library: &str, row: &Cost) -> Option<String> {
    let of = |design: &Array| costs.find(library, design, Stimulus::ReluLike);
    let (exact, load_path) = (of(&row.design.exact())?, of(&row.design)?.load_path?);
    let [area, power] =
        [load_path.area_um2 / exact.area_um2, load_path.energy_fj / exact.energy_fj];
    Some(format!("+{area:.3} +{power:.3}"))
}
