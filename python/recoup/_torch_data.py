"""Data of PyTorch's as arrays."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ._arrays import Array, numpy_array
from .errors import DataError

_BATCH = 256


def is_torch_data(source: object) -> bool:
    """Whether it is a Dataset or DataLoader of PyTorch's, which then is imported already."""
    utilities = sys.modules.get("torch.utils.data")
    if utilities is None:
        return False
    return isinstance(source, (utilities.Dataset, utilities.DataLoader))


def torch_arrays(source: Any) -> Any:
    """All batches of a Dataset or DataLoader, once, as :func:`recoup.data` takes arrays."""
    from torch.utils.data import DataLoader

    loader = source if isinstance(source, DataLoader) else DataLoader(source, batch_size=_BATCH)
    return joined(loader)


def joined(batches: Iterable[Any]) -> Any:
    """Batches one after the other: inputs, or a pair of inputs and labels."""
    seen = [_parts(batch) for batch in batches]
    if not seen:
        raise DataError("the data loader has no batch; expected one or more")
    kinds = {(tuple(x), y is None) for x, y in seen}
    if len(kinds) > 1:
        raise DataError("the data loader's batches differ in what they are made of")
    inputs = {name: np.concatenate([x[name] for x, _ in seen]) for name in seen[0][0]}
    x = inputs["x"] if tuple(inputs) == ("x",) else inputs
    labels = [y for _, y in seen if y is not None]
    return (x, np.concatenate(labels)) if labels else x


def _parts(batch: Any) -> tuple[dict[str, Array], Array | None]:
    """The inputs of a batch by name, and its labels if it has some."""
    x, y = batch, None
    if isinstance(batch, Sequence):
        if len(batch) not in (1, 2):
            raise DataError(
                f"a batch of the data loader has {len(batch)} parts; expected inputs, or inputs "
                "and labels: collate them as such a pair, inputs of several tensors as a dict"
            )
        x, y = batch if len(batch) == 2 else (batch[0], None)
    named = x if isinstance(x, Mapping) else {"x": x}
    inputs = {str(name): _numbers(str(name), values) for name, values in named.items()}
    return inputs, None if y is None else _numbers("y", y)


def _numbers(name: str, values: Any) -> Array:
    """The elements of a tensor, on whatever device it is and whether it has a gradient."""
    detached = values.detach().cpu() if hasattr(values, "detach") else values
    found = numpy_array(name, detached)
    if found.ndim == 0:
        raise DataError(f"{name}: a batch that is a single number; expected one for each record")
    return found
