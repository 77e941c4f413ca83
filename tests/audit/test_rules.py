from __future__ import annotations

import numpy as np
import pytest

from reward_synth.audit.behaviours import HELD_ON
from reward_synth.audit.rules import AUDIT, Questions, Told
from reward_synth.core.types import Finding, Verdict
from reward_synth.screening.played import PLANNED
from reward_synth.screening.reference_episodes import EXPERT, REST

HORIZON = 100


def told(
    kind: str,
    pay: float | list[float],
    seed: int = 0,
    success: bool | None = None,
    ended: bool = False,
    steps: int = HORIZON,
    reached_at: int | None = None,
    fitness: float | None = None,
) -> Told:
    rewards = np.array(pay if isinstance(pay, list) else [pay] * steps, dtype=float)
    reached = None if reached_at is None else np.arange(len(rewards)) >= reached_at
    return Told(kind, seed, rewards, HORIZON, ended, success, reached, fitness)


def asked(*episodes: Told, planned: bool = True, repeatable: bool = True) -> tuple[list[Finding], dict[str, Verdict]]:
    found, verdicts = Questions(episodes, 0.99, 0.1, planned, repeatable).answers()
    assert set(verdicts) == {rule.id for rule in AUDIT.values()}
    assert {each.id for each in found} == {rule for rule, said in verdicts.items() if said == "found"}
    return found, {rule.partition("/")[2]: said for rule, said in verdicts.items()}


SOUND = (
    told(REST, 0.0, success=False),
    told("push", -1.0, success=False),
    told(EXPERT, [0.01 * n for n in range(HORIZON)], success=True, reached_at=60),
    told(PLANNED, 0.4, success=False, steps=50),
)


def test_a_sound_reward_is_not_found_fault_with() -> None:
    found, answers = asked(*SOUND)
    assert found == []
    assert answers["rest-pays-most"] == answers["pays-without-success"] == answers["falls-on-the-way"] == "not found"
    assert answers["dawdling-pays"] == "not applicable", "success ends no episode"


def test_doing_nothing_that_is_paid_most_is_told_and_only_after_a_plan() -> None:
    still = (told(REST, 1.0), told("push", 0.0), told(PLANNED, 1.0, steps=50))
    found, answers = asked(*still)
    assert answers["rest-pays-most"] == "found" and "doing nothing is paid 1.00 per step" in found[0].message
    assert asked(*still, planned=False)[1]["rest-pays-most"] == "not enough data"
    assert asked(told(REST, 1.0, success=True), *still[1:])[1]["rest-pays-most"] == "not found", "to stand is the goal"


def test_a_statue_is_told_only_where_the_best_paid_does_badly() -> None:
    falls = told(REST, [1.0, 0.0, 0.0], ended=True, fitness=0.0)
    runs = told("push", 0.0, fitness=1.0)
    for fitness, answer in ((0.1, "found"), (0.9, "not found"), (None, "not found")):
        found, answers = asked(falls, runs, told(PLANNED, 0.98, steps=50, fitness=fitness))
        assert answers["rest-pays-most"] == answer
    assert not found


def test_a_failure_is_paid_more_in_sum_or_for_some_steps() -> None:
    expert = told(EXPERT, 1.0, success=True, reached_at=50)
    found, _ = asked(told(REST, 0.0), told("leans", 1.1, success=False), expert)
    assert [each.rule for each in found] == ["pays-without-success"] and "in sum" in found[0].message
    found, _ = asked(told(REST, 0.0), told("leans", [0.0] * 50 + [1.2] * 12, success=False), expert)
    assert [each.rule for each in found] == ["pays-without-success"] and "for 10 steps" in found[0].message
    found, answers = asked(told(REST, 0.0), told("leans", [0.0] * 50 + [1.2] * 5, success=False), expert)
    assert not found and answers["pays-without-success"] == "not found"
    assert asked(told(REST, 0.0), told("push", 1.0))[1]["pays-without-success"] == "not applicable"
    assert asked(told(REST, 0.0, success=False), told("push", 1.0, success=False))[1]["dawdling-pays"] == (
        "not enough data"
    )


def test_success_that_ends_the_pay_early_is_dawdling() -> None:
    starts = [told(REST, 0.1, seed, False) for seed in range(3)]
    done = [told(EXPERT, 0.5, seed, True, True, steps=10, reached_at=9) for seed in range(3)]
    held = told(HELD_ON, 0.9, 0, True)
    found, _ = asked(*starts, *done, held)
    (dawdling,) = [each for each in found if each.rule == "dawdling-pays"]
    assert "from 3 of 3 starts" in dawdling.message and "sum 5.00 against 10.0" in dawdling.message
    assert "per step 0.500 against 0.100" in dawdling.message and "in sum 90.0" in dawdling.message
    rich = [told(EXPERT, 5.0, seed, True, True, steps=10, reached_at=9) for seed in range(3)]
    assert asked(*starts, *rich)[1]["dawdling-pays"] == "not found"


@pytest.mark.parametrize(
    ("low", "steps", "answer", "remarked"),
    [(0.2, 10, "found", True), (0.2, 2, "not found", False), (0.35, 10, "not found", True)],
)
def test_pay_that_falls_on_an_experts_way(low: float, steps: int, answer: str, remarked: bool) -> None:
    way = [0.05 * n for n in range(11)] + [low] * steps + [0.5] * 20 + [1.0] * 20
    expert = told(EXPERT, way, success=True, reached_at=31 + steps)
    found, answers = asked(told(REST, 0.0, success=False), expert)
    assert answers["falls-on-the-way"] == answer
    if found:
        assert "falls on the way: in the median from 0.4" in found[0].message
    plan = told(PLANNED, 1.0, success=True)
    assert asked(told(REST, 0.0, success=False), expert, plan)[1]["falls-on-the-way"] == "not found"
    remarks = list(Questions((told(REST, 0.0), expert, plan), 0.99, 0.1, True).remarks())
    assert bool(remarks) == remarked and all("a planned episode gets past it" in each for each in remarks)


def test_what_is_no_number_is_told_and_the_rest_is_still_answered() -> None:
    found, answers = asked(*SOUND, told("push", [0.0, np.nan, 0.0], seed=7))
    assert "the reward is nan at step 2 of the behaviour push, which starts from seed 7" in found[0].message
    assert answers["pays-without-success"] == "not found"
    _, answers = asked(told(REST, float("inf")))
    assert answers["rest-pays-most"] == "could not run"


def test_what_does_not_repeat_itself_is_told() -> None:
    assert asked(*SOUND, repeatable=False)[1]["not-repeatable"] == "found"
