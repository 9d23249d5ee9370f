"""How nodes are joined: branches that nobody reads, shared constants, several
inputs and outputs."""

import numpy as np
from onnx import TensorProto, helper

from .graph import case


@case("ArgMax and Cast whose result nobody reads", name="dead-branch")
def dead_branch(g):
    x = g.op("Relu", g.conv("input", 2, 3, 3))
    g.op("Cast", g.op("ArgMax", x, axis=1, keepdims=0), to=TensorProto.INT32)
    return g.fhead(x)


@case("a layer whose result nobody reads", name="dead-layer")
def dead_layer(g):
    x = g.op("Relu", g.conv("input", 2, 3, 3))
    g.op("Sigmoid", g.conv(x, 3, 4, 3))
    return g.fhead(x)


@case("Dropout with a mask and MaxPool with indices that nobody reads", name="dead-outputs")
def dead_outputs(g):
    x, _ = g.op("Dropout", g.conv("input", 2, 3, 3), outputs=2)
    y, _ = g.op("MaxPool", x, outputs=2, kernel_shape=[2, 2], strides=[2, 2])
    return g.fhead(g.op("Relu", y))


@case("means of a LayerNormalization, indices of a TopK and states of an LSTM that nobody reads",
      name="dead-outputs-of-others", shape=(3, 4), opset=17)
def dead_outputs_of_others(g):
    scale, shift = g.uniform(0.5, 1.5, 4), g.uniform(-0.3, 0.3, 4)
    x, _, _ = g.op("LayerNormalization", "input", scale, shift, outputs=3)
    x, _ = g.op("TopK", x, g.ints(3), outputs=2, axis=-1)
    turned = g.op("Transpose", x, perm=[1, 0, 2])
    _, state, _ = g.op("LSTM", turned, g.uniform(-1, 1, 1, 20, 3), g.uniform(-1, 1, 1, 20, 5),
                       outputs=3, hidden_size=5)
    y = g.op("Concat", g.op("Flatten", x), g.op("Squeeze", state, g.ints(0)), axis=1)
    return g.gemm(y, 14, g.classes)


@case("keys, values and scores of an Attention that nobody reads", name="dead-outputs-attention",
      shape=(3, 8), opset=23)
def dead_outputs_attention(g):
    query, key, value = [g.op("MatMul", "input", g.weight(8, 8)) for _ in range(3)]
    y, *_ = g.op("Attention", query, key, value, outputs=4, q_num_heads=2, kv_num_heads=2)
    return g.fhead(y)


@case("quantised, with ArgMax and Cast that nobody reads", "qdq", "dead-branch-qdq")
def dead_branch_qdq(g):
    x = g.stem()
    g.op("Cast", g.op("ArgMax", x, axis=1, keepdims=0), to=TensorProto.INT32)
    return g.qhead(x)


@case("a second graph output of int64: the class", name="second-output-class")
def second_output(g):
    y = g.fhead(g.op("Relu", g.conv("input", 2, 3, 3)))
    return [y, g.op("ArgMax", y, axis=1, keepdims=0)]


@case("a first graph output of int64, the scores second", name="first-output-class")
def first_output(g):
    y = g.fhead(g.op("Relu", g.conv("input", 2, 3, 3)))
    return [g.op("ArgMax", y, axis=1, keepdims=0), y]


@case("a tensor inside the network is a graph output as well", name="inner-output")
def inner_output(g):
    x = g.op("Relu", g.conv("input", 2, 3, 3))
    return [g.fhead(x), x]


@case("one weight and one bias shared by two Convs", name="shared-weight", shape=(3, 4, 4))
def shared_weight(g):
    weight, bias = g.weight(3, 3, 3, 3), g.uniform(-1, 1, 3)
    x = "input"
    for _ in range(2):
        x = g.op("Relu", g.op("Conv", x, weight, bias, pads=[1] * 4))
    return g.fhead(x)


@case("one weight shared by two Convs, each with a BatchNormalization of its own",
      name="shared-weight-norms", shape=(3, 4, 4), opset=15)
def shared_norms(g):
    weight = g.weight(3, 3, 3, 3)
    x = "input"
    for _ in range(2):
        x = g.op("Relu", g.batch_norm(g.op("Conv", x, weight, pads=[1] * 4), 3))
    return g.fhead(x)


@case("one matrix read by Gemm with transB 1, Gemm with transB 0 and MatMul",
      name="shared-matrix", shape=(5,))
def shared_matrix(g):
    weight, bias = g.weight(5, 5), g.uniform(-1, 1, 5)
    x = g.op("Relu", g.op("Gemm", "input", weight, bias, transB=1))
    x = g.op("Relu", g.op("Gemm", x, weight, bias, transB=0))
    return g.gemm(g.op("Add", g.op("MatMul", x, weight), bias), 5, g.classes)


@case("a constant that is the bias of a Conv, a factor and the second operand of Add",
      name="shared-bias", shape=(2, 4, 4))
def shared_bias(g):
    values = g.uniform(0.3, 1, 4)
    x = g.op("Conv", "input", g.weight(4, 2, 3, 3), values, pads=[1] * 4)
    x = g.op("Add", g.op("Mul", x, values), values)
    return g.op("Mul", g.fhead(x), values)


@case("one DequantizeLinear of weights read by two Convs", "qdq", "shared-weight-qdq",
      shape=(3, 4, 4))
def shared_weight_qdq(g):
    weight = g.qweight(g.array(3, 3, 3, 3), axis=0)
    x = g.qdq("input")
    for _ in range(2):
        x = g.qdq(g.op("Conv", x, weight, pads=[1] * 4))
    return g.qhead(x)


@case("the same codes behind two DequantizeLinear with other scales", "qdq", "shared-codes-qdq",
      shape=(3, 4, 4))
def shared_codes(g):
    codes, scale, _ = g.encode(g.array(3, 3, 3, 3))
    codes, zero, x = g.code(codes, "s8"), g.code(0, "s8"), g.qdq("input")
    for factor in [1, 0.6]:
        weight = g.op("DequantizeLinear", codes, g.floats(scale * factor), zero)
        x = g.qdq(g.op("Conv", x, weight, pads=[1] * 4))
    return g.qhead(x)


@case("one scale and one zero point shared by all activations", "qdq", "shared-scale-qdq")
def shared_scale(g):
    scale, zero = g.scalar(0.03), g.code(120, "u8")

    def coded(x):
        return g.op("DequantizeLinear", g.op("QuantizeLinear", x, scale, zero), scale, zero)

    x = coded("input")
    x = coded(g.op("Conv", x, g.qweight(g.array(3, 2, 3, 3)), pads=[1] * 4))
    y = g.op("MatMul", g.op("Flatten", x), g.qweight(g.array(48, g.classes) * 0.2))
    y = coded(y)
    g.codings[y] = "u8", np.float32(0.03), 120
    return y


@case("nodes without names; a tensor named as an operator; unusual but legal names",
      name="odd-names")
def odd_names(g):
    x = g.op("Relu", g.conv("input", 2, 3, 3), named=False)
    y = g.op("Identity", x, named=False)
    for name, node in [("Conv", g.nodes[0]), ("layer/1:0;a b", g.nodes[1])]:
        old, node.output[0] = node.output[0], name
        for other in g.nodes:
            other.input[:] = [name if value == old else value for value in other.input]
    return g.fhead(y)


@case("the input goes to the output through one MatMul only", name="one-layer", shape=(6,))
def one_layer(g):
    return g.op("MatMul", "input", g.weight(6, g.classes))


@case("the initializers are listed among the inputs in operator set 13", name="initializers-inputs")
def initializers_inputs(g):
    y = g.fhead(g.op("Relu", g.conv("input", 2, 3, 3, bias=True)))
    model = g.finish(y)
    model.graph.input.extend(
        helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in g.initializers)
    return model


# Not only classifiers.


@case("segmentation: a map of classes at the input's size by Resize", name="output-map",
      shape=(2, 6, 6), batch=2)
def output_map(g):
    x = g.op("Relu", g.conv("input", 2, 4, 3, bias=True, strides=[2, 2]))
    return g.op("Resize", g.conv(x, 4, 3, 1, bias=True), "", "", g.ints(2, 3, 6, 6),
                mode="linear", coordinate_transformation_mode="half_pixel")


@case("a detector: a map [N, C, H, W] and a vector", name="output-map-vector", shape=(2, 6, 6))
def map_vector(g):
    x = g.op("Relu", g.conv("input", 2, 4, 3, bias=True, strides=[2, 2]))
    return [g.op("Sigmoid", g.conv(x, 4, 5, 1, bias=True)), g.fhead(x)]


@case("a detector's head: two scales as [N, boxes, values], concatenated; classes and boxes apart",
      name="output-boxes", shape=(2, 6, 6))
def boxes(g):
    x = g.op("Relu", g.conv("input", 2, 4, 3, bias=True))
    levels = [x, g.op("Relu", g.conv(x, 4, 4, 3, strides=[2, 2]))]
    flat = [g.op("Reshape", g.conv(level, 4, 7, 1, bias=True), g.ints(0, 7, -1))
            for level in levels]
    y = g.op("Transpose", g.op("Concat", *flat, axis=2), perm=[0, 2, 1])
    corners, scores = g.op("Split", y, g.ints(4, 3), outputs=2, axis=2)
    return [g.op("Exp", g.op("Tanh", corners)), g.op("Softmax", scores, axis=2)]


@case("quantised: a map and a vector, each on codes", "qdq", "output-map-vector-qdq",
      shape=(2, 6, 6))
def map_vector_qdq(g):
    x = g.stem(4, strides=[2, 2])
    return [g.qdq(g.qconv(x, 5, 1, pads=[0] * 4)), g.qhead(x)]


@case("two inputs of one shape, joined by Concat", name="two-inputs")
def two_inputs(g):
    other = g.add_input("second", (2, 4, 4))
    x = g.op("Relu", g.conv(g.op("Concat", "input", other, axis=1), 4, 3, 3))
    return g.fhead(x)


@case("two inputs of other shapes: an image and a vector; two outputs", name="two-inputs-outputs")
def two_inputs_outputs(g):
    vector = g.add_input("vector", (3,))
    x = g.op("Flatten", g.op("Relu", g.conv("input", 2, 3, 3)))
    x = g.op("Concat", x, g.op("Tanh", g.gemm(vector, 3, 5)), axis=1)
    return [g.gemm(x, 53, g.classes), g.op("Sigmoid", g.gemm(x, 53, 2))]


@case("two quantised inputs with scales of their own", "qdq", "two-inputs-qdq")
def two_inputs_qdq(g):
    other = g.add_input("second", (3, 4, 4))
    return g.qhead(g.qdq(g.op("Add", g.stem(), g.qdq(other))))
