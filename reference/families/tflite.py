"""Models as converters from TFLite write them: integers at the input, the
image's channels last, every tensor on codes with one scale, and operators that
only move values between QuantizeLinear and DequantizeLinear."""

import numpy as np

from .graph import case

NHWC = (4, 4, 3)


def tensors(**options):
    """Registers a function for unsigned and for signed codes at the input."""
    def register(function):
        name = function.__name__.replace("_", "-")
        for act, word, dtype in [("u8", "uint8", np.uint8), ("s8", "int8", np.int8)]:
            case(f"{' '.join(function.__doc__.split())} Input {word}.", "qdq",
                 f"tflite-{name}-{act}", act=act, dtype=dtype,
                 **{"shape": NHWC, **options})(function)
        return function
    return register


def image(g):
    """The input's codes with scale and zero point, as the converter has them."""
    scale, zero = np.float32(1 / 128), 128 if g.act == "u8" else 0
    g.codings["input"] = g.act, scale, zero
    return "input", g.floats(scale), g.code(zero, g.act)


def move(g, operator, coded, *inputs, **attributes):
    """An operator on codes; scale and zero point stay as they are."""
    codes, *names = coded
    y = g.op(operator, codes, *inputs, **attributes)
    g.codings[y] = g.codings[codes]
    return y, *names


def conv(g, coded, outputs, kernel=3, group=1, clip=True, **attributes):
    """DequantizeLinear, Conv, Clip, QuantizeLinear; one scale per tensor."""
    kind = g.act
    x = g.dq(*coded)
    shape = (outputs, g.shape(x)[1] // group, kernel, kernel)
    weight = g.qweight(g.array(*shape), kind, symmetric=kind == "s8")
    bias = g.qbias(g.rng.uniform(-0.3, 0.3, outputs), x, weight)
    attributes.setdefault("pads", [kernel // 2] * 4)
    y = g.op("Conv", x, weight, bias, group=group, **attributes)
    if clip:
        y = g.op("Clip", y, g.scalar(0), g.scalar(6))
    return g.q(y)


def last(g, coded):
    """Mean over the pixels, 1 x 1 Conv, Reshape of codes, Softmax: MobileNet's end."""
    size = g.shape(coded[0])[2]
    y = g.op("AveragePool", g.dq(*coded), kernel_shape=[size, size])
    y = conv(g, g.q(y, like=coded[0]), g.classes, 1, clip=False)
    y = move(g, "Reshape", y, g.ints(-1, g.classes))
    zero = 0 if g.act == "u8" else -128
    return g.q(g.op("Softmax", g.dq(*y)), scale=np.float32(1 / 256), zero=zero)


@tensors()
def mobilenet(g):
    """Transpose of the input's codes, Conv, depthwise, Conv, AveragePool, Softmax; the output
    is codes."""
    x = move(g, "Transpose", image(g), perm=[0, 3, 1, 2])
    x = conv(g, x, 4, strides=[1, 1])
    x = conv(g, conv(g, x, 4, group=4), 6, 1)
    return last(g, x)[0]


@tensors()
def mobilenet_float_output(g):
    """The same with DequantizeLinear at the end: a float output."""
    x = move(g, "Transpose", image(g), perm=[0, 3, 1, 2])
    return g.dq(*last(g, conv(g, conv(g, x, 4, strides=[2, 2]), 5, 1)))


@tensors()
def transposes(g):
    """Every Conv between Transposes of codes, as a converter without layout optimisation."""
    x = image(g)
    for _ in range(2):
        x = move(g, "Transpose", x, perm=[0, 3, 1, 2])
        x = move(g, "Transpose", conv(g, x, 4), perm=[0, 2, 3, 1])
    x = move(g, "Reshape", x, g.ints(-1, 64))
    weight = g.qweight(g.array(64, g.classes) * 0.3, g.act, symmetric=g.act == "s8")
    return g.q(g.op("MatMul", g.dq(*x), weight))[0]


@tensors()
def transposes_floats(g):
    """Every Conv between Transposes of floats, inside DequantizeLinear and QuantizeLinear."""
    x = image(g)
    for _ in range(2):
        y = g.op("Transpose", g.dq(*x), perm=[0, 3, 1, 2])
        y = g.op("Conv", y, g.qweight(g.array(3, 3, 3, 3), g.act, symmetric=g.act == "s8"),
                 pads=[1] * 4)
        x = g.q(g.op("Transpose", g.op("Relu", y), perm=[0, 2, 3, 1]))
    return g.qhead(g.dq(*x))


@tensors()
def residual(g):
    """Add of two coded tensors with scales of their own, then Relu6."""
    x = move(g, "Transpose", image(g), perm=[0, 3, 1, 2])
    x = conv(g, x, 4)
    y = g.op("Add", g.dq(*conv(g, x, 4, clip=False)), g.dq(*x))
    return last(g, g.q(g.op("Clip", y, g.scalar(0), g.scalar(6))))[0]


@tensors()
def movements(g):
    """Pad with the zero point, MaxPool, Slice and Concat of codes of one scale."""
    x = conv(g, move(g, "Transpose", image(g), perm=[0, 3, 1, 2]), 4)
    zero = x[2]
    x = move(g, "Pad", x, g.ints(0, 0, 0, 0, 0, 0, 1, 1), zero)
    x = move(g, "MaxPool", x, kernel_shape=[2, 2], strides=[1, 1])
    codes, *names = x
    left = g.op("Slice", codes, g.ints(0), g.ints(1), g.ints(1))
    joined = g.op("Concat", codes, left, axis=1)
    g.codings[joined] = g.codings[codes]
    return last(g, (joined, *names))[0]


@tensors()
def resize(g):
    """Resize nearest of codes, then a Conv."""
    x = conv(g, move(g, "Transpose", image(g), perm=[0, 3, 1, 2]), 3, strides=[2, 2])
    x = move(g, "Resize", x, "", g.floats([1, 1, 2, 2]), mode="nearest",
             coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    return last(g, conv(g, x, 4))[0]


@tensors()
def input_requantised(g):
    """The input is dequantised with one scale and at once quantised with another, as TFLite's
    QUANTIZE."""
    x = g.dq(*move(g, "Transpose", image(g), perm=[0, 3, 1, 2]))
    other = "s8" if g.act == "u8" else "u8"
    x = g.q(x, other, scale=np.float32(1 / 120), zero=-3 if other == "s8" else 131)
    return last(g, conv(g, x, 4))[0]


@tensors()
def squeeze_excite(g):
    """Sigmoid with the scale 1/256, Mul of a map by a vector per channel, Mean over the pixels."""
    x = conv(g, move(g, "Transpose", image(g), perm=[0, 3, 1, 2]), 4)
    y = g.q(g.op("ReduceMean", g.dq(*x), axes=[2, 3], keepdims=1))
    y = conv(g, y, 4, 1, clip=False)
    zero = 0 if g.act == "u8" else -128
    y = g.q(g.op("Sigmoid", g.dq(*y)), scale=np.float32(1 / 256), zero=zero)
    return last(g, g.q(g.op("Mul", g.dq(*x), g.dq(*y))))[0]


@tensors(shape=(6,))
def dense(g):
    """MatMul, Add of a bias, Relu; no image at all."""
    x = image(g)
    for outputs, activation in [(8, "Relu"), (4, "Identity")]:
        y = g.dq(*x)
        weight = g.qweight(g.array(g.shape(y)[1], outputs), g.act, symmetric=g.act == "s8")
        y = g.op("Add", g.op("MatMul", y, weight),
                 g.qbias(g.rng.uniform(-0.3, 0.3, outputs), y, weight))
        x = g.q(g.op(activation, y))
    return x[0]


@tensors()
def channel_scales(g):
    """TFLite's newer coding: int8 weights per filter, TensorFlow's HWIO order behind a
    Transpose."""
    x = move(g, "Transpose", image(g), perm=[0, 3, 1, 2])
    values = np.moveaxis(g.array(4, 3, 3, 3), [0, 1], [3, 2])
    weight = g.op("Transpose", g.qweight(values, "s8", axis=3), perm=[3, 2, 0, 1])
    y = g.op("Conv", g.dq(*x), weight, pads=[0, 0, 1, 1], strides=[2, 2])
    return last(g, g.q(g.op("Relu", y)))[0]


@case("a float image, Cast from uint8: the model normalises its own input",
      name="tflite-cast-input",
      shape=NHWC, dtype=np.uint8)
def cast_input(g):
    x = g.op("Cast", "input", to=1)
    x = g.op("Sub", g.op("Mul", x, g.scalar(1 / 127.5)), g.scalar(1))
    x = g.op("Transpose", x, perm=[0, 3, 1, 2])
    return g.fhead(g.op("Relu", g.conv(x, 3, 3, 3, bias=True)))
