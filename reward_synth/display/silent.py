"""Shows nothing: the Python API's default, and what other displays start from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reward_synth.core.types import Candidate, EvaluationPoint, Finding, SeedScore
from reward_synth.settings.model import Settings


class SilentDisplay:
    """A :class:`~reward_synth.display.base.Display` in which nothing happens."""

    def start(self, run_dir: Path, goal: str, task: str, settings: Settings) -> None:
        """Nothing; so for all."""

    def iteration(self, number: int, total: int) -> None:
        """Nothing."""

    def status(self, text: str) -> None:
        """Nothing."""

    def model_call(self, role: str, count: int) -> None:
        """Nothing."""

    def model_done(self, role: str, seconds: float, usd: float | None) -> None:
        """Nothing."""

    def candidate(self, candidate: Candidate) -> None:
        """Nothing."""

    def check(self, candidate: str, findings: Sequence[Finding]) -> None:
        """Nothing."""

    def training(
        self, candidate: str, seed: int, step: int, total_steps: int, evaluation: EvaluationPoint | None
    ) -> None:
        """Nothing."""

    def trained(self, candidate: Candidate) -> None:
        """Nothing."""

    def final(self, candidate: str, score: SeedScore, done: int, total: int, seconds_left: float | None) -> None:
        """Nothing."""

    def analysis(self, iteration: int, text: str) -> None:
        """Nothing."""

    def best(self, candidate: Candidate) -> None:
        """Nothing."""

    def feedback_wait(self, path: Path) -> None:
        """Nothing."""

    def done(self, status: str, best: str | None, reason: str) -> None:
        """Nothing."""

    def warning(self, text: str) -> None:
        """Nothing."""

    def pause(self) -> None:
        """Nothing."""

    def unpause(self) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""
