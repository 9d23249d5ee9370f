"""An evaluation by two processes of MPI's."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

PROGRAM = """
from conftest import without_times
from mpi4py.futures import MPIPoolExecutor

import recoup

if __name__ == "__main__":
    net, images = recoup.demo()
    data = images.first(60)
    with MPIPoolExecutor() as executor:
        found = net.evaluate(data, ["truncated:7"], executor=executor).record
        workers = executor.num_workers
    assert without_times(found) == without_times(net.evaluate(data, ["truncated:7"]).record)
    print(workers, "workers")
"""


def test_mpi_has_executors(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    start = [str(Path(sysconfig.get_path("scripts")) / "mpiexec"), "-n", "3", sys.executable]
    done = subprocess.run(
        [*start, "-m", "mpi4py.futures", str(program)],
        capture_output=True,
        text=True,
        timeout=300,
        env={"PYTHONPATH": str(Path(__file__).parent), "PATH": "/usr/bin:/bin"},
    )
    assert (done.returncode, done.stdout) == (0, "2 workers\n"), done.stderr
