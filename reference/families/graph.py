"""What the families share: a graph that quantises itself, and their register."""

import zlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import helper, numpy_helper

import float_models
from ml_dtypes import int4, uint4

SEED = 1
TYPES = {"u8": np.uint8, "s8": np.int8, "u4": uint4, "s4": int4}
RANGES = {"u8": (0, 255), "s8": (-128, 127), "u4": (0, 15), "s4": (-8, 7)}
# The oldest IR version that an operator set needs: 4-bit types came with 10.
IR_VERSIONS = [(23, 11), (21, 10), (20, 9), (15, 8), (10, 7)]


def session(model):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model.SerializeToString(), options)


def coding(values, kind, symmetric=False):
    """Scale and zero point that hold the values, zero among them."""
    bottom, top = RANGES[kind]
    low, high = min(0.0, float(np.min(values))), max(0.0, float(np.max(values)))
    if symmetric:
        scale = max(-low, high) / top if bottom < 0 else 2 * max(-low, high) / (top - bottom)
        return np.float32(scale or 1), (bottom + top + 1) // 2
    scale = (high - low) / (top - bottom) or 1
    return np.float32(scale), int(np.clip(round(bottom - low / scale), bottom, top))


class Graph(float_models.Graph):
    """A graph under construction. It knows its own input, and runs what there
    is so far to see the range that a scale must hold."""

    def __init__(self, name, shape=(2, 4, 4), opset=13, batch="N", images=2, classes=4,
                 act="u8", dtype=np.float32):
        # The twin of a model in another format has the same numbers.
        seed = zlib.crc32(name.removesuffix("-as-qdq").encode())
        rng = np.random.default_rng([SEED, seed])
        super().__init__(rng, shape, opset, batch)
        self.name, self.images, self.classes, self.act = name, images, classes, act
        self.inputs, self.feeds, self.codings, self.step = [], {}, {}, None
        self.functions = []
        self.add_input("input", shape, dtype)

    def add_input(self, name, shape, dtype=np.float32):
        shape = (self.images, *shape)
        if dtype == np.float32:
            # Three decimals keep the files small.
            data = np.round(self.rng.uniform(-2, 2, shape), 3).astype(dtype)
        else:
            information = np.iinfo(dtype)
            data = self.rng.integers(information.min, information.max + 1, shape).astype(dtype)
        self.feeds[name] = data
        self.inputs.append(helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(data.dtype), [self.batch, *shape[1:]]))
        return name

    def op(self, kind, *inputs, outputs=1, **attributes):
        if attributes.get("domain") is None:
            attributes.pop("domain", None)
        return super().op(kind, *inputs, outputs=outputs, **attributes)

    def floats(self, values):
        return self.initializer(np.asarray(values, np.float32))

    def array(self, *shape):
        """Weights as an array, normal with a spread that keeps the variance."""
        spread = np.sqrt(2 / max(1, int(np.prod(shape[1:]))))
        return (self.rng.standard_normal(shape) * spread).astype(np.float32)

    def assemble(self, nodes, outputs):
        inputs, ir_version = list(self.inputs), 3
        for opset, version in IR_VERSIONS:
            if self.opset >= opset:
                ir_version = version
                break
        if ir_version == 3:
            inputs += [helper.make_tensor_value_info(t.name, t.data_type, t.dims)
                       for t in self.initializers]
        imports = [helper.make_opsetid("", self.opset)]
        imports += [helper.make_opsetid(domain, 1)
                    for domain in sorted({node.domain for node in nodes} - {""})]
        graph = helper.make_graph(nodes, "odd", inputs, outputs, self.initializers)
        return helper.make_model(graph, opset_imports=imports, ir_version=ir_version,
                                 functions=self.functions, producer_name="odd_models.py")

    def run(self, nodes, name):
        model = self.assemble(nodes, [onnx.ValueInfoProto(name=name)])
        return session(model).run([name], self.feeds)[0]

    def value(self, name):
        """What the tensor holds for the graph's own input."""
        if name in self.feeds:
            return self.feeds[name]
        for tensor in self.initializers:
            if tensor.name == name:
                return numpy_helper.to_array(tensor)
        return self.run(self.nodes, name)

    def shape(self, name):
        return self.value(name).shape

    def trial(self, build):
        """What a tensor would hold, without leaving its nodes in the graph."""
        nodes, initializers = len(self.nodes), len(self.initializers)
        value = self.value(build())
        del self.nodes[nodes:], self.initializers[initializers:]
        return value

    # Quantised tensors.

    def code(self, value, kind):
        return self.initializer(np.asarray(value).astype(TYPES[kind]))

    def q(self, x, kind=None, scale=None, zero=None, like=None, symmetric=False):
        """QuantizeLinear; returns the codes and the names of scale and zero."""
        kind = kind or self.act
        if like is not None:
            kind, scale, zero = self.codings[like]
        if scale is None:
            scale, zero = coding(self.value(x), kind, symmetric)
        names = self.floats(scale), self.code(zero, kind)
        y = self.op("QuantizeLinear", x, *names)
        self.codings[y] = kind, scale, zero
        return y, *names

    def dq(self, codes, scale, zero, **attributes):
        y = self.op("DequantizeLinear", codes, scale, zero, **attributes)
        if codes in self.codings:
            self.codings[y] = self.codings[codes]
        return y

    def qdq(self, x, *args, **options):
        return self.dq(*self.q(x, *args, **options))

    def encode(self, values, kind="s8", axis=None, symmetric=True):
        """Codes, scales and zero points of weights, as arrays."""
        if axis is None:
            scale, zero = coding(values, kind, symmetric)
            bottom, top = RANGES[kind]
            return np.clip(np.round(values / scale) + zero, bottom, top), scale, zero
        parts = np.moveaxis(values, axis, 0)
        coded = [self.encode(part, kind, None, symmetric) for part in parts]
        return (np.moveaxis(np.array([c[0] for c in coded]), 0, axis),
                np.array([c[1] for c in coded]), np.array([c[2] for c in coded]))

    def qweight(self, values, kind="s8", axis=None, written_axis=None, symmetric=True):
        """DequantizeLinear of constant codes."""
        codes, scale, zero = self.encode(values, kind, axis, symmetric)
        written_axis = axis if written_axis is None else written_axis
        attributes = {} if axis is None else {"axis": written_axis}
        y = self.dq(self.code(codes, kind), self.floats(scale), self.code(zero, kind), **attributes)
        self.codings[y] = kind, scale, zero
        return y

    def qbias(self, values, x, weight):
        """32-bit codes with the scale of the sums."""
        scale = np.float32(self.codings[x][1]) * np.asarray(self.codings[weight][1], np.float32)
        codes = self.initializer(np.round(values / scale).astype(np.int32))
        zero = self.initializer(np.zeros(scale.shape, np.int32))
        attributes = {"axis": 0} if scale.shape else {}
        return self.op("DequantizeLinear", codes, self.floats(scale), zero, **attributes)

    def qconv(self, x, outputs, kernel=3, kind="s8", axis=None, bias=True, group=1, **attributes):
        weight = self.qweight(
            self.array(outputs, self.shape(x)[1] // group, kernel, kernel), kind, axis)
        extra = [self.qbias(self.rng.uniform(-0.3, 0.3, outputs), x, weight)] if bias else []
        attributes.setdefault("pads", [kernel // 2] * 4)
        return self.op("Conv", x, weight, *extra, group=group, **attributes)

    def stem(self, outputs=3, **attributes):
        """Quantised input and convolution, before what a model is about."""
        return self.qdq(self.qconv(self.qdq("input"), outputs, **attributes))

    def qgemm(self, x, outputs, kind="s8", axis=None, **attributes):
        weight = self.qweight(self.array(outputs, self.shape(x)[1]), kind, axis)
        bias = self.qbias(self.rng.uniform(-0.3, 0.3, outputs), x, weight)
        return self.op("Gemm", x, weight, bias, transB=1, **attributes)

    def qhead(self, x):
        """Flatten and the classifier; the scores are on codes."""
        if len(self.shape(x)) > 2:
            x = self.qdq(self.op("Flatten", x), like=x if x in self.codings else None)
        return self.qdq(self.qgemm(x, self.classes))

    def fhead(self, x):
        """The same in float; every position of `x` counts."""
        if len(self.shape(x)) > 2:
            x = self.op("Flatten", x)
        return self.gemm(x, self.shape(x)[1], self.classes)

    def finish(self, results):
        """The model whose graph outputs are these tensors, and their values."""
        results = [results] if isinstance(results, str) else results
        if results[0] in self.codings:
            self.step = float(str(self.codings[results[0]][1]))
        names = ["output", "output2", "output3"][:len(results)]
        for result, name in zip(results, names):
            for node in self.nodes:
                for listed in (node.input, node.output):
                    for index, value in enumerate(listed):
                        if value == result:
                            listed[index] = name
        outputs = []
        for name in names:
            value = self.value(name)
            if name == "output" and np.issubdtype(value.dtype, np.integer):
                self.step = 1.0
            shape = list(value.shape)
            if isinstance(self.batch, str) and shape[:1] == [self.images]:
                shape[0] = self.batch
            outputs.append(helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(value.dtype), shape))
        model = self.assemble(self.nodes, outputs)
        onnx.checker.check_model(model, full_check=True)
        return model


CASES = {}


def case(note, kind="float", name=None, refuse=None, **options):
    """Registers a function that builds a graph and returns its results."""
    def register(function):
        title = name or function.__name__.replace("_", "-")
        assert title not in CASES, title
        CASES[title] = function, note, kind, refuse, options
        return function
    return register


def both(note, name=None, **options):
    """The same model with unsigned and with signed activations."""
    def register(function):
        for act, word in [("u8", "uint8"), ("s8", "int8")]:
            title = name or function.__name__.replace("_", "-")
            case(f"{note}; {word}", "qdq", f"{title}-{act}", act=act, **options)(function)
        return function
    return register
