"""Amounts that a goal may ask of each field, computed from recorded episodes for a model that cannot guess them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.preparation.measure_trial import KnownEpisodes
from reward_synth.roles.measure_form import WHENS, Quantity, When, last_steps
from reward_synth.state.episode import Episode
from reward_synth.state.fields import Field
from reward_synth.state.table import FieldTable

MOST_ELEMENTS = 3
"""Vectors with more elements than this are left out: a small model cannot tell the elements apart."""
BEYOND = (0.25, 1.0)
"""Distances of an amount beyond the best aimless episode, in ranges of the aimless episodes."""
HALFWAY = 0.5
"""A mild amount, for a condition beside others: this far from the usual value to the best aimless episode."""
NEAR = 0.1
"""The tolerance of "near", in ranges of the aimless episodes."""
STILL = 1e-6
"""A field that changes less than this counts as constant."""
ONE_SIGN = 0.2
"""A field other than an angle counts as positive if its lowest value is below this share of its highest."""
_GOALS_NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?")


def quantities(table: FieldTable, known: KnownEpisodes, goal: str) -> tuple[Quantity, ...]:
    """A quantity for each number of the table that moves, with amounts from aimless episodes and from the goal's words.

    :param table: the fields to use; the episodes hold at least these.
    """
    numbers = tuple(float(text) for text in _GOALS_NUMBER.findall(goal))
    return tuple(
        quantity
        for field in table
        if field.size <= MOST_ELEMENTS
        for element in range(field.size)
        if (quantity := _quantity(field, element, known.aimless, numbers)) is not None
    )


def _quantity(field: Field, element: int, episodes: Sequence[Episode], numbers: Sequence[float]) -> Quantity | None:
    values = [episode.subset([field.name])[:, element] for episode in episodes]
    low, high = min(float(each.min()) for each in values), max(float(each.max()) for each in values)
    if high - low < STILL:
        return None
    slack = 0.0 if field.unit.startswith("rad") else ONE_SIGN
    signed = low < -slack * high and high > -slack * low
    # A height is never below the ground, nor a distance below 0, but no field table says so.
    floor = field.low if signed or low < -ONE_SIGN * high else max(field.low, 0.0)
    said = [number for number in numbers if floor <= number <= field.high]
    levels = {when: _levels(values, episodes, when) for when in WHENS}
    less = {
        when: [-amount for amount in _beyond(-least, -floor, [-number for number in said])]
        for when, (_, least) in levels.items()
    }
    more = {when: list(_beyond(most, field.high, said)) for when, (most, _) in levels.items()}
    start = _rounded(float(np.median([each[0] for each in values])), high - low)
    moved = float(np.median([np.abs(each - each[0]).max() for each in values]))
    quantity = Quantity(
        name=field.name if field.size == 1 else f"{field.name}[{element}]",
        unit=field.unit,
        usual={when: _rounded(float(np.median(most)), high - low) for when, (most, _) in levels.items()},
        more={when: _of_sign(found, 1.0 if signed else 0.0) for when, found in more.items()},
        less={when: _of_sign(found, -1.0 if signed else 0.0) for when, found in less.items()},
        near=tuple(dict.fromkeys([*said, *_rests(field, signed, start)])),
        tolerance=_rounded(NEAR * (high - low), NEAR * (high - low)),
        drift=None if field.unit.endswith("/s") or moved < STILL else _rounded(0.5 * moved, 0.5 * moved),
        signed=signed,
    )
    return quantity if quantity.offered()["ways"] else None


def _of_sign(amounts: Sequence[float], sign: float) -> tuple[float, ...]:
    """The amounts with this sign; all for 0. If the mild amount is dropped, the next one also takes its place."""
    kept = [amount + 0.0 for amount in amounts if not sign or amount * sign > 0.0]
    return tuple(kept if not kept or kept[0] == amounts[0] else [kept[0], *kept])


def _rests(field: Field, signed: bool, start: float) -> list[float]:
    """Values that "near" offers unasked: angle or speed 0, and place 0 only if the robot starts elsewhere."""
    return [0.0] if signed and (field.unit != "m" or start != 0.0) else []


def _levels(values: Sequence[FloatArray], episodes: Sequence[Episode], when: When) -> tuple[FloatArray, FloatArray]:
    """For each episode, the number that "more than" compares, and the number that "less than" compares."""
    if when == "on average":
        means = np.array([each.mean() for each in values])
        return means, means
    if when == "at some moment":
        return np.array([each.max() for each in values]), np.array([each.min() for each in values])
    ends = [each[-last_steps(episode) :] for each, episode in zip(values, episodes, strict=True)]
    return np.array([each.min() for each in ends]), np.array([each.max() for each in ends])


def _beyond(levels: FloatArray, highest: float, said: Sequence[float]) -> Iterator[float]:
    """Amounts, the mildest first: some beyond aimless behaviour, and those that the goal names."""
    usual, best = float(np.median(levels)), float(levels.max())
    spread = max(best - float(levels.min()), 1e-9)
    found = [usual + HALFWAY * (best - usual), *(best + share * spread for share in BEYOND)]
    if np.isfinite(highest):
        # Near the bound, an amount beyond it would be impossible.
        found = [amount for amount in found if amount < highest] or [best + HALFWAY * (highest - best)]
    yield from dict.fromkeys([*(_rounded(amount, spread) for amount in found), *said])


def _rounded(value: float, scale: float) -> float:
    """Rounded to two digits of the scale, because people read amounts."""
    digits = 1 - int(np.floor(np.log10(scale)))
    return float(round(value, digits)) + 0.0
