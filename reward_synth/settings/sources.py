"""Collects the settings from all their sources.

Precedence: flag > ``REWARD_SYNTH_*`` > ``.env`` > task spec > ``reward-synth.toml`` > default. The task
spec's part (its training budget) is added later, when the task is known.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import EARLIER_ROLE_NAMES, RoleName
from reward_synth.core.nearest import did_you_mean, nearest
from reward_synth.core.validation import complaint
from reward_synth.settings.declarations import RESUMABLE, SETTINGS, is_path
from reward_synth.settings.model import Settings
from reward_synth.settings.origins import CONFIG_NAME, DEFAULT, ENVIRONMENT_PREFIX, Resolved, idle_rules, rank_of

ROLES: tuple[str, ...] = get_args(RoleName)
OTHER_VARIABLES = frozenset(
    {"REWARD_SYNTH_API_KEY", "REWARD_SYNTH_MODELS_DIR", "REWARD_SYNTH_MODEL_FILE", "REWARD_SYNTH_DEBUG"}
)
"""Variables with our prefix that are not settings of a run: a key, and the location of the embedded model's weights."""

_SECRET = re.compile(r"(API_?KEY|ACCESS_?KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)", re.IGNORECASE)


def is_secret(variable: str) -> bool:
    """True if an environment variable's name says that it holds a secret."""
    return _SECRET.search(variable) is not None


def take_keys(found: Mapping[str, str | None]) -> tuple[str, ...]:
    """Put keys from a ``.env`` file into this process's environment, if it does not have them yet.

    All other names that begin with ``REWARD_SYNTH_`` belong to the settings. Returns the names of the keys taken.
    """
    taken = []
    for name, text in found.items():
        key = is_secret(name) and not name.startswith(ENVIRONMENT_PREFIX)
        if text and name not in os.environ and (key or name in OTHER_VARIABLES):
            os.environ[name] = text
            taken.append(name)
    return tuple(taken)


_Layer = dict[str, tuple[Any, str]]
"""The settings from one source, by name: the value and its origin."""


def load_settings(overrides: Mapping[str, Any], start: Path | None = None, *, flags: bool = True) -> Resolved:
    """Collect the settings from all their sources.

    Other programs' keys in ``.env`` (such as ``OPENAI_API_KEY``) are put into this process's environment if it does
    not have them; they are never part of the settings. Nothing else of other programs is taken from the file:
    a file that somebody else wrote must not decide where your keys are sent.

    :param overrides: the values typed; None counts as not given.
    :param start: where the search upward for ``.env`` and ``reward-synth.toml`` begins; None: here.
    :param flags: call the overrides command-line options (``--steps``) and not arguments (``steps=``) in errors.
    :raises RewardSynthError: a name is unknown (the hint gives the nearest), a value does not fit, or a setting would
        have no effect or may only be typed.
    """
    folder = (start or Path.cwd()).resolve()
    # Typed values are checked first, and they override all others.
    layers = (_typed(overrides, flags), _environment(os.environ, ""), _dotenv(folder), _config_file(folder))
    values: dict[str, Any] = {}
    origins = dict.fromkeys(SETTINGS, DEFAULT)
    for layer in reversed(layers):
        for name, (value, origin) in layer.items():
            earlier = values.get(name) if name == "models" else None
            if earlier and not isinstance(earlier, Mapping):
                continue  # It is refused below; no later layer may hide it.
            # The models by role are merged over the layers.
            values[name] = {**earlier, **value} if earlier and isinstance(value, Mapping) else value
            origins[name] = origin
    resolved = _validated(values, origins)
    settings = resolved.settings
    resolved.refuse_idle(idle_rules(settings))
    if settings.unsafe_no_sandbox and rank_of(origins["unsafe_no_sandbox"]) > 0:
        raise RewardSynthError(
            f"{origins['unsafe_no_sandbox']} would switch the sandbox off unseen",
            "remove it there, and type --unsafe-no-sandbox each time it is meant",
        )
    server, where = settings.base_url, origins["base_url"]
    if server is not None and rank_of(where) > 1 and not _has_own_key(folder, where):
        _refuse_server(server, where)
    return resolved


def _validated(values: Mapping[str, Any], origins: dict[str, str]) -> Resolved:
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise _in_words(error, origins) from error
    if settings.base_url is not None and _holds_key(settings.base_url):
        raise RewardSynthError(
            f"{origins['base_url']} holds a password or a key, and a run writes down the address of its server",
            f"name the server without it, and export {ENVIRONMENT_PREFIX}API_KEY=…",
        )
    return Resolved(settings, origins)


def _holds_key(address: str) -> bool:
    try:
        found = urlsplit(address)
    except ValueError:  # It is none, which is told when the model is opened.
        return False
    names = (name.replace("-", "_") for name, _ in parse_qsl(found.query))
    return "@" in found.netloc or any(is_secret(name) or name.lower() == "key" for name in names)


def _has_own_key(folder: Path, origin: str) -> bool:
    """True if the file that names the server lies beside a ``.env`` with the key that will be sent to the server."""
    from dotenv import dotenv_values

    path = _nearest_upward(folder, ".env")
    if path is None or not origin.endswith((str(path), str(path.parent / CONFIG_NAME))):
        return False
    key = dotenv_values(path).get(ENVIRONMENT_PREFIX + "API_KEY")
    return bool(key) and os.environ.get(ENVIRONMENT_PREFIX + "API_KEY") == key


def _refuse_server(base_url: str, where: str) -> None:
    """Refuse to send keys to a server that only a file names, since somebody else may have written it."""
    if urlsplit(base_url).hostname in ("localhost", "127.0.0.1", "::1"):
        return
    raise RewardSynthError(
        f"{where} would have your API key sent to {base_url}",
        f"if you trust that server: --base-url {base_url}, or export {ENVIRONMENT_PREFIX}BASE_URL",
    )


def resumed_settings(stored: Resolved, overrides: Mapping[str, Any], *, flags: bool = True) -> Resolved:
    """The settings of a resumed run: as stored, except for what is typed now.

    Keys in ``.env`` are put into the environment as in :func:`load_settings`. The display and a switched-off sandbox
    are not remembered. A server on another machine must be named again, since the run may be somebody else's.

    :raises RewardSynthError: a setting cannot change any more, or a value does not fit.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    for name in given:
        if name not in RESUMABLE:
            known = name in SETTINGS
            raise RewardSynthError(
                f"'{name}' cannot change in a run that has begun" if known else f"unknown setting: '{name}'",
                f"these can: {', '.join(sorted(RESUMABLE))}; start another run for the rest",
            )
    _dotenv(Path.cwd())
    values: dict[str, Any] = stored.settings.model_dump() | {"display": "auto", "unsafe_no_sandbox": False} | given
    origins = stored.origins | {name: _typed_as(name, flags) for name in given}
    named = given.get("base_url") or os.environ.get(ENVIRONMENT_PREFIX + "BASE_URL")
    if values["base_url"] is not None and values["base_url"] != named:
        _refuse_server(values["base_url"], "this run's settings.toml")
    return _validated(values, origins)


def split_models(given: list[str]) -> tuple[str | None, dict[str, str]]:
    """Split ``["gpt-5", "critic=local"]`` into the model for all roles and the models per role.

    :raises RewardSynthError: a role is unknown or given twice.
    """
    general: str | None = None
    roles: dict[str, str] = {}
    for text in given:
        role, equals, name = text.partition("=")
        if equals and re.fullmatch(r"[A-Za-z_]+", role):
            role = EARLIER_ROLE_NAMES.get(role, role)
            if role not in ROLES:
                raise RewardSynthError(f"--model {text}: there is no role '{role}'", _nearest(role, ROLES))
            if not name:
                raise RewardSynthError(f"--model {text}: the model's name is missing", f"--model {role}=gpt-5")
            if role in roles:
                raise RewardSynthError(f"--model {role}=… was given twice", "keep one of the two")
            roles[role] = name
        elif general is not None:
            raise RewardSynthError(
                f"--model was given twice: '{general}' and '{text}'",
                "name the role for one of them: --model critic=NAME",
            )
        else:
            general = text
    return general, roles


def _typed(overrides: Mapping[str, Any], flags: bool) -> _Layer:
    given = {name: value for name, value in overrides.items() if value is not None and value != {}}
    _refuse_unknown(given, "option" if flags else "setting", flags)
    return {name: (value, _typed_as(name, flags)) for name, value in given.items()}


def _typed_as(name: str, flags: bool) -> str:
    if not flags:
        return f"{name}="
    return "--model" if name == "models" else f"--{name.replace('_', '-')}"


def _environment(variables: Mapping[str, str | None], where: str) -> _Layer:
    layer: _Layer = {}
    for variable, text in variables.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in OTHER_VARIABLES or not text:
            continue
        name, origin = variable.removeprefix(ENVIRONMENT_PREFIX).lower(), f"{variable}{where}"
        role = name.removeprefix("model_")
        role = EARLIER_ROLE_NAMES.get(role, role)
        known = [setting for setting in SETTINGS if setting != "models"]
        if name != role and role in ROLES:
            others, _ = layer.get("models", ({}, ""))
            layer["models"] = {**others, role: text}, origin
        elif name in known:
            layer[name] = text, origin
        else:
            meant = [f"{ENVIRONMENT_PREFIX}{close.upper()}" for close in nearest(name, known)]
            raise RewardSynthError(f"unknown variable {origin}", did_you_mean(meant, f"unset {variable}"))
    return layer


def _dotenv(folder: Path) -> _Layer:
    path = _nearest_upward(folder, ".env")
    if path is None:
        return {}
    from dotenv import dotenv_values

    try:
        found = dotenv_values(path)
    except (OSError, UnicodeDecodeError) as error:
        raise RewardSynthError(f"cannot read {path}: {error}", "make it a text file of NAME=value lines") from error
    take_keys(found)
    return _environment(found, f" in {path}")


def _config_file(folder: Path) -> _Layer:
    path = _nearest_upward(folder, CONFIG_NAME)
    if path is None:
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RewardSynthError(f"cannot read {path}: {error}", "check the file's permissions and text") from error
    except tomllib.TOMLDecodeError as error:
        raise RewardSynthError(f"{path} is not valid TOML: {error}", 'write lines such as: model = "gpt-5"') from error
    _refuse_unknown(values, f"key in {path}", flags=False)
    # A path in the file is relative to that file, wherever the command is typed.
    whole = {name: path.parent / text for name, text in values.items() if is_path(name) and isinstance(text, str)}
    return {name: (value, str(path)) for name, value in (values | whole).items()}


def _nearest_upward(folder: Path, name: str) -> Path | None:
    return next((path for parent in (folder, *folder.parents) if (path := parent / name).is_file()), None)


def _refuse_unknown(values: Mapping[str, Any], what: str, flags: bool) -> None:
    for name in values:
        if name not in SETTINGS:
            shown = _typed_as(name, flags) if flags else f"'{name}'"
            raise RewardSynthError(f"unknown {what}: {shown}", _nearest(name, tuple(SETTINGS)))


def _nearest(name: str, known: tuple[str, ...]) -> str:
    return did_you_mean(nearest(name, known), f"use one of: {', '.join(known)}", quote="'")


def _in_words(error: ValidationError, origins: dict[str, str]) -> RewardSynthError:
    first = error.errors()[0]
    name = str(first["loc"][0])
    origin = origins.get(name, name)
    if name == "models" and len(first["loc"]) > 1:
        role = str(first["loc"][1])
        if role not in ROLES:
            return RewardSynthError(f"{origin}: there is no role '{role}' in 'models'", _nearest(role, ROLES))
    where = origin if _names_setting(origin, name) else f"{name} in {origin}"
    said = complaint(first).replace("should be", "must be")
    given = first.get("input")
    hint = SETTINGS[name].help if name in SETTINGS else ""
    choices = first.get("ctx", {}).get("expected")
    if first["type"] == "literal_error" and isinstance(given, str) and choices:
        hint = did_you_mean(nearest(given, re.findall(r"'([^']+)'", str(choices))), hint, quote="'")
    return RewardSynthError(f"{where} {said}, not {str(given)!r:.60}", hint)


def _names_setting(origin: str, name: str) -> bool:
    return name.replace("_", "-") in origin or name.upper() in origin or origin == f"{name}="
