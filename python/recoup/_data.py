"""Images, or other arrays, with labels where accuracy is measured."""

from __future__ import annotations

import os
from typing import Any

from . import _recoup
from ._arrays import Arrays, inputs
from ._arrays import labels as classes_of
from ._running import running
from ._torch_data import is_torch_data, torch_arrays
from .errors import RequestError


class Data:
    """Images, or other arrays; :func:`data` makes it. It is opened, and nothing is read yet."""

    _data: _recoup.Data
    _made_by: tuple[Any, ...]

    def __init__(self, made: _recoup.Data, made_by: tuple[Any, ...]) -> None:
        self._data = made
        self._made_by = made_by

    def sample(self, n: int, *, seed: int | None = 0) -> Data:
        """``n`` images, drawn without replacement; the first ones if ``seed`` is ``None``.

        The same arguments give the same images on every machine. What a network is calibrated on
        is not evaluated on it:

        >>> net, images = recoup.demo()
        >>> images.sample(256, seed=1)
        256 of Fashion-MNIST test images 0 to 1999 (embedded), seed 1
        """
        if n < 1:
            raise RequestError(f"a sample of {n} images; expected 1 or more")
        return Data(self._data.some(n, seed), (_some, (self, n, seed)))

    def first(self, n: int) -> Data:
        """The first ``n`` images."""
        return self.sample(n, seed=None)

    @property
    def name(self) -> str:
        """As it is called in results."""
        return self._data.name

    @property
    def preprocess(self) -> str:
        """From pixels to the model's input."""
        return self._data.preprocess

    def __len__(self) -> int:
        """How many images.

        Raises:
            TypeError: of an npz file: it takes a network to know which of its arrays are meant.
        """
        found = self._data.images
        if found is None:
            raise TypeError(f"{self.name}: it takes a network to know its arrays")
        return found

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        if self._made_by[0] is _some:
            _, n, seed = self._made_by[1]
            return f"{n} of {self.name}, " + ("the first" if seed is None else f"seed {seed}")
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        return self._made_by


def data(
    source: str | os.PathLike[str] | Arrays,
    *,
    preprocess: str = "none",
    labels: bool = True,
    classes: str | os.PathLike[str] | None = None,
    label_offset: int = 0,
) -> Data:
    """Opens data.

    Args:
        source: a text as on the command line: ``cifar10:FILE``, ``cifar100:FILE``,
            ``idx:IMAGES,LABELS``, ``folder:DIR``, ``npz:FILE``. Or a pair ``(x, y)`` of arrays, or
            ``x`` alone. ``x`` has the shape ``[records, channels, rows, columns]``, ``[records,
            rows, columns, channels]`` of one or three channels, ``[records, rows, columns]``, or
            that of the model's input, and elements of float32, uint8, int8, int32 or int64; it may
            be a mapping from the names of a model's inputs to arrays. ``y`` has the class of each
            record, counted from 0. Arrays are taken by the buffer protocol or DLPack; contiguous
            ones are not copied, so do not change them while they are in use. Or a Dataset or
            DataLoader of PyTorch's with records ``(x, y)`` or ``x``, which is read once, here, into
            memory.
        preprocess: from pixels to the model's input: a preset (``cifar10``, ``imagenet``,
            ``fashion-mnist``, ...) or values of your own, as on the command line.
        labels: whether the labels are used; without, outputs are compared with the references'.
        classes: a file with the order of the class folders.
        label_offset: added to every label: 1 for a network with a background class.

    Raises:
        DataError: when there is no such data, or arrays have the wrong type or shape.

    >>> import numpy as np
    >>> x, y = np.zeros((8, 28, 28), np.uint8), np.arange(8)
    >>> len(recoup.data((x, y), preprocess="fashion-mnist"))
    8
    """
    if isinstance(source, (str, os.PathLike)):
        spec = os.fspath(source)
        with running(None, False) as how:
            made = _recoup.Data.open(spec, preprocess, labels, classes, label_offset, how)
        return Data(made, (_files, (spec, preprocess, labels, classes, label_offset)))
    if is_torch_data(source):
        source = torch_arrays(source)
    x, y = source if isinstance(source, tuple) and len(source) == 2 else (source, None)
    arrays = inputs(x)
    known = classes_of(y) if labels and y is not None else None
    if classes is not None:
        raise RequestError("classes: arrays have no class folders; leave it out")
    made = _recoup.Data.of_arrays(arrays, known, preprocess, label_offset)
    return Data(made, (_arrays, (dict(arrays), known, preprocess, label_offset)))


def _files(
    spec: str,
    preprocess: str,
    labels: bool,
    classes: str | os.PathLike[str] | None,
    label_offset: int,
) -> Data:
    return data(
        spec, preprocess=preprocess, labels=labels, classes=classes, label_offset=label_offset
    )


def _arrays(
    arrays: dict[str, Any], known: list[int] | None, preprocess: str, label_offset: int
) -> Data:
    source = (arrays, known) if known is not None else arrays
    return data(source, preprocess=preprocess, label_offset=label_offset)


def _some(whole: Data, n: int, seed: int | None) -> Data:
    return whole.sample(n, seed=seed)


def as_data(source: Any) -> Data:
    """Data, or what :func:`data` makes of a text or arrays."""
    return source if isinstance(source, Data) else data(source)
