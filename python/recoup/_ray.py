"""Ray's workers as an executor."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures import wait as wait_for
from threading import Lock
from typing import Any

from .errors import RequestError


class RayExecutor(Executor):
    """The workers of a Ray cluster as a ``concurrent.futures.Executor``: each call is a task of
    Ray's.

    Ray is started on this machine unless ``ray.init`` has connected to a cluster. Shutting the
    executor down leaves Ray as it is. Ray does not repeat a task whose worker was lost: the call
    fails, and is made again by those who ask.

    Args:
        workers: how many tasks may run at a time; as many as the cluster has CPUs for, if not said.
        cpus: how many of them Ray sets aside for a task; give ``worker_threads=`` the same number.

    Raises:
        ImportError: when Ray is not installed.
        RequestError: when the cluster has no CPUs for a task.

    >>> recoup.RayExecutor(cpus=0)
    Traceback (most recent call last):
    recoup.errors.RequestError: cpus: 0; expected 1 or more
    """

    def __init__(self, workers: int | None = None, *, cpus: int = 1) -> None:
        if cpus < 1:
            raise RequestError(f"cpus: {cpus}; expected 1 or more")
        try:
            import ray
        except ImportError as error:
            raise ImportError("RayExecutor needs Ray: pip install ray") from error
        if not ray.is_initialized():
            ray.init()
        self._ray = ray
        self._task = ray.remote(num_cpus=cpus, max_retries=0)(_call)
        nodes = (node["Resources"] for node in ray.nodes() if node["Alive"])
        self._max_workers = workers or sum(int(node.get("CPU", 0) // cpus) for node in nodes)
        if not self._max_workers:
            raise RequestError(f"cpus: no node of Ray's has {cpus} for a task")
        self._lock = Lock()
        self._out: set[Future[Any]] = set()
        self._is_shut_down = False

    def submit(
        self, function: Callable[..., Any], /, *arguments: Any, **named: Any
    ) -> Future[Any]:
        """Has a function called by a worker."""
        with self._lock:
            if self._is_shut_down:
                raise RuntimeError("the executor was shut down")
            reference = self._task.remote(function, arguments, named)
            future: Future[Any] = reference.future()
            self._out.add(future)
        future.add_done_callback(lambda done: self._ended(done, reference))
        return future

    def _ended(self, done: Future[Any], reference: Any) -> None:
        with self._lock:
            self._out.discard(done)
        if done.cancelled():
            self._ray.cancel(reference)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more calls."""
        with self._lock:
            self._is_shut_down = True
            out = list(self._out)
        if cancel_futures:
            for future in out:
                future.cancel()
        if wait:
            wait_for(out)


def _call(function: Callable[..., Any], arguments: Any, named: Any) -> Any:
    return function(*arguments, **named)
