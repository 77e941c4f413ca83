"""Names and fields of the observation's elements: known, listed, declared, or not given by the MuJoCo model."""

from __future__ import annotations

from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
from gymnasium import spaces

from reward_synth.simulators.gym.adapter import GymMujoco
from reward_synth.simulators.gym.docstring_tables import listed
from reward_synth.simulators.gym.known_elements import known_parts

SIMULATOR = GymMujoco()
SLIDER = """
<mujoco><worldbody><body name="block"><joint name="rail" type="slide" axis="1 0 0" damping="1"/>
<geom type="box" size=".1 .1 .1" mass="1"/></body></worldbody>
<actuator><motor name="push" joint="rail" ctrlrange="-1 1"/></actuator></mujoco>
"""


class Slider(gymnasium.Env[Any, Any]):
    """A block on a rail.

    | Num | Observation                     | Unit           |
    |-----|---------------------------------|----------------|
    | 0   | Place                           | position (m)   |
    | 1   | Scaled speed                    | velocity (m/s) |
    | 2   | Where to go                     | position (m)   |
    | 3   | 1 if the block is near          |                |
    """

    def __init__(self) -> None:
        self.model: Any = mujoco.MjModel.from_xml_string(SLIDER)
        self.data: Any = mujoco.MjData(self.model)
        self.observation_space = spaces.Box(-np.inf, np.inf, (4,), np.float32)
        self.action_space = spaces.Box(-1, 1, (1,), np.float32)
        self.resets = 0

    def _get_obs(self) -> Any:
        place, speed = self.data.qpos[0], self.data.qvel[0]
        return np.array([place, 0.1 * speed + 3, self.goal, abs(place - self.goal) < 0.7], np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.resets += 1
        mujoco.mj_resetData(self.model, self.data)
        self.goal = self.np_random.uniform(0.5, 1)
        self.data.qpos[0] = self.np_random.uniform(-0.2, 0.2)
        return self._get_obs(), {}

    def step(self, action: Any) -> Any:
        self.data.ctrl[:] = action
        mujoco.mj_step(self.model, self.data, 20)
        return self._get_obs(), 0.0, False, False, {}


gymnasium.register("Slider-v0", entry_point=Slider)


def test_what_no_field_of_the_model_gives_is_a_field_and_comes_first() -> None:
    env = SIMULATOR.make("Slider-v0", {})
    env.reset(seed=7)
    base: Any = env.unwrapped
    before = (base.np_random.bit_generator.state, base.goal, base.data.qpos[0], base.resets)
    table = SIMULATOR.fields(env)
    assert [f.name for f in table if f.code.startswith("observation")] == ["where_to_go", "value_1_if_block_is_near"]
    assert table.names[:2] == ("where_to_go", "value_1_if_block_is_near")
    assert (table.get("where_to_go").code, table.get("where_to_go").unit) == ("observation[2]", "m")  # type: ignore[union-attr]
    # The environment was tried for it, and is as it was.
    assert (base.np_random.bit_generator.state, base.goal, base.data.qpos[0], base.resets) == before


def test_what_is_read_from_the_observation_hides_nothing() -> None:
    env = SIMULATOR.make("Slider-v0", {})
    env.reset(seed=7)
    assert SIMULATOR.unseen(env, SIMULATOR.fields(env)) == ()


def test_the_standard_bodies_observe_nothing_that_their_fields_lack() -> None:
    table = SIMULATOR.fields(SIMULATOR.make("InvertedPendulum-v5", {}))
    assert not [f.name for f in table if f.code.startswith("observation")]


def _in(package: str, name: str, **members: Any) -> Any:
    """An environment of a class with that name, as if that package had it."""
    members = {"__module__": f"{package}.envs.somewhere", "action_space": spaces.Discrete(2), **members}
    return type(name, (gymnasium.Env,), members)()


def _layout(env: Any) -> list[tuple[str, tuple[int, ...], str, str]]:
    return [(f.name, f.shape, f.unit, f.code) for f in SIMULATOR.fields(env)]


def test_what_only_the_code_of_an_environment_tells_is_known() -> None:
    box = spaces.Box(-10, 10, (8,), np.float32)
    fields = _layout(_in("gymnasium", "LunarLander", observation_space=box))
    assert fields[0] == ("x_position", (), "1", "observation[0]")
    assert fields[6:] == [
        ("right_leg_contact", (), "0/1", "observation[6]"),
        ("left_leg_contact", (), "0/1", "observation[7]"),
    ]
    # Another package's class of that name, and another size, are something else.
    for package, size in (("moon", 8), ("gymnasium", 9)):
        env = _in(package, "LunarLander", observation_space=spaces.Box(-1, 1, (size,), np.float32))
        assert _layout(env)[0][0] == "observation_0"


def test_neighbouring_elements_that_are_one_quantity_are_a_vector() -> None:
    parts = {
        "observation": spaces.Box(-10, 10, (18,), np.float32),
        "achieved_goal": spaces.Box(-10, 10, (3,), np.float32),
    }
    fields = _layout(_in("panda_gym", "PandaPushEnv", observation_space=spaces.Dict(parts)))
    assert fields[:3] == [
        ("achieved_goal", (3,), "1", "observation[0:3]"),
        ("hand_position", (3,), "m", "observation[3:6]"),
        ("hand_velocity", (3,), "m/s", "observation[6:9]"),
    ]
    assert fields[-1] == ("object_angular_velocity", (3,), "rad/s", "observation[18:21]")


@pytest.mark.parametrize(
    ("features", "shape", "names"),
    [
        (["x", "vx"], (2, 2), ["x_0", "vx_0", "x_1", "vx_1"]),
        (["x", "cos_h"], (2,), ["x", "cos_h"]),
        (["x", "x"], (2,), ["observation_0", "observation_1"]),
        (["x", "vx", "y"], (2,), ["observation_0", "observation_1"]),
        ("xy", (2,), ["observation_0", "observation_1"]),
    ],
)
def test_features_that_an_environment_declares_name_its_elements(
    features: Any, shape: tuple[int, ...], names: list[str]
) -> None:
    kind = type("Kinematics", (), {"features": features})()
    env = _in("roads", "Road", observation_space=spaces.Box(-1, 1, shape, np.float32), observation_type=kind)
    assert [each[0] for each in _layout(env)] == names


def test_a_goals_text_says_which_features_it_holds() -> None:
    kind = type("Kinematics", (), {"features": ["x", "heading"]})()
    space = spaces.Dict(desired_goal=spaces.Box(-1, 1, (2,), np.float32))
    table = SIMULATOR.fields(_in("roads", "Parking", observation_space=space, observation_type=kind))
    assert table.get("desired_goal").doc.endswith("its elements 0 to 1: x, heading.")  # type: ignore[union-attr]


TEXT = """
The action is [x, y].

If `obs_type` is `state`, the observation is a vector:
[agent_x, agent_y, block angle]. Values are in [0, 512].
"""


@pytest.mark.parametrize(
    ("column", "size", "names"),
    [
        ("Observation", 3, ("agent_x", "agent_y", "block_angle")),
        ("Action", 2, ("x", "y")),
        ("Observation", 2, None),
        ("Action", 3, None),
    ],
)
def test_a_list_in_brackets_names_as_many_elements_as_it_has(column: str, size: int, names: Any) -> None:
    found = listed(TEXT, column, size)
    assert (found and tuple(each.name for each in found)) == names


def test_each_known_layout_has_distinct_names() -> None:
    sizes = {"LunarLander": 8, "BipedalWalker": 24}
    for name, size in sizes.items():
        parts = known_parts(_in("gymnasium", name), size)
        assert len({part.name for part in parts}) == len(parts) > 0
