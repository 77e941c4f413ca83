from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from reward_synth.core.types import CheckReport
from reward_synth.reward.contract import RewardError
from reward_synth.reward.probe_rules import PROBE
from reward_synth.screening import attack as module
from reward_synth.screening.attack import Attacked, attack
from reward_synth.screening.case import ATTACK, DEAD
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.planner import Plan
from reward_synth.screening.played import EARLIER
from reward_synth.screening.reference_episodes import EXPERT, ReferenceEpisodes
from reward_synth.state.episode import Episode
from reward_synth.tasks.spec import load_task
from tests.diagnosis import cases
from tests.preferences.cases import walk

SPEED = '{"forward": next_state.torso_speed}'
HACK = '{"forward": next_state.torso_speed, "high": 10.0 * next_state.torso_height}'
WALKS = tuple(walk(float(n), n, length=20) for n in range(8))
"""The first one rests; each walks farther than the one before."""


def high(episode: Episode, height: float) -> Episode:
    """The same walk, higher above the ground."""
    rows = episode.rows.copy()
    rows[:, [name for name, _ in episode.layout].index("torso_height")] += height
    return replace(episode, rows=rows)


def attacked(*given: Any, **more: Any) -> CheckReport:
    """The report of :func:`attack_on`."""
    return attack_on(*given, **more).report


def attack_on(
    terms: str,
    planned: Sequence[Episode],
    monkeypatch: pytest.MonkeyPatch,
    episodes: Sequence[Episode] = WALKS,
    finished: int = 1,
    expected: float | None = None,
    kinds: tuple[str, ...] = (),
) -> Attacked:
    """What is known of a reward, where the planner has found these episodes."""
    source = f"def compute_reward(state, action, next_state):\n    return {terms}\n"
    names = tuple(part.split('"')[1] for part in terms.split(", ") if '"' in part)
    fields = tuple(name for name in cases.TABLE.names if f".{name}" in source)
    report = CheckReport(fields=fields, terms=names)

    def found(*arguments: object) -> Plan:
        paid = module.pay_of(source, cases.TABLE, {str(n): each for n, each in enumerate(planned)}, "sum")
        whole = [each.horizon if each.terminated else each.length for each in planned]
        sums = tuple((paid.pay * whole).tolist() if expected is None else [expected] * len(planned))
        return Plan(tuple(planned), sums, finished, 1000, 1.0)

    monkeypatch.setattr(module, "plan", found)
    reference = ReferenceEpisodes(tuple(episodes), tuple(cases.measured(list(episodes), False)), 0, kinds)
    return attack(source, report, cases.SPEC, cases.TABLE, reference, 1.0)


def plainly_attacked() -> CheckReport:
    source = f"def compute_reward(state, action, next_state):\n    return {SPEED}\n"
    report = CheckReport(fields=("torso_speed",), terms=("forward",))
    reference = ReferenceEpisodes(WALKS, tuple(cases.measured(list(WALKS), False)), 0)
    return attack(source, report, cases.SPEC, cases.TABLE, reference, 1.0).report


def answers(report: CheckReport) -> dict[str, str]:
    found = {finding.rule for finding in report.findings}
    assert found == {rule.partition("/")[2] for rule, verdict in report.verdicts.items() if verdict == "found"}
    assert set(report.verdicts) == {rule.id for rule in ATTACK.values()}
    return {rule.partition("/")[2]: verdict for rule, verdict in report.verdicts.items()}


def test_what_is_paid_most_and_does_badly_is_told_with_what_moved_and_which_term_paid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = attacked(HACK, [high(walk(1.0, length=20), 5.0)], monkeypatch)
    assert answers(report)["pays-for-something-else"] == "found"
    (finding,) = report.findings
    assert "`high` +" in finding.message and "`torso_height`" in finding.message and "fitness" in finding.message
    assert report.planned is not None and not report.planned.sound


@pytest.mark.parametrize("height", [5.0, 0.0])
def test_a_recorded_failure_shows_it_too_and_what_is_paid_half_of_the_goal_shows_nothing(
    height: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = [*WALKS, high(walk(3.0, length=20), height)]
    found = attack_on(HACK, [walk(20.0, length=20)], monkeypatch, recorded).episodes
    assert set(found) == {"planned"} | ({"pays-for-something-else"} if height else set())
    if height:
        assert found["pays-for-something-else"].episode is recorded[-1]


def test_where_nobody_succeeds_noise_is_no_hack_if_what_goes_that_way_is_paid_far_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A swimmer's centre has moved as far in noise as in the best known throw of its head; strokes are paid more."""
    nobody = [*(walk(0.5 * n, n, length=20) for n in range(9)), high(walk(1.0, length=20), 0.5)]
    farther, short = high(walk(3.0, length=20), 1.0), high(walk(1.9, length=20), 1.0)
    rule = "pays-for-something-else"
    assert answers(attacked(HACK, [walk(3.0, length=20)], monkeypatch, nobody))[rule] == "found"
    assert answers(attacked(HACK, [farther], monkeypatch, nobody))[rule] == "not found"
    assert answers(attacked(HACK, [short], monkeypatch, nobody))[rule] == "found", "not halfway to the best"
    known = [*nobody, high(walk(5.1, length=20), 0.2)]
    assert answers(attacked(HACK, [farther], monkeypatch, known))[rule] == "found", "what success is paid is known"


def test_what_is_paid_by_terms_that_are_not_about_the_goal_is_told_although_it_does_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planned = high(walk(4.9, length=20), 50.0)
    nobody = [high(walk(0.5 * n, n, length=20), 0.01 * (-1) ** n) for n in range(9)]
    found = attacked(HACK, [planned], monkeypatch, nobody)
    assert answers(found)["beside-the-goal"] == "found" and answers(found)["pays-for-something-else"] == "not found"
    assert "`high` +" in found.findings[0].message and "`forward`" in found.findings[0].message
    assert answers(attacked(HACK, [walk(4.9, length=20)], monkeypatch, nobody))["beside-the-goal"] == "not found"
    known = answers(attacked(HACK, [planned], monkeypatch))["beside-the-goal"]
    assert known == "not found", "success is known, and this comes most of the way there"


def test_who_stays_at_the_goal_must_be_paid_more_than_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    terms = '{"way": 9.0 if 0.0 < next_state.torso_x < 7.9 else 0.5 if next_state.torso_x == 0.0 else 0.0}'
    recorded, kinds = [walk(0.0, length=150), walk(8.0, length=5)], ("rest", EXPERT)
    report = CheckReport(fields=("torso_x",), terms=("way",))
    source = f"def compute_reward(state, action, next_state):\n    return {terms}\n"
    monkeypatch.setattr(module, "plan", lambda *_: Plan(problem="none"))
    reference = ReferenceEpisodes(tuple(recorded), tuple(cases.measured(recorded, False)), 1, kinds)
    (finding,) = attack(source, report, cases.SPEC, cases.TABLE, reference, 1.0).report.findings
    assert finding.rule == "expert-below-rest" and "if one stays there" in finding.message


@pytest.mark.parametrize(("ends", "found"), [(False, []), (True, ["expert-below-rest"])])
def test_the_way_to_the_goal_may_be_paid_less_than_rest_if_one_can_stay_there(
    ends: bool, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = '{"way": 9.0 if next_state.torso_x > 7.9 else 0.5 if next_state.torso_x == 0.0 else 0.0}'
    recorded, kinds = [walk(0.0, length=150), walk(8.0, length=100, terminated=ends)], ("rest", EXPERT)
    report = CheckReport(fields=("torso_x",), terms=("way",))
    source = f"def compute_reward(state, action, next_state):\n    return {terms}\n"
    monkeypatch.setattr(module, "plan", lambda *_: Plan(problem="none"))
    reference = ReferenceEpisodes(tuple(recorded), tuple(cases.measured(recorded, False)), 1, kinds)
    assert [
        each.rule for each in attack(source, report, cases.SPEC, cases.TABLE, reference, 1.0).report.findings
    ] == found


def test_success_that_is_held_counts_as_what_the_goal_is_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    """An expert stops at the goal, so what it is paid in the mean is paid for the way there."""
    terms = '{"forward": 1.0 if next_state.torso_x > 7.9 else 0.3 if 0.0 < next_state.torso_x < 1.0 else 0.0}'
    recorded, kinds = [walk(0.0, length=150), walk(8.0, length=5), walk(0.5, length=150)], ("rest", EXPERT, "push")
    assert not attacked(terms, recorded[2:], monkeypatch, recorded, kinds=kinds).findings
    monkeypatch.setattr(module, "stopped", lambda episode, step: episode)
    assert attacked(terms, recorded[2:], monkeypatch, recorded, kinds=kinds).findings, "else it would be blamed"


@pytest.mark.parametrize("broken", ["paid no more", "does well", "is paid otherwise when replayed"])
def test_each_of_the_three_conditions_is_needed(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    episode = {
        "paid no more": high(walk(1.0, length=20), 0.01),
        "does well": high(walk(7.0, length=20), 5.0),
        "is paid otherwise when replayed": high(walk(1.0, length=20), 5.0),
    }[broken]
    report = attacked(HACK, [episode], monkeypatch, expected=1e3 if "replayed" in broken else None)
    replayed = "replayed" not in broken
    assert answers(report)["pays-for-something-else"] == ("not found" if replayed else "could not run")
    assert report.planned is not None and report.planned.sound == replayed


def test_what_does_worse_than_rest_has_the_wrong_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    report = attacked('{"forward": -next_state.torso_speed}', [walk(-9.0, length=20)], monkeypatch)
    assert answers(report)["wrong-sign"] == "found"


def test_a_reward_whose_best_paid_episode_does_best_is_sound_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    report = attacked(SPEED, [walk(20.0, length=20)], monkeypatch)
    assert not report.findings and report.planned is not None and report.planned.sound
    assert (
        report.planned.as_text()
        == "the planner tried 1,000 transitions in 1.0 CPU-s (1 episode to the end): sound so far"
    )


def test_a_plan_that_was_cut_short_proves_nothing_and_may_still_find_something(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    report = attacked(SPEED, [walk(20.0, length=20)], monkeypatch, finished=0)
    assert answers(report)["pays-for-something-else"] == "not enough data"
    assert report.planned is not None and not report.planned.sound
    found = attacked(HACK, [high(walk(1.0, length=20), 5.0)], monkeypatch, finished=0)
    assert answers(found)["pays-for-something-else"] == "found"


def test_recorded_success_is_enough_to_find_a_failure_that_is_paid_as_much(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = [*WALKS, high(walk(3.0, length=20), 5.0)]
    assert answers(attacked(HACK, [], monkeypatch, recorded, finished=0))["pays-for-something-else"] == "found"
    unsure = answers(attacked(SPEED, [], monkeypatch, recorded, finished=0))
    assert unsure["pays-for-something-else"] == "not enough data", "a plan might find one"
    nobody = [each for each in recorded if each.rows[-1, 0] < 5.0]
    none = answers(attacked(HACK, [], monkeypatch, nobody, finished=0))
    assert none["pays-for-something-else"] == "not enough data", "nobody knows what success is paid"


def test_penalties_alone_make_an_early_end_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    fall = walk(0.5, length=5, terminated=True)
    late = [*WALKS, fall]
    assert (
        answers(attacked('{"late": -1.0 + 0.0 * next_state.torso_speed}', [fall], monkeypatch, late))["early-end-pays"]
        == "found"
    )
    assert answers(attacked(SPEED, [walk(9.0, length=20)], monkeypatch, late))["early-end-pays"] == "not found"
    assert answers(attacked(SPEED, [walk(9.0, length=20)], monkeypatch))["early-end-pays"] == "not applicable"
    done = [*late, walk(8.0, length=6, terminated=True)]
    goal = '{"goal": 9.0 if next_state.torso_x > 7.9 else 1.0 if next_state.torso_x > 0.45 else 0.0, "time": -1.0}'
    quick = answers(attacked(goal, [WALKS[0]], monkeypatch, done))["early-end-pays"]
    assert quick == "not found", "an early success is paid more than the failure"
    prize = '{"prize": 1e3 if 0.499 < next_state.torso_x < 0.501 else 0.0, "late": 0.01 * next_state.torso_speed}'
    assert answers(attacked(prize, [walk(9.0, length=20)], monkeypatch, late))["early-end-pays"] == "found"


def test_nothing_beyond_rest_and_a_bonus_that_is_never_paid(monkeypatch: pytest.MonkeyPatch) -> None:
    terms = '{"still": -abs(next_state.torso_speed), "far": 1.0 if next_state.torso_x > 1e3 else 0.0}'
    slow = [walk(0.2 * n, n, length=20) for n in range(8)]
    found = answers(attacked(terms, [WALKS[0]], monkeypatch, slow))
    assert (found["nothing-beyond-rest"], found["unreachable-bonus"]) == ("found", "found")


def test_a_term_that_reads_nothing_is_no_bonus_that_nobody_reaches(monkeypatch: pytest.MonkeyPatch) -> None:
    report = attacked('{"forward": next_state.torso_speed, "time": 0.0}', [walk(20.0, length=20)], monkeypatch)
    assert answers(report)["unreachable-bonus"] == "not found"
    far = '{"forward": next_state.torso_speed, "far": float(next_state.torso_x > 1e3)}'
    done = attacked(far, [walk(20.0, length=20)], monkeypatch)
    assert answers(done)["unreachable-bonus"] == "found", "also where an episode succeeds"
    soft = '{"forward": next_state.torso_speed, "far": 1.0 / (1.0 + 2.0 ** min(1e3 - next_state.torso_x, 99.0))}'
    near = attacked(soft, [walk(20.0, length=20)], monkeypatch)
    assert answers(near)["unreachable-bonus"] == "found" and "at most" in near.findings[0].message
    tail = soft.replace("min(1e3 - next_state.torso_x, 99.0)", "(5 * (5.0 - next_state.torso_x))")
    known = [walk(0.5 * n, n, length=20) for n in range(8)]
    assert answers(attacked(tail, [walk(1.0, length=20)], monkeypatch, known))["unreachable-bonus"] == "found"
    hint = '{"forward": next_state.torso_speed, "hint": 0.001 * float(next_state.torso_x > 0.1)}'
    given = answers(attacked(hint, [walk(1.0, length=20)], monkeypatch, known))["unreachable-bonus"]
    assert given == "not found", "a hint is small, and it is given"


def test_a_cost_that_was_never_due_is_no_bonus(monkeypatch: pytest.MonkeyPatch) -> None:
    def said(term: str, stated: str = "") -> str:
        source = f'''def compute_reward(state, action, next_state):
    """Walk.

    {stated}
    """
    return {{"forward": next_state.torso_speed, "over": {term}}}
'''
        report = CheckReport(fields=("torso_speed", "torso_x"), terms=("forward", "over"))
        found = Plan((walk(20.0, length=20),), (0.0,), 1, 1000, 1.0)
        monkeypatch.setattr(module, "plan", lambda *_: found)
        reference = ReferenceEpisodes(WALKS, tuple(cases.measured(list(WALKS), False)), 0)
        case = module.case_of(source, report, cases.SPEC, cases.TABLE, reference, 1.0)
        return " ".join(finding.rule for finding, _ in case.findings() if "`over`" in finding.message)

    assert said("-3.0 * max(0.0, next_state.torso_x - 1e3) ** 2") == "", "its zero has a sign"
    assert said("-3.0 if next_state.torso_x > 1e3 else 0.0", "over: -3 to 0") == "", "its docstring says so"
    assert said("3.0 if next_state.torso_x > 1e3 else 0.0", "over: 0 to 3") == "unreachable-bonus"


def test_steps_that_are_paid_as_at_rest_are_not_beside_the_goal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who lasts is paid the same step more often."""
    falls = [replace(walk(0.1 * n, n, length=5 + n), terminated=True) for n in range(6)]
    terms = '{"alive": 2.0 + 0.0 * next_state.torso_speed, "near": -1e-3 * next_state.torso_height}'
    report = attacked(terms, [walk(0.05, length=20)], monkeypatch, falls)
    assert answers(report)["beside-the-goal"] == "not found"


def test_a_dead_term_of_the_probe_is_refuted_by_a_plan_that_is_paid_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Experts stop at the goal, and a policy goes on."""
    source = "def compute_reward(state, action, next_state):\n    return {TERMS}\n".replace(
        "TERMS", '"forward": next_state.torso_speed, "far": float(next_state.torso_x > 9.0)'
    )
    dead = DEAD.finding("term `far` is 0 on all of 160 real transitions")
    other = DEAD.finding("term `forward2` is 0 on all of 160 real transitions")
    reference = ReferenceEpisodes(WALKS, tuple(cases.measured(list(WALKS), False)), 0)
    for planned, said, kept in (
        (20.0, (dead,), ()), (20.0, (dead, other), (other,)), (8.0, (dead,), (dead,)),
    ):  # fmt: skip
        found = Plan((walk(planned, length=20),), (planned,), 1, 1000, 1.0)
        episodes = {"0": found.episodes[0]}
        sums = tuple((20 * module.pay_of(source, cases.TABLE, episodes, "sum").pay).tolist())
        monkeypatch.setattr(module, "plan", lambda *_, found=found, sums=sums: replace(found, expected=sums))
        report = CheckReport(fields=("torso_speed", "torso_x"), terms=("forward", "far"), findings=said)
        report = report.plus((), {DEAD.id: "found"})
        done = attack(source, report, cases.SPEC, cases.TABLE, reference, 1.0).report
        assert tuple(each for each in done.findings if each.id == DEAD.id) == kept
        assert done.verdicts[DEAD.id] == ("found" if kept else "not found")


def test_a_recording_of_rest_is_not_held_against_what_falls_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody knows how long rest would last: what it is paid while it was recorded is compared."""
    tall = '{"tall": 1.0, "forward": next_state.torso_speed}'
    rest, leap = walk(0.0, length=20), walk(3.0, length=22, terminated=True)
    assert leap.horizon > 100
    report = attacked(tall, [leap], monkeypatch, [rest, *WALKS[:2]])
    assert answers(report)["best-below-rest"] == "not found"


def test_the_best_that_is_known_must_be_paid_more_than_rest_where_no_expert_shows_the_goal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slower = '{"still": 5.0 - abs(next_state.torso_speed)}'
    found = attack_on(slower, [WALKS[0]], monkeypatch)
    assert answers(found.report)["best-below-rest"] == "found"
    assert found.episodes["best-below-rest"].score.fitness > 0.0
    assert answers(attacked(SPEED, [WALKS[7]], monkeypatch))["best-below-rest"] == "not found"


def test_the_episode_that_shows_a_finding_is_kept_under_the_rules_name(monkeypatch: pytest.MonkeyPatch) -> None:
    planned = [walk(0.5, length=20), high(walk(1.0, length=20), 5.0)]
    found = attack_on(HACK, planned, monkeypatch).episodes
    assert set(found) == {"planned", "pays-for-something-else"}
    assert all(each.episode is planned[1] for each in found.values()), "the best-paid one"
    assert found["planned"].score.fitness == pytest.approx(cases.measured([planned[1]], False)[0].fitness)

    fall = walk(0.5, length=5, terminated=True)
    late = '{"late": -1.0 + 0.0 * next_state.torso_speed}'
    shown = attack_on(late, [walk(1.0, length=20)], monkeypatch, [*WALKS, fall]).episodes
    # "An end at once" is paid most, and nobody plays it: there is nothing to show.
    assert set(shown) == {"planned"}
    sound = attack_on(SPEED, [walk(20.0, length=20)], monkeypatch)
    assert not sound.report.findings and set(sound.episodes) == {"planned"}


def test_what_was_planned_for_another_reward_may_show_a_hack_and_hides_none(monkeypatch: pytest.MonkeyPatch) -> None:
    hack, mild = high(walk(1.0, length=20), 5.0), walk(1.0, length=20)
    kinds = ("rest", *["push"] * 7, EARLIER)
    found = attack_on(HACK, [mild], monkeypatch, [*WALKS, hack], kinds=kinds).episodes
    assert found["pays-for-something-else"].episode is hack, "this planner did not find it"
    assert found["planned"].episode is mild, "what is handed on is this reward's own"
    twice = attacked(HACK, [hack], monkeypatch, [*WALKS, hack], kinds=kinds)
    assert answers(twice)["pays-for-something-else"] == "found", "the same defect a second time"
    assert "planned for an earlier reward" in {row.behaviour for row in twice.pay}
    # It also shows what can be reached: half of that is more than this planned episode came.
    planned = high(walk(5.0, length=20), 5.0)
    for others, verdict in (((), "not found"), ((walk(20.0, length=20),), "found")):
        report = attacked(HACK, [planned], monkeypatch, [*WALKS, *others], kinds=kinds[: 8 + len(others)])
        assert answers(report)["pays-for-something-else"] == verdict


def test_the_table_holds_behaviours_that_nobody_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = ("rest", *["push"] * 6, "expert")
    rows = attacked(HACK, [walk(9.0, length=20)], monkeypatch, kinds=kinds).pay
    assert [row.pay for row in rows] == sorted((row.pay for row in rows), reverse=True)
    named = {row.behaviour: row for row in rows}
    assert set(named) == {
        "rest", "push, best of 6", "expert", "planned for the reward", "statue at the start", "statue at the goal",
        "expert in reverse", "success that is held",
    }  # fmt: skip
    statue, rest = named["statue at the start"], WALKS[0]
    assert statue.fitness is None and rest.dt > 0.0
    start = rest.rows[0, [name for name, _ in rest.layout].index("torso_height")]
    assert statue.terms["high"] == pytest.approx(10.0 * start / rest.dt), "per simulated second"
    assert named["push, best of 6"].fitness == pytest.approx(cases.measured([WALKS[6]], False)[0].fitness)


def test_a_reward_that_fails_where_the_planner_comes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object) -> Plan:
        raise RewardError(PROBE["not-finite"].finding("term `a` is nan"))

    monkeypatch.setattr(module, "plan", fails)
    reference = ReferenceEpisodes(WALKS, tuple(cases.measured(list(WALKS), False)), 0)
    source = f"def compute_reward(state, action, next_state):\n    return {SPEED}\n"
    report = attack(
        source, CheckReport(fields=("torso_speed",), terms=("forward",)), cases.SPEC, cases.TABLE, reference, 1.0
    ).report
    assert not report.ok and "in a state that the planner reached" in report.findings[-1].message
    assert report.verdicts["screen/wrong-sign"] == "could not run"


def test_a_planner_that_is_refused_leaves_the_rest_to_be_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "plan", lambda *_: Plan(problem="it does not repeat itself"))
    reference = ReferenceEpisodes(WALKS, tuple(cases.measured(list(WALKS), False)), 0)
    source = f"def compute_reward(state, action, next_state):\n    return {SPEED}\n"
    report = attack(
        source, CheckReport(fields=("torso_speed",), terms=("forward",)), cases.SPEC, cases.TABLE, reference, 1.0
    ).report
    assert report.pay and report.verdicts["screen/wrong-sign"] == "could not run"
    assert report.planned is not None and report.planned.as_text().endswith("it does not repeat itself")


def test_on_a_live_body_it_finds_a_spin_that_pays_more_than_the_goal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROUNDS", 2)
    checker = RewardChecker.of(load_task("gym/reacher_reach"))
    source = """def compute_reward(state, action, next_state):
    return {"near": -next_state.fingertip_to_target_distance, "spin": abs(next_state.shoulder_angular_velocity)}
"""
    report = checker.attack(source, checker.check(source), 60.0, 0.99).report
    assert "pays-for-something-else" in {finding.rule for finding in report.findings}
    kinds = {row.behaviour.partition(",")[0] for row in report.pay}
    assert {"rest", "random", "planned for the fitness", "planned for the reward"} <= kinds
