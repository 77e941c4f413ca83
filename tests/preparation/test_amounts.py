"""The amounts that a small model may name: beyond what aimless behaviour reaches, and within what a field can be."""

from __future__ import annotations

import numpy as np
import pytest

from reward_synth.evaluation.play import field_table
from reward_synth.preparation.amounts import quantities
from reward_synth.preparation.measure_trial import KnownEpisodes
from reward_synth.roles.measure_form import WHENS, Form, Quantity, Wish
from reward_synth.simulators.custom.files import bare_id, name_environment
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import Environment, EnvironmentSpec, TaskSpec, load_task

GOAL = "run at 3.5 m/s with the torso at 0.3 m"


@pytest.fixture(scope="module")
def cheetah() -> tuple[TaskSpec, FieldTable, KnownEpisodes]:
    task = load_task("gym/half_cheetah_run_forward").model_copy(update={"horizon": 200})
    table = field_table(task)
    return task, table, KnownEpisodes(task, table)


@pytest.fixture(scope="module")
def offered(cheetah: tuple[TaskSpec, FieldTable, KnownEpisodes]) -> dict[str, Quantity]:
    _, table, known = cheetah
    return {each.name: each for each in quantities(table.for_rewards().essential(), known, GOAL)}


def test_no_aimless_episode_goes_beyond_the_larger_amounts(
    cheetah: tuple[TaskSpec, FieldTable, KnownEpisodes], offered: dict[str, Quantity]
) -> None:
    task, _, known = cheetah
    for when in WHENS:
        velocity = offered["x_velocity"]
        for way, amount in (("more than", velocity.more[when][-2]), ("less than", velocity.less[when][-1])):
            form = Form(((Wish(velocity, way, when, amount),),))  # type: ignore[arg-type]
            measured = task.model_copy(update={"success": form.success(), "fitness": form.fitness()})
            trial = known.trial(measured)
            assert not any(score.success for score in trial.aimless), (when, way, amount)
            assert len({score.fitness for score in trial.aimless}) > 1


def test_words_follow_what_a_field_can_be(offered: dict[str, Quantity]) -> None:
    assert offered["x_velocity"].word("more than") == "positive" and offered["torso_height"].word("more than") == "high"
    assert all(amount > 0 for when in WHENS for amount in offered["x_velocity"].more[when])
    assert all(amount >= 0 for when in WHENS for amount in offered["torso_height"].less[when]), (
        "no torso is underground"
    )
    assert offered["torso_pitch"].signed and offered["torso_pitch"].near[-1] == 0.0


def test_what_the_goal_names_may_be_named(offered: dict[str, Quantity]) -> None:
    assert all(3.5 in offered["x_velocity"].more[when] for when in WHENS) and 3.5 in offered["x_velocity"].near
    assert all(0.3 in offered["torso_height"].less[when] for when in WHENS)
    contact = offered["front_foot_contact"]
    assert all(0.0 <= amount <= 1.0 for when in WHENS for amount in (*contact.more[when], *contact.less[when]))


def test_a_speed_does_not_stay_and_a_position_may(offered: dict[str, Quantity]) -> None:
    assert offered["x_velocity"].drift is None
    drift = offered["x_position"].drift
    assert drift is not None and drift > 0.0


def test_amounts_are_short_numbers(offered: dict[str, Quantity]) -> None:
    for quantity in offered.values():
        for when in WHENS:
            for amount in (*quantity.more[when], *quantity.less[when]):
                assert len(f"{amount}".lstrip("-0.").replace(".", "")) <= 4, (quantity.name, amount)


def test_what_never_moves_is_not_offered(cheetah: tuple[TaskSpec, FieldTable, KnownEpisodes]) -> None:
    _, table, known = cheetah
    still = [
        field.name
        for field in table
        if field.size == 1 and np.ptp(np.concatenate([e.field(field.name) for e in known.aimless])) == 0.0
    ]
    named = {each.name for each in quantities(table, known, GOAL)}
    assert named.isdisjoint(still) and "x_velocity" in named


@pytest.fixture(scope="module")
def carried() -> dict[str, Quantity]:
    """The cart with two poles; its rail is 2 m long, and gives way a little beyond its ends."""
    task = load_task("gym/inverted_pendulum_balance").model_copy(update={"horizon": 100})
    task = task.model_copy(update={"environment": Environment(id="InvertedDoublePendulum-v5")})
    table = field_table(task)
    goal = "drive halfway to the right end and keep both poles upright"
    return {each.name: each for each in quantities(table.for_rewards().essential(), KnownEpisodes(task, table), goal)}


def test_halfway_is_offered_where_the_goal_says_so(carried: dict[str, Quantity], offered: dict[str, Quantity]) -> None:
    assert carried["cart_position"].near == (0.5, -0.5)
    assert 0.5 not in offered["x_position"].near, "the half-cheetah goes half of no way"


def test_the_same_of_another_part_is_known(carried: dict[str, Quantity]) -> None:
    assert carried["pole_angle"].alike == ("second_pole_angle",) and not carried["pole_angle"].axes


@pytest.fixture(scope="module")
def boat(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Quantity]:
    """An environment of one's own, with a level to keep and a stage to reach."""
    folder = tmp_path_factory.mktemp("boat")
    (folder / "boat.py").write_text(BOAT)
    spec = EnvironmentSpec.of(bare_id(name_environment(f"{folder}/boat.py:Boat")))
    values = spec.model_dump() | {"name": "gym/boat", "goal": "-", "success": "False", "fitness": "0.0"}
    task = TaskSpec.model_validate({**values, "fitness_unit": "-", "horizon": 40})
    table = field_table(task)
    return {each.name: each for each in quantities(table.for_rewards().essential(), KnownEpisodes(task, table), "")}


def test_what_stands_still_is_a_target_and_no_wish(boat: dict[str, Quantity]) -> None:
    assert "wanted_level" not in boat
    level = boat["level"]
    assert level.targets == ("wanted_level",) and not level.near and level.tolerance < 0.1


def test_a_place_has_its_other_axes_and_their_tolerance(boat: dict[str, Quantity]) -> None:
    upstream, across = boat["stage_seen_from_boat_upstream"], boat["stage_seen_from_boat_across"]
    assert upstream.axes == (across.name,) and across.axes == (upstream.name,)
    assert upstream.tolerance == across.tolerance
    assert not boat["level"].axes


BOAT = '''
import gymnasium
import numpy as np


class Boat(gymnasium.Env):
    """A boat with a tank.

    | Num | Observation                    | Min | Max | Unit |
    |-----|--------------------------------|-----|-----|------|
    | 0   | Level                          | 0   | 1   | m    |
    | 1   | Wanted level                   | 0   | 1   | m    |
    | 2   | Stage seen from boat, upstream | -80 | 80  | m    |
    | 3   | Stage seen from boat, across   | -80 | 80  | m    |
    """

    dt = 0.1

    def __init__(self):
        self.observation_space = gymnasium.spaces.Box(-80.0, 80.0, (4,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.level, self.wanted = self.np_random.uniform(0.1, 0.9, 2)
        self.upstream, self.across = self.np_random.uniform(-5.0, 5.0), 30.0
        return self._observation(), {}

    def step(self, action):
        self.level = float(np.clip(self.level + 0.02 * action[0], 0.0, 1.0))
        self.upstream, self.across = self.upstream + action[0], self.across - 0.2 * abs(action[0])
        return self._observation(), 0.0, False, False, {}

    def _observation(self):
        return np.array([self.level, self.wanted, self.upstream, self.across], np.float32)
'''
