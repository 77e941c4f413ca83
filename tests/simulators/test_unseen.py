"""What a policy cannot know is found by moving each coordinate of the live body alone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import gymnasium
import numpy as np
import pytest

from reward_synth.evaluation.play import field_table
from reward_synth.simulators import get_simulator, open_environment
from reward_synth.simulators.gym.unseen import unseen
from reward_synth.tasks.spec import Environment, EnvironmentSpec


class Elsewhere:
    """A body like the cheetah, in an environment that tells its state in a way of its own."""

    def __init__(self, base: Any, observe: Callable[..., Any], space: gymnasium.Space[Any]) -> None:
        self.model, self.data, self.observation_space = base.model, base.data, space
        self._get_obs, self.unwrapped = observe, base


def test_an_observation_in_parts_is_one_and_what_cannot_be_asked_hides_nothing() -> None:
    spec = EnvironmentSpec.of("HalfCheetah-v5")
    table = field_table(spec)
    with closing(open_environment(spec)) as environment:
        environment.reset(seed=3)
        base: Any = environment.unwrapped
        box = gymnasium.spaces.Box(-np.inf, np.inf, (9,), np.float64)
        parts = gymnasium.spaces.Dict({"places": box, "speeds": box})

        def told(shown: int) -> dict[str, Any]:
            return {"places": np.r_[np.zeros(shown), base.data.qpos[shown:]], "speeds": base.data.qvel.copy()}

        assert unseen(Elsewhere(base, lambda: told(0), parts), table) == ()
        assert unseen(Elsewhere(base, lambda: told(1), parts), table) == ("x_position",)
        assert unseen(Elsewhere(base, told, parts), table) == (), "it wants an argument"


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
