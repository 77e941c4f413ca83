"""Runs that are cut off, or lose a folder or the disk's room: nothing is paid twice, and the results are the same."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from reward_synth import Run, synthesize
from reward_synth.core import files
from reward_synth.core.errors import FolderMoved, MachineFault
from reward_synth.core.feedback import Feedback, FeedbackRequest
from reward_synth.core.types import Candidate, TrainResult
from reward_synth.executors.local import LocalExecutor, WorkerProcess
from reward_synth.llm.base import Model, Request
from reward_synth.llm.cache import Cached
from reward_synth.llm.fake import ScriptedModel
from reward_synth.methods.base import History
from reward_synth.methods.synth import Synth
from reward_synth.store import RunStore
from reward_synth.training.job import TrainJob
from reward_synth.training.worker.fork_server import WorkerHost
from tests.search.test_loop import CALM, EDITED, GOAL, GOOD, UNKNOWN_FIELD, Answer, play, settings


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], ScriptedModel]:
    """Lets runs ask a scripted model, each behind a cache of its own, as a real model is."""

    def use(answer: Answer) -> ScriptedModel:
        scripted = ScriptedModel(answer, usd=0.25)

        def opened(name: str, cache_dir: Path | None = None, **_: object) -> Model:
            return scripted if cache_dir is None else Cached(scripted, cache_dir)

        monkeypatch.setattr("reward_synth.search.models.open_model", opened)
        monkeypatch.setattr("reward_synth.llm.open_model", opened)
        return scripted

    return use


def edit_first(request: FeedbackRequest) -> Feedback:
    changes = {"edited": EDITED, "edited_from": "001-a"} if request.iteration == 1 else {}
    return Feedback(iteration=request.iteration, **changes)


def go_on_once(_: Synth, history: History) -> tuple[str, ...]:
    begun = any(candidate.continues for candidate in history.candidates)
    return () if begun else ("001-a",)


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_a_run_that_is_cut_off_between_two_candidates_makes_the_same_ones(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    """One is designed, one edited by a person, and one goes on with a training."""
    monkeypatch.setattr(Synth, "unfinished", go_on_once)
    # Which rewards there are is decided before they train.
    monkeypatch.setattr("reward_synth.search.loop.train", trained)
    scripted = model(lambda request: play(request, [CALM if request.sample >= 200 else GOOD]))
    asked = settings(tmp_path / "whole", iterations=2, samples=1, feedback="ask", keep_going=True, train_on=0)
    whole = synthesize(GOAL, ask=edit_first, **asked)
    requests = len(scripted.requests)
    assert [(c.id, c.author, c.continues) for c in whole.candidates[1:]] == [
        ("002-a", "designer", None), ("002-b", "person", None), ("002-c", "designer", "001-a"),
    ]  # fmt: skip

    saved: list[str] = []
    save = RunStore.save_candidate

    def cut_off(store: RunStore, candidate: Candidate) -> None:
        if candidate.iteration == 2 and len(saved) == cut:
            raise KeyboardInterrupt
        saved.extend([candidate.id] if candidate.iteration == 2 else [])
        save(store, candidate)

    scripted.requests.clear()
    monkeypatch.setattr(RunStore, "save_candidate", cut_off)
    with pytest.raises(KeyboardInterrupt):
        synthesize(GOAL, ask=edit_first, **asked | {"runs_dir": tmp_path / "cut"})
    monkeypatch.setattr(RunStore, "save_candidate", save)
    run = Run.open("latest", tmp_path / "cut").resume(ask=edit_first)
    assert len(saved) == cut
    assert run.candidates == whole.candidates
    untrained = [c.id for c in run.candidates if not (run.store.train_dir(c.id, 0) / "checkpoint.pt").exists()]
    assert untrained == [], "an earlier process saved them, and none trains them"
    assert len(scripted.requests) == requests, "an answer was paid twice"
    prompts = [sorted(path.name for path in each.path.rglob("candidates/*/llm/*")) for each in (run, whole)]
    assert prompts[0] == prompts[1]


def test_what_was_planned_for_a_reward_is_shown_to_the_attacks_of_later_iterations_also_after_a_cut(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reward_synth.search.loop.train", trained)
    monkeypatch.setattr("reward_synth.screening.attack.ROUNDS", 2)
    monkeypatch.setattr("reward_synth.screening.planner.STEPS", 30)
    monkeypatch.setattr("reward_synth.screening.planner.SECONDS", 0.5)
    model(lambda request: play(request, [GOOD, CALM] if request.sample < 200 else [EDITED, CALM]))
    asked = settings(tmp_path / "whole", iterations=2, keep_going=True, train_on=0, videos="none", plan_seconds=600.0)
    whole = synthesize(GOAL, **asked)
    saved: list[str] = []
    save = RunStore.save_candidate

    def cut_off(store: RunStore, candidate: Candidate) -> None:
        if candidate.iteration == 2 and saved:
            raise KeyboardInterrupt
        saved.extend([candidate.id] if candidate.iteration == 2 else [])
        save(store, candidate)

    monkeypatch.setattr(RunStore, "save_candidate", cut_off)
    with pytest.raises(KeyboardInterrupt):
        synthesize(GOAL, **asked | {"runs_dir": tmp_path / "cut"})
    monkeypatch.setattr(RunStore, "save_candidate", save)
    run = Run.open("latest", tmp_path / "cut").resume()
    for name in ("001-a", "001-b", "002-a", "002-b"):
        paid, again = (each.store.read_check(name) for each in (whole, run))
        assert paid is not None and again is not None and paid.pay and paid.pay == again.pay
        shown = [row.behaviour for row in paid.pay if row.behaviour.startswith("planned for an earlier")]
        # Candidates of one iteration do not see each other's, whoever is attacked first.
        assert shown == ([] if name.startswith("001") else ["planned for an earlier reward, best of 2"]), name
    assert saved == ["002-b"]
    assert not any("earlier reward" in path.read_text() for path in whole.path.rglob("*designer.prompt.md"))


def trained(session: object, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Trains nothing. Each candidate has a checkpoint, from which a training could go on."""
    store: RunStore = session.store  # type: ignore[attr-defined]
    for each in candidates:
        folder = store.train_dir(each.id, 0)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "checkpoint.pt").touch()
    return list(candidates)


@pytest.mark.parametrize("gone", ["001-a", "001-b"])
def test_a_run_goes_on_without_a_candidate_whose_folder_was_deleted(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], gone: str
) -> None:
    scripted = model(lambda request: play(request, [GOOD, CALM]))
    run = synthesize(GOAL, **settings(tmp_path, steps=2000, rungs="1", keep_going=True, train_on=0))
    other = next(each for each in run.candidates if each.id != gone)
    asked = len(scripted.requests)
    shutil.rmtree(run.path / "candidates" / gone)
    (run.path / "iterations" / "001.md").unlink()  # As if it was cut off while the analyzer was asked.
    run.resume()
    assert run.candidates == [other]
    assert [r.role for r in scripted.requests[asked:] if r.role != "analyzer"] == []
    assert run.best == other
    assert f"{gone} is gone: its folder was deleted" in run.info.warnings


def test_a_machine_that_ends_trainings_fails_the_run_and_blames_no_reward(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted = model(lambda request: play(request, [GOOD]))
    run_jobs = LocalExecutor.run

    def killed(*_: object) -> None:
        raise MachineFault("a training was ended from outside 3 times, at last: the trainer died with signal 9")

    monkeypatch.setattr(LocalExecutor, "run", killed)
    with pytest.raises(MachineFault):
        synthesize(GOAL, **settings(tmp_path, samples=1))
    run = Run.open("latest", tmp_path)
    assert (run.status, [c.status for c in run.candidates]) == ("failed", ["designed"])
    assert "signal 9" in run.info.reason
    monkeypatch.setattr(LocalExecutor, "run", run_jobs)
    run.resume()
    assert [c.status for c in run.candidates] == ["trained"]
    said = "\n".join(message.content for request in scripted.requests for message in request.messages)
    assert "signal 9" not in said


@pytest.mark.parametrize("place", ["candidate.json", "001.md", "reward.py"])
def test_a_full_disk_is_one_sentence_and_the_run_goes_on_once_there_is_room(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    scripted = model(lambda request: play(request, [UNKNOWN_FIELD, UNKNOWN_FIELD]))
    whole = synthesize(GOAL, **settings(tmp_path / "whole", repairs=0))
    requests = len(scripted.requests)
    scripted.requests.clear()
    sync = files._sync

    def full(path: Path) -> None:
        if place in path.name:
            raise OSError(errno.ENOSPC, "No space left on device")
        sync(path)

    monkeypatch.setattr(files, "_sync", full)
    with pytest.raises(MachineFault, match="no space left on the disk while writing") as caught:
        synthesize(GOAL, **settings(tmp_path / "full", repairs=0))
    assert "free some space" in caught.value.hint
    monkeypatch.setattr(files, "_sync", sync)
    run = Run.open("latest", tmp_path / "full")
    assert run.status == "failed" and not list(run.path.rglob(".*.draft"))
    run.resume()
    assert (run.status, run.candidates) == (whole.status, whole.candidates)
    assert len(scripted.requests) == requests


@pytest.mark.parametrize("back", [True, False])
def test_a_run_whose_folder_is_moved_stops_and_goes_on_where_it_lies_then(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], back: bool
) -> None:
    asked, moved = list[Request](), tmp_path / "elsewhere" / "moved"

    def answer(request: Request) -> str:
        asked.append(request)
        if len(asked) == wanted + 1:
            moved.parent.mkdir()
            Run.open("latest", tmp_path / "cut").path.rename(moved)
        return play(request, [UNKNOWN_FIELD, UNKNOWN_FIELD])

    wanted = 10**9
    model(answer)
    whole = synthesize(GOAL, **settings(tmp_path / "whole", repairs=0))
    requests, wanted = len(asked), 0
    asked.clear()
    with pytest.raises(FolderMoved, match="nothing was written under its old name") as caught:
        synthesize(GOAL, **settings(tmp_path / "cut", repairs=0))
    assert caught.value.place in (None, moved) and list((tmp_path / "cut").iterdir()) == []
    if back:
        moved = moved.rename(tmp_path / "cut" / moved.name)
    run = Run.open(moved).resume()
    assert (run.status, run.candidates) == (whole.status, whole.candidates)
    assert len(asked) <= requests + 1, "the answer that came after it is not kept"


@pytest.mark.slow
def test_a_run_that_is_moved_while_it_trains_ends_its_processes_and_loses_nothing(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    model(lambda request: play(request, [GOOD, CALM]))
    asked = settings(tmp_path / "whole", steps=2048, rungs="0.5,1", keep_going=True, train_on=0, videos="none")
    whole = synthesize(GOAL, **asked, jobs=2)
    workers = list[WorkerProcess]()
    started = WorkerProcess.__init__

    def begun(worker: WorkerProcess, job: TrainJob, host: WorkerHost | None = None) -> None:
        started(worker, job, host)
        workers.append(worker)
        if len(workers) == 2:
            Run.open("latest", tmp_path / "cut").path.rename(tmp_path / "moved")

    monkeypatch.setattr(WorkerProcess, "__init__", begun)
    with pytest.raises(FolderMoved):
        synthesize(GOAL, **asked | {"runs_dir": tmp_path / "cut"}, jobs=2)
    assert workers and not any(worker.alive for worker in workers)
    assert list((tmp_path / "cut").iterdir()) == []
    ours = figures(Run.open(tmp_path / "moved").resume())
    assert [name for name, figure in figures(whole).items() if ours.get(name) != figure] == []


@pytest.mark.slow
def test_neither_workers_nor_interruptions_change_a_figure(
    tmp_path: Path, model: Callable[[Answer], ScriptedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run with one worker, and one with two, that is interrupted after each training and goes on with one."""
    model(lambda request: play(request, [GOOD, CALM]))
    asked = settings(tmp_path / "whole", steps=2048, rungs="0.5,1", keep_going=True, train_on=0, videos="none")
    whole = synthesize(GOAL, **asked, jobs=1)
    run_jobs, cuts = LocalExecutor.run, [0, 1]

    def cut_off(executor: LocalExecutor, jobs: Sequence[TrainJob], *others: Callable[..., object]) -> None:
        def heard(job: TrainJob, result: TrainResult) -> None:
            others[1](job, result)
            if cuts:
                cuts.pop()
                raise KeyboardInterrupt

        run_jobs(executor, jobs, others[0], heard, others[2])  # type: ignore[arg-type]

    monkeypatch.setattr(LocalExecutor, "run", cut_off)
    with pytest.raises(KeyboardInterrupt):
        synthesize(GOAL, **asked | {"runs_dir": tmp_path / "cut"}, jobs=2)
    run = Run.open("latest", tmp_path / "cut")
    with pytest.raises(KeyboardInterrupt):
        run.resume(jobs=1)
    run.resume()
    assert cuts == []
    ours, theirs = figures(run), figures(whole)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []


def figures(run: Run) -> dict[str, object]:
    """All that a run computes, without times."""
    texts = ("results.tsv", "best.json", "iterations/*.md", "candidates/*/summary*.md")
    curves = ("candidates/*/train/*/eval.csv", "candidates/*/train/*/terms.csv")
    found: dict[str, object] = {
        str(path.relative_to(run.path)): path.read_text() for each in (*texts, *curves) for path in run.path.glob(each)
    }
    for path in (*run.path.glob("candidates/*/train/*/policy.npz"), *run.path.glob("candidates/*/trajectories/*.npz")):
        with np.load(path) as arrays:
            found[str(path.relative_to(run.path))] = {name: arrays[name].tobytes() for name in arrays.files}
    return found | {each.id: each for each in run.candidates}
