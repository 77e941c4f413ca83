"""What all tests share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_films(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of a test ends without the film that nobody would watch. Tests of films ask for theirs."""
    monkeypatch.setenv("REWARD_SYNTH_VIDEOS", "none")
