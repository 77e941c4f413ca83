"""What a reward pays on recorded episodes, term by term.

The figure of an episode is its **reward per step of a whole episode**: the undiscounted sum, divided by the steps that
the episode would have had. That is the horizon if the environment ended it, since nothing is paid after a fall, and the
recorded length otherwise, since a recording of 150 steps is a part of an episode of 1,000. A plain sum would rank
recordings by their length. The mean over recorded steps would hide that a fall ends the pay, or that it ends a
punishment, which is what learners exploit. It is not discounted: a person judges the whole film, learners differ in
how far they look ahead, and the end of an episode would count nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.deaths import tried_again
from reward_synth.core.names import ScaleName
from reward_synth.core.types import Finding
from reward_synth.reward.contract import RewardError
from reward_synth.reward.lint import LintReport, lint
from reward_synth.reward.scale import recorded_scale, totals
from reward_synth.sandbox.channel import Channel
from reward_synth.screening.terms import Transitions, run
from reward_synth.state.episode import Episode
from reward_synth.state.table import FieldTable

LONGEST = 20.0
"""Seconds for all episodes. A slow reward with memory has many batches."""


@dataclass(frozen=True, eq=False)
class Payment:
    """What a reward pays on each of N episodes. All figures are per step of a whole episode.

    :param findings: of the lint, and of the run if the reward failed there.
    :param ids: the episodes; empty if the reward could not be run.
    :param terms: names of the K terms.
    :param pay: (N,), the reward.
    :param per_term: (N, K). With the scale ``sign``, terms do not add up to the reward.
    :param rewards: (T,) of each episode, the reward of each step.
    """

    findings: tuple[Finding, ...]
    ids: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    pay: FloatArray = field(default_factory=lambda: np.zeros(0))
    per_term: FloatArray = field(default_factory=lambda: np.zeros((0, 0)))
    rewards: tuple[FloatArray, ...] = ()

    @property
    def ok(self) -> bool:
        """True if the reward could be run on all episodes."""
        return bool(self.ids)


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
    transitions = Transitions.of(tuple(episodes.values()), report.fields)
    try:
        names, values = _paid(source, transitions, report, start)
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
        rewards=tuple(np.split(paid, transitions.starts[1:])),
    )


def _paid(
    source: str, transitions: Transitions, report: LintReport, start: Callable[[], Channel | None]
) -> tuple[tuple[str, ...], FloatArray]:
    """Names of the terms, and their values (transitions, K)."""

    def paid(terms: tuple[str, ...] | None) -> tuple[tuple[str, ...], FloatArray]:
        return tried_again(lambda: run(source, transitions, report.uses_memory, terms, start(), LONGEST))

    try:
        return paid(report.terms or None)
    except RewardError as error:
        if not report.terms or error.finding.rule != "new-term":
            raise
        return paid(None)


def _located(error: RewardError, episodes: Mapping[str, Episode], transitions: Transitions) -> Finding:
    """The finding, with the episode and the second at which the reward failed."""
    if error.row is None:
        return error.finding
    number = int(np.searchsorted(transitions.starts, error.row, side="right")) - 1
    name, failed = list(episodes.items())[number]
    second = (error.row - int(transitions.starts[number])) * failed.dt
    where = f"{error.finding.message}, at {second:.2f} s of the episode {name}"
    return error.finding.model_copy(update={"message": where})
