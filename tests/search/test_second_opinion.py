"""The winner is held against the draft of success that was not used: two drafts may differ about what was trained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from reward_synth import Run, synthesize
from reward_synth.cli.app import app
from reward_synth.core.types import EpisodeScore, TrainResult
from reward_synth.evaluation.play import field_table
from reward_synth.llm.fake import ScriptedModel
from reward_synth.search.second_opinion import dispute
from reward_synth.state.episode import Episode, episode_name
from reward_synth.state.table import FieldTable
from reward_synth.store import RunStore
from reward_synth.tasks.spec import load_task, save_own_task
from tests.search.test_loop import EDITED, GOAL, GOOD, Answer, model, play, settings

__all__ = ["model"]


def judged(run: Run, success: str) -> str | None:
    """What a second draft with this success says of the best reward."""
    store, best = run.store, run.best
    assert best is not None
    save_own_task(run.task.model_copy(update={"success": success}), store.second_opinion_path)
    return dispute(store, field_table(run.task), best.id)


def test_each_seeds_episodes_are_held_against_its_own_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By name, the eleventh seed's files stand before the second's."""
    wins = [index % 4 == 0 for index in range(12)]
    store = RunStore(tmp_path)
    save_own_task(load_task("gym/inverted_pendulum_balance"), store.second_opinion_path)
    (tmp_path / "settings.toml").write_text("seeds = 12\n")
    for index, success in enumerate(wins):
        score = EpisodeScore(success=success, success_any=success, fitness=0.0, length=1, terminated=False)
        folder = store.train_dir("001-a", index)
        folder.mkdir(parents=True)
        result = TrainResult(status="trained", seed=index, steps=1, seconds=0.0, cpu_seconds=0.0, episodes=(score,))
        (folder / "result.json").write_text(result.model_dump_json())
        rows, actions = np.zeros((2, 1)), np.zeros((1, 1))
        store.trajectories_dir("001-a").mkdir(exist_ok=True)
        path = store.trajectories_dir("001-a") / episode_name(index, 0)
        Episode((("x", ()),), rows, actions, dt=0.1, horizon=1, seed=index, terminated=False).save(path)

    def scored(task: object, table: object, episodes: Sequence[Episode]) -> list[SimpleNamespace]:
        return [SimpleNamespace(success=wins[episode.seed]) for episode in episodes]

    monkeypatch.setattr("reward_synth.search.second_opinion.score_episodes", scored)
    table = FieldTable((), ())
    assert dispute(store, table, "001-a") is None
    wins.reverse()
    said = dispute(store, table, "001-a")
    assert said is not None and "calls 3 a success, and an independent draft of it 3:" in said


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
