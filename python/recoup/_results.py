"""What an evaluation gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ._figures import COLUMNS
from ._table import Column, Table, coded, number, percent, points, table


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
        """All of it, as docs/json.md describes ``recoup eval --json``; a metric adds its fields."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A row for each design: ``multiplier``, ``top1`` (share of images), ``loss_vs_exact``
        (points), ``ci95`` and more, as docs/json.md describes them; the fields of a metric, as
        docs/python.md does."""
        rows: list[dict[str, Any]] = self.record["results"]
        return rows

    @property
    def _columns(self) -> list[Column]:
        return super()._columns + (COLUMNS if "metric" in self.record else [])

    def plot(self, ax: Any = None) -> Any:
        """Draws loss against array power with matplotlib, the intervals included.

        Returns:
            The axes.
        """
        from ._plots import losses

        return losses(self.rows, ax)

    def _heading(self) -> str:
        found = self.record
        heading = f"{found['model']}: {found['images']} images of {found['data']}"
        if "metric" not in found:
            return heading
        float32 = number(found["float"]["metric"], found["float"]["metric_ci"])
        return f"{heading}; {_called(found['metric'])} of float32: {float32}"

    def _shown(self) -> Iterator[dict[str, str]]:
        metric = self.record.get("metric")
        for row in self.rows:
            shown = {"multiplier": coded(row), "V": row["control_variate"]}
            shown["array power %"] = percent(row["array_power"])
            if metric is None or row["top1"] is not None:
                shown["top-1 %"] = percent(row["top1"])
                shown["loss [95 %]"] = points(row["loss_vs_exact"], row["ci95"])
            if metric is not None:
                name, share = _called(metric), f"[{100 * metric['confidence']:g} %]"
                shown[f"{name} {share}"] = number(row["metric"], row["metric_ci"])
                loss = number(row["metric_loss_vs_exact"], row["metric_loss_vs_exact_ci"])
                shown[f"loss of {name} {share}"] = loss
            yield shown

    def __repr__(self) -> str:
        return table(self._heading(), list(self._shown()))

    def __reduce__(self) -> tuple[Any, ...]:
        return Results, (self._json,)


def _called(metric: dict[str, Any]) -> str:
    """By the function that makes the figure, if it is not the mean."""
    return str(metric["combine"] or metric["name"])
