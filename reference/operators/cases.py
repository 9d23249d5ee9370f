"""Operator tests of the PyPI package onnx as networks that Recoup takes.

Recoup sets the first dimension of every input, the batch, to 1, and wants a layer with constant
weights. So a run-time input of shape S becomes a graph input of shape [1, *S] and a Squeeze, other
inputs become constants, and a small MatMul goes beside the operator.

Each test is tried with its first tensor at run time, its first of float32, all of float32, and all
tensors; with values that are hard; where it has several outputs, with nobody reading any but the
first; and in older operator sets which had the same inputs, be it as attributes. Each is a case.
Where the suite does not say what comes out, ONNX Runtime does.
"""

import json

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, defs, helper, numpy_helper

# `OPSETS` in core/src/model/check/mod.rs says the same.
OLDEST, NEWEST = 7, 25

RANDOM = {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli",
          "Multinomial"}
# Types of graph inputs that Recoup takes.
INPUT_TYPES = {np.dtype(name) for name in ["float32", "uint8", "int8", "int32", "int64", "bool"]}
# Elements of these are whole numbers or fractions that float32 holds, or rounds.
NUMBERS = {TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT8, TensorProto.INT32,
           TensorProto.INT64, TensorProto.BOOL, TensorProto.DOUBLE, TensorProto.FLOAT16,
           TensorProto.BFLOAT16, TensorProto.INT16, TensorProto.UINT16, TensorProto.UINT32,
           TensorProto.UINT64, TensorProto.INT4, TensorProto.UINT4}


UNREAD = "tensors of types that Recoup does not read"
# Cycled through, with a prime number of elements.
HARD = [0.5, -0.0, 2.5, -1.5, 0.0, 3.0, -0.5, 3.0, 1e-6, -3.0, 100.0, 100.0, 1.5, -100.0, -100.0,
        -3.0, 2.5]


class Skip(Exception):
    """Why a test is no case for Recoup."""


def plain_array(value):
    """A tensor of the suite as an array."""
    if isinstance(value, TensorProto):
        if value.data_type not in NUMBERS:
            raise Skip(f"{UNREAD}: {TensorProto.DataType.Name(value.data_type).lower()}")
        return numpy_helper.to_array(value)
    if not isinstance(value, (np.ndarray, np.generic)):
        raise Skip("sequences and optional values")
    array = np.asarray(value)
    try:
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    except (KeyError, ValueError):
        kind = TensorProto.STRING
    if kind not in NUMBERS:
        raise Skip(f"{UNREAD}: {TensorProto.DataType.Name(kind).lower()}")
    return array


def tensor(value, name):
    """A constant with the tensor of the suite."""
    copy = TensorProto()
    copy.CopyFrom(value if isinstance(value, TensorProto) else numpy_helper.from_array(
        np.asarray(value)))
    copy.name = name
    return copy


def operators(graph):
    """All nodes, those of inner graphs included."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from operators(attribute.g)


def parameters(schema):
    attributes = {name: (value.type, value.required) for name, value in schema.attributes.items()}
    return (attributes, [(value.name, value.option) for value in schema.inputs],
            [(value.name, value.option) for value in schema.outputs])


def schema_in(node, version):
    try:
        return defs.get_schema(node.op_type, version, "")
    except defs.SchemaError:
        return None


def operator_set(model):
    """The model's operator set, moved to where Recoup reads if its operators are the same there."""
    imports = {opset.domain: opset.version for opset in model.opset_import}
    version = imports.get("", imports.get("ai.onnx", 0))
    read = min(max(version, OLDEST), NEWEST)
    for node in operators(model.graph):
        if node.domain not in ["", "ai.onnx"]:
            raise Skip(f"other domains: {node.domain}")
        found, same = schema_in(node, version), schema_in(node, read)
        if not same or parameters(found) != parameters(same):
            raise Skip(f"operators that came after set {NEWEST}")
    return read


def older_forms(graph, opset, inputs):
    """Set, graph and inputs where an older set can say the same of the only operator, be it with
    attributes for inputs."""
    [node, *others] = graph.node
    if others:
        return
    now = schema_in(node, opset)
    since = now.since_version
    while since > OLDEST and (old := schema_in(node, since - 1)) and not old.deprecated:
        since, version = old.since_version, since - 1
        form = as_before(node, now, old, inputs)
        if form:
            changed = onnx.GraphProto()
            changed.CopyFrom(graph)
            changed.node[0].CopyFrom(form)
            yield version, changed, {name: inputs[name] for name in form.input if name}


def as_before(node, now, old, inputs):
    """The node as its older schema has it, or None."""
    if any(attribute.name not in old.attributes for attribute in node.attribute):
        return None
    names = [formal.name for formal in old.inputs]
    moved = [formal.name for formal in now.inputs if formal.name not in names]
    if [name for name in names if name not in [formal.name for formal in now.inputs]]:
        return None
    form = onnx.NodeProto()
    form.CopyFrom(node)
    if not moved:
        return form
    del form.input[:]
    for formal, name in zip(now.inputs, node.input):
        if formal.name not in moved:
            form.input.append(name)
        elif name and formal.name.lower() not in old.attributes:
            return None
        elif name:
            value, kind = plain_array(inputs[name]), old.attributes[formal.name.lower()].type
            if ("FLOAT" in kind.name) != (value.dtype.kind == "f"):
                return None
            value = value.tolist() if kind.name.endswith("S") else value.reshape(-1)[0].item()
            form.attribute.append(helper.make_attribute(formal.name.lower(), value,
                                                        attr_type=kind.value))
    return form


def wrap(graph, opset, inputs, at_run_time, outputs):
    """The graph as a network, and what to feed."""
    nodes, constants, given, feeds = [], [], [], []

    def enters(name, array):
        shape = [1, *array.shape] if array.ndim else [1, 1]
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        given.append(helper.make_tensor_value_info(f"input/{name}", kind, shape))
        feeds.append((f"input/{name}", array.reshape(shape)))
        node_inputs, attributes = [f"input/{name}"], {}
        if array.ndim == 0 or opset >= 13:
            node_inputs.append(f"axes/{name}")
            axes = [0] if array.ndim else []
            constants.append(numpy_helper.from_array(np.array(axes, np.int64), f"axes/{name}"))
        else:
            attributes["axes"] = [0]
        operator = "Squeeze" if array.ndim else "Reshape"
        nodes.append(helper.make_node(operator, node_inputs, [name], f"enters/{name}",
                                      **attributes))

    for name, value in inputs.items():
        if name in at_run_time:
            enters(name, plain_array(value))
        else:
            constants.append(tensor(value, name))
    probe = np.array([[1.0, -2.0]], np.float32)
    weights = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    given.append(helper.make_tensor_value_info("probe", TensorProto.FLOAT, [1, 2]))
    feeds.append(("probe", probe))
    constants.append(numpy_helper.from_array(weights, "probe/weights"))
    layer = helper.make_node("MatMul", ["probe", "probe/weights"], ["probe_out"], "probe/layer")
    out = helper.make_tensor_value_info("probe_out", TensorProto.FLOAT, [1, 2])
    wrapped = helper.make_graph(
        [*nodes, *graph.node, layer], graph.name, given, [*outputs, out],
        [*graph.initializer, *constants])
    made = helper.make_model(wrapped, opset_imports=[helper.make_opsetid("", opset)],
                             ir_version=10)
    return made, feeds, ("probe_out", probe)


def listed(name, array):
    values = np.asarray(array, np.float64).ravel().tolist()
    return {"name": name, "shape": list(array.shape), "type": str(array.dtype),
            "data": [value if np.isfinite(value) else str(value) for value in values]}


def choices(inputs):
    """Which inputs enter at run time: sets of names, without repetition."""
    arrays = {name: plain_array(value) for name, value in inputs.items()}
    able = [name for name, array in arrays.items() if array.dtype in INPUT_TYPES and array.size]
    floats = [name for name in able if arrays[name].dtype == np.float32]
    if not able:
        if any(not array.size for array in arrays.values()):
            raise Skip("inputs without elements")
        if not arrays:
            raise Skip("no inputs")
        kinds = sorted({str(array.dtype) for array in arrays.values()})
        raise Skip(f"inputs of types that Recoup takes as constants only: {kinds[0]}")
    found = []
    for names in [able[:1], floats[:1], floats, able]:
        if names and names not in found:
            found.append(names)
    return found


def subject(case):
    """The operator that a test is of."""
    names = [node.op_type for node in case.model.graph.node]
    return names[0] if len(names) == 1 else "(bodies of functions)"


def write_cases(case, folder):
    """Writes the models of a test; returns their names."""
    graph = case.model.graph
    if RANDOM & {node.op_type for node in operators(graph)}:
        raise Skip("random numbers")
    if case.model.functions:
        raise Skip("functions of the model's own")
    opset = operator_set(case.model)
    ends = [*graph.input, *graph.output]
    if any(end.type.WhichOneof("value") != "tensor_type" for end in ends):
        raise Skip("sequences and optional values")
    arguments, results = case.data_sets[0]
    inputs = dict(zip([value.name for value in graph.input], arguments, strict=True))
    expected = [listed(info.name, plain_array(value))
                for info, value in zip(graph.output, results, strict=True)]
    chosen = choices(inputs)
    whole = len(expected)
    variants = [(str(index), opset, graph, inputs, names, whole)
                for index, names in enumerate(chosen)]
    if whole > 1:
        variants.append(("first", opset, graph, inputs, chosen[0], 1))
    hard = of_one_kind(inputs, chosen)
    given = {name: hard_values(value) if name in hard else value for name, value in inputs.items()}
    variants.append(("values", opset, graph, given, hard, whole))
    variants += [(f"set{version}", version, form, given, chosen[0], whole)
                 for version, form, given in older_forms(graph, opset, inputs)
                 if chosen[0][0] in given]
    written = []
    for suffix, version, form, given, at_run_time, count in variants:
        model, feeds, probe = wrap(form, version, given, at_run_time, graph.output[:count])
        outputs = expected[:count]
        if version != opset or suffix == "values":
            # The suite does not say.
            outputs = by_onnxruntime(model, feeds)
            if outputs is None:
                continue
        name = f"{case.name.removeprefix('test_')}.{suffix}"
        onnx.save(model, folder / f"{name}.onnx")
        arrays = [listed(*feed) for feed in feeds]
        content = {"input": arrays[0], "other_inputs": arrays[1:],
                   "outputs": [*outputs, listed(*probe)]}
        (folder / f"{name}.json").write_text(json.dumps(content))
        written.append(name)
    return written


def of_one_kind(inputs, chosen):
    """Of the first choice that has most inputs of the type of the first, those inputs."""
    first = plain_array(inputs[chosen[0][0]]).dtype
    return [name for name in max(chosen, key=len) if plain_array(inputs[name]).dtype == first]


def hard_values(value):
    """Ties, zeros of both signs, negative and large numbers in place of a tensor's own."""
    array = plain_array(value)
    values = np.array(HARD, np.float32)
    if array.dtype != np.float32:
        values = np.rint(values).clip(0 if array.dtype.kind in "ub" else -100, 100)
    return np.resize(values, array.shape).astype(array.dtype)


def by_onnxruntime(model, feeds):
    """The operator's outputs as ONNX Runtime has them, if it has the operator in this set."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = ort.InferenceSession(model.SerializeToString(), options,
                                       providers=["CPUExecutionProvider"])
        results = session.run(None, dict(feeds))
    except Exception:  # it names a dozen, for types that came later as well
        return None
    outputs = list(zip(model.graph.output[:-1], results))
    for _, array in outputs:
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
            return None
    return [listed(info.name, result) for info, result in outputs]
