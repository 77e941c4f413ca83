"""What environments tell beside their observations: their own success, a cost, a goal; and older kinds of steps."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from reward_synth.cli.app import execute
from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.play import field_table
from reward_synth.export.standalone import export
from reward_synth.export.wrapper import RewardWrapper
from reward_synth.preparation.preflight import preflight
from reward_synth.simulators import open_environment
from reward_synth.state.recorder import StateRecorder
from reward_synth.tasks.spec import TaskSpec, load_task

TELLING = '''
import gymnasium
import numpy as np
from gymnasium import spaces


class Telling(gymnasium.Env):
    """A point that tells much, in a step of as many values as one likes."""

    dt = 0.1

    def __init__(self, values=5, success="is_success"):
        self.values, self.success = values, success
        self.observation_space = spaces.Box(-9, 9, (1,), np.float32)
        self.action_space = spaces.Box(-1, 1, (1,), np.float32)
        self.reward_space = spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.s, self.n = self.np_random.uniform(-1, 1, 1).astype(np.float32), 0
        if self.values == 4:
            return self.s.copy()
        return self.s.copy(), {"goal": self.np_random.uniform(1, 2, 2), "text": "a word"}

    def step(self, action):
        self.s, self.n = np.clip(self.s + 0.1 * action, -9, 9).astype(np.float32), self.n + 1
        info = {self.success: np.float32(self.s[0] > 1), "speed": [float(action[0])]}
        ends = self.n >= 7
        if self.values == 4:
            return self.s.copy(), np.zeros(2), ends, {**info, "TimeLimit.truncated": True}
        if self.values == 6:
            return self.s.copy(), 0.0, 0.25, ends, False, info
        return self.s.copy(), np.zeros(2), ends, False, info
'''


@pytest.fixture(autouse=True)
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "telling.py").write_text(TELLING)
    monkeypatch.chdir(tmp_path)


def new(*more: str, out: str = "t.yaml") -> TaskSpec:
    words = ["--env", "./telling.py:Telling", "--goal", "Go right.", "--fitness", "episode.observation_0[-1]"]
    words += ["--fitness-unit", "m", "--horizon", "20", "--out", out, "--yes"]
    assert execute(["tasks", "new", *words, *more]) == 0
    return load_task(out, typed=True)


def episode(task: TaskSpec, push: float, steps: int = 5) -> dict[str, Any]:
    """Each field over an episode of one push, and how it ended."""
    table = field_table(task)
    recorder = StateRecorder(open_environment(task), table)
    rows, ends = [recorder.reset(seed=1)[1]["next_state"]], []
    for _ in range(steps):
        *_, terminated, truncated, info = recorder.step(np.full(1, push, np.float32))
        rows.append(info["next_state"])
        ends.append((terminated, truncated))
    return {name: np.stack(rows)[:, place] for name, place in table.columns().items()} | {"ends": ends}


@pytest.mark.parametrize("key", ["is_success", "success", "solved"])
def test_an_environments_own_success_is_offered_and_no_reward_reads_it(key: str) -> None:
    task = new("--argument", f"success={key}")
    assert task.success == f"episode.{key} > 0.5" and list(task.environment.fields) == [key]
    table = field_table(task)
    assert table.get(key).judge_only and key not in table.for_rewards().names
    told = episode(task, 1.0, 20)
    np.testing.assert_array_equal(told[key][1:, 0], told["observation_0"][1:, 0] > 1)
    assert told[key][0] == 0.0 and told[key][-1] == 1.0
    assert any(each.level == "note" and "shape (2,)" in each.message for each in preflight(task).remarks)


def test_a_success_of_ones_own_takes_its_place() -> None:
    assert new("--success", "episode.observation_0 > 2").environment.fields == {}
    both = new("--success", "(episode.is_success > 0.5) & (episode.observation_0 < 2)", out="both.yaml")
    assert list(both.environment.fields) == ["is_success"]


def test_what_only_a_reset_tells_holds_for_the_episode() -> None:
    fields = ["--field", "goal=info.goal; m; The goal.", "--field", "speed=info.speed; m/s; The push."]
    task = new(*fields, "--success", "episode.observation_0 > episode.goal[:, 0]")
    table = field_table(task)
    assert dict(table.layout()) == {"goal": (2,), "speed": (1,), "observation_0": ()}
    told = episode(task, 0.5)
    assert np.ptp(told["goal"], axis=0).max() == 0.0 and (told["goal"] >= 1).all()
    np.testing.assert_array_equal(told["speed"][:, 0], [0.0] + [0.5] * 5)
    # Another episode does not keep what the last one told.
    recorder = StateRecorder(open_environment(task), table)
    for seed in (1, 2):
        row = recorder.reset(seed=seed)[1]["next_state"]
        recorder.step(np.ones(1, np.float32))
    assert row[2] == 0.0
    reward = "def compute_reward(state, action, next_state):\n    return {'near': -abs(next_state.goal[0])}\n"
    with pytest.raises(RewardSynthError, match="in `info`: goal"):
        RewardWrapper(open_environment(task), reward, fields=task.environment.fields)
    with pytest.raises(RewardSynthError, match="stand-alone file: goal"):
        export(reward, "Pendulum-v1", {}, None, table)


@pytest.mark.parametrize(
    ("field", "said"), [("x=info.gaol", "there is: goal, is_success"), ("x=info.text", "no number")]
)
def test_what_is_not_told_cannot_be_a_field(field: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--env", "./telling.py:Telling", "--goal", "Go.", "--fitness", "1.0", "--fitness-unit", "m"]
    assert execute(["tasks", "new", *words, "--yes", "--field", field]) == 2
    assert said in capsys.readouterr().err


def test_a_step_of_six_values_tells_a_cost() -> None:
    limit = "(episode.observation_0 > 1) & (np.cumsum(episode.cost) < 0.7)"
    task = new("--argument", "values=6", "--success", limit)
    assert list(task.environment.fields) == ["cost"] and "cost" in field_table(task).for_rewards().names
    np.testing.assert_array_equal(episode(task, 1.0)["cost"][:, 0], [0.0] + [0.25] * 5)


@pytest.mark.parametrize(("values", "end"), [(4, (False, True)), (5, (True, False)), (6, (True, False))])
def test_a_step_of_four_values_says_how_it_ended(values: int, end: tuple[bool, bool]) -> None:
    task = new("--argument", f"values={values}")
    assert episode(task, 0.1, 7)["ends"] == [(False, False)] * 6 + [end]


def test_a_wrapper_of_ones_own_still_gets_what_its_environment_gives() -> None:
    class Six(gymnasium.Env[Any, Any]):
        observation_space = action_space = spaces.Box(-1, 1, (1,))

        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            return np.zeros(1, np.float32), {}

        def step(self, action: Any) -> Any:
            return np.zeros(1, np.float32), 0.0, 0.5, False, False, {}

    class Doubles(gymnasium.Wrapper):
        def step(self, action: Any) -> Any:
            observation, reward, cost, terminated, truncated, info = self.env.step(action)  # type: ignore[misc]
            return observation, reward, 2 * cost, terminated, truncated, info

    gymnasium.register("DoubleCost-v0", entry_point=lambda: Doubles(Six()))
    from reward_synth.simulators import open_by_id
    from reward_synth.state.custom_fields import told_in_a_step

    assert told_in_a_step(open_by_id("DoubleCost-v0"))["cost"] == 1.0


NOISY = """
import ctypes
import os

import gymnasium
import numpy as np
from gymnasium import spaces

C = ctypes.CDLL(None)


def say(where):
    print("python", where)
    os.write(1, f"descriptor {where}\\n".encode())
    C.puts(f"C {where}".encode())


class Noisy(gymnasium.Env):
    dt = 0.1

    def __init__(self):
        say("made")
        self.observation_space = spaces.Box(-9, 9, (1,), np.float32)
        self.action_space = spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        say("reset")
        self.s = self.np_random.uniform(-1, 1, 1).astype(np.float32)
        return self.s.copy(), {}

    def step(self, action):
        say("step")
        self.s = np.clip(self.s + 0.1 * action, -9, 9).astype(np.float32)
        return self.s.copy(), 0.0, False, False, {}

    def close(self):
        C.puts(b"C closed")


say("imported")
"""


def test_what_an_environment_prints_does_not_spoil_the_json(tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(NOISY)
    words = ["tasks", "new", "--env", "./noisy.py:Noisy", "--goal", "Go right.", "--horizon", "20", "--yes", "--json"]
    words += ["--success", "episode.observation_0 > 5", "--fitness", "episode.observation_0[-1]", "--fitness-unit", "m"]
    command = [sys.executable, "-c", "from reward_synth.cli.app import main; main()", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["file"] == "go_right.yaml"
    for who in ("python", "descriptor", "C"):
        assert all(f"{who} {where}\n" in done.stderr for where in ("imported", "made", "reset", "step"))


def test_a_choice_is_given_as_a_plain_integer() -> None:
    class Strict(gymnasium.Env[Any, Any]):
        observation_space, action_space = spaces.Box(-1, 1, (1,)), spaces.Discrete(3)

        def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
            return np.zeros(1, np.float32), {}

        def step(self, action: Any) -> Any:
            assert type(action) is int
            return np.zeros(1, np.float32), 0.0, False, False, {}

    gymnasium.register("Strict-v0", entry_point=Strict)
    from reward_synth.simulators import open_by_id

    env = open_by_id("Strict-v0")
    env.reset(seed=0)
    env.step(env.action_space.sample())
