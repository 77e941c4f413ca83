"""What all tests share."""

from __future__ import annotations

import pytest

from reward_synth.core.waiting import SLOW_ENVIRONMENT, told_if_long


@pytest.fixture(autouse=True)
def no_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of a test ends without the film that nobody would watch. Tests of films ask for theirs."""
    monkeypatch.setenv("REWARD_SYNTH_VIDEOS", "none")


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person reads after ten seconds does not appear because the machine is busy."""
    monkeypatch.setattr(told_if_long.__wrapped__, "__defaults__", (SLOW_ENVIRONMENT, 3600.0))  # type: ignore[attr-defined]
