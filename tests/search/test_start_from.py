"""A search that begins with a reward that the person has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reward_synth import Run, synthesize
from reward_synth.cli.app import execute
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Candidate
from reward_synth.display.text import comparison_text
from reward_synth.llm.base import Model, Request
from reward_synth.llm.fake import ScriptedModel
from reward_synth.methods.halving import SuccessiveHalving
from reward_synth.report.data import write_report
from tests.search.test_loop import CALM, EDITED, GOAL, GOOD, UNKNOWN_FIELD, play


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], ScriptedModel]:
    def use(designs: list[str]) -> ScriptedModel:
        model = ScriptedModel(lambda request: answered(request, designs), usd=0.25)

        def opened(name: str, **_: object) -> Model:
            return model

        monkeypatch.setattr("reward_synth.search.models.open_model", opened)
        monkeypatch.setattr("reward_synth.llm.open_model", opened)
        return model

    def answered(request: Request, designs: list[str]) -> str:
        return play(request, designs)

    return use


def settings(tmp_path: Path, source: str, **changes: object) -> dict[str, object]:
    file = tmp_path / "mine.py"
    file.write_text(source, encoding="utf-8")
    values = {"model": "scripted", "runs_dir": tmp_path / "runs", "display": "none", "iterations": 1, "train_on": 0}
    return values | {"samples": 2, "steps": 1000, "start_from": str(file)} | changes


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Searches that end before they train anything."""
    monkeypatch.setattr(SuccessiveHalving, "run", lambda self: None)


@pytest.mark.usefixtures("untrained")
def test_it_is_the_first_candidate_and_nobody_elses(
    tmp_path: Path, scripted: Callable[[list[str]], ScriptedModel]
) -> None:
    model = scripted([CALM, EDITED])
    source = EDITED.strip() + "\n"
    run = synthesize(GOAL, **settings(tmp_path, source, time_limit="0.001"))
    assert run.status == "stopped" and not model.requests and not run.candidates
    (tmp_path / "mine.py").unlink()
    run = Run.open(run.path).resume(time_limit="10m")
    mine, calm, twin = run.candidates
    assert (mine.id, mine.author, mine.parents, mine.status) == ("001-a", "person", (), "designed")
    assert run.reward("001-a") == source and mine.cost_usd == 0.0
    assert (calm.id, calm.author, calm.status) == ("001-b", "designer", "designed")
    assert run.reward("001-b").strip() == CALM.strip()
    assert twin.status == "designed", "it waits for the first one's training"
    assert run.store.started_with() == mine
    told = model.requests[0].messages[-1].content
    assert "-0.02" not in told, "the model's first rewards are written without it"


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("own", [True, False], ids=["beside-the-person's", "alone"])
def test_the_reward_of_a_form_is_a_candidate_of_the_models(
    tmp_path: Path, scripted: Callable[[list[str]], ScriptedModel], own: bool
) -> None:
    scripted([CALM, EDITED])
    given = settings(tmp_path, GOOD, time_limit="0.001")
    run = synthesize(GOAL, **(given if own else given | {"start_from": None}))
    run.store.form_reward_path.write_text(EDITED)
    run = Run.open(run.path).resume(time_limit="10m")
    of_form = run.candidates[int(own)]
    assert (of_form.id, of_form.author, of_form.status) == ("001-b" if own else "001-a", "designer", "designed")
    assert run.reward(of_form.id).strip() == EDITED.strip()
    assert len(run.candidates) == 3 + own
    assert (run.store.started_with() is None) is not own


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (None, "cannot read"),
        ("def compute_reward(:\n", "is not Python"),
        ("def reward(state, action, next_state):\n    return {}\n", "has no function `compute_reward`"),
        (UNKNOWN_FIELD, "pole_angel"),
        (GOOD.replace("return {", "raise ValueError('no')\n    return {"), "no"),
    ],
)
def test_a_file_that_cannot_be_trained_is_refused_before_anything_is_spent(
    tmp_path: Path, scripted: Callable[[list[str]], ScriptedModel], source: str | None, told: str
) -> None:
    model = scripted([GOOD])
    given = settings(tmp_path, source or "")
    if source is None:
        (tmp_path / "mine.py").unlink()
    with pytest.raises(RewardSynthError, match=told) as refused:
        synthesize(GOAL, **given)
    assert "mine.py" in refused.value.message and refused.value.hint
    assert not model.requests and not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_the_report_says_how_the_best_compares_with_it(
    tmp_path: Path, scripted: Callable[[list[str]], ScriptedModel], capsys: pytest.CaptureFixture[str]
) -> None:
    scripted([GOOD])
    run = synthesize(GOAL, **settings(tmp_path, CALM, samples=1, rungs="1"))
    mine, theirs = run.candidates
    assert mine.status == theirs.status == "trained" and mine.author == "person"
    text = comparison_text(run.best, mine)
    assert "001-a" in text and f"fitness {mine.fitness:.3g}" in text
    write_report(run.store)
    assert text[1:] in (run.path / "report.html").read_text()
    assert execute(["show", str(run.path)]) == 0
    told = capsys.readouterr().out
    assert f"yours   {text}" in told and "by person" in told


def test_what_is_said_of_it() -> None:
    trained = {"iteration": 1, "status": "trained", "success": 0.5, "fitness": 2.0}
    mine = Candidate(id="001-a", author="person", **trained)
    best = Candidate(id="002-b", **trained | {"iteration": 2, "success": 1.0})
    assert comparison_text(best, None) == ""
    assert "came to success 50%, fitness 2; the best, 002-b, to success 100%" in comparison_text(best, mine)
    assert comparison_text(mine, mine).startswith("no reward did better than yours, 001-a: success 50%")
    further = best.model_copy(update={"continues": "001-a"})
    assert "002-b, which is your reward trained on, to" in comparison_text(further, mine)
    broken = mine.model_copy(update={"status": "rejected", "reason": "it pays for falling"})
    assert comparison_text(best, broken) == "your reward, 001-a, was rejected: it pays for falling"
