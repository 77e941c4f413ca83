"""Crafter's tasks: scripted players succeed, chance does not, and no reward comes to know their success."""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest

from reward_synth.api import doctor
from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.play import field_table, play
from reward_synth.evaluation.scoring import measure, measured_table
from reward_synth.export.standalone import export
from reward_synth.export.wrapper import RewardWrapper
from reward_synth.methods.briefing import first_brief
from reward_synth.preparation.prepare import check_prerequisites
from reward_synth.screening.checker import Inspector, check_source
from reward_synth.screening.reference_episodes import EXPERT_CUTS, EXPERT_EPISODES, EXPERT_NOISE
from reward_synth.settings.model import Settings
from reward_synth.simulators import environments, get_simulator
from reward_synth.simulators.crafter.kinds import ACTIONS
from reward_synth.simulators.crafter.tasks import TASKS
from reward_synth.state.episode import Episode
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import TaskSpec, list_tasks, load_task, match_task, with_scale
from reward_synth.training.presets import preset_for

SPECS = {spec.short_name: spec for spec in list_tasks() if spec.simulator == "crafter"}
SOLVABLE = sorted(set(SPECS) - {"diamond"})
SEEDS = tuple(range(100, 112))


@functools.cache
def tables() -> tuple[FieldTable, dict[str, FieldTable]]:
    whole = field_table(SPECS["diamond"])
    return whole, {name: measured_table(spec, whole) for name, spec in SPECS.items()}


def expert_episode(spec: TaskSpec, seed: int, steps: int = 1000) -> Episode:
    simulator, table = get_simulator("crafter"), tables()[1][spec.short_name]
    env = StateRecorder(simulator.make(spec.environment.id, spec.environment.arguments, spec.horizon), table)
    rows, actions = [env.reset(seed=seed)[1]["next_state"]], []
    (expert,) = simulator.experts(env)
    terminated = truncated = False
    while len(actions) < steps and not (terminated or truncated) and (action := expert()) is not None:
        _, _, terminated, truncated, info = env.step(action)
        rows.append(info["next_state"])
        actions.append((action + 1.0) / 2.0)
    return Episode(table.layout(), np.stack(rows), np.stack(actions), 1.0, spec.horizon, seed, terminated)


def at_random(seed: int) -> object:
    generator = np.random.default_rng(seed)

    def act(observations: FloatArray) -> FloatArray:
        return np.eye(len(ACTIONS), dtype=np.float32)[generator.integers(len(ACTIONS), size=len(observations))]

    return act


def at_rest(observations: FloatArray) -> FloatArray:
    return np.eye(len(ACTIONS), dtype=np.float32)[np.zeros(len(observations), dtype=int)]


def test_auto_mc_rewards_tasks_are_there() -> None:
    assert set(SPECS) == {
        "approach_tree", "approach_cow", "attack_cow", "collect_wood", "place_table", "diamond_kit", "diamond",
    }  # fmt: skip
    assert {spec.environment.id for spec in SPECS.values()} == set(TASKS)
    for spec in SPECS.values():
        assert preset_for(spec).learner == "ppo" and spec.training.preset == "explore"


@pytest.mark.parametrize("name", SOLVABLE)
def test_the_expert_succeeds_and_chance_does_not(name: str) -> None:
    spec, table = SPECS[name], tables()[1][name]
    experts = measure(spec, table, [expert_episode(spec, seed) for seed in SEEDS])
    cut = measure(spec, table, [expert_episode(spec, seed, 3) for seed in SEEDS])
    chance = measure(spec, table, play(spec, table, at_random(0), SEEDS[:6]))  # type: ignore[arg-type]
    rest = measure(spec, table, play(spec, table, at_rest, SEEDS[:2]))
    # A zombie may be quicker, or water in the way to every cow.
    assert sum(verdict.success for verdict in experts) >= 10
    assert all(1.0 <= verdict.fitness <= 1.1 for verdict in experts if verdict.success)
    assert all(verdict.fitness < 1.0 for verdict in (*experts, *cut, *chance, *rest) if not verdict.success)
    assert sum(verdict.success for verdict in chance) <= 2 and not any(verdict.success for verdict in rest)
    assert np.mean([v.fitness for v in experts]) > np.mean([v.fitness for v in chance]) + 0.15
    assert np.mean([v.fitness for v in experts]) > np.mean([v.fitness for v in cut]) + 0.1


def _recorded(name: str, length: int, **histories: float | list[float]) -> Episode:
    """An episode of that many steps; what is not given is 0, but distances on the map are 10."""
    table = tables()[1][name]
    rows = np.zeros((length + 1, table.width()))
    for field, place in table.columns().items():
        value = histories.get(field, 10.0 if field.endswith("_map_distance") else 0.0)
        rows[:, place] = np.reshape(np.broadcast_to(value, length + 1), (-1, 1))
    return Episode(table.layout(), rows, np.zeros((length, 17)), 1.0, SPECS[name].horizon, 0, length < 200)


def verdict_of(name: str, episode: Episode) -> tuple[bool, float]:
    (verdict,) = measure(SPECS[name], tables()[1][name], [episode])
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


GOOD = """
def compute_reward(state, action, next_state):
    return {
        "wood": next_state.wood - state.wood,
        "approach": 0.1 * (state.tree_distance - next_state.tree_distance),
    }
"""


@pytest.fixture(scope="module")
def wood() -> Inspector:
    return Inspector.of(SPECS["collect_wood"])


def test_behaviours_are_choices_and_rank_rewards(wood: Inspector) -> None:
    for episode in wood.behaviours.episodes:
        assert np.all(episode.actions.sum(axis=1) == 1.0) and set(np.unique(episode.actions)) == {0.0, 1.0}
    assert np.all(wood.behaviours.episodes[0].actions[:, 0] == 1.0), "the first one rests"
    chosen = np.concatenate([episode.actions for episode in wood.behaviours.episodes])
    assert chosen.sum(axis=0).min() > 0, "every action comes up"
    count = EXPERT_EPISODES + len(EXPERT_NOISE) + len(EXPERT_CUTS)
    assert all(verdict.success for verdict in wood.behaviours.measurements[-count : -count + EXPERT_EPISODES])
    report = wood.check(GOOD)
    assert report.ok, report.findings
    right = wood.screen(GOOD, report)
    assert right.alignment is not None and right.alignment.reward > 0.3 and right.findings == report.findings
    wrong = wood.screen(
        GOOD.replace("0.1 *", "-0.1 *").replace("next_state.wood - state", "state.wood - next_state"), report
    )
    assert [finding.rule for finding in wrong.findings] == ["misaligned"]


CHEAT = """
def compute_reward(state, action, next_state):
    return {"done": next_state.achieved_collect_wood, "near": -next_state.tree_map_distance}
"""


def test_a_reward_that_reads_achievements_or_the_map_is_refused(wood: Inspector) -> None:
    for findings in (wood.check(CHEAT).findings, check_source(CHEAT, wood.task, only="lint").findings):
        faults = [finding.message for finding in findings if finding.severity == "error"]
        assert any("achieved_collect_wood" in text for text in faults)
        assert any("tree_map_distance" in text for text in faults)
    brief = first_brief(wood.task, wood.task.goal, wood.table, 1.0, Settings(shots=0), False)
    assert "achieved" not in brief.stub + brief.short_stub and "map_distance" not in brief.stub
    assert brief.action_size == 17


def test_the_sign_scale_asks_for_a_sparse_term(wood: Inspector) -> None:
    signs = Inspector(with_scale(wood.task, "sign"), wood.table, wood.behaviours)
    assert [f.rule for f in signs.check(GOOD).findings if f.severity == "error"] == ["no-sparse-term"]
    assert signs.check(GOOD.replace('"wood"', '"sparse_wood"')).ok


def test_a_persons_own_code_can_use_a_reward_on_it() -> None:
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


def test_an_exported_file_makes_the_environment_and_pays_as_the_wrapper_does(wood: Inspector, tmp_path: Path) -> None:
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


# The way there


@pytest.mark.parametrize(
    ("goal", "name"),
    [
        ("find a tree", "approach_tree"),
        ("collect wood", "collect_wood"),
        ("eat a cow", "attack_cow"),
        ("place a table", "place_table"),
        ("mine a diamond", "diamond_kit"),
        ("milk a cow", None),
    ],
)
def test_goals_in_other_words_find_their_task(goal: str, name: str | None) -> None:
    found = match_task(goal)
    assert (found.name if found else None) == (f"crafter/{name}" if name else None)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_goal_and_aliases_mean_this_task_alone(name: str) -> None:
    for goal in (SPECS[name].goal, *SPECS[name].aliases):
        assert match_task(goal) == SPECS[name], goal


def test_learners_for_continuous_actions_are_refused_before_any_model() -> None:
    with pytest.raises(RewardSynthError, match="one of several actions") as caught:
        check_prerequisites("collect wood", Settings(model="manual", task="collect_wood", learner="sac"))
    assert "ppo" in caught.value.hint


@pytest.fixture
def without_crafter(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("crafter", *(name for name in sys.modules if name.startswith("crafter."))):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("env", "world", "starts", "fields", "experts", "noise", "upstream"):
        monkeypatch.delitem(sys.modules, f"reward_synth.simulators.crafter.{name}", raising=False)


@pytest.mark.usefixtures("without_crafter")
def test_without_the_extra_the_install_line_comes_before_any_model() -> None:
    with pytest.raises(ImportError):
        importlib.import_module("reward_synth.simulators.crafter.env")
    for settings in (
        Settings(model="manual", task="collect_wood"),
        Settings(model="manual", env="crafter-collect-wood"),
    ):
        with pytest.raises(RewardSynthError) as caught:
            check_prerequisites("collect wood", settings)
        assert caught.value.hint == 'pip install "reward-synth[crafter]"'
    assert "crafter-collect-wood" not in environments() and "Hopper-v5" in environments()
    assert load_task("crafter/collect_wood") in list_tasks()
    row = doctor._simulator("crafter")
    assert row.state == "ok" and get_simulator("crafter").install_line in row.text


def test_doctor_steps_an_environment() -> None:
    assert doctor._simulator("crafter").text == "crafter-collect-wood steps"
