"""Make ONNX networks of well-known shapes with random weights, the same on every run.

    pip install onnx numpy
    python3 benches/networks.py efficientnet-b0 mobilenetv2 --folder /tmp/networks

writes each as NAME.onnx, from any number of images of 3 x 224 x 224 to 1,000 scores each, or of
1 x 28 x 28 to 10 for the transformer; BatchNormalization folded, with activations and attention as
exporters write them. Speed does not depend on weights, accuracy does: nothing here
has learnt anything. Without names, all are made.
"""

import argparse
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

CLASSES = 1000
SHAPE = (3, 224, 224)
SMALL_CLASSES = 10
SMALL_SHAPE = (1, 28, 28)
"""Of the transformer."""
BRANCH_GAIN = 0.3
"""Of the last layer of a branch beside a shortcut, lest the sums grow from block to block."""


class Network:
    """The nodes and weights of a network in the making."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights = [], []

    def constant(self, name, values):
        self.weights.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def whole(self, *values):
        name = "whole" + "_".join(map(str, values))
        if all(it.name != name for it in self.weights):
            self.weights.append(numpy_helper.from_array(np.asarray(values, np.int64), name))
        return name

    def node(self, operator, *inputs, **attributes):
        name = f"{operator}{len(self.nodes)}"
        node = helper.make_node(operator, inputs, [name], name=name, **attributes)
        self.nodes.append(node)
        return name

    def layer(self, operator, x, shape, gain=1.0, **attributes):
        """Conv or Gemm: by He's spread, signals neither die nor explode."""
        name = f"{operator}{len(self.nodes)}"
        spread = gain * np.sqrt(2 / np.prod(shape[1:]))
        weights = self.constant(name + "w", self.random.normal(0, spread, shape))
        bias = self.constant(name + "b", self.random.normal(0, 0.01, shape[0]))
        return self.node(operator, x, weights, bias, **attributes)

    def conv(self, x, shape, stride=1, gain=1.0, groups=1):
        pads = [shape[2] // 2] * 4
        return self.layer("Conv", x, shape, gain, strides=[stride] * 2, pads=pads, group=groups)

    def scores(self, x, channels):
        x = self.node("Flatten", self.node("GlobalAveragePool", x))
        return self.layer("Gemm", x, (CLASSES, channels), transB=1)

    def save(self, path, scores, shape=SHAPE, classes=CLASSES):
        ends = [("x", ["batch", *shape]), (scores, ["batch", classes])]
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in ends]
        graph = helper.make_graph(self.nodes, path.stem, ends[:1], ends[1:], self.weights)
        save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)

    # Of transformers.

    def linear(self, x, inputs, outputs, gain=1.0):
        """MatMul and Add, as exporters write a layer on tokens."""
        name = f"MatMul{len(self.nodes)}"
        spread = gain * np.sqrt(1 / inputs)
        weights = self.constant(name + "w", self.random.normal(0, spread, (inputs, outputs)))
        bias = self.constant(name + "b", self.random.normal(0, 0.01, outputs))
        return self.node("Add", bias, self.node("MatMul", x, weights))

    def layer_norm(self, x, width):
        name = f"LayerNormalization{len(self.nodes)}"
        ones = self.constant(name + "w", np.ones(width))
        return self.node("LayerNormalization", x, ones, self.constant(name + "b", np.zeros(width)))

    def gelu(self, x):
        name = f"gelu{len(self.nodes)}"
        root, one, half = (
            self.constant(f"{name}_{number}", number) for number in (np.sqrt(2), 1, 0.5))
        y = self.node("Add", self.node("Erf", self.node("Div", x, root)), one)
        return self.node("Mul", self.node("Mul", x, y), half)

    def attention(self, x, tokens, width, heads):
        depth = width // heads
        qkv = self.linear(x, width, 3 * width)
        qkv = self.node("Reshape", qkv, self.whole(-1, tokens, 3, heads, depth))
        qkv = self.node("Transpose", qkv, perm=[2, 0, 3, 1, 4])
        q, k, v = (self.part(qkv, index) for index in range(3))
        scores = self.node("MatMul", q, self.node("Transpose", k, perm=[0, 1, 3, 2]))
        factor = self.constant(f"factor{len(self.nodes)}", depth**-0.5)
        weights = self.node("Softmax", self.node("Mul", scores, factor), axis=-1)
        y = self.node("Transpose", self.node("MatMul", weights, v), perm=[0, 2, 1, 3])
        y = self.node("Reshape", y, self.whole(-1, tokens, width))
        return self.linear(y, width, width, BRANCH_GAIN)

    def part(self, x, index):
        """One of those along the first axis."""
        name = f"index{index}"
        if all(it.name != name for it in self.weights):
            self.weights.append(numpy_helper.from_array(np.asarray(index, np.int64), name))
        return self.node("Gather", x, name, axis=0)

    # Activations.

    def relu(self, x):
        return self.node("Relu", x)

    def relu6(self, x):
        bounds = [self.constant(f"bound{len(self.nodes)}_{bound}", bound) for bound in (0, 6)]
        return self.node("Clip", x, *bounds)

    def swish(self, x):
        return self.node("Mul", x, self.node("Sigmoid", x))

    def hard_swish(self, x):
        return self.node("HardSwish", x)

    def sigmoid(self, x):
        return self.node("Sigmoid", x)

    def hard_sigmoid(self, x):
        return self.node("HardSigmoid", x, alpha=1 / 6)

    def squeeze_and_excite(self, x, channels, inner, activation, gate):
        y = self.node("GlobalAveragePool", x)
        y = activation(self.conv(y, (inner, channels, 1, 1)))
        return self.node("Mul", x, gate(self.conv(y, (channels, inner, 1, 1))))


def rounded(channels):
    """To a multiple of 8, as the mobile networks have them."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


def resnet(path, seed, blocks, bottleneck):
    net = Network(seed)
    x = net.relu(net.conv("x", (64, 3, 7, 7), 2))
    x = net.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    channels = 64
    for stage, count in enumerate(blocks):
        width = 64 << stage
        wide = 4 * width if bottleneck else width
        for block in range(count):
            stride = 2 if block == 0 and stage else 1
            fits = channels == wide and stride == 1
            shortcut = x if fits else net.conv(x, (wide, channels, 1, 1), stride)
            if bottleneck:
                y = net.relu(net.conv(x, (width, channels, 1, 1)))
                y = net.relu(net.conv(y, (width, width, 3, 3), stride))
                y = net.conv(y, (wide, width, 1, 1), gain=BRANCH_GAIN)
            else:
                y = net.relu(net.conv(x, (width, channels, 3, 3), stride))
                y = net.conv(y, (width, width, 3, 3), gain=BRANCH_GAIN)
            x = net.relu(net.node("Add", y, shortcut))
            channels = wide
    net.save(path, net.scores(x, channels))


def inverted(net, x, sizes, stride, activation, excite=None):
    """A block that expands, convolves channel by channel, and projects."""
    channels, inner, kernel, out = sizes
    y = activation(net.conv(x, (inner, channels, 1, 1))) if inner != channels else x
    y = net.conv(y, (inner, 1, kernel, kernel), stride, groups=inner)
    y = activation(y) if excite is None else excite(y)
    residual = stride == 1 and channels == out
    y = net.conv(y, (out, inner, 1, 1), gain=BRANCH_GAIN if residual else 1.0)
    return net.node("Add", x, y) if residual else y


def mobilenetv2(path):
    net = Network(3)
    x, channels = net.relu6(net.conv("x", (32, 3, 3, 3), 2)), 32
    rows = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)]
    rows += [(6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    for expansion, out, count, stride in rows:
        for block in range(count):
            sizes = (channels, expansion * channels, 3, out)
            x = inverted(net, x, sizes, stride if block == 0 else 1, net.relu6)
            channels = out
    x = net.relu6(net.conv(x, (1280, channels, 1, 1)))
    net.save(path, net.scores(x, 1280))


def efficientnet_b0(path):
    net = Network(4)
    x, channels = net.swish(net.conv("x", (32, 3, 3, 3), 2)), 32
    rows = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3)]
    rows += [(6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]
    for expansion, out, count, stride, kernel in rows:
        for block in range(count):
            inner = expansion * channels

            def excite(y, inner=inner, squeezed=channels // 4):
                y = net.swish(y)
                return net.squeeze_and_excite(y, inner, squeezed, net.swish, net.sigmoid)

            sizes = (channels, inner, kernel, out)
            x = inverted(net, x, sizes, stride if block == 0 else 1, net.swish, excite)
            channels = out
    x = net.swish(net.conv(x, (1280, channels, 1, 1)))
    net.save(path, net.scores(x, 1280))


def mobilenetv3_small(path):
    net = Network(5)
    x, channels = net.hard_swish(net.conv("x", (16, 3, 3, 3), 2)), 16
    rows = [(3, 16, 16, True, "relu", 2), (3, 72, 24, False, "relu", 2)]
    rows += [(3, 88, 24, False, "relu", 1), (5, 96, 40, True, "hard_swish", 2)]
    rows += [(5, 240, 40, True, "hard_swish", 1)] * 2
    rows += [(5, 120, 48, True, "hard_swish", 1), (5, 144, 48, True, "hard_swish", 1)]
    rows += [(5, 288, 96, True, "hard_swish", 2)] + [(5, 576, 96, True, "hard_swish", 1)] * 2
    for kernel, inner, out, is_excited, name, stride in rows:
        activation = getattr(net, name)

        def excite(y, inner=inner, activation=activation):
            squeezed = rounded(inner / 4)
            y = activation(y)
            return net.squeeze_and_excite(y, inner, squeezed, net.relu, net.hard_sigmoid)

        sizes = (channels, inner, kernel, out)
        x = inverted(net, x, sizes, stride, activation, excite if is_excited else None)
        channels = out
    x = net.hard_swish(net.conv(x, (576, channels, 1, 1)))
    x = net.node("Flatten", net.node("GlobalAveragePool", x))
    x = net.hard_swish(net.layer("Gemm", x, (1024, 576), transB=1))
    net.save(path, net.layer("Gemm", x, (CLASSES, 1024), transB=1))


def compact_transformer(path):
    """Convolutions that make 49 tokens of 96 numbers, 4 blocks, and a pool that is an attention."""
    tokens, width, hidden = 49, 96, 192
    net = Network(6)
    x = net.relu(net.conv("x", (32, 1, 3, 3), 2))
    x = net.relu(net.conv(x, (width, 32, 3, 3), 2))
    x = net.node("Transpose", net.node("Reshape", x, net.whole(-1, width, tokens)), perm=[0, 2, 1])
    x = net.node("Add", x, net.constant("positions", net.random.normal(0, 0.02, (1, tokens, width))))
    for _ in range(4):
        x = net.node("Add", x, net.attention(net.layer_norm(x, width), tokens, width, 4))
        y = net.gelu(net.linear(net.layer_norm(x, width), width, hidden))
        x = net.node("Add", x, net.linear(y, hidden, width, BRANCH_GAIN))
    x = net.layer_norm(x, width)
    weights = net.node("Softmax", net.linear(x, width, 1), axis=1)
    x = net.node("MatMul", net.node("Transpose", weights, perm=[0, 2, 1]), x)
    x = net.node("Reshape", x, net.whole(-1, width))
    scores = net.layer("Gemm", x, (SMALL_CLASSES, width), transB=1)
    net.save(path, scores, SMALL_SHAPE, SMALL_CLASSES)


NETWORKS = {
    "resnet18": lambda path: resnet(path, 2, (2, 2, 2, 2), bottleneck=False),
    "resnet50": lambda path: resnet(path, 1, (3, 4, 6, 3), bottleneck=True),
    "mobilenetv2": mobilenetv2,
    "efficientnet-b0": efficientnet_b0,
    "mobilenetv3-small": mobilenetv3_small,
    "compact-transformer": compact_transformer,
}


def make(name, folder):
    """The path of one of `NETWORKS`, which is written into `folder`."""
    path = Path(folder) / f"{name}.onnx"
    NETWORKS[name](path)
    return path


def images(name, count, seed):
    """Random images for one of `NETWORKS`, N x C x H x W f32, and labels."""
    small = name == "compact-transformer"
    shape, classes = (SMALL_SHAPE, SMALL_CLASSES) if small else (SHAPE, CLASSES)
    pixels = np.random.default_rng(seed).standard_normal((count, *shape), np.float32)
    return pixels, np.arange(count) % classes


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NETWORKS))
    parser.add_argument("--folder", type=Path, default=Path("."))
    arguments = parser.parse_args()
    for name in arguments.names or NETWORKS:
        if name not in NETWORKS:
            parser.error(f'no network is called "{name}"; there are {", ".join(NETWORKS)}')
        print(make(name, arguments.folder))


if __name__ == "__main__":
    main()
