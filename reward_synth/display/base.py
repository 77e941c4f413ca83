"""The base of all displays: a listener for events that can leave the terminal alone on request."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reward_synth.events.model import Event


class Display:
    """Shows a run while it happens; this base shows nothing. No call raises, waits, or changes what the search does.

    All output goes to stderr, except for the data lines of ``json``, which go to stdout. Events may come often
    (``TrainingProgressed`` several times a second for each training), so a display throttles them as it needs.
    """

    def __call__(self, event: Event) -> None:
        """Show an event, or ignore it."""

    def suspended(self) -> AbstractContextManager[None]:
        """A context in which the terminal is left alone, so that the person can be asked something."""
        return nullcontext()

    def close(self) -> None:
        """Release the terminal. It is safe to call this twice."""


class Lasting(Display):
    """A display of work that outlives its terminal: it shows nothing more once a closed terminal or pipe refuses it."""

    def __init__(self, shown: Display) -> None:
        self._shown = shown

    def __call__(self, event: Event) -> None:
        """Show an event, as long as somebody can see it."""
        try:
            self._shown(event)
        except OSError:
            self._shown = Display()

    def suspended(self) -> AbstractContextManager[None]:
        """See :meth:`Display.suspended`."""
        return self._shown.suspended()

    def close(self) -> None:
        """Release the terminal, if it is still there."""
        with suppress(OSError):
            self._shown.close()
