"""Run a few blocking model calls side by side."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from reward_synth.core.errors import RewardSynthError
from reward_synth.llm.base import CallsFailed, Reply, Request


def side_by_side(call: Callable[[Request], Reply], requests: list[Request], workers: int) -> list[Reply]:
    """Call ``call`` on each request with at most ``workers`` at once; the replies keep the order of ``requests``.

    When a call fails, no further call starts. Running calls are awaited, since they will be billed, and
    :class:`CallsFailed` carries their replies. Ctrl-C waits for no call: the threads are daemons, unlike those of
    ``ThreadPoolExecutor``, which would hold the program until the last answer has come.
    """
    if len(requests) <= 1 or workers <= 1:
        return _one_by_one(call, requests)
    todo: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, Reply | BaseException] | None] = queue.SimpleQueue()
    stopped = threading.Event()
    for index in range(len(requests)):
        todo.put(index)

    def work() -> None:
        while not stopped.is_set():
            try:
                index = todo.get_nowait()
            except queue.Empty:
                break
            try:
                done.put((index, call(requests[index])))
            except BaseException as error:  # noqa: BLE001 - carried to the caller's thread and raised there
                stopped.set()
                done.put((index, error))
        done.put(None)

    running = min(workers, len(requests))
    for _ in range(running):
        threading.Thread(target=work, daemon=True).start()
    finished: dict[int, Reply] = {}
    errors: list[BaseException] = []
    try:
        while running:
            message = done.get()
            if message is None:
                running -= 1
            elif isinstance(message[1], BaseException):
                errors.append(message[1])
            else:
                finished[message[0]] = message[1]
    finally:
        stopped.set()
    return _settle(errors, finished)


def _one_by_one(call: Callable[[Request], Reply], requests: list[Request]) -> list[Reply]:
    finished: dict[int, Reply] = {}
    for index, request in enumerate(requests):
        try:
            finished[index] = call(request)
        except RewardSynthError as error:
            return _settle([error], finished)
    return list(finished.values())


def _settle(errors: list[BaseException], finished: dict[int, Reply]) -> list[Reply]:
    """The replies in order, or the first error. An error that is a defect of ours is raised before all others."""
    for error in errors:
        if not isinstance(error, RewardSynthError):
            raise error
    if errors:
        first = errors[0]
        assert isinstance(first, RewardSynthError)
        raise CallsFailed(first, finished) from first
    return [finished[index] for index in sorted(finished)]
