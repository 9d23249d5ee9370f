"""Networks of PyTorch's, by way of the ONNX that it exports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._network import Network, of_bytes

if TYPE_CHECKING:
    from torch import Tensor, nn


def from_torch(
    module: nn.Module,
    example: Tensor | tuple[Tensor, ...],
    *,
    name: str | None = None,
    attention: str = "emulated",
) -> Network:
    """A network from a PyTorch module, as ``torch.onnx.export`` writes it in evaluation mode.

    It needs PyTorch 2.6 or later with onnx and onnxscript (``pip install recoup[torch]``).

    Args:
        module: the module. It is not changed: neither its mode nor its weights.
        example: an input with a batch of any size, or a tuple of the arguments of ``forward``.
        name: as it is called in results; the name of its class, if not said.
        attention: where products of two activations run, as for :func:`load`.

    Raises:
        ModelError: when PyTorch cannot export it, or it is no network that can be run.

    >>> import torch
    >>> net = recoup.from_torch(torch.nn.Sequential(torch.nn.Linear(4, 3)), torch.zeros(1, 4))
    >>> net
    Sequential (input [4])
    """
    from .torch._onnx import exported

    content = exported(module, example)
    return of_bytes(content, name or type(module).__name__, None, attention)
