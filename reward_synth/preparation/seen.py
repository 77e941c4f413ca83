"""Describes the field values in recorded episodes, so that thresholds come from numbers and not from guesses."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.state.episode import Episode
from reward_synth.state.fields import Field
from reward_synth.state.table import FieldTable

MOST_ELEMENTS = 4
"""Vectors with more elements than this are left out because nobody reads them."""
PLACE = "_position"
FLAT = 0.05
"""In m. The parts of what lies in a plane differ less in their heights."""


def what_was_seen(
    table: FieldTable, aimless: Sequence[Episode], experts: Sequence[Episode] = (), besides: Collection[str] = ()
) -> str:
    """A line for each essential field and each field for measures only: its start values and its range.

    :param table: the fields to describe; the episodes hold at least these.
    :param aimless: episodes that do not try the task.
    :param experts: episodes of a scripted expert. Who designs rewards is not told of them.
    :param besides: further fields of the table, such as those that the goal is about.
    """
    told = {field.name for field in (*table.essential(), *(each for each in table if each.judge_only))} | {*besides}
    lines = [
        line
        for field in table
        if field.name in told and field.size <= MOST_ELEMENTS
        for line in _lines(field, aimless, experts)
    ]
    return "\n".join([*lines, *_heights(table, aimless)])


def _heights(table: FieldTable, episodes: Sequence[Episode]) -> Iterator[str]:
    """A line on how high the parts of a body are at the start, which no stub tells."""
    parts = [field for field in table if field.name.endswith(PLACE) and field.shape == (3,) and field.unit == "m"]
    starts = {field.name.removesuffix(PLACE): [_column(each, field, 2)[:1] for each in episodes] for field in parts}
    middles = [float(np.mean(values)) for values in starts.values()]
    if len(middles) > 1 and np.ptp(middles) > FLAT:
        yield f"- heights at the start (z of PART_position): {', '.join(f'{k} {_range(v)}' for k, v in starts.items())}"


def _lines(field: Field, aimless: Sequence[Episode], experts: Sequence[Episode]) -> Iterator[str]:
    for element in range(field.size):
        values = [_column(episode, field, element) for episode in aimless]
        name = field.name if field.size == 1 else f"{field.name}[{element}]"
        parts = [f"starts at {_range([each[:1] for each in values])}", f"aimless {_range(values)}"]
        if experts:
            done = [_column(episode, field, element) for episode in experts]
            parts.append(f"expert {_range(done)}, at the end {_range([each[-1:] for each in done])}")
        yield f"- {name}: {'; '.join(parts)}"


def _column(episode: Episode, field: Field, element: int) -> FloatArray:
    return episode.subset([field.name])[:, element]


def _range(values: Sequence[FloatArray]) -> str:
    low, high = min(float(each.min()) for each in values), max(float(each.max()) for each in values)
    near = abs(high - low) <= 0.01 * max(abs(low), abs(high))
    return f"{low:.3g}" if near else f"{low:.3g} to {high:.3g}"
