"""The names of a run folder's fixed files, and how a file that holds a value is read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import read_json
from reward_synth.core.types import Value

_EPISODE = re.compile(r"reference/\d{3,}|\d{3,}-[a-z]+/seed-\d+-episode-\d{3,}")
Kept = TypeVar("Kept", bound=Value)
EPISODES_TOLD = 10
"""So many of a candidate's episodes are named to somebody who named another one."""


class RunFolder:
    """The folder of a run and its files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.task_path = path / "task.yaml"
        """The frozen task spec."""
        self.draft_path = path / "task.draft.yaml"
        """A drafted task that nobody has accepted."""
        self.second_opinion_path = path / "second_opinion.yaml"
        """The task with an independent draft's measures, which judge the winner a second time."""
        self.prompts_dir = path / "prompts"
        """The frozen prompt templates."""
        self.feedback_dir = path / "feedback"
        """The folder of requests and answers."""
        self.reference_dir = path / "reference"
        """The reference episodes, kept once somebody compares episodes: ``000.npz`` and so on, and ``scores.json``."""
        self.agreements_path = path / "agreements.json"
        """How well rewards and measures agree with the person's order of recorded episodes."""
        self.results_path = path / "results.tsv"
        """A row per candidate, made for ``grep`` and ``cut``."""
        self.best_reward_path = path / "best_reward.py"
        """A copy of the best candidate's reward, below a comment that says what it is."""
        self.start_reward_path = path / "start_reward.py"
        """The reward that the person had, if the search began with one."""
        self.form_reward_path = path / "form_reward.py"
        """The reward that follows from the form of a small model that drafted the task."""
        self.stop_path = path / "stop"
        """If this file exists, the run stops after the current step."""
        self.events_path = path / "events.jsonl"
        """For ``logs -f``; not needed to resume."""
        self.costs_path = path / "costs.jsonl"
        """A line for each model call."""
        self.log_path = path / "log.txt"
        """The log for people, including tracebacks."""
        self.recording_path = path / "recording.jsonl"
        """Every model call with its answer, for ``--model replay:FILE``."""
        self.manual_dir = path / "manual"
        """Prompts and answers of ``--model manual``."""
        self.call_cache = path / "calls"
        """Answers of model calls by request, so that a resumed run does not pay twice."""

        self._kept: dict[Path, tuple[tuple[int, int, int], Value | None]] = {}

    def read_once(self, path: Path, kind: type[Kept]) -> Kept | None:
        """Like :func:`read_whole`, but a file that has not changed since is not read again.

        A search asks for all its candidates at each step, and there may be hundreds.
        """
        try:
            status = path.stat()
        except OSError:
            return None
        stamp = (status.st_mtime_ns, status.st_ino, status.st_size)
        before = self._kept.get(path)
        if before is None or before[0] != stamp:
            before = self._kept[path] = (stamp, read_whole(path, kind))
        value = before[1]
        assert value is None or isinstance(value, kind)
        return value

    def episode_path(self, name: str) -> Path:
        """The file of a recorded episode, by its id: ``001-c/seed-0-episode-003`` or ``reference/007``.

        :raises RewardSynthError: there is no such episode.
        """
        candidate, _, stem = name.rpartition("/")
        path = self.path / "candidates" / candidate / "trajectories" / f"{stem}.npz"
        if candidate == self.reference_dir.name:
            path = self.reference_dir / f"{stem}.npz"
        # An id that is none could name a file elsewhere.
        if _EPISODE.fullmatch(name) is None or not path.is_file():
            raise RewardSynthError(
                f"there is no recorded episode '{name}' in {self.path.name}", self._recorded(candidate)
            )
        return path

    def _recorded(self, source: str) -> str:
        """Which episodes there are, for somebody who named another one of that candidate."""
        files = [*self.path.glob("candidates/*/trajectories/*.npz"), *self.reference_dir.glob("*.npz")]
        names = [
            f"{path.parent.name if path.parent == self.reference_dir else path.parts[-3]}/{path.stem}" for path in files
        ]
        known = sorted(filter(_EPISODE.fullmatch, names))
        if own := [name for name in known if name.rpartition("/")[0] == source]:
            return f"there are: {', '.join(own[:EPISODES_TOLD])}" + (
                f" … {own[-1]}" if len(own) > EPISODES_TOLD else ""
            )
        if known:
            sources = dict.fromkeys(name.rpartition("/")[0] for name in known)
            return f"there are episodes of {', '.join(sources)}, such as {known[0]}"
        return (
            "none is recorded yet; they are named like 001-c/seed-0-episode-003, after files in its folder trajectories"
        )


def read_value(path: Path, kind: type[Kept], hint: str = "restore the file, or remove it") -> Kept | None:
    """The value stored in a file; None if the file does not exist.

    :raises RewardSynthError: the file was changed.
    """
    if not path.exists():
        return None
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        raise RewardSynthError(f"cannot understand {path}", hint) from error


def read_whole(path: Path, kind: type[Kept]) -> Kept | None:
    """Like :func:`read_value`, but None for a damaged file too: one of them must not hide the others."""
    try:
        return read_value(path, kind)
    except RewardSynthError:
        return None
