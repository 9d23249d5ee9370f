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
        /// The file; of Verilog, perhaps several with a module each.
        paths: Vec<PathBuf>,
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
            // A colon may be part of the path, and a comma.
            let (files, top) = match file.rsplit_once(':') {
                Some((files, top)) if !Path::new(file).exists() => (files, Some(top.to_string())),
                _ => (file, None),
            };
            let paths = match Path::new(files).exists() {
                true => vec![files.into()],
                false => files.split(',').map(PathBuf::from).collect(),
            };
            return Ok(Self::Netlist { paths, top });
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
            Some("v" | "sv" | "json") => Self::Netlist { paths: vec![path], top: None },
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
            Self::Netlist { paths, top } => {
                let paths: Vec<String> =
                    paths.iter().map(|path| path.display().to_string()).collect();
                write!(formatter, "verilog:{}", paths.join(","))?;
                top.iter().try_for_each(|top| write!(formatter, ":{top}"))
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
        for text in [
            "truncated:7",
            "table:a/b.bin",
            "verilog:m.v",
            "verilog:m.v:mul8u",
            "verilog:a/m.v,b/half.v",
            "verilog:m.v,half.v:mul8u",
            "lib/*.v",
        ] {
            assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
        }
        assert_eq!("table:lib/*".parse(), Ok(Source::Library("lib/*".into())));
    }

    #[test]
    fn a_comma_parts_files_unless_it_is_part_of_one() {
        let paths = |text: &str| match text.parse() {
            Ok(Source::Netlist { paths, .. }) => paths,
            other => panic!("{other:?}"),
        };
        assert_eq!(paths("verilog:a.v,b.v:top"), ["a.v", "b.v"].map(PathBuf::from));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a,b:c.v");
        std::fs::write(&path, "").unwrap();
        assert_eq!(paths(&format!("verilog:{}", path.display())), std::slice::from_ref(&path));
        assert_eq!(paths(&format!("verilog:{}:top", path.display())), [path]);
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
        assert!(matches!("truncated:15".parse::<Source>(), Err(MultiplierError::Level { .. })));
    }
}
