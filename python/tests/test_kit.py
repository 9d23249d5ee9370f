"""The wrapper that `recoup rtl` writes beside an array, by the cocotb test beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from recoup import _recoup

# Of a wrapper: a word that nobody took is written over; a packet ends early; sums of another tile count.
MUTATIONS = [
    ("recoup_fifo.sv", "(!valid || ready)", "1'b1"),
    ("array_axi.sv", ".in({closing[9]", ".in({closing[8]"),
    ("array_axi.sv", "first ? 22'd0 : ", ""),
]

# The array whose text the mutations know.
PLAIN = ["--products-per-pe", "1", "--share-columns", "1", "--clock-gating", "none"]


def array(folder: Path, *options: str) -> Path:
    out = folder / "array"
    given = ["rtl", "--array", "4x4", "--multiplier", "truncated:7", "--out", str(out), *options]
    assert _recoup.command(["recoup", *given]) == 0
    return out


def passes(folder: Path) -> bool:
    """Whether the test in a folder passes; its simulator ends with it."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = [sys.executable, "test_array_axi.py"]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert "test_array_axi.back_to_back" in done.stdout, done.stdout + done.stderr
    return done.returncode == 0


@pytest.mark.parametrize(
    "options",
    [
        [],
        PLAIN,
        ["--products-per-pe", "2", "--share-columns", "2", "--clock-gating", "idle"],
        ["--control-variate", "none", "--pipeline", "--depth", "4"],
    ],
)
def test_sums_are_the_emulators_whatever_the_streams_do(tmp_path: Path, options: list[str]) -> None:
    assert passes(array(tmp_path, *options))


@pytest.mark.parametrize(("file", "was", "becomes"), MUTATIONS)
def test_a_wrapper_that_loses_a_word_is_found(
    tmp_path: Path, file: str, was: str, becomes: str
) -> None:
    folder = array(tmp_path, *PLAIN)
    text = (folder / file).read_text()
    assert was in text
    (folder / file).write_text(text.replace(was, becomes, 1))
    assert not passes(folder)
