from __future__ import annotations

import pytest

from reward_synth.audit import file as module
from reward_synth.audit.file import audit_file
from reward_synth.reward.contract import RewardError
from reward_synth.reward.probe_rules import PROBE
from reward_synth.tasks.spec import load_task


def test_a_reward_that_is_no_number_from_one_start_is_told_and_no_rule_of_pay_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*arguments: object) -> None:
        raise RewardError(PROBE["not-finite"].finding("term `upright` is nan"))

    monkeypatch.setattr(module, "case_of", fails)
    source = (
        'def compute_reward(state, action, next_state):\n    return {"upright": 1.0 - abs(next_state.pole_angle)}\n'
    )
    found = audit_file("reward", source, load_task("gym/inverted_pendulum_balance"), 0.0, 0.99)
    assert [each.rule for each in found.findings if each.severity == "error"] == ["not-finite"]
    assert found.verdicts["audit/rest-pays-most"] == found.verdicts["screen/wrong-sign"] == "could not run"
