"""MetaWorld's environments, held against upstream's own, step by step and to the last bit."""

from __future__ import annotations

import functools
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
from gymnasium.utils import seeding

pytest.importorskip("metaworld", reason="needs: pip install 'reward-synth[metaworld]'")

from metaworld.env_dict import ALL_V3_ENVIRONMENTS, MT10_V3
from metaworld.policies import ENV_POLICY_MAP

from reward_synth.core.errors import RewardSynthError
from reward_synth.simulators import environments, get_simulator, simulator_of
from reward_synth.simulators.metaworld.tasks import TASKS
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable

SIMULATOR = get_simulator("metaworld")
TEXT2REWARD = (
    "drawer-open", "drawer-close", "window-open", "window-close", "button-press", "sweep-into", "door-unlock",
    "door-close", "handle-press", "handle-press-side", "handle-pull",
)  # fmt: skip
SPECIFIED = sorted({f"{name}-v3" for name in TEXT2REWARD} | set(MT10_V3))


@functools.lru_cache(maxsize=2)
def case(env_id: str) -> tuple[gymnasium.Env, FieldTable]:
    env = SIMULATOR.make(env_id, {}, horizon=200)
    return env, SIMULATOR.fields(env)


def upstream(env_id: str) -> Any:
    """One of upstream's own environments, with the goal in its observation."""
    env = ALL_V3_ENVIRONMENTS[env_id]()
    env._set_task_called = True
    env._partially_observable = False
    del env.sawyer_observation_space
    return env


def upstream_draw(env: Any, seed: int) -> np.ndarray:
    """The goal and places that upstream draws with that seed."""
    env._freeze_rand_vec, env.seeded_rand_vec = False, True
    env.np_random = seeding.np_random(seed)[0]
    env.reset_model()
    env._freeze_rand_vec = True
    return env._last_rand_vec.copy()


def compare(env_id: str, seed: int, steps: int, expert: bool) -> list[float]:
    """Live through one episode in both, and return upstream's success at each step."""
    ours, theirs = case(env_id)[0], upstream(env_id)
    base: Any = ours.unwrapped
    # The draw is made elsewhere: what it leaves behind must not matter.
    drawn = upstream_draw(upstream(env_id), seed)
    theirs._last_rand_vec = drawn
    observation, _ = ours.reset(seed=seed)
    np.testing.assert_array_equal(base._last_rand_vec, drawn)
    expected, _ = theirs.reset()
    np.testing.assert_array_equal(observation, expected)
    np.testing.assert_array_equal(base._target_pos, theirs._target_pos)
    np.testing.assert_array_equal(base.model.body_pos, theirs.model.body_pos)
    generator, policy, successes = np.random.default_rng(seed), ENV_POLICY_MAP[env_id](), []
    for step in range(steps):
        if expert:
            action = policy.get_action(expected.copy())
        elif step % 10 == 0:
            action = generator.uniform(-1.3, 1.3, 4)  # beyond the limits at times
        action = np.asarray(action, dtype=np.float32)
        observation, reward, terminated, _, info = ours.step(action)
        expected, _, _, _, judged = theirs.step(action)
        np.testing.assert_array_equal(observation, expected)
        np.testing.assert_array_equal(base.data.qpos, theirs.data.qpos)
        np.testing.assert_array_equal(base.data.qvel, theirs.data.qvel)
        assert base.judged_success() == judged["success"]
        assert (reward, terminated, info) == (0.0, False, {})
        successes.append(float(judged["success"]))
    return successes


@pytest.mark.parametrize("env_id", TASKS)
def test_each_environment_steps_as_upstream_does(env_id: str) -> None:
    compare(env_id, seed=1, steps=25, expert=False)


# One of each kind: a window that stands elsewhere at the start, orientations by way of scipy, physics within the reset,
# a target that is a live view, two objects, success by contact.
@pytest.mark.filterwarnings("ignore:Constant")
@pytest.mark.parametrize(
    "env_id",
    ["window-close-v3", "push-v3", "box-close-v3", "basketball-v3", "hammer-v3", "stick-push-v3", "door-lock-v3"],
)
def test_an_experts_episode_and_its_success_are_upstreams(env_id: str) -> None:
    successes = compare(env_id, seed=2, steps=160, expert=True)
    assert 0.0 in successes and 1.0 in successes


@pytest.mark.parametrize("env_id", ["basketball-v3", "window-close-v3", "peg-insert-side-v3"])
def test_a_seed_gives_the_same_episode_whatever_was_before(env_id: str) -> None:
    env, fresh = case(env_id)[0], SIMULATOR.make(env_id, {}, 200)
    for seed in (3, 4):
        env.reset(seed=seed)
        for _ in range(5):
            env.step(np.array([1.0, 0.5, -1.0, 1.0], dtype=np.float32))
    again, first = env.reset(seed=5)[0], fresh.reset(seed=5)[0]
    np.testing.assert_array_equal(again, first)
    np.testing.assert_array_equal(env.unwrapped.data.qpos, fresh.unwrapped.data.qpos)
    following = [env.reset()[0], env.reset()[0]]
    np.testing.assert_array_equal(following[0], fresh.reset()[0])
    assert not np.array_equal(following[0], following[1])
    assert not np.array_equal(env.reset(seed=6)[0], first)


def test_environments_side_by_side_do_not_disturb_each_other() -> None:
    """They share a model, in which each reset puts things elsewhere."""
    alone = SIMULATOR.make("drawer-open-v3", {}, 200)
    alone.reset(seed=0)
    generator = np.random.default_rng(0)
    actions = generator.uniform(-1, 1, (30, 4)).astype(np.float32)
    expected = [alone.step(action)[0] for action in actions]
    one, other = (SIMULATOR.make("drawer-open-v3", {}, 200) for _ in range(2))
    assert one.unwrapped.model is other.unwrapped.model
    one.reset(seed=0)
    for step, action in enumerate(actions):
        if step % 10 == 0:
            other.reset(seed=step + 1)
        other.step(-action)
        np.testing.assert_array_equal(one.step(action)[0], expected[step])


def test_tasks_of_one_model_file_do_not_disturb_each_other() -> None:
    """Of these two, one moves the cabinet, and the other relies on where the file has it."""
    moved = SIMULATOR.make("plate-slide-v3", {}, 200)
    case.cache_clear()
    assert case("plate-slide-back-v3")[0].unwrapped.model is moved.unwrapped.model
    for _ in range(2):
        moved.reset()
        compare("plate-slide-back-v3", seed=3, steps=20, expert=False)


def test_unseeded_environments_differ() -> None:
    pair = [SIMULATOR.make("push-v3", {}, 10).reset()[0] for _ in range(2)]
    assert not np.array_equal(*pair)


def test_the_goal_is_hidden_from_the_policy_if_asked_and_never_from_the_fields() -> None:
    seen, hidden = case("push-v3")[0], SIMULATOR.make("push-v3", {"goal_observable": False}, 200)
    open_, shut = seen.reset(seed=0)[0], hidden.reset(seed=0)[0]
    np.testing.assert_array_equal(open_[:36], shut[:36])
    assert open_[36:].all() and not shut[36:].any()
    target = SIMULATOR.fields(hidden).get("target_position").read(hidden.unwrapped)
    np.testing.assert_array_equal(target, open_[36:])
    for env in (seen, hidden):
        observation = env.step(np.zeros(4, dtype=np.float32))[0]
        assert observation.dtype == env.observation_space.dtype and env.observation_space.contains(observation)


def test_the_horizon_ends_the_episode() -> None:
    for wanted, steps in ((3, 3), (None, SIMULATOR.horizon("reach-v3"))):
        env = SIMULATOR.make("reach-v3", {}, wanted)
        env.reset(seed=0)
        ends = [env.step(np.zeros(4, dtype=np.float32))[3] for _ in range(steps)]
        assert ends == [False] * (steps - 1) + [True]


def test_no_native_reward_is_computed_for_what_a_reward_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    env, table = SIMULATOR.make("drawer-open-v3", {}, 50), case("drawer-open-v3")[1]

    def computed(*_: object) -> Any:
        raise AssertionError("the native reward was computed")

    monkeypatch.setattr(type(env.unwrapped), "compute_reward", computed)
    recorder = StateRecorder(env, table.for_rewards())
    recorder.reset(seed=0)
    recorder.step(np.zeros(4, dtype=np.float32))
    with pytest.raises(AssertionError, match="was computed"):
        table.get("task_success").read(env.unwrapped)


# Fields


def test_all_fifty_are_described_and_told_apart_from_gymnasiums() -> None:
    assert set(TASKS) == set(ALL_V3_ENVIRONMENTS) and len(TASKS) == 50
    assert len({task.description for task in TASKS.values()}) == 50
    assert environments().keys() >= {"Hopper-v5", "drawer-open-v3"}
    assert [simulator_of(env_id) for env_id in ("Hopper-v5", "drawer-open-v3", "mine:Own-v0")] == [
        "gym", "metaworld", "gym",
    ]  # fmt: skip


@pytest.mark.parametrize("env_id", SPECIFIED)
def test_fields_are_live_finite_and_in_range(env_id: str) -> None:
    env, table = case(env_id)
    read, generator = table.for_rewards().reader(env), np.random.default_rng(0)
    rows = []
    for episode in range(2):
        env.reset(seed=episode)
        rows.append(read())
        for step in range(60):
            if step % 12 == 0:
                action = np.sign(generator.uniform(-1, 1, 4)).astype(np.float32)
            env.step(action)
            rows.append(read())
    table = table.for_rewards()
    values = np.array(rows)
    assert np.isfinite(values).all()
    assert (values >= table.low - 1e-9).all() and (values <= table.high + 1e-9).all()
    single = np.concatenate([np.ravel(field.read(env.unwrapped)) for field in table])
    np.testing.assert_array_equal(single, values[-1])
    places = table.columns()
    moving = ("gripper_position", "gripper_openness", "hand_position", "hand_velocity", "left_fingertip_position")
    for name in moving:
        assert np.ptp(values[:61, places[name]], axis=0).min() > 1e-3, name
    for field in table:
        if field.name.endswith("start_position") or field.name == "target_position":
            assert np.ptp(values[:61, places[field.name]]) == pytest.approx(np.ptp(values[0, places[field.name]]))
    for name in (field.name for field in table if field.name.endswith("_quaternion")):
        np.testing.assert_allclose(np.linalg.norm(values[:, places[name]], axis=1), 1.0, atol=1e-9)


@pytest.mark.parametrize("env_id", ["push-v3", "door-close-v3", "peg-insert-side-v3", "hand-insert-v3"])
def test_orientations_are_w_x_y_z(env_id: str) -> None:
    env, table = case(env_id)
    env.reset(seed=0)
    base: Any = env.unwrapped
    if env_id == "door-close-v3":
        matrix = base.data.geom("handle").xmat
    else:
        # Tip the object over.
        base.data.qpos[12:16] = [0.8, 0.6, 0.0, 0.0]
        mujoco.mj_forward(base.model, base.data)
        base._get_obs()
        kind, name = TASKS[env_id].rotated or ("body", "obj")
        matrix = getattr(base.data, kind)(name).xmat
    expected = np.zeros(4)
    mujoco.mju_mat2Quat(expected, matrix)
    name = next(field.name for field in table if field.name.endswith("_quaternion"))
    found = table.get(name).read(base)
    assert abs(np.dot(found, expected)) == pytest.approx(1.0)


def test_actions_move_hand_and_fingers_as_their_names_tell() -> None:
    env, table = case("reach-v3")
    place, openness = table.get("gripper_position"), table.get("gripper_openness")
    for index, action in enumerate(table.actions):
        assert (action.index, action.low, action.high) == (index, -1.0, 1.0)
        env.reset(seed=0)
        before, spread = place.read(env.unwrapped), openness.read(env.unwrapped)
        for _ in range(20):
            env.step(np.eye(4, dtype=np.float32)[index])
        moved = place.read(env.unwrapped) - before
        if index < 3:
            assert 0.1 < moved[index] < 0.21 and np.abs(np.delete(moved, index)).max() < 0.02
        else:
            assert spread > 0.95 and openness.read(env.unwrapped) < 0.3


@pytest.mark.parametrize(
    ("env_id", "field", "start", "done"),
    [
        ("button-press-v3", "button_depth", 0.0, 0.06),
        ("door-close-v3", "door_angle", 1.57, 0.3),
        ("door-unlock-v3", "lock_angle", 1.57, 0.5),
        ("drawer-open-v3", "drawer_opening", 0.0, 0.15),
        ("handle-pull-v3", "handle_depth", 0.1, 0.05),
        ("window-close-v3", "window_opening", 0.2, 0.05),
    ],
)
def test_joints_move_as_their_docs_tell(env_id: str, field: str, start: float, done: float) -> None:
    env, table = case(env_id)
    env.reset(seed=0)
    read, expert = table.get(field).read, SIMULATOR.experts(env)[0]
    assert read(env.unwrapped) == pytest.approx(start, abs=0.02)
    while (action := expert()) is not None:
        env.step(action.astype(np.float32))
    end = read(env.unwrapped)
    assert end > done if done > start else end < done


def test_the_window_starts_where_it_is_and_not_where_upstream_sees_it() -> None:
    env, table = case("window-close-v3")
    observation, _ = env.reset(seed=0)
    handle = table.get("window_handle_position").read(env.unwrapped)
    env.step(np.zeros(4, dtype=np.float32))
    np.testing.assert_allclose(handle, table.get("window_handle_position").read(env.unwrapped), atol=1e-3)
    assert np.abs(handle - observation[4:7]).max() > 0.1


def test_success_is_a_judges_field_and_false_before_the_first_step() -> None:
    env, table = case("drawer-close-v3")
    assert [field.name for field in table if field.judge_only] == ["task_success"]
    assert "task_success" not in table.for_rewards().names
    assert "success" not in table.stub() + table.stub(short=True)
    env.reset(seed=0)
    read = table.get("task_success").read
    assert read(env.unwrapped) == 0.0
    expert = SIMULATOR.experts(env)[0]
    while (action := expert()) is not None:
        assert read(env.unwrapped) == 0.0
        env.step(action.astype(np.float32))
    assert read(env.unwrapped) == 1.0


@pytest.mark.parametrize("env_id", SPECIFIED)
def test_stubs_are_complete_short_and_tell_nothing_of_the_native_reward(env_id: str) -> None:
    table = case(env_id)[1]
    full, short = table.stub(), table.stub(short=True)
    for text in (full, short):
        compile(text, env_id, "exec")
        assert "reward" not in text.lower()
    assert all(f"    {name}: " in full for name in table.for_rewards().names)
    assert 5 <= short.count("\n    ") <= 8
    assert max(len(line) for line in short.splitlines()) < 200


# What a person types wrongly


@pytest.mark.parametrize(
    ("env_id", "hint"),
    [
        ("drawer-open", "drawer-open-v3"),
        ("drawer_open_v3", "drawer-open-v3"),
        ("drawer-open-v2", "drawer-open-v3"),
        ("drawer-opn-v3", "drawer-open-v3"),
        ("zzz", "there are: assembly-v3"),
    ],
)
def test_an_unknown_environment_names_the_nearest(env_id: str, hint: str) -> None:
    with pytest.raises(RewardSynthError) as caught:
        SIMULATOR.make(env_id, {})
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "arguments", [{"reward_function_version": "v1"}, {"goal_observable": "no"}, {"width": -3, "heigth": 2}]
)
def test_arguments_that_would_change_the_task_or_nothing_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(RewardSynthError, match=r"reward_function_version|goal_observable|heigth"):
        SIMULATOR.make("reach-v3", arguments)


def test_an_environment_made_elsewhere_is_refused() -> None:
    with pytest.raises(RewardSynthError, match="was not made by this simulator"):
        SIMULATOR.fields(upstream("reach-v3"))
