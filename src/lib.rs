//! Deep neural networks on approximate multipliers, with the accuracy recovered by a control
//! variate.

pub use recoup_core::{
    accuracy, control_variate, data, emulate, model, multiplier, numeric, quantize,
};
