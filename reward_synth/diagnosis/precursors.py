"""Finds the state fields that are unusual shortly before an episode fails, whether or not the reward reads them.

A mean over all episodes hides why a tenth of them fails, and an author cannot write a reward against a cause that was
never reported: for example, that a zombie stood beside the player each time the player died.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.diagnosis.trajectories import Played, series_of
from reward_synth.state.table import FieldTable

LAST_STEPS = 10
FEWEST = 3
"""The smallest number of failed episodes; fewer prove nothing."""
CERTAIN = 3.0
"""Standard deviations of the rank sum from chance. Of a hundred fields, fewer than one is so far off by chance."""
SAME = 0.9
"""Fields whose correlation reaches this say the same, so only the clearest one is reported."""
MOST = 6


@dataclass(frozen=True)
class Precursor:
    """One scalar quantity that is unusual before a failure."""

    name: str
    unit: str
    before: float
    """Median over the failed episodes of its mean in the :data:`LAST_STEPS` states before the last one."""
    otherwise: float
    """Median over all episodes of its mean in all other states."""
    deviations: float
    """Distance between the two in rank, in standard deviations of chance; positive if larger before a failure."""


def precursors(played: Sequence[Played], table: FieldTable) -> tuple[Precursor, ...]:
    """The quantities that are unusual before failed episodes end, the clearest first; none if too few episodes failed.

    Left out are the last state itself (that a dead player is dead says nothing), the fields that a reward must not
    read, and episodes that are too short to compare their end with the rest.
    """
    names = [field.name for field in table if not field.judge_only]
    before, others = [], []
    for one in played:
        series = series_of(one.episode, table, names)
        until = None
        if one.score.fell and one.score.length > 2 * LAST_STEPS:
            until = -LAST_STEPS - 1
            before.append([float(each.values[until:-1].mean()) for each in series])
        others.append([float(each.values[:until].mean()) for each in series])
    if len(before) < FEWEST:
        return ()
    found: list[tuple[Precursor, FloatArray]] = []
    for place, each in enumerate(series):
        first, second = np.array(before)[:, place], np.array(others)[:, place]
        away = rank_deviations(first, second)
        if abs(away) >= CERTAIN:
            told = Precursor(each.name, each.unit, float(np.median(first)), float(np.median(second)), away)
            found.append((told, np.concatenate([first, second])))
    found.sort(key=lambda pair: -abs(pair[0].deviations))
    kept: list[tuple[Precursor, FloatArray]] = []
    for told, values in found:
        if all(abs(np.corrcoef(values, other)[0, 1]) < SAME for _, other in kept):
            kept.append((told, values))
    return tuple(told for told, _ in kept[:MOST])


def rank_deviations(first: FloatArray, second: FloatArray) -> float:
    """Mann and Whitney's rank sum of ``first`` among both, in standard deviations from chance; ties share a rank.

    :returns: positive if ``first`` ranks higher; 0 if all values are equal.
    """
    values, inverse, counts = np.unique(np.concatenate([first, second]), return_inverse=True, return_counts=True)
    if len(values) < 2:
        return 0.0
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    n, m, total = len(first), len(second), len(inverse)
    ties = float((counts**3 - counts).sum()) / (total * (total - 1))
    return float((ranks[:n].sum() - n * (total + 1) / 2) / np.sqrt(n * m / 12 * (total + 1 - ties)))
