from __future__ import annotations

from pathlib import Path

import pytest

from reward_synth.audit import behaviours
from reward_synth.audit.environment import audit_environment
from reward_synth.audit.record import Audit
from reward_synth.core.errors import RewardSynthError
from reward_synth.simulators.custom.files import name_environment
from reward_synth.tasks.spec import EnvironmentSpec

LINE = '''
import gymnasium
import numpy as np


class Line(gymnasium.Env):
    """A point that is pushed along a line."""

    dt = 0.1

    def __init__(self):
        self.observation_space = gymnasium.spaces.Box(-9, 9, (2,), np.float64)
        self.action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = np.array([self.np_random.uniform(-1, 1), 0.0])
        self.start = self.state[0]
        return self.state.copy(), {}

    def step(self, action):
        self.state[1] = np.clip(self.state[1] + 0.1 * float(action[0]), -1, 1)
        self.state[0] = np.clip(self.state[0] + 0.1 * self.state[1], -9, 9)
        position, speed = self.state
        return self.state.copy(), REWARD, ENDS, False, INFO
'''


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Audits a point on a line whose step pays this."""

    def audited(reward: str, ends: str = "False", info: str = "{}", seconds: float = 60.0) -> Audit:
        path = tmp_path / f"line_{len(list(tmp_path.iterdir()))}.py"  # A file is imported once.
        path.write_text(LINE.replace("REWARD", reward).replace("ENDS", ends).replace("INFO", info))
        spec = EnvironmentSpec.of(name_environment(f"{path}:Line")).model_copy(update={"horizon": 40})
        monkeypatch.setattr("reward_synth.screening.attack.ROUNDS", 2)
        return audit_environment(spec, seconds)

    return audited


def rules(audit: Audit) -> set[str]:
    return {finding.rule for finding in audit.findings}


def test_a_reward_for_speed_is_clean_and_its_table_tells_sums_means_and_discounted_sums_apart(line) -> None:
    found = line("speed", info="{'reward_speed': 0.25 * speed, 'speed_cost': -speed, 'x': position}")
    assert not found.findings and found.planned is not None and found.planned.rounds
    rows = {row.behaviour.partition(",")[0]: row for row in found.rows}
    assert rows["rest"].total == 0.0 and {"push", "swing", "statue in the start state"} <= set(rows)
    push = rows["push"]
    assert push.total == pytest.approx(push.mean * push.steps) and push.discounted < push.total
    paid = {"reward_speed": pytest.approx(0.25 * push.pay), "speed_cost": pytest.approx(-push.pay)}
    assert push.terms == paid, "per simulated second"
    assert found.measure == "" and found.verdicts["screen/wrong-sign"] == "not applicable"
    assert found.maximises.startswith("the discounted sum, with 0.99 per step") and "69 steps" in found.maximises


def test_a_reward_for_standing_still_is_found(line) -> None:
    assert rules(line("1.0 - abs(speed)")) == {"rest-pays-most"}


def test_the_planner_shows_that_a_failure_is_paid_as_success_is(line) -> None:
    success = "{'success': position > 0.5}"
    assert "pays-without-success" in rules(line("-position", info=success))
    found = line("position", info=success)
    assert not found.findings and found.measure == "`success` in the environment's info"


def test_a_training_that_ends_is_paid_less_than_one_that_lasts(line) -> None:
    found = line("-1.0", ends="bool(abs(position - self.start) > 1.0)")
    assert rules(found) == {"early-end-pays"}


def test_no_number_from_one_start_is_told_and_the_rest_is_answered(line) -> None:
    found = line("float('nan') if self.start > 0.5 else 1.0 - abs(speed)")
    assert "no-number" in rules(found) and "rest-pays-most" in rules(found)
    assert any(row.total is not None for row in found.rows)


def test_a_reward_that_does_not_repeat_itself_is_not_planned_against(line) -> None:
    found = line("float(np.random.default_rng().normal())")
    assert rules(found) == {"not-repeatable"}
    assert found.planned is not None and "does not repeat itself" in found.planned.as_text()


def test_without_time_a_silence_is_not_enough_data(line) -> None:
    for seconds in (0.0, 1e-9):
        found = line("1.0 - abs(speed)", seconds=seconds)
        assert found.verdicts["audit/rest-pays-most"] == "not enough data" and not found.findings


def test_five_hundred_parts_of_a_reward_are_cut_and_the_sum_is_told_as_it_is(line) -> None:
    found = line("speed", info="{f'reward_{n}': speed / 500 for n in range(500)}")
    assert len(found.rows[0].terms) == 12
    assert any("do not add up" in note for note in found.notes)


def test_a_reward_that_is_no_number_at_all_is_refused_in_words(line) -> None:
    with pytest.raises(RewardSynthError, match="failed in"):
        line("None")


def test_a_slow_environment_is_played_less_and_that_is_told(line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(behaviours, "RECORDING", -1.0)
    found = line("speed")
    assert any("scripted behaviours were left out" in note for note in found.notes)
    assert {row.behaviour.partition(",")[0] for row in found.rows} >= {"rest", "planned for the reward"}


def test_an_environment_without_a_reward_here_is_refused_with_what_to_do() -> None:
    with pytest.raises(RewardSynthError, match="cannot be read") as refused:
        audit_environment(EnvironmentSpec.of("crafter-collect-wood"), 0.0)
    assert "reward-synth audit FILE" in refused.value.hint


def test_pushing_a_cube_pays_for_dawdling(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mani_skill")
    monkeypatch.setattr(behaviours, "RECORDING", -1.0)
    found = audit_environment(EnvironmentSpec.of("PushCube-v1"), 0.0)
    (dawdling,) = [finding for finding in found.findings if finding.rule == "dawdling-pays"]
    assert "were the episode not ended there" in dawdling.message


def test_a_slight_fall_on_an_experts_way_is_remarked_and_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("metaworld")
    monkeypatch.setattr(behaviours, "RECORDING", -1.0)
    found = audit_environment(EnvironmentSpec.of("drawer-open-v3"), 0.0)
    (told,) = [note for note in found.notes if "falls on the way" in note]
    assert not found.findings and "no plan was finished" in told


def test_pressing_a_button_pays_a_failure_more_than_success() -> None:
    pytest.importorskip("metaworld")
    found = audit_environment(EnvironmentSpec.of("button-press-v3"), 0.0)
    assert rules(found) == {"pays-without-success", "pays-for-something-else"}, "a whole failure, and an attack's rule"
