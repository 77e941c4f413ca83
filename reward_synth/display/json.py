"""JSON lines on stdout for programs: the first is ``launch``, the last ``done``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from reward_synth.core.types import Candidate
from reward_synth.display.base import Display
from reward_synth.display.progress import RunProgress
from reward_synth.events import model as events


class JsonDisplay(Display):
    """What a program needs to follow a run: its folder, each candidate's end, and the outcome.

    The run folder's ``events.jsonl`` has more detail. Nothing else may write to stdout. ``cost_usd`` is null if a
    price is unknown.
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._progress = RunProgress(clock)

    def __call__(self, event: events.Event) -> None:
        """Write the event's line, if it has one."""
        self._progress.hear(event)
        line = _line_of(event)
        if isinstance(event, events.RunEnded):
            line = {"event": "done"} | event.model_dump(exclude={"kind"}) | {"cost_usd": self._progress.usd}
        if line is not None:
            print(json.dumps(line), file=self._stream or sys.stdout, flush=True)


def _line_of(event: events.Event) -> dict[str, Any] | None:
    match event:
        case events.RunStarted():
            run_id = Path(event.run_dir).resolve().name
            return {"event": "launch", "run_id": run_id, "run_dir": event.run_dir} | {
                "goal": event.goal,
                "task": event.task or None,
            }
        case events.IterationStarted():
            return {"event": "iteration", "number": event.number, "total": event.total}
        case events.CandidateChecked():
            return {"event": "candidate"} | _facts(event.candidate)
        case events.CandidateTrained():
            return {"event": "trained"} | _facts(event.candidate)
        case events.SeedTrained():
            place = {"candidate": event.candidate, "done": event.done, "total": event.total}
            return {"event": "final"} | place | event.score.model_dump(mode="json")
        case events.FeedbackAsked():
            return {"event": "feedback", "request": event.request}
        case events.Warned():
            return {"event": "warning", "text": event.text}
        case _:
            return None


def _facts(candidate: Candidate) -> dict[str, Any]:
    shown = {"id", "iteration", "status", "reason", "success", "fitness", "steps"}
    return candidate.model_dump(mode="json", include=shown)
