"""Which task a typed goal means, if any."""

from __future__ import annotations

import pytest

from reward_synth.tasks.spec import match_task


@pytest.mark.parametrize(
    ("goal", "name"),
    [
        ("make the half-cheetah run backwards", "gym/half_cheetah_run_backward"),
        ("Make the HalfCheetah run backward!", "gym/half_cheetah_run_backward"),
        ("please teach the half cheetah to run backwards", "gym/half_cheetah_run_backward"),
        ("make the half-cheetah run forward", "gym/half_cheetah_run_forward"),
        ("make the half-cheetah run forward at 2 metres per second", "gym/half_cheetah_target_speed"),
        ("make the hopper hop backwards", "gym/hopper_hop_backward"),
        ("make the hopper hop forward", "gym/hopper_hop_forward"),
        ("the hopper should be hopping in place", "gym/hopper_hop_in_place"),
        ("balance the pole", "gym/inverted_pendulum_balance"),
        ("make the Walker2d walk forward", "gym/walker2d_walk_forward"),
        ("make the swimmer swim forward", "gym/swimmer_swim_forward"),
        ("make the ant walk forward", "gym/ant_walk_forward"),
        ("reach the target with the reacher", "gym/reacher_reach"),
        ("make the hopper do a backflip", "gym/hopper_back_flip"),
        ("Make the Hopper do a back flip!", "gym/hopper_back_flip"),
        ("teach the hopper to do backflips", "gym/hopper_back_flip"),
        ("make the hopper flip backwards", "gym/hopper_back_flip"),
        ("make the hopper do a front flip", "gym/hopper_front_flip"),
        ("make the hopper do a forward somersault", "gym/hopper_front_flip"),
        ("make the hopper flip forwards", "gym/hopper_front_flip"),
        ("Control the Ant to lie down", "gym/ant_lie_down"),
        ("control the ant to wave a leg", "gym/ant_wave_leg"),
        ("open the drawer by its handle", "metaworld/drawer_open"),
        ("Make the robot open the drawer", "metaworld/drawer_open"),
        ("close the door", "metaworld/door_close"),
        ("press the button", "metaworld/button_press"),
        ("press the button from above", "metaworld/button_press_topdown"),
        ("pull the handle up", "metaworld/handle_pull"),
        ("press the handle down", "metaworld/handle_press"),
        ("push the cube to the goal region", "maniskill/push_cube"),
        ("Make the robot arm pull the cube", "maniskill/pull_cube"),
        ("stack the cubes", "maniskill/stack_cube"),
        ("pick up the cube and bring it to the goal position", "maniskill/pick_cube"),
        ("find a tree", "crafter/approach_tree"),
        ("collect wood", "crafter/collect_wood"),
        ("eat a cow", "crafter/attack_cow"),
        ("place a table", "crafter/place_table"),
        ("mine a diamond", "crafter/diamond_kit"),
    ],
)
def test_a_goal_in_other_words_finds_its_task(goal: str, name: str) -> None:
    spec = match_task(goal)
    assert spec is not None
    assert spec.name == name


@pytest.mark.parametrize(
    "goal",
    [
        "",
        "run",
        "run forward",
        "make the half-cheetah run",
        "make the half-cheetah run forward at 3 m/s",
        "make the half-cheetah run forward at 2.5 m/s",
        "make the half-cheetah run forward at -2 m/s",
        "make the half-cheetah run forward and then backwards",
        "make the hopper not hop backwards",
        "make the hopper do a cartwheel",
        "make the ant walk backward",
        "balance the pole at an angle",
        "make the hopper flip",
        "make the ant lie on its back",
        "make the ant wave its front left leg",
        "push the sliding window open by its handle",
        "lock the door",
        "stack the red cube on the green one",
        "throw the cube",
        "milk a cow",
    ],
)
def test_a_goal_that_says_something_else_finds_none(goal: str) -> None:
    assert match_task(goal) is None


def test_with_the_environment_given_the_goal_need_not_name_the_robot() -> None:
    found = match_task("run backwards", "HalfCheetah-v5")
    assert found is not None
    assert found.short_name == "half_cheetah_run_backward"
    assert match_task("run backwards", "Ant-v5") is None
    assert match_task("make the half-cheetah run backwards", "Hopper-v5") is None
