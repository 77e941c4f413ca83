"""How much of a quantity other quantities leave open, estimated from recorded episodes.

It is predicted in episodes that were not fitted, and the better one of several predictors counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.arrays import FloatArray

FOLDS = 4
NEIGHBOURS, RIDGE = 5, 1e-4
RESAMPLES, LOWER = 200, 0.025
RARE = 0.2
"""Share of the steps in which a quantity must differ from its most frequent value. A contact now and then says nothing:
the few steps in which it is made are not enough to predict it from."""
Predictor = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
"""Takes what is known, (N, D), and the quantity beside it, (N,), and what it is asked for, (M, D); gives (M,)."""
MOST_PAIRED = 32
"""Numbers of which each two are multiplied."""


class Share(NamedTuple):
    """The share of a quantity's variance that is not explained, and the lower end of its 95 % interval."""

    value: float
    low: float


def linear(known: FloatArray, target: FloatArray, asked: FloatArray) -> FloatArray:
    """Least squares over the numbers and their products, with a slight pull to 0: a hand's speed is one of these."""
    one, other = _products(known), _products(asked)
    weights = np.linalg.solve(one.T @ one + RIDGE * len(one) * np.eye(one.shape[1]), one.T @ target)
    predicted: FloatArray = other @ weights
    return np.clip(predicted, target.min(), target.max())


def _products(part: FloatArray) -> FloatArray:
    """1, the numbers, and the product of each two, or their squares where there are many."""
    size = part.shape[1]
    first, second = np.triu_indices(size) if size <= MOST_PAIRED else (np.arange(size),) * 2
    return np.concatenate([np.ones((len(part), 1)), part, part[:, first] * part[:, second]], axis=1)


def nearest(known: FloatArray, target: FloatArray, asked: FloatArray) -> FloatArray:
    """The mean of the nearest neighbours."""
    squares = (asked**2).sum(axis=1)[:, None] - 2.0 * asked @ known.T + (known**2).sum(axis=1)
    places: NDArray[np.intp] = np.argpartition(squares, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    predicted: FloatArray = target[places].mean(axis=1)
    return predicted


def unexplained(
    values: Sequence[FloatArray], seen: Sequence[FloatArray], predictors: Sequence[Predictor] = (linear, nearest)
) -> Share | None:
    """How much of a quantity cannot be predicted from what is seen.

    :param values: (T, 1) of each episode.
    :param seen: (T, D) of each episode.
    :param predictors: of them, the one that does best counts.
    :returns: None if the quantity is nearly always the same.
    """
    target = np.concatenate(values)[:, 0]
    if float((np.abs(target - np.median(target)) > 1e-9 * (1.0 + np.abs(target).max())).mean()) < RARE:
        return None
    of = np.repeat(np.arange(len(values)), [len(each) for each in values])
    known = np.concatenate(seen)
    spread = known.std(axis=0)
    known = (known - known.mean(axis=0))[:, spread > 1e-9] / spread[spread > 1e-9]
    errors = np.zeros((len(predictors), len(target)))
    for fold in range(FOLDS):
        out = of % FOLDS == fold
        for place, predict in enumerate(predictors):
            errors[place, out] = (target[out] - predict(known[~out], target[~out], known[out])) ** 2
    better = errors[int(np.argmin(errors.sum(axis=1)))]
    deviation = (target - target.mean()) ** 2
    parts = np.array([[better[of == n].sum(), deviation[of == n].sum()] for n in range(len(values))])
    drawn = np.random.default_rng(0).integers(len(parts), size=(RESAMPLES, len(parts)))
    sums = parts[drawn].sum(axis=1)
    ratios = sums[:, 0] / np.maximum(sums[:, 1], 1e-300)
    whole = parts.sum(axis=0)
    return Share(float(whole[0] / whole[1]), float(np.quantile(ratios, LOWER)))
