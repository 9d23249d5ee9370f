"""Pooling with windows that lie in the padding, Softmax over every axis, and
normalisations that CNNs for images seldom have."""

from .graph import case


def around(name, note, operator, shape=(2, 5, 5), opset=13, only=None, **attributes):
    """The operator on values of both signs, in float and between Q and DQ."""
    def apply(g, x):
        return g.op(operator, x, **attributes)

    if only != "qdq":
        @case(note, name=name, shape=shape, opset=opset)
        def float_model(g):
            return g.fhead(apply(g, g.conv("input", shape[0], 3, 3, bias=True)))

    if only != "float":
        @case(f"{note}; quantised", "qdq", f"{name}-qdq", shape=shape, opset=opset)
        def quantised_model(g):
            return g.qhead(g.qdq(apply(g, g.stem())))


CEIL = {"ceil_mode": 1, "kernel_shape": [2, 2], "strides": [2, 2]}
around("max-pool-ceil", "MaxPool ceil_mode: the last window is partly outside", "MaxPool", **CEIL)
around("max-pool-ceil-pads", "MaxPool ceil_mode with pads: kernel 3, stride 2, pads 1, 6 x 6",
       "MaxPool", shape=(2, 6, 6), ceil_mode=1, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
for count in [0, 1]:
    word = "counted" if count else "not counted"
    around(f"average-pool-ceil-{count}", f"AveragePool ceil_mode, padding {word}", "AveragePool",
           opset=19, count_include_pad=count, **CEIL)
    around(f"average-pool-ceil-pads-{count}",
           f"AveragePool ceil_mode, kernel 3, stride 2, pads 1, 6 x 6, padding {word}",
           "AveragePool", shape=(2, 6, 6), opset=19, ceil_mode=1, kernel_shape=[3, 3],
           strides=[2, 2], pads=[1] * 4, count_include_pad=count)
    around(f"average-pool-uneven-{count}", f"AveragePool, pads 0, 1, 2, 0, padding {word}",
           "AveragePool", kernel_shape=[3, 2], pads=[0, 1, 2, 0], count_include_pad=count)
    for same in ["SAME_UPPER", "SAME_LOWER"]:
        around(f"average-pool-{same.lower().replace('_', '-')}-{count}",
               f"AveragePool {same}, stride 2, padding {word}", "AveragePool",
               shape=(2, 6, 6), kernel_shape=[3, 3], strides=[2, 2], auto_pad=same,
               count_include_pad=count)
around("average-pool-dilated", "AveragePool with dilation 2", "AveragePool", opset=19,
       kernel_shape=[2, 2], dilations=[2, 2])
for count in [0, 1]:
    word = "counted" if count else "not counted"
    around(f"average-pool-dilated-pads-{count}",
           f"AveragePool with dilation 2, stride 2, uneven pads, padding {word}", "AveragePool",
           opset=19, only="float", kernel_shape=[2, 3], dilations=[2, 1], strides=[2, 1],
           pads=[1, 0, 0, 2], count_include_pad=count)
for same in ["SAME_UPPER", "SAME_LOWER", "VALID"]:
    around(f"max-pool-{same.lower().replace('_', '-')}", f"MaxPool {same}, stride 2, 6 x 6",
           "MaxPool", shape=(2, 6, 6), kernel_shape=[3, 3], strides=[2, 2], auto_pad=same)
around("max-pool-dilated", "MaxPool with dilation 2 and pads", "MaxPool", kernel_shape=[2, 2],
       dilations=[2, 2], pads=[1] * 4)
around("max-pool-column-major", "MaxPool with storage_order 1, which moves the indices only",
       "MaxPool", kernel_shape=[2, 2], storage_order=1, only="float")
around("max-pool-negative", "MaxPool with pads on values below zero: padding is not 0",
       "MaxPool", kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2])
around("global-max-pool", "GlobalMaxPool", "GlobalMaxPool")
around("lp-pool", "LpPool with p 2", "LpPool", kernel_shape=[2, 2], strides=[2, 2], p=2,
       only="float")
around("lp-pool-3-pads", "LpPool with p 3 and pads", "LpPool", kernel_shape=[2, 2], p=3,
       pads=[1, 0, 0, 1], only="float")
around("global-lp-pool", "GlobalLpPool", "GlobalLpPool", p=2, only="float")
around("lrn", "LRN over 3 channels", "LRN", size=3, alpha=0.3, beta=0.6, bias=1.2)
around("softmax-axis1-maps", "Softmax over the channels of a map", "Softmax", axis=1)
around("softmax-axis2", "Softmax over the rows", "Softmax", axis=2)
around("softmax-last-axis", "Softmax over axis -1", "Softmax", axis=-1, only="float")
around("softmax-default", "Softmax without an axis: the last one", "Softmax", only="float")
around("softmax-opset11-axis1", "Softmax before operator set 13: axis 1 and all after it at once",
       "Softmax", opset=11, axis=1)
around("softmax-opset11-axis2", "Softmax before operator set 13: axis 2 and all after it at once",
       "Softmax", opset=11, axis=2)
around("softmax-opset11-default", "Softmax before operator set 13 without an axis: 1", "Softmax",
       opset=11, only="float")
around("softmax-opset11-negative", "Softmax of operator set 11 with axis -2", "Softmax", opset=11,
       axis=-2, only="float")
around("log-softmax-axis1", "LogSoftmax over the channels", "LogSoftmax", axis=1, only="float")
around("log-softmax-opset11", "LogSoftmax before operator set 13", "LogSoftmax", opset=11, axis=1,
       only="float")
around("hardmax", "Hardmax over the channels", "Hardmax", axis=1, only="float")
around("hardmax-opset11", "Hardmax of operator set 11: axis 1 and all after it at once", "Hardmax",
       opset=11, axis=1, only="float")
around("lp-normalization", "LpNormalization over axis 1", "LpNormalization", axis=1, p=2,
       only="float")
around("mean-variance-normalization", "MeanVarianceNormalization per image",
       "MeanVarianceNormalization", axes=[2, 3], only="float")
around("mean-variance-normalization-opset18", "the same where ReduceMean has axes as an input",
       "MeanVarianceNormalization", opset=18, axes=[1, 2, 3], only="float")
around("space-to-depth", "SpaceToDepth", "SpaceToDepth",
       shape=(2, 6, 6), blocksize=2)


def dropped(name, note, operator, **attributes):
    """The third window of a row would begin outside 5 x 5 and is dropped,
    though onnx's shape inference counts it; so a mean stands before the layer."""
    @case(f"{operator} ceil_mode, {note}: the third window is dropped", name=name,
          shape=(2, 5, 5), opset=19)
    def build(g):
        x = g.op(operator, g.conv("input", 2, 3, 3), ceil_mode=1, strides=[3, 3], **attributes)
        return g.fhead(g.op("ReduceMean", x, g.ints(2, 3), keepdims=0))


dropped("max-pool-ceil-empty", "kernel 1, stride 3", "MaxPool", kernel_shape=[1, 1])
dropped("max-pool-ceil-pad-end", "kernel 2, stride 3, pads at the end", "MaxPool",
        kernel_shape=[2, 2], pads=[0, 0, 1, 1])
dropped("average-pool-ceil-pad-end", "kernel 2, stride 3, pads at the end, counted", "AveragePool",
        kernel_shape=[2, 2], pads=[0, 0, 1, 1], count_include_pad=1)


@case("DepthToSpace in both modes", name="depth-to-space-modes")
def depth_to_space(g):
    x = g.conv("input", 2, 8, 3, bias=True)
    left = g.op("DepthToSpace", x, blocksize=2, mode="DCR")
    right = g.op("DepthToSpace", x, blocksize=2, mode="CRD")
    return g.fhead(g.op("Sub", left, g.op("Mul", right, g.scalar(0.5))))


@case("Softmax and LogSoftmax of the scores", name="softmax-scores")
def softmax_scores(g):
    y = g.fhead(g.op("Relu", g.conv("input", 2, 3, 3)))
    return [g.op("Softmax", y, axis=1), g.op("LogSoftmax", y, axis=-1)]


@case("1-D pooling, ceil_mode and SAME_UPPER", name="pool-1d", shape=(2, 9))
def pool_1d(g):
    x = g.op("Conv", "input", g.weight(4, 2, 3), pads=[1, 1])
    x = g.op("MaxPool", x, kernel_shape=[2], strides=[2], ceil_mode=1)
    x = g.op("AveragePool", x, kernel_shape=[3], strides=[2], auto_pad="SAME_UPPER")
    return g.fhead(x)


@case("GroupNormalization, operator set 21", name="group-normalization", opset=21)
def group_normalization(g):
    x = g.conv("input", 2, 4, 3)
    return g.fhead(g.op("GroupNormalization", x, g.uniform(0.5, 1.5, 4), g.uniform(-0.3, 0.3, 4),
                        num_groups=2))


@case("3-D pooling", name="pool-3d", refuse="more than two axes", shape=(2, 4, 4, 4))
def pool_3d(g):
    return g.fhead(g.op("MaxPool", "input", kernel_shape=[2, 2, 2], strides=[2, 2, 2]))
