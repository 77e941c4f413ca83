"""Makes films while a search goes on, and what is missing at its end. No film is worth a second of the search.

Films are drawn by a thread of low priority. It begins none while policies train, so most are made while a model is
asked or a person thinks. A film that cannot be made stops nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from reward_synth.core.deaths import tried_again
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.machine import yield_to_others
from reward_synth.core.types import Candidate
from reward_synth.events.bus import Emit
from reward_synth.events.model import StatusChanged
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from reward_synth.tasks.spec import load_task

if TYPE_CHECKING:
    from reward_synth.search.films import Which

SHOWN: tuple[Which, ...] = ("best", "median")
"""The films of a candidate that somebody is to judge."""
FPS, PICTURES = 10.0, 150
"""At most. Nobody asked for these films, so they must cost little: a long episode plays faster."""
PATIENCE = 4
"""So many times longer than usual a film may take beside trainings, with what they leave of the machine."""
JOIN_SECONDS = 10.0


class Filming:
    """The films that a run makes by itself (``--videos``). Close it, and the film in hand is given up.

    Its methods are called by one thread, which also emits what the films' thread has to tell.
    """

    def __init__(self, store: RunStore, settings: Settings, emit: Emit) -> None:
        self._store, self._emit, self._videos = store, emit, settings.videos
        self._sandbox = not settings.unsafe_no_sandbox
        self._meanwhile = self._videos == "all" or (self._videos == "best" and settings.feedback != "none")
        self._wanted: list[str] = []
        self._changed = threading.Condition()
        self._resting = self._closed = False
        self._told: list[str] = []
        self._reasons: set[str] = set()
        """Why there are no films. What stands in the way of one film often does so for the next: it is told once."""
        self._thread: threading.Thread | None = None

    def want(self, candidates: Iterable[Candidate]) -> None:
        """Make films of the trained ones of these candidates in the background, as far as they are missing."""
        if not self._meanwhile:
            return
        with self._changed:
            self._resting = False
            for name in (each.id for each in candidates if each.status == "trained"):
                if name not in self._wanted and self._missing(name, SHOWN):
                    self._wanted.append(name)
            self._changed.notify()
        if self._wanted and self._thread is None:
            self._thread = threading.Thread(target=self._make_wanted, name="films", daemon=True)
            self._thread.start()
        self.tell()

    def rest(self) -> None:
        """Begin no film until the next call of :meth:`want`: trainings need the machine."""
        self._resting = True
        self.tell()

    @property
    def wanted(self) -> tuple[str, ...]:
        """The candidates of whom films are being made, or will be."""
        return tuple(self._wanted)

    def finish(self, best: str | None) -> None:
        """At the run's end, make what is missing: the best reward's median film, and those of :data:`SHOWN` of each
        candidate that a person was asked about (``best``) or of every trained one (``all``)."""
        try:
            for name, which in self._due(best).items():
                if self._store.stop_requested():
                    return
                if self._missing(name, which):
                    self._emit(StatusChanged(text=f"filming what {name} does"))
                    self._told += self._make(name, which)
                    self.tell()
        except KeyboardInterrupt:
            self._emit(StatusChanged(text="no film: interrupted"))

    def _due(self, best: str | None) -> dict[str, tuple[Which, ...]]:
        store = self._store
        if self._videos == "none":
            return {}
        due: dict[str, tuple[Which, ...]] = {best: ("median",)} if best is not None else {}
        if self._videos == "best":
            requests = filter(None, (store.read_request(iteration) for iteration in store.read_iterations()))
            shown = {each.id for request in requests for each in request.candidates if each.status == "trained"}
        else:
            shown = {each.id for each in store.candidates() if each.status == "trained"}
        return due | dict.fromkeys(sorted(shown), SHOWN)

    def tell(self) -> None:
        """Emit what the films' thread has to tell."""
        while self._told:
            self._emit(StatusChanged(text=self._told.pop(0)))

    def close(self) -> None:
        """Give up the film in hand, and all others that are wanted."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(JOIN_SECONDS)
        self.tell()

    def _make_wanted(self) -> None:
        yield_to_others()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or (self._wanted and not self._resting))
                if self._closed:
                    return
                name = self._wanted[0]
            self._told += self._make(name, SHOWN, PATIENCE)
            # Only now: until here, the film is being made.
            self._wanted.remove(name)

    def _missing(self, candidate: str, which: Sequence[Which]) -> list[Which]:
        # What a film shows is written after the film.
        return [name for name in which if not self._store.film_path(candidate, name).with_suffix(".json").exists()]

    def _make(self, candidate: str, which: Sequence[Which], patience: int = 1) -> list[str]:
        """Make the candidate's missing films. Returns what is to be told about them."""
        # They load what draws, and most runs draw at their end only.
        from reward_synth.search.film_process import FilmGivenUp
        from reward_synth.search.films import LONGEST, OTHER, film_candidate, film_of

        try:
            paths = tried_again(lambda: film_candidate(
                self._store, load_task(self._store.task_path), candidate, self._missing(candidate, which), fps=FPS,
                most=PICTURES, sandbox=self._sandbox, longest=patience * LONGEST, given_up=lambda: self._closed,
            ))  # fmt: skip
        except FilmGivenUp:
            return []
        except RewardSynthError as error:
            why = error.message + (f" ({error.hint})" if error.hint else "")
        except Exception as error:  # noqa: BLE001  (the search goes on: whatever is wrong with its film is told)
            why = f"{type(error).__name__}: {error}"
        else:
            others = [path.stem for path in paths if not film_of(path).same]
            return [f"the {name} film of {candidate} shows another episode: {OTHER}" for name in others]
        known = why in self._reasons
        self._reasons.add(why)
        return [] if known else [f"no film of {candidate}: {why}"]
