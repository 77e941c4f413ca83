"""A line for each thing that happens: for logs, pipes and screen readers."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from reward_synth.core.types import Candidate, EvaluationPoint, Finding, SeedScore
from reward_synth.display.progress import RunProgress, dollars, duration, final_text, printable, result_text
from reward_synth.settings.model import Settings

_OUTCOMES = {
    "solved": "Solved",
    "unsolved": "Not solved",
    "accepted": "Accepted",
    "stopped": "Stopped",
    "waiting": "Waiting for your feedback",
    "failed": "Failed",
}


class PlainDisplay:
    """Lines on stderr. A training reports at most every ``every`` seconds, all of them in one line each."""

    def __init__(
        self, stream: TextIO | None = None, every: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream
        self._every = every
        self._progress = RunProgress(clock)
        self._reported: dict[tuple[str, int], float] = {}

    def _line(self, text: str) -> None:
        # Looked up at each call: tests and people redirect it.
        print(printable(text), file=self._stream or sys.stderr, flush=True)

    def start(self, run_dir: Path, goal: str, task: str, settings: Settings) -> None:
        """See :class:`~reward_synth.display.base.Display`, for this and the rest."""
        self._line(f"{goal}")
        self._line(f"run folder {run_dir}" + (f", task {task}" if task else ""))

    def iteration(self, number: int, total: int) -> None:
        """A heading."""
        self._line(f"iteration {number} of {total}  [{duration(self._progress.elapsed)} so far]")

    def status(self, text: str) -> None:
        """A line."""
        self._line(f"  {text}")

    def model_call(self, role: str, count: int) -> None:
        """A line."""
        self._line(f"  {role}: asking the model" + (f" for {count} answers" if count > 1 else ""))

    def model_done(self, role: str, seconds: float, usd: float | None) -> None:
        """A line with what it took and the sum so far."""
        self._progress.call_done(usd)
        spent = dollars(self._progress.usd)
        self._line(f"  {role}: answered after {duration(seconds)}" + (f", {spent} so far" if usd != 0 else ""))

    def candidate(self, candidate: Candidate) -> None:
        """A line; with the reason if it was rejected."""
        reason = f": {candidate.reason}" if candidate.reason else ""
        repairs = f" after {candidate.repairs} repairs" if candidate.repairs else ""
        self._line(f"  {candidate.id} {candidate.status}{repairs}{reason}")

    def check(self, candidate: str, findings: Sequence[Finding]) -> None:
        """A line per finding."""
        for finding in findings:
            self._line(f"    {candidate} {finding.severity}: {finding.as_text()}")

    def training(
        self, candidate: str, seed: int, step: int, total_steps: int, evaluation: EvaluationPoint | None
    ) -> None:
        """Now and then, a line with the part done and the time left."""
        training = self._progress.training(candidate, seed, step, total_steps, evaluation)
        now = self._progress.now
        if now - self._reported.setdefault((candidate, seed), now - self._every / 2) < self._every:
            return
        self._reported[candidate, seed] = now
        figures = f", {result_text(evaluation.success, evaluation.fitness)}" if evaluation else ""
        left = training.seconds_left
        remaining = f", about {duration(left)} left" if left is not None else ""
        self._line(f"  {candidate} seed {seed}: trained {training.share:.0%}{figures}{remaining}")

    def trained(self, candidate: Candidate) -> None:
        """A line with the figures, or why it crashed."""
        self._progress.end_training(candidate.id)
        figures = result_text(candidate.success, candidate.fitness, candidate.success_interval)
        reason = f" ({candidate.reason})" if candidate.reason else ""
        self._line(f"  {candidate.id} {candidate.status}: {figures}{reason}")

    def final(self, candidate: str, score: SeedScore, done: int, total: int, seconds_left: float | None) -> None:
        """A line with the figures and the time left."""
        self._progress.end_training(candidate, score.index)
        self._line(f"  {final_text(candidate, score, done, total, seconds_left)}")

    def analysis(self, iteration: int, text: str) -> None:
        """The text, indented."""
        self._line(f"  analysis of iteration {iteration}:")
        for line in text.strip().splitlines():
            self._line(f"    {line}".rstrip())

    def best(self, candidate: Candidate) -> None:
        """A line."""
        self._line(f"  best so far {candidate.id}: {result_text(candidate.success, candidate.fitness)}")

    def feedback_wait(self, path: Path) -> None:
        """Where the question lies."""
        self._line(f"  your feedback is asked for in {path} (reward-synth feedback answers it)")

    def done(self, status: str, best: str | None, reason: str) -> None:
        """The last line."""
        found = f", best reward {best}" if best else ""
        said = f": {reason}" if reason else ""
        self._line(f"{_OUTCOMES.get(status, status)} after {duration(self._progress.elapsed)}{found}{said}")

    def warning(self, text: str) -> None:
        """A line that says so."""
        self._line(f"warning: {text}")

    def pause(self) -> None:
        """Nothing."""

    def unpause(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing to give back."""
