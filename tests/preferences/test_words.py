from __future__ import annotations

from pathlib import Path

import pytest

from reward_synth.core.feedback import PairAnswer
from reward_synth.preferences import Judgement, Workbench
from reward_synth.preferences.words import judgement_text
from tests.preferences import cases


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return cases.open_bench(cases.make_run(tmp_path))


def test_an_order_in_words_and_what_rewards_pay_there_term_by_term(bench: Workbench) -> None:
    order = Judgement((cases.WALKED, cases.CRAWLED, cases.FELL))
    rewards = [("001-a", cases.FORWARD), ("001-b", cases.BACKWARD)]
    assert (
        judgement_text(bench, order, rewards)
        == """\
Best first:
1. 4 episodes: lasts 10.0 s (others 2.00 s); `torso_x` changes by 0.801 m/s (others 0.013 m/s)
2. 4 episodes: lasts 10.0 s (others 2.00 s); `torso_x` changes by 0.011 m/s (others 0.515 m/s)
3. 4 episodes: lasts 2.00 s (others 10.0 s)

Mean reward per step of each behaviour, in the same order:
001-a: agreement with the person +1.00 (+1.00 to +1.00, 48 pairs)
  reward: 2.10, 0.523, 0.303
  `forward`: 1.60, 0.023, 0.203
  `high`: 0.500, 0.500, 0.100
001-b: agreement with the person -0.33 (-0.79 to +0.44, 48 pairs)
  reward: -1.10, 0.477, -0.103
  `forward`: -1.60, -0.023, -0.203
  `high`: 0.500, 0.500, 0.100
  It pays 2 more than 1."""
    )


def test_pairs_in_words(bench: Workbench) -> None:
    pairs = tuple(
        PairAnswer(first=one, second=other, answer="second")
        for one, other in zip(cases.FELL, cases.WALKED, strict=True)
    )
    unsure = PairAnswer(first=cases.FELL[0], second=cases.CRAWLED[0], answer="cannot tell")
    text = judgement_text(bench, Judgement((), (*pairs, unsure)), [("001-a", cases.FORWARD)])
    assert text.startswith("The better episode of 4 pairs: lasts 10.0 s (others 2.00 s)")
    assert "001-a: agreement with the person +1.00" in text


def test_a_reward_that_fails_is_passed_over_and_what_is_not_known_says_nothing(bench: Workbench) -> None:
    order = Judgement((cases.WALKED, cases.CRAWLED))
    fails = "def compute_reward(state, action, next_state):\n    return {'a': [][0] * next_state.torso_x}\n"
    assert "003-a" not in judgement_text(bench, order, [("003-a", fails)])
    assert judgement_text(bench, Judgement((("reference/900",),)), []) == ""
    assert judgement_text(bench, Judgement(), []) == ""
