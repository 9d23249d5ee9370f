//! The functions of the cells of a Liberty file.

use super::cells::{Cell, LibertyCell, Library};
use super::error::{NetlistError, Place};
use crate::files::shorten;
use crate::function::Function;
use crate::liberty::{Group, LibertyError, parse};

/// Reads what the cells of a Liberty file compute, and which of them are sequential or tri-state.
pub fn parse_liberty(text: &str) -> Result<Library, NetlistError> {
    let mut library = Library::default();
    library.extend(cells(text)?);
    Ok(library)
}

impl From<LibertyError> for NetlistError {
    fn from(error: LibertyError) -> Self {
        let LibertyError { line, column, found, expected } = error;
        Self::Syntax { at: Place::Text { file: 0, line, column }, found, expected }
    }
}

pub(crate) fn cells(text: &str) -> Result<Vec<(String, LibertyCell)>, NetlistError> {
    let library = parse(text)?;
    let cells: Vec<_> =
        library.groups("cell").map(|group| (group.name().to_owned(), cell(group))).collect();
    if cells.is_empty() {
        let found = format!("{} {} without cells", library.kind, shorten(library.name()));
        return Err(LibertyError::new(text, library.offset, found, "a library with cells").into());
    }
    Ok(cells)
}

fn cell(group: &Group) -> LibertyCell {
    const SEQUENTIAL: [&str; 5] = ["ff", "latch", "ff_bank", "latch_bank", "statetable"];
    if group.groups.iter().any(|inner| SEQUENTIAL.contains(&inner.kind)) {
        return LibertyCell::Sequential;
    }
    let mut outputs = Vec::new();
    for pin in group.groups("pin") {
        if pin.value("three_state").is_some() {
            let reason = format!("its pin {} is tri-state and can float", shorten(pin.name()));
            return LibertyCell::Unusable(reason);
        }
        let Some(function) = pin.value("function") else { continue };
        match Function::parse(function) {
            Ok(function) => outputs.push((pin.name().to_owned(), function)),
            Err(reason) => {
                return LibertyCell::Unusable(format!(
                    "the Liberty file's function \"{}\" of pin {}: {reason}",
                    shorten(function),
                    shorten(pin.name())
                ));
            }
        }
    }
    if outputs.is_empty() {
        return LibertyCell::Unusable("the Liberty file gives no function for it".to_owned());
    }
    LibertyCell::Combinational(Cell::new(outputs))
}
