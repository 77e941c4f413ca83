"""Options that several commands share, and how the options typed become settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from reward_synth.core.errors import RewardSynthError
from reward_synth.settings.declarations import SETTINGS, is_switch, options_of, value_text

if TYPE_CHECKING:
    from reward_synth.api.run import Run

Given = Mapping[str, Any]
"""Settings by name as they were typed; None for those that were not. See :func:`with_settings`."""
_BY_NAME = Parameter.KEYWORD_ONLY


def setting(name: str) -> Any:
    """The option of a setting, made from its declaration."""
    value = None if is_switch(name) else value_text(name)
    return typer.Option(*options_of(name), help=SETTINGS[name].help, metavar=value, show_default=False)


BaseUrl = Annotated[str | None, setting("base_url")]
Learner = Annotated[str | None, setting("learner")]
Scale = Annotated[str | None, setting("scale")]
UnsafeNoSandbox = Annotated[bool, setting("unsafe_no_sandbox")]
Log = Annotated[str | None, setting("log")]
Jobs = Annotated[str | None, setting("jobs")]
Executor = Annotated[str | None, setting("executor")]
RunsDir = Annotated[str | None, setting("runs_dir")]
DisplayKind = Annotated[str | None, setting("display")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Any setting by its name; may be repeated.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Data for programs, on stdout.")]
EnvFile = Annotated[
    str | None,
    typer.Option(
        "--env",
        metavar="FILE.py:CLASS",
        help="Where the file of the run's own environment lies, if it has one; a run keeps no path of it.",
        show_default=False,
    ),
]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's name, a unique beginning or the end of it, a path, or `latest`.")
]
CandidateName = Annotated[
    str | None, typer.Argument(metavar="[CANDIDATE]", help="Such as `003-b`; the best one if not given.")
]


def with_settings(names: Iterable[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Replace a command's parameter ``given`` by the options of these settings; ``given`` gets the values typed."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        made = {name: Parameter(name, _BY_NAME, default=None, annotation=_typed_as(name)) for name in names}
        parameters: dict[str, Parameter] = {}
        for own in inspect.signature(command, eval_str=True).parameters.values():
            parameters |= made if own.name == "given" else {own.name: own.replace(kind=_BY_NAME)}

        @wraps(command)
        def with_options(**typed: Any) -> None:
            command(given={name: typed.pop(name) for name in made}, **typed)

        vars(with_options)["__signature__"] = inspect.Signature(list(parameters.values()))
        with_options.__annotations__ = {name: each.annotation for name, each in parameters.items()}
        return with_options

    return decorate


def _typed_as(name: str) -> Any:
    kind = bool if is_switch(name) else list[str] if name == "model" else str
    return Annotated[kind | None, setting(name)]


def overrides(typed: Mapping[str, Any], set_values: Sequence[str] | None = None, json: bool = False) -> dict[str, Any]:
    """Make settings from the options typed: split ``--model`` by role, and add ``--set`` and ``--json``.

    :raises RewardSynthError: options contradict each other.
    """
    from reward_synth.settings.sources import split_models

    given = {name: value for name, value in typed.items() if value is not None}
    for text in set_values or ():
        name, value = _assignment(text)
        if name in given:
            raise RewardSynthError(f"--set {text}: '{name}' was given already", "keep one of the two")
        given[name] = value
    models = given.pop("model", None)
    if models is not None:
        general, roles = split_models([models] if isinstance(models, str) else list(models))
        given |= {"model": general, "models": roles | given.get("models", {})}
    if json:
        if given.get("display", "json") != "json":
            raise RewardSynthError(f"--json and --display {given['display']} contradict", "drop one of them")
        given["display"] = "json"
    return given


def _assignment(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    name, _, rest = key.strip().replace("-", "_").partition(".")
    if not equals:
        raise RewardSynthError(f"--set {text} has no '='", "write --set KEY=VALUE")
    if name == "models":
        return name, {rest: value}
    if rest:
        raise RewardSynthError(f"--set {text}: '{name}' has no part '{rest}'", "only models.ROLE has parts")
    return name, value


def runs_folder(runs_dir: str | None) -> Path:
    """The folder of the runs, from the option, the environment or the settings file."""
    from reward_synth.settings.sources import load_settings

    return load_settings({"runs_dir": runs_dir}).settings.runs_dir


def open_run(name: str, runs_dir: str | None) -> Run:
    """Open a run by its name."""
    from reward_synth.api.run import Run

    return Run.open(name, runs_folder(runs_dir))
