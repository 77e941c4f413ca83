"""The sentences in which displays report events: plain lines and the live screen hold the same ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reward_synth.core.number_format import duration
from reward_synth.display.text import final_text, result_text
from reward_synth.events import model as events

_OUTCOMES = {
    "solved": ("Solved", "green"),
    "accepted": ("Accepted", "green"),
    "unsolved": ("Not solved", "yellow"),
    "stopped": ("Stopped", "yellow"),
    "waiting": ("Waiting for your feedback", "cyan"),
    "failed": ("Failed", "red"),
}
_STATUS = {"trained": "green", "designed": "cyan", "rejected": "yellow", "crashed": "red", "stopped": "yellow"}


@dataclass(frozen=True)
class Line:
    """One line that stays on the screen."""

    text: str
    style: str = ""
    """How rich draws it, where there are colours."""


def lines_of(event: events.Event, elapsed: float) -> Iterator[Line]:
    """The lines that an event leaves; none for what only moves.

    :param elapsed: seconds since the display was made.
    """
    match event:
        case events.RunStarted():
            yield Line(event.goal, "bold")
            yield Line(f"run folder {event.run_dir}" + (f", task {event.task}" if event.task else ""), "dim")
        case events.IterationStarted():
            yield Line(f"iteration {event.number} of {event.total}", "bold")
        case events.CandidateChecked():
            tried = event.candidate
            repairs = f" after {tried.repairs} repairs" if tried.repairs else ""
            reason = f": {tried.reason}" if tried.reason else ""
            yield Line(f"  {tried.id} {tried.status}{repairs}{reason}", _STATUS[tried.status])
            for finding in event.findings:
                text = f"    {tried.id} {finding.severity}: {finding.as_text()}"
                yield Line(text, "red" if finding.severity == "error" else "dim")
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
            yield Line(f"  {told}", "cyan")
        case events.Warned():
            yield Line(f"warning: {event.text}", "yellow")
        case events.RunEnded():
            word, style = _OUTCOMES.get(event.status, (event.status, ""))
            found = f", best reward {event.best}" if event.best else ""
            # Why a run failed is said by the error that ends the command.
            said = f": {event.reason}" if event.reason and event.status != "failed" else ""
            yield Line(f"{word} after {duration(elapsed)}{found}{said}", style)
