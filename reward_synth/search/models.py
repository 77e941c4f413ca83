"""The models of a run. Each is opened once, and every call is reported and its cost recorded."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import RoleName, needs_no_server
from reward_synth.core.number_format import total
from reward_synth.events.bus import Emit
from reward_synth.events.model import ModelAsked, ModelCalled, StatusChanged
from reward_synth.llm import default_model, open_model
from reward_synth.llm.base import Heard, Ledgered, Model, Reply, Request, Waiting, Wrapper, unheard
from reward_synth.llm.cache import Cached
from reward_synth.llm.keys import scrub
from reward_synth.llm.replay import Recorder
from reward_synth.llm.underway import Underway
from reward_synth.roles.designer import Draft
from reward_synth.search.limits import Limits
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore

_FEW_CALLS = 8
"""So many calls without a reward may be chance."""


class ModelPool:
    """Opens each model once, whichever roles use it, and records every call.

    :param started: when this session began (``time.monotonic``).
    :raises RewardSynthError: by :meth:`of`, if a model cannot be opened.
    """

    def __init__(self, store: RunStore, settings: Settings, emit: Emit, started: float) -> None:
        self._store = store
        self._settings = settings
        self._emit = emit
        self._open: dict[str, Model] = {}
        self._booked = {line.call for line in store.costs() if line.call}
        self._lock = threading.Lock()
        self._to_keep: str | None = None
        """The default model, until an answer of it is booked."""
        self.spent: float | None = store.spent_usd()
        """Dollars spent on model calls in the whole run; None if any price is unknown, or if lines are lost."""
        self.limits = Limits(store, settings, started, lambda: self.spent)
        self._underway = Underway(store.call_cache)
        self._book_left(0.0)  # Nobody knows when the process ended that had sent them.

    def of(self, role: RoleName) -> Model:
        """The model of a role; its calls are logged in the run's ``costs.jsonl``."""
        name = self._settings.model_for(role)
        if name is None:
            name = self._default()
        if name not in self._open:
            model = open_model(
                name,
                base_url=None if needs_no_server(name) else self._settings.base_url,
                cache_dir=self._store.call_cache,
                manual_dir=self._store.manual_dir,
                announce=self._announce,
                waiting=self._waiting,
                progress=DownloadProgress(self._emit),
                working=self._emit,
            )
            late = model.unsettled() if isinstance(model, Cached) else []
            ledgered = Ledgered(Recorder(model, self._store.recording_path, late), self._book)
            self._open[name] = ReportedModel(ledgered, self._emit, self._waiting, timed=not needs_no_server(name))
            ledgered.complete_many(late)  # The answers of a process that was killed before it could book them.
        return self._open[name]

    def _default(self) -> str:
        name, reason = default_model()
        self._emit(StatusChanged(text=f"model {name}: {reason}"))
        self._settings = self._settings.model_copy(update={"model": name})
        self._to_keep = name
        return name

    def _keep_default(self, name: str) -> None:
        """Make the default model the run's: where other keys are found, a resumed run would ask and pay another one."""
        kept = self._store.settings().model_copy(update={"model": name})
        self._store.write_settings(kept, self._store.origins())
        self._store.update(model=name)

    @property
    def _waiting(self) -> Waiting:
        return Waiting(
            self._settings.model_timeout,
            self._settings.patience,
            self.limits.require,
            lambda text: self._emit(StatusChanged(text=text)),
            self._give_up,
            self._sending,
        )

    def _announce(self, waiting: list[tuple[Path, Path]]) -> None:
        names = ", ".join(prompt.name for prompt, _ in waiting)
        place = f"waiting in {waiting[0][0].parent} for answers to {names}"
        self._emit(StatusChanged(text=f"{place}: save each as {waiting[0][1].name} and so on"))

    def _book(self, request: Request, reply: Reply) -> None:
        with self._lock:
            if reply.call in self._booked:
                return
            self._store.cost(request, reply)
            self._underway.remove(request)
            self.spent = total([self.spent, reply.usd])
            if self._to_keep is not None:
                self._keep_default(self._to_keep)
                self._to_keep = None
        called = ModelCalled(role=request.role, candidate=request.candidate, seconds=reply.seconds, usd=reply.usd)
        self._emit(called)

    def _give_up(self, request: Request, reply: Reply) -> None:
        with self._lock:
            self._store.cost(request, reply, given_up=True)

    @contextmanager
    def _sending(self, request: Request, model: str) -> Iterator[None]:
        """Keep that a request is under way until it is booked, or has failed."""
        self._underway.add(request, model)
        try:
            yield
        except BaseException:
            self._underway.remove(request)
            raise

    def _book_left(self, waited: float | None = None) -> None:
        """Book the requests that are under way as given up: nobody waits for their answers any more.

        :param waited: seconds for which they were waited for; None counts them until now.
        """
        with self._lock:
            for sent in self._underway.take():
                seconds = sent.age if waited is None else waited
                self._store.cost(sent, Reply(text="", model=sent.model, seconds=seconds), given_up=True)

    def close(self) -> None:
        """Close all models."""
        self._book_left()
        for model in self._open.values():
            model.close()
        self._open.clear()


class ReportedModel(Wrapper):
    """A model that reports its calls before they are made, and makes none after a limit applies.

    :param timed: whether its calls have the timeout of ``waiting``.
    """

    def __init__(self, model: Model, emit: Emit, waiting: Waiting, timed: bool) -> None:
        super().__init__(model)
        self._emit, self._waiting = emit, waiting
        self._timeout = waiting.timeout if timed else None

    def complete_many(self, requests: list[Request], heard: Heard = unheard) -> list[Reply]:
        """Answer several requests, in order."""
        self._waiting.check()
        if requests:
            self._emit(ModelAsked(role=requests[0].role, count=len(requests), timeout=self._timeout))
        return self._model.complete_many(requests, heard)


class DownloadProgress:
    """Reports the progress of a download: every few percent, with the time left."""

    STEP = 0.05

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._started = time.monotonic()
        self._first: int | None = None
        self._next_share = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Called when ``done`` of ``total`` bytes have arrived."""
        if self._first is None:
            self._first = done
        share = done / total if total else 1.0
        if share < self._next_share:
            return
        self._next_share = share + self.STEP
        seconds = time.monotonic() - self._started
        fetched = done - self._first
        left = f", about {(total - done) * seconds / fetched:.0f} s left" if fetched > 0 else ""
        text = f"fetching the model's weights: {share:.0%} of {total / 1e9:.1f} GB{left}"
        self._emit(StatusChanged(text=text))


def require_answers(store: RunStore, model: str, drafts: Sequence[Draft]) -> None:
    """Stop if no answer holds a reward, and others would not either: repairs would be paid for nothing.

    :raises RewardSynthError: the model refused in all answers, or it has not written a reward in the whole run, in
        more than a few calls or with answers that are not even words.
    """
    if any(draft.source for draft in drafts):
        return
    calls = sum(draft.calls for draft in drafts)
    if not all(draft.fault in ("refused", "filtered") for draft in drafts):
        unclear = calls < _FEW_CALLS and any(draft.fault == "unreadable" for draft in drafts)
        if unclear or any(store.has_reward(candidate.id) for candidate in store.candidates()):
            return
    said = " ".join(drafts[0].exchanges[-1].answer.split())
    quoted = f'; it said: "{scrub(said[:300])}"' if said else ""
    raise RewardSynthError(
        f"{model} wrote no reward in {calls} calls: {drafts[0].problem}{quoted}",
        "start another run, with the goal in other words or with another --model: this one keeps its answers",
        exit_code=1,
    )
