"""Metrics of one's own: their values, image by image."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ._arrays import Array, numpy_array
from ._bootstrap import Bootstrap
from ._figures import Combine, Figures, called, noted, said
from ._running import Running
from .errors import DataError, RequestError

Metric = Callable[[Any, Any], Any]
"""Of outputs and targets: a value for each image."""


Values = list[tuple[int, int, Any]]
"""Of networks, float32 first, from a place of the evaluation on: the values of some images."""


class Measure:
    """Sees the outputs of an evaluation, batch by batch, and keeps the values of the images."""

    def __init__(
        self,
        metric: Metric | None,
        combine: Combine | None,
        targets: Any,
        bootstrap: Bootstrap,
        data: str,
    ) -> None:
        if metric is None:
            name = "combine" if targets is None else "targets"
            raise RequestError(f"{name}: for a metric, and there is none; give metric=")
        for name, function in (("metric", metric), ("combine", combine)):
            if function is not None and not callable(function):
                raise RequestError(f"{name}: {said(function)}; expected a function")
        self._metric = metric
        self._combine = combine
        self._targets: Any = None if targets is None else _entries(targets)
        self._bootstrap = bootstrap
        self._data = data
        self._kind: str | None = None
        self._batch: tuple[int, list[Any]] = (-1, [])

    def begin(
        self,
        evaluated: npt.NDArray[np.int64],
        images: int,
        labels: npt.NDArray[np.int64] | None,
        designs: list[str],
    ) -> None:
        """Takes the numbers of the images that will come, how many the data has, and the labels of
        all of them."""
        if self._targets is None:
            if labels is None:
                raise DataError(
                    f"{self._data}: has no labels, and a metric compares outputs with something",
                    "give targets=, one for each image of the data",
                    ["targets"],
                )
            self._targets = labels
        if len(self._targets) != images:
            raise DataError(
                f"targets: {len(self._targets)} entries; expected {images}, one for each image of "
                f"{self._data}, whether it is evaluated or not",
                arguments=["targets"],
            )
        self._evaluated = evaluated
        self._names = ["float32", *designs]
        self._parts: Values = []

    def see(
        self,
        candidate: int | None,
        first: int,
        outputs: list[tuple[str, npt.NDArray[np.float32]]],
    ) -> None:
        """Takes what a network made of images, from that place of the evaluation on."""
        network = 0 if candidate is None else 1 + candidate
        images = self._evaluated[first : first + len(outputs[0][1])]
        given = outputs[0][1] if len(outputs) == 1 else dict(outputs)
        with noted(f"metric of {self._names[network]}, {len(images)} images from {images[0]} on"):
            found = self._metric(given, self._targets_of(first, images))
            self.add([(network, first, self._checked(found, images))])

    def add(self, parts: Values) -> None:
        """Takes values that were made here or elsewhere, in any order."""
        for _, _, values in parts:
            if self._combine is not None:
                self._check_kind(values)
        self._parts.extend(parts)

    def take(self) -> Values:
        """Gives the values away."""
        taken, self._parts = self._parts, []
        return taken

    def added_to(self, record: str, how: Running) -> str:
        """The record of the evaluation, as JSON, with the figures of the metric."""
        self._parts.sort(key=lambda part: part[:2])
        values = [
            _joined([values for of, _, values in self._parts if of == network])
            for network in range(len(self._names))
        ]
        figures = Figures(self._names, values, self._combine, self._bootstrap, how)
        found: dict[str, Any] = json.loads(record)
        found["metric"] = {
            "name": called(self._metric),
            "combine": None if self._combine is None else called(self._combine),
            "confidence": self._bootstrap.confidence,
            "resamples": self._bootstrap.resamples,
            "seed": self._bootstrap.seed,
        }
        found["float"].update(figures.of_float())
        for candidate, row in enumerate(found["results"]):
            row.update(figures.of_design(candidate))
        return json.dumps(found, indent=2, ensure_ascii=False)

    def _targets_of(self, first: int, images: npt.NDArray[np.int64]) -> Any:
        if isinstance(self._targets, np.ndarray):
            return self._targets[images]
        # All networks see a batch before the next one comes, and entries may lie in files.
        if self._batch[0] != first:
            self._batch = (first, [self._targets[image] for image in images.tolist()])
        return list(self._batch[1])

    def _checked(self, found: Any, images: npt.NDArray[np.int64]) -> Any:
        """A number for each image; with ``combine`` an array or a list of anything."""
        combined = self._combine is not None
        values: Any = list(found) if combined and isinstance(found, list) else _array(found)
        extents = (len(values),) if isinstance(values, list) else values.shape
        if isinstance(found, tuple) or extents[:1] != images.shape:
            raise RequestError(
                f"metric: gave {said(found)} for {len(images)} images; expected an array or a list "
                "with a value for each",
                arguments=["metric"],
            )
        if not combined:
            _check_numbers(values, images)
            return values.astype(np.float64)
        # A view would keep the outputs of the batch.
        return values if isinstance(values, list) else values.copy()

    def _check_kind(self, values: Any) -> None:
        listed = isinstance(values, list)
        kind = "a list" if listed else f"an array of {values.shape[1:]} for each image"
        self._kind = self._kind or kind
        if kind != self._kind:
            raise RequestError(
                f"metric: gave {kind}, and {self._kind} before; expected one kind for all",
                arguments=["metric"],
            )


class Elsewhere:
    """Sees the outputs of a piece in a worker, whose caller gets the values, or what went wrong."""

    def __init__(self, measure: Measure) -> None:
        self.begin = measure.begin
        self._measure = measure
        self._error: Exception | None = None

    def see(
        self,
        candidate: int | None,
        first: int,
        outputs: list[tuple[str, npt.NDArray[np.float32]]],
    ) -> None:
        """As :meth:`Measure.see`, without an error."""
        if self._error is None:
            try:
                self._measure.see(candidate, first, outputs)
            except Exception as error:
                self._error = error

    def take(self) -> Values | Exception:
        """What came of the piece."""
        error, self._error = self._error, None
        values = self._measure.take()
        return values if error is None else error


def _joined(parts: list[Any]) -> Any:
    if isinstance(parts[0], list):
        return [value for part in parts for value in part]
    return np.concatenate(parts)


def _check_numbers(values: Array, images: npt.NDArray[np.int64]) -> None:
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        raise RequestError(
            f"metric: gave {said(values)} for {len(images)} images; expected a number for each",
            "give combine=, which makes one figure of other values",
            ["metric", "combine"],
        )
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        raise RequestError(
            f"metric: gave {values[wrong[0]]} for image {images[wrong[0]]}; expected a number",
            "give combine=, which may leave images out",
            ["metric", "combine"],
        )


def _array(found: Any) -> Array:
    """An array of what is none, of no axes."""
    try:
        return np.asarray(found)
    except ValueError:
        # Records of several lengths.
        return np.array(None)


def _entries(targets: Any) -> Any:
    """An array, or whatever else has entries by their numbers."""
    if hasattr(targets, "__array__") or hasattr(targets, "__dlpack__"):
        targets = numpy_array("targets", targets)
    if isinstance(targets, np.ndarray):
        listed = targets.ndim > 0
    else:
        listed = hasattr(targets, "__getitem__") and hasattr(targets, "__len__")
    if not listed or isinstance(targets, (str, bytes, Mapping)):
        raise DataError(
            f"targets: {said(targets)}; expected an array or a sequence, with an entry for each "
            "image of the data",
            arguments=["targets"],
        )
    return targets
