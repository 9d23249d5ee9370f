"""Modules whose layers run on an approximate multiplier, and can be trained so."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

from .._data import Data, data
from .._design import Design, as_design
from .._network import of_bytes
from .._torch_data import is_torch_data, joined, torch_arrays
from ..errors import DataError, ModelError, RequestError
from . import _operators
from ._emulation import Emulation
from ._layers import graph_of, matched, named, rewritten
from ._onnx import exported
from ._qdq import quantized
from ._tensors import numbers


class EmulatedModule(nn.Module):
    """A module whose Conv1d, Conv2d, Linear and products of two activations (attention's) run on a
    multiplier; :func:`emulate` makes it.

    It takes what the module took, a float32 tensor of shape ``[records, ...]`` on the CPU, and gives
    bit for bit what Recoup computes for the exported network. Its parameters are the module's, with
    BatchNorm folded into the layers before; train them with any optimizer and loss. Dropout is off.
    A layer is trained if its weight was.

    Without gradients (``torch.no_grad``) the library runs the whole network at once. With gradients
    its layers run one by one, on the multiplier; the outputs are those of the whole network, too. When
    parameters have changed, weight codes are made again and V is fitted again on the calibration's
    records, before the next outputs.
    """

    calibration: Data
    """The records that ranges are chosen and V is fitted on."""

    def __init__(
        self, layers: fx.GraphModule, emulation: Emulation, calibration: Data, content: bytes
    ) -> None:
        super().__init__()
        self.layers = layers
        self.calibration = calibration
        self._emulation = emulation
        self._content = content
        places = emulation.layers
        names = [name for it in places if it for name in (it.weight, it.bias)]
        self._names = [name for name in names if name is not None]

    def forward(self, x: Tensor) -> Tensor:
        parameters = [named(self.layers, name) for name in self._names]
        handle = self._emulation.handle
        fitted = _operators.fit(parameters, handle)
        layered = self.layers(x, fitted)[0] if torch.is_grad_enabled() else None
        made: Tensor = _operators.network(x, layered, fitted, handle)
        return made

    def train(self, mode: bool = True) -> EmulatedModule:
        """Changes ``training`` only: BatchNorm is folded, and Dropout off."""
        self.training = mode
        return self

    @property
    def design(self) -> Design:
        """The multiplier with what corrects it."""
        return self._emulation.design

    @property
    def kernels(self) -> list[str]:
        """What the layers run on."""
        self._fit()
        return list(self._emulation.emulator().kernels)

    def export(self, path: str | os.PathLike[str] | None = None) -> bytes:
        """The network with the codes that it has now, as a QDQ ONNX file.

        Where it is loaded and calibrated on :attr:`calibration`, :meth:`recoup.Network.emulate` with
        :attr:`design` gives the logits of this module, bit for bit.

        Args:
            path: where to write it, if anywhere.

        Returns:
            The content of the file.

        Raises:
            RequestError: for a design with less than 8 weight bits, whose codes a loaded network
                makes anew.
        """
        if " weight bits" in str(self.design):
            raise RequestError(f"{self.design}: export takes weights of 8 bits")
        self._fit()
        places = self._emulation.layers
        layers = [(layer, self._emulation.layer(at)) for at, layer in enumerate(places) if layer]
        biases = {
            layer.bias: named(self.layers, layer.bias).detach().numpy()
            for layer in places
            if layer is not None and layer.bias is not None
        }
        content = quantized(self._content, layers, self._emulation.emulator().codes, biases)
        if path is not None:
            with open(path, "wb") as file:
                file.write(content)
        return content

    def _fit(self) -> None:
        self._emulation.fit([named(self.layers, name) for name in self._names])

    def extra_repr(self) -> str:
        return str(self.design)


def emulate(
    module: nn.Module,
    calibration_batches: Any,
    multiplier: Any,
    control_variate: str | None = None,
    *,
    method: str = "mean-square",
    attention: str = "emulated",
) -> EmulatedModule:
    """A module that runs on a multiplier, to be evaluated or trained.

    Args:
        module: of one input and one output; ``torch.export`` and ``torch.onnx.export`` must take it.
            It is not changed.
        calibration_batches: what ranges are chosen and V is fitted on: a tensor, a DataLoader or
            Dataset of PyTorch's, or batches, each ``x`` or ``(x, y)``, as the module takes them.
            Each time the parameters change, V is fitted on them: a few hundred records are enough.
        multiplier: a :class:`recoup.Design`, a :class:`recoup.Multiplier`, a text that names either,
            or a table of products.
        control_variate: what corrects a multiplier: ``fitted``, if not said.
        method: how the ranges of activations are chosen.
        attention: where products of two activations run, as for :func:`recoup.load`.

    Raises:
        ModelError: when PyTorch cannot export the module, or it is no network that can be run.
        DataError: when the batches are not what it takes, or parameters not float32 on the CPU.
        EmulationError: when the layers on the multiplier are none of the module's.
        RequestError: for a design whose codes are chosen for the multiplier (``aware``).

    >>> import torch
    >>> import recoup.torch
    >>> module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
    >>> x = torch.randn(64, 4)
    >>> em = recoup.torch.emulate(module, x, "truncated:7")
    >>> loss = em(x).square().mean()
    >>> loss.backward()
    >>> [tuple(values.grad.shape) for values in em.parameters()]
    [(8, 4), (8,), (3, 8), (3,)]
    """
    design = as_design(multiplier, control_variate)
    for key, values in module.named_parameters():
        numbers(values, key)
    inputs = records(calibration_batches)
    example = torch.from_numpy(np.ascontiguousarray(inputs[:1]))
    layers = graph_of(module, example)
    content = exported(layers, example, optimize=False)
    name = type(module).__name__
    network = of_bytes(content, name, None, attention)
    if len(network.inputs) != 1 or len(network.outputs) != 1:
        raise ModelError(f"{name}: has several inputs or outputs; expected one tensor each")
    calibration = data(inputs).first(len(inputs))
    network.calibrate(calibration, method=method, progress=False)
    found = matched(layers, network._network, name)
    (output,) = network.outputs.values()
    emulation = Emulation(network, design, [placed.layer for placed in found], output)
    made = EmulatedModule(layers, emulation, calibration, content)
    made._fit()
    of_library = [emulation.layer(index) for index in range(len(found))]
    rewritten(layers, found, of_library, emulation.handle)
    return made


def records(batches: Any) -> Any:
    """All inputs of the batches, as one array."""
    if is_torch_data(batches):
        found = torch_arrays(batches)
    elif isinstance(batches, (Tensor, np.ndarray)):
        found = joined([batches])
    else:
        found = joined(batches)
    x = found[0] if isinstance(found, tuple) else found
    if isinstance(x, dict):
        raise DataError("calibration_batches: inputs of several tensors; expected one")
    if x.dtype != np.float32:
        raise DataError(f"calibration_batches: an array of {x.dtype}; expected float32")
    return x
