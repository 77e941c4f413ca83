"""What Gymnasium allows as an observation, and whose names, ranges and numbers the fields have where it is wrapped."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.wrappers import FilterObservation, FlattenObservation, NormalizeObservation, RescaleAction

from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.play import field_table
from reward_synth.preparation.preflight import preflight
from reward_synth.simulators.gym.adapter import GymMujoco
from reward_synth.state.custom_fields import with_own_fields
from reward_synth.state.expressions import OwnField
from reward_synth.state.recorder import StateRecorder
from reward_synth.tasks.spec import TaskSpec

SIMULATOR = GymMujoco()


class Slide(gymnasium.Env[Any, Any]):
    """A mass.

    | Num | Observation   | Min | Max | Unit           |
    |-----|---------------|-----|-----|----------------|
    | 0   | Mass position | -10 | 10  | position (m)   |
    | 1   | Mass speed    | -2  | 2   | velocity (m/s) |
    | 2   | Goal position | 1   | 3   | position (m)   |

    | Num | Action |
    |-----|--------|
    | 0   | Push   |
    """

    dt = 0.1

    def __init__(self) -> None:
        self.observation_space = spaces.Box(np.float32([-10, -2, 1]), np.float32([10, 2, 3]))
        self.action_space = spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.s = np.float32([self.np_random.uniform(-1, 1), 0, self.np_random.uniform(1, 3)])
        return self.s.copy(), {}

    def step(self, action: Any) -> Any:
        self.s[1] = np.clip(self.s[1] + 0.1 * action[0], -2, 2)
        self.s[0] = np.clip(self.s[0] + 0.05 * self.s[1], -9, 9)
        # As comparisons of numpy's numbers give them, with an integer for a reward.
        return self.s.copy(), 1, np.abs(self.s[0]) > 3, np.bool_(False), {}


class Reordered(gymnasium.ObservationWrapper):
    def __init__(self) -> None:
        super().__init__(Slide())
        inner: Any = self.env.observation_space
        self.observation_space = spaces.Box(inner.low[[2, 1, 0]], inner.high[[2, 1, 0]])

    def observation(self, observation: Any) -> Any:
        return observation[[2, 1, 0]]


class Fewer(gymnasium.ObservationWrapper):
    """
    | Num | Observation   | Unit           |
    |-----|---------------|----------------|
    | 0   | Speed         | velocity (m/s) |
    | 1   | Goal          | position (m)   |
    """

    def __init__(self) -> None:
        super().__init__(Slide())
        inner: Any = self.env.observation_space
        self.observation_space = spaces.Box(inner.low[1:], inner.high[1:])

    def observation(self, observation: Any) -> Any:
        return observation[1:]


class Named(gymnasium.ObservationWrapper):
    def __init__(self) -> None:
        super().__init__(Slide())
        self.observation_space = spaces.Dict(
            mass=spaces.Box(-10, 10, (2,), np.float32), goal=spaces.Box(1, 3, (1,), np.float32)
        )

    def observation(self, observation: Any) -> Any:
        return {"mass": observation[:2], "goal": observation[2:]}


def table_and_row(env: gymnasium.Env[Any, Any]) -> tuple[Any, Any]:
    table = SIMULATOR.fields(env)
    _, info = StateRecorder(env, table).reset(seed=3)
    row = info["next_state"]
    return table, {name: row[columns] for name, columns in table.columns().items()}


gymnasium.register("Slide-v0", entry_point=Slide)
for _kind in (Reordered, Fewer, Named):
    gymnasium.register(f"{_kind.__name__}-v0", entry_point=_kind)
gymnasium.register("FlatNamed-v0", entry_point=lambda: FlattenObservation(Named()))
gymnasium.register("Normal-v0", entry_point=lambda: NormalizeObservation(Slide()))
gymnasium.register("Rescaled-v0", entry_point=lambda: RescaleAction(Slide(), np.float32(-2), np.float32(2)))


@pytest.mark.parametrize(
    ("env_id", "names", "ranges"),
    [
        ("Slide-v0", ("mass_position", "mass_speed", "goal_position"), [(-10, 10), (-2, 2), (1, 3)]),
        ("Rescaled-v0", ("mass_position", "mass_speed", "goal_position"), [(-10, 10), (-2, 2), (1, 3)]),
        ("Reordered-v0", ("observation_0", "observation_1", "observation_2"), [(1, 3), (-2, 2), (-10, 10)]),
        ("Fewer-v0", ("speed", "goal"), [(-2, 2), (1, 3)]),
        ("Named-v0", ("goal", "mass"), [(1, 3), (-10, 10)]),
        ("FlatNamed-v0", ("observation_0", "observation_1", "observation_2"), [(-10, 10), (-10, 10), (1, 3)]),
        ("Normal-v0", ("observation_0", "observation_1", "observation_2"), [(-np.inf, np.inf)] * 3),
    ],
)
def test_names_ranges_and_numbers_are_the_outermost_environments(
    env_id: str, names: tuple[str, ...], ranges: list[tuple[float, float]]
) -> None:
    env = SIMULATOR.make(env_id, {})
    table, row = table_and_row(env)
    assert set(table.names) == set(names)
    assert [(table.get(name).low, table.get(name).high) for name in names] == ranges
    np.testing.assert_array_equal(np.concatenate(list(row.values())), SIMULATOR.make(env_id, {}).reset(seed=3)[0])
    assert table.actions[0].name == "push"


def test_a_step_may_return_what_numpy_gives() -> None:
    recorder = StateRecorder(SIMULATOR.make("Slide-v0", {}), SIMULATOR.fields(SIMULATOR.make("Slide-v0", {})))
    recorder.reset(seed=0)
    _, reward, terminated, truncated, _ = recorder.step(np.ones(1, np.float32))
    assert [type(each) for each in (reward, terminated, truncated)] == [float, bool, bool]
    task = TaskSpec(
        name="gym/go_right", goal="Go right.", environment={"id": "Slide-v0"}, horizon=60,
        success="episode.mass_position > 2", fitness="np.mean(episode.mass_position)", fitness_unit="m",
    )  # fmt: skip
    assert preflight(task).reference_episodes.scores


class Anything(gymnasium.Env[Any, Any]):
    """Observes samples of any space."""

    def __init__(self, space: Any) -> None:
        self.observation_space = space
        self.action_space = spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> Any:
        return self.observation_space.sample(), 0.0, False, False, {}


gymnasium.register("Anything-v0", entry_point=Anything)
BOX = spaces.Box(-1, 1, (2,), np.float32)
MIXED = spaces.Dict(
    height=spaces.Box(-1, 1, (), np.float32), goal=spaces.Box(-2, 2, (1,), np.float64), body=BOX,
    arm=spaces.Dict(joint=spaces.Box(0, 9, (2, 1), np.int64), lamp=spaces.MultiBinary(2)),
    direction=spaces.Discrete(4), wheels=spaces.MultiDiscrete([2, 3]), pair=spaces.Tuple([BOX, spaces.Discrete(2)]),
)  # fmt: skip


def test_every_part_that_holds_numbers_is_a_field() -> None:
    env = SIMULATOR.make("Anything-v0", {"space": MIXED})
    table, row = table_and_row(env)
    layout = dict(table.layout())
    assert layout == {
        "height": (), "goal": (), "body": (2,), "arm_joint": (2,), "arm_lamp": (2,), "direction": (4,), "wheels": (5,),
        "pair_0": (2,), "pair_1": (2,),
    }  # fmt: skip
    MIXED.seed(3)
    seen: Any = MIXED.sample()
    assert row["height"] == seen["height"] and row["goal"] == seen["goal"]
    np.testing.assert_array_equal(row["arm_joint"], seen["arm"]["joint"].ravel())
    assert row["direction"].argmax() == seen["direction"] and row["direction"].sum() == row["pair_1"].sum() == 1.0
    switches = {field.name for field in table if field.unit == "0/1"}
    assert switches == {"arm_lamp", "direction", "wheels", "pair_1"}
    assert "A choice among 4" in table.get("direction").doc and (table.get("goal").low, table.get("goal").high) == (
        -2,
        2,
    )
    # A task's own vector of one number, and a number that an expression takes from it.
    own = {"one": OwnField(index=(0,)), "some": OwnField(expression="observation[1:2] * 2")}
    named = with_own_fields(table, own, env)
    assert dict(named.layout())["one"] == (1,) == dict(named.layout())["some"]
    assert np.isfinite(StateRecorder(env, named).reset(seed=3)[1]["next_state"]).all()


@pytest.mark.parametrize(
    ("space", "layout"),
    [
        (spaces.Discrete(16), {"observation": (16,)}),
        (spaces.MultiBinary(3), {"observation": (3,)}),
        (spaces.Tuple([spaces.Discrete(5), BOX]), {"observation_0": (5,), "observation_1": (2,)}),
        (spaces.Box(0, 1, (2, 2), np.float64), {f"observation_{n}": () for n in range(4)}),
    ],
)
def test_a_choice_as_the_whole_observation_is_a_vector_of_switches(space: Any, layout: dict[str, Any]) -> None:
    table, row = table_and_row(SIMULATOR.make("Anything-v0", {"space": space}))
    assert dict(table.layout()) == layout and row


def test_a_part_without_numbers_is_refused_with_the_line_that_leaves_it_out() -> None:
    space = spaces.Dict(direction=spaces.Discrete(4), mission=spaces.Text(9), view=BOX)
    with pytest.raises(RewardSynthError, match="in mission, which holds no numbers") as error:
        SIMULATOR.make("Anything-v0", {"space": space})
    line = error.value.hint.partition(": ")[2]
    env = eval(line, {"gymnasium": gymnasium, "env": Anything(space)})
    assert isinstance(env, FilterObservation) and SIMULATOR.fields(env).names == ("direction", "view")


def test_gymnasiums_own_text_environments_have_fields() -> None:
    from reward_synth.tasks.spec import EnvironmentSpec

    assert dict(field_table(EnvironmentSpec.of("Blackjack-v1")).layout()) == {
        "observation_0": (32,), "observation_1": (11,), "observation_2": (2,)
    }  # fmt: skip
