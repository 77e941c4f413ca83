"""The promised tasks are there, and follow the conventions of where they come from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reward_synth.simulators.crafter.tasks import TASKS as CRAFTER
from reward_synth.simulators.maniskill.tasks import TASKS as MANISKILL
from reward_synth.tasks.spec import TaskSpec, list_tasks, match_task
from reward_synth.training.presets import get_preset, preset_for

GYM = {
    "ant_lie_down",
    "ant_walk_forward",
    "ant_wave_leg",
    "half_cheetah_run_backward",
    "half_cheetah_run_forward",
    "half_cheetah_target_speed",
    "hopper_back_flip",
    "hopper_front_flip",
    "hopper_hop_backward",
    "hopper_hop_forward",
    "hopper_hop_in_place",
    "inverted_pendulum_balance",
    "reacher_reach",
    "swimmer_swim_forward",
    "walker2d_walk_forward",
}
TEXT2REWARD = {
    "metaworld/drawer_open": "Open a drawer by its handle.",
    "metaworld/drawer_close": "Close a drawer by its handle.",
    "metaworld/window_open": "Push and open a sliding window by its handle.",
    "metaworld/window_close": "Push and close a sliding window by its handle.",
    "metaworld/button_press": "Press a button in y coordination.",
    "metaworld/sweep_into": "Sweep a puck from the initial position into a hole.",
    "metaworld/door_unlock": "Unlock the door by rotating the lock counter-clockwise.",
    "metaworld/door_close": "Close a door with a revolving joint by pushing door's handle.",
    "metaworld/handle_press": "Press a handle down.",
    "metaworld/handle_press_side": "Press a handle down sideways.",
    "maniskill/pick_cube": "Pick up cube A and move it to the 3D goal position.",
    "maniskill/stack_cube": "Pick up cube A and place it on cube B. The task is finished when cube A is on top of "
    "cube B stably (i.e. cube A is static) and isn't grasped by the gripper.",
}
"""Its instructions, letter by letter."""
AS_FAR_AS_IT_GOES = {"metaworld/handle_press", "metaworld/handle_press_side"}
"""Their goals go on to say how far "down" is."""


def shipped(simulator: str) -> dict[str, TaskSpec]:
    return {spec.short_name: spec for spec in list_tasks() if spec.simulator == simulator}


def mt10() -> set[str]:
    """MetaWorld's ten tasks of that name, as our specs spell them."""
    names = pytest.importorskip("metaworld.env_dict", reason="needs: pip install 'reward-synth[metaworld]'").MT10_V3
    return {name.removesuffix("-v3").replace("-", "_") for name in names}


def names_of(text2reward: str) -> set[str]:
    """Text2Reward's tasks on a simulator."""
    return {name.partition("/")[2] for name in TEXT2REWARD if name.startswith(f"{text2reward}/")}


def test_those_on_gymnasium() -> None:
    assert set(shipped("gym")) == GYM


def test_those_on_metaworld() -> None:
    specs = shipped("metaworld")
    assert set(specs) >= names_of("metaworld") | {"handle_pull"} | mt10()
    assert len(specs) == 17
    for name, spec in specs.items():
        assert spec.environment.id == f"{name.replace('_', '-')}-v3"
        assert spec.horizon == 200 and spec.source == "MetaWorld"
        assert spec.environment.arguments == {"goal_observable": True}
        assert (spec.training.learner, spec.training.preset) == ("sac", "manipulate")
        assert get_preset(spec.training.learner, spec.training.preset).action_repeat > 1


def test_those_on_maniskill() -> None:
    specs = shipped("maniskill")
    assert {spec.environment.id for spec in specs.values()} == set(MANISKILL) and len(specs) == len(MANISKILL)
    for spec in specs.values():
        assert spec.horizon == 50 and spec.source == "ManiSkill"
        assert spec.success == "episode.task_success > 0.5"
        assert "control_mode" in spec.environment.arguments


def test_auto_mc_rewards() -> None:
    specs = shipped("crafter")
    assert set(specs) == {
        "approach_tree", "approach_cow", "attack_cow", "collect_wood", "place_table", "diamond_kit", "diamond",
    }  # fmt: skip
    assert {spec.environment.id for spec in specs.values()} == set(CRAFTER)
    for spec in specs.values():
        assert preset_for(spec).learner == "ppo" and spec.training.preset == "explore"


def test_those_of_the_control_suite() -> None:
    specs = shipped("dmcontrol")
    assert set(specs) == {"cartpole_swingup", "cheetah_run", "hopper_hop", "reacher_easy", "walker_walk"}
    for name, spec in specs.items():
        assert spec.environment.id == f"dmc-{name.replace('_', '-')}" and spec.environment.arguments == {}
        assert spec.horizon == 1000 and spec.source == "DeepMind control suite"
        assert spec.fitness == "float(np.sum(episode.suite_reward))"
        assert spec.success.startswith("np.sum(episode.suite_reward) >= ")


@pytest.mark.parametrize("name", TEXT2REWARD)
def test_text2rewards_instructions_are_goals(name: str) -> None:
    simulator, _, short_name = name.partition("/")
    spec, goal = shipped(simulator)[short_name], TEXT2REWARD[name]
    if name in AS_FAR_AS_IT_GOES:
        assert spec.goal.startswith(goal) and spec.aliases[0] == goal
    else:
        assert spec.goal == goal
    assert match_task(goal) == spec


def test_the_guide_lists_mt10_and_text2rewards_tasks() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "metaworld.md").read_text(encoding="utf-8")
    for head, expected in (("**MT10**:", mt10()), ("word for word:", names_of("metaworld"))):
        listed = re.split(r"[.;]", page.partition(head)[2])[0]
        assert {name.strip() for name in listed.split(",")} == {name.replace("_", "-") for name in expected}
