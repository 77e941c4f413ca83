"""DeepMind's control suite: its steps, starts and rewards are upstream's, and nothing of the rewards is to be read."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from reward_synth.api.doctor import _simulator
from reward_synth.core.errors import RewardSynthError
from reward_synth.reward.lint import lint
from reward_synth.simulators import describe_environment, environments, get_simulator, simulator_of
from reward_synth.simulators.dmcontrol.tasks import TASKS
from reward_synth.state.recorder import StateRecorder

suite = pytest.importorskip("dm_control.suite")
SIMULATOR = get_simulator("dmcontrol")
CONTROL_STEPS = {"cartpole": 0.01, "cheetah": 0.01, "hopper": 0.02, "reacher": 0.02, "walker": 0.025}
"""Seconds, as the suite's technical report and code have them."""


def upstream(env_id: str, seed: int) -> Any:
    _, domain, task = env_id.split("-")
    return suite.load(domain, task, task_kwargs={"random": seed})


def actions(env: gymnasium.Env, count: int) -> np.ndarray:
    """Random ones that are held for a while, so that bodies get somewhere."""
    generator = np.random.default_rng(5)
    held = generator.uniform(-1.0, 1.0, (count // 5 + 1, *env.action_space.shape))
    return np.repeat(held, 5, axis=0)[:count].astype(np.float32)


@pytest.mark.parametrize("env_id", TASKS)
def test_an_episode_is_upstreams_to_the_last_bit(env_id: str) -> None:
    env, theirs = SIMULATOR.make(env_id, {}), upstream(env_id, seed=7)
    seen, step = env.reset(seed=7)[0], theirs.reset()
    reward = SIMULATOR.fields(env).get("suite_reward").read
    assert reward(env.unwrapped) == 0.0
    paid, received, truncated = 0.0, 0.0, False
    for number, action in enumerate(actions(env, 1000)):
        assert np.array_equal(seen, np.concatenate([np.ravel(part) for part in step.observation.values()]))
        assert not truncated and not step.last(), number
        seen, nothing, terminated, truncated, info = env.step(action)
        step = theirs.step(action)
        assert reward(env.unwrapped) == step.reward and 0.0 <= step.reward <= 1.0
        assert (nothing, terminated, info) == (0.0, False, {})
        paid, received = paid + reward(env.unwrapped), received + step.reward
    assert truncated and step.last(), "1000 control steps are what upstream's time limit allows"
    assert paid == received


@pytest.mark.parametrize("env_id", TASKS)
def test_a_step_lasts_as_long_as_is_told(env_id: str) -> None:
    env = SIMULATOR.make(env_id, {})
    env.reset(seed=0)
    data: Any = env.unwrapped.data
    before = data.time
    for action in actions(env, 20):
        env.step(action)
    assert (
        (data.time - before) / 20
        == pytest.approx(SIMULATOR.seconds_per_step(env))
        == CONTROL_STEPS[env_id.split("-")[1]]
    )


@pytest.mark.parametrize("env_id", TASKS)
def test_the_seed_alone_decides_where_an_episode_starts(env_id: str) -> None:
    one, other = (SIMULATOR.make(env_id, {}) for _ in range(2))
    other.reset(seed=3)
    other.step(other.action_space.sample())
    assert np.array_equal(one.reset(seed=11)[0], other.reset(seed=11)[0])
    assert np.array_equal(one.reset()[0], other.reset()[0]), "the next episode follows from the seed too"
    assert not np.array_equal(one.reset(seed=12)[0], other.reset(seed=11)[0])
    assert np.array_equal(one.reset(seed=2**32 + 11)[0], other.reset(seed=11)[0]), "upstream takes 32 bits"
    fresh = [SIMULATOR.make(env_id, {}).reset()[0] for _ in range(2)]
    assert not np.array_equal(*fresh), "without a seed, starts are drawn at random"


@pytest.mark.parametrize("env_id", TASKS)
def test_all_fields_are_of_the_present_state(env_id: str) -> None:
    """Upstream's step brings poses, velocities and contacts up to date; forces of contacts it does not."""
    env = SIMULATOR.make(env_id, {})
    table = SIMULATOR.fields(env)
    read, places = table.reader(env), table.columns()
    model, data = env.unwrapped.model, env.unwrapped.data
    env.reset(seed=1)
    for action in actions(env, 60):
        env.step(action)
    after = read()
    mujoco.mj_forward(model, data)
    fresh = read()
    of_forces = {"touch_toe", "touch_heel"}  # As upstream observes them: of the last evaluation of forces.
    for field in table:
        if field.name not in of_forces:
            assert np.array_equal(after[places[field.name]], fresh[places[field.name]]), field.name
    assert not [field.name for field in table if "cfrc_ext" in field.code]


def test_the_reward_is_a_judges_field_and_no_reward_can_read_it() -> None:
    for env_id in TASKS:
        table = SIMULATOR.fields(SIMULATOR.make(env_id, {}))
        assert [field.name for field in table if field.judge_only] == ["suite_reward"]
        assert "suite" not in table.stub() + table.stub(short=True)
    source = "def compute_reward(state, action, next_state):\n    return {'paid': next_state.suite_reward}\n"
    allowed = lint(source, table.layout())
    assert allowed.ok, "a judge's table has it"
    refused = lint(source, table.for_rewards().layout())
    assert not refused.ok and "suite_reward" in refused.findings[0].message


def test_key_fields_say_what_the_suite_measures() -> None:
    """Held against the methods of upstream's own physics."""
    for env_id, pairs in {
        "dmc-cartpole-swingup": {"up_alignment": "pole_angle_cosine", "cart_position": "cart_position"},
        "dmc-walker-walk": {"up_alignment": "torso_upright", "torso_height": "torso_height"},
        "dmc-reacher-easy": {"fingertip_to_target": "finger_to_target"},
    }.items():
        env = SIMULATOR.make(env_id, {})
        env.reset(seed=2)
        for action in actions(env, 40):
            env.step(action)
        physics = env.unwrapped._suite.physics
        for name, method in pairs.items():
            field = SIMULATOR.fields(env).get(name)
            np.testing.assert_allclose(field.read(env.unwrapped), np.squeeze(getattr(physics, method)()), rtol=1e-12)


def test_the_reachers_touch_is_told_as_the_suite_rewards_it() -> None:
    for env_id, touch in (("dmc-reacher-easy", 0.06), ("dmc-reacher-hard", 0.025)):
        env = SIMULATOR.make(env_id, {})
        table, seen = SIMULATOR.fields(env), set()
        distance, reward = table.get("fingertip_to_target_distance"), table.get("suite_reward")
        assert f"they touch below {touch:g}." in distance.doc
        env.reset(seed=4)
        joints = np.random.default_rng(0).uniform(-2.5, 2.5, (4000, 2))
        for angles in joints:
            env.unwrapped.data.qpos[:] = angles
            env.unwrapped.data.time = 1.0
            mujoco.mj_forward(env.unwrapped.model, env.unwrapped.data)
            near = distance.read(env.unwrapped) <= touch
            assert reward.read(env.unwrapped) == float(near)
            seen.add(near)
        assert seen == {True, False}


def test_the_environment_is_a_sound_one() -> None:
    for env_id in TASKS:
        check_env(SIMULATOR.make(env_id, {}).unwrapped, skip_render_check=True)


def test_all_are_described_and_told_apart_from_others() -> None:
    assert len(set(environments()[env_id] for env_id in TASKS)) == len(TASKS) == 10
    assert {simulator_of(env_id) for env_id in TASKS} == {"dmcontrol"}
    assert all(tuple(env_id.split("-")[1:]) in suite.BENCHMARKING for env_id in TASKS)
    told = describe_environment("dmc-walker-walk")
    assert (
        "walk forward." in told and "Nothing ends an episode early" in told and "The policy sees the direction" in told
    )
    assert _simulator("dmcontrol").text == "dmc-cartpole-swingup steps"


@pytest.mark.parametrize(
    ("env_id", "arguments", "hint"),
    [
        ("dmc-cheeta-run", {}, "dmc-cheetah-run"),
        ("cheetah_run", {}, "dmc-cheetah-run"),
        ("dmc-cartpole-swing-up", {}, "dmc-cartpole-swingup"),
        ("zzz", {}, "there are: dmc-cartpole-balance"),
        ("dmc-cheetah-run", {"time_limit": 3}, "render_mode"),
        ("dmc-cheetah-run", {"render_mode": "human"}, "rgb_array"),
    ],
)
def test_bad_input_gets_a_hint(env_id: str, arguments: dict[str, Any], hint: str) -> None:
    with pytest.raises(RewardSynthError) as caught:
        SIMULATOR.make(env_id, arguments)
    assert hint in caught.value.hint


def test_an_environment_made_elsewhere_is_refused() -> None:
    with pytest.raises(RewardSynthError, match="was not made by this simulator"):
        SIMULATOR.fields(gymnasium.make("HalfCheetah-v5"))


ALONE = """
import os, sys
import mujoco  # It has its own way to draw, which it chooses now.
os.environ.pop("MUJOCO_GL", None)
os.environ.update(CHOSEN)
from reward_synth.simulators import get_simulator
get_simulator("dmcontrol").make("dmc-hopper-hop", {}).reset(seed=0)
print([name for name in sys.modules if name.startswith("OpenGL")], os.environ.get("MUJOCO_GL"))
"""


@pytest.mark.parametrize("chosen", ["", "egl", "osmesa"])
def test_no_opengl_is_loaded_and_the_choice_of_it_is_kept(chosen: str) -> None:
    code = ALONE.replace("CHOSEN", repr({"MUJOCO_GL": chosen} if chosen else {}))
    environment = {name: value for name, value in os.environ.items() if name != "MUJOCO_GL"}
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.strip() == f"[] {chosen or None}"


def test_without_the_extra_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "dm_control"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "reward_synth.simulators.dmcontrol.env", raising=False)
    with pytest.raises(RewardSynthError) as caught:
        SIMULATOR.make("dmc-cheetah-run", {})
    assert caught.value.hint == 'pip install "reward-synth[dmcontrol]"'
    assert "dmc-cheetah-run" not in environments() and "Hopper-v5" in environments()
    assert "not installed" in _simulator("dmcontrol").text


def test_it_is_recorded_as_any_other() -> None:
    env = SIMULATOR.make("dmc-walker-walk", {}, 25)
    table = SIMULATOR.fields(env)
    recorder = StateRecorder(env, table)
    assert recorder.reset(seed=0)[1]["next_state"].shape == (table.width(),)
    for action in actions(env, 25):
        truncated = recorder.step(action)[3]
    assert truncated


def test_a_picture_is_the_scenes() -> None:
    if "MUJOCO_GL" not in os.environ:
        pytest.skip("MUJOCO_GL names no way to draw here")
    env = SIMULATOR.make("dmc-walker-walk", {"render_mode": "rgb_array"})
    env.reset(seed=0)
    assert env.render().shape == (480, 480, 3)
