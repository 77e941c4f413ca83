"""Before the first reward: which environment the goal is about, and what decides that it is reached."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Finding
from reward_synth.evaluation.play import field_table, seconds_per_step
from reward_synth.events.bus import Emit
from reward_synth.events.model import StatusChanged, Warned
from reward_synth.preparation.learner_choice import LearnerChoice, choose_learner
from reward_synth.preparation.measure_trial import DOUBTS, KnownEpisodes, Trial, disagreement
from reward_synth.preparation.preflight import try_environment
from reward_synth.preparation.seen import what_was_seen
from reward_synth.reward.contract import RewardError
from reward_synth.reward.lint import lint
from reward_synth.roles.task_drafter import Drafted, Measures, TaskDrafter
from reward_synth.settings.model import Settings
from reward_synth.simulators import describe_environment, environments
from reward_synth.simulators.custom.files import bare_id
from reward_synth.state.table import FieldTable
from reward_synth.store import RunStore
from reward_synth.tasks.spec import EnvironmentSpec, TaskSpec, list_tasks, save_own_task, with_scale

SHORTEST_HORIZON = 20
"""Steps of the shortest episode that a model may ask for."""
Confirm = Callable[[TaskSpec], bool]
"""Shows a drafted task to the person; True if they accept it."""


def task_name(simulator: str, goal: str) -> str:
    """A task's name out of its goal: ``gym/hop_backwards``."""
    return f"{simulator}/{_slug(goal)}"


def draft_task(
    goal: str,
    settings: Settings,
    drafter: TaskDrafter,
    store: RunStore,
    emit: Emit,
    confirm: Confirm | None,
) -> TaskSpec:
    """The task for a goal that no spec covers: a model drafts success and fitness, which are tried and shown.

    Learner, budget and the scale of the reward are frozen with them.

    :raises RewardSynthError: the measures cannot be used, or nobody accepted them.
    """
    if settings.env is not None:
        environment = bare_id(settings.env)
    else:
        environment, exchange = drafter.choose_environment(goal, environments())
        store.write_exchange(None, exchange.role, exchange.prompt, exchange.answer)
        emit(StatusChanged(text=f"the model chose {environment} for this goal (name another with --env)"))
    spec = EnvironmentSpec.of(environment)
    try_environment(spec, sandbox=not settings.unsafe_no_sandbox)
    table = field_table(spec)
    choice = choose_learner(spec, list_tasks())
    emit(StatusChanged(text=f"training {choice.reason}"))
    check = MeasureCheck(_without_measures(goal, spec, choice), table)
    small = drafter.model.small
    shown = table.for_rewards().essential() if small else table
    ask = partial(
        drafter.draft_measures,
        goal,
        shown.for_rewards().stub() if small else shown.stub(judged=True, grouped=True),
        environment=describe_environment(environment),
        horizon=choice.horizon,
        dt=seconds_per_step(spec),
        check=check,
        layout=shown.layout(),
        seen="" if small else what_was_seen(shown, check.known),
    )
    emit(StatusChanged(text="asking the model what success is"))
    drafted = ask()
    errors, warnings = drafted.findings, check.warnings
    if not errors:
        emit(StatusChanged(text="asking for a second opinion on what success is"))
        errors = check.compare(drafted, second := ask(again=True))
        drafted = replace(drafted, exchanges=(*drafted.exchanges, *second.exchanges))
    for exchange in drafted.exchanges:
        store.write_exchange(None, exchange.role, exchange.prompt, exchange.answer)
    task = with_scale(check.task_of(drafted), settings.scale)
    _accept(task, errors, warnings, settings, store, emit, confirm)
    return task


def _accept(
    task: TaskSpec,
    errors: Sequence[Finding],
    warnings: Sequence[Finding],
    settings: Settings,
    store: RunStore,
    emit: Emit,
    confirm: Confirm | None,
) -> None:
    """Put the draft before the person; with ``yes``, only where nothing speaks against it.

    :raises RewardSynthError: nobody accepted it, or it cannot be used.
    """
    unusable = [finding for finding in errors if finding.id not in DOUBTS]
    if unusable:
        raise RewardSynthError(
            f"the model's success measure for this goal is not usable: {unusable[0].message}",
            "try a stronger --model, or write a task file (docs/guide/tasks.md) and pass --task FILE",
        )
    emit(StatusChanged(text=f"success: {' '.join(task.success.split())}"))
    emit(StatusChanged(text=f"fitness ({task.fitness_unit}): {' '.join(task.fitness.split())}"))
    if settings.yes and not errors:
        return
    for finding in (*errors, *warnings):
        emit(Warned(text=finding.message))
    if confirm is not None and confirm(task):
        return
    draft = store.path / "task.draft.yaml"
    save_own_task(task, draft)
    if errors:
        raise RewardSynthError(
            f"the model's success measure for this goal is doubtful: {errors[0].message}",
            f"read it in {draft}; edit it and pass --task {draft}, or try a stronger --model",
        )
    raise RewardSynthError(
        "nobody accepted the success measure that was drafted for this goal",
        f"read it in {draft}; accept with --yes, or edit it and pass --task {draft}",
    )


def _without_measures(goal: str, spec: EnvironmentSpec, choice: LearnerChoice) -> TaskSpec:
    """The task as it is before a model says what success is: an episode never succeeds, and none is better."""
    return TaskSpec(
        name=task_name(spec.simulator, goal),
        goal=goal,
        simulator=spec.simulator,
        environment=spec.environment,
        horizon=choice.horizon,
        success="False",
        fitness="0.0",
        fitness_unit="",
        training=choice.training,
        evaluation=choice.evaluation,
        drafted=True,
        source=f"drafted by a model; training {choice.reason}",
    )


class MeasureCheck:
    """What is wrong with drafted measures: lint first, then what they say of episodes that are known.

    :param task: the task without measures.
    """

    def __init__(self, task: TaskSpec, table: FieldTable) -> None:
        self._task = task
        self._table = table
        self._known: dict[int, KnownEpisodes] = {}
        self.warnings: tuple[Finding, ...] = ()
        """What is doubtful, but may be so for a good reason, of the newest draft that passed the lint."""

    def task_of(self, drafted: Drafted | Measures) -> TaskSpec:
        """The task with these measures."""
        longest = self._task.horizon
        changes = {
            "success": drafted.success,
            "fitness": drafted.fitness,
            "fitness_unit": drafted.fitness_unit,
            "notes": drafted.explanation,
            "horizon": min(max(drafted.horizon or longest, SHORTEST_HORIZON), longest),
        }
        return self._task.model_copy(update=changes)

    @property
    def known(self) -> KnownEpisodes:
        """The episodes of the task as long as it is before a model says otherwise."""
        return self._known_as_long_as(self._task)

    def _known_as_long_as(self, task: TaskSpec) -> KnownEpisodes:
        if task.horizon not in self._known:
            self._known[task.horizon] = KnownEpisodes(
                self._task.model_copy(update={"horizon": task.horizon}), self._table
            )
        return self._known[task.horizon]

    def _trial(self, task: TaskSpec) -> Trial:
        return self._known_as_long_as(task).trial(task)

    def __call__(self, measures: Measures) -> tuple[Finding, ...]:
        """Errors only; measures that pass have none."""
        self.warnings = ()
        layout = self._table.layout()
        found = (
            *lint(measures.success, layout, "success").findings,
            *lint(measures.fitness, layout, "fitness").findings,
        )
        errors = tuple(finding for finding in found if finding.severity == "error")
        if errors:
            return errors
        try:
            doubts = tuple(self._trial(self.task_of(measures)).doubts())
        except RewardError as error:
            return (error.finding,)
        self.warnings = tuple(finding for finding in doubts if finding.severity != "error")
        return tuple(finding for finding in doubts if finding.severity == "error")

    def compare(self, drafted: Drafted, second: Drafted) -> tuple[Finding, ...]:
        """What an independent draft says differently; nothing where that draft cannot be used itself."""
        if second.findings:
            return ()
        # Both on the first one's episodes: an episode counts the same however long the other would let it last.
        horizon = self.task_of(drafted).horizon
        tasks = (self.task_of(each).model_copy(update={"horizon": horizon}) for each in (drafted, second))
        found = disagreement(*map(self._trial, tasks))
        return () if found is None else (found.model_copy(update={"fix": second.explanation or second.success}),)


def _slug(goal: str) -> str:
    """The goal's first words as a name of at most 40 characters; no word is cut, unless it is the only one."""
    words = re.sub(r"[^a-z0-9]+", "_", goal.lower()).strip("_")
    whole = words if len(words) <= 40 else words[:41].rpartition("_")[0] or words[:40]
    return whole or "goal"
