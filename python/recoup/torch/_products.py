"""Products of two activations in a graph of operators, by the letters of their axes."""

from __future__ import annotations

import math
import string
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from .. import _recoup
from ..errors import EmulationError

_ATEN = torch.ops.aten
_MATRICES = (_ATEN.matmul.default, _ATEN.bmm.default)
_EINSUM = _ATEN.einsum.default
_ATTENTION = _ATEN.scaled_dot_product_attention.default

Extents = tuple[int, int, int, int]
"""Matrices of a record, and the rows, depth and columns of each product."""


@dataclass
class Product:
    """A product of a node: the axes of both operands and of the result, each a letter."""

    left: str
    right: str
    out: str
    record: str
    """The axis that records lie along, alone or with matrices of each. In which order does not matter:
    what is loaded has its constants from its own codes."""
    shapes: tuple[Any, Any]
    """Of the operands; what is no number depends on how many records there are."""

    def form(
        self, extents: Extents, made: _recoup.Layer, handle: int, index: int
    ) -> tuple[Any, ...]:
        """What the product is, as numbers and texts."""
        steps = [scale * 2**dropped for _, scale, _, dropped in made.inputs]
        terms = (self.left, self.right, self.out, self.record)
        return (*terms, extents[0], *steps, made.factor, handle, index)

    def fits(self, extents: Extents) -> bool:
        """Whether the library means this product."""
        sizes = _sizes(self.left, self.right, *self.shapes)
        _, *axes = _axes(self.left, self.right, self.out, self.record)
        own = [[sizes[axis] for axis in of] for of in axes]
        known = all(isinstance(size, int) for of in own for size in of)
        return known and [math.prod(of) for of in own] == list(extents[1:])


def _sizes(of_left: str, of_right: str, left: Any, right: Any) -> dict[str, Any]:
    """The sizes of the axes; those of 1 are broadcast."""
    sizes = dict(zip(of_right, right, strict=True))
    return sizes | {
        axis: size
        for axis, size in zip(of_left, left, strict=True)
        if axis not in sizes or not isinstance(size, int) or size != 1
    }


def _axes(left: str, right: str, out: str, record: str) -> tuple[str, str, str, str]:
    """Those of the stack of matrices, the records' first; of rows, of what is summed, and of
    columns."""
    stack = [axis for axis in out if axis in left and axis in right and axis != record]
    rows = [axis for axis in out if axis not in right]
    columns = [axis for axis in out if axis not in left]
    summed = [axis for axis in left if axis not in out]
    return record + "".join(stack), "".join(rows), "".join(summed), "".join(columns)


def products_of(node: fx.Node, dependent: set[fx.Node]) -> list[Product]:
    """The products of activations that a node computes; none, if it does something else."""
    if node.target in (*_MATRICES, _ATTENTION):
        operands = node.args[: 3 if node.target is _ATTENTION else 2]
    elif node.target is _EINSUM and isinstance(node.args[1], (list, tuple)):
        operands = tuple(node.args[1])
    else:
        return []
    if len(operands) < 2 or not all(it in dependent for it in operands):
        return []
    shapes = [it.meta["val"].shape for it in operands]  # type: ignore[union-attr]
    if node.target is _EINSUM:
        terms = _einsum(str(node.args[0]), shapes)
        return _with_record([(terms, (shapes[0], shapes[1]))]) if terms else []
    if any(len(shape) < 2 for shape in shapes):
        return []
    terms = _matmul(*map(len, shapes[:2]))
    if node.target is not _ATTENTION:
        return _with_record([(terms, (shapes[0], shapes[1]))])
    query, key, value = shapes
    # Keys are transposed; as many probabilities as there are keys.
    of_keys = (*key[:-2], key[-1], key[-2])
    of_values = ((*query[:-1], key[-2]), value)
    return _with_record([(terms, (query, of_keys)), (terms, of_values)])


def _matmul(left: int, right: int) -> tuple[str, str, str]:
    stacks = string.ascii_lowercase[: max(left, right) - 2]
    of_left, of_right = stacks[len(stacks) - left + 2 :], stacks[len(stacks) - right + 2 :]
    return f"{of_left}YK", f"{of_right}KX", f"{stacks}YX"


def _einsum(equation: str, shapes: list[Any]) -> tuple[str, str, str] | None:
    terms, _, out = equation.replace(" ", "").partition("->")
    left, _, right = terms.partition(",")
    is_whole = "->" in equation and "." not in equation and len(shapes) == 2
    axes = (left, right, out)
    alone = (set(left) ^ set(right)) - set(out)
    repeated = any(len(set(term)) != len(term) for term in axes)
    return None if not is_whole or repeated or alone else axes


def _with_record(found: list[tuple[tuple[str, str, str], tuple[Any, Any]]]) -> list[Product]:
    """With the axis that records lie along, whose size is no number."""
    (left, _, _), (shape, _) = found[0]
    axes = [axis for axis, size in zip(left, shape, strict=True) if not isinstance(size, int)]
    if len(axes) != 1 or not all(axes[0] in term for terms, _ in found for term in terms):
        return []
    return [Product(*terms, axes[0], shapes) for terms, shapes in found]


def replacement(
    node: fx.Node, fitted: fx.Node, forms: list[tuple[Any, ...]]
) -> tuple[Any, tuple[Any, ...]]:
    """The function that takes the place of the node, with its arguments."""
    if node.target is not _ATTENTION:
        operands = node.args[1] if node.target is _EINSUM else node.args[:2]
        return product, (*operands, fitted, *forms[0])  # type: ignore[misc]
    named = ("attn_mask", "dropout_p", "is_causal", "scale", "enable_gqa")
    given = dict(zip(named, node.args[3:], strict=False)) | dict(node.kwargs)
    if given.get("dropout_p", 0.0) != 0.0:
        raise EmulationError(f"{node.name}: has dropout; take that of its module, which is off here")
    options = [given.get("attn_mask"), given.get("is_causal", False), given.get("scale")]
    return attention, (*node.args[:3], *options, fitted, *forms)


def product(
    left: Tensor,
    right: Tensor,
    fitted: Tensor,
    of_left: str,
    of_right: str,
    of_out: str,
    record: str,
    matrices: int,
    left_step: float,
    right_step: float,
    factor: float,
    handle: int,
    index: int,
) -> Tensor:
    """A product on the multiplier."""
    sizes = _sizes(of_left, of_right, left.shape, right.shape)
    stack, rows, summed, columns = _axes(of_left, of_right, of_out, record)

    def laid(x: Tensor, letters: str, wanted: str) -> Tensor:
        ordered = x.permute([letters.index(axis) for axis in wanted if axis in letters])
        for at, axis in enumerate(wanted):
            if axis not in letters:
                ordered = ordered.unsqueeze(at)
        return ordered.expand([sizes[axis] for axis in wanted])

    def extent(axes: str) -> int:
        # A loop is what torch.compile follows.
        extents = 1
        for axis in axes:
            extents *= sizes[axis]
        return extents

    inner = extent(summed)
    of_rows = laid(left, of_left, stack + rows + summed).reshape(-1, matrices, extent(rows), inner)
    of_columns = laid(right, of_right, stack + columns + summed)
    of_columns = of_columns.reshape(-1, matrices, extent(columns), inner)
    steps = (left_step, right_step)
    made = torch.ops.recoup.product(of_rows, of_columns, fitted, *steps, factor, handle, index)[0]
    axes = stack + rows + columns
    ordered: Tensor = made.reshape([sizes[axis] for axis in axes])
    return ordered.permute([axes.index(axis) for axis in of_out])


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    is_causal: bool,
    scale: float | None,
    fitted: Tensor,
    scores_form: tuple[Any, ...],
    values_form: tuple[Any, ...],
) -> Tensor:
    """Attention whose products are on the multiplier, in the steps of PyTorch's exporter."""
    root = math.sqrt(1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    heads = query.shape[-3] if query.ndim > 3 else 1
    if key.ndim > 3 and key.shape[-3] != heads:
        repeats = heads // key.shape[-3]
        key, value = (it.repeat_interleave(repeats, -3) for it in (key, value))
    scores = product(query * root, (key * root).transpose(-2, -1), fitted, *scores_form)
    if is_causal:
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if mask is not None and mask.dtype is torch.bool:
        scores = scores.masked_fill(~mask, -math.inf)
    elif mask is not None:
        scores = scores + mask
    return product(scores.softmax(-1), value, fitted, *values_form)
