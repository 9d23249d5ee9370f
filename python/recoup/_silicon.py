"""What a design is in silicon: the SystemVerilog of an array, its cells, its power."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from . import _recoup
from ._design import as_design
from ._network import Emulator
from ._running import Progress, running

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
Cache = str | os.PathLike[str] | Literal[False] | None


class _Array(NamedTuple):
    rows: int
    columns: int
    products_per_pe: int | None
    share_columns: int | None
    clock_gating: str
    pipeline: bool = False
    zero_gating: bool = False
    x_in_pe: bool = False
    load_constants: bool = False


class _Cells(NamedTuple):
    files: list[str]
    clock_ps: float | None
    dont_use: list[str]
    wire_ff: float
    cache: str | None
    no_cache: bool


class Rtl:
    """An array as SystemVerilog, with a testbench; :func:`rtl` makes it."""

    def __init__(self, record: str, files: dict[str, str]) -> None:
        self.record: dict[str, Any] = json.loads(record)
        """What it is, as docs/json.md describes ``recoup rtl --json``."""
        self.files = files
        """The sources by their names."""

    def write(self, folder: str | os.PathLike[str]) -> None:
        """Writes the files into a folder, which is made if it is not there.

        Raises:
            FileExistsError: when one of them is there already; then none is written.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for name in self.files:
            if (place / name).exists():
                raise FileExistsError(f"{place / name}: exists already; give another folder")
        for name, text in self.files.items():
            (place / name).write_text(text, encoding="utf-8")

    def __repr__(self) -> str:
        found = self.record
        size = f"{found['rows']} x {found['columns']}"
        return f"{size} array of {found['multiplier']}, {len(self.files)} files"


def rtl(
    design: Any,
    *,
    rows: int,
    columns: int,
    out: str | os.PathLike[str] | None = None,
    depth: int | None = None,
    layer: str | None = None,
    products_per_pe: int | None = None,
    share_columns: int | None = None,
    clock_gating: str = "idle",
    pipeline: bool = False,
    zero_gating: bool = False,
    x_in_pe: bool = False,
    load_constants: bool = False,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress = None,
) -> Rtl:
    """A systolic array as SystemVerilog, with a testbench from the emulator.

    Args:
        design: an :class:`Emulator`, and the testbench has codes of its network; or a design or a
            multiplier, and the codes are random.
        rows: products of an output in one pass.
        columns: filters in one pass.
        out: a folder for the files.
        depth: most products per output; those of the network's deepest layer, if not said.
        layer: the layer of the testbench; the first convolution of several tiles, if not said.
        products_per_pe: products that a PE adds to one partial sum: 1, 2, 4 or 8; 4, or as many as divide
            the rows, if not said.
        share_columns: neighbouring columns that read one activation register: 1, 2, 4 or 8; 4, or as
            many as divide the columns, if not said.
        clock_gating: registers whose clock is gated: ``none``, ``weights`` or ``idle``.
        pipeline: a register between multiplier and accumulation.
        zero_gating: registers keep their value where the activation code is 0.
        x_in_pe: every PE sums x, as in the paper.
        load_constants: the array makes C and C0 of what it is loaded with, for products of two
            activations.
        seed: of random codes.

    Raises:
        HardwareError: when there cannot be such an array.

    >>> recoup.rtl("truncated:7", rows=4, columns=4)
    4 x 4 array of truncated:7, 24 files
    """
    place = "" if out is None else os.fspath(out)
    of_pe = (products_per_pe, share_columns, clock_gating)
    array = _Array(rows, columns, *of_pe, pipeline, zero_gating, x_in_pe, load_constants)
    with running(threads, progress) as how:
        record, files = _recoup.rtl(_subject(design), array, depth, layer, seed, place, how)
    made = Rtl(record, dict(files))
    if out is not None:
        made.write(out)
    return made


def synth(
    design: Any,
    *,
    cells: Paths,
    rows: int = 16,
    products_per_pe: int | None = None,
    share_columns: int | None = None,
    clock_gating: str = "idle",
    top: str | None = None,
    clock_ps: float | None = None,
    dont_use: str | Sequence[str] = (),
    wire_ff: float = 0.25,
    cache: Cache = None,
    threads: int | None = None,
    progress: Progress = None,
) -> dict[str, Any]:
    """Area, cells and clock in a cell library, with yosys.

    Args:
        design: a design or a multiplier, which is synthesised alone and as a PE; or the folder of
            an array, as a ``pathlib.Path``.
        cells: Liberty libraries, plain or gzipped; several are merged.
        rows: of the array that the PE is for.
        products_per_pe: and the two after it are as for :func:`rtl`.
        top: the module of a folder; ``array`` or the only one, if not said.
        clock_ps: the period to size gates for, ps; as fast as they get, if not said.
        dont_use: patterns of cells not to use, as ``"*X1"``; those that the library's platform
            excludes, if not said.
        wire_ff: capacitance of the wire to every pin, fF.
        cache: a folder where results are kept for the next time; the user's cache, as on the
            command line, if not said; ``False`` for none.

    Returns:
        What ``recoup synth --json`` prints (docs/json.md).

    Raises:
        HardwareError: when yosys or the cells fail it.
        RequestError: when ``dont_use`` is no pattern.
    """
    onto = _cells(cells, clock_ps, dont_use, wire_ff, cache)
    with running(threads, progress) as how:
        if isinstance(design, os.PathLike):
            made = _recoup.synth_folder(os.fspath(design), top, onto, how)
        else:
            pe = _Array(rows, rows, products_per_pe, share_columns, clock_gating)
            made = _recoup.synth(as_design(design)._design, pe, onto, how)
    found: dict[str, Any] = json.loads(made)
    return found


def power(
    designs: Any,
    *,
    rows: int,
    columns: int,
    cells: Paths,
    stimuli: str = "relu-like",
    standard_error: float = 0.01,
    fast: bool = False,
    clock_ps: float | None = None,
    dont_use: str | Sequence[str] = (),
    wire_ff: float = 0.25,
    cache: Cache = None,
    products_per_pe: int | None = None,
    share_columns: int | None = None,
    clock_gating: str = "idle",
    pipeline: bool = False,
    zero_gating: bool = False,
    x_in_pe: bool = False,
    load_constants: bool = False,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress = None,
) -> dict[str, Any]:
    """Energy of arrays per MAC and per inference, by unit and layer, simulated on codes.

    Args:
        designs: one or several: an :class:`Emulator`, on the codes of its network, or a design or
            a multiplier, on random ones.
        rows: of the array.
        columns: of the array.
        cells: Liberty libraries, plain or gzipped; several are merged.
        stimuli: random codes: ``relu-like`` or ``uniform``.
        standard_error: of the energy, relative to it, at which sampling stops.
        fast: without gate delays, and thus without glitches.
        clock_ps: period of the clock, ps; the fastest of the first array, if not said.
        dont_use: patterns of cells not to use, as ``"*X1"``; those that the library's platform
            excludes, if not said.
        wire_ff: capacitance of the wire to every pin, fF.
        cache: a folder where syntheses are kept for the next time; the user's cache, as on the
            command line, if not said; ``False`` for none.
        products_per_pe: and what follows it are as for :func:`rtl`.

    Returns:
        What ``recoup power --json`` prints (docs/json.md).

    Raises:
        HardwareError: when there cannot be such an array, or yosys or the cells fail it.
        RequestError: when ``dont_use`` is no pattern, or ``stimuli`` something else.
    """
    several = isinstance(designs, Iterable) and not isinstance(designs, (str, os.PathLike))
    subjects = [_subject(design) for design in (designs if several else [designs])]
    of_pe = (products_per_pe, share_columns, clock_gating)
    array = _Array(rows, columns, *of_pe, pipeline, zero_gating, x_in_pe, load_constants)
    onto = _cells(cells, clock_ps, dont_use, wire_ff, cache)
    with running(threads, progress) as how:
        made = _recoup.power(subjects, array, onto, stimuli, standard_error, fast, seed, how)
    found: dict[str, Any] = json.loads(made)
    return found


def _subject(design: Any) -> _recoup.Emulator | _recoup.Design:
    return design._emulator if isinstance(design, Emulator) else as_design(design)._design


def _cells(
    cells: Paths,
    clock_ps: float | None,
    dont_use: str | Sequence[str],
    wire_ff: float,
    cache: Cache,
) -> _Cells:
    listed = [cells] if isinstance(cells, (str, os.PathLike)) else list(cells)
    files = [os.fspath(file) for file in listed]
    patterns = [dont_use] if isinstance(dont_use, str) else list(dont_use)
    kept = None if cache is None or cache is False else os.fspath(cache)
    return _Cells(files, clock_ps, patterns, wire_ff, kept, cache is False)
