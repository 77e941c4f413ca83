"""The sentences that report events, shared by the plain display and the live screen."""

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
    """The line's style in rich, if there are colours."""


def lines_of(event: events.Event, elapsed: float) -> Iterator[Line]:
    """The lines that an event adds to the screen; none for events that only change the live part.

    :param elapsed: seconds of work on the run so far.
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
            # The error that ends the command says why a run failed.
            said = f": {event.reason}" if event.reason and event.status != "failed" else ""
            worked = duration(elapsed if event.seconds is None else event.seconds)
            yield Line(f"{word} after {worked} of work{found}{said}", style)
