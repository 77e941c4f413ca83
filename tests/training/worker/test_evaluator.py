"""The evaluator: a process that knows the policy and the task, and nothing of the reward or the learner."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.judge import Played
from reward_synth.evaluation.play import CONFIRMING_SEEDS, FINAL_EVALUATION_SEEDS, SELECTION_SEEDS, field_table, play
from reward_synth.evaluation.scoring import score_episodes, score_with, scoring_process
from reward_synth.evaluation.select import FINAL_EPISODES
from reward_synth.reward.contract import RewardError
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.job import TrainJob
from reward_synth.training.outcomes import FinalEvaluation, read_result
from reward_synth.training.worker.evaluator import _judge
from tests.evaluation.test_select import episode
from tests.training.cases import make_job, run_jobs

EVALUATE_AND_TELL_MODULES = """
import sys
from reward_synth.training.worker.evaluator import evaluate
from reward_synth.training.outcomes import FinalEvaluation
from reward_synth.training.worker.subprocess_stage import run_stage
opened = []
sys.addaudithook(lambda event, facts: opened.append(str(facts[0])) if event == "open" else None)
run_stage(FinalEvaluation, evaluate, sys.argv[1:])
import json
print(json.dumps({"modules": list(sys.modules), "opened": opened}))
"""


def test_it_loads_no_learner_and_never_opens_the_reward(interrupted: Callable[[], TrainJob]) -> None:
    job = interrupted()
    command = [sys.executable, "-I", "-c", EVALUATE_AND_TELL_MODULES, str(job.write())]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    told = json.loads(ran.stdout)
    assert "mujoco" in told["modules"]
    assert not {"torch", "stable_baselines3", "reward_synth.training.loop.learning"} & set(told["modules"])
    assert any(path.endswith("policy.npz") for path in told["opened"])
    assert not [path for path in told["opened"] if path.endswith(("reward.py", "model.zip"))]
    found = FinalEvaluation.read(job.folder)
    assert found is not None
    assert found.status == "done", found.reason


def test_it_needs_no_reward_and_finds_what_the_worker_found(
    interrupted: Callable[[], TrainJob], trained: TrainJob
) -> None:
    job = interrupted()
    job.reward.unlink()
    command = [sys.executable, "-I", "-m", "reward_synth.training.worker.evaluator", str(job.write())]
    subprocess.run(command, timeout=120, check=True)
    found, result = FinalEvaluation.read(job.folder), read_result(trained.folder)
    assert found is not None
    assert result is not None
    assert found.episodes == result.episodes
    names = [sorted(path.name for path in each.trajectories.iterdir()) for each in (job, trained)]
    assert names[0] == names[1]
    assert len(names[0]) == job.task.evaluation.episodes


def test_a_policy_that_is_none_is_a_crash_that_names_the_evaluation(interrupted: Callable[[], TrainJob]) -> None:
    job = interrupted()
    job.policy_path.write_bytes(b"no policy")
    result = run_jobs([job])[job.folder]
    assert result.status == "crashed"
    assert result.reason.startswith("the evaluation failed: cannot read the policy")
    assert result.episodes == ()
    assert result.steps >= job.steps, "the steps were trained and paid for"
    assert "RewardSynthError" in (job.folder / "stderr.txt").read_text()


def test_a_measure_that_fails_on_an_episode_is_not_taken_for_the_reward(interrupted: Callable[[], TrainJob]) -> None:
    job = interrupted()
    task = job.task.model_copy(update={"fitness": "1.0 / (episode.pole_angle[0] * 0.0)"})
    job = job.model_copy(update={"task": task})
    command = [sys.executable, "-I", "-m", "reward_synth.training.worker.evaluator", str(job.write())]
    subprocess.run(command, stderr=subprocess.DEVNULL, timeout=120, check=True)
    found = FinalEvaluation.read(job.folder)
    assert found is not None
    assert found.status == "crashed"
    assert "success or fitness fails on an episode" in found.reason


def test_a_measure_that_remembers_is_refused(task: TaskSpec) -> None:
    counting = (
        "SEEN = map(float, range(1000))\n\ndef fitness(episode):\n    for n in SEEN:\n        break\n    return n\n"
    )
    spec = task.model_copy(update={"fitness": counting})
    table = field_table(spec)
    episodes = play(spec, table, lambda observations: np.zeros((len(observations), 1)), range(2))
    with pytest.raises(RewardError, match="judges the same episode differently"):
        score_episodes(spec, table, episodes)
    with (
        scoring_process(spec, table.layout()) as process,
        pytest.raises(RewardSynthError, match="judges the same episode differently"),
    ):
        score_with(process, episodes)


@pytest.mark.parametrize(
    ("succeeds", "final", "asked", "reported"),
    [
        (lambda seed: True, False, [(SELECTION_SEEDS, 16), (CONFIRMING_SEEDS, 16)], 1.0),
        (lambda seed: seed < CONFIRMING_SEEDS, False, [(SELECTION_SEEDS, 16), (CONFIRMING_SEEDS, 8)], 0.0),
        (lambda seed: False, False, [(SELECTION_SEEDS, 8)], 0.0),
        (lambda seed: True, True, [(FINAL_EVALUATION_SEEDS, FINAL_EPISODES)], 1.0),
    ],
    ids=["solves", "passed-by-luck", "fails", "final"],
)
def test_what_passes_is_judged_again_in_other_episodes_and_these_count(
    tmp_path: Path,
    task: TaskSpec,
    succeeds: Callable[[int], bool],
    final: bool,
    asked: list[tuple[int, int]],
    reported: float,
) -> None:
    played: list[int] = []

    def playing(seeds: range) -> Played:
        played.extend(seeds)
        return [], [episode(succeeds(seed), 0.0) for seed in seeds]

    job = make_job(tmp_path, task, evaluation_seeds=FINAL_EVALUATION_SEEDS if final else None)
    _, scores = _judge(job, playing)
    assert played == [seed for first, count in asked for seed in range(first, first + count)]
    assert len(scores) == asked[-1][1] and np.mean([score.success for score in scores]) == reported


@pytest.mark.parametrize(("passed", "first"), [(True, CONFIRMING_SEEDS), (False, SELECTION_SEEDS)])
def test_what_passed_in_its_training_is_judged_once_more(
    tmp_path: Path, task: TaskSpec, passed: bool, first: int
) -> None:
    played: list[int] = []

    def playing(seeds: range) -> Played:
        played.extend(seeds)
        return [], [episode(False, 0.0) for _ in seeds]

    _judge(make_job(tmp_path, task, passed=passed), playing)
    assert played == list(range(first, first + 8))
