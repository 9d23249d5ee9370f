"""ConvInteger and MatMulInteger; their scales are in float operators after them."""

import numpy as np
from onnx import TensorProto

from .graph import case


def integer_layer(g, operator, coded_x, values, bias, **attributes):
    """ConvInteger or MatMulInteger, Cast, Mul by the product of scales, Add."""
    x, scale, zero = coded_x
    codes, w_scale, w_zero = g.encode(values, "s8")
    codes, w_scale, w_zero = g.code(codes, "s8"), g.floats(w_scale), g.code(w_zero, "s8")
    y = g.op("Cast", g.op(operator, x, codes, zero, w_zero, **attributes), to=TensorProto.FLOAT)
    y = g.op("Mul", y, g.op("Mul", scale, w_scale))
    return g.op("Add", y, g.uniform(-0.3, 0.3, *bias))


def register_integer(act):
    @case(f"ConvInteger and MatMulInteger with constant scales, Cast, Mul, Add; {act}",
          "qoperator", f"integer-constant-scales-{act}", act=act)
    def constant_scales(g):
        x = integer_layer(g, "ConvInteger", g.q("input"), g.array(3, 2, 3, 3), (1, 3, 1, 1),
                          pads=[1] * 4)
        x = g.q(g.op("Flatten", g.op("Relu", x)))
        return integer_layer(g, "MatMulInteger", x, g.array(48, g.classes) * 0.3, (g.classes,))


# ConvInteger of ONNX Runtime takes unsigned activations only.
register_integer("u8")


@case("MatMulInteger, weights per column, no zero points, one Mul by a constant", "qoperator",
      "integer-matmul-columns", shape=(6,))
def matmul_columns_integer(g):
    x, _, zero = g.q("input")
    codes, scale, _ = g.encode(g.array(6, g.classes), "s8", 1)
    y = g.op("Cast", g.op("MatMulInteger", x, g.code(codes, "s8"), zero), to=TensorProto.FLOAT)
    return g.op("Mul", y, g.floats(np.float32(g.codings[x][1]) * scale))


@case("MatMulInteger without any zero point, of int8 activations", "qoperator",
      "integer-no-zero-points", shape=(6,), act="s8")
def no_zero_points(g):
    x, _, _ = g.q("input", symmetric=True)
    codes, scale, _ = g.encode(g.array(6, g.classes), "s8")
    y = g.op("Cast", g.op("MatMulInteger", x, g.code(codes, "s8")), to=TensorProto.FLOAT)
    return g.op("Mul", y, g.floats(np.float32(g.codings[x][1]) * scale))


@case("what quantize_dynamic writes: the scale of the activations is computed per batch",
      "qoperator", "integer-dynamic", refuse="DynamicQuantizeLinear", shape=(6,))
def dynamic(g):
    x = "input"
    for outputs in [5, g.classes]:
        coded_x = g.op("DynamicQuantizeLinear", x, outputs=3)
        x = integer_layer(g, "MatMulInteger", coded_x, g.array(g.shape(x)[1], outputs), (outputs,))
    return x
