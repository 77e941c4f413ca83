"""Films that a run makes by itself: beside the search, never instead of it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from reward_synth import Run
from reward_synth.core.types import Candidate
from reward_synth.evaluation.drawing import Pixels
from reward_synth.events.model import Event, StatusChanged
from reward_synth.search.feedback import request_about, request_text
from reward_synth.search.film_process import Filmer
from reward_synth.search.filming import Filming
from reward_synth.tasks.spec import load_task
from tests.search.test_films import CANDIDATE, RULE, attacked, outlines, recorded

LIMIT = 120.0
"""Seconds after which a film that a test waits for counts as never made."""


__all__ = ["outlines"]


class Heard(list[str]):
    """The texts of status events."""

    def __call__(self, event: Event) -> None:
        assert isinstance(event, StatusChanged)
        self.append(event.text)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of which one candidate was trained. It has two episodes, and no film."""
    run = recorded(tmp_path, load_task("half_cheetah_run_backward"), horizon=4)
    for candidate in run.candidates:
        status = "trained" if candidate.id == CANDIDATE else "rejected"
        changed = candidate.model_copy(update={"status": status})
        (run.store.candidate_dir(candidate.id) / "candidate.json").write_text(changed.model_dump_json())
    return run


def filming(run: Run, heard: Heard, **changes: object) -> Filming:
    return Filming(run.store, run.store.settings().model_copy(update=changes), heard)


def trained(run: Run) -> list[Candidate]:
    return [each for each in run.candidates if each.id == CANDIDATE]


def films(run: Run) -> list[str]:
    return sorted(path.relative_to(run.path / "candidates").as_posix() for path in run.path.rglob("*.mp4"))


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, "never"
        time.sleep(0.05)


BOTH = [f"{CANDIDATE}/videos/best.mp4", f"{CANDIDATE}/videos/median.mp4"]


@pytest.mark.parametrize(
    ("videos", "feedback", "made"),
    [("best", "none", False), ("best", "ask", True), ("best", "queue", True), ("all", "none", True),
     ("none", "ask", False)],
)  # fmt: skip
def test_who_is_asked_sees_films(run: Run, videos: str, feedback: str, made: bool) -> None:
    heard = Heard()
    films_of = filming(run, heard, videos=videos, feedback=feedback)
    films_of.want(run.candidates)
    assert (films_of._thread is not None) == made
    request = request_about(run.store, 1, "?", wanted_films=films_of.wanted)
    path = run.store.film_path(CANDIDATE, "median")
    expected = str(path) if made else ""
    assert {each.id: each.film for each in request.candidates}[CANDIDATE] == expected
    assert all(each.film == "" for each in request.candidates if each.status != "trained")
    if made:
        assert any(line.strip() == f"{path}  (is being made)" for line in request_text(request))
        wait_for(lambda: not films_of.wanted)
        assert any(line.strip() == str(path) for line in request_text(request))
    films_of.close()
    assert films(run) == (BOTH if made else []) and heard == []


def test_what_an_attack_found_is_filmed_also_where_nobody_is_asked_and_nothing_trained(run: Run) -> None:
    rejected = "001-a"
    attacked(run, rejected)
    heard = Heard()
    filming(run, heard, videos="none").want(run.candidates)
    films_of = filming(run, heard, videos="best")
    films_of.want(run.candidates)
    wait_for(lambda: not films_of._wanted)
    films_of.close()
    assert films(run) == [f"{rejected}/videos/{RULE}.mp4"] and films_of.wanted == () and heard == []
    shutil.rmtree(run.store.film_path(rejected, RULE).parent)
    filming(run, heard).finish(None)
    assert films(run) == [f"{rejected}/videos/{RULE}.mp4"]
    shutil.rmtree(run.store.film_path(rejected, RULE).parent)
    run.store.planned_path(rejected, RULE).write_bytes(b"")
    filming(run, heard).finish(None)
    assert films(run) == [] and heard[-1].startswith(f"no film of {rejected}: cannot read the episode")


def test_none_is_begun_while_policies_train(run: Run) -> None:
    films_of = filming(run, Heard(), videos="all")
    first, second = (trained(run)[0].model_copy(update={"id": name}) for name in ("001-a", "001-b"))
    begun: list[str] = []
    finished = threading.Event()

    def made(name: str, *_: object) -> list[str]:
        begun.append(name)
        finished.wait(LIMIT)
        return []

    films_of._make = made  # type: ignore[method-assign]
    films_of.want([first, second])
    wait_for(lambda: begun == ["001-a"])
    films_of.rest()
    finished.set()
    wait_for(lambda: films_of.wanted == ("001-b",))
    time.sleep(0.2)
    assert begun == ["001-a"]
    films_of.want([])
    wait_for(lambda: not films_of.wanted)
    films_of.close()
    assert begun == ["001-a", "001-b"]


@pytest.mark.skipif(sys.platform != "linux", reason="priorities belong to threads on Linux only")
def test_the_loop_keeps_its_priority_while_films_have_the_lowest(run: Run) -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    if before == 19:
        pytest.skip("these tests were started at the lowest priority: no film's can be lower")
    found: list[int] = []
    films_of = filming(run, Heard(), videos="all")

    def made(*_: object) -> list[str]:
        found.append(os.getpriority(os.PRIO_PROCESS, 0))
        return []

    films_of._make = made  # type: ignore[method-assign]
    films_of.want(trained(run))
    wait_for(lambda: bool(found))
    films_of.close()
    assert found == [19] and os.getpriority(os.PRIO_PROCESS, 0) == before


def test_the_film_in_hand_is_given_up_and_a_resumed_run_makes_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    first = filming(run, heard, videos="all")
    begun: list[bool] = []

    following = Filmer.__next__

    def stuck(filmer: Filmer) -> Pixels:
        os.kill(filmer._process.pid, signal.SIGSTOP)  # A picture is larger than what a pipe holds.
        begun.append(True)
        return following(filmer)

    monkeypatch.setattr(Filmer, "__next__", stuck)
    first.want(trained(run))
    wait_for(lambda: bool(begun))
    first.close()
    assert first._thread is not None and not first._thread.is_alive()
    assert films(run) == [] and heard == [] and not list(run.path.rglob(".*mp4"))
    monkeypatch.undo()
    monkeypatch.setenv("MUJOCO_GL", "")
    again = filming(run, heard, videos="all")
    again.want(trained(run))
    wait_for(lambda: not again.wanted)
    again.close()
    assert films(run) == BOTH


def test_a_film_is_not_late_for_the_time_for_which_all_processes_were_stopped(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, clock, monotonic, following = Heard(), [0.0], time.monotonic, Filmer.__next__

    def stopped(filmer: Filmer) -> Pixels:
        clock[0] += 0.0 if clock[0] else 1e6
        return following(filmer)

    monkeypatch.setattr(Filmer, "__next__", stopped)
    monkeypatch.setenv("MUJOCO_GL", "")
    films_of = filming(run, heard, videos="all")
    monkeypatch.setattr("reward_synth.core.waiting.time", SimpleNamespace(monotonic=lambda: monotonic() + clock[0]))
    films_of.want(trained(run))
    wait_for(lambda: not films_of.wanted)
    films_of.close()
    assert films(run) == BOTH and heard == [] and clock[0]


def test_what_stands_in_the_way_of_all_films_is_told_once(run: Run) -> None:
    heard = Heard()
    for episode in run.store.trajectories_dir(CANDIDATE).glob("*.npz"):
        episode.write_bytes(b"")
    films_of = filming(run, heard, videos="all")
    films_of.want(trained(run))
    wait_for(lambda: not films_of.wanted)
    assert films_of.wanted == (), "no film is promised any more"
    films_of.want(trained(run))
    wait_for(lambda: not films_of.wanted)
    films_of.close()
    assert len(heard) == 1 and heard[0].startswith(f"no film of {CANDIDATE}: cannot read the episode")


def test_a_run_ends_with_a_film_or_says_why_not(run: Run) -> None:
    heard = Heard()
    filming(run, heard, videos="none").finish(CANDIDATE)
    filming(run, heard).finish(None)
    assert (films(run), heard) == ([], [])
    filming(run, heard).finish(CANDIDATE)
    assert films(run) == BOTH[1:] and heard == [f"filming what {CANDIDATE} does"]
    filming(run, heard).finish(CANDIDATE)
    assert len(heard) == 1, "a resumed run films again"
    filming(run, heard).finish("001-a")
    assert heard[-1].startswith("no film of 001-a: 001-a has no recorded episode")


def test_the_end_makes_what_a_person_was_asked_about_or_all(run: Run) -> None:
    heard = Heard()
    run.store.write_request(request_about(run.store, 1, "?"))
    filming(run, heard).finish(None)
    assert films(run) == BOTH
    shutil.rmtree(run.store.film_path(CANDIDATE, "best").parent)
    shutil.rmtree(run.store.feedback_dir)
    run.stop()
    filming(run, heard, videos="all").finish(None)
    assert films(run) == [], "a stop was asked for"
    run.store.stop_path.unlink()
    filming(run, heard, videos="all").finish(None)
    assert films(run) == BOTH
