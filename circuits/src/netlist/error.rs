//! What can be wrong with a netlist.

use std::fmt;
use std::path::{Path, PathBuf};

use super::reading::NetlistReading;
use crate::Misread;
use crate::files::{in_file, in_files};
use crate::yosys_json::YosysJsonError;

/// Where in a file something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Line and column, both from 1.
    Text {
        /// Of several files, which, from 1; 0 for the only one.
        file: u16,
        /// Line, from 1.
        line: u32,
        /// Column in characters, from 1.
        column: u32,
    },
    /// A yosys JSON file, which has names but no useful lines.
    Json,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Text { file: 0, line, column } => write!(f, "line {line}, column {column}"),
            Self::Text { file, line, column } => {
                write!(f, "file {file}, line {line}, column {column}")
            }
            Self::Json => f.write_str("in the JSON netlist"),
        }
    }
}

/// Why a file does not give the table of a multiplier.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetlistError {
    /// The file in which the error is.
    #[error("{}", in_file(path, source))]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<NetlistError>,
    },
    /// The files that together have the error.
    #[error("{}", in_files(paths, source))]
    InFiles {
        /// The files; places count them from 1.
        paths: Vec<PathBuf>,
        /// What is wrong with them.
        source: Box<NetlistError>,
    },
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// A limit on sizes is exceeded.
    #[error("{what} exceeds the limit of {limit}; a multiplier of 8 x 8 bits is far smaller")]
    TooLarge {
        /// What is too large.
        what: String,
        /// The limit with its unit.
        limit: String,
    },
    /// Not the syntax that was expected.
    #[error("{at}: found {found}, expected {expected}")]
    Syntax {
        /// Where.
        at: Place,
        /// What stands there.
        found: String,
        /// What could have stood there.
        expected: String,
    },
    /// Verilog beyond what is read here, which yosys would translate.
    #[error(
        "{at}: {construct} is beyond the combinational subset that is read directly; yosys \
         translates it, and is not used here"
    )]
    BeyondSubset {
        /// Where.
        at: Place,
        /// The construct.
        construct: String,
    },
    /// Verilog that needs yosys, which is not there.
    #[error(
        "{at}: {construct} needs yosys, and `{program}` cannot be started ({reason}); install it \
         (Debian, Ubuntu: apt install yosys; otherwise https://github.com/YosysHQ/yosys), or \
         write the circuit with assign, gates and instances"
    )]
    NeedsYosys {
        /// Where.
        at: Place,
        /// The construct.
        construct: String,
        /// The program that was tried.
        program: String,
        /// The operating system's reason.
        reason: String,
    },
    /// yosys was run and failed.
    #[error("yosys, which was run for {reason}, failed: {message}")]
    YosysFailed {
        /// Why it was run.
        reason: String,
        /// What it said.
        message: String,
    },
    /// An unknown or floating value that the product takes.
    #[error(
        "{at}: {source_of_x} is x or z and reaches bit {bit} of the product for the operands {a} \
         and {b} (as bytes); a multiplier needs 0 or 1 in every bit, so give it a value there"
    )]
    Unknown {
        /// Where it comes from.
        at: Place,
        /// What it comes from.
        source_of_x: String,
        /// The first bit of the product that is unknown.
        bit: usize,
        /// The first operand's byte.
        a: u8,
        /// The second operand's byte.
        b: u8,
    },
    /// Nested too deeply.
    #[error("{at}: {what} nested more than {limit} deep; split it up with wires")]
    Nesting {
        /// Where.
        at: Place,
        /// What is nested.
        what: String,
        /// The limit.
        limit: usize,
    },
    /// Two declarations of one name.
    #[error("{at}: {name} is declared twice, first at {first}; rename one of them")]
    Duplicate {
        /// The second declaration.
        at: Place,
        /// The name.
        name: String,
        /// The first declaration.
        first: Place,
    },
    /// A name without a declaration.
    #[error("{at}: {name} is not declared; expected a port or a wire of the module")]
    Undeclared {
        /// Where it is used.
        at: Place,
        /// The name.
        name: String,
    },
    /// A select outside of the declared range.
    #[error("{at}: {select} is out of range; {name} is declared {declared}")]
    OutOfRange {
        /// Where.
        at: Place,
        /// The select.
        select: String,
        /// The vector.
        name: String,
        /// Its declared range.
        declared: String,
    },
    /// A port that is both input and output.
    #[error("{at}: port {name} is inout; a multiplier has inputs and outputs only")]
    Inout {
        /// Where.
        at: Place,
        /// The port.
        name: String,
    },
    /// A flip-flop or latch.
    #[error(
        "{at}: sequential logic: net {net} is stored by cell {cell} ({kind}); only combinational \
         multipliers have a table, so remove the registers"
    )]
    Sequential {
        /// Where.
        at: Place,
        /// The net that the cell drives.
        net: String,
        /// The instance.
        cell: String,
        /// Its kind.
        kind: String,
    },
    /// A net that the output needs and nothing drives.
    #[error("{at}: net {net} is undriven, and the product depends on it; drive it")]
    Undriven {
        /// Where the net is declared.
        at: Place,
        /// The net.
        net: String,
    },
    /// An input other than the operands.
    #[error(
        "{at}: the product depends on input {net}, which is neither operand; a multiplier has \
         two 8-bit inputs, so tie it to a constant in a wrapping module"
    )]
    ForeignInput {
        /// Where it is declared.
        at: Place,
        /// The input's bit.
        net: String,
    },
    /// A net with two drivers.
    #[error("{at}: net {net} has a second driver here; it is declared at {declared}")]
    MultiplyDriven {
        /// The second driver.
        at: Place,
        /// The net.
        net: String,
        /// Where it is declared.
        declared: Place,
    },
    /// Logic that feeds itself.
    #[error("{at}: net {net} depends on itself: a combinational loop; break it")]
    Loop {
        /// Where the net is declared.
        at: Place,
        /// A net on the loop.
        net: String,
    },
    /// A cell whose function is not known.
    #[error("{at}: cell {cell} is of unknown kind {kind}; {hint}")]
    UnknownCell {
        /// Where.
        at: Place,
        /// The instance.
        cell: String,
        /// Its kind.
        kind: String,
        /// What can be done.
        hint: String,
    },
    /// A connection that does not fit the module or cell.
    #[error("{at}: instance {cell} of {kind}: {problem}")]
    Connection {
        /// Where.
        at: Place,
        /// The instance.
        cell: String,
        /// Its kind.
        kind: String,
        /// What does not fit.
        problem: String,
    },
    /// A module that contains itself.
    #[error("{at}: module {module} contains an instance of itself; expected a finite hierarchy")]
    Recursion {
        /// The instance.
        at: Place,
        /// The module.
        module: String,
    },
    /// No single module is the multiplier.
    #[error("{problem}; modules found: {found}; name the one to read")]
    Top {
        /// What is wrong.
        problem: String,
        /// The modules with their ports.
        found: String,
    },
    /// The ports are not those of an 8 x 8 multiplier.
    #[error(
        "module {module}: {problem}; found {found}; expected two inputs of 8 bits and an output \
         of 16 bits"
    )]
    Ports {
        /// The module.
        module: String,
        /// What is wrong.
        problem: String,
        /// The ports.
        found: String,
    },
    /// The products fit another reading of the operands much better.
    #[error(transparent)]
    Reading(#[from] Misread<NetlistReading>),
    /// A JSON file that yosys would not write.
    #[error("not what yosys' write_json gives: {0}")]
    Json(#[from] YosysJsonError),
}

impl NetlistError {
    /// The error, with the file in which it is.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        Self::InFile { path: path.to_owned(), source: Box::new(self) }
    }

    /// The error, with the files in which it is, if it does not name one of them.
    pub(crate) fn in_files(self, paths: &[PathBuf]) -> Self {
        match paths {
            [path] => self.in_file(path),
            paths => Self::InFiles { paths: paths.to_vec(), source: Box::new(self) },
        }
    }
}
