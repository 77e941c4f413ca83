"""Who waits long reads why, once; who does not wait reads nothing."""

from __future__ import annotations

import threading

from reward_synth.core.waiting import told_if_long


def test_a_long_wait_is_told_once_while_it_lasts() -> None:
    said: list[str] = []
    heard = threading.Event()

    def tell(text: str) -> None:
        said.append(text)
        heard.set()

    with told_if_long(tell, "still at it", after=0.0):
        assert heard.wait(60)
    assert said == ["still at it"]


def test_what_ends_in_time_or_fails_tells_nothing() -> None:
    said: list[str] = []
    before = threading.active_count()
    with told_if_long(said.append, after=3600):
        pass
    try:
        with told_if_long(said.append, after=3600):
            raise ValueError
    except ValueError:
        pass
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join(60)
    assert not said and threading.active_count() <= before
