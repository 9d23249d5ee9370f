"""What the library makes of a module's parameters."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from .. import _recoup
from .._design import Design
from .._network import Network
from .._running import Running
from ..errors import RequestError
from ._layers import Layer
from ._tensors import flat, numbers

_NUMBERS = itertools.count()
_ALL: weakref.WeakValueDictionary[int, Emulation] = weakref.WeakValueDictionary()
"""Operators of PyTorch's take numbers and tensors only."""


def emulation(handle: int) -> Emulation:
    """One by its number."""
    found = _ALL.get(handle)
    if found is None:
        raise RequestError("the emulated module that this was compiled or exported from is gone")
    return found


def running() -> Running:
    """As many threads as PyTorch takes."""
    return Running(torch.get_num_threads(), None)


@dataclass(eq=False)
class Emulation:
    """A design of a network whose layers have other parameters from step to step."""

    network: Network
    design: Design
    layers: list[Layer | None]
    """Those of the library's; products of two activations are none of the module's own."""
    output: tuple[int, ...]
    """The shape of its output, without the batch."""
    handle: int = field(default_factory=lambda: next(_NUMBERS))
    _parameters: list[Tensor] = field(default_factory=list)
    _emulator: _recoup.Emulator | None = None
    _made: dict[int, _recoup.Layer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _ALL[self.handle] = self

    def __deepcopy__(self, memo: dict[int, Any]) -> Emulation:
        # Modules may share it: it is made again for the parameters that come.
        return self

    def fit(self, parameters: Sequence[Tensor]) -> None:
        """Makes the design ready for these parameters, a weight and, if there is one, a bias of each
        layer after the other; at no cost if they have not changed."""
        known = self._parameters
        if len(known) == len(parameters) and all(map(torch.equal, known, parameters)):
            return
        left = iter(parameters)
        arrays = []
        for layer in self.layers:
            if layer is None:
                continue
            weight = next(left)
            bias = torch.zeros(weight.shape[0]) if layer.bias is None else next(left)
            arrays.append(flat(weight, bias, layer.weight))
        emulator = self.network._network.emulate_with(self.design._design, arrays, running())
        self._emulator, self._made = emulator, {}
        self._parameters = [values.detach().clone() for values in parameters]

    def emulator(self) -> _recoup.Emulator:
        """The whole network, after :meth:`fit`."""
        assert self._emulator is not None
        return self._emulator

    def layer(self, index: int) -> _recoup.Layer:
        """A layer by itself, after :meth:`fit`."""
        if index not in self._made:
            made = self.emulator().layer(index)
            assert made is not None
            self._made[index] = made
        return self._made[index]

    def run(self, x: Tensor) -> Tensor:
        """The outputs of the whole network."""
        (name,) = self.network.inputs
        (_, values), = self.emulator().run([(name, numbers(x))], running())
        return torch.from_numpy(values)
