"""Tiny float networks that use the operators importers meet.

`build(seed)` yields (name, model, input shape) for each. The weights are
random: these test import and arithmetic, not accuracy.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CLASSES = 10


class Graph:
    """Collects nodes and initializers; every method returns a tensor's name."""

    def __init__(self, rng, shape, opset, batch="batch"):
        self.rng, self.opset, self.batch = rng, opset, batch
        self.nodes, self.initializers = [], []
        self.input = helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, *shape])

    def initializer(self, array):
        name = f"constant_{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def ints(self, *values):
        return self.initializer(np.array(values, np.int64))

    def scalar(self, value):
        return self.initializer(np.float32(value))

    def weight(self, *shape, fan_in=None):
        """Normal values that keep the variance through a ReLU."""
        fan_in = fan_in or int(np.prod(shape[1:]))
        values = self.rng.standard_normal(shape) * np.sqrt(2 / fan_in)
        return self.initializer(values.astype(np.float32))

    def uniform(self, low, high, *shape):
        return self.initializer(self.rng.uniform(low, high, shape).astype(np.float32))

    def op(self, kind, *inputs, outputs=1, named=True, **attributes):
        name = f"{kind}_{len(self.nodes)}"
        results = [name + suffix for suffix in ["_y", "_y1", "_y2", "_y3"][:outputs]]
        self.nodes.append(helper.make_node(
            kind, list(inputs), results, name=name if named else None, **attributes))
        return results[0] if outputs == 1 else results

    def conv(self, x, inputs, outputs, kernel, bias=False, group=1, **attributes):
        """Square 2-D convolution; pads to keep the size unless told otherwise."""
        if "auto_pad" not in attributes:
            attributes.setdefault("pads", [kernel // 2] * 4)
        weight = self.weight(outputs, inputs // group, kernel, kernel)
        extra = [self.uniform(-0.2, 0.2, outputs)] if bias else []
        return self.op("Conv", x, weight, *extra, group=group,
                       kernel_shape=[kernel, kernel], **attributes)

    def batch_norm(self, x, channels):
        scale, shift = self.uniform(0.5, 1.5, channels), self.uniform(-0.3, 0.3, channels)
        mean, variance = self.uniform(-0.3, 0.3, channels), self.uniform(0.5, 2, channels)
        return self.op("BatchNormalization", x, scale, shift, mean, variance, epsilon=1e-5)

    def conv_bn_relu(self, x, inputs, outputs, kernel, **attributes):
        x = self.conv(x, inputs, outputs, kernel, **attributes)
        return self.op("Relu", self.batch_norm(x, outputs))

    def relu6(self, x):
        if self.opset < 11:
            return self.op("Clip", x, min=0.0, max=6.0)
        return self.op("Clip", x, self.scalar(0), self.scalar(6))

    def gemm(self, x, inputs, outputs):
        return self.op("Gemm", x, self.weight(outputs, inputs),
                       self.uniform(-0.2, 0.2, outputs), transB=1)

    def linear(self, x, inputs, outputs):
        """MatMul and Add, as exporters write a linear layer on a sequence."""
        y = self.op("MatMul", x, self.weight(inputs, outputs, fan_in=inputs))
        return self.op("Add", self.uniform(-0.2, 0.2, outputs), y)

    def head(self, x, channels):
        """Global average pooling and the classifier."""
        x = self.op("Flatten", self.op("GlobalAveragePool", x), axis=1)
        return self.gemm(x, channels, CLASSES)

    def model(self, result):
        self.nodes.append(helper.make_node("Identity", [result], ["output"], name="last"))
        inputs, ir_version = [self.input], 8
        if self.opset < 10:
            # IR version 3 lists the initializers among the inputs.
            ir_version = 3
            inputs += [helper.make_tensor_value_info(t.name, t.data_type, t.dims)
                       for t in self.initializers]
        output = helper.make_tensor_value_info(
            "output", TensorProto.FLOAT, [self.batch, CLASSES])
        graph = helper.make_graph(self.nodes, "tiny", inputs, [output], self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)],
                                  ir_version=ir_version, producer_name="make_vectors.py")
        onnx.checker.check_model(model)
        return model


def residual(g):
    """CIFAR ResNet block; the shortcut is a strided Slice and a channel Pad."""
    x = g.conv_bn_relu("input", 3, 8, 3)
    y = g.conv_bn_relu(x, 8, 16, 3, strides=[2, 2])
    y = g.batch_norm(g.conv(y, 16, 16, 3), 16)
    short = g.op("Slice", x, g.ints(0, 0), g.ints(2**31 - 1, 2**31 - 1), g.ints(2, 3), g.ints(2, 2))
    short = g.op("Pad", short, g.ints(0, 4, 0, 0, 0, 4, 0, 0), g.scalar(0), mode="constant")
    return g.head(g.op("Relu", g.op("Add", y, short)), 16)


def depthwise(g):
    """MobileNetV2 block: expand, depthwise, project, ReLU6 by Clip."""
    x = g.relu6(g.batch_norm(g.conv("input", 3, 8, 3, strides=[2, 2]), 8))
    y = g.relu6(g.conv(x, 8, 24, 1, bias=True))
    y = g.relu6(g.conv(y, 24, 24, 3, bias=True, group=24))
    x = g.op("Add", x, g.conv(y, 24, 8, 1, bias=True))
    # Channel multiplier 2: 16 filters over 8 groups.
    x = g.relu6(g.conv(x, 8, 16, 3, group=8, strides=[2, 2]))
    return g.gemm(g.op("ReduceMean", x, axes=[2, 3], keepdims=0), 16, CLASSES)


def inception(g):
    x = g.conv_bn_relu("input", 1, 8, 3)
    pooled = g.op("MaxPool", x, kernel_shape=[3, 3], pads=[1] * 4, strides=[1, 1])
    branches = [g.conv_bn_relu(x, 8, 4, 1),
                g.conv_bn_relu(g.conv_bn_relu(x, 8, 3, 1), 3, 6, 3),
                g.conv_bn_relu(g.conv_bn_relu(x, 8, 2, 1), 2, 3, 5),
                g.conv_bn_relu(pooled, 8, 3, 1)]
    x = g.op("Concat", *branches, axis=1)
    x = g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    return g.head(g.conv_bn_relu(x, 16, 16, 3, strides=[2, 2]), 16)


def shuffle(g):
    """ShuffleNet: split, grouped convolutions, Reshape/Transpose/Reshape."""
    x = g.conv_bn_relu("input", 1, 16, 3, strides=[2, 2])
    left, right = g.op("Split", x, outputs=2, axis=1, split=[8, 8])
    right = g.conv_bn_relu(right, 8, 8, 1, group=2)
    right = g.conv_bn_relu(g.batch_norm(g.conv(right, 8, 8, 3, group=8), 8), 8, 8, 1, group=2)
    x = g.op("Concat", left, right, axis=1)
    x = g.op("Reshape", x, g.ints(-1, 2, 8, 14, 14))
    x = g.op("Transpose", x, perm=[0, 2, 1, 3, 4])
    x = g.op("Reshape", x, g.ints(-1, 16, 14, 14))
    return g.head(g.conv_bn_relu(x, 16, 16, 3, group=4), 16)


def conv1d(g):
    """Three channels of 64 samples."""
    x = "input"
    for inputs, outputs, attributes in [
            (3, 8, dict(pads=[2, 2])), (8, 8, dict(pads=[4, 4], dilations=[2])),
            (8, 12, dict(pads=[1, 0], strides=[2], group=4))]:
        weight = g.weight(outputs, inputs // attributes.get("group", 1), 5)
        x = g.op("Relu", g.op("Conv", x, weight, g.uniform(-0.2, 0.2, outputs),
                              kernel_shape=[5], **attributes))
    x = g.op("MaxPool", x, kernel_shape=[2], strides=[2])
    return g.head(x, 12)


def mlp(g):
    """Gemm with transB 1 and 0, alpha and beta, with and without C."""
    x = g.op("Flatten", "input", axis=1)
    x = g.op("Relu", g.op("Gemm", x, g.weight(8, 784), g.uniform(-1, 1, 8),
                          alpha=0.5, beta=2.0, transB=1))
    x = g.op("Relu", g.op("Gemm", x, g.weight(8, 12, fan_in=8), g.uniform(-1, 1, 1, 12)))
    return g.op("Gemm", x, g.weight(CLASSES, 12), transB=1)


def matmul_add(g):
    """MatMul and Add, bias on either side; the nodes have no names."""
    x = g.op("Reshape", "input", g.ints(-1, 784), named=False)
    x = g.op("MatMul", x, g.weight(784, 8, fan_in=784), named=False)
    x = g.op("Relu", g.op("Add", x, g.uniform(-0.2, 0.2, 8), named=False), named=False)
    x = g.op("MatMul", x, g.weight(8, CLASSES, fan_in=8), named=False)
    return g.op("Add", g.uniform(-0.2, 0.2, CLASSES), x, named=False)


def layer_norm(g, x, width):
    """Decomposed, as PyTorch exports it below opset 17."""
    gain, shift = g.uniform(0.5, 1.5, width), g.uniform(-0.3, 0.3, width)
    if g.opset >= 17:
        return g.op("LayerNormalization", x, gain, shift, axis=-1, epsilon=1e-5)
    x = g.op("Sub", x, g.op("ReduceMean", x, axes=[-1], keepdims=1))
    variance = g.op("ReduceMean", g.op("Pow", x, g.scalar(2)), axes=[-1], keepdims=1)
    deviation = g.op("Sqrt", g.op("Add", variance, g.scalar(1e-5)))
    return g.op("Add", g.op("Mul", g.op("Div", x, deviation), gain), shift)


def gelu(g, x):
    half = g.op("Add", g.op("Erf", g.op("Div", x, g.scalar(np.sqrt(2)))), g.scalar(1))
    return g.op("Mul", g.op("Mul", x, half), g.scalar(0.5))


def attention(g):
    """One vision transformer block: 49 tokens of 16, two heads of 8."""
    x = g.conv("input", 1, 16, 4, bias=True, strides=[4, 4], pads=[0] * 4)
    x = g.op("Reshape", x, g.ints(0, 16, 49))
    x = g.op("Add", g.op("Transpose", x, perm=[0, 2, 1]), g.uniform(-0.5, 0.5, 1, 49, 16))
    y = layer_norm(g, x, 16)
    heads = []
    for perm in [[0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]]:  # queries, keys, values
        part = g.op("Reshape", g.linear(y, 16, 16), g.ints(0, 49, 2, 8))
        heads.append(g.op("Transpose", part, perm=perm))
    scores = g.op("Mul", g.op("MatMul", heads[0], heads[1]), g.scalar(8**-0.5))
    y = g.op("MatMul", g.op("Softmax", scores, axis=-1), heads[2])
    y = g.op("Reshape", g.op("Transpose", y, perm=[0, 2, 1, 3]), g.ints(0, 49, 16))
    x = g.op("Add", x, g.linear(y, 16, 16))
    y = gelu(g, g.linear(layer_norm(g, x, 16), 16, 32))
    x = g.op("Add", x, g.linear(y, 32, 16))
    x = g.op("ReduceMean", layer_norm(g, x, 16), axes=[1], keepdims=0)
    return g.gemm(x, 16, CLASSES)


def pooling(g):
    """Every pooling, with pads that count and pads that do not."""
    x = g.conv_bn_relu("input", 3, 8, 3)
    x = g.op("MaxPool", x, kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2], ceil_mode=0)
    x = g.conv_bn_relu(x, 8, 8, 3)
    x = g.op("AveragePool", x, kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2], ceil_mode=0)
    x = g.conv_bn_relu(x, 8, 8, 3)
    x = g.op("AveragePool", x, kernel_shape=[3, 2], pads=[1, 0, 1, 1], count_include_pad=1)
    x = g.conv_bn_relu(x, 8, 16, 1)
    x = g.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    return g.head(x, 16)


def view(g):
    """x.view(x.size(0), -1): Shape, Gather, Unsqueeze, Concat, Reshape."""
    x = g.conv_bn_relu("input", 1, 4, 5, strides=[2, 2])
    x = g.op("MaxPool", g.conv_bn_relu(x, 4, 6, 3), kernel_shape=[2, 2], strides=[2, 2])
    size = g.op("Gather", g.op("Shape", x), g.initializer(np.int64(0)), axis=0)
    size = g.op("Unsqueeze", size, g.ints(0))
    x = g.op("Reshape", x, g.op("Concat", size, g.ints(-1), axis=0))
    return g.gemm(x, 6 * 49, CLASSES)


def activations(g):
    """Sigmoid, SiLU, hard swish by HardSigmoid, and the ReLU relatives."""
    x = g.conv("input", 1, 6, 3, bias=True, strides=[2, 2])
    x = g.op("Mul", x, g.op("Sigmoid", x))
    x = g.conv(x, 6, 6, 3, bias=True)
    x = g.op("Mul", x, g.op("HardSigmoid", x, alpha=1 / 6, beta=0.5))
    x = g.op("LeakyRelu", g.conv(x, 6, 6, 3), alpha=0.1)
    x = g.op("PRelu", g.conv(x, 6, 6, 3), g.uniform(0, 0.5, 6, 1, 1))
    x = g.op("Tanh", g.conv(x, 6, 6, 3, strides=[2, 2]))
    x = gelu(g, g.conv(x, 6, 8, 3))
    return g.op("Sigmoid", g.head(x, 8))


def squeeze_excite(g):
    """MobileNetV3: HardSwish, and channels scaled by a gate."""
    x = g.op("HardSwish", g.batch_norm(g.conv("input", 3, 8, 3, strides=[2, 2]), 8))
    x = g.op("HardSwish", g.conv(x, 8, 8, 5, group=8, strides=[2, 2]))
    gate = g.op("Relu", g.conv(g.op("GlobalAveragePool", x), 8, 4, 1, bias=True))
    gate = g.op("HardSigmoid", g.conv(gate, 4, 8, 1, bias=True), alpha=1 / 6, beta=0.5)
    x = g.conv(g.op("Mul", x, gate), 8, 16, 1, bias=True)
    x = g.op("ReduceMean", x, g.ints(2, 3), keepdims=0)
    return g.gemm(g.op("HardSwish", x), 16, CLASSES)


def dropout(g):
    """Dropout and Identity do nothing in inference."""
    x = g.op("Identity", g.conv_bn_relu("input", 1, 8, 3, strides=[4, 4]))
    x = g.op("Dropout", x, g.scalar(0.5), g.initializer(np.bool_(False)))
    x = g.op("Flatten", x, axis=1)
    x = g.op("Relu", g.gemm(x, 8 * 49, 12))
    return g.gemm(g.op("Dropout", x), 12, CLASSES)


def auto_pad(g):
    """SAME_UPPER, SAME_LOWER and VALID; SAME pads unevenly at stride 2."""
    x = g.op("Relu", g.conv("input", 3, 6, 3, bias=True, strides=[2, 2], auto_pad="SAME_UPPER"))
    x = g.op("Relu", g.conv(x, 6, 8, 3, bias=True, strides=[2, 2], auto_pad="SAME_LOWER"))
    x = g.op("Relu", g.conv(x, 8, 8, 2, bias=True, auto_pad="SAME_UPPER"))
    x = g.op("Relu", g.conv(x, 8, 8, 3, bias=True, auto_pad="VALID"))
    x = g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
    return g.head(x, 8)


def opset9(g):
    """Attributes that later became inputs: Clip, Pad, Dropout, Unsqueeze."""
    x = g.op("Pad", "input", pads=[0, 0, 1, 1, 0, 0, 1, 1], mode="constant", value=0.0)
    x = g.relu6(g.batch_norm(g.conv(x, 1, 8, 3, strides=[2, 2], pads=[0] * 4), 8))
    x = g.op("Dropout", g.conv_bn_relu(x, 8, 8, 3, strides=[2, 2]), ratio=0.5)
    size = g.op("Gather", g.op("Shape", x), g.initializer(np.int64(0)), axis=0)
    size = g.op("Unsqueeze", size, axes=[0])
    x = g.op("Reshape", x, g.op("Concat", size, g.ints(-1), axis=0))
    return g.op("Gemm", x, g.weight(CLASSES, 8 * 49), g.uniform(-1, 1, CLASSES),
                alpha=1.0, beta=1.0, transB=1)


def opset18(g):
    """Axes as inputs of ReduceMean and Pad, Split by num_outputs."""
    x = g.conv_bn_relu("input", 3, 12, 3, strides=[2, 2])
    left, middle, right = g.op("Split", x, outputs=3, axis=1, num_outputs=3)
    x = g.op("Concat", g.op("Add", left, middle), right, axis=1)
    x = g.op("Pad", x, g.ints(1, 0, 1, 2), g.scalar(0), g.ints(2, 3))
    x = g.conv_bn_relu(x, 8, 16, 3, pads=[0] * 4, strides=[2, 2])
    x = g.op("ReduceMean", x, g.ints(-2, -1), keepdims=1)
    return g.gemm(g.op("Flatten", x), 16, CLASSES)


def constants(g):
    """Weights from Constant nodes, a transposed weight, no kernel_shape."""
    def node(*shape, fan_in):
        values = g.rng.standard_normal(shape) * np.sqrt(2 / fan_in)
        return g.op("Constant", value=numpy_helper.from_array(values.astype(np.float32)))

    x = g.op("Conv", "input", node(6, 1, 3, 3, fan_in=9), strides=[2, 2])
    x = g.op("Relu", g.op("Add", x, node(1, 6, 1, 1, fan_in=9)))
    x = g.op("Conv", x, g.op("Identity", node(8, 6, 3, 3, fan_in=54)), strides=[2, 2])
    x = g.op("Flatten", g.op("Relu", x), axis=1)
    weight = g.op("Transpose", node(CLASSES, 8 * 36, fan_in=8 * 36), perm=[1, 0])
    x = g.op("MatMul", x, weight)
    return g.op("Mul", x, g.scalar(0.5))


def nhwc(g):
    """Channels last at the input and before the classifier, as from TensorFlow."""
    x = g.op("Transpose", "input", perm=[0, 3, 1, 2])
    x = g.op("Relu", g.conv(x, 3, 6, 3, bias=True, strides=[2, 2], auto_pad="SAME_UPPER"))
    x = g.op("MaxPool", g.op("Relu", g.conv(x, 6, 6, 3, bias=True)),
             kernel_shape=[2, 2], strides=[2, 2])
    x = g.op("Reshape", g.op("Transpose", x, perm=[0, 2, 3, 1]), g.ints(-1, 6 * 64))
    return g.op("Softmax", g.linear(x, 6 * 64, CLASSES), axis=-1)


# Name, function, input shape without the batch, opset, batch axis.
MODELS = [
    ("residual", residual, (3, 32, 32), 13, "batch"),
    ("depthwise", depthwise, (3, 32, 32), 11, "batch"),
    ("inception", inception, (1, 28, 28), 13, "batch"),
    ("shuffle", shuffle, (1, 28, 28), 11, "batch"),
    ("conv1d", conv1d, (3, 64), 13, 1),
    ("mlp", mlp, (1, 28, 28), 13, "batch"),
    ("matmul-add", matmul_add, (1, 28, 28), 13, "batch"),
    ("attention", attention, (1, 28, 28), 13, "batch"),
    ("attention-opset17", attention, (1, 28, 28), 17, 1),
    ("pooling", pooling, (3, 32, 32), 13, "batch"),
    ("view", view, (1, 28, 28), 13, "batch"),
    ("activations", activations, (1, 28, 28), 13, "batch"),
    ("squeeze-excite", squeeze_excite, (3, 32, 32), 18, "batch"),
    ("dropout", dropout, (1, 28, 28), 13, "batch"),
    ("auto-pad", auto_pad, (3, 32, 32), 13, 1),
    ("opset9", opset9, (1, 28, 28), 9, 1),
    ("opset18", opset18, (3, 32, 32), 18, 1),
    ("constants", constants, (1, 28, 28), 13, "batch"),
    ("nhwc", nhwc, (32, 32, 3), 13, "batch"),
]


def build(seed):
    for index, (name, function, shape, opset, batch) in enumerate(MODELS):
        graph = Graph(np.random.default_rng([seed, index]), shape, opset, batch)
        # Two images where the batch is free, to see that they do not mix.
        yield name, graph.model(function(graph)), (1 if batch == 1 else 2, *shape)
