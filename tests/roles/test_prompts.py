"""Every template rendered whole, held against a file; UPDATE_SNAPSHOTS=1 writes the files anew."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.resources import data_dir
from reward_synth.llm.base import Request
from reward_synth.llm.fake import ScriptedModel
from reward_synth.roles.analyzer import Analyzer
from reward_synth.roles.brief import as_text
from reward_synth.roles.critic import Critic
from reward_synth.roles.designer import Designer, Draft
from reward_synth.roles.prompts import Prompts, numbered
from reward_synth.roles.task_drafter import TaskDrafter
from tests.roles.role_cases import (
    ENVIRONMENTS,
    FINDINGS,
    FIRST,
    GOAL_BRIEF,
    HISTORY,
    LATER,
    REPORT,
    SOURCE,
    SUMMARIES,
    fill_in,
    small,
)

SNAPSHOTS = Path(__file__).parent / "snapshots"

CODE = f"```python\n{SOURCE}```"
FORM = "1. lower the arm\n   arm_height should be low: near the table.\n   So: arm_height less than 0.2 m at the end\n"
MEASURES = '{"success": "episode.arm_height[-1] < 0.1", "fitness": "-episode.arm_height[-1]", "fitness_unit": "m"}'


def _design(brief: object, model: ScriptedModel) -> None:
    Designer(model, Prompts()).design(brief, 2, 1)  # type: ignore[arg-type]


def _draft(model: ScriptedModel) -> None:
    TaskDrafter(model, Prompts()).draft_measures(
        GOAL_BRIEF,
        check=lambda measures: (),
    )


def _repair_measures(model: ScriptedModel) -> None:
    TaskDrafter(model, Prompts()).draft_measures(
        GOAL_BRIEF,
        check=lambda measures: FINDINGS if len(model.requests) == 1 else (),
    )


CASES: dict[str, tuple[Callable[[ScriptedModel], object], str, bool]] = {
    "designer-first": (lambda m: _design(FIRST, m), CODE, False),
    "designer-later": (lambda m: _design(LATER, m), CODE, False),
    "designer-first-small": (lambda m: _design(small(FIRST), m), CODE, True),
    "designer-later-small": (lambda m: _design(small(LATER), m), CODE, True),
    "designer-repair": (
        lambda m: Designer(m, Prompts()).repair(FIRST, [(Draft(SOURCE), FINDINGS)]),
        CODE,
        False,
    ),
    "designer-repair-small": (
        lambda m: Designer(m, Prompts()).repair(small(FIRST), [(Draft(SOURCE), FINDINGS)]),
        CODE,
        True,
    ),
    "critic": (lambda m: Critic(m, Prompts()).review(LATER, [(Draft(SOURCE), REPORT)]), '{"findings": []}', False),
    "critic-small": (
        lambda m: Critic(m, Prompts()).review(small(LATER), [(Draft(SOURCE), REPORT)]),
        "The goal wants arm_velocity to be negative: lower means sinking.",
        True,
    ),
    "analyzer": (
        lambda m: Analyzer(m, Prompts()).analyze(LATER, SUMMARIES, HISTORY),
        '{"causes": ["a"], "suggestions": ["b"]}',
        False,
    ),
    "analyzer-small": (
        lambda m: Analyzer(m, Prompts()).analyze(small(LATER), SUMMARIES, HISTORY),
        '{"cause": "a", "suggestion": "b"}',
        True,
    ),
    "goal-environment": (
        lambda m: TaskDrafter(m, Prompts()).choose_environment("lower the arm", ENVIRONMENTS),
        "Lift-v2",
        False,
    ),
    "goal-environment-small": (
        lambda m: TaskDrafter(m, Prompts()).choose_environment("lower the arm", ENVIRONMENTS),
        "Lift-v2",
        True,
    ),
    "goal-measures": (_draft, MEASURES, False),
    "goal-measures-small": (lambda m: fill_in(m), FORM, True),
    "goal-measures-repair": (_repair_measures, MEASURES, False),
}


def _requests(name: str) -> list[Request]:
    run, answer, is_small = CASES[name]
    model = ScriptedModel(lambda request: answer, small=is_small)
    run(model)
    return model.requests


@pytest.mark.parametrize("name", CASES)
def test_rendered_prompt_is_as_recorded(name: str) -> None:
    request = _requests(name)[-1]
    text = as_text(request)
    if request.grammar:
        text += f"\n<!-- grammar -->\n{request.grammar}"
    path = SNAPSHOTS / f"{name}.md"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), "UPDATE_SNAPSHOTS=1 accepts the change"


def test_no_snapshot_is_left_over() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*.md")} == set(CASES)


# Names and wordings of the native rewards of the environments that ship, and of their docstrings.
NATIVE = re.compile(
    r"reward_(?:forward|ctrl|survive|contact|dist|near|linup|quadctrl|impact|alive|run)|healthy|ctrl_cost|"
    r"forward_reward|contact_cost|dist_penalty|vel_penalty|alive_bonus|forward_reward_weight|quad_ctrl|uph_cost|"
    r"native reward|reward_threshold|control_cost|original reward|default reward",
    re.IGNORECASE,
)


@pytest.mark.parametrize("name", CASES)
def test_no_prompt_names_a_native_reward(name: str) -> None:
    for request in _requests(name):
        assert not NATIVE.search(as_text(request) + (request.grammar or ""))


def test_no_file_of_the_prompts_folder_names_a_native_reward() -> None:
    files = [path for path in data_dir("prompts").rglob("*") if path.is_file()]
    assert files
    for path in files:
        found = NATIVE.search(path.read_text(encoding="utf-8"))
        assert found is None, f"{path.name}: {found.group()}"


def test_small_prompt_names_no_field_of_a_shipped_environment() -> None:
    shipped = re.compile(
        r"x_velocity|torso|pitch|fingertip|pole|cart\b|cheetah|hopper|walker|swimmer|ant\b|reacher|heading",
        re.IGNORECASE,
    )
    for path in (data_dir("prompts") / "designer" / "small").iterdir():
        shown = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("# ")]
        found = shipped.search("\n".join(shown))
        assert found is None, f"{path.name}: {found.group()}"


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("designer")])
def test_goal_stands_verbatim(name: str) -> None:
    assert FIRST.goal in as_text(_requests(name)[-1])


@pytest.mark.parametrize("name", ["designer-later", "designer-later-small", "critic", "analyzer"])
def test_persons_words_stand_verbatim(name: str) -> None:
    for words in LATER.feedback:
        assert words in as_text(_requests(name)[-1])


def test_analyzer_sees_four_turns() -> None:
    text = as_text(_requests("analyzer")[-1])
    assert "Reading of iteration 2." not in text
    assert all(f"Reading of iteration {number}." in text for number in (3, 4, 5, 6))


def test_small_critic_and_analyzer_answers_are_short() -> None:
    assert all(_requests(name)[-1].max_tokens <= 150 for name in ("critic-small", "analyzer-small"))


def test_missing_value_is_an_error() -> None:
    with pytest.raises(RewardSynthError, match="reason"):
        Prompts().render("ask_again.md.j2")


def test_unknown_template_is_an_error() -> None:
    with pytest.raises(RewardSynthError, match=r"nothing\.md\.j2"):
        Prompts().render("nothing.md.j2")


def test_override_replaces_one_file_and_keeps_the_rest(tmp_path: Path) -> None:
    (tmp_path / "ask_again.md.j2").write_text("Noch einmal: {{ reason }}")
    prompts = Prompts(tmp_path)
    assert prompts.render("ask_again.md.j2", reason="why") == "Noch einmal: why\n"
    assert prompts.render("critic/full/system.md.j2") == Prompts().render("critic/full/system.md.j2")
    assert prompts.lines("designer/small/emphasis.txt") == Prompts().lines("designer/small/emphasis.txt")


def test_broken_override_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "ask_again.md.j2").write_text("one\n{% if %}\n")
    with pytest.raises(RewardSynthError, match=r"ask_again\.md\.j2") as error:
        Prompts(tmp_path).render("ask_again.md.j2", reason="why")
    assert "line 2" in error.value.hint


def test_missing_override_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RewardSynthError, match="does not exist"):
        Prompts(tmp_path / "nowhere")


def test_numbered_counts_as_findings_do() -> None:
    assert numbered("a\n\nb\n") == "  1| a\n  2|\n  3| b"


@pytest.mark.parametrize(
    "template",
    [
        "{{ cycler.__init__.__globals__.os.environ['HOME'] }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ goal.__init__.__globals__ }}",
        "{{ finding.parse_raw('cposix\\nsystem\\n(S\\'id\\'\\ntR.', proto='pickle', allow_pickle=True) }}",
        "{{ finding.model_copy() }}",
        "{{ finding.model_fields.rule.annotation('x') }}",
        "{{ [finding] | map(attribute='model_dump') | first | string }}",
    ],
)
def test_a_template_from_somebody_else_reaches_nothing(template: str, tmp_path: Path) -> None:
    (tmp_path / "hostile.md.j2").write_text(template)
    with pytest.raises(RewardSynthError):
        Prompts(tmp_path).render("hostile.md.j2", goal="x", finding=FINDINGS[0])
    (tmp_path / "hostile.md.j2").write_text("{{ finding.as_text() }} {{ finding.rule }} {{ goal.upper() }}")
    assert Prompts(tmp_path).render("hostile.md.j2", goal="x", finding=FINDINGS[0]).endswith("X\n")


def test_only_what_replaces_a_template_is_copied_into_a_run(tmp_path: Path) -> None:
    (tmp_path / "designer" / "full").mkdir(parents=True)
    (tmp_path / "designer" / "full" / "design.md.j2").write_text("mine")
    (tmp_path / "secret.txt").write_text("mine")
    files = Prompts(tmp_path).files()
    assert files["designer/full/design.md.j2"] == "mine"
    assert files.keys() == Prompts().files().keys()
