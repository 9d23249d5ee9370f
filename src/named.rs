//! Multipliers and designs by the texts that name them, or their files.

use recoup_circuits::netlist::Netlist;
use recoup_core::control_variate::Mode;
use recoup_core::design::Design;
use recoup_core::multiplier::{ImportOptions, Imported, Source};

use crate::error::{Error, ErrorKind, Result};

/// The multiplier that a text names: a family and its level, a mask, or a file with a table or a
/// netlist.
///
/// # Errors
/// When there is none, or several.
pub fn multiplier(text: &str, options: &ImportOptions) -> Result<Imported> {
    let mut sources = text.parse::<Source>()?.expand()?;
    if sources.len() > 1 {
        let text = format!("{text}: names {} files, where one is wanted", sources.len());
        return Err(Error::new(ErrorKind::Multiplier, text));
    }
    Ok(sources.remove(0).read(options)?)
}

/// The design of a text: of a multiplier alone with `control_variate`, fitted if that is not said;
/// or of a design that says what corrects it. With the multiplier's own circuit, if the text names
/// one.
///
/// # Errors
/// When it is neither.
pub fn design(text: &str, control_variate: Option<Mode>) -> Result<(Design, Option<Netlist>)> {
    let read = |name: &str| multiplier(name, &ImportOptions::default());
    if let Ok(Imported { multiplier, netlist, .. }) = read(text) {
        return Ok((Design::corrected_by(multiplier, control_variate), netlist));
    }
    let mut netlist = None;
    let design: Result<Design> = Design::parse(text, |name| {
        let imported = read(name)?;
        netlist = imported.netlist;
        Ok(imported.multiplier)
    });
    Ok((design?, netlist))
}

/// The same design, if all that it says is in range.
///
/// # Errors
/// When a text could not say it.
pub fn checked(design: Design) -> Result<Design> {
    Design::parse(&design.to_string(), |_| Ok(design.multiplier.clone()))
}

#[cfg(test)]
mod tests {
    use recoup_core::control_variate::ControlOptions;

    use super::*;

    #[test]
    fn a_multiplier_alone_is_corrected_unless_it_is_exact() {
        let none = Some(Mode::None);
        for (text, control_variate, expected) in [
            ("truncated:7", None, "truncated:7 with V (fitted)"),
            ("truncated:7", none, "truncated:7"),
            ("exact", None, "exact"),
            ("perforated:2 with V (fitted)", none, "perforated:2 with V (fitted)"),
            ("exact, 5 activation bits", None, "exact, 5 activation bits"),
        ] {
            assert_eq!(design(text, control_variate).unwrap().0.to_string(), expected);
        }
    }

    #[test]
    fn what_is_out_of_range_is_no_design() {
        let made = || Design::new("truncated:7".parse().unwrap());
        let options = made().control_options;
        for wrong in [
            made().with_activation_bits(3),
            made().with_activation_bits(9),
            made().with_weight_bits(3),
            made().with_weight_bits(9),
            made().with_control_options(ControlOptions { terms: 0, ..options }),
            made().with_control_options(ControlOptions { c_frac: 17, ..options }),
        ] {
            let error = checked(wrong.clone()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Request, "{wrong}");
        }
        let right = made().with_activation_bits(4).with_weight_bits(7);
        assert_eq!(checked(right.clone()).unwrap(), right);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, kind, part) in [
            ("trncated:7", ErrorKind::Multiplier, "unknown multiplier \"trncated:7\""),
            ("trncated:7 with V (fitted)", ErrorKind::Multiplier, "multiplier \"trncated:7\""),
            ("truncated:7 with V (best)", ErrorKind::Request, "best"),
            ("none/of/*.bin", ErrorKind::Multiplier, "none/of/*.bin"),
        ] {
            let error = design(text, None).unwrap_err();
            assert_eq!(error.kind(), kind, "{text}: {error}");
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
