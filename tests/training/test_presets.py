"""Presets by name, and whose learner they are for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import LearnerName
from reward_synth.settings.sources import load_settings
from reward_synth.tasks.spec import TaskSpec, Training
from reward_synth.training.job import TrainJob
from reward_synth.training.presets import (
    DEFAULT_PRESETS,
    PRESETS,
    OffPolicyPreset,
    PPOPreset,
    describe,
    get_preset,
    preset_for,
)
from tests.training.cases import make_job


def with_training(task: TaskSpec, **training: Any) -> TaskSpec:
    return task.model_copy(update={"training": Training(**training)})


def test_a_preset_is_told_to_designers_in_steps_of_the_environment() -> None:
    told = describe(get_preset("sac", "manipulate"), 60_000)
    assert "by SAC for 60,000 environment steps" in told
    assert "0.97 from one decision to the next, each of which is held for 4 steps: it looks about 133 steps" in told
    assert "0.99 from one decision to the next: it looks about 100 steps" in describe(get_preset("ppo", "steady"), 1000)


@pytest.mark.parametrize(
    ("observes", "told"),
    [
        ((), ["neither the reward's memory nor a clock"]),
        (("clock",), ["adds a clock (the share", "does not see the reward's memory."]),
        (("x", "start.y"), ["adds `x` and `y` as it was at the start of the episode", "memory, nor a clock."]),
    ],
)
def test_designers_are_told_what_policies_see(observes: tuple[str, ...], told: list[str]) -> None:
    text = describe(get_preset("ppo", "steady"), 1000, observes)
    assert all(each in text for each in told) and ("neither" in text) == (observes == ())


def test_a_preset_carries_its_learner_and_survives_a_job_file(task: TaskSpec, tmp_path: Path) -> None:
    assert get_preset("ppo", "steady") == PRESETS["steady"]
    assert get_preset("sac", "manipulate") == PRESETS["manipulate"]
    for preset in (get_preset("ppo", "reach"), get_preset("tqc", "manipulate")):
        job = make_job(tmp_path / preset.learner, task, preset=preset)
        assert TrainJob.read(job.write()) == job
    assert isinstance(TrainJob.read(job.folder / "job.json").preset, OffPolicyPreset)


def test_sac_and_tqc_share_their_presets() -> None:
    sac, tqc = get_preset("sac", "manipulate"), get_preset("tqc", "manipulate")
    assert (sac.learner, tqc.learner) == ("sac", "tqc")
    assert sac.model_dump(exclude={"learner"}) == tqc.model_dump(exclude={"learner"})


@pytest.mark.parametrize("learner", ["ppo", "sac", "tqc"])
def test_every_learner_has_a_default(learner: LearnerName) -> None:
    assert get_preset(learner) == get_preset(learner, DEFAULT_PRESETS[learner])


def test_a_preset_of_another_learner_is_refused_with_what_would_do() -> None:
    with pytest.raises(RewardSynthError, match="'steady' is ppo's, not sac's") as refused:
        get_preset("sac", "steady")
    assert refused.value.hint == "use one of grasp, manipulate with the learner sac, or the learner ppo"
    with pytest.raises(RewardSynthError, match="'manipulate' is sac's, not ppo's") as refused:
        get_preset("ppo", "manipulate")
    assert "steady" in refused.value.hint and "manipulate" not in refused.value.hint
    with pytest.raises(RewardSynthError, match="no training preset 'stedy'"):
        get_preset("ppo", "stedy")


def test_the_learner_asked_for_takes_the_task_s_place(task: TaskSpec) -> None:
    assert preset_for(task) == get_preset("ppo", task.training.preset)
    assert preset_for(task, "ppo") == preset_for(task)
    assert preset_for(task, "tqc") == get_preset("tqc", "manipulate")
    manipulation = with_training(task, learner="sac", preset="manipulate")
    assert preset_for(manipulation).learner == "sac"
    assert preset_for(manipulation, "tqc") == get_preset("tqc", "manipulate")
    assert isinstance(preset_for(manipulation, "ppo"), PPOPreset)


def test_a_task_s_own_contradiction_is_told_whoever_asks(task: TaskSpec) -> None:
    wrong = with_training(task, learner="sac", preset="steady")
    with pytest.raises(RewardSynthError, match="not sac's"):
        preset_for(wrong)
    with pytest.raises(RewardSynthError, match="no training preset 'stedy'"):
        preset_for(with_training(task, preset="stedy"), "sac")


@pytest.mark.parametrize("spelt", ["PPO", "dqn"])
def test_a_learner_that_there_is_not(spelt: str) -> None:
    with pytest.raises(RewardSynthError, match="--learner must be 'ppo', 'sac' or 'tqc'"):
        load_settings({"learner": spelt})
