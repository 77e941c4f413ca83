from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Finding
from reward_synth.llm.fake import ScriptedModel
from reward_synth.roles.parsing import ParseError
from reward_synth.roles.prompts import Prompts
from reward_synth.roles.task_drafter import DRAFTS, Measures, TaskDrafter, parse_choice, parse_measures
from tests.roles.role_cases import ENVIRONMENTS, FINDINGS, GOAL_BRIEF, QUANTITIES, fill_in

MEASURES = (
    '{"success": "episode.arm_height[-1] < 0.1", "fitness": "-episode.arm_height[-1]", '
    '"fitness_unit": "m", "explanation": "The arm ends within 10 cm of the table."}'
)
IDS = ("Ant-v5", "Hopper-v5", "Giant-Ant-v5", "InvertedPendulum-v5", "InvertedDoublePendulum-v5")


def draft(model: ScriptedModel, check: Any = lambda measures: (), **options: Any) -> Any:
    return TaskDrafter(model, Prompts()).draft_measures(GOAL_BRIEF, check=check, **options)


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ('{"environment": "Hopper-v5", "reason": "unlike Ant-v5"}', "Hopper-v5"),
        ("Ant-v5", "Ant-v5"),
        ("`hopper-v5`.", "Hopper-v5"),
        ("I would take **Giant-Ant-v5** for this.", "Giant-Ant-v5"),
        ("InvertedDoublePendulum-v5\n", "InvertedDoublePendulum-v5"),
        ("<think>Ant-v5? no.</think> Hopper-v5", "Hopper-v5"),
    ],
)
def test_choice_is_read(text: str, chosen: str) -> None:
    assert parse_choice(text, IDS) == chosen


@pytest.mark.parametrize("text", ["", "Elephant-v5", "Ant-v5 or Hopper-v5", "Ant", '{"environment": "Dog-v1"}'])
def test_unclear_choice_is_an_error(text: str) -> None:
    with pytest.raises(ParseError):
        parse_choice(text, IDS)


def test_choose_environment() -> None:
    model = ScriptedModel(["Dog-v1", "Lift-v2"])
    chosen, exchange = TaskDrafter(model, Prompts()).choose_environment("lower the arm", ENVIRONMENTS)
    assert chosen == "Lift-v2"
    assert exchange.role == "task_drafter" and "lower the arm" in exchange.prompt
    assert all(text in model.requests[0].messages[0].content for text in (*ENVIRONMENTS, *ENVIRONMENTS.values()))


def test_no_choice_is_an_error_with_the_way_out() -> None:
    model = ScriptedModel(lambda request: "Dog-v1")
    with pytest.raises(RewardSynthError) as error:
        TaskDrafter(model, Prompts()).choose_environment("lower the arm", ENVIRONMENTS)
    assert "--env" in error.value.hint


def test_small_choice_can_only_be_one_of_the_ids() -> None:
    model = ScriptedModel(["Cart-v1"], small=True)
    TaskDrafter(model, Prompts()).choose_environment("stop it there", ENVIRONMENTS)
    assert model.requests[0].grammar == 'root ::= "Lift-v2" | "Cart-v1"\n'


def test_small_choice_is_among_the_robots_that_the_goal_names() -> None:
    model = ScriptedModel(["Cart-v1"], small=True)
    TaskDrafter(model, Prompts()).choose_environment("stop the cart", ENVIRONMENTS)
    assert model.requests[0].grammar == 'root ::= "Cart-v1"\n'


def test_measures_are_drafted() -> None:
    drafted = draft(ScriptedModel([f"```json\n{MEASURES}\n```"]))
    assert drafted.success == "episode.arm_height[-1] < 0.1"
    assert drafted.fitness == "-episode.arm_height[-1]"
    assert drafted.fitness_unit == "m"
    assert drafted.explanation.startswith("The arm ends")
    assert drafted.findings == () and len(drafted.exchanges) == 1


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("It turns once. " * 90, "It turns once. " * 89 + "It turns once."),
        ("It turns once. " * 200, "It turns once. " * 99 + "It turns once."),
        ("It turns by 0.5 rad, " + "and again " * 200, "It turns by 0.5 rad, " + "and again " * 147 + "and …"),
    ],
    ids=["whole", "to the end of a sentence", "to the end of a word"],
)
def test_a_long_explanation_ends_with_a_sentence(text: str, kept: str) -> None:
    answer = MEASURES.replace("The arm ends within 10 cm of the table.", text)
    assert draft(ScriptedModel([f"```json\n{answer}\n```"])).explanation == kept


def test_measures_are_repaired_with_the_findings() -> None:
    model = ScriptedModel([MEASURES.replace("arm_height[-1] <", "arm_hight[-1] <"), MEASURES])

    def check(measures: Measures) -> tuple[Finding, ...]:
        return FINDINGS[:1] if "hight" in measures.success else ()

    drafted = draft(model, check)
    assert drafted.success == "episode.arm_height[-1] < 0.1"
    assert len(drafted.exchanges) == 2 and drafted.findings == ()
    assert FINDINGS[0].message in model.requests[1].messages[-1].content


def test_measures_that_stay_broken_come_with_their_findings() -> None:
    model = ScriptedModel(lambda request: MEASURES)
    drafted = draft(model, lambda measures: FINDINGS[:1])
    assert drafted.findings == FINDINGS[:1]
    assert len(model.requests) == DRAFTS == 3


def test_a_warning_is_answered_once() -> None:
    model = ScriptedModel([MEASURES, MEASURES])
    drafted = draft(model, lambda measures: FINDINGS[1:])
    assert drafted.errors == () and drafted.warnings == FINDINGS[1:] and len(drafted.exchanges) == 2
    assert "if this is meant to be so" in model.requests[1].messages[-1].text


@pytest.mark.parametrize(
    "text",
    [
        MEASURES,
        "success: episode.arm_height[-1] < 0.1\nfitness: -episode.arm_height[-1]\nunit: m\n",
        "**Success**: `episode.arm_height[-1] < 0.1`\n**Fitness**: `-episode.arm_height[-1]`\n**Fitness unit**: m",
        "{'success': 'episode.arm_height[-1] < 0.1', 'fitness': '-episode.arm_height[-1]', 'unit': 'm',}",
    ],
)
def test_measures_are_read_however_written(text: str) -> None:
    measures = parse_measures(text)
    assert (measures.success, measures.fitness, measures.fitness_unit) == (
        "episode.arm_height[-1] < 0.1",
        "-episode.arm_height[-1]",
        "m",
    )


def test_measures_as_functions() -> None:
    measures = parse_measures(
        "```python\ndef success(episode):\n    return episode.arm_height[-1] < 0.1\n```\n"
        "```python\ndef fitness(episode):\n    return -episode.arm_height[-1]\n```\n"
    )
    assert measures.success.startswith("def success(episode):")
    assert measures.fitness.startswith("def fitness(episode):")


@pytest.mark.parametrize("text", ["", '{"success": "True"}', "fitness: 1", '{"success": "", "fitness": "1"}'])
def test_half_an_answer_is_an_error(text: str) -> None:
    with pytest.raises(ParseError, match=r"no (success|fitness)"):
        parse_measures(text)


DOWN = """1. lower the arm
   arm_height should be low: lower means near the table.
   So: arm_height less than 0.2 m at the end
"""
ALSO_DOWN = DOWN.replace("0.2", "0.5").replace("lower means", "down is")
UP = """1. lower the arm
   arm_height should be high: the arm goes up.
   So: arm_height more than 1.5 m at some moment
"""


def test_what_most_forms_mean_is_taken() -> None:
    model = ScriptedModel([DOWN, ALSO_DOWN, UP, DOWN], small=True)
    drafted = fill_in(model)
    assert "arm_height[-last:]) < 0.2" in drafted.success and drafted.findings == ()
    assert "next_state.arm_height" in drafted.reward
    assert len(drafted.exchanges) == len(model.requests) == 4
    assert all(request.grammar for request in model.requests)


def test_what_counts_on_average_must_last_where_an_episode_can_end_early() -> None:
    average = DOWN.replace("at the end", "on average")
    assert "episode.length >= episode.horizon" in fill_in(ScriptedModel([average] * 4, small=True)).success
    assert "horizon" not in fill_in(ScriptedModel([UP] * 4, small=True)).success


def test_policies_are_shown_what_the_goal_is_about_and_they_do_not_observe() -> None:
    answers = ScriptedModel([DOWN] * 4, small=True)
    assert fill_in(answers, unseen=("arm_height", "cup_tilt")).observes == ("arm_height",)
    assert fill_in(ScriptedModel([DOWN] * 4, small=True), unseen=("cup_tilt",)).observes == ()


def test_a_turn_is_a_speed_and_nothing_counts_turns() -> None:
    turning = replace(QUANTITIES[1], name="arm_turn_velocity", unit="rad/s")
    for goal, offered in (
        ("make the arm spin", True),
        ("turn the arm around once", False),
        ("turn around once", False),
    ):
        model = ScriptedModel(lambda request: "no form", small=True)
        with pytest.raises(RewardSynthError):
            fill_in(model, quantities=(*QUANTITIES, turning), goal=goal)
        grammar = str(model.requests[0].grammar)
        assert ("arm_turn_velocity should" in grammar) is offered and "arm_height should" not in grammar


def test_forms_that_mean_different_things_are_doubtful() -> None:
    (finding,) = fill_in(ScriptedModel([DOWN, DOWN, UP, UP], small=True)).errors
    assert finding.id == "probe/drafts-disagree" and "; arm_height is more than 1.5 m at some" in finding.message
    assert "'lower the arm'" in finding.message


def test_a_form_that_the_trial_refuses_comes_with_its_faults() -> None:
    drafted = fill_in(ScriptedModel([DOWN, ALSO_DOWN, DOWN, DOWN], small=True), lambda measures: FINDINGS)
    assert "< 0.2)" in drafted.success and drafted.findings == FINDINGS


def test_no_form_at_all_is_an_error() -> None:
    with pytest.raises(RewardSynthError, match="no usable success and fitness: the answer has 0 lines"):
        fill_in(ScriptedModel(lambda request: "I do not know.", small=True))


def test_a_form_that_falls_short_of_the_sentence_is_doubtful() -> None:
    silent = DOWN + "2. sing\n   Nothing in the state says this.\n   So: no field tells this\n"
    (finding, *_) = fill_in(ScriptedModel([silent] * 4, small=True), goal="Bring the arm down, and sing a song").errors
    assert finding.rule == "measure-falls-short"
    assert "'sing a song'" in finding.message
