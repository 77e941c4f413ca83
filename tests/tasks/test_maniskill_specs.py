"""The tasks on ManiSkill: scripted experts pass, chance does not, and no reward comes to know the success."""

from __future__ import annotations

import numpy as np
import pytest

from reward_synth.core.arrays import FloatArray

pytest.importorskip("mani_skill", reason="ManiSkill is not installed: pip install 'reward-synth[maniskill]'")

from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.play import field_table, play
from reward_synth.evaluation.scoring import measure, measured_table
from reward_synth.export.wrapper import RewardWrapper
from reward_synth.methods.briefing import first_brief
from reward_synth.screening.checker import Inspector, check_source
from reward_synth.screening.reference_episodes import EXPERT_CUTS, EXPERT_EPISODES, EXPERT_NOISE
from reward_synth.settings.model import Settings
from reward_synth.simulators import get_simulator
from reward_synth.simulators.maniskill.tasks import TASKS
from reward_synth.state.episode import Episode
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import TaskSpec, list_tasks, match_task
from reward_synth.training.presets import get_preset

INSTRUCTIONS = {
    "pick_cube": "Pick up cube A and move it to the 3D goal position.",
    "stack_cube": "Pick up cube A and place it on cube B. The task is finished when cube A is on top of cube B stably "
    "(i.e. cube A is static) and isn't grasped by the gripper.",
}
"""Text2Reward's, letter by letter."""

SPECS = {spec.short_name: spec for spec in list_tasks() if spec.simulator == "maniskill"}
SCRIPTED = sorted(set(SPECS) - {"lift_peg_upright"})


def expert_episode(spec: TaskSpec, table: FieldTable, seed: int) -> Episode:
    simulator = get_simulator("maniskill")
    env = StateRecorder(simulator.make(spec.environment.id, spec.environment.arguments, spec.horizon), table)
    expert = simulator.experts(env)[0]
    rows, actions = [env.reset(seed=seed)[1]["next_state"]], []
    while len(actions) < spec.horizon and (action := expert()) is not None:
        rows.append(env.step(action.astype(np.float32))[4]["next_state"])
        actions.append(action)
    env.close()
    return Episode(table.layout(), np.stack(rows), np.stack(actions), 0.05, spec.horizon, seed, False)


def test_each_environment_has_its_spec() -> None:
    assert {spec.environment.id for spec in SPECS.values()} == set(TASKS) and len(SPECS) == len(TASKS)
    for name, goal in INSTRUCTIONS.items():
        assert SPECS[name].goal == goal
    for spec in SPECS.values():
        assert spec.horizon == 50 and spec.source == "ManiSkill"
        assert spec.success == "episode.task_success > 0.5"
        assert "control_mode" in spec.environment.arguments
        get_preset(spec.training.learner, spec.training.preset)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_experts_succeed_and_chance_does_not(name: str) -> None:
    spec = SPECS[name]
    table = measured_table(spec, field_table(spec))
    assert "task_success" in table.names
    generator = np.random.default_rng(0)
    size = len(table.actions)

    def at_random(observations: FloatArray) -> FloatArray:
        return generator.uniform(-1, 1, (len(observations), size)).astype(np.float32)

    def at_rest(observations: FloatArray) -> FloatArray:
        return np.zeros((len(observations), size), dtype=np.float32)

    experts = [expert_episode(spec, table, seed) for seed in (1, 3)] if name in SCRIPTED else []
    others = play(spec, table, at_random, (1, 3)) + play(spec, table, at_rest, (1,))
    verdicts = measure(spec, table, experts + others)
    for verdict in verdicts[: len(experts)]:
        assert verdict.success and verdict.success_any
        assert 0.8 <= verdict.fitness <= 1.0
    for verdict in verdicts[len(experts) :]:
        assert not verdict.success_any
        assert verdict.fitness < 0.75
    begun = verdicts[-1]
    assert -0.05 <= begun.fitness < 0.3


def test_fitness_tells_how_upright_the_peg_is() -> None:
    """There is no expert for it: the rows of an episode are written by hand."""
    spec = SPECS["lift_peg_upright"]
    table = measured_table(spec, field_table(spec))
    columns = table.columns()
    (episode,) = play(spec, table, lambda seen: np.zeros((len(seen), 8), dtype=np.float32), (1,))
    found = []
    for uprightness, height in ((0.0, 0.025), (0.7, 0.1), (1.0, 0.2), (1.0, 0.12)):
        rows = episode.rows.copy()
        rows[-1, columns["peg_uprightness"]] = uprightness
        rows[-1, columns["peg_position"].start + 2] = height
        found.append(Episode(table.layout(), rows, episode.actions, 0.05, 50, 1, False))
    fitness = [verdict.fitness for verdict in measure(spec, table, found)]
    assert fitness == sorted(fitness) and len(set(fitness)) == 4


PUSH = """
import numpy as np

def compute_reward(state, action, next_state):
    behind = next_state.cube_position + np.array([-0.06, 0.0, 0.0])
    near = np.linalg.norm(next_state.gripper_position - behind)
    way = np.linalg.norm((next_state.cube_position - next_state.goal_position)[:2])
    return {"reach": 1.0 - np.tanh(5.0 * near), "push": 4.0 * (1.0 - np.tanh(5.0 * way))}
"""

CHEAT = """
def compute_reward(state, action, next_state):
    return {"done": next_state.task_success, "near": -abs(next_state.cube_position[0])}
"""


@pytest.fixture(scope="module")
def pushing() -> Inspector:
    return Inspector.of(SPECS["push_cube"])


def test_experts_are_among_the_recorded_behaviours_and_rank_rewards(pushing: Inspector) -> None:
    count = EXPERT_EPISODES + len(EXPERT_NOISE) + len(EXPERT_CUTS)
    experts = pushing.behaviours.measurements[-count:]
    assert [verdict.success for verdict in experts[:EXPERT_EPISODES]] == [True] * EXPERT_EPISODES
    report = pushing.check(PUSH)
    assert report.ok, report.findings
    right = pushing.screen(PUSH, report)
    wrong = pushing.screen(PUSH.replace("1.0 - np.tanh", "np.tanh").replace("(1.0 - np", "(np"), report)
    assert right.alignment is not None and right.alignment.reward > 0.3 and right.findings == report.findings
    assert [finding.rule for finding in wrong.findings] == ["misaligned"]


def test_a_reward_that_reads_the_success_is_refused(pushing: Inspector) -> None:
    for findings in (pushing.check(CHEAT).findings, check_source(CHEAT, pushing.task, only="lint").findings):
        assert any(f.severity == "error" and "task_success" in f.message for f in findings)
    env = get_simulator("maniskill").make("PushCube-v1", {}, 50)
    with pytest.raises(RewardSynthError, match="task_success"):
        RewardWrapper(env, CHEAT, simulator="maniskill")


def test_a_persons_own_code_can_use_a_reward_on_it() -> None:
    env = RewardWrapper(get_simulator("maniskill").make("PushCube-v1", {}, 50), PUSH, simulator="maniskill")
    env.reset(seed=0)
    _, reward, _, _, info = env.step(np.zeros(4, dtype=np.float32))
    assert reward == pytest.approx(sum(info["reward_terms"].values())) and 1.0 < reward < 3.0


def test_the_designer_is_not_shown_the_success(pushing: Inspector) -> None:
    for small in (False, True):
        brief = first_brief(pushing.task, pushing.task.goal, pushing.table, 0.05, Settings(shots=0), small)
        shown = (*brief.fields, brief.stub, brief.short_stub, *(name for name, _ in brief.layout))
        assert not any("success" in text for text in shown)
        assert "cube" in brief.environment


@pytest.mark.parametrize(
    ("goal", "name"),
    [
        ("push the cube to the goal region", "push_cube"),
        ("Make the robot arm pull the cube", "pull_cube"),
        ("stack the red cube on the green one", None),
        ("stack the cubes", "stack_cube"),
        ("pick up the cube and bring it to the goal position", "pick_cube"),
        ("throw the cube", None),
    ],
)
def test_goals_in_other_words_find_their_task(goal: str, name: str | None) -> None:
    found = match_task(goal)
    assert (found.name if found else None) == (f"maniskill/{name}" if name else None)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_goal_and_aliases_mean_this_task_alone(name: str) -> None:
    for goal in (SPECS[name].goal, *SPECS[name].aliases):
        assert match_task(goal) == SPECS[name], goal
