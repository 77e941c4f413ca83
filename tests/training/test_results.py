"""A result counts for the job that made it, and the policy that is reported is the best that the training had."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import EvaluationPoint
from reward_synth.evaluation.policy import load_policy
from reward_synth.search.continuing import hand_over_files
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.job import TrainJob
from reward_synth.training.loop.checkpoint import load_checkpoint
from reward_synth.training.outcomes import (
    EARLIER,
    Training,
    best_point,
    lost_again,
    outcome_of,
    read_result,
    set_aside_stale,
)
from tests.training.cases import REWARD, make_job, run_jobs

Change = Callable[[TrainJob], TrainJob]


def with_reward(job: TrainJob) -> TrainJob:
    job.reward.write_text(REWARD.replace("-0.01", "-0.02"))
    return job


def with_task(job: TrainJob) -> TrainJob:
    task = job.task.model_copy(update={"success": "bool(episode.length > 3)"})
    return job.model_copy(update={"task": task})


def changed(**values: object) -> Change:
    return lambda job: job.model_copy(update=values)


def with_preset(job: TrainJob) -> TrainJob:
    return job.model_copy(update={"preset": job.preset.model_copy(update={"gamma": 0.9})})


CHANGES: dict[str, Change] = {
    "reward": with_reward,
    "task": with_task,
    "preset": with_preset,
    "steps": changed(steps=4096),
    "seed": changed(seed=8),
}


@pytest.fixture
def again(trained: TrainJob, tmp_path: Path) -> TrainJob:
    """A finished training, in a folder of its own."""
    shutil.copytree(trained.folder.parent, tmp_path / "again")
    folder = tmp_path / "again"
    places = {
        "reward": folder / "reward.py",
        "folder": folder / trained.folder.name,
        "trajectories": folder / "trajectories",
    }
    return trained.model_copy(update=places)


@pytest.mark.parametrize("name", CHANGES)
def test_a_result_of_another_job_is_kept_and_not_taken_for_ones_own(again: TrainJob, name: str) -> None:
    before = read_result(again.folder)
    assert before is not None and outcome_of(again) == before
    job = CHANGES[name](again)
    assert outcome_of(job) is None
    place = set_aside_stale(job)
    assert place == job.folder / EARLIER / before.job[:12]
    assert read_result(place) == before and (place / "policy.npz").exists()
    assert not job.result_path.exists() and not job.policy_path.exists()


def test_words_of_the_task_change_no_result(again: TrainJob) -> None:
    task = again.task.model_copy(update={"goal": "something else to read", "notes": "why"})
    job = again.model_copy(update={"task": task})
    assert outcome_of(job) == read_result(again.folder) and set_aside_stale(job) is None


def test_a_result_that_does_not_say_whose_it_is_counts(again: TrainJob) -> None:
    path = again.result_path
    path.write_text(path.read_text().replace(again.digest(), ""))
    assert outcome_of(again.model_copy(update={"seed": 99})) is not None


def test_a_larger_budget_goes_on_from_the_checkpoint(tmp_path: Path, task: TaskSpec) -> None:
    job = make_job(tmp_path, task, keep_checkpoint=True, stop_when_solved=False)
    first = run_jobs([job])[job.folder]
    longer = job.model_copy(update={"steps": 2 * job.steps})
    assert load_checkpoint(longer) is not None
    second = run_jobs([longer])[job.folder]
    assert second.evaluations[: len(first.evaluations)] == first.evaluations, "it was trained anew"
    assert second.steps >= longer.steps > first.steps
    assert load_checkpoint(job) is None, "a smaller budget has no use for it"


def test_back_from_another_reward_the_first_one_needs_no_training(tmp_path: Path, task: TaskSpec) -> None:
    job = make_job(tmp_path, task, keep_checkpoint=True, stop_when_solved=False)
    first, text = run_jobs([job])[job.folder], job.reward.read_text()
    job.reward.write_text(text.replace("return {", 'return {"broken": float("nan"), '))
    assert run_jobs([job])[job.folder].status == "crashed"
    assert not job.evaluations_path.exists(), "a film of this reward would show the other one's training"
    job.reward.write_text(text)
    again = run_jobs([job])[job.folder]
    # Its checkpoint stands at its very end. The policy was set aside with the result, and is made from it anew.
    assert again.status == "trained" and again.evaluations == first.evaluations
    assert again.steps == first.steps and job.policy_path.exists()


def test_a_longer_training_holds_its_policies_against_the_best_one_before(tmp_path: Path, task: TaskSpec) -> None:
    job = make_job(tmp_path, task, keep_checkpoint=True, stop_when_solved=False)
    run_jobs([job])
    policy = job.policy_path.read_bytes()
    place = set_aside_stale(job.model_copy(update={"steps": 2 * job.steps}))
    assert place is not None and (place / "policy.npz").read_bytes() == policy
    assert job.best_policy_path.read_bytes() == policy and not job.policy_path.exists()


def test_an_evaluator_killed_after_the_exchange_still_names_the_policy(again: TrainJob) -> None:
    # What it leaves: the best policy in its place, the last one beside it, and no outcome.
    again.last_policy_path.write_bytes(again.policy_path.read_bytes())
    again.result_path.unlink()
    (again.folder / "episodes.json").unlink()
    assert run_jobs([again])[again.folder].policy == "best"


def point(step: int, success: float, fitness: float, deviation: float = 0.1) -> EvaluationPoint:
    return EvaluationPoint(
        step=step,
        success=success,
        success_any=success,
        fitness=fitness,
        episode_length=10.0,
        reward=0.0,
        fitness_deviation=deviation,
    )


@pytest.mark.parametrize(
    ("points", "best", "lost"),
    [
        ([(1.0, 5.0), (0.25, 9.0)], 1, True),
        ([(0.5, 5.0), (0.5, 4.95)], 1, False),
        ([(0.5, 5.0), (0.5, 4.0)], 1, True),
        ([(0.0, 5.0), (0.5, 4.0)], 2, False),
        ([(0.5, 5.0), (0.5, 5.0)], 2, False),
    ],
)
def test_a_policy_is_lost_if_it_is_clearly_worse(points: list[tuple[float, float]], best: int, lost: bool) -> None:
    evaluations = [point(number, *each) for number, each in enumerate(points, start=1)]
    found = best_point(evaluations)
    assert found is not None and found.step == best
    assert lost_again(evaluations) is lost


def test_of_two_policies_the_better_one_is_kept_and_named(tmp_path: Path, task: TaskSpec) -> None:
    good = make_job(tmp_path / "good", task, steps=20_000, seed=3)
    bad = make_job(tmp_path / "bad", task, steps=256, seed=4, evaluation_points=1)
    results = run_jobs([good, bad])
    better, worse = results[good.folder], results[bad.folder]
    assert (better.success, better.fitness or 0.0) > (worse.success, worse.fitness or 0.0)
    # The bad training as it would stand if it had had the good policy at an earlier evaluation.
    found = Training.read(bad.folder)
    assert found is not None
    earlier = found.evaluations[-1].model_copy(update={"step": 128, "success": 1.0, "fitness": 1e6})
    found.model_copy(update={"evaluations": (earlier, *found.evaluations)}).write(bad.folder)
    bad.best_policy_path.write_bytes(good.policy_path.read_bytes())
    bad.result_path.unlink()
    kept = run_jobs([bad])[bad.folder]
    assert kept.policy == "best" and "step 128 is kept" in kept.reason
    assert kept.success >= better.success - 0.5 and (kept.fitness or 0.0) > (worse.fitness or 0.0)
    assert load_policy(bad.policy_path).repeat == 1 and bad.last_policy_path.exists()
    assert not bad.best_policy_path.exists()


def test_an_earlier_policy_that_is_no_better_is_dropped(again: TrainJob) -> None:
    again.best_policy_path.write_bytes(again.policy_path.read_bytes())
    again.result_path.unlink()
    kept = run_jobs([again])[again.folder]
    assert kept.policy == "last" and not again.best_policy_path.exists() and not again.last_policy_path.exists()


@pytest.mark.parametrize("name", ["earlier", "eval.csv"])
def test_a_link_that_a_training_left_leads_nowhere(again: TrainJob, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (again.folder / name).unlink(missing_ok=True)
    (again.folder / name).symlink_to(elsewhere)
    with pytest.raises(RewardSynthError, match="no plain file"):
        set_aside_stale(again.model_copy(update={"seed": 99}))
    with pytest.raises(RewardSynthError, match="no plain file"):
        hand_over_files(again.folder, tmp_path / "next", {"eval.csv": "eval.csv"})
    assert list(elsewhere.iterdir()) == [] and not (tmp_path / "next").exists()


def test_episodes_of_an_earlier_evaluation_do_not_stay_among_the_new_ones(again: TrainJob) -> None:
    kept = read_result(again.folder)
    assert kept is not None
    again.trajectories.mkdir(exist_ok=True)
    (again.trajectories / "seed-0-episode-063.npz").write_bytes(b"of before")
    (again.trajectories / "seed-1-episode-063.npz").write_bytes(b"another seed's")
    again.result_path.unlink()
    result = run_jobs([again])[again.folder]
    own = sorted(path.name for path in again.trajectories.glob("seed-0-*.npz"))
    assert len(own) == len(result.episodes) == len(kept.episodes)
    assert (again.trajectories / "seed-1-episode-063.npz").exists()
