"""Operators that do not exist or are not ONNX's, operator sets, graphs in graphs."""

from onnx import helper

from .network import EITHER, case


@case("foreign_domain_conv", "a Conv of the domain org.example, which is not ONNX's")
def foreign_conv(n):
    n.domains = ["org.example"]
    n.node("conv").domain = "org.example"


@case("foreign_domain_unlisted", "a Relu of a domain that the model does not import")
def foreign_unlisted(n):
    n.node("relu").domain = "org.example"


@case("microsoft_unknown", "an operator of com.microsoft that does not exist")
def microsoft_unknown(n):
    n.domains = ["com.microsoft"]
    n.mid("QLinearNothing", domain="com.microsoft")


@case("operator_unknown", "an operator that no set has")
def operator_unknown(n):
    n.mid("Frobnicate")


@case("operator_empty", "an operator without a name")
def operator_empty(n):
    n.mid("")


@case("operator_too_new", "Gelu of operator set 20 in operator set 13")
def too_new(n):
    n.mid("Gelu")


@case("opset_0", "operator set 0")
def opset_0(n):
    n.opset = 0


@case("opset_negative", "operator set -1")
def opset_negative(n):
    n.opset = -1


@case("opset_9999", "operator set 9999")
def opset_9999(n):
    n.opset = 9999


@case("opset_missing", "no operator set")
def opset_missing(n):
    model = n.model()
    del model.opset_import[:]
    return model


@case("opset_twice", "operator sets 13 and 9 of one domain")
def opset_twice(n):
    model = n.model()
    model.opset_import.append(helper.make_opsetid("", 9))
    return model


@case("ir_version_9999", "IR version 9999", EITHER)
def ir_version(n):
    model = n.model()
    model.ir_version = 9999
    return model


@case("if_bad_body", "If: one branch reads a tensor that nobody makes, the other has no output")
def if_bad(n):
    left = helper.make_graph([helper.make_node("Relu", ["nowhere"], ["l"])], "left", [],
                             [n.info("l", None)])
    right = helper.make_graph([], "right", [], [])
    n.before("relu", helper.make_node("If", [n.constant("true", True, bool)], ["q"], name="q",
                                      then_branch=left, else_branch=right))
    n.node("relu").input[0] = "q"


def framed(field, data):
    """A protobuf field of the length-delimited kind."""
    size, length = len(data), b""
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([field << 3 | 2]) + length + bytes([size]) + data


@case("if_deep", "a graph in an attribute of a node of a graph, 2000 deep")
def if_deep(n):
    data = b""
    for _ in range(2000):
        # GraphProto.node 1, NodeProto.attribute 5, AttributeProto.g 6.
        data = framed(1, framed(5, framed(6, data)))
    # Fields of one message add up: this graph joins the sound one, ModelProto.graph 7.
    return n.model().SerializeToString() + framed(7, data)


@case("function_recursive", "a function of the model that calls itself")
def function_recursive(n):
    n.domains = ["org.example"]
    n.mid("Again", domain="org.example")
    model = n.model()
    model.functions.append(helper.make_function(
        "org.example", "Again", ["a"], ["b"],
        [helper.make_node("Again", ["a"], ["b"], domain="org.example")],
        [helper.make_opsetid("", 13), helper.make_opsetid("org.example", 1)]))
    return model
