"""A host with canaries that meets attacks, for the tests of this folder."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from reward_synth.sandbox.lock import available

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))

from containment_arms import canaries, corpus  # noqa: E402  (found by the line above)

SECONDS = 1.0
"""Deadline of a batch. It bounds what an attack that hangs costs, and is far more than the others need."""
WORKERS = 2

needs_seccomp = pytest.mark.skipif(not available().seccomp, reason="the kernel offers no seccomp filter")


def listens(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that listens on the canaries' port. One process has them all: others would only wait for it."""
    return pytest.mark.usefixtures("listening")(pytest.mark.xdist_group("listening")(test))


class Contained(NamedTuple):
    """What was seen of each attack, by id, and of the host's surroundings when all were over."""

    results: dict[str, dict[str, Any]]
    surroundings: list[str]


def run_contained(attacks: list[corpus.Attack], folder: Path) -> Contained:
    """Run attacks, lint off, in reward processes with all builtins and modules imported before the lock."""
    secret = canaries.new_secret()
    home = canaries.Home(folder / "home", secret)
    home.fill()
    (folder / "work").mkdir()
    before = canaries.planted()
    listener = canaries.Listener()
    job = {
        "arm": "os",
        "secret": secret,
        "seconds": SECONDS,
        "brief": True,
        "workers": WORKERS,
        "attacks": [{"id": a.id, "source": a.runnable, "lintable": a.lintable} for a in attacks],
    }
    receive, report = os.pipe()
    with (folder / "output").open("w+b") as output:
        host = subprocess.Popen(
            [sys.executable, "-m", "containment_arms.contained_host", str(report)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=(report,),
            cwd=folder / "work",
            env=canaries.environment(secret, home.path),
        )
        os.close(report)
        assert host.stdin is not None
        host.stdin.write(json.dumps(job).encode())
        host.stdin.close()
        with os.fdopen(receive, "rb") as lines:
            results = {line["id"]: line for line in map(json.loads, lines) if line["phase"] == "done"}
        code = host.wait()
        output.seek(0)
        printed = output.read(canaries.FLOOD).decode(errors="replace")
    listener.collect(0.0)
    surroundings = listener.effects() + home.effects() + canaries.text_effects(printed, secret)
    surroundings += sorted(canaries.planted() - before) + [path.name for path in (folder / "work").iterdir()]
    surroundings += [f"host died ({code}): {printed[-500:]}"] if code else []
    listener.close()
    return Contained(results, surroundings)


@pytest.fixture
def listening() -> Iterator[None]:
    """Only one test at a time listens on the canaries' port, also where tests run in parallel processes."""
    with (Path(tempfile.gettempdir()) / "reward-synth-containment.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
