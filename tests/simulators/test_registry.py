"""Simulators register themselves: this package's by a line, another's by an entry point."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import reward_synth
from reward_synth.core.errors import RewardSynthError
from reward_synth.simulators import environments, get_simulator, open_by_id, registry, simulator_names, simulator_of
from reward_synth.tasks.spec import load_task, match_task

PACKAGE = Path(reward_synth.__file__).parent

OUTSIDE = """
import gymnasium
from reward_synth.simulators.protocol import Simulator
from reward_synth.simulators.gym.observation_fields import observation_actions, observation_fields
from reward_synth.state.table import FieldTable


class Pendulums(Simulator):
    name = "pendulums"
    trial = "my-pendulum"

    def make(self, env_id, arguments, horizon=None):
        return gymnasium.make("Pendulum-v1", max_episode_steps=horizon or 100, **arguments)

    def fields(self, env):
        return FieldTable(observation_fields(env), observation_actions(env))

    def seconds_per_step(self, env):
        return 0.05

    def environments(self):
        return {"my-pendulum": "A pendulum of somebody else's."}

    def describe(self, env_id, arguments):
        return self.environments()[env_id]

    def horizon(self, env_id):
        return 100
"""


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Another package, installed: a module, and metadata with entry points."""
    (tmp_path / "my_pendulums.py").write_text(OUTSIDE)
    metadata = tmp_path / "my_pendulums-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-pendulums\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[reward_synth.simulators]\npendulums = my_pendulums:Pendulums\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry._outside.cache_clear()
    yield tmp_path
    registry._outside.cache_clear()
    sys.modules.pop("my_pendulums", None)


@pytest.mark.usefixtures("outside")
def test_a_package_of_somebody_elses_brings_a_simulator() -> None:
    assert "pendulums" in simulator_names()
    simulator = get_simulator("pendulums")
    assert simulator.exports == "never" and simulator.install_line == "" and simulator.pictures() == ("", "")
    assert simulator_of("my-pendulum") == "pendulums" and simulator_of("Pendulum-v1") == "gym"
    env: Any = open_by_id("my-pendulum")
    env.reset(seed=0)
    table = simulator.fields(env)
    assert table.reader(env)(env.step(env.action_space.sample())[0]).shape == (table.width(),)
    assert simulator.experts(env) == []


def test_its_environments_are_among_all(outside: Path) -> None:
    (outside / "my_pendulums-1.0.dist-info" / "entry_points.txt").write_text(
        "[reward_synth.simulators]\npendulums = my_pendulums:Pendulums\ngym = my_pendulums:Pendulums\n"
    )
    known = environments()
    assert known["my-pendulum"] == "A pendulum of somebody else's." and "Hopper-v5" in known
    assert get_simulator("gym").name == "gym", "nobody takes a name of ours"
    assert len(simulator_names()) == len(set(simulator_names()))


def test_one_that_cannot_be_imported_is_named(outside: Path) -> None:
    (outside / "my_pendulums-1.0.dist-info" / "entry_points.txt").write_text(
        "[reward_synth.simulators]\nbroken = my_pendulums_that_are_not:There\n"
    )
    with pytest.raises(RewardSynthError, match="'broken' cannot be imported from my_pendulums_that_are_not"):
        environments()
    assert get_simulator("gym").name == "gym"


def test_naming_a_simulator_imports_none() -> None:
    code = (
        "import sys; from reward_synth.simulators import simulator_names; simulator_names()\n"
        "print([name for name in sys.modules if name.partition('.')[0] in ('gymnasium', 'mujoco', 'numpy')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.strip() == "[]"


def test_ids_that_name_what_to_do_are_not_taken_for_robots() -> None:
    """``HalfCheetah-v5`` names the cheetah, so a goal need not; the cube of ``PushCube-v1`` may not be left out."""
    assert match_task("run forward as fast as possible", "HalfCheetah-v5") == load_task("gym/half_cheetah_run_forward")
    assert match_task("push to the goal region", "PushCube-v1") is None


# What no part outside of a simulator's folder may do


def outside_of_simulators() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if "simulators" not in path.relative_to(PACKAGE).parts]


def what_it_may_not(node: ast.AST) -> str:
    others = {*simulator_names()} - {"gym"}
    match node:
        case ast.Constant(value=str(name)) if name in others:
            return repr(name)
        case ast.Compare() if "'gym'" in ast.unparse(node):
            return ast.unparse(node)
        case ast.ImportFrom(module=str(module)):
            folder = module.removeprefix("reward_synth.simulators.").partition(".")[0]
            return f"imports {module}" if folder != module and folder in simulator_names() else ""
        case ast.Call(func=ast.Attribute(attr="make")):
            return ast.unparse(node)
    return ""


@pytest.mark.parametrize("path", outside_of_simulators(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nobody_else_asks_for_a_simulator_by_name_or_makes_an_environment(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert [found for node in ast.walk(tree) if (found := what_it_may_not(node))] == []


def test_asking_by_name_is_seen() -> None:
    for text in (
        "if name == 'crafter': pass",
        "known = simulator in ('gym', 'mine')\nif simulator == 'gym': pass",
        "def f():\n    from reward_synth.simulators.maniskill.visuals import find_device",
        "env = get_simulator(name).make(env_id, {})",
    ):
        assert any(what_it_may_not(node) for node in ast.walk(ast.parse(text)))
