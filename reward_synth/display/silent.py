"""Shows nothing: the Python API's default."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from reward_synth.events.model import Event


class SilentDisplay:
    """A :class:`~reward_synth.display.base.Display` in which nothing happens."""

    def __call__(self, event: Event) -> None:
        """Nothing."""

    def suspended(self) -> AbstractContextManager[None]:
        """Nothing."""
        return nullcontext()

    def close(self) -> None:
        """Nothing."""
