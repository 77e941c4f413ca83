"""What policies see besides the observation: the time, the start, and fields that the observation leaves out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.play import field_table, more_seen, play, recorder_of, unseen_fields
from reward_synth.simulators import open_environment
from reward_synth.simulators.custom.files import name_environment
from reward_synth.state.more_seen import MoreSeen
from reward_synth.tasks.spec import TaskSpec, load_task, with_observes

CHEETAH = load_task("gym/half_cheetah_run_forward").model_copy(update={"horizon": 4})
OWN = '''
import gymnasium
import numpy as np


class Cart(gymnasium.Env):
    """A cart.

    ## Observation Space

    | Num | Observation | Min | Max |
    | --- | --- | --- | --- |
    | 0 | place of the cart (m) | -inf | inf |
    """

    metadata = {"render_fps": 20, "render_modes": []}
    observation_space = gymnasium.spaces.Box(-9.0, 9.0, (1,), np.float32)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = self.np_random.uniform(1.0, 2.0)
        return np.array([self.place], np.float32), {}

    def step(self, action):
        self.place += float(action[0])
        return np.array([self.place], np.float32), 0.0, False, False, {}
'''


def showing(task: TaskSpec, *names: str) -> TaskSpec:
    return with_observes(task, names)


def test_time_start_and_place_stand_behind_the_environments_own_observation() -> None:
    task = showing(CHEETAH, "x_position", "clock", "start.torso_pitch")
    table = field_table(task)
    env, bare = recorder_of(task, table.subset(["x_velocity"])), open_environment(task)
    assert env.observation_space.shape == (17 + 3,)
    for seed in (5, 6):
        (seen, info), (own, _) = env.reset(seed=seed), bare.reset(seed=seed)
        data = bare.unwrapped.data  # type: ignore[attr-defined]
        start = data.qpos[2]
        np.testing.assert_allclose(seen, [*own, data.qpos[0], 0.0, start])
        for step in range(1, 5):
            seen, _, _, truncated, info = env.step(np.ones(6))
            own = bare.step(np.ones(6))[0]
            np.testing.assert_allclose(seen, [*own, data.qpos[0], step / 4, start])
            assert env.observation_space.contains(seen) and info["next_state"].shape == (1,)
        assert truncated and data.qpos[2] != start


def test_a_task_that_names_nothing_shows_nothing_more() -> None:
    assert more_seen(CHEETAH) is None
    assert recorder_of(CHEETAH, field_table(CHEETAH)).observation_space.shape == (17,)


def test_a_policy_acts_on_what_it_is_shown() -> None:
    task = showing(CHEETAH, "clock", "start.x_position")
    shown: list[np.ndarray] = []

    def policy(observations: np.ndarray) -> np.ndarray:
        shown.append(observations.copy())
        return np.repeat(observations[:, [17]], 6, axis=1)

    episodes = play(task, field_table(task), policy, [1, 2])
    assert [list(each[:, 17]) for each in shown] == [[0.0] * 2, [0.25] * 2, [0.5] * 2, [0.75] * 2]
    for number, episode in enumerate(episodes):
        np.testing.assert_allclose(episode.actions[:, 0], [0.0, 0.25, 0.5, 0.75])
        assert {float(each[number, 18]) for each in shown} == {float(episode.field("x_position")[0])}


def test_a_whole_episode_gives_what_the_steps_gave() -> None:
    task = showing(CHEETAH, "clock", "x_velocity", "start.x_position")
    more = more_seen(task)
    assert more is not None and more.size == 3 and more.changes
    seen: list[np.ndarray] = []

    def policy(observations: np.ndarray) -> np.ndarray:
        seen.append(observations[0, 17:])
        return np.ones((1, 6))

    (episode,) = play(task, field_table(task), policy, [3])
    np.testing.assert_allclose(more.during(episode.subset(more.table.names))[:-1], np.stack(seen))


def test_an_own_environment_keeps_its_fields_names(tmp_path: Path) -> None:
    path = tmp_path / "cart.py"
    path.write_text(OWN)
    own = CHEETAH.environment.model_copy(update={"id": name_environment(f"{path}:Cart")})
    task = showing(CHEETAH.model_copy(update={"environment": own}), "clock", "start.place_of_cart")
    table = field_table(task)
    assert "place_of_cart" in table.names
    env = recorder_of(task, table)
    first, _ = env.reset(seed=0)
    seen, _, _, _, info = env.step(np.ones(1))
    np.testing.assert_allclose(seen, [first[0] + 1.0, 0.25, first[0]], rtol=1e-6)
    assert seen.dtype == np.float32 and info["next_state"] == pytest.approx(seen[:1])


@pytest.mark.parametrize("name", ["x_positon", "start.x_positon"])
def test_a_field_that_does_not_exist_is_refused_with_the_nearest(name: str) -> None:
    with pytest.raises(RewardSynthError, match="`x_positon`") as caught:
        MoreSeen([name], field_table(CHEETAH), 4)
    assert "did you mean x_position" in caught.value.hint


def test_what_only_judges_may_read_is_shown_to_no_policy() -> None:
    table = field_table(CHEETAH)
    judged = table.with_fields([*table[:-1], replace(table[-1], judge_only=True)])
    with pytest.raises(RewardSynthError, match="no such field"):
        MoreSeen([table[-1].name], judged, 4)


def test_a_place_that_is_shown_is_no_longer_unseen() -> None:
    table = field_table(CHEETAH)
    assert "x_position" in unseen_fields(CHEETAH, table, 0)
    assert "x_position" in unseen_fields(showing(CHEETAH, "clock", "start.x_position"), table, 0)
    assert "x_position" not in unseen_fields(showing(CHEETAH, "x_position"), table, 0)
