"""Films of recorded episodes, drawn in the background while a person looks at others."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.machine import yield_to_others
from reward_synth.preferences import Workbench
from reward_synth.search.films import Recorded, film_blind


class BlindFilms:
    """Draws the films that pages ask for, one after the other, those that were asked for last first."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._wanted: dict[Path, tuple[Workbench, str]] = {}
        self._failed: dict[Path, str] = {}
        self._thread: threading.Thread | None = None

    def want(self, bench: Workbench, episodes: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """Ask for films by the episodes' ids. Returns those that are there, and why others will not be."""
        known = set(bench.ids)
        paths = {name: bench.store.blind_film_path(name) for name in episodes if name in known}
        # Once another reward was trained, other episodes are compared.
        gone = {name: "it is not among these episodes any more" for name in episodes if name not in known}
        with self._changed:
            failed = gone | {name: self._failed[path] for name, path in paths.items() if path in self._failed}
            ready = [name for name, path in paths.items() if path.exists()]
            for name, path in reversed(paths.items()):
                if name not in failed and name not in ready:
                    self._wanted.pop(path, None)
                    self._wanted[path] = bench, name
            if self._wanted and self._thread is None:
                self._thread = threading.Thread(target=self._draw, name="films", daemon=True)
                self._thread.start()
            self._changed.notify()
        return ready, failed

    def _draw(self) -> None:
        yield_to_others()
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted)
                path = next(reversed(self._wanted))
                bench, name = self._wanted[path]
            found, why = bench.episode(name), ""
            try:
                film_blind(bench.store, bench.task, Recorded(found.path, found.score), path)
            except RewardSynthError as error:
                why = error.message
            except Exception as error:  # noqa: BLE001  (other films can be made: whatever is wrong with this one is told)
                why = f"{type(error).__name__}: {error}"
            with self._changed:
                self._wanted.pop(path, None)
                if why:
                    self._failed[path] = why
