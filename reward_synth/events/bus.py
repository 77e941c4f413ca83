"""One place where events are emitted, and as many listeners as there are."""

from __future__ import annotations

from collections.abc import Callable

from reward_synth.events.model import Event

Listener = Callable[[Event], None]
"""Hears of each event, in order and in the thread that emits it. It neither waits nor changes what the search does."""
Emit = Callable[[Event], None]
"""What a part of the program is given that has something to report."""


class EventBus:
    """Hands each event to all listeners, in the order in which they were added."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def emit(self, event: Event) -> None:
        """Report an event."""
        for listener in self._listeners:
            listener(event)
