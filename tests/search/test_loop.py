"""Whole searches with a scripted model: real checks, real processes, real (short) trainings."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from reward_synth import Run, synthesize
from reward_synth.core.errors import RewardSynthError, Stopped
from reward_synth.core.feedback import Feedback, FeedbackRequest
from reward_synth.core.types import Candidate
from reward_synth.llm.base import Model, Request
from reward_synth.llm.fake import ScriptedModel
from reward_synth.preferences import Workbench
from reward_synth.search.feedback import answer_from_options
from reward_synth.search.filming import SHOWN
from reward_synth.search.session import SearchSession
from reward_synth.store import RunStore
from reward_synth.tasks.spec import load_task

GOAL = "balance the inverted pendulum"

GOOD = """
import numpy as np

def compute_reward(state, action, next_state):
    return {"upright": 1.0 - abs(next_state.pole_angle), "still": -0.01 * abs(next_state.cart_velocity)}
"""
UNKNOWN_FIELD = GOOD.replace("next_state.pole_angle", "next_state.pole_angel")
LEANING = GOOD.replace("1.0 - abs(next_state.pole_angle)", "abs(next_state.pole_angle)")
CALM = GOOD.replace("1.0 - abs(next_state.pole_angle)", "2.0 - abs(next_state.pole_angular_velocity)")
EDITED = GOOD.replace("0.01", "0.02")

Answer = Callable[[Request], str]


def fenced(source: str) -> str:
    return f"Here it is.\n\n```python{source}```\n"


def play(request: Request, designs: list[str]) -> str:
    """A designer that writes ``designs`` in turn and mends when told; a content critic; an analyzer."""
    if request.role == "critic":
        return '{"verdict": "pass", "findings": []}'
    if request.role == "analyzer":
        return '{"causes": ["too short a training"], "suggestions": ["train on"], "keep": []}'
    text = request.messages[-1].content
    if "pole_angel" in text or "misaligned" in text:
        return fenced(GOOD.replace("0.01", "0.03"))
    return fenced(designs[request.sample % 100])


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], ScriptedModel]:
    def use(answer: Answer) -> ScriptedModel:
        scripted = ScriptedModel(answer, usd=0.25)

        def opened(name: str, **_: object) -> Model:
            return scripted

        monkeypatch.setattr("reward_synth.search.models.open_model", opened)
        monkeypatch.setattr("reward_synth.llm.open_model", opened)
        return scripted

    return use


def settings(tmp_path: Path, **changes: object) -> dict[str, object]:
    values = {"model": "scripted", "runs_dir": tmp_path, "display": "none", "iterations": 1, "samples": 2}
    return values | {"steps": 4000} | changes


def roles(scripted: ScriptedModel) -> list[str]:
    return [request.role for request in scripted.requests]


@pytest.mark.slow
def test_a_sentence_becomes_a_reward_that_solves_the_task(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-never-to-be-written")
    model(lambda request: play(request, [UNKNOWN_FIELD, GOOD, LEANING]))
    run = synthesize(GOAL, **settings(tmp_path, samples=3, steps=60_000))

    assert run.status == "solved"
    assert run.task.name == "gym/inverted_pendulum_balance"
    assert run.best is not None and run.best.success == 1.0
    assert run.reward_path.read_text().endswith("\n\n" + run.reward(run.best.id))
    repaired, good, leaning = run.candidates
    assert (repaired.repairs, repaired.valid_at_first, repaired.valid) == (1, False, True)
    assert (good.repairs, good.valid_at_first) == (0, True)
    # It pays for leaning: the screen sees that before any training, and the designer turned it round.
    # Design and critic cost a quarter each; a repair is another design and another review of what is sound.
    assert (good.cost_usd, repaired.cost_usd) == (0.5, 0.75)
    assert leaning.repairs == 1 and leaning.status == "rejected" and "same code" in leaning.reason

    names = {path.name for path in run.path.iterdir()}
    assert {"run.json", "settings.toml", "task.yaml", "prompts", "command.txt", "results.tsv", "events.jsonl"} <= names
    assert {"costs.jsonl", "log.txt", "candidates", "best.json", "best_reward.py", "report.html"} <= names
    assert len((run.path / "results.tsv").read_text().splitlines()) == 1 + 3
    whole = b"".join(path.read_bytes() for path in run.path.rglob("*") if path.is_file())
    assert b"sk-never-to-be-written" not in whole


def test_a_run_records_what_locked_its_rewards(tmp_path: Path, model: Callable[[Answer], ScriptedModel]) -> None:
    model(lambda request: play(request, [UNKNOWN_FIELD]))
    locked = synthesize(GOAL, **settings(tmp_path, samples=1, repairs=0))
    assert locked.info.sandbox.endswith("seccomp")
    unsafe = synthesize(GOAL, **settings(tmp_path, samples=1, repairs=0, unsafe_no_sandbox=True))
    assert unsafe.info.sandbox == "limits"
    assert "NO SANDBOX" in (unsafe.path / "log.txt").read_text()
    # Asked for once is not asked for for ever.
    assert unsafe.resume(iterations=2).info.sandbox.endswith("seccomp")


def test_nothing_is_made_or_asked_where_there_is_no_lock(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def no_lock(unsafe: bool = False) -> Iterator[tuple[str, ...]]:
        raise RewardSynthError("the reward process cannot be locked: no seccomp")
        yield

    monkeypatch.setattr("reward_synth.sandbox.channel.protected", no_lock)
    scripted = model(lambda request: pytest.fail("asked"))
    with pytest.raises(RewardSynthError, match="cannot be locked"):
        synthesize(GOAL, **settings(tmp_path))
    assert scripted.requests == []
    assert list(tmp_path.iterdir()) == []


def test_a_tasks_training_budget_ranks_above_a_project_file_as_documented(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model(lambda request: play(request, [GOOD]))
    monkeypatch.setattr("reward_synth.api.run.work_on", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reward-synth.toml").write_text("steps = 5000\n")
    asked = settings(tmp_path)
    assert synthesize(GOAL, **asked).store.settings().steps == 4000
    del asked["steps"]
    store = synthesize(GOAL, **asked).store
    assert store.settings().steps == 60_000
    assert store.origins()["steps"] == "task gym/inverted_pendulum_balance"


@pytest.mark.slow
def test_a_finished_run_asks_and_trains_nothing_again(tmp_path: Path, model: Callable[[Answer], ScriptedModel]) -> None:
    model(lambda request: play(request, [GOOD, EDITED]))
    run = synthesize(GOAL, **settings(tmp_path, keep_going=True))
    before = {path: path.stat().st_mtime_ns for path in (run.path / "candidates").rglob("*") if path.is_file()}
    silent = model(lambda request: pytest.fail(f"asked again: {request.role}"))
    run.store.update(versions=run.info.versions | {"mujoco": "2.3.7"})
    again = Run.open(run.path).resume()
    assert roles(silent) == []
    assert any(text.startswith("this run began with mujoco 2.3.7") for text in again.info.warnings)
    assert again.candidates == run.candidates
    assert before == {p: p.stat().st_mtime_ns for p in (run.path / "candidates").rglob("*") if p.is_file()}


def test_a_stopped_run_keeps_its_designs_and_goes_on_with_the_training(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel]
) -> None:
    def stop_after_design(request: Request) -> str:
        if request.role == "critic":
            next(iter(tmp_path.glob("*/run.json"))).with_name("stop").touch()
        return play(request, [GOOD, EDITED])

    model(stop_after_design)
    run = synthesize(GOAL, **settings(tmp_path))
    assert run.status == "stopped"
    assert {candidate.status for candidate in run.candidates} == {"designed"}

    scripted = model(lambda request: play(request, []))
    again = run.resume()
    assert "designer" not in roles(scripted)
    assert {candidate.status for candidate in again.candidates} <= {"trained", "stopped"}
    assert again.best is not None


def test_a_stop_while_an_answer_is_awaited_is_no_failure(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel]
) -> None:
    def gives_up(request: Request) -> str:
        next(iter(tmp_path.glob("*/run.json"))).with_name("stop").touch()
        raise Stopped("stop was requested")

    model(gives_up)
    run = synthesize(GOAL, **settings(tmp_path))
    assert (run.status, run.info.reason) == ("stopped", "stop was requested")


def test_the_persons_words_and_edits_enter_the_next_iteration(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel]
) -> None:
    scripted = model(lambda request: play(request, [GOOD, LEANING.replace("0.01", "0.05")]))
    note = "Keep the cart in the middle, s'il vous plaît <3"
    asked: list[FeedbackRequest] = []

    def ask(request: FeedbackRequest) -> Feedback:
        asked.append(request)
        if len(asked) > 1:
            return Feedback(iteration=2, action="accept", prefer="002-c")
        return Feedback(iteration=1, note=note, prefer="001-a", edited=EDITED, edited_from="001-a")

    asking = settings(tmp_path, iterations=3, feedback="ask", keep_going=True, repairs=0, videos="best")
    run = synthesize(GOAL, ask=ask, **asking)
    assert run.status == "accepted" and run.best is not None and run.best.id == "002-c"
    edited = run.candidate("002-c")
    assert (edited.author, edited.parents, run.reward("002-c")) == ("person", ("001-a",), EDITED)
    later = [r for r in scripted.requests if r.role == "designer" and r.sample >= 200]
    assert later and all(note in request.messages[-1].content for request in later)
    assert not (run.path / "candidates" / "003-a").exists()
    shown = [each for request in asked for each in request.candidates]
    assert len(shown) > 2 and all(bool(each.film) == (each.status == "trained") for each in shown)
    # What was not done when the person answered was made at the end.
    assert all(Path(each.film).with_name(f"{name}.mp4").exists() for each in shown if each.film for name in SHOWN)


def test_a_reward_that_is_accepted_unasked_or_late_ends_the_run(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel]
) -> None:
    scripted = model(lambda request: play(request, [LEANING, GOOD]))
    run = synthesize(GOAL, **settings(tmp_path, steps=2048, rungs="1", videos="none", train_on=0))
    (other,) = {each.id for each in run.candidates if each.status == "trained"} - {run.info.best}
    calls = len(scripted.requests)
    run.answer(answer_from_options(run.store, prefer=other, accept=True))
    run.resume(iterations=2)
    assert (run.status, run.info.best, len(scripted.requests)) == ("accepted", other, calls)
    assert run.store.best_reward_path.read_text().endswith(run.reward(other))
    run.answer(Feedback(iteration=1, note="no, go on"))
    run.resume(iterations=2)
    assert run.status != "accepted" and len(scripted.requests) > calls


def test_a_reward_that_is_accepted_while_others_train_ends_the_run_before_another_question(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained(session: SearchSession, candidates: Sequence[Candidate]) -> list[Candidate]:
        found = [each.model_copy(update={"status": "trained", "success": 0.0, "fitness": 1.0}) for each in candidates]
        for each in found:
            session.store.save_candidate(each)
        session.store.write_answer(1, Feedback(iteration=1, action="accept", prefer=found[1].id))
        return found

    monkeypatch.setattr("reward_synth.search.loop.train", trained)
    scripted = model(lambda request: play(request, [LEANING, GOOD]))
    run = synthesize(GOAL, **settings(tmp_path, videos="none", critic=False))
    assert (run.status, run.info.best) == ("accepted", "001-b")
    assert set(roles(scripted)) == {"designer"} and not run.store.iteration_done(1)


@pytest.mark.slow
def test_films_change_no_result(tmp_path: Path, model: Callable[[Answer], ScriptedModel]) -> None:
    model(lambda request: play(request, [GOOD, LEANING.replace("0.01", "0.05")]))
    asked = settings(tmp_path, iterations=2, samples=1, keep_going=True, repairs=0)
    filmed, plain = (synthesize(GOAL, **asked, videos=videos) for videos in ("all", "none"))
    assert not list(plain.path.rglob("videos"))
    trained = [each.id for each in filmed.candidates if each.status == "trained"]
    assert trained and all(filmed.store.film_path(each, name).exists() for each in trained for name in SHOWN)
    assert not list(filmed.path.rglob(".*mp4"))
    assert [each.model_dump() for each in filmed.candidates] == [each.model_dump() for each in plain.candidates]


def test_a_persons_order_selects_whatever_the_measure_says(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel]
) -> None:
    scripted = model(lambda request: play(request, [GOOD, CALM]))

    worse: list[str] = []

    def ask(request: FeedbackRequest) -> Feedback:
        if worse:
            return Feedback(iteration=request.iteration, action="skip")
        disliked = min(request.candidates, key=lambda each: (each.success or 0.0, each.fitness or 0.0))
        worse.append(disliked.id)
        bench = Workbench.open(RunStore.open(Path(disliked.folder).parent.parent))
        paid = bench.pay(bench.store.read_reward(disliked.id))
        return Feedback(iteration=request.iteration, order=tuple((paid.ids[place],) for place in np.argsort(-paid.pay)))

    asked = settings(tmp_path, iterations=2, feedback="ask", select="person", repairs=0, rungs="1")
    run = synthesize(GOAL, ask=ask, **asked)
    chosen, agreements = worse[0], run.store.read_agreements()
    assert agreements is not None and len(agreements.values) == 2
    assert agreements.values[chosen] == 1.0 > min(agreements.values.values())
    assert run.best is not None and run.best.id == run.info.best == chosen
    assert run.reward(chosen) in run.reward_path.read_text()
    later = [request for request in scripted.requests if request.role == "designer" and request.sample >= 200]
    said = f"{chosen}: agreement with the person +1.00"
    assert later and all(said in each.messages[-1].content for each in later)
    assert "chosen by its agreement with a person" in (run.path / "report.html").read_text()


def test_a_run_whose_best_reward_a_person_chooses_waits_for_their_order(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reward_synth.search.session.is_solved", lambda best, task: best is not None)
    model(lambda request: play(request, [GOOD]))
    asked = settings(tmp_path, iterations=1, samples=1, feedback="queue", select="person", repairs=0)
    run = synthesize(GOAL, **asked)
    assert run.status == "waiting" and "ordered no episodes" in run.info.reason
    bench = Workbench.open(run.store)
    run.answer(Feedback(iteration=1, order=tuple((name,) for name in bench.ids[:3])))
    assert run.resume().status == "solved"


def test_nothing_trainable_is_a_result_with_reasons(tmp_path: Path, model: Callable[[Answer], ScriptedModel]) -> None:
    broken = ["import os\n\ndef compute_reward(state, action, next_state):\n    return {'a': 1.0}\n"] * 2
    scripted = model(lambda request: fenced("\n" + broken[0]))
    run = synthesize(GOAL, **settings(tmp_path, repairs=1))
    assert run.status == "unsolved" and run.best is None
    assert all(c.status == "rejected" and "os" in c.reason and c.repairs == 1 for c in run.candidates)
    assert "analyzer" not in roles(scripted)


def test_prompts_do_not_hold_the_native_reward(tmp_path: Path, model: Callable[[Answer], ScriptedModel]) -> None:
    scripted = model(lambda request: play(request, [GOOD, EDITED]))
    synthesize(GOAL, **settings(tmp_path, iterations=2, keep_going=True))
    said = "\n".join(message.content for request in scripted.requests for message in request.messages)
    assert {"designer", "critic", "analyzer"} <= set(roles(scripted))
    for word in ("reward_survive", "reward_ctrl", "healthy_reward", "reward_forward"):
        assert word not in said
    assert os.environ.get("HOME", "/root") + "/" not in said


def test_who_writes_and_reviews_reads_the_sentence_and_what_the_task_says_of_it(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel]
) -> None:
    scripted = model(lambda request: play(request, [UNKNOWN_FIELD, GOOD]))
    run = synthesize("hold that pole up", task="inverted_pendulum_balance", **settings(tmp_path))
    assert run.goal == "hold that pole up" and run.task == load_task("inverted_pendulum_balance")
    asked = {request.role: request.messages[-1].content for request in scripted.requests}
    assert {"designer", "critic", "analyzer"} == set(asked)
    for text in asked.values():
        assert "hold that pole up" in text and run.task.goal in text
        assert not any(alias in text for alias in run.task.aliases)


def test_a_recorded_run_plays_again_without_its_model(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model(lambda request: play(request, [GOOD, EDITED]))
    first = synthesize(GOAL, **settings(tmp_path / "first", keep_going=True))
    monkeypatch.undo()
    replayed = {"model": f"replay:{first.path / 'recording.jsonl'}"}
    second = synthesize(GOAL, **settings(tmp_path / "second", keep_going=True) | replayed)
    # The seed of a training follows from run seed and candidate, so the policies are the same too.
    assert [c.model_copy(update={"cost_usd": 0.5}) for c in second.candidates] == list(first.candidates)
    assert second.cost == 0.0


@pytest.mark.slow
def test_the_worst_stop_after_each_rung_and_the_books_tell_it(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel]
) -> None:
    designs = [GOOD, EDITED, GOOD.replace("0.01", "0.05"), GOOD.replace("0.01", "0.2")]
    model(lambda request: play(request, designs))
    # With --keep-going none is spared because another solves the task.
    run = synthesize(GOAL, **settings(tmp_path, samples=4, steps=20_000, keep_going=True))
    assert {candidate.status for candidate in run.candidates} == {"trained"}
    # Rollouts are of 2,048 steps, and a rung ends with one.
    assert sorted(candidate.steps for candidate in run.candidates) == [2048, 2048, 6144, 20_480]
    assert all(c.steps_saved == max(0, 20_000 - c.steps) and c.success is not None for c in run.candidates)
    stopped = [c for c in run.candidates if c.steps < 20_000]
    assert all(c.reason.startswith(("stopped after 10% of its", "stopped after 30% of its")) for c in stopped)
    rungs = [event for event in run.store.events() if event["kind"] == "rung"]
    assert [(event["share"], len(event["kept"]), len(event["stopped"])) for event in rungs] == [
        (0.1, 2, 2),
        (0.3, 1, 1),
    ]

    saved = sum(c.steps_saved for c in run.candidates)
    header, *rows = [row.split("\t") for row in (run.path / "results.tsv").read_text().splitlines()]
    assert sum(int(row[header.index("steps_saved")]) for row in rows) == saved == 2 * 17_952 + 13_856
    assert f"{saved} fewer than if every candidate had been trained" in (run.path / "report.html").read_text()
    # The analyzer learns why the losers were not trained on.
    assert "stopped after 10% of its steps as number" in run.store.read_summary(stopped[0].id)


def test_a_run_that_was_cut_off_while_it_saved_an_iteration_takes_no_reward_for_its_own_twin(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = GOOD.replace("import numpy as np", "import os")
    model(lambda request: play(request, [GOOD, broken, EDITED]))
    saved: list[str] = []
    save = RunStore.save_candidate

    def cut_off(store: RunStore, candidate: Candidate) -> None:
        if len(saved) == 2:
            raise KeyboardInterrupt
        saved.append(candidate.id)
        save(store, candidate)

    monkeypatch.setattr(RunStore, "save_candidate", cut_off)
    with pytest.raises(KeyboardInterrupt):
        synthesize(GOAL, **settings(tmp_path, samples=3, repairs=0))
    monkeypatch.setattr(RunStore, "save_candidate", save)
    run = Run.open("latest", tmp_path).resume()
    assert saved == ["001-c", "001-b"], "the first is saved last: where it is, all are"
    assert [c.status == "rejected" for c in run.candidates] == [False, True, False]
    assert not any("same code" in c.reason for c in run.candidates)


def test_why_a_run_failed_stands_in_its_journal_and_ends_the_display(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], capsys: pytest.CaptureFixture[str]
) -> None:
    def gone(request: Request) -> str:
        raise RewardSynthError("the provider is gone")

    model(gone)
    with pytest.raises(RewardSynthError, match="the provider is gone"):
        synthesize(GOAL, **settings(tmp_path, display="json"))
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (last["event"], last["status"], last["reason"]) == ("done", "failed", "the provider is gone")
    ended = Run.open("latest", tmp_path).store.events()[-1]
    assert (ended["kind"], ended["status"], ended["reason"]) == ("ended", "failed", "the provider is gone")


def test_a_reward_that_was_not_trained_cannot_be_accepted(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel]
) -> None:
    model(lambda request: play(request, [UNKNOWN_FIELD]))
    run = synthesize(GOAL, **settings(tmp_path, samples=1, repairs=0))
    with pytest.raises(RewardSynthError, match="001-a was rejected and not trained"):
        answer_from_options(run.store, prefer="001-a", accept=True)
