"""What the tests share: the demo's files, as the command writes them, and the command itself."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import recoup

COMMAND = Path(sysconfig.get_path("scripts")) / "recoup"
"""The console script of the environment that the tests run in."""

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def _examples(doctest_namespace: dict[str, Any]) -> None:
    doctest_namespace["recoup"] = recoup


@pytest.fixture(scope="session")
def command() -> Command:
    """Runs the command with arguments."""

    def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments], capture_output=True, text=True, timeout=300, **options
        )

    return run


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, command: Command) -> Path:
    """A folder with resnet8.onnx, images.gz, labels.gz and calibration.gz; of the 2,000 images the
    first 320, which take less time."""
    place = tmp_path_factory.mktemp("demo") / "try"
    done = command("demo", "--files", str(place))
    assert done.returncode == 0, done.stderr
    for name, head, record in (("images", 16, 784), ("labels", 8, 1)):
        path = place / f"{name}.gz"
        whole = gzip.decompress(path.read_bytes())
        count = (320).to_bytes(4, "big")
        first = whole[:4] + count + whole[8 : head + 320 * record]
        path.write_bytes(gzip.compress(first))
    return place


@pytest.fixture(scope="session")
def pictures(folder: Path) -> npt.NDArray[np.uint8]:
    """The images as an array, uint8 of shape (320, 28, 28)."""
    pixels = gzip.decompress((folder / "images.gz").read_bytes())
    return np.frombuffer(pixels, np.uint8, offset=16).reshape(-1, 28, 28)


@pytest.fixture(scope="session")
def spec(folder: Path) -> str:
    """The images with labels, as a text."""
    return f"idx:{folder}/images.gz,{folder}/labels.gz"


@pytest.fixture(scope="session")
def demo() -> tuple[recoup.Network, recoup.Data]:
    """The embedded network, calibrated, and its images."""
    return recoup.demo()


def without_times(record: Any) -> Any:
    """A record of the command line or of Python without what depends on the clock or the process."""
    if isinstance(record, str):
        record = json.loads(record)
    if isinstance(record, list):
        return [without_times(value) for value in record]
    if isinstance(record, dict):
        clocked = ("images_per_s", "elapsed_s", "worker")
        return {
            name: without_times(value) if isinstance(value, (dict, list)) else value
            for name, value in record.items()
            if name not in clocked
        }
    return record


def environment() -> dict[str, str]:
    """That of a child which shall fail rather than wait."""
    return {**os.environ, "PYTHONFAULTHANDLER": "1"}
