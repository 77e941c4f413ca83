"""The search methods by name. A new method needs a module here, a line in METHODS, a section of the page and a test."""

from __future__ import annotations

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.nearest import did_you_mean, nearest
from reward_synth.methods.base import Method, Tools
from reward_synth.methods.eureka import Eureka
from reward_synth.methods.synth import Synth
from reward_synth.settings.model import Settings
from reward_synth.settings.origins import DEFAULT, IdleRule, Resolved

METHODS: dict[str, type[Synth] | type[Eureka]] = {
    "synth": Synth,
    "eureka": Eureka,
}


def open_method(tools: Tools) -> Method:
    """The method that the settings name, made from these tools."""
    return _known(tools.settings.method)(tools)


def with_method(resolved: Resolved) -> Resolved:
    """The settings completed by their method's defaults and fixed values.

    :raises RewardSynthError: there is no such method, or a setting was given that it would ignore.
    """
    name = resolved.settings.method
    method = _known(name)
    refuse_ignored(resolved)
    changes = {key: value for key, value in method.defaults.items() if resolved.origins[key] == DEFAULT}
    changes |= {key: value for key, (value, _) in method.fixed.items()}
    settings = Settings.model_validate(resolved.settings.model_dump() | changes)
    return Resolved(settings, resolved.origins | dict.fromkeys(changes, f"method {name}"))


def refuse_ignored(resolved: Resolved) -> None:
    """Refuse what the method would ignore: settings that it fixes, and models of roles that it does not ask.

    :raises RewardSynthError: something would be ignored. The error names where it was given, and the reason.
    """
    settings = resolved.settings
    method = _known(settings.method)
    reasons = [(key, reason) for key, (value, reason) in method.fixed.items() if getattr(settings, key) != value]
    asked = {"designer", "task_drafter", *method.roles}
    reasons += [("models", f"{method.name} asks no {role}") for role in settings.models if role not in asked]
    hint = "drop it, or use --method synth"
    # A run of an earlier version has no origin for newer settings.
    origins = dict.fromkeys(Settings.model_fields, DEFAULT) | resolved.origins
    rules = (IdleRule(key, "method", reason, hint) for key, reason in reasons)
    Resolved(settings, origins).refuse_idle(rules)


def _known(name: str) -> type[Synth] | type[Eureka]:
    if name in METHODS:
        return METHODS[name]
    hint = did_you_mean(nearest(name, list(METHODS)), f"use one of: {', '.join(METHODS)}", "'")
    raise RewardSynthError(f"there is no method '{name}'", hint)
