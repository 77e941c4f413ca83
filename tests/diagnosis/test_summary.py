from __future__ import annotations

import json

import numpy as np
import pytest

from reward_synth.core.number_format import number, percent, steps
from reward_synth.diagnosis.evidence import correlation, merge_curves
from reward_synth.diagnosis.summary import Summary, summarize
from reward_synth.diagnosis.trajectories import Played, series_of, shown_fields, timeline_of_failure
from reward_synth.evaluation.conditions import LENGTH, Condition
from tests.diagnosis import cases


def summary(seeds: int = 2, terms: int = 4, travelled: float = 1.0) -> Summary:
    episodes = [cases.episode(travelled + 0.1 * i, seed=i) for i in range(8)]
    statistics = tuple(cases.term(f"term_{i}", share=1 / terms) for i in range(terms))
    result = cases.result(
        cases.measured(episodes, success=False), cases.curve(success=np.zeros(cases.POINTS)), statistics
    )
    values = {f"term_{i}": np.linspace(0, 1, cases.HORIZON) for i in range(terms)}
    results = [result.model_copy(update={"seed": seed}) for seed in range(seeds)]
    fields = ("torso_speed", "foot")
    return summarize(cases.SPEC, cases.TABLE, "003-b", results, episodes * seeds, [values] * (8 * seeds), fields=fields)


def test_an_unsolved_task_says_which_conditions_of_its_success_hold() -> None:
    episodes = [cases.episode(1.0, seed=i) for i in range(8)]
    conditions = (Condition((LENGTH,), 8), Condition(("torso_x", "torso_height"), 3, (2.0, 5.5), (1.0, 1.0)))
    for success, told in ((False, True), (True, False)):
        result = cases.result(cases.measured(episodes, success=success))
        made = summarize(cases.SPEC, cases.TABLE, "001-a", [result], episodes, conditions=conditions)
        sentence = "Of its 2 conditions, these episodes (8) fulfil: 1. (the episode's length) by 8, "
        assert (
            f"{sentence}2. (`torso_x`, `torso_height`) by 3 "
            "(it found 1.00 in those that fail, 2.00 to 5.50 in those that do not)." in made.text
        ) is told
        assert (sentence in made.short) is told


def test_data_is_plain_json_without_nan() -> None:
    episodes = [cases.episode(seed=i) for i in range(8)]
    curve = cases.curve(reward=np.array([np.nan, *np.linspace(0, 1, cases.POINTS - 1)]))
    made = summarize(cases.SPEC, cases.TABLE, "001-a", [cases.result(cases.measured(episodes), curve)], episodes)
    text = json.dumps(made.data, allow_nan=False)
    assert json.loads(text)["curve"][0]["reward"] is None


def test_text_tells_the_whole_story_in_about_eighty_lines() -> None:
    made = summary()
    assert 50 <= len(made.text.splitlines()) <= 90
    assert made.text.startswith("# Candidate 003-b: 0 of 16 episodes succeeded, fitness 1.35 m travelled")
    for part in (
        "## Findings",
        "## During training, mean over 2 seeds",
        "## Reward terms",
        "## Trajectories",
        "## The failed episode with the best fitness, as it went",
    ):
        assert part in made.text
    assert "| 200k |" in made.text
    assert "| `torso_x` (m) | 0 → 1.70 |" in made.text
    assert "`foot[2]` (m)" in made.text
    assert "joints" not in made.text


def test_the_timeline_is_of_the_nearest_failure_and_densest_where_most_changes() -> None:
    jump = np.concatenate([np.linspace(0.0, 0.1, 100), np.linspace(0.1, 4.0, 10), np.full(91, 4.0)])
    episodes = [cases.episode(x=jump, seed=7), cases.episode(1.0, seed=8), cases.episode(9.0, seed=9)]
    verdicts = cases.measured(episodes, success=[False, False, True])
    played = [Played(verdict, episode) for verdict, episode in zip(verdicts, episodes, strict=True)]
    found = timeline_of_failure(played, cases.TABLE, ("torso_x", "torso_height"))
    assert found is not None and (found.seed, found.fitness) == (7, 4.0)
    assert [series.name for series in found.fields] == ["torso_x"]  # The height stays the same.
    assert (found.steps[0], found.steps[-1]) == (0, cases.HORIZON)
    assert sum(99 <= step <= 109 for step in found.steps) >= len(found.steps) - 3
    np.testing.assert_array_equal(found.fields[0].values, jump[list(found.steps)])
    assert timeline_of_failure(played[2:], cases.TABLE, ("torso_x",)) is None


def test_the_timeline_is_in_text_and_data() -> None:
    made = summary()
    told = made.data["timeline"]
    assert told["steps"][0] == 0 and len(told["steps"]) == len(told["fields"]["torso_x"]) <= 16
    assert f"| {told['steps'][-1]} | {number(told['fields']['torso_speed'][-1])} |" in made.text
    assert "as it went" not in made.short


def test_terms_are_shown_with_mean_extremes_and_share() -> None:
    lines = summary(terms=1).text.splitlines()
    rows = [line.split(" | ")[1] for line in lines if line.startswith("| `term_0`")]
    assert rows == ["mean", "min…max", "share"]


@pytest.mark.parametrize("terms", [1, 4, 12])
def test_the_short_text_stays_short_and_without_tables(terms: int) -> None:
    short = summary(terms=terms).short
    assert len(short.splitlines()) <= 25
    assert "|" not in short
    assert "0 of 16 episodes succeeded" in short
    assert "Worst episode" in short


def test_a_long_reward_keeps_its_weightiest_terms() -> None:
    episodes = [cases.episode(1.0)]
    terms = tuple(cases.term(f"term_{i}", share=i / 55) for i in range(11))
    made = summarize(
        cases.SPEC,
        cases.TABLE,
        "001-a",
        [cases.result(cases.measured(episodes, False), terms=terms)],
        episodes,
    )
    assert "`term_10` | mean" in made.text
    assert "`term_2` | mean" not in made.text
    assert "3 smaller terms are left out" in made.text


def test_trajectory_data_has_start_end_mean_min_max_and_unit() -> None:
    best, worst = summary().data["trajectories"]
    assert (best["label"], worst["label"]) == ("best", "worst")
    assert best["fitness"] > worst["fitness"]
    field = next(f for f in best["fields"] if f["name"] == "torso_x")
    assert field["unit"] == "m"
    assert field["start"] == 0.0
    assert field["end"] == pytest.approx(1.7)
    assert field["mean"] == pytest.approx(0.85)
    assert (field["minimum"], field["maximum"]) == (0.0, pytest.approx(1.7))


def test_without_trajectories_there_is_still_a_summary() -> None:
    episodes = [cases.episode(1.0)]
    made = summarize(cases.SPEC, cases.TABLE, "001-a", [cases.result(cases.measured(episodes, False))], [])
    assert "## Trajectories" not in made.text
    assert made.data["trajectories"] == []


def test_episodes_must_belong_to_the_measurements() -> None:
    episodes = [cases.episode(1.0)] * 3
    with pytest.raises(ValueError, match="2 episodes for 3 measurements"):
        summarize(cases.SPEC, cases.TABLE, "001-a", [cases.result(cases.measured(episodes))], episodes[:2])


def test_shown_fields_are_those_that_are_measured_then_those_that_are_read_then_the_essential_ones() -> None:
    assert shown_fields(cases.TABLE, ("torso_height",), ("foot",)) == ("foot", "torso_height", "torso_x")
    assert shown_fields(cases.TABLE, ("foot", "torso_height")) == ("torso_height", "foot", "torso_x")


def test_the_fields_of_a_drafted_measure_are_told() -> None:
    task = cases.SPEC.model_copy(update={"success": "episode.torso_speed[-1] > 5.0"})
    told = []
    for drafted in (False, True):
        episodes = [cases.episode(1.0), cases.episode(2.0)]
        spec, results = task.model_copy(update={"drafted": drafted}), cases.result(cases.measured(episodes))
        told.append("torso_speed" in summarize(spec, cases.TABLE, "001-a", [results], episodes).text)
    assert told == [False, True]


def test_a_long_vector_is_told_by_its_norm() -> None:
    names = [series.name for series in series_of(cases.episode(), cases.TABLE, ("foot", "joints"))]
    assert names == ["foot[0]", "foot[1]", "foot[2]", "|joints|"]


def test_curves_of_seeds_are_averaged_and_thinned_to_ten_points() -> None:
    first = cases.curve(fitness=np.linspace(0, 1, cases.POINTS))
    second = cases.curve(fitness=np.linspace(2, 3, cases.POINTS))
    results = [cases.result([], curve, seed=seed) for seed, curve in enumerate((first * 3, second * 3))]
    merged = merge_curves(results)
    assert len(merged) == 10
    assert merged[0].fitness == pytest.approx(1.0)
    assert merged[-1].fitness == pytest.approx(2.0)


def test_correlation_is_unknown_where_one_side_does_not_vary() -> None:
    rising = np.arange(6.0)
    assert correlation(rising, 2 * rising) == pytest.approx(1.0)
    assert correlation(rising, np.ones(6)) is None
    assert correlation(rising[:3], rising[:3]) is None


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0.0, "0"),
        (1234.5, "1,234"),
        (12.34, "12.3"),
        (-1.234, "-1.23"),
        (0.0123, "0.012"),
    ],
)
def test_numbers_are_written_short(value: float | None, written: str) -> None:
    assert number(value) == written


def test_shares_and_steps_are_written_short() -> None:
    assert (percent(0.123), percent(0.001), percent(0.0)) == ("12 %", "<1 %", "0 %")
    assert (steps(512), steps(51_200), steps(1_500_000)) == ("512", "51k", "1.50M")
