//! Multipliers and designs by the texts that name them, or their files.

use recoup_circuits::netlist::Netlist;
use recoup_core::control_variate::Mode;
use recoup_core::design::Design;
use recoup_core::multiplier::{ImportOptions, Imported, Multiplier, Source};

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
        return Ok((with_control(multiplier, control_variate), netlist));
    }
    let mut netlist = None;
    let design: Result<Design> = Design::parse(text, |name| {
        let imported = read(name)?;
        netlist = imported.netlist;
        Ok(imported.multiplier)
    });
    Ok((design?, netlist))
}

fn with_control(multiplier: Multiplier, control_variate: Option<Mode>) -> Design {
    let is_exact = multiplier.is_exact();
    let design = Design::new(multiplier);
    match control_variate.filter(|_| !is_exact) {
        Some(mode) => design.with_control_variate(mode),
        None => design,
    }
}

#[cfg(test)]
mod tests {
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
