"""How long work is run: on how many threads, and who sees how far it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

Progress = bool | Callable[[str, int, int, str], object] | None
"""``None`` for a bar on a terminal, if tqdm is installed; ``True`` for a bar in any case; ``False``
for silence; or a function of what is done, how many steps that has (0: nobody knows), how many are
done, and how it stands in words. It is called about 20 times a second; an exception stops the
work."""


class Running(NamedTuple):
    """What the library takes."""

    threads: int | None
    progress: Callable[[str, int, int, str], object] | None


@contextmanager
def running(threads: int | None, progress: Progress) -> Iterator[Running]:
    """Checks the arguments, and ends the bar with the work."""
    if threads is not None and not 1 <= threads <= 1024:
        from .errors import RequestError

        raise RequestError(f"threads: {threads}; expected 1 to 1024, or None for one per core")
    if callable(progress):
        yield Running(threads, progress)
        return
    bar = None
    if progress or (progress is None and sys.stderr is not None and sys.stderr.isatty()):
        bar = _bar(must=progress is True)
    try:
        yield Running(threads, bar)
    finally:
        if bar is not None:
            bar.close()


def _bar(must: bool) -> _Bar | None:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        if must:
            raise
        return None
    return _Bar(tqdm)


class _Bar:
    """A bar of tqdm's for whatever is being done."""

    def __init__(self, tqdm: Callable[..., Any]) -> None:
        self._tqdm = tqdm
        self._shown: Any = None
        self._what: tuple[str, int] | None = None

    def __call__(self, what: str, steps: int, done: int, words: str) -> None:
        if not what:
            return
        if self._what != (what, steps):
            self.close()
            self._what = (what, steps)
            self._shown = self._tqdm(desc=what, total=steps or None, leave=False)
        if words:
            self._shown.set_postfix_str(words, refresh=False)
        self._shown.n = done
        self._shown.refresh()

    def close(self) -> None:
        if self._shown is not None:
            self._shown.close()
            self._shown = None
