"""Which rewards are one and the same to a learner, on the reacher's own recorded episodes."""

from __future__ import annotations

import numpy as np
import pytest

from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.twins import SamePay, same_pay
from reward_synth.tasks.spec import TaskSpec, load_task

NEAR = "-float(np.linalg.norm(next_state.fingertip_to_target))"
BEFORE = "-float(np.linalg.norm(state.fingertip_to_target))"
EFFORT = "-0.1 * float(np.sum(action**2))"


@pytest.fixture(scope="module")
def task() -> TaskSpec:
    return load_task("gym/reacher_reach")


@pytest.fixture(scope="module")
def checker(task: TaskSpec) -> RewardChecker:
    return RewardChecker.of(task)


def reward(**terms: str) -> str:
    told = ", ".join(f'"{name}": {value}' for name, value in terms.items())
    return f"import numpy as np\n\n\ndef compute_reward(state, action, next_state):\n    return {{{told}}}\n"


def compared(checker: RewardChecker, one: str, other: str, *, but_constant: bool = True) -> SamePay | None:
    pays = [checker.paid(source, checker.check(source)) for source in (one, other)]
    return same_pay(*pays, but_constant=but_constant)


PARENT = reward(near=NEAR, effort=EFFORT)


@pytest.mark.parametrize(
    ("child", "factor", "constant"),
    [
        (reward(all_of_it=f"({NEAR}) + ({EFFORT})"), 1.0, 0.0),
        (reward(near=f"0.1 * ({NEAR})", effort=f"0.1 * ({EFFORT})"), 0.1, 0.0),
        (reward(near=f"10.0 * ({NEAR})", effort=f"10.0 * ({EFFORT})"), 10.0, 0.0),
        (reward(near=f"2.0 * ({NEAR}) + 0.7", effort=f"2.0 * ({EFFORT})"), 2.0, 0.7),
    ],
)
def test_a_factor_and_a_constant_make_no_other_reward(
    checker: RewardChecker, child: str, factor: float, constant: float
) -> None:
    same = compared(checker, child, PARENT)
    assert same is not None
    assert (same.factor, same.constant) == pytest.approx((factor, constant))
    assert same.transitions == 1550
    assert (compared(checker, child, PARENT, but_constant=False) is None) == bool(constant)


@pytest.mark.parametrize(
    "child",
    [
        reward(near=f"1.3 * ({NEAR})", effort=EFFORT),
        reward(near=NEAR, effort=f"2.0 * ({EFFORT})"),
        reward(near=f"-({NEAR})", effort=f"-({EFFORT})"),
        reward(near=NEAR, effort=EFFORT, progress=f"0.99 * ({NEAR}) - ({BEFORE})"),
        # A bonus in a few of the 1,550 transitions.
        reward(near=NEAR, effort=EFFORT, there=f"0.01 * float({NEAR} > -0.006)"),
        reward(still="0.0 * action[0]"),
    ],
)
def test_anything_else_makes_another_one(checker: RewardChecker, child: str) -> None:
    assert compared(checker, child, PARENT) is None
    assert compared(checker, PARENT, child) is None


def test_the_sums_behind_two_signs_must_be_equal_too(task: TaskSpec, checker: RewardChecker) -> None:
    signed = task.model_copy(update={"training": task.training.model_copy(update={"scale": "sign"})})
    judged = RewardChecker(signed, checker.table, checker.reference_episodes)
    one, other = (reward(sparse_near=NEAR, effort=effort) for effort in (EFFORT, "-float(np.sum(np.abs(action)))"))
    assert compared(judged, one, other, but_constant=False) is None, "their signs are equal everywhere"
    doubled = reward(effort=f"2.0 * ({EFFORT})", sparse_near=f"2.0 * ({NEAR})")
    same = compared(judged, one, doubled, but_constant=False)
    assert same is not None and same.factor == pytest.approx(0.5)


def test_what_is_told_names_the_factor_and_what_was_looked_at(checker: RewardChecker) -> None:
    assert checker.reference_episodes.lasts
    assert SamePay(3.2, 0.0, 4650).as_text("001-a") == (
        "pays the same as 001-a up to a factor of 3.20 on 4,650 stored transitions"
    )
    assert SamePay(1.0, -0.5, 10).as_text("001-a") == (
        "pays the same as 001-a up to a constant of -0.500 in each step on 10 stored transitions"
    )
    assert same_pay(np.ones((1, 4)), np.ones((1, 4)), but_constant=True) is None
