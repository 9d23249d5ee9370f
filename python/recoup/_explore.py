"""The search for the design with the least power under a limit of loss."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from typing import Any, NamedTuple

from . import _recoup
from ._data import Data, as_data
from ._design import as_design
from ._executor import pooled
from ._multiplier import as_multiplier
from ._network import Network
from ._running import Progress, running
from ._table import Table, coded, percent, points, table
from ._task import Exploration
from .errors import RequestError, ResultsError

OBSERVED_IMAGES = 32


class _Limits(NamedTuple):
    thorough: bool
    observed_images: int
    image_limit: int | None
    time_limit_s: float | None


class Run(Table):
    """What a search found; :func:`explore` makes it.

    pandas, polars, pyarrow and duckdb read it as a table (Arrow PyCapsule interface): a row for
    each design on each network.
    """

    _explored = True

    def __init__(self, made: _recoup.Exploration) -> None:
        self._exploration = made
        self._json = made.json
        self.record: dict[str, Any] = json.loads(made.json)
        """All of it, as docs/json.md describes ``recoup explore --json``."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A row for each design on each network, as docs/json.md describes ``configurations``."""
        return [row for network in self.record["networks"] for row in network["configurations"]]

    @property
    def _chosen_from(self) -> dict[str, Any]:
        """The answer over several networks, or on the only one."""
        found: dict[str, Any] = self.record["mean"] or self.record["networks"][0]
        return found

    @property
    def best(self) -> dict[str, Any] | None:
        """The design with the least power that loses less than the limit for sure; over several
        networks, by the mean of their losses. ``None`` if there is none."""
        found = self._chosen_from
        chosen = found["choice"]["chosen"]
        return None if chosen is None else dict(found["configurations"][chosen])

    @property
    def front(self) -> list[dict[str, Any]]:
        """The designs to which no other is superior in both power and loss."""
        found = self._chosen_from
        return [found["configurations"][index] for index in found["choice"]["front"]]

    @property
    def answer(self) -> str:
        """The answer in sentences: over several networks, by the mean of their losses."""
        return " ".join(self._exploration.sentences[-1])

    @property
    def is_early(self) -> bool:
        """Whether the search ended before the answer was sure."""
        return self._exploration.is_early

    def report(
        self,
        path: str | os.PathLike[str],
        *,
        max_loss: float | None = None,
        replace: bool = False,
    ) -> None:
        """Writes the page that shows the run: one HTML file, with all that it needs inside.

        Args:
            path: where to write it.
            max_loss: judge by another limit, in points.
            replace: whether a file that is there is replaced.

        Raises:
            FileExistsError: when there is a file, which is not to be replaced.
        """
        page = self._page(max_loss)
        with open(path, "w" if replace else "x", encoding="utf-8") as file:
            file.write(page)

    def _page(self, max_loss: float | None = None) -> str:
        page = self._exploration.page(max_loss)
        if page is None:
            raise ResultsError("no design was evaluated before the search ended: nothing to show")
        return page

    def plot(self, ax: Any = None) -> Any:
        """Draws the Pareto front with matplotlib: loss against array power, with intervals.

        Returns:
            The axes.
        """
        from ._plots import front

        return front(self, ax)

    def _heading(self) -> str:
        names = ", ".join(network["model"] for network in self.record["networks"])
        return f"{names}: at most {self.record['max_loss']} points lost"

    def _shown(self) -> Iterator[dict[str, str]]:
        found = self._chosen_from
        front = set(found["choice"]["front"])
        for index, row in enumerate(found["configurations"]):
            shown = {"multiplier": coded(row), "V": row["control_variate"]}
            shown["power %"] = percent(row["relative_power"])
            interval = None if row["loss"] is None else [row["loss_low"], row["loss_high"]]
            shown["loss [interval]"] = points(row["loss"], interval)
            shown["verdict"] = row["verdict"] or row.get("status", "")
            shown["front"] = "*" if index in front else ""
            yield shown

    def __repr__(self) -> str:
        return "\n".join([table(self._heading(), list(self._shown())), self.answer])

    def _repr_html_(self) -> str:
        """The answer, the table, and the chart of the page."""
        answer = f"<p>{html.escape(self.answer)}</p>"
        chart = ""
        if self._exploration.page(None) is not None:
            page = html.escape(self._page(), quote=True)
            chart = f'<iframe srcdoc="{page}" style="width:100%;height:40em;border:0"></iframe>'
        return answer + super()._repr_html_() + chart


def explore(
    networks: Network | Iterable[Network],
    data: Data | Any,
    *,
    max_loss: float,
    multipliers: Iterable[Any] | None = None,
    designs: Iterable[Any] | None = None,
    thorough: bool = False,
    image_limit: int | None = None,
    time_limit: float | None = None,
    out: str | os.PathLike[str] | None = None,
    executor: Executor | Callable[[], Executor] | None = None,
    workers: int | None = None,
    worker_threads: int = 1,
    threads: int | None = None,
    progress: Progress = None,
) -> Run:
    """Finds the design with the least array power under a limit of loss.

    Losses are paired, image by image, against exact products of 8-bit codes; a sequential test
    leaves a design as soon as its verdict is sure.

    Args:
        networks: one or several; each holds images out for a calibration unless it has one.
        data: the images with labels, the same for all networks.
        max_loss: the most that may be lost, in points (percent of images).
        multipliers: tried without and with a fitted V, beside reduced precision; those of the cost
            table, if not said.
        designs: these are tried instead, and no others.
        thorough: whether every design sees all images, also when it is decided.
        image_limit: end when so many images have gone through designs.
        time_limit: end after so many seconds, with what is known then.
        out: a file where results are kept as they arrive: another call goes on from there.
        executor: does the work in other processes or on other machines: any
            ``concurrent.futures.Executor`` of processes that were not forked, or a function that
            makes one, which is called again when it is broken, and whose executor is shut down at
            the end. The result does not depend on it.
        workers: how many pieces of the work the executor gets at a time; as many as it has workers,
            if it says so.
        worker_threads: threads of each worker process.
        threads: one per core, if not said.
        progress: a bar on a terminal if tqdm is installed; ``False`` for silence.

    Raises:
        DataError: when the data has no labels, or is not what a network takes.
        ResultsError: when results cannot be kept.
        ExecutorError: when workers are lost again and again.
        KeyboardInterrupt: on Ctrl-C, within a second; ``out`` keeps what is known.

    >>> net, images = recoup.demo()
    >>> run = recoup.explore(net, images.first(300), max_loss=5, multipliers=["truncated:7"])
    >>> run.best["verdict"]
    'under'
    """
    if multipliers is not None and designs is not None:
        raise RequestError("multipliers and designs: give one of them")
    listed = [networks] if isinstance(networks, Network) else list(networks)
    if not listed:
        raise RequestError("networks: none was given")
    images = as_data(data)
    task = Exploration(
        [(network, images) for network in listed],
        None if multipliers is None else [as_multiplier(source) for source in multipliers],
        None if designs is None else [as_design(source) for source in designs],
    )
    kept = None if out is None else os.fspath(out)
    names = ", ".join(network.path for network in listed)
    command = f"recoup.explore([{names}], {images!r}, max_loss={max_loss})"
    limits = _Limits(thorough, OBSERVED_IMAGES, image_limit, time_limit)
    with running(threads, progress) as how, pooled(executor, workers, worker_threads, task) as pool:
        given = (task.networks, max_loss, task.tried, limits, kept, command, pool, how)
        return Run(_recoup.explore(*given))


def design_multiplier(
    networks: Network | Iterable[Network],
    data: Data | Any,
    *,
    max_loss: float,
    masks: int = 20_000,
    finalists: int = 8,
    seed: int = 0,
    thorough: bool = False,
    time_limit: float | None = None,
    out: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    progress: Progress = None,
) -> Run:
    """Makes a multiplier: the mask with the least array power under a limit of loss.

    Masks are judged by what is predicted of their losses and powers; some of the best are evaluated, in
    codes chosen for them, beside reduced precision with the same treatment (docs/design.md). The run's
    ``record["search"]`` has the front of all that were judged. Powers are estimated.

    Args:
        networks: one or several, which get the same multiplier; each holds images out for a calibration
            unless it has one.
        data: the images with labels, the same for all networks.
        max_loss: the most that may be lost, in points (percent of images).
        masks: how many are judged.
        finalists: how many are evaluated in each of two rounds, over all powers and around the limit.
        seed: of the search.
        thorough: whether every design sees all images, also when it is decided.
        time_limit: end after so many seconds, with what is known then.
        out: a file where results are kept as they arrive: another call goes on from there.
        threads: one per core, if not said.
        progress: a bar on a terminal if tqdm is installed; ``False`` for silence.

    Raises:
        DataError: when the data has no labels, or is not what a network takes.
        ResultsError: when results cannot be kept.
        KeyboardInterrupt: on Ctrl-C, within a second; ``out`` keeps what is known.
    """
    listed = [networks] if isinstance(networks, Network) else list(networks)
    if not listed:
        raise RequestError("networks: none was given")
    if masks < 1 or finalists < 1:
        raise RequestError("masks and finalists: give at least one of each")
    images = as_data(data)
    names = ", ".join(network.path for network in listed)
    command = f"recoup.design_multiplier([{names}], {images!r}, max_loss={max_loss})"
    limits = _Limits(thorough, OBSERVED_IMAGES, None, time_limit)
    with running(threads, progress) as how:
        task = Exploration([(network, images) for network in listed], None, None)
        kept = None if out is None else os.fspath(out)
        search = (masks, finalists, seed)
        given = (task.networks, max_loss, search, limits, kept, command, how)
        return Run(_recoup.design_multiplier(*given))
