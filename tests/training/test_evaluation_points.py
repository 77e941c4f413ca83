"""Where a training is evaluated, at multiples of a share of its steps and never twice, and in how many episodes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from reward_synth.core.types import EpisodeScore
from reward_synth.evaluation.play import field_table
from reward_synth.evaluation.scoring import measured_table, scoring_process
from reward_synth.sandbox.process import RewardProcess, ScoringProcess
from reward_synth.state.episode import Episode
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.loop import evaluation_callback
from reward_synth.training.loop.evaluation_callback import _point_after
from reward_synth.training.loop.learning import learn
from tests.training.cases import REWARD, make_job


@pytest.mark.parametrize("points", [10, 200])
def test_the_next_point_lies_behind_for_every_budget(points: int) -> None:
    # 2048 // 409.6 is 4.0 in floating point, and 5 * 409.6 is 2048.0: no step further.
    for budget in (2048 * number for number in range(1, 500)):
        interval = budget / points
        for done in (0, budget // 2, budget - 1, budget):
            following = _point_after(done, interval)
            assert done < following <= done + interval * (1 + 1e-9), (budget, done)


# A rollout is 256 steps long. The second success is looked for a fifth of the 512 steps after the first.
@pytest.mark.parametrize(
    ("succeeds", "expected", "steps"),
    [(False, [2, 2, 4], [512, 1024, 1536]), (True, [4, 4, 4, 4], [512, 768, 1024, 1536])],
)
def test_all_episodes_are_played_near_success_and_where_a_decision_follows(
    succeeds: bool,
    expected: list[int],
    steps: list[int],
    task: TaskSpec,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    played: list[int] = []
    measured = task.model_copy(update={"success": "True" if succeeds else "False"})
    job = make_job(tmp_path, measured, steps=1536, evaluation_points=3, evaluation_episodes=4)
    job.folder.mkdir()
    score = evaluation_callback.score_with

    def counted(process: ScoringProcess, episodes: Sequence[Episode]) -> list[EpisodeScore]:
        played.append(len(episodes))
        return list(score(process, episodes))

    monkeypatch.setattr(evaluation_callback, "score_with", counted)
    # Otherwise a second success would end the training.
    monkeypatch.setattr(evaluation_callback.Watch, "_is_solved", lambda self: False)
    table = field_table(measured)
    read = table.subset(job.fields)
    with (
        scoring_process(measured, measured_table(measured, table)) as verdict,
        RewardProcess(REWARD, read.layout(), action_size=len(table.actions), terms=job.terms) as reward,
    ):
        done = learn(job, read, measured_table(measured, table), reward, verdict)
    assert {point.success for point in done.evaluations} == {float(succeeds)}
    assert [point.step for point in done.evaluations] == steps
    counts = [[2, 2] if total == 4 else [2] for total in expected]
    assert played == [count for each in counts for count in each]
