"""Trainings that pause and go on: real ones, in real workers."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reward_synth.core.types import TrainResult
from reward_synth.evaluation.play import field_table
from reward_synth.evaluation.scoring import measured_table, scoring_process
from reward_synth.executors.local import LocalExecutor
from reward_synth.sandbox.process import RewardProcess
from reward_synth.state.episode import Episode
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.job import Progress, TrainJob, read_progress
from reward_synth.training.kept_evaluations import read_evaluations
from reward_synth.training.learners.base import Learner
from reward_synth.training.learners.registry import open_learner
from reward_synth.training.loop import learning
from reward_synth.training.loop.checkpoint import load_checkpoint, restore, save_checkpoint
from reward_synth.training.loop.evaluation_callback import STILL_EVALUATIONS, Stillness, Watch, fingerprint
from reward_synth.training.outcomes import RungEnd, outcome_of, read_result
from reward_synth.training.presets import PPOPreset
from reward_synth.training.worker import main as worker
from tests.training.cases import REWARD, make_job, run_jobs

FIRST, SECOND, WHOLE = 1024, 2048, 4096
TIMES = {"seconds", "cpu_seconds"}


def until(job: TrainJob, steps: int | None) -> TrainJob:
    return job.model_copy(update={"until": steps})


def copied(job: TrainJob, folder: Path) -> TrainJob:
    """The same training elsewhere: folders are no part of what a job is."""
    shutil.copytree(job.folder.parent, folder)
    return job.model_copy(
        update={
            "reward": folder / "reward.py",
            "folder": folder / "train",
            "trajectories": folder / "trajectories",
        }
    )


def checkpoint(job: TrainJob) -> dict[str, Any]:
    found = load_checkpoint(job)
    assert found is not None
    return found


def steps_in(path: Path) -> list[int]:
    with path.open(newline="") as file:
        return [int(row["step"]) for row in csv.DictReader(file)]


def never_solved(task: TaskSpec) -> TaskSpec:
    """A first success would be looked at again soon, and could end the training."""
    return task.model_copy(update={"success": "False"})


@pytest.fixture(scope="module")
def paused(tmp_path_factory: pytest.TempPathFactory, task: TaskSpec) -> TrainJob:
    """A training that stands at the end of its first rung."""
    job = make_job(tmp_path_factory.mktemp("race") / "paused", never_solved(task), steps=WHOLE, evaluation_points=4)
    result = run_jobs([until(job, FIRST)])[job.folder]
    assert (result.status, result.steps, result.episodes) == ("paused", FIRST, ())
    return job


@pytest.fixture(scope="module")
def finished(paused: TrainJob) -> TrainJob:
    """The same one, trained on in two more rungs."""
    job = copied(paused, paused.folder.parent.with_name("finished"))
    for target, status in ((SECOND, "paused"), (None, "trained")):
        assert run_jobs([until(job, target)])[job.folder].status == status
    return job


@pytest.fixture(scope="module")
def uninterrupted(paused: TrainJob, task: TaskSpec) -> TrainResult:
    place = paused.folder.parent.with_name("uninterrupted")
    job = make_job(place, never_solved(task), steps=WHOLE, evaluation_points=4)
    return run_jobs([job])[job.folder]


def test_a_pause_leaves_no_result_but_all_to_go_on_from(paused: TrainJob) -> None:
    assert read_result(paused.folder) is None
    rung = RungEnd.of(paused)
    assert rung is not None
    assert (rung.steps, rung.paused, [point.step for point in rung.evaluations]) == (FIRST, True, [FIRST])
    assert outcome_of(until(paused, FIRST)) == rung.as_result(paused)
    assert outcome_of(until(paused, FIRST + 1)) is None
    assert outcome_of(paused) is None
    assert outcome_of(paused.model_copy(update={"until": FIRST, "end": "enough"})) is None


def test_a_training_in_rungs_is_one_training(finished: TrainJob, uninterrupted: TrainResult) -> None:
    result = read_result(finished.folder)
    assert result is not None
    assert result.steps == uninterrupted.steps == WHOLE
    assert [e.step for e in result.evaluations] == [e.step for e in uninterrupted.evaluations]
    # Until the first pause there is no difference at all; after it, episodes begin anew.
    assert result.evaluations[0] == uninterrupted.evaluations[0]
    assert [term.mean[0] for term in result.terms] == [term.mean[0] for term in uninterrupted.terms]
    assert all(len(term.mean) == len(result.evaluations) for term in result.terms)
    # The curve goes on where it stood: an untrained policy pays and lasts less than any later one.
    rewards = [point.reward for point in result.evaluations]
    assert rewards == sorted(rewards)
    assert result.evaluations[-1].fitness > 2 * result.evaluations[0].fitness
    # How many it takes to judge them depends on the policies, which differ, and so on the processor.
    assert min(len(result.episodes), len(uninterrupted.episodes)) >= finished.task.evaluation.episodes


def test_its_files_tell_one_curve(finished: TrainJob) -> None:
    steps = steps_in(finished.folder / "progress.csv")
    assert steps == list(range(256, WHOLE + 1, 256))
    assert steps_in(finished.folder / "eval.csv") == [FIRST, SECOND, 3072, WHOLE]
    assert [kept.point.step for kept in read_evaluations(finished.evaluations_path)] == [FIRST, SECOND, 3072, WHOLE]
    assert steps_in(finished.folder / "terms.csv") == [s for s in (FIRST, SECOND, 3072, WHOLE) for _ in finished.terms]
    with (finished.folder / "progress.csv").open(newline="") as file:
        seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    assert seconds == sorted(seconds)


def test_networks_optimiser_and_normalisation_go_on(paused: TrainJob, finished: TrainJob) -> None:
    before, after = checkpoint(paused), checkpoint(finished)
    assert (before["steps"], after["steps"]) == (FIRST, SECOND)
    for name in ("observations", "returns"):
        # The statistics' own count starts at 0.0001; each pause adds the observations of a reset.
        assert before[name]["count"] == pytest.approx(FIRST, abs=8)
        assert after[name]["count"] == pytest.approx(SECOND, abs=16)
        assert after[name]["variance"].sum() != before[name]["variance"].sum()
    updates = [content["learner"]["policy.optimizer"]["state"][0]["step"].item() for content in (before, after)]
    assert updates[1] == 2 * updates[0] > 0


def test_nothing_is_lost_but_the_episodes(task: TaskSpec, tmp_path: Path) -> None:
    """Against a learner that never left its process, and only begins its episodes anew."""
    job = make_job(tmp_path, task, steps=WHOLE, evaluation_points=4)
    job.folder.mkdir()
    table = field_table(task)
    read, measured = table.subset(job.fields), measured_table(task, table)
    with (
        scoring_process(task, measured.layout()) as verdict,
        RewardProcess(REWARD, read.layout(), action_size=len(table.actions), terms=job.terms) as reward,
    ):

        def fresh() -> tuple[Any, Learner, Watch]:
            venv = learning.make_environments(job, read, reward)
            learner = open_learner(job, venv)
            return venv, learner, Watch(job, measured, verdict, venv, learner)

        venv, learner, watch = stayed = fresh()
        learner.model.learn(FIRST, callback=watch)
        save_checkpoint(job, learner, venv, watch)
        venv.seed(job.seed + FIRST)
        learner.model._last_obs = None
        learner.model.learn(FIRST, callback=watch, reset_num_timesteps=False)

        venv, learner, watch = back = fresh()
        restore(checkpoint(job), job, learner, venv, watch)
        learner.model.learn(FIRST, callback=watch, reset_num_timesteps=False)
    for one, other in zip(stayed[1].model.policy.parameters(), back[1].model.policy.parameters(), strict=True):
        assert torch.equal(one, other)
    assert np.array_equal(stayed[0].obs_rms.mean, back[0].obs_rms.mean)
    assert np.array_equal(stayed[0].ret_rms.var, back[0].ret_rms.var)
    assert stayed[2].evaluations[-1] == back[2].evaluations[-1]
    assert back[1].model.num_timesteps == SECOND


def test_a_larger_budget_that_settles_is_of_the_same_lineage(task: TaskSpec, tmp_path: Path) -> None:
    job = make_job(tmp_path, task)
    longer = job.model_copy(update={"steps": 2 * job.steps, "settles_from": job.steps})
    assert longer.lineage() == job.lineage()
    assert longer.digest() != job.digest()
    # Earlier versions knew no such step, and their results stay valid.
    assert longer.digest() == longer.model_copy(update={"settles_from": None}).digest()


def test_times_add_up_over_the_rungs(paused: TrainJob, finished: TrainJob) -> None:
    rung, later, result = RungEnd.of(paused), RungEnd.of(finished), read_result(finished.folder)
    assert rung is not None
    assert later is not None
    assert result is not None
    assert 0 < rung.seconds < later.seconds < result.seconds
    assert 0 < rung.cpu_seconds < later.cpu_seconds < result.cpu_seconds


def test_a_worker_killed_within_a_rung_goes_on_from_the_last_pause(
    paused: TrainJob, finished: TrainJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reward_synth.executors.local.POLL_SECONDS", 0.01)  # The rung is over in a second.
    job = until(copied(paused, tmp_path / "killed"), SECOND)
    before = checkpoint(job)
    LocalExecutor(1).run(
        [job],
        on_progress=lambda *_: None,
        on_result=lambda *_: pytest.fail("it was killed"),
        should_stop=lambda: read_progress(job.folder).step > FIRST,
    )
    assert read_progress(job.folder).step > FIRST
    assert checkpoint(job)["steps"] == before["steps"] == FIRST
    assert outcome_of(job) is None
    result = run_jobs([job])[job.folder]
    # It ends as the one that nobody killed: nothing of what was lost is seen.
    same = RungEnd.of(finished)
    assert same is not None
    assert result.model_dump(exclude=TIMES) == same.as_result(job).model_dump(exclude=TIMES)
    assert steps_in(job.folder / "progress.csv") == list(range(256, SECOND + 1, 256))


def test_a_worker_killed_after_its_checkpoint_does_not_train_again(paused: TrainJob, tmp_path: Path) -> None:
    job = until(copied(paused, tmp_path / "late"), FIRST)
    rung = RungEnd.of(job)
    assert rung is not None
    RungEnd.path(job.folder).unlink()
    policy = job.policy_path.stat().st_mtime_ns
    again = run_jobs([job])[job.folder]
    assert again.model_dump(exclude=TIMES) == rung.as_result(job).model_dump(exclude=TIMES)
    assert job.policy_path.stat().st_mtime_ns == policy


def test_a_stopped_one_is_evaluated_where_it_stands(paused: TrainJob, task: TaskSpec, tmp_path: Path) -> None:
    job = copied(paused, tmp_path / "stopped").model_copy(update={"end": "stopped as number 4 of 4"})
    policy = job.policy_path.read_bytes()
    result = run_jobs([job])[job.folder]
    assert (result.status, result.reason, result.steps) == ("trained", "stopped as number 4 of 4", FIRST)
    # As many episodes as anybody: its figures stand beside the others' in results.tsv.
    assert len(result.episodes) == task.evaluation.episodes
    assert job.policy_path.read_bytes() == policy


@pytest.mark.parametrize("change", ["steps", "reward", "policy", "checkpoint"])
def test_a_pause_of_another_job_is_none(paused: TrainJob, tmp_path: Path, change: str) -> None:
    job = copied(paused, tmp_path / "other")
    assert RungEnd.of(job) is not None
    if change == "steps":
        job = job.model_copy(update={"steps": WHOLE + 1})
    elif change == "reward":
        job.reward.write_text(job.reward.read_text() + "\n# changed\n")
    else:
        (job.policy_path if change == "policy" else job.checkpoint_path).unlink()
    assert RungEnd.of(job) is None
    # A larger budget is another job, which goes on from the same checkpoint.
    assert load_checkpoint(job) is None or change in ("policy", "steps")
    assert worker.finished_training(job) is None


class Hostile:
    """Makes a file where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.marker),)


def test_a_checkpoint_is_never_unpickled(paused: TrainJob, tmp_path: Path) -> None:
    job = copied(paused, tmp_path / "hostile")
    marker = tmp_path / "broken-out"
    torch.save(checkpoint(job) | {"steps": Hostile(marker)}, job.checkpoint_path)
    kept = tmp_path / "kept"
    kept.write_bytes(job.checkpoint_path.read_bytes())
    assert load_checkpoint(job) is None
    assert not marker.exists()
    torch.load(kept, weights_only=False)
    assert marker.exists()


def test_half_a_checkpoint_is_no_checkpoint(
    paused: TrainJob, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = copied(paused, tmp_path / "half")
    whole = job.checkpoint_path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"no checkpoint"):
        job.checkpoint_path.write_bytes(content)
        assert load_checkpoint(job) is None and not job.checkpoint_path.exists()
        assert "cannot read the checkpoint" in capsys.readouterr().err


def episode(offset: float) -> Episode:
    rows, actions = np.linspace(0, 1, 11)[:, None] + offset, np.ones((10, 1))
    return Episode(layout=(("x", ()),), rows=rows, actions=actions, dt=0.1, horizon=10, seed=0, terminated=False)


def test_still_means_the_same_behaviour_and_a_flat_reward() -> None:
    def tell(offsets: list[float], rewards: list[float]) -> list[bool]:
        stillness = Stillness()
        return [stillness.add(fingerprint([episode(o)]), r) for o, r in zip(offsets, rewards, strict=True)]

    count = STILL_EVALUATIONS
    assert tell([0.0] * count, [1.0] * count) == [False] * (count - 1) + [True]
    assert not any(tell([0.0] * count, [1.0] * (count - 1) + [1.1]))
    assert not any(tell([0.0] * (count - 1) + [1e-3], [1.0] * count))
    assert not any(tell([0.0] * count, [1.0] * (count - 1) + [float("nan")]))
    # A change starts the count anew, and a slow drift is a change.
    assert tell([0.0] * 2 + [1.0] * count, [1.0] * (count + 2)) == [False] * (count + 1) + [True]
    assert not any(tell([k * 8e-7 for k in range(count)], [1.0] * count))
    stillness = Stillness()
    for _ in range(count - 1):
        stillness.add(fingerprint([episode(0.0)] * 2), 1.0)
    assert not stillness.add(fingerprint([episode(0.0)]), 1.0), "a checkpoint of other episodes"


def test_a_policy_that_is_no_longer_finite_is_named(task: TaskSpec, tmp_path: Path) -> None:
    preset = PPOPreset(environments=4, n_steps=64, batch_size=64, learning_rate=1e30)
    job = make_job(tmp_path, task, steps=WHOLE, preset=preset)
    result = run_jobs([job])[job.folder]
    assert result.status == "crashed"
    assert result.reason.endswith("of 4,096 steps: the policy or its loss is not finite")
    assert 0 < result.steps < WHOLE


def test_progress_goes_on_from_the_pause(paused: TrainJob, tmp_path: Path) -> None:
    job = until(copied(paused, tmp_path / "seen"), SECOND)
    before = steps_in(job.folder / "progress.csv")
    seen: list[Progress] = []
    LocalExecutor(1).run([job], lambda _, progress: seen.append(progress), lambda *_: None, lambda: False)
    # How many of a training's rows are seen on its way depends on the machine; none lies before the pause.
    assert FIRST <= min(progress.step for progress in seen) <= SECOND
    after = steps_in(job.folder / "progress.csv")
    assert before[-1] == FIRST
    assert after == sorted({*before, *after})
    assert after[: len(before)] == before
    assert after[-1] == SECOND


def test_a_policy_that_no_longer_moves_ends_early(task: TaskSpec, tmp_path: Path) -> None:
    # It neither learns nor sees anything: its action is the same constant, to more than six digits.
    preset = PPOPreset(environments=4, n_steps=64, batch_size=64, learning_rate=1e-12, clip_obs=1e-9)
    job = make_job(tmp_path, task, steps=8192, preset=preset, evaluation_points=16)
    result = run_jobs([job])[job.folder]
    assert result.status == "trained"
    assert result.reason.endswith("of 8,192 steps: no change in behaviour over 4 evaluations while the reward was flat")
    assert result.steps < job.steps
    assert len({point.fitness for point in result.evaluations[-STILL_EVALUATIONS:]}) == 1
    assert len(result.episodes) == task.evaluation.episodes
