//! What can be wrong with a mapped netlist.

use recoup_circuits::yosys_json::YosysJsonError;

/// Why a netlist is no netlist of library cells.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MappedError {
    /// Not the JSON that yosys writes.
    #[error("the netlist is not what yosys' write_json gives: {0}")]
    Json(#[from] YosysJsonError),
    /// The module is not there.
    #[error("the netlist has no module {top}; it has {found}")]
    NoTop {
        /// The module.
        top: String,
        /// Those that there are.
        found: String,
    },
    /// Gates that synthesis did not map onto cells.
    #[error(
        "{count} cells are not mapped onto the library, as {instance} of kind {kind}; latches, \
         memories and the like have no cell (nor those of clock gates where the library has no gate: arrays can \
         be written without), and other kinds are not in the Liberty files"
    )]
    Unmapped {
        /// Their number.
        count: usize,
        /// One of them.
        instance: String,
        /// Its kind.
        kind: String,
    },
    /// A connection that does not fit the cell.
    #[error("{instance} of {kind}: {problem}")]
    Connection {
        /// The instance.
        instance: String,
        /// Its cell or module.
        kind: String,
        /// What does not fit.
        problem: String,
    },
    /// A module that contains itself.
    #[error("module {0} contains an instance of itself")]
    Recursion(String),
    /// A net with several drivers.
    #[error("net {net} is driven by {first} and by {second}; expected one driver")]
    MultiplyDriven {
        /// The net.
        net: String,
        /// One driver.
        first: String,
        /// Another.
        second: String,
    },
    /// A net that is read and that nothing drives.
    #[error("net {net} is read by {reader}, and nothing drives it")]
    Undriven {
        /// The net.
        net: String,
        /// A cell or port that reads it.
        reader: String,
    },
    /// Gates that feed themselves.
    #[error("combinational loop through {instances}; expected a flip-flop on every loop")]
    Cycle {
        /// Instances on the loop.
        instances: String,
    },
    /// A netlist with flip-flops where none can be.
    #[error("{instance} is clocked; only combinational netlists can be evaluated for a table")]
    Sequential {
        /// The flip-flop.
        instance: String,
    },
    /// A port that is missing or of another width.
    #[error("module {module} has no {direction} {port} of {bits} bits; its ports: {found}")]
    Port {
        /// The module.
        module: String,
        /// "input" or "output".
        direction: &'static str,
        /// The port.
        port: String,
        /// The width.
        bits: usize,
        /// Those that there are.
        found: String,
    },
}
