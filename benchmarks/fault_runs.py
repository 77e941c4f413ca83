"""Small real runs for the campaign of faults, the processes that such a run consists of, and what must not change."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from recorded_model import RecordedModel

from reward_synth import Run
from reward_synth.api.run_doctor import examine_run

CANARY = "canary-of-the-campaign-0123456789abcdef"
"""A key that must be found nowhere. The server sends it back, in an error and in an answer."""
FIRST = """
def compute_reward(state, action, next_state):
    return {"upright": 1.0 - abs(next_state.pole_angle), "still": -0.01 * abs(next_state.cart_velocity)}
"""
SECOND = FIRST.replace("0.01", "0.02")
Row = tuple[str, int, str, str]
"""Fault, how often, expected, seen."""
LONGEST = 300.0
"""Seconds for one command."""
GONE_SECONDS = 5.0
"""Within this time after a command, all its processes must have ended."""
UNDER_WAY = 0.5
"""An answer that was sent so many seconds before its command was killed may not have been read."""
RUN = (
    "run", "balance the inverted pendulum", "--task=inverted_pendulum_balance", "--iterations=2", "--samples=2",
    "--steps=2048", "--rungs=0.5,1", "--keep-going", "--train-on=0", "--no-critic", "--videos=best", "--display=plain",
)  # fmt: skip
"""Two iterations of two rewards, of which one goes on after half the steps."""


class SteadyModel(RecordedModel):
    """Answers a request always in the same way, so that an answer that was lost on its way changes nothing.

    :param slow: seconds for an answer, so that kills meet requests that are under way.
    :param address: see :class:`RecordedModel`.
    """

    def __init__(self, slow: float = 0.0, address: str = "127.0.0.1") -> None:
        analysis = '{"causes": ["too short"], "suggestions": ["go on"]}'
        super().__init__({"designer": [""], "analyzer": [analysis]}, address)
        self._slow, self._mutex = slow, threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Begin a new run's account."""
        self.asked: Counter[str] = Counter()
        self.answered: list[tuple[str, float, float]] = []
        """Each answer's request, when it came and when the answer was sent."""
        self.refused: set[str] = set()
        """Models that have been asked, of which each was refused once."""

    def reply(self, body: dict[str, Any], headers: Any) -> tuple[int, dict[str, Any]]:
        """An error that holds the key at the first request of a role, then answers."""
        came, role = time.monotonic(), str(body["model"])
        with self._mutex:
            first = role not in self.refused
            self.refused.add(role)
        if first:
            return 503, {"error": {"message": f"busy; you sent {headers['Authorization']}"}}
        time.sleep(self._slow)
        found = self.answer(body)
        message = found["choices"][0]["message"]
        text = "\n".join(str(each["content"]) for each in body["messages"])
        key = f"{role} {body.get('seed')} {text}"
        if role.endswith("designer"):
            reward = SECOND if ("001-a" in text) != (int(body.get("seed") or 0) % 2 == 1) else FIRST
            reward = reward.replace("1.0 -", "2.0 -") if "001-a" in text else reward
            message["content"] = f"{headers['Authorization']}\n```python{reward}```"
        with self._mutex:
            self.asked[key] += 1
            self.answered.append((key, came, time.monotonic()))
        return 200, found

    def paid_twice(self, kills: list[float]) -> int:
        """Answers given again although no kill met the first one under way.

        :param kills: when the command was killed.
        """
        lost = Counter(
            key for key, came, sent in self.answered if any(came <= killed <= sent + UNDER_WAY for killed in kills)
        )
        return sum(max(0, count - 1 - lost[key]) for key, count in self.asked.items())


@dataclass(frozen=True)
class Process:
    """A process of a run."""

    pid: int
    started: str
    """Its start in ticks of the kernel: a number may be used again."""
    kind: str
    """One of :data:`KINDS`; empty for others, such as Ray's own helpers."""
    name: str = field(default="", compare=False)
    """Its name and the start of its command line."""

    @property
    def lives(self) -> bool:
        """True until it has ended."""
        return started(self.pid) == self.started

    def kill(self) -> None:
        """Kill it, as the kernel does when memory runs out."""
        with contextlib.suppress(ProcessLookupError):
            if self.lives:
                os.kill(self.pid, signal.SIGKILL)


def started(pid: int) -> str:
    """When a process started, in ticks; empty if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] == "Z" else fields[19]


def descendants(pid: int, above: str = "command") -> Iterator[Process]:
    """The processes below one, parents before their children.

    :param above: the kind of that process.
    """
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in tasks.read_text().split()]
        except OSError:
            continue
        for child in children:
            with contextlib.suppress(OSError):
                line = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                name = Path(f"/proc/{child}/comm").read_text().strip()
                kind = kind_of(line, name, above)
                if begun := started(child):
                    yield Process(child, begun, kind, f"{name}: {line[:80]}")
                    yield from descendants(child, kind or above)


_BY_LINE = {
    "worker.filmer": "filmer", "worker.locked_trial": "locked trial", "worker.main": "worker",
    "worker.trainer": "trainer", "worker.evaluator": "evaluator", "ray.broker": "Ray broker",
    "gcs_server": "Ray head", "raylet/raylet": "Ray node",
}  # fmt: skip
_BY_NAME = {"worker host": "host", "worker": "worker", "trainer": "trainer", "evaluator": "evaluator"}
_OF_CODE = {"trainer": "reward or measure", "evaluator": "scorer", "command": "check"}
KINDS = (
    "command", "host", "worker", "trainer", "reward or measure", "evaluator", "scorer", "check", "filmer",
    "Ray broker", "Ray head", "Ray node", "Ray worker",
)  # fmt: skip
"""What is killed. ``check``: the process in which the command itself runs a reward or a measure."""


def kind_of(line: str, name: str, above: str) -> str:
    """What a process is for.

    :param line: its command line.
    :param name: its name, since forks have the command line of their host.
    :param above: the kind of its parent.
    """
    if "sandbox/child.py" in line:
        return _OF_CODE.get(above, "")
    if name in _BY_NAME:
        return _BY_NAME[name]
    if line.startswith("ray::") and "Seat" in line:
        return "Ray worker"
    return next((kind for part, kind in _BY_LINE.items() if part in line), "")


class Watch:
    """The processes of one command."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._command = Process(process.pid, started(process.pid), "command")
        self._seen: set[Process] = set()

    def look(self) -> list[Process]:
        """The processes that run now."""
        found = [self._command, *descendants(self._command.pid)]
        self._seen.update(found)
        return found

    def left(self) -> list[Process]:
        """Processes that have not ended some seconds after the command."""
        deadline = time.monotonic() + GONE_SECONDS
        while (alive := [each for each in self._seen if each.lives]) and time.monotonic() < deadline:
            time.sleep(0.05)
        return alive


def start(arguments: list[str], folder: Path, output: Path, host: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
    """Start a command in a folder that holds a ``.env`` with a key.

    :param host: a command that starts it, if not this process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ".env").write_text(f"REWARD_SYNTH_API_KEY={CANARY}\nANTHROPIC_API_KEY=anthropic-{CANARY}\n")
    environment = {**os.environ, "OPENAI_API_KEY": f"openai-{CANARY}", "OMP_NUM_THREADS": "1"}
    with output.open("ab") as told:
        return subprocess.Popen(
            [*host, sys.executable, "-m", "reward_synth", *arguments],
            cwd=folder, stdout=told, stderr=told, stdin=subprocess.DEVNULL, env=environment,
        )  # fmt: skip


def outcome(run: Run) -> dict[str, Any]:
    """All that must not depend on interruptions."""
    times = {"seconds", "cpu_seconds"}
    results = {c.id: [each.model_dump(exclude=times) for each in run.results(c.id)] for c in run.candidates}
    told = {path.name: path.read_text() for path in sorted((run.path / "iterations").glob("*.md"))}
    films = sorted(str(path.relative_to(run.path)) for path in run.path.rglob("*.mp4"))
    return {"candidates": run.candidates, "results": results, "best": run.info.best, "readings": told, "films": films}


def partial_files(folder: Path) -> list[str]:
    """Files of a run that cannot be read as what they are."""
    with contextlib.redirect_stderr(io.StringIO()):
        return [f"{each.name}: {each.text}" for each in examine_run(folder) if each.state != "ok"]


def unbooked(run: Run, model: SteadyModel) -> str:
    """What is wrong with a run's costs and recording; empty if each answer is booked and recorded once.

    An answer that came when nobody awaited it any more is booked as one that may be billed.
    """
    booked = sum(not line.cached for line in run.store.costs())
    recorded = sum(1 for _ in (run.path / "recording.jsonl").read_bytes().splitlines())
    lost, given_up = sum(model.asked.values()) - booked, len(run.store.given_up())
    if booked == recorded == len(model.asked) and lost <= given_up:
        return ""
    return f"{len(model.asked)} answers, {booked} booked, {recorded} recorded, {lost} lost, {given_up} given up"


def holding(folder: Path, text: str = CANARY) -> list[Path]:
    """Files that hold a text, in archives too."""
    return [path for path in folder.rglob("*") if path.is_file() and path.name != ".env" and _holds(path, text)]


def keys_in(folder: Path, *said: str) -> list[str]:
    """Where the planted keys were found: below the folder, or in what commands said."""
    found = [f"key in {path.relative_to(folder)}" for path in holding(folder)]
    return found + ["key on the screen"] * any(CANARY in text for text in said)


def _holds(path: Path, text: str) -> bool:
    contents = [path.read_bytes()]
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            contents += map(archive.read, archive.namelist())
    return any(text.encode() in content for content in contents)


class HasOptions(Protocol):
    """A model that a command can be pointed at."""

    @property
    def options(self) -> Sequence[str]:
        """The command's options for it."""


def whole_run(model: HasOptions, folder: Path, *options: str) -> Run:
    """A run that nobody disturbs."""
    arguments = [*RUN, "--jobs=1", f"--runs-dir={folder}", *options, *model.options]
    assert start(arguments, folder, folder.with_suffix(".txt")).wait(LONGEST) == 1  # No reward solves the task.
    return Run.open("latest", folder)


def keep(folder: Path, name: str) -> None:
    """Keep what went wrong for a look at it."""
    shutil.copytree(folder, Path("/tmp/faults-kept") / name, dirs_exist_ok=True)
