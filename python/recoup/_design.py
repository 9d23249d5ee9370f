"""Designs: a multiplier with what corrects it and the codes that it gets."""

from __future__ import annotations

import os
from typing import Any

from . import _recoup
from ._multiplier import Multiplier, as_multiplier


class Design:
    """A multiplier with what corrects it and the codes that it gets.

    Args:
        multiplier: a :class:`Multiplier`, a text that names one, or a table of products.
        control_variate: ``none``, ``fitted``, or another mode of the command line; fitted unless
            the multiplier is exact, if not said.
        activation_bits: significant bits of the activation codes, 4 to 8.
        weight_bits: significant bits of the weight codes, 4 to 8.
        quantization: how activations become codes, and what makes up for the errors of outputs:
            ``plain`` or ``aware``, with ``+bias``, ``+gain`` or ``+layer-gain`` behind it or not; if
            not said, ``plain+gain``, but ``plain`` with nothing to correct, with
            ``control_variate`` ``none`` or ``paper``, and with ``statistics`` ``pooled``.
        weight_codes: which codes weights get: ``plain``, the nearest or the model's own, or ``chosen``,
            those with which the multiplier comes nearest to the outputs of exact products.
        exact_ends: whether the first and the last layer run on an exact array of their own.
        weights: how weights are coded, ``u8-channel`` for example; as :meth:`Network.evaluate` is
            told, if not said.
        c_frac: fraction bits of the control variate's C.
        terms: number of functions x of the activation code.
        x_bits: bits of a fitted x(a).
        statistics: which distribution of codes a fitted control variate is for: ``channel``, of
            each input channel of a layer, if not said, or ``pooled``, of all of them.
        attention_constants: where C and C0 of products of two activations come from: ``loaded``, from
            what is loaded into each column, if not said; ``layer``, one of each for a layer;
            ``constant``, C0 alone for each column; or ``none``, no V.
        loaded_operand: which operand of products of two activations is loaded into the array while the
            other streams: ``chosen``, layer by layer the one that leaves less error on calibration images, if
            not said; ``second``, keys and values; or ``first``, queries and probabilities.

    Raises:
        MultiplierError, ControlVariateError, RequestError: when an argument means nothing.

    >>> recoup.Design("truncated:7")
    truncated:7 with V (fitted)
    >>> recoup.Design("perforated:2", control_variate="none", activation_bits=7)
    perforated:2, 7 activation bits
    """

    _design: _recoup.Design
    _made_by: tuple[Any, ...]

    def __init__(
        self,
        multiplier: Any,
        *,
        control_variate: str | None = None,
        activation_bits: int = 8,
        weight_bits: int = 8,
        quantization: str | None = None,
        exact_ends: bool = False,
        weights: str | None = None,
        weight_codes: str = "plain",
        c_frac: int | None = None,
        terms: int | None = None,
        x_bits: int | None = None,
        statistics: str | None = None,
        attention_constants: str | None = None,
        loaded_operand: str | None = None,
    ) -> None:
        known = as_multiplier(multiplier)
        bits, codes = (activation_bits, weight_bits), (weights, weight_codes)
        options = (control_variate, bits, quantization, exact_ends, codes)
        words = (statistics, attention_constants, loaded_operand)
        control = (c_frac, terms, x_bits, words)
        self._design = _recoup.Design.make(known._multiplier, *options, control)
        self._made_by = (_make, (known, options, control))

    @classmethod
    def parse(cls, text: str, *, control_variate: str | None = None) -> Design:
        """The design of a text as results have it, or that of a multiplier, which
        ``control_variate`` then corrects.

        >>> recoup.Design.parse("recursive:3 with V (fitted), 7 activation bits")
        recursive:3 with V (fitted), 7 activation bits
        """
        return cls._of(_recoup.Design.read(text, control_variate), (_parse, (text, control_variate)))

    @classmethod
    def _of(cls, made: _recoup.Design, made_by: tuple[Any, ...]) -> Design:
        design = cls.__new__(cls)
        design._design = made
        design._made_by = made_by
        return design

    @property
    def kind(self) -> str:
        """The reference, reduced precision, or approximate products without or with V."""
        return self._design.kind

    def __str__(self) -> str:
        return self._design.text

    def __repr__(self) -> str:
        return self._design.text

    def __eq__(self, other: object) -> bool:
        return str(self) == str(other) if isinstance(other, Design) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return self._made_by


def _make(
    multiplier: Multiplier, options: tuple[Any, ...], control: tuple[Any, ...]
) -> Design:
    control_variate, (activation_bits, weight_bits), quantization, exact_ends, codes = options
    c_frac, terms, x_bits, (statistics, attention_constants, loaded_operand) = control
    return Design(
        multiplier,
        control_variate=control_variate,
        activation_bits=activation_bits,
        weight_bits=weight_bits,
        quantization=quantization,
        exact_ends=exact_ends,
        weights=codes[0],
        weight_codes=codes[1],
        c_frac=c_frac,
        terms=terms,
        x_bits=x_bits,
        statistics=statistics,
        attention_constants=attention_constants,
        loaded_operand=loaded_operand,
    )


def _parse(text: str, control_variate: str | None) -> Design:
    return Design.parse(text, control_variate=control_variate)


def as_design(source: Any, control_variate: str | None = None) -> Design:
    """A design, or that of a multiplier, a text or a table."""
    if isinstance(source, Design):
        return source
    if isinstance(source, (str, os.PathLike)):
        return Design.parse(os.fspath(source), control_variate=control_variate)
    known = as_multiplier(source)
    return Design(known, control_variate=None if known.is_exact else control_variate)
