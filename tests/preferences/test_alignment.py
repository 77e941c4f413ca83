from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from reward_synth.core.agreement import Agreement
from reward_synth.core.feedback import Feedback, PairAnswer
from reward_synth.preferences.alignment import Judgement, agreement, disagreeing_share

IDS = tuple(f"reference/{number:03d}" for number in range(12))


def ranked(*sizes: int) -> Judgement:
    """The first episodes are the best, in ranks of these sizes."""
    ends = np.cumsum(sizes)
    return Judgement(tuple(IDS[end - size : end] for size, end in zip(sizes, ends, strict=True)))


def of(figures: list[float], judgement: Judgement) -> Agreement:
    found = agreement(np.array(figures, dtype=float), IDS[: len(figures)], judgement)
    assert found is not None
    return found


def test_the_same_order_its_opposite_and_one_pair_wrong() -> None:
    order = ranked(1, 1, 1, 1)
    assert of([4, 3, 2, 1], order).value == pytest.approx(1.0)
    assert of([1, 2, 3, 4], order).value == pytest.approx(-1.0)
    swapped = of([3, 4, 2, 1], order)
    assert swapped.value == pytest.approx((5 - 1) / 6) and swapped.pairs == 6


def test_pairs_that_no_figure_can_compare_are_left_out_and_counted() -> None:
    cut_short = np.array([False, False, False, True])
    same = cut_short[:, None] == cut_short[None, :]
    found = agreement(np.array([4.0, 3.0, 2.0, 9.0]), IDS[:4], ranked(1, 1, 1, 1), same)
    assert found is not None and (found.value, found.pairs, found.left_out) == (pytest.approx(1.0), 3, 3)
    assert found.as_text() == "+1.00 (3 pairs; 3 pairs left out, with a recording cut short)"


def test_without_groups_it_is_kendalls_tau_b_ties_included() -> None:
    generator = np.random.default_rng(1)
    for _ in range(20):
        person, figures = generator.integers(5, size=8), generator.integers(5, size=8).astype(float)
        pairs = [
            PairAnswer(
                first=IDS[i],
                second=IDS[j],
                answer="first" if person[i] > person[j] else "second" if person[i] < person[j] else "same",
            )
            for i in range(8)
            for j in range(i)
        ]
        assert of(list(figures), Judgement((), tuple(pairs))).value == pytest.approx(
            kendalltau(person, figures).statistic
        )


def test_members_of_one_group_were_not_compared() -> None:
    found = of([9, 1, 0.5, 0.1], ranked(2, 2))
    assert found.value == pytest.approx(1.0) and found.pairs == 4


def test_a_pair_counts_more_than_the_order_and_what_nobody_can_tell_not_at_all() -> None:
    order = ranked(1, 1, 1).order
    turned = PairAnswer(first=IDS[0], second=IDS[1], answer="second")
    assert of([2, 3, 1], Judgement(order, (turned,))).value == pytest.approx(1.0)
    unsure = PairAnswer(first=IDS[0], second=IDS[1], answer="cannot tell")
    assert of([2, 3, 1], Judgement(order, (unsure,))).pairs == 2


def test_the_latest_order_counts_and_the_latest_answer_about_a_pair() -> None:
    def answer(**said: object) -> Feedback:
        return Feedback.model_validate({"iteration": 1} | said)

    one = {"first": IDS[0], "second": IDS[1], "answer": "first"}
    other = {"first": IDS[1], "second": IDS[0], "answer": "first"}
    said = [
        answer(order=[[IDS[0]], [IDS[1]]], pairs=[one]),
        answer(order=[[IDS[2]], [IDS[1]]]),
        answer(pairs=[other], note="and so on"),
    ]
    judgement = Judgement.of(said)
    assert judgement.order == ((IDS[2],), (IDS[1],))
    assert [(pair.first, pair.answer) for pair in judgement.pairs] == [(IDS[1], "first")]
    assert judgement.ids == {IDS[0], IDS[1], IDS[2]}


def test_nothing_compared_or_nothing_paid_has_no_coefficient() -> None:
    assert agreement(np.arange(4.0), IDS[:4], Judgement()) is None
    assert agreement(np.ones(4), IDS[:4], ranked(1, 1, 1, 1)) is None
    assert agreement(np.zeros(0), (), ranked(1, 1)) is None
    rounding = 1.0 + 1e-13 * np.arange(4.0)
    assert agreement(rounding, IDS[:4], ranked(1, 1, 1, 1)) is None


def test_the_interval_holds_the_value_is_the_same_each_time_and_narrows_with_episodes() -> None:
    def noisy(count: int) -> Agreement:
        names = tuple(f"reference/{number:03d}" for number in range(count))
        generator = np.random.default_rng(0)
        figures = -np.arange(float(count)) / count + generator.normal(0, 0.3, count)
        found = agreement(figures, names, Judgement(tuple((name,) for name in names)))
        assert found is not None
        return found

    few, many = noisy(8), noisy(60)
    assert noisy(8) == few
    assert few.interval is not None and many.interval is not None
    assert few.interval[0] < few.value < few.interval[1]
    assert many.interval[1] - many.interval[0] < 0.5 * (few.interval[1] - few.interval[0])
    assert of([3, 2, 1], ranked(1, 1, 1)).interval is None, "three episodes are too few"


def test_episodes_that_nobody_judged_change_nothing() -> None:
    order = ranked(2, 2, 2)
    assert of([5, 6, 3, 2, 4, 1], order) == of([5, 6, 3, 2, 4, 1, 99, -7, 3], order)


def test_the_share_of_pairs_against_the_person() -> None:
    shares, pairs = disagreeing_share(np.array([1.0, 3.0, 2.0, 0.0]), IDS[:4], ranked(1, 1, 1))
    assert shares[:3].tolist() == [1.0, 0.5, 0.5] and np.isnan(shares[3])
    assert pairs.tolist() == [2, 2, 2, 0]
