//! Generated SystemVerilog, run by Icarus Verilog, Verilator and yosys.

mod arrays;
mod attention;
mod tools;
mod units;
