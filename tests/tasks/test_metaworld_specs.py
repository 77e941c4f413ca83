"""The tasks on MetaWorld: its experts pass, chance does not, and no reward comes to know its success."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from metaworld.env_dict import MT10_V3

from reward_synth.api import doctor
from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.display import make_display
from reward_synth.evaluation.play import field_table, play
from reward_synth.evaluation.scoring import measure, measured_table
from reward_synth.export.standalone import export
from reward_synth.export.wrapper import RewardWrapper
from reward_synth.llm.base import Request
from reward_synth.llm.fake import ScriptedModel
from reward_synth.methods.briefing import first_brief
from reward_synth.preparation.prepare import check_prerequisites
from reward_synth.preparation.settle import draft_task
from reward_synth.roles.prompts import Prompts
from reward_synth.roles.task_drafter import TaskDrafter
from reward_synth.screening.checker import Inspector, check_source
from reward_synth.screening.reference_episodes import EXPERT_CUTS, EXPERT_EPISODES, EXPERT_NOISE
from reward_synth.settings.model import Settings
from reward_synth.simulators import environments, get_simulator
from reward_synth.simulators.metaworld.tasks import TASKS
from reward_synth.state.episode import Episode
from reward_synth.state.fields import Field
from reward_synth.state.recorder import StateRecorder
from reward_synth.state.table import FieldTable
from reward_synth.store import RunStore
from reward_synth.tasks.spec import TaskSpec, list_tasks, load_task, match_task
from reward_synth.training.presets import get_preset

INSTRUCTIONS = {
    "drawer_open": "Open a drawer by its handle.",
    "drawer_close": "Close a drawer by its handle.",
    "window_open": "Push and open a sliding window by its handle.",
    "window_close": "Push and close a sliding window by its handle.",
    "button_press": "Press a button in y coordination.",
    "sweep_into": "Sweep a puck from the initial position into a hole.",
    "door_unlock": "Unlock the door by rotating the lock counter-clockwise.",
    "door_close": "Close a door with a revolving joint by pushing door's handle.",
    "handle_press": "Press a handle down.",
    "handle_press_side": "Press a handle down sideways.",
}
"""Text2Reward's, letter by letter."""

SPECS = {spec.short_name: spec for spec in list_tasks() if spec.simulator == "metaworld"}


def expert_episode(spec: TaskSpec, table: FieldTable, seed: int) -> Episode:
    simulator = get_simulator("metaworld")
    env = StateRecorder(simulator.make(spec.environment.id, spec.environment.arguments, spec.horizon), table)
    expert = simulator.experts(env)[0]
    rows, actions = [env.reset(seed=seed)[1]["next_state"]], []
    while len(actions) < spec.horizon and (action := expert()) is not None:
        rows.append(env.step(action.astype(np.float32))[4]["next_state"])
        actions.append(action)
    env.close()
    return Episode(table.layout(), np.stack(rows), np.stack(actions), 0.0125, spec.horizon, seed, False)


def test_text2rewards_tasks_mt10_and_handle_pull_are_there() -> None:
    assert {f"{name.replace('_', '-')}-v3" for name in SPECS} == {
        spec.environment.id for spec in SPECS.values()
    }  # named as their environments
    assert set(SPECS) >= set(INSTRUCTIONS) | {"handle_pull"} | {
        n.removesuffix("-v3").replace("-", "_") for n in MT10_V3
    }
    assert len(SPECS) == 17
    for name, goal in INSTRUCTIONS.items():
        spec = SPECS[name]
        if name in ("handle_press", "handle_press_side"):  # "down" is not as far as it goes: the goal goes on to say so
            assert spec.goal.startswith(goal) and spec.aliases[0] == goal
        else:
            assert spec.goal == goal
        assert match_task(goal) == spec
    for spec in SPECS.values():
        assert spec.horizon == 200 and spec.source == "MetaWorld"
        assert spec.environment.arguments == {"goal_observable": True}
        assert (spec.training.learner, spec.training.preset) == ("sac", "manipulate")
        assert get_preset(spec.training.learner, spec.training.preset).action_repeat > 1


def test_the_guide_lists_mt10_and_text2rewards_tasks() -> None:
    page = (Path(__file__).parents[2] / "docs" / "metaworld.md").read_text(encoding="utf-8")
    for head, expected in (("**MT10**:", MT10_V3), ("word for word:", INSTRUCTIONS)):
        listed = re.split(r"[.;]", page.partition(head)[2])[0]
        names = {name.replace("_", "-").removesuffix("-v3") for name in expected}
        assert {name.strip() for name in listed.split(",")} == names


@pytest.mark.parametrize("name", sorted(SPECS))
def test_the_expert_succeeds_and_chance_does_not(name: str) -> None:
    spec = SPECS[name]
    table = measured_table(spec, field_table(spec))
    assert "task_success" in table.names
    generator = np.random.default_rng(0)

    def at_random(observations: FloatArray) -> FloatArray:
        return generator.uniform(-1, 1, (len(observations), 4)).astype(np.float32)

    def at_rest(observations: FloatArray) -> FloatArray:
        return np.zeros((len(observations), 4), dtype=np.float32)

    experts = [expert_episode(spec, table, seed) for seed in (1, 3)]
    others = play(spec, table, at_random, (1, 3)) + play(spec, table, at_rest, (1,))
    verdicts = measure(spec, table, experts + others)
    for verdict in verdicts[:2]:
        assert verdict.success and verdict.success_any
        assert 0.8 <= verdict.fitness <= 1.0
    for verdict in verdicts[2:]:
        assert not verdict.success_any
        assert verdict.fitness < 0.75
    begun = verdicts[-1]
    assert -0.05 <= begun.fitness < min(verdict.fitness for verdict in verdicts[:2]) - 0.4


def test_success_at_the_end_and_at_any_step_are_told_apart() -> None:
    """Pressed beyond the target to its stop, a handle has been where it should be, and is not any more."""
    spec = SPECS["handle_press"]
    table = measured_table(spec, field_table(spec))
    press = np.array([0.0, 0.0, -1.0, 1.0], dtype=np.float32)
    episode = expert_episode(spec, table, seed=1)
    env = StateRecorder(get_simulator("metaworld").make("handle-press-v3", {}, 200), table)
    rows = [env.reset(seed=1)[1]["next_state"]]
    actions = [*episode.actions, *[press] * (200 - episode.length)]
    rows += [env.step(action.astype(np.float32))[4]["next_state"] for action in actions]
    pressed = Episode(table.layout(), np.stack(rows), np.stack(actions), 0.0125, 200, 1, False)
    (verdict,) = measure(spec, table, [pressed])
    assert (verdict.success, verdict.success_any) == (False, True)


OPEN = """
import numpy as np

def compute_reward(state, action, next_state):
    way = np.linalg.norm(next_state.drawer_handle_position - next_state.target_position)
    hand = np.linalg.norm(next_state.gripper_position - next_state.drawer_handle_position)
    return {"open": -float(way), "near": -0.3 * float(hand)}
"""


@pytest.fixture(scope="module")
def drawer() -> Inspector:
    return Inspector.of(SPECS["drawer_open"])


def test_experts_are_among_the_recorded_behaviours_and_rank_rewards(drawer: Inspector) -> None:
    count = EXPERT_EPISODES + len(EXPERT_NOISE) + len(EXPERT_CUTS)
    experts = drawer.behaviours.measurements[-count:]
    assert [verdict.success for verdict in experts[:EXPERT_EPISODES]] == [True] * EXPERT_EPISODES
    assert not any(verdict.success_any for verdict in drawer.behaviours.measurements[:-count])
    assert not any(verdict.success for verdict in experts[-len(EXPERT_CUTS) :])
    report = drawer.check(OPEN)
    assert report.ok, report.findings
    right = drawer.screen(OPEN, report)
    wrong = drawer.screen(OPEN.replace("-float(way)", "float(way)").replace("-0.3 *", "0.3 *"), report)
    assert right.alignment is not None and right.alignment.reward > 0.3 and right.findings == report.findings
    assert [finding.rule for finding in wrong.findings] == ["misaligned"]


# What only judges may read


CHEAT = """
def compute_reward(state, action, next_state):
    return {"done": next_state.task_success, "near": -abs(next_state.drawer_opening - 0.2)}
"""


def test_a_reward_that_reads_the_success_is_refused(drawer: Inspector) -> None:
    for findings in (drawer.check(CHEAT).findings, check_source(CHEAT, drawer.task, only="lint").findings):
        assert any(f.severity == "error" and "task_success" in f.message for f in findings)
    env = get_simulator("metaworld").make("drawer-open-v3", {}, 200)
    with pytest.raises(RewardSynthError, match="task_success"):
        RewardWrapper(env, CHEAT, simulator="metaworld")


def test_a_persons_own_code_can_use_a_reward_on_it() -> None:
    env = RewardWrapper(get_simulator("metaworld").make("drawer-open-v3", {}, 200), OPEN, simulator="metaworld")
    env.reset(seed=0)
    _, reward, _, _, info = env.step(np.zeros(4, dtype=np.float32))
    assert reward == pytest.approx(sum(info["reward_terms"].values())) and -0.5 < reward < -0.1


def test_an_export_says_what_to_use_instead(drawer: Inspector) -> None:
    with pytest.raises(RewardSynthError, match="drawer-open-v3") as caught:
        export(OPEN, "drawer-open-v3", {}, 200, drawer.table.for_rewards())
    assert 'RewardWrapper(env, FILE, simulator="metaworld")' in caught.value.hint


def test_the_designer_is_not_shown_the_success(drawer: Inspector) -> None:
    assert drawer.table.get("task_success") is not None
    for small in (False, True):
        brief = first_brief(drawer.task, drawer.task.goal, drawer.table, 0.0125, Settings(shots=0), small)
        shown = (*brief.fields, brief.stub, brief.short_stub, *(name for name, _ in brief.layout))
        assert not any("success" in text for text in shown)
        assert "drawer" in brief.environment


def test_a_table_without_judges_fields_stays_itself() -> None:
    plain = Field("height", (), "m", 0.0, 1.0, "Height.", code="data.qpos[0]")
    judged = Field("done", (), "0/1", 0.0, 1.0, "Done.", code="data.qpos[1]", judge_only=True)
    table = FieldTable([plain], [])
    assert table.for_rewards() is table
    assert FieldTable([plain, judged], []).for_rewards().names == ("height",)


# The way there: goals, prerequisites, locks


@pytest.mark.parametrize(
    ("goal", "name"),
    [
        ("open the drawer by its handle", "drawer_open"),
        ("Make the robot open the drawer", "drawer_open"),
        ("close the door", "door_close"),
        ("push the sliding window open by its handle", None),
        ("press the button", "button_press"),
        ("press the button from above", "button_press_topdown"),
        ("pull the handle up", "handle_pull"),
        ("press the handle down", "handle_press"),
        ("lock the door", None),
    ],
)
def test_goals_in_other_words_find_their_task(goal: str, name: str | None) -> None:
    found = match_task(goal)
    assert (found.name if found else None) == (f"metaworld/{name}" if name else None)


def test_a_small_model_chooses_among_what_the_goal_names() -> None:
    offered: list[str] = []

    def choose(request: Request) -> str:
        offered[:] = re.findall(r"[\w-]+-v\d", request.messages[0].content)
        return offered[0]

    reader = TaskDrafter(ScriptedModel(choose, small=True), Prompts())
    reader.choose_environment("slide the drawer shut", environments())
    assert set(offered) == {name for name in TASKS if "drawer" in name or "slide" in name}
    reader.choose_environment("make the hopper hop", environments())
    assert set(offered) == {"Hopper-v5"}


@pytest.mark.parametrize("name", sorted(SPECS))
def test_goal_and_aliases_mean_this_task_alone(name: str) -> None:
    for goal in (SPECS[name].goal, *SPECS[name].aliases):
        assert match_task(goal) == SPECS[name], goal


def test_a_goal_of_ones_own_is_drafted_for_a_metaworld_environment(tmp_path: Path) -> None:
    answer = json.dumps(
        {
            "success": "episode.mug_position[:, 1] < episode.mug_start_position[:, 1] - 0.1",
            "fitness": "float(episode.mug_start_position[0, 1] - episode.mug_position[-1, 1])",
            "fitness_unit": "m towards the robot",
            "explanation": "The mug was pulled.",
        }
    )
    model = ScriptedModel(lambda _: answer)
    goal = "pull the mug towards the robot"
    settings = Settings(env="coffee-pull-v3", yes=True, runs_dir=tmp_path)
    store = RunStore.create(tmp_path, goal, settings)
    task = draft_task(goal, settings, TaskDrafter(model, Prompts()), store, make_display("none"), None)
    assert (task.simulator, task.environment.id, task.horizon) == ("metaworld", "coffee-pull-v3", 200)
    assert task.name == "metaworld/pull_the_mug_towards_the_robot" and task.drafted
    prompt = model.requests[0].messages[-1].content
    assert "mug_start_position" in prompt and "task_success" not in prompt


@pytest.fixture
def without_metaworld(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("metaworld", *(name for name in sys.modules if name.startswith("metaworld."))):
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("env", "experts"):
        monkeypatch.delitem(sys.modules, f"reward_synth.simulators.metaworld.{name}", raising=False)


@pytest.mark.usefixtures("without_metaworld")
def test_without_the_extra_the_install_line_comes_before_any_model() -> None:
    with pytest.raises(ImportError):
        importlib.import_module("reward_synth.simulators.metaworld.env")
    for settings in (Settings(model="manual", task="drawer_open"), Settings(model="manual", env="drawer-open-v3")):
        with pytest.raises(RewardSynthError) as caught:
            check_prerequisites("open the drawer by its handle", settings)
        assert caught.value.hint == 'pip install "reward-synth[metaworld]"'
    assert "drawer-open-v3" not in environments() and "Hopper-v5" in environments()
    assert load_task("metaworld/drawer_open") in list_tasks()
    row = doctor._simulator("metaworld")
    assert row.state == "ok" and get_simulator("metaworld").install_line in row.text


def test_doctor_steps_an_environment() -> None:
    assert doctor._simulator("metaworld").text == "drawer-open-v3 steps"
