"""Every setting of a run, declared once: its type, its default, what it does, and how a person gives it.

The validated :class:`~reward_synth.settings.model.Settings`, the options of the commands, the variables of the
environment, the keys of ``reward-synth.toml`` and the page ``docs/reference/settings.md`` are made from here.
``reward-synth --help`` loads this module, so it must load neither pydantic nor numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from reward_synth.core.names import LearnerName, LogName, RoleName, ScaleName
from reward_synth.settings.values import parse_duration, parse_some_time, rename_roles, spell_rungs


@dataclass(frozen=True)
class Setting:
    """What is to be said of a setting besides its type and its default.

    To pydantic it is a group of metadata, by the protocol of ``annotated_types.GroupedMetadata``: iterating gives what
    it asks of a value.
    """

    help: str
    """What it does, in a sentence."""
    value: str = ""
    """What stands for the value in ``--help``; not needed where that follows from the type."""
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    parse: Callable[[object], object] | None = None
    """Takes what was given, before its type is looked at; raises ValueError, whose text the person reads."""
    resumable: bool = False
    """Whether ``resume`` may change it: limits and manners, not what the finished part of the run was made with."""
    options: tuple[str, ...] | None = None
    """How it is typed, if not as ``--its-name``, or ``--its-name/--no-its-name``; empty for one without an option."""

    __is_annotated_types_grouped_metadata__ = True

    def __iter__(self) -> Iterator[Any]:
        from annotated_types import Ge, Gt, Le, Lt
        from pydantic import BeforeValidator

        bounds = (Ge, self.at_least), (Le, self.at_most), (Gt, self.above), (Lt, self.below)
        yield from (bound(number) for bound, number in bounds if number is not None)
        if self.parse is not None:
            # The last is the outermost: it also sees None.
            yield BeforeValidator(self.parse)


class Declarations:
    """The settings in the order in which people are shown them."""

    # fmt: off
    task: Annotated[str | None, Setting(
        "Task spec: its name (`reward-synth tasks ls`) or a YAML file.", "NAME|FILE")] = None
    env: Annotated[str | None, Setting(
        "Environment, for a goal without a task spec: an id, `module:ID`, `module:CLASS` or `./FILE.py:CLASS`; "
        "the model chooses one if neither is given.", "ID")] = None
    start_from: Annotated[Path | None, Setting(
        "Reward file that the search begins with: its first candidate, which the best one is compared with.",
        "FILE")] = None
    method: Annotated[str, Setting(
        "Search method: who proposes rewards, which of them train, and what the next round is given "
        "(docs/guide/methods.md).", "NAME")] = "synth"
    model: Annotated[str | None, Setting(
        "Model that writes and reviews: any litellm name, `local`, `manual`, `exec:COMMAND` or `replay:FILE`. Per "
        "role with `ROLE=NAME`, as in `--model critic=gpt-5`; may be repeated.", "[ROLE=]NAME")] = None
    models: Annotated[dict[RoleName, str], Setting(
        "Model per role (`designer`, `critic`, `analyzer`, `task_drafter`), where it is not `model`.",
        parse=rename_roles, options=())] = {}  # noqa: RUF012 - pydantic gives each Settings its own
    base_url: Annotated[str | None, Setting(
        "Address of an OpenAI-compatible server for `model`.", "URL", resumable=True)] = None
    model_timeout: Annotated[float, Setting(
        "How long one call of a hosted model, a server or a program may take.",
        "TIME", at_least=0, parse=parse_some_time, resumable=True)] = 300.0
    patience: Annotated[float, Setting(
        "How long a model call is repeated while the server is busy, broken or away; then the run ends, and can be "
        "resumed.", "TIME", at_least=0, parse=parse_some_time, resumable=True)] = 600.0
    temperature: Annotated[float, Setting("Sampling temperature of the designer, 0 to 2.", at_least=0, at_most=2)] = 0.8
    critic: Annotated[bool | None, Setting(
        "Let a critic review each reward before it is trained. Unset: yes, unless the model is a small one.")] = None
    shots: Annotated[int, Setting("Worked examples shown to the designer; 0 shows none.", at_least=0, at_most=8)] = 0
    repairs: Annotated[int, Setting(
        "Repair rounds for a reward that lint, probe or critic object to.", at_least=0, at_most=10)] = 3
    plan_seconds: Annotated[float, Setting(
        "Seconds of processor time, about, for which a planner attacks each reward before it trains; 0 does not "
        "(docs/guide/attack.md).", at_least=0, at_most=3600)] = 0
    prompts: Annotated[Path | None, Setting(
        "Folder of prompt templates that replace the shipped ones of the same name.")] = None
    iterations: Annotated[int, Setting(
        "Rounds of design, training and analysis.", at_least=1, at_most=999, resumable=True)] = 3
    train_on: Annotated[int, Setting(
        "After the last iteration, train the best reward on while its fitness rises or it often succeeds: at most "
        "so many times the steps of a training.", at_least=0, at_most=999, resumable=True)] = 4
    train_again: Annotated[int, Setting(
        "Rounds after that in which the rewards that sometimes led to the goal train again, with another seed.",
        at_least=0, at_most=999, resumable=True)] = 0
    samples: Annotated[int, Setting("Rewards designed per iteration.", at_least=1, at_most=64)] = 4
    seeds: Annotated[int, Setting("Policies trained per reward.", at_least=1, at_most=64)] = 1
    steps: Annotated[int | None, Setting(
        "Environment steps per training; the task spec's budget if not given.", at_least=1000)] = None
    learner: Annotated[LearnerName | None, Setting(
        "What trains the policies: `ppo`, `sac` or `tqc`; the task spec's if not given.")] = None
    scale: Annotated[ScaleName | None, Setting(
        "How reward terms become the reward: `sum`, or `sign` for Auto MC-Reward's rule, 1 by the sign of terms "
        "named `sparse…` and 0.1 by that of the others; the task spec's if not given.")] = None
    budget: Annotated[float | None, Setting(
        "Dollars that model calls may cost; refused for a model without a known price.",
        "USD", above=0, resumable=True)] = None
    time_limit: Annotated[float | None, Setting(
        "Time by the clock that a run may be worked on, earlier sessions included, as `2h`, `30m`, `1h30m` or seconds.",
        "TIME", at_least=0, parse=parse_some_time, resumable=True)] = None
    step_limit: Annotated[float | None, Setting(
        "Seconds after which an environment that does not return from a step is at fault; 1000 times its slowest step "
        "before the run, and at least 60 s, if not given.",
        "TIME", at_least=0, parse=parse_some_time, resumable=True)] = None
    rungs: Annotated[str, Setting(
        "Shares of the steps after each of which the worst rewards of an iteration stop, such as `0.1,0.3,1`; "
        "`1` trains all to their end.", "SHARES", parse=spell_rungs)] = "0.1,0.3,1"
    keep_going: Annotated[bool, Setting(
        "Use all iterations even if the task is solved before.", resumable=True)] = False
    final_seeds: Annotated[int, Setting(
        "At the end, train the best reward from scratch on so many fresh seeds; 0 leaves it to `eval`.",
        at_least=0, at_most=64)] = 0
    videos: Annotated[Literal["best", "all", "none"], Setting(
        "Films that the run makes: `best` of the best reward at its end, and of each one that a person is asked "
        "about; `all` of every trained one; `none`.", resumable=True)] = "best"
    log: Annotated[LogName, Setting(
        "Where each training's figures are written besides: `csv`, `tensorboard` or `wandb`, which stays offline "
        "unless `WANDB_MODE=online` is in the environment (docs/guide/logs.md).", resumable=True)] = "none"
    feedback: Annotated[Literal["none", "ask", "queue"], Setting(
        "Ask a person after each iteration: `none`, `ask` (here) or `queue` (by file).", resumable=True)] = "none"
    select: Annotated[Literal["measure", "person"], Setting(
        "Who chooses the best reward: `measure`, the task's success and fitness, or `person`, the agreement with a "
        "person's order of recorded episodes, for a goal without a trustworthy measure.", resumable=True)] = "measure"
    feedback_timeout: Annotated[float, Setting(
        "With `--feedback queue`: how long to wait for an answer; 0 goes on at once.",
        "TIME", at_least=0, parse=parse_duration, resumable=True)] = 0.0
    yes: Annotated[bool, Setting(
        "Accept drafted success measures without asking.", resumable=True, options=("--yes/--no-yes", "-y"))] = False
    unsafe_no_sandbox: Annotated[bool, Setting(
        "Run generated code without the kernel's lock: it could then read and change your files. Only as an "
        "option or argument, and not remembered by `resume`.",
        resumable=True, options=("--unsafe-no-sandbox",))] = False
    jobs: Annotated[int | None, Setting(
        "Trainings that run side by side; as many as there are cores and memory for if not given.",
        at_least=1, resumable=True)] = None
    executor: Annotated[Literal["local", "ray"], Setting(
        "Where trainings run: `local`, as processes on this machine, or `ray`, on the cluster at `RAY_ADDRESS`, "
        "or on a local one if that is not set.", resumable=True)] = "local"
    seed: Annotated[int, Setting("Seed that all others are derived from.", at_least=0, below=2**32)] = 0
    runs_dir: Annotated[Path, Setting("Folder that run folders are made in.")] = Path("runs")
    display: Annotated[Literal["auto", "rich", "plain", "json", "none"], Setting(
        "What the terminal shows: `auto`, `rich`, `plain`, `json` or `none`.", resumable=True)] = "auto"
    # fmt: on


_HINTS = get_type_hints(Declarations, include_extras=True)
SETTINGS: Mapping[str, Setting] = {name: get_args(hint)[1] for name, hint in _HINTS.items()}
RESUMABLE = tuple(name for name, setting in SETTINGS.items() if setting.resumable)


def options_of(name: str) -> tuple[str, ...]:
    """How the setting is typed; empty for one without an option."""
    flag, own = name.replace("_", "-"), SETTINGS[name].options
    return own if own is not None else (f"--{flag}/--no-{flag}" if is_switch(name) else f"--{flag}",)


def is_switch(name: str) -> bool:
    """True if the setting is on or off."""
    return _type_of(name) is bool


def is_path(name: str) -> bool:
    """True if the setting names a file or a folder."""
    return _type_of(name) is Path


def value_text(name: str) -> str:
    """What stands for the setting's value in ``--help``."""
    kind = _type_of(name)
    if get_origin(kind) is Literal:
        return "|".join(get_args(kind))
    return SETTINGS[name].value or {int: "NUMBER", float: "NUMBER", Path: "DIR"}[kind]


def _type_of(name: str) -> Any:
    """The type, whether it may be left unset or not."""
    kind = get_args(_HINTS[name])[0]
    return get_args(kind)[0] if get_origin(kind) in (Union, UnionType) else kind
