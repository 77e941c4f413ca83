from __future__ import annotations

import pytest

from reward_synth.preparation.learner_choice import choose_learner
from reward_synth.tasks.spec import Environment, EnvironmentSpec, Training, list_tasks, load_task


def environment(name: str, simulator: str = "gym", horizon: int = 1000) -> EnvironmentSpec:
    return EnvironmentSpec(simulator=simulator, environment=Environment(id=name), horizon=horizon)


def test_the_body_s_own_tasks_come_first() -> None:
    choice = choose_learner(environment("Swimmer-v5"), list_tasks(), joints=2)
    assert choice.training == Training(learner="ppo", preset="patient", steps=300_000)
    assert "Swimmer-v5" in choice.reason and "patient" in choice.reason


def test_the_horizon_is_that_of_most_tasks_and_not_the_longest_allowed() -> None:
    pytest.importorskip("metaworld")
    choice = choose_learner(environment("coffee-push-v3", "metaworld", horizon=500), list_tasks(), joints=4)
    assert (choice.horizon, choice.training.preset, choice.evaluation.episodes) == (200, "manipulate", 20)
    assert "the robot of coffee-push-v3" in choice.reason


def test_the_control_suite_has_several_robots() -> None:
    choice = choose_learner(environment("dmc-cartpole-balance", "dmcontrol"), list_tasks(), joints=1)
    own = load_task("dmcontrol/cartpole_swingup").training
    assert choice.training.preset == own.preset and "1 of 1 shipped tasks of the robot of" in choice.reason


def test_a_body_that_no_shipped_task_has_gets_the_default_and_is_told_so() -> None:
    choice = choose_learner(environment("HumanoidStandup-v5"), list_tasks(), joints=17)
    assert choice.training == Training(steps=1_000_000) and choice.horizon == 1000
    assert "no shipped task has HumanoidStandup-v5" in choice.reason


def test_of_equally_common_presets_ppo_s_is_taken() -> None:
    choice = choose_learner(environment("Hopper-v5"), list_tasks(), joints=3)
    assert (choice.training.learner, choice.training.preset) == ("ppo", None) and "preset balance" in choice.reason


def test_where_shipped_tasks_have_the_default_only_presets_race() -> None:
    """The ant balances on two legs four times as fast with another preset than the one that it lies down with."""
    choice = choose_learner(environment("Ant-v5"), list_tasks(), joints=8)
    assert choice.training.preset is None and "3 of 3 shipped tasks of Ant-v5" in choice.reason
    assert choose_learner(environment("HalfCheetah-v5"), list_tasks(), joints=6).training.preset == "steady"


def test_more_joints_get_more_steps_of_ppo_only() -> None:
    ant, few = (choose_learner(environment("Ant-v5"), list_tasks(), joints=joints).training for joints in (8, 0))
    assert (ant.learner, ant.steps, few.steps) == ("ppo", 800_000, 500_000)
    pytest.importorskip("metaworld")
    arm = choose_learner(environment("coffee-push-v3", "metaworld"), list_tasks(), joints=4)
    other = choose_learner(environment("coffee-push-v3", "metaworld"), list_tasks(), joints=40)
    assert arm.training.learner == "sac" and arm.training.steps == other.training.steps
