"""DequantizeLinear, an operator in float, QuantizeLinear: as `quantize_static`
writes every operator that has no arithmetic of its own on codes."""

import numpy as np

from .graph import both, case


def gelu_by_erf(g, x):
    """GELU as exporters spell it, each step between DQ and Q."""
    y = g.qdq(g.op("Div", x, g.scalar(np.sqrt(2))))
    y = g.qdq(g.op("Add", g.qdq(g.op("Erf", y)), g.scalar(1)))
    return g.op("Mul", g.qdq(g.op("Mul", x, y)), g.scalar(0.5))


def positive(g, x):
    return g.qdq(g.op("Add", g.op("Relu", x), g.scalar(0.25)))


def constant(g, *shape):
    """A second operand that is constant, behind a DequantizeLinear of its own."""
    return g.qweight(g.rng.uniform(0.4, 1.6, shape).astype(np.float32), g.act, symmetric=False)


# Name, operator set, what makes the result of the graph and a quantised tensor.
OPERATORS = [
    ("softmax-axis1", 13, lambda g, x: g.op("Softmax", x, axis=1)),
    ("softmax-last", 13, lambda g, x: g.op("Softmax", x, axis=-1)),
    ("log-softmax", 13, lambda g, x: g.op("LogSoftmax", x, axis=1)),
    ("sigmoid", 13, lambda g, x: g.op("Sigmoid", x)),
    ("tanh", 13, lambda g, x: g.op("Tanh", x)),
    ("hard-swish", 14, lambda g, x: g.op("HardSwish", x)),
    ("hard-sigmoid", 13, lambda g, x: g.op("HardSigmoid", x, alpha=0.3, beta=0.4)),
    ("leaky-relu", 13, lambda g, x: g.op("LeakyRelu", x, alpha=0.2)),
    ("prelu", 13, lambda g, x: g.op("PRelu", x, g.uniform(0, 0.6, 3, 1, 1))),
    ("prelu-quantised-slope", 13, lambda g, x: g.op("PRelu", x, constant(g, 3, 1, 1))),
    ("elu", 13, lambda g, x: g.op("Elu", x, alpha=0.7)),
    ("selu", 13, lambda g, x: g.op("Selu", x)),
    ("celu", 13, lambda g, x: g.op("Celu", x, alpha=0.6)),
    ("softplus", 13, lambda g, x: g.op("Softplus", x)),
    ("softsign", 13, lambda g, x: g.op("Softsign", x)),
    ("thresholded-relu", 13, lambda g, x: g.op("ThresholdedRelu", x, alpha=0.3)),
    ("mish", 18, lambda g, x: g.op("Mish", x)),
    ("gelu-erf", 13, gelu_by_erf),
    ("gelu", 20, lambda g, x: g.op("Gelu", x)),
    ("gelu-tanh", 20, lambda g, x: g.op("Gelu", x, approximate="tanh")),
    ("exp", 13, lambda g, x: g.op("Exp", x)),
    ("log", 13, lambda g, x: g.op("Log", positive(g, x))),
    ("sqrt", 13, lambda g, x: g.op("Sqrt", positive(g, x))),
    ("reciprocal", 13, lambda g, x: g.op("Reciprocal", positive(g, x))),
    ("abs", 13, lambda g, x: g.op("Abs", x)),
    ("neg", 13, lambda g, x: g.op("Neg", x)),
    ("floor", 13, lambda g, x: g.op("Floor", x)),
    ("sin", 13, lambda g, x: g.op("Sin", x)),
    ("mul-self", 13, lambda g, x: g.op("Mul", x, g.qdq(g.op("Sigmoid", x)))),
    ("mul-constant", 13, lambda g, x: g.op("Mul", x, constant(g, 1, 3, 1, 1))),
    ("add-branches", 13, lambda g, x: g.op("Add", x, g.qdq(g.qconv(x, 3)))),
    ("add-constant", 13, lambda g, x: g.op("Add", constant(g, 3, 1, 1), x)),
    ("add-relu", 13, lambda g, x: g.op("Relu", g.op("Add", x, g.qdq(g.qconv(x, 3))))),
    ("sub", 13, lambda g, x: g.op("Sub", constant(g, 3, 1, 1), x)),
    ("div", 13, lambda g, x: g.op("Div", x, constant(g, 3, 1, 1))),
    ("pow", 13, lambda g, x: g.op("Pow", x, g.scalar(2))),
    ("min", 13, lambda g, x: g.op("Min", x, constant(g, 3, 1, 1))),
    ("max", 13, lambda g, x: g.op("Max", x, constant(g, 3, 1, 1))),
    ("clip", 13, lambda g, x: g.op("Clip", x, g.scalar(-0.4), g.scalar(0.7))),
    ("relu", 13, lambda g, x: g.op("Relu", x)),
    ("relu6", 13, lambda g, x: g.op("Clip", x, g.scalar(0), g.scalar(6))),
    ("reduce-mean", 13, lambda g, x: g.op("ReduceMean", x, axes=[2, 3], keepdims=1)),
    ("reduce-mean-input-axes", 18, lambda g, x: g.op("ReduceMean", x, g.ints(-1, -2), keepdims=0)),
    ("reduce-max", 13, lambda g, x: g.op("ReduceMax", x, axes=[3], keepdims=0)),
    ("average-pool", 13, lambda g, x: g.op(
        "AveragePool", x, kernel_shape=[3, 3], pads=[1, 0, 0, 1], count_include_pad=1)),
    ("global-average-pool", 13, lambda g, x: g.op("GlobalAveragePool", x)),
    ("max-pool", 13, lambda g, x: g.op(
        "MaxPool", x, kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 1, 1])),
    ("concat", 13, lambda g, x: g.op("Concat", x, g.qdq(g.op("Sigmoid", x)), axis=1)),
    ("resize-nearest", 13, lambda g, x: g.op(
        "Resize", x, "", g.floats([1, 1, 2, 2]), mode="nearest",
        coordinate_transformation_mode="asymmetric", nearest_mode="floor")),
    ("resize-linear", 13, lambda g, x: g.op(
        "Resize", x, "", "", g.ints(2, 3, 6, 6), mode="linear")),
    # onnx evaluates BatchNormalization before 14 as if in training.
    ("batch-normalization", 15, lambda g, x: g.batch_norm(x, 3)),
    ("layer-normalization", 17, lambda g, x: g.op(
        "LayerNormalization", x, g.uniform(0.5, 1.5, 4), g.uniform(-0.3, 0.3, 4), axis=-1)),
    ("instance-normalization", 13, lambda g, x: g.op(
        "InstanceNormalization", x, g.uniform(0.5, 1.5, 3), g.uniform(-0.3, 0.3, 3))),
    ("transpose", 13, lambda g, x: g.op("Transpose", x, perm=[0, 2, 3, 1])),
    ("slice", 13, lambda g, x: g.op("Slice", x, g.ints(1, -1), g.ints(4, -5), g.ints(2, 3),
                                    g.ints(2, -1))),
    ("pad", 13, lambda g, x: g.op("Pad", x, g.ints(0, 0, 1, 0, 0, 0, 0, 2))),
    ("where", 13, lambda g, x: g.op(
        "Where", g.op("Greater", x, g.scalar(0.1)), x, constant(g, 3, 1, 1))),
]


def register(name, opset, operator):
    # The batch is fixed where a size is written out.
    batch = 2 if name == "resize-linear" else "N"

    @both(f"{name} between DequantizeLinear and QuantizeLinear", f"qdq-{name}",
          opset=opset, batch=batch)
    def build(g):
        return g.qhead(g.qdq(operator(g, g.stem())))


for row in OPERATORS:
    register(*row)


@both("Softmax at the end, quantised", "qdq-softmax-end")
def softmax_end(g):
    x = g.qhead(g.stem())
    return g.qdq(g.op("Softmax", x, axis=1))


@both("Softmax at the end as quantize_static codes it: scale 1/256, the whole range",
      "qdq-softmax-end-256")
def softmax_end_fixed(g):
    x = g.qhead(g.stem())
    zero = 0 if g.act == "u8" else -128
    return g.qdq(g.op("Softmax", x, axis=-1), scale=np.float32(1 / 256), zero=zero)


@case("DQ uint8, Q int8 and back between two layers", "qdq", "qdq-requantise-types")
def requantise_types(g):
    x = g.stem()
    x = g.qdq(x, "s8")
    x = g.qdq(g.qconv(x, 3))
    return g.qhead(g.qdq(g.qdq(x, "s8"), "u8"))


@case("Q, DQ, Q, DQ with other scales: rounded twice", "qdq", "qdq-requantise-scales")
def requantise_scales(g):
    x = g.stem()
    scale, zero = g.codings[x][1], g.codings[x][2]
    return g.qhead(g.qdq(x, scale=np.float32(scale * 1.37), zero=int(zero * 0.8 + 11)))


@case("Q, DQ, Q, DQ: the second coding is coarse and saturates", "qdq",
      "qdq-requantise-saturates")
def requantise_saturates(g):
    x = g.stem()
    scale, zero = g.codings[x][1], g.codings[x][2]
    return g.qhead(g.qdq(x, scale=np.float32(scale * 0.6), zero=int(zero)))


@case("one int8 branch and one uint8 branch added", "qdq", "qdq-add-mixed-types")
def add_mixed(g):
    x = g.stem()
    return g.qhead(g.qdq(g.op("Add", x, g.qdq(g.qconv(x, 3), "s8"))))


@case("the codes of one QuantizeLinear read by two DequantizeLinear", "qdq", "qdq-two-readers")
def two_readers(g):
    codes = g.q(g.qconv(g.qdq("input"), 3))
    left, right = g.dq(*codes), g.dq(*codes)
    return g.qhead(g.qdq(g.op("Mul", g.qdq(g.op("Sigmoid", left)), right)))


@case("Softmax on float scores after quantised layers: no Q at the end", "qdq",
      "qdq-softmax-float-end")
def softmax_float_end(g):
    return g.op("Softmax", g.qhead(g.stem()), axis=-1)


@case("attention on codes: products of activations, scaled Softmax, all int8", "qdq",
      "qdq-attention", act="s8", shape=(2, 6), opset=17)
def attention(g):
    x = g.qdq("input")
    parts = []
    for _ in range(3):
        y = g.op("MatMul", x, g.qweight(g.array(6, 6)))
        parts.append(g.qdq(g.op("Add", g.qdq(y), g.uniform(-0.3, 0.3, 6))))
    keys = g.qdq(g.op("Transpose", parts[1], perm=[0, 2, 1]), like=parts[1])
    scores = g.qdq(g.op("MatMul", parts[0], keys))
    scores = g.qdq(g.op("Mul", scores, g.scalar(6**-0.5)))
    y = g.qdq(g.op("MatMul", g.qdq(g.op("Softmax", scores, axis=-1)), parts[2]))
    return g.qhead(g.qdq(g.op("Add", x, y)))
