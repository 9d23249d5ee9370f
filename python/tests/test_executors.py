"""Explorations and evaluations whose work is done by executors: other processes, some of which are
lost."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from conftest import without_times

import recoup

Demo = tuple[recoup.Network, recoup.Data]

MULTIPLIERS = ["truncated:7", "perforated:2", "recursive:4"]


def processes(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))


def explored(demo: Demo, executor: Any = None, **options: Any) -> Any:
    """What does not depend on the clock."""
    run = recoup.explore(
        demo[0],
        demo[1].first(700),
        max_loss=3,
        **{"multipliers": MULTIPLIERS, **options},
        executor=executor,
    )
    return without_times(run.record)


@pytest.fixture(scope="module")
def alone(demo: Demo) -> Any:
    """The answer without an executor."""
    found = explored(demo)
    assert found["ended"] in ("decided", "exhausted")
    return found


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_workers_finds_the_same(demo: Demo, alone: Any, workers: int) -> None:
    with processes(workers) as executor:
        assert explored(demo, executor) == alone


class Losing(Executor):
    """Threads that lose every third piece before it is done, after it, or by a cancellation."""

    def __init__(self, workers: int) -> None:
        self._threads = ThreadPoolExecutor(workers)
        self._max_workers = workers
        self.submitted = 0
        self.lost = 0

    def submit(
        self, function: Callable[..., Any], /, *arguments: Any, **named: Any
    ) -> Future[Any]:
        self.submitted += 1
        if self.submitted % 3:
            return self._threads.submit(function, *arguments, **named)
        self.lost += 1
        if self.lost % 3 == 0:
            cancelled: Future[Any] = Future()
            cancelled.cancel()
            cancelled.set_running_or_notify_cancel()
            return cancelled
        return self._threads.submit(self._lose, self.lost % 3 == 1, function, arguments)

    @staticmethod
    def _lose(late: bool, function: Callable[..., Any], arguments: Any) -> None:
        if late:
            function(*arguments)
        raise ConnectionError("the worker is gone")

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._threads.shutdown(wait, cancel_futures=cancel_futures)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_what_is_lost_is_done_again(demo: Demo, alone: Any, workers: int) -> None:
    with Losing(workers) as executor:
        # As many threads as the search has: neither waits for the other's.
        assert explored(demo, executor, worker_threads=2, threads=2) == alone
        assert executor.lost >= 3


def evaluated(demo: Demo, images: recoup.Data, executor: Any = None, **options: Any) -> Any:
    """What does not depend on the clock."""
    designs = ["truncated:7", recoup.Design("perforated:2", weights="u8-tensor")]
    return without_times(demo[0].evaluate(images, designs, executor=executor, **options).record)


def test_evaluations_do_not_depend_on_workers(demo: Demo, pictures: npt.NDArray[np.uint8]) -> None:
    # Without labels outputs are compared with those of the references.
    unlabelled = recoup.data(pictures[:60], preprocess="fashion-mnist")
    with Losing(3) as executor:
        for images, options in ((demo[1].first(100), {}), (unlabelled, {"layers": True})):
            found = evaluated(demo, images, executor, worker_threads=2, threads=2, **options)
            assert found == evaluated(demo, images, threads=2, **options)
        assert "outputs" in found["results"][1] and executor.lost >= 3


def test_an_evaluation_says_what_is_wrong_itself(demo: Demo) -> None:
    """Not the workers, who fail at the same thing."""
    unsigned = recoup.Multiplier.from_table(recoup.Multiplier("truncated:7").table)
    wrong = recoup.Design(unsigned, weights="i8-channel")
    with Losing(2) as executor:
        with pytest.raises(recoup.MultiplierError):
            demo[0].evaluate(demo[1].first(50), [wrong], executor=executor)
    with pytest.raises(recoup.RequestError, match="workers: for an executor"):
        demo[0].evaluate(demo[1].first(50), workers=2)


def test_an_image_limit_ends_it_at_the_same_image(demo: Demo) -> None:
    limited = explored(demo, image_limit=1000)
    assert limited["ended"] == "image-limit"
    with Losing(3) as executor:
        assert explored(demo, executor, image_limit=1000) == limited


def test_designs_arrays_and_several_networks(folder: Path, pictures: npt.NDArray[np.uint8]) -> None:
    """What travels in other ways: a model's file, arrays, tables, a calibration of its own."""
    net = recoup.load(folder / "resnet8.onnx")
    labels = np.arange(320) % 10
    images = recoup.data((pictures, labels), preprocess="fashion-mnist")
    net.calibrate(images.sample(40, seed=3), method="min-max")
    other = recoup.load(folder / "resnet8.onnx").calibrate(images.sample(50))
    odd = recoup.Multiplier.from_function(lambda w, a: (w & 0xFE) * a, name="odd")
    designs = [odd, recoup.Design("truncated:7", activation_bits=7)]

    def found(executor: Executor | None) -> Any:
        run = recoup.explore(
            [net, other], images.sample(200), max_loss=5, designs=designs, executor=executor
        )
        return without_times(run.record)

    with Losing(2) as executor:
        assert found(executor) == found(None)


class Killer:
    """Progress that kills a worker of the first executor in the middle of the work."""

    def __init__(self) -> None:
        self.made: list[ProcessPoolExecutor] = []
        self._has_killed = False

    def make(self) -> Executor:
        self.made.append(processes(2))
        return self.made[-1]

    def __call__(self, what: str, steps: int, done: int, words: str) -> None:
        if what == "exploring" and done > 0 and not self._has_killed:
            self._has_killed = True
            os.kill(next(iter(self.made[0]._processes)), signal.SIGKILL)


LONG = ["truncated:6", "truncated:7"]
# What is not over before a busy machine looks at signals.
LONGER = [f"truncated:{m}" for m in range(1, 12)]


def test_another_executor_follows_a_broken_one(demo: Demo) -> None:
    killer = Killer()
    found = explored(demo, killer.make, multipliers=LONG, thorough=True, progress=killer)
    assert len(killer.made) == 2
    assert found == explored(demo, multipliers=LONG, thorough=True)


def test_a_broken_executor_is_an_error(demo: Demo) -> None:
    killer = Killer()
    with killer.make() as executor:
        with pytest.raises(recoup.ExecutorError, match="is broken.*give a function") as caught:
            explored(demo, executor, multipliers=LONG, thorough=True, progress=killer)
    assert caught.value.arguments == ("executor",)


class Failing(Executor):
    """Every piece fails."""

    _max_workers: Any = 2

    def submit(
        self, function: Callable[..., Any], /, *arguments: Any, **named: Any
    ) -> Future[Any]:
        failed: Future[Any] = Future()
        failed.set_exception(OSError("no disk is left"))
        return failed


def test_what_is_always_lost_is_an_error(demo: Demo) -> None:
    with pytest.raises(recoup.ExecutorError, match="lost 5 times.*OSError: no disk") as caught:
        explored(demo, Failing())
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_workers_are_told(demo: Demo) -> None:
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, mp_context=context) as executor:
        with pytest.raises(recoup.ExecutorError, match="forked.*spawn"):
            explored(demo, executor)


class Unsized(Failing):
    _max_workers: Any = None


class Empty(Failing):
    _max_workers: Any = 0


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"executor": Unsized()}, "Unsized does not say how many"),
        ({"executor": Empty()}, "Empty has none yet; give workers="),
        ({"executor": Failing(), "workers": 0}, "workers: 0; expected 1 or more"),
        ({"executor": 2}, "executor: a int; expected a concurrent.futures.Executor"),
        ({"executor": lambda: 2}, "executor: a int; expected a concurrent.futures.Executor"),
        ({"executor": Failing(), "worker_threads": 0}, "worker_threads: 0; expected 1 to 1024"),
        ({"workers": 2}, "workers: for an executor"),
    ],
)
def test_arguments_that_mean_nothing(demo: Demo, options: Any, part: str) -> None:
    with pytest.raises(recoup.RequestError) as caught:
        explored(demo, **options)
    assert part in str(caught.value)


def test_ctrl_c_cancels(demo: Demo) -> None:
    sent: list[float] = []

    def interrupt(what: str, steps: int, done: int, words: str) -> None:
        if what == "exploring" and not sent:
            sent.append(time.monotonic())
            os.kill(os.getpid(), signal.SIGINT)

    with Losing(2) as executor:
        with pytest.raises(KeyboardInterrupt):
            explored(demo, executor, multipliers=LONGER, thorough=True, progress=interrupt)
        # On a machine with other things to do.
        assert time.monotonic() - sent[0] < 2
        submitted = executor.submitted
        time.sleep(0.5)
        assert executor.submitted == submitted


def test_networks_travel(demo: Demo, folder: Path, pictures: npt.NDArray[np.uint8]) -> None:
    loaded = recoup.load(folder / "resnet8.onnx")
    calibrated = recoup.load(folder / "resnet8.onnx").calibrate(
        recoup.data(pictures, preprocess="fashion-mnist").sample(32, seed=2)
    )
    for net in (demo[0], loaded, calibrated):
        again = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(net))))
        assert (repr(again), again.calibration) == (repr(net), net.calibration)
        if net.calibration is not None:
            x = pictures[:5]
            assert (again.emulate("truncated:7")(x) == net.emulate("truncated:7")(x)).all()


def margins(outputs: Any, labels: Any) -> Any:
    """How far the right class is before the others: a number for each image."""
    right = outputs[np.arange(len(labels)), labels]
    return right - outputs.mean(axis=1)


def pairs(outputs: Any, labels: Any) -> list[tuple[int, int]]:
    return [(int(found), int(label)) for found, label in zip(outputs.argmax(1), labels)]


def share_of_right(values: list[tuple[int, int]]) -> float:
    return sum(found == label for found, label in values) / len(values)


def failing(outputs: Any, labels: Any) -> Any:
    raise ZeroDivisionError("no margin")


def of_two_kinds(outputs: Any, labels: Any) -> Any:
    return outputs if labels[0] % 2 else outputs[:, :3]


def test_a_metric_does_not_depend_on_workers(demo: Demo) -> None:
    images = demo[1].first(300)
    unlabelled: Any = {"targets": np.arange(2000) % 10, "batch": 7}
    for options in (
        {"metric": margins},
        {"metric": lambda outputs, labels: margins(outputs, labels), **unlabelled},
        {"metric": pairs, "combine": share_of_right},
    ):
        found = evaluated(demo, images, **options)
        assert found["results"][1]["metric_loss_vs_exact_ci"] is not None
        with Losing(3) as executor:
            assert evaluated(demo, images, executor, **options) == found
            assert executor.lost >= 3
    with processes(2) as executor:
        assert evaluated(demo, images, executor, metric=margins) == evaluated(
            demo, images, metric=margins
        )


def test_what_a_metric_raises_comes_through_from_workers(demo: Demo) -> None:
    with processes(1) as executor:
        with pytest.raises(ZeroDivisionError, match="no margin") as raised:
            evaluated(demo, demo[1].first(40), executor, metric=failing)
        assert "metric of float32, " in raised.value.__notes__[0]
        with pytest.raises(recoup.RequestError, match="metric: gave an array of"):
            evaluated(demo, demo[1].first(64), executor, metric=of_two_kinds, combine=len)
        with pytest.raises(recoup.RequestError, match="cannot be sent to workers"):
            evaluated(demo, demo[1].first(40), executor, metric=margins, targets=_Closed())


class _Closed:
    """Entries that are not to be pickled."""

    def __len__(self) -> int:
        return 2000

    def __getitem__(self, at: int) -> int:
        return 0

    def __reduce__(self) -> Any:
        raise TypeError("a file is open")
