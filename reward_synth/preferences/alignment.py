"""How well the figures of episodes agree with a person's order: the trajectory alignment coefficient.

Muslimani et al., *Towards Improving Reward Design in RL* (2025) and *The Trajectory Alignment Coefficient in Two Acts*
(2026, arXiv 2601.16906) define it as Kendall's tau-b between a person's order of trajectories and the order by a
reward's returns. Over all pairs of episodes that the person has compared, let C be the pairs that the reward orders
like the person, D those that it orders the other way round, T those that the person ordered and the reward pays alike,
and S those that the person called the same and the reward does not pay alike. Then::

    coefficient = (C - D) / sqrt((C + D + T) * (C + D + S))

It is 1 for the person's order, -1 for its opposite, and about 0 for an order that has nothing to do with it. A person
may order whole groups (groupwise comparison: arXiv 2507.04340). Members of one group were not compared with each other,
so their pairs do not count; with few large groups there are still many pairs. Pairs of which the person cannot tell do
not count either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.agreement import Agreement
from reward_synth.core.arrays import FloatArray
from reward_synth.core.feedback import Feedback, PairAnswer

RESAMPLES = 1000
FEWEST = 4
"""Compared episodes for an interval. Resampling fewer shows hardly any spread."""
ALIKE = 1e-9
"""Two figures are alike if they differ by less than this share of the largest one."""
_SEED = 0
"""Fixed, so that the same figures always give the same interval."""
Signs = NDArray[np.float64]
"""(N, N), antisymmetric: 1 where the row's episode is better than the column's, -1 where it is worse, 0 elsewhere."""


@dataclass(frozen=True)
class Judgement:
    """What a person has said about episodes.

    :param order: episodes by rank, best first.
    :param pairs: answers about two episodes. They count more than the order, which compares groups.
    """

    order: tuple[tuple[str, ...], ...] = ()
    pairs: tuple[PairAnswer, ...] = ()

    @classmethod
    def of(cls, answers: Iterable[Feedback]) -> Judgement:
        """The latest order of a run's answers, with all its pairs; of two answers about a pair the later one counts."""
        said = list(answers)
        order = next((answer.order for answer in reversed(said) if answer.order is not None), ())
        latest = {frozenset((pair.first, pair.second)): pair for answer in said for pair in answer.pairs}
        return cls(order, tuple(latest.values()))

    @property
    def ids(self) -> frozenset[str]:
        """All episodes that were judged."""
        ordered = {each for rank in self.order for each in rank}
        return frozenset(ordered | {each for pair in self.pairs for each in (pair.first, pair.second)})

    def compared(self, ids: Sequence[str]) -> tuple[Signs, NDArray[np.bool_]]:
        """Which of these episodes is better (N, N), and which pairs were compared at all (N, N)."""
        place = {name: number for number, name in enumerate(ids)}
        rank = np.full(len(ids), -1)
        for number, names in enumerate(self.order):
            rank[[place[name] for name in names if name in place]] = number
        signs = np.sign(rank[None, :] - rank[:, None]).astype(np.float64)
        ordered = rank >= 0
        signs[~(ordered[:, None] & ordered[None, :])] = 0.0
        known = signs != 0.0
        for pair in self.pairs:
            if pair.first in place and pair.second in place:
                one, other = place[pair.first], place[pair.second]
                sign = {"first": 1.0, "second": -1.0}.get(pair.answer, 0.0)
                signs[one, other], signs[other, one] = sign, -sign
                known[one, other] = known[other, one] = pair.answer != "cannot tell" and one != other
        return signs, known


def figure_signs(figures: FloatArray) -> Signs:
    """Which episode has the larger figure, (N, N); figures that differ by rounding only are alike."""
    apart = figures[:, None] - figures[None, :]
    least = ALIKE * float(np.abs(figures).max(initial=0.0))
    return np.sign(np.where(np.abs(apart) <= least, 0.0, apart))


def agreement(
    figures: FloatArray, ids: Sequence[str], judgement: Judgement, comparable: NDArray[np.bool_] | None = None
) -> Agreement | None:
    """The trajectory alignment coefficient, with a 95 % bootstrap interval over the compared episodes.

    :param figures: one per episode, higher is better: a reward's pay, or the task's fitness.
    :param comparable: (N, N), False for pairs of episodes whose figures cannot be compared; None takes all.
    :return: None if no pair was compared, or if the figures are alike in all of them.
    """
    wanted, compared = judgement.compared(ids)
    known = compared if comparable is None else compared & comparable
    left_out = int(compared.sum() - known.sum()) // 2
    judged = known.any(axis=1)
    # Only judged episodes are resampled: the others would make samples of fewer pairs, and no other figure.
    wanted, known = wanted[np.ix_(judged, judged)], known[np.ix_(judged, judged)]
    paid = figure_signs(figures)[np.ix_(judged, judged)]
    count = len(paid)
    counted = known.astype(np.float64)
    parts: list[FloatArray] = [counted * wanted * paid, counted * np.abs(wanted), counted * np.abs(paid)]
    value = _coefficients(parts, np.ones((1, count)))[0] if count else np.nan
    if not np.isfinite(value):
        return None
    interval = None
    if count >= FEWEST:
        drawn = np.random.default_rng(_SEED).multinomial(count, np.full(count, 1.0 / count), RESAMPLES)
        values = _coefficients(parts, drawn.astype(np.float64))
        low, high = np.nanquantile(values, (0.025, 0.975))
        interval = float(low), float(high)
    return Agreement(value=float(value), interval=interval, pairs=int(known.sum()) // 2, left_out=left_out)


def _coefficients(parts: list[FloatArray], weights: FloatArray) -> FloatArray:
    """The coefficient for each row of weights (R, N), which say how often each episode counts; NaN where undefined."""
    agreeing, wanted, paid = (np.einsum("ri,ri->r", weights @ part, weights) for part in parts)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: FloatArray = agreeing / np.sqrt(wanted * paid)
    return found


def disagreeing_share(figures: FloatArray, ids: Sequence[str], judgement: Judgement) -> tuple[FloatArray, FloatArray]:
    """Of each episode's compared pairs, the share that the figures order the other way round; and how many there are.

    :return: shares (N,), NaN for an episode without compared pairs, and numbers of pairs (N,).
    """
    wanted, known = judgement.compared(ids)
    against = (known & (wanted * figure_signs(figures) < 0.0)).sum(axis=1).astype(np.float64)
    pairs = known.sum(axis=1).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return against / pairs, pairs
