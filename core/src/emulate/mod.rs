//! Runs a quantised network with every product on an approximate multiplier.
//!
//! [`Prepared`] plans a network once; [`Network`] adds a multiplier and a control variate;
//! a [`Workspace`] holds one thread's buffers. Layers go from codes to codes on the kernels of
//! [`recoup_kernels`]; acc* is an exact integer, the one that hardware would hold.

mod attention;
mod average;
mod correct;
mod error;
mod execute;
mod filter_sums;
mod functions;
mod layer;
mod layers;
mod lone;
mod network;
mod normalization;
mod observe;
mod operations;
mod orders;
mod plan;
mod prefix;
mod prepared;
mod profile;
mod regress;
mod single;
mod softmax;
mod steps;
mod stream;
mod stretches;
mod walk;
mod weight_codes;
mod workspace;

pub(crate) use correct::correct_outputs;
pub use error::EmulateError;
pub use layers::{ErrorSample, LayerStatistics, Statistics, StatisticsCollector};
pub use lone::{LoneLayer, LoneOutputs};
pub use network::Network;
pub use observe::{class_scores, code_histograms};
pub(crate) use observe::{counted_codes, padding_share};
pub use prefix::Prefixes;
pub use prepared::Prepared;
pub use profile::{KindProfile, Profile, RunsOn, StepProfile, Times};
pub use regress::regress;
pub use stream::{ActivationStream, activation_streams};
pub(crate) use weight_codes::choose_weight_codes;
pub use workspace::Workspace;
