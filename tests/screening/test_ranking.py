from __future__ import annotations

import pytest

from reward_synth.core.types import CheckReport
from reward_synth.screening.ranking import screen
from reward_synth.screening.reference_episodes import ReferenceEpisodes
from tests.diagnosis import cases

RULE = "screen/misaligned"


def screened(term: str, alike: bool = False, known: bool = True, success: bool = True) -> CheckReport:
    """A reward of one term, screened over eight walks of different lengths, or of the same one."""
    episodes = [cases.episode(3.0 if alike else float(i), length=20) for i in range(8)]
    reference_episodes = ReferenceEpisodes(tuple(episodes), tuple(cases.measured(episodes, success)))
    source = f"import numpy as np\n\n\ndef compute_reward(state, action, next_state):\n    return {{'a': {term}}}\n"
    report = CheckReport(fields=("torso_speed",), terms=("a",), verdicts={"probe/exception": "not found"})
    return screen(source, report, cases.TABLE, reference_episodes, known)


@pytest.mark.parametrize(
    ("term", "verdict"),
    [("next_state.torso_speed", "not found"), ("-next_state.torso_speed", "found"), ("1.0", "not applicable")],
)
def test_a_reward_is_misaligned_or_not_or_says_nothing(term: str, verdict: str) -> None:
    report = screened(term)
    assert report.verdicts == {"probe/exception": "not found", RULE: verdict}
    assert [finding.id for finding in report.findings] == [RULE] * (verdict == "found")
    assert (report.alignment is None) == (verdict == "not applicable")


@pytest.mark.parametrize(
    ("known", "success", "verdict"),
    [(True, False, "found"), (False, True, "found"), (False, False, "not enough data")],
    ids=["prepared", "shown-done", "never-shown"],
)
def test_where_nobody_prepared_the_goal_only_episodes_that_show_it_done_refuse_a_reward(
    known: bool, success: bool, verdict: str
) -> None:
    report = screened("-next_state.torso_speed", known=known, success=success)
    assert report.verdicts[RULE] == verdict and bool(report.findings) == (verdict == "found")
    assert report.alignment is not None and report.alignment.reward < -0.9, "the rank is told all the same"


def test_episodes_of_one_fitness_are_too_little_data() -> None:
    report = screened("-next_state.torso_speed", alike=True)
    assert (report.verdicts[RULE], report.findings) == ("not enough data", ())


def test_a_reward_that_fails_on_the_episodes_could_not_be_ranked() -> None:
    report = screened("next_state.torso_speed if next_state.torso_speed < 3.0 else [][0]")
    assert report.verdicts == {"probe/exception": "found", RULE: "could not run"}
    assert [finding.id for finding in report.findings] == ["probe/exception"]
