"""Tensors that no machine holds, and nodes that never end."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from .network import HUGE, case


def huge(name, defect, operator, *values, dtype="int64", **attributes):
    @case(f"mid_{name}", f"{operator}: {defect}")
    def build(n):
        names = [n.constant(f"s{i}", value, dtype) if value is not None else ""
                 for i, value in enumerate(values)]
        n.mid(operator, *names, **attributes)


huge("expand_huge", "to 100000 images", "Expand", [100_000, 4, 32, 32])
huge("expand_overflow", "to 2^62 x 2^62", "Expand", [2**62, 4, 2**62, 32])
huge("expand_negative", "to a size of -2", "Expand", [1, 4, -2, 32])
huge("tile_huge", "20000 x 20000 times", "Tile", [1, 1, 20_000, 20_000])
huge("tile_negative", "-1 times", "Tile", [1, 1, -1, 1])
huge("tile_count", "three repeats at rank 4", "Tile", [1, 1, 2])
huge("pad_huge", "100000 rows and columns", "Pad", [0, 0, 100_000, 100_000, 0, 0, 0, 0])
huge("pad_overflow", "2^62 rows at both sides", "Pad", [0, 0, 2**62, 0, 0, 0, 2**62, 0])
huge("reshape_overflow", "sizes whose product is 2^66, 0 modulo 2^64", "Reshape",
     [2**33, 2**33])
huge("gather_far", "index 2^62", "Gather", [2**62], axis=1)
huge("cumsum_axis", "axis 2^40", "CumSum", HUGE)


def resize(name, defect, scales=None, sizes=None):
    @case(f"mid_{name}", f"Resize: {defect}")
    def build(n):
        inputs = ["", n.constant("s", scales, np.float32)] if scales is not None else [
            "", "", n.ints("s", *sizes)]
        n.mid("Resize", *inputs, mode="nearest")


resize("resize_huge", "scales 1e6", scales=[1, 1, 1e6, 1e6])
resize("resize_nan", "scales NaN", scales=[1, 1, np.nan, 1])
resize("resize_zero", "scales 0", scales=[1, 1, 0, 1])
resize("resize_negative", "scales -1", scales=[1, 1, -1, 1])
resize("resize_infinite", "scales infinite", scales=[1, 1, np.inf, 1])
resize("resize_count", "three scales at rank 4", scales=[1, 2, 2])
resize("resize_sizes_huge", "sizes 2^40", sizes=[1, 4, HUGE, HUGE])
resize("resize_sizes_negative", "sizes -4", sizes=[1, 4, -4, 32])


@case("mid_upsample_huge", "Upsample of operator set 9: scales 1e6")
def upsample(n):
    n.opset = 9
    n.mid("Upsample", n.constant("s", [1, 1, 1e6, 1e6], np.float32), mode="nearest")


def transposed(name, defect, **attributes):
    @case(f"mid_convtranspose_{name}", f"ConvTranspose: {defect}")
    def build(n):
        n.mid("ConvTranspose", n.constant("T", np.ones((4, 4, 2, 2)), np.float32), **attributes)


transposed("huge", "strides 100000", strides=[100_000, 100_000])
transposed("shape", "output_shape 2^40", output_shape=[HUGE, HUGE])
transposed("output_padding", "output_padding 2^40", output_padding=[HUGE, HUGE])
transposed("group", "group 3 of 4 channels", group=3)
transposed("pads", "pads larger than the result", pads=[40] * 4)


def shaped(name, defect, shape, **attributes):
    """A ConstantOfShape that is added to the map."""
    @case(f"mid_cos_{name}", f"ConstantOfShape: {defect}")
    def build(n):
        n.before("relu", helper.make_node("ConstantOfShape", [n.ints("s", *shape)], ["k"],
                                          name="k", **attributes))
        n.mid("Add", "k")


shaped("neg", "a size of -5", [-5])
shaped("huge", "2^40 elements", [HUGE])
shaped("overflow", "2^33 x 2^33 elements, 2^66", [2**33, 2**33])
shaped("rank", "64 axes", [1] * 64)
shaped("value", "a value of two elements", [1],
       value=numpy_helper.from_array(np.ones(2, np.float32)))


def ranged(name, defect, start, limit, delta, dtype=np.float32):
    @case(f"mid_range_{name}", f"Range: {defect}")
    def build(n):
        names = [n.constant(name, value, dtype)
                 for name, value in zip("abd", (start, limit, delta))]
        n.before("relu", helper.make_node("Range", names, ["k"], name="k"))
        n.mid("Mul", "k")


ranged("huge", "1e12 numbers", 0, 1e12, 1)
ranged("tiny_step", "a step of 1e-30", 0, 1, 1e-30)
ranged("zero_step", "a step of 0", 0, 1, 0)
ranged("nan", "a limit of NaN", 0, np.nan, 1)
ranged("infinite", "an infinite limit", 0, np.inf, 1)


@case("mid_range_overflow", "Range: int64 from -2^63 to 2^63 - 1")
def range_overflow(n):
    for name, value in zip("abd", (-2**63, 2**63 - 1, 1)):
        n.constant(name, value, np.int64)
    n.before("relu", helper.make_node("Range", ["a", "b", "d"], ["i"], name="k"),
             helper.make_node("Cast", ["i"], ["k"], name="cast", to=TensorProto.FLOAT))
    n.mid("Mul", "k")


@case("mid_intmod0", "Mod: int64 modulo 0")
def modulo(n):
    division(n, "Mod", 1, 0)


@case("mid_intdiv0", "Div: int64 by 0")
def divide(n):
    division(n, "Div", 1, 0)


@case("mid_intdiv_overflow", "Div: -2^63 by -1")
def divide_overflow(n):
    division(n, "Div", -2**63, -1)


def division(n, operator, left, right):
    names = n.ints("i1", left), n.ints("i0", right)
    n.before("relu", helper.make_node(operator, names, ["k"], name="k"),
             helper.make_node("Cast", ["k"], ["kf"], name="cast", to=TensorProto.FLOAT))
    n.mid("Mul", "kf")


@case("loop_endless", "Loop: 2^63 - 1 turns whose condition stays true")
def loop(n):
    body = helper.make_graph(
        [helper.make_node("Identity", ["condition"], ["again"]),
         helper.make_node("Add", ["state", "one"], ["next"])], "body",
        [n.info("turn", [], TensorProto.INT64), n.info("condition", [], TensorProto.BOOL),
         n.info("state", None)],
        [n.info("again", [], TensorProto.BOOL), n.info("next", None)])
    n.constant("one", 1, np.float32)
    n.before("relu", helper.make_node(
        "Loop", [n.constant("turns", 2**63 - 1, np.int64), n.constant("true", True, bool), "c"],
        ["q"], name="q", body=body))
    n.node("relu").input[0] = "q"


@case("loop_growing", "Loop: 2^40 turns that each add to a result")
def growing(n):
    body = helper.make_graph(
        [helper.make_node("Identity", ["condition"], ["again"]),
         helper.make_node("Identity", ["state"], ["next"]),
         helper.make_node("Identity", ["state"], ["seen"])], "body",
        [n.info("turn", [], TensorProto.INT64), n.info("condition", [], TensorProto.BOOL),
         n.info("state", None)],
        [n.info("again", [], TensorProto.BOOL), n.info("next", None), n.info("seen", None)])
    n.before("relu", helper.make_node(
        "Loop", [n.constant("turns", HUGE, np.int64), n.constant("true", True, bool), "c"],
        ["q", "all"], name="q", body=body))
    n.node("relu").input[0] = "q"


@case("input_huge", "the graph's input is 1 x 3 x 2^31 x 2^31")
def input_huge(n):
    n.inputs = [n.info("x", [1, 3, 2**31, 2**31])]


@case("input_batch_huge", "the graph's input has a fixed batch of 2^40")
def batch_huge(n):
    n.inputs, n.outputs = [n.info("x", [HUGE, 3, 32, 32])], [n.info("y", [HUGE, 10])]


@case("chain_doubling", "40 nodes Concat(x, x): each doubles the channels")
def doubling(n):
    last = "c"
    for index in range(40):
        n.before("relu", helper.make_node("Concat", [last, last], [f"q{index}"], name=f"q{index}",
                                          axis=1))
        last = f"q{index}"
    n.node("relu").input[0] = last
