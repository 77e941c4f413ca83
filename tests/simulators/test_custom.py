"""Environments that nobody here knows: by id, by class, by file; their fields, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from reward_synth.core.errors import EnvironmentFault, RewardSynthError
from reward_synth.evaluation.play import field_table
from reward_synth.export.wrapper import RewardWrapper
from reward_synth.simulators.custom.files import bare_id, digest_of, file_of, name_environment, refuse_module_of_a_run
from reward_synth.simulators.gym.adapter import GymMujoco
from reward_synth.simulators.gym.docstring_tables import choices, elements
from reward_synth.state.custom_fields import with_own_fields
from reward_synth.state.expressions import OwnField, check_expression
from reward_synth.state.recorder import StateRecorder
from reward_synth.tasks.spec import load_task, save_own_task, save_task
from tests.custom_cases import TASK, write_point

SIMULATOR = GymMujoco()


class Goal(gymnasium.Env[Any, Any]):
    """A goal environment without MuJoCo."""

    def __init__(self, space: Any = None, action: Any = None) -> None:
        box = gymnasium.spaces.Box
        self.observation_space = space or gymnasium.spaces.Dict(
            observation=box(-2, 4, (2, 2)), desired_goal=box(-1, 1, (3,)), achieved_goal=box(-1, np.inf, (3,))
        )
        self.action_space = action or box(-1, 1, (2,))

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return {
            "observation": np.arange(4.0).reshape(2, 2), "desired_goal": np.full(3, 0.5), "achieved_goal": np.zeros(3)
        }, {}  # fmt: skip

    def step(self, action: Any) -> Any:
        return self.reset()[0], 0.0, False, False, {}


gymnasium.register("OwnGoal-v0", entry_point=Goal)


def test_classic_control_has_named_fields_with_units_and_ranges() -> None:
    table = SIMULATOR.fields(SIMULATOR.make("Pendulum-v1", {}))
    assert table.names == ("x", "y", "angular_velocity")
    assert (table[2].low, table[2].high) == (-8, 8) and table.actions[0].name == "torque"
    table = SIMULATOR.fields(SIMULATOR.make("MountainCarContinuous-v0", {}))
    assert [(f.name, f.unit) for f in table] == [("position_of_car_along_x_axis", "m"), ("velocity_of_car", "1")]


def test_one_of_several_actions_is_named_by_a_list_or_a_table() -> None:
    table = SIMULATOR.fields(SIMULATOR.make("MountainCar-v0", {}))
    assert table.discrete
    assert [action.name for action in table.actions] == [
        "accelerate_to_left",
        "don_t_accelerate",
        "accelerate_to_right",
    ]
    table = SIMULATOR.fields(SIMULATOR.make("Acrobot-v1", {}))
    assert table.discrete and table.actions[2].doc == "apply 1 torque to the actuated joint."
    table = SIMULATOR.fields(SIMULATOR.make("OwnGoal-v0", {"action": gymnasium.spaces.Discrete(3)}))
    assert [action.name for action in table.actions] == ["action_0", "action_1", "action_2"]
    assert "1.0 for the action that was chosen" in table.stub()
    own = {"position": OwnField(index=0)}
    assert with_own_fields(table, own, SIMULATOR.make("OwnGoal-v0", {"action": gymnasium.spaces.Discrete(3)})).discrete


def test_a_list_that_does_not_fit_names_nothing() -> None:
    text = "Sizes:\n- 0: small\n- 1: large\n\nActions:\n- 0: rest\n- 1: go `left`\n- 2: go right\n"
    found = choices(text, 3)
    assert found is not None and [each.name for each in found] == ["rest", "go_left", "go_right"]
    assert choices(text, 4) is None
    # One list that follows another at once begins anew.
    assert choices(text.replace("\n\nActions:", ""), 3) == found
    first = choices(text, 2)
    assert first is not None and [each.name for each in first] == ["small", "large"]


def test_rows_are_what_the_policy_observes() -> None:
    env = SIMULATOR.make("Pendulum-v1", {})
    recorder = StateRecorder(env, SIMULATOR.fields(env))
    observation, info = recorder.reset(seed=3)
    np.testing.assert_array_equal(info["next_state"], observation)
    before = observation
    observation, _, _, _, info = recorder.step(np.array([1.0], dtype=np.float32))
    np.testing.assert_array_equal(info["state"], before)
    np.testing.assert_array_equal(info["next_state"], observation)
    assert SIMULATOR.seconds_per_step(env) == 0.05 and SIMULATOR.horizon("Pendulum-v1") == 200


def test_a_dictionary_is_laid_out_as_its_space_lists_it() -> None:
    env = SIMULATOR.make("OwnGoal-v0", {})
    table = SIMULATOR.fields(env)
    numbered = tuple(f"observation_{n}" for n in range(4))
    assert table.names == (*numbered, "desired_goal", "achieved_goal")
    assert (table[5].low, table[5].high) == (-1, np.inf)
    observation, info = StateRecorder(env, table).reset()
    np.testing.assert_array_equal(observation, [0, 1, 2, 3, 0.5, 0.5, 0.5, 0, 0, 0])
    np.testing.assert_array_equal(info["next_state"], observation)
    assert observation.dtype == np.float32 and env.observation_space.contains(observation)


@pytest.mark.parametrize(
    ("spaces", "message"),
    [
        ({"action": gymnasium.spaces.MultiDiscrete([2, 3])}, "only a Box of continuous actions or one Discrete"),
        ({"action": gymnasium.spaces.Discrete(3, start=1)}, "counted from 0"),
        ({"action": gymnasium.spaces.Box(-np.inf, np.inf, (1,))}, "actions without limits"),
        ({"action": gymnasium.spaces.Box(-1, 1, (2, 2))}, "shape \\(2, 2\\)"),
        ({"action": gymnasium.spaces.Box(0, 3, (2,), np.int64)}, "type int64"),
        ({"space": gymnasium.spaces.Dict(a=gymnasium.spaces.Text(4))}, "in a, which holds no numbers"),
        ({"space": gymnasium.spaces.Box(0, 255, (96, 96, 3), np.uint8)}, "27,648 numbers"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_with_a_way_out(spaces: dict[str, Any], message: str) -> None:
    with pytest.raises(RewardSynthError, match=message) as error:
        SIMULATOR.make("OwnGoal-v0", spaces)
    assert "wrap it" in error.value.hint or "finite low" in error.value.hint


@pytest.mark.parametrize(
    ("space", "chosen"),
    [
        (gymnasium.spaces.MultiDiscrete([2, 3]), [1, 2]),
        (gymnasium.spaces.MultiBinary(3), [1, 0, 1]),
        (gymnasium.spaces.Discrete(6, start=1), 6),
    ],
)
def test_the_line_to_write_around_other_actions_works(space: Any, chosen: Any) -> None:
    with pytest.raises(RewardSynthError) as error:
        SIMULATOR.make("OwnGoal-v0", {"action": space})
    env: Any = gymnasium.make("OwnGoal-v0", action=space)
    wrapped = eval(error.value.hint.partition(": ")[2], {"gymnasium": gymnasium, "np": np, "env": env})
    SIMULATOR.fields(wrapped)
    np.testing.assert_array_equal(wrapped.func(5), chosen)
    assert space.contains(wrapped.func(0)) and space.contains(wrapped.func(wrapped.action_space.n - 1))


@pytest.mark.parametrize(
    ("cell", "unit"),
    [
        ("m", "m"),
        ("position (m)", "m"),
        ("angular velocity (rad/s)", "rad/s"),
        ("m of level", "m"),
        ("torque (N m)", "N m"),
        ("share of full flow", "1"),
        ("steps", "1"),
        ("m/s^2", "1"),
        ("-", "1"),
        ("", "1"),
    ],
)
def test_a_unit_is_a_word_of_its_own(cell: str, unit: str) -> None:
    found = elements(f"| Num | Observation | Unit |\n|---|---|---|\n| 0 | Flow | {cell} |\n", "Observation", 1)
    assert found is not None and found[0].unit == unit


def test_a_table_that_does_not_fit_names_nothing() -> None:
    text = "| Num | Observation | Min |\n|--|--|--|\n| 0 | A speed (m/s) | 1 |\n| 1 | A speed | 1 |\n| 2 | - | 0 |"
    found = elements(text, "Observation", 3)
    assert found is not None
    assert [(e.name, e.unit) for e in found] == [("speed_0", "m/s"), ("speed_1", "1"), ("observation_2", "1")]
    assert elements(text, "Observation", 4) is None
    assert elements(text, "Action", 3) is None


# ── by class and by file ─────────────────────────────────────────────────────────────────────────────────


def test_a_class_of_a_module_needs_no_registration() -> None:
    env = SIMULATOR.make("gymnasium.envs.classic_control.pendulum:PendulumEnv", {"g": 9.81}, horizon=7)
    assert env.unwrapped.g == 9.81 and env.spec.max_episode_steps == 7


@pytest.mark.parametrize(
    ("env_id", "message"),
    [
        ("gymnasium.utils.seeding:np_random", "no class derived from gymnasium.Env"),
        ("gymnasium.spaces:Box", "no class derived from gymnasium.Env"),
        ("gymnasium.envs.classic_control.pendulum:Pendulum", "has no environment 'Pendulum'"),
        ("subprocess:Popen", "the standard library's `subprocess` holds no environment"),
    ],
)
def test_a_task_file_cannot_have_anything_called_but_an_environment(env_id: str, message: str) -> None:
    with pytest.raises(RewardSynthError, match=message):
        SIMULATOR.make(env_id, {})


def test_a_file_is_run_only_where_a_person_named_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = write_point(tmp_path / "mine")
    (tmp_path / "mine" / "point.py").rename(tmp_path / "mine" / "unnamed.py")
    task.write_text(TASK.replace("./point.py", str(tmp_path / "mine" / "unnamed.py")))
    # As in a run folder that somebody sent: neither its path nor the working folder counts.
    monkeypatch.chdir(tmp_path / "mine")
    frozen = load_task(task)
    assert frozen.environment.id == "unnamed.py:Point"
    with pytest.raises(RewardSynthError, match=r"unnamed.py, .* must be named anew") as error:
        field_table(frozen)
    assert "--env PATH/unnamed.py:Point" in error.value.hint
    named = load_task(task, typed=True)
    assert named == frozen and "speed" in field_table(frozen).names


def test_a_tasks_path_is_seen_from_the_task_and_a_run_keeps_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = load_task(write_point(tmp_path / "robots"), typed=True)
    monkeypatch.chdir(tmp_path)
    assert file_of(task.environment.id) == (tmp_path / "robots" / "point.py").resolve()
    save_task(task, tmp_path / "frozen.yaml")
    assert str(tmp_path) not in (tmp_path / "frozen.yaml").read_text()
    assert "id: point.py:Point" in (tmp_path / "frozen.yaml").read_text()
    save_own_task(task, tmp_path / "again.yaml")
    assert "id: ./robots/point.py:Point" in (tmp_path / "again.yaml").read_text()
    assert load_task(tmp_path / "again.yaml", typed=True) == task


def test_a_changed_file_is_another_environment(tmp_path: Path) -> None:
    write_point(tmp_path)
    env_id = name_environment(f"{tmp_path}/point.py:Point")
    before = digest_of(env_id)
    (tmp_path / "point.py").write_text((tmp_path / "point.py").read_text() + "\n")
    assert digest_of(env_id) != before
    assert digest_of("Hopper-v5") == "" and bare_id("a/b.py:C") == "b.py:C" and bare_id("a.b:C") == "a.b:C"


@pytest.mark.parametrize(
    ("typed", "message", "hint"),
    [
        ("./nowhere.py:Point", "there is no file ./nowhere.py", "check the path"),
        ("./point.py", "names no class", "--env ./point.py:Point"),
        ("./point.py:Pont", "has no class 'Pont'", "Point"),
        ("./needy.py:A", "imports `no_such_package`", "pip install"),
        ("point:Point", "cannot be imported", "--env ./point.py:Point"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    typed: str, message: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_point(tmp_path)
    (tmp_path / "needy.py").write_text("import no_such_package\nclass A: pass\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RewardSynthError, match=message) as error:
        SIMULATOR.make(name_environment(typed), {})
    assert hint in error.value.hint
    assert "point" not in sys.modules


def test_a_file_that_fails_to_import_is_the_environments_fault(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("x = 1\ny = x / 0\n")
    with pytest.raises(EnvironmentFault, match=r"ZeroDivisionError: division by zero, bad.py line 2"):
        SIMULATOR.make(name_environment(f"{tmp_path}/bad.py:A"), {})


# ── fields of a task's own ───────────────────────────────────────────────────────────────────────────────


def test_own_fields_come_first_and_take_the_place_of_elements(tmp_path: Path) -> None:
    path = write_point(tmp_path)
    pair = "    distance: {expression"
    path.write_text(TASK.replace(pair, "    v: {index: 1, unit: m/s}\n    both: {index: [1, 0]}\n" + pair))
    task = load_task(path, typed=True)
    table = field_table(task)
    # Both elements have other names now.
    assert table.names == ("v", "both", "distance") and table.essential().names == table.names
    assert (table[0].low, table[0].high, table[2].low, table[2].high) == (-9, 9, 0, np.inf)
    env = SIMULATOR.make(task.environment.id, {})
    observation, info = StateRecorder(env, table).reset(seed=1)
    np.testing.assert_array_equal(info["next_state"], [observation[1], *observation[::-1], abs(observation[0])])


def test_expressions_over_mujoco_read_the_live_state(tmp_path: Path) -> None:
    task = load_task(Path(__file__).parents[2] / "examples" / "ball_on_beam.yaml", typed=True)
    table, env = field_table(task), SIMULATOR.make(task.environment.id, {})
    assert table.names[:3] == ("ball_position", "ball_speed", "beam_angle") and "roll_position" in table.names
    recorder = StateRecorder(env, table)
    recorder.reset(seed=0)
    for _ in range(20):
        row = recorder.step(np.ones(1, dtype=np.float32))[4]["next_state"]
    # + lifts the right end, so the ball rolls to the left.
    assert row[2] > 0.05 and row[1] < -0.05
    assert row[0] == env.unwrapped.data.qpos[1]


@pytest.mark.parametrize(
    "text",
    [
        "np.arctan2(observation[1], observation[0])",
        "np.linalg.norm(observation[0:3] - observation[3:6])",
        'data.body("ball").xpos[2] - 0.5',
        "np.sum(np.square(data.qvel), axis=0)",
        "(observation[0], 2 * observation[1] ** 2)",
        "1.0 if observation[0] > 0 else 0.0",
        "[observation[0], np.max([observation[1], 0.0])]",
        "(observation[0] ** 2 + observation[1] ** 2) ** 0.5",
        "np.linalg.norm(observation[0:2] - [0.5, 0.5])",
        "[observation[0], 0.0] if observation[0] in (1.0, 2.0) else [0.0, 1.0]",
        "observation[[0, 2]] + np.sum(data.xpos[1:3, 0], axis=(0,)) ** 2",
    ],
)
def test_arithmetic_is_allowed(text: str) -> None:
    assert check_expression(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__[0].__subclasses__()",
        "np.load('/etc/passwd')",
        "np.sin(observation[0:1], data.ctrl)",  # numpy would write into the second
        "np.sin(observation, out=data.ctrl)",
        "np.linalg.os",
        "data.qpos.tofile('x')",
        "data.qpos.fill(0)",
        "model.__class__",
        "[x for x in observation]",
        "(lambda: 1)()",
        "np.max(*observation)",
        "data.body(print('x'))",
        "observation[0] ** observation[1]",
        "9 ** 9 ** 9",
        "((9 ** 9) ** 9) ** 9",
        "observation[0] * ((9 ** 9) * 2) ** 9",
        "[0] * 1000000000",
        "1000000000 * 'a'",
        "'%01000000000d' % 1",
        "([0] + [1]) * 1000000000",
        "1 << 9999999999",
        "((0,) if 1 else 0) * 1000000000",
        "([0] or 1) * 1000000000",
        "[[0]][0] * 1000000000",
        "f'{data}'",
        "(y := 1)",
        "env.action_space",
        "open('x')",
        "1 +",
    ],
)
def test_what_acts_is_not(text: str) -> None:
    assert check_expression(text) is not None


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("{index: 7}", "element 7 of the observation, which has elements 0 to 1"),
        ("{expression: 'observation[7]'}", "cannot be read: IndexError"),
        ("{expression: 'data.qpos[0]'}", "reads a MuJoCo model"),
        ("{expression: '3.0'}", "reads nothing"),
        ("{expression: 'np.load(1)'}", "np.load"),
        ("{unit: m}", "either 'index' or 'expression'"),
        ("{index: 0, low: 2, high: 1}", "'low' must be below 'high'"),
        ("{index: 0, unti: m}", "unknown key"),
    ],
)
def test_a_field_that_cannot_be_is_refused(field: str, message: str, tmp_path: Path) -> None:
    path = write_point(tmp_path)
    path.write_text(TASK.replace("    distance:", f"    wrong: {field}\n    distance:"))
    with pytest.raises(RewardSynthError, match=message):
        field_table(load_task(path, typed=True))


def test_the_wrapper_for_ones_own_code_reads_observations_too(tmp_path: Path) -> None:
    reward = "def compute_reward(state, action, next_state):\n    return {'near': -next_state.far, 'y': state.y}\n"
    spec = TASK.replace("./point.py:Point", "Pendulum-v1").replace("distance", "far")
    (tmp_path / "t.yaml").write_text(spec)
    env = RewardWrapper(gymnasium.make("Pendulum-v1"), reward, fields=load_task(tmp_path / "t.yaml").environment.fields)
    before, _ = env.reset(seed=0)
    after, _, _, _, info = env.step(np.zeros(1, dtype=np.float32))
    assert info["reward_terms"] == {"near": pytest.approx(-abs(after[0])), "y": pytest.approx(before[1])}


def test_code_that_came_with_a_run_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "runs" / "theirs"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    (run / "payload.py").write_text("raise AssertionError('it was imported')\n")
    (tmp_path / "loose").mkdir()
    (tmp_path / "loose" / "payload.py").write_text("raise AssertionError('it was imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("runs.theirs.payload", "loose.payload"):
        with pytest.raises(RewardSynthError, match="not imported"):
            refuse_module_of_a_run(module, f"{module}:Env")
    package = tmp_path / "mine"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "envs.py").write_text("")
    for module in ("mine.envs", "gymnasium.envs.mujoco", "nowhere.at.all"):
        refuse_module_of_a_run(module, f"{module}:Env")
