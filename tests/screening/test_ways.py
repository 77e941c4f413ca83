"""Pay for either direction, and a way whose rest is worth nothing: planted ones are found, sound ones left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from reward_synth.core.types import CheckReport
from reward_synth.screening.checker import RewardChecker
from reward_synth.tasks.spec import load_task

EXAMPLES = Path(__file__).resolve().parents[2] / "prompts" / "examples"
EFFORT = "-0.1 * float(np.sum(action**2))"
NEAR = "float(np.linalg.norm(next_state.gripper_position - next_state.drawer_handle_position))"
WAY = "float(np.linalg.norm(next_state.drawer_handle_position - next_state.target_position))"
NEARER = f"({WAY.replace('next_state', 'state')} - {WAY})"
STEP = "float(np.linalg.norm(next_state.drawer_handle_position - state.drawer_handle_position))"


@pytest.fixture(scope="module")
def cheetah() -> RewardChecker:
    return RewardChecker.of(load_task("gym/half_cheetah_run_forward"))


@pytest.fixture(scope="module")
def drawer() -> RewardChecker:
    pytest.importorskip("metaworld")
    return RewardChecker.of(load_task("metaworld/drawer_open"))


def screened(checker: RewardChecker, source: str) -> CheckReport:
    report = checker.check(source)
    assert report.ok, report.findings
    return checker.screen(source, report)


def of_terms(*terms: str) -> str:
    text = ", ".join(f"'t{number}': {term}" for number, term in enumerate(terms))
    return f"import numpy as np\n\n\ndef compute_reward(state, action, next_state):\n    return {{{text}}}\n"


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        (("abs(next_state.x_velocity)", EFFORT), "x_velocity"),
        (("abs(next_state.torso_velocity[0])", EFFORT), "torso_velocity[0]"),
        (("next_state.x_velocity**2",), "x_velocity"),
        (("float(np.sqrt(next_state.x_velocity**2 + 0.01))",), "x_velocity"),
        (("abs(next_state.x_position - state.x_position)",), "x_position"),
        # Half of it is left where the way back costs nothing.
        (("max(next_state.x_velocity, 0.0)", EFFORT), "x_velocity"),
        (("max(next_state.x_position - state.x_position, 0.0)",), "x_position"),
        # A little pay for the direction does not make up for it.
        (("abs(next_state.x_velocity)", "0.1 * next_state.x_velocity"), "x_velocity"),
        # With its sign, with a speed to be had, or as a small part beside it, it is right.
        (("next_state.x_velocity", EFFORT), ""),
        (("-abs(next_state.x_velocity - 3.0)",), ""),
        (("next_state.x_velocity", "0.1 * abs(next_state.x_velocity)"), ""),
        # A cost on either direction is none of its business, and a posture has none.
        (("next_state.x_position - state.x_position", "-0.1 * next_state.x_velocity**2"), ""),
        (("next_state.x_velocity", "-abs(next_state.torso_pitch)"), ""),
    ],
)
def test_pay_for_either_direction(cheetah: RewardChecker, terms: tuple[str, ...], found: str) -> None:
    report = screened(cheetah, of_terms(*terms))
    said = [finding for finding in report.findings if finding.rule == "either-way-pays"]
    assert len(said) == bool(found) == (report.verdicts["screen/either-way-pays"] == "found")
    assert all(f"`t0` would still pay if `{found}` went" in each.message for each in said)


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        ((f"max({NEARER}, 0.0)", f"-0.1 * {WAY}"), True),
        ((STEP,), True),
        ((NEARER, f"-0.1 * {WAY}"), False),
        # It hardly counts, or it is about states and not about changes.
        ((f"0.01 * max({NEARER}, 0.0)", f"1.0 - {WAY}"), False),
        ((f"1.0 - {NEAR}", f"1.0 - {WAY}"), False),
    ],
)
def test_a_way_that_is_paid_again_at_a_drawer(drawer: RewardChecker, terms: tuple[str, ...], found: bool) -> None:
    report = screened(drawer, of_terms(*terms))
    said = [finding for finding in report.findings if finding.rule == "paid-again"]
    assert len(said) == found == (report.verdicts["screen/paid-again"] == "found")
    assert all("`t0` paid " in each.message for each in said)


def test_the_best_so_far_is_not_paid_again(drawer: RewardChecker) -> None:
    """What happens once or twice in an episode may not be undone, and is not asked either."""
    kept = f"    best = memory.get('best', 9.0)\n    memory['best'] = min(best, {WAY})\n"
    body = f"{kept}    return {{'t0': max(min(best, 0.5) - memory['best'], 0.0)}}\n"
    once = f"    return {{'t0': float({WAY} < 0.1 <= {WAY.replace('next_state', 'state')}), 't1': -{WAY}}}\n"
    for given, text in ((", memory", body), ("", once)):
        source = f"import numpy as np\n\n\ndef compute_reward(state, action, next_state{given}):\n{text}"
        assert screened(drawer, source).verdicts["screen/paid-again"] == "not found"


def test_where_the_goal_has_no_direction_either_one_may_pay() -> None:
    pendulum = RewardChecker.of(load_task("gym/inverted_pendulum_balance"))
    report = screened(pendulum, of_terms("1.0", "-abs(next_state.pole_angle)", "0.01 * abs(next_state.cart_velocity)"))
    assert report.verdicts["screen/either-way-pays"] == "not applicable"


def test_a_reward_that_fails_in_steps_that_nobody_makes_is_not_blamed(cheetah: RewardChecker) -> None:
    # A body that moves never stands exactly still, as it does in the steps that the rule makes up.
    late = "[1.0][0 if abs(next_state.x_velocity) > 0.0 else 1]"
    report = screened(cheetah, of_terms("abs(next_state.x_velocity)", late))
    assert report.verdicts["screen/either-way-pays"] == "could not run"
    assert not [finding for finding in report.findings if finding.source == "screen"]


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        ((f"-5.0 * {NEAR}", f"-0.1 * {WAY}"), True),
        ((f"1.0 / (1.0 + 20.0 * {NEAR})", f"0.05 * (1.0 - {WAY})"), True),
        ((f"-{NEAR}", f"10.0 * {STEP}"), True),
        ((f"-2.0 * {NEAR}", f"0.02 * float({WAY} < 0.03)"), True),
        ((f"-{NEAR}", f"-{WAY}"), False),
        # Where the whole way costs more than it is paid, its sign is wrong, and nothing is drowned.
        ((f"-0.1 * {NEAR}", f"10.0 * {WAY}"), False),
        ((f"1.0 - {NEAR}", f"10.0 * float({WAY} < 0.03)"), False),
    ],
)
def test_nearness_drowns_the_pull_at_a_drawer(drawer: RewardChecker, terms: tuple[str, str], found: bool) -> None:
    report = screened(drawer, of_terms(*terms))
    said = [finding for finding in report.findings if finding.rule == "drowned"]
    assert len(said) == found == (report.verdicts["screen/drowned"] == "found")
    assert all("mostly by `t0`; going on adds " in each.message and each.severity == "warning" for each in said)


def test_without_an_expert_nobody_shows_the_way(cheetah: RewardChecker) -> None:
    report = screened(cheetah, (EXAMPLES / "half_cheetah_run_forward.py").read_text(encoding="utf-8"))
    assert report.verdicts["screen/drowned"] == "not applicable"
    assert report.verdicts["screen/either-way-pays"] == "not found"


def test_a_stopped_expert_stands_still_to_the_horizon(drawer: RewardChecker) -> None:
    reference = drawer.reference_episodes
    first, last = reference.stops[0], reference.stops[-1]
    assert {each.length for each in reference.stops} == {drawer.task.horizon}
    assert (first.rows == first.rows[0]).all() and not first.actions.any()
    assert reference.stop_fitness[0] < 0.05 and reference.stop_fitness[-1] > 0.9
    assert (last.rows[-1] != first.rows[0]).any()
