"""Constants whose data, types or sizes do not fit, and external data."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from .network import EITHER, HUGE, SOUND, case


def weights(name, defect, must="refused"):
    """Changes the tensor of the Conv's weights."""
    def register(function):
        @case(f"tensor_{name}", f"weights: {defect}", must)
        def build(n):
            return function(n, n.tensor("W"))
        return function
    return register


@weights("raw_short", "raw_data is 4 bytes short")
def raw_short(n, t):
    t.raw_data = t.raw_data[:-4]


@weights("raw_long", "raw_data is 4 bytes longer than the shape")
def raw_long(n, t):
    t.raw_data += b"\0" * 4


@weights("raw_odd", "raw_data is no multiple of 4 bytes")
def raw_odd(n, t):
    t.raw_data = t.raw_data[:-1]


@weights("raw_empty", "no data at all")
def raw_empty(n, t):
    t.ClearField("raw_data")


@weights("raw_and_typed", "both raw_data and float_data")
def raw_and_typed(n, t):
    t.float_data.extend([1.0] * 108)


@weights("wrong_field", "float data in int32_data")
def wrong_field(n, t):
    t.ClearField("raw_data")
    t.int32_data.extend([1] * 108)


@weights("dims_negative", "a size of -4")
def dims_negative(n, t):
    t.dims[0] = -4


@weights("dims_zero", "a size of 0")
def dims_zero(n, t):
    t.dims[0] = 0
    t.raw_data = b""


@weights("dims_huge", "2^40 filters, the data of 4")
def dims_huge(n, t):
    t.dims[0] = HUGE


@weights("dims_overflow", "sizes whose product is 2^64, 0 modulo 2^64")
def dims_overflow(n, t):
    t.dims[:] = [2**32, 2**32, 1, 1]
    t.raw_data = b""


@weights("dims_missing", "no sizes: a scalar with the data of 108 numbers")
def dims_missing(n, t):
    del t.dims[:]


@weights("dims_many", "1000 axes")
def dims_many(n, t):
    t.dims.extend([1] * 996)


@weights("rank", "rank 2 with 108 numbers")
def rank(n, t):
    t.dims[:] = [4, 27]


@weights("type_undefined", "data type 0")
def type_undefined(n, t):
    t.data_type = 0


@weights("type_unknown", "data type 99")
def type_unknown(n, t):
    t.data_type = 99


@weights("type_string", "text")
def type_string(n, t):
    t.ClearField("raw_data")
    t.data_type = TensorProto.STRING
    t.string_data.extend([b"1"] * 108)


@weights("type_complex", "complex numbers")
def type_complex(n, t):
    t.data_type = TensorProto.COMPLEX64
    t.raw_data = t.raw_data * 2


@weights("type_double", "double, the data float")
def type_double(n, t):
    t.data_type = TensorProto.DOUBLE
    t.raw_data = t.raw_data * 2


@weights("nan", "one weight is NaN")
def nan(n, t):
    t.raw_data = np.float32(np.nan).tobytes() + t.raw_data[4:]


@weights("infinite", "one weight is infinite")
def infinite(n, t):
    t.raw_data = np.float32(np.inf).tobytes() + t.raw_data[4:]


@weights("zero", "all weights are 0", SOUND)
def zero(n, t):
    t.raw_data = bytes(len(t.raw_data))


@weights("huge_values", "weights of 3e38: the sums overflow", EITHER)
def huge_values(n, t):
    t.raw_data = np.full(108, 3e38, np.float32).tobytes()


@weights("denormal", "weights of 1e-42", EITHER)
def denormal(n, t):
    t.raw_data = np.full(108, 1e-42, np.float32).tobytes()


@weights("segment", "the tensor is a segment of another")
def segment(n, t):
    t.segment.begin, t.segment.end = 0, 54


@weights("twice", "the initializer is listed twice, with other values")
def twice(n, t):
    other = onnx.TensorProto()
    other.CopyFrom(t)
    other.raw_data = bytes(len(t.raw_data))
    n.initializers.append(other)


@weights("unnamed", "the initializer has no name")
def unnamed(n, t):
    t.name = ""


@case("tensor_uint8_int32_data", "codes: uint8 in int32_data, which ONNX asks for, one of them 300")
def uint8_data(n):
    n.before("relu", helper.make_node("DequantizeLinear", ["k8", "s"], ["k"], name="dq"))
    n.constant("s", 0.1, np.float32)
    n.initializers.append(helper.make_tensor("k8", TensorProto.UINT8, [1], [3]))
    tensor = n.tensor("k8")
    tensor.ClearField("raw_data")
    tensor.int32_data[:] = [300]
    n.mid("Add", "k")


@case("tensor_uint8_sound", "codes: uint8 in int32_data, as ONNX asks for", SOUND)
def uint8_sound(n):
    uint8_data(n)
    n.tensor("k8").int32_data[:] = [200]


@case("tensor_int4_short", "codes: five int4 numbers in one byte")
def int4_short(n):
    n.opset = 21
    n.constant("s", 0.1, np.float32)
    tensor = onnx.TensorProto(name="k4", data_type=TensorProto.INT4, dims=[5], raw_data=b"\x12")
    n.initializers.append(tensor)
    n.before("relu", helper.make_node("DequantizeLinear", ["k4", "s"], ["k"], name="dq"))
    n.mid("Add", "k")


@case("sparse_index", "a sparse initializer whose index is beyond its size")
def sparse(n):
    n.initializers.remove(n.tensor("F"))
    model = n.model()
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(
        helper.make_tensor("F", TensorProto.FLOAT, [1], [1.0]),
        helper.make_tensor("F_indices", TensorProto.INT64, [1], [10**12]), [10, 4]))
    return model


# Sizes of constants that belong together.


@case("mid_bn_short_mean", "BatchNormalization: a mean of 2 numbers for 4 channels")
def short_mean(n):
    norm(n, mean=2)


@case("mid_bn_short_scale", "BatchNormalization: a scale of 3 numbers for 4 channels")
def short_scale(n):
    norm(n, scale=3)


@case("mid_bn_long", "BatchNormalization: all vectors have 8 numbers for 4 channels")
def long_vectors(n):
    norm(n, 8, 8, 8, 8)


@case("mid_bn_scalar", "BatchNormalization: the vectors have rank 2")
def rank_two(n):
    norm(n, (4, 1), (4, 1), (4, 1), (4, 1))


@case("mid_bn_variance", "BatchNormalization: a variance of -1")
def variance(n):
    norm(n, value=-1.0)


@case("mid_bn_four_inputs", "BatchNormalization without a variance")
def four_inputs(n):
    norm(n)
    n.node("q").input.pop()


@case("mid_bn_epsilon", "BatchNormalization: a variance of 0 and an epsilon of 0")
def epsilon(n):
    norm(n, value=0.0)
    n.attribute("q", "epsilon", 0.0)


def norm(n, scale=4, shift=4, mean=4, variance=4, value=1.0):
    names = [n.constant(name, np.full(shape, value if name == "v" else 1.0), np.float32)
             for name, shape in zip("smtv", (scale, shift, mean, variance))]
    n.mid("BatchNormalization", *names)


@case("conv_bias_length", "Conv: a bias of 3 numbers for 4 filters")
def bias_length(n):
    n.node("conv").input.append(n.constant("b", np.zeros(3), np.float32))


@case("conv_bias_rank", "Conv: a bias of shape 1 x 4 x 1 x 1, which ONNX Runtime refuses too")
def bias_rank(n):
    n.node("conv").input.append(n.constant("b", np.zeros((1, 4, 1, 1)), np.float32))


@case("conv_bias_type", "Conv: a bias of int64")
def bias_type(n):
    n.node("conv").input.append(n.ints("b", 0, 0, 0, 0))


@case("gemm_bias_shape", "Gemm: a bias of 7 numbers for 10 outputs")
def gemm_bias(n):
    n.node("fc").input.append(n.constant("b", np.zeros(7), np.float32))


@case("gemm_depth", "Gemm: weights of depth 5, data of depth 4")
def gemm_depth(n):
    n.initializers.remove(n.tensor("F"))
    n.constant("F", np.ones((10, 5)), np.float32)


@case("mid_add_shape", "Add: sizes 3 and 32 do not fit")
def add_shape(n):
    n.mid("Add", n.constant("k", np.ones(3), np.float32))


@case("mid_add_type", "Add: float and int64")
def add_type(n):
    n.mid("Add", n.ints("k", 1))


@case("mid_prelu_shape", "PRelu: a slope of 5 numbers for 4 channels")
def prelu_shape(n):
    n.mid("PRelu", n.constant("k", np.ones((5, 1, 1)), np.float32))


@case("mid_concat_shape", "Concat: other sizes beside the joined axis")
def concat_shape(n):
    n.mid("Concat", n.constant("k", np.ones((1, 4, 3, 3)), np.float32), axis=1)


# External data: only from the model's own folder.


def external(name, defect, must="refused", **entries):
    @case(f"external_{name}", f"external data: {defect}", must)
    def build(n):
        tensor = n.tensor("W")
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in entries.items():
            tensor.external_data.add(key=key, value=value)


external("absolute", "an absolute path", location="/etc/passwd")
external("parent", "a path with ..", location="../README.md", offset="0", length="432")
external("parent_inside", "a path that leaves a folder and comes back", location="a/../good.onnx")
external("missing", "a file that does not exist", location="missing.bin")
external("folder", "a folder", location=".")
external("device", "an endless device", location="/dev/zero")
external("none", "no location")
external("empty", "an empty location", location="")
external("beyond", "an offset beyond the file's end", location="good.onnx", offset="1000000")
external("length", "a length that is not the tensor's", location="good.onnx", offset="0",
         length="4")
external("negative", "a negative offset", location="good.onnx", offset="-8", length="432")
external("overflow", "an offset of 2^63", location="good.onnx", offset=str(2**63), length="432")
external("number", "an offset that is no number", location="good.onnx", offset="ten")
external("escape", "a location with control characters", location="\x1b[31m\nmissing.bin")
external("windows", "a path of another system", location="..\\..\\secret.bin")
external("url", "an address", location="http://example.org/weights.bin")


# Bytes that are no model.


@case("file_empty", "an empty file")
def file_empty(n):
    return b""


@case("file_cut", "the first half of a model")
def file_cut(n):
    data = n.model().SerializeToString()
    return data[:len(data) // 2]


@case("file_tail", "a model and zeros after it")
def file_tail(n):
    return n.model().SerializeToString() + bytes(64)


@case("file_text", "a text, as what a download that failed leaves")
def file_text(n):
    return b"<!DOCTYPE html><html><body>404: Not Found</body></html>\n"


@case("file_pointer", "a pointer of Git LFS")
def file_pointer(n):
    return (b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64
            + b"\nsize 123456\n")


@case("file_length", "a length of 2^60 within the file")
def file_length(n):
    data = n.model().SerializeToString()
    return data[:20] + b"\x3a" + b"\xff" * 8 + b"\x0f" + data[20:]
