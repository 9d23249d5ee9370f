"""Pieces of an exploration or an evaluation, done by the workers of an executor."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import TracebackType
from typing import Any

from . import _worker
from ._metric import Measure
from ._task import Evaluation, Measured, Task
from .errors import ExecutorError, RequestError

LOSSES = 5
"""How often a piece may be lost."""

MOMENT_S = 0.1
"""How long the work waits before it looks whether it shall stop."""


@dataclass
class _Out:
    """A piece that is being done."""

    piece: str
    lost: int = 0
    sent: bool = False
    """Whether the content went with it."""


class Pool:
    """What the work drives: it hands pieces out and takes them back, whatever becomes of
    workers. The content of the work goes only to workers that ask for it, with a piece."""

    def __init__(
        self,
        executor: Executor | Callable[[], Executor],
        workers: int | None,
        task: Task,
        threads: int,
    ) -> None:
        if not 1 <= threads <= 1024:
            raise RequestError(f"worker_threads: {threads}; expected 1 to 1024")
        if workers is not None and workers < 1:
            raise RequestError(f"workers: {workers}; expected 1 or more")
        self._make = None if isinstance(executor, Executor) else executor
        self._executor = _made(executor)
        self._threads = threads
        self._measure = task.measure if isinstance(task, Evaluation) else None
        self._content = _pickled(task, self._measure)
        self._key = hashlib.sha256(self._content).hexdigest()
        self._submitted = 0
        self._out: dict[Future[str | Measured | None], _Out] = {}
        self.size = workers or _size(self._executor)

    def __len__(self) -> int:
        return len(self._out)

    def submit(self, piece: str) -> None:
        """Hands a piece out."""
        self._submit(_Out(piece))

    def wait(self) -> tuple[str, str] | None:
        """A piece that is done, with its result; none if a moment passes without."""
        done, _ = wait(self._out, timeout=MOMENT_S, return_when=FIRST_COMPLETED)
        for future in done:
            out = self._out.pop(future)
            try:
                result = future.result()
            except Exception as error:
                self._lost(out, error)
                continue
            if result is not None:
                return out.piece, self._json(result)
            out.sent = True
            self._submit(out)
        return None

    def _json(self, result: str | Measured) -> str:
        if isinstance(result, str):
            return result
        if isinstance(result.values, Exception):
            raise result.values
        assert self._measure is not None
        self._measure.add(result.values)
        return result.result

    def forget(self) -> None:
        """Nobody waits any more for what is being done."""
        for future in self._out:
            future.cancel()
        self._out.clear()

    def _submit(self, out: _Out) -> None:
        content = self._content if out.sent else None
        self._submitted += 1
        arguments = (self._submitted, self._key, content, self._threads, out.piece)
        try:
            future = self._executor.submit(_worker.run, *arguments)
        except BrokenExecutor as error:
            self._replace(error)
            future = self._executor.submit(_worker.run, *arguments)
        self._out[future] = out

    def _lost(self, out: _Out, error: Exception) -> None:
        out.lost += 1
        if out.lost >= LOSSES:
            raise ExecutorError(
                f"a piece of the work was lost {LOSSES} times, at last by "
                f"{type(error).__name__}: {error}"
            ) from error
        self._submit(out)

    def _replace(self, error: BrokenExecutor) -> None:
        if self._make is None:
            raise ExecutorError(
                f"the executor is broken: {error}",
                "give a function that makes an executor, and another one is made",
                ["executor"],
            ) from error
        self._executor.shutdown(wait=False)
        self._executor = _made(self._make)

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.forget()
        if self._make is not None:
            self._executor.shutdown(wait=False)


@contextmanager
def pooled(
    executor: Executor | Callable[[], Executor] | None,
    workers: int | None,
    threads: int,
    task: Task,
) -> Iterator[tuple[Pool, int] | None]:
    """The pool of an executor, and how many pieces it takes at a time; ``None`` without one."""
    if executor is None:
        if workers is not None:
            raise RequestError("workers: for an executor, and there is none")
        yield None
        return
    with Pool(executor, workers, task, threads) as pool:
        yield pool, pool.size


def _pickled(task: Task, measure: Measure | None) -> bytes:
    """What workers get. Functions of notebooks and scripts, which they cannot import, take
    cloudpickle, which Dask and Ray bring along."""
    if measure is None:
        return pickle.dumps(task)
    try:
        pickler: Any = import_module("cloudpickle")
    except ImportError:
        pickler = pickle
    try:
        return bytes(pickler.dumps(task))
    except Exception as error:
        raise RequestError(
            f"metric, combine or targets: cannot be sent to workers ({error})",
            "define the functions in a module that workers can import, or install cloudpickle",
            ["metric", "combine", "targets"],
        ) from error


def _made(executor: Executor | Callable[[], Executor]) -> Executor:
    made = executor() if callable(executor) and not isinstance(executor, Executor) else executor
    if not isinstance(made, Executor):
        raise RequestError(
            f"executor: a {type(made).__name__}; expected a concurrent.futures.Executor, or a "
            "function that makes one"
        )
    return made


def _size(executor: Any) -> int:
    """How many workers it has: of Python's own, mpi4py's and Dask's executors."""
    known = (getattr(executor, name, None) for name in ("_max_workers", "num_workers"))
    found = next((count for count in known if count is not None), None)
    client = getattr(executor, "_client", None)
    if found is None and client is not None:
        found = sum(client.nthreads().values())
    if not found:
        said = "does not say how many it has" if found is None else "has none yet"
        raise RequestError(f"workers: {type(executor).__name__} {said}; give workers=")
    return int(found)
