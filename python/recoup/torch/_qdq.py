"""A float32 ONNX file with the codes of its layers: QDQ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .. import _recoup
from ..errors import EmulationError
from ._layers import Layer


def quantized(
    content: bytes,
    layers: Sequence[tuple[Layer, _recoup.Layer]],
    codes: Sequence[tuple[list[str], float, int]],
    biases: dict[str, Any],
) -> bytes:
    """The file ``content``, whose initializers have the names of the module's parameters, with the
    weight codes of its layers, those of its activations, and these biases."""
    model = onnx.load_from_string(content)
    graph = model.graph
    shapes = {it.name: tuple(it.dims) for it in graph.initializer}
    known = {name for node in graph.node for name in (*node.input, *node.output)}
    added: dict[str, list[Any]] = {}
    of_activations: dict[str, list[Any]] = {}
    for layer, made in layers:
        nodes = _of_weights(layer.weight, shapes[layer.weight], made, graph)
        if added.setdefault(layer.weight, nodes) != nodes:
            raise EmulationError(
                f"{layer.weight}: is the weight of several layers, which have different codes; give "
                "each a weight of its own"
            )
    for tensors, scale, zero_point in codes:
        # Where the library writes an operator in others, these may make what is read.
        tensor = next((it for it in tensors if it in known), None)
        if tensor is None:
            raise EmulationError(f"{tensors[0]}: is read as codes, but is no tensor of the ONNX file")
        of_activations.setdefault(tensor, _of_activations(tensor, scale, zero_point))
    replaced = {*added, *biases}
    kept = [it for it in graph.initializer if it.name not in replaced]
    kept += [numpy_helper.from_array(value, name) for name, value in biases.items()]
    kept += [it for made in (*added.values(), *of_activations.values()) for it in made[1:]]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    nodes = [made[0] for made in added.values()]
    nodes += _with_codes(graph, {name: made[0] for name, made in of_activations.items()})
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    whole: bytes = model.SerializeToString()
    return whole


def _of_weights(
    name: str, shape: tuple[int, ...], made: _recoup.Layer, graph: onnx.GraphProto
) -> list[Any]:
    """What dequantises the codes to a tensor ``name``, and its initializers."""
    assert made.weights is not None
    codes, scales, zero_points = made.weights
    kind = np.int8 if made.signed else np.uint8
    values = codes.astype(kind)
    if len(shape) > 2:
        values = np.moveaxis(values.reshape(shape[0], *shape[2:], shape[1]), -1, 1)
    parts: list[Any] = [np.ascontiguousarray(values).reshape(shape), scales, zero_points.astype(kind)]
    names = [f"{name}_codes", f"{name}_scale", f"{name}_zero_point"]
    tensors = [numpy_helper.from_array(*part) for part in zip(parts, names, strict=True)]
    return [helper.make_node("DequantizeLinear", names, [name], axis=0, name=f"{name}_real"), *tensors]


def _of_activations(tensor: str, scale: float, zero_point: int) -> list[Any]:
    """The names of scale and zero point, which the nodes get, and their initializers."""
    names = [f"{tensor}_scale", f"{tensor}_zero_point"]
    parts: list[Any] = [np.array(scale, np.float32), np.array(zero_point, np.uint8)]
    tensors = [numpy_helper.from_array(*part) for part in zip(parts, names, strict=True)]
    return [names, *tensors]


def _with_codes(graph: onnx.GraphProto, of: dict[str, list[str]]) -> list[Any]:
    """The nodes of the graph, with those between that make codes of some tensors: whoever reads such
    a tensor reads the codes."""
    inputs = {it.name for it in graph.input}
    nodes: list[Any] = []

    def code(name: str, source: str, target: str) -> None:
        scale = of[name]
        nodes.append(helper.make_node("QuantizeLinear", [source, *scale], [f"{name}_codes"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_codes", *scale], [target]))

    for name in inputs & of.keys():
        code(name, name, f"{name}_real")
    for node in graph.node:
        for at, name in enumerate(node.input):
            if name in inputs and name in of:
                node.input[at] = f"{name}_real"
        made = [name for name in node.output if name in of]
        for at, name in enumerate(node.output):
            if name in of:
                node.output[at] = f"{name}_real"
        nodes.append(node)
        for name in made:
            code(name, f"{name}_real", name)
    return nodes
