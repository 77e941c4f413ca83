"""Turns a run's history into the brief that a designer reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reward_synth.core.feedback import Feedback
from reward_synth.core.types import Candidate
from reward_synth.evaluation.select import UNKNOWN
from reward_synth.methods.base import History
from reward_synth.preferences import Judgement, Workbench
from reward_synth.preferences.episodes import stored_episodes
from reward_synth.preferences.words import judgement_text
from reward_synth.roles.brief import Attempt, Brief
from reward_synth.roles.examples import retrieve
from reward_synth.settings.model import Settings
from reward_synth.simulators import describe_environment
from reward_synth.state.table import FieldTable
from reward_synth.tasks.matching import says_the_same
from reward_synth.tasks.spec import TaskSpec
from reward_synth.training.presets import describe, leaves_out, preset_for

ATTEMPTS_SHOWN = 2
LESSONS_SHOWN = 3


def first_brief(
    task: TaskSpec,
    goal: str,
    table: FieldTable,
    dt: float,
    settings: Settings,
    small: bool,
    *,
    falls: bool = True,
    unseen: Sequence[str] = (),
    seen: str = "",
) -> Brief:
    """The brief before anything was tried.

    :param goal: the goal in the person's words.
    :param dt: simulated seconds per step.
    :param falls: see :class:`~reward_synth.roles.brief.Brief`.
    :param unseen: fields that the policy does not observe.
    :param seen: see :class:`~reward_synth.roles.brief.Brief`.
    """
    table = table.for_rewards()
    return Brief(
        goal=goal,
        environment=describe_environment(task.environment.id, task.environment.arguments),
        stub=table.stub(grouped=True),
        short_stub=table.stub(short=True),
        fields=table.names,
        horizon=task.horizon,
        dt=dt,
        seconds=task.horizon * dt,
        examples=tuple(retrieve(goal, task.environment.id, settings.shots, task.name)),
        small=small,
        layout=table.layout(),
        action_size=len(table.actions),
        scale=task.training.scale,
        meaning=_meaning(task, goal),
        training=_training(task, settings, unseen),
        falls=falls,
        seen=seen,
    )


def _training(task: TaskSpec, settings: Settings, unseen: Sequence[str]) -> str:
    """Text on the learner and on what it does not observe. It omits the foresight of a preset not yet chosen."""
    told = [_learner(task, settings)]
    if unseen:
        told.append(leaves_out(unseen))
    if task.drafted and task.training.preset is None and settings.learner is None:
        told.append("Presets race on the first sound reward, so it may be made to look further ahead.")
    return " ".join(told)


def _learner(task: TaskSpec, settings: Settings) -> str:
    steps = settings.steps or task.training.steps
    return describe(preset_for(task, settings.learner), steps, task.environment.observes)


def _meaning(task: TaskSpec, goal: str) -> str:
    """What success means, if the person's sentence does not say it; for a drafted measure, the draft's own notes."""
    if task.drafted:
        return task.notes
    return "" if says_the_same(goal, task.goal) else task.goal


def opening_brief(history: History) -> Brief:
    """Like :func:`first_brief`, for a run."""
    goal = history.store.info.goal
    told = (history.task, goal, history.table, history.dt, history.settings, history.small)
    return first_brief(*told, falls=history.falls, unseen=history.unseen, seen=history.seen)


def brief_for(history: History) -> Brief:
    """The opening brief plus what was learnt: the best rewards, lessons, the last reflection, the person's words."""
    rejected = [c for c in history.candidates if c.status in ("rejected", "crashed")]
    readings = history.readings
    attempts = _attempts(history)
    return replace(
        opening_brief(history),
        attempts=attempts,
        ordered=ordered_behaviours(history, attempts),
        analysis=readings[max(readings)] if readings else "",
        feedback=tuple(text for answer in history.answers if (text := words_of(answer))),
        findings=tuple(dict.fromkeys(c.reason for c in rejected if c.reason))[-LESSONS_SHOWN:],
    )


def words_of(answer: Feedback) -> str:
    """A person's answer as prompt text; empty if it says nothing."""
    preference = f"I prefer the behaviour of {answer.prefer}." if answer.prefer else ""
    moments = (
        f"At {moment.second:.1f} s of an episode of {moment.candidate or 'a script'}: {moment.note}"
        for moment in answer.moments
    )
    return "\n".join(text for text in (answer.note, preference, *moments) if text)


def ordered_behaviours(history: History, attempts: Sequence[Attempt]) -> str:
    """The person's order of recorded episodes, and what these rewards pay there, as prompt text; empty without one."""
    judgement = Judgement.of(history.answers)
    if not judgement.ids:
        return ""
    episodes = stored_episodes(history.store, history.table, 0, judgement.ids)
    bench = Workbench(history.store, history.task, history.table, episodes)
    return judgement_text(bench, judgement, [(attempt.id, attempt.source) for attempt in attempts])


def _attempts(history: History) -> tuple[Attempt, ...]:
    """The best trained rewards; those that the person preferred come first."""
    trained = [c for c in history.candidates if c.status == "trained"]
    preferred = {answer.prefer: number for number, answer in enumerate(history.answers, start=1) if answer.prefer}
    agreed = history.agreed
    ranked = sorted(trained, key=lambda c: (preferred.get(c.id, 0), agreed.get(c.id, UNKNOWN), c.score), reverse=True)
    # A continued training has its parent's reward, so only the better of the two is shown.
    by_source: dict[str, Candidate] = {}
    for candidate in ranked:
        by_source.setdefault(history.source(candidate.id), candidate)
    shown = list(by_source.items())[: 1 if history.small else ATTEMPTS_SHOWN]
    return tuple(Attempt(c.id, source, history.summary(c.id)) for source, c in shown)
