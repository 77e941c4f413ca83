from __future__ import annotations

import pytest

from reward_synth.llm.fake import ScriptedModel
from reward_synth.roles.analyzer import Analyzer, parse_analysis
from reward_synth.roles.parsing import ParseError
from reward_synth.roles.prompts import Prompts
from tests.roles.role_cases import FIRST, HISTORY, SUMMARIES, small

JSON = '{"causes": ["the arm stops half way"], "suggestions": ["pay for distance", "halve effort"], "keep": ["lower"]}'


def test_analysis_is_typed_and_readable() -> None:
    model = ScriptedModel([f"```json\n{JSON}\n```"])
    analysis = Analyzer(model, Prompts()).analyze(FIRST, SUMMARIES)
    assert analysis.causes == ("the arm stops half way",)
    assert analysis.suggestions == ("pay for distance", "halve effort")
    assert analysis.keep == ("lower",)
    assert all(entry in analysis.text for entry in (*analysis.causes, *analysis.suggestions, *analysis.keep))
    assert analysis.exchange.role == "analyzer"


def test_each_candidates_source_and_summary_are_shown() -> None:
    model = ScriptedModel([JSON])
    Analyzer(model, Prompts()).analyze(FIRST, SUMMARIES, HISTORY)
    text = model.requests[0].messages[-1].content
    for candidate, source, summary in SUMMARIES:
        assert candidate in text and source.strip() in text and summary in text


def test_small_variant_answers_in_two_sentences() -> None:
    model = ScriptedModel(['{"cause": "wrong sign", "suggestion": "turn it round"}'], small=True)
    analysis = Analyzer(model, Prompts()).analyze(small(FIRST), SUMMARIES)
    assert (analysis.causes, analysis.suggestions) == (("wrong sign",), ("turn it round",))
    assert model.requests[0].grammar


def test_answer_in_no_known_form_is_kept_as_text() -> None:
    model = ScriptedModel(lambda request: "<think>hm</think>The arm is too slow, I fear.")
    analysis = Analyzer(model, Prompts()).analyze(FIRST, SUMMARIES)
    assert analysis.text == "The arm is too slow, I fear." and analysis.problem
    assert len(model.requests) == 3


@pytest.mark.parametrize(
    "text",
    [
        "## Causes\n\n- one\n- two\n\n## Suggestions\n\n1. three\n2. four\n",
        "**Causes:**\n* one\n* two\n\n**Suggestions:**\n* three\n* four",
        "Failure causes:\n- one\n- two\nConcrete suggestions:\n- three\n- four",
        '{"causes": ["one", "two"], "suggestions": ["three", "four"]}',
    ],
)
def test_sections_and_json_are_read_alike(text: str) -> None:
    causes, suggestions, _ = parse_analysis(text)
    assert (causes, suggestions) == (("one", "two"), ("three", "four"))


def test_objects_as_entries_become_sentences() -> None:
    _, suggestions, _ = parse_analysis('{"causes": [], "suggestions": [{"term": "lower", "change": "double it"}]}')
    assert suggestions == ("term: lower; change: double it",)


@pytest.mark.parametrize("text", ["", "no idea", '{"causes": ["one"], "suggestions": []}', "[1, 2]"])
def test_nothing_to_do_is_an_error(text: str) -> None:
    with pytest.raises(ParseError):
        parse_analysis(text)
