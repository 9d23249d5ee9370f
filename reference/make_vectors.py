"""Write the reference vectors: tiny models and what ONNX Runtime computes.

    pip install onnxruntime==1.32.0 onnx numpy
    python3 make_vectors.py

Writes integer_vectors.json and models/ beside this file; README.md documents
the fields. The embedded network must exist (zoo/README.md). Sessions run
without graph optimisation, so that the operators run as the file says them.
"""

import json
import pathlib
import platform
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import quantization
from onnxruntime.quantization import QuantFormat, QuantType, shape_inference

import float_models

HERE = pathlib.Path(__file__).parent
MODELS = HERE / "models"
ASSETS = HERE.parent / "cli" / "assets"
sys.path.append(str(HERE.parent / "zoo"))
import idx  # noqa: E402

SEED = 1
QDQ_IMAGES = 64
HEADER = {
    "generator": "reference/make_vectors.py",
    "seed": SEED,
    "versions": {"python": platform.python_version(), "onnxruntime": ort.__version__,
                 "onnx": onnx.__version__, "numpy": np.__version__},
}


def session(model):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options)


def run_node(node, inputs, output_type, constants):
    """Run one operator; `inputs` and `constants` map names to arrays."""
    graph = helper.make_graph(
        [node], "one",
        [helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
         for name, array in inputs.items()],
        [helper.make_tensor_value_info("y", output_type, None)],
        [numpy_helper.from_array(array, name) for name, array in constants.items()])
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)])
    return session(model).run(None, inputs)[0]


def floats(array):
    """Flat list of the shortest decimals that give the same f32 values."""
    return [float(str(value)) for value in np.asarray(array, np.float32).ravel()]


def codes(rng, weight_type, *shape):
    """Codes over the full range, both ends certainly among them."""
    low, high = {"u8": (0, 255), "i8": (-128, 127)}[weight_type]
    values = rng.integers(low, high + 1, shape)
    values.flat[0], values.flat[-1] = low, high
    return values.astype({"u8": np.uint8, "i8": np.int8}[weight_type])


# Name, input N C spatial, filters, kernel, then what differs from stride 1,
# no padding, dilation 1, one group, unsigned weights.
CONVOLUTIONS = [
    ("3x3", (1, 3, 6, 6), 4, (3, 3), {}),
    ("3x3-padded", (1, 5, 5, 7), 3, (3, 3), {"pads": [1, 1, 1, 1]}),
    ("3x3-padded-signed", (1, 5, 5, 7), 3, (3, 3), {"pads": [1, 1, 1, 1], "weight_type": "i8"}),
    ("3x3-stride2", (1, 4, 8, 8), 5, (3, 3), {"pads": [1, 1, 1, 1], "strides": [2, 2]}),
    ("3x3-stride-uneven", (1, 2, 9, 8), 3, (3, 3), {"strides": [2, 3]}),
    ("pads-uneven", (1, 3, 5, 6), 4, (3, 2), {"pads": [0, 1, 2, 0]}),
    ("3x3-dilated", (1, 3, 9, 9), 3, (3, 3), {"pads": [2, 2, 2, 2], "dilations": [2, 2]}),
    ("dilated-strided-signed", (1, 2, 9, 10), 3, (3, 2),
     {"dilations": [2, 3], "strides": [2, 1], "pads": [1, 2, 1, 2], "weight_type": "i8"}),
    ("1x1", (2, 17, 4, 4), 6, (1, 1), {}),
    ("1x1-stride2-signed", (1, 8, 5, 5), 16, (1, 1), {"strides": [2, 2], "weight_type": "i8"}),
    ("groups2", (1, 6, 5, 5), 4, (3, 3), {"group": 2, "pads": [1, 1, 1, 1]}),
    ("groups4-signed", (1, 8, 4, 5), 12, (1, 3), {"group": 4, "weight_type": "i8"}),
    ("depthwise", (1, 7, 6, 6), 7, (3, 3), {"group": 7, "pads": [1, 1, 1, 1]}),
    ("depthwise-signed", (1, 7, 6, 6), 7, (3, 3),
     {"group": 7, "pads": [1, 1, 1, 1], "strides": [2, 2], "weight_type": "i8"}),
    ("depthwise-multiplier2", (1, 5, 5, 5), 10, (3, 3), {"group": 5, "pads": [1, 1, 1, 1]}),
    ("5x5-deep", (1, 16, 6, 6), 2, (5, 5), {"pads": [2, 2, 2, 2]}),
    ("7x7-as-large-as-input", (1, 2, 7, 7), 3, (7, 7), {}),
    ("one-dimensional", (1, 3, 12), 4, (5,), {"pads": [2, 2]}),
    ("one-dimensional-dilated-signed", (1, 4, 15), 6, (3,),
     {"dilations": [2], "strides": [2], "pads": [1, 2], "group": 2, "weight_type": "i8"}),
    # All codes at an end of their range: the sums that overflow 16 bits.
    ("largest-sums", (1, 64, 3, 3), 2, (3, 3), {"fill": 255, "zero_points": (0, 0)}),
    ("largest-sums-signed", (1, 64, 3, 3), 2, (3, 3),
     {"fill": -128, "zero_points": (0, 0), "weight_type": "i8"}),
]


def convolution_case(rng, name, input_shape, filters, kernel, options):
    rank = len(kernel)
    group = options.get("group", 1)
    weight_type = options.get("weight_type", "u8")
    attributes = {
        "strides": options.get("strides", [1] * rank),
        "pads": options.get("pads", [0] * 2 * rank),
        "dilations": options.get("dilations", [1] * rank),
        "group": group,
    }
    activations = codes(rng, "u8", *input_shape)
    weights = codes(rng, weight_type, filters, input_shape[1] // group, *kernel)
    if "fill" in options:
        activations[:], weights[:] = 255, options["fill"]
    # ONNX Runtime pads with the zero point, as the arithmetic here does.
    zero_a = int(rng.integers(1, 255))
    zero_w = 0 if weight_type == "i8" else int(rng.integers(100, 156))
    zero_a, zero_w = options.get("zero_points", (zero_a, zero_w))
    node = helper.make_node("ConvInteger", ["a", "w", "za", "zw"], ["y"],
                            kernel_shape=kernel, **attributes)
    sums = run_node(node, {"a": activations}, TensorProto.INT32, {
        "w": weights, "za": np.uint8(zero_a), "zw": weights.dtype.type(zero_w)})
    return case(f"conv-{name}", "Conv", activations, weights, weight_type, zero_a, zero_w,
                sums, attributes)


# Name, input, outputs, weight type, whether each column has its own zero point.
PRODUCTS = [
    ("2d", (3, 17), 5, "u8", False),
    ("2d-signed", (3, 17), 5, "i8", False),
    ("one-row", (1, 70), 33, "u8", False),
    ("column-zero-points", (4, 9), 6, "u8", True),
    ("3d", (2, 5, 12), 7, "u8", False),
    ("3d-signed", (2, 5, 12), 7, "i8", False),
]


def product_case(rng, name, input_shape, outputs, weight_type, per_column):
    activations = codes(rng, "u8", *input_shape)
    weights = codes(rng, weight_type, input_shape[-1], outputs)
    zero_a = int(rng.integers(1, 255))
    zero_w = 0 if weight_type == "i8" else int(rng.integers(100, 156))
    if per_column:
        zero_w = rng.integers(100, 156, outputs).tolist()
    node = helper.make_node("MatMulInteger", ["a", "w", "za", "zw"], ["y"])
    sums = run_node(node, {"a": activations}, TensorProto.INT32, {
        "w": weights, "za": np.uint8(zero_a), "zw": np.asarray(zero_w, weights.dtype)})
    return case(f"matmul-{name}", "MatMul", activations, weights, weight_type, zero_a, zero_w,
                sums, {})


# Name, rows, depth, outputs, transB, alpha, beta, weight type. The factors
# are powers of two, so that the float result is exact.
GEMMS = [
    ("plain", 3, 10, 4, 0, 1.0, 1.0, "u8"),
    ("transposed", 3, 10, 4, 1, 1.0, 1.0, "u8"),
    ("transposed-signed", 1, 33, 10, 1, 1.0, 1.0, "i8"),
    ("alpha-beta", 2, 8, 5, 0, 0.5, 2.0, "u8"),
    ("alpha-beta-transposed-signed", 2, 8, 5, 1, 0.25, -2.0, "i8"),
]


def gemm_case(rng, name, rows, depth, outputs, trans_b, alpha, beta, weight_type):
    activations = codes(rng, "u8", rows, depth)
    weights = codes(rng, weight_type, *((outputs, depth) if trans_b else (depth, outputs)))
    zero_a = int(rng.integers(1, 255))
    zero_w = 0 if weight_type == "i8" else int(rng.integers(100, 156))
    bias = rng.integers(-500, 500, outputs).astype(np.float32)
    # No integer Gemm exists. Its sums stay below 2^24, where f32 is exact.
    centred = {"a": activations.astype(np.float32) - zero_a}
    constants = {"w": weights.astype(np.float32) - zero_w, "b": bias}
    node = helper.make_node("Gemm", ["a", "w"], ["y"], transB=trans_b)
    sums = run_node(node, centred, TensorProto.FLOAT, {"w": constants["w"]})
    assert np.abs(sums).max() < 2**24
    node = helper.make_node("Gemm", ["a", "w", "b"], ["y"],
                            transB=trans_b, alpha=alpha, beta=beta)
    result = run_node(node, centred, TensorProto.FLOAT, constants)
    return case(f"gemm-{name}", "Gemm", activations, weights, weight_type, zero_a, zero_w,
                sums.astype(np.int32),
                {"trans_b": trans_b, "alpha": alpha, "beta": beta,
                 "bias": floats(bias), "output": floats(result)})


def case(name, operator, activations, weights, weight_type, zero_a, zero_w, sums, parameters):
    return {
        "name": name, "operator": operator, **parameters,
        "input_shape": list(activations.shape), "weight_shape": list(weights.shape),
        "output_shape": list(sums.shape), "weight_type": weight_type,
        "activation_zero_point": zero_a, "weight_zero_point": zero_w,
        "activations": activations.ravel().tolist(), "weights": weights.ravel().tolist(),
        "accumulators": sums.ravel().tolist(),
    }


def write_json(path, content):
    """One key of an object per line, so that a change can be read."""
    def lines(value, indent):
        if isinstance(value, dict) and indent < 3:
            inner = ",\n".join(f"{' ' * (indent + 1)}{json.dumps(k)}: {lines(v, indent + 1)}"
                               for k, v in value.items())
            return "{\n" + inner + "\n" + " " * indent + "}"
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return "[\n" + ",\n".join(lines(v, indent + 1) for v in value) + "\n]"
        return json.dumps(value, separators=(",", ":"))

    path.write_text(lines(content, 0) + "\n")


def write_integer_vectors():
    rng = np.random.default_rng(SEED)
    cases = [convolution_case(rng, *row) for row in CONVOLUTIONS]
    cases += [product_case(rng, *row) for row in PRODUCTS]
    cases += [gemm_case(rng, *row) for row in GEMMS]
    write_json(HERE / "integer_vectors.json", {**HEADER, "cases": cases})


def write_float_models():
    rng = np.random.default_rng(SEED)
    for name, model, shape in float_models.build(SEED):
        # Three decimals keep the files small.
        data = np.round(rng.uniform(-2, 2, shape), 3).astype(np.float32)
        output = session(model).run(None, {"input": data})[0]
        onnx.save(model, MODELS / f"{name}.onnx")
        write_json(MODELS / f"{name}.json", {
            **HEADER, "model": f"{name}.onnx",
            "input": {"name": "input", "shape": list(shape), "data": floats(data)},
            "output": {"name": "output", "shape": list(output.shape), "data": floats(output)},
        })


def fashion(name):
    """Embedded images as N x 1 x 28 x 28 f32: (pixel / 255 - mean) / std."""
    images = idx.read(ASSETS / f"fashion-{name}-images-idx3-ubyte.gz").astype(np.float32)
    images = (images / np.float32(255) - np.float32(0.2860)) / np.float32(0.3530)
    return images[:, None], idx.read(ASSETS / f"fashion-{name}-labels-idx1-ubyte.gz")


class Reader(quantization.CalibrationDataReader):
    def __init__(self, images):
        self.batches = iter([{"input": images[i:i + 1]} for i in range(len(images))])

    def get_next(self):
        return next(self.batches, None)


def write_fashion_models():
    source = ASSETS / "fashion-resnet8.onnx"
    calibration, _ = fashion("calibration-256")
    images, labels = fashion("test-2000")
    models = {"fashion-float": (onnx.load(source), "../../zoo/assets/fashion-resnet8.onnx")}
    with tempfile.TemporaryDirectory() as folder:
        prepared = pathlib.Path(folder) / "prepared.onnx"
        # Folds BatchNorm, as ONNX Runtime's guide asks for.
        shape_inference.quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
        for name, weight_type, per_channel in [("fashion-qdq-u8u8", QuantType.QUInt8, False),
                                               ("fashion-qdq-u8s8", QuantType.QInt8, True)]:
            quantization.quantize_static(
                str(prepared), str(MODELS / f"{name}.onnx"), Reader(calibration),
                quant_format=QuantFormat.QDQ, per_channel=per_channel,
                activation_type=QuantType.QUInt8, weight_type=weight_type)
            models[name] = (onnx.load(MODELS / f"{name}.onnx"), f"{name}.onnx")
    for name, (model, path) in models.items():
        logits = session(model).run(None, {"input": images})[0]
        top1 = logits.argmax(1)
        write_json(MODELS / f"{name}.json", {
            **HEADER, "model": path, "images": "fashion-test-2000, the first 64",
            "top1_correct_of_2000": int((top1 == labels).sum()),
            "shape": [QDQ_IMAGES, 10], "logits": floats(logits[:QDQ_IMAGES]),
            "top1": top1[:QDQ_IMAGES].tolist(),
        })


def main():
    MODELS.mkdir(exist_ok=True)
    write_integer_vectors()
    write_float_models()
    write_fashion_models()


if __name__ == "__main__":
    main()
