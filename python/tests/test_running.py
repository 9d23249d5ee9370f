"""Work that takes long: progress, threads, Ctrl-C, forks and several threads of Python."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from conftest import COMMAND, environment, without_times

import recoup

Demo = tuple[recoup.Network, recoup.Data]


def test_progress_is_a_function(demo: Demo) -> None:
    seen: list[tuple[str, int, int]] = []
    net, images = demo
    net.evaluate(
        images.first(500),
        ["truncated:7", "recursive:4"],
        progress=lambda what, steps, done, words: seen.append((what, steps, done)),
    )
    evaluating = [(steps, done) for what, steps, done in seen if what == "evaluating"]
    assert evaluating and all(steps == 500 for steps, _ in evaluating)
    done = [done for _, done in evaluating]
    assert done == sorted(done) and done[-1] <= 500


def test_an_error_of_the_progress_stops_the_work(demo: Demo) -> None:
    def stop(*_: object) -> None:
        raise LookupError("enough")

    start = time.monotonic()
    with pytest.raises(LookupError, match="enough"):
        demo[0].evaluate(demo[1], [f"truncated:{level}" for level in range(1, 15)], progress=stop)
    assert time.monotonic() - start < 1.5


def test_a_bar_where_tqdm_is(demo: Demo, capfd: pytest.CaptureFixture[str]) -> None:
    demo[0].evaluate(demo[1].first(400), ["truncated:7", "recursive:4"], progress=True)
    assert "evaluating" in capfd.readouterr().err
    # Standard error is no terminal.
    demo[0].evaluate(demo[1].first(100), ["truncated:7"])
    assert capfd.readouterr() == ("", "")


def test_threads_change_nothing(demo: Demo) -> None:
    net, images = demo
    records = [
        net.evaluate(images.first(30), ["truncated:7"], threads=threads).record
        for threads in (1, 2, 3)
    ]
    assert [record["threads"] for record in records] == [1, 2, 3]
    same = [without_times({**record, "threads": 0}) for record in records]
    assert same[0] == same[1] == same[2]
    for threads in (0, -1, 1025):
        with pytest.raises(recoup.RequestError, match="1 to 1024"):
            net.evaluate(images, threads=threads)


def test_the_lock_is_not_held(demo: Demo) -> None:
    """Another thread counts on while a network is evaluated."""
    counted = [0]
    ended = threading.Event()

    def count() -> None:
        while not ended.is_set():
            counted[0] += 1
            time.sleep(0.001)

    counter = threading.Thread(target=count)
    counter.start()
    demo[0].evaluate(demo[1].first(500), ["truncated:7"])
    ended.set()
    counter.join()
    assert counted[0] > 20


def test_several_threads_of_python(demo: Demo) -> None:
    net, images = demo
    em = net.emulate("truncated:7")
    x = np.arange(8 * 784, dtype=np.uint8).reshape(8, 28, 28)
    expected = em(x)
    with ThreadPoolExecutor(4) as pool:
        outputs = list(pool.map(lambda _: em(x), range(8)))
        records = list(
            pool.map(lambda _: net.evaluate(images.first(20), ["truncated:7"]).record, range(4))
        )
    assert all((output == expected).all() for output in outputs)
    assert all(without_times(record) == without_times(records[0]) for record in records)


def _outputs(x: npt.NDArray[np.uint8]) -> bytes:
    net, _ = recoup.demo()
    output: bytes = net.emulate("truncated:7")(x).tobytes()
    return output


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_processes_after_use(demo: Demo) -> None:
    x = np.arange(4 * 784, dtype=np.uint8).reshape(4, 28, 28)
    expected = demo[0].emulate("truncated:7")(x).tobytes()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply_async(_outputs, (x,)).get(timeout=120) == expected
    with multiprocessing.get_context("fork").Pool(1) as pool:
        with pytest.raises(recoup.RequestError, match="forked.*spawn"):
            pool.apply_async(_outputs, (x,)).get(timeout=120)


def test_another_interpreter_is_refused() -> None:
    """In one process there is one interpreter with Recoup; another one is told, and lives on."""
    program = """
import recoup
try:
    import _interpreters as interpreters
    interpreters.exec
except ImportError:
    import _xxsubinterpreters as interpreters
other = interpreters.create()
run = getattr(interpreters, "run_string")
try:
    failed = run(other, "import recoup._recoup")
except Exception as error:
    failed = error
assert failed is not None
assert len(recoup.demo()[1]) == 2000
print("both live")
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "both live\n"), done.stderr


def interrupted(arguments: list[str], until: str) -> tuple[float, int, str]:
    """Interrupts a child when it has said something; seconds until it ended, code and output."""
    child = subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(),
    )
    assert child.stdout is not None
    said = ""
    while until not in said:
        line = child.stdout.readline()
        assert line, said
        said += line
    time.sleep(0.5)
    start = time.monotonic()
    child.send_signal(signal.SIGINT)
    said += child.communicate(timeout=60)[0]
    return time.monotonic() - start, child.returncode, said


WORK = """
import recoup
net, images = recoup.demo()
designs = [recoup.Design(f"truncated:{m}", activation_bits=b) for m in range(1, 15) for b in (5, 6, 7)]
print("begin", flush=True)
try:
    WHAT
except KeyboardInterrupt:
    # It can be used again.
    print("stopped", len(net.evaluate(images.first(2), ["truncated:7"])), flush=True)
"""


@pytest.mark.parametrize(
    "what",
    [
        "net.evaluate(images, designs)",
        "net.evaluate(images, designs, metric=lambda o, t: o.argmax(1) == t)",
        "recoup.explore(net, images, max_loss=1, designs=designs)",
    ],
)
def test_ctrl_c_stops_within_a_second(what: str) -> None:
    seconds, code, said = interrupted([sys.executable, "-c", WORK.replace("WHAT", what)], "begin")
    assert code == 0 and "stopped 2" in said, said
    # With the evaluation of two images after it, and on a machine with other things to do.
    assert seconds < 2, seconds


def test_ctrl_c_ends_the_command(tmp_path: Path) -> None:
    arguments = [str(COMMAND), "reproduce", "--out", str(tmp_path / "out")]
    child = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    time.sleep(1.5)
    assert child.poll() is None
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=30)
    assert child.returncode == 130


def test_a_closed_pipe_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([COMMAND, "--help"], stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
