"""Arithmetic on shapes, as exporters write it."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from .graph import case

WIDTH = 48  # elements of an image after the stem: 3 x 4 x 4


def stem(g):
    return g.op("Relu", g.conv("input", 2, 3, 3, bias=True))


def register_span(name, opset, note, use, **span):
    @case(f"Shape with {span}: {note}", name=f"shape-{name}", opset=opset)
    def build(g):
        x = stem(g)
        return g.gemm(use(g, x, g.op("Shape", x, **span)), WIDTH, g.classes)


def to_matrix(g, x, batch):
    return g.op("Reshape", x, g.op("Concat", batch, g.ints(-1), axis=0))


def from_tail(g, x, tail):
    """The tail of the shape gives the columns by ReduceProd."""
    columns = g.op("ReduceProd", tail, keepdims=1)
    return g.op("Reshape", x, g.op("Concat", g.ints(-1), columns, axis=0))


def from_middle(g, x, middle):
    """[C, H] of [N, C, H, W]: merges the last two, and then all."""
    shape = g.op("Concat", g.ints(0), g.op("Slice", middle, g.ints(0), g.ints(1)), g.ints(-1),
                 axis=0)
    return g.op("Flatten", g.op("Reshape", x, shape))


register_span("start-end", 15, "the batch for Reshape", to_matrix, start=0, end=1)
register_span("end-negative", 15, "the batch for Reshape", to_matrix, end=-3)
register_span("start-negative", 15, "the last three for a product", from_tail, start=-3)
register_span("start", 20, "all but the batch", from_tail, start=1)
register_span("both-negative", 18, "channels and rows", from_middle, start=-3, end=-1)
register_span("beyond", 21, "an end beyond the rank is cut", from_tail, start=1, end=9)
register_span("start-before", 21, "a start before the first is cut", to_matrix, start=-9, end=1)


def register_view(name, opset, batch):
    @case(f"view: Shape, Gather, Unsqueeze, Concat, Reshape; opset {opset}, batch {batch}",
          name=f"view-{name}", opset=opset, batch=batch)
    def build(g):
        x = stem(g)
        size = g.op("Gather", g.op("Shape", x), g.initializer(np.int64(0)), axis=0)
        size = g.op("Unsqueeze", size, g.ints(0)) if opset >= 13 else g.op(
            "Unsqueeze", size, axes=[0])
        shape = g.op("Concat", size, g.ints(-1), axis=0)
        return g.gemm(g.op("Reshape", x, shape), WIDTH, g.classes)


register_view("opset11", 11, "N")
register_view("opset18", 18, "N")
register_view("opset20", 20, "N")
register_view("opset18-fixed", 18, 2)


@case("the chain of torch's newer exporter: Shape with start and end, Concat, Reshape with "
      "allowzero, Transpose, Shape again", name="view-dynamo", opset=20)
def dynamo(g):
    x = stem(g)
    batch = g.op("Shape", x, start=0, end=1)
    channels = g.op("Shape", x, start=1, end=2)
    shape = g.op("Concat", batch, channels, g.ints(16), axis=0)
    x = g.op("Transpose", g.op("Reshape", x, shape, allowzero=1), perm=[0, 2, 1])
    x = g.op("Add", g.op("MatMul", x, g.weight(3, 5)), g.uniform(-1, 1, 5))
    batch = g.op("Squeeze", g.op("Shape", x, start=0, end=1), g.ints(0))
    shape = g.op("Concat", g.op("Reshape", batch, g.ints(-1)), g.ints(80), axis=0)
    return g.gemm(g.op("Reshape", g.op("Relu", x), shape, allowzero=1), 80, g.classes)


@case("Gather with a negative index and with an index of rank 1", name="view-gather-negative",
      opset=18)
def gather_negative(g):
    x = stem(g)
    shape = g.op("Shape", x)
    batch = g.op("Gather", shape, g.ints(-4), axis=0)
    rows = g.op("Unsqueeze", g.op("Gather", shape, g.initializer(np.int64(-1)), axis=0), g.ints(0))
    x = g.op("Reshape", x, g.op("Concat", batch, g.ints(-1), rows, axis=0))
    return g.fhead(x)


@case("Shape, Slice, Squeeze, Mul, Unsqueeze: channels times rows by arithmetic",
      name="shape-arithmetic")
def arithmetic(g):
    x = stem(g)
    shape = g.op("Shape", x)
    parts = [g.op("Squeeze", g.op("Slice", shape, g.ints(i), g.ints(i + 1), g.ints(0)), g.ints(0))
             for i in range(4)]
    product = g.op("Mul", g.op("Mul", parts[1], parts[2]), parts[3])
    columns = g.op("Unsqueeze", product, g.ints(0))
    rows = g.op("Unsqueeze", parts[0], g.ints(0))
    return g.gemm(g.op("Reshape", x, g.op("Concat", rows, columns, axis=0)), WIDTH, g.classes)


@case("sizes by Cast, Div, Floor, Add, Sub in int64 and float", name="shape-division")
def division(g):
    x = stem(g)
    rows = g.op("Gather", g.op("Shape", x), g.initializer(np.int64(2)), axis=0)
    half = g.op("Cast", g.op("Floor", g.op("Div", g.op("Cast", rows, to=TensorProto.FLOAT),
                                           g.scalar(1.9))), to=TensorProto.INT64)
    rest = g.op("Sub", rows, g.op("Div", rows, g.initializer(np.int64(2))))
    sizes = [g.op("Unsqueeze", value, g.ints(0)) for value in [half, rest]]
    ends = g.op("Add", g.op("Concat", *sizes, axis=0), g.ints(1, 1))
    return g.fhead(g.op("Slice", x, g.ints(0, 0), ends, g.ints(2, 3)))


@case("ConstantOfShape and Expand: a class token per image", name="shape-expand")
def expand(g):
    x = g.op("Transpose", g.op("Reshape", stem(g), g.ints(0, 3, 16)), perm=[0, 2, 1])
    size = g.op("Slice", g.op("Shape", x), g.ints(0), g.ints(1), g.ints(0))
    shape = g.op("Concat", size, g.ints(-1, -1), axis=0)
    ones = g.op("ConstantOfShape", g.ints(3),
                value=helper.make_tensor("value", TensorProto.INT64, [1], [1]))
    # torch's expand(-1) becomes Where(shape == -1, 1, shape).
    minus = g.op("Mul", ones, g.initializer(np.int64(-1)))
    shape = g.op("Where", g.op("Equal", shape, minus), ones, shape)
    token = g.op("Expand", g.uniform(-1, 1, 1, 1, 3), shape)
    return g.fhead(g.op("Concat", token, x, axis=1))


@case("Range over the columns, Gather of position embeddings, ConstantOfShape of ones",
      name="shape-range")
def positions(g):
    x = g.op("Transpose", g.op("Reshape", stem(g), g.ints(0, 3, 16)), perm=[0, 2, 1])
    count = g.op("Gather", g.op("Shape", x), g.initializer(np.int64(1)), axis=0)
    index = g.op("Range", g.initializer(np.int64(0)), count, g.initializer(np.int64(1)))
    x = g.op("Add", x, g.op("Gather", g.uniform(-1, 1, 20, 3), index, axis=0))
    ones = g.op("ConstantOfShape", g.op("Unsqueeze", count, g.ints(0)),
                value=numpy_helper.from_array(np.ones(1, np.float32)))
    return g.fhead(g.op("Mul", x, g.op("Unsqueeze", ones, g.ints(1))))


@case("Resize to sizes by Shape, Slice, Cast, Mul, Concat, as a decoder's upsampling",
      name="shape-resize", batch=2)
def resize(g):
    x = stem(g)
    small = g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    sizes = g.op("Slice", g.op("Shape", x), g.ints(2), g.ints(4), g.ints(0))
    front = g.op("Slice", g.op("Shape", small), g.ints(0), g.ints(2), g.ints(0))
    y = g.op("Resize", small, "", "", g.op("Concat", front, sizes, axis=0), mode="nearest",
             coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    return g.fhead(g.op("Add", x, y))


@case("Reshape with 0 and -1, Flatten with axis 2 and axis -1 and axis 0", name="reshape-forms")
def reshape_forms(g):
    x = g.op("Reshape", stem(g), g.ints(0, 0, -1))
    x = g.op("Flatten", x, axis=2)
    x = g.op("MatMul", x, g.weight(16, 5))
    x = g.op("Reshape", x, g.ints(-1, 15))
    return g.gemm(g.op("Flatten", x, axis=-1), 15, g.classes)


def register_resize(name, note, opset, size, refuse=None, mode="nearest", **attributes):
    @case(f"Resize: {note}", name=f"resize-{name}", opset=opset, refuse=refuse)
    def build(g):
        inputs = size(g)
        return g.fhead(g.op("Resize", g.conv("input", 2, 3, 3), *inputs, mode=mode, **attributes))


register_resize("cubic", "cubic", 13, lambda g: ["", g.floats([1, 1, 2, 2])], "cubic", "cubic")
register_resize("opset10", "operator set 10", 10, lambda g: [g.floats([1, 1, 2, 2])])
register_resize("opset10-linear", "operator set 10, linear", 10,
                lambda g: [g.floats([1, 1, 2, 2])], None, "linear")
register_resize("opset10-shrinks", "operator set 10, both sides shrink: the pixel behind", 10,
                lambda g: [g.floats([1, 1, 0.75, 0.6])])
register_resize("opset10-mixed", "operator set 10, one side shrinks and one grows", 10,
                lambda g: [g.floats([1, 1, 0.6, 1.7])])
register_resize("opset10-linear-shrinks", "operator set 10, linear, one side shrinks", 10,
                lambda g: [g.floats([1, 1, 0.6, 1.7])], None, "linear")
register_resize("corners-fraction", "aligned corners of 2.4 pixels", 13,
                lambda g: ["", g.floats([1, 1, 0.6, 1])], "whole number", "linear",
                coordinate_transformation_mode="align_corners")
register_resize("axes", "scales of two axes", 18, lambda g: ["", g.floats([2, 1.5])],
                axes=[3, 2])
register_resize("axes-sizes", "sizes of two axes, aligned corners", 18,
                lambda g: ["", "", g.ints(7, 5)], None, "linear", axes=[-1, -2],
                coordinate_transformation_mode="align_corners")


@case("Size, and Shape of a constant", name="shape-constant", images=1, batch=1)
def constant(g):
    x = stem(g)
    size = g.op("Div", g.op("Size", x), g.initializer(np.int64(1)))
    columns = g.op("Unsqueeze", size, g.ints(0))
    rows = g.op("Gather", g.op("Shape", g.floats(np.zeros((1, 7)))), g.ints(0), axis=0)
    return g.gemm(g.op("Reshape", x, g.op("Concat", rows, columns, axis=0)), WIDTH, g.classes)


@case("quantised layers with the chain Shape, Gather, Concat, Reshape between Q and DQ", "qdq",
      "view-qdq", opset=18)
def view_qdq(g):
    x = g.stem()
    size = g.op("Shape", x, start=0, end=1)
    y = g.op("Reshape", x, g.op("Concat", size, g.ints(-1), axis=0))
    return g.qhead(g.qdq(y, like=x))
