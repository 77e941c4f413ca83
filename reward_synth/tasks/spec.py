"""Task specs: the goal, the environment, and the measures of success.

A spec's ``success`` and ``fitness`` are frozen before the first reward is designed, and rewards never see
them. Each is Python over ``episode``, a recorded episode: either one expression, or a function
``def success(episode)`` (``def fitness(episode)``). See ``docs/guide/tasks.md``.
"""

from __future__ import annotations

import keyword
import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
)

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import EPISODE_ATTRIBUTES, LearnerName, ScaleName
from reward_synth.core.nearest import did_you_mean, nearest_meaning
from reward_synth.core.resources import data_dir
from reward_synth.core.yaml import read_yaml, write_yaml
from reward_synth.simulators.custom.files import bare_id, file_of, name_environment
from reward_synth.state.expressions import OwnField
from reward_synth.tasks.matching import says_the_same


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Environment(_Section):
    """The environment and how it is made."""

    id: str = Field(min_length=1)
    """The simulator's id of the environment: ``Hopper-v5``."""
    arguments: dict[str, Any] = {}
    """Keyword arguments for making it; without any, the simulator's defaults apply."""
    fields: dict[str, OwnField] = {}
    """The task's own fields by name. They come before the simulator's fields, which know nothing of the task."""
    dt: float | None = Field(default=None, gt=0.0, le=3600.0)
    """Seconds that one step lasts; None takes what is measured, or what the environment says."""

    observes: tuple[str, ...] = ()
    """What a policy is shown besides the environment's own observation: ``clock``, ``FIELD`` and ``start.FIELD``. See
    :mod:`reward_synth.state.more_seen`."""

    @model_serializer(mode="wrap")
    def _without_unset(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What is unset is not written, so that trainings of earlier versions are still recognised as the same.
        unset = ("dt", "observes")
        return {name: value for name, value in serialize(self).items() if name not in unset or value}

    @field_validator("observes")
    @classmethod
    def _each_once(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if re.fullmatch(r"(start\.)?[A-Za-z]\w*", name) is None:
                raise ValueError(f"{name!r} must be `clock`, a field's name, or `start.` and a field's name")
            if names.count(name) > 1:
                raise ValueError(f"{name!r} is named twice")
        return names

    @field_validator("fields")
    @classmethod
    def _names(cls, fields: dict[str, OwnField]) -> dict[str, OwnField]:
        for name in fields:
            if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
                raise ValueError(f"{name!r} is not a name that Python code can use")
            if name in EPISODE_ATTRIBUTES:
                raise ValueError(f"a field cannot be called {name!r}: an episode means something else by it")
        return fields

    @field_validator("arguments")
    @classmethod
    def _no_window(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        if "render_mode" in arguments:
            raise ValueError("render_mode is set where pictures are made; leave it out")
        return arguments


class Training(_Section):
    """How one policy is trained on a reward, unless the person says otherwise."""

    learner: LearnerName = "ppo"
    preset: str | None = None
    """Name of the hyper-parameter set, one of this learner's; None takes its default."""
    scale: ScaleName = "sum"
    """How the terms become the reward: ``sum``, or ``sign`` for Auto MC-Reward's rule."""
    steps: int = Field(default=300_000, gt=0, le=10_000_000_000)
    """Environment steps."""


class Evaluation(_Section):
    """How a trained policy is judged."""

    episodes: int = Field(default=8, gt=0, le=1_000)


class EnvironmentSpec(_Section):
    """An environment with its horizon: the part of a task that is known before success and fitness."""

    simulator: str
    environment: Environment
    horizon: int = Field(gt=0, le=1_000_000)
    """Longest episode, in environment steps."""

    @classmethod
    def of(cls, env_id: str) -> EnvironmentSpec:
        """The environment with that id, as its simulator makes it."""
        from reward_synth.simulators import get_simulator, simulator_of

        simulator = simulator_of(env_id)
        horizon = get_simulator(simulator).horizon(env_id)
        return cls(simulator=simulator, environment=Environment(id=env_id), horizon=horizon)


class TaskSpec(_Section):
    """One task; a YAML file under ``task_specs`` or a run's ``task.yaml``."""

    name: str
    """Simulator and task: ``gym/hopper_hop_forward``."""
    goal: str = Field(min_length=1)
    """What the robot should do, in a sentence that says what success means. The designer reads this and the person's
    sentence, and nothing else of the spec."""
    aliases: tuple[str, ...] = ()
    """Other sentences that mean exactly this task."""
    simulator: str = "gym"
    environment: Environment
    horizon: int = Field(gt=0, le=1_000_000)
    """Longest episode, in environment steps."""
    success: str = Field(min_length=1)
    """Python code: a truth value for the whole episode, or one per recorded state (T+1,)."""
    fitness: str = Field(min_length=1)
    """Python code: a number, higher is better, rising towards success."""
    fitness_unit: str
    """What the fitness measures, in words: ``m travelled forward``."""
    success_threshold: float = Field(default=0.9, gt=0.0, le=1.0)
    """Share of the evaluation episodes that must succeed for the task to count as solved."""
    training: Training = Training()
    evaluation: Evaluation = Evaluation()

    @field_validator("fitness_unit")
    @classmethod
    def _one_line(cls, unit: str) -> str:
        if len(unit) > 80 or not unit.isprintable():
            raise ValueError("must be at most 80 characters on one line, such as `m travelled`")
        return unit

    notes: str = ""
    """Notes for people on why the thresholds have these values."""
    drafted: bool = False
    """True if a model wrote success and fitness for a goal without a spec."""
    source: str = "own"
    """The origin of success and fitness: ``own``, or the name of a benchmark or a paper."""

    @field_validator("name")
    @classmethod
    def _named_by_simulator_and_task(cls, name: str) -> str:
        if re.fullmatch(r"[a-z0-9_]+/[a-z0-9_]+", name) is None:
            raise ValueError("it must look like 'gym/hopper_hop_forward', in small letters")
        return name

    @property
    def environment_spec(self) -> EnvironmentSpec:
        """The environment alone."""
        return EnvironmentSpec(simulator=self.simulator, environment=self.environment, horizon=self.horizon)

    @property
    def short_name(self) -> str:
        """The name without its simulator: ``hopper_hop_forward``."""
        return self.name.partition("/")[2]


def list_tasks() -> list[TaskSpec]:
    """All shipped tasks, by name."""
    paths = data_dir("task_specs").glob("*/*.yaml")
    return sorted((_read_shipped(path, path.stat().st_mtime_ns) for path in paths), key=lambda spec: spec.name)


def load_task(name_or_path: str | Path, *, typed: bool = False) -> TaskSpec:
    """The shipped task of that name, or the spec in that file.

    :param name_or_path: ``gym/hopper_hop_forward``, its last part alone if only one task ends with it, or a
        path to a YAML file.
    :param typed: True if the person named the file, which allows the environment's file that it may name: see
        :mod:`reward_synth.simulators.custom.files`.
    :raises RewardSynthError: there is no such task (the hint gives the nearest), or the file is not a valid spec.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith((".yaml", ".yml")):
        return _from_file(Path(name_or_path), typed)
    wanted = text.strip().lower().replace("-", "_").replace(" ", "_")
    paths = {f"{path.parent.name}/{path.stem}": path for path in data_dir("task_specs").glob("*/*.yaml")}
    found = [name for name in paths if wanted in (name, name.partition("/")[2])]
    if len(found) == 1:
        return _read_shipped(paths[found[0]], paths[found[0]].stat().st_mtime_ns)
    if found:
        raise RewardSynthError(f"the task name '{text}' is ambiguous", hint=f"write one of: {', '.join(sorted(found))}")
    raise RewardSynthError(f"there is no task '{text}'", hint=_nearest_tasks(wanted, sorted(paths)))


def _from_file(path: Path, typed: bool) -> TaskSpec:
    """The spec in a file. A file that its environment names is found relative to the spec."""
    spec = _read(path)
    env_id = spec.environment.id
    env_id = name_environment(env_id, path.parent.resolve()) if typed else bare_id(env_id)
    environment = spec.environment.model_copy(update={"id": env_id})
    return spec.model_copy(update={"environment": environment})


def save_task(spec: TaskSpec, path: Path) -> None:
    """Write the spec as YAML that :func:`load_task` reads back to an equal spec; all of it or nothing."""
    values = spec.model_dump(mode="json")
    own = values["environment"]["fields"]
    values["environment"]["fields"] = {
        name: {key: value for key, value in each.items() if value is not None} for name, each in own.items()
    }
    write_yaml(path, values)


def save_own_task(spec: TaskSpec, path: Path) -> None:
    """Write the spec for a person: without default values, and with the path to the environment's file."""
    values = spec.model_dump(mode="json", exclude_defaults=True)
    file = file_of(spec.environment.id)
    if file is not None:
        way = os.path.relpath(file, path.resolve().parent)
        name = spec.environment.id.partition(":")[2]
        values["environment"]["id"] = f"{way if way.startswith('.') else f'./{way}'}:{name}"
    write_yaml(path, values)


def with_scale(spec: TaskSpec, scale: ScaleName | None) -> TaskSpec:
    """The spec with another scale of the reward; None keeps its own."""
    if scale is None:
        return spec
    return spec.model_copy(update={"training": spec.training.model_copy(update={"scale": scale})})


def with_observes(spec: TaskSpec, names: Sequence[str]) -> TaskSpec:
    """The spec with other names of what its policies see besides the environment's observation."""
    return spec.model_copy(update={"environment": spec.environment.model_copy(update={"observes": tuple(names)})})


def match_task(goal: str, env_id: str | None = None) -> TaskSpec | None:
    """The shipped task that the typed goal means; None unless exactly one says the same.

    :param env_id: the environment, if the person named one; then the goal need not name the robot.
    """
    found = [
        spec
        for spec in list_tasks()
        if env_id in (None, spec.environment.id)
        and any(says_the_same(goal, known, _robot_of(spec, env_id)) for known in _sentences(spec))
    ]
    return found[0] if len(found) == 1 else None


def _robot_of(spec: TaskSpec, env_id: str | None) -> str | None:
    """The environment's id if it names the robot; the ids of most simulators name the task instead."""
    from reward_synth.simulators import get_simulator

    return env_id if env_id is not None and get_simulator(spec.simulator).ids_name_robots else None


def _sentences(spec: TaskSpec) -> tuple[str, ...]:
    return (spec.goal, *spec.aliases)


def markdown_table(specs: Sequence[TaskSpec]) -> str:
    """The table of tasks in ``docs/guide/tasks.md``."""
    lines = [
        "| task | environment | goal | fitness | solved at | steps |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for spec in specs:
        solved = f"{spec.success_threshold:.0%} of {spec.evaluation.episodes} episodes"
        lines.append(
            f"| `{spec.name}` | {spec.environment.id}, {spec.horizon} steps | {spec.goal} "
            f"| {spec.fitness_unit} | {solved} | {spec.training.steps:,} |"
        )
    return "\n".join(lines) + "\n"


@cache
def _read_shipped(path: Path, changed: int) -> TaskSpec:
    """A shipped spec, as of a time of change. To read all of them takes a second."""
    return _read(path)


def _read(path: Path) -> TaskSpec:
    return read_yaml(path, TaskSpec, what="task spec")


def _nearest_tasks(wanted: str, names: Sequence[str]) -> str:
    by_form = {name: name for name in names} | {name.partition("/")[2]: name for name in names}
    if meant := did_you_mean(nearest_meaning(wanted, by_form, count=3)):
        return f"{meant} 'reward-synth tasks ls' lists all"
    return "'reward-synth tasks ls' lists all; a path to a spec of your own must end in .yaml"
