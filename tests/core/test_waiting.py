"""Who waits long reads why, once; who does not wait reads nothing."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import reward_synth
from reward_synth.core.waiting import LOOK, Deadline, run_within, told_if_long

COUNT_PAUSES = {"search/limits.py", "training/worker/fork_server.py", "assistants/tools.py", "audit/trained.py"}
"""Modules that measure time themselves: a person's own limit, two waits after which it is looked again, and a command
that a person sees end and can give again."""


def test_time_for_which_this_process_was_stopped_counts_for_no_more_than_a_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]
    monkeypatch.setattr("reward_synth.core.waiting.time.monotonic", lambda: clock[0])
    total = Deadline(10.0)
    first = Deadline(3.0, total)
    clock[0] = 0.5
    assert (first.left, first.wait()) == (2.5, LOOK)
    clock[0] = 3600.0
    assert (first.left, total.left) == (1.5, 8.5), "a part counts for the whole"
    for _ in range(2):
        clock[0] += 1.0
        first.wait()
    assert (first.wait(), total.left) == (0.0, 6.5)


def test_a_command_is_run_to_its_end_or_to_its_deadline() -> None:
    command = [sys.executable, "-I", "-c", "import sys; print(sys.stdin.read(), 'done'); sys.exit(3)"]
    done = run_within(60.0, command, stdout=subprocess.PIPE)
    assert (done.returncode, done.stdout.split(), done.stderr) == (3, [b"done"], None)
    with pytest.raises(subprocess.TimeoutExpired):
        run_within(0.1, [sys.executable, "-I", "-c", "import time; time.sleep(600)"])


def test_deadlines_do_not_count_pauses() -> None:
    package = Path(reward_synth.__file__).parent
    compared = re.compile(r"monotonic\(\) (\+|[<>]|- [\w.]+ [<>])|subprocess\.run\((?:[^()]|\([^()]*\))*timeout=")
    found = {
        path.relative_to(package).as_posix() for path in package.rglob("*.py") if compared.search(path.read_text())
    }
    assert found == COUNT_PAUSES


def test_a_long_wait_is_told_once_while_it_lasts() -> None:
    said: list[str] = []
    heard = threading.Event()

    def tell(text: str) -> None:
        said.append(text)
        heard.set()

    with told_if_long(tell, "still at it", after=0.0):
        assert heard.wait(60)
    assert said == ["still at it"]


def test_what_ends_in_time_or_fails_tells_nothing() -> None:
    said: list[str] = []
    before = threading.active_count()
    with told_if_long(said.append, after=3600):
        pass
    try:
        with told_if_long(said.append, after=3600):
            raise ValueError
    except ValueError:
        pass
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(60)
    assert not said and threading.active_count() <= before
