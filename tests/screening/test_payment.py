from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import ArrayLike

from reward_synth.core.names import ScaleName
from reward_synth.reward.contract import load_reward
from reward_synth.reward.vector.checked import FIRST
from reward_synth.sandbox.process import RewardBatch, RewardProcess
from reward_synth.screening import payment
from reward_synth.screening.payment import Payment
from reward_synth.screening.terms import CHECKED_ROWS
from reward_synth.state.table import FieldTable
from reward_synth.state.view import viewer
from tests.diagnosis import cases as trainings
from tests.preferences import cases

GENERATOR = np.random.default_rng(3)
SHAPES = ((60, False), (200, False), (25, True), (90, False))
EPISODES = {
    f"001-a/{number}": cases.random_episode(GENERATOR, length, terminated)
    for number, (length, terminated) in enumerate(SHAPES)
}

PLAIN = """import numpy as np

WEIGHT = 2.0


def compute_reward(state, action, next_state):
    gain = WEIGHT * (next_state.torso_speed - state.torso_speed)
    return {"sparse_high": 1.0 if next_state.torso_height > 0.5 else 0.0, "gain": gain, "effort": -np.sum(action**2)}
"""
HELPER = """def parts(state, next_state):
    terms = {"height": next_state.torso_height}
    if next_state.torso_height > 1.5:
        terms["high"] = 1.0
    return terms


def compute_reward(state, action, next_state):
    return parts(state, next_state)
"""
MEMORY = """def compute_reward(state, action, next_state, memory):
    best = max(memory.get("best", 0.0), next_state.torso_speed)
    gained = best - memory.get("best", 0.0)
    memory["best"] = best
    return {"record": gained}
"""


def paid(source: str, scale: ScaleName = "sum") -> Payment:
    return payment.pay_of(source, trainings.TABLE, EPISODES, scale)


@pytest.mark.parametrize("source", [PLAIN, HELPER, MEMORY], ids=["plain", "helper", "memory"])
@pytest.mark.parametrize("scale", ["sum", "sign"])
def test_it_pays_what_the_function_returns_step_by_step(source: str, scale: ScaleName) -> None:
    found = paid(source, scale)
    assert found.ok, found.findings
    reward, view = load_reward(source, scale), viewer(trainings.LAYOUT)
    for number, episode in enumerate(EPISODES.values()):
        memory: dict[object, object] = {}
        total, sums = 0.0, np.zeros(len(found.terms))
        for step in range(episode.length):
            rows = view(episode.rows[step]), episode.actions[step], view(episode.rows[step + 1])
            terms = reward(*rows, memory) if reward.takes_memory else reward(*rows)
            sums += [terms.get(term, 0.0) for term in found.terms]
            total += reward.total(terms)
        whole = episode.horizon if episode.terminated else episode.length
        assert found.pay[number] == pytest.approx(total / whole)
        assert found.per_term[number] == pytest.approx(sums / whole, rel=1e-9, abs=1e-12)


def test_the_scale_in_the_first_line_of_the_text_counts() -> None:
    assert paid(f"# reward-synth: scale=sign\n{PLAIN}").pay == pytest.approx(paid(PLAIN, "sign").pay)


def test_a_usual_reward_is_computed_in_few_large_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    whole = RewardProcess.evaluate

    def counted(self: RewardProcess, states: object, *rest: object) -> object:
        sizes.append(len(states))  # type: ignore[arg-type]
        return whole(self, states, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(RewardProcess, "evaluate", counted)
    paid(PLAIN)
    assert sizes == [CHECKED_ROWS] * FIRST + [375]


def test_findings_of_the_lint_and_of_the_run() -> None:
    wrong = paid("def compute_reward(state, action, next_state):\n    return {'a': next_state.torso_sped}\n")
    assert not wrong.ok and [each.rule for each in wrong.findings] == ["unknown-field"]
    fails = paid(
        "def compute_reward(state, action, next_state):\n"
        "    x = next_state.torso_height\n"
        "    return {'a': [1.0][int(abs(x) > 2.5)]}\n"
    )
    assert not fails.ok and fails.pay.shape == (0,)
    message = fails.findings[-1].message
    assert "IndexError" in message and " s of the episode 001-a/" in message
    second, _, name = message.partition(", at ")[2].partition(" s of the episode ")
    failed = EPISODES[name]
    row = round(float(second) / failed.dt)
    assert abs(failed.field("torso_height")[row + 1]) > 2.5


def test_a_field_that_only_judges_may_read_is_unknown() -> None:
    fields = [replace(each, judge_only=each.name == "torso_speed") for each in trainings.TABLE]
    table = FieldTable(fields, trainings.TABLE.actions)
    found = payment.pay_of(PLAIN, table, EPISODES, "sum")
    assert [each.rule for each in found.findings] == ["unknown-field"] * len(found.findings) and not found.ok


def test_a_payment_that_takes_too_long_in_all_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payment, "LONGEST", -1.0)
    given_up = payment.pay_of(MEMORY, trainings.TABLE, EPISODES, "sum")
    assert not given_up.ok and "not done within" in given_up.findings[-1].message


def test_a_payment_is_not_given_up_for_a_time_for_which_all_processes_were_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, evaluate = [0.0], RewardProcess.evaluate

    def stopped(process: RewardProcess, *arguments: ArrayLike) -> RewardBatch:
        clock[0] += 0.0 if clock[0] else 3600.0
        return evaluate(process, *arguments)

    monkeypatch.setattr(RewardProcess, "evaluate", stopped)
    monkeypatch.setattr("reward_synth.core.waiting.time.monotonic", lambda: clock[0])
    assert payment.pay_of(PLAIN, trainings.TABLE, EPISODES, "sum").ok and clock[0]
