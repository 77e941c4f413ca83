"""What a reward pays on recorded episodes, term by term.

The figure of an episode is its **reward per step of a whole episode**: the undiscounted sum, divided by the steps that
the episode would have had. That is the horizon if the environment ended it, since nothing is paid after a fall, and the
recorded length otherwise, since a recording of 150 steps is a part of an episode of 1,000. A plain sum would rank
recordings by their length. The mean over recorded steps would hide that a fall ends the pay, or that it ends a
punishment, which is what learners exploit. It is not discounted: a person judges the whole film, learners differ in
how far they look ahead, and the end of an episode would count nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.arrays import FloatArray
from reward_synth.core.deaths import tried_again
from reward_synth.core.names import ScaleName
from reward_synth.core.types import Finding
from reward_synth.reward.contract import RewardError
from reward_synth.reward.lint import lint
from reward_synth.reward.probe_rules import PROBE
from reward_synth.reward.scale import recorded_scale, totals
from reward_synth.reward.vector.checked import FIRST
from reward_synth.sandbox.channel import Channel
from reward_synth.sandbox.process import RewardProcess
from reward_synth.state.episode import Episode
from reward_synth.state.table import FieldTable
from reward_synth.state.view import Layout

LONGEST = 20.0
"""Seconds for all episodes. Each batch has a deadline of its own, but a slow reward with memory has many batches."""
CHECKED_ROWS = 32
"""Rows of each of the first batches. The process runs these by both forms of the reward, so they must be small."""
BATCH_BYTES = 4 << 20
"""A larger batch is not computed faster, and is copied several times."""


@dataclass(frozen=True, eq=False)
class Payment:
    """What a reward pays on each of N episodes. All figures are per step of a whole episode.

    :param findings: of the lint, and of the run if the reward failed there.
    :param ids: the episodes; empty if the reward could not be run.
    :param terms: names of the K terms.
    :param pay: (N,), the reward.
    :param per_term: (N, K). With the scale ``sign``, terms do not add up to the reward.
    """

    findings: tuple[Finding, ...]
    ids: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    pay: FloatArray = field(default_factory=lambda: np.zeros(0))
    per_term: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def ok(self) -> bool:
        """True if the reward could be run on all episodes."""
        return bool(self.ids)


class _Transitions(NamedTuple):
    """The transitions of all episodes, one after the other, with the columns that a reward reads."""

    states: FloatArray
    actions: FloatArray
    next_states: FloatArray
    lengths: NDArray[np.intp]

    @property
    def starts(self) -> NDArray[np.intp]:
        """The first transition of each episode."""
        return np.cumsum(self.lengths) - self.lengths


def pay_of(
    source: str,
    table: FieldTable,
    episodes: Mapping[str, Episode],
    scale: ScaleName,
    start: Callable[[], Channel | None] = lambda: None,
) -> Payment:
    """Lint a reward, and run it in the locked process on all transitions of these episodes.

    :param table: the fields that the episodes were recorded with.
    :param episodes: by their ids.
    :param scale: how terms become the reward, unless the source says it in its first line.
    :param start: gives a locked process that was started ahead, or None to start one.
    :returns: the payment, which holds only findings if the reward is at fault.
    :raises RewardSynthError: no process can be started, or the source names an unknown scale.
    """
    shown = table.for_rewards()
    report = lint(source, shown.layout(), action_size=len(shown.actions))
    if not report.ok or not episodes:
        return Payment(report.findings)
    layout = table.subset(report.fields).layout()
    rows = [each.subset(report.fields) for each in episodes.values()]
    transitions = _Transitions(
        np.concatenate([each[:-1] for each in rows]),
        np.concatenate([each.actions for each in episodes.values()]),
        np.concatenate([each[1:] for each in rows]),
        np.array([each.length for each in episodes.values()]),
    )
    try:
        terms = report.terms or None
        names, values = tried_again(lambda: _run(source, layout, transitions, report.uses_memory, terms, start()))
    except RewardError as error:
        return Payment((*report.findings, _located(error, episodes, transitions)))
    whole = np.array([each.horizon if each.terminated else each.length for each in episodes.values()])
    paid = totals(values, names, recorded_scale(source) or scale)
    return Payment(
        findings=report.findings,
        ids=tuple(episodes),
        terms=names,
        pay=np.add.reduceat(paid, transitions.starts) / whole,
        per_term=np.add.reduceat(values, transitions.starts) / whole[:, None],
    )


def _run(
    source: str,
    layout: Layout,
    transitions: _Transitions,
    uses_memory: bool,
    terms: tuple[str, ...] | None,
    channel: Channel | None = None,
) -> tuple[tuple[str, ...], FloatArray]:
    """Names of the terms, and their values (transitions, K).

    :param terms: names in the text; None finds them out, row by row, which takes several times longer.
    :raises RewardError: the reward fails; its row is a transition.
    """
    batches = _in_step(transitions) if uses_memory else _in_chunks(transitions)
    parts: list[tuple[NDArray[np.intp], FloatArray]] = []
    begun = time.monotonic()
    try:
        with RewardProcess(source, layout, transitions.actions.shape[1], terms, channel=channel) as process:
            for rows, first in batches:
                if time.monotonic() - begun > LONGEST:
                    fix = "compute less in each step; a reward without `memory` is run for many steps at once"
                    raise RewardError(PROBE["deadline"].finding(f"it was not done within {LONGEST:g} s", fix))
                parts.append((rows, _batch(process, transitions, rows, first)))
            names = process.terms
    except RewardError as error:
        if terms is None or error.finding.rule != "new-term":
            raise
        return _run(source, layout, transitions, uses_memory, None)
    values = np.zeros((len(transitions.states), len(names)))
    for rows, found in parts:
        values[rows, : found.shape[1]] = found
    return names, values


def _batch(process: RewardProcess, transitions: _Transitions, rows: NDArray[np.intp], first: bool) -> FloatArray:
    states, actions, next_states, _ = transitions
    try:
        return process.evaluate(states[rows], actions[rows], next_states[rows], np.full(len(rows), first)).terms
    except RewardError as error:
        raise RewardError(error.finding, None if error.row is None else int(rows[error.row])) from error


def _in_chunks(transitions: _Transitions) -> Iterable[tuple[NDArray[np.intp], bool]]:
    """Batches for a reward without memory: small ones from everywhere, on which its forms are compared, then all."""
    count = len(transitions.states)
    sample = np.random.default_rng(0).integers(count, size=(FIRST, CHECKED_ROWS))
    yield from ((rows, False) for rows in sample)
    row_bytes = 8 * (2 * transitions.states.shape[1] + transitions.actions.shape[1])
    chunk = max(CHECKED_ROWS, BATCH_BYTES // row_bytes)
    yield from ((np.arange(start, min(start + chunk, count)), False) for start in range(0, count, chunk))


def _in_step(transitions: _Transitions) -> Iterable[tuple[NDArray[np.intp], bool]]:
    """Batches for a reward with memory: all episodes side by side, so that row i stays the same episode."""
    # The longest episodes come first, so that those still running are the first rows of every batch.
    ranking = np.argsort(-transitions.lengths, kind="stable")
    starts, lengths = transitions.starts[ranking], transitions.lengths[ranking]
    yield from ((starts[lengths > step] + step, step == 0) for step in range(int(lengths.max())))


def _located(error: RewardError, episodes: Mapping[str, Episode], transitions: _Transitions) -> Finding:
    """The finding, with the episode and the second at which the reward failed."""
    if error.row is None:
        return error.finding
    number = int(np.searchsorted(transitions.starts, error.row, side="right")) - 1
    name, failed = list(episodes.items())[number]
    second = (error.row - int(transitions.starts[number])) * failed.dt
    where = f"{error.finding.message}, at {second:.2f} s of the episode {name}"
    return error.finding.model_copy(update={"message": where})
