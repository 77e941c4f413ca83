from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from reward_synth.core.types import CheckReport
from reward_synth.evaluation.play import field_table
from reward_synth.evaluation.prediction import unexplained
from reward_synth.reward.lint import lint
from reward_synth.sandbox.channel import protected
from reward_synth.screening import hidden
from reward_synth.screening.hidden import Observed
from reward_synth.screening.reference_episodes import record_reference_episodes
from reward_synth.tasks.spec import TaskSpec, load_task, with_observes


@pytest.fixture(autouse=True)
def locked() -> Iterator[None]:
    with protected():
        yield


def asked(task: TaskSpec, term: str, memory: bool = False) -> CheckReport:
    given = "state, action, next_state" + ", memory" * memory
    count = "    memory['steps'] = memory.get('steps', 0) + 1\n" * memory
    source = f'import numpy as np\n\n\ndef compute_reward({given}):\n{count}    return {{"paid": {term}}}\n'
    table = field_table(task)
    linted = lint(source, table.for_rewards().layout())
    assert linted.ok, linted.findings
    report = CheckReport(fields=linted.fields, terms=linted.terms)
    return Observed(task, table).asked(source, report, record_reference_episodes(task, table))


@pytest.mark.parametrize("task", ["gym/swimmer_swim_forward", "gym/ant_walk_forward"])
def test_a_place_that_the_policy_does_not_see_is_named_and_a_speed_that_it_sees_is_not(task: str) -> None:
    spec = load_task(task)
    report = asked(spec, "np.sin(9.0 * next_state.x_position)")
    (finding,) = report.findings
    assert finding.rule == "hidden-field" and "`x_position`" in finding.message
    seen = asked(spec, "next_state.x_velocity")
    assert not seen.findings and seen.verdicts == {"screen/hidden-field": "not found"}


def test_a_difference_of_hidden_places_is_a_speed_and_no_finding() -> None:
    report = asked(load_task("gym/half_cheetah_run_forward"), "20.0 * (next_state.x_position - state.x_position)")
    assert not report.findings


@pytest.mark.parametrize(
    ("height", "found"), [("np.floor(6.0 * {0}.x_position)", False), ("{0}.x_position ** 2", True)]
)
def test_a_mark_on_the_course_is_passed_as_often_wherever_the_course_begins(height: str, found: bool) -> None:
    """When it is passed, nobody sees. How often, the speed decides."""
    gained = f"{height.format('next_state')} - {height.format('state')}"
    assert bool(asked(load_task("gym/half_cheetah_run_forward"), gained).findings) == found


def test_where_nothing_that_is_known_is_paid_more_than_rest_a_small_difference_says_nothing() -> None:
    """The best known fitness is that of rest, and it is paid hardly anything; others are paid a lot."""
    bell = "np.exp(-((20.0 * (next_state.x_position - state.x_position) - 1.0) / 0.2) ** 2)"
    assert not asked(load_task("gym/half_cheetah_target_speed"), bell).findings


def test_a_hidden_place_in_a_small_part_of_the_reward_is_no_finding() -> None:
    paid = "next_state.x_velocity + 0.05 * np.sin(9.0 * next_state.x_position)"
    assert not asked(load_task("gym/half_cheetah_run_forward"), paid).findings


@pytest.mark.parametrize(
    ("term", "memory", "told"),
    [
        # No recorded episode comes that far, but whoever goes on as the best one does comes there.
        ("next_state.x_velocity * float(next_state.x_position < 0.9)", False, "once `x_position` is"),
        ("next_state.x_velocity * float(memory['steps'] % 250 < 125)", True, "after a wait of"),
        ("next_state.x_velocity * float(memory['steps'] < 1e4)", True, ""),
    ],
)
def test_what_looks_the_same_must_be_paid_the_same_later(term: str, memory: bool, told: str) -> None:
    report = asked(load_task("gym/swimmer_swim_forward"), term, memory)
    assert [told in finding.message for finding in report.findings] == [True] * bool(told)


def shown(task: str, *names: str) -> TaskSpec:
    return with_observes(load_task(task), names)


def test_a_place_that_the_task_shows_to_its_policies_is_not_hidden() -> None:
    paid = "np.sin(9.0 * next_state.x_position)"
    assert asked(shown("gym/swimmer_swim_forward", "clock"), paid).findings
    assert not asked(shown("gym/swimmer_swim_forward", "x_position"), paid).findings


def test_what_is_shown_counts_as_seen_where_hidden_quantities_are_estimated() -> None:
    task, bare = shown("gym/swimmer_swim_forward", "clock", "x_position"), load_task("gym/swimmer_swim_forward")
    (seen, plain) = (Observed(each, field_table(each))._seen[0] for each in (task, bare))
    assert seen.shape[1] == plain.shape[1] + 2
    np.testing.assert_allclose(seen[:3, -2], np.arange(3) / task.horizon)


def test_a_policy_that_sees_the_time_may_be_paid_by_it() -> None:
    halves = "next_state.x_velocity * float(memory['steps'] % 250 < 125)"
    assert asked(shown("gym/swimmer_swim_forward", "start.x_position"), halves, memory=True).findings
    assert not asked(shown("gym/swimmer_swim_forward", "clock"), halves, memory=True).findings


def test_the_estimate_alone_tells_a_hidden_quantity_from_products_of_seen_ones() -> None:
    generator = np.random.default_rng(0)
    seen = [generator.normal(size=(50, 3)) for _ in range(12)]
    shown = unexplained([(each[:, [0]] * each[:, [1]]) for each in seen], seen)
    noise = unexplained([generator.normal(size=(50, 1)) for _ in seen], seen)
    assert shown is not None and shown.value < 0.05
    assert noise is not None and noise.low > hidden.UNEXPLAINED
    assert unexplained([np.zeros((50, 1)) for _ in seen], seen) is None


def test_a_picture_like_observation_is_not_enough_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hidden, "MOST_SEEN", 2)
    report = asked(load_task("gym/inverted_pendulum_balance"), "-abs(next_state.pole_angle)")
    assert report.verdicts == {"screen/hidden-field": "not enough data"}
