"""A faster step is taken with the versions that it was compared with, and with no other."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from packaging.requirements import Requirement

from reward_synth.api import doctor
from reward_synth.core.errors import RewardSynthError
from reward_synth.simulators import get_simulator, simulator_names, versions
from reward_synth.simulators.extra import ExtraSimulator
from reward_synth.simulators.gym.fast_step import VERIFIED
from reward_synth.simulators.versions import Verified

EXTRAS = [name for name in simulator_names() if isinstance(get_simulator(name), ExtraSimulator)]
PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def installed(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(versions, "_version", lambda package: version)


@pytest.mark.parametrize(
    ("version", "holds"),
    [("3.0", True), ("3.0.1", True), ("3.0.0rc1", True), ("3.01", False), ("3.1", False), ("30.0", False), ("", False)],
)
def test_a_series_is_a_beginning_of_whole_numbers(monkeypatch: pytest.MonkeyPatch, version: str, holds: bool) -> None:
    installed(monkeypatch, version)
    assert Verified("mani-skill", ("3.0",)).holds == holds


def test_the_installed_versions_are_verified() -> None:
    assert VERIFIED.holds
    for name in EXTRAS:
        assert not get_simulator(name).environments() or get_simulator(name).verified.holds, name


def test_another_version_of_gymnasium_takes_upstreams_own_step(monkeypatch: pytest.MonkeyPatch) -> None:
    simulator = get_simulator("gym")
    assert "step" in vars(simulator.make("HalfCheetah-v5", {}).unwrapped)
    installed(monkeypatch, "99.0")
    env, theirs = simulator.make("HalfCheetah-v5", {}), gymnasium.make("HalfCheetah-v5")
    assert not {"step", "_get_obs", "_get_rew"} & set(vars(env.unwrapped))
    env.reset(seed=0), theirs.reset(seed=0)
    action = np.ones(6, dtype=np.float32)
    ours, upstreams = env.step(action), theirs.step(action)
    assert np.array_equal(ours[0], upstreams[0]) and ours[1] == upstreams[1] != 0.0


@pytest.mark.parametrize("name", EXTRAS)
def test_environments_that_stand_in_for_upstreams_refuse_another_version(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    simulator: Any = get_simulator(name)
    installed(monkeypatch, "99.0")
    with pytest.raises(RewardSynthError, match=r"99\.0 is installed") as caught:
        simulator.make(simulator.trial, {})
    assert caught.value.hint == simulator.install_line


@pytest.mark.parametrize("name", EXTRAS)
def test_the_extra_installs_no_version_that_was_not_compared(name: str) -> None:
    simulator: Any = get_simulator(name)
    extras = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]
    asked = {each.name: each.specifier for each in map(Requirement, extras[name])}[simulator.verified.package]
    major, _, minor = simulator.verified.series[-1].rpartition(".")
    assert not asked.contains(f"{major}.{int(minor) + 1}.0") and not asked.contains("99.0")


ON_ONE_MUJOCO = [name for name in EXTRAS if getattr(get_simulator(name), "mujoco", "")]


@pytest.mark.parametrize("name", ON_ONE_MUJOCO)
def test_another_mujoco_than_a_simulator_runs_on_is_refused_with_the_line_that_changes_it(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    simulator: Any = get_simulator(name)
    pytest.importorskip(simulator.module)
    found = versions._version
    monkeypatch.setattr(versions, "_version", lambda package: "4.0.0" if package == "mujoco" else found(package))
    with pytest.raises(RewardSynthError, match=r"needs MuJoCo 3\.3\.0, and 4\.0\.0 is installed") as caught:
        simulator.make(simulator.trial, {})
    # What pip changes by itself would be half of either version.
    assert caught.value.hint == "pip uninstall -y mujoco mujoco-core mujoco-studio && pip install mujoco==3.3.0"
    row = doctor._simulator(name)
    assert (row.state, row.text, row.hint) == ("warning", caught.value.message, caught.value.hint)


def test_the_control_suites_extra_brings_the_mujoco_that_it_runs_on() -> None:
    """MetaWorld asks for its MuJoCo itself."""
    extra = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]["dmcontrol"]
    simulator: Any = get_simulator("dmcontrol")
    assert ON_ONE_MUJOCO == ["metaworld", "dmcontrol"]
    assert f"mujoco=={simulator.mujoco}" in [str(asked).partition(";")[0] for asked in map(Requirement, extra)]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("raise ImportError('core bindings are missing,\\nrepair it')", "core bindings are missing, repair it"),
        ("raise OSError('libmujoco.so.4.0.0: cannot open')", "libmujoco.so.4.0.0: cannot open"),
        ("", "cannot import name"),
    ],
)
def test_a_mujoco_of_two_versions_is_no_fault_of_ours(tmp_path: Path, source: str, says: str) -> None:
    """What is left where pip changed between version 3 and version 4."""
    (tmp_path / "mujoco").mkdir()
    (tmp_path / "mujoco" / "__init__.py").write_text(source)
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from reward_synth.cli.app import main; main()"
    command = [sys.executable, "-c", code, "run", "hop", "--env", "Hopper-v5", "--model", "manual", "--dry-run"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 2
    assert "cannot be imported" in told.stderr and says in " ".join(told.stderr.split())
    assert "hint: pip uninstall -y mujoco mujoco-core mujoco-studio && pip install mujoco" in told.stderr
