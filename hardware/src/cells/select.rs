//! Which cells synthesis may use.

use glob::Pattern;
use recoup_circuits::printable;

use super::{CellId, CellLibrary, TruthTable};

/// The cells that are offered to synthesis.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Gates, adders and flip-flops.
    pub cells: Vec<CellId>,
    /// What gates clocks, where the library has a cell for it.
    pub clock_gate: Option<CellId>,
    /// Constants 0 and 1, where the library has cells for them.
    pub ties: [Option<CellId>; 2],
}

/// Why a selection of cells is not enough.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// A function that nothing can be built without is missing.
    #[error(
        "library {} has no {function} among the {cells} cells that may be used (left out: \
         {excluded} by dont-use patterns, {unusable} that cannot be used); add a file that has \
         one, or fewer patterns",
        printable(library)
    )]
    Missing {
        /// The library.
        library: String,
        /// The function.
        function: String,
        /// Number of cells that are left.
        cells: usize,
        /// Number of cells that patterns exclude.
        excluded: usize,
        /// Number of cells that were not read.
        unusable: usize,
    },
}

/// Patterns of cells that should not be used, of libraries where that is known.
///
/// Of ASAP7, those that its platform in the OpenROAD flow excludes: fractional sizes, which are
/// too weak or too large for what they do, and scan and reset flip-flops.
pub fn default_dont_use(library: &CellLibrary) -> &'static [&'static str] {
    match library.name.starts_with("asap7") {
        true => &["*x1p*", "*xp*", "SDF*", "DFFASR*", "DFFL*"],
        false => &[],
    }
}

impl CellLibrary {
    /// The cells that no pattern excludes.
    ///
    /// Full and half adders stay in any case: there is one size of each.
    ///
    /// # Errors
    /// When a function is missing that nothing can be built without.
    pub fn select(&self, dont_use: &[Pattern]) -> Result<Selection, SelectionError> {
        let all: Vec<CellId> = (0..self.cells.len()).collect();
        let (adders, _): (Vec<CellId>, Vec<CellId>) = all
            .iter()
            .partition(|&&id| self.full_adder(&[id]).is_some() || self.half_adder(&[id]).is_some());
        let excluded = |id: &CellId| {
            let matches = |pattern: &Pattern| pattern.matches(&self.cells[*id].name);
            dont_use.iter().any(matches) && !adders.contains(id)
        };
        let tie =
            |value: bool| self.smallest(&all, TruthTable { inputs: 0, bits: u64::from(value) });
        let is_tie = |id: &CellId| self.cells[*id].inputs == 0;
        let is_scan = |id: &CellId| self.cells[*id].is_scan_flip_flop();
        let is_gate = |id: &CellId| self.cells[*id].clock_gate.is_some();
        let usable: Vec<CellId> = all.iter().copied().filter(|id| !excluded(id)).collect();
        let offered = |id: &CellId| !is_tie(id) && !is_scan(id) && !is_gate(id);
        let clock_gate = self.clock_gate(&usable);
        let cells: Vec<CellId> = usable.into_iter().filter(offered).collect();
        let selection = Selection { clock_gate, ties: [tie(false), tie(true)], cells };
        self.check(&selection)?;
        Ok(selection)
    }

    fn check(&self, selection: &Selection) -> Result<(), SelectionError> {
        let gate = |inputs: usize, bits: u64| {
            self.smallest(&selection.cells, TruthTable { inputs: inputs as u8, bits }).is_some()
        };
        let flip_flop = selection.cells.iter().any(|&id| self.cells[id].is_rising_d_flip_flop());
        let found = [
            ("inverter", gate(1, 0b01)),
            ("buffer", gate(1, 0b10)),
            ("NAND, NOR, AND or OR of two inputs", [7, 1, 8, 14].iter().any(|&bits| gate(2, bits))),
            ("D flip-flop that stores at the rising edge", flip_flop),
        ];
        match found.iter().find(|(_, found)| !found) {
            None => Ok(()),
            Some((function, _)) => Err(SelectionError::Missing {
                library: self.name.clone(),
                function: (*function).to_owned(),
                cells: selection.cells.len(),
                excluded: self.cells.len() - selection.cells.len(),
                unusable: self.left_out.len(),
            }),
        }
    }
}
