"""Constants whose data, type or sizes do not fit one another."""

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


@weights("raw_and_typed", "both raw_data and float_data", EITHER)
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


@weights("type_double", "double, the data float", EITHER)
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


@weights("segment", "the tensor is a segment of another", EITHER)
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


@case("tensor_int4_short", "codes: 32 int4 numbers in four bytes, which hold eight")
def int4_short(n):
    n.opset = 21
    n.constant("s", 0.1, np.float32)
    tensor = onnx.TensorProto(name="k4", data_type=TensorProto.INT4, dims=[32],
                              raw_data=b"\x12" * 4)
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
