from __future__ import annotations

import pytest

from reward_synth.core.types import CheckReport
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.ranking import screen
from reward_synth.screening.reference_episodes import ReferenceEpisodes
from reward_synth.tasks.spec import load_task
from tests.diagnosis import cases

RULE = "screen/misaligned"


def screened(term: str, alike: bool = False, known: bool = True, success: bool = True) -> CheckReport:
    """A reward of one term, screened over eight walks of different lengths, or of the same one."""
    episodes = [cases.episode(3.0 if alike else float(i), length=20) for i in range(8)]
    reference_episodes = ReferenceEpisodes(tuple(episodes), tuple(cases.measured(episodes, success)))
    source = f"import numpy as np\n\n\ndef compute_reward(state, action, next_state):\n    return {{'a': {term}}}\n"
    report = CheckReport(fields=("torso_speed",), terms=("a",), verdicts={"probe/exception": "not found"})
    return screen(source, report, reference_episodes, known)


@pytest.mark.parametrize(
    ("term", "verdict"),
    [("next_state.torso_speed", "not found"), ("-next_state.torso_speed", "found"), ("1.0", "not applicable")],
)
def test_a_reward_is_misaligned_or_not_or_says_nothing(term: str, verdict: str) -> None:
    report = screened(term)
    others = {"screen/ending-pays": "not found", "screen/either-way-pays": "not applicable"}
    others |= {"screen/drowned": "not applicable", "screen/outside-stated-range": "not applicable"}
    others["screen/paid-again"] = "not found"
    assert report.verdicts == {"probe/exception": "not found", RULE: verdict} | others
    assert [finding.id for finding in report.findings] == [RULE] * (verdict == "found")
    assert (report.alignment is None) == (verdict == "not applicable")


LAG = "-abs(next_state.x_velocity - 3.0)"


def test_a_term_outside_the_range_that_its_docstring_states_is_told() -> None:
    episodes = [cases.episode(float(i), length=20) for i in range(8)]
    reference = ReferenceEpisodes(tuple(episodes), tuple(cases.measured(episodes, True)))
    report = CheckReport(fields=("torso_speed",), terms=("a",))
    said = {}
    for stated in ("0 to 8", "0 to 3"):
        body = f"    'a: {stated}'\n    return {{'a': next_state.torso_speed}}\n"
        source = f"def compute_reward(state, action, next_state):\n{body}"
        said[stated] = screen(source, report, reference)
    assert said["0 to 8"].verdicts["screen/outside-stated-range"] == "not found"
    (finding,) = said["0 to 3"].findings
    assert finding.id == "screen/outside-stated-range" and "outside 0 to 3" in finding.message


@pytest.fixture(scope="module")
def hopper() -> RewardChecker:
    return RewardChecker.of(load_task("gym/hopper_hop_forward"))


@pytest.mark.parametrize(
    ("terms", "found"),
    [
        # Costs alone, in an environment that ends when the body falls.
        ((LAG, "-abs(next_state.torso_pitch)"), True),
        ((LAG, "0.0 * next_state.torso_pitch"), True),
        # What is paid for each step that it lasts, or what a fall costs, makes up for it.
        ((LAG, "4.0"), False),
        ((LAG, "-5000.0 * float(abs(next_state.torso_pitch) > 0.19)"), False),
        (("next_state.x_velocity", "-0.1 * float(np.sum(action**2))"), False),
    ],
)
def test_costs_alone_pay_for_an_early_end(hopper: RewardChecker, terms: tuple[str, str], found: bool) -> None:
    text = f"{{'a': {terms[0]}, 'b': {terms[1]}}}"
    source = f"import numpy as np\n\n\ndef compute_reward(state, action, next_state):\n    return {text}\n"
    report = hopper.screen(source, hopper.check(source))
    said = [finding for finding in report.findings if finding.rule == "ending-pays"]
    assert bool(said) == found == (report.verdicts["screen/ending-pays"] == "found")
    assert all(finding.severity == "warning" and "30 of 31" in finding.message for finding in said)
    assert report.alignment is not None and report.alignment.whole is not None
    if found:
        # The mean per step alone says that this reward is right.
        assert report.alignment.reward > 0.9 > 0.5 > report.alignment.whole
        assert "summed up over each episode, at +0." in report.alignment.as_text()


def test_costs_alone_are_right_where_nothing_falls() -> None:
    assert screened("-abs(next_state.torso_speed - 9.0)").verdicts["screen/ending-pays"] == "not found"


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
    # A rank against the goal's own term, over episodes that hardly show it, has made critics refuse right rewards.
    assert (report.alignment is None) == (verdict == "not enough data")


def test_episodes_of_one_fitness_are_too_little_data() -> None:
    report = screened("-next_state.torso_speed", alike=True)
    assert (report.verdicts[RULE], report.findings) == ("not enough data", ())


def test_a_reward_that_fails_on_the_episodes_could_not_be_ranked() -> None:
    report = screened("next_state.torso_speed if next_state.torso_speed < 3.0 else [][0]")
    rules = ("misaligned", "ending-pays", "either-way-pays", "paid-again", "drowned", "outside-stated-range")
    assert report.verdicts == {"probe/exception": "found"} | {f"screen/{rule}": "could not run" for rule in rules}
    assert [finding.id for finding in report.findings] == ["probe/exception"]
