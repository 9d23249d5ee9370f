//! Which approximate multiplier? Accuracy against power, with confidence.
//!
//! The modules, in the order in which data flows:
//!
//! - [`space`] lists the designs, [`power`] what they cost, by the table or as [`measured`];
//! - [`inputs`] decodes the images once, [`subject`] sends them through a design;
//! - [`sequential`] is the test that ends an evaluation as soon as its verdict is clear;
//! - [`quality`] looks at the errors in each layer;
//! - [`shard`] deals the designs out to machines that share nothing;
//! - [`key`] names a result by its content, [`store`] keeps it, [`merge`]
//!   brings files of parts together; an [`entry`] is what a run says of
//!   a design beside it;
//! - [`runner`] runs the test on one design after another;
//! - [`explorer`] does it for several networks;
//! - [`choose`] answers: the design with the least power under the limit, and what else there is;
//!   [`ingredients`] tells what its saving is made of, [`answer`] puts it into words;
//! - [`confirm`] tests choices on images that they have not seen;
//! - [`export`] writes results for other programs, [`recorded`] reads a run again.

pub mod answer;
pub mod choose;
pub mod confirm;
pub mod entry;
pub mod explorer;
pub mod export;
mod hash;
pub mod ingredients;
pub mod inputs;
pub mod key;
pub mod masks;
pub mod measured;
pub mod merge;
mod outcomes;
pub mod power;
pub mod quality;
pub mod recorded;
pub mod runner;
pub mod sequential;
pub mod shard;
pub mod space;
pub mod store;
pub mod subject;
