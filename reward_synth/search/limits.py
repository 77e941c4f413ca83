"""What ends a run before its iterations are done."""

from __future__ import annotations

import time
from collections.abc import Callable

from reward_synth.core import interruption
from reward_synth.core.errors import RewardSynthError, Stopped
from reward_synth.core.files import require_place
from reward_synth.core.number_format import duration
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore


class Limits:
    """Asked before each spend, between steps, and several times a second while something is waited for.

    The time limit counts all the time that was worked on the run, in earlier sessions too.

    :param started: when this session began (``time.monotonic``).
    :param spent: dollars spent so far; None if any price is unknown.
    """

    def __init__(
        self, store: RunStore, settings: Settings, started: float, spent: Callable[[], float | None] = lambda: 0.0
    ) -> None:
        self._store, self._settings, self._spent = store, settings, spent
        self._began = started - store.info.seconds

    def reason(self) -> str | None:
        """Why the run must end now, in words; None if it may go on.

        :raises KeyboardInterrupt: an interruption was lost.
        :raises FolderMoved: the run's folder bears its name no more.
        :raises RewardSynthError: a budget can never apply, because a price is unknown.
        """
        interruption.require()
        require_place(self._store.path)
        if self._store.stop_requested():
            return "stop was requested"
        seconds, budget = self._settings.time_limit, self._settings.budget
        if seconds is not None and time.monotonic() - self._began >= seconds:
            return f"time limit ({duration(seconds)} of work on the run; a longer --time-limit lets it go on)"
        if budget is None:
            return None
        spent = self._spent()
        if spent is None:
            raise RewardSynthError(
                "--budget cannot be kept: the price of this model is unknown",
                "drop --budget, or limit the run with --iterations, --samples or --time-limit",
            )
        return f"budget (${budget:.2f}, spent ${spent:.2f})" if spent >= budget else None

    def require(self) -> None:
        """Raise :class:`Stopped` if the run must end now."""
        if reason := self.reason():
            raise Stopped(reason)
