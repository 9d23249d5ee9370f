"""What a type checker says, and the examples of the documentation."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import recoup

HERE = Path(__file__).parent
GUIDE = HERE.parent.parent / "docs" / "python.md"
EXAMPLES = HERE.parent.parent / "examples"
CONFIGURATION = HERE.parent / "pyproject.toml"


def blocks() -> list[str]:
    """The Python of the guide, a program for each block."""
    return re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


def check(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(CONFIGURATION), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_and_the_guide_are_typed(tmp_path: Path) -> None:
    programs = []
    for number, block in enumerate(blocks()):
        program = tmp_path / f"block_{number}.py"
        program.write_text(block)
        programs.append(str(program))
    examples = [str(path) for path in EXAMPLES.glob("*.py")]
    assert len(programs) >= 4 and examples
    check("-p", "recoup")
    tests = [str(path) for path in HERE.glob("test_*.py")]
    check(*programs, *examples, *tests, str(HERE / "conftest.py"))


@pytest.mark.parametrize("number", range(len(blocks())))
def test_the_guide_runs(number: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    exec(compile(blocks()[number], f"{GUIDE} block {number}", "exec"), {"__name__": "guide"})


def test_every_public_name_is_documented() -> None:
    missing = [
        name
        for name in recoup.__all__
        if not name.startswith("__") and not getattr(recoup, name).__doc__
    ]
    assert not missing
