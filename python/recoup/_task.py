"""What is explored, in a form that can be pickled."""

from __future__ import annotations

from dataclasses import dataclass

from . import _recoup
from ._data import Data
from ._design import Design
from ._multiplier import Multiplier
from ._network import Network


@dataclass(frozen=True)
class Task:
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
