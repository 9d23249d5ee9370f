"""Arrays of other libraries as NumPy's, without a copy where they are contiguous."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import DataError

Array = npt.NDArray[Any]
Arrays = Any
"""Whatever NumPy, the buffer protocol or DLPack takes for an array, or a mapping of names to such
arrays for a model with several inputs."""

_TYPES = tuple(np.dtype(name) for name in ("float32", "uint8", "int8", "int32", "int64"))


def numpy_array(name: str, values: object) -> Array:
    """An array of NumPy's, of any elements."""
    if hasattr(values, "__dlpack__") and not isinstance(values, np.ndarray):
        try:
            shared: Array = np.from_dlpack(values)
        except (BufferError, RuntimeError, TypeError) as error:
            raise DataError(f"{name}: its memory cannot be shared: {error}") from error
        return shared
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"{name}: is no array: {error}") from error


def array(name: str, values: object) -> Array:
    """An array that the library can read where it lies."""
    found = numpy_array(name, values)
    if found.dtype == object:
        raise DataError(
            f"{name}: an array of Python objects; make one of numbers, all records of one shape"
        )
    if found.dtype not in _TYPES:
        known = ", ".join(str(kind) for kind in _TYPES)
        raise DataError(
            f"{name}: an array of {found.dtype}; expected one of {known}: for example "
            f"{name}.astype(numpy.float32)"
        )
    return np.ascontiguousarray(found) if found.ndim else found


def inputs(values: Arrays) -> list[tuple[str, Array]]:
    """The arrays by the names of the model's inputs; the name of one alone does not matter."""
    named = values if isinstance(values, Mapping) else {"x": values}
    return [(str(name), array(str(name), value)) for name, value in named.items()]


def labels(values: object) -> list[int]:
    """The class of each record, counted from 0."""
    found = numpy_array("y", values)
    if found.dtype.kind not in "iu" or found.ndim != 1:
        raise DataError(
            f"y: an array of {found.dtype} and shape {found.shape}; expected a class for each "
            "record: whole numbers from 0, of one axis"
        )
    wrong = np.flatnonzero((found < 0) | (found > 2**31))
    if wrong.size:
        raise DataError(f"y: class {found[wrong[0]]} of record {wrong[0]}; expected 0 or more")
    classes: list[int] = found.tolist()
    return classes
