//! What `multiplier show` prints.

use std::io::{Write, stdout};

use anyhow::Result;
use serde_json::{Value, json};

use recoup_circuits::Metrics;
use recoup_core::control_variate::{ControlFunction, ROWS, Study};
use recoup_core::multiplier::{Multiplier, dot_diagram};
use recoup_core::quantize::WeightScheme;
use recoup_kernels::{Isa, Structure, common_kernel, structure};

use super::tables::{align_right, percent, table};
use super::term_cost::{self, COST};

/// A multiplier, measured.
pub struct Shown {
    pub multiplier: Multiplier,
    pub weights: WeightScheme,
    pub metrics: Metrics,
    /// What a control variate removes: for which codes, and the study.
    pub studies: Vec<(String, Study)>,
}

impl Shown {
    /// What the products have in common, which the kernels profit from, in words.
    fn structure(&self) -> String {
        let coding = self.weights.coding();
        match structure(&self.multiplier.kernel_product(coding), coding) {
            Structure::Mask(_) => "partial-product mask".into(),
            Structure::Ranks(ranks) => format!("rank {ranks}: a sum of so many f(w) g(a)"),
            Structure::Rows { distinct } => format!("{distinct} weights that differ"),
            Structure::Columns { distinct } => format!("{distinct} activation codes that differ"),
            Structure::Nibbles => "f(w, a mod 16) + g(w, a div 16)".into(),
            Structure::General => "none: a table of 65,536 products".into(),
        }
    }

    /// What computes the products of a common layer on this machine.
    fn kernel(&self) -> String {
        let coding = self.weights.coding();
        common_kernel(Isa::best(), self.multiplier.kernel_product(coding), coding)
    }

    /// The JSON object.
    pub fn json(&self) -> Value {
        let metrics = &self.metrics;
        let studies = self.studies.iter().map(|(codes, study)| {
            let functions = study.functions.iter().map(|choice| {
                json!({
                    "function": choice.function.to_string(),
                    "variance_left": choice.variance_left,
                    "cost": recoup::records::costs(&choice.costs)[0],
                })
            });
            let left: Vec<f64> = study.terms.iter().map(|choice| choice.variance_left).collect();
            let costs: Vec<_> =
                study.terms.iter().map(|c| recoup::records::costs(&c.costs)).collect();
            json!({
                "codes": codes,
                "error_mean": study.mean_error,
                "error_std": study.std_error,
                "functions": functions.collect::<Vec<_>>(),
                "best": study.best().function.to_string(),
                "variance_left_by_terms": left,
                "cost_by_terms": costs,
            })
        });
        json!({
            "multiplier": self.multiplier.to_string(),
            "products_sha256": self.multiplier.identity(self.weights.coding()),
            "family": self.multiplier.member().map(|member| member.to_string()),
            "mask": self.multiplier.mask().map(|mask| format!("{mask:#018x}")),
            "kept": self.multiplier.mask().map(u64::count_ones),
            "structure": self.structure(),
            "kernel": self.kernel(),
            "weights": self.weights.to_string(),
            "mae": metrics.mae,
            "wce": metrics.wce,
            "ep": metrics.ep,
            "mre": metrics.mre,
            "mse": metrics.mse,
            "mean_error": metrics.mean_error,
            "control_variate": studies.collect::<Vec<_>>(),
        })
    }

    /// The same for people.
    pub fn print(&self) -> Result<()> {
        let mut out = stdout().lock();
        let (multiplier, weights, metrics) = (&self.multiplier, self.weights, &self.metrics);
        let percent_of_range = |value: f64| 100.0 * value / f64::from(1 << 16);
        match multiplier.mask() {
            Some(mask) => {
                let name = multiplier.to_string();
                let known = multiplier.member().map(|member| member.to_string());
                let known = known.filter(|known| *known != name);
                let known = known.map(|known| format!(" is {known}")).unwrap_or_default();
                writeln!(out, "{name}{known}   mask {mask:#018x}   weights {weights}\n")?;
                writeln!(out, "{}\n", dot_diagram(mask))?;
            }
            None => writeln!(out, "{multiplier}   no partial-product mask   weights {weights}\n")?,
        }
        writeln!(out, "structure   {}", self.structure())?;
        writeln!(out, "kernel      {}", self.kernel())?;
        let mae = percent_of_range(metrics.mae);
        writeln!(out, "MAE         {:<12.4} {mae:.5} % of 2^16", metrics.mae)?;
        let wce = percent_of_range(f64::from(metrics.wce));
        writeln!(out, "WCE         {:<12} {wce:.4} % of 2^16", metrics.wce)?;
        writeln!(out, "EP          {:.2} %", 100.0 * metrics.ep)?;
        writeln!(out, "MRE         {:.4} %", 100.0 * metrics.mre)?;
        writeln!(out, "MSE         {:.2}", metrics.mse)?;
        writeln!(out, "mean error  {:.4}", metrics.mean_error)?;
        writeln!(out, "(definitions: recoup multiplier show --help)")?;
        if multiplier.is_exact() {
            writeln!(out, "\nNo product is wrong: there is nothing to correct.")?;
            return Ok(());
        }
        for (codes, study) in &self.studies {
            print_study(codes, study, &mut out)?;
        }
        Ok(())
    }
}

/// A library, one line each.
pub fn list(all: &[Shown]) -> Result<()> {
    let mut rows = table(&[
        "multiplier",
        "MAE %",
        "WCE %",
        "EP %",
        "MRE %",
        "MSE",
        "mean error",
        "best x",
        "variance left %",
        "mask",
    ]);
    for Shown { multiplier, metrics, studies, .. } in all {
        // The last is a network's, if there is one.
        let best = studies.last().map(|(_, study)| study.best());
        let percent_of_range = |value: f64| 100.0 * value / f64::from(1 << 16);
        rows.add_row(vec![
            multiplier.to_string(),
            format!("{:.5}", percent_of_range(metrics.mae)),
            format!("{:.4}", percent_of_range(f64::from(metrics.wce))),
            format!("{:.2}", 100.0 * metrics.ep),
            format!("{:.3}", 100.0 * metrics.mre),
            format!("{:.1}", metrics.mse),
            format!("{:.2}", metrics.mean_error),
            best.map(|choice| name(choice.function)).unwrap_or_default(),
            best.map(|choice| percent(choice.variance_left)).unwrap_or_default(),
            multiplier.mask().map(|mask| format!("{mask:#018x}")).unwrap_or_default(),
        ]);
    }
    align_right(&mut rows, [1, 2, 3, 4, 5, 6, 8]);
    let mut out = stdout().lock();
    writeln!(out, "{rows}")?;
    writeln!(
        out,
        "MAE and WCE in percent of 2^16; variance left: of the error, by the best control variate\n\
         (definitions: recoup multiplier show --help; more about one: recoup multiplier show SPEC)"
    )?;
    Ok(())
}

fn name(function: ControlFunction) -> String {
    match function {
        ControlFunction::Auto => "fitted".into(),
        named => named.to_string(),
    }
}

fn print_study(codes: &str, study: &Study, out: &mut impl Write) -> Result<()> {
    writeln!(
        out,
        "\nControl variate for {codes}, random weights: C0 removes the mean error, {:.2} per product;\n\
         of the error's variance ({:.2} squared) V leaves",
        study.mean_error, study.std_error
    )?;
    let mut rows = table(&[&["x(a)", "variance left %", "x is"], &term_cost::COLUMNS[..]].concat());
    let best = study.best().function;
    let alone = study.functions.iter().map(|choice| {
        let mark = if best == choice.function { "  <- best" } else { "" };
        let hardware = choice.function.hardware().to_string();
        (format!("{}{mark}", name(choice.function)), choice, hardware)
    });
    let together = study.terms.iter().skip(1).map(|choice| {
        let further = choice.costs.len() - 1;
        let tables = if further == 1 { "table" } else { "tables" };
        (
            format!("{} + {further} fitted", name(choice.function)),
            choice,
            format!("{}, {further} {tables}", choice.function.hardware()),
        )
    });
    for (label, choice, hardware) in alone.chain(together) {
        let costs: Vec<[String; 2]> = choice.costs.iter().map(term_cost::cells).collect();
        let costs = [0, 1]
            .map(|column| costs.iter().map(|cells| &*cells[column]).collect::<Vec<_>>().join("\n"));
        let name = [label, percent(choice.variance_left), hardware];
        rows.add_row(name.into_iter().chain(costs));
    }
    align_right(&mut rows, [1]);
    writeln!(out, "{rows}")?;
    writeln!(
        out,
        "cost of each term beside {ROWS} rows, C with {} fraction bits:\n{COST}",
        study.c_frac
    )?;
    if study.best().variance_left > 0.5 {
        writeln!(
            out,
            "Little helps here: most of the error depends on the weight and the code together, and V\n\
             has only one number per filter for a function of the code."
        )?;
    }
    Ok(())
}
