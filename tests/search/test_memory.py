"""What runs leave in the memory of a process that makes one after another."""

from __future__ import annotations

import gc
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from reward_synth import synthesize
from reward_synth.core.types import Candidate
from reward_synth.llm.fake import ScriptedModel
from reward_synth.reward.lint.scopes import single_assignments, walked
from reward_synth.search.session import SearchSession
from tests.search.test_loop import GOAL, GOOD, Answer, model, play, settings

__all__ = ["model"]


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Cycles stay until somebody asks for their removal. When Python does so by itself differs from run to run."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def trained(session: SearchSession, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Trains nothing, but has the result that a run draws."""
    found = [each.model_copy(update={"status": "trained", "success": 0.5, "fitness": 2.0}) for each in candidates]
    for each in found:
        session.store.save_candidate(each)
    return found


@pytest.mark.usefixtures("uncollected")
def test_a_run_leaves_no_more_in_memory_than_the_run_before(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reward_synth.search.loop.train", trained)
    monkeypatch.setattr("reward_synth.search.loop.reflect", lambda *_: None)  # It reads what a training recorded.
    monkeypatch.setattr(logging.getLogger("reward_synth"), "propagate", False)  # pytest keeps what it hears.
    scripted = model(lambda request: play(request, [GOOD]))
    held: list[dict[type, int]] = []
    for _ in range(3):  # The first one loads libraries.
        run = synthesize(GOAL, **settings(tmp_path, samples=1))
        assert "image/svg" in (run.path / "report.html").read_text()
        scripted.requests.clear()
        for trees in (walked, single_assignments):  # They hold the last ones, up to a number.
            trees.cache_clear()
        held.append(dict(Counter(map(type, gc.get_objects()))))
    _, before, after = held
    grown = Counter(after) - Counter(before)
    # A single object may come from what else runs in this process. What a run leaves in cycles are thousands.
    assert grown.total() < 100, grown
