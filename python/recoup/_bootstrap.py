"""Intervals of figures by drawing the images again: docs/arithmetic.md, (7.16) and (7.17)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import RequestError

FEWEST, MOST = 100, 1_000_000
"""Resamples: of fewer the tails are chance."""


@dataclass(frozen=True)
class Bootstrap:
    """How often images are drawn, and what share of the figures an interval holds."""

    resamples: int
    seed: int
    confidence: float

    def __post_init__(self) -> None:
        if self.resamples != 0 and not FEWEST <= self.resamples <= MOST:
            raise RequestError(
                f"resamples: {self.resamples}; expected {FEWEST} to {MOST}, or 0 for no intervals"
            )
        if self.seed < 0:
            raise RequestError(f"seed: {self.seed}; expected 0 or more")
        if not 0 < self.confidence < 1:
            raise RequestError(f"confidence: {self.confidence}; expected a share between 0 and 1")

    def draws(self, images: int) -> Iterator[npt.NDArray[np.intp]]:
        """For each resample, the places of its images; eq. (7.16)."""
        # Of the generator itself, whose numbers are the same ones in every version of NumPy.
        bits = np.random.PCG64(self.seed)
        for _ in range(self.resamples):
            numbers: Any = bits.random_raw(images)
            yield ((numbers >> 32) * images >> 32).astype(np.intp)

    def interval(self, figures: npt.NDArray[np.float64]) -> list[float] | None:
        """What holds the share of the figures, as much left out on either side; eq. (7.17). None of
        no figures."""
        if not figures.size:
            return None
        tail = (1 - self.confidence) / 2
        ends: list[float] = np.quantile(figures, [tail, 1 - tail]).tolist()
        return ends
