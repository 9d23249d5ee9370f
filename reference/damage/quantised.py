"""Scales, zero points and codes that mean nothing."""

import numpy as np
from onnx import helper

from .network import EITHER, Network, case


def coded(n: Network, scale=0.02, zero=0, zero_type=np.uint8, weight_scale=0.01, axis=0,
          codes_shape=(4, 3, 3, 3)):
    """QuantizeLinear and DequantizeLinear of the input and of the weights."""
    n.constant("s", scale, np.float32)
    n.constant("z", zero, zero_type)
    n.constant("W8", np.random.default_rng(2).integers(-100, 100, codes_shape), np.int8)
    scales = np.full(4, weight_scale) if np.ndim(weight_scale) == 0 else weight_scale
    n.constant("ws", scales, np.float32)
    n.constant("wz", np.zeros(len(scales)), np.int8)
    n.before("conv", helper.make_node("QuantizeLinear", ["x", "s", "z"], ["xq"], name="q1"),
             helper.make_node("DequantizeLinear", ["xq", "s", "z"], ["xd"], name="dq1"),
             helper.make_node("DequantizeLinear", ["W8", "ws", "wz"], ["Wd"], name="dqw",
                              axis=axis))
    n.node("conv").input[:] = ["xd", "Wd"]
    n.initializers.remove(n.tensor("W"))


def row(name, defect, must="refused", **options):
    @case(f"qdq_{name}", f"QDQ: {defect}", must)
    def build(n):
        coded(n, **options)


row("good", "none; uint8 activations, int8 weights per filter", "runs")
row("tiny_scale", "the input's scale is 1e-45", scale=1e-45)
row("zero_scale", "the input's scale is 0", scale=0)
row("nan_scale", "the input's scale is NaN", scale=np.nan)
row("infinite_scale", "the input's scale is infinite", scale=np.inf)
row("negative_scale", "the input's scale is negative", scale=-0.02)
row("huge_scale", "the input's scale is 1e38", EITHER, scale=1e38)
row("weight_scale_zero", "scales of the weights are 0", EITHER, weight_scale=0)
row("weight_scale_nan", "scales of the weights are NaN", weight_scale=np.nan)
row("weight_scale_negative", "scales of the weights are negative", EITHER, weight_scale=-0.01)
row("weight_scale_tiny", "scales of the weights are 1e-45", EITHER, weight_scale=1e-45)
row("scale_vector", "two scales for four filters", weight_scale=[0.01, 0.01])
row("scale_empty", "no scale at all", weight_scale=[])
row("axis", "axis 9 of rank 4", axis=9)
row("axis_negative", "axis -5 of rank 4", axis=-5)
row("axis_length", "four scales along axis 1, which has 3 channels", axis=1)
row("zero_point_type", "the zero point is a float", zero_type=np.float32)
row("zero_point_int32", "the zero point is 32 bits wide", zero_type=np.int32)
row("codes_rank", "the codes of the weights have rank 2", codes_shape=(4, 27))


@case("qdq_types_differ", "QDQ: QuantizeLinear writes uint8, DequantizeLinear reads int8")
def types_differ(n):
    coded(n)
    n.constant("z8", 0, np.int8)
    n.node("dq1").input[2] = "z8"


@case("qdq_scale_activation", "QDQ: the scale is computed from the input", EITHER)
def scale_activation(n):
    coded(n)
    n.before("q1", helper.make_node("ReduceMax", ["x"], ["m"], name="max", keepdims=0))
    n.node("q1").input[1] = n.node("dq1").input[1] = "m"


@case("qdq_block_size", "QDQ: block_size 7 does not divide 27")
def block_size(n):
    coded(n)
    n.opset = 21
    n.attribute("dqw", "block_size", 7)


@case("qdq_output_dtype", "QDQ: output_dtype is float")
def output_dtype(n):
    coded(n)
    n.opset = 21
    n.node("q1").input[:] = ["x", "s"]
    n.attribute("q1", "output_dtype", 1)


@case("qdq_output_dtype_conflict", "QDQ: output_dtype int8, the zero point is uint8")
def output_dtype_conflict(n):
    coded(n)
    n.opset = 21
    n.attribute("q1", "output_dtype", 3)


def qlinear(name, defect, **changed):
    """QLinearConv on the codes of the input."""
    @case(f"qlinearconv_{name}", f"QLinearConv: {defect}")
    def build(n):
        coded(n)
        values = {"w_scale": (np.full(4, 0.01), np.float32), "w_zero": (np.zeros(4), np.int8),
                  "y_scale": (0.05, np.float32), "y_zero": (128, np.uint8),
                  "bias": (np.zeros(4), np.int32), **changed}
        names = [n.constant(key, *value) for key, value in values.items()]
        n.nodes.remove(n.node("dqw"))
        conv = n.node("conv")
        n.before("conv", helper.make_node(
            "QLinearConv", ["xq", "s", "z", "W8", *names], ["cq"], name="qconv", pads=[1] * 4))
        conv.CopyFrom(helper.make_node("DequantizeLinear", ["cq", "y_scale", "y_zero"], ["c"],
                                       name="dqc"))


qlinear("scales", "two scales for four filters", w_scale=([0.01, 0.01], np.float32),
        w_zero=([0, 0], np.int8))
qlinear("bias_length", "a bias of three numbers for four filters", bias=(np.zeros(3), np.int32))
qlinear("bias_float", "the bias is a float", bias=(np.zeros(4), np.float32))
qlinear("y_scale_zero", "the result's scale is 0", y_scale=(0, np.float32))
qlinear("w_zero_type", "the weights are int8, their zero point is uint8",
        w_zero=(np.zeros(4), np.uint8))


@case("qlinearconv_short", "QLinearConv with five inputs")
def short(n):
    coded(n)
    n.mid("QLinearConv", "s", "z", "W8", "ws")
