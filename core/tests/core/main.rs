//! The library as its users call it, on models and images; one program, which links once.

mod activation_streams;
mod attention;
mod aware_quantization;
mod bad_models;
mod between_layers;
mod bounds;
mod channel_scaling;
mod constants;
mod control_variate_recovers;
mod crashes;
mod damaged;
mod determinism;
#[path = "../support/exact.rs"]
mod exact;
mod exact_ends;
#[path = "../support/experiment.rs"]
mod experiment;
#[path = "../support/fashion.rs"]
mod fashion;
mod fitted_functions;
mod folding;
mod forms;
mod integer_vectors;
#[path = "../support/damaged.rs"]
mod models;
mod no_numbers;
mod odd;
#[path = "../support/onnx.rs"]
mod onnx;
mod onnxruntime_network;
mod operators;
#[path = "../support/pipeline.rs"]
mod pipeline;
mod qdq;
#[path = "../support/reference.rs"]
mod reference;
#[path = "../support/scores.rs"]
mod scores;
mod strangers;
mod transformer;
mod weight_codes;
