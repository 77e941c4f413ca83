"""Closed sets of names. They are not in :mod:`reward_synth.core.types` so that they load without pydantic."""

from __future__ import annotations

from typing import Literal

RoleName = Literal["designer", "critic", "analyzer", "task_drafter"]
EARLIER_ROLE_NAMES: dict[str, RoleName] = {"goal": "task_drafter"}
"""Role names in the settings, run folders and recordings of earlier versions, and their present names."""
LearnerName = Literal["ppo", "sac", "tqc"]
ScaleName = Literal["sum", "sign"]
LogName = Literal["none", "csv", "tensorboard", "wandb"]
EPISODE_ATTRIBUTES = ("action", "length", "dt", "seconds", "horizon", "terminated")
"""Attributes of an episode besides the fields."""


def needs_no_server(model: str) -> bool:
    """True for a model that is asked at no address: ``local``, ``manual``, a program or a recording."""
    return model in ("local", "manual") or model.startswith(("exec:", "replay:"))


def role_name(name: object) -> object:
    """The present name of a role that an earlier version named otherwise; any other value is returned unchanged."""
    return EARLIER_ROLE_NAMES.get(name, name) if isinstance(name, str) else name


CLOCK = "clock"
"""In a task's ``environment.observes``: the share of the episode that is over."""
START = "start."
"""There, before a field's name: the field as it was at the start of the episode."""
