"""Rules that end a search before its iterations are done; each is checked between steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from reward_synth.core.errors import RewardSynthError

StopRule = Callable[[], str | None]
"""Returns why the search must stop, in words, or None."""


def first_reason(rules: Sequence[StopRule]) -> str | None:
    """The reason of the first rule that applies."""
    return next((reason for rule in rules if (reason := rule())), None)


def time_limit(seconds: float | None, started: float) -> StopRule:
    """Stops once ``seconds`` of wall time have passed since ``started`` (``time.monotonic``)."""

    def rule() -> str | None:
        if seconds is not None and time.monotonic() - started >= seconds:
            return f"time limit ({seconds:.0f} s)"
        return None

    return rule


def spending_limit(usd: float | None, spent: Callable[[], float | None]) -> StopRule:
    """Stops once ``usd`` dollars are spent. An unknown price is an error, because the limit could never apply."""

    def rule() -> str | None:
        if usd is None:
            return None
        total = spent()
        if total is None:
            raise RewardSynthError(
                "--budget cannot be kept: the price of this model is unknown",
                "drop --budget, or limit the run with --iterations, --samples or --time-limit",
            )
        return f"budget (${usd:.2f}, spent ${total:.2f})" if total >= usd else None

    return rule


def stop_file(requested: Callable[[], bool]) -> StopRule:
    """Stops once somebody requested it with ``reward-synth stop``."""
    return lambda: "stop was requested" if requested() else None
