"""Conv: padding of every kind, Pad before it, biases, groups and ranks."""

from onnx import numpy_helper

from .graph import case


def finish(g, y):
    return g.fhead(g.op("Relu", y))


def register_pads(name, note, shape=(2, 6, 6), kernel=3, **attributes):
    """Once in float with the size of the batch free, once quantised."""
    @case(note, name=f"conv-{name}", shape=shape)
    def float_model(g):
        return finish(g, g.conv("input", shape[0], 3, kernel, bias=True, **dict(attributes)))

    @case(f"{note}; quantised", "qdq", f"conv-{name}-qdq", shape=shape)
    def quantised_model(g):
        options = dict(attributes)
        if "auto_pad" in options:
            weight = g.qweight(g.array(3, shape[0], kernel, kernel))
            y = g.op("Conv", g.qdq("input"), weight, **options)
        else:
            y = g.qconv(g.qdq("input"), 3, kernel, **options)
        return g.qhead(g.qdq(y))


register_pads("valid", "auto_pad VALID, stride 2", auto_pad="VALID", strides=[2, 2])
register_pads("same-upper", "auto_pad SAME_UPPER, stride 2, an uneven row at the end",
              auto_pad="SAME_UPPER", strides=[2, 2])
register_pads("same-lower", "auto_pad SAME_LOWER, stride 2, an uneven row at the beginning",
              auto_pad="SAME_LOWER", strides=[2, 2])
register_pads("same-upper-even", "auto_pad SAME_UPPER, kernel 2, stride 1", kernel=2,
              auto_pad="SAME_UPPER")
register_pads("same-lower-stride3", "auto_pad SAME_LOWER, strides 3 and 1, 7 x 5",
              shape=(2, 7, 5), auto_pad="SAME_LOWER", strides=[3, 1])
register_pads("same-kernel-smaller-than-stride", "auto_pad SAME_UPPER, kernel 1, stride 2",
              kernel=1, auto_pad="SAME_UPPER", strides=[2, 2])
register_pads("notset", "auto_pad NOTSET with pads", auto_pad="NOTSET", pads=[1, 1, 1, 1])
register_pads("pads-uneven", "pads 0, 2, 1, 0", pads=[0, 2, 1, 0])
register_pads("pads-uneven-strided", "pads 2, 0, 0, 1, strides 2 and 3", pads=[2, 0, 0, 1],
              strides=[2, 3])
register_pads("pads-wider-than-kernel", "pads 4 at the end: whole windows of padding",
              pads=[0, 0, 4, 4])
register_pads("dilated", "dilations 2 and 1, pads 2 and 1", dilations=[2, 1], pads=[2, 1, 2, 1])


def register_pad(name, note, pads, before=False, opset=13, value=None, axes=None,
                 kind="float", **attributes):
    """A Pad before the Conv, on the input or on an activation of both signs."""
    @case(note, kind, f"pad-{name}", opset=opset, shape=(2, 6, 6))
    def build(g):
        x = g.qdq("input") if kind == "qdq" else "input"
        if not before:
            x = g.qdq(g.qconv(x, 2)) if kind == "qdq" else g.conv(x, 2, 2, 3, bias=True)
        if opset < 11:
            y = g.op("Pad", x, pads=pads, **attributes)
        else:
            extra = [g.scalar(value)] if value is not None else []
            if axes is not None:
                extra = (extra or [""]) + [g.ints(*axes)]
            y = g.op("Pad", x, g.ints(*pads), *extra, **attributes)
        if kind == "qdq":
            y = g.qdq(y)
            return g.qhead(g.qdq(g.qconv(y, 3, pads=[0] * 4)))
        return finish(g, g.conv(y, 2, 3, 3, bias=True, pads=[0] * 4))


AROUND = [0, 0, 1, 1, 0, 0, 1, 1]
for with_codes in ["float", "qdq"]:
    end = "-qdq" if with_codes == "qdq" else ""
    register_pad(f"constant{end}", "Pad with 0.75 before a Conv", AROUND, value=0.75,
                 kind=with_codes, mode="constant")
    register_pad(f"zero-uneven{end}", "Pad with zeros, uneven, before a Conv",
                 [0, 0, 0, 2, 0, 0, 1, 0], value=0, kind=with_codes)
    register_pad(f"reflect{end}", "reflecting Pad before a Conv", [0, 0, 2, 1, 0, 0, 1, 2],
                 kind=with_codes, mode="reflect")
    register_pad(f"edge{end}", "Pad that repeats the edge before a Conv",
                 [0, 0, 2, 1, 0, 0, 0, 1], kind=with_codes, mode="edge")
    register_pad(f"crop{end}", "Pad with negative pads: a crop", [0, 0, -1, 0, 0, 0, -1, -2],
                 kind=with_codes)
    register_pad(f"crop-and-pad{end}", "Pad that crops one side and pads the other",
                 [0, 0, -1, 2, 0, 0, 1, -1], value=0, kind=with_codes)
register_pad("channels", "Pad that adds channels of zeros, then crops one",
             [0, 1, 0, 0, 0, -1, 0, 0], value=0)
register_pad("negative-value", "Pad with -0.5 on the input itself", AROUND, before=True, value=-0.5)
register_pad("opset10", "Pad by attributes with a value", AROUND, opset=10, value=0,
             mode="constant")
register_pad("axes", "Pad with negative axes as an input and no value", [1, 2, 0, 1], opset=18,
             axes=[-1, -2])
register_pad("wrap", "Pad that wraps around", AROUND, opset=19, mode="wrap")


# Biases and ranks.


@case("the bias is a Constant node", name="conv-bias-constant")
def bias_constant(g):
    bias = g.op("Constant", value=numpy_helper.from_array(
        g.rng.uniform(-1, 1, 3).astype("float32")))
    return finish(g, g.op("Conv", "input", g.weight(3, 2, 3, 3), bias))


@case("the bias of a Conv is a constant of shape [1, 3, 1, 1] that a Reshape flattens",
      name="conv-bias-reshaped")
def bias_reshaped(g):
    bias = g.op("Reshape", g.uniform(-1, 1, 1, 3, 1, 1), g.ints(-1))
    return finish(g, g.op("Conv", "input", g.weight(3, 2, 3, 3), bias))


@case("Add of a constant [3, 1, 1], then Add of a scalar, then Sub of [1, 3, 1, 1]",
      name="conv-add-bias")
def add_bias(g):
    y = g.op("Add", g.uniform(-1, 1, 3, 1, 1), g.conv("input", 2, 3, 3))
    y = g.op("Sub", g.op("Add", y, g.scalar(0.3)), g.uniform(-1, 1, 1, 3, 1, 1))
    return finish(g, y)


@case("Add of a constant with the whole shape [1, 3, 4, 4]", name="conv-add-map")
def add_map(g):
    return finish(g, g.op("Add", g.conv("input", 2, 3, 3), g.uniform(-1, 1, 1, 3, 4, 4)))


@case("the bias is a float constant in a quantised model", "qdq", "conv-bias-float")
def bias_float(g):
    weight = g.qweight(g.array(3, 2, 3, 3), axis=0)
    y = g.op("Conv", g.qdq("input"), weight, g.uniform(-1, 1, 3), pads=[1] * 4)
    return g.qhead(g.qdq(y))


@case("depthwise with per-filter scales and a channel multiplier of 2", "qdq", "conv-depthwise-qdq")
def depthwise(g):
    return g.qhead(g.qdq(g.qconv(g.stem(), 6, axis=0, group=3)))


@case("groups of 2 channels", "qdq", "conv-groups-qdq")
def groups(g):
    return g.qhead(g.qdq(g.qconv(g.stem(4), 6, axis=0, group=2)))


@case("1-D, SAME_LOWER, stride 2", name="conv1d-same-lower", shape=(2, 9))
def conv1d(g):
    y = g.op("Conv", "input", g.weight(3, 2, 4), g.uniform(-1, 1, 3), strides=[2],
             auto_pad="SAME_LOWER")
    return finish(g, y)


@case("3-D convolution", name="conv3d", refuse="2-D", shape=(1, 3, 4, 4))
def conv3d(g):
    y = g.op("Conv", "input", g.weight(3, 1, 2, 3, 3), g.uniform(-1, 1, 3),
             pads=[0, 1, 1, 0, 1, 1])
    return finish(g, y)


@case("ConvTranspose, stride 2, output_padding, pads", name="conv-transpose", shape=(2, 4, 4))
def conv_transpose(g):
    x = g.op("Relu", g.conv("input", 2, 3, 3, strides=[2, 2]))
    y = g.op("ConvTranspose", x, g.weight(3, 2, 3, 3), g.uniform(-1, 1, 2), strides=[2, 2],
             pads=[1] * 4, output_padding=[1, 1])
    return finish(g, y)


@case("ConvTranspose between Q and DQ", "qdq", "conv-transpose-qdq")
def conv_transpose_qdq(g):
    y = g.op("ConvTranspose", g.stem(strides=[2, 2]), g.qweight(g.array(3, 2, 3, 3)),
             strides=[2, 2], pads=[1] * 4, output_padding=[1, 1])
    return g.qhead(g.qdq(y))


@case("the weights are an activation", name="conv-dynamic-weights", images=1, batch=1)
def dynamic_weights(g):
    weight = g.op("Reshape", g.gemm(g.op("Flatten", "input"), 32, 54), g.ints(3, 2, 3, 3))
    return finish(g, g.op("Conv", "input", weight, pads=[1] * 4))
