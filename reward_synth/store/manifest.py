"""``run.json``: what a run is, its status, and how to find the run that a person names."""

from __future__ import annotations

import json
import logging
import platform
import re
import secrets
import shlex
import unicodedata
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Literal

from pydantic import Field

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import refuse_strange
from reward_synth.core.nearest import did_you_mean, nearest, nearest_meaning
from reward_synth.core.types import Value
from reward_synth.store.folder import RunFolder
from reward_synth.store.schema import SCHEMA, migrate

_log = logging.getLogger(__name__)
MANIFEST = "run.json"
RunStatus = Literal["running", "done", "stopped", "failed", "waiting"]
_PACKAGES = ("reward-synth", "mujoco", "gymnasium", "stable-baselines3", "torch", "numpy")


class RunInfo(Value):
    """The facts of a run in ``run.json``; ``ls`` reads nothing else."""

    format: int = SCHEMA
    """Version of the run folder's schema."""
    id: str
    """Name of the run folder."""
    goal: str
    task: str | None = None
    """Name of the task spec; None until one is chosen or drafted."""
    method: str = "synth"
    """The search method."""
    model: str | None = None
    """The configured model; None until the default is chosen."""
    status: RunStatus = "running"
    reason: str = ""
    """Why it has this status, in words."""
    outcome: Literal["solved", "unsolved", "accepted", ""] = ""
    """``solved`` by the task's own measure, ``accepted`` by the person; empty until the run is done."""
    created: datetime
    updated: datetime
    seconds: float = 0.0
    """Seconds of wall time worked on the run, over all sessions that have ended."""
    working_since: datetime | None = None
    """Start of the current session; None if no process works on the run."""
    warnings: tuple[str, ...] = ()
    """Warnings that a person should read before trusting a result of this run."""
    best: str | None = None
    """The best candidate so far."""
    success: float | None = None
    """The best candidate's success, 0 to 1."""
    fitness: float | None = None
    sandbox: str = ""
    """The lock of the reward processes in the last session, such as ``limits, landlock 7, seccomp``."""
    seed: int = 0
    versions: dict[str, str] = Field(default_factory=dict)


def now() -> datetime:
    """The present time in UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def new_run_id(goal: str, moment: datetime | None = None) -> str:
    """``20261122-1705-hopper-hop-backwards-k3f9``: local time, the goal's words, four random characters."""
    when = (moment or datetime.now(UTC)).astimezone()
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"  # Without similar characters, since people type these.
    suffix = "".join(secrets.choice(alphabet) for _ in range(4))
    return f"{when:%Y%m%d-%H%M}-{slug(goal)}-{suffix}"


_FILLERS = frozenset({"a", "an", "and", "let", "make", "of", "please", "the", "to"})


def slug(goal: str, limit: int = 32) -> str:
    """The goal's important words, lower case, joined by hyphens; ``run`` if it has none in Latin letters or digits."""
    plain = unicodedata.normalize("NFKD", goal.replace("'s ", "s ")).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    telling = [word for word in words if word not in _FILLERS] or words
    text = ""
    for word in telling:
        longer = f"{text}-{word}" if text else word[:limit]
        if len(longer) > limit:
            break
        text = longer
    return text or "run"


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that affect a training; packages that are not installed are left out."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package.replace("-", "_")] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def read_info(folder: Path) -> RunInfo:
    """Read the facts of a run.

    :raises RewardSynthError: the folder holds no readable ``run.json``.
    """
    path = folder / MANIFEST
    doctor = f"reward-synth doctor {shlex.quote(str(folder))} --repair makes it again if it can"
    try:
        refuse_strange(path)
        manifest = json.loads(path.read_text(encoding="utf-8"))
        return RunInfo.model_validate(migrate(manifest) if isinstance(manifest, dict) else manifest)
    except FileNotFoundError as error:
        hint = doctor if RunFolder(folder).events_path.is_file() else "reward-synth ls"
        raise RewardSynthError(f"{folder} is not a run folder: it has no {MANIFEST}", hint) from error
    except (ValueError, OSError) as error:
        raise RewardSynthError(f"cannot understand {path}", f"restore the file; {doctor}") from error


def list_runs(runs_dir: Path, passed_over: list[RewardSynthError] | None = None) -> list[RunInfo]:
    """The readable runs of a folder, newest first; other folders are left out.

    :param passed_over: gets the error of each run that cannot be read.
    """
    found = []
    for path in runs_dir.glob(f"*/{MANIFEST}"):
        try:
            found.append(read_info(path.parent).model_copy(update={"id": path.parent.name}))
        except RewardSynthError as error:
            if passed_over is not None:
                passed_over.append(error)
    return sorted(found, key=lambda info: (info.created, info.id), reverse=True)


def find_run(runs_dir: Path, query: str | Path) -> Path:
    """The folder of the run that a person names.

    :param query: ``latest``, a path, a run's name, a unique beginning of it, or its last four characters.
    :raises RewardSynthError: no run fits (the hint gives the nearest), or several do.
    """
    text = str(query)
    passed_over: list[RewardSynthError] = []
    names = [info.id for info in list_runs(runs_dir, passed_over)]
    if text == "latest":
        for error in passed_over:
            _log.warning("passed over: %s (%s)", error.message, error.hint)
        if not names:
            raise RewardSynthError(f"there is no run in {runs_dir} yet", 'reward-synth run "GOAL"')
        return runs_dir / names[0]
    for path in (Path(text), runs_dir / text):
        # A run that has lost its manifest has a journal from which the doctor makes it again.
        if (path / MANIFEST).is_file() or RunFolder(path).events_path.is_file():
            return path
    matches = [name for name in names if name.startswith(text) or name.endswith(f"-{text}")]
    if len(matches) == 1:
        return runs_dir / matches[0]
    if matches:
        shown = "\n  ".join(matches[:8])
        raise RewardSynthError(f"'{text}' fits {len(matches)} runs:\n  {shown}", "type more of the name")
    raise RewardSynthError(f"there is no run '{text}' in {runs_dir}", _nearest(text, names))


def _nearest(text: str, names: list[str]) -> str:
    # People type the words of a run's name and not its date.
    words = {name.split("-", 2)[-1]: name for name in names}
    close = nearest(text, names, cutoff=0.5) or nearest_meaning(text, words, cutoff=0.4)
    return did_you_mean(close, "reward-synth ls shows the runs there are", quote="'")
