"""Where a training is evaluated: at multiples of a share of its steps, never twice at one, and soon after a success."""

from __future__ import annotations

from pathlib import Path

import pytest

from reward_synth.evaluation.play import field_table
from reward_synth.evaluation.scoring import measured_table, scoring_process
from reward_synth.sandbox.process import RewardProcess
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.loop.evaluation_callback import Watch, _point_after
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
    ("succeeds", "pause", "steps"),
    [
        (False, None, [512, 1024, 1536]),
        (True, None, [512, 768, 1024, 1536]),
        (True, 512, [512, 768, 1024, 1536]),
    ],
)
def test_a_first_success_is_looked_at_again_soon(
    succeeds: bool, pause: int | None, steps: list[int], task: TaskSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = task.model_copy(update={"success": "True" if succeeds else "False"})
    job = make_job(tmp_path, measured, steps=1536, evaluation_points=3)
    job.folder.mkdir()
    # Otherwise a second success would end the training.
    monkeypatch.setattr(Watch, "_is_solved", lambda self: False)
    table = field_table(measured)
    read = table.subset(job.fields)
    with (
        scoring_process(measured, measured_table(measured, table).layout()) as verdict,
        RewardProcess(REWARD, read.layout(), action_size=len(table.actions), terms=job.terms) as reward,
    ):
        for part in (job.model_copy(update={"until": pause}), job) if pause else (job,):
            done = learn(part, read, measured_table(measured, table), reward, verdict)
    assert [point.step for point in done.evaluations] == steps
    assert {point.success for point in done.evaluations} == {float(succeeds)}


@pytest.mark.parametrize(
    ("success", "played", "shares"),
    [("False", [2, 2, 4], {0.0}), ("True", [4, 4, 4], {1.0})],
    ids=["fails", "succeeds"],
)
def test_only_what_succeeds_or_is_compared_is_played_often(
    success: str, played: list[int], shares: set[float], task: TaskSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = task.model_copy(update={"success": success})
    job = make_job(tmp_path, measured, steps=1536, until=768, evaluation_points=6, evaluation_episodes=4)
    job.folder.mkdir()
    monkeypatch.setattr(Watch, "_is_solved", lambda self: False)
    monkeypatch.setattr("reward_synth.training.loop.evaluation_callback.SOON", 1.0)
    table = field_table(measured)
    read = table.subset(job.fields)
    with (
        scoring_process(measured, measured_table(measured, table).layout()) as verdict,
        RewardProcess(REWARD, read.layout(), action_size=len(table.actions), terms=job.terms) as reward,
    ):
        done = learn(job, read, measured_table(measured, table), reward, verdict)
    assert [point.step for point in done.evaluations] == [256, 512, 768]
    assert [point.episodes for point in done.evaluations] == played
    assert {point.success for point in done.evaluations} == shares
