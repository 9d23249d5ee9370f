"""What ONNX Runtime's `quantize_static` makes of small networks, as they are:
without folding of BatchNormalization and without simplified shapes."""

import pathlib
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper
from onnxruntime import quantization
from onnxruntime.quantization import QuantFormat, QuantType

from .graph import case

TYPES = {"u8": QuantType.QUInt8, "s8": QuantType.QInt8, "s16": QuantType.QInt16}


class Reader(quantization.CalibrationDataReader):
    """The model's own input calibrates it."""

    def __init__(self, feeds):
        self.batches = iter([feeds])

    def get_next(self):
        return next(self.batches, None)


def quantised(g, results, form, weights="s8", per_channel=False, **options):
    """The finished model, quantised; the step is the output's scale."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = (str(pathlib.Path(folder) / name) for name in ["float", "coded"])
        onnx.save(g.finish(results), source)
        quantization.quantize_static(
            source, target, Reader(g.feeds), quant_format=form, per_channel=per_channel,
            activation_type=TYPES[g.act], weight_type=TYPES[weights], **options)
        model = onnx.load(target)
    producer = next(node for node in model.graph.node if "output" in node.output)
    if producer.op_type == "DequantizeLinear":
        scale = next(t for t in model.graph.initializer if t.name == producer.input[1])
        g.step = float(str(numpy_helper.to_array(scale).ravel()[0]))
    return model


def small_network(g):
    """Conv, depthwise, Add, Concat, MaxPool, Sigmoid, LeakyRelu, MatMul, Gemm."""
    x = g.op("Relu", g.conv("input", 2, 4, 3, bias=True))
    y = g.conv(x, 4, 4, 3, bias=True, group=4)
    x = g.op("Add", x, g.op("LeakyRelu", y, alpha=0.2))
    y = g.op("Sigmoid", g.conv(x, 4, 4, 1, bias=True))
    x = g.op("Concat", g.op("Mul", x, y), x, axis=1)
    x = g.conv(x, 8, 5, 3, bias=True, strides=[2, 2])
    x = g.op("MaxPool", x, kernel_shape=[2, 2], strides=[1, 1])
    x = g.op("Flatten", g.op("GlobalAveragePool", x))
    return g.gemm(g.op("MatMul", x, g.weight(5, 6)), 6, g.classes)


def softmax_network(g):
    """Conv, AveragePool, Gemm, Softmax."""
    x = g.op("Relu", g.conv("input", 2, 3, 3, bias=True))
    x = g.op("AveragePool", x, kernel_shape=[3, 3])
    return g.op("Softmax", g.fhead(x), axis=-1)


def padded_network(g):
    """As torch exports F.pad and layers: Pad with a computed shape, BatchNormalization, view."""
    shape = g.op("Shape", g.ints(0, 0, 0, 0))
    rest = g.op("Sub", g.ints(8), shape)
    zeros = g.op("ConstantOfShape", rest, value=numpy_helper.from_array(np.zeros(1, np.int64)))
    pairs = g.op("Concat", g.ints(1, 0, 1, 2), zeros, axis=0)
    pairs = g.op("Reshape", pairs, g.ints(-1, 2))
    pairs = g.op("Slice", pairs, g.ints(-1), g.ints(-(2**63)), g.ints(0), g.ints(-1))
    pads = g.op("Cast", g.op("Reshape", g.op("Transpose", pairs, perm=[1, 0]), g.ints(-1)), to=7)
    x = g.op("Pad", "input", pads, g.scalar(0), mode="constant")
    x = g.op("Relu", g.batch_norm(g.conv(x, 2, 4, 3, pads=[0] * 4), 4))
    x = g.op("Pad", x, g.ints(0, 0, 0, 0, 0, 0, 1, 1), mode="reflect")
    x = g.op("Relu", g.batch_norm(g.conv(x, 4, 4, 3, strides=[2, 2], pads=[0] * 4), 4))
    size = g.op("Gather", g.op("Shape", x), g.initializer(np.int64(0)), axis=0)
    size = g.op("Unsqueeze", size, g.ints(0))
    columns = g.shape(x)[1] * g.shape(x)[2] * g.shape(x)[3]
    x = g.op("Reshape", x, g.op("Concat", size, g.ints(-1), axis=0))
    return g.gemm(x, columns, g.classes)


def register(network_name, network, acts=("u8", "s8"), **options):
    """QOperator and QDQ of one network, calibration and type."""
    for act in acts:
        for form, kind in [(QuantFormat.QOperator, "qoperator"), (QuantFormat.QDQ, "qdq")]:
            title = f"static-{network_name}-{act}"

            def build(g, form=form):
                return quantised(g, network(g), form, **options)

            note = f"{' '.join(network.__doc__.split())} By quantize_static."
            name = title if kind == "qoperator" else f"{title}-as-qdq"
            case(f"{note} {options or ''}".strip(), kind, name, act=act, shape=(2, 6, 6),
                 opset=15)(build)


register("network", small_network)
register("network-channels", small_network, per_channel=True)
register("network-uint8-weights", small_network, ["u8"], weights="u8")
register("pad", padded_network)
register("symmetric", small_network, ["s8"],
         extra_options={"ActivationSymmetric": True, "QuantizeBias": False})


def register_softmax(form, kind):
    # ONNX Runtime gives Softmax the scale 1/256 in one form and 1/255 in the
    # other, AveragePool its own scale or its input's: these two are no twins.
    for act in ["u8", "s8"]:
        @case("Conv, AveragePool, Gemm and Softmax by quantize_static", kind,
              f"static-softmax-{kind}-{act}", act=act, opset=15)
        def build(g):
            return quantised(g, softmax_network(g), form)


register_softmax(QuantFormat.QOperator, "qoperator")
register_softmax(QuantFormat.QDQ, "qdq")


@case("quantize_static with 16-bit activations", "qdq",
      "static-int16", refuse="int16", shape=(2, 6, 6), opset=21)
def int16_activations(g):
    g.act = "s16"
    return quantised(g, small_network(g), QuantFormat.QDQ)
