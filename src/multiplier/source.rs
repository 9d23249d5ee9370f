//! Multipliers by name or from files.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Multiplier, MultiplierError};

/// How a multiplier is given: by name, or as the file that describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A family or a mask.
    Named(Multiplier),
    /// A table of 65,536 products.
    Table(PathBuf),
    /// A Verilog module, or yosys' JSON of one.
    Netlist {
        /// The file.
        path: PathBuf,
        /// The module, where the file has several.
        top: Option<String>,
    },
    /// Every table and netlist that a pattern with `*` names.
    Library(String),
}

impl FromStr for Source {
    type Err = MultiplierError;

    fn from_str(text: &str) -> Result<Self, MultiplierError> {
        if let Some(path) = text.strip_prefix("table:") {
            return Ok(Self::pattern(path).unwrap_or_else(|| Self::Table(path.into())));
        }
        if let Some(file) = text.strip_prefix("verilog:") {
            if let Some(library) = Self::pattern(file) {
                return Ok(library);
            }
            // A colon may be part of the path.
            let (path, top) = match file.rsplit_once(':') {
                Some((path, top)) if !Path::new(file).exists() => (path, Some(top.to_string())),
                _ => (file, None),
            };
            return Ok(Self::Netlist { path: path.into(), top });
        }
        match text.parse() {
            Ok(multiplier) => Ok(Self::Named(multiplier)),
            Err(MultiplierError::Unknown(_)) if Self::pattern(text).is_some() => {
                Ok(Self::Library(text.into()))
            }
            Err(MultiplierError::Unknown(_)) if Path::new(text).is_file() => {
                Ok(Self::from_path(text.into()))
            }
            Err(error) => Err(error),
        }
    }
}

impl Source {
    /// A table or a netlist, by its extension.
    pub fn from_path(path: PathBuf) -> Self {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("v" | "sv" | "json") => Self::Netlist { path, top: None },
            _ => Self::Table(path),
        }
    }

    fn pattern(text: &str) -> Option<Self> {
        text.contains(['*', '?']).then(|| Self::Library(text.into()))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(multiplier) => multiplier.fmt(formatter),
            Self::Table(path) => write!(formatter, "table:{}", path.display()),
            Self::Netlist { path, top: None } => write!(formatter, "verilog:{}", path.display()),
            Self::Netlist { path, top: Some(top) } => {
                write!(formatter, "verilog:{}:{top}", path.display())
            }
            Self::Library(pattern) => formatter.pad(pattern),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_survive_a_round_trip() {
        for text in ["truncated:7", "table:a/b.bin", "verilog:m.v", "verilog:m.v:mul8u", "lib/*.v"]
        {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        assert_eq!("table:lib/*".parse(), Ok(Source::Library("lib/*".into())));
    }

    #[test]
    fn extensions_tell_netlists_from_tables() {
        let netlist = |path: &str| matches!(Source::from_path(path.into()), Source::Netlist { .. });
        assert!(netlist("a.v") && netlist("a.SV") && netlist("a.json"));
        assert!(!netlist("a.bin") && !netlist("a.h") && !netlist("a"));
    }

    #[test]
    fn what_is_neither_a_name_nor_a_file_is_an_error() {
        let error = "mul8u_none".parse::<Source>().unwrap_err().to_string();
        assert!(error.contains("table:FILE"), "{error}");
        assert!(matches!("truncated:9".parse::<Source>(), Err(MultiplierError::Level { .. })));
    }
}
