"""What a policy cannot know is found by moving each coordinate of the live body alone."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import numpy as np
import pytest

from reward_synth.evaluation.play import field_table
from reward_synth.simulators import get_simulator, open_environment
from reward_synth.tasks.spec import Environment, EnvironmentSpec


@pytest.mark.parametrize(
    ("env_id", "arguments", "hidden"),
    [
        ("HalfCheetah-v5", {}, ("x_position",)),
        ("Ant-v5", {}, ("x_position", "y_position")),
        ("Ant-v5", {"exclude_current_positions_from_observation": False}, ()),
        ("InvertedPendulum-v5", {}, ()),
        ("Reacher-v5", {}, ()),
        ("Pendulum-v1", {}, ()),
    ],
)
def test_what_the_observation_leaves_out(env_id: str, arguments: dict[str, Any], hidden: tuple[str, ...]) -> None:
    spec = EnvironmentSpec(simulator="gym", environment=Environment(id=env_id, arguments=arguments), horizon=100)
    table = field_table(spec)
    with closing(open_environment(spec)) as environment:
        environment.reset(seed=3)
        base: Any = environment.unwrapped
        before = base._get_obs().copy() if hasattr(base, "_get_obs") else None
        assert get_simulator("gym").unseen(environment, table) == hidden
        if before is not None:
            assert np.array_equal(base._get_obs(), before), "the state is put back"
