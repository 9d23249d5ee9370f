"""Rows as tables: of Arrow, pandas, polars, HTML and text."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import _recoup

if TYPE_CHECKING:
    import pandas
    import polars


Column = tuple[str, str, str, int | None]
"""Name, type, the field of a row, and the place in the field where it is a list."""

_PANDAS = {"text": "string", "integer": "Int64", "real": "Float64", "boolean": "boolean"}


class Table:
    """What has rows."""

    _explored: bool
    _json: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows."""
        raise NotImplementedError

    @property
    def _columns(self) -> list[Column]:
        return _recoup.columns(self._explored)

    def _heading(self) -> str:
        raise NotImplementedError

    def _shown(self) -> Iterator[dict[str, str]]:
        raise NotImplementedError

    def to_json(self) -> str:
        """The JSON that the command line prints with ``--json``."""
        return self._json

    def to_pandas(self) -> pandas.DataFrame:
        """A data frame of pandas, which must be installed.

        The columns are those of Arrow: intervals are two, and lists are left out.
        """
        import pandas

        make: Any = pandas.array
        columns = {}
        for name, kind, field, place in self._columns:
            values = [row[field] for row in self.rows]
            if place is not None:
                values = [None if value is None else value[place] for value in values]
            columns[name] = make(values, dtype=_PANDAS[kind])
        return pandas.DataFrame(columns)

    def to_polars(self) -> polars.DataFrame:
        """A data frame of polars, which must be installed."""
        import polars

        return polars.DataFrame(self)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows as a stream of the Arrow C data interface; no other schema can be had."""
        return _recoup.arrow_stream(json.dumps(self.rows), self._columns)

    def __len__(self) -> int:
        return len(self.rows)

    def _repr_html_(self) -> str:
        rows = list(self._shown())
        heads = "".join(f"<th>{html.escape(name)}</th>" for name in rows[0])
        lines = (
            "".join(f"<td>{html.escape(value)}</td>" for value in row.values()) for row in rows
        )
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        caption = html.escape(self._heading())
        return (
            f"<table><caption>{caption}</caption><thead><tr>{heads}</tr></thead>"
            f"<tbody>{body}</tbody></table>"
        )


def coded(row: dict[str, Any]) -> str:
    """The multiplier, how wide its codes are where that is less than 8 bits, and whether those of
    weights are chosen for it."""
    widths = [
        f", {row[name]} {name.replace('_', ' ')}"
        for name in ("activation_bits", "weight_bits")
        if row[name] != 8
    ]
    chosen = ", chosen weight codes" if row["weight_codes"] == "chosen" else ""
    return str(row["multiplier"]) + "".join(widths) + chosen


def percent(share: float | None) -> str:
    """A share in percent."""
    return "" if share is None else f"{100 * share:.1f}"


def points(loss: float | None, interval: Sequence[float] | None) -> str:
    """A loss in points, with its interval."""
    if loss is None:
        return ""
    return f"{loss:.2f}" + (f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else "")


def number(figure: float, interval: Sequence[float] | None) -> str:
    """A figure in four digits, with its interval."""
    return f"{figure:.4g}" + (f" [{interval[0]:.4g}, {interval[1]:.4g}]" if interval else "")


def table(heading: str, rows: list[dict[str, str]]) -> str:
    """A table of text."""
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    shown = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    return "\n".join([heading, *shown])
