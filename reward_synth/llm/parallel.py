"""Runs a few blocking model calls in parallel."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from reward_synth.core.errors import RewardSynthError
from reward_synth.llm.base import CallsFailed, Reply, Request

Found = TypeVar("Found")


def in_background(work: Callable[[], Found]) -> Future[Found]:
    """Start work in a thread that Ctrl-C does not wait for, unlike those of ``ThreadPoolExecutor``."""
    future: Future[Found] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - carried to whoever asks for the result
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def side_by_side(call: Callable[[Request], Reply], requests: list[Request], workers: int) -> list[Reply]:
    """Call ``call`` on each request with at most ``workers`` at once; the replies keep the order of ``requests``.

    When a call fails, no further call starts. Running calls are awaited, since they will be billed, and
    :class:`CallsFailed` carries their replies. Ctrl-C waits for no call: the threads are daemons, unlike those of
    ``ThreadPoolExecutor``, which would hold the program until the last answer has come.
    """
    todo = enumerate(requests)  # Shared by all threads: each takes the next request.
    finished: dict[int, Reply] = {}
    errors: list[BaseException] = []
    stopped = threading.Event()

    def work() -> None:
        for index, request in todo:
            if stopped.is_set():
                return
            try:
                finished[index] = call(request)
            except BaseException as error:  # noqa: BLE001 - carried to the caller's thread and raised there
                stopped.set()
                errors.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(workers, len(requests)))]
    try:
        if len(threads) == 1:
            work()  # In this thread, so that Ctrl-C ends the call itself.
        else:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        stopped.set()
    failures = [error for error in errors if isinstance(error, RewardSynthError)]
    for error in errors:
        if error not in failures:
            raise error  # A defect of ours is reported first.
    if failures:
        raise CallsFailed(failures[0], finished) from failures[0]
    return [finished[index] for index in sorted(finished)]
