from __future__ import annotations

import json

import pytest

from reward_synth.core.types import CheckReport
from reward_synth.llm.fake import ScriptedModel
from reward_synth.roles.brief import Brief
from reward_synth.roles.critic import Critic, parse_reading, parse_review
from reward_synth.roles.designer import Draft
from reward_synth.roles.parsing import ParseError
from reward_synth.roles.prompts import Prompts
from tests.roles.role_cases import FIRST, REPORT, SOURCE, small

ERROR = {
    "term": "lower",
    "line": 6,
    "severity": "error",
    "check": "sign",
    "message": "arm_velocity is + when rising",
    "fix": "-1.0 * next_state.arm_velocity",
}
ANSWER = json.dumps({"findings": [ERROR, {**ERROR, "severity": "warning", "check": "scale"}], "verdict": "revise"})


def test_review_becomes_typed_findings() -> None:
    model = ScriptedModel([f"Here:\n```json\n{ANSWER}\n```"])
    (review,) = Critic(model, Prompts()).review(FIRST, [(Draft(SOURCE, candidate="001-a"), REPORT)])
    error, warning = review.findings
    assert (error.rule, error.severity, error.line, error.source) == ("critic-sign", "error", 6, "critic")
    assert "lower" in error.message and error.fix == ERROR["fix"]
    assert warning.severity == "warning"
    assert review.verdict == "revise"
    assert review.exchange.role == "critic"
    assert model.requests[0].candidate == "001-a"


def test_facts_of_the_checks_are_shown() -> None:
    model = ScriptedModel(['{"findings": [], "verdict": "pass"}'])
    Critic(model, Prompts()).review(FIRST, [(Draft(SOURCE), REPORT)])
    text = model.requests[0].messages[-1].content
    assert "constant-term" in text and "lower, effort" in text and "arm_velocity" in text


NEGATIVE = "The goal wants arm_velocity to be negative: lower means sinking.\n"


def test_small_model_reads_the_goal_once_and_the_code_is_compared() -> None:
    wrong = SOURCE.replace("-1.0 *", "1.0 *")
    model = ScriptedModel([NEGATIVE], small=True)
    sound, faulty = Critic(model, Prompts()).review(
        small(FIRST), [(Draft(SOURCE), CheckReport()), (Draft(wrong), CheckReport())]
    )
    assert sound.findings == ()
    (finding,) = faulty.findings
    assert (finding.rule, finding.severity, finding.source) == ("critic-sign", "warning", "critic")
    assert "'lower'" in finding.message and "lower means sinking" in finding.message
    assert len(model.requests) == 1 and SOURCE not in model.requests[0].messages[0].content


@pytest.mark.parametrize(
    ("answer", "field"),
    [("The goal wants arm_to_cup to be small: it is the distance.", "arm_to_cup"), (NEGATIVE, "arm_velocity")],
)
def test_reading_is_parsed(answer: str, field: str) -> None:
    assert parse_reading(answer, FIRST.fields).field == field


@pytest.mark.parametrize("answer", ["", "The goal wants speed to be positive: so.", "arm_velocity should fall"])
def test_other_reading_is_an_error(answer: str) -> None:
    with pytest.raises(ParseError):
        parse_reading(answer, FIRST.fields)


def test_reading_of_another_field_condemns_nothing() -> None:
    model = ScriptedModel(["The goal wants cup_tilt to be small: so.", "The goal wants arm_height to be small: so."])
    brief = Brief(**{**small(FIRST).__dict__, "layout": ()})
    for _ in range(2):
        (review,) = Critic(model, Prompts()).review(brief, [(Draft(SOURCE), CheckReport())])
        assert review.findings == ()


def test_no_drafts_no_calls() -> None:
    assert Critic(ScriptedModel([]), Prompts()).review(FIRST, []) == []


def test_unreadable_review_does_not_stop_the_loop() -> None:
    model = ScriptedModel(lambda request: "Looks good to me!")
    (review,) = Critic(model, Prompts()).review(FIRST, [(Draft(SOURCE), CheckReport())])
    assert review.findings == () and review.verdict == "pass" and review.problem
    assert review.exchange.answer == "Looks good to me!"


@pytest.mark.parametrize(
    "text",
    [
        '{"findings": [], "verdict": "pass"}',
        '{"findings": null, "verdict": "pass"}',
        '{"term": "none", "check": "none", "message": "fine", "fix": "", "verdict": "pass"}',
        '{"term": "lower", "check": "scale", "message": "it is large", "fix": "", "verdict": "pass"}',
        '{"verdict": "pass"}',
    ],
)
def test_pass(text: str) -> None:
    assert parse_review(text) == ()


@pytest.mark.parametrize(
    "text",
    [ANSWER, json.dumps([ERROR]), json.dumps({"findings": ERROR}), json.dumps({**ERROR, "verdict": "revise"})],
)
def test_first_finding_however_wrapped(text: str) -> None:
    assert parse_review(text)[0].rule == "critic-sign"


@pytest.mark.parametrize("text", ["", "pass", '{"findings": "none of note"}', '{"findings": ["bad sign"]}'])
def test_unusable_review_says_why(text: str) -> None:
    with pytest.raises(ParseError):
        parse_review(text)


def test_odd_values_are_mended() -> None:
    odd = {**ERROR, "line": "six", "severity": "fatal", "check": "beauty", "term": None}
    (finding,) = parse_review(json.dumps({"findings": [odd]}))
    assert (finding.line, finding.severity, finding.rule) == (None, "warning", "critic")
