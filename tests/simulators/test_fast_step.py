"""The cheaper step of Gymnasium's own bodies is upstream's in all but the reward and the info."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from reward_synth.simulators.gym.adapter import GymMujoco
from reward_synth.simulators.gym.fast_step import _STEPS_ALIKE

SIMULATOR = GymMujoco()
STEPS = 1500


@pytest.mark.parametrize(
    ("env_id", "arguments"),
    [
        ("Ant-v5", {}),
        ("Ant-v5", {"terminate_when_unhealthy": False, "include_cfrc_ext_in_observation": False}),
        ("HalfCheetah-v5", {}),
        ("HalfCheetah-v5", {"exclude_current_positions_from_observation": False}),
        ("Hopper-v5", {}),
        ("Hopper-v5", {"terminate_when_unhealthy": False, "healthy_z_range": (0.5, 1.0)}),
        ("Humanoid-v5", {}),
        ("Swimmer-v5", {}),
        ("Swimmer-v5", {"exclude_current_positions_from_observation": False}),
        ("Walker2d-v5", {}),
        ("Walker2d-v5", {"exclude_current_positions_from_observation": False}),
        ("Walker2d-v4", {}),
        ("Reacher-v5", {}),
        ("InvertedPendulum-v5", {}),
    ],
)
def test_every_step_is_upstreams(env_id: str, arguments: dict[str, Any]) -> None:
    ours = SIMULATOR.make(env_id, arguments, 300)
    theirs = gymnasium.make(env_id, max_episode_steps=300, **arguments)
    generator = np.random.default_rng(7)
    episode, ended = 0, True
    for _ in range(STEPS):
        if ended:
            seen, expected = ours.reset(seed=episode)[0], theirs.reset(seed=episode)[0]
            assert np.array_equal(seen, expected)
            episode += 1
        # Larger than any policy's, so that velocities are cut and bodies fall.
        action = generator.uniform(-1.0, 1.0, ours.action_space.shape).astype(np.float32)
        seen, _, terminated, truncated, _ = ours.step(action)
        expected, _, their_end, their_cut, _ = theirs.step(action)
        assert np.array_equal(seen, expected)
        assert seen.dtype == expected.dtype
        assert (terminated, truncated) == (their_end, their_cut)
        for array in ("qpos", "qvel", "cfrc_ext", "qacc_warmstart"):
            assert np.array_equal(getattr(ours.unwrapped.data, array), getattr(theirs.unwrapped.data, array)), array
        ended = terminated or truncated
    assert episode > 1


def test_what_is_seen_is_no_view_of_the_simulator() -> None:
    env = SIMULATOR.make("HalfCheetah-v5", {})
    first, _ = env.reset(seed=0)
    kept = first.copy()
    env.step(np.ones(6, dtype=np.float32))
    assert np.array_equal(first, kept)


def test_the_cheaper_step_is_there_where_it_is_known() -> None:
    found = set()
    for env_id in ("Ant-v5", "HalfCheetah-v5", "Hopper-v5", "Humanoid-v5", "Swimmer-v5", "Walker2d-v5", "Pusher-v5"):
        base: Any = SIMULATOR.make(env_id, {}).unwrapped
        if "step" in vars(base):
            found.add(type(base).__name__)
    assert found == _STEPS_ALIKE
