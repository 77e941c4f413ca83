"""Spearman's rank correlation."""

from __future__ import annotations

import numpy as np

from reward_synth.core.arrays import FloatArray


def rank_correlation(first: FloatArray, second: FloatArray) -> float | None:
    """Spearman's rank correlation; None if either does not vary."""
    if np.ptp(first) < 1e-12 or np.ptp(second) < 1e-12:
        return None
    return float(np.corrcoef(_ranks(first), _ranks(second))[0, 1])


def _ranks(values: FloatArray) -> FloatArray:
    # Ties share their mean rank: episodes that fail in the same way must not be ranked.
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: FloatArray = ((last - counts + 1 + last) / 2.0)[inverse]
    return ranks
