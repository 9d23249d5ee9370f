//! What a design is in silicon: the SystemVerilog of an array, its cells, its power, and rows of
//! the cost table.
//!
//! Cells are a [`CellLibrary`] and [`SynthesisOptions`], and need yosys.

mod costs;
mod power;
mod power_record;
mod rtl;
mod synthesis;

pub use costs::{CostOptions, cost, measure_costs, table_designs};
pub use power::{Codes, PowerMeter, PowerOptions, RandomCodes};
pub use power_record::{ArrayRecord, LayerRecord, PowerRecord, UnitRecord};
pub use recoup_hardware::cells::CellLibrary;
pub use recoup_hardware::cost_table::Structure;
pub use recoup_hardware::power::Mode as PowerMode;
pub use recoup_hardware::rtl::{ClockGating, Options as ArrayOptions};
pub use recoup_hardware::synthesis::{SynthesisOptions, SynthesisRecord};
pub use rtl::{DEPTH, Rtl, RtlOptions, RtlRecord, rtl, rtl_of_random_codes};
pub use synthesis::{synthesize, synthesize_folder};
