"""Tensors as arrays that the library reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..errors import DataError

Floats = np.ndarray[Any, np.dtype[np.float32]]


def numbers(x: Tensor, name: str = "x") -> Floats:
    """The elements of a tensor, in the order of its axes."""
    if x.dtype != torch.float32 or x.device.type != "cpu":
        raise DataError(
            f"{name}: a tensor of {x.dtype} on {x.device}; the emulator takes float32 on the CPU: "
            ".float().cpu()"
        )
    found: Floats = x.detach().contiguous().numpy()
    return found


def flat(weights: Tensor, bias: Tensor, name: str) -> tuple[Floats, Floats]:
    """The parameters of a layer as the library has them: channels last."""
    last = weights.movedim(1, -1) if weights.ndim > 2 else weights
    return numbers(last, name).reshape(-1), numbers(bias, name)
