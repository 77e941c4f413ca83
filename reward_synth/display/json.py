"""JSON lines on stdout for programs: the first is ``launch``, the last ``done``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, TextIO

from reward_synth.core.types import Candidate, SeedScore
from reward_synth.display.progress import RunProgress
from reward_synth.display.silent import SilentDisplay
from reward_synth.settings.model import Settings


class JsonDisplay(SilentDisplay):
    """What a program needs to follow a run: its folder, each candidate's end, and the outcome.

    Finer grain is in the run folder's ``events.jsonl``. Nothing else may write to stdout. ``cost_usd`` is null where
    a price is unknown.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._progress = RunProgress()

    def _write(self, event: str, **data: Any) -> None:
        print(json.dumps({"event": event, **data}), file=self._stream or sys.stdout, flush=True)

    def start(self, run_dir: Path, goal: str, task: str, settings: Settings) -> None:
        """The ``launch`` line."""
        self._write("launch", run_id=run_dir.resolve().name, run_dir=str(run_dir), goal=goal, task=task or None)

    def iteration(self, number: int, total: int) -> None:
        """An ``iteration`` line."""
        self._write("iteration", number=number, total=total)

    def model_done(self, role: str, seconds: float, usd: float | None) -> None:
        """Adds up the cost."""
        self._progress.call_done(usd)

    def candidate(self, candidate: Candidate) -> None:
        """A ``candidate`` line."""
        self._write("candidate", **_facts(candidate))

    def trained(self, candidate: Candidate) -> None:
        """A ``trained`` line."""
        self._write("trained", **_facts(candidate))

    def final(self, candidate: str, score: SeedScore, done: int, total: int, seconds_left: float | None) -> None:
        """A ``final`` line."""
        self._write("final", candidate=candidate, done=done, total=total, **score.model_dump(mode="json"))

    def feedback_wait(self, path: Path) -> None:
        """A ``feedback`` line."""
        self._write("feedback", request=str(path))

    def warning(self, text: str) -> None:
        """A ``warning`` line."""
        self._write("warning", text=text)

    def done(self, status: str, best: str | None, reason: str) -> None:
        """The ``done`` line."""
        self._write("done", status=status, best=best, reason=reason, cost_usd=self._progress.usd)


def _facts(candidate: Candidate) -> dict[str, Any]:
    shown = {"id", "iteration", "status", "reason", "success", "fitness", "steps"}
    return candidate.model_dump(mode="json", include=shown)
