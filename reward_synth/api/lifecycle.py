"""Runs the search on a locked run folder, and records how it ended, whatever ended it."""

from __future__ import annotations

import gc
import io
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from reward_synth.core.errors import RewardSynthError, Stopped
from reward_synth.core.feedback import Feedback, FeedbackRequest
from reward_synth.core.files import held, in_words
from reward_synth.core.types import Outcome
from reward_synth.display import Display, Lasting, make_display
from reward_synth.display.plain import PlainDisplay
from reward_synth.events.bus import EventBus
from reward_synth.events.model import Event, RunEnded, RunStarted, Warned
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from reward_synth.store.journal import JournalListener
from reward_synth.store.manifest import now

if TYPE_CHECKING:
    from reward_synth.preparation.preflight import PreparedTask
    from reward_synth.tasks.spec import TaskSpec

Ask = Callable[[FeedbackRequest], Feedback | None]
"""Shows a feedback request to the person and returns the answer; None if it was given elsewhere meanwhile."""
Confirm = Callable[["TaskSpec"], bool]
"""Shows a drafted task to the person; True if they accept it."""

Subject = TypeVar("Subject")
Answer = TypeVar("Answer")

_LAST_EVENTS = 1 << 16
"""Bytes at the end of the journal in which its last event lies."""
LOGGED_EVERY = 60.0
"""Seconds between two log lines about the same training."""
UNSAFE = "NO SANDBOX (--unsafe-no-sandbox): generated code that escapes the lint has all your rights on this machine"


def work_on(
    store: RunStore, settings: Settings, ask: Ask | None, confirm: Confirm | None, prepared: PreparedTask | None = None
) -> None:
    """Run the search on a locked run folder, and record how it ended.

    :param prepared: the task, if it has been prepared already.
    :raises RewardSynthError: the run failed; it can be resumed.
    """
    display, started = Lasting(make_display(settings.display)), time.monotonic()
    store.update(seconds=worked(store), working_since=None)
    end = partial(_end, store, display, store.info.seconds - started)
    with store.logging() as log:
        logged = PlainDisplay(_LogLines(log), every=LOGGED_EVERY)
        bus = EventBus(JournalListener(store), keep_warnings(store), logged, display)
        store.sweep()
        store.update(status="running", reason="", outcome="", working_since=now())
        info = store.info
        bus.emit(RunStarted(run_dir=str(store.path), goal=info.goal, task=info.task or "", seconds=info.seconds))
        try:
            from reward_synth.sandbox.channel import protected
            from reward_synth.search.filming import Filming
            from reward_synth.search.final_evaluation import train_best

            if settings.unsafe_no_sandbox:
                bus.emit(Warned(text=UNSAFE))
            with held(store.path), in_words(store.path), protected(settings.unsafe_no_sandbox) as holds:
                store.update(sandbox=", ".join(holds))
                found = _loop(store, settings, bus, _paused(ask, display), _paused(confirm, display), prepared)
                outcome = train_best(store, settings, bus.emit, found, started)
                if outcome.status not in ("stopped", "waiting"):
                    Filming(store, settings, bus.emit).finish(outcome.best)
                    _log_films(store, settings)
            end(outcome.status, outcome.reason, outcome.best)
        except KeyboardInterrupt:
            log.warning("interrupted")
            end("stopped", "interrupted", store.info.best)
            raise
        except RewardSynthError as error:
            log.error("%s", error, exc_info=True)
            end("failed", error.message)
            raise
        except BaseException as error:
            log.exception("unexpected")
            end("failed", f"{type(error).__name__}: {error}")
            raise
        finally:
            display.close()
            # A run leaves some 20,000 objects in cycles, most of them parts of figures. Python removes such only once
            # they are a quarter of all objects; until then the next runs build around them, and memory frays.
            gc.collect()


def _log_films(store: RunStore, settings: Settings) -> None:
    """Add the films that there are to the logs of the trainings."""
    if settings.log == "none":
        return
    from reward_synth.executors.logged import log_film
    from reward_synth.search.jobs import training_jobs
    from reward_synth.tasks.spec import load_task

    task = load_task(store.task_path)
    for candidate in filter(store.was_trained, store.candidate_ids()):
        for name in store.film_names(candidate):
            job = training_jobs(store, task, settings, candidate)[0]
            log_film(settings.log, store.path, job, store.film_path(candidate, name))


def worked(store: RunStore) -> float:
    """Seconds worked on the run before now. A session that was killed counts up to its last event."""
    info = store.info
    if info.working_since is None:
        return info.seconds
    # Its own time, since a copy of the file is younger.
    size = store.events_path.stat().st_size if store.events_path.exists() else 0
    ended = info.working_since
    for event in store.events_since(max(0, size - _LAST_EVENTS))[0]:
        with suppress(ValueError):
            ended = datetime.fromisoformat(str(event.get("time")))
    return round(info.seconds + max(0.0, (ended - info.working_since).total_seconds()), 1)


class _LogLines(io.TextIOBase):
    """A text stream for a display, which sends its lines to the log."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log

    def write(self, text: str, /) -> int:
        """Log one line; a line end alone is ignored."""
        if text.strip():
            self._log.info("%s", text.rstrip())
        return len(text)


def keep_warnings(store: RunStore) -> Callable[[Event], None]:
    """A listener that adds each warning to ``run.json`` once, so that later readers of the results see it."""

    def heard(event: Event) -> None:
        if isinstance(event, Warned) and event.text not in (earlier := store.info.warnings):
            store.update(warnings=(*earlier, event.text))

    return heard


def _loop(
    store: RunStore,
    settings: Settings,
    bus: EventBus,
    ask: Ask | None,
    confirm: Confirm | None,
    prepared: PreparedTask | None,
) -> Outcome:
    from reward_synth.search.jobs import edits
    from reward_synth.search.loop import search
    from reward_synth.search.session import SearchSession

    try:
        with SearchSession(store, settings, bus.emit, confirm, prepared) as session:
            for text in (*store.other_versions(), *store.damage(), *edits(store).values()):
                bus.emit(Warned(text=text))
            return search(session, ask)
    except Stopped as stopped:  # In the middle of a step, whose answers are kept.
        return Outcome(status="stopped", best=store.info.best, reason=str(stopped))


def _end(
    store: RunStore, display: Display, clock_offset: float, status: str, reason: str, best: str | None = None
) -> None:
    """Record how a run ended in ``run.json``, the journal and the report, and show it on the display.

    :param clock_offset: what to add to the monotonic clock to get the seconds worked on the run.
    :param status: that of an :class:`~reward_synth.core.types.Outcome`, or ``failed``.
    """
    from reward_synth.report.data import write_report
    from reward_synth.tasks.spec import load_task

    seconds = round(clock_offset + time.monotonic(), 1)
    event, failed = RunEnded(status=status, best=best, reason=reason, seconds=seconds), status == "failed"
    done = not failed and status not in ("stopped", "waiting")
    changes: dict[str, Any] = {"working_since": None} | ({"outcome": status} if done else {})
    try:
        if store.read_task() is not None and not failed:
            changes["task"] = load_task(store.task_path).name
        store.update(status="done" if done else status, reason=reason, seconds=seconds, **changes)
        store.record(event)
        if store.read_task() is not None:
            write_report(store)
    except (RewardSynthError, OSError):
        # On a full disk these writes fail too. The error to report is the one that ended the run.
        if not failed:
            raise
    finally:
        if failed:
            display(event)
    if not failed:
        display(event)


def _paused(question: Callable[[Subject], Answer] | None, display: Display) -> Callable[[Subject], Answer] | None:
    """The question, which suspends the display while it is asked."""
    if question is None:
        return None

    def asked(subject: Subject) -> Answer:
        with display.suspended():
            return question(subject)

    return asked
