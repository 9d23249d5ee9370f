//! Designs.

use pyo3::prelude::*;
use recoup::design::{
    AttentionConstants, ControlOptions, Loading, Mode, Quantization, Statistics, WeightScheme,
};
use recoup::multipliers::Netlist;

use crate::errors::{known, parse};
use crate::multiplier::Multiplier;

/// Of a control variate, what is said: c_frac, terms and x_bits; statistics, attention_constants and
/// loaded_operand.
type GivenOptions<'a> = (Option<u32>, Option<usize>, Option<u32>, GivenWords<'a>);
type GivenWords<'a> = (Option<&'a str>, Option<&'a str>, Option<&'a str>);

/// A multiplier with what corrects it and the codes that it gets.
#[pyclass(frozen, module = "recoup._recoup")]
pub struct Design {
    /// As the library has it.
    pub design: recoup::Design,
    /// The multiplier's own circuit, if it was read from one.
    pub netlist: Option<Netlist>,
}

#[pymethods]
impl Design {
    /// By its text, or that of its multiplier, which `control_variate` then corrects.
    #[staticmethod]
    fn read(py: Python<'_>, text: &str, control_variate: Option<&str>) -> PyResult<Self> {
        let mode = mode(py, control_variate)?;
        let (design, netlist) = known(py, py.detach(|| recoup::design::design(text, mode)))?;
        Ok(Self { design, netlist })
    }

    #[staticmethod]
    #[expect(clippy::too_many_arguments, reason = "the options of a design")]
    fn make(
        py: Python<'_>,
        multiplier: &Multiplier,
        control_variate: Option<&str>,
        bits: (u32, u32),
        quantization: Option<&str>,
        exact_ends: bool,
        codes: (Option<&str>, &str),
        control_options: GivenOptions<'_>,
    ) -> PyResult<Self> {
        let quantization: Option<Quantization> =
            quantization.map(|text| parse(py, "quantization", text)).transpose()?;
        let (weights, weight_codes) = codes;
        let weights =
            weights.map(|weights| parse::<WeightScheme>(py, "weights", weights)).transpose()?;
        let default = ControlOptions::default();
        let (c_frac, terms, x_bits, (statistics, attention, loading)) = control_options;
        let attention: Option<AttentionConstants> =
            attention.map(|text| parse(py, "attention_constants", text)).transpose()?;
        let loading: Option<Loading> =
            loading.map(|text| parse(py, "loaded_operand", text)).transpose()?;
        let statistics: Option<Statistics> =
            statistics.map(|text| parse(py, "statistics", text)).transpose()?;
        let options = ControlOptions {
            c_frac: c_frac.unwrap_or(default.c_frac),
            terms: terms.unwrap_or(default.terms),
            x_bits: x_bits.unwrap_or(default.x_bits),
            statistics: statistics.unwrap_or(default.statistics),
            attention: attention.unwrap_or(default.attention),
            loading: loading.unwrap_or(default.loading),
        };
        let imported = &multiplier.imported;
        let plain = recoup::Design::new(imported.multiplier.clone());
        let mode = mode(py, control_variate)?.unwrap_or(plain.control_variate);
        let design = plain
            .with_control_variate(mode)
            .with_control_options(options)
            .with_activation_bits(bits.0)
            .with_weight_bits(bits.1)
            .with_exact_ends(exact_ends)
            .with_weight_codes(parse(py, "weight_codes", weight_codes)?)
            .with_weights(weights);
        let design = recoup::Design { quantization, ..design };
        let design = known(py, recoup::design::checked(design))?;
        Ok(Self { design, netlist: imported.netlist.clone() })
    }

    #[getter]
    fn text(&self) -> String {
        self.design.to_string()
    }

    #[getter]
    fn kind(&self) -> &'static str {
        self.design.kind().name()
    }
}

fn mode(py: Python<'_>, text: Option<&str>) -> PyResult<Option<Mode>> {
    text.map(|text| parse(py, "control_variate", text)).transpose()
}
