//! Multipliers from files.

use std::path::{Path, PathBuf};

use recoup_circuits::netlist::{
    Netlist, NetlistError, VerilogOptions, read_verilog_files, read_yosys_json,
};
use recoup_circuits::table::{
    Format, Mismatch, TableError, TableOptions, check, declared_metrics, read_table,
};
use recoup_circuits::{Metrics, ProductTable, printable, printable_path};

use super::{Multiplier, Source};

/// What a file does not say of itself.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// How tables are laid out.
    pub table: TableOptions,
    /// How netlists are read.
    pub verilog: VerilogOptions,
}

/// A multiplier, and what is to be known about its file.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The multiplier.
    pub multiplier: Multiplier,
    /// The products as the file has them; `None` for a named multiplier.
    pub table: Option<ProductTable>,
    /// The circuit, if the file is one.
    pub netlist: Option<Netlist>,
    /// What is odd, in words.
    pub warnings: Vec<String>,
}

/// Why a file gives no multiplier.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// See [`TableError`].
    #[error(transparent)]
    Table(#[from] TableError),
    /// See [`NetlistError`].
    #[error(transparent)]
    Netlist(#[from] NetlistError),
    /// The comments of a netlist declare other error metrics than it has.
    #[error(
        "{}: the comments do not fit the circuit: {}; correct the comments, or take the circuit that they are for",
        paths.iter().map(|path| printable_path(path)).collect::<Vec<_>>().join(", "),
        mismatches.iter().map(Mismatch::to_string).collect::<Vec<_>>().join("; ")
    )]
    Declared {
        /// The file, or the files.
        paths: Vec<PathBuf>,
        /// Each metric that differs.
        mismatches: Vec<Mismatch>,
    },
    /// A pattern that no table and no netlist fits.
    #[error("{0}: no table or netlist (.bin, .npy, .csv, .txt, .h, .v, .json) has such a name")]
    Nothing(String),
    /// A pattern that means nothing.
    #[error("{pattern}: is no pattern of file names: {error}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        error: glob::PatternError,
    },
    /// A folder on the way cannot be read.
    #[error("{}: cannot be read: {}", printable_path(.0.path()), .0.error())]
    Folder(#[from] glob::GlobError),
}

impl Source {
    /// The sources that a library's pattern names, in the order of their names; any other source
    /// is itself.
    ///
    /// # Errors
    /// When there is none.
    pub fn expand(self) -> Result<Vec<Self>, ImportError> {
        let Self::Library(pattern) = self else { return Ok(vec![self]) };
        let paths = glob::glob(&pattern)
            .map_err(|error| ImportError::Pattern { pattern: pattern.clone(), error })?;
        let mut sources = Vec::new();
        for path in paths {
            let path = path?;
            if path.is_file() && is_multiplier(&path) {
                sources.push(Self::from_path(path));
            }
        }
        if sources.is_empty() { Err(ImportError::Nothing(pattern)) } else { Ok(sources) }
    }

    /// Reads the multiplier. A library has to be expanded before.
    ///
    /// # Errors
    /// When the file is none.
    pub fn read(&self, options: &ImportOptions) -> Result<Imported, ImportError> {
        match self {
            Self::Named(multiplier) => Ok(Imported {
                multiplier: multiplier.clone(),
                table: None,
                netlist: None,
                warnings: Vec::new(),
            }),
            Self::Table(path) => {
                let import = read_table(path, &options.table)?;
                Ok(Imported {
                    multiplier: Multiplier::from_table(&name(path), &import.table),
                    table: Some(import.table),
                    netlist: None,
                    warnings: import
                        .warnings
                        .iter()
                        .map(|warning| format!("{}: {warning}", printable_path(path)))
                        .collect(),
                })
            }
            Self::Netlist { paths, top } => {
                let import = match &paths[..] {
                    [path] if path.extension().is_some_and(|extension| extension == "json") => {
                        read_yosys_json(path, top.as_deref(), &options.verilog)?
                    }
                    paths => read_verilog_files(paths, top.as_deref(), &options.verilog)?,
                };
                let mismatches =
                    check(&declared_metrics(&import.comments), &Metrics::of(&import.table));
                if !mismatches.is_empty() {
                    return Err(ImportError::Declared { paths: paths.clone(), mismatches });
                }
                // Several files are known by their module.
                let label = match (top, &paths[..]) {
                    (Some(top), _) => top.clone(),
                    (None, [path]) => name(path),
                    (None, _) => printable(&import.top).into_owned(),
                };
                Ok(Imported {
                    multiplier: Multiplier::from_table(&label, &import.table),
                    table: Some(import.table),
                    netlist: Some(import.netlist),
                    warnings: Vec::new(),
                })
            }
            Self::Library(pattern) => Err(ImportError::Nothing(pattern.clone())),
        }
    }
}

/// A file that a library may have; others are left alone.
fn is_multiplier(path: &Path) -> bool {
    let netlist = matches!(Source::from_path(path.into()), Source::Netlist { .. });
    netlist || Format::of_path(path).is_some()
}

fn name(path: &Path) -> String {
    let name = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
    printable(&name).into_owned()
}
