from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from reward_synth.core import interruption
from reward_synth.search.limits import Limits
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore


class Ending:
    """Gets a signal in its destructor, whose exceptions Python ignores."""

    def __init__(self, number: signal.Signals) -> None:
        self._number = number

    def __del__(self) -> None:
        signal.raise_signal(self._number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_interruption_that_python_lost_is_heeded_where_a_run_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    limits = Limits(RunStore.create(tmp_path, "balance", Settings()), Settings(), 0.0)
    ignored: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    before = signal.signal(signal.SIGINT, signal.default_int_handler), signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        with interruption.heeded():
            assert limits.reason() is None
            Ending(number)
            assert len(ignored) == 1, "it was lost"
            with pytest.raises(KeyboardInterrupt):
                limits.reason()
        assert limits.reason() is None, "it belonged to the command that is over"
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGHUP, before[1])
