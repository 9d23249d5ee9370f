//! Multipliers as circuits: Verilog netlists, and what yosys makes of any other Verilog.
//!
//! The text becomes tokens (`lexer`) and modules (`parser`, `expression`, `ast`); their instances
//! are connected to one graph of wires and gates (`elaborate`, `scope`, `vector`, with `cells`
//! from libraries), of which the part that the product needs becomes a [`Netlist`], which is
//! evaluated for all operands (`evaluate`) and read as products (`reading`). yosys' JSON takes the same way from `yosys_json` on.

mod ast;
mod boolean;
mod cells;
mod circuit;
mod declare;
mod elaborate;
mod error;
mod evaluate;
mod expression;
mod file;
mod gates;
mod graph;
mod import;
mod keywords;
mod lexer;
mod liberty;
mod named_cells;
mod parser;
mod ports;
mod reading;
mod scope;
mod unknown;
mod vector;
mod word_cells;
mod write;
mod yosys;
mod yosys_json;

pub use crate::function::Function;
pub use ast::VerilogSource;
pub use cells::Library;
pub use circuit::{Netlist, Signal};
pub use error::{NetlistError, Place};
pub use gates::{Gate, GateBuilder};
pub use import::{
    VerilogImport, VerilogOptions, read_verilog, read_verilog_files, read_yosys_json,
};
pub use liberty::parse_liberty;
pub use parser::parse_verilog;
pub use ports::PortNames;
pub use reading::NetlistReading;
pub use write::table_to_verilog;
pub use yosys_json::{YosysModules, parse_yosys_json};

#[cfg(test)]
mod tests;
