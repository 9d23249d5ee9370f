"""Measure evaluations and explorations by worker processes, and simulate a cluster.

    pip install ./python onnx numpy
    python3 benches/executors.py

prints, for one thread in one process and for two workers of one thread each, the time of the same
work and the efficiency: the first over twice the second, with workers that are ready. Beside it is
what two processes reach that know nothing of each other: the machine's own limit. Then what a piece
of the work costs beside its work, and, from times of ResNet-50 with random weights, how an evaluation
of 200 designs on 50,000 images would take on 64, 1,000 and more workers. Medians over the rounds. A
missed target makes the exit code 1: on a machine with other things to do that says nothing.
"""

import argparse
import json
import multiprocessing
import os
import platform
import statistics
import sys
import tempfile
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor

import networks
import numpy as np
import recoup
from cluster import Measured, simulate

EFFICIENCY = 0.85
OVERHEAD_S = 0.020
MULTIPLIERS = [f"{family}:{level}" for family in ("truncated", "perforated") for level in (2, 3, 6, 7)]
PIECE_S, PIECES_PER_S = 0.5, 250
"""As python/src/remote.rs has them."""
BYTES_PER_S = 1.25e9 / 2
"""Half of 10 Gbit/s."""


def processes(workers):
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))


class Timed(Executor):
    """An executor that keeps when pieces came and went, and what came of them."""

    def __init__(self, executor):
        self._executor = executor
        self._max_workers = executor._max_workers
        self.pieces = []

    def submit(self, function, /, *arguments, **named):
        sent = time.perf_counter()
        future = self._executor.submit(function, *arguments, **named)
        *_, content, _, piece = arguments
        future.add_done_callback(lambda done: self._done(done, sent, content, piece))
        return future

    def _done(self, future: Future, sent, content, piece):
        back = time.perf_counter()
        if not future.cancelled() and future.exception() is None:
            result = future.result()
            work = None if result is None else json.loads(result)["elapsed_s"]
            self.pieces.append((json.loads(piece), len(content or b""), sent, back, work))

    def shutdown(self, wait=True, *, cancel_futures=False):
        self._executor.shutdown(wait, cancel_futures=cancel_futures)


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def kinds(count):
    """The same work in one process or by an executor."""
    net, images = recoup.demo("resnet20")
    images = images.first(count)

    def evaluate(**options):
        return net.evaluate(images, MULTIPLIERS, progress=False, threads=1, **options)

    def explore(**options):
        return recoup.explore(
            net,
            images,
            max_loss=1,
            multipliers=MULTIPLIERS,
            thorough=True,
            progress=False,
            threads=1,
            **options,
        )

    return {"evaluate": evaluate, "explore": explore}


def alone(name, count, begin, seconds):
    """A process that knows nothing of another, which begins at the same time."""
    work = kinds(count)[name]
    begin.wait()
    seconds.put(timed(work))


def side_by_side(name, count):
    """Seconds of two processes, each with all of the work."""
    spawn = multiprocessing.get_context("spawn")
    begin, seconds = spawn.Barrier(2), spawn.Queue()
    both = [spawn.Process(target=alone, args=(name, count, begin, seconds)) for _ in range(2)]
    for process in both:
        process.start()
    slower = max(seconds.get() for _ in both)
    for process in both:
        process.join()
    return slower


def efficiency(name, count, rounds):
    work = kinds(count)[name]
    with processes(2) as executor:
        first = timed(lambda: work(executor=executor))
        times = [
            (timed(work), timed(lambda: work(executor=executor)), side_by_side(name, count))
            for _ in range(rounds)
        ]
    one, two, both = (statistics.median(column) for column in zip(*times, strict=True))
    found, limit = one / (2 * two), one / both
    print(f"{name:10}{one:10.2f}{two:10.2f}{first:10.2f}{found:12.3f}{limit:12.3f}")
    return found


def overhead(name, count, rounds):
    """Seconds from one piece to the next beside its work, at one worker."""
    work = kinds(count)[name]
    with processes(1) as executor:
        pool = Timed(executor)
        work(executor=pool)
        beside = []
        for _ in range(rounds):
            pool.pieces.clear()
            work(executor=pool)
            for before, now, after in zip(pool.pieces, pool.pieces[1:], pool.pieces[2:]):
                # A design's first piece has it made ready.
                if all(before[0].get(it) == now[0].get(it) for it in ("networks", "design")):
                    beside.append(after[2] - now[2] - now[4])
    beside.sort()
    median, high = statistics.median(beside), beside[int(0.95 * len(beside))]
    print(f"{name:10}{len(beside):10}{1e3 * median:12.2f}{1e3 * high:12.2f}")
    return median


def latency():
    """Seconds of a call that does nothing."""
    with processes(1) as executor:
        executor.submit(abs, 1).result()
        return statistics.median(
            timed(lambda: executor.submit(abs, 1).result()) for _ in range(300)
        )


def measure(count, calibration, caller_s, latency_s):
    """Times of ResNet-50 in a worker."""
    with tempfile.TemporaryDirectory() as folder:
        path = networks.make("resnet50", folder)
        pixels = np.random.default_rng(2).random((calibration + count, 3, 224, 224), np.float32)
        labels = np.arange(len(pixels)) % 1000
        images = recoup.data((pixels, labels))
        net = recoup.load(path)
        net.calibrate(images.first(calibration), progress=False, threads=1)
        with processes(1) as executor:
            pool = Timed(executor)
            net.evaluate(images, MULTIPLIERS, progress=False, threads=1, executor=pool)
    beside, image_s = {}, []
    for piece, _, sent, back, work in pool.pieces:
        if work is None:
            continue
        number, images = piece["networks"]["start"], piece["images"]
        # The float network and the reference are not what the other 200 are like.
        if number > 1:
            image_s.append(work / (images["end"] - images["start"]))
        beside.setdefault(number, back - sent - work)
    ready_s = statistics.median(seconds for number, seconds in beside.items() if number > 1)
    # With the reference comes what all designs are compared with.
    start_s = beside[0] + beside[1]
    # Without the images, which are files on a cluster.
    content = max(it[1] for it in pool.pieces) - pixels.nbytes
    return Measured(image_s, start_s, ready_s, latency_s, caller_s, content)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", type=int, default=1000, help="of the demo's test set")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--resnet50-images", type=int, default=12)
    parser.add_argument("--calibration-images", type=int, default=256, help="of ResNet-50")
    arguments = parser.parse_args()
    load = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load}")
    print(f"recoup {recoup.__version__}, {len(MULTIPLIERS)} designs, {arguments.images} images\n")
    print(f"{'':10}{'one s':>10}{'two s':>10}{'first s':>10}{'efficiency':>12}{'limit':>12}")
    efficiencies = [efficiency(name, arguments.images, arguments.rounds) for name in kinds(1)]
    print(f"\n{'':10}{'pieces':>10}{'median ms':>12}{'95 % ms':>12}   beside the work of a piece")
    overheads = [overhead(name, arguments.images, arguments.rounds) for name in kinds(1)]
    latency_s = latency()
    # What is not the executor's own is done by the caller.
    caller_s = max(overheads) - latency_s
    it = measure(arguments.resnet50_images, arguments.calibration_images, caller_s, latency_s)
    print("\nResNet-50 on one thread, in simulation 200 designs on 50,000 images:")
    print(
        f"{statistics.mean(it.image_s):.3f} s for an image in a design, {it.start_s:.0f} s to start, "
        f"{it.ready_s:.2f} s to make a design ready, {1e3 * it.caller_s:.2f} ms of the caller and "
        f"{1e3 * it.latency_s:.2f} ms of latency for a piece, {it.content_bytes / 1e6:.0f} MB to each"
    )
    print(f"\n{'workers':>8}{'hours':>10}{'efficiency':>12}   most is lost by")
    for workers in (1, 64, 1000, 4000, 16000):
        found = simulate(it, workers, 200, 50_000, max(PIECE_S, workers / PIECES_PER_S), BYTES_PER_S)
        share = found.lost[found.reason]
        print(
            f"{workers:8}{found.hours:10.2f}{found.efficiency:12.3f}   {found.reason} ({share:.1%})"
        )
    is_missed = min(efficiencies) < EFFICIENCY or max(overheads) > OVERHEAD_S
    sys.exit(int(is_missed))


if __name__ == "__main__":
    main()
