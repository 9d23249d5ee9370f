"""An exploration on a cluster of Dask's, a worker of which is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import without_times
from distributed import Client, LocalCluster

import recoup

Demo = tuple[recoup.Network, recoup.Data]


@pytest.fixture
def client() -> Iterator[Client]:
    """Of a cluster of two processes."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        with Client(cluster) as client:
            yield client


def test_a_killed_worker_changes_nothing(demo: Demo, client: Client) -> None:
    killed: list[int] = []

    def kill(what: str, steps: int, done: int, words: str) -> None:
        if what == "exploring" and done > 0 and not killed:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    def found(**options: Any) -> Any:
        run = recoup.explore(
            demo[0],
            demo[1].first(500),
            max_loss=3,
            multipliers=["truncated:7", "perforated:2"],
            thorough=True,
            **options,
        )
        return without_times(run.record)

    assert found(executor=client.get_executor(), progress=kill) == found()
    assert killed and killed[0] not in client.run(os.getpid).values()
