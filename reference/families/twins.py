"""Layers that can be written in two forms: as operators on codes (QLinearConv and
its relatives), or between DequantizeLinear and QuantizeLinear."""

import numpy as np

from .graph import Graph, case, coding

MICROSOFT = "com.microsoft"


def twins(note, variant="", opset=13, **options):
    """Registers the model and its twin, for unsigned and for signed codes."""
    def register(function):
        for act, word in [("u8", "uint8"), ("s8", "int8")]:
            name = f"qoperator-{function.__name__.replace('_', '-')}{variant}-{act}"
            for ending, kind in [("", "qoperator"), ("-as-qdq", "qdq")]:
                def build(g, kind=kind, settings={"act": act, "opset": opset, **options}):
                    # The QDQ form's codings are the plan for both: the two
                    # may round an inner code differently.
                    twin = Graph(g.name, **settings)
                    prepare(twin, "qdq", [])
                    function(twin)
                    prepare(g, kind, twin.plan if kind == "qoperator" else [])
                    return g.dq(*function(g))
                text = note if kind == "qoperator" else f"{note}, as QDQ"
                case(f"{text}; {word}", kind, name + ending, act=act, opset=opset,
                     **options)(build)
        return function
    return register


def prepare(g, form, plan):
    """`axes` are those of the scales of weights, where there are several."""
    g.form, g.plan, g.coded, g.axes = form, plan, [], {}


def coded(g, operator, domain, inputs, floats, attributes=None, bias=None, lead=False, own=None):
    """`operator` on coded tensors, or what it means between DQ and Q.

    `inputs` are triples of codes, scale and zero point; `floats` builds the
    float operator from their values; `own` are attributes of the form on codes.
    """
    def as_float():
        axes = [{"axis": g.axes[t[0]]} if t[0] in g.axes else {} for t in inputs]
        return floats(*[g.dq(*t, **axis) for t, axis in zip(inputs, axes)])

    kind = g.act
    if g.form == "qdq":
        g.plan.append(coding(g.trial(as_float), kind))
    scale, zero = g.plan[len(g.coded)]
    g.coded.append(operator)
    if g.form == "qdq":
        return g.q(as_float(), kind, scale, zero)
    result = g.floats(scale), g.code(zero, kind)
    listed = [name for triple in inputs for name in triple]
    if lead:
        listed = [*result, *listed]
    elif operator == "QGemm":
        listed += [bias or "", *result]
    else:
        listed += [*result] + ([bias] if bias else [])
    y = g.op(operator, *listed, domain=domain, **(attributes or {}), **(own or {}))
    g.codings[y] = kind, scale, zero
    return y, *result


def weights(g, values, kind=None, axis=None):
    kind = kind or g.act
    codes, scale, zero = g.encode(values, kind, axis, symmetric=kind == "s8")
    names = g.code(codes, kind), g.floats(scale), g.code(zero, kind)
    g.codings[names[0]] = kind, scale, zero
    if axis is not None:
        g.axes[names[0]] = axis
    return names


def bias_codes(g, values, x, weight):
    """32-bit codes, and the float bias that they stand for."""
    scale = np.float32(g.codings[x[0]][1]) * np.asarray(g.codings[weight[0]][1], np.float32)
    return g.initializer(np.round(values / scale).astype(np.int32)), scale


def conv(g, x, outputs, kernel=3, group=1, kind=None, axis=None, bias=True, **attributes):
    channels = g.shape(x[0])[1]
    weight = weights(g, g.array(outputs, channels // group, kernel, kernel), kind, axis)
    codes, scale = bias_codes(g, g.rng.uniform(-0.3, 0.3, outputs), x, weight)
    attributes = {"pads": [kernel // 2] * 4, "group": group, **attributes}

    def floats(a, b):
        extra = [dequantised_bias(g, codes, scale)] if bias else []
        return g.op("Conv", a, b, *extra, **attributes)

    return coded(g, "QLinearConv", None, [x, weight], floats, attributes, codes if bias else None)


def dequantised_bias(g, codes, scale):
    zero = g.initializer(np.zeros(np.shape(scale), np.int32))
    attributes = {"axis": 0} if np.ndim(scale) else {}
    return g.op("DequantizeLinear", codes, g.floats(scale), zero, **attributes)


def matmul(g, x, outputs, kind=None, axis=None):
    weight = weights(g, g.array(g.shape(x[0])[-1], outputs), kind, axis)
    return coded(g, "QLinearMatMul", None, [x, weight], lambda a, b: g.op("MatMul", a, b))


def gemm(g, x, outputs, kind=None, axis=None, trans_b=1, bias=True, **factors):
    values = g.array(outputs, g.shape(x[0])[1])
    weight = weights(g, values if trans_b else values.T.copy(), kind, axis)
    codes, scale = bias_codes(g, g.rng.uniform(-0.3, 0.3, outputs), x, weight)
    attributes = {"transB": trans_b, **factors}

    def floats(a, b):
        extra = [dequantised_bias(g, codes, scale)] if bias else []
        return g.op("Gemm", a, b, *extra, **attributes)

    return coded(g, "QGemm", MICROSOFT, [x, weight], floats, attributes, codes if bias else None)
