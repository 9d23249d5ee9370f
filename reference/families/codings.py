"""Forms of QuantizeLinear and DequantizeLinear: operator sets, types, axes,
what stands between the codes of weights and the layer that reads them."""

import numpy as np
from onnx import TensorProto

from .graph import case

QDQ = "qdq"


def typed(g, x, scale, output_dtype):
    """QuantizeLinear without a zero point: `output_dtype` alone says the type."""
    scale = g.floats(scale)
    codes = g.op("QuantizeLinear", x, scale, output_dtype=output_dtype)
    return g.op("DequantizeLinear", codes, scale)


def register_typed(name, opset, output_dtype, note):
    @case(note, QDQ, name, opset=opset)
    def build(g):
        kind = "s8" if output_dtype == TensorProto.INT8 else "u8"
        x = typed(g, "input", 2 / 127, output_dtype) if kind == "s8" else g.qdq("input")
        x = g.op("Conv", x, g.qweight(g.array(3, 2, 3, 3)), pads=[1] * 4)
        x = x if kind == "s8" else g.op("Relu", x)
        top = float(np.abs(g.value(x)).max())
        x = typed(g, x, top / (127 if kind == "s8" else 255), output_dtype)
        g.codings[x] = kind, np.float32(top / 127), 0
        x = g.op("Flatten", x)
        y = g.op("MatMul", x, g.qweight(g.array(48, g.classes) * 0.4))
        return g.qdq(y, kind)


register_typed("qdq-output-dtype-int8", 21, TensorProto.INT8,
               "QuantizeLinear with output_dtype INT8 and no zero point: the codes are signed")
register_typed("qdq-output-dtype-uint8", 21, TensorProto.UINT8,
               "QuantizeLinear with output_dtype UINT8 and no zero point")
register_typed("qdq-output-dtype-int8-opset23", 23, TensorProto.INT8,
               "the same as qdq-output-dtype-int8 in operator set 23")
register_typed("qdq-no-zero-point", 13, None, "no zero point and no type: uint8, zero 0")


def register_opset(opset):
    @case(f"operator set {opset}: all layers quantised", QDQ, f"qdq-opset{opset}", opset=opset)
    def build(g):
        return g.qhead(g.qdq(g.op("Relu", g.stem(4))))


for number in [10, 11, 14, 19, 21, 22, 23, 24]:
    register_opset(number)


@case("weights without a zero point, scale as a tensor of one element", QDQ,
      "weights-no-zero-point")
def no_zero_point(g):
    codes, scale, _ = g.encode(g.array(3, 2, 3, 3))
    weight = g.op("DequantizeLinear", g.code(codes, "s8"), g.floats([scale]))
    return g.qhead(g.qdq(g.op("Conv", g.qdq("input"), weight, pads=[1] * 4)))


def register_axis(name, note, axis, written_axis, kind="s8", opset=13, operator="Conv"):
    @case(note, QDQ, name, opset=opset)
    def build(g):
        x = g.qdq("input")
        if operator == "Conv":
            weight = g.qweight(g.array(3, 2, 3, 3), kind, axis, written_axis,
                               symmetric=kind[0] == "s")
            return g.qhead(g.qdq(g.op("Conv", x, weight, pads=[1] * 4)))
        x = g.qdq(g.op("Flatten", x), like=x)
        shape = (g.classes, 32) if operator == "Gemm" else (32, g.classes)
        weight = g.qweight(g.array(*shape) * 0.4, kind, axis, written_axis,
                           symmetric=kind[0] == "s")
        attributes = {"transB": 1} if operator == "Gemm" else {}
        return g.qdq(g.op(operator, x, weight, **attributes))


register_axis("weights-axis0-conv", "per filter, axis 0", 0, 0)
register_axis("weights-axis0-negative", "per filter, axis -4", 0, -4)
register_axis("weights-axis0-uint8", "per filter, uint8 with zero points", 0, 0, "u8")
register_axis("weights-axis1-conv", "Conv weights coded per input channel: axis 1", 1, 1)
register_axis("weights-axis1-matmul", "MatMul weights per output: axis 1", 1, 1,
              operator="MatMul")
register_axis("weights-axis1-negative", "MatMul weights per output: axis -1", 1, -1,
              operator="MatMul")
register_axis("weights-axis0-matmul", "MatMul weights per input: axis 0, the depth", 0, 0,
              operator="MatMul")
register_axis("weights-axis0-gemm", "Gemm transB weights per output: axis 0", 0, 0,
              operator="Gemm")
register_axis("weights-axis1-gemm", "Gemm transB weights per input: axis 1", 1, 1,
              operator="Gemm")
register_axis("weights-uint8-tensor", "uint8 weights with one zero point", None, None, "u8")
for four in ["s4", "u4"]:
    word = {"s4": "int4", "u4": "uint4"}[four]
    register_axis(f"weights-{word}", f"{word} weights, one scale", None, None, four, 21)
    register_axis(f"weights-{word}-axis0", f"{word} weights per filter", 0, 0, four, 21)
    register_axis(f"weights-{word}-matmul", f"{word} weights per output, MatMul", 1, 1, four, 21,
                  "MatMul")


@case("block-wise scales of weights: 8 rows share a scale", QDQ, "weights-blocks",
      refuse="block", opset=21)
def blocks(g):
    x = g.op("Flatten", g.qdq("input"))
    values = g.array(32, g.classes)
    scales = np.abs(values).reshape(4, 8, g.classes).max(1) / 127
    codes = np.round(values / np.repeat(scales, 8, 0))
    zero = np.zeros_like(scales)
    weight = g.op("DequantizeLinear", g.code(codes, "s8"), g.floats(scales),
                  g.code(zero, "s8"), axis=0, block_size=8)
    return g.qdq(g.op("MatMul", x, weight))


# What stands between DequantizeLinear and the layer.


@case("weights: DequantizeLinear, Transpose, Gemm", QDQ, "weights-transpose-gemm")
def transpose_gemm(g):
    x = g.op("Flatten", g.stem())
    weight = g.op("Transpose", g.qweight(g.array(g.classes, 48), axis=0), perm=[1, 0])
    return g.qdq(g.op("Gemm", x, weight))


@case("weights: DequantizeLinear, Transpose, MatMul", QDQ, "weights-transpose-matmul")
def transpose_matmul(g):
    x = g.op("Flatten", g.stem())
    weight = g.op("Transpose", g.qweight(g.array(g.classes, 48)), perm=[1, 0])
    return g.qdq(g.op("MatMul", x, weight))


@case("weights: TensorFlow's HWIO order, DequantizeLinear per filter on axis 3, Transpose, Conv",
      QDQ, "weights-transpose-conv")
def transpose_conv(g):
    weight = g.qweight(np.moveaxis(g.array(3, 2, 3, 3), [0, 1], [3, 2]), axis=3)
    weight = g.op("Transpose", weight, perm=[3, 2, 0, 1])
    return g.qhead(g.qdq(g.op("Conv", g.qdq("input"), weight, pads=[1] * 4)))


@case("weights: DequantizeLinear per filter, Reshape from a matrix, Conv", QDQ,
      "weights-reshape-conv")
def reshape_conv(g):
    weight = g.qweight(g.array(3, 18), axis=0)
    weight = g.op("Reshape", weight, g.ints(3, 2, 3, 3))
    return g.qhead(g.qdq(g.op("Conv", g.qdq("input"), weight, pads=[1] * 4)))


@case("weights: DequantizeLinear, Identity, Identity", QDQ, "weights-identity")
def identity(g):
    weight = g.op("Identity", g.op("Identity", g.qweight(g.array(3, 2, 3, 3), axis=0)))
    return g.qhead(g.qdq(g.op("Conv", g.qdq("input"), weight, pads=[1] * 4)))


@case("weights: DequantizeLinear, Cast to double and back", QDQ, "weights-cast")
def cast(g):
    weight = g.op("Cast", g.qweight(g.array(3, 2, 3, 3), axis=0), to=TensorProto.DOUBLE)
    weight = g.op("Cast", weight, to=TensorProto.FLOAT)
    return g.qhead(g.qdq(g.op("Conv", g.qdq("input"), weight, pads=[1] * 4)))


@case("weights: DequantizeLinear, Unsqueeze, Squeeze, Flatten", QDQ, "weights-unsqueeze")
def unsqueeze(g):
    weight = g.op("Unsqueeze", g.qweight(g.array(48, g.classes)), g.ints(0))
    weight = g.op("Flatten", g.op("Squeeze", weight, g.ints(0)), axis=1)
    return g.qdq(g.op("MatMul", g.op("Flatten", g.stem()), weight))


@case("weights: the codes are transposed before DequantizeLinear on axis 1", QDQ,
      "weights-codes-transposed")
def codes_transposed(g):
    codes, scale, zero = g.encode(g.array(g.classes, 48), axis=0)
    codes = g.op("Transpose", g.code(codes, "s8"), perm=[1, 0])
    weight = g.op("DequantizeLinear", codes, g.floats(scale), g.code(zero, "s8"), axis=1)
    return g.qdq(g.op("MatMul", g.op("Flatten", g.stem()), weight))


@case("weights: float constant, QuantizeLinear, DequantizeLinear", QDQ, "weights-qdq")
def weights_qdq(g):
    values = g.array(3, 2, 3, 3)
    scale, zero = g.floats(np.abs(values).max((1, 2, 3)) / 127), g.code(np.zeros(3), "s8")
    codes = g.op("QuantizeLinear", g.initializer(values), scale, zero, axis=0)
    weight = g.op("DequantizeLinear", codes, scale, zero, axis=0)
    return g.qhead(g.qdq(g.op("Conv", g.qdq("input"), weight, pads=[1] * 4)))


@case("weights: QuantizeLinear and DequantizeLinear per input channel, their axis left out: 1", QDQ,
      "weights-default-axis")
def weights_default_axis(g):
    values = g.array(3, 2, 3, 2)
    scale, zero = g.floats(np.abs(values).max((0, 2, 3)) / 127), g.code(np.zeros(2), "s8")
    codes = g.op("QuantizeLinear", g.initializer(values), scale, zero)
    weight = g.op("DequantizeLinear", codes, scale, zero)
    return g.qhead(g.qdq(g.op("Conv", g.qdq("input"), weight, pads=[1, 1, 1, 0])))


def limit(g, codes, kind, low, high):
    return g.op("Clip", codes, g.code(low, kind), g.code(high, kind))


@case("weights: QuantizeLinear, Clip to -127 to 127, DequantizeLinear, as PyTorch's narrow range",
      QDQ, "weights-clip-narrow")
def weights_clip(g):
    values = g.array(3, 2, 3, 3)
    values[0, 0, 0, 0] = -np.abs(values).max() * 1.05
    scale, zero = g.floats(np.float32(np.abs(values).max() / 1.02 / 127)), g.code(0, "s8")
    codes = limit(g, g.op("QuantizeLinear", g.initializer(values), scale, zero), "s8", -127, 127)
    weight = g.op("DequantizeLinear", codes, scale, zero)
    return g.qhead(g.qdq(g.op("Conv", g.qdq("input"), weight, pads=[1] * 4)))


@case("weights: QuantizeLinear, Clip to -8 to 7, DequantizeLinear: four bits per filter", QDQ,
      "weights-clip-4bit")
def weights_clip_4bit(g):
    values = g.array(3, 2, 3, 3)
    scale, zero = g.floats(np.abs(values).max((1, 2, 3)) / 7.5), g.code(np.zeros(3), "s8")
    codes = g.op("QuantizeLinear", g.initializer(values), scale, zero, axis=0)
    weight = g.op("DequantizeLinear", limit(g, codes, "s8", -8, 7), scale, zero, axis=0)
    return g.qhead(g.qdq(g.op("Conv", g.qdq("input"), weight, pads=[1] * 4)))


@case("activations: QuantizeLinear, Clip to 0 to 127, DequantizeLinear: seven bits", QDQ,
      "activations-clip-7bit")
def activations_clip(g):
    x = g.op("Relu", g.qconv(g.qdq("input"), 3))
    scale = np.float32(g.value(x).max() / 120)
    codes, *names = g.q(x, "u8", scale, 0)
    limited = limit(g, codes, "u8", 0, 127)
    g.codings[limited] = g.codings[codes]
    return g.qhead(g.dq(limited, *names))


@case("activations: QuantizeLinear, Clip to -7 to 7, DequantizeLinear: four signed bits", QDQ,
      "activations-clip-4bit", act="s8")
def activations_clip_4bit(g):
    x = g.qconv(g.qdq("input"), 3)
    codes, *names = g.q(x, "s8", np.float32(np.abs(g.value(x)).max() / 7.2), 0)
    limited = limit(g, codes, "s8", -7, 7)
    g.codings[limited] = g.codings[codes]
    return g.qhead(g.dq(limited, *names))


def register_four_bits(kind):
    @case(f"activations: QuantizeLinear to {kind}", QDQ, f"activations-{kind}", opset=21)
    def build(g):
        x = g.op("Relu", g.qconv(g.qdq("input"), 3))
        # Some values lie above what the codes reach.
        scale = np.float32(g.value(x).max() / (12 if kind == "u4" else 6))
        return g.qhead(g.qdq(x, kind, scale, 0))


register_four_bits("u4")
register_four_bits("s4")


@case("weights: float constant, QuantizeLinear to int4, DequantizeLinear", QDQ,
      "weights-quantised-int4", opset=21)
def weights_quantised_int4(g):
    values = g.array(3, 2, 3, 3)
    weight = g.qdq(g.initializer(values), "s4", np.float32(np.abs(values).max() / 8.4), 0)
    return g.qhead(g.qdq(g.op("Conv", g.qdq("input"), weight, pads=[1] * 4)))


@case("QuantizeLinear to 16 bits", QDQ, "activations-16bit", refuse="8-bit", opset=21)
def sixteen_bits(g):
    scale = g.floats(2 / 32767)
    zero = g.initializer(np.int16(0))
    x = g.op("DequantizeLinear", g.op("QuantizeLinear", "input", scale, zero), scale, zero)
    return g.qhead(g.qdq(g.op("Conv", x, g.qweight(g.array(3, 2, 3, 3)), pads=[1] * 4)))


@case("QuantizeLinear to 16 bits by its attribute", QDQ, "activations-16bit-dtype",
      refuse="INT16", opset=21)
def sixteen_bits_typed(g):
    x = typed(g, "input", 2 / 32767, TensorProto.INT16)
    return g.qhead(g.qdq(g.op("Conv", x, g.qweight(g.array(3, 2, 3, 3)), pads=[1] * 4)))


# Factors on quantised weights, some of them negative.


def norm(g, x, gamma):
    channels = len(gamma)
    return g.op("BatchNormalization", x, g.floats(gamma), g.uniform(-0.3, 0.3, channels),
                g.uniform(-0.3, 0.3, channels), g.uniform(0.5, 2, channels))


@case("BatchNormalization with negative and zero gamma after a quantised Conv", QDQ,
      "negative-gamma", opset=15)
def negative_gamma(g):
    x = g.op("Conv", g.qdq("input"), g.qweight(g.array(4, 2, 3, 3), axis=0), pads=[1] * 4)
    return g.qhead(g.qdq(g.op("Relu", norm(g, x, [-0.8, 1.2, -1.4, 0.0]))))


@case("the same with one uint8 scale for all weights", QDQ, "negative-gamma-uint8", opset=15)
def negative_gamma_uint8(g):
    weight = g.qweight(g.array(4, 2, 3, 3), "u8", symmetric=False)
    x = g.op("Conv", g.qdq("input"), weight, pads=[1] * 4)
    return g.qhead(g.qdq(norm(g, x, [-0.8, 1.2, -1.4, 0.7])))


@case("Mul with constants of both signs after a quantised Conv", QDQ, "negative-mul")
def negative_mul(g):
    x = g.op("Conv", g.qdq("input"), g.qweight(g.array(3, 2, 3, 3), axis=0), pads=[1] * 4)
    return g.qhead(g.qdq(g.op("Mul", x, g.floats([[[[-0.7]], [[1.3]], [[-1.1]]]]))))


def register_alpha(name, note, alpha, beta, kind, trans_b):
    @case(note, QDQ, name)
    def build(g):
        x = g.op("Flatten", g.stem())
        values = g.array(g.classes, 48)
        weight = g.qweight(values if trans_b else values.T.copy(), kind,
                           symmetric=kind == "s8")
        return g.qdq(g.op("Gemm", x, weight, g.uniform(-1, 1, g.classes),
                              alpha=alpha, beta=beta, transB=trans_b))


register_alpha("negative-alpha", "Gemm with alpha -0.5 on quantised weights", -0.5, 1.0, "s8", 1)
register_alpha("negative-alpha-uint8", "Gemm with alpha -1.5, beta -2 on uint8 weights",
               -1.5, -2.0, "u8", 0)
register_alpha("alpha-beta-quantised", "Gemm with alpha 0.25, beta 3 on quantised weights",
               0.25, 3.0, "s8", 0)
