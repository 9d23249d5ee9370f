"""What can go wrong: a class for each kind of error, below :class:`RecoupError`.

>>> import recoup
>>> try:
...     recoup.Multiplier("truncated:99")
... except recoup.MultiplierError as error:
...     print(error)
multiplier "truncated:99": truncated takes a level from 1 to 14
"""

from __future__ import annotations

from collections.abc import Sequence


class RecoupError(Exception):
    """Any error of Recoup. Its text names file, node and place, and says what would help.

    Attributes:
        hint: what would help, in words; ``None`` where the text says it.
        arguments: the names of the arguments that the hint is about.
    """

    hint: str | None
    arguments: tuple[str, ...]

    def __init__(
        self, text: str, hint: str | None = None, arguments: Sequence[str] = ()
    ) -> None:
        super().__init__(text if hint is None else f"{text}; {hint}")
        self._text = text
        self.hint = hint
        self.arguments = tuple(arguments)

    def __reduce__(self) -> tuple[type[RecoupError], tuple[str, str | None, tuple[str, ...]]]:
        return type(self), (self._text, self.hint, self.arguments)


class ModelError(RecoupError):
    """The ONNX file cannot be read, or is no network that can be run."""


class DataError(RecoupError):
    """The images, or other arrays, or their labels are not what the network takes."""


class CalibrationError(RecoupError):
    """There is no calibration, it does not fit, or images make NaN or infinity of the network."""


class MultiplierError(RecoupError):
    """There is no such multiplier, its file is none, or it is for other weights."""


class ControlVariateError(RecoupError):
    """The multiplier has no such control variate."""


class EmulationError(RecoupError):
    """The network cannot be emulated on this multiplier."""


class ResultsError(RecoupError):
    """The file that results are kept in cannot be read or written."""


class RequestError(RecoupError, ValueError):
    """An argument means nothing: the text of a design, a limit, a name."""


class HardwareError(RecoupError):
    """There cannot be such an array, or its cells or a tool fail it."""


class ExecutorError(RecoupError):
    """The workers of an executor lost a piece of the work again and again."""


class StoppedError(RecoupError):
    """The work was stopped."""


class FaultError(RecoupError):
    """A fault of Recoup itself; please report it."""
