"""The terms of a reward at each step of recorded episodes, computed in the locked process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.arrays import FloatArray
from reward_synth.core.deaths import tried_again
from reward_synth.core.types import CheckReport
from reward_synth.core.waiting import Deadline
from reward_synth.reward.contract import RewardError
from reward_synth.reward.lint import lint
from reward_synth.reward.probe_rules import PROBE
from reward_synth.reward.vector.checked import FIRST
from reward_synth.sandbox.channel import Channel
from reward_synth.sandbox.process import CALL_SECONDS, RewardProcess
from reward_synth.state.episode import Episode
from reward_synth.state.view import Layout, sublayout

CHECKED_ROWS = 32
"""Rows of each of the first batches. The process runs these by both forms of the reward, so they must be small."""
BATCH_BYTES = 4 << 20
"""A larger batch is not computed faster, and is copied several times."""


_Kept = dict[tuple[str, Layout, int, tuple[str, ...]], RewardProcess]
_KEPT: ContextVar[_Kept | None] = ContextVar("_KEPT", default=None)


class Transitions(NamedTuple):
    """The transitions of all episodes, one after the other, with the columns that a reward reads."""

    layout: Layout
    states: FloatArray
    actions: FloatArray
    next_states: FloatArray
    lengths: NDArray[np.intp]

    @classmethod
    def of(cls, episodes: Sequence[Episode], fields: Sequence[str]) -> Self:
        """The transitions of episodes that were recorded with one layout; KeyError for an unknown field."""
        rows = [each.subset(fields) for each in episodes]
        return cls(
            sublayout(episodes[0].layout, fields),
            np.concatenate([each[:-1] for each in rows]),
            np.concatenate([each.actions for each in episodes]),
            np.concatenate([each[1:] for each in rows]),
            np.array([each.length for each in episodes]),
        )

    @property
    def starts(self) -> NDArray[np.intp]:
        """The first transition of each episode."""
        return np.cumsum(self.lengths) - self.lengths

    def joined(self, other: Transitions) -> Transitions:
        """These, and after them those of another of the same layout."""
        parts = (np.concatenate(pair) for pair in zip(self[1:], other[1:], strict=True))
        return Transitions(self.layout, *parts)


def episode_terms(source: str, report: CheckReport, episodes: Sequence[Episode]) -> list[FloatArray]:
    """Each term at each step of episodes that were recorded with one layout: one array (steps, terms) per episode.

    :raises RewardError: the reward fails on a transition.
    """
    transitions = Transitions.of(episodes, report.fields)
    return np.split(terms_at(source, report, episodes[0].layout, transitions), transitions.starts[1:])


def terms_at(source: str, report: CheckReport, layout: Layout, transitions: Transitions) -> FloatArray:
    """Each term at each transition, (transitions, terms).

    :param layout: all fields of the environment.
    :raises RewardError: the reward fails on a transition.
    """
    uses_memory = lint(source, layout).uses_memory
    _, values = tried_again(lambda: run(source, transitions, uses_memory, report.terms))
    return values


def run(
    source: str,
    transitions: Transitions,
    uses_memory: bool,
    terms: tuple[str, ...] | None,
    channel: Channel | None = None,
    longest: float | None = None,
) -> tuple[tuple[str, ...], FloatArray]:
    """Names of the terms, and their values (transitions, K).

    :param terms: the names, which are then fixed; None finds them out, row by row, which takes several times longer.
    :param channel: a locked process that was started ahead, or None to start one.
    :param longest: seconds for all of it. Each batch has a deadline of its own besides.
    :raises RewardError: the reward fails; its row is a transition.
    """
    batches = _in_step(transitions) if uses_memory else _in_chunks(transitions)
    parts: list[tuple[NDArray[np.intp], FloatArray]] = []
    total = None if longest is None else Deadline(longest)
    with _opened(source, transitions, terms, channel) as process:
        for rows, first in batches:
            if total is not None and not total.wait():
                fix = "compute less in each step; a reward without `memory` is run for many steps at once"
                raise RewardError(PROBE["deadline"].finding(f"it was not done within {longest:g} s", fix))
            process.deadline = Deadline(CALL_SECONDS, total)
            parts.append((rows, _batch(process, transitions, rows, first)))
        names = process.terms
    values = np.zeros((len(transitions.states), len(names)))
    for rows, found in parts:
        values[rows, : found.shape[1]] = found
    return names, values


@contextmanager
def kept_processes() -> Iterator[None]:
    """Keep the locked processes of rewards for the next call, since starting one takes longer than most calls.

    They end with the block. One whose call failed ends at once.
    """
    kept: _Kept = {}
    token = _KEPT.set(kept)
    try:
        yield
    finally:
        _KEPT.reset(token)
        for process in kept.values():
            process.close()


@contextmanager
def _opened(
    source: str, transitions: Transitions, terms: tuple[str, ...] | None, channel: Channel | None
) -> Iterator[RewardProcess]:
    """A process of the reward: one that was kept, or a new one."""
    kept, size = _KEPT.get(), transitions.actions.shape[1]
    if kept is None or terms is None or channel is not None:
        with RewardProcess(source, transitions.layout, size, terms, channel=channel) as process:
            yield process
        return
    key = (source, transitions.layout, size, terms)
    process = kept.pop(key) if key in kept else RewardProcess(source, transitions.layout, size, terms)
    try:
        yield process
    except BaseException:
        process.close()
        raise
    kept[key] = process


def _batch(process: RewardProcess, transitions: Transitions, rows: NDArray[np.intp], first: bool) -> FloatArray:
    _, states, actions, next_states, _ = transitions
    try:
        return process.evaluate(states[rows], actions[rows], next_states[rows], np.full(len(rows), first)).terms
    except RewardError as error:
        raise RewardError(error.finding, None if error.row is None else int(rows[error.row])) from error


def _in_chunks(transitions: Transitions) -> Iterable[tuple[NDArray[np.intp], bool]]:
    """Batches for a reward without memory: small ones from everywhere, on which its forms are compared, then all."""
    count = len(transitions.states)
    sample = np.random.default_rng(0).integers(count, size=(FIRST, CHECKED_ROWS))
    yield from ((rows, False) for rows in sample)
    row_bytes = 8 * (2 * transitions.states.shape[1] + transitions.actions.shape[1])
    chunk = max(CHECKED_ROWS, BATCH_BYTES // row_bytes)
    yield from ((np.arange(start, min(start + chunk, count)), False) for start in range(0, count, chunk))


def _in_step(transitions: Transitions) -> Iterable[tuple[NDArray[np.intp], bool]]:
    """Batches for a reward with memory: all episodes side by side, so that row i stays the same episode."""
    # The longest episodes come first, so that those still running are the first rows of every batch.
    ranking = np.argsort(-transitions.lengths, kind="stable")
    starts, lengths = transitions.starts[ranking], transitions.lengths[ranking]
    yield from ((starts[lengths > step] + step, step == 0) for step in range(int(lengths.max())))
