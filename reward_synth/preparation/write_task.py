"""Makes a new task spec from a person's answers, and tries it: part of the public Python API.

Every question has an option, so that it also works without a person.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from reward_synth.core.errors import EnvironmentFault, RewardSynthError
from reward_synth.core.waiting import told_if_long
from reward_synth.core.yaml import parse_value
from reward_synth.evaluation.play import field_table
from reward_synth.preparation.preflight import PreparedTask, own_limit, preflight, try_environment
from reward_synth.preparation.settle import task_name
from reward_synth.sandbox.channel import protected
from reward_synth.simulators import open_environment
from reward_synth.simulators.custom.files import name_environment
from reward_synth.state.custom_fields import told_in_a_step
from reward_synth.state.expressions import SUCCESS_KEYS, OwnField
from reward_synth.tasks.spec import Environment, EnvironmentSpec, TaskSpec, Training, save_own_task
from reward_synth.training.presets import get_preset

Question = Callable[[str, str, str | None], str]
"""Takes the option's name, the question and a default (None if there is none), and returns the answer."""
Show = Callable[[str], None]

Made = TypeVar("Made")

OFFERED: dict[str, OwnField] = {
    **{
        key: OwnField(info=key, unit="0/1", low=0, high=1, doc="The environment's own success.") for key in SUCCESS_KEYS
    },
    "cost": OwnField(info="cost", doc="Cost of the step, as the environment tells it; 0 = none."),
}
"""Fields that a new task gets where the environment tells them in its ``info``."""

FIELD_FORM = "NAME=SOURCE; UNIT; MEANING"
_FIELD_HINT = (
    f"write it as {FIELD_FORM}: 'angle=0; rad; Its angle', 'spin=[0, 1, 2]; rad/s', 'height=np.sin(observation[0]); m' "
    "or 'goal=info.goal; m'"
)


@dataclass(frozen=True)
class Answers:
    """Answers known before any question; unknown ones are None or empty."""

    env: str | None = None
    goal: str | None = None
    name: str | None = None
    success: str | None = None
    fitness: str | None = None
    fitness_unit: str | None = None
    horizon: int | None = None
    steps: int | None = None
    fields: tuple[str, ...] = ()
    """Each in the form of :data:`FIELD_FORM`."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    learner: str | None = None
    preset: str | None = None
    episodes: int | None = None
    """Episodes of one evaluation."""


def refuse_path(path: Path) -> None:
    """:raises RewardSynthError: no new task can be written there."""
    if path.suffix not in (".yaml", ".yml"):
        raise RewardSynthError(f"{path} is no name for a task file", "let it end in .yaml")
    if path.exists():
        raise RewardSynthError(f"{path} exists already", "choose another name with --out, or remove it first")


def write_task(spec: TaskSpec, path: Path) -> None:
    """Write a new task's file.

    :raises RewardSynthError: it exists already, or cannot be written.
    """
    refuse_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_own_task(spec, path)
    except OSError as error:
        raise RewardSynthError(f"cannot write {path}: {error.strerror}", "choose another place with --out") from error


def new_task(
    answers: Answers, ask: Question, show: Show, *, patient: bool = False, unsafe_no_sandbox: bool = False
) -> tuple[TaskSpec, PreparedTask]:
    """Ask for what is not answered yet, and try the task on the live environment.

    :param ask: raises RewardSynthError if nobody can answer and there is no default.
    :param show: called with what a person should see before answering: fields and faults.
    :param patient: ask again for success and fitness that cannot be used, instead of giving up.
    :raises EnvironmentFault: the environment is broken.
    :raises RewardSynthError: an answer cannot be used.
    """
    given = _given_fields(answers.fields)
    env_id = name_environment(answers.env or ask("--env", "Environment (an id, module:EnvId or ./FILE.py:CLASS)", None))
    with protected(unsafe_no_sandbox):
        with told_if_long(show):
            environment = _with_environment(EnvironmentSpec.of(env_id), answers)
            # An environment may take a minute to open. What is wrong with an answer without it is said before.
            _sound(environment, answers, answers.goal or "-", answers.name or "a", answers.horizon, answers.steps)
            try_environment(environment, sandbox=not unsafe_no_sandbox)
            table, told = field_table(environment), _told(environment, answers)
        show(table.for_rewards().stub())
        environment = _with_fields(environment, told, given, ask if patient else None, show)
        words = _words(environment, answers, ask, show)
        while True:
            try:
                spec = _with_measures(words, answers, ask, next((key for key in SUCCESS_KEYS if key in told), None))
                with told_if_long(show):
                    return spec, preflight(spec, sandbox=not unsafe_no_sandbox)
            except EnvironmentFault:
                raise
            except RewardSynthError as error:
                if not patient:
                    raise
                show(str(error))
                answers = Answers()


def parse_field(text: str) -> tuple[str, OwnField]:
    """Parse name and field from ``angle=0; rad; Angle of the pole, + = left``.

    A source that is a number is an index. So are several with commas between, in brackets as in a task file or bare.
    ``info.goal`` is what the environment tells under that key; any other source is an expression.

    :raises RewardSynthError: the text has another form, or its field is not valid.
    """
    name, equals, rest = (part.strip() for part in text.partition("="))
    source, unit, doc = [*(part.strip() for part in rest.split(";", 2)), "", ""][:3]
    if not equals or not source:
        raise RewardSynthError(f"--field {text}: this is no field", _FIELD_HINT)
    values: dict[str, Any] = {"unit": unit or "1", "doc": doc}
    bare = source[1:-1] if (source[0], source[-1]) in (("[", "]"), ("(", ")")) else source
    if re.fullmatch(r"-?\d+", source):
        values["index"] = int(source)
    elif re.fullmatch(r"\s*-?\d+(\s*,\s*-?\d+)*\s*,?\s*", bare):
        values["index"] = tuple(int(number) for number in bare.split(",") if number.strip())
    elif source.startswith("info."):
        values["info"] = source.removeprefix("info.")
    else:
        values["expression"] = source
    environment = {"id": "-", "fields": {name: values}}
    made = _validated(f"--field {text}", lambda: Environment.model_validate(environment), _FIELD_HINT)
    return name, made.fields[name]


def _given_fields(texts: tuple[str, ...]) -> dict[str, OwnField]:
    fields: dict[str, OwnField] = {}
    for text in texts:
        name, own = parse_field(text)
        if name in fields:
            raise RewardSynthError(f"--field {text}: '{name}' was given already", "keep one of the two, or rename it")
        fields[name] = own
    return fields


def parse_argument(text: str) -> tuple[str, Any]:
    """Parse name and value from ``terminate_when_unhealthy=false``, with YAML's numbers and truth values."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise RewardSynthError(f"--argument {text} has no '='", "write it as --argument NAME=VALUE")
    return name.strip(), parse_value(value, f"--argument {name.strip()}")


def _with_environment(spec: EnvironmentSpec, answers: Answers) -> EnvironmentSpec:
    environment = spec.environment.model_copy(update={"arguments": dict(answers.arguments)})
    horizon = spec.horizon if answers.horizon is None else answers.horizon
    return spec.model_copy(update={"environment": environment, "horizon": horizon})


def _told(spec: EnvironmentSpec, answers: Answers) -> dict[str, OwnField]:
    """What the environment tells beside its observations and the task may need: its own success, unless another one
    was given that does not read it, and a cost."""
    with closing(open_environment(spec)) as environment:
        told = told_in_a_step(environment)
    measures = f"{answers.success or ''} {answers.fitness or ''}"
    unread = {key for key in SUCCESS_KEYS if answers.success and f"episode.{key}" not in measures}
    return {key: own for key, own in OFFERED.items() if key in told and key not in unread}


def _with_fields(
    spec: EnvironmentSpec,
    told: Mapping[str, OwnField],
    given: Mapping[str, OwnField],
    ask: Question | None,
    show: Show,
) -> EnvironmentSpec:
    """Add what the environment tells, the given fields, and those that a person enters until there are no more.

    :param ask: None where no person is asked.
    """
    if told:
        show(f"The environment tells these in its info, so they are fields: {', '.join(told)}")
    spec = _own(spec, {**told, **given}, show)
    if ask and not given:
        show(f"Fields of your own give names, units and meanings to elements of the observation: {FIELD_FORM}")
    while ask and (text := ask("--field", "A field of your own (nothing: no more)", "")).strip():
        try:
            name, own = parse_field(text)
            spec = _own(spec, {**spec.environment.fields, name: own}, show)
        except RewardSynthError as error:
            show(str(error))
    return spec


def _own(spec: EnvironmentSpec, fields: Mapping[str, OwnField], show: Show) -> EnvironmentSpec:
    """The environment with these fields, which are tried on it."""
    environment = spec.environment.model_copy(update={"fields": dict(fields)})
    spec = spec.model_copy(update={"environment": environment})
    if fields:
        with told_if_long(show):
            field_table(spec)
    return spec


def _words(spec: EnvironmentSpec, answers: Answers, ask: Question, show: Show) -> dict[str, Any]:
    """Goal, name, horizon and budget: all values of a task except its measures."""
    goal = answers.goal or ask("--goal", "Goal, in a sentence that says all that counts", None)
    suggested = task_name(spec.simulator, goal).partition("/")[2]
    name = answers.name or ask("--name", "Name of the task, in small letters", suggested)
    with told_if_long(show):
        limit = None if answers.horizon else own_limit(spec)
    horizon = answers.horizon or ask("--horizon", "Longest episode, in steps", str(limit or spec.horizon))
    steps = answers.steps or ask("--steps", "Environment steps of one training", str(Training().steps))
    return _sound(spec, answers, goal, name, horizon, steps)


def _sound(
    spec: EnvironmentSpec, answers: Answers, goal: str, name: str, horizon: int | str | None, steps: int | str | None
) -> dict[str, Any]:
    """The values of a task except its measures, of which all that can be known without the environment is checked."""
    full = name if "/" in name else f"{spec.simulator}/{name}"
    values = spec.model_dump() | {"name": full, "goal": goal, "horizon": horizon or spec.horizon}
    training = {"steps": steps, "learner": answers.learner, "preset": answers.preset}
    values["training"] = {key: value for key, value in training.items() if value}
    if answers.episodes:
        values["evaluation"] = {"episodes": answers.episodes}
    sound = _task(values, "False", "0.0", "-")
    get_preset(sound.training.learner, sound.training.preset)
    return values


def _with_measures(words: Mapping[str, Any], answers: Answers, ask: Question, own: str | None) -> TaskSpec:
    """Ask for success and fitness.

    :param own: field that tells the environment's own success, which is offered.
    """
    success = answers.success or ask(
        "--success",
        "Success: Python over `episode`, as in np.abs(episode.angle) < 0.1",
        f"episode.{own} > 0.5" if own else None,
    )
    fitness = answers.fitness or ask("--fitness", "Fitness: a number that rises all the way to success", None)
    unit = answers.fitness_unit or ask("--fitness-unit", "What the fitness counts, in words", None)
    return _task(words, success, fitness, unit)


def _task(words: Mapping[str, Any], success: str, fitness: str, unit: str) -> TaskSpec:
    values = {**words, "success": success, "fitness": fitness, "fitness_unit": unit}
    return _validated("the task", lambda: TaskSpec.model_validate(values))


def _validated(what: str, make: Callable[[], Made], hint: str = "docs/guide/tasks.md lists the keys") -> Made:
    """Call ``make``, and turn pydantic's complaint into an error for the person."""
    try:
        return make()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"] if part != "function-after")
        said = first["msg"].removeprefix("Value error, ")
        raise RewardSynthError(f"{what}{f', {place}' if place else ''}: {said}", hint) from error
