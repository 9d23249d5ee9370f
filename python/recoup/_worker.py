"""What the workers of an executor run; nothing of it is kept by the caller."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from threading import Lock

from ._running import running
from ._task import Measured, Task, Worker

KEPT = 2
"""How many tasks a process keeps ready: networks, images and designs."""

_ready: OrderedDict[str, Worker] = OrderedDict()
_lock = Lock()


def run(
    number: int, key: str, content: bytes | None, threads: int, piece: str
) -> str | Measured | None:
    """Does a piece of an exploration or an evaluation.

    Args:
        number: another one for each call, as Dask takes calls with equal arguments for one.
        key: SHA-256 of the content.
        content: a pickled task; ``None`` for a worker that may have it already.
        threads: how many of them do it.
        piece: designs and images of them.

    Returns:
        Which images are right, or what is seen in outputs or layers, and the values of a metric; ``None`` if this process has yet to be
        given the content.
    """
    with _lock:
        worker = _ready.get(key)
        if worker is None:
            if content is None:
                return None
            task: Task = pickle.loads(content)
            with running(threads, False) as how:
                worker = task.worker(how)
            _ready[key] = worker
        _ready.move_to_end(key)
        while len(_ready) > KEPT:
            _ready.popitem(last=False)
    return worker.run(piece)
