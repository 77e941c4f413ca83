"""The event bus: one place to emit events, for any number of listeners."""

from __future__ import annotations

import threading
from collections.abc import Callable

from reward_synth.events.model import Event

Listener = Callable[[Event], None]
"""Called with each event, in order and in the thread that emits it. It must not block or change the search."""
Emit = Callable[[Event], None]
"""How a part of the program reports an event."""


class EventBus:
    """Passes each event to all listeners, in the order in which they were given."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners
        self._lock = threading.RLock()

    def emit(self, event: Event) -> None:
        """Report an event. Threads take turns, since answers of a model arrive in several."""
        with self._lock:
            for listener in self._listeners:
                listener(event)
