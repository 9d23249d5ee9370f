"""The sound network that the damaged ones are made of, and their register."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

REFUSED = "refused"
SOUND = "runs"
EITHER = "runs or is refused"
HUGE = 2**40
CASES = {}


def case(name, defect, must=REFUSED):
    """Registers a function that changes the sound network, and may return
    another model or its bytes."""
    def register(function):
        assert name not in CASES, name
        CASES[name] = (function, defect, must)
        return function
    return register


class Network:
    """Conv, Relu, GlobalAveragePool, Flatten, Gemm; 3 x 32 x 32 to 10 classes."""

    def __init__(self):
        rng = np.random.default_rng(1)
        self.opset, self.domains = 13, []
        self.initializers, self.value_infos = [], []
        self.constant("W", np.round(rng.standard_normal((4, 3, 3, 3)) * 0.2, 3), np.float32)
        self.constant("F", np.round(rng.standard_normal((10, 4)), 3), np.float32)
        self.nodes = [
            helper.make_node("Conv", ["x", "W"], ["c"], name="conv", pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["c"], ["r"], name="relu"),
            helper.make_node("GlobalAveragePool", ["r"], ["g"], name="gap"),
            helper.make_node("Flatten", ["g"], ["f"], name="flat"),
            helper.make_node("Gemm", ["f", "F"], ["y"], name="fc", transB=1),
        ]
        self.inputs = [self.info("x", ["N", 3, 32, 32])]
        self.outputs = [self.info("y", ["N", 10])]

    @staticmethod
    def info(name, shape, kind=TensorProto.FLOAT):
        return helper.make_tensor_value_info(name, kind, shape)

    def constant(self, name, values, dtype):
        self.initializers.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def ints(self, name, *values):
        return self.constant(name, np.array(values), np.int64)

    def tensor(self, name):
        return next(t for t in self.initializers if t.name == name)

    def node(self, name):
        return next(n for n in self.nodes if n.name == name)

    def before(self, name, *nodes):
        at = self.nodes.index(self.node(name))
        self.nodes[at:at] = nodes

    def mid(self, operator, *inputs, result="q", domain=None, name="q", **attributes):
        """The operator between Conv and Relu; Relu reads its result."""
        node = helper.make_node(operator, ["c", *inputs], [result], name=name, domain=domain,
                                **attributes)
        self.before("relu", node)
        self.node("relu").input[0] = result
        return node

    def attribute(self, name, key, value):
        """Replaces an attribute of a node, whatever its type is."""
        node = self.node(name)
        kept = [a for a in node.attribute if a.name != key]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(key, value)])

    def model(self):
        graph = helper.make_graph(self.nodes, "damaged", self.inputs, self.outputs,
                                  self.initializers, value_info=self.value_infos)
        imports = [helper.make_opsetid("", self.opset)]
        imports += [helper.make_opsetid(domain, 1) for domain in self.domains]
        return helper.make_model(graph, opset_imports=imports, ir_version=8,
                                 producer_name="damaged_models.py")


def build(name):
    """The bytes of the damaged file."""
    network = Network()
    changed = CASES[name][0](network)
    if isinstance(changed, bytes):
        return changed
    model = changed if isinstance(changed, onnx.ModelProto) else network.model()
    return model.SerializeToString()
