"""What an evaluation gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ._table import Table, coded, percent, points, table


class Results(Table):
    """A row for each design, the reference first; :meth:`Network.evaluate` makes it.

    pandas, polars, pyarrow and duckdb read it as a table (Arrow PyCapsule interface). It can be
    pickled.

    >>> net, images = recoup.demo()
    >>> found = net.evaluate(images.first(64), ["truncated:7"])
    >>> found.rows[1]["control_variate"]
    'fitted'
    >>> found.record["images"]
    64
    """

    _explored = False

    def __init__(self, record: str) -> None:
        self._json = record
        self.record: dict[str, Any] = json.loads(record)
        """All of it, as docs/json.md describes ``recoup eval --json``."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A row for each design: ``multiplier``, ``top1`` (share of images), ``loss_vs_exact``
        (points), ``ci95`` and more, as docs/json.md describes them."""
        rows: list[dict[str, Any]] = self.record["results"]
        return rows

    def plot(self, ax: Any = None) -> Any:
        """Draws loss against array power with matplotlib, the intervals included.

        Returns:
            The axes.
        """
        from ._plots import losses

        return losses(self.rows, ax)

    def _heading(self) -> str:
        found = self.record
        return f"{found['model']}: {found['images']} images of {found['data']}"

    def _shown(self) -> Iterator[dict[str, str]]:
        for row in self.rows:
            shown = {"multiplier": coded(row), "V": row["control_variate"]}
            shown["array power %"] = percent(row["array_power"])
            shown["top-1 %"] = percent(row["top1"])
            shown["loss [95 %]"] = points(row["loss_vs_exact"], row["ci95"])
            yield shown

    def __repr__(self) -> str:
        return table(self._heading(), list(self._shown()))

    def __reduce__(self) -> tuple[Any, ...]:
        return Results, (self._json,)
