"""What is particular about Crafter's tasks: deaths, milestones, and actions that are choices."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import gymnasium
import numpy as np
import pytest

pytest.importorskip("crafter", reason="needs: pip install 'reward-synth[crafter]'")

from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.scoring import measured_table, score_episodes
from reward_synth.export.standalone import export
from reward_synth.export.wrapper import RewardWrapper
from reward_synth.preparation.prepare import check_prerequisites
from reward_synth.screening.checker import RewardChecker
from reward_synth.settings.model import Settings
from reward_synth.simulators import get_simulator
from reward_synth.state.episode import Episode
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import with_scale
from tests.tasks.demonstrations import SPECS, table_of
from tests.tasks.extra_cases import EXTRAS, WOOD, inspector_of


@functools.cache
def measured_of(name: str) -> FieldTable:
    """The fields that the task's judge reads."""
    return measured_table(SPECS[f"crafter/{name}"], table_of("crafter/diamond"))


def _recorded(name: str, length: int, **histories: float | list[float]) -> Episode:
    """An episode of that many steps; what is not given is 0, but distances on the map are 10."""
    table = measured_of(name)
    rows = np.zeros((length + 1, table.width()))
    for field, place in table.columns().items():
        value = histories.get(field, 10.0 if field.endswith("_map_distance") else 0.0)
        rows[:, place] = np.reshape(np.broadcast_to(value, length + 1), (-1, 1))
    return Episode(table.layout(), rows, np.zeros((length, 17)), 1.0, SPECS[f"crafter/{name}"].horizon, 0, length < 200)


def verdict_of(name: str, episode: Episode) -> tuple[bool, float]:
    (verdict,) = score_episodes(SPECS[f"crafter/{name}"], measured_of(name), [episode])
    return verdict.success, verdict.fitness


def test_a_death_lowers_the_diamonds_fitness_and_lava_more() -> None:
    way = [10.0, 6.0]
    alive, dead, in_lava = (
        verdict_of("diamond_kit", _recorded("diamond_kit", 1, diamond_map_distance=way, dead=dead, dead_in_lava=lava))
        for dead, lava in ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
    )
    assert [alive[0], dead[0], in_lava[0]] == [False] * 3
    assert alive[1] == pytest.approx(0.4) and dead[1] == pytest.approx(0.3) and in_lava[1] == pytest.approx(0.2)
    mined = verdict_of("diamond_kit", _recorded("diamond_kit", 30, achieved_collect_diamond=[0.0] * 30 + [1.0]))
    assert mined == (True, pytest.approx(1.09))


def test_the_whole_game_counts_milestones() -> None:
    some = _recorded("diamond", 50, achieved_collect_wood=3.0, achieved_place_table=1.0, achieved_collect_stone=2.0)
    assert verdict_of("diamond", some) == (False, 3.0)
    assert verdict_of("diamond", _recorded("diamond", 50, achieved_collect_diamond=1.0)) == (True, 1.0)


def test_facing_in_the_hour_of_death_is_no_success() -> None:
    faced = _recorded("approach_cow", 20, cow_faced=[0.0] * 20 + [1.0])
    died = _recorded("approach_cow", 20, cow_faced=[0.0] * 20 + [1.0], dead=[0.0] * 20 + [1.0])
    left = _recorded("approach_cow", 20, cow_faced=[0.0] * 19 + [1.0, 0.0])
    assert [verdict_of("approach_cow", each)[0] for each in (faced, died, left)] == [True, False, False]


@pytest.fixture(scope="module")
def wood() -> RewardChecker:
    (crafter,) = (extra for extra in EXTRAS if extra.simulator == "crafter")
    return inspector_of(crafter)


def test_behaviours_are_choices(wood: RewardChecker) -> None:
    for episode in wood.reference_episodes.episodes:
        assert np.all(episode.actions.sum(axis=1) == 1.0) and set(np.unique(episode.actions)) == {0.0, 1.0}
    assert np.all(wood.reference_episodes.episodes[0].actions[:, 0] == 1.0), "the first one rests"
    chosen = np.concatenate([episode.actions for episode in wood.reference_episodes.episodes])
    assert chosen.sum(axis=0).min() > 0, "every action comes up"


def test_the_sign_scale_asks_for_a_sparse_term(wood: RewardChecker) -> None:
    signs = RewardChecker(with_scale(wood.task, "sign"), wood.table, wood.reference_episodes)
    assert [f.rule for f in signs.check(WOOD).findings if f.severity == "error"] == ["no-sparse-term"]
    assert signs.check(WOOD.replace('"wood"', '"sparse_wood"')).ok


def test_a_reward_sees_the_choice_as_a_vector() -> None:
    source = 'def compute_reward(state, action, next_state):\n    return {"did": action[5], "moved": 2.0 * action[2]}\n'
    env = RewardWrapper(get_simulator("crafter").make("crafter-collect-wood", {}), source, simulator="crafter")
    env.reset(seed=0)
    assert isinstance(env.action_space, gymnasium.spaces.Discrete)
    assert [env.step(action)[1] for action in (5, 2, 0)] == [1.0, 2.0, 0.0]


EXPORTED = """
def compute_reward(state, action, next_state, memory):
    memory["steps"] = memory.get("steps", 0) + 1
    return {
        "approach": state.tree_distance - next_state.tree_distance,
        "right": float(next_state.tree_offset[0]),
        "did": action[5] * memory["steps"],
    }
"""


def test_an_exported_file_makes_the_environment_and_pays_as_the_wrapper_does(
    wood: RewardChecker, tmp_path: Path
) -> None:
    text = export(EXPORTED, "crafter-collect-wood", {"worlds": 20}, 30, wood.table.for_rewards(), "collect wood")
    path = tmp_path / "exported.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location("exported", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ours = RewardWrapper(
        get_simulator("crafter").make("crafter-collect-wood", {"worlds": 20}, 30), EXPORTED, simulator="crafter"
    )
    theirs = module.make()
    for env in (ours, theirs):
        env.reset(seed=3)
    paid = []
    for action in (1, 5, 4, 2, 5) * 6:
        expected, found = ours.step(action), theirs.step(action)
        assert found[1:4] == expected[1:4] and found[4]["reward_terms"] == expected[4]["reward_terms"]
        paid.append(found[1])
        if found[2]:
            break
    assert len(set(paid)) > 2
    assert found[2] or found[3], "the horizon is the task's"


def test_learners_for_continuous_actions_are_refused_before_any_model() -> None:
    with pytest.raises(RewardSynthError, match="one of several actions") as caught:
        check_prerequisites("collect wood", Settings(model="manual", task="collect_wood", learner="sac"))
    assert "ppo" in caught.value.hint
