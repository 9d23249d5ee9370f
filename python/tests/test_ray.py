"""An evaluation by Ray's workers, one of which is killed."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest
import ray
from conftest import without_times

import recoup

Demo = tuple[recoup.Network, recoup.Data]


class Counting(recoup.RayExecutor):
    """It knows how many of its calls were lost with their workers."""

    lost = 0

    def submit(
        self, function: Callable[..., Any], /, *arguments: Any, **named: Any
    ) -> Future[Any]:
        future = super().submit(function, *arguments, **named)
        future.add_done_callback(self._count)
        return future

    def _count(self, done: Future[Any]) -> None:
        is_lost = not done.cancelled() and isinstance(
            done.exception(), ray.exceptions.WorkerCrashedError
        )
        self.lost += is_lost


@pytest.fixture(scope="module")
def executor() -> Iterator[Counting]:
    """Two workers of a cluster on this machine, which takes seconds to start."""
    ray.init(num_cpus=2, include_dashboard=False, logging_level=logging.ERROR, log_to_driver=False)
    with Counting() as executor:
        yield executor
    ray.shutdown()


def test_a_killed_worker_changes_nothing(demo: Demo, executor: Counting) -> None:
    killed: list[int] = []

    def kill(what: str, steps: int, done: int, words: str) -> None:
        # One that happens to have no piece loses none.
        if what == "evaluating" and done > 0 and not executor.lost and len(killed) < 4:
            killed.append(executor.submit(os.getpid).result(60))
            os.kill(killed[-1], signal.SIGKILL)

    def found(**options: Any) -> Any:
        designs = ["truncated:7", "truncated:6", "perforated:2"]
        return without_times(demo[0].evaluate(demo[1].first(400), designs, **options).record)

    assert found(executor=executor, progress=kill) == found()
    assert killed and executor.lost


def test_what_fails_fails_and_what_is_cancelled_ends(executor: Counting) -> None:
    with pytest.raises(ZeroDivisionError):
        executor.submit(divmod, 1, 0).result(60)
    assert executor.submit(int, "12", base=3).result(60) == 5
    sleeping = [executor.submit(time.sleep, 1) for _ in range(3)]
    assert all(future.cancel() for future in sleeping)
    # Their workers are free again.
    assert executor.submit(divmod, 7, 2).result(60) == (3, 1)


def test_it_takes_nothing_after_its_end(executor: Counting) -> None:
    other = recoup.RayExecutor(1)
    waiting = [other.submit(time.sleep, 0.1) for _ in range(2)]
    other.shutdown()
    assert all(future.done() for future in waiting)
    with pytest.raises(RuntimeError, match="shut down"):
        other.submit(os.getpid)
    with pytest.raises(recoup.RequestError, match="no node of Ray's has 99"):
        recoup.RayExecutor(cpus=99)


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match="pip install ray"):
        recoup.RayExecutor()
