"""Simulates an evaluation on a cluster, from measured times.

Workers take pieces as `recoup` hands them out: of the design that fewest are at. The caller deals with
one piece at a time, and sends the task to each worker once. What is lost on the way from one worker to
many is counted by its reason.
"""

import heapq
import random
from dataclasses import dataclass, field

READY = 4
"""How many designs a worker keeps ready, as recoup does."""


@dataclass(frozen=True)
class Measured:
    """Seconds on one thread, and bytes."""

    image_s: list[float]
    """What an image takes in a design, piece by piece."""
    start_s: float
    """Until a worker can begin: it imports, loads and calibrates."""
    ready_s: float
    """What makes a design ready."""
    latency_s: float
    """What a piece takes beside its work and the caller's."""
    caller_s: float
    """What the caller has to do for a piece."""
    content_bytes: int
    """What each worker is sent once."""


@dataclass
class Simulated:
    workers: int
    hours: float
    efficiency: float
    lost: dict[str, float] = field(default_factory=dict)
    """Shares of the time of all workers."""

    @property
    def reason(self) -> str:
        return max(self.lost, key=lambda name: self.lost[name])


class Plan:
    """Which design the next piece is of, as src/evaluate/plan.rs has it."""

    def __init__(self, designs: int, images: int, size: int):
        pieces = -(-images // size)
        self._left = [pieces] * designs
        self._out = [0] * designs
        self._open = [(0, design) for design in range(designs)]
        heapq.heapify(self._open)

    @property
    def is_open(self) -> bool:
        """Whether there are pieces left; what is out of date is thrown away."""
        while self._open:
            out, design = self._open[0]
            if self._left[design] and out == self._out[design]:
                return True
            heapq.heappop(self._open)
        return False

    def next(self) -> int:
        """The design that fewest are at, if there is an open one."""
        assert self.is_open
        _, design = heapq.heappop(self._open)
        self._left[design] -= 1
        self._out[design] += 1
        heapq.heappush(self._open, (self._out[design], design))
        return design

    def back(self, design: int | None) -> None:
        """A piece of it is done."""
        if design is not None:
            self._out[design] -= 1
            heapq.heappush(self._open, (self._out[design], design))


def simulate(
    it: Measured,
    workers: int,
    designs: int,
    images: int,
    piece_s: float,
    bytes_per_s: float,
    seed: int = 1,
) -> Simulated:
    draw = random.Random(seed)
    mean = sum(it.image_s) / len(it.image_s)
    size = max(1, round(piece_s / mean))
    free = [(0.0, worker) for worker in range(workers)]
    ready: list[list[int]] = [[] for _ in range(workers)]
    is_new = [True] * workers
    lost = dict.fromkeys(("start", "sending the task", "making ready", "caller", "latency"), 0.0)
    caller = link = work = 0.0
    plan = Plan(designs, images, size)
    at: list[int | None] = [None] * workers
    while plan.is_open:
        now, worker = heapq.heappop(free)
        plan.back(at[worker])
        at[worker] = design = plan.next()
        begun = max(now, caller) + it.caller_s
        caller = begun
        lost["caller"] += begun - now
        now = begun + it.latency_s
        lost["latency"] += it.latency_s
        if is_new[worker]:
            is_new[worker] = False
            link = max(link, now) + it.content_bytes / bytes_per_s
            lost["sending the task"] += link - now
            lost["start"] += it.start_s
            now = link + it.start_s
        known = ready[worker]
        if design in known:
            known.remove(design)
        else:
            lost["making ready"] += it.ready_s
            now += it.ready_s
        known.append(design)
        del known[:-READY]
        took = draw.choice(it.image_s) * size
        work += took
        heapq.heappush(free, (now + took, worker))
    end = max(now for now, _ in free)
    lost["end"] = sum(end - now for now, _ in free)
    alone = it.start_s + designs * it.ready_s + work
    total = workers * end
    shares = {name: seconds / total for name, seconds in lost.items()}
    return Simulated(workers, end / 3600, alone / total, shares)
