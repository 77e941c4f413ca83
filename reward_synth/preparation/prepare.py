"""Prepares a task for the search: everything that can be checked before a run folder is made."""

from __future__ import annotations

from ast import FunctionDef
from shlex import quote

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import RoleName, needs_no_server
from reward_synth.core.types import CheckReport
from reward_synth.preparation.forecast import price_of
from reward_synth.preparation.preflight import PreparedTask, preflight, try_environment
from reward_synth.reward.source import parse_python, source_of
from reward_synth.settings.model import Settings
from reward_synth.settings.origins import CONFIG_NAME, Resolved
from reward_synth.tasks.spec import EnvironmentSpec, TaskSpec, load_task, match_task, with_scale


def prepare(goal: str, settings: Settings) -> PreparedTask | None:
    """Find anything that would stop a run, and try the task on its environment.

    :return: None for a goal without a task spec: a model must draft one first, and its paid answers need a run folder.
        In that case only the environment has been tried, if it was named.
    :raises EnvironmentFault: the environment is broken.
    :raises RewardSynthError: something is missing.
    """
    from reward_synth.sandbox.channel import protected
    from reward_synth.simulators.custom.files import bare_id

    task = check_prerequisites(goal, settings)
    with protected(settings.unsafe_no_sandbox):
        if task is not None:
            prepared = prepare_spec(task, settings)
            if (source := starting_reward(settings)) is not None:
                _refuse_faulty(prepared.checker.check(source), task, settings)
            return prepared
        if settings.env is not None:
            try_environment(EnvironmentSpec.of(bare_id(settings.env)), sandbox=not settings.unsafe_no_sandbox)
    return None


def starting_reward(settings: Settings) -> str | None:
    """The text of the reward that the search begins with; None if it begins with none.

    :raises RewardSynthError: the file cannot be read, or does not hold one function ``compute_reward``.
    """
    if settings.start_from is None:
        return None
    source = source_of(settings.start_from)
    tree = parse_python(source)
    if tree is None or not any(isinstance(each, FunctionDef) and each.name == "compute_reward" for each in tree.body):
        what = "is not Python" if tree is None else "has no function `compute_reward`"
        hint = "docs/reference/reward-contract.md says what a reward file holds"
        raise RewardSynthError(f"--start-from: {settings.start_from} {what}", hint)
    return source


def _refuse_faulty(report: CheckReport, task: TaskSpec, settings: Settings) -> None:
    """Refuse a reward of the person's that cannot be trained, before a model is paid."""
    faults = "\n  ".join(finding.as_text() for finding in report.findings if finding.severity == "error")
    if faults:
        raise RewardSynthError(
            f"--start-from: {settings.start_from} cannot be trained:\n  {faults}",
            f"reward-synth check {quote(str(settings.start_from))} --task {quote(settings.task or task.name)}",
        )


def known_task(goal: str, settings: Settings, *, typed: bool = False) -> TaskSpec | None:
    """The task that was named or that matches the goal, with the scale that was typed; None if there is none.

    :param typed: as in :func:`~reward_synth.tasks.spec.load_task`.
    """
    task = load_task(settings.task, typed=typed) if settings.task is not None else match_task(goal, settings.env)
    return None if task is None else with_scale(task, settings.scale)


def prepare_spec(task: TaskSpec, settings: Settings) -> PreparedTask:
    """Try a known task.

    :raises EnvironmentFault: the environment is broken.
    :raises RewardSynthError: success or fitness fails, or the learner does not fit the environment's actions.
    """
    from reward_synth.training.presets import require_fitting

    prepared = preflight(task, sandbox=not settings.unsafe_no_sandbox)
    require_fitting(settings.learner or task.training.learner, prepared.table.discrete, task.environment.id)
    return prepared


def check_prerequisites(goal: str, settings: Settings) -> TaskSpec | None:
    """Find anything that would stop the run before a folder is made: goal, task, environment, prompts, models, keys.

    :return: the task spec if it is known already.
    :raises RewardSynthError: something is missing.
    """
    from reward_synth.sandbox.channel import protected

    if not goal.strip() and settings.task is None:
        raise RewardSynthError("the goal is empty", 'say what the robot shall do: "make the hopper hop backwards"')
    task = known_task(goal, settings, typed=True)
    _make(settings.env, task)
    if settings.prompts is not None and not settings.prompts.is_dir():
        raise RewardSynthError(f"there is no folder {settings.prompts}", "--prompts takes a folder of templates")
    with protected(settings.unsafe_no_sandbox):
        pass  # Without a lock, nothing may be spent or written.
    from reward_synth.training.logs import require_log

    check_learner(task, settings)
    starting_reward(settings)
    require_log(settings.log)
    if settings.executor == "ray":
        from reward_synth.executors.ray.driver import require_ray

        require_ray()
    _check_models(settings)
    return task


def _make(env_id: str | None, task: TaskSpec | None) -> None:
    """Check that environments can be made. A person's own is made later, in a locked process."""
    from reward_synth.simulators import open_by_id, open_environment
    from reward_synth.simulators.custom.files import name_environment

    if env_id is not None and ":" not in (named := name_environment(env_id)):
        open_by_id(named).close()
    if task is not None and ":" not in task.environment.id:
        open_environment(task).close()


def check_learner(task: TaskSpec | None, settings: Settings) -> None:
    """Refuse a wrong preset now, because it would otherwise fail after the first model calls."""
    from reward_synth.training.presets import preset_for

    if task is not None:
        preset_for(task, settings.learner)


def _check_models(settings: Settings) -> None:
    from reward_synth.llm import open_model
    from reward_synth.llm.local import require_xllamacpp
    from reward_synth.methods.registry import METHODS

    asked: tuple[RoleName, ...] = ("designer", "task_drafter", *METHODS[settings.method].roles)
    names = {settings.model_for(role) or "local" for role in asked}
    if "local" in names:
        require_xllamacpp()
    # The embedded model starts (and downloads) inside the run, where the display shows it.
    for name in sorted(names - {"local", "manual"}):
        open_model(name, base_url=None if needs_no_server(name) else settings.base_url).close()
    if settings.budget is not None:
        _check_prices(names, settings.base_url)


def _check_prices(names: set[str], base_url: str | None) -> None:
    """Refuse a limit in dollars for a model without a price: it could never take effect."""
    for name in sorted(names):
        if price_of(name, base_url) is not None:
            continue
        raise RewardSynthError(
            f"--budget cannot be kept: the price of {name} is unknown",
            "drop --budget, and limit the run with --iterations, --samples or --time-limit",
        )


def refuse_unnamed_file(resolved: Resolved) -> None:
    """Refuse an environment file that only a configuration file names: it is a program that nobody asked to run."""
    from reward_synth.simulators.custom.files import is_file_id

    settings = resolved.settings
    for name in ("env", "task"):
        if not resolved.origins[name].endswith((".env", CONFIG_NAME)):
            continue
        value = settings.env if name == "env" else settings.task
        if value and name == "task" and value.endswith((".yaml", ".yml")):
            value = load_task(value).environment.id
        if value and is_file_id(value):
            raise RewardSynthError(
                f"{resolved.origins[name]} would have the file {value.partition(':')[0]} run unseen",
                f"if you trust it, name it yourself: --{name} {settings.env if name == 'env' else settings.task}",
            )
