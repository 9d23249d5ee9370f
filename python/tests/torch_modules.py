"""Small PyTorch modules for the tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

RECORDS = 48

# More threads than that cost such small tensors more than they gain.
torch.set_num_threads(1)


class Residual(nn.Module):
    """BatchNorm to fold, a residual, groups, a pool, Dropout and a mean."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 8, 3, padding="same", groups=2, dilation=2)
        self.other = nn.BatchNorm2d(8)
        self.pool = nn.MaxPool2d(2)
        self.drop = nn.Dropout(0.5)
        self.last = nn.Linear(8, 5)
        for norm in (self.norm, self.other):
            nn.init.uniform_(norm.get_buffer("running_mean"), -0.5, 0.5)
            nn.init.uniform_(norm.get_buffer("running_var"), 0.5, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.norm(self.first(x)))
        x = self.pool(torch.relu(x + self.other(self.second(x))))
        made: Tensor = self.last(self.drop(x.mean((2, 3))))
        return made


class Attention(nn.Module):
    """Linear layers on sequences, and products that run in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.last = nn.Linear(8, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.last(self.block(x)[:, 0])
        return made


def sequence() -> nn.Module:
    layers = (nn.Conv1d(3, 6, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(30, 4))
    return nn.Sequential(*layers)


def chain() -> nn.Module:
    layers = (nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3, stride=2), nn.Flatten())
    return nn.Sequential(*layers)


MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "residual": (Residual, (2, 8, 8)),
    "attention": (Attention, (5, 8)),
    "sequence": (sequence, (3, 10)),
    "chain": (chain, (2, 9, 9)),
}


def made(name: str) -> tuple[nn.Module, Tensor]:
    """A module and records for it, the same ones every time."""
    torch.manual_seed(3)
    kind, shape = MODULES[name]
    return kind(), torch.randn(RECORDS, *shape)


def bits(values: Tensor | np.ndarray[Any, Any]) -> bytes:
    found = values.detach().numpy() if isinstance(values, Tensor) else values
    return np.ascontiguousarray(found).tobytes()


class Loop(nn.Module):
    """What no exporter follows."""

    def forward(self, x: Tensor) -> Tensor:
        while x.sum() > 1:
            x = x / 2
        return x
