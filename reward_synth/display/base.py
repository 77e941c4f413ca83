"""What the loop tells whoever watches."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from reward_synth.core.types import Candidate, EvaluationPoint, Finding, SeedScore
from reward_synth.settings.model import Settings


class Display(Protocol):
    """Shows a run while it happens. No call raises, waits, or changes what the loop does.

    Everything goes to stderr but the data lines of ``json``, which go to stdout. Calls may come often
    (:meth:`training` several times a second per training); an implementation throttles as it needs.
    """

    def start(self, run_dir: Path, goal: str, task: str, settings: Settings) -> None:
        """The run begins or is resumed; ``task`` is the task spec's name."""
        ...

    def iteration(self, number: int, total: int) -> None:
        """Iteration ``number`` of ``total`` begins, counted from 1."""
        ...

    def status(self, text: str) -> None:
        """What is being done now, in a few words."""
        ...

    def model_call(self, role: str, count: int) -> None:
        """``count`` model calls of that role are under way."""
        ...

    def model_done(self, role: str, seconds: float, usd: float | None) -> None:
        """One model call came back; ``usd`` is None for an unknown price."""
        ...

    def candidate(self, candidate: Candidate) -> None:
        """A candidate was designed, or rejected with its reason."""
        ...

    def check(self, candidate: str, findings: Sequence[Finding]) -> None:
        """What lint, probe, screen or critic found in a candidate; empty if nothing."""
        ...

    def training(
        self, candidate: str, seed: int, step: int, total_steps: int, evaluation: EvaluationPoint | None
    ) -> None:
        """Training of one policy has come to ``step``; ``evaluation`` is the newest one, None before the first."""
        ...

    def trained(self, candidate: Candidate) -> None:
        """All seeds of a candidate are done, or crashed."""
        ...

    def final(self, candidate: str, score: SeedScore, done: int, total: int, seconds_left: float | None) -> None:
        """One seed of a candidate's final training is done, ``done`` of ``total``; None left if that was the last.

        Its progress came by :meth:`training`, under the candidate's name.
        """
        ...

    def analysis(self, iteration: int, text: str) -> None:
        """The analyzer's reading of an iteration."""
        ...

    def best(self, candidate: Candidate) -> None:
        """A candidate became the best so far."""
        ...

    def feedback_wait(self, path: Path) -> None:
        """A person's answer is awaited; ``path`` is the request file."""
        ...

    def done(self, status: str, best: str | None, reason: str) -> None:
        """The run ended: ``solved``, ``unsolved``, ``stopped``, ``waiting`` or ``failed``; best candidate's id."""
        ...

    def warning(self, text: str) -> None:
        """Something that the person should know but that stops nothing."""
        ...

    def pause(self) -> None:
        """Leave the terminal alone, so that the person can be asked something; :meth:`unpause` ends it."""
        ...

    def unpause(self) -> None:
        """Take the terminal up again."""
        ...

    def close(self) -> None:
        """Give the terminal back. Safe to call twice."""
        ...
