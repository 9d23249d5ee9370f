//! Energies, for people and for machines.

use std::io::{Write, stdout};

use anyhow::Result;
use serde_json::{Value, json};

use recoup_hardware::cells::CellLibrary;
use recoup_hardware::power::LayerEstimate;

use super::{Outcome, PowerArgs, Stimuli};
use crate::printer::tables;

/// The results with what they are results of.
pub struct Report<'a> {
    pub args: &'a PowerArgs,
    pub library: &'a CellLibrary,
    pub clock_ps: f64,
    pub outcomes: &'a [Outcome],
}

impl Report<'_> {
    pub fn print(&self) -> Result<()> {
        let out = &mut stdout();
        let [rows, columns] = self.args.array;
        writeln!(
            out,
            "{rows}x{columns} array in {} at {} V, clock {} ps; {}",
            self.library.name,
            self.library.voltage_v,
            self.clock_ps,
            self.codes()
        )?;
        for outcome in self.outcomes {
            self.one(outcome, out)?;
        }
        if self.outcomes.len() > 1 {
            writeln!(out, "\n{}", self.comparison())?;
        }
        Ok(())
    }

    fn codes(&self) -> String {
        let codes = match self.args.stimuli {
            Stimuli::Network if self.args.network.model.is_some() => "codes of the network",
            Stimuli::Network => "codes of the embedded network",
            Stimuli::Uniform => "uniform codes",
            Stimuli::ReluLike => "ReLU-like random codes",
        };
        match self.args.activation_bits {
            8 => codes.to_owned(),
            bits => format!("{codes}, activations of {bits} bits"),
        }
    }

    fn one(&self, outcome: &Outcome, out: &mut impl Write) -> Result<()> {
        let Outcome { name, mode, units, estimate, .. } = outcome;
        let fastest_ps = units.fastest_clock_ps();
        let verdict = if fastest_ps > self.clock_ps { ", TOO SLOW for this clock" } else { "" };
        writeln!(
            out,
            "\n{name}, control variate {mode}: {:.1} µm², fastest clock {fastest_ps:.1} ps{verdict}",
            units.area_um2(self.library),
        )?;
        let header = ["unit", "fJ per cycle", "internal", "switching", "leakage nW", "µW", "share"];
        let mut table = tables::table(&header);
        let total_uw = estimate.power_uw();
        for (role, energy) in estimate.per_cycle() {
            let power_uw = energy.power_uw(self.clock_ps);
            table.add_row([
                role.to_string(),
                format!("{:.1}", energy.total_fj(self.clock_ps)),
                format!("{:.1}", energy.internal_fj),
                format!("{:.1}", energy.switching_fj),
                format!("{:.1}", energy.leakage_nw),
                format!("{power_uw:.1}"),
                format!("{:.1} %", 100.0 * power_uw / total_uw),
            ]);
        }
        tables::align_right(&mut table, 1..header.len());
        writeln!(out, "{table}")?;
        let header = [
            "layer",
            "MACs",
            "cycles",
            "PEs used",
            "fJ per MAC",
            "nJ per image",
            "± standard error",
        ];
        let mut table = tables::table(&header);
        for layer in &estimate.layers {
            table.add_row([
                layer.name.clone(),
                layer.macs.to_string(),
                layer.cycles.to_string(),
                format!("{:.1} %", 100.0 * layer.utilisation),
                format!("{:.2}", layer.energy_fj / layer.macs as f64),
                format!("{:.3}", layer.energy_fj * 1e-6),
                format!("{:.1} %", 100.0 * layer.standard_error_fj / layer.energy_fj),
            ]);
        }
        tables::align_right(&mut table, 1..header.len());
        writeln!(out, "{table}")?;
        let cycles: u64 = estimate.layers.iter().map(|layer| layer.sampled_cycles).sum();
        write!(
            out,
            "{:.2} fJ per MAC, {:.3} nJ per image, {total_uw:.1} µW\n\
             standard error {:.2} %, {} samples of {cycles} cycles in all; {}",
            estimate.energy_per_mac_fj(),
            estimate.energy_fj() * 1e-6,
            100.0 * estimate.relative_error,
            estimate.samples,
            estimate.mode
        )?;
        match estimate.slowest_ps {
            Some(slowest_ps) => writeln!(out, "; slowest transition seen {slowest_ps:.0} ps"),
            None => writeln!(out),
        }?;
        Ok(())
    }

    fn comparison(&self) -> comfy_table::Table {
        let first = &self.outcomes[0];
        let header = ["multiplier", "area µm²", "ratio", "fJ per MAC", "ratio"];
        let mut table = tables::table(&header);
        for outcome in self.outcomes {
            let (area, energy) =
                (outcome.units.area_um2(self.library), outcome.estimate.energy_per_mac_fj());
            table.add_row([
                outcome.name.clone(),
                format!("{area:.1}"),
                format!("{:.3}", area / first.units.area_um2(self.library)),
                format!("{energy:.2}"),
                format!("{:.3}", energy / first.estimate.energy_per_mac_fj()),
            ]);
        }
        tables::align_right(&mut table, 1..header.len());
        table
    }

    pub fn json(&self) -> Result<()> {
        let [rows, columns] = self.args.array;
        let results: Vec<Value> = self.outcomes.iter().map(|outcome| self.value(outcome)).collect();
        let report = json!({
            "library": self.library.name,
            "voltage_v": self.library.voltage_v,
            "clock_ps": self.clock_ps,
            "rows": rows,
            "columns": columns,
            "codes": self.codes(),
            "model_sha256": self.outcomes.first().and_then(|outcome| outcome.model_sha256.as_ref()),
            "activation_bits": self.args.activation_bits,
            "results": results,
        });
        writeln!(stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
        Ok(())
    }

    fn value(&self, outcome: &Outcome) -> Value {
        let Outcome { name, products_sha256, mode, weights, units, estimate, .. } = outcome;
        let by_unit: Vec<Value> = estimate
            .per_cycle()
            .iter()
            .map(|(role, energy)| {
                json!({
                    "unit": role.to_string(),
                    "energy_fj_per_cycle": energy.total_fj(self.clock_ps),
                    "internal_fj_per_cycle": energy.internal_fj,
                    "switching_fj_per_cycle": energy.switching_fj,
                    "leakage_nw": energy.leakage_nw,
                    "power_uw": energy.power_uw(self.clock_ps),
                })
            })
            .collect();
        let layer = |layer: &LayerEstimate| {
            json!({
                "layer": layer.name,
                "macs": layer.macs,
                "cycles": layer.cycles,
                "utilisation": layer.utilisation,
                "energy_fj": layer.energy_fj,
                "standard_error_fj": layer.standard_error_fj,
                "energy_per_mac_fj": layer.energy_fj / layer.macs as f64,
                "sampled_cycles": layer.sampled_cycles,
            })
        };
        json!({
            "multiplier": name,
            "products_sha256": products_sha256,
            "control_variate": mode.to_string(),
            "weights": weights.to_string(),
            "area_um2": units.area_um2(self.library),
            "fastest_clock_ps": units.fastest_clock_ps(),
            "mode": estimate.mode.to_string(),
            "energy_per_mac_fj": estimate.energy_per_mac_fj(),
            "energy_per_image_fj": estimate.energy_fj(),
            "power_uw": estimate.power_uw(),
            "relative_standard_error": estimate.relative_error,
            "samples": estimate.samples,
            "slowest_transition_ps": estimate.slowest_ps,
            "units": by_unit,
            "layers": estimate.layers.iter().map(layer).collect::<Vec<_>>(),
        })
    }
}
