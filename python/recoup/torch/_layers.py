"""A module as a graph of operators, with BatchNorm folded into the layers that have weights."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from .. import _recoup
from ..errors import EmulationError, ModelError
from ._onnx import first_line, quiet
from ._products import Extents, Product, products_of, replacement
from ._tensors import flat

_ATEN = torch.ops.aten
_CONVOLUTIONS = (_ATEN.conv1d.default, _ATEN.conv2d.default)
_PADDED = (_ATEN.conv1d.padding, _ATEN.conv2d.padding)
_LAYERS = (*_CONVOLUTIONS, *_PADDED, _ATEN.linear.default)


@dataclass
class Layer:
    """A layer with weights that runs on the multiplier."""

    weight: str
    """The name of its weights in the graph module."""
    bias: str | None
    """That of its biases."""


@dataclass
class Placed:
    """What takes the place of a layer of the library's in the graph."""

    node: fx.Node
    of: Layer | tuple[Product, Extents]

    @property
    def layer(self) -> Layer | None:
        """That with weights, if it is one."""
        return self.of if isinstance(self.of, Layer) else None


def graph_of(module: nn.Module, example: Tensor) -> fx.GraphModule:
    """What the module computes in evaluation mode, for a batch of any size: a function of one
    tensor that gives a tuple of one."""
    # A batch of 1 would be taken for a constant.
    pair = torch.cat([example[:1], example[:1]]).detach()
    inner = copy.deepcopy(module).eval()
    batch = ({0: torch.export.Dim.DYNAMIC},)
    with quiet():
        try:
            # A graph for training: weights are looked up, not copied.
            whole = torch.export.export(inner, (pair,), dynamic_shapes=batch).module()
        except Exception as error:
            raise ModelError(
                f"{type(module).__name__}: torch.export does not take it with a batch of any size: "
                f"{first_line(error)}"
            ) from error
    graph = whole.graph
    for node in list(graph.nodes):
        if node.op == "call_module" and not node.users:
            graph.erase_node(node)
    graph.set_codegen(fx.graph.CodeGen())
    made = fx.GraphModule(whole, graph)
    outputs = made.graph.output_node().args[0]
    if not isinstance(outputs, (tuple, list)) or len(outputs) != 1:
        raise ModelError(f"{type(module).__name__}: has several outputs; expected one tensor")
    _fold(made)
    return made


def _fold(module: fx.GraphModule) -> None:
    """BatchNorm into the layer before it, as Recoup has it."""
    for node in list(module.graph.nodes):
        if node.target is not _ATEN.batch_norm.default:
            continue
        layer, gamma, beta, mean, variance, training, _, epsilon, _ = node.args
        is_alone = isinstance(layer, fx.Node) and layer.target in _LAYERS and len(layer.users) == 1
        if training or not is_alone or len(layer.args[1].users) != 1:
            continue
        weight, bias = layer.args[1], _argument(layer, 2)
        known = [None if it is None else _value(module, it) for it in (bias, gamma, beta)]
        folded = fuse_conv_bn_weights(
            _value(module, weight),
            known[0],
            _value(module, mean),
            _value(module, variance),
            epsilon,
            bn_w=known[1],
            bn_b=known[2],
        )
        name = str(weight.target)
        is_trained = _value(module, weight).requires_grad
        _set(module, name, nn.Parameter(folded[0].detach(), is_trained))
        place = str(bias.target) if bias is not None else _free(module, name)
        _set(module, place, nn.Parameter(folded[1].detach(), is_trained))
        with module.graph.inserting_before(layer):
            bias = module.graph.get_attr(place)
        layer.args = (layer.args[0], weight, bias, *layer.args[3:])
        node.replace_all_uses_with(layer)
        module.graph.erase_node(node)
    module.graph.eliminate_dead_code()
    module.delete_all_unused_submodules()
    used = {str(node.target) for node in module.graph.nodes if node.op == "get_attr"}
    for name in [name for name, _ in module.named_parameters() if name not in used]:
        _remove(module, name)
    for name in [name for name, _ in module.named_buffers() if name not in used]:
        _remove(module, name)
    module.recompile()


def _argument(node: fx.Node, number: int) -> fx.Node | None:
    found = node.args[number] if len(node.args) > number else None
    assert found is None or isinstance(found, fx.Node)
    return found


def _value(module: fx.GraphModule, node: fx.Node) -> Tensor:
    return named(module, str(node.target))


def named(module: nn.Module, name: str) -> Tensor:
    """A parameter or buffer by its name."""
    owner, _, own = name.rpartition(".")
    found = getattr(module.get_submodule(owner), own)
    assert isinstance(found, Tensor)
    return found


def _set(module: nn.Module, name: str, value: nn.Parameter) -> None:
    owner, _, own = name.rpartition(".")
    setattr(module.get_submodule(owner), own, value)


def _remove(module: nn.Module, name: str) -> None:
    owner, _, own = name.rpartition(".")
    delattr(module.get_submodule(owner), own)


def _free(module: nn.Module, weight: str) -> str:
    """A name for the biases of a layer that had none."""
    owner, _, _ = weight.rpartition(".")
    place = module.get_submodule(owner)
    name = "bias"
    while getattr(place, name, None) is not None:
        name = f"{name}_"
    if hasattr(place, name):
        delattr(place, name)
    return f"{owner}.{name}" if owner else name


def matched(module: fx.GraphModule, network: _recoup.Network, name: str) -> list[Placed]:
    """The layers of the graph that run on the multipliers, in the library's order. A layer is known
    by its parameters, a product of activations by its extents."""
    waiting = network.layers
    found: list[Placed] = []
    dependent: set[fx.Node] = set()
    for node in module.graph.nodes:
        if node.op == "placeholder" or any(it in dependent for it in node.all_input_nodes):
            if isinstance(node.meta.get("val"), (Tensor, list, tuple)):
                dependent.add(node)
        left = waiting[len(found) :]
        if node.target in _LAYERS:
            layer = _layer(module, node)
            if layer is not None and left and _has(module, layer, left[0][1]):
                found.append(Placed(node, layer))
            continue
        products = products_of(node, dependent)
        if not products or len(products) > len(left):
            continue
        pairs = [(of, it[2]) for of, it in zip(products, left, strict=False)]
        fitting = [(of, it) for of, it in pairs if it is not None and of.fits(it)]
        if len(fitting) == len(products):
            found += [Placed(node, pair) for pair in fitting]
    if len(found) != len(waiting):
        node, parameters, _ = waiting[len(found)]
        if parameters is None:
            raise EmulationError(
                f"{name}: {node} runs on the multiplier, but is no matmul, bmm, einsum or "
                "scaled_dot_product_attention of two activations in the module; write it as one of "
                "these, or take attention='float'"
            )
        raise EmulationError(
            f"{name}: {node} runs on the multiplier, but is no Conv1d, Conv2d or "
            "Linear with its own weights in the module: a product with a parameter, or a layer whose "
            "weights something else changes; write it as one of these"
        )
    return found


def _layer(module: fx.GraphModule, node: fx.Node) -> Layer | None:
    weight, bias = node.args[1], _argument(node, 2)
    if not isinstance(weight, fx.Node) or weight.op != "get_attr":
        return None
    return Layer(str(weight.target), None if bias is None else str(bias.target))


def _has(module: fx.GraphModule, layer: Layer, parameters: _recoup._Parameters | None) -> bool:
    """Whether these are its parameters."""
    values = named(module, layer.weight)
    biases = torch.zeros(values.shape[0]) if layer.bias is None else named(module, layer.bias)
    own = flat(values, biases, layer.weight)
    return parameters is not None and all(map(np.array_equal, own, parameters))


def rewritten(
    module: fx.GraphModule, layers: list[Placed], made: list[_recoup.Layer], handle: int
) -> None:
    """Puts the layers on the multiplier: the module becomes a function of its input and of what
    :func:`recoup.torch._operators.fit` gives."""
    graph = module.graph
    last = [node for node in graph.nodes if node.op == "placeholder"][-1]
    with graph.inserting_after(last):
        fitted = graph.placeholder("fitted")
    forms: dict[fx.Node, list[tuple[Any, ...]]] = {}
    for index, (placed, of) in enumerate(zip(layers, made, strict=True)):
        node = placed.node
        if not isinstance(placed.of, Layer):
            product, extents = placed.of
            forms.setdefault(node, []).append(product.form(extents, of, handle, index))
            continue
        x, weight, bias = (_argument(node, number) for number in range(3))
        assert weight is not None
        (_, scale, _, dropped), = of.inputs
        with graph.inserting_before(node):
            operator, form = torch.ops.recoup.linear.default, ()
            if node.target is not _ATEN.linear.default:
                operator, form = torch.ops.recoup.conv.default, _form(node, _value(module, weight))
            arguments = (x, weight, bias, fitted, *form, scale * 2**dropped, handle, index)
            result = graph.call_function(_first, (graph.call_function(operator, arguments),))
        node.replace_all_uses_with(result)
        graph.erase_node(node)
    for node, of_node in forms.items():
        function, arguments = replacement(node, fitted, of_node)
        with graph.inserting_before(node):
            result = graph.call_function(function, arguments)
        node.replace_all_uses_with(result)
        graph.erase_node(node)
    graph.lint()
    module.recompile()


def _first(values: tuple[Tensor, ...]) -> Tensor:
    return values[0]


def _form(node: fx.Node, weight: Tensor) -> tuple[Any, ...]:
    """Strides, padding, dilations and groups."""
    axes = weight.ndim - 2
    given: list[Any] = [*node.args[3:], *[None] * 4]

    def of_axes(value: Any, otherwise: int) -> list[int]:
        values = [otherwise] if value is None else list(value)
        return values * axes if len(values) == 1 else values

    stride, dilation = of_axes(given[0], 1), of_axes(given[2], 1)
    groups = 1 if given[3] is None else given[3]
    if node.target in _CONVOLUTIONS:
        return stride, of_axes(given[1], 0), dilation, groups
    if given[1] in (None, "valid"):
        return stride, [0] * axes, dilation, groups
    extents = [rate * (size - 1) for rate, size in zip(dilation, weight.shape[2:], strict=True)]
    if any(extent % 2 for extent in extents):
        raise EmulationError(
            f"{node.name}: padding='same' of an even kernel pads more on one side; pad it by "
            "torch.nn.functional.pad"
        )
    return stride, [extent // 2 for extent in extents], dilation, groups
