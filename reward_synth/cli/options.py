"""Options that several commands share, and how what was typed becomes settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from reward_synth.core.errors import RewardSynthError
from reward_synth.settings.texts import HELP


def _setting(name: str, *declarations: str, metavar: str | None = None) -> Any:
    declarations = declarations or (f"--{name.replace('_', '-')}",)
    return typer.Option(*declarations, help=HELP[name], metavar=metavar, show_default=False)


Task = Annotated[str | None, _setting("task", metavar="NAME|FILE")]
Env = Annotated[str | None, _setting("env", metavar="ID")]
Method = Annotated[str | None, _setting("method", metavar="NAME")]
Model = Annotated[list[str] | None, _setting("model", metavar="[ROLE=]NAME")]
BaseUrl = Annotated[str | None, _setting("base_url", metavar="URL")]
Temperature = Annotated[str | None, _setting("temperature", metavar="NUMBER")]
Critic = Annotated[bool | None, _setting("critic", "--critic/--no-critic")]
Shots = Annotated[str | None, _setting("shots", metavar="NUMBER")]
Repairs = Annotated[str | None, _setting("repairs", metavar="NUMBER")]
Prompts = Annotated[str | None, _setting("prompts", metavar="DIR")]
Iterations = Annotated[str | None, _setting("iterations", metavar="NUMBER")]
Samples = Annotated[str | None, _setting("samples", metavar="NUMBER")]
Seeds = Annotated[str | None, _setting("seeds", metavar="NUMBER")]
Steps = Annotated[str | None, _setting("steps", metavar="NUMBER")]
Learner = Annotated[str | None, _setting("learner", metavar="ppo|sac|tqc")]
Scale = Annotated[str | None, _setting("scale", metavar="sum|sign")]
Budget = Annotated[str | None, _setting("budget", metavar="USD")]
TimeLimit = Annotated[str | None, _setting("time_limit", metavar="TIME")]
Rungs = Annotated[str | None, _setting("rungs", metavar="SHARES")]
KeepGoing = Annotated[bool | None, _setting("keep_going", "--keep-going/--no-keep-going")]
FinalSeeds = Annotated[str | None, _setting("final_seeds", metavar="NUMBER")]
FeedbackMode = Annotated[str | None, _setting("feedback", metavar="none|ask|queue")]
FeedbackTimeout = Annotated[str | None, _setting("feedback_timeout", metavar="TIME")]
Yes = Annotated[bool | None, _setting("yes", "--yes/--no-yes", "-y")]
UnsafeNoSandbox = Annotated[bool | None, _setting("unsafe_no_sandbox", "--unsafe-no-sandbox")]
Jobs = Annotated[str | None, _setting("jobs", metavar="NUMBER")]
Executor = Annotated[str | None, _setting("executor", metavar="local|ray")]
Seed = Annotated[str | None, _setting("seed", metavar="NUMBER")]
RunsDir = Annotated[str | None, _setting("runs_dir", metavar="DIR")]
DisplayKind = Annotated[str | None, _setting("display", metavar="auto|rich|plain|json|none")]
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


def overrides(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings out of a command's parameters: ``--model`` taken apart by role, ``--set`` and ``--json`` folded in.

    :raises RewardSynthError: options that contradict one another.
    """
    from reward_synth.settings.model import Settings, split_models

    given = {name: value for name, value in values.items() if name in Settings.model_fields and value is not None}
    for text in values.get("set_values") or ():
        name, value = _assignment(text)
        if name in given:
            raise RewardSynthError(f"--set {text}: '{name}' was given already", "keep one of the two")
        given[name] = value
    models = given.pop("model", None)
    if models is not None:
        general, roles = split_models([models] if isinstance(models, str) else list(models))
        given |= {"model": general, "models": roles | given.get("models", {})}
    if values.get("json"):
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
    """The folder that runs lie in, by option, environment or file."""
    from reward_synth.settings.model import load_settings

    return load_settings({"runs_dir": runs_dir}).settings.runs_dir
