"""A training that ended on the way up goes on, beside the next iteration's new rewards."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from typer.testing import CliRunner

from reward_synth import Run, synthesize
from reward_synth.cli.app import app
from reward_synth.cli.cost import _training_cost
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Candidate
from reward_synth.evaluation.select import best_candidate
from reward_synth.llm.fake import ScriptedModel
from reward_synth.methods.base import History
from reward_synth.methods.synth import Synth
from reward_synth.roles.brief import as_text
from reward_synth.search.continuing import going_on, kind_of_round
from reward_synth.search.session import SearchSession
from reward_synth.training.job import TrainJob
from tests.evaluation.test_select import candidate
from tests.search.test_loop import EDITED, GOAL, GOOD, Answer, model, play, settings

__all__ = ["model"]

KEPT = Path(__file__).resolve().parents[1] / "store" / "old_runs" / "schema-1"


def test_a_promising_training_goes_on_where_it_stood(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    def best(history: History) -> tuple[str, ...]:
        found = best_candidate(history.candidates)
        return (found.id,) if found else ()

    monkeypatch.setattr(Synth, "unfinished", lambda self, history: best(history))
    answers = iter([GOOD, EDITED, EDITED.replace("0.02", "0.05")])
    scripted = model(lambda request: play(request, [next(answers)] * 100 if request.role == "designer" else [GOOD]))
    run = synthesize(GOAL, **settings(tmp_path, iterations=2, samples=1, train_on=0, keep_going=True))
    assert [(c.id, c.continues) for c in run.candidates] == [("001-a", None), ("002-a", None), ("002-b", "001-a")]
    parent, child = run.candidate("001-a"), run.candidate("002-b")
    before, after = run.results("001-a")[0], run.results("002-b")[0]
    assert run.reward("002-b") == run.reward("001-a") and child.parents == ("001-a",)
    assert after.seed == before.seed and after.steps >= 8000
    jobs = [TrainJob.read(run.store.train_dir(each, 0) / "job.json") for each in ("001-a", "002-b")]
    assert [job.settles_from for job in jobs] == [None, jobs[0].steps] and jobs[1].steps == 2 * jobs[0].steps
    assert after.evaluations[:2] == before.evaluations[:2], "it was trained anew"
    assert child.steps == after.steps - parent.steps and "goes on from 001-a" in child.reason
    # What cannot go on any more takes no place on the disk.
    kept = [c.id for c in run.candidates if (run.store.train_dir(c.id, 0) / "checkpoint.pt").exists()]
    assert kept == [run.best.id if run.best else None]
    asked = len(scripted.requests)
    assert run.info.warnings == ()
    assert run.resume(iterations=2).candidates == run.candidates and len(scripted.requests) == asked
    # What the child trained before it was handed on is its parent's.
    assert _training_cost(run)["steps"] == sum(candidate.steps for candidate in run.candidates)


def test_after_the_last_iteration_the_best_trains_on_while_it_rises(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    def rising(_: Synth, history: History) -> tuple[str, ...]:
        return tuple(candidate.id for candidate in history.candidates[-1:] if candidate.status == "trained")

    monkeypatch.setattr(Synth, "unfinished", rising)
    monkeypatch.setattr("reward_synth.search.session.is_solved", lambda *_: False)
    monkeypatch.setattr("reward_synth.search.steps.drop_checkpoints", lambda _: None)
    designs = [GOOD]
    scripted = model(lambda request: play(request, designs))
    run = synthesize(GOAL, **settings(tmp_path, samples=1, steps=2000, train_on=2))
    line = [("001-a", None), ("002-a", "001-a"), ("003-a", "002-a")]
    assert [(c.id, c.continues) for c in run.candidates] == line and run.status == "unsolved"
    trained = [run.results(c.id)[0].steps for c in run.candidates]
    assert trained == sorted(trained) and trained[2] >= 6000
    # Nobody is asked for rounds in which nothing was designed, and they are no reading for the next designer.
    asked = [request.role for request in scripted.requests]
    assert asked.count("analyzer") == 1 and asked.count("designer") == 1
    assert run.resume(iterations=1).candidates == run.candidates and len(scripted.requests) == len(asked)

    # A reward that needed three budgets is given as many when it is judged in the end.
    assert run.evaluate("003-a", seeds=1).steps == 6000

    designs[0] = EDITED
    run.resume(iterations=2, train_on=0)
    assert [(c.id, c.continues) for c in run.candidates][3:] == [("004-a", None), ("004-b", "003-a")]
    designer = [request for request in scripted.requests if request.role == "designer"][-1]
    assert "too short a training" in as_text(designer) and "trained on as" not in as_text(designer)


def test_after_that_what_sometimes_led_to_the_goal_trains_again_with_another_seed(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Synth, "unfinished", lambda *_: ())
    monkeypatch.setattr("reward_synth.methods.synth.SOMETIMES", 0.0)
    monkeypatch.setattr("reward_synth.search.session.is_solved", lambda *_: False)
    scripted = model(lambda request: play(request, [GOOD, EDITED]))
    run = synthesize(GOAL, **settings(tmp_path, samples=2, steps=2000, rungs="0.5,1", train_again=2))
    assert run.status == "unsolved" and len(run.candidates) == 6
    for child in run.candidates[2:]:
        parent = run.candidate(str(child.repeats))
        assert run.reward(child.id) == run.reward(parent.id) and child.parents == (parent.id,)
        assert child.status == "trained" and child.reason == f"trains {parent.id}'s reward again"
        (result,) = run.results(child.id)
        assert result.steps >= 2000, "it takes part in no rung"
    assert len({run.reward(child.id) for child in run.candidates[2:4]}) == 2, "one reward trains twice at once"
    seeds = [job.seed for c in run.candidates for job in [TrainJob.read(run.store.train_dir(c.id, 0) / "job.json")]]
    assert len(set(seeds)) == 6
    asked = [request.role for request in scripted.requests]
    assert asked.count("analyzer") == 1 and asked.count("designer") == 2
    assert run.resume(iterations=1).candidates == run.candidates and len(scripted.requests) == len(asked)


def test_a_round_designs_while_iterations_are_left_and_then_trains_on_a_few_times() -> None:
    unfinished: tuple[str, ...] = ("002-a",)
    again: tuple[str, ...] = ("001-a",)

    def kind(
        iteration: int, made: dict[str, str | None], iterations: int = 2, train_on: int = 1, train_again: int = 0
    ) -> str | None:
        candidates = [
            candidate(name, 0.1, 0.5).model_copy(update={"iteration": int(name[:3]), "continues": continues})
            for name, continues in made.items()
        ]
        session = SimpleNamespace(
            settings=SimpleNamespace(iterations=iterations, train_on=train_on, train_again=train_again, seeds=0),
            method=SimpleNamespace(unfinished=lambda _: unfinished, again=lambda _: again),
            history=lambda _: None,
            solved=False,
        )
        return kind_of_round(cast(SearchSession, session), iteration, candidates)

    done: dict[str, str | None] = {"001-a": None, "002-a": None, "002-b": "001-a"}
    assert [kind(number, done) for number in (1, 2, 3)] == ["design", "design", "train on"]
    further = done | {"003-a": "002-a"}
    assert [kind(number, further) for number in (3, 4)] == ["train on", None], "more rounds than were allowed"
    assert [kind(number, further, iterations=3) for number in (3, 4)] == ["train on", "design"]
    assert kind(2, done, iterations=1) is None, "an iteration beyond those that are asked for"
    # Cut off while its designs were saved: the continued one was saved first.
    assert kind(3, done | {"003-b": "002-a"}, iterations=3) == "design"
    assert (
        kind(4, further, train_again=1) == "train again" and kind(4, further, train_on=2, train_again=1) == "train on"
    )
    unfinished = ()
    assert kind(3, done, train_again=1) == "train again" and kind(3, done) is None
    assert kind(2, done, train_again=1) == "design"
    again = ()
    assert kind(3, done, train_again=1) is None, "nothing is worth it"


def test_what_is_solved_does_not_go_on() -> None:
    for solved, expected in ((True, []), (False, ["002-a"])):
        session = SimpleNamespace(
            solved=solved,
            settings=SimpleNamespace(seeds=0),
            method=SimpleNamespace(unfinished=lambda _: ("002-a",)),
            history=lambda _: None,
        )
        assert going_on(cast(SearchSession, session), 3) == expected


@pytest.mark.parametrize(("found", "goes_on"), [(("still-improving",), ("001-a",)), (("no-learning",), ()), ((), ())])
def test_what_was_still_improving_or_often_succeeds_goes_on(found: tuple[str, ...], goes_on: tuple[str, ...]) -> None:
    best = candidate("001-a", 0.2, 1.0)
    often = SimpleNamespace(candidates=(candidate("001-a", 0.3, 1.0),), findings=lambda name: found, agreed={})
    assert Synth.unfinished(cast(Synth, None), cast(History, often)) == ("001-a",), "it succeeds in some episodes"
    history = SimpleNamespace(candidates=(best,), findings=lambda name: found, agreed={})
    assert Synth.unfinished(cast(Synth, None), cast(History, history)) == goes_on
    child = candidate("002-b", 0.1, 0.5).model_copy(update={"continues": "001-a"})
    history = SimpleNamespace(candidates=(best, child), findings=lambda name: found, agreed={})
    assert Synth.unfinished(cast(Synth, None), cast(History, history)) == (), (
        "the same steps on the same reward, once more"
    )


def test_the_two_best_rewards_that_sometimes_succeeded_train_again() -> None:
    """Each reward once, however often it was trained."""
    sources = {"001-a": "one", "001-b": "two", "001-c": "three", "001-d": "four", "002-a": "one"}
    tried = [("001-a", 0.6), ("001-b", 0.3), ("001-c", 0.25), ("001-d", 0.2), ("002-a", 0.5)]
    candidates = tuple(candidate(name, success, 1.0) for name, success in tried)

    def again(found: tuple[Candidate, ...]) -> tuple[str, ...]:
        history = SimpleNamespace(candidates=found, source=sources.__getitem__)
        return Synth.again(cast(Synth, None), cast(History, history))

    assert again(candidates) == ("001-a", "001-b")
    assert again(candidates[1:]) == ("002-a", "001-b")
    assert again(candidates[3:4]) == (), "it hardly ever succeeded"
    crashed = candidates[0].model_copy(update={"status": "crashed"})
    assert again((crashed,)) == ()


def test_a_reward_that_was_edited_after_its_training_is_told_of(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel]
) -> None:
    model(lambda request: play(request, [GOOD, EDITED]))
    run = synthesize(GOAL, **settings(tmp_path))
    path = run.store.reward_path("001-a")
    path.write_text(path.read_text() + "\n# another text\n")
    warnings = run.resume(iterations=1).info.warnings
    assert [text for text in warnings if "001-a" in text and "changed after it was trained" in text]
    assert not [text for text in warnings if "001-b" in text]
    assert run.candidate("001-a").status == "trained"
    assert list(run.edits()) == ["001-a"] and run.edits()["001-a"].startswith("001-a: ")
    shown = CliRunner().invoke(app, ["show", str(run.path)])
    assert "changed after it was trained" in shown.stdout
    exported = CliRunner().invoke(app, ["export", str(run.path), "001-a"])
    assert "warning: 001-a: its reward or the task was changed" in exported.stderr


def test_where_a_run_cannot_be_trained_nothing_is_said_of_edits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object, **__: object) -> None:
        raise RewardSynthError("the simulator is not installed")

    monkeypatch.setattr("reward_synth.search.jobs.TrainJob.of", missing)
    run = Run.open(shutil.copytree(KEPT, tmp_path / "20260101-0000-example-abcd"))
    assert [c.status for c in run.candidates].count("trained") and run.edits() == {}


def test_a_finished_candidate_that_was_edited_is_not_trained_again(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel]
) -> None:
    model(lambda request: play(request, [GOOD, EDITED]))
    run = synthesize(GOAL, **settings(tmp_path, steps=2048))
    before, result = run.candidate("001-a"), run.results("001-a")
    (run.path / "iterations" / "001.md").unlink()  # As if it was killed while the analyzer was asked.
    path = run.store.reward_path("001-a")
    path.write_text(path.read_text().replace("0.01", "0.5"))
    again = run.resume(iterations=1)
    assert again.candidate("001-a") == before and again.results("001-a") == result
    assert (run.path / "iterations" / "001.md").exists()
