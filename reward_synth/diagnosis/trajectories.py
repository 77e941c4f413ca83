"""Describes recorded episodes by field: the start, the end and the extremes of each quantity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.types import EpisodeScore
from reward_synth.state.episode import Episode
from reward_synth.state.table import FieldTable

MOMENTS = 16
"""The largest number of rows in a timeline."""
MOST_COLUMNS = 8

# A longer vector is reported by its norm: a line per joint would hide the rest.
LONGEST_VECTOR = 4


@dataclass(frozen=True)
class Played:
    """One evaluation episode: what happened and how the task judged it."""

    score: EpisodeScore
    episode: Episode


@dataclass(frozen=True)
class Series:
    """One scalar quantity over an episode of T steps."""

    name: str
    """``height``, ``position[0]`` for an element of a vector, ``|velocities|`` for a long vector's norm."""
    unit: str
    values: FloatArray
    """(T+1,)"""
    vertical: bool
    """True if the name says that it points upwards. Going up and down is not a failure to get anywhere."""


@dataclass(frozen=True)
class SeriesSummary:
    """A series in five numbers."""

    name: str
    unit: str
    start: float
    end: float
    mean: float
    minimum: float
    maximum: float


@dataclass(frozen=True)
class EpisodeSummary:
    """One episode as the analyzer reads it."""

    label: str
    """``best`` or ``worst``."""
    seed: int
    success: bool
    fitness: float
    length: int
    terminated: bool
    fields: tuple[SeriesSummary, ...]


@dataclass(frozen=True)
class Timeline:
    """One episode at selected steps, to show the order of events."""

    seed: int
    fitness: float
    steps: tuple[int, ...]
    """From 0 to the last step; between neighbours the amount of change is about equal."""
    fields: tuple[Series, ...]
    """Values at these steps."""


def shown_fields(table: FieldTable, read: Sequence[str], measured: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of the fields to report, each group in table order.

    Those that the task measures come first: there are more fields than a reader is shown, and these decide. Then come
    the others that the reward reads, and then the essential ones.
    """
    groups = (frozenset(measured), frozenset(read), frozenset(field.name for field in table if field.essential))
    return tuple(dict.fromkeys(field.name for group in groups for field in table if field.name in group))


def series_of(episode: Episode, table: FieldTable, names: Sequence[str]) -> list[Series]:
    """The named fields of an episode as scalar series; names that the episode did not record are left out."""
    recorded = {name for name, _ in episode.layout}
    found: list[Series] = []
    for name in names:
        field = table.get(name)
        if field is None or name not in recorded:
            continue
        values = np.asarray(episode.field(name), dtype=np.float64)
        flat = values.reshape(len(values), -1)
        if field.shape == ():
            found.append(Series(name, field.unit, flat[:, 0], _is_vertical(name)))
        elif flat.shape[1] > LONGEST_VECTOR:
            found.append(Series(f"|{name}|", field.unit, np.linalg.norm(flat, axis=1), vertical=False))
        else:
            found.extend(
                Series(f"{name}[{i}]", field.unit, flat[:, i], vertical=_is_vertical(name) or i == 2)
                for i in range(flat.shape[1])
            )
    return found


def summarize_episode(
    label: str, played: Played, table: FieldTable, names: Sequence[str], limit: int = 14
) -> EpisodeSummary:
    """Summarize an episode by five numbers per quantity; the first ``limit`` quantities in the order of ``names``."""
    score = played.score
    return EpisodeSummary(
        label=label,
        seed=played.episode.seed,
        success=score.success,
        fitness=score.fitness,
        length=score.length,
        terminated=score.terminated,
        fields=tuple(_in_five_numbers(series) for series in series_of(played.episode, table, names)[:limit]),
    )


def _in_five_numbers(series: Series) -> SeriesSummary:
    values = series.values
    numbers = (values[0], values[-1], values.mean(), values.min(), values.max())
    return SeriesSummary(series.name, series.unit, *map(float, numbers))


def timeline_of_failure(played: Sequence[Played], table: FieldTable, names: Sequence[str]) -> Timeline | None:
    """The failed episode with the best fitness, at steps between which equally much changes; None if none failed.

    Constant quantities are left out. Of the others, the first :data:`MOST_COLUMNS` in the order of ``names`` are kept.
    """
    failed = [each for each in played if not each.score.success]
    if not failed:
        return None
    nearest = max(failed, key=lambda each: each.score.fitness)
    moving = [series for series in series_of(nearest.episode, table, names) if np.ptp(series.values) > 0][:MOST_COLUMNS]
    if not moving:
        return None
    scaled = np.stack([series.values / np.ptp(series.values) for series in moving])
    way = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(scaled)).sum(axis=0))])
    marks = np.searchsorted(way, np.linspace(0.0, way[-1], MOMENTS - 1)).clip(max=len(way) - 1)
    chosen = np.union1d(marks, [len(way) - 1])
    return Timeline(
        seed=nearest.episode.seed,
        fitness=nearest.score.fitness,
        steps=tuple(chosen.tolist()),
        fields=tuple(replace(series, values=series.values[chosen]) for series in moving),
    )


def best_and_worst(played: Sequence[Played]) -> tuple[Played, ...]:
    """The episodes with the best and the worst (success, fitness); one if there is only one, none if none."""
    if not played:
        return ()
    ranked = sorted(played, key=lambda p: (p.score.success, p.score.fitness), reverse=True)
    return (ranked[0],) if len(ranked) == 1 else (ranked[0], ranked[-1])


def _is_vertical(name: str) -> bool:
    return "height" in name or name == "z" or name.endswith("_z") or name.startswith("z_")
