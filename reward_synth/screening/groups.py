"""Groups of episodes with a like behaviour, and how each differs from the others, in words.

A person orders a few groups faster than a hundred episodes (groupwise comparison: arXiv 2507.04340). An episode is
described by summaries of each field; k-medoids (Kaufman and Rousseeuw 1990) forms the groups, and the mean silhouette
(Rousseeuw 1987) says how many. Nothing is drawn at random, so the same episodes always give the same groups.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.number_format import percent, with_unit
from reward_synth.state.episode import Episode
from reward_synth.state.fields import SWITCH_UNIT, Field
from reward_synth.state.table import FieldTable

MOST_GROUPS = 8
FINER = 0.9
"""The largest number of groups whose silhouette is at least this share of the best one: the best one is often 2."""
WORDS = 3
"""Differences that are told of a group."""
MEASURED = 3.0
"""Fields that the task's measure reads count so many times as much: the goal is about them."""
TELLING = 0.5
"""Robust standard deviations by which a group must differ in a summary that is told."""
FAR = 3.0
"""Robust standard deviations; what lies farther out counts no more, so that one wild episode is not a group each."""
SLIGHT = 0.05
"""A figure is not told if it differs by a smaller share: among episodes that are all alike, it may still be telling."""
ROUNDING = 1e-3
"""A figure that is a smaller share of the one beside it is told as 0."""
END = 0.1
"""The last share of an episode, which its end is the mean of."""


@dataclass(frozen=True)
class Group:
    """Episodes with a like behaviour."""

    typical: str
    """Id of the episode that is nearest to all others, the medoid."""
    members: tuple[str, ...]
    """Ids of all its episodes, the most typical ones first."""
    words: str
    """How it differs from the other groups."""


@dataclass(frozen=True)
class _Summary:
    """One figure of an episode: how it is told, its unit, and the field that it is of."""

    field: str
    words: str
    unit: str


class Behaviours:
    """Episodes by their behaviour.

    :param episodes: by their ids, recorded with ``table``.
    :param table: judges' fields are left out, since the words reach the designer. If it marks essential fields, only
        those count.
    :param measured: fields that the task's measure reads. They count more, and are told first.
    """

    def __init__(self, episodes: Mapping[str, Episode], table: FieldTable, measured: Collection[str] = ()) -> None:
        self.ids = tuple(episodes)
        self._place = {name: number for number, name in enumerate(self.ids)}
        described = [_described(each, table.for_rewards().essential()) for each in episodes.values()]
        self._summaries = described[0][0] if described else ()
        self._figures = np.array([figures for _, figures in described])
        self._scaled = _scaled(self._figures) if described else np.zeros((0, 0))
        self._measured = np.array([summary.field in measured for summary in self._summaries], dtype=bool)
        weighted = self._scaled * _weights(self._summaries) * np.where(self._measured, MEASURED, 1.0)
        self._distances = np.linalg.norm(weighted[:, None] - weighted[None, :], axis=2)

    def groups(self, most: int = MOST_GROUPS) -> tuple[Group, ...]:
        """At most so many groups, the largest first."""
        everyone = np.arange(len(self.ids))
        if len(everyone) == 0:
            return ()
        labels = _clustered(self._distances, most)
        parts = [np.flatnonzero(labels == label) for label in range(labels.max() + 1)]
        parts.sort(key=lambda part: (-len(part), part[0]))
        return tuple(self._group(part, np.setdiff1d(everyone, part)) for part in parts)

    def split(self, group: Group) -> tuple[Group, Group]:
        """The two groups that a group consists of; each one's words compare it with the other.

        :raises RewardSynthError: its episodes are all alike.
        """
        places = self._places(group.members)
        inside = self._distances[np.ix_(places, places)]
        if len(places) < 2 or not inside.any():
            raise RewardSynthError("the episodes of this group are all alike", "split another group")
        labels = _assigned(inside, _medoids(inside, 2))
        first, second = places[labels == 0], places[labels == 1]
        return self._group(first, second), self._group(second, first)

    def words(self, members: Sequence[str], others: Sequence[str]) -> str:
        """How episodes differ from others, in a sentence without its end; ids that are not known are passed over."""
        return self._words(self._places(members), self._places(others))

    def _places(self, names: Sequence[str]) -> NDArray[np.intp]:
        return np.array([self._place[name] for name in names if name in self._place], dtype=np.intp)

    def _group(self, part: NDArray[np.intp], others: NDArray[np.intp]) -> Group:
        farness = self._distances[np.ix_(part, part)].sum(axis=1)
        ordered = part[np.argsort(farness, kind="stable")]
        members = tuple(self.ids[number] for number in ordered)
        return Group(members[0], members, self._words(part, others))

    def _words(self, part: NDArray[np.intp], others: NDArray[np.intp]) -> str:
        if len(part) == 0 or len(others) == 0:
            return "all alike"
        apart = np.abs(np.median(self._scaled[part], axis=0) - np.median(self._scaled[others], axis=0))
        told: dict[str, str] = {}
        # The first is how long it lasts: a fall says more than what it does to the fields.
        telling = np.where(self._measured, apart + FAR, apart)[1:] * (apart[1:] >= TELLING)
        for number in (0, *(1 + np.argsort(-telling, kind="stable"))):
            summary = self._summaries[number]
            if apart[number] >= TELLING and len(told) < WORDS and summary.field not in told:
                here, there = (_middle(self._figures[rows, number]) for rows in (part, others))
                if text := _told(summary, here, there):
                    told[summary.field] = text
        return "; ".join(told.values()) or "much like the others"


def _middle(figures: FloatArray) -> float:
    """A median that one of the episodes has."""
    return float(np.quantile(figures, 0.5, method="lower"))


def _told(summary: _Summary, here: float, there: float) -> str:
    """The difference in words; empty if it is slight."""
    largest = max(abs(here), abs(there))
    if abs(here - there) <= SLIGHT * largest:
        return ""
    if summary.unit == SWITCH_UNIT:
        return f"{summary.words} {percent(here)} of the time (others {percent(there)})"
    # Rest is never exactly 0 in a simulator.
    shown = [_figure(0.0 if abs(each) < ROUNDING * largest else each, summary.unit) for each in (here, there)]
    return f"{summary.words} {shown[0]} (others {shown[1]})"


def _figure(value: float, unit: str) -> str:
    """The figure with its unit. People think of angles in degrees, and rewards need radians."""
    text = with_unit(value, unit)
    return f"{text} = {math.degrees(value):.0f}{unit.replace('rad', '°')}" if unit in ("rad", "rad/s") else text


def _described(episode: Episode, table: FieldTable) -> tuple[tuple[_Summary, ...], list[float]]:
    """The summaries of an episode and their figures; the first one is how long it lasts."""
    summaries = [_Summary("", "lasts", "s")]
    # A recording that was cut short says nothing of an end.
    figures = [episode.dt * (episode.length if episode.terminated else episode.horizon)]
    for field in table:
        values = episode.field(field.name).reshape(episode.length + 1, -1)
        seconds = episode.length * episode.dt
        for number, column in enumerate(values.T):
            name = f"`{field.name}`" if field.shape == () else f"`{field.name}`[{number}]"
            for words, unit, figure in _figures(field, column, seconds):
                summaries.append(_Summary(field.name, f"{name} {words}", unit))
                figures.append(figure)
    return tuple(summaries), figures


def _figures(field: Field, column: FloatArray, seconds: float) -> list[tuple[str, str, float]]:
    """Words, unit and value of each summary of a column over time."""
    if field.unit == SWITCH_UNIT:
        return [("is on", field.unit, float(column.mean()))]
    if field.unit == "m" and np.isinf(field.low) and np.isinf(field.high):
        # A place along an unbounded track says how long the recording is. How fast it changes says what the body does.
        return [("changes by", "m/s", float(column[-1] - column[0]) / seconds)]
    low, high = np.quantile(column, (0.05, 0.95))
    end = column[-max(1, round(END * len(column))) :].mean()
    return [
        ("is on average", field.unit, float(column.mean())),
        ("is at the end", field.unit, float(end)),
        ("ranges over", field.unit, float(high - low)),
    ]


def _weights(summaries: Sequence[_Summary]) -> FloatArray:
    """Weights (F,) by which all fields count alike, whatever their size."""
    sizes = Counter(summary.field for summary in summaries)
    return np.array([1.0 / math.sqrt(sizes[summary.field]) for summary in summaries])


def _scaled(figures: FloatArray) -> FloatArray:
    """Robust standard scores of each summary, (N, F)."""
    centre = np.median(figures, axis=0)
    quarter, three_quarters = np.quantile(figures, (0.25, 0.75), axis=0)
    spread = (three_quarters - quarter) / 1.349
    # Where most episodes have the same figure, the few others decide the scale.
    spread = np.where(spread > 0.0, spread, figures.std(axis=0))
    rounding = spread <= 1e-9 * (1.0 + np.abs(centre))
    scores = (figures - centre) / np.where(rounding, np.inf, spread)
    return np.clip(scores, -FAR, FAR)


def _clustered(distances: FloatArray, most: int) -> NDArray[np.intp]:
    """The group of each episode, counted from 0."""
    count = len(distances)
    one = np.zeros(count, dtype=np.intp)
    if count < 3 or not distances.any():
        return one
    found = [_assigned(distances, _medoids(distances, size)) for size in range(2, min(most, count - 1) + 1)]
    scores = np.array([_silhouette(distances, labels) for labels in found])
    good = np.flatnonzero(scores >= FINER * scores.max())
    return found[int(good[-1])] if scores.max() > 0.0 else one


def _medoids(distances: FloatArray, count: int) -> NDArray[np.intp]:
    """Partitioning around medoids: the greedy start, then the best swap as long as one helps."""
    medoids = [int(np.argmin(distances.sum(axis=1)))]
    while len(medoids) < count:
        nearest = distances[:, medoids].min(axis=1)
        medoids.append(int(np.argmin(np.minimum(distances, nearest[:, None]).sum(axis=0))))
    cost = float(distances[:, medoids].min(axis=1).sum())
    while True:
        swaps: list[tuple[float, int, int]] = []
        for place in range(count):
            others = medoids[:place] + medoids[place + 1 :]
            without = distances[:, others].min(axis=1) if others else np.full(len(distances), np.inf)
            costs = np.minimum(distances, without[:, None]).sum(axis=0)
            swaps.append((float(costs.min()), place, int(np.argmin(costs))))
        lowest, place, new = min(swaps)
        if lowest >= cost - 1e-9 * (1.0 + cost):
            return np.array(medoids)
        medoids[place], cost = new, lowest


def _assigned(distances: FloatArray, medoids: NDArray[np.intp]) -> NDArray[np.intp]:
    labels: NDArray[np.intp] = np.argmin(distances[:, medoids], axis=1)
    labels[medoids] = np.arange(len(medoids))  # Equal episodes may both be medoids: no group is empty.
    return labels


def _silhouette(distances: FloatArray, labels: NDArray[np.intp]) -> float:
    """Mean over the episodes of (b - a) / max(a, b): a to its own group, b to the nearest other one; 0 if alone."""
    sizes = np.bincount(labels)
    sums = np.stack([distances[:, labels == label].sum(axis=1) for label in range(len(sizes))], axis=1)
    rows = np.arange(len(labels))
    own = sums[rows, labels] / np.maximum(1, sizes[labels] - 1)
    means = sums / sizes
    means[rows, labels] = np.inf
    other = means.min(axis=1)
    widest = np.maximum(own, other)
    scores = np.where((sizes[labels] > 1) & (widest > 0.0), (other - own) / np.where(widest > 0.0, widest, 1.0), 0.0)
    return float(scores.mean())
