//! The command, tested as it is run: exit code, standard output, standard error and files.

mod bad_data;
mod bad_model;
mod bad_option;
mod damaged;
mod demo;
mod design;
mod eval;
mod explore;
mod faults;
mod fidelity;
mod hardware;
mod help;
mod inputs;
mod inspect;
mod labels;
mod library;
#[path = "../../../core/tests/support/damaged.rs"]
mod models;
mod multiplier;
mod odd;
mod onnx;
mod power;
mod quantize;
mod report;
mod rtl;
mod run;
mod shards;
mod synth;

#[cfg(unix)]
mod interrupt;
#[cfg(unix)]
mod not_files;
