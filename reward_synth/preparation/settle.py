"""Settles, before the first reward, which environment the goal is about and how success is measured."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property, partial
from typing import Literal

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import write_text
from reward_synth.core.types import Finding
from reward_synth.core.waiting import told_if_long
from reward_synth.evaluation.play import field_table, seconds_per_step
from reward_synth.events.bus import Emit
from reward_synth.events.model import StatusChanged, Warned
from reward_synth.preparation.amounts import quantities
from reward_synth.preparation.learner_choice import LearnerChoice, choose_learner
from reward_synth.preparation.measure_trial import DOUBTS, KnownEpisodes, Trial, disagreement
from reward_synth.preparation.preflight import try_environment, unseen_by_policy
from reward_synth.preparation.seen import what_was_seen
from reward_synth.reward.contract import RewardError
from reward_synth.reward.lint import lint
from reward_synth.reward.lint.rules import RULES as LINT_RULES
from reward_synth.reward.probe_rules import PROBE
from reward_synth.roles.brief import Layout
from reward_synth.roles.task_drafter import Drafted, GoalBrief, Measures, TaskDrafter
from reward_synth.settings.model import Settings
from reward_synth.simulators import describe_environment, environments
from reward_synth.simulators.custom.files import bare_id
from reward_synth.state.more_seen import MoreSeen
from reward_synth.state.table import FieldTable
from reward_synth.store import RunStore
from reward_synth.tasks.spec import EnvironmentSpec, TaskSpec, list_tasks, save_own_task, with_observes, with_scale
from reward_synth.training.presets import describe, leaves_out, preset_for

ALONE = PROBE["no-second-draft"]
UNKNOWN_FIELD = LINT_RULES["unknown-field"]
SHORTEST_HORIZON = 20
"""The shortest horizon, in steps, that a model may ask for."""
Confirm = Callable[[TaskSpec], bool]
"""Shows a drafted task to the person; True if they accept it."""


def task_name(simulator: str, goal: str) -> str:
    """A task's name made from its goal: ``gym/hop_backwards``."""
    return f"{simulator}/{_slug(goal)}"


def draft_task(
    goal: str,
    settings: Settings,
    drafter: TaskDrafter,
    store: RunStore,
    emit: Emit,
    confirm: Confirm | None,
) -> TaskSpec:
    """Make the task for a goal without a spec: a model drafts success and fitness, which are tried and shown.

    Learner, budget and the reward's scale are frozen with them.

    :raises RewardSynthError: the measures cannot be used, or nobody accepted them.
    """
    if settings.env is not None:
        environment = bare_id(settings.env)
    else:
        environment, exchange = drafter.choose_environment(goal, environments())
        store.write_exchange(None, exchange.role, exchange.prompt, exchange.answer)
        emit(StatusChanged(text=f"the model chose {environment} for this goal (name another with --env)"))
    spec = EnvironmentSpec.of(environment)
    with told_if_long(lambda text: emit(StatusChanged(text=text))):
        try_environment(spec, sandbox=not settings.unsafe_no_sandbox)
    table = field_table(spec)
    # Other learners learn from fewer steps, which cost more each.
    joints = len(table.actions) if settings.learner in (None, "ppo") and not table.discrete else 0
    choice = choose_learner(spec, list_tasks(), joints=joints)
    emit(StatusChanged(text=f"training {choice.reason}"))
    check = MeasureCheck(_without_measures(goal, spec, choice), table)
    draft = _fill_in_forms if drafter.model.small else _draft_twice
    drafted, second = draft(goal, spec, check, drafter, emit)
    for exchange in (*drafted.exchanges, *(second.exchanges if second is not None else ())):
        store.write_exchange(None, exchange.role, exchange.prompt, exchange.answer)
    task = with_scale(check.task_of(drafted), settings.scale)
    if second is not None:
        measures = {"success": second.success, "fitness": second.fitness, "fitness_unit": second.fitness_unit}
        measures["notes"] = second.explanation
        save_own_task(task.model_copy(update=measures), store.second_opinion_path)
    _accept(task, drafted, settings, store, emit, confirm)
    if drafted.reward:
        write_text(store.form_reward_path, drafted.reward)
    return task


def _draft_twice(
    goal: str, spec: EnvironmentSpec, check: MeasureCheck, drafter: TaskDrafter, emit: Emit
) -> tuple[Drafted, Drafted | None]:
    """A draft, and an independent second one to compare it with; the second is None if it cannot be used."""
    brief = _brief(goal, spec, check, check.table.stub(judged=True, grouped=True))
    seen = what_was_seen(check.table, check.known.aimless, check.known.experts)
    ask = partial(drafter.draft_measures, brief, check=check, seen=seen)
    emit(StatusChanged(text="asking the model what success is"))
    drafted = ask()
    if drafted.errors:
        return drafted, None
    emit(StatusChanged(text="asking for a second opinion on what success is"))
    try:
        second = ask(again=True)
    except RewardSynthError as error:
        return replace(drafted, findings=(ALONE.finding(str(error)), *drafted.findings)), None
    drafted = replace(drafted, findings=(*check.compare(drafted, second), *drafted.findings))
    return drafted, None if second.errors else second


def _fill_in_forms(
    goal: str, spec: EnvironmentSpec, check: MeasureCheck, drafter: TaskDrafter, emit: Emit
) -> tuple[Drafted, None]:
    """A draft of a small model, which writes no code: it chooses among options computed from recorded episodes.

    :raises RewardSynthError: no number of the state moves.
    """
    table = check.table.for_rewards().essential()
    offered = quantities(table, check.known, goal)
    if not offered:
        raise RewardSynthError(
            f"{spec.environment.id} has no number that a small model could speak of",
            "name fields of your own (docs/guide/own-environment.md), or try a stronger --model",
        )
    emit(StatusChanged(text="asking the model what success is"))
    drafted = drafter.fill_in_forms(
        _brief(goal, spec, check, table.stub()),
        quantities=offered,
        may_end_early=any(episode.terminated for episode in check.known.aimless),
        check=check,
        unseen=check.unseen,
    )
    return drafted, None


def _brief(goal: str, spec: EnvironmentSpec, check: MeasureCheck, stub: str) -> GoalBrief:
    what = describe_environment(spec.environment.id)
    return GoalBrief(goal, stub, what, check.horizon, seconds_per_step(spec), check.training)


def _accept(
    task: TaskSpec,
    drafted: Drafted,
    settings: Settings,
    store: RunStore,
    emit: Emit,
    confirm: Confirm | None,
) -> None:
    """Ask the person to accept the draft. With ``yes``, a draft without errors is accepted.

    :raises RewardSynthError: nobody accepted it, or it cannot be used.
    """
    errors = drafted.errors
    unusable = [finding for finding in errors if finding.id not in DOUBTS]
    if unusable:
        raise RewardSynthError(
            f"the model's success measure for this goal is not usable: {unusable[0].message}",
            "try a stronger --model, or write a task file (docs/guide/tasks.md) and pass --task FILE",
        )
    emit(StatusChanged(text=_shown("success", task.success)))
    emit(StatusChanged(text=_shown(f"fitness ({task.fitness_unit})", task.fitness)))
    if task.environment.observes:
        emit(StatusChanged(text=f"policies also see: {', '.join(task.environment.observes)}"))
    if settings.yes and not errors:
        return
    for finding in (*errors, *drafted.warnings):
        emit(Warned(text=finding.message))
    if confirm is not None and confirm(task):
        return
    draft = store.draft_path
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


def _shown(name: str, code: str) -> str:
    """A measure as text for a person; a function keeps its lines."""
    lines = code.strip().splitlines()
    return f"{name}: {lines[0]}" if len(lines) == 1 else "\n    ".join((f"{name}:", *lines))


def _without_measures(goal: str, spec: EnvironmentSpec, choice: LearnerChoice) -> TaskSpec:
    """The task before a model drafts its measures: no episode succeeds, and all have the same fitness."""
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
    """Checks drafted measures: first by the lint, then on episodes whose behaviour is known.

    :param task: the task without measures.
    """

    def __init__(self, task: TaskSpec, table: FieldTable) -> None:
        self._task = task
        self.table = table
        self.horizon = task.horizon
        """The longest horizon, in steps, that a draft may ask for."""
        self._known: dict[int, KnownEpisodes] = {}

    @cached_property
    def training(self) -> str:
        """Who will learn the goal, for how long, and what it does not observe, in words."""
        learner = describe(preset_for(self._task), self._task.training.steps)
        return f"{learner} {leaves_out(self.unseen)}".rstrip()

    @cached_property
    def unseen(self) -> tuple[str, ...]:
        """The fields that a policy does not observe."""
        return unseen_by_policy(self._task, self.table)

    def task_of(self, measures: Measures) -> TaskSpec:
        """The task with these measures."""
        changes = {
            "success": measures.success,
            "fitness": measures.fitness,
            "fitness_unit": measures.fitness_unit,
            "notes": measures.explanation,
            "horizon": min(max(measures.horizon or self.horizon, SHORTEST_HORIZON), self.horizon),
        }
        return with_observes(self._task.model_copy(update=changes), measures.observes)

    @property
    def known(self) -> KnownEpisodes:
        """The episodes recorded with the task's original horizon."""
        return self._known_as_long_as(self._task)

    def _known_as_long_as(self, task: TaskSpec) -> KnownEpisodes:
        if task.horizon not in self._known:
            self._known[task.horizon] = KnownEpisodes(
                self._task.model_copy(update={"horizon": task.horizon}), self.table
            )
        return self._known[task.horizon]

    def _trial(self, task: TaskSpec) -> Trial:
        return self._known_as_long_as(task).trial(task)

    def __call__(self, measures: Measures) -> tuple[Finding, ...]:
        """Errors and warnings on the measures; from the lint errors only."""
        layout = self.table.layout()
        if errors := (
            *_faults(measures.success, layout, "success"),
            *_faults(measures.fitness, layout, "fitness"),
        ):
            return errors
        try:
            MoreSeen(measures.observes, self.table, self.horizon)
        except RewardSynthError as error:
            return (UNKNOWN_FIELD.finding(f"in observes, {error.message}", error.hint),)
        try:
            task = self.task_of(measures)
            return (*self._trial(task).doubts(), *self._known_as_long_as(task).unseen_start(task))
        except RewardError as error:
            return (error.finding,)

    def compare(self, drafted: Drafted, second: Drafted) -> tuple[Finding, ...]:
        """A finding if an independent draft disagrees, or if there is no usable one."""
        if second.errors:
            return (ALONE.finding(f"no second draft could be used: {second.errors[0].message}"),)
        # Both are tried on the episodes of the first, because two horizons would not be comparable.
        horizon = self.task_of(drafted).horizon
        tasks = (self.task_of(each).model_copy(update={"horizon": horizon}) for each in (drafted, second))
        found = disagreement(*map(self._trial, tasks))
        return () if found is None else (found.model_copy(update={"fix": second.explanation or second.success}),)


def _faults(code: str, layout: Layout, entry: Literal["success", "fitness"]) -> Iterator[Finding]:
    """The lint's errors, each with the name of its measure."""
    for finding in lint(code, layout, entry).findings:
        if finding.severity == "error":
            yield finding.model_copy(update={"message": f"in {entry}, {finding.message}"})


def _slug(goal: str) -> str:
    """The goal's first words as a name of at most 40 characters; only a single too long word is cut."""
    words = re.sub(r"[^a-z0-9]+", "_", goal.lower()).strip("_")
    whole = words if len(words) <= 40 else words[:41].rpartition("_")[0] or words[:40]
    return whole or "goal"
