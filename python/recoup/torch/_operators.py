"""The operators that the library computes, as PyTorch knows them: with shapes for tracing, and with
straight-through gradients, those of the float layer at the numbers that its codes stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._emulation import Emulation, emulation, running
from ._tensors import numbers

_Three = tuple[Tensor, Tensor, Tensor]
_NOTHING = np.zeros(0, np.float32)


@torch.library.custom_op("recoup::fit", mutates_args=())
def fit(parameters: Sequence[Tensor], handle: int) -> Tensor:
    """Makes the design ready for these parameters. What it gives goes into the other operators, so
    that they come after it."""
    emulation(handle).fit(parameters)
    return torch.zeros((), dtype=torch.int64)


@fit.register_fake
def _(parameters: Sequence[Tensor], handle: int) -> Tensor:
    return torch.empty((), dtype=torch.int64)


@torch.library.custom_op("recoup::network", mutates_args=())
def network(x: Tensor, layered: Tensor | None, fitted: Tensor, handle: int) -> Tensor:
    """The outputs of the whole network. ``layered`` is what its layers gave one by one: the gradient
    goes there."""
    return emulation(handle).run(x)


@network.register_fake
def _(x: Tensor, layered: Tensor | None, fitted: Tensor, handle: int) -> Tensor:
    return x.new_empty((x.shape[0], *emulation(handle).output))


def _network_backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, None, None]:
    return None, gradient, None, None


network.register_autograd(_network_backward)


@torch.library.custom_op("recoup::linear", mutates_args=())
def linear(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    fitted: Tensor,
    step: float,
    handle: int,
    index: int,
) -> _Three:
    """A Linear on the multiplier; and its inputs and weights as their codes have them."""
    owner = emulation(handle)
    seen, _, outputs = owner.layer(index).run(numbers(x).reshape(-1), _NOTHING, running())
    made = torch.from_numpy(outputs).reshape(*x.shape[:-1], weight.shape[0])
    return made, torch.from_numpy(seen).reshape(x.shape), _coded(owner, index, weight)


@linear.register_fake
def _(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    fitted: Tensor,
    step: float,
    handle: int,
    index: int,
) -> _Three:
    made = x.new_empty((*x.shape[:-1], weight.shape[0]))
    return made, torch.empty_like(x), torch.empty_like(weight)


def _linear_context(ctx: Any, inputs: tuple[Any, ...], output: _Three) -> None:
    ctx.save_for_backward(inputs[0], output[1], output[2])
    ctx.has_bias, ctx.step = inputs[2] is not None, inputs[4]


def _linear_backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    x, seen, coded = ctx.saved_tensors
    rows = gradient.reshape(-1, gradient.shape[-1])
    of_x = _within(gradient @ coded, x, seen, ctx.step)
    of_weight = rows.T @ seen.reshape(-1, seen.shape[-1])
    of_bias = rows.sum(0) if ctx.has_bias else None
    return of_x, of_weight, of_bias, None, None, None, None


linear.register_autograd(_linear_backward, setup_context=_linear_context)


@torch.library.custom_op("recoup::conv", mutates_args=())
def conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    fitted: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    step: float,
    handle: int,
    index: int,
) -> _Three:
    """A Conv1d or Conv2d on the multiplier; and its inputs and weights as their codes have them."""
    owner = emulation(handle)
    channels_last = x.movedim(1, -1).contiguous()
    inputs = numbers(channels_last).reshape(-1)
    seen, _, outputs = owner.layer(index).run(inputs, _NOTHING, running())
    extents = _extents(x, weight, stride, padding, dilation)
    made = torch.from_numpy(outputs).reshape(x.shape[0], *extents, weight.shape[0])
    read = torch.from_numpy(seen).reshape(channels_last.shape)
    return (
        made.movedim(-1, 1).contiguous(),
        read.movedim(-1, 1).contiguous(),
        _coded(owner, index, weight),
    )


@conv.register_fake
def _(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    fitted: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
    step: float,
    handle: int,
    index: int,
) -> _Three:
    extents = _extents(x, weight, stride, padding, dilation)
    made = x.new_empty((x.shape[0], weight.shape[0], *extents))
    return made, x.new_empty(x.shape), weight.new_empty(weight.shape)


def _conv_context(ctx: Any, inputs: tuple[Any, ...], output: _Three) -> None:
    ctx.save_for_backward(inputs[0], output[1], output[2])
    ctx.form = [list(inputs[at]) for at in (4, 5, 6)]
    ctx.groups, ctx.has_bias, ctx.step = inputs[7], inputs[2] is not None, inputs[8]


def _conv_backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    x, seen, coded = ctx.saved_tensors
    biases = [coded.shape[0]] if ctx.has_bias else None
    form = (*ctx.form, False, [0] * (coded.ndim - 2), ctx.groups)
    wanted = [ctx.needs_input_grad[0], True, ctx.has_bias]
    of_x, of_weight, of_bias = torch.ops.aten.convolution_backward(
        gradient, seen, coded, biases, *form, wanted
    )
    if of_x is not None:
        of_x = _within(of_x, x, seen, ctx.step)
    return of_x, of_weight, of_bias, *[None] * 8


conv.register_autograd(_conv_backward, setup_context=_conv_context)


@torch.library.custom_op("recoup::product", mutates_args=())
def product(
    rows: Tensor,
    columns: Tensor,
    fitted: Tensor,
    row_step: float,
    column_step: float,
    factor: float,
    handle: int,
    index: int,
) -> _Three:
    """Products of two activations on the multiplier, ``[record][matrix][row][depth]`` times
    ``[record][matrix][column][depth]``; and both as their codes have them. What the layer's results
    are multiplied by, ``factor``, is taken back: the graph has it behind."""
    owner = emulation(handle)
    by_row = rows.transpose(1, 2).contiguous()
    inputs, loaded = numbers(by_row).reshape(-1), numbers(columns).reshape(-1)
    seen, seen_loaded, outputs = owner.layer(index).run(inputs, loaded, running())
    records, matrices, count, _ = rows.shape
    made = torch.from_numpy(outputs).reshape(records, count, matrices, columns.shape[2])
    return (
        made.transpose(1, 2).contiguous() / factor,
        torch.from_numpy(seen).reshape(by_row.shape).transpose(1, 2).contiguous(),
        torch.from_numpy(seen_loaded).reshape(columns.shape),
    )


@product.register_fake
def _(
    rows: Tensor,
    columns: Tensor,
    fitted: Tensor,
    row_step: float,
    column_step: float,
    factor: float,
    handle: int,
    index: int,
) -> _Three:
    made = rows.new_empty((*rows.shape[:3], columns.shape[2]))
    return made, rows.new_empty(rows.shape), columns.new_empty(columns.shape)


def _product_context(ctx: Any, inputs: tuple[Any, ...], output: _Three) -> None:
    ctx.save_for_backward(inputs[0], inputs[1], output[1], output[2])
    ctx.steps = inputs[3:5]


def _product_backward(ctx: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    rows, columns, seen, seen_loaded = ctx.saved_tensors
    of_rows = _within(gradient @ seen_loaded, rows, seen, ctx.steps[0])
    of_columns = _within(gradient.transpose(2, 3) @ seen, columns, seen_loaded, ctx.steps[1])
    return of_rows, of_columns, *[None] * 6


product.register_autograd(_product_backward, setup_context=_product_context)


def _within(gradient: Tensor, x: Tensor, seen: Tensor, step: float) -> Tensor:
    """The gradient where the code is the nearest one: beyond the range of the codes it is 0."""
    # Half a step, and what rounding in float32 adds to it.
    return gradient * ((x - seen).abs() <= 0.501 * step)


def _extents(
    x: Tensor,
    weight: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> list[Any]:
    """Rows and columns of the output."""
    axes = zip(x.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True)
    return [
        (size + 2 * pad - rate * (taps - 1) - 1) // step + 1
        for size, taps, step, pad, rate in axes
    ]


def _coded(owner: Emulation, index: int, weight: Tensor) -> Tensor:
    """The weights that the codes of a layer stand for."""
    weights = owner.layer(index).weights
    assert weights is not None
    codes, scales, zero_points = map(torch.from_numpy, weights)
    rows = codes.reshape(weight.shape[0], -1).to(torch.int32) - zero_points[:, None]
    real = rows.to(torch.float32) * scales[:, None]
    if weight.ndim == 2:
        return real
    return real.reshape(weight.shape[0], *weight.shape[2:], weight.shape[1]).movedim(-1, 1).contiguous()
