"""The live screen: finished things scroll up, and current work stays at the bottom and is redrawn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from reward_synth.core.number_format import dollars, duration
from reward_synth.display.base import Display
from reward_synth.display.progress import RunProgress
from reward_synth.display.text import longest, printable, result_text, sparkline
from reward_synth.display.wording import lines_of
from reward_synth.events import model as events


class RichDisplay(Display):
    """Draws on stderr, four times a second. All model text is shown as plain text, never as markup."""

    def __init__(self, console: Console | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._progress = RunProgress(clock)
        self._head = ""
        self._iteration = ""
        self._status = ""
        self._best = ""
        self._live: Live | None = None
        self._spinner = Spinner("dots")

    # rich calls this for every frame, so the clock keeps running while the loop waits for a model.
    def __rich__(self) -> RenderableType:
        progress = self._progress
        head = Table.grid(expand=True)
        head.add_column(ratio=1, no_wrap=True)
        head.add_column(justify="right", no_wrap=True)
        times = f"worked {duration(progress.elapsed)}"
        if (left := progress.seconds_left()) is not None:
            times += f"  left ~{duration(left)}"
        money = f"  {dollars(progress.usd)}" if progress.calls else ""
        head.add_row(Text(" · ".join(filter(None, (self._head, self._iteration)))), Text(times + money))
        parts: list[RenderableType] = [head]
        if self._status:
            self._spinner.update(text=Text(self._status))
            parts.append(Padding(self._spinner, (0, 0, 0, 2)))
        if progress.trainings:
            parts.append(self._training_table())
        if self._best:
            parts.append(Text(self._best, style="green"))
        return Group(*parts)

    def _training_table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for training in self._progress.trainings.values():
            left = training.seconds_left
            success = "" if training.success is None else f"success {training.success:.0%}"
            table.add_row(
                Text(f"  {training.candidate}"),
                Text(f"seed {training.seed}"),
                ProgressBar(total=1.0, completed=training.share, width=16),
                Text(f"{training.share:4.0%}"),
                Text(f"~{duration(left)} left" if left is not None else ""),
                Text(f"fitness {sparkline(training.fitness)}" if training.fitness else ""),
                Text(success),
            )
        return table

    def __call__(self, event: events.Event) -> None:
        """Print the event's lines above the live part, and update the live part."""
        self._progress.hear(event)
        if isinstance(event, events.RunEnded):
            self.close()
        for line in lines_of(event, self._progress.elapsed):
            self._console.print(Text(printable(line.text), style=line.style))
        self._move(event)

    def _move(self, event: events.Event) -> None:
        """Update the live part for an event."""
        match event:
            case events.RunStarted():
                self._head = Path(event.run_dir).resolve().name.split("-", 2)[-1]
                self._live = Live(
                    self, console=self._console, refresh_per_second=4, transient=True, redirect_stdout=False
                )
                self._live.start()
            case events.IterationStarted():
                self._iteration = f"iteration {event.number}/{event.total}"
            case events.StatusChanged():
                self._status = event.text
            case events.RungDecided() | events.AnswerProgressed():
                self._status = str(event)
            case events.ModelAsked():
                answers = f" about {event.count} answers" if event.count > 1 else ""
                self._status = f"{event.role} is thinking{answers}{longest(event.timeout)}"
            case events.ModelCalled():
                self._status = f"{event.role} answered after {duration(event.seconds)}"
            case events.TrainingProgressed():
                self._status = ""
            case events.IterationReflected():
                self._status = ""
                self._console.print(Padding(Markdown(printable(event.text), hyperlinks=False), (0, 2)))
            case events.BestChanged():
                best = event.candidate
                self._best = f"best so far {best.id}  {result_text(best.success, best.fitness, best.success_interval)}"
            case events.FeedbackAsked():
                self._console.bell()
                self._status = "waiting for your feedback"

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Remove the live part so that the person can be asked something, and restore it afterwards."""
        if self._live is not None:
            self._live.stop()
        try:
            yield
        finally:
            if self._live is not None:
                self._live.start(refresh=True)

    def close(self) -> None:
        """Remove the live part and release the terminal."""
        if self._live is not None:
            self._live.stop()
            self._live = None
