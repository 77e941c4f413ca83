"""The sentences in which displays report events: plain lines and the live screen hold the same ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from reward_synth.core.number_format import duration
from reward_synth.display.text import final_text, result_text
from reward_synth.events import model as events

Tone = Literal["", "head", "dim", "good", "doubtful", "bad", "asking", "new"]
"""What a line is, from which a display with colours takes its colour."""

_OUTCOMES: dict[str, tuple[str, Tone]] = {
    "solved": ("Solved", "good"),
    "accepted": ("Accepted", "good"),
    "unsolved": ("Not solved", "doubtful"),
    "stopped": ("Stopped", "doubtful"),
    "waiting": ("Waiting for your feedback", "asking"),
    "failed": ("Failed", "bad"),
}
_STATUS: dict[str, Tone] = {
    "trained": "good",
    "designed": "new",
    "rejected": "doubtful",
    "crashed": "bad",
    "stopped": "doubtful",
}


@dataclass(frozen=True)
class Line:
    """One line that stays on the screen."""

    text: str
    tone: Tone = ""


def lines_of(event: events.Event, elapsed: float) -> Iterator[Line]:
    """The lines that an event leaves; none for what only moves.

    :param elapsed: seconds since the display was made.
    """
    match event:
        case events.RunStarted():
            yield Line(event.goal, "head")
            yield Line(f"run folder {event.run_dir}" + (f", task {event.task}" if event.task else ""), "dim")
        case events.IterationStarted():
            yield Line(f"iteration {event.number} of {event.total}", "head")
        case events.CandidateChecked():
            tried = event.candidate
            repairs = f" after {tried.repairs} repairs" if tried.repairs else ""
            reason = f": {tried.reason}" if tried.reason else ""
            yield Line(f"  {tried.id} {tried.status}{repairs}{reason}", _STATUS[tried.status])
            for finding in event.findings:
                text = f"    {tried.id} {finding.severity}: {finding.as_text()}"
                yield Line(text, "bad" if finding.severity == "error" else "dim")
        case events.CandidateTrained():
            tried = event.candidate
            figures = result_text(tried.success, tried.fitness, tried.success_interval)
            reason = f" ({tried.reason})" if tried.reason else ""
            yield Line(f"  {tried.id} {tried.status}: {figures}{reason}", _STATUS[tried.status])
        case events.SeedTrained():
            said = final_text(event.candidate, event.score, event.done, event.total, event.seconds_left)
            yield Line(f"  {said}", _STATUS[event.score.status])
        case events.FeedbackAsked():
            told = f"your feedback is asked for in {event.request} (reward-synth feedback answers it)"
            yield Line(f"  {told}", "asking")
        case events.Warned():
            yield Line(f"warning: {event.text}", "doubtful")
        case events.RunEnded():
            word, tone = _OUTCOMES.get(event.status, (event.status, ""))
            found = f", best reward {event.best}" if event.best else ""
            # Why a run failed is said by the error that ends the command.
            said = f": {event.reason}" if event.reason and event.status != "failed" else ""
            yield Line(f"{word} after {duration(elapsed)}{found}{said}", tone)
