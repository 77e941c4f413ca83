"""Looks through a run folder: what is whole, what is made again by ``resume``, and what is lost."""

from __future__ import annotations

import json
import shutil
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from reward_synth.api.doctor import Diagnosis
from reward_synth.api.rebuilt import rebuilt_info
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import refuse_links, write_json
from reward_synth.core.types import Candidate, TrainResult
from reward_synth.report.data import write_report
from reward_synth.store import RunStore
from reward_synth.store.candidate_files import CandidateFiles
from reward_synth.store.folder import read_whole
from reward_synth.store.manifest import MANIFEST
from reward_synth.tasks.spec import load_task
from reward_synth.training.job import BEST_POLICY, CHECKPOINT, POLICY

SET_ASIDE = "set-aside"
"""Folder of a run for what cannot be read any more."""
_TRAINING = ("result.json", "training.json", "episodes.json", "rung.json", CHECKPOINT, POLICY, BEST_POLICY)
"""Files of a training that is not over, which it makes again from what is left."""
_DRAWN = ("results.tsv", "report.html")


def examine_run(folder: Path, repair: bool = False) -> Iterator[Diagnosis]:
    """Look at every file of a run.

    :param repair: make again what can be made again, and set aside what cannot, so that the rest can be used.
    :raises RewardSynthError: there is no run, or, for a repair, a process works on it.
    """
    if not repair:
        yield from _manifest(RunStore(folder), False)
        yield from _examined(RunStore(folder), False)
        return
    refuse_links(folder)
    store = RunStore(folder)
    with store.lock():
        store.sweep()
        yield from _manifest(store, True)
        yield from _examined(store, True)
        if not (folder / MANIFEST).exists():
            return  # Without it this is no run, of which there could be a table.
        store.results_table()
        if store.read_task() is not None:
            write_report(store)


def _examined(store: RunStore, repair: bool) -> Iterator[Diagnosis]:
    files = [path for path in sorted(store.path.rglob("*")) if path.is_file() and SET_ASIDE not in path.parts]
    broken = [path for path in files if not _is_whole(path)]
    yield Diagnosis(name="files", state="ok", text=f"{len(files) - len(broken)} of {len(files)} are whole")
    for told in store.damage():
        if told.endswith("deleted"):
            yield Diagnosis(name="candidate", state="warning", text=told, hint="resume goes on without it")
    for path in broken:
        if path.exists():  # Else it was repaired together with another one.
            yield _diagnosed(store, path, repair)


def _manifest(store: RunStore, repair: bool) -> Iterator[Diagnosis]:
    """Whether ``run.json`` can be read, and whether it can be made again."""
    try:
        yield Diagnosis(name="run", state="ok", text=f"{store.info.status}: {store.info.goal}")
        return
    except RewardSynthError as error:
        told = error.message
    try:
        info = rebuilt_info(store)
    except RewardSynthError as error:
        text = f"{told}; it cannot be made again: {error.message}"
        yield Diagnosis(name="run", state="fault", text=text, hint=error.hint)
        return
    if repair:
        write_json(store.path / MANIFEST, info.model_dump(mode="json"))
        yield Diagnosis(name="run", state="warning", text=f"{told}; it was made again: {info.status}: {info.goal}")
        return
    hint = "from the settings, the task and the journal: doctor --repair"
    yield Diagnosis(name="run", state="fault", text=f"{told}; it can be made again", hint=hint)


def _diagnosed(store: RunStore, path: Path, repair: bool) -> Diagnosis:
    """What a broken file means, and its repair."""
    name, shown = path.name, str(path.relative_to(store.path))
    candidate = _candidate_of(store, path)
    done = "" if repair else ": doctor --repair"
    if name in _DRAWN:
        return Diagnosis(name=shown, state="warning", text="can be made again", hint=f"it is written anew{done}")
    if candidate is not None and name == "candidate.json":
        if repair:
            _set_aside(store, path.parent)
        hint = f"its folder is set aside in {SET_ASIDE}, and resume goes on without it{done}"
        return Diagnosis(name=shown, state="warning", text="the candidate is lost", hint=hint)
    if candidate is not None and name in _TRAINING and path.parent.parent.name == "train":
        known = store.known(candidate)
        if known is not None and known.status in ("designed", "stopped"):
            if repair:
                for each in (path.name, "result.json", "training.json", "rung.json"):
                    (path.parent / each).unlink(missing_ok=True)
            return Diagnosis(
                name=shown, state="warning", text="can be made again", hint=f"resume trains it again{done}"
            )
    if name.endswith(".jsonl"):
        return Diagnosis(name=shown, state="warning", text="lines of it cannot be read, and are left out")
    if repair and path.parent != store.path:
        _set_aside(store, path)
    hint = "restore it from a copy" if path.parent == store.path else f"it is set aside in {SET_ASIDE}{done}"
    return Diagnosis(name=shown, state="fault" if path.parent == store.path else "warning", text="lost", hint=hint)


def _candidate_of(store: CandidateFiles, path: Path) -> str | None:
    parts = path.relative_to(store.path).parts
    return parts[1] if len(parts) > 2 and parts[0] == "candidates" else None


def _set_aside(store: RunStore, path: Path) -> None:
    place = store.path / SET_ASIDE / path.relative_to(store.path)
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.is_dir():
        shutil.rmtree(place)
    path.replace(place)


def _is_whole(path: Path) -> bool:
    """True if a file can be read as what its name says. Texts without a form are whole unless they are empty."""
    try:
        if path.name == "candidate.json":
            return read_whole(path, Candidate) is not None
        if path.name == "result.json":
            return read_whole(path, TrainResult) is not None
        if path.suffix == ".json":
            json.loads(path.read_bytes())
        elif path.suffix == ".jsonl":
            return all(_is_object(line) for line in path.read_bytes().splitlines()) and path.stat().st_size > 0
        elif path.suffix == ".toml":
            tomllib.loads(path.read_text(encoding="utf-8"))
        elif path.name == "task.yaml":
            load_task(path)
        elif path.suffix in (".npz", ".pt", ".zip"):
            return zipfile.is_zipfile(path)
        elif path.suffix in (".py", ".tsv", ".html"):
            return path.stat().st_size > 0
    except (OSError, ValueError, RewardSynthError):
        return False
    return True


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
