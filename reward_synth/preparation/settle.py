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
from reward_synth.screening.reference_episodes import record_behaviours
from reward_synth.settings.model import Settings
from reward_synth.simulators import describe_environment, environments, get_simulator, simulator_of
from reward_synth.simulators.custom.files import bare_id
from reward_synth.state.table import FieldTable
from reward_synth.store import RunStore
from reward_synth.tasks.spec import Environment, TaskSpec, save_own_task, with_scale

Confirm = Callable[[TaskSpec], bool]
"""Shows a drafted task to the person; True if they accept it."""


def blank_task(goal: str, environment: str) -> TaskSpec:
    """A task whose success and fitness are still to be written."""
    simulator = simulator_of(environment)
    return TaskSpec(
        name=f"{simulator}/{_slug(goal)}",
        goal=goal,
        simulator=simulator,
        environment=Environment(id=environment),
        horizon=get_simulator(simulator).horizon(environment),
        success="False",
        fitness="0.0",
        fitness_unit="",
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
    blank = blank_task(goal, environment)
    try_environment(blank, sandbox=not settings.unsafe_no_sandbox)
    table = field_table(blank)
    shown = table.for_rewards()
    shown = shown.essential() if drafter.model.small else shown
    drafted = drafter.draft_measures(
        goal,
        shown.stub(),
        environment=describe_environment(environment),
        horizon=blank.horizon,
        dt=seconds_per_step(blank),
        check=MeasureCheck(blank, table),
        layout=shown.layout(),
    )
    for exchange in drafted.exchanges:
        store.write_exchange(None, exchange.role, exchange.prompt, exchange.answer)
    if drafted.findings:
        raise RewardSynthError(
            f"the model's success measure for this goal is not usable: {drafted.findings[0].message}",
            "try a stronger --model, or write a task file (docs/guide/tasks.md) and pass --task FILE",
        )
    task = blank.model_copy(
        update={
            "success": drafted.success,
            "fitness": drafted.fitness,
            "fitness_unit": drafted.fitness_unit,
            "notes": drafted.explanation,
        }
    )
    if not settings.yes and (confirm is None or not confirm(task)):
        draft = store.path / "task.draft.yaml"
        save_own_task(task, draft)
        raise RewardSynthError(
            "nobody accepted the success measure that was drafted for this goal",
            f"read it in {draft}; accept with --yes, or edit it and pass --task {draft}",
        )
    return with_scale(task, settings.scale)


class MeasureCheck:
    """What is wrong with a drafted measure: lint first, then what it says of scripted behaviours."""

    def __init__(self, blank: TaskSpec, table: FieldTable) -> None:
        self._blank = blank
        self._table = table

    def __call__(self, entry: str, source: str) -> tuple[Finding, ...]:
        """Errors only; a measure that passes has none."""
        found = lint(source, self._table.layout(), "success" if entry == "success" else "fitness").findings
        errors = tuple(finding for finding in found if finding.severity == "error")
        task = self._blank.model_copy(update={entry: source})
        return errors or _faults_on_behaviours(task, self._table, entry)


def _faults_on_behaviours(task: TaskSpec, table: FieldTable, entry: str) -> tuple[Finding, ...]:
    """It must run on scripted behaviours; success must not be met by all, fitness must tell them apart."""
    try:
        measured = record_behaviours(task, table).measurements
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
