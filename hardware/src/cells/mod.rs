//! A standard cell library: what timing, simulation and power need to know of each cell.
//!
//! Units are fixed, whatever the file's: ps, fF, fJ, nW, µm².

mod error;
mod find;
mod read;
mod select;
mod table;
mod truth_table;
mod write;

use std::collections::{BTreeMap, HashMap};

use recoup_circuits::printable;

pub use error::CellError;
pub use find::Adder;
pub use select::{Selection, SelectionError, default_dont_use};

/// Index of a cell in its library.
pub type CellId = usize;

/// A library, or several merged.
#[derive(Clone, Debug, Default)]
pub struct CellLibrary {
    /// As the file calls it.
    pub name: String,
    /// Supply voltage.
    pub voltage_v: f64,
    /// The cells that can be used.
    pub cells: Vec<Cell>,
    /// Index of a cell by its name.
    pub by_name: HashMap<String, CellId>,
    /// Names of the cells that cannot be used, and why.
    pub left_out: Vec<(String, String)>,
}

impl CellLibrary {
    /// How many cells cannot be used, and the commonest reasons; `None` if all can.
    pub fn left_out_summary(&self) -> Option<String> {
        const REASONS: usize = 4;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        self.left_out.iter().for_each(|(_, reason)| *counts.entry(reason).or_default() += 1);
        let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
        // The order of the map stays among equals.
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let most = counts.iter().take(REASONS);
        let mut reasons: Vec<String> =
            most.map(|(reason, count)| format!("{count}: {reason}")).collect();
        if counts.len() > REASONS {
            reasons.push("and other reasons".to_owned());
        }
        let (left_out, all) = (self.left_out.len(), self.left_out.len() + self.cells.len());
        let text = format!("{left_out} of {all} cells ({})", reasons.join("; "));
        (left_out > 0).then(|| printable(&text).into_owned())
    }
}

/// One cell.
#[derive(Clone, Debug)]
pub struct Cell {
    /// Its name.
    pub name: String,
    /// Its area.
    pub area_um2: f64,
    /// Leakage without a condition, or the mean over the conditions.
    pub leakage_nw: f64,
    /// Leakage per state of the inputs (and of a flip-flop's state, the last variable), where the
    /// library has it.
    pub leakage_when: Vec<(TruthTable, f64)>,
    /// Input pins first, then outputs.
    pub pins: Vec<Pin>,
    /// Number of input pins.
    pub inputs: usize,
    /// What is stored between clock edges; `None` for a combinational cell.
    pub flip_flop: Option<FlipFlop>,
    /// Of a cell that lets a clock through: its pins.
    pub clock_gate: Option<ClockGate>,
}

impl Cell {
    /// The value to which a netlist must tie a pin, if it must.
    pub fn tied(&self, pin: usize) -> Option<bool> {
        self.all_tied().find(|(tied, _)| *tied == pin).map(|(_, value)| value)
    }

    /// The pins that a netlist must tie to a constant, and the constants.
    pub fn all_tied(&self) -> impl Iterator<Item = (usize, bool)> {
        let flip_flop = self.flip_flop.iter().flat_map(|flip_flop| flip_flop.tied.iter().copied());
        let gate =
            self.clock_gate.iter().flat_map(|gate| gate.tied.iter().map(|pin| (*pin, false)));
        flip_flop.chain(gate)
    }
}

/// An edge-triggered flip-flop. It is used without set and reset: where the cell has such pins,
/// they are tied to where they do nothing.
#[derive(Clone, Debug)]
pub struct FlipFlop {
    /// The clock's pin.
    pub clock: usize,
    /// Stores at the falling edge.
    pub falling: bool,
    /// What is stored, of the input pins.
    pub next_state: TruthTable,
    /// Input pins that a netlist must tie to a constant, as set and reset, with their value.
    pub tied: Vec<(usize, bool)>,
}

/// A cell that lets the pulses of a clock through while it is enabled: a latch holds the enable while
/// the clock is high, so that no pulse is cut. Its output has the function of clock and enable, as it
/// is when both have settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockGate {
    /// The clock's pin.
    pub clock: usize,
    /// The pin that says whether the next pulse passes.
    pub enable: usize,
    /// Pins that are tied to 0, as that of a test mode.
    pub tied: Vec<usize>,
}

/// A pin of a cell.
#[derive(Clone, Debug, Default)]
pub struct Pin {
    /// Its name.
    pub name: String,
    /// Capacitance of an input, mean of rise and fall.
    pub capacitance_ff: f64,
    /// Greatest load of an output.
    pub max_capacitance_ff: Option<f64>,
    /// Of an output: its value, of the input pins; of a flip-flop's output, of the input pins and
    /// the state as one more, last input.
    pub function: Option<TruthTable>,
    /// Delays of an output, from input pins; setup and hold times of an input.
    pub timing: Vec<TimingArc>,
    /// Delays of an output from another output of the cell (`related` is that output), which
    /// some full adders have beside those from their inputs: they say how its load slows this one.
    pub timing_from_outputs: Vec<TimingArc>,
    /// Internal energy per transition: of an output by the causing input; of an input (clocks,
    /// data of flip-flops) for its own transitions.
    pub power: Vec<PowerArc>,
}

/// A Boolean function of at most 6 variables: bit v of `bits` is the value for the inputs v, the
/// first variable in the lowest bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TruthTable {
    /// Number of variables.
    pub inputs: u8,
    /// The values.
    pub bits: u64,
}

/// What a timing arc is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArcKind {
    /// Input to output, of any cell or of the clock to a flip-flop's output.
    Delay(Sense),
    /// Data before the clock's edge.
    Setup,
    /// Data after the clock's edge.
    Hold,
}

/// Which edge of the output an edge of the input causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sense {
    /// The same.
    Positive,
    /// The other.
    Negative,
    /// Either.
    Both,
    /// The rising edge causes both (a clock's arc).
    RisingEdge,
    /// The falling edge causes both.
    FallingEdge,
}

/// Delays from one pin to the pin that holds the arc.
///
/// Arcs of one pair of pins with different `when` may stand beside one without, which is for all
/// other states.
#[derive(Clone, Debug)]
pub struct TimingArc {
    /// The pin that causes, or the clock of a setup time.
    pub related: usize,
    /// What it is.
    pub kind: ArcKind,
    /// States of the input pins in which it holds; of a flip-flop, with the state as last variable.
    pub when: Option<TruthTable>,
    /// Delay (or constraint) for a rising output (or data), ps; empty if there is no such edge.
    pub rise_ps: Table,
    /// Delay (or constraint) for a falling one, ps.
    pub fall_ps: Table,
    /// Slew of a rising output, ps; empty for constraints.
    pub rise_slew_ps: Table,
    /// Slew of a falling output, ps.
    pub fall_slew_ps: Table,
}

/// Internal energy.
#[derive(Clone, Debug)]
pub struct PowerArc {
    /// The input that causes the output's transition; `None` on an input pin, and where the file
    /// does not distinguish.
    pub related: Option<usize>,
    /// States of the input pins in which it holds; of a flip-flop, with the state as last variable.
    pub when: Option<TruthTable>,
    /// Energy when the pin rises, fJ.
    pub rise_fj: Table,
    /// Energy when it falls, fJ.
    pub fall_fj: Table,
}

/// A look-up table over the input's slew and the output's load. (For constraints: over the
/// clock's and the data's slew.)
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Slews, ps, ascending; one entry if the table does not depend on it.
    pub slews_ps: Vec<f64>,
    /// Loads, fF, ascending; one entry if the table does not depend on it.
    pub loads_ff: Vec<f64>,
    /// Values, one row per slew.
    pub values: Vec<f64>,
}
