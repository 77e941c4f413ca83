"""The roles by name. Each registers itself, and is opened with the model that the settings name for it.

A new role needs a module here with ``@register``, and its name in :data:`~reward_synth.core.types.RoleName`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol, Self, TypeVar

from reward_synth.core.names import RoleName
from reward_synth.llm.base import Model
from reward_synth.roles.prompts import Prompts
from reward_synth.settings.model import Settings


class Role(Protocol):
    """A role asks a model for one kind of answer."""

    role: ClassVar[RoleName]
    """The role's name, for ``--model ROLE=NAME``, the costs and the names of files."""
    model: Model

    @classmethod
    def opened(cls, model: Model, prompts: Prompts, settings: Settings) -> Self:
        """The role with this model, set up by the settings."""
        ...


ROLES: dict[RoleName, type[Role]] = {}
"""The roles whose modules are loaded."""

Registered = TypeVar("Registered", bound=Role)


def register(kind: type[Registered]) -> type[Registered]:
    """Add a role under its name.

    :raises ValueError: another role has this name.
    """
    if kind.role in ROLES:
        raise ValueError(f"there is a role {kind.role!r} already")
    ROLES[kind.role] = kind
    return kind


def open_role(
    kind: type[Registered], model_of: Callable[[RoleName], Model], prompts: Prompts, settings: Settings
) -> Registered:
    """Open a role with its model."""
    return kind.opened(model_of(kind.role), prompts, settings)
