"""Models of operators on codes: QLinearConv and its relatives. Each has a twin
in the QDQ form, `NAME-as-qdq`, of the same codes, scales and zero points."""

import numpy as np

from .graph import case
from .twins import MICROSOFT, bias_codes, coded, conv, gemm, matmul, prepare, twins, weights


def head(g, x):
    y = g.op("Flatten", x[0])
    g.codings[y] = g.codings[x[0]]
    return gemm(g, (y, *x[1:]), g.classes)


def unary(g, operator, x, floats, **attributes):
    return coded(g, operator, MICROSOFT, [x], lambda a: g.op(floats, a, **attributes), attributes)


@twins("QLinearConv with a bias, QGemm")
def conv_gemm(g):
    return head(g, conv(g, conv(g, g.q("input"), 3), 3, strides=[2, 2]))


@twins("QLinearConv without a bias, QLinearMatMul")
def conv_matmul(g):
    x = conv(g, g.q("input"), 3, bias=False, pads=[0, 1, 1, 0])
    y = g.op("Flatten", x[0])
    g.codings[y] = g.codings[x[0]]
    return matmul(g, (y, *x[1:]), g.classes)


@twins("QLinearConv with int8 weights per filter")
def conv_channels(g):
    return head(g, conv(g, g.q("input"), 4, kind="s8", axis=0))


@twins("depthwise QLinearConv, int8 weights per filter, then 1 x 1", shape=(3, 5, 5))
def conv_depthwise(g):
    x = conv(g, g.q("input"), 3, group=3, kind="s8", axis=0)
    return head(g, conv(g, x, 4, 1))


@twins("QLinearConv with 2 groups, dilation, auto_pad", shape=(4, 6, 6))
def conv_groups(g):
    x = conv(g, g.q("input"), 4, group=2, pads=[2] * 4, dilations=[2, 2])
    return head(g, x)


@twins("QLinearMatMul with int8 weights per column", shape=(3, 6))
def matmul_columns(g):
    x = matmul(g, g.q("input"), 5, kind="s8", axis=1)
    return head(g, x)


@twins("QLinearMatMul of activations", shape=(3, 6))
def matmul_activations(g):
    x = matmul(g, g.q("input"), 5)
    turned = g.op("Transpose", x[0], perm=[0, 2, 1])
    g.codings[turned] = g.codings[x[0]]
    products = coded(g, "QLinearMatMul", None, [x, (turned, *x[1:])],
                     lambda a, b: g.op("MatMul", a, b))
    return head(g, products)


@twins("QGemm with alpha, transB 0, no C", shape=(6,))
def gemm_alpha(g):
    x = gemm(g, g.q("input"), 5, alpha=0.5, bias=False, trans_b=0)
    return gemm(g, x, g.classes, trans_b=0)


@twins("QGemm with int8 weights per output", shape=(6,))
def gemm_channels(g):
    x = gemm(g, g.q("input"), 5, kind="s8", axis=0)
    return gemm(g, x, g.classes, kind="s8")


@twins("QLinearAdd of two branches")
def add(g):
    x = conv(g, g.q("input"), 3)
    return head(g, coded(g, "QLinearAdd", MICROSOFT, [x, conv(g, x, 3)],
                         lambda a, b: g.op("Add", a, b)))


@twins("QLinearAdd of a constant per channel")
def add_constant(g):
    x = conv(g, g.q("input"), 3)
    constant = weights(g, g.rng.uniform(-1, 1, (1, 3, 1, 1)).astype(np.float32))
    return head(g, coded(g, "QLinearAdd", MICROSOFT, [x, constant],
                         lambda a, b: g.op("Add", a, b)))


@twins("QLinearMul of a map by a vector per channel")
def mul(g):
    x = conv(g, g.q("input"), 3)
    gate = unary(g, "QLinearSigmoid", global_pool(g, x), "Sigmoid")
    return head(g, coded(g, "QLinearMul", MICROSOFT, [x, gate], lambda a, b: g.op("Mul", a, b)))


@twins("QLinearConcat of branches with scales of their own")
def concat(g):
    x = conv(g, g.q("input"), 3)
    branches = [x, conv(g, x, 2), unary(g, "QLinearSigmoid", x, "Sigmoid")]
    return head(g, coded(g, "QLinearConcat", MICROSOFT, branches,
                         lambda *parts: g.op("Concat", *parts, axis=1), {"axis": 1}, lead=True))


def pool(g, x, channels_last, **attributes):
    return channels(g, "QLinearAveragePool", x, channels_last,
                    lambda a: g.op("AveragePool", a, **attributes), attributes)


def global_pool(g, x, channels_last=0):
    return channels(g, "QLinearGlobalAveragePool", x, channels_last,
                    lambda a: g.op("GlobalAveragePool", a), {})


def channels(g, operator, x, last, floats, attributes):
    """Pooling of channels-last codes stands between Transposes in ONNX's own form."""
    def between(a):
        if not last:
            return floats(a)
        y = floats(g.op("Transpose", a, perm=[0, 3, 1, 2]))
        return g.op("Transpose", y, perm=[0, 2, 3, 1])

    if last:
        y = g.op("Transpose", x[0], perm=[0, 2, 3, 1])
        g.codings[y] = g.codings[x[0]]
        x = y, *x[1:]
    y = coded(g, operator, MICROSOFT, [x], between, attributes, own={"channels_last": last})
    if last:
        z = g.op("Transpose", y[0], perm=[0, 3, 1, 2])
        g.codings[z] = g.codings[y[0]]
        y = z, *y[1:]
    return y


def register_pools(last):
    where, ending = ("channels last", "-channels-last") if last else ("channels first", "")

    @twins(f"QLinearAveragePool, {where}", ending, shape=(2, 5, 5))
    def average_pool(g):
        return head(g, pool(g, conv(g, g.q("input"), 3), last, kernel_shape=[2, 2],
                            strides=[2, 2], pads=[0, 0, 1, 1]))

    @twins(f"QLinearGlobalAveragePool, {where}", ending, shape=(2, 5, 5))
    def global_average_pool(g):
        return head(g, global_pool(g, conv(g, g.q("input"), 6), last))


register_pools(0)
register_pools(1)


@twins("QLinearAveragePool with counted padding", shape=(2, 5, 5))
def average_pool_counted(g):
    return head(g, pool(g, conv(g, g.q("input"), 3), 0, kernel_shape=[3, 3], pads=[1] * 4,
                        strides=[2, 2], count_include_pad=1))


@twins("QLinearSigmoid")
def sigmoid(g):
    return head(g, unary(g, "QLinearSigmoid", conv(g, g.q("input"), 3), "Sigmoid"))


@twins("QLinearLeakyRelu, alpha 0.2")
def leaky_relu(g):
    x = conv(g, g.q("input"), 3)
    return head(g, unary(g, "QLinearLeakyRelu", x, "LeakyRelu", alpha=0.2))


def softmax_of(g, x, axis, opset):
    return coded(g, "QLinearSoftmax", MICROSOFT, [x], lambda a: g.op("Softmax", a, axis=axis),
                 {"axis": axis}, own={"opset": opset})


@twins("QLinearSoftmax of the scores")
def softmax(g):
    return softmax_of(g, head(g, conv(g, g.q("input"), 3)), -1, 13)


@twins("QLinearSoftmax over the channels of a map, opset 13")
def softmax_maps(g):
    return head(g, softmax_of(g, conv(g, g.q("input"), 3), 1, 13))


@twins("QLinearSoftmax over axis 1 of a map, opset 11: all after it at once", opset=11)
def softmax_flattening(g):
    return head(g, softmax_of(g, conv(g, g.q("input"), 3), 1, 11))


@case("QGemm without a scale for its output, which is float; alpha", "qoperator",
      "qoperator-gemm-float-output", shape=(6,))
def gemm_float_output(g):
    prepare(g, "qoperator", [])
    x = g.q("input")
    weight = weights(g, g.array(g.classes, 6), "s8", 0)
    bias, _ = bias_codes(g, g.rng.uniform(-0.3, 0.3, g.classes), x, weight)
    return g.op("QGemm", *x, *weight, bias, domain=MICROSOFT, transB=1, alpha=0.5)
