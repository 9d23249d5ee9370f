"""Figures of matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import RequestError

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
    """Each kind has a shape, so that a print without colour tells them apart."""
    drawn = False
    for label, marker in (("with V", "o"), ("without V", "^"), ("exact products", "s")):
        kind = [
            row
            for row in rows
            if row[power] is not None and row[loss] is not None and _kind(row) == label
        ]
        if not kind:
            continue
        x = [100 * row[power] for row in kind]
        y = np.array([row[loss] for row in kind])
        ends = np.array([[y_ - low(row), high(row) - y_] for y_, row in zip(y, kind, strict=True)])
        ax.errorbar(x, y, np.maximum(ends.T, 0), fmt=marker, label=label, capsize=2)
        for x_, row in zip(x, kind, strict=True):
            ax.annotate(
                _short(row), (x_, row[loss]), (3, 3), textcoords="offset points", fontsize=7
            )
        drawn = True
    if drawn:
        ax.legend()
    ax.set_xlabel("array power / %")
    ax.set_ylabel("loss / points")
    return ax


def _kind(row: dict[str, Any]) -> str:
    if row["control_variate"] != "none":
        return "with V"
    return "exact products" if row["multiplier"] == "exact" else "without V"


def _short(row: dict[str, Any]) -> str:
    """The multiplier, and the bits of activation and weight where they are fewer than 8."""
    bits = (row["activation_bits"], row["weight_bits"])
    name = str(row["multiplier"])
    return name if bits == (8, 8) else f"{name} {bits[0]}x{bits[1]}"


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


def multiplier(it: Multiplier, kind: str | None, ax: Any) -> Any:
    """A multiplier, in one of three ways."""
    kinds = {"errors": _errors, "histogram": _histogram}
    if it.mask is not None:
        kinds["dots"] = _dots
    chosen = kind or ("errors" if it.mask is None else "dots")
    if chosen not in kinds:
        raise RequestError(f"kind: \"{chosen}\"; {it.name} has {', '.join(kinds)}")
    axes = _axes(ax)
    axes.set_title(it.name)
    kinds[chosen](it, axes)
    return axes


def _errors(it: Multiplier, axes: Any) -> None:
    limit = max(1, int(np.abs(it.errors).max()))
    image = axes.imshow(it.errors, cmap="RdBu", vmin=-limit, vmax=limit, origin="lower")
    axes.figure.colorbar(image, ax=axes, label="error")
    axes.set_xlabel("activation, byte")
    axes.set_ylabel("weight, byte")


def _histogram(it: Multiplier, axes: Any) -> None:
    axes.hist(it.errors.ravel(), bins=64, weights=np.full(65536, 100 / 65536))
    axes.set_xlabel("error")
    axes.set_ylabel("pairs of operands / %")


def _dots(it: Multiplier, axes: Any) -> None:
    mask = it.mask or 0
    for kept, fill in ((True, "black"), (False, "none")):
        dots = [
            (row + column, row)
            for row in range(8)
            for column in range(8)
            if (mask >> (8 * row + column) & 1 == 1) == kept
        ]
        if dots:
            axes.scatter(*zip(*dots, strict=True), facecolors=fill, edgecolors="black", s=60)
    axes.set_xlim(15, -1)
    axes.set_ylim(7.5, -0.5)
    axes.set_xlabel("bit of the product")
    axes.set_ylabel("bit of the activation")
