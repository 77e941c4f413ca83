from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reward_synth.core.arrays import FloatArray
from reward_synth.core.types import STOPPED, TrainResult
from reward_synth.diagnosis.summary import Summary, summarize
from reward_synth.diagnosis.training_rules import DETECTORS
from reward_synth.diagnosis.trajectories import shown_fields
from reward_synth.state.episode import Episode
from reward_synth.state.table import FieldTable
from tests.diagnosis import cases

FLAT = np.full(cases.POINTS, 1.0)
FAILING = np.zeros(cases.POINTS)


def told(
    results: Sequence[TrainResult],
    episodes: Sequence[Episode] = (),
    terms: Sequence[dict[str, FloatArray]] | None = None,
    **settings: Any,
) -> Summary:
    return summarize(cases.SPEC, cases.TABLE, "001-a", results, episodes, terms, **settings)


def rules(summary: Summary) -> list[str]:
    return [finding.rule for finding in summary.findings]


def message(summary: Summary, rule: str) -> str:
    return next(finding.as_text() for finding in summary.findings if finding.rule == rule)


def failing(travelled: float = 1.0, **columns: Any) -> tuple[list[Episode], TrainResult]:
    """A training whose episodes fall short of the goal, otherwise without a fault of its own."""
    episodes = [cases.episode(travelled, seed=i) for i in range(8)]
    columns = {"success": FAILING, "fitness": np.linspace(0.2, travelled, cases.POINTS)} | columns
    return episodes, cases.result(cases.measured(episodes, success=False), cases.curve(**columns))


def test_a_healthy_training_has_no_findings() -> None:
    episodes = [cases.episode(seed=i) for i in range(8)]
    summary = told([cases.result(cases.measured(episodes))], episodes)
    assert summary.findings == ()
    assert summary.data["solved"] is True


def test_findings_are_warnings_of_this_source_and_name_a_fix() -> None:
    episodes, result = failing(fitness=np.linspace(3.0, 1.0, cases.POINTS))
    findings = told([result], episodes).findings
    assert findings
    assert all(f.source == "training" and f.severity == "warning" and f.fix for f in findings)


def test_reward_that_rises_while_fitness_falls() -> None:
    episodes, result = failing(fitness=np.linspace(3.0, 1.0, cases.POINTS))
    summary = told([result], episodes)
    assert rules(summary)[0] == "reward-up-fitness-down"
    assert "`speed`" in message(summary, "reward-up-fitness-down")


def test_reward_and_fitness_that_rise_together_are_no_hack() -> None:
    episodes, result = failing()
    assert not {"reward-up-fitness-down", "reward-up-fitness-flat"} & set(rules(told([result], episodes)))


def test_reward_that_rises_without_fitness() -> None:
    episodes, result = failing(fitness=FLAT)
    assert "reward-up-fitness-flat" in rules(told([result], episodes))
    assert "no-learning" not in rules(told([result], episodes))


def test_a_small_fitness_that_rises_by_a_third_is_not_flat() -> None:
    episodes = [cases.episode(0.3 * (i % 2), seed=i) for i in range(8)]
    scores = cases.measured(episodes, success=False)
    for last, flat in ((0.17, False), (0.125, True)):
        curve = cases.curve(success=FAILING, fitness=np.linspace(0.12, last, cases.POINTS))
        assert ("reward-up-fitness-flat" in rules(told([cases.result(scores, curve)], episodes))) is flat


def test_a_fitness_that_rose_and_fell_did_not_stay() -> None:
    hill = np.concatenate([FLAT[:3], np.full(4, 2.0), FLAT[:3]])
    episodes, result = failing(fitness=hill)
    assert "reward-up-fitness-flat" not in rules(told([result], episodes))


def test_a_reward_that_rises_by_a_twentieth_has_not_risen() -> None:
    for last, risen in ((1.05, False), (1.6, True)):
        episodes, result = failing(fitness=FLAT, reward=np.linspace(1.0, last, cases.POINTS))
        assert ("reward-up-fitness-flat" in rules(told([result], episodes))) is risen


def test_the_goals_own_term_is_not_what_is_collected_without_progress() -> None:
    episodes = [cases.episode(0.1 * i, seed=i) for i in range(8)]
    scores = cases.measured(episodes, success=False)
    result = cases.result(scores, cases.curve(success=FAILING, fitness=FLAT))
    for sign, blamed in ((1.0, False), (-1.0, True)):
        paid = [{"speed": np.full(10, 5.0 + sign * m.fitness), "upright": np.ones(10)} for m in scores]
        assert ("reward-up-fitness-flat" in rules(told([result], episodes, paid))) is blamed


def test_nothing_learned() -> None:
    episodes, result = failing(fitness=FLAT, reward=FLAT)
    assert "no-learning" in rules(told([result], episodes))


@pytest.mark.parametrize(("share", "fires"), [(0.95, True), (0.8, False)])
def test_dominant_term(share: float, fires: bool) -> None:
    episodes, result = failing()
    terms = (cases.term("speed", share=share), cases.term("upright", share=1 - share))
    summary = told([result.model_copy(update={"terms": terms})], episodes)
    assert ("dominant-term" in rules(summary)) is fires
    if fires:
        assert "95 %" in message(summary, "dominant-term")


def test_the_goals_own_term_may_dominate() -> None:
    episodes = [cases.episode(0.1 * i, seed=i) for i in range(8)]
    measured = cases.measured(episodes, success=False)
    terms = (cases.term("speed", share=0.97), cases.term("upright", share=0.03))
    result = cases.result(measured, cases.curve(success=FAILING)).model_copy(update={"terms": terms})
    paid = [{"speed": np.full(10, m.fitness), "upright": np.ones(10)} for m in measured]
    assert "dominant-term" not in rules(told([result], episodes, paid))
    against = [{"speed": np.full(10, 5.0 - m.fitness), "upright": np.ones(10)} for m in measured]
    assert "dominant-term" in rules(told([result], episodes, against))


def test_a_bonus_for_lasting_is_not_blamed_where_falls_ask_for_it() -> None:
    episodes = [cases.episode(1.0, seed=i, length=20, terminated=True) for i in range(8)]
    alive = cases.term("alive", mean=1.0, low=1.0, high=1.0, share=0.95)
    result = cases.result(cases.measured(episodes, success=False), cases.curve(success=FAILING))
    found = rules(told([result.model_copy(update={"terms": (alive, cases.term("speed", share=0.05))})], episodes))
    assert "falls-early" in found
    assert not {"dominant-term", "saturated-term"} & set(found), "two findings that contradict each other"


def test_a_bonus_for_lasting_is_not_blamed_once_the_body_no_longer_falls() -> None:
    episodes, result = failing()
    terms = (cases.term("speed"), cases.term("alive", mean=0.4, low=0.4, high=0.4))
    result = result.model_copy(update={"terms": terms})
    assert "saturated-term" in rules(told([result], episodes)), "where nothing ends early, it tells nothing"
    assert "saturated-term" not in rules(told([result], episodes, falls=True)), "without it the body falls again"


def test_a_bonus_is_blamed_that_pays_for_putting_off_success() -> None:
    """The environment ends an episode with success: each step before is paid."""
    ended = [cases.episode(6.0, 40, terminated=True, seed=i) for i in range(4)]
    waiting = [cases.episode(1.0, seed=i) for i in range(4)]
    measured = [*cases.measured(ended), *cases.measured(waiting, success=False)]
    terms = (cases.term("speed"), cases.term("alive", mean=0.4, low=0.4, high=0.4))
    result = cases.result(measured, cases.curve(success=FAILING)).model_copy(update={"terms": terms})
    assert "saturated-term" in rules(told([result], [*ended, *waiting]))


def test_where_lengths_differ_a_term_is_compared_per_step() -> None:
    """A fall is a short episode: every sum is small there, whatever the term pays."""
    lengths = [10, 20, 30, 40, 50, 60, 70, 80]
    episodes = [cases.episode(1.0, seed=i, length=n, terminated=True) for i, n in enumerate(lengths)]
    measured = [
        score.model_copy(update={"fitness": -float(n), "success": False})
        for score, n in zip(cases.measured(episodes), lengths, strict=True)
    ]
    paid = [{"steady": np.full(n, 1.0 + 0.001 * (i % 2)), "speed": np.ones(n)} for i, n in enumerate(lengths)]
    terms = (cases.term("steady", share=0.5), cases.term("speed", share=0.5))
    result = cases.result(tuple(measured), cases.curve(success=FAILING)).model_copy(update={"terms": terms})
    assert "misaligned-term" not in rules(told([result], episodes, paid))


def test_one_term_alone_cannot_dominate() -> None:
    episodes, result = failing()
    terms = (cases.term("speed", share=1.0),)
    assert "dominant-term" not in rules(told([result.model_copy(update={"terms": terms})], episodes))


@pytest.mark.parametrize(("high", "fires"), [(0.0, True), (0.2, False)])
def test_dead_term(high: float, fires: bool) -> None:
    episodes, result = failing()
    bonus = cases.term("bonus", mean=0.0, share=0.0, low=0.0, high=high)
    summary = told([result.model_copy(update={"terms": (cases.term("speed"), bonus)})], episodes)
    assert ("dead-term" in rules(summary)) is fires


@pytest.mark.parametrize(
    ("low", "mean", "high", "fires"),
    [
        (1.0, 1.0, 1.0, True),  # constant
        (-0.5, 0.995, 1.0, True),  # at its ceiling but for the first steps
        (-0.5, 0.7, 1.0, False),
        (-1.0, -0.995, 1.0, False),  # a penalty near its floor still has room to improve
    ],
)
def test_saturated_term(low: float, mean: float, high: float, fires: bool) -> None:
    episodes, result = failing()
    flat = cases.term("upright", mean=mean, low=low, high=high)
    summary = told([result.model_copy(update={"terms": (cases.term("speed"), flat)})], episodes)
    assert ("saturated-term" in rules(summary)) is fires


def test_a_solved_task_is_not_told_to_change_its_terms() -> None:
    episodes = [cases.episode(seed=i) for i in range(8)]
    terms = (cases.term("speed", share=0.99), cases.term("alive", mean=1.0, low=1.0, high=1.0, share=0.01))
    assert rules(told([cases.result(cases.measured(episodes), terms=terms)], episodes)) == []


@pytest.mark.parametrize(("length", "terminated", "fires"), [(40, True, True), (180, True, False), (200, False, False)])
def test_falls_early(length: int, terminated: bool, fires: bool) -> None:
    episodes = [cases.episode(1.0, length, terminated, seed=i) for i in range(8)]
    result = cases.result(cases.measured(episodes, success=False), cases.curve(success=FAILING))
    assert ("falls-early" in rules(told([result], episodes))) is fires


def test_a_fall_names_the_bound_that_was_crossed() -> None:
    fields = [replace(each, healthy=(0.7, 2.0)) if each.name == "torso_height" else each for each in cases.TABLE]
    table = FieldTable(fields, cases.TABLE.actions)
    episodes = [cases.episode(1.0, 40, terminated=True, seed=i) for i in range(8)]
    for each, height in zip(episodes, [0.69] * 5 + [2.1] * 2 + [1.0], strict=True):
        each.rows[-1, 1] = height
    result = cases.result(cases.measured(episodes, success=False), cases.curve(success=FAILING))
    summary = summarize(cases.SPEC, table, "001-a", [result], episodes, None)
    (found,) = (each for each in summary.findings if each.rule == "falls-early")
    assert (
        "In the last state, `torso_height` is below 0.700 m in 5, and `torso_height` is above 2.00 m in 2."
        in found.message
    )
    assert found.fix.startswith("Pay at every step for keeping `torso_height` within its bounds,")
    unknown = summarize(cases.SPEC, cases.TABLE, "001-a", [result], episodes, None)
    (found,) = (each for each in unknown.findings if each.rule == "falls-early")
    assert "In the last state" not in found.message and "the environment calls healthy" in found.fix


def test_an_episode_that_ends_early_in_success_is_no_fall() -> None:
    episodes = [cases.episode(6.0, 40, terminated=True, seed=i) for i in range(8)]
    assert "falls-early" not in rules(told([cases.result(cases.measured(episodes))], episodes))


@pytest.mark.parametrize(("travelled", "fires"), [(0.0, True), (1.0, False)])
def test_stands_still(travelled: float, fires: bool) -> None:
    episodes, result = failing(travelled)
    assert ("stands-still" in rules(told([result], episodes))) is fires


def test_a_hand_that_moves_does_not_stand_still() -> None:
    episodes, result = failing(0.0)
    for episode in episodes:
        episode.rows[:, 4] = np.linspace(0.0, 1.0, episode.length + 1)
    assert "foot" not in shown_fields(cases.TABLE, ())
    assert "stands-still" not in rules(told([result], episodes))


def test_standing_still_after_settling_is_standing_still() -> None:
    x = np.concatenate([np.linspace(0.0, 0.5, 20), np.full(181, 0.5)])
    episodes = [cases.episode(x=x, seed=i) for i in range(8)]
    result = cases.result(cases.measured(episodes, success=False), cases.curve(success=FAILING))
    assert "stands-still" in rules(told([result], episodes))


def test_wrong_direction_names_the_position_that_fitness_measures() -> None:
    episodes, result = failing(-4.0, fitness=np.full(cases.POINTS, -4.0))
    summary = told([result], episodes)
    assert "`torso_x` changed by -4.00 m" in message(summary, "wrong-direction")


def test_wrong_direction_knows_a_fitness_per_second_of_the_horizon() -> None:
    """Fitness divided by the whole horizon: an early end earns only what was covered."""
    episodes = [cases.episode(-4.0, length=150, terminated=True, seed=i) for i in range(8)]
    seconds = cases.HORIZON * cases.DT
    judged = [m.model_copy(update={"fitness": m.fitness / seconds}) for m in cases.measured(episodes, success=False)]
    result = cases.result(judged, cases.curve(success=FAILING, fitness=np.full(cases.POINTS, -0.4)))
    assert "`torso_x` changed by -4.00 m" in message(told([result], episodes), "wrong-direction")


def test_wrong_direction_by_getting_worse_needs_no_trajectory() -> None:
    _, result = failing(-4.0, fitness=np.linspace(-0.1, -4.0, cases.POINTS))
    assert "wrong-direction" in rules(told([result]))


def test_a_negative_fitness_that_improves_is_no_wrong_direction() -> None:
    """A distance to the goal, counted negatively, is always below zero."""
    _, result = failing(-0.5, fitness=np.linspace(-4.0, -0.5, cases.POINTS))
    assert "wrong-direction" not in rules(told([result]))


def test_jitter() -> None:
    shaking = np.where(np.arange(cases.HORIZON + 1) % 2, 0.05, 0.0)
    episodes = [cases.episode(x=shaking, seed=i) for i in range(8)]
    result = cases.result(cases.measured(episodes, success=False), cases.curve(success=FAILING))
    summary = told([result], episodes)
    assert "`torso_x` shakes" in message(summary, "jitter")
    assert "stands-still" not in rules(summary)
    walking, good = failing()
    assert "jitter" not in rules(told([good], walking))


def test_back_and_forth_is_no_fault_where_getting_somewhere_is_not_the_goal() -> None:
    shaking = np.where(np.arange(cases.HORIZON + 1) % 2, 0.05, 0.0)
    episodes = [cases.episode(x=shaking, seed=i) for i in range(8)]
    scores = [score.model_copy(update={"fitness": 0.4}) for score in cases.measured(episodes, success=False)]
    spec = cases.SPEC.model_copy(update={"drafted": True})
    summary = summarize(spec, cases.TABLE, "001-a", [cases.result(scores, cases.curve(success=FAILING))], episodes)
    assert verdicts(summary)["jitter"] == "not applicable"


@pytest.mark.parametrize(("size", "fires"), [(1.0, True), (0.5, False)])
def test_action_saturation(size: float, fires: bool) -> None:
    actions = size * np.where(np.arange(cases.HORIZON)[:, None] % 7 < 3, 1.0, -1.0) * np.ones(2)
    episodes = [cases.episode(1.0, actions=actions, seed=i) for i in range(8)]
    result = cases.result(cases.measured(episodes, success=False), cases.curve(success=FAILING))
    assert ("action-saturation" in rules(told([result], episodes))) is fires


def test_still_improving() -> None:
    episodes, result = failing(4.0)
    assert "still-improving" in rules(told([result], episodes))
    levelled = np.concatenate([np.linspace(0.2, 4.0, 5), np.full(5, 4.0)])
    episodes, result = failing(4.0, fitness=levelled)
    assert "still-improving" not in rules(told([result], episodes))


def test_success_lost() -> None:
    success = np.array([0, 0, 0.5, 1, 1, 1, 0.5, 0.25, 0, 0])
    episodes, result = failing(success=success)
    assert "100 % around 100k steps (mean of three evaluations) and 0 % at the end" in message(
        told([result], episodes), "success-lost"
    )


def test_what_was_lost_is_told_though_the_best_policy_is_kept() -> None:
    episodes = [cases.episode(6.0, seed=i) for i in range(8)]
    success = np.array([0, 0, 0.5, 1, 1, 1, 0.5, 0.25, 0, 0])
    kept = cases.result(cases.measured(episodes), cases.curve(success=success), policy="best")
    assert "100 % around 100k steps (mean of three evaluations) and 0 % at the end" in message(
        told([kept], episodes), "success-lost"
    )
    last = kept.model_copy(update={"policy": "last"})
    assert "success-lost" not in rules(told([last], episodes)), "its final evaluation is of the end"


def test_one_lucky_evaluation_is_no_lost_success() -> None:
    episodes = [cases.episode(1.0 + i, seed=i) for i in range(8)]
    measured = cases.measured(episodes, [i > 1 for i in range(8)])
    lucky = cases.result(measured, cases.curve(success=np.array([0, 0.5, 0.5, 0.75, 0.75, 1, 0.75, 0.75, 0.5, 0.75])))
    assert "success-lost" not in rules(told([lucky], episodes))


def test_fitness_lost() -> None:
    episodes, result = failing(fitness=np.concatenate([np.linspace(0.5, 4.0, 7), [3.0, 1.5, 1.0]]))
    assert "fitness-lost" in rules(told([result], episodes))
    assert "success-lost" not in rules(told([result], episodes))


@pytest.mark.parametrize(
    ("reward", "cause"),
    [
        (np.linspace(0.1, 1.0, 10), "led past"),
        (np.concatenate([np.linspace(0.1, 1.0, 7), [0.9, 0.6, 0.5]]), "unsteady"),
    ],
)
def test_what_was_lost_blames_a_reward_only_if_it_rose_meanwhile(reward: FloatArray, cause: str) -> None:
    fitness = np.concatenate([np.linspace(0.5, 4.0, 7), [3.0, 1.5, 1.0]])
    success = np.array([0, 0, 0, 0.5, 1, 1, 1, 0.5, 0, 0])
    for columns, rule in (({"fitness": fitness}, "fitness-lost"), ({"success": success}, "success-lost")):
        episodes, result = failing(reward=reward, **columns)
        assert cause in message(told([result], episodes), rule)


def test_success_that_is_not_held() -> None:
    episodes, result = failing()
    passing = cases.measured(episodes, success=False, any_step=True)
    assert "success-not-held" in rules(told([result.model_copy(update={"episodes": tuple(passing)})], episodes))
    assert "success-not-held" not in rules(told([result], episodes))


def test_seed_variance() -> None:
    good = [cases.episode(6.0, seed=i) for i in range(4)]
    poor = [cases.episode(1.0, seed=i) for i in range(4)]
    first = cases.result(cases.measured(good))
    second = cases.result(cases.measured(poor, success=False), seed=1)
    assert "seed 1: 0 %" in message(told([first, second], good + poor), "seed-variance")
    twin = first.model_copy(update={"seed": 1})
    assert "seed-variance" not in rules(told([first, twin], good + good))


def test_a_bonus_that_pays_more_in_worse_episodes() -> None:
    episodes = [cases.episode(0.5 + 0.5 * i, seed=i) for i in range(8)]
    result = cases.result(cases.measured(episodes, success=False), cases.curve(success=FAILING))
    shape = np.ones(cases.HORIZON)
    terms = [{"speed": shape * (8 - i), "effort": -shape * i} for i in range(8)]
    summary = told([result], episodes, terms)
    found = [finding.message for finding in summary.findings if finding.rule == "misaligned-term"]
    # The penalty goes against fitness too, as penalties do.
    assert len(found) == 1
    assert "`speed`" in found[0]
    aligned = [{"speed": shape * i, "effort": -shape * i} for i in range(8)]
    assert "misaligned-term" not in rules(told([result], episodes, aligned))


def test_a_policy_that_has_learned_nothing_blames_no_term() -> None:
    episodes = [cases.episode(0.5 + 0.5 * i, seed=i) for i in range(8)]
    shape = np.ones(cases.HORIZON)
    terms = [{"speed": shape * (8 - i), "effort": -shape * i} for i in range(8)]
    for fitness, blamed in ((FLAT, False), (np.linspace(1.0, 4.0, cases.POINTS), True)):
        result = cases.result(cases.measured(episodes, success=False), cases.curve(success=FAILING, fitness=fitness))
        assert ("misaligned-term" in rules(told([result], episodes, terms))) is blamed


def test_a_correlation_that_chance_gives_blames_no_term() -> None:
    episodes = [cases.episode(0.5 + 0.5 * i, seed=i) for i in range(8)]
    result = cases.result(cases.measured(episodes, success=False), cases.curve(success=FAILING))
    paid = [5.0, 2.0, 6.0, 3.0, 4.0, 1.0, 3.0, 2.0]
    assert -0.6 < np.corrcoef(paid, range(8))[0, 1] < -0.5
    terms = [{"speed": np.full(cases.HORIZON, each), "effort": np.zeros(cases.HORIZON)} for each in paid]
    assert "misaligned-term" not in rules(told([result], episodes, terms))


@pytest.mark.parametrize(("share", "told_of"), [(0.6, True), (0.3, False)])
def test_a_penalty_that_decides_and_costs_the_better_episodes_more(share: float, told_of: bool) -> None:
    episodes = [cases.episode(0.5 + 0.5 * i, seed=i) for i in range(8)]
    statistics = (cases.term("speed", share=1 - share), cases.term("far_from_target", share=share))
    result = cases.result(cases.measured(episodes, success=False), cases.curve(success=FAILING), statistics)
    shape = np.ones(cases.HORIZON)
    terms = [{"speed": shape * i, "far_from_target": -shape * i} for i in range(8)]
    found = [each.message for each in told([result], episodes, terms).findings if each.rule == "misaligned-term"]
    assert bool(found) == told_of
    assert all("`far_from_target` cost more in the better episodes" in text and "60 %" in text for text in found)


def test_a_crash_is_told_with_its_reason() -> None:
    crashed = cases.result([], (), (), status="crashed", reason="the reward failed in training: [non-finite] NaN")
    summary = told([crashed])
    assert rules(summary) == ["training-crashed"]
    assert "[non-finite] NaN" in summary.text
    assert summary.data["success"] is None


@pytest.mark.parametrize(
    ("sums", "said"),
    [((-0.2, 7.7), "collect more by going on"), ((-13.0, 0.5), "an early end"), ((-0.9, 0.9), None), (None, None)],
)
def test_hints_that_outweigh_the_goal(sums: tuple[float, float] | None, said: str | None) -> None:
    episodes, result = failing()
    summary = told([result.model_copy(update={"dense_sums": sums})], episodes)
    assert ("dense-outweighs-sparse" in rules(summary)) == (said is not None)
    if said is not None and sums is not None:
        text = message(summary, "dense-outweighs-sparse")
        assert said in text and f"{sums[0]:.3g}".rstrip("0").rstrip(".") in text


def test_a_choice_is_no_saturation() -> None:
    episodes, result = failing()
    at_bounds = [
        Episode(e.layout, e.rows, np.ones_like(e.actions), e.dt, e.horizon, e.seed, e.terminated) for e in episodes
    ]
    table = FieldTable(list(cases.TABLE), cases.TABLE.actions, discrete=True)
    found = [summarize(cases.SPEC, each, "001-a", [result], at_bounds) for each in (cases.TABLE, table)]
    assert ["action-saturation" in rules(summary) for summary in found] == [True, False]


def verdicts(summary: Summary) -> dict[str, str]:
    return {name.removeprefix("training/"): verdict for name, verdict in summary.data["verdicts"].items()}


def test_every_rule_answers_and_a_finding_goes_with_found() -> None:
    episodes, result = failing(fitness=np.linspace(3.0, 1.0, cases.POINTS))
    summary = told([result], episodes)
    answers = verdicts(summary)
    assert list(summary.data["verdicts"]) == [detector.rule.id for detector in DETECTORS]
    assert {name for name, verdict in answers.items() if verdict == "found"} == set(rules(summary))
    assert answers["dead-term"] == answers["falls-early"] == answers["no-learning"] == "not found"


def test_advice_does_not_apply_to_a_solved_task() -> None:
    episodes = [cases.episode(seed=i) for i in range(8)]
    answers = verdicts(told([cases.result(cases.measured(episodes))], episodes))
    assert answers["no-learning"] == answers["dominant-term"] == answers["jitter"] == "not applicable"
    assert answers["success-lost"] == answers["falls-early"] == answers["dead-term"] == "not found"


def test_too_little_data_is_said() -> None:
    episodes, result = failing()
    few = result.model_copy(
        update={"evaluations": result.evaluations[:3], "episodes": result.episodes[:5], "terms": ()}
    )
    answers = verdicts(told([few], episodes[:5], [{"speed": np.ones(cases.HORIZON)}] * 5))
    little = {"reward-up-fitness-down", "reward-up-fitness-flat", "no-learning", "success-lost", "fitness-lost"}
    little |= {"still-improving", "seed-variance", "dead-term", "dominant-term", "saturated-term", "misaligned-term"}
    assert {name for name, verdict in answers.items() if verdict == "not enough data"} == little


def test_nothing_is_known_of_a_training_without_evaluation() -> None:
    answers = verdicts(told([cases.result([], (), (), status="crashed")]))
    assert answers.pop("training-crashed") == "found"
    assert answers.pop("dense-outweighs-sparse") == "not applicable"
    assert set(answers.values()) == {"not enough data"}


def test_short_episodes_and_alike_ones_are_too_little() -> None:
    episodes = [cases.episode(0.0, length=5, terminated=True, seed=i) for i in range(8)]
    result = cases.result(cases.measured(episodes, success=False), cases.curve(success=FAILING))
    answers = verdicts(told([result], episodes, [{"speed": np.ones(5)}] * 8))
    assert answers["stands-still"] == answers["jitter"] == answers["misaligned-term"] == "not enough data"
    assert answers["falls-early"] == "found"


def test_what_cannot_be_computed_is_said() -> None:
    episodes = [cases.episode(0.5 + 0.5 * i, seed=i) for i in range(8)]
    result = cases.result(cases.measured(episodes, success=False), cases.curve(success=FAILING))
    failed = verdicts(told([result], episodes, None))  # The reward fails on the evaluation's episodes.
    assert failed["misaligned-term"] == "could not run" and failed["jitter"] == "not found"
    lost = verdicts(told([result], (), [{"speed": np.ones(cases.HORIZON)}] * 8))
    assert lost["stands-still"] == lost["jitter"] == lost["action-saturation"] == "could not run"
    assert lost["misaligned-term"] == "not found"


def test_questions_that_make_no_sense_here() -> None:
    episodes, result = failing()
    one = result.model_copy(update={"terms": (cases.term("speed", share=1.0),)})
    assert verdicts(told([one], episodes))["dominant-term"] == "not applicable"
    table = FieldTable([field for field in cases.TABLE if field.unit not in ("m", "rad")], cases.TABLE.actions, True)
    answers = verdicts(summarize(cases.SPEC, table, "001-a", [result], episodes))
    assert answers["stands-still"] == answers["jitter"] == answers["action-saturation"] == "not applicable"
    assert answers["dense-outweighs-sparse"] == "not applicable"
    signed = cases.SPEC.model_copy(update={"training": cases.SPEC.training.model_copy(update={"scale": "sign"})})
    answers = verdicts(summarize(signed, cases.TABLE, "001-a", [result], episodes))
    assert answers["dense-outweighs-sparse"] == "not enough data"


def test_verdicts_change_no_text() -> None:
    episodes, result = failing()
    summary = told([result], episodes)
    assert "not found" not in summary.text + summary.short and "training/" not in summary.text + summary.short


def test_a_training_that_a_rung_ended_tells_nothing_of_its_terms() -> None:
    episodes, result = failing()
    terms = (cases.term("speed", share=0.97), cases.term("edge", mean=0.0, share=0.0, low=0.0, high=0.0))
    result = result.model_copy(update={"terms": terms})
    assert {"dominant-term", "dead-term"} <= set(rules(told([result], episodes)))
    stopped = result.model_copy(update={"reason": f"{STOPPED} 10% of its steps as number 3 of 4"})
    summary = told([stopped], episodes)
    assert not {"dominant-term", "dead-term"} & set(rules(summary))
    assert verdicts(summary)["dominant-term"] == "not enough data"
