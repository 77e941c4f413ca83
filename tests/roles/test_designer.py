from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from reward_synth.llm.base import Request
from reward_synth.llm.fake import ScriptedModel
from reward_synth.reward.lint import lint
from reward_synth.roles.brief import Brief
from reward_synth.roles.designer import Designer, Draft
from reward_synth.roles.prompts import Prompts
from tests.roles.role_cases import FINDINGS, FIRST, LATER, LAYOUT, SOURCE, small

ANSWER = f"The goal wants the arm to sink.\n\n```python\n{SOURCE}```\nThat is all."


def designer(answers: Any, is_small: bool = False, **options: Any) -> tuple[Designer, ScriptedModel]:
    model = ScriptedModel(answers, small=is_small)
    return Designer(model, Prompts(), **options), model


def test_drafts_carry_source_exchange_and_candidate() -> None:
    role, model = designer([ANSWER, ANSWER])
    drafts = role.design(FIRST, 2, 1, ids=["001-a", "001-b"])
    assert [draft.source for draft in drafts] == [SOURCE, SOURCE]
    assert [draft.candidate for draft in drafts] == ["001-a", "001-b"]
    assert [request.candidate for request in model.requests] == ["001-a", "001-b"]
    assert drafts[0].exchanges[0].answer == ANSWER
    assert FIRST.goal in drafts[0].exchanges[0].prompt
    assert all(draft.problem == "" for draft in drafts)


@pytest.mark.parametrize("brief", [FIRST, small(FIRST)])
def test_samples_differ_in_emphasis_and_temperature(brief: Brief) -> None:
    role, model = designer(lambda request: ANSWER)
    drafts = role.design(brief, 4, 1)
    assert drafts[0].emphasis == ""
    assert len({draft.emphasis for draft in drafts}) == 4
    for draft, request in zip(drafts, model.requests, strict=True):
        assert draft.emphasis in request.messages[-1].content
    assert len({request.temperature for request in model.requests}) > 1
    assert max(request.temperature for request in model.requests) <= 1.0
    assert len({request.sample for request in model.requests}) == 4


def test_emphasis_stands_behind_what_the_samples_share() -> None:
    """So that a local model reads the long common beginning once."""
    role, model = designer(lambda request: ANSWER)
    role.design(small(FIRST), 3, 1)
    first, second, third = (request.messages[-1].content for request in model.requests)
    shared = next(i for i, (a, b) in enumerate(zip(second, third, strict=False)) if a != b)
    assert shared > 0.9 * len(first)


def test_later_iterations_and_other_seeds_draw_other_samples() -> None:
    samples = set()
    for seed, iteration in ((0, 1), (0, 2), (1, 1)):
        role, model = designer(lambda request: ANSWER, seed=seed)
        role.design(FIRST, 4, iteration)
        samples |= {request.sample for request in model.requests}
    assert len(samples) == 12


def test_answer_without_code_is_a_draft_with_a_problem() -> None:
    role, model = designer(lambda request: "I would rather not.")
    (draft,) = role.design(FIRST, 1, 1)
    assert draft.source == "" and "no code" in draft.problem
    assert len(model.requests) == 3
    assert draft.exchanges[-1].answer == "I would rather not."


def test_repair_shows_code_and_findings_and_keeps_the_history() -> None:
    role, model = designer([ANSWER.replace("-0.01", "-0.02")])
    before = Draft("broken = 1\n", (), candidate="001-a", emphasis="two terms")
    (after,) = role.repair(FIRST, [(before, FINDINGS)])
    text = model.requests[0].messages[-1].content
    assert "  1| broken = 1" in text
    assert all(finding.message in text and finding.fix in text for finding in FINDINGS)
    assert "-0.02" in after.source
    assert (after.candidate, after.emphasis, len(after.exchanges)) == ("001-a", "two terms", 1)


def test_repair_that_cannot_be_parsed_keeps_the_source() -> None:
    role, _ = designer(lambda request: "It is fine as it is.")
    (after,) = role.repair(FIRST, [(Draft(SOURCE), FINDINGS)])
    assert after.source == SOURCE and after.problem


def test_second_repair_of_the_same_code_is_another_request() -> None:
    role, model = designer(lambda request: ANSWER)
    (once,) = role.repair(FIRST, [(Draft(SOURCE), FINDINGS)])
    role.repair(FIRST, [(once, FINDINGS)])
    first, second = model.requests
    assert first.messages == second.messages and first.sample != second.sample


def test_where_nothing_ends_an_episode_nobody_is_asked_to_survive() -> None:
    asked: dict[bool, str] = {}
    for falls in (True, False):
        model = ScriptedModel(lambda request: "```python\nx = 1\n```")
        Designer(model, Prompts()).design(replace(FIRST, falls=falls), 8, 1)
        asked[falls] = "\n".join(request.messages[-1].text for request in model.requests)
    assert "survival first" in asked[True] and "survival" not in asked[False]
    assert "where episodes end early" not in asked[True]


def test_grammar_is_for_small_models_with_a_layout_only() -> None:
    def grammar(brief: Brief) -> str | None:
        role, model = designer([ANSWER])
        role.design(brief, 1, 1)
        return model.requests[0].grammar

    assert grammar(FIRST) is None
    assert grammar(small(Brief(**{**FIRST.__dict__, "layout": ()}))) is None
    made = grammar(small(FIRST))
    assert made and "next_state.arm_velocity" in made
    assert "cup_tilt" not in made, "a field that the short stub does not show"


def test_small_request_is_short() -> None:
    role, model = designer(lambda request: ANSWER)
    role.design(small(LATER), 1, 2)
    role.design(LATER, 1, 2)
    tiny, whole = model.requests
    assert len(tiny.messages[-1].content) < 0.7 * len(whole.messages[-1].content)
    assert tiny.max_tokens < whole.max_tokens


# The embedded model's grammar, walked at random: whatever it can say must keep the contract.


class Grammar:
    """A small GBNF interpreter that draws random sentences."""

    TOKEN = re.compile(r'\s*("(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|[\w-]+|\{[\d,]+\}|[|()?*+])')

    def __init__(self, text: str, generator: np.random.Generator) -> None:
        self.generator = generator
        lines = [line for line in text.split("\n") if line.strip() and not line.startswith("#")]
        self.rules = {}
        for line in lines:
            name, body = line.split("::=", 1)
            assert name.strip() not in self.rules, f"{name} is defined twice"
            tokens = self.TOKEN.findall(body)
            assert "".join(tokens) == re.sub(r'\s+(?=(?:[^"]*"[^"]*")*[^"]*$)', "", body) or tokens
            self.rules[name.strip()] = self.choice(tokens)
            assert not tokens, f"{name} is not well formed"

    def choice(self, tokens: list[str]) -> list[Any]:
        options: list[Any] = [[]]
        while tokens and tokens[0] != ")":
            token = tokens.pop(0)
            if token == "|":
                options.append([])
            elif token in "?*+" or token[0] == "{":
                bounds = {"?": "0,1", "*": "0,3", "+": "1,3"}.get(token, token.strip("{}")).split(",")
                options[-1][-1] = ("repeat", options[-1][-1], int(bounds[0]), int(bounds[-1]))
            elif token == "(":
                options[-1].append(self.choice(tokens))
                tokens.pop(0)
            else:
                options[-1].append(token)
        return ["choice", options]

    def say(self, node: Any) -> str:
        if isinstance(node, str):
            if node[0] == '"':
                return node[1:-1].replace("\\n", "\n").replace('\\"', '"')
            if node[0] == "[":
                allowed = "abc xyz," if node[1] == "^" else self.range(node[1:-1])
                return str(self.generator.choice(list(allowed)))
            return self.say(self.rules[node])
        if node[0] == "repeat":
            return "".join(self.say(node[1]) for _ in range(self.generator.integers(node[2], node[3] + 1)))
        options = node[1]
        return "".join(self.say(item) for item in options[self.generator.integers(len(options))])

    @staticmethod
    def range(text: str) -> str:
        out = re.sub(r"(.)-(.)", lambda m: "".join(map(chr, range(ord(m[1]), ord(m[2]) + 1))), text)
        return out


def grammar_of(brief: Brief) -> str:
    requests: list[Request] = []

    def answer(request: Request) -> str:
        requests.append(request)
        return ANSWER

    Designer(ScriptedModel(answer, small=True), Prompts()).design(brief, 1, 1)
    assert requests[0].grammar
    return requests[0].grammar


@pytest.mark.parametrize("layout", [LAYOUT, (("arm_velocity", ()),), (("arm_to_cup", (3,)),), (("arm_to_cup", (8,)),)])
def test_whatever_the_grammar_allows_keeps_the_contract(layout: Any) -> None:
    from reward_synth.roles.parsing import extract_code

    text = grammar_of(small(Brief(**{**FIRST.__dict__, "layout": layout})))
    walker = Grammar(text, np.random.default_rng(0))
    state = type("State", (), {name: 0.3 if not shape else np.full(shape, 0.3) for name, shape in layout})()
    for _ in range(150):
        source = extract_code(walker.say("root"))
        # A random walk may draw one name for two terms; the lint says so, and it is no fault of the grammar.
        faults = [f for f in lint(source, layout, "compute_reward", 2).findings if f.severity == "error"]
        assert all("twice" in f.message or "duplicate" in f.rule for f in faults), (source, faults)
        scope: dict[str, Any] = {}
        exec(source, scope)
        terms = scope["compute_reward"](state, np.array([0.5, -0.5]), state)
        assert isinstance(terms, dict) and terms
        assert all(np.ndim(value) == 0 and np.isfinite(value) for value in terms.values())


def test_grammar_ties_the_sign_to_the_word() -> None:
    walker = Grammar(grammar_of(small(FIRST)), np.random.default_rng(1))
    seen = set()
    for _ in range(200):
        lines = walker.say("root").split("\n")
        for comment, term in itertools.pairwise(lines):
            if "arm_velocity to be positive" in comment:
                seen.add("positive")
                assert term.split('": ')[1][0] in "0123456789"
            if "arm_velocity to be negative" in comment:
                seen.add("negative")
                assert term.split('": ')[1][0] == "-"
    assert seen == {"positive", "negative"}


def test_first_term_is_never_undone_by_a_later_one() -> None:
    walker = Grammar(grammar_of(small(FIRST)), np.random.default_rng(2))
    for _ in range(300):
        comments = re.findall(r"# (?:The goal|It also) wants (\S+) to be (\S+)", walker.say("root"))
        field, wanted = comments[0]
        if wanted.rstrip(":") in ("positive", "negative"):
            assert field not in [later for later, _ in comments[1:]]
