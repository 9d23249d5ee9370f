"""Small PyTorch modules for the tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
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
    """Linear layers on sequences, and products of them."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.last = nn.Linear(8, 3, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.last(self.block(x)[:, 0])
        return made


class Products(nn.Module):
    """Attention in the spellings of users: each is a product of the same queries, keys and values."""

    def __init__(self, spelling: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.of_all = nn.Linear(8, 24)
        self.last = nn.Linear(8, 3)
        self.spelling = spelling

    def forward(self, x: Tensor) -> Tensor:
        heads = self.of_all(x).unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)
        made = self.spelling(*heads.unbind(0))
        result: Tensor = self.last(made.transpose(1, 2).flatten(2).mean(1))
        return result


def by_matmul(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    scores = query @ key.transpose(2, 3) * 0.5
    made: Tensor = scores.softmax(-1) @ value
    return made


def by_einsum(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    scores = torch.einsum("bhid,bhjd->bhij", query, key) / 2
    return torch.einsum("bhij,bhjd->bhid", scores.softmax(-1), value)


def by_bmm(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    flat = [it.flatten(0, 1) for it in (query, key, value)]
    scores = torch.bmm(flat[0] * 0.5, flat[1].transpose(1, 2))
    made: Tensor = torch.bmm(scores.softmax(-1), flat[2]).unflatten(0, (-1, 2))
    return made


def causal(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    return nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)


def masked(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    mask = torch.arange(5) < 3
    return nn.functional.scaled_dot_product_attention(query, key, value, mask[None], scale=0.3)


def grouped(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    key, value = key[:, :1], value[:, :1]
    return nn.functional.scaled_dot_product_attention(query, key, value, enable_gqa=True)


def one_key(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Keys and values that are broadcast to all heads."""
    scores = query @ key[:, :1].transpose(2, 3)
    made: Tensor = scores.softmax(-1) @ value[:, :1]
    return made


def heads_first(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Matrices not record by record."""
    flat = [it.transpose(0, 1).flatten(0, 1) for it in (query, key, value)]
    scores = torch.bmm(flat[0], flat[1].transpose(1, 2)).softmax(-1)
    made: Tensor = torch.bmm(scores, flat[2]).unflatten(0, (2, -1))
    return made.transpose(0, 1)


SPELLINGS = (by_matmul, by_einsum, by_bmm, causal, masked, grouped, one_key, heads_first)


class Squeezed(nn.Module):
    """What runs on codes between layers: functions, a product with means, and a residual."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.excite = nn.Sequential(nn.Conv2d(8, 4, 1), nn.SiLU(), nn.Conv2d(4, 8, 1), nn.Sigmoid())
        self.last = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.silu(self.first(x))
        y = nn.functional.hardswish(self.second(x))
        y = y * self.excite(y.mean((2, 3), keepdim=True))
        made: Tensor = self.last(nn.functional.gelu(x + y).mean((2, 3)))
        return made


def sequence() -> nn.Module:
    layers = (nn.Conv1d(3, 6, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(30, 4))
    return nn.Sequential(*layers)


def chain() -> nn.Module:
    layers = (nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Conv2d(6, 6, 3, stride=2), nn.Flatten())
    return nn.Sequential(*layers)


MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "residual": (Residual, (2, 8, 8)),
    "squeezed": (Squeezed, (2, 8, 8)),
    "attention": (Attention, (5, 8)),
    "sequence": (sequence, (3, 10)),
    "chain": (chain, (2, 9, 9)),
    **{it.__name__: (partial(Products, it), (5, 8)) for it in SPELLINGS},
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
