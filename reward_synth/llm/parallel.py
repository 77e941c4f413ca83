"""Runs a few blocking model calls in parallel."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from reward_synth.core.errors import RewardSynthError, Stopped
from reward_synth.core.waiting import Deadline
from reward_synth.llm.base import Heard, Reply, Request, unheard

Found = TypeVar("Found")

POLL = 0.2
"""Seconds between two looks at the limits while a model is waited for."""
GRACE = 20.0
"""Seconds for which the calls under way are awaited after a limit applies, since they will be billed."""


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


def side_by_side(
    call: Callable[[Request], Reply],
    requests: list[Request],
    workers: int,
    heard: Heard = unheard,
    check: Callable[[], None] = lambda: None,
) -> list[Reply]:
    """Call ``call`` on each request with at most ``workers`` at once; the replies keep the order of ``requests``.

    ``heard`` is called in the thread that received the reply. When a call fails, no further call starts, and running
    calls are awaited, since they will be billed. When ``check`` raises :class:`Stopped`, they are awaited for
    :data:`GRACE` seconds. Ctrl-C waits for no call: the threads are daemons, unlike those of ``ThreadPoolExecutor``,
    which would hold the program until the last answer has come.
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
                check()
                reply = call(request)
                heard(request, reply)
                finished[index] = reply
            except BaseException as error:  # noqa: BLE001 - carried to the caller's thread and raised there
                stopped.set()
                errors.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(workers, len(requests)))]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(POLL)
                check()
    except Stopped:
        stopped.set()
        grace = Deadline(GRACE)
        for thread in threads:
            while thread.is_alive() and (wait := grace.wait()):
                thread.join(wait)
        raise
    finally:
        stopped.set()
    if errors:
        raise min(errors, key=_weight)
    return [finished[index] for index in sorted(finished)]


def _weight(error: BaseException) -> int:
    """A defect of ours is reported first, and a limit last."""
    return 2 if isinstance(error, Stopped) else 1 if isinstance(error, RewardSynthError) else 0


def within(seconds: float, call: Callable[[], Found], total: Deadline | None = None) -> Found:
    """What ``call`` returns or raises.

    A client's own timeout begins anew with each byte that arrives, so that a server can hold it for ever.

    :param total: what this time counts for as well.
    :raises TimeoutError: it took longer; the call is left to its thread, a daemon.
    """
    future, deadline = in_background(call), Deadline(seconds, total)
    while not future.done() and (wait := deadline.wait()):
        with contextlib.suppress(TimeoutError):
            future.result(wait)
    if not future.done() or isinstance(future.exception(), TimeoutError):
        raise TimeoutError(f"no answer within {seconds:.0f} s; --model-timeout gives it more")
    return future.result()
