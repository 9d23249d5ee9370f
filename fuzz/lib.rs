//! Networks that an input of the fuzzer stands for: one of the reference's, changed.

#[path = "../core/tests/support/exact.rs"]
mod exact;
pub mod mutate;
#[path = "../core/tests/support/pipeline.rs"]
pub mod pipeline;

use prost::Message;

pub use recoup_core::model::pb;

/// The networks that changes start from: small ones, which together have most operators.
const SEEDS: &[&[u8]] = &[
    include_bytes!("../reference/models/activations.onnx"),
    include_bytes!("../reference/models/attention.onnx"),
    include_bytes!("../reference/models/attention-opset17.onnx"),
    include_bytes!("../reference/models/auto-pad.onnx"),
    include_bytes!("../reference/models/constants.onnx"),
    include_bytes!("../reference/models/conv1d.onnx"),
    include_bytes!("../reference/models/depthwise.onnx"),
    include_bytes!("../reference/models/dropout.onnx"),
    include_bytes!("../reference/models/fashion-qdq-u8s8.onnx"),
    include_bytes!("../reference/models/inception.onnx"),
    include_bytes!("../reference/models/matmul-add.onnx"),
    include_bytes!("../reference/models/mlp.onnx"),
    include_bytes!("../reference/models/nhwc.onnx"),
    include_bytes!("../reference/models/opset18.onnx"),
    include_bytes!("../reference/models/opset9.onnx"),
    include_bytes!("../reference/models/pooling.onnx"),
    include_bytes!("../reference/models/residual.onnx"),
    include_bytes!("../reference/models/shuffle.onnx"),
    include_bytes!("../reference/models/squeeze-excite.onnx"),
    include_bytes!("../reference/models/view.onnx"),
];

/// The model that `input` stands for.
pub fn model(input: &[u8]) -> pb::ModelProto {
    let (&first, changes) = input.split_first().unwrap_or((&0, &[]));
    let seed = SEEDS[usize::from(first) % SEEDS.len()];
    let mut model = pb::ModelProto::decode(seed).expect("the reference's models are sound");
    mutate::mutate(&mut model, changes);
    model
}

/// Its file.
pub fn file(input: &[u8]) -> Vec<u8> {
    model(input).encode_to_vec()
}
