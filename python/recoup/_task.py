"""What is explored or evaluated, in a form that can be pickled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from . import _recoup
from ._data import Data
from ._design import Design
from ._multiplier import Multiplier
from ._network import Network
from ._running import Running


class Worker(Protocol):
    """What does pieces of a task; both a piece and what comes of it are JSON."""

    def run(self, piece: str) -> str: ...


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
    layers: bool
    batch: int

    def worker(self, how: Running) -> Worker:
        """Makes ready what does pieces of it."""
        made = [design._design for design in self.designs]
        options = (self.weights, self.layers, self.batch)
        return _recoup.Evaluator(self.network._network, self.data._data, made, *options, how)


Task = Exploration | Evaluation
