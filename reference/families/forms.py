"""Other forms of one meaning: how constants are stored, functions and branches
of a model, old and new operator sets, weights or activations alone on codes."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .graph import case


def network(g):
    return g.fhead(g.op("Relu", g.conv("input", 2, 3, 3, bias=True)))


def register_opset(opset):
    @case(f"operator set {opset}: Conv, BatchNormalization, MaxPool, Gemm, Softmax",
          name=f"opset{opset}", opset=opset)
    def build(g):
        x = g.conv("input", 2, 3, 3, bias=True)
        x = g.op("Relu", g.batch_norm(x, 3) if opset >= 9 else x)
        x = g.op("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
        return g.op("Softmax", g.fhead(x), axis=1)


for number in [7, 8, 9, 10, 12, 14, 16, 19, 21, 22, 23, 24]:
    register_opset(number)


@case("every initializer in its typed field (float_data, int64_data) instead of raw_data",
      name="constants-typed-fields")
def typed_fields(g):
    return typed(g, network(g))


@case("codes in int32_data, as ONNX asks for", "qdq", "constants-typed-fields-qdq")
def typed_fields_qdq(g):
    return typed(g, g.qhead(g.stem(axis=0)))


@case("negative int8 codes and int4 codes in int32_data", "qdq", "constants-typed-fields-int4",
      opset=21)
def typed_fields_int4(g):
    weight = g.qweight(g.array(3, 2, 3, 3), "s4", 0)
    return typed(g, g.qhead(g.qdq(g.op("Conv", g.qdq("input"), weight, pads=[1] * 4))))


def typed(g, result):
    """The finished model; its initializers rewritten without raw_data."""
    model = g.finish(result)
    for tensor in model.graph.initializer:
        tensor.CopyFrom(helper.make_tensor(
            tensor.name, tensor.data_type, tensor.dims,
            numpy_helper.to_array(tensor).ravel().tolist()))
    return model


@case("Constant with value_float, value_floats, value_int, value_ints", name="constants-forms")
def constant_forms(g):
    x = g.op("Relu", g.conv("input", 2, 3, 3))
    x = g.op("Mul", x, g.op("Constant", value_float=0.7))
    x = g.op("Add", x, g.op("Constant", value_floats=[0.1, -0.2, 0.3, 0.4]))
    axis = g.op("Unsqueeze", g.op("Constant", value_int=0), g.ints(0))
    x = g.op("Squeeze", g.op("Unsqueeze", x, axis), axis)
    return g.gemm(g.op("Reshape", x, g.op("Constant", value_ints=[-1, 48])), 48, g.classes)


@case("a constant made by ConstantOfShape, Add, Reshape and Concat of constants is a weight",
      name="constants-computed")
def constants_computed(g):
    halves = [g.op("Reshape", g.uniform(-0.5, 0.5, 27), g.ints(3, 1, 3, 3)) for _ in range(2)]
    ones = g.op("ConstantOfShape", g.ints(3, 2, 3, 3),
                value=numpy_helper.from_array(np.full(1, 0.05, np.float32)))
    weight = g.op("Add", g.op("Concat", *halves, axis=1), ones)
    return g.fhead(g.op("Relu", g.op("Conv", "input", weight, pads=[1] * 4)))


@case("weights stored as half precision, then Cast", name="weights-half")
def weights_half(g):
    weight = g.op("Cast", g.initializer(g.array(3, 2, 3, 3).astype(np.float16)),
                  to=TensorProto.FLOAT)
    return g.fhead(g.op("Relu", g.op("Conv", "input", weight, pads=[1] * 4)))


@case("If whose condition is constant, as torch exports squeeze", name="if-constant")
def if_constant(g):
    x = g.op("Relu", g.conv("input", 2, 3, 3))
    bodies = []
    for name, operator in [("then", "Neg"), ("else", "Identity")]:
        bodies.append(helper.make_graph(
            [helper.make_node(operator, [x], [f"{name}_y"])], name, [],
            [helper.make_tensor_value_info(f"{name}_y", TensorProto.FLOAT, None)]))
    condition = g.initializer(np.bool_(True))
    y = g.op("If", condition, then_branch=bodies[0], else_branch=bodies[1])
    return g.fhead(y)


@case("a function of the model: a Conv with HardSwish, called twice", name="function-local",
      opset=18)
def function_local(g):
    function = helper.make_function(
        "org.example", "Block", ["a", "w"], ["b"],
        [helper.make_node("Conv", ["a", "w"], ["c"], pads=[1] * 4),
         helper.make_node("HardSwish", ["c"], ["b"])], [helper.make_opsetid("", 18)])
    g.functions.append(function)
    weights = [g.weight(3, channels, 3, 3) for channels in [2, 3]]
    x = "input"
    for weight in weights:
        x = g.op("Block", x, weight, domain="org.example")
    return g.fhead(x)


def referring(kind, inputs, outputs, **attributes):
    """A node of a function whose attributes are the function's own."""
    node = helper.make_node(kind, inputs, outputs)
    for name, of_function in attributes.items():
        node.attribute.append(onnx.AttributeProto(
            name=name, ref_attr_name=of_function, type=onnx.AttributeProto.FLOAT))
    return node


@case("functions that call each other, with attributes given and left to a default, an input left "
      "out, an input handed on, an If inside", name="function-attributes", opset=18)
def function_attributes(g):
    imports = [helper.make_opsetid("", 18), helper.make_opsetid("org.example", 1)]
    branches = [helper.make_graph(
        [helper.make_node(operator, ["c"], ["chosen"])], operator, [],
        [helper.make_tensor_value_info("chosen", TensorProto.FLOAT, None)])
        for operator in ["Neg", "Identity"]]
    inner = helper.make_function(
        "org.example", "Act", ["a", "low", "high"], ["b", "same"],
        [referring("LeakyRelu", ["a"], ["c"], alpha="slope"),
         helper.make_node("If", ["yes"], ["d"], then_branch=branches[0], else_branch=branches[1]),
         helper.make_node("Clip", ["d", "low", "high"], ["e"]),
         referring("Elu", ["e"], ["b"], alpha="depth"),
         helper.make_node("Identity", ["a"], ["same"])],
        imports, attributes=["slope"], attribute_protos=[helper.make_attribute("depth", 0.7)])
    inner.node.insert(0, helper.make_node("Constant", [], ["yes"], value=numpy_helper.from_array(
        np.bool_(True))))
    outer = helper.make_function(
        "org.example", "Block", ["a", "w", "top"], ["y"],
        [helper.make_node("Conv", ["a", "w"], ["c"], pads=[1] * 4),
         helper.make_node("Act", ["c", "", "top"], ["d", "e"], domain="org.example", slope=0.3),
         helper.make_node("Add", ["d", "e"], ["y"])], imports)
    g.functions += [inner, outer]
    x = "input"
    for channels in [2, 3]:
        x = g.op("Block", x, g.weight(3, channels, 3, 3), g.scalar(0.6), domain="org.example")
    y, _ = g.op("Act", x, outputs=2, domain="org.example", slope=0.1, depth=1.5)
    return g.fhead(y)


def branch(operator, x, constant, y):
    """A graph of an If with a constant of its own."""
    nodes = [helper.make_node("Constant", [], ["k"], value_float=constant),
             helper.make_node(operator, [x, "k"], ["z"]), helper.make_node("Relu", ["z"], [y])]
    return helper.make_graph(nodes, operator, [],
                             [helper.make_tensor_value_info(y, TensorProto.FLOAT, None)])


@case("two If with conditions from shapes; both have inner tensors of the same names",
      name="if-shape", opset=18)
def if_shape(g):
    x = g.conv("input", 2, 3, 3)
    for axis, size in [(1, 3), (2, 9)]:
        dim = g.op("Gather", g.op("Shape", x), g.initializer(np.int64(axis)), axis=0)
        same = g.op("Equal", dim, g.initializer(np.int64(size)))
        x = g.op("If", same, then_branch=branch("Add", x, 0.3, "y"),
                 else_branch=branch("Mul", x, -0.7, "y"))
    return g.fhead(x)


@case("If inside If, and a layer inside", name="if-nested", opset=18)
def if_nested(g):
    x = g.op("Relu", g.conv("input", 2, 3, 3))
    weight = g.weight(3, 3, 1, 1)
    no = g.initializer(np.bool_(False))
    inner = [helper.make_node("Conv", [x, weight], ["c"]),
             helper.make_node("If", [no], ["y"], then_branch=branch("Add", "c", 1.0, "u"),
                              else_branch=branch("Sub", "c", 0.2, "v"))]
    inner = helper.make_graph(inner, "inner", [],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    y = g.op("If", g.op("Not", no), then_branch=inner, else_branch=branch("Mul", x, 2.0, "w"))
    return g.fhead(g.op("Add", y, x))


@case("If whose condition depends on the image", name="if-data", refuse="depends on data",
      opset=18)
def if_data(g):
    x = g.conv("input", 2, 3, 3)
    mean = g.op("ReduceMean", x, g.ints(0, 1, 2, 3), keepdims=0)
    positive = g.op("Greater", mean, g.scalar(0))
    return g.fhead(g.op("If", positive, then_branch=branch("Add", x, 0.3, "y"),
                        else_branch=branch("Mul", x, -0.7, "y")))


@case("Einsum as a linear layer on tokens, and as a product of activations", name="einsum",
      shape=(3, 5))
def einsum(g):
    x = g.op("Relu", g.op("Einsum", "input", g.weight(5, 6), equation="nti,io->nto"))
    scores = g.op("Softmax", g.op("Einsum", x, x, equation="nti,nsi->nts"), axis=-1)
    return g.fhead(g.op("Einsum", scores, x, equation="nts,nsi->nti"))


@case("Greater, Less, And, Or, Not, Where, Cast from bool", name="logic")
def logic(g):
    x = g.conv("input", 2, 3, 3, bias=True)
    both = g.op("And", g.op("Greater", x, g.scalar(-0.3)), g.op("Less", x, g.scalar(0.8)))
    other = g.op("Not", g.op("Or", both, g.op("GreaterOrEqual", x, g.scalar(1.5))))
    x = g.op("Where", both, x, g.op("Mul", x, g.scalar(0.1)))
    return g.fhead(g.op("Add", x, g.op("Cast", other, to=TensorProto.FLOAT)))


@case("RMSNormalization, operator set 23", name="rms-normalization", shape=(3, 6), opset=23)
def rms(g):
    x = g.op("MatMul", "input", g.weight(6, 6))
    return g.fhead(g.op("RMSNormalization", x, g.uniform(0.5, 1.5, 6), axis=-1))


@case("Attention of operator set 23: two heads of 4, 3 tokens", name="attention-operator",
      shape=(3, 6), opset=23)
def attention(g):
    parts = [g.op("MatMul", "input", g.weight(6, 8)) for _ in range(3)]
    return g.fhead(g.op("Attention", *parts, q_num_heads=2, kv_num_heads=2))


# Weights or activations alone on codes. What is float is quantised by whoever runs it on codes, so
# the results are as near as those of float models.


@case("only the weights are on codes: activations are float", name="weights-only")
def weights_only(g):
    x = g.op("Conv", "input", g.qweight(g.array(3, 2, 3, 3), axis=0), pads=[1] * 4)
    x = g.op("Flatten", g.op("Relu", x))
    return g.op("MatMul", x, g.qweight(g.array(48, g.classes) * 0.3, axis=1))


@case("only the weights are on codes: int4 per output", name="weights-only-int4", opset=21)
def weights_only_int4(g):
    x = g.op("Flatten", g.op("Relu", g.conv("input", 2, 3, 3)))
    return g.op("MatMul", x, g.qweight(g.array(48, g.classes) * 0.3, "s4", axis=1))


@case("only the activations are on codes: weights are float", "qdq", "activations-only")
def activations_only(g):
    x = g.qdq(g.op("Relu", g.conv(g.qdq("input"), 2, 3, 3, bias=True)))
    return g.qdq(g.fhead(x))


@case("one layer on codes, the others in float", name="codes-partly")
def partly(g):
    x = g.op("Relu", g.conv("input", 2, 3, 3, bias=True))
    x = g.op("Relu", g.qdq(g.qconv(g.qdq(x), 3)))
    return g.fhead(x)


@case("activations with a scale per channel: axis 1", "qdq", "activations-per-channel",
      refuse="per channel")
def per_channel(g):
    x = g.op("Relu", g.conv("input", 2, 3, 3, bias=True))
    scale = g.floats(g.value(x).max((0, 2, 3)) / 255)
    zero = g.code(np.zeros(3), "u8")
    x = g.op("DequantizeLinear", g.op("QuantizeLinear", x, scale, zero, axis=1), scale, zero,
             axis=1)
    return g.qdq(g.op("MatMul", g.op("Flatten", x), g.qweight(g.array(48, g.classes) * 0.3)))


@case("DequantizeLinear with another scale and zero point than QuantizeLinear before it", "qdq",
      "qdq-other-scale")
def other_scale(g):
    codes, _, _ = g.q(g.qconv(g.qdq("input"), 3))
    scale, zero = g.codings[codes][1:]
    x = g.op("DequantizeLinear", codes, g.floats(scale * np.float32(0.7)), g.code(zero + 9, "u8"))
    g.codings[x] = "u8", np.float32(scale * np.float32(0.7)), zero + 9
    return g.qhead(x)


@case("a dequantised tensor is a graph output and is read by a layer", "qdq", "qdq-inner-output")
def inner_output(g):
    x = g.stem()
    return [g.qhead(x), x]


@case("the graph's outputs are the codes themselves, of uint8 and int8", "qdq", "qdq-code-outputs")
def code_outputs(g):
    x = g.stem()
    left, _, _ = g.q(g.qgemm(g.qdq(g.op("Flatten", x), like=x), g.classes))
    right, _, _ = g.q(g.op("Flatten", x), "s8")
    return [left, right]


@case("Relu6 by Min and Max, and the scores by Sigmoid", name="relu6-min-max")
def relu6_min_max(g):
    x = g.op("Min", g.op("Max", g.conv("input", 2, 3, 3), g.scalar(0)), g.scalar(6))
    return g.op("Sigmoid", g.fhead(x))
