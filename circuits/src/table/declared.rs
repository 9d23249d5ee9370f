//! Error metrics that a file declares in its comments, and whether its products keep them.
//!
//! EvoApproxLib writes lines such as `// MAE% = 0.081 %`, `// WCE = 255`, `// MSE = 36892.825e2`.

use std::fmt;

use crate::metrics::{Metrics, PRODUCT_RANGE};

/// How much further than half a unit of the last digit a declared value may be off: half a unit
/// covers rounding, the rest what the rounding of a published value was computed with.
const SLACK: f64 = 0.02;

/// A metric that files declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Mean absolute error.
    Mae,
    /// Worst-case error.
    Wce,
    /// Error probability.
    Ep,
    /// Mean relative error.
    Mre,
    /// Mean squared error.
    Mse,
}

impl Metric {
    /// Every metric with the name that EvoApproxLib gives it.
    const NAMES: [(&'static str, Metric); 5] = [
        ("MAE", Metric::Mae),
        ("WCE", Metric::Wce),
        ("EP", Metric::Ep),
        ("MRE", Metric::Mre),
        ("MSE", Metric::Mse),
    ];

    /// What `metrics` say, in percent or in units.
    fn of(self, metrics: &Metrics, percent: bool) -> f64 {
        let (value, range) = match self {
            Self::Mae => (metrics.mae, PRODUCT_RANGE),
            Self::Wce => (f64::from(metrics.wce), PRODUCT_RANGE),
            Self::Ep => (metrics.ep, 1.0),
            Self::Mre => (metrics.mre, 1.0),
            Self::Mse => (metrics.mse, PRODUCT_RANGE * PRODUCT_RANGE),
        };
        if percent { 100.0 * value / range } else { value }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (name, _) = Self::NAMES[*self as usize];
        f.write_str(name)
    }
}

/// One declared metric.
#[derive(Clone, Debug, PartialEq)]
pub struct DeclaredMetric {
    /// Which metric.
    pub metric: Metric,
    /// Whether the value is in percent.
    pub percent: bool,
    /// The value.
    pub value: f64,
    /// One unit of the last digit that is written.
    pub unit: f64,
    /// The number as it is written.
    pub text: String,
}

/// What a file declares, in the order of its comments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Declared {
    /// The metrics found.
    pub metrics: Vec<DeclaredMetric>,
}

/// A declared metric that is not what the products give.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// What the file says.
    pub declared: DeclaredMetric,
    /// What its products give, in the same unit.
    pub computed: f64,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { declared: DeclaredMetric { metric, percent, text, .. }, computed } = self;
        let percent = if *percent { " %" } else { "" };
        // The digits of the declared value, and one more to see a near miss.
        let digits = (1.0 - self.declared.unit.log10()).clamp(0.0, 12.0) as usize;
        write!(f, "{metric} is declared as {text}{percent}, but is {computed:.digits$}{percent}")
    }
}

/// Finds the metrics that comments declare: a name, `=` or `:`, a number; `%` or `%%` after the
/// name or `%` after the number says percent.
///
/// EP and MRE without percent are shares. WCRE, which [`Metrics`] do not have, is left out.
pub fn declared_metrics(comments: &str) -> Declared {
    let mut metrics = Vec::new();
    let mut rest = comments;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        let word = &rest[start..];
        let end = word.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        let known = Metric::NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        metrics.extend(known.and_then(|&(_, metric)| assignment(metric, after)));
        rest = after;
    }
    Declared { metrics }
}

/// Reads `% = 0.081 %` after the name of a metric.
fn assignment(metric: Metric, text: &str) -> Option<DeclaredMetric> {
    let blank = |c: char| c == ' ' || c == '\t';
    let after_name = text.trim_start_matches(blank).trim_start_matches('%');
    let name_has_percent = after_name.len() < text.trim_start_matches(blank).len();
    let number = after_name.trim_start_matches(blank).strip_prefix(['=', ':'])?;
    let number = number.trim_start_matches(blank);
    let (text, value, unit) = leading_number(number)?;
    let percent =
        name_has_percent || number[text.len()..].trim_start_matches(blank).starts_with('%');
    Some(DeclaredMetric { metric, percent, value, unit, text: text.to_owned() })
}

/// The decimal number that `text` starts with, its value, and one unit of its last digit.
fn leading_number(text: &str) -> Option<(&str, f64, f64)> {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(0);
    let mut end = whole;
    let mut decimals = 0;
    if text[end..].starts_with('.') {
        decimals = digits(end + 1);
        // A full stop at the end of a sentence is no part of the number.
        end += if decimals > 0 { 1 + decimals } else { 0 };
    }
    if whole + decimals == 0 {
        return None;
    }
    let mut exponent = 0i32;
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
        let count = digits(end + 1 + sign);
        if let Ok(value) = text[end + 1..end + 1 + sign + count].parse::<i32>() {
            exponent = value.clamp(-400, 400);
            end += 1 + sign + count;
        }
    }
    let value: f64 = text[..end].parse().ok()?;
    let decimals = i32::try_from(decimals).unwrap_or(i32::MAX);
    value.is_finite().then(|| (&text[..end], value, 10f64.powi(exponent.saturating_sub(decimals))))
}

/// Compares declared metrics with computed ones, to the digits declared: libraries round or
/// truncate, some of them both in one file.
pub fn check(declared: &Declared, metrics: &Metrics) -> Vec<Mismatch> {
    let wrong = |declared: &DeclaredMetric| {
        let computed = declared.metric.of(metrics, declared.percent);
        let [written, exact] = [declared.value, computed].map(|value| value / declared.unit);
        let rounded = (written - exact).abs() <= 0.5 + SLACK;
        // A whole unit is no truncation, even if the quotient of the two is a little below.
        let truncated = (0.0..1.0 - 1e-6).contains(&(exact - written));
        (!rounded && !truncated).then(|| Mismatch { declared: declared.clone(), computed })
    };
    declared.metrics.iter().filter_map(wrong).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As EvoApproxLib writes them; [`METRICS`] are what that circuit, mul8s_1L2H, has.
    const COMMENTS: &str = "\
MAE% = 0.081 %
MAE = 53 
WCE% = 0.39 %
WCE = 255 
WCRE% = 300.00 %
EP% = 74.61 %
MRE% = 4.41 %
MSE = 5462 
PDK45_PWR = 0.301 mW";

    const METRICS: Metrics =
        Metrics { mae: 53.3, wce: 255, ep: 0.746094, mre: 0.0441, mse: 5461.75, mean_error: 0.25 };

    /// Metric, whether in percent, value and unit.
    type Values = (Metric, bool, f64, f64);

    fn values(text: &str) -> Vec<Values> {
        let tuple = |m: DeclaredMetric| (m.metric, m.percent, m.value, m.unit);
        declared_metrics(text).metrics.into_iter().map(tuple).collect()
    }

    #[test]
    fn evoapproxlib_comments() {
        let expected = [
            (Metric::Mae, true, 0.081, 0.001),
            (Metric::Mae, false, 53.0, 1.0),
            (Metric::Wce, true, 0.39, 0.01),
            (Metric::Wce, false, 255.0, 1.0),
            (Metric::Ep, true, 74.61, 0.01),
            (Metric::Mre, true, 4.41, 0.01),
            (Metric::Mse, false, 5462.0, 1.0),
        ];
        assert_eq!(values(COMMENTS), expected);
    }

    #[test]
    fn other_spellings() {
        let cases: [(&str, &[Values]); 9] = [
            ("/***\n * MAE%% = 1.5 %%\n*/", &[(Metric::Mae, true, 1.5, 0.1)]),
            ("mse:36892.825e2", &[(Metric::Mse, false, 3689282.5, 0.1)]),
            (
                "MSE = 25358.103e4, WCE=7.",
                &[(Metric::Mse, false, 253581030.0, 10.0), (Metric::Wce, false, 7.0, 1.0)],
            ),
            ("EP = 12 %", &[(Metric::Ep, true, 12.0, 1.0)]),
            ("MAE = .5e", &[(Metric::Mae, false, 0.5, 0.1)]),
            ("WCE = 1e400", &[]),
            ("WCRE = 1, STEP = 2, MAE_X = 3, xMAE = 4", &[]),
            ("the MAE of MAE, MAE = , MAE % =", &[]),
            ("MAE = é MSE %%%= ", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(values(text), expected, "{text}");
        }
    }

    #[test]
    fn compares_to_the_digits_written() {
        let declared = declared_metrics(COMMENTS);
        assert_eq!(check(&declared, &METRICS), []);
        // The numbers of the defective table of that circuit.
        let defective = Metrics { mae: 116.4, wce: 32384, ..METRICS };
        let messages: Vec<_> = check(&declared, &defective).iter().map(|m| m.to_string()).collect();
        assert_eq!(
            messages,
            [
                "MAE is declared as 0.081 %, but is 0.1776 %",
                "MAE is declared as 53, but is 116.4",
                "WCE is declared as 0.39 %, but is 49.414 %",
                "WCE is declared as 255, but is 32384.0",
            ]
        );
    }

    #[test]
    fn rounded_and_truncated_figures_fit_others_do_not() {
        for (text, fits) in [
            ("MAE = 53", true),
            ("MAE = 52", false),
            ("MAE = 54", false),
            ("MAE = 53.3", true),
            ("MAE = 53.2", false),
            ("MSE = 5.4618e3", true),
            ("MSE = 5461", true),
            ("MSE = 5.461e3", true),
            ("MSE = 5.460e3", false),
            ("MSE = 5463", false),
            ("EP = 0.746", true),
            ("EP = 0.74", true),
            ("EP = 0.75", true),
            ("EP = 0.73", false),
            ("EP% = 74.60 %", true),
            ("EP% = 74.61 %", true),
            ("EP% = 74.62 %", false),
            ("EP% = 74.59 %", false),
        ] {
            let mismatches = check(&declared_metrics(text), &METRICS);
            assert_eq!(mismatches.is_empty(), fits, "{text}: {mismatches:?}");
        }
    }
}
