"""Figures of a metric: one for each network, its interval, and what designs lose of it."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from ._bootstrap import Bootstrap
from ._running import Running
from ._table import Column
from .errors import RequestError

Combine = Callable[[Any], Any]
"""Of the values of all images: one number."""

COLUMNS: list[Column] = [
    ("metric", "real", "metric", None),
    ("metric_ci_low", "real", "metric_ci", 0),
    ("metric_ci_high", "real", "metric_ci", 1),
    ("metric_loss_vs_exact", "real", "metric_loss_vs_exact", None),
    ("metric_loss_vs_exact_ci_low", "real", "metric_loss_vs_exact_ci", 0),
    ("metric_loss_vs_exact_ci_high", "real", "metric_loss_vs_exact_ci", 1),
    ("metric_loss_vs_float", "real", "metric_loss_vs_float", None),
    ("metric_loss_vs_float_ci_low", "real", "metric_loss_vs_float_ci", 0),
    ("metric_loss_vs_float_ci_high", "real", "metric_loss_vs_float_ci", 1),
    ("metric_left_out", "integer", "metric_left_out", None),
]
"""What a metric adds to the columns of an evaluation."""

MOMENT_S = 0.05
"""How long progress is not shown."""

FLOAT, EXACT = 0, 1
"""The places of the references among the networks; designs follow, the exact one being the first."""


class Figures:
    """Of networks with these names and values, the references first; all of the same images."""

    def __init__(
        self,
        names: list[str],
        values: list[Any],
        combine: Combine | None,
        bootstrap: Bootstrap,
        how: Running,
    ) -> None:
        self._names = names
        self._bootstrap = bootstrap
        figures = _mean(values) if combine is None else self._combined(combine, values)
        images = len(values[FLOAT])
        self._whole = figures(np.arange(images), "all images")
        for name, figure in zip(self._names, self._whole, strict=True):
            if not np.isfinite(figure):
                raise RequestError(
                    f"combine: gave {figure} for all images in {name}; expected a number",
                    arguments=["combine"],
                )
        # What a single image varies by is unknown.
        count = bootstrap.resamples if images > 1 else 0
        self._resampled = np.empty((len(values), count))
        shown = time.monotonic()
        for number, places in zip(range(count), bootstrap.draws(images), strict=False):
            self._resampled[:, number] = figures(places, f"resample {number}")
            if how.progress is not None and time.monotonic() - shown > MOMENT_S:
                shown = time.monotonic()
                how.progress("resampling", count, number, "")
        undefined = np.count_nonzero(~np.isfinite(self._resampled).all(axis=0))
        if undefined:
            warnings.warn(
                f"combine: gave no number for {undefined} of {count} resamples, which the intervals "
                "leave out",
                stacklevel=4,
            )

    def of_float(self) -> dict[str, Any]:
        """The fields of the float32 network."""
        fields = self._fields(FLOAT)
        return {name: fields[name] for name in ("metric", "metric_ci", "metric_left_out")}

    def of_design(self, candidate: int) -> dict[str, Any]:
        """The fields of a design."""
        return self._fields(EXACT + candidate)

    def _fields(self, network: int) -> dict[str, Any]:
        # Those of a design do not depend on the other designs.
        defined = np.isfinite(self._resampled[[FLOAT, EXACT, network]]).all(axis=0)
        resampled, interval = self._resampled[:, defined], self._bootstrap.interval
        fields: dict[str, Any] = {
            "metric": float(self._whole[network]),
            "metric_ci": interval(resampled[network]),
        }
        for name, reference in (("exact", EXACT), ("float", FLOAT)):
            loss = self._whole[reference] - self._whole[network]
            losses = resampled[reference] - resampled[network]
            fields[f"metric_loss_vs_{name}"] = float(loss)
            fields[f"metric_loss_vs_{name}_ci"] = interval(losses)
        return {**fields, "metric_left_out": int(np.count_nonzero(~defined))}

    def _combined(self, combine: Combine, values: list[Any]) -> _Of:
        def of(places: npt.NDArray[np.intp], where: str) -> npt.NDArray[np.float64]:
            figures = []
            for name, own in zip(self._names, values, strict=True):
                with noted(f"combine of {name}, {where}"):
                    some = own[places] if isinstance(own, np.ndarray) else [own[at] for at in places]
                    figures.append(_number(combine(some)))
            return np.array(figures)

        return of


_Of = Callable[[npt.NDArray[np.intp], str], npt.NDArray[np.float64]]
"""The figures of all networks on images by their places, and what these are."""


def _mean(values: list[Any]) -> _Of:
    stacked = np.stack(values)
    return lambda places, where: np.take(stacked, places, axis=1).mean(axis=1)


def _number(found: Any) -> float:
    try:
        if np.ndim(found) == 0 and not isinstance(found, (str, bytes)):
            return float(found)
    except (TypeError, ValueError):
        pass
    raise RequestError(f"combine: gave {said(found)}; expected a number", arguments=["combine"])


@contextmanager
def noted(text: str) -> Iterator[None]:
    """Notes with an exception where it happened, from Python 3.11 on."""
    try:
        yield
    except Exception as error:
        if sys.version_info >= (3, 11):
            error.add_note(text)
        raise


def called(function: Any) -> str:
    """The name of a function."""
    return str(getattr(function, "__name__", type(function).__name__))


def said(value: Any) -> str:
    """What a value is, in a few words."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} and shape {value.shape}"
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else f"a {type(value).__name__}"
