"""What is explored or evaluated, in a form that can be pickled."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from . import _recoup
from ._data import Data
from ._design import Design
from ._metric import Elsewhere, Measure, Values
from ._multiplier import Multiplier
from ._network import Network
from ._running import Running


@dataclass(frozen=True)
class Measured:
    """What comes of a piece that is measured."""

    result: str
    """JSON."""
    values: Values | Exception
    """What the metric gives, or raises."""


class Worker(Protocol):
    """What does pieces of a task; a piece and what comes of it are JSON."""

    def run(self, piece: str) -> str | Measured: ...


@dataclass(frozen=True)
class Exploration:
    """Networks, each with its data, and what is tried on them; both lists are ``None`` for the
    designs of the cost table."""

    pairs: list[tuple[Network, Data]]
    multipliers: list[Multiplier] | None
    designs: list[Design] | None

    @property
    def networks(self) -> list[tuple[_recoup.Network, _recoup.Data]]:
        """As the library has them."""
        return [(network._network, data._data) for network, data in self.pairs]

    @property
    def tried(self) -> list[_recoup.Multiplier] | list[_recoup.Design] | None:
        """As the library has them."""
        if self.multipliers is not None:
            return [it._multiplier for it in self.multipliers]
        return None if self.designs is None else [it._design for it in self.designs]

    def worker(self, how: Running) -> Worker:
        """Makes ready what does pieces of it."""
        return _recoup.Worker(self.networks, self.tried, how)


@dataclass(frozen=True)
class Evaluation:
    """A network with its data, and designs on it."""

    network: Network
    data: Data
    designs: list[Design]
    weights: str
    details: tuple[bool, bool]
    """Whether layers are looked at, and where the time goes."""
    batch: int
    measure: Measure | None

    def worker(self, how: Running) -> Worker:
        """Makes ready what does pieces of it."""
        measure = None if self.measure is None else Elsewhere(self.measure)
        made = [design._design for design in self.designs]
        options = (self.weights, self.details, self.batch, measure)
        evaluator = _recoup.Evaluator(self.network._network, self.data._data, made, *options, how)
        return evaluator if measure is None else _Measuring(evaluator, measure)


class _Measuring:
    """Does pieces whose outputs are measured."""

    def __init__(self, evaluator: _recoup.Evaluator, measure: Elsewhere) -> None:
        self._evaluator = evaluator
        self._measure = measure
        self._lock = Lock()

    def run(self, piece: str) -> Measured:
        with self._lock:
            return Measured(self._evaluator.run(piece), self._measure.take())


Task = Exploration | Evaluation
