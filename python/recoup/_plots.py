"""Figures of matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ._explore import Run
    from ._multiplier import Multiplier


def _axes(ax: Any) -> Any:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def _scatter(
    ax: Any, rows: list[dict[str, Any]], power: str, loss: str, low: Any, high: Any
) -> Any:
    """Designs with and without V by shape, so that a print without colour tells them apart."""
    drawn = False
    for label, marker, with_v in (("with V", "o", True), ("without V", "^", False)):
        kind = [
            row
            for row in rows
            if row[power] is not None
            and row[loss] is not None
            and (row["control_variate"] != "none") == with_v
        ]
        if not kind:
            continue
        x = [100 * row[power] for row in kind]
        y = np.array([row[loss] for row in kind])
        ends = np.array([[y_ - low(row), high(row) - y_] for y_, row in zip(y, kind, strict=True)])
        ax.errorbar(x, y, np.maximum(ends.T, 0), fmt=marker, label=label, capsize=2)
        for x_, row in zip(x, kind, strict=True):
            ax.annotate(
                row["multiplier"], (x_, row[loss]), (3, 3), textcoords="offset points", fontsize=7
            )
        drawn = True
    if drawn:
        ax.legend()
    ax.set_xlabel("array power / %")
    ax.set_ylabel("loss / points")
    return ax


def losses(rows: list[dict[str, Any]], ax: Any) -> Any:
    """Losses of an evaluation, against power."""
    return _scatter(
        _axes(ax),
        rows,
        "array_power",
        "loss_vs_exact",
        lambda row: row["ci95"][0],
        lambda row: row["ci95"][1],
    )


def front(run: Run, ax: Any) -> Any:
    """The designs of a run, the front as a line, and the limit."""
    found = run._chosen_from
    axes = _scatter(
        _axes(ax),
        found["configurations"],
        "relative_power",
        "loss",
        lambda row: row["loss_low"],
        lambda row: row["loss_high"],
    )
    steps = sorted((100 * row["relative_power"], row["loss"]) for row in run.front)
    if steps:
        axes.step(*zip(*steps, strict=True), where="post", color="grey", linewidth=1, zorder=0)
    axes.axhline(run.record["max_loss"], color="black", linestyle=":", linewidth=1)
    return axes


def multiplier(it: Multiplier, ax: Any) -> Any:
    """The dot diagram of a mask, the heat map of the errors of another."""
    axes = _axes(ax)
    axes.set_title(it.name)
    if it.mask is None:
        limit = max(1, int(np.abs(it.errors).max()))
        image = axes.imshow(it.errors, cmap="RdBu", vmin=-limit, vmax=limit, origin="lower")
        axes.figure.colorbar(image, ax=axes, label="error")
        axes.set_xlabel("activation, byte")
        axes.set_ylabel("weight, byte")
        return axes
    for kept, fill in ((True, "black"), (False, "none")):
        dots = [
            (row + column, row)
            for row in range(8)
            for column in range(8)
            if (it.mask >> (8 * row + column) & 1 == 1) == kept
        ]
        if dots:
            axes.scatter(*zip(*dots, strict=True), facecolors=fill, edgecolors="black", s=60)
    axes.set_xlim(15, -1)
    axes.set_ylim(7.5, -0.5)
    axes.set_xlabel("bit of the product")
    axes.set_ylabel("bit of the activation")
    return axes
