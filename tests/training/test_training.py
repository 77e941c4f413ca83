"""Real trainings, short ones, in a real worker process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reward_synth.core.types import TrainResult
from reward_synth.evaluation.play import SELECTION_SEEDS, field_table, play
from reward_synth.evaluation.scoring import measured_table, score_episodes
from reward_synth.executors.base import worker_environment
from reward_synth.executors.local import LocalExecutor
from reward_synth.sandbox.process import RewardProcess
from reward_synth.state.episode import Episode
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.job import Progress, TrainJob, read_progress
from reward_synth.training.outcomes import read_result, write_result
from reward_synth.training.presets import preset_for
from tests.training.cases import ENDLESS, REWARD, TERMS, make_job, run_jobs


def test_a_worker_leaves_all_its_files(trained: TrainJob) -> None:
    names = {path.name for path in trained.folder.iterdir()}
    assert names == {
        "job.json",
        "progress.csv",
        "terms.csv",
        "eval.csv",
        "evaluations.npz",
        "model.zip",
        "policy.npz",
        "training.json",
        "episodes.json",
        "result.json",
        "stderr.txt",
    }
    assert (trained.folder / "stderr.txt").read_text() == ""
    result = read_result(trained.folder)
    assert result is not None and result.steps >= trained.steps
    assert [term.name for term in result.terms] == list(TERMS)
    assert len(result.evaluations) == len(result.terms[0].mean) >= 2
    assert sum(term.share[-1] for term in result.terms) == pytest.approx(1.0)
    assert all(term.minimum[0] <= term.mean[0] <= term.maximum[0] for term in result.terms)


def test_final_episodes_are_stored_whole_and_judged_by_the_task(trained: TrainJob, task: TaskSpec) -> None:
    result = read_result(trained.folder)
    assert result is not None
    table = field_table(task)
    episodes = [Episode.load(path) for path in sorted(trained.trajectories.glob("*.npz"))]
    assert [episode.seed for episode in episodes] == list(
        range(SELECTION_SEEDS, SELECTION_SEEDS + task.evaluation.episodes)
    )
    assert episodes[0].layout == table.layout()
    assert tuple(score_episodes(task, table, episodes)) == result.episodes


def test_a_success_is_confirmed_with_other_episodes_before_it_ends_a_training(task: TaskSpec, tmp_path: Path) -> None:
    # The pole starts tilted by more than this in both evaluation episodes and in half of those that confirm.
    lucky = task.model_copy(update={"success": "bool(episode.pole_angle[0] > 0.005)"})
    always = task.model_copy(update={"success": "bool(episode.pole_angle[0] > -1)"})
    jobs = [make_job(tmp_path / name, spec, evaluation_points=8) for name, spec in (("l", lucky), ("a", always))]
    results = run_jobs(jobs)
    first, second = (results[job.folder] for job in jobs)
    assert [point.success for point in first.evaluations] == [1.0] * 8
    assert (first.steps, first.reason) == (2048, "")
    assert second.reason == "ended at 512 of 2,048 steps: the task is solved"
    assert second.steps < 1024
    # It passed in training, so the first episodes that are played are those that count.
    assert TrainJob.model_validate_json((jobs[1].folder / "job.json").read_text()).passed
    assert not TrainJob.model_validate_json((jobs[0].folder / "job.json").read_text()).passed


def test_equal_jobs_give_equal_policies(trained: TrainJob, task: TaskSpec, tmp_path: Path) -> None:
    again = make_job(tmp_path, task)
    first, second = read_result(trained.folder), run_jobs([again])[again.folder]
    assert first is not None
    assert (first.evaluations, first.terms, first.episodes) == (
        second.evaluations,
        second.terms,
        second.episodes,
    )


def test_learning_balances_the_pole(task: TaskSpec, tmp_path: Path) -> None:
    job = make_job(tmp_path, task, steps=60_000, preset=preset_for(task), evaluation_points=10)
    result = run_jobs([job])[job.folder]
    assert result.success == 1.0
    assert result.fitness is not None and result.fitness > result.evaluations[0].fitness


def test_a_reward_that_fails_on_a_transition_is_a_crash_with_its_line(task: TaskSpec, tmp_path: Path) -> None:
    source = REWARD.replace("upright = 1.0", "upright = 0.0 / (next_state.pole_angle * 0.0)")
    job = make_job(tmp_path, task, source)
    result = run_jobs([job])[job.folder]
    assert result.status == "crashed"
    assert "line 5" in result.reason
    assert "where next_state has pole_angle = " in result.reason


@pytest.mark.parametrize("memory", ["", ", memory"])
def test_a_state_that_shows_late_is_found_at_the_end(task: TaskSpec, tmp_path: Path, memory: str) -> None:
    source = f"""
CALLS = [0]

def compute_reward(state, action, next_state{memory}):
    CALLS[0] += 1
    return {{"upright": 1.0 - abs(next_state.pole_angle) if CALLS[0] < 1500 else 0.0, "effort": 0.0}}
"""
    job = make_job(tmp_path, task, source)
    result = run_jobs([job])[job.folder]
    assert result.status == "crashed"
    assert "[impure] term `upright` differs" in result.reason


def test_a_reward_with_a_memory_is_pure(task: TaskSpec, tmp_path: Path) -> None:
    source = """
def compute_reward(state, action, next_state, memory):
    memory["n"] = memory.get("n", 0) + 1
    return {"upright": 1.0 - abs(next_state.pole_angle), "effort": 0.001 * memory["n"]}
"""
    job = make_job(tmp_path, task, source)
    assert run_jobs([job])[job.folder].status == "trained"


def test_an_endless_reward_is_killed_and_named(task: TaskSpec, tmp_path: Path) -> None:
    source = REWARD.replace("    upright", "    for _ in range(10 ** 12):\n        pass\n    upright", 1)
    job = make_job(tmp_path, task, source)
    result = run_jobs([job])[job.folder]
    assert result.status == "crashed"
    assert "deadline" in result.reason


def test_finished_jobs_are_not_run_again(task: TaskSpec, tmp_path: Path) -> None:
    job = make_job(tmp_path, task, source="this is not python")
    job.folder.mkdir()
    marker = TrainResult(status="trained", seed=1, steps=5, seconds=1.0, cpu_seconds=1.0)
    write_result(job, marker)
    assert run_jobs([job]) == {job.folder: marker}


def test_a_stop_leaves_no_result_so_that_a_resumed_run_trains_it(task: TaskSpec, tmp_path: Path) -> None:
    job = make_job(tmp_path, task, steps=ENDLESS)
    seen: list[Progress] = []
    LocalExecutor(1).run(
        [job],
        on_progress=lambda job, progress: seen.append(progress),
        on_result=lambda job, result: pytest.fail("stopped jobs have no result"),
        should_stop=lambda: bool(seen) and seen[-1].step > 0,
    )
    assert read_result(job.folder) is None
    assert read_progress(job.folder).step == seen[-1].step > 0


def test_workers_are_told_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    assert "sk-secret" not in worker_environment().values()


def test_workers_and_reward_processes_compute_with_the_same_instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert worker_environment()["OPENBLAS_CORETYPE"] == "Haswell"
    with RewardProcess("def compute_reward(a, b, c):\n    return {'x': 1.0}\n", (("x", ()),), 1) as process:
        told = Path(f"/proc/{process.pid}/environ").read_bytes()
    assert b"OPENBLAS_CORETYPE=Haswell" in told.split(b"\0")
    monkeypatch.delenv("OPENBLAS_CORETYPE")
    assert "OPENBLAS_CORETYPE" not in worker_environment()


def test_a_subset_table_judges_like_the_whole_one(task: TaskSpec) -> None:
    table = field_table(task)
    small = measured_table(task, table)
    assert 0 < len(small) < len(table)

    def policy(observations: np.ndarray) -> np.ndarray:
        return np.zeros((len(observations), 1), dtype=np.float32)

    whole, part = (play(task, each, policy, [3, 4]) for each in (table, small))
    assert score_episodes(task, table, whole) == score_episodes(task, small, part)
