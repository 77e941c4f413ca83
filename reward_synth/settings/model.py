"""Every setting of a run, and where each value came from.

Precedence: flag > ``REWARD_SYNTH_*`` > ``.env`` > task spec > ``reward-synth.toml`` > default. The task
spec's part (its training budget) is added by the loop, which knows the task.
"""

from __future__ import annotations

import itertools
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from reward_synth.core import machine
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.nearest import did_you_mean, nearest
from reward_synth.core.types import EARLIER_ROLE_NAMES, AnyRoleName, LearnerName, RoleName, ScaleName
from reward_synth.settings.texts import HELP

ENVIRONMENT_PREFIX = "REWARD_SYNTH_"
CONFIG_NAME = "reward-synth.toml"
ROLES: tuple[str, ...] = get_args(RoleName)
OTHER_VARIABLES = frozenset(
    {"REWARD_SYNTH_API_KEY", "REWARD_SYNTH_MODELS_DIR", "REWARD_SYNTH_MODEL_FILE", "REWARD_SYNTH_DEBUG"}
)
"""Variables with our prefix that are no settings of a run: a key, and where the embedded model's weights lie."""

_SECRET = re.compile(r"(API_?KEY|ACCESS_?KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)", re.IGNORECASE)
_DURATION = re.compile(
    r"(?:(?P<d>\d+(?:\.\d+)?)d)?(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m(?:in)?)?(?:(?P<s>\d+(?:\.\d+)?)s)?"
)
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


def is_secret(variable: str) -> bool:
    """True if an environment variable's name says that it holds a key or the like."""
    return _SECRET.search(variable) is not None


def parse_duration(value: object) -> object:
    """Seconds from ``2h``, ``30m``, ``1h30m``, ``90s``, ``90`` or a number; else ValueError."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower().replace(" ", "")
    match = _DURATION.fullmatch(text)
    if text and match:
        return sum(float(amount) * _SECONDS[unit] for unit, amount in match.groupdict().items() if amount)
    try:
        return float(text)
    except ValueError:
        raise ValueError("must be a time such as 2h, 30m, 1h30m or a number of seconds") from None


def parse_rungs(value: object) -> tuple[float, ...]:
    """Shares of the training budget from ``0.1,0.3,1`` or ``1``; ValueError unless they rise to 1."""
    try:
        shares = tuple(float(part) for part in str(value).split(","))
    except ValueError:
        shares = ()
    if not shares or shares[-1] != 1 or not all(0 < low < high for low, high in itertools.pairwise(shares)):
        raise ValueError("must be shares of the steps that rise to 1, such as 0.1,0.3,1")
    return shares


def _spelt_rungs(value: object) -> str:
    return ",".join(f"{share:g}" for share in parse_rungs(value))


Seconds = Annotated[float, BeforeValidator(parse_duration), Field(ge=0, allow_inf_nan=False)]


class Settings(BaseModel):
    """All settings of a run; :data:`~reward_synth.settings.texts.HELP` says what each does."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str | None = None
    env: str | None = None
    method: str = "synth"
    model: str | None = None
    models: dict[AnyRoleName, str] = Field(default_factory=dict)
    base_url: str | None = None
    temperature: float = Field(0.8, ge=0, le=2)
    critic: bool | None = None
    shots: int = Field(0, ge=0, le=8)
    repairs: int = Field(3, ge=0, le=10)
    prompts: Path | None = None
    iterations: int = Field(3, ge=1, le=999)
    samples: int = Field(4, ge=1, le=64)
    seeds: int = Field(1, ge=1, le=64)
    steps: int | None = Field(None, ge=1000)
    learner: LearnerName | None = None
    scale: ScaleName | None = None
    budget: float | None = Field(None, gt=0, allow_inf_nan=False)
    time_limit: Seconds | None = None
    rungs: Annotated[str, BeforeValidator(_spelt_rungs)] = "0.1,0.3,1"
    keep_going: bool = False
    final_seeds: int = Field(0, ge=0, le=64)
    feedback: Literal["none", "ask", "queue"] = "none"
    feedback_timeout: Seconds = 0.0
    yes: bool = False
    unsafe_no_sandbox: bool = False
    jobs: int | None = Field(None, ge=1)
    executor: Literal["local", "ray"] = "local"
    seed: int = Field(0, ge=0, lt=2**32)
    runs_dir: Path = Path("runs")
    display: Literal["auto", "rich", "plain", "json", "none"] = "auto"

    @field_validator("time_limit")
    @classmethod
    def _some_time(cls, value: float | None) -> float | None:
        if value is not None and value <= 0:
            raise ValueError("must be more than 0 seconds")
        return value

    @property
    def worker_count(self) -> int:
        """Trainings that run side by side on this machine: as asked, or as there are cores and memory for now."""
        return self.jobs or machine.workers()

    @property
    def rung_shares(self) -> tuple[float, ...]:
        """Shares of the training budget at which the worst candidates stop; the last is 1."""
        return parse_rungs(self.rungs)

    def model_for(self, role: RoleName) -> str | None:
        """The model that a role is to use; None leaves the choice to the keys found."""
        return self.models.get(role, self.model)


@dataclass(frozen=True)
class Resolved:
    """The settings, and for each of them the place that its value came from, in words."""

    settings: Settings
    origins: dict[str, str]

    def with_task_steps(self, steps: int, task: str) -> Resolved:
        """With the task spec's training budget, unless something that ranks higher gave one."""
        if self.origins["steps"] != "default" and not self.origins["steps"].endswith(CONFIG_NAME):
            return self
        settings = self.settings.model_copy(update={"steps": steps})
        return Resolved(settings, self.origins | {"steps": f"task {task}"})


def rank_of(origin: str) -> int:
    """How much right a value has by where it came from: lower wins. See the precedence atop."""
    if origin == "default":
        return 9
    if origin.startswith(("task ", "method ")):
        return 3
    if origin.endswith(CONFIG_NAME):
        return 4
    if origin.startswith(ENVIRONMENT_PREFIX):
        return 2 if " in " in origin else 1
    return 0


@dataclass(frozen=True)
class _Layer:
    """Values from one source. ``rank`` is lower for what wins."""

    rank: int
    values: dict[str, Any]
    origins: dict[str, str]
    """Per setting, how a person would name the source: ``--steps``, ``REWARD_SYNTH_STEPS``, a file."""


def load_settings(overrides: Mapping[str, Any], start: Path | None = None, *, flags: bool = True) -> Resolved:
    """Gather the settings from everywhere they may be given.

    Keys of other programs in ``.env`` (such as ``OPENAI_API_KEY``) are put into this process's environment
    where they are not set yet; they are never part of the settings. Nothing else of other programs is taken from it:
    a file that somebody else wrote must not tell where your keys are sent.

    :param overrides: what was typed; entries that are None count as not given.
    :param start: where the search upward for ``.env`` and ``reward-synth.toml`` begins; None: here.
    :param flags: name the overrides as command-line options (``--steps``) rather than arguments (``steps=``).
    :raises RewardSynthError: unknown name (with the nearest), unfit value, a setting that would do nothing, or that
        only its user may make.
    """
    folder = (start or Path.cwd()).resolve()
    layers = [
        _typed(overrides, flags),
        _environment(os.environ, 1, ""),
        _dotenv(folder),
        _config_file(folder),
    ]
    values: dict[str, Any] = {}
    origins = dict.fromkeys(Settings.model_fields, "default")
    ranks = dict.fromkeys(Settings.model_fields, 9)
    for layer in sorted(layers, key=lambda layer: -layer.rank):
        for name, value in layer.values.items():
            values[name] = {**values.get(name, {}), **value} if name == "models" else value
            origins[name] = layer.origins[name]
            ranks[name] = layer.rank
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise _in_words(error, origins) from error
    _refuse_idle(settings, origins, ranks)
    if settings.unsafe_no_sandbox and ranks["unsafe_no_sandbox"] > 0:
        raise RewardSynthError(
            f"{origins['unsafe_no_sandbox']} would switch the sandbox off unseen",
            "remove it there, and type --unsafe-no-sandbox each time it is meant",
        )
    if settings.base_url is not None and ranks["base_url"] > 1 and not _has_own_key(folder, origins["base_url"]):
        _refuse_server(settings.base_url, origins["base_url"])
    return Resolved(settings, origins)


def _has_own_key(folder: Path, origin: str) -> bool:
    """True if the file that names the server lies beside a ``.env`` that holds the key which will be sent to it."""
    from dotenv import dotenv_values

    path = _nearest_upward(folder, ".env")
    if path is None or not origin.endswith((str(path), str(path.parent / CONFIG_NAME))):
        return False
    key = dotenv_values(path).get(ENVIRONMENT_PREFIX + "API_KEY")
    return bool(key) and os.environ.get(ENVIRONMENT_PREFIX + "API_KEY") == key


def _refuse_server(base_url: str, where: str) -> None:
    """Keys may go to this machine, and to where their owner says; not where a file says that somebody may have sent."""
    if urlsplit(base_url).hostname in ("localhost", "127.0.0.1", "::1"):
        return
    raise RewardSynthError(
        f"{where} would have your API key sent to {base_url}",
        f"if you trust that server: --base-url {base_url}, or export {ENVIRONMENT_PREFIX}BASE_URL",
    )


RESUMABLE = (
    "base_url",
    "budget",
    "time_limit",
    "iterations",
    "keep_going",
    "feedback",
    "feedback_timeout",
    "yes",
    "unsafe_no_sandbox",
    "jobs",
    "executor",
    "display",
)
"""What ``resume`` may change: limits and manners, not what the finished part of the run was made with."""


def resumed_settings(
    stored: Resolved, overrides: Mapping[str, Any], start: Path | None = None, *, flags: bool = True
) -> Resolved:
    """The settings of a run that is taken up again: as stored, but for what is typed now.

    Keys in ``.env`` are put into the environment as in :func:`load_settings`. The display is not remembered, nor is
    it remembered that the sandbox was switched off. A server on another machine must be named anew, since the run may
    be somebody else's.

    :raises RewardSynthError: a setting that cannot change any more, or an unfit value.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    for name in given:
        if name not in RESUMABLE:
            known = ", ".join(sorted(RESUMABLE))
            raise RewardSynthError(
                f"'{name}' cannot change in a run that has begun" if name in HELP else f"unknown setting: '{name}'",
                f"these can: {known}; start another run for the rest",
            )
    _dotenv((start or Path.cwd()).resolve())
    values: dict[str, Any] = stored.settings.model_dump() | {"display": "auto", "unsafe_no_sandbox": False} | given
    origins = stored.origins | {name: _flag(name) if flags else f"{name}=" for name in given}
    named = given.get("base_url") or os.environ.get(ENVIRONMENT_PREFIX + "BASE_URL")
    if values["base_url"] is not None and values["base_url"] != named:
        _refuse_server(values["base_url"], "this run's settings.toml")
    try:
        return Resolved(Settings.model_validate(values), origins)
    except ValidationError as error:
        raise _in_words(error, origins) from error


def split_models(given: list[str]) -> tuple[str | None, dict[str, str]]:
    """``["gpt-5", "critic=local"]`` to the model for all roles and the models per role.

    :raises RewardSynthError: an unknown role, or one given twice.
    """
    general: str | None = None
    roles: dict[str, str] = {}
    for text in given:
        role, equals, name = text.partition("=")
        if equals and re.fullmatch(r"[A-Za-z]+", role):
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
    spell = _flag if flags else (lambda name: f"{name}=")
    return _Layer(0, given, {name: spell(name) for name in given})


def _flag(name: str) -> str:
    return "--model" if name == "models" else f"--{name.replace('_', '-')}"


def _environment(variables: Mapping[str, str | None], rank: int, where: str) -> _Layer:
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for variable, text in variables.items():
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable in OTHER_VARIABLES or not text:
            continue
        name = variable.removeprefix(ENVIRONMENT_PREFIX).lower()
        role = name.removeprefix("model_")
        role = EARLIER_ROLE_NAMES.get(role, role)
        if name != role and role in ROLES:
            values.setdefault("models", {})[role] = text
            name = "models"
        else:
            known = [field for field in Settings.model_fields if field != "models"]
            if name not in known:
                meant = [f"{ENVIRONMENT_PREFIX}{close.upper()}" for close in nearest(name, known)]
                raise RewardSynthError(f"unknown variable {variable}{where}", did_you_mean(meant, f"unset {variable}"))
            values[name] = text
        origins[name] = f"{variable}{where}"
    return _Layer(rank, values, origins)


def _dotenv(folder: Path) -> _Layer:
    path = _nearest_upward(folder, ".env")
    if path is None:
        return _Layer(2, {}, {})
    from dotenv import dotenv_values

    try:
        found = dotenv_values(path)
    except (OSError, UnicodeDecodeError) as error:
        raise RewardSynthError(f"cannot read {path}: {error}", "make it a text file of NAME=value lines") from error
    for name, text in found.items():
        ours = name.startswith(ENVIRONMENT_PREFIX) and name not in OTHER_VARIABLES
        if text is not None and not ours and (is_secret(name) or name in OTHER_VARIABLES):
            os.environ.setdefault(name, text)
    return _environment(found, 2, f" in {path}")


def _config_file(folder: Path) -> _Layer:
    path = _nearest_upward(folder, CONFIG_NAME)
    if path is None:
        return _Layer(4, {}, {})
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RewardSynthError(f"cannot read {path}: {error}", "check the file's permissions and text") from error
    except tomllib.TOMLDecodeError as error:
        raise RewardSynthError(f"{path} is not valid TOML: {error}", 'write lines such as: model = "gpt-5"') from error
    _refuse_unknown(values, f"key in {path}", flags=False)
    for name in ("prompts", "runs_dir"):
        # A path in a file means the same wherever the command is typed below it.
        if isinstance(values.get(name), str):
            values[name] = path.parent / values[name]
    return _Layer(4, values, dict.fromkeys(values, str(path)))


def _nearest_upward(folder: Path, name: str) -> Path | None:
    return next((path for parent in (folder, *folder.parents) if (path := parent / name).is_file()), None)


def _refuse_unknown(values: Mapping[str, Any], what: str, flags: bool) -> None:
    for name in values:
        if name not in Settings.model_fields:
            shown = _flag(name) if flags else f"'{name}'"
            raise RewardSynthError(f"unknown {what}: {shown}", _nearest(name, list(Settings.model_fields)))


def _nearest(name: str, known: list[str] | tuple[str, ...]) -> str:
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
    said = first["msg"].removeprefix("Value error, ").removeprefix("Input ").replace("should be", "must be")
    given = first.get("input")
    hint = HELP.get(name, "")
    choices = first.get("ctx", {}).get("expected")
    if first["type"] == "literal_error" and isinstance(given, str) and choices:
        hint = did_you_mean(nearest(given, re.findall(r"'([^']+)'", str(choices))), hint, quote="'")
    return RewardSynthError(f"{where} {said}, not {str(given)!r:.60}", hint)


def _names_setting(origin: str, name: str) -> bool:
    return name.replace("_", "-") in origin or name.upper() in origin or origin == f"{name}="


def _refuse_idle(settings: Settings, origins: dict[str, str], ranks: dict[str, int]) -> None:
    """A setting that would silently do nothing is an error, unless what disables it was said with more right.

    So ``--feedback none`` may overrule a ``feedback_timeout`` in a file, but
    ``--feedback-timeout 60`` alone is refused.
    """
    for idle, cause, does_nothing, message, hint in _idle_rules(settings):
        if does_nothing and ranks[idle] <= ranks[cause] and ranks[idle] < 9:
            raise RewardSynthError(f"{origins[idle]} would do nothing: {message}", hint)


def _idle_rules(settings: Settings) -> list[tuple[str, str, bool, str, str]]:
    """Setting, the setting that makes it idle, whether it does, why, and what to do."""
    local = {"local", "manual"}
    names = {settings.model, *settings.models.values()} - {None}
    remote = any(name not in local and not str(name).startswith("replay:") for name in names)
    return [
        (
            "feedback_timeout",
            "feedback",
            settings.feedback != "queue",
            f"nobody is waited for with --feedback {settings.feedback}",
            "add --feedback queue, or drop the timeout",
        ),
        (
            "base_url",
            "model",
            not remote,
            f"no server is asked by {', '.join(sorted(map(str, names))) or 'the embedded model'}",
            "name the server's model: --model openai/NAME",
        ),
        (
            "models",
            "critic",
            settings.critic is False and "critic" in settings.models,
            "the critic is switched off",
            "drop --no-critic, or the critic's model",
        ),
        (
            "env",
            "task",
            settings.task is not None and settings.env is not None,
            f"the task '{settings.task}' names its environment",
            "drop --env, or drop --task and give only the goal",
        ),
    ]
