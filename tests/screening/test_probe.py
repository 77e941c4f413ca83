from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from reward_synth.core.types import CheckReport
from reward_synth.core.waiting import Deadline
from reward_synth.reward.probe_rules import CALLS, TERMS
from reward_synth.sandbox.process import RewardProcess
from reward_synth.screening.probe import SLOWEST_CALL, Transitions, about_terms, check, doubled

LAYOUT = (("speed", ()), ("hand", (3,)), ("height", ()), ("unused", (2,)))
WIDTH = 7
RANGES = (
    np.array([-np.inf, -1.0, -1.0, -1.0, 0.0, -np.inf, -np.inf]),
    np.array([np.inf, 1.0, 1.0, 1.0, 2.0, np.inf, np.inf]),
)


class Clock:
    """What deadlines take for the time. It stands still unless a test lets it pass."""

    seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("reward_synth.core.waiting.time", clock)
    return clock


def real(episodes: int = 4, length: int = 10) -> Transitions:
    """The first half of the episodes at rest, at height 1, the others moving."""
    generator = np.random.default_rng(1)
    parts = []
    for episode in range(episodes):
        rest = episode < episodes // 2
        rows = np.zeros((length + 1, WIDTH))
        rows[:, 4] = 1.0
        if not rest:
            rows[1:, :4] = generator.uniform(-1, 1, (length, 4))
            rows[1:, 4] = generator.uniform(0.5, 1.5, length)
        actions = np.zeros((length, 2)) if rest else generator.uniform(-1, 1, (length, 2))
        parts.append((rows[:-1], actions, rows[1:], np.arange(length) == 0))
    return Transitions(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def checked(body: str, memory: bool = False, head: str = "import numpy as np", **options: float) -> CheckReport:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    parameters = "state, action, next_state" + (", memory" if memory else "")
    source = f"{head}\ndef compute_reward({parameters}):\n{lines}\n"
    return check(source, LAYOUT, RANGES, real(), 2, **options)


def rules(report: CheckReport) -> list[str]:
    return [finding.rule for finding in report.findings]


def test_a_good_reward_is_clean_and_its_fields_and_terms_are_told() -> None:
    report = checked("return {'fast': next_state.speed, 'effort': -float(np.sum(action ** 2)), 'h': next_state.height}")
    assert report.findings == ()
    assert report.ok
    assert report.fields == ("speed", "height")
    assert report.terms == ("fast", "effort", "h")


def test_a_lint_error_keeps_it_from_running(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[object] = []
    monkeypatch.setattr("reward_synth.screening.probe.RewardProcess", lambda *_, **__: started.append(1))
    report = checked("return {'a': next_state.sped}")
    assert rules(report) == ["unknown-field"]
    assert report.terms == ()
    assert not started


def test_an_exception_has_its_line_and_text() -> None:
    report = checked("x = next_state.hand\nreturn {'a': next_state.speed, 'b': x @ action}")
    assert rules(report) == ["exception"]
    assert report.findings[0].line == 4
    assert "ValueError" in report.findings[0].message
    assert "`return {'a': next_state.speed, 'b': x @ action}`" in report.findings[0].message
    assert report.findings[0].source == "probe"


def test_nan_at_rest_is_called_so() -> None:
    report = checked("return {'a': next_state.speed, 'b': float(np.sum(np.abs(action))) / np.abs(action[0])}")
    assert rules(report) == ["not-finite"]
    finding = report.findings[0]
    assert "term `b` is nan (in 20 of 40 transitions), at rest (zero action)" in finding.message
    assert finding.line == 3
    assert "1e-6" in finding.fix


def test_nan_when_moving_names_the_state() -> None:
    report = checked("return {'a': float(np.sqrt(next_state.speed))}")
    assert "on a real transition, where next_state has speed = -" in report.findings[-1].message


def test_nan_in_a_sampled_state_is_a_warning() -> None:
    report = checked("return {'a': float(np.log(next_state.height - 0.4)), 'b': next_state.speed}")
    assert rules(report) == ["may-be-undefined", "not-finite"]
    assert report.ok
    assert "within the fields' ranges" in report.findings[1].message


def test_a_wrong_shape_is_named_with_its_term() -> None:
    report = checked("return {'a': next_state.speed, 'b': next_state.hand}")
    assert rules(report) == ["wrong-shape"]
    assert "`b`" in report.findings[0].message
    assert report.findings[0].line == 3


def test_dead_and_constant_terms_are_warnings() -> None:
    report = checked("return {'a': next_state.speed, 'dead': 1.0 if next_state.height > 1.9 else 0.0, 'alive': 0.5}")
    assert sorted(rules(report)) == ["constant-term", "dead-term"]
    assert report.ok
    assert {f.message.split("`")[1] for f in report.findings} == {"dead", "alive"}


def test_a_term_that_is_all_but_zero_is_dead() -> None:
    terms = np.stack(
        [np.linspace(0.0, 1.0, 50), np.exp(-np.linspace(30.0, 40.0, 50)), np.linspace(0.0, 1e-3, 50)], axis=1
    )
    (found,), _ = about_terms(terms, ("speed", "near", "small"))
    assert found.id == "probe/dead-term" and "`near` is at most 9e-14 in size on all of 50 real" in found.message


def test_a_bonus_for_lasting_and_what_nobody_reached_are_no_faults() -> None:
    terms = np.stack([np.linspace(0.0, 1.0, 50), np.full(50, 0.5), np.zeros(50), np.full(50, -0.5)], axis=1)
    names = ("speed", "alive", "landing", "cost")

    def warned(**shown: bool) -> list[str]:
        return [finding.message.split("`")[1] for finding in about_terms(terms, names, **shown)[0]]

    assert warned() == ["alive", "landing", "cost"]
    assert warned(falls=True) == ["landing"], "constants pay for lasting or for ending, which other rules tell apart"
    assert warned(hurries=True) == ["landing"], "it pays for haste where success ends the episode"
    assert warned(falls=True, succeed=False) == []
    assert warned(succeed=False) == ["alive", "cost"]


def test_terms_that_are_next_to_nothing_are_not_called_doubled() -> None:
    """Closeness to a place that no recorded episode comes near, times one factor or another."""
    near = np.exp(-np.linspace(30.0, 40.0, 50))
    speed = np.linspace(0.0, 1.0, 50)
    assert doubled(np.stack([speed, near, near * (1.0 + 1e-12 * speed)], axis=1)) == []
    assert doubled(np.stack([speed, 1e3 * near * 1e13, 1e3 * near * 1e13], axis=1)) == [(2, 1)]


def test_a_constant_reward_is_an_error() -> None:
    report = checked("return {'a': 1.0, 'b': 0.0 * next_state.speed}")
    assert rules(report) == ["constant-reward"]
    assert not report.ok


@pytest.mark.parametrize(
    "terms",
    ["'x': a, 'y': b, 'sum_of_all': a + b", "'sum_of_all': a + b, 'x': a, 'y': b", "'x': a, 'y': b, 'z': a"],
)
def test_doubling_is_found_by_value(terms: str) -> None:
    report = checked(f"a = next_state.speed\nb = next_state.height\nreturn {{{terms}}}")
    assert "doubled-term" in rules(report)
    assert not report.ok


def test_what_only_looks_like_doubling_is_left_alone() -> None:
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, 50))
    assert doubled(np.stack([a, b, a - b], axis=1)) == [(0, None)]  # a is the sum of the other two
    assert doubled(np.stack([a, b, a + 2 * b], axis=1)) == []
    assert doubled(np.stack([a, -a], axis=1)) == []
    assert doubled(np.stack([a, np.zeros(50)], axis=1)) == []


def test_a_term_too_large_to_learn_from() -> None:
    report = checked("return {'a': 1e8 * next_state.speed, 'b': next_state.height}")
    assert rules(report) == ["too-large-term"]


def test_hidden_state_that_the_lint_does_not_see_is_impure() -> None:
    body = "count = 0.0\nfor count in COUNT:\n    break\nreturn {'a': next_state.speed + count}"
    report = checked(body, head="import numpy as np\nCOUNT = map(float, range(1000))")
    assert rules(report) == ["impure"]


def test_memory_is_pure_as_long_as_it_stays_in_its_episode() -> None:
    body = (
        "memory['n'] = memory.get('n', 0) + 1\n"
        "best = memory.get('best', next_state.height)\n"
        "memory['best'] = max(best, next_state.height)\n"
        "return {'n': 0.01 * memory['n'], 'record': memory['best'] - best, 'speed': next_state.speed}"
    )
    assert checked(body, memory=True).findings == ()
    report = checked("return {'n': memory['n'] + next_state.speed}", memory=True)
    assert rules(report) == ["exception"]
    assert "memory.get" in report.findings[0].fix


def test_the_deadline_holds_for_everything(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[float] = []
    evaluate = RewardProcess.evaluate

    def slow(process: RewardProcess, *arguments: Any) -> Any:
        assert isinstance(process.deadline, Deadline)
        given.append(process.deadline.left)
        clock.seconds += 0.5
        process.deadline = 60.0
        return evaluate(process, *arguments)

    monkeypatch.setattr(RewardProcess, "evaluate", slow)
    assert checked("return {'a': next_state.speed}", seconds=1.2).ok
    # Each evaluation gets what the ones before have left over, and a little at least.
    assert given[:3] == pytest.approx([1.2, 0.7, 0.2])
    assert len(given) > 3 and set(given[3:]) == {0.1}


def test_a_reward_is_not_blamed_for_the_time_for_which_all_processes_were_stopped(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate = RewardProcess.evaluate

    def stopped(process: RewardProcess, *arguments: Any) -> Any:
        clock.seconds += 3600.0 if not clock.seconds else 0.0
        return evaluate(process, *arguments)

    monkeypatch.setattr(RewardProcess, "evaluate", stopped)
    assert checked("return {'a': next_state.speed}", seconds=2.0).ok and clock.seconds


def test_a_reward_that_comes_to_no_end_is_told() -> None:
    body = "xs = np.hstack([action] * 999).tolist()\n"
    body += "return {'a': state.speed * sum(1 for a in xs for b in xs for c in xs for d in xs)}"
    assert rules(checked(body, seconds=1.0)) == ["deadline"]


@pytest.mark.parametrize(("factor", "told"), [(0.9, False), (1.1, True)])
def test_a_slow_reward_is_told(clock: Clock, monkeypatch: pytest.MonkeyPatch, factor: float, told: bool) -> None:
    evaluate = RewardProcess.evaluate

    def timed(process: RewardProcess, states: Any, *arguments: Any) -> Any:
        clock.seconds += factor * SLOWEST_CALL * len(states)
        return evaluate(process, states, *arguments)

    monkeypatch.setattr(RewardProcess, "evaluate", timed)
    monkeypatch.setattr(RewardProcess, "cpu_seconds", property(lambda process: clock.seconds))
    assert rules(checked("return {'a': next_state.speed}")) == ["slow"] * told


def test_only_the_reward_s_own_processor_time_makes_it_slow() -> None:
    with RewardProcess(
        "def compute_reward(state, action, next_state):\n    return {'a': float(sum(range(20_000)))}", (), action_size=1
    ) as process:
        before = process.cpu_seconds
        time.sleep(0.2)
        assert process.cpu_seconds == before, "it slept"
        rows = np.zeros((1000, 0))
        process.evaluate(rows, np.zeros((1000, 1)), rows, np.ones(1000, dtype=bool))
        assert process.cpu_seconds > before


def test_no_terms_and_too_little_data() -> None:
    findings, otherwise = about_terms(np.zeros((3, 0)), ())
    assert ([f.id for f in findings], otherwise) == (["probe/no-terms"], "not applicable")
    assert about_terms(np.ones((1, 1)), ("a",)) == ([], "not enough data")


def test_each_rule_answers_and_a_clean_reward_was_looked_at() -> None:
    report = checked("return {'fast': next_state.speed, 'h': next_state.height}")
    assert set(report.verdicts) == {rule.id for rule in (*CALLS.values(), *TERMS.values())}
    assert set(report.verdicts.values()) == {"not found"}


def test_what_is_found_is_the_verdict_of_its_rule_alone() -> None:
    report = checked("return {'a': float(np.log(next_state.height - 0.4)), 'b': next_state.speed, 'dead': 0.0}")
    found = {rule for rule, verdict in report.verdicts.items() if verdict == "found"}
    assert found == {"probe/not-finite", "probe/dead-term"}
    assert set(report.verdicts.values()) == {"found", "not found"}


def test_terms_of_a_constant_reward_are_not_looked_at_one_by_one() -> None:
    verdicts = checked("return {'a': 1.0, 'b': 0.0 * next_state.speed}").verdicts
    assert (verdicts["probe/constant-reward"], verdicts["probe/impure"]) == ("found", "not found")
    assert verdicts["probe/dead-term"] == verdicts["probe/doubled-term"] == "not applicable"


@pytest.mark.parametrize(
    ("body", "found"),
    [("return {'a': next_state.sped}", set()), ("return {'a': next_state.hand}", {"probe/wrong-shape"})],
)
def test_what_could_not_run_is_no_clean_answer(body: str, found: set[str]) -> None:
    verdicts = checked(body).verdicts
    assert {rule for rule, verdict in verdicts.items() if verdict == "found"} == found
    assert {verdict for rule, verdict in verdicts.items() if rule not in found} == {"could not run"}
