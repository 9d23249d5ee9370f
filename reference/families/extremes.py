"""Equal elements, zeros of both signs, and other values on which runtimes differ."""

import numpy as np
from onnx import TensorProto

from .graph import case


def register(name, note, operator, opset=13, dtype=np.float32, values=(-1, 0, 1), **attributes):
    """The operator on few different values, beside a layer."""
    @case(f"{operator}: {note}", name=name, opset=opset, dtype=dtype, shape=(3, 4, 5))
    def build(g):
        g.feeds["input"] = g.rng.choice(np.array(values, dtype), (g.images, 3, 4, 5))
        real = "input"
        if dtype != np.float32:
            real = g.op("Cast", "input", to=TensorProto.FLOAT)
        return [g.fhead(real), g.op(operator, "input", **attributes)]


for operator in ["ArgMax", "ArgMin"]:
    name = operator.lower()
    register(f"{name}-ties", "the first of equal ones", operator, axis=1)
    register(f"{name}-ties-negative", "axis -2 removed", operator, opset=11, axis=-2, keepdims=0)
    register(f"{name}-ties-last", "the last of equal ones", operator, axis=2, select_last_index=1)
    register(f"{name}-ties-last-negative", "the last of equal ones, axis -1 removed", operator,
             opset=18, axis=-1, keepdims=0, select_last_index=1)
    register(f"{name}-ties-integers", "the first of equal integers", operator, opset=18,
             dtype=np.int32, axis=3, keepdims=0)
register("hardmax-ties", "the first of equal ones", "Hardmax", axis=1)
register("hardmax-ties-opset11", "the first of equal ones of all axes", "Hardmax", opset=11, axis=1)
register("hardmax-ties-opset18", "the first of equal ones, the last axis", "Hardmax", opset=18)
register("sign-zero", "of zeros of both signs, and of small numbers", "Sign",
         values=(-3, -1e-3, -0.0, 0.0, 1e-3, 2))
register("sign-zero-integers", "of integers", "Sign", dtype=np.int32, values=(-700, -1, 0, 1, 3))


@case("Cast to bool of fractions and of integers above 1", name="cast-bool", shape=(3, 4))
def cast_bool(g):
    g.feeds["input"] = g.rng.choice(np.array([-2.5, -0.3, -0.0, 0.0, 0.4, 3], np.float32),
                                    (g.images, 3, 4))
    whole = g.op("Cast", "input", to=TensorProto.INT64)
    true = [g.op("Cast", x, to=TensorProto.BOOL) for x in ["input", whole]]
    return [g.fhead("input"), *[g.op("Cast", x, to=TensorProto.FLOAT) for x in true]]
