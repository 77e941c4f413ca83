"""Intervals of means over seeds, and the interquartile mean, which is robust against outliers."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

from reward_synth.core.arrays import FloatArray

RESAMPLES = 10_000
_BATCH = 500
_NORMAL = NormalDist()
_SEED = 0
"""Fixed, so that the same figures always give the same interval."""


def mean_interval(figures: FloatArray, confidence: float = 0.95) -> tuple[float, float] | None:
    """Bootstrap interval of the mean over seeds and episodes, bias-corrected and accelerated (BCa, Efron 1987).

    Episodes of one policy are alike, so pooling them would make the interval too narrow. Each resample therefore draws
    seeds with replacement, and then episodes within each drawn seed (two-stage bootstrap, Davison and Hinkley 1997,
    section 3.8). The acceleration comes from leaving out one seed at a time. For one episode per seed this is the plain
    bootstrap. Few seeds carry little information: an interval over 5 seeds contains the truth less often than 95 %.

    :param figures: one row per seed, one column per episode.
    :return: None for fewer than two seeds, or if all figures are equal: resampling shows no spread then.
    """
    seeds, episodes = figures.shape
    if seeds < 2 or float(np.ptp(figures)) == 0.0:
        return None
    generator = np.random.default_rng(_SEED)
    means = np.concatenate(
        [
            figures[
                generator.integers(seeds, size=(_BATCH, seeds, 1)),
                generator.integers(episodes, size=(_BATCH, seeds, episodes)),
            ].mean(axis=(1, 2))
            for _ in range(RESAMPLES // _BATCH)
        ]
    )
    mean, tolerance = float(figures.mean()), 1e-12 * float(np.abs(figures).max())
    # Success takes few values, so many resamples equal the mean. Half of them count as below it.
    below = float(np.mean(means < mean - tolerance) + np.mean(np.abs(means - mean) <= tolerance) / 2)
    bias = _NORMAL.inv_cdf(min(max(below, 1 / (2 * RESAMPLES)), 1 - 1 / (2 * RESAMPLES)))
    acceleration = _acceleration(figures.mean(axis=1))
    tail = _NORMAL.inv_cdf((1 - confidence) / 2)
    shares = [_NORMAL.cdf(bias + (bias + score) / (1 - acceleration * (bias + score))) for score in (tail, -tail)]
    low, high = np.quantile(means, shares)
    return float(low), float(high)


def _acceleration(figures: FloatArray) -> float:
    """How fast the mean's spread changes with the mean, from the means without one seed each (the jackknife)."""
    left_out = (figures.sum() - figures) / (len(figures) - 1)
    distances = left_out.mean() - left_out
    spread = float((distances**2).sum())
    return 0.0 if spread == 0.0 else float((distances**3).sum()) / (6 * spread**1.5)


def interquartile_mean(figures: FloatArray) -> float | None:
    """The mean without the lowest and highest quarter, rounded down (Agarwal et al. 2021); None for fewer than 4."""
    if len(figures) < 4:
        return None
    cut = math.floor(len(figures) / 4)
    return float(np.sort(figures)[cut : len(figures) - cut].mean())
