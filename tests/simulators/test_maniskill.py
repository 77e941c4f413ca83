"""ManiSkill's environments, held against upstream's own, step by step and to the last bit."""

from __future__ import annotations

import functools
import importlib
import subprocess
import sys
from contextlib import nullcontext
from importlib.util import find_spec
from typing import Any

import gymnasium
import numpy as np
import pytest

pytest.importorskip("mani_skill", reason="ManiSkill is not installed: pip install 'reward-synth[maniskill]'")

import sapien
import torch
from mani_skill.utils.registration import REGISTERED_ENVS

from reward_synth.api import doctor
from reward_synth.core.errors import RewardSynthError
from reward_synth.simulators import environments, get_simulator, simulator_of
from reward_synth.simulators.maniskill.adapter import RENDERING_HINT
from reward_synth.simulators.maniskill.tasks import CONTROL_MODES, TASKS
from reward_synth.simulators.maniskill.visuals import VISUALS, NoMaterial, find_device, without_visuals
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable

SIMULATOR = get_simulator("maniskill")
SCRIPTED = sorted(set(TASKS) - {"LiftPegUpright-v1"})


@functools.lru_cache(maxsize=2)
def case(env_id: str, control_mode: str = CONTROL_MODES[0]) -> tuple[gymnasium.Env, FieldTable]:
    env = SIMULATOR.make(env_id, {"control_mode": control_mode}, horizon=50)
    return env, SIMULATOR.fields(env)


@functools.lru_cache(maxsize=2)
def upstream(env_id: str, control_mode: str = CONTROL_MODES[0], visuals: bool = False) -> Any:
    """One of upstream's own environments, with its native reward."""
    with nullcontext() if visuals else without_visuals():
        return REGISTERED_ENVS[env_id].cls(
            obs_mode="state",
            reward_mode="normalized_dense",
            control_mode=control_mode,
            sim_backend="physx_cpu",
            render_backend="none",
        )


def compare(ours: gymnasium.Env, theirs: Any, seed: int, steps: int, expert: bool = False) -> list[float]:
    """Live through one episode in both, and return upstream's success at each step."""
    base: Any = ours.unwrapped
    observation, _ = ours.reset(seed=seed)
    expected, _ = theirs.reset(seed=seed)
    # Upstream's flag of a grasp, at 18, is then that of the episode before.
    kept = np.arange(len(observation)) != (18 if base.env_id == "PickCube-v1" else -1)
    np.testing.assert_array_equal(observation[kept], expected.numpy()[0][kept])
    generator, successes = np.random.default_rng(seed), []
    act = SIMULATOR.experts(ours)[0] if expert else None
    for step in range(steps):
        if act is None:
            if step % 5 == 0:
                action = generator.uniform(-1.3, 1.3, ours.action_space.shape)  # beyond the limits at times
        elif (action := act()) is None:
            break
        action = np.asarray(action, dtype=np.float32)
        observation, reward, terminated, _, info = ours.step(action)
        expected, _, _, _, judged = theirs.step(action)
        np.testing.assert_array_equal(observation, expected.numpy()[0])
        assert observation.dtype == ours.observation_space.dtype
        assert base.judged_success() == float(judged["success"])
        for name in ("is_grasped", "is_cubeA_grasped", "is_peg_grasped"):
            if name in judged:
                assert base.grasps(TASKS[base.env_id].grasped) == float(judged[name])
        assert (reward, terminated, info) == (0.0, False, {})
        successes.append(float(judged["success"]))
    return successes


@pytest.mark.parametrize("control_mode", CONTROL_MODES)
@pytest.mark.parametrize("env_id", TASKS)
def test_each_environment_steps_as_upstream_does(env_id: str, control_mode: str) -> None:
    for seed in range(4):
        compare(case(env_id, control_mode)[0], upstream(env_id, control_mode), seed, steps=50)


@pytest.mark.parametrize("env_id", SCRIPTED)
def test_an_experts_episodes_and_their_success_are_upstreams(env_id: str) -> None:
    for seed in (1, 2):
        successes = compare(case(env_id)[0], upstream(env_id), seed, steps=50, expert=True)
        assert successes[0] == 0.0 and successes[-1] == 1.0


@pytest.mark.parametrize("env_id", TASKS)
def test_what_can_be_seen_has_no_influence_on_what_happens(env_id: str) -> None:
    if missing := find_device():
        pytest.skip(f"no upstream with visuals to compare with: {missing}")
    for seed in (1, 2):
        compare(case(env_id)[0], upstream(env_id, visuals=True), seed, 50, expert=env_id in SCRIPTED)


@pytest.mark.parametrize("env_id", ["PickCube-v1", "PokeCube-v1", "StackCube-v1"])
def test_a_seed_gives_the_same_episode_whatever_was_before(env_id: str) -> None:
    env, fresh = case(env_id)[0], SIMULATOR.make(env_id, {}, 50)
    # What was before has the thing grasped.
    env.reset(seed=3)
    act = SIMULATOR.experts(env)[0]
    while not env.unwrapped.grasps(TASKS[env_id].grasped):
        env.step(act().astype(np.float32))
    first = env.reset(seed=5)[0]
    np.testing.assert_array_equal(first, fresh.reset(seed=5)[0])
    assert env.unwrapped.grasps(TASKS[env_id].grasped) == 0.0
    for action in np.random.default_rng(0).uniform(-1, 1, (20, 4)).astype(np.float32):
        np.testing.assert_array_equal(env.step(action)[0], fresh.step(action)[0])
    following = [env.reset()[0], env.reset()[0]]
    np.testing.assert_array_equal(following[0], fresh.reset()[0])
    assert not np.array_equal(following[0], following[1])
    assert not np.array_equal(env.reset(seed=6)[0], first)


def test_resets_leave_torchs_random_numbers_alone_and_differ_unseeded() -> None:
    pair = [SIMULATOR.make("PushCube-v1", {}, 10) for _ in range(2)]
    before = torch.random.get_rng_state()
    starts = [env.reset()[0] for env in pair]
    assert not np.array_equal(*starts)
    assert torch.equal(torch.random.get_rng_state(), before)
    # Upstream takes seeds below 2**32 only.
    np.testing.assert_array_equal(pair[0].reset(seed=2**40 + 7)[0], pair[1].reset(seed=7)[0])


def test_environments_side_by_side_do_not_disturb_each_other() -> None:
    alone = SIMULATOR.make("PushCube-v1", {}, 50)
    alone.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-1, 1, (20, 4)).astype(np.float32)
    expected = [alone.step(action)[0] for action in actions]
    one, other = (SIMULATOR.make("PushCube-v1", {}, 50) for _ in range(2))
    one.reset(seed=0)
    for step, action in enumerate(actions):
        if step % 8 == 0:
            other.reset(seed=step + 1)
        other.step(-action)
        np.testing.assert_array_equal(one.step(action)[0], expected[step])


def test_the_horizon_ends_the_episode_and_success_does_not() -> None:
    for wanted, steps in ((3, 3), (None, SIMULATOR.horizon("PushCube-v1"))):
        env = SIMULATOR.make("PushCube-v1", {}, wanted)
        env.reset(seed=0)
        ends = [env.step(np.zeros(4, dtype=np.float32))[2:4] for _ in range(steps)]
        assert ends == [(False, False)] * (steps - 1) + [(False, True)]
    env = case("PushCube-v1")[0]
    env.reset(seed=1)
    act = SIMULATOR.experts(env)[0]
    while (action := act()) is not None:
        terminated = env.step(action.astype(np.float32))[2]
    assert env.unwrapped.judged_success() == 1.0 and not terminated


def test_neither_native_reward_nor_success_is_computed_for_what_a_reward_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    env, table = case("PickCube-v1")

    def computed(*_: object, **__: object) -> Any:
        raise AssertionError("it was computed")

    for name in ("evaluate", "get_reward", "compute_dense_reward"):
        monkeypatch.setattr(type(env.unwrapped.upstream), name, computed)
    recorder = StateRecorder(env, table.for_rewards())
    recorder.reset(seed=0)
    recorder.step(np.zeros(4, dtype=np.float32))
    with pytest.raises(AssertionError, match="was computed"):
        table.get("task_success").read(env.unwrapped)


# Scenes without visuals


def test_what_is_replaced_while_a_scene_is_built_is_put_back() -> None:
    before = {name: getattr(sapien.ActorBuilder, name) for name in VISUALS}
    material = sapien.render.RenderMaterial
    assert {"add_box_visual", "add_visual_from_file"} <= set(VISUALS)
    with pytest.raises(ValueError, match="inside"), without_visuals():
        assert sapien.render.RenderMaterial is NoMaterial
        builder = sapien.ActorBuilder()
        assert builder.add_box_visual() is builder and builder.visual_records == []
        builder.add_box_collision()
        assert len(builder.collision_records) == 1
        raise ValueError("inside")
    SIMULATOR.make("StackCube-v1", {})
    assert sapien.render.RenderMaterial is material
    assert {name: getattr(sapien.ActorBuilder, name) for name in VISUALS} == before


def test_collision_shapes_and_masses_are_as_with_a_device() -> None:
    """As counted and weighed in scenes that were built with visuals."""
    base: Any = case("PushCube-v1")[0].unwrapped
    cube = base.upstream.obj._bodies[0]
    assert cube.mass == pytest.approx(0.04**3 * 1000) and len(cube.collision_shapes) == 1
    shapes = [len(link.collision_shapes) for link in base.upstream.agent.robot._objs[0].links]
    assert shapes == [1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 4, 4, 0, 0]


def test_pictures_need_a_device_and_nothing_else_does() -> None:
    missing = find_device()
    if missing:
        with pytest.raises(RewardSynthError, match="cannot be made") as caught:
            SIMULATOR.make("PushCube-v1", {"render_mode": "rgb_array"})
        assert caught.value.hint == RENDERING_HINT
    else:
        env = SIMULATOR.make("PushCube-v1", {"render_mode": "rgb_array"})
        env.reset(seed=0)
        picture = env.render()
        assert picture.shape == (512, 512, 3) and picture.dtype == np.uint8 and np.ptp(picture) > 100
    row = doctor._simulator("maniskill")
    assert row.state == "ok" and row.text.startswith("PushCube-v1 steps")
    assert row.hint == (RENDERING_HINT if missing else "")


ALONE = """
from reward_synth.simulators import get_simulator
get_simulator("maniskill").make("PullCube-v1", {}).reset(seed=0)
"""


def test_making_one_says_nothing() -> None:
    ran = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


# Fields


def test_all_six_are_described_and_told_apart_from_others() -> None:
    assert len({task.description for task in TASKS.values()}) == len(TASKS) == 6
    assert environments().keys() >= {"Hopper-v5", *TASKS}
    assert [simulator_of(env_id) for env_id in ("Hopper-v5", "PickCube-v1")] == ["gym", "maniskill"]
    if find_spec("metaworld"):
        assert "drawer-open-v3" in environments() and simulator_of("drawer-open-v3") == "metaworld"
    for env_id in TASKS:
        assert REGISTERED_ENVS[env_id].max_episode_steps == SIMULATOR.horizon(env_id)
        assert SIMULATOR.seconds_per_step(case(env_id)[0]) == pytest.approx(0.05)


@pytest.mark.parametrize("env_id", TASKS)
def test_fields_are_live_finite_and_in_range(env_id: str) -> None:
    env, table = case(env_id)
    table = table.for_rewards()
    read, generator, rows = table.reader(env), np.random.default_rng(0), []
    for episode in range(2):
        env.reset(seed=episode)
        rows.append(read())
        for step in range(49):
            if step % 12 == 0:
                action = np.sign(generator.uniform(-1, 1, 4)).astype(np.float32)
            env.step(action)
            rows.append(read())
    values, places = np.array(rows), table.columns()
    assert np.isfinite(values).all()
    assert (values >= table.low - 1e-6).all() and (values <= table.high + 1e-6).all()
    single = np.concatenate([np.ravel(field.read(env.unwrapped)) for field in table])
    np.testing.assert_array_equal(single, values[-1])
    for name in ("gripper_position", "gripper_opening", "gripper_velocity", "arm_joint_angles", "arm_joint_velocities"):
        assert np.ptp(values[:50, places[name]], axis=0).min() > 1e-3, name
    for field in table:
        column = values[:, places[field.name]]
        if field.name.endswith("start_position") or field.name == "goal_position":
            assert (column[:50] == column[0]).all() and (column[50:] == column[50]).all()
            assert (column[0] != column[50]).any()
        if field.name.endswith("_start_position"):
            position = values[:, places[field.name.replace("_start", "")]]
            np.testing.assert_array_equal(column[[0, 50]], position[[0, 50]])
        if field.name.endswith("_quaternion"):
            np.testing.assert_allclose(np.linalg.norm(column, axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("env_id", ["PickCube-v1", "StackCube-v1"])
def test_the_gripper_moves_as_actions_and_fields_tell(env_id: str) -> None:
    env, table = case(env_id)
    place, opening = table.get("gripper_position"), table.get("gripper_opening")
    for index, action in enumerate(table.actions):
        assert (action.index, action.low, action.high) == (index, -1.0, 1.0)
        env.reset(seed=0)
        before = place.read(env.unwrapped)
        assert opening.read(env.unwrapped) == pytest.approx(0.08, abs=1e-4)
        for _ in range(6 if index < 3 else 20):
            env.step(0.5 * np.eye(4, dtype=np.float32)[index] + np.float32([0, 0, 0, -1]) * (index == 3))
        moved = place.read(env.unwrapped) - before
        if index < 3:
            assert 0.08 < moved[index] < 0.3 and np.abs(np.delete(moved, index)).max() < 0.02
            speed = table.get("gripper_velocity").read(env.unwrapped)
            assert np.argmax(np.abs(speed)) == index and speed[index] > 0.1
        else:
            # 0.5 - 1 = -0.5 drives each finger to 0.0025 m.
            assert opening.read(env.unwrapped) == pytest.approx(0.005, abs=0.002)


@pytest.mark.parametrize(
    ("env_id", "down", "axis"),
    [("PickCube-v1", [0.0, 1.0, 0.0, 0.0], 1), ("StackCube-v1", [0.0, 0.7071, 0.7071, 0.0], 0)],
)
def test_the_fingers_point_down_and_open_as_the_quaternions_doc_tells(
    env_id: str, down: list[float], axis: int
) -> None:
    env, table = case(env_id)
    env.reset(seed=0)
    field = table.get("gripper_quaternion")
    assert f"open along {'xy'[axis]}" in field.doc
    assert abs(field.read(env.unwrapped) @ np.array(down)) > 0.99
    left, right = (finger.entity_pose.p for finger in env.unwrapped._fingers)
    middle, apart = (left + right) / 2, np.abs(left - right)
    assert apart[axis] == pytest.approx(table.get("gripper_opening").read(env.unwrapped), abs=0.005)
    assert np.delete(apart, axis).max() < 0.02
    assert middle[2] > table.get("gripper_position").read(env.unwrapped)[2] + 0.03


def test_joints_turn_as_actions_tell() -> None:
    env, table = case("LiftPegUpright-v1", "pd_joint_delta_pos")
    angles, speeds = table.get("arm_joint_angles"), table.get("arm_joint_velocities")
    assert [action.name for action in table.actions] == [*(f"joint_{i}" for i in range(1, 8)), "fingers"]
    for index in range(7):
        env.reset(seed=0)
        before = angles.read(env.unwrapped)
        for _ in range(4):
            env.step(np.eye(8, dtype=np.float32)[index])
        moved = angles.read(env.unwrapped) - before
        assert 0.1 < moved[index] < 0.4 and np.abs(np.delete(moved, index)).max() < 0.05
        assert np.argmax(speeds.read(env.unwrapped)) == index


def test_the_pegs_fields_and_success_follow_its_pose() -> None:
    env, table = case("LiftPegUpright-v1")
    poke = SIMULATOR.make("PokeCube-v1", {})
    poke_table = SIMULATOR.fields(poke)
    for base, angle in ((env.unwrapped, 0.3), (poke.unwrapped, 0.3), (env.unwrapped, 1.55)):
        base.reset(seed=0)
        # Turned up about y, which takes the head at +x up. Before that it lies on its side, as upstream lays it:
        # without that roll upstream's success would be false, for it goes by an Euler angle.
        cosine, sine = np.cos(angle / 2) / np.sqrt(2), np.sin(angle / 2) / np.sqrt(2)
        turned = [cosine, cosine, -sine, sine]
        base.upstream.peg.set_pose(sapien.Pose([0.1, 0.0, 0.12], turned))
        base._at_start = False
        base._look()
        if base is poke.unwrapped:
            head = poke_table.get("peg_head_position").read(base)
            np.testing.assert_allclose(head, [0.1 + 0.12 * np.cos(0.3), 0.0, 0.12 + 0.12 * np.sin(0.3)], atol=1e-6)
            np.testing.assert_allclose(poke_table.get("peg_quaternion").read(base), turned, atol=1e-6)
        else:
            assert table.get("peg_uprightness").read(base) == pytest.approx(np.sin(angle), abs=1e-5)
            assert table.get("task_success").read(base) == float(angle > 1.5)


@pytest.mark.parametrize("env_id", SCRIPTED)
def test_success_is_a_judges_field_that_experts_reach_and_the_start_has_not(env_id: str) -> None:
    env, table = case(env_id)
    assert [field.name for field in table if field.judge_only] == ["task_success"]
    assert "task_success" not in table.for_rewards().names
    read, expert = table.get("task_success").read, SIMULATOR.experts(env)[0]
    grasps = [field for field in table if field.name.endswith("_is_grasped")]
    # With seed 8, PickCube's goal lies within its threshold at once.
    for seed in (0, 8):
        env.reset(seed=seed)
        assert read(env.unwrapped) == 0.0
        held = 0.0
        while (action := expert()) is not None:
            assert np.abs(action).max() <= 1.0
            env.step(action.astype(np.float32))
            held = max([held, *(field.read(env.unwrapped) for field in grasps)])
        assert read(env.unwrapped) == 1.0
    if env_id in ("PokeCube-v1", "StackCube-v1"):
        assert held == 1.0


def test_there_is_no_expert_for_joint_angles_or_the_upright_peg() -> None:
    assert SIMULATOR.experts(case("PushCube-v1", "pd_joint_delta_pos")[0]) == []
    assert SIMULATOR.experts(case("LiftPegUpright-v1")[0]) == []


@pytest.mark.parametrize("env_id", TASKS)
def test_stubs_are_complete_short_and_tell_nothing_of_native_reward_and_success(env_id: str) -> None:
    table = case(env_id)[1]
    full, short = table.stub(), table.stub(short=True)
    for text in (full, short):
        compile(text, env_id, "exec")
        assert "reward" not in text.lower() and "success" not in text.lower()
    assert all(f"    {name}: " in full for name in table.for_rewards().names)
    assert 4 <= short.count("\n    ") <= 9
    assert max(len(line) for line in short.splitlines()) < 200


# What a person types wrongly


@pytest.mark.parametrize(
    ("env_id", "hint"),
    [
        ("PickCube", "PickCube-v1"),
        ("pick_cube", "PickCube-v1"),
        ("StackCube-v0", "StackCube-v1"),
        ("PushCubes-v1", "PushCube-v1"),
        ("zzz", "there are: LiftPegUpright-v1"),
    ],
)
def test_an_unknown_environment_names_the_nearest(env_id: str, hint: str) -> None:
    with pytest.raises(RewardSynthError) as caught:
        SIMULATOR.make(env_id, {})
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"reward_mode": "dense"}, "it accepts: control_mode, render_mode"),
        ({"control_mode": "pd_joint_vel"}, "pd_ee_delta_pos, pd_joint_delta_pos"),
        ({"control_mode": ["pd_ee_delta_pos"]}, "pd_ee_delta_pos, pd_joint_delta_pos"),
        ({"render_mode": "human"}, "rgb_array"),
    ],
)
def test_arguments_that_would_change_the_task_or_nothing_are_refused(arguments: dict[str, Any], hint: str) -> None:
    with pytest.raises(RewardSynthError, match=next(iter(arguments))) as caught:
        SIMULATOR.make("PushCube-v1", arguments)
    assert hint in caught.value.hint


def test_an_environment_made_elsewhere_is_refused() -> None:
    with pytest.raises(RewardSynthError, match="was not made by this simulator"):
        SIMULATOR.fields(upstream("PushCube-v1"))
    with pytest.raises(RewardSynthError, match="at least 1 step"):
        SIMULATOR.make("PushCube-v1", {}, 0)


def test_without_the_extra_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in ("mani_skill", "sapien")]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("env", "visuals", "experts"):
        monkeypatch.delitem(sys.modules, f"reward_synth.simulators.maniskill.{name}", raising=False)
    with pytest.raises(ImportError):
        importlib.import_module("reward_synth.simulators.maniskill.env")
    with pytest.raises(RewardSynthError) as caught:
        SIMULATOR.make("PushCube-v1", {})
    assert caught.value.hint == 'pip install "reward-synth[maniskill]"'
    assert "PushCube-v1" not in environments() and "Hopper-v5" in environments()
    row = doctor._simulator("maniskill")
    assert row.state == "ok" and SIMULATOR.install_line in row.text


def test_without_a_device_the_scene_is_drawn_from_its_likeness() -> None:
    env = SIMULATOR.make("PokeCube-v1", {})
    mirror = SIMULATOR.as_mujoco(env)
    shown = {component.name: number for number, component in enumerate(mirror._shown)}
    for seed in (1, 2):
        env.reset(seed=seed)
        for _ in range(3):
            env.step(np.full(4, -1.0, dtype=np.float32))
        data = mirror.data
        for name in ("cube", "peg"):
            place = np.concatenate([data.mocap_pos[shown[name]], data.mocap_quat[shown[name]]])
            assert place == pytest.approx(env.unwrapped.poses[name], abs=1e-6)
    # Every solid thing is there, with all its shapes, except the table, which is the ground.
    engine = env.unwrapped.upstream.scene.px
    solid = [
        component
        for component in (*engine.articulation_link_components, *engine.rigid_dynamic_components)
        if component.name != "table-workspace"
    ]
    shapes = sum(len(component.collision_shapes) for component in solid)
    goals = sum(not component.collision_shapes for component in mirror._shown)
    assert mirror.model.ngeom == 1 + shapes + goals and goals == 1
    env.close()
