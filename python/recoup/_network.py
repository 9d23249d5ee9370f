"""Networks: loaded, calibrated, evaluated and run on multipliers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from . import _recoup
from ._arrays import Array, Arrays, array, inputs
from ._bootstrap import Bootstrap
from ._data import Data, as_data
from ._design import Design, as_design
from ._figures import Combine
from ._metric import Measure, Metric
from ._results import Results
from ._running import Progress, running
from .errors import DataError, RequestError

Logits = npt.NDArray[np.float32]


class Calibration(NamedTuple):
    """On what a network was calibrated."""

    data: str
    """Where the images come from."""
    images: int
    """How many there were."""
    method: str
    """How the ranges of activations were chosen."""


class Network:
    """A network; :func:`load` makes it. It can be pickled: with the content of its file, but what
    an ONNX model keeps in other files, and data in files, is read where it is unpickled."""

    _network: _recoup.Network
    _made_by: tuple[Any, ...]
    _calibrated_by: tuple[Data, str] | None

    def __init__(self, made: _recoup.Network, made_by: tuple[Any, ...]) -> None:
        self._network = made
        self._made_by = made_by
        self._calibrated_by = None

    def __reduce__(self) -> tuple[Any, ...]:
        make, arguments = self._made_by
        if make is load:
            path, *options = arguments
            with open(path, "rb") as file:
                make, arguments = of_bytes, (file.read(), path, *options)
        return _again, (make, arguments, self._calibrated_by)

    @property
    def path(self) -> str:
        """The ONNX file."""
        return str(self._network.path)

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """The inputs by name, with their shapes without the batch."""
        return {name: tuple(shape) for name, shape in self._network.inputs}

    @property
    def outputs(self) -> dict[str, tuple[int, ...]]:
        """The outputs by name, with their shapes without the batch."""
        return {name: tuple(shape) for name, shape in self._network.outputs}

    @property
    def calibration(self) -> Calibration | None:
        """On what it was calibrated, if it was."""
        found = self._network.calibration
        return None if found is None else Calibration(*found)

    def calibrate(
        self,
        sample: Data | Arrays,
        *,
        method: str = "mean-square",
        threads: int | None = None,
        progress: Progress = None,
    ) -> Network:
        """Chooses the scales of the activations; control variates are fitted on the same images,
        and none of them is evaluated.

        Args:
            sample: the images, ``data.sample(256, seed=1)`` for example; of data that is no sample
                256 or, if there are fewer, all.
            method: how ranges are chosen: ``mean-square`` or another one of the command line.
            threads: one per core, if not said.
            progress: a bar on a terminal if tqdm is installed; ``False`` for silence.

        Returns:
            The network itself.

        Raises:
            DataError: when the images are not what it takes.
            CalibrationError: when they make NaN or infinity of it.

        >>> net, images = recoup.demo()
        >>> net.calibrate(images.sample(64, seed=1)).calibration.images
        64
        """
        images = as_data(sample)
        with running(threads, progress) as how:
            self._network.calibrate(images._data, method, how)
        self._calibrated_by = (images, method)
        return self

    def evaluate(
        self,
        data: Data | Arrays,
        designs: Iterable[Any] | str | Design = (),
        *,
        control_variate: str | None = None,
        weights: str = "u8-channel",
        layers: bool = False,
        profile: bool = False,
        metric: Metric | None = None,
        combine: Combine | None = None,
        targets: Any = None,
        resamples: int = 2000,
        seed: int = 1,
        confidence: float = 0.95,
        batch: int = 256,
        executor: Executor | Callable[[], Executor] | None = None,
        workers: int | None = None,
        worker_threads: int = 1,
        threads: int | None = None,
        progress: Progress = None,
    ) -> Results:
        """Accuracy on designs, or a metric of one's own, each beside float32 and exact products of
        8-bit codes.

        Without a calibration, 256 images are held out for one, as on the command line.

        Args:
            data: the images; those that the network was calibrated on are left out.
            designs: each a :class:`Design`, a :class:`Multiplier`, a text that names either, or a
                table of products.
            control_variate: what corrects those that are multipliers only: ``fitted``, if not said.
            weights: how weights are coded, where a design does not say it.
            layers: whether the accumulated error of each layer is looked at.
            profile: whether it is noted where the time goes: rows then have ``profile``, by kinds of
                operators and step by step, as docs/json.md describes it.
            metric: a function of outputs and targets, called for each batch of n images of each
                network, in the caller's thread or by the workers of an executor. Outputs are float32 of shape ``[n, ...]``, or a
                mapping of names to such arrays for a network with several outputs; targets are the
                n entries of those images. It gives a number for each image, an array or a list of
                n; with ``combine`` also an array ``[n, ...]`` or a list of n of any other values.
            combine: makes one number of the values of some images, which come as an array
                ``[images, ...]`` or as a list, as ``metric`` gave them; the mean, if not said.
            targets: what the metric compares outputs with: an array or a sequence with an entry for
                each image of the data, also for those that a sample or the calibration takes away;
                the labels, if not said. Only entries of a batch are read at a time.
            resamples: how often images are drawn again for the intervals of the metric: 100 to
                1,000,000, or 0 for none.
            seed: of these draws.
            confidence: what the intervals of the metric hold, a share of 1.
            batch: images in memory at a time; no result depends on it.
            executor: does the work in other processes or on other machines, as in :func:`explore`.
                The results do not depend on it. A ``metric`` is called by the workers, in their
                processes, and its values come back.
            workers: how many pieces of the work the executor gets at a time; as many as it has
                workers, if it says so.
            worker_threads: threads of each worker process.
            threads: one per core, if not said.
            progress: a bar on a terminal if tqdm is installed; ``False`` for silence.

        Returns:
            A row for each design; the first is exact at 8 bits. Losses are in points, with 95 %
            confidence intervals, paired image by image. With a metric, rows have ``metric`` and
            ``metric_loss_vs_exact`` (the exact network's minus the design's), in the metric's unit,
            with paired bootstrap intervals ``metric_ci`` and ``metric_loss_vs_exact_ci``, the same
            against float32, and ``metric_left_out``, the resamples without a figure, on which no
            interval rests.

        Raises:
            DataError, CalibrationError, MultiplierError, ControlVariateError, EmulationError: when
                one of these does not fit; a DataError also for targets that are not one for each
                image.
            RequestError: when ``metric`` or ``combine`` gives something else, or NaN; what they
                raise comes through, with a note of the design.
            ExecutorError: when workers are lost again and again.
            KeyboardInterrupt: on Ctrl-C, within a second.

        >>> net, images = recoup.demo()
        >>> found = net.evaluate(images.first(64), ["truncated:7"])
        >>> [row["multiplier"] for row in found.rows]
        ['exact', 'truncated:7']

        Where the time of a design goes:

        >>> found = net.evaluate(images.first(64), ["truncated:7"], profile=True)
        >>> where = found.rows[1]["profile"]
        >>> shares = [kind["share"] for kind in where["operators"]] + [where["conversion_share"]]
        >>> round(sum(shares), 9)
        1.0
        >>> [step["operator"] for step in where["steps"]][:2]
        ['(input)', 'Conv+BatchNormalization+Relu']

        How sure a network is of the right class, and how much less on a design:

        >>> import numpy as np
        >>> def share(outputs, labels):
        ...     powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        ...     return powers[np.arange(len(labels)), labels] / powers.sum(axis=1)
        >>> found = net.evaluate(images.first(64), ["truncated:7"], metric=share)
        >>> low, high = found.rows[1]["metric_loss_vs_exact_ci"]
        >>> low < found.rows[1]["metric_loss_vs_exact"] < high
        True
        """
        from ._executor import pooled
        from ._task import Evaluation

        listed = [designs] if isinstance(designs, (str, Design)) else list(designs)
        of = [as_design(design, control_variate) for design in listed]
        images = as_data(data)
        if batch < 1:
            raise RequestError(f"batch: {batch}; expected 1 or more")
        bootstrap = Bootstrap(resamples, seed, confidence)
        measure = None
        if any(given is not None for given in (metric, combine, targets)):
            measure = Measure(metric, combine, targets, bootstrap, images.name)
        task = Evaluation(self, images, of, weights, (layers, profile), batch, measure)
        with running(threads, progress) as how, pooled(executor, workers, worker_threads, task) as pool:
            made = [design._design for design in of]
            asked = (images._data, made, weights, (layers, profile), batch, measure, pool, how)
            record = self._network.evaluate(*asked)
            if measure is not None:
                record = measure.added_to(record, how)
        return Results(record)

    def emulate(
        self,
        design: Any,
        *,
        control_variate: str | None = None,
        threads: int | None = None,
        progress: Progress = None,
    ) -> Emulator:
        """Makes a design ready to run: a function of images.

        Args:
            design: a :class:`Design`, a :class:`Multiplier`, a text that names either, or a table of
                products.
            control_variate: what corrects a multiplier: ``fitted``, if not said.

        Raises:
            CalibrationError: when the network is not calibrated.

        >>> import numpy as np
        >>> net, images = recoup.demo()
        >>> em = net.emulate("truncated:7")
        >>> em(np.zeros((3, 28, 28), np.uint8)).shape
        (3, 10)
        """
        made = as_design(design, control_variate)
        with running(threads, progress) as how:
            return Emulator(self._network.emulate(made._design, how), made)

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name} {list(shape)}" for name, shape in self.inputs.items())
        return f"{self.path} ({shapes})"


class Emulator:
    """A network on a design: call it with images. :meth:`Network.emulate` makes it."""

    _emulator: _recoup.Emulator

    def __init__(self, made: _recoup.Emulator, design: Design) -> None:
        self._emulator = made
        self.design = design

    def __call__(
        self, x: Arrays, *, threads: int | None = None, progress: Progress = False
    ) -> Any:
        """The outputs for images.

        Args:
            x: images as in :func:`data`, preprocessed as those of the calibration were; a mapping
                of names to arrays for a network with several inputs.

        Returns:
            float32 of shape ``[images, ...]``, bit for bit what the command line computes; a
            mapping of names to arrays for a network with several outputs.

        Raises:
            DataError: for another type or shape, NaN or infinity.
        """
        with running(threads, progress) as how:
            outputs = self._emulator.run(inputs(x), how)
        return outputs[0][1] if len(outputs) == 1 else dict(outputs)

    @property
    def kernels(self) -> Sequence[str]:
        """What the layers run on."""
        return self._emulator.kernels

    def __repr__(self) -> str:
        return f"{self.design} on {', '.join(self.kernels)}"


def load(
    path: str | os.PathLike[str],
    *,
    input_shape: tuple[int, ...] | None = None,
    attention: str = "emulated",
    weights_by_channel: bool = False,
) -> Network:
    """Loads an ONNX network: float32 or QDQ.

    Args:
        path: the file.
        input_shape: of its input without the batch, where the model leaves it open.
        attention: where products of two activations run: ``emulated`` (on the multipliers, like all
            others), ``exact`` (in 8-bit codes on an exact array of their own) or ``float``.
        weights_by_channel: whether weights that a QDQ network codes with one scale for a layer are
            coded again, each filter by its own. Then codes are larger, and the multipliers' errors
            smaller beside them.

    Raises:
        ModelError: when it cannot be read, or is no network that can be run.

    >>> recoup.load("none.onnx")
    Traceback (most recent call last):
    recoup.errors.ModelError: none.onnx: cannot be read (No such file or directory (os error 2)); give the path of an ONNX model
    """
    where = os.fspath(path)
    with running(None, False) as how:
        made = _recoup.Network.open(where, input_shape, attention, weights_by_channel, how)
    return Network(made, (load, (where, input_shape, attention, weights_by_channel)))


def of_bytes(
    content: bytes,
    path: str,
    input_shape: tuple[int, ...] | None,
    attention: str,
    weights_by_channel: bool = False,
) -> Network:
    """A network of the content of a file that is called ``path``."""
    with running(None, False) as how:
        options = (input_shape, attention, weights_by_channel)
        made = _recoup.Network.of_bytes(content, path, *options, how)
    return Network(made, (of_bytes, (content, path, *options)))


def _again(
    make: Callable[..., Network], arguments: tuple[Any, ...], calibrated_by: tuple[Data, str] | None
) -> Network:
    network = make(*arguments)
    if calibrated_by is not None:
        sample, method = calibrated_by
        network.calibrate(sample, method=method, progress=False)
    return network


def demo(name: str = "resnet8") -> tuple[Network, Data]:
    """A network inside this package, calibrated, and 2,000 test images of Fashion-MNIST.

    Args:
        name: ``vgg8``, ``resnet8``, ``resnet20``, ``googlenet``, ``shufflenet``,
            ``mobilenetv2`` or ``vit``.

    >>> net, images = recoup.demo()
    >>> net
    fashion-resnet8.onnx (embedded) (input [1, 28, 28])
    """
    with running(None, False) as how:
        network, images = _recoup.Network.demo(name, how)
    return Network(network, (_demo_network, (name,))), Data(images, (_demo_images, ()))


def _demo_network(name: str) -> Network:
    return demo(name)[0]


def _demo_images() -> Data:
    return demo()[1]
