"""The winner is held against the draft of success that was not used: two drafts may differ about what was trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from reward_synth import Run, synthesize
from reward_synth.cli.app import app
from reward_synth.evaluation.play import field_table
from reward_synth.llm.fake import ScriptedModel
from reward_synth.search.second_opinion import dispute
from reward_synth.tasks.spec import save_own_task
from tests.search.test_loop import EDITED, GOAL, GOOD, Answer, model, play, settings

__all__ = ["model"]


def judged(run: Run, success: str) -> str | None:
    """What a second draft with this success says of the best reward."""
    store, best = run.store, run.best
    assert best is not None
    save_own_task(run.task.model_copy(update={"success": success}), store.second_opinion_path)
    return dispute(store, field_table(run.task), best.id)


@pytest.mark.slow
def test_a_winner_about_whom_two_drafts_differ_is_told_of(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel]
) -> None:
    model(lambda request: play(request, [GOOD, EDITED]))
    run = synthesize(GOAL, **settings(tmp_path, steps=2048))
    assert run.best is not None and not run.store.second_opinion_path.exists()
    result = run.results(run.best.id)[0]
    won = sum(episode.success for episode in result.episodes)
    assert judged(run, run.task.success) is None, "the same measure"
    opposite = f"not ({run.task.success})"
    said = judged(run, opposite)
    assert (
        said is not None
        and f"calls {won} a success, and an independent draft of it {len(result.episodes) - won}" in said
    )
    assert judged(run, "episode.no_such_field > 0") is None, "a draft that cannot judge says nothing"
    judged(run, opposite)
    assert run.resume(iterations=1).info.warnings == (said,)
    assert "an independent draft" in CliRunner().invoke(app, ["show", str(run.path)]).stdout
