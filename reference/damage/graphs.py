"""How nodes are joined, and what the graph says of its inputs and outputs."""

import onnx
from onnx import TensorProto, helper

from .network import EITHER, SOUND, case


def no_output(name, operator, extra=(), **attributes):
    @case(f"mid_{name}_noout", f"{operator} without any output")
    def build(n):
        inputs = ["c"] * (2 if operator == "Add" else 1)
        for index, (value, dtype) in enumerate(extra):
            inputs.append(n.constant(f"s{index}", value, dtype))
        n.before("relu", helper.make_node(operator, inputs, [], name="q", **attributes))


no_output("add", "Add")
no_output("identity", "Identity")
no_output("relu", "Relu")
no_output("shape", "Shape")
no_output("ql", "QuantizeLinear", [(0.1, "float32"), (0, "uint8")])
no_output("maxpool", "MaxPool", kernel_shape=[2, 2])
no_output("conv", "Conv", [([[[[1.0]]] * 4], "float32")])
no_output("split", "Split")


def inputs(name, defect, node, names, must=None):
    @case(name, defect, **({"must": must} if must else {}))
    def build(n):
        n.node(node).input[:] = names


inputs("conv_no_inputs", "Conv without inputs", "conv", [])
inputs("conv_one_input", "Conv without weights", "conv", ["x"])
inputs("conv_empty_data", "Conv: the name of the data is empty", "conv", ["", "W"])
inputs("conv_empty_weights", "Conv: the name of the weights is empty", "conv", ["x", ""])
inputs("conv_four_inputs", "Conv with four inputs", "conv", ["x", "W", "", "W"])
inputs("relu_no_input", "Relu without inputs", "relu", [])
inputs("relu_two_inputs", "Relu with two inputs", "relu", ["c", "c"])
inputs("gemm_empty_bias", "Gemm: C is an empty name, which ONNX allows", "fc", ["f", "F", ""],
       SOUND)
inputs("undefined_input", "Relu reads a tensor that nobody makes", "relu", ["nowhere"])
inputs("reads_itself", "Relu reads its own result", "relu", ["r"])
inputs("conv_swapped", "Conv: data and weights are swapped", "conv", ["W", "x"])
inputs("gemm_rank4", "Gemm reads a tensor of rank 4", "fc", ["g", "F"])


@case("mid_two_outputs", "Relu with two outputs")
def two_outputs(n):
    n.node("relu").output.append("r2")


@case("output_empty", "Relu: the name of its only output is empty")
def output_empty(n):
    n.node("relu").output[0] = ""


@case("cycle", "two nodes read each other's result")
def cycle(n):
    n.before("relu", helper.make_node("Add", ["c", "b"], ["a"], name="first"),
             helper.make_node("Sigmoid", ["a"], ["b"], name="second"))
    n.node("relu").input[0] = "b"


@case("use_before_definition", "Relu stands before the Conv whose result it reads")
def use_before(n):
    n.nodes[0], n.nodes[1] = n.nodes[1], n.nodes[0]


@case("duplicate_output", "two nodes make a tensor of one name")
def duplicate_output(n):
    n.before("relu", helper.make_node("Sigmoid", ["x"], ["c"], name="second"))


@case("duplicate_output_in_node", "one node lists a name twice among its outputs")
def duplicate_in_node(n):
    n.before("relu", helper.make_node("Split", ["c"], ["q", "q"], name="q", axis=1))
    n.node("relu").input[0] = "q"


@case("output_hides_initializer", "a node's result has the name of the weights")
def hides_initializer(n):
    n.before("relu", helper.make_node("Sigmoid", ["c"], ["F"], name="second"))


@case("output_hides_input", "a node's result has the name of the graph's input")
def hides_input(n):
    n.before("relu", helper.make_node("Sigmoid", ["c"], ["x"], name="second"))


@case("graph_output_undefined", "the graph's output is made by no node")
def output_undefined(n):
    n.outputs = [n.info("z", ["N", 10])]


@case("graph_output_none", "the graph has no output")
def output_none(n):
    n.outputs = []


@case("graph_output_twice", "the graph lists one output twice", EITHER)
def output_twice(n):
    n.outputs = n.outputs * 2


@case("graph_input_none", "the graph has no input")
def input_none(n):
    n.inputs = []


@case("graph_input_twice", "the graph lists one input twice")
def input_twice(n):
    n.inputs = n.inputs * 2


@case("graph_empty", "a graph without nodes")
def graph_empty(n):
    n.nodes = []


@case("graph_missing", "a model without a graph")
def graph_missing(n):
    model = n.model()
    model.ClearField("graph")
    return model


@case("node_names_twice", "two nodes of one name", EITHER)
def node_names(n):
    n.node("relu").name = "conv"


@case("input_untyped", "the graph's input has no type")
def input_untyped(n):
    n.inputs = [onnx.ValueInfoProto(name="x")]


@case("input_string", "the graph's input is text")
def input_string(n):
    n.inputs = [n.info("x", ["N", 3, 32, 32], TensorProto.STRING)]


@case("input_sequence", "the graph's input is a sequence")
def input_sequence(n):
    n.inputs = [helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, ["N", 3, 32, 32])]


@case("input_negative", "the graph's input has a size of -3")
def input_negative(n):
    n.inputs = [n.info("x", ["N", -3, 32, 32])]


@case("input_zero", "the graph's input has a size of 0")
def input_zero(n):
    n.inputs = [n.info("x", ["N", 3, 0, 32])]


@case("input_channels", "the graph's input has 5 channels, the weights 3")
def input_channels(n):
    n.inputs = [n.info("x", ["N", 5, 32, 32])]


@case("input_rank", "the graph's input has rank 2, Conv needs 4")
def input_rank(n):
    n.inputs = [n.info("x", ["N", 3])]


@case("declared_output_shape", "the graph's output is declared with 7 classes, there are 10",
      EITHER)
def declared_output(n):
    n.outputs = [n.info("y", ["N", 7])]


@case("declared_output_type", "the graph's output is declared as int64")
def declared_type(n):
    n.outputs = [n.info("y", ["N", 10], TensorProto.INT64)]


@case("declared_inner_shape", "value_info says 9 channels where there are 4", EITHER)
def declared_inner(n):
    n.value_infos = [n.info("c", ["N", 9, 32, 32])]


@case("declared_inner_type", "value_info says int8 where there are floats", EITHER)
def declared_inner_type(n):
    n.value_infos = [n.info("c", ["N", 4, 32, 32], TensorProto.INT8)]
