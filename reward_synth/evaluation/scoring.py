"""Scores recorded episodes by the task's success and fitness, in a locked process."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Literal

from reward_synth.core.deaths import tried_again
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import EpisodeScore, Finding
from reward_synth.reward.contract import RewardError
from reward_synth.reward.lint import lint
from reward_synth.reward.probe_rules import PROBE
from reward_synth.sandbox.process import ScoringProcess
from reward_synth.state.episode import Episode
from reward_synth.state.table import FieldTable
from reward_synth.state.view import Layout
from reward_synth.tasks.spec import TaskSpec


def scoring_process(spec: TaskSpec, layout: Layout) -> ScoringProcess:
    """The process that decides success and fitness of recorded episodes, whose rows have this ``layout``.

    :raises RewardSynthError: the spec's code breaks a rule, for example reads a field that does not exist.
    """
    pieces: tuple[tuple[Literal["success", "fitness"], str], ...] = (
        ("success", spec.success),
        ("fitness", spec.fitness),
    )
    for entry, code in pieces:
        report = lint(code, layout, entry=entry)
        faults = [finding for finding in report.findings if finding.severity == "error"]
        if faults:
            raise _unusable(f"'{entry}' of the task {spec.name}", faults[0], spec)
    try:
        return ScoringProcess(spec.success, spec.fitness, layout)
    except RewardError as error:
        raise _unusable(f"the success or fitness of the task {spec.name}", error.finding, spec) from error


def _unusable(what: str, finding: Finding, spec: TaskSpec) -> RewardSynthError:
    where = f", line {finding.line} of it" if finding.line else ""
    hint = finding.fix or "docs/guide/tasks.md shows what success and fitness may contain"
    if finding.rule == "unknown-field":
        hint += f"; all fields: reward-synth tasks fields {shlex.quote(spec.environment.id)}"
    return RewardSynthError(f"{what} cannot be used{where}: {finding.message}", hint=hint)


def measured_table(task: TaskSpec, table: FieldTable) -> FieldTable:
    """The fields that the task's success and fitness read. Recording only these is several times faster."""
    return table.subset(measured_fields(task, table.layout()))


def measured_fields(task: TaskSpec, layout: Layout) -> tuple[str, ...]:
    """Names of the fields that the task's success and fitness read, in the layout's order."""
    names = {*lint(task.success, layout, "success").fields, *lint(task.fitness, layout, "fitness").fields}
    return tuple(name for name, _ in layout if name in names)


def score_episodes(task: TaskSpec, table: FieldTable, episodes: Sequence[Episode]) -> list[EpisodeScore]:
    """Score episodes by the task's success predicate and fitness. They were recorded with ``table``.

    :raises RewardError: success or fitness fails on an episode, or gives another value the second time.
    """

    def scored() -> list[EpisodeScore]:
        with scoring_process(task, table.layout()) as process:
            return _scores(process, episodes)

    return tried_again(scored)


def score_with(process: ScoringProcess, episodes: Sequence[Episode]) -> list[EpisodeScore]:
    """Like :func:`score_episodes`, with a running ``process``, because a locked process cannot start one.

    :raises RewardSynthError: instead of :class:`RewardError`, which would look like a fault of the trained reward.
    """
    try:
        return _scores(process, episodes)
    except RewardError as error:
        message = f"the task's success or fitness fails on an episode: {error.finding.as_text()}"
        raise RewardSynthError(message, "docs/guide/tasks.md shows what success and fitness may contain") from error


def _scores(process: ScoringProcess, episodes: Sequence[Episode]) -> list[EpisodeScore]:
    found = [_score(process, episode) for episode in episodes]
    again = [_score(process, episode) for episode in reversed(episodes)]
    if found != again[::-1]:
        # A model may have drafted the measures. One with a memory could make the last episode look best.
        message = "it judges the same episode differently when it is asked again"
        raise RewardError(PROBE["impure"].finding(message, "keep nothing outside of it"))
    return found


def _score(process: ScoringProcess, episode: Episode) -> EpisodeScore:
    return process.score(
        episode.rows, episode.actions, dt=episode.dt, horizon=episode.horizon, terminated=episode.terminated
    )
