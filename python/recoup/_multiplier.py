"""Multipliers of 8 x 8 bits."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import numpy as np
import numpy.typing as npt

from . import _recoup
from .errors import MultiplierError

Table = npt.NDArray[np.int32]
"""Products or errors of shape (256, 256), by the bytes of weight and activation."""


class Metrics(TypedDict):
    """How wrong a multiplier is over all 65,536 pairs of operands; e is the exact product minus the
    multiplier's."""

    mae: float
    """Mean of \\|e\\|."""
    wce: int
    """Largest \\|e\\|."""
    ep: float
    """Share of pairs with a wrong product, 0 to 1."""
    mre: float
    """Mean of \\|e\\| over the exact product, where that is not 0."""
    mse: float
    """Mean of e squared."""
    mean_error: float
    """Mean of e, signed."""


class Multiplier:
    """A multiplier of an 8-bit weight and an 8-bit activation.

    Args:
        text: a name as on the command line (``exact``, ``truncated:7``, ``perforated:2``,
            ``recursive:3``, ``mask:0xfcfcf8f0e0c00000``), or a file with a table or a netlist.

    Raises:
        MultiplierError: when there is none.

    >>> recoup.Multiplier("truncated:7").metrics["wce"]
    769
    """

    _multiplier: _recoup.Multiplier

    def __init__(self, text: str | os.PathLike[str]) -> None:
        self._set(_recoup.Multiplier.read(os.fspath(text), [], None, None, False))

    def _set(self, made: _recoup.Multiplier) -> None:
        self._multiplier = made
        for warning in made.warnings:
            warnings.warn(warning, stacklevel=3)

    @classmethod
    def _of(cls, made: _recoup.Multiplier) -> Multiplier:
        multiplier = cls.__new__(cls)
        multiplier._set(made)
        return multiplier

    @classmethod
    def from_table(
        cls, table: Any, *, name: str = "table", operands: str = "unsigned"
    ) -> Multiplier:
        """A multiplier of which the products are known.

        Args:
            table: integers of shape (256, 256), by the bytes of weight and activation. The byte of
                a signed operand is its two's complement: row 255 is that of weight -1.
            name: what it is called in results.
            operands: ``unsigned``, ``signed``, or ``signed-weight``.

        Raises:
            MultiplierError: when the table is none.

        >>> import numpy as np
        >>> exact = np.outer(np.arange(256), np.arange(256))
        >>> recoup.Multiplier.from_table(exact // 16 * 16, name="low-bits-cut").metrics["wce"]
        15
        """
        found = np.asarray(table)
        if found.shape != (256, 256) or found.dtype.kind not in "iu":
            raise MultiplierError(
                f"{name}: a table of {found.dtype} and shape {found.shape}; expected integers of "
                "shape (256, 256)"
            )
        bounds = np.iinfo(np.int32)
        if found.min() < bounds.min or found.max() > bounds.max:
            raise MultiplierError(f"{name}: products beyond 32 bits")
        return cls._of(_recoup.Multiplier.of_products(name, found.ravel().tolist(), operands))

    @classmethod
    def from_function(
        cls,
        product: Callable[[int, int], int],
        *,
        name: str | None = None,
        operands: str = "unsigned",
    ) -> Multiplier:
        """A multiplier that computes what a function of the operands' values gives.

        Args:
            product: called once for each of the 65,536 pairs of weight and activation.
            name: what it is called in results; the function's own name, if not said.
            operands: ``unsigned``, ``signed``, or ``signed-weight``.

        Raises:
            MultiplierError: when the function gives no whole numbers.

        >>> recoup.Multiplier.from_function(lambda w, a: (w & 0xFE) * a, name="even").metrics["ep"]
        0.498046875
        """
        called = name or str(getattr(product, "__name__", "function"))
        signed = [value if value < 128 else value - 256 for value in range(256)]
        weights = signed if operands in ("signed", "signed-weight") else range(256)
        activations = signed if operands == "signed" else range(256)
        products = [[product(weight, activation) for activation in activations] for weight in weights]
        try:
            table = np.array(products)
        except ValueError as error:
            raise MultiplierError(f"{called}: gives no numbers: {error}") from error
        return cls.from_table(table, name=called, operands=operands)

    @classmethod
    def from_verilog(
        cls,
        path: str | os.PathLike[str],
        *,
        top: str | None = None,
        cells: Sequence[str | os.PathLike[str]] = (),
        ports: tuple[str, str, str] | None = None,
        operands: str | None = None,
        swap_operands: bool = False,
    ) -> Multiplier:
        """A multiplier that is a netlist: Verilog, or JSON of yosys.

        Args:
            path: the file.
            top: the module, if there are several.
            cells: Liberty libraries with its cells.
            ports: the names of the operands and the product.
            operands: ``unsigned``, ``signed``, or ``signed-weight``; as fits, if not said.
            swap_operands: whether the first operand is the activation.

        Raises:
            MultiplierError: when it is no multiplier; the message has file and line.
        """
        text = f"verilog:{os.fspath(path)}" + (f":{top}" if top else "")
        libraries = [os.fspath(library) for library in cells]
        names = list(ports) if ports else None
        return cls._of(_recoup.Multiplier.read(text, libraries, names, operands, swap_operands))

    @property
    def name(self) -> str:
        """As it is called in results."""
        return self._multiplier.name

    @property
    def table(self) -> Table:
        """All products, int32 of shape (256, 256), by the bytes of weight and activation."""
        return self._multiplier.table

    @property
    def errors(self) -> Table:
        """The exact product minus the multiplier's, int32 of shape (256, 256)."""
        return self._multiplier.errors

    @property
    def metrics(self) -> Metrics:
        """How wrong it is over all pairs of operands."""
        return self._multiplier.metrics

    @property
    def mask(self) -> int | None:
        """Which partial products it keeps: bit 8 i + l is set for bit i of the activation and bit
        l of the weight; ``None`` for one that is no mask."""
        return self._multiplier.mask

    @property
    def is_exact(self) -> bool:
        """Whether all products are right."""
        return self._multiplier.is_exact

    @property
    def weights_signed(self) -> bool:
        """Whether it is for signed weights."""
        return self._multiplier.weights_signed

    def plot(self, kind: str | None = None, *, ax: Any = None) -> Any:
        """Draws it with matplotlib.

        Args:
            kind: ``dots`` for the partial products of a mask, ``errors`` for the heat map of its
                errors, ``histogram`` for how often each error occurs over all pairs; dots, or
                errors if it is no mask, if not said.
            ax: axes of a figure of yours.

        Returns:
            The axes.

        Raises:
            RequestError: for another kind, or dots of a multiplier that is no mask.
        """
        from ._plots import multiplier

        return multiplier(self, kind, ax)

    def __repr__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Multiplier):
            return NotImplemented
        return (self.name, self._identity) == (other.name, other._identity)

    def __hash__(self) -> int:
        return hash((self.name, self._identity))

    @property
    def _identity(self) -> tuple[bool, str]:
        return self.weights_signed, self._multiplier.identity

    def __reduce__(self) -> tuple[Any, ...]:
        if self.mask is not None and not self.weights_signed:
            return Multiplier, (f"mask:0x{self.mask:016x}" if not self.is_exact else "exact",)
        operands = "signed-weight" if self.weights_signed else "unsigned"
        return _table, (self.table, self.name, operands)


def _table(table: Table, name: str, operands: str) -> Multiplier:
    return Multiplier.from_table(table, name=name, operands=operands)


def as_multiplier(source: Any) -> Multiplier:
    """A multiplier, the one that a text names, or a table."""
    if isinstance(source, Multiplier):
        return source
    if isinstance(source, (str, os.PathLike)):
        return Multiplier(source)
    return Multiplier.from_table(source)
