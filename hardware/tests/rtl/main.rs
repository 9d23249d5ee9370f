//! Generated SystemVerilog, run by Icarus Verilog, Verilator and yosys.

mod arrays;
mod tools;
mod units;
