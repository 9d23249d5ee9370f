"""Integers of 8 bits at the input that no DequantizeLinear reads at once."""

import numpy as np
from onnx import TensorProto

from .graph import case


def register(name, note, operator, opset=13, shape=(2, 4, 4), dtype=np.uint8):
    """The operator on the input, and its results as real numbers for a layer."""
    @case(f"an input of {np.dtype(dtype).name}: {note}", name=f"bytes-{name}", opset=opset,
          shape=shape, dtype=dtype)
    def build(g):
        real = g.op("Cast", operator(g, "input"), to=TensorProto.FLOAT)
        return g.fhead(g.op("Mul", real, g.scalar(1 / 64)))


def byte(g, value, dtype=np.uint8):
    return g.initializer(np.array(value, dtype))


def moved(g, x):
    y = g.op("Transpose", x, perm=[0, 1, 3, 2])
    y = g.op("Concat", x, y, axis=1)
    y = g.op("Pad", y, g.ints(0, 0, 1, 0, 0, 0, 0, 1), byte(g, 7))
    return g.op("Gather", g.op("Slice", y, g.ints(1), g.ints(5), g.ints(2)), g.ints(0, 3), axis=1)


register("moved", "Transpose, Concat, Pad with a constant, Slice and Gather", moved)
register("max-pool", "MaxPool", lambda g, x: g.op(
    "MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]))
register("bounds", "Clip, Max and Min with constants", lambda g, x: g.op(
    "Min", g.op("Max", g.op("Clip", x, byte(g, 20), byte(g, 230)), byte(g, 31)), byte(g, 200)))
register("chosen", "Where by a comparison of two such tensors", lambda g, x: g.op(
    "Where", g.op("Equal", x, g.op("Max", x, byte(g, 90))), x, byte(g, 11)))
register("int8", "MaxPool and Clip", lambda g, x: g.op(
    "Clip", g.op("MaxPool", x, kernel_shape=[2, 2]), byte(g, -100, np.int8),
    byte(g, 90, np.int8)), dtype=np.int8)
register("bool", "Cast to bool", lambda g, x: g.op("Cast", x, to=TensorProto.BOOL))
