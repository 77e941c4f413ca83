"""What all tests share."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import pytest

from reward_synth.core.waiting import SLOW_ENVIRONMENT, told_if_long
from reward_synth.training.worker.fork_server import WorkerHost


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process has all tests of a file, which share what takes long to make: libraries, simulators, episodes.

    Files with many tests begin first. Searches share nothing: whoever is free takes the next one, last, so that no
    process is left alone.
    """
    for item in items:
        file = item.path.relative_to(Path(__file__).parent)
        if file.parts[0] != "search" and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(file.as_posix()))


@pytest.fixture(autouse=True)
def no_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of a test ends without the film that nobody would watch. Tests of films ask for theirs."""
    monkeypatch.setenv("REWARD_SYNTH_VIDEOS", "none")


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person reads after ten seconds does not appear because the machine is busy."""
    monkeypatch.setattr(told_if_long.__wrapped__, "__defaults__", (SLOW_ENVIRONMENT, 3600.0))  # type: ignore[attr-defined]


class SharedHost(WorkerHost):
    """It outlives its executor. One that has died is started anew, as always."""

    def close(self) -> None:
        pass


@functools.cache
def shared_host(*variables: tuple[str, str]) -> SharedHost:
    return SharedHost(dict(variables))


@pytest.fixture(autouse=True)
def one_worker_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """All runs of a test process share a worker host: loading the libraries takes longer than most of the trainings."""

    def host(environment: Mapping[str, str]) -> SharedHost:
        return shared_host(*sorted(environment.items()))

    monkeypatch.setattr("reward_synth.executors.local.WorkerHost", host)
