"""``run.json``: what a run is, and how it stands."""

from __future__ import annotations

import platform
import re
import secrets
import unicodedata
from datetime import UTC, datetime
from importlib import metadata
from typing import Literal

from pydantic import Field

from reward_synth.core.types import Value
from reward_synth.store.schema import SCHEMA

RunStatus = Literal["running", "done", "stopped", "failed", "waiting"]
_PACKAGES = ("reward-synth", "mujoco", "gymnasium", "stable-baselines3", "torch", "numpy")


class RunInfo(Value):
    """The head of a run; ``ls`` reads nothing else."""

    format: int = SCHEMA
    """Number of the run folder's schema."""
    id: str
    """Name of the run folder."""
    goal: str
    task: str | None = None
    """Name of the task spec; None until one is chosen or drafted."""
    method: str = "synth"
    """The search method."""
    model: str | None = None
    """As configured; None until the default is chosen."""
    status: RunStatus = "running"
    reason: str = ""
    """Why it has this status, in words."""
    outcome: Literal["solved", "unsolved", "accepted", ""] = ""
    """``solved`` by the task's own measure, ``accepted`` by the person; empty until the run is done."""
    created: datetime
    updated: datetime
    seconds: float = 0.0
    """Wall time worked on it, over all resumptions."""
    best: str | None = None
    """The best candidate so far."""
    success: float | None = None
    """The best candidate's success, 0 to 1."""
    fitness: float | None = None
    sandbox: str = ""
    """What locked the reward processes when it was last worked on, such as ``limits, landlock 7, seccomp``."""
    seed: int = 0
    versions: dict[str, str] = Field(default_factory=dict)


def now() -> datetime:
    """The time, UTC, to the second."""
    return datetime.now(UTC).replace(microsecond=0)


def new_run_id(goal: str, moment: datetime | None = None) -> str:
    """``20261122-1705-hopper-hop-backwards-k3f9``: local time, the goal's words, four random characters."""
    when = (moment or datetime.now(UTC)).astimezone()
    alphabet = "abcdefghijkmnpqrstuvwxyz23456789"  # without look-alikes: people type these
    suffix = "".join(secrets.choice(alphabet) for _ in range(4))
    return f"{when:%Y%m%d-%H%M}-{slug(goal)}-{suffix}"


_FILLERS = frozenset({"a", "an", "and", "let", "make", "of", "please", "the", "to"})


def slug(goal: str, limit: int = 32) -> str:
    """The goal's telling words, lower case, joined by hyphens; ``run`` if it has none in Latin letters or digits."""
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
    """Of Python and of what decides a training's outcome; packages that are not installed are left out."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package.replace("-", "_")] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
