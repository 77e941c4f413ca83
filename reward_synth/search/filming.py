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
"""The films of a trained candidate that somebody is to judge."""
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
        self._wanted: dict[str, tuple[Which, ...]] = {}
        self._changed = threading.Condition()
        self._resting = self._closed = False
        self._told: list[str] = []
        self._reasons: set[str] = set()
        """Why there are no films. What stands in the way of one film often does so for the next: it is told once."""
        self._thread: threading.Thread | None = None

    def want(self, candidates: Iterable[Candidate]) -> None:
        """Make films of the trained ones of these candidates, and of what the attack found, in the background.

        Those that are there are not made again.
        """
        with self._changed:
            self._resting = False
            for each in candidates:
                which = (*SHOWN, "attack") if self._meanwhile and each.status == "trained" else ("attack",)
                if self._videos != "none" and self._missing(each.id, which):
                    self._wanted[each.id] = tuple(dict.fromkeys((*self._wanted.get(each.id, ()), *which)))
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
        """The candidates of whose evaluation films are being made, or will be."""
        return tuple(name for name, which in list(self._wanted.items()) if "median" in which)

    def finish(self, best: str | None) -> None:
        """At the run's end, make what is missing: the best reward's median film, those of :data:`SHOWN` of each
        candidate that a person was asked about (``best``) or of every trained one (``all``), and what attacks found."""
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
        due |= dict.fromkeys(sorted(shown), SHOWN)
        return due | {name: (*due.get(name, ()), "attack") for name in store.candidate_ids()}

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
                name, which = next(iter(self._wanted.items()))
            self._told += self._make(name, which, PATIENCE)
            # Only now: until here, the film is being made. More films of it may be wanted since.
            if self._wanted[name] == which:
                del self._wanted[name]

    def _missing(self, candidate: str, which: Sequence[Which]) -> list[Which]:
        """Those that are not there; ``attack`` if one of its films is not."""

        def is_there(name: str) -> bool:
            # What a film shows is written after the film.
            return self._store.film_path(candidate, name).with_suffix(".json").exists()

        shown = self._store.shown_findings(candidate) if "attack" in which else ()
        return [name for name in which if not (is_there(name) if name != "attack" else all(map(is_there, shown)))]

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
