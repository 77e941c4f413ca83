"""What every shipped task spec must satisfy, held against its simulator."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.scripted_episodes import SCENES
from reward_synth.tasks.spec import TaskSpec, list_tasks, load_task, match_task
from reward_synth.training.presets import preset_for
from tests.tasks.demonstrations import (
    EXPECTED,
    SPECS,
    expected_of,
    random_episodes,
    table_of,
    verdicts_on_chance,
    verdicts_on_rest,
    verdicts_on_who_can,
)

DOCS = Path(__file__).parents[2] / "docs"
SLACK = 1e-6
"""By how much a value may lie outside of its field's range: single-precision simulators round."""

# What is recorded of a task is recorded once per process.
of_every_task = pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.xdist_group(n)) for n in sorted(SPECS)]
)


@pytest.fixture
def spec(name: str) -> TaskSpec:
    """The spec, where its simulator is there."""
    expected = expected_of(name)
    if expected.package:
        pytest.importorskip(expected.package, reason=f"needs: pip install 'reward-synth[{expected.extra}]'")
    return SPECS[name]


# ── the text ──────────────────────────────────────────────────────────────────────────────────────────────


@of_every_task
def test_a_spec_bears_the_name_of_its_file_and_can_be_loaded_by_it(name: str) -> None:
    assert load_task(name) == load_task(SPECS[name].short_name) == SPECS[name]
    assert name == f"{SPECS[name].simulator}/{SPECS[name].short_name}"


@of_every_task
def test_the_native_reward_is_nowhere_in_a_spec(name: str) -> None:
    spec = SPECS[name]
    judged = () if expected_of(name).native else (spec.success, spec.fitness)
    told = " ".join([spec.goal, *spec.aliases, *judged, spec.fitness_unit])
    assert not re.search(r"reward|healthy|survive|ctrl|cost|bonus", told, re.IGNORECASE)


@of_every_task
def test_a_spec_names_a_preset_that_exists(name: str) -> None:
    assert preset_for(SPECS[name])


@of_every_task
def test_goal_and_aliases_mean_this_task_alone(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Each call would read all files anew.
    monkeypatch.setattr(sys.modules[match_task.__module__], "list_tasks", lambda: list(SPECS.values()))
    spec = SPECS[name]
    for goal in (spec.goal, *spec.aliases):
        assert match_task(goal) == spec, goal
        assert match_task(goal, spec.environment.id) == spec, goal


# ── in the simulator ──────────────────────────────────────────────────────────────────────────────────────


@of_every_task
def test_its_fields_are_finite_and_in_range(spec: TaskSpec) -> None:
    table = table_of(spec.name)
    rows = random_episodes(spec.name)[0].rows
    for field in table:
        values = rows[:, table.columns()[field.name]]
        assert values.shape[1] == np.prod(field.shape, dtype=int), field.name
        assert np.isfinite(values).all(), field.name
        assert field.low - SLACK <= values.min() and values.max() <= field.high + SLACK, field.name


@of_every_task
def test_success_fires_for_who_can_do_it(spec: TaskSpec) -> None:
    verdicts = verdicts_on_who_can(spec.name)
    if not verdicts and spec.simulator not in EXPECTED:
        pytest.skip("neither an expert nor a script is known")
    expected = expected_of(spec.name)
    succeeded = [verdict for verdict in verdicts if verdict.success]
    assert succeeded
    assert len(verdicts) - len(succeeded) <= expected.failures
    assert all(verdict.success_any for verdict in succeeded)
    assert all(expected.done[0] <= verdict.fitness <= expected.done[1] for verdict in succeeded)


@of_every_task
def test_success_does_not_fire_at_rest(spec: TaskSpec) -> None:
    low, high = expected_of(spec.name).rest
    for verdict in verdicts_on_rest(spec.name):
        assert not verdict.success_any
        assert low <= verdict.fitness < high


@of_every_task
def test_chance_does_not_succeed(spec: TaskSpec) -> None:
    expected, verdicts = expected_of(spec.name), verdicts_on_chance(spec.name)
    assert sum(verdict.success for verdict in verdicts) <= expected.lucky
    assert expected.passes_by or not any(verdict.success_any for verdict in verdicts)


@of_every_task
def test_fitness_tells_who_can_do_it(spec: TaskSpec) -> None:
    experts = verdicts_on_who_can(spec.name)
    if not experts and spec.simulator not in EXPECTED:
        pytest.skip("neither an expert nor a script is known")
    expected, chance = expected_of(spec.name), verdicts_on_chance(spec.name)
    everybody = [*experts, *chance, *verdicts_on_rest(spec.name)]
    failed = [verdict.fitness for verdict in everybody if not verdict.success]
    assert max(failed) < min([expected.failed, *(verdict.fitness for verdict in everybody if verdict.success)])
    mean = np.mean([verdict.fitness for verdict in experts])
    assert mean > np.mean([verdict.fitness for verdict in chance]) + expected.lead
    if expected.cut and spec.name not in SCENES:
        begun = verdicts_on_who_can(spec.name, expected.cut)
        assert mean > np.mean([verdict.fitness for verdict in begun]) + 0.1
        assert all(verdict.fitness < expected.failed for verdict in begun if not verdict.success)


# ── the pages ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_table_of_all_tasks_has_every_shipped_one() -> None:
    page = (DOCS / "measurements" / "task-table.md").read_text(encoding="utf-8")
    named = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert named == [spec.name for spec in list_tasks()]
