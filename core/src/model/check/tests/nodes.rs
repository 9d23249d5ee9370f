//! Operators, their domains, and numbers of inputs and outputs.

use super::check_nodes;

#[test]
fn an_operator_is_one_of_the_models_operator_set() {
    check_nodes(&[
        ("Relu(x) -> y", ""),
        ("ai.onnx:Relu(x) -> y", ""),
        (
            "Frobnicate(x) -> y",
            "operator Frobnicate does not exist in ai.onnx (operator sets 7 to 25); export the model with standard operators",
        ),
        ("com.microsoft:Gelu(x) -> y", ""),
        (
            "com.microsoft:Conv(x, w) -> y",
            "operator Conv of com.microsoft is not known to Recoup; of that domain only Attention, BiasGelu, DequantizeLinear, EmbedLayerNormalization, FastGelu, FusedConv, FusedGemm, FusedMatMul, Gelu, MultiHeadAttention, QGemm, QLinearAdd, QLinearAveragePool, QLinearConcat, QLinearGlobalAveragePool, QLinearLeakyRelu, QLinearMul, QLinearSigmoid, QLinearSoftmax, QuantizeLinear, QuickGelu, SkipLayerNormalization are; export the model without ONNX Runtime's optimisations",
        ),
        (
            "com.microsoft:QGemm(x) -> y",
            "it has 1 input; in the model's operator set it takes 6 to 9",
        ),
        ("com.microsoft:QGemm(x, s, z, b, t, u) -> y", ""),
        (
            "foreign:Conv(x, w) -> y",
            "it is of the domain \"foreign\"; Recoup runs operators of ai.onnx only, and an operator of another domain is not the one of the same name; export the model with standard operators",
        ),
        (
            "ai.onnx.ml:Scaler(x) -> y",
            "it is of the domain \"ai.onnx.ml\"; Recoup runs operators of ai.onnx only, and an operator of another domain is not the one of the same name; export the model with standard operators",
        ),
        (
            "@19 Gelu(x) -> y",
            "operator Gelu does not exist in operator set 19, which the model uses; it came with set 20: export with opset_version=20 or later",
        ),
        ("@20 Gelu(x) -> y", ""),
        ("@9 Upsample(x, s) -> y", ""),
        (
            "@10 Upsample(x, s) -> y",
            "operator Upsample was removed in operator set 10, and the model uses set 10; export the model again with a current exporter",
        ),
        (
            "@18 GroupNormalization(x, s, b) -> y; num_groups=1",
            "operator GroupNormalization was removed in operator set 18, and the model uses set 18; export the model with opset_version=21 or later, where it is back",
        ),
        ("@21 GroupNormalization(x, s, b) -> y; num_groups=1", ""),
        (
            "Loop(, c) -> y",
            "its number of rounds depends on data; unroll it: export with fixed sizes",
        ),
        (
            "Scan(x) -> y",
            "its number of rounds depends on data; unroll it: export with fixed sizes",
        ),
        (
            "SequenceConstruct(x) -> y",
            "it works on sequences of tensors; export with tensors alone",
        ),
        ("OptionalHasElement(x) -> y", "it works on optional values; export with tensors alone"),
        (
            "StringNormalizer(x) -> y",
            "it works on text; cut the model so that it begins with numbers",
        ),
    ]);
}

#[test]
fn a_node_has_the_inputs_of_its_operator() {
    check_nodes(&[
        ("Add(x) -> y", "it has 1 input; in the model's operator set it takes 2"),
        ("Add(x, a, b) -> y", "it has 3 inputs; in the model's operator set it takes 2"),
        ("Add(x, ) -> y", "input 1 is left out, but it is required"),
        ("Conv(x) -> y", "it has 1 input; in the model's operator set it takes 2 to 3"),
        ("Conv(x, w) -> y", ""),
        ("Conv(x, w, ) -> y", ""),
        (
            "Concat() -> y; axis=0",
            "it has 0 inputs; in the model's operator set it takes at least 1",
        ),
        ("Concat(x, x, x, x) -> y; axis=0", ""),
        ("Concat(x, ) -> y; axis=0", "input 1 is left out, but it is required"),
        ("Clip(x, , x) -> y", ""),
        ("Clip(x, x, x, x) -> y", "it has 4 inputs; in the model's operator set it takes 1 to 3"),
        ("@11 Resize(x, , , s) -> y", ""),
        ("com.microsoft:QLinearConcat(s, z, x, s, z) -> y; axis=1", ""),
        (
            "com.microsoft:QLinearConcat(s, z, x, s) -> y; axis=1",
            "it has 4 inputs; expected two, and three for each tensor",
        ),
    ]);
}

#[test]
fn a_node_has_the_outputs_of_its_operator() {
    check_nodes(&[
        ("Relu(x) -> ", "it has no outputs, so nothing can use it; remove it"),
        ("Shape(x) -> ", "it has no outputs, so nothing can use it; remove it"),
        ("Add(x, x) -> ,", "it has no outputs, so nothing can use it; remove it"),
        ("Relu(x) -> y, z", "it has 2 outputs; in the model's operator set it takes 1"),
        ("TopK(x, k) -> , i", "output 0 has no name, but it is required"),
        ("TopK(x, k) -> v, i", ""),
        ("TopK(x, k) -> v", "it has 1 output; in the model's operator set it takes 2"),
        ("MaxPool(x) -> y, i; kernel_shape=[2 2]", ""),
        ("Split(x) -> a, , c; num_outputs=3", ""),
        ("Split(x) -> a, b, c; num_outputs=2", "it splits into 2, but has 3 outputs"),
        (
            "Split(x, s) -> a, b; num_outputs=2",
            "it has both split sizes and \"num_outputs\"; expected one",
        ),
        ("@11 Split(x) -> a, b; split=[1 1 1]", "it splits into 3, but has 2 outputs"),
    ]);
}
