//! From Liberty files to a library of cells: files (here), units and table templates (`header`),
//! tables (`tables`), cells with their pins and states (`cell`, `clock_gate`), delays (`timing`), energies
//! (`power`).

mod cell;
mod clock_gate;
mod header;
mod power;
mod tables;
#[cfg(test)]
mod tests;
mod timing;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use recoup_circuits::liberty::{LibertyError, parse, read_liberty};

use super::{CellError, CellLibrary};
use header::Header;

/// Why a cell is not read.
enum Fault {
    /// The file is wrong.
    Error(LibertyError),
    /// The cell is beyond what can be used, and left out.
    LeftOut(String),
}

impl From<LibertyError> for Fault {
    fn from(error: LibertyError) -> Self {
        Self::Error(error)
    }
}

impl CellLibrary {
    /// Reads Liberty files, plain or gzipped, and merges them.
    ///
    /// Left out are cells that synthesis is not offered, each with its reason in
    /// [`CellLibrary::left_out`]: latches, tri-state cells, clock gates of unusual kinds, functions
    /// of more than 6 inputs.
    ///
    /// # Errors
    /// When a file is not Liberty, is truncated, lacks units or names an unknown table template;
    /// when files define the same cell or differ in voltage; when no cell can be used.
    pub fn read<P: AsRef<Path>>(paths: &[P]) -> Result<Self, CellError> {
        let mut library = Self::default();
        let mut seen: HashMap<String, &Path> = HashMap::new();
        for path in paths.iter().map(AsRef::as_ref) {
            let text = read_liberty(path).map_err(|error| CellError::io(path, error))?;
            let read = Self::parse(&text)
                .map_err(|source| CellError::Liberty { path: path.to_owned(), source })?;
            let names = read.cells.iter().map(|cell| &cell.name);
            for name in names.chain(read.left_out.iter().map(|(name, _)| name)) {
                match seen.entry(name.clone()) {
                    Entry::Vacant(free) => free.insert(path),
                    Entry::Occupied(first) => {
                        return Err(CellError::Duplicate {
                            path: path.to_owned(),
                            cell: name.clone(),
                            first: first.get().to_path_buf(),
                        });
                    }
                };
            }
            if library.name.is_empty() {
                (library.name, library.voltage_v) = (read.name, read.voltage_v);
            } else if (library.voltage_v - read.voltage_v).abs() > 1e-6 {
                return Err(CellError::Voltage {
                    path: path.to_owned(),
                    voltage_v: read.voltage_v,
                    first: paths[0].as_ref().to_owned(),
                    first_voltage_v: library.voltage_v,
                });
            }
            library.cells.extend(read.cells);
            library.left_out.extend(read.left_out);
        }
        if let (true, Some(path)) = (library.cells.is_empty(), paths.first()) {
            let some = library.left_out.iter().take(3);
            let some: Vec<String> = some.map(|(cell, why)| format!("{cell}: {why}")).collect();
            return Err(CellError::NoCells {
                path: path.as_ref().to_owned(),
                reasons: if some.is_empty() { "it has none".to_owned() } else { some.join("; ") },
            });
        }
        library.index();
        Ok(library)
    }

    /// Reads the text of a Liberty file.
    ///
    /// # Errors
    /// When it is not Liberty, is truncated, lacks units or names an unknown table template.
    pub fn parse(text: &str) -> Result<Self, LibertyError> {
        let group = parse(text)?;
        let header = Header::read(text, &group)?;
        let mut library =
            Self { name: group.name().to_owned(), voltage_v: header.voltage_v, ..Self::default() };
        for group in group.groups("cell") {
            match header.cell(group) {
                Ok(cell) => library.cells.push(cell),
                Err(Fault::LeftOut(reason)) => {
                    library.left_out.push((group.name().to_owned(), reason));
                }
                Err(Fault::Error(error)) => return Err(error),
            }
        }
        library.index();
        Ok(library)
    }

    fn index(&mut self) {
        let cells = self.cells.iter().enumerate();
        self.by_name = cells.map(|(id, cell)| (cell.name.clone(), id)).collect();
    }
}
