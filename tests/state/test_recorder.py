"""What training, evaluation and the probe see of each step."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from stable_baselines3.common.vec_env import DummyVecEnv

from reward_synth.simulators.gym.adapter import GymMujoco
from reward_synth.state.recorder import StateRecorder

SIMULATOR = GymMujoco()


def recorded(env_id: str, horizon: int, *names: str, **arguments: Any) -> StateRecorder:
    env = SIMULATOR.make(env_id, arguments, horizon)
    return StateRecorder(env, SIMULATOR.fields(env).subset(names))


def test_rows_before_and_after_each_step_join_up() -> None:
    env = recorded("HalfCheetah-v5", 5, "x_position", "torso_pitch")
    _, info = env.reset(seed=4)
    assert list(info) == ["next_state"]
    last = info["next_state"]
    for step in range(5):
        _, reward, terminated, truncated, info = env.step(env.action_space.high)
        assert list(info) == ["state", "next_state"] and reward == 0.0
        np.testing.assert_array_equal(info["state"], last)
        data = env.unwrapped.data
        np.testing.assert_array_equal(info["next_state"], [data.qpos[0], data.qpos[2]])
        assert (terminated, truncated) == (False, step == 4)
        last = info["next_state"].copy()
    _, info = env.reset(seed=4)
    assert abs(info["next_state"][0]) < 0.11


def test_next_state_at_termination_is_the_terminal_one() -> None:
    env = recorded("Hopper-v5", 1000, "torso_height", "torso_pitch")
    env.reset(seed=0)
    terminated = False
    while not terminated:
        _, _, terminated, truncated, info = env.step(np.array([1.0, -1.0, 1.0]))
        assert not truncated
    height, pitch = info["next_state"]
    assert height <= 0.7 or abs(pitch) >= 0.2
    height, pitch = info["state"]
    assert height > 0.7 and abs(pitch) < 0.2


def test_terminal_rows_survive_the_automatic_reset_of_a_vector_environment() -> None:
    vector = DummyVecEnv([lambda: recorded("InvertedPendulum-v5", 1000, "pole_angle")] * 2)
    vector.seed(0)
    vector.reset()
    done = np.zeros(2, dtype=bool)
    while not done[0]:
        observations, rewards, done, infos = vector.step(np.array([[3.0], [0.0]]))
        assert not rewards.any()
    assert abs(infos[0]["next_state"][0]) > 0.2 > abs(infos[0]["state"][0])
    assert abs(observations[0][1]) < 0.02  # while the environment itself has been reset


def test_native_reward_and_info_do_not_get_through(crane_file: str) -> None:
    env = recorded("Crane-v3", 50, "lift_position", model=crane_file)
    _, info = env.reset(seed=0)
    seen = [info]
    for _ in range(3):
        _, reward, _, _, info = env.step(env.action_space.sample())
        assert reward == 0.0
        seen.append(info)
    assert not [key for info in seen for key in info if key not in ("state", "next_state")]


def test_rows_cannot_be_changed_by_whoever_reads_them() -> None:
    env = recorded("Swimmer-v5", 5, "x_velocity")
    _, info = env.reset(seed=0)
    with pytest.raises(ValueError, match="read-only"):
        info["next_state"][0] = 1.0


def test_it_is_a_gymnasium_environment() -> None:
    env = recorded("Reacher-v5", 50, "fingertip_to_target_distance")
    assert isinstance(env, gymnasium.Env)
    assert env.observation_space == env.unwrapped.observation_space
