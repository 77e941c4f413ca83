"""Closed sets of names, apart from :mod:`reward_synth.core.types`: they load without pydantic."""

from __future__ import annotations

from typing import Literal

RoleName = Literal["designer", "critic", "analyzer", "task_drafter"]
EARLIER_ROLE_NAMES: dict[str, RoleName] = {"goal": "task_drafter"}
"""Names that settings, run folders and recordings of earlier versions hold."""
LearnerName = Literal["ppo", "sac", "tqc"]
ScaleName = Literal["sum", "sign"]


def needs_no_server(model: str) -> bool:
    """True for the models that are no provider's."""
    return model in ("local", "manual") or model.startswith("replay:")


def role_name(name: object) -> object:
    """A role's name of today for one of an earlier version; any other is left as it is."""
    return EARLIER_ROLE_NAMES.get(name, name) if isinstance(name, str) else name
