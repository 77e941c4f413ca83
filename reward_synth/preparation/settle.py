"""Before the first reward: which environment the goal is about, and what decides that it is reached."""

from __future__ import annotations

import re
from collections.abc import Callable

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Finding
from reward_synth.evaluation.play import field_table, seconds_per_step
from reward_synth.events.bus import Emit
from reward_synth.events.model import StatusChanged
from reward_synth.preparation.preflight import try_environment
from reward_synth.reward.contract import RewardError
from reward_synth.reward.lint import lint
from reward_synth.reward.probe_rules import PROBE
from reward_synth.roles.task_drafter import TaskDrafter
from reward_synth.screening.reference_episodes import record_reference_episodes
from reward_synth.settings.model import Settings
from reward_synth.simulators import describe_environment, environments
from reward_synth.simulators.custom.files import bare_id
from reward_synth.state.table import FieldTable
from reward_synth.store import RunStore
from reward_synth.tasks.spec import EnvironmentSpec, TaskSpec, save_own_task, with_scale

Confirm = Callable[[TaskSpec], bool]
"""Shows a drafted task to the person; True if they accept it."""


def task_name(simulator: str, goal: str) -> str:
    """A task's name out of its goal: ``gym/hop_backwards``."""
    return f"{simulator}/{_slug(goal)}"


def drafted_task(goal: str, spec: EnvironmentSpec, success: str, fitness: str, unit: str, notes: str) -> TaskSpec:
    """The task of measures that a model drafted."""
    return TaskSpec(
        name=task_name(spec.simulator, goal),
        goal=goal,
        simulator=spec.simulator,
        environment=spec.environment,
        horizon=spec.horizon,
        success=success,
        fitness=fitness,
        fitness_unit=unit,
        notes=notes,
        drafted=True,
        source="drafted by a model",
    )


def draft_task(
    goal: str,
    settings: Settings,
    drafter: TaskDrafter,
    store: RunStore,
    emit: Emit,
    confirm: Confirm | None,
) -> TaskSpec:
    """The task for a goal that no spec covers: a model drafts success and fitness, which are checked and shown.

    The scale of the reward, if one was typed, is frozen with them.

    :raises RewardSynthError: the measures cannot be used, or nobody accepted them.
    """
    known = environments()
    if settings.env is not None:
        environment = bare_id(settings.env)
    else:
        environment, exchange = drafter.choose_environment(goal, known)
        store.write_exchange(None, exchange.role, exchange.prompt, exchange.answer)
        emit(StatusChanged(text=f"the model chose {environment} for this goal (name another with --env)"))
    spec = EnvironmentSpec.of(environment)
    try_environment(spec, sandbox=not settings.unsafe_no_sandbox)
    table = field_table(spec)
    shown = table.for_rewards()
    shown = shown.essential() if drafter.model.small else shown
    drafted = drafter.draft_measures(
        goal,
        shown.stub(),
        environment=describe_environment(environment),
        horizon=spec.horizon,
        dt=seconds_per_step(spec),
        check=MeasureCheck(goal, spec, table),
        layout=shown.layout(),
    )
    for exchange in drafted.exchanges:
        store.write_exchange(None, exchange.role, exchange.prompt, exchange.answer)
    if drafted.findings:
        raise RewardSynthError(
            f"the model's success measure for this goal is not usable: {drafted.findings[0].message}",
            "try a stronger --model, or write a task file (docs/guide/tasks.md) and pass --task FILE",
        )
    task = drafted_task(goal, spec, drafted.success, drafted.fitness, drafted.fitness_unit, drafted.explanation)
    if not settings.yes and (confirm is None or not confirm(task)):
        draft = store.path / "task.draft.yaml"
        save_own_task(task, draft)
        raise RewardSynthError(
            "nobody accepted the success measure that was drafted for this goal",
            f"read it in {draft}; accept with --yes, or edit it and pass --task {draft}",
        )
    return with_scale(task, settings.scale)


class MeasureCheck:
    """What is wrong with a drafted measure: lint first, then what it says of reference episodes."""

    def __init__(self, goal: str, spec: EnvironmentSpec, table: FieldTable) -> None:
        self._goal = goal
        self._spec = spec
        self._table = table

    def __call__(self, entry: str, source: str) -> tuple[Finding, ...]:
        """Errors only; a measure that passes has none."""
        found = lint(source, self._table.layout(), "success" if entry == "success" else "fitness").findings
        errors = tuple(finding for finding in found if finding.severity == "error")
        # Each is tried beside a constant in place of the other, which the model may not have written yet.
        measures = {"success": "False", "fitness": "0.0"} | {entry: source}
        task = drafted_task(self._goal, self._spec, **measures, unit="", notes="")
        return errors or _faults_on_episodes(task, self._table, entry)


def _faults_on_episodes(task: TaskSpec, table: FieldTable, entry: str) -> tuple[Finding, ...]:
    """It must run on reference episodes; success must not be met by all, fitness must tell them apart."""
    try:
        measured = record_reference_episodes(task, table).scores
    except RewardError as error:
        return (error.finding,)
    if entry == "success" and all(m.success for m in measured):
        message = f"success is true in all {len(measured)} scripted episodes, doing nothing among them"
        return (PROBE["always-successful"].finding(message),)
    if entry == "fitness" and len({m.fitness for m in measured}) == 1:
        message = f"fitness is {measured[0].fitness:g} in all {len(measured)} scripted episodes"
        return (PROBE["constant-fitness"].finding(message),)
    return ()


def _slug(goal: str) -> str:
    """The goal's first words as a name of at most 40 characters; no word is cut, unless it is the only one."""
    words = re.sub(r"[^a-z0-9]+", "_", goal.lower()).strip("_")
    whole = words if len(words) <= 40 else words[:41].rpartition("_")[0] or words[:40]
    return whole or "goal"
