"""Which findings send a draft back, and which reject it: real lint, probe and screen, scripted answers."""

from __future__ import annotations

import pytest

from reward_synth.llm.base import Request
from reward_synth.llm.fake import ScriptedModel
from reward_synth.methods.refine import Refined, Refiner
from reward_synth.roles.brief import Brief
from reward_synth.roles.critic import Critic
from reward_synth.roles.designer import Designer, Draft
from reward_synth.roles.prompts import Prompts
from reward_synth.screening.checker import RewardChecker
from reward_synth.tasks.spec import load_task

GOOD = """
import numpy as np

def compute_reward(state, action, next_state):
    return {"upright": 1.0 - abs(next_state.pole_angle)}
"""
LEANING = GOOD.replace("1.0 - abs", "abs")
BROKEN = GOOD.replace("pole_angle", "pole_angel")
PASS = '{"verdict": "pass", "findings": []}'
FINDING = '{{"verdict": "revise", "findings": [{{"severity": "{}", "message": "too weak", "fix": "double it"}}]}}'


@pytest.fixture(scope="module")
def checker() -> RewardChecker:
    return RewardChecker.of(load_task("gym/inverted_pendulum_balance"))


def refine(
    checker: RewardChecker,
    source: str,
    repairs: list[str],
    reviews: list[str] | None = None,
    rounds: int = 3,
    plan_seconds: float = 0.0,
    prompts_seen: list[str] | None = None,
) -> tuple[Refined, list[str]]:
    """The refined draft, and the roles that were asked in order."""
    answers = {"designer": list(repairs), "critic": list(reviews or [])}

    def answer(request: Request) -> str:
        text = answers[request.role].pop(0)
        if prompts_seen is not None:
            prompts_seen.append(request.messages[-1].content)
        return f"```python{text}```" if request.role == "designer" else text

    model = ScriptedModel(answer)
    prompts = Prompts()
    critic = None if reviews is None else Critic(model, prompts)
    task, table = checker.task, checker.table
    brief = Brief(task.goal, "a cart", table.stub(), table.stub(short=True), table.names, 1000, 0.04, 40.0)
    refiner = Refiner(checker, Designer(model, prompts), critic, rounds, plan_seconds=plan_seconds)
    return refiner.refine(brief, [Draft(source)])[0], [request.role for request in model.requests]


def test_a_sound_reward_is_left_alone(checker: RewardChecker) -> None:
    item, asked = refine(checker, GOOD, [], [PASS])
    assert (item.ok, item.valid_at_first, item.repairs, asked) == (True, True, 0, ["critic"])
    assert item.report.alignment is not None and item.report.alignment.reward > 0.5


def test_a_reward_is_attacked_only_if_asked_and_the_critic_reads_what_it_pays(checker: RewardChecker) -> None:
    asked: list[str] = []
    item, _ = refine(checker, GOOD, [], [PASS], plan_seconds=1e-6, prompts_seen=asked)
    assert item.report.planned is not None and item.report.verdicts["screen/wrong-sign"] == "not enough data"
    assert "what it pays per simulated second" in asked[0] and "  - statue at the start: " in asked[0]
    item, _ = refine(checker, GOOD, [], [PASS], prompts_seen=asked)
    assert item.report.planned is None and "per simulated second" not in asked[1]


def test_code_that_breaks_the_contract_is_mended(checker: RewardChecker) -> None:
    item, _ = refine(checker, BROKEN, [GOOD])
    assert (item.ok, item.valid_at_first, item.repairs, item.draft.source.strip()) == (True, False, 1, GOOD.strip())


def test_what_stays_broken_is_rejected_with_its_reason(checker: RewardChecker) -> None:
    item, asked = refine(checker, BROKEN, [BROKEN, BROKEN, BROKEN])
    assert not item.ok and not item.valid and item.repairs == 3 and asked == ["designer"] * 3
    assert "pole_angel" in item.reason and "after 3 repairs" in item.reason


def test_a_reward_for_the_opposite_is_valid_code_but_not_trained(checker: RewardChecker) -> None:
    item, _ = refine(checker, LEANING, [LEANING], rounds=1)
    assert item.valid_at_first and item.valid and not item.ok
    assert "misaligned" in item.reason
    assert item.report.alignment is not None and item.report.alignment.reward < -0.5


def test_a_critics_error_asks_for_a_repair_but_does_not_reject(checker: RewardChecker) -> None:
    item, asked = refine(checker, GOOD, [GOOD], [FINDING.format("error")] * 2, rounds=1)
    assert asked == ["critic", "designer", "critic"]
    assert item.ok and item.repairs == 1
    assert "too weak" in [finding.message for finding in item.report.findings]


def test_what_the_screen_warns_of_is_told_with_a_repair_and_asks_for_none(checker: RewardChecker) -> None:
    stated = GOOD.replace("    return", "    'upright: 5 to 6'\n    return")
    seen: list[str] = []
    item, asked = refine(checker, stated, [GOOD], [FINDING.format("error"), PASS], rounds=1, prompts_seen=seen)
    assert asked == ["critic", "designer", "critic"] and item.report.ok
    assert all("warning: [outside-stated-range] `upright` is " in prompt for prompt in seen[:2])
    item, asked = refine(checker, stated, [], [PASS])
    assert asked == ["critic"] and [finding.rule for finding in item.report.findings] == ["outside-stated-range"]


def test_a_critics_warning_is_kept_for_people_and_asks_for_nothing(checker: RewardChecker) -> None:
    item, asked = refine(checker, GOOD, [], [FINDING.format("warning")])
    assert asked == ["critic"] and item.ok
    assert "too weak" in [finding.message for finding in item.report.findings]


def test_a_repair_that_breaks_sound_code_is_not_taken(checker: RewardChecker) -> None:
    item, _ = refine(checker, GOOD, [BROKEN], [FINDING.format("error")], rounds=1)
    assert item.ok and item.draft.source == GOOD and item.repairs == 1
