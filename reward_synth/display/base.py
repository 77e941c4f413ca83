"""What a display is: a listener of events that may be asked to leave the terminal alone."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reward_synth.events.model import Event


class Display:
    """Shows a run while it happens; this one shows nothing. No call raises, waits, or changes what the search does.

    Everything goes to stderr but the data lines of ``json``, which go to stdout. Events may come often
    (``TrainingProgressed`` several times a second for each training); a display throttles as it needs.
    """

    def __call__(self, event: Event) -> None:
        """Show an event, or leave it out."""

    def suspended(self) -> AbstractContextManager[None]:
        """While entered, leave the terminal alone, so that the person can be asked something."""
        return nullcontext()

    def close(self) -> None:
        """Give the terminal back. Safe to call twice."""
