"""The live screen: finished things scroll by, what is under way stays below and moves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from reward_synth.core.types import Candidate, EvaluationPoint, Finding, SeedScore
from reward_synth.display.progress import (
    RunProgress,
    dollars,
    duration,
    final_text,
    printable,
    result_text,
    sparkline,
)
from reward_synth.settings.model import Settings

_COLOURS = {"trained": "green", "designed": "cyan", "rejected": "yellow", "crashed": "red", "stopped": "yellow"}
_OUTCOMES = {
    "solved": ("Solved", "bold green"),
    "accepted": ("Accepted", "bold green"),
    "unsolved": ("Not solved", "bold yellow"),
    "stopped": ("Stopped", "bold yellow"),
    "waiting": ("Waiting for your feedback", "bold cyan"),
    "failed": ("Failed", "bold red"),
}


class RichDisplay:
    """Draws on stderr, four times a second. All model text is shown as plain text, never as markup."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._progress = RunProgress()
        self._head = ""
        self._iteration = ""
        self._status = ""
        self._best = ""
        self._live: Live | None = None
        self._spinner = Spinner("dots")

    # rich calls this for every frame, so the clock goes on while the loop waits for a model.
    def __rich__(self) -> RenderableType:
        progress = self._progress
        head = Table.grid(expand=True)
        head.add_column(ratio=1, no_wrap=True)
        head.add_column(justify="right", no_wrap=True)
        times = f"elapsed {duration(progress.elapsed)}"
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

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(Text(printable(text), style=style))

    def start(self, run_dir: Path, goal: str, task: str, settings: Settings) -> None:
        """See :class:`~reward_synth.display.base.Display`, for this and the rest."""
        self._line(goal, "bold")
        self._line(f"run folder {run_dir}" + (f", task {task}" if task else ""), "dim")
        self._head = run_dir.resolve().name.split("-", 2)[-1]
        self._live = Live(self, console=self._console, refresh_per_second=4, transient=True, redirect_stdout=False)
        self._live.start()

    def iteration(self, number: int, total: int) -> None:
        """Head of the moving part."""
        self._iteration = f"iteration {number}/{total}"
        self._line(f"iteration {number} of {total}", "bold")

    def status(self, text: str) -> None:
        """Beside the spinner."""
        self._status = text

    def model_call(self, role: str, count: int) -> None:
        """Beside the spinner."""
        self._status = f"{role} is thinking" + (f" about {count} answers" if count > 1 else "")

    def model_done(self, role: str, seconds: float, usd: float | None) -> None:
        """Adds up the cost."""
        self._progress.call_done(usd)
        self._status = f"{role} answered after {duration(seconds)}"

    def candidate(self, candidate: Candidate) -> None:
        """A line that stays."""
        reason = f": {candidate.reason}" if candidate.reason else ""
        repairs = f" after {candidate.repairs} repairs" if candidate.repairs else ""
        self._line(f"  {candidate.id} {candidate.status}{repairs}{reason}", _COLOURS[candidate.status])

    def check(self, candidate: str, findings: Sequence[Finding]) -> None:
        """A line per finding."""
        for finding in findings:
            style = "red" if finding.severity == "error" else "dim"
            self._line(f"    {finding.severity}: {finding.as_text()}", style)

    def training(
        self, candidate: str, seed: int, step: int, total_steps: int, evaluation: EvaluationPoint | None
    ) -> None:
        """A row of the moving part."""
        self._status = ""
        self._progress.training(candidate, seed, step, total_steps, evaluation)

    def trained(self, candidate: Candidate) -> None:
        """A line that stays."""
        self._progress.end_training(candidate.id)
        figures = result_text(candidate.success, candidate.fitness, candidate.success_interval)
        reason = f" ({candidate.reason})" if candidate.reason else ""
        self._line(f"  {candidate.id} {candidate.status}: {figures}{reason}", _COLOURS[candidate.status])

    def final(self, candidate: str, score: SeedScore, done: int, total: int, seconds_left: float | None) -> None:
        """A line that stays."""
        self._progress.end_training(candidate, score.index)
        self._line(f"  {final_text(candidate, score, done, total, seconds_left)}", _COLOURS[score.status])

    def analysis(self, iteration: int, text: str) -> None:
        """The text, indented."""
        self._status = ""
        self._console.print(Padding(Markdown(printable(text), hyperlinks=False), (0, 2)))

    def best(self, candidate: Candidate) -> None:
        """Foot of the moving part."""
        figures = result_text(candidate.success, candidate.fitness, candidate.success_interval)
        self._best = f"best so far {candidate.id}  {figures}"

    def feedback_wait(self, path: Path) -> None:
        """Rings the bell and says where the question lies."""
        self._console.bell()
        self._line(f"your feedback is asked for in {path} (reward-synth feedback answers it)", "cyan")
        self._status = "waiting for your feedback"

    def done(self, status: str, best: str | None, reason: str) -> None:
        """The last line."""
        self.close()
        word, style = _OUTCOMES.get(status, (status, "bold"))
        found = f", best reward {best}" if best else ""
        said = f": {reason}" if reason else ""
        self._line(f"{word} after {duration(self._progress.elapsed)}{found}{said}", style)

    def warning(self, text: str) -> None:
        """A line that stays."""
        self._line(f"warning: {text}", "yellow")

    def pause(self) -> None:
        """Take the moving part away, so that the person can be asked something."""
        if self._live is not None:
            self._live.stop()

    def unpause(self) -> None:
        """Put it back."""
        if self._live is not None:
            self._live.start(refresh=True)

    def close(self) -> None:
        """Give the terminal back."""
        if self._live is not None:
            self._live.stop()
            self._live = None
