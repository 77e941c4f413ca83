"""How a run is worked on and ends: the search on a locked run folder, and what is written down, whatever ended it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Feedback, FeedbackRequest, Outcome
from reward_synth.display import Display
from reward_synth.events.bus import EventBus
from reward_synth.events.model import RunEnded, RunStarted, Warned
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from reward_synth.store.journal import JournalListener

if TYPE_CHECKING:
    from reward_synth.preparation.preflight import PreparedTask
    from reward_synth.tasks.spec import TaskSpec

Ask = Callable[[FeedbackRequest], Feedback]
"""Puts a feedback request before the person and returns the answer."""
Confirm = Callable[["TaskSpec"], bool]
"""Shows a drafted task to the person; True if they accept it."""

Subject = TypeVar("Subject")
Answer = TypeVar("Answer")

UNSAFE = "NO SANDBOX (--unsafe-no-sandbox): generated code that escapes the lint has all your rights on this machine"


def work_on(
    store: RunStore,
    settings: Settings,
    display: Display,
    ask: Ask | None,
    confirm: Confirm | None,
    prepared: PreparedTask | None = None,
) -> None:
    """Search on a locked run folder, and write down how it ended.

    :param prepared: the task, where it has been tried already.
    :raises RewardSynthError: what ended the run as failed; it can be resumed.
    """
    bus = EventBus(JournalListener(store), display)
    ending = _Ending(store, display)
    with store.logging() as log:
        store.update(status="running", reason="", outcome="")
        info = store.info
        bus.emit(RunStarted(run_dir=str(store.path), goal=info.goal, task=info.task or ""))
        try:
            if settings.unsafe_no_sandbox:
                log.warning(UNSAFE)
                bus.emit(Warned(text=UNSAFE))
            outcome = _search(store, settings, bus, _paused(ask, display), _paused(confirm, display), prepared)
            ending.write(outcome.status, outcome.reason, outcome.best)
        except KeyboardInterrupt:
            log.warning("interrupted")
            ending.write("stopped", "interrupted", store.info.best)
            raise
        except RewardSynthError as error:
            if store.stop_requested():
                # It was asked while a model was being waited for, which then gives up waiting: no failure.
                ending.write("stopped", "stop was requested", store.info.best)
                return
            log.error("%s", error, exc_info=True)
            ending.write_if_possible(error.message)
            raise
        except BaseException as error:
            log.exception("unexpected")
            ending.write_if_possible(f"{type(error).__name__}: {error}")
            raise
        finally:
            display.close()


def _search(
    store: RunStore,
    settings: Settings,
    bus: EventBus,
    ask: Ask | None,
    confirm: Confirm | None,
    prepared: PreparedTask | None,
) -> Outcome:
    from reward_synth.sandbox.channel import protected
    from reward_synth.search.final_evaluation import train_best

    started = time.monotonic()
    with protected(settings.unsafe_no_sandbox) as holds:
        store.update(sandbox=", ".join(holds))
        outcome = _loop(store, settings, bus, ask, confirm, prepared)
        return train_best(store, settings, bus.emit, outcome, started)


def _loop(
    store: RunStore,
    settings: Settings,
    bus: EventBus,
    ask: Ask | None,
    confirm: Confirm | None,
    prepared: PreparedTask | None,
) -> Outcome:
    from reward_synth.search.loop import search
    from reward_synth.search.session import SearchSession

    with SearchSession(store, settings, bus.emit, confirm, prepared) as session:
        return search(session, ask)


class _Ending:
    """Writes down how a run ended: in ``run.json``, the journal, the report, and to whoever watches."""

    def __init__(self, store: RunStore, display: Display) -> None:
        self._store = store
        self._display = display
        self._started = time.monotonic()
        self._earlier = store.info.seconds

    def write(self, status: str, reason: str, best: str | None) -> None:
        """The run ended in one of the ways of an :class:`~reward_synth.core.types.Outcome`."""
        event = RunEnded(status=status, best=best, reason=reason)
        self._write(event)
        self._display(event)

    def write_if_possible(self, reason: str) -> None:
        """The run failed. On a full disk that cannot be written either; the first error is the one to report."""
        event = RunEnded(status="failed", reason=reason)
        try:
            self._write(event)
        except (RewardSynthError, OSError):
            pass
        finally:
            self._display(event)

    def _write(self, event: RunEnded) -> None:
        from reward_synth.report.data import write_report
        from reward_synth.tasks.spec import load_task

        store, status = self._store, event.status
        seconds = round(self._earlier + time.monotonic() - self._started, 1)
        done = status not in ("stopped", "waiting", "failed")
        changes: dict[str, Any] = {"outcome": status} if done else {}
        if store.read_task() is not None and status != "failed":
            changes["task"] = load_task(store.task_path).name
        store.update(status="done" if done else status, reason=event.reason, seconds=seconds, **changes)
        store.record(event)
        if store.read_task() is not None:
            write_report(store)


def _paused(question: Callable[[Subject], Answer] | None, display: Display) -> Callable[[Subject], Answer] | None:
    """The question, asked while the display leaves the terminal alone."""
    if question is None:
        return None

    def asked(subject: Subject) -> Answer:
        with display.suspended():
            return question(subject)

    return asked
