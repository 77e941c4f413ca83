"""How the signs of reward terms become the learner's reward."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.arrays import FloatArray
from reward_synth.reward.scale import DENSE_SIZE, SPARSE_SIZE, signs, sparse_terms

Mask = NDArray[np.bool_]


class SignScale:
    """Auto MC-Reward's rule: ``sign(sparse) * 1 + sign(dense) * 0.1`` (Li et al., CVPR 2024, arXiv 2312.09238).

    Terms whose names begin with ``sparse`` are summed, and so are all others; only the signs of the two sums count.
    So in one step, dense terms cannot outweigh the goal, whatever their size. Over an episode they still can: a hundred
    dense steps are worth ten goals. Therefore the dense sums of episodes are recorded; they change no reward. For one
    step outside of a training, :func:`~reward_synth.reward.scale.total_by_sign` is the same rule.

    :param names: names of the terms, in order.
    :param environments: how many are stepped side by side.
    """

    def __init__(self, names: tuple[str, ...], environments: int) -> None:
        self._sparse = sparse_terms(names)
        self._sums = np.zeros(environments)
        self.extremes: tuple[float, float] | None = None
        """Smallest and largest sum of the dense part over an episode, so far; a success is worth 1. None before the
        first episode has ended."""

    def pay(self, terms: FloatArray, stepped: Mask | slice = slice(None)) -> FloatArray:
        """Rewards (n,) for terms (n, k).

        :param stepped: environments that made this step; the others' sums stay as they are.
        """
        dense = DENSE_SIZE * signs(terms[:, ~self._sparse].sum(axis=1))
        self._sums[stepped] += dense[stepped]
        paid: FloatArray = SPARSE_SIZE * signs(terms[:, self._sparse].sum(axis=1)) + dense
        return paid

    def end(self, dones: Mask) -> None:
        """Record the dense sums of episodes that have ended."""
        ended = self._sums[dones]
        low, high = float(ended.min()), float(ended.max())
        known = self.extremes or (low, high)
        self.extremes = (min(low, known[0]), max(high, known[1]))
        self._sums[dones] = 0.0

    def forget(self) -> None:
        """Drop the dense sums of unfinished episodes."""
        self._sums[:] = 0.0
