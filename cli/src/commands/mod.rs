//! One file per verb.

pub mod demo;
pub mod design;
pub mod eval;
pub mod explore;
pub mod hardware;
pub mod inspect;
pub mod merge;
pub mod multiplier;
pub mod power;
pub mod quantize;
pub mod report;
pub mod reproduce;
pub mod rtl;
pub mod synth;
