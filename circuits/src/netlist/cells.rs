//! The functions of library cells: from Liberty files, and by the usual names.

use std::borrow::Cow;
use std::collections::HashMap;

use super::error::{NetlistError, Place};
use super::named_cells;
use crate::function::Function;

/// A combinational cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    pub inputs: Vec<String>,
    pub outputs: Vec<(String, Function)>,
}

impl Cell {
    /// A cell whose inputs are the pins that its functions read.
    pub fn new(outputs: Vec<(String, Function)>) -> Self {
        let mut inputs: Vec<String> = Vec::new();
        for pin in outputs.iter().flat_map(|(_, function)| function.pins()) {
            if !inputs.iter().any(|input| input == pin) {
                inputs.push(pin.to_owned());
            }
        }
        Self { inputs, outputs }
    }
}

/// What a Liberty file says of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LibertyCell {
    Combinational(Cell),
    /// With a flip-flop, a latch or a state table.
    Sequential,
    /// Why it cannot be used: tri-state outputs, functions that cannot be read.
    Unusable(String),
}

/// Why a cell has no function.
#[derive(Debug)]
pub(crate) enum CellProblem {
    Sequential,
    Unknown(String),
}

impl CellProblem {
    /// The error for an instance of the cell; `net` is what it drives, if that is known.
    pub fn at(self, at: Place, cell: &str, kind: &str, net: Option<String>) -> NetlistError {
        let (cell, kind) = (cell.to_owned(), kind.to_owned());
        match self {
            Self::Sequential => {
                let net = net.unwrap_or_else(|| format!("at the output of {cell}"));
                NetlistError::Sequential { at, net, cell, kind }
            }
            Self::Unknown(hint) => NetlistError::UnknownCell { at, cell, kind, hint },
        }
    }
}

/// All cells that are known.
#[derive(Debug, Default)]
pub struct Library {
    cells: HashMap<String, LibertyCell>,
}

impl Library {
    /// Takes in the cells of a Liberty file; the first definition of a name counts.
    pub(crate) fn extend(&mut self, cells: Vec<(String, LibertyCell)>) {
        for (name, cell) in cells {
            self.cells.entry(name).or_insert(cell);
        }
    }

    /// Takes in what EvoApproxLib means by cells on which libraries disagree; Liberty files that
    /// were read before count. Its multiplexer is the one that gives the error metrics that its
    /// files declare, not the inverting one of the OSU library, from which it has the name.
    pub(crate) fn extend_by_evoapproxlib(&mut self) {
        let when = |pin: &str, inverted| {
            Function::And(vec![Function::pin(pin), Function::pin("S").inverted(inverted)])
        };
        let function = Function::Or(vec![when("A", true), when("B", false)]);
        let cell = Cell::new(vec![("Y".to_owned(), function)]);
        self.extend(vec![("MUX2X1".to_owned(), LibertyCell::Combinational(cell))]);
    }

    /// The cells' number.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether no Liberty file gave any cell.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The function of a cell that is connected at `pins`.
    pub(crate) fn find(&self, kind: &str, pins: &[&str]) -> Result<Cow<'_, Cell>, CellProblem> {
        if let Some(cell) = self.cells.get(kind) {
            return match cell {
                LibertyCell::Combinational(cell) => match foreign_pin(cell, pins) {
                    Some(pin) => Err(CellProblem::Unknown(format!(
                        "its pin {pin} is not in the Liberty file; compare their versions"
                    ))),
                    None => Ok(Cow::Borrowed(cell)),
                },
                LibertyCell::Sequential => Err(CellProblem::Sequential),
                LibertyCell::Unusable(reason) => Err(CellProblem::Unknown(reason.clone())),
            };
        }
        named_cells::find(kind, pins).map(Cow::Owned)
    }
}

fn foreign_pin<'a>(cell: &Cell, pins: &[&'a str]) -> Option<&'a str> {
    let known = |pin: &str| {
        is_supply(pin)
            || cell.inputs.iter().any(|input| input == pin)
            || cell.outputs.iter().any(|(output, _)| output == pin)
    };
    pins.iter().copied().find(|pin| !known(pin))
}

/// Power and ground pins, which gate-level netlists may connect.
pub(crate) fn is_supply(pin: &str) -> bool {
    let pin = pin.to_ascii_lowercase();
    ["vdd", "vss", "vcc", "gnd", "vpwr", "vgnd", "vpb", "vnb", "vnw", "vpw"].contains(&pin.as_str())
}
