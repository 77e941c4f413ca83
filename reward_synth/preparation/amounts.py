"""Amounts that a goal may ask of each field, computed from recorded episodes for a model that cannot guess them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.preparation.measure_trial import KnownEpisodes
from reward_synth.roles.measure_form import LASTING_PART, WHENS, Quantity, last_steps
from reward_synth.roles.statements import When, statements
from reward_synth.state.episode import Episode
from reward_synth.state.fields import SWITCH_UNIT, Field
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
KEPT = 0.1
"""A place or a level counts as kept within this share of the way that aimless behaviour takes it ..."""
BODY = 0.4
"""... or within this share of a body's height at the start, even if aimless episodes end sooner."""
SET_POINT = 0.05
"""The tolerance of "near" another quantity, in ranges of the aimless episodes."""
SWITCHED = 0.5
"""What divides a switch's two values."""
AXES = frozenset(
    ["x", "y", "z", "upstream", "downstream", "across", "along", "forward", "sideways", "north", "east", "vertical"]
)
"""Words for the axes of a place."""
_USUAL_RANGE = re.compile(r"normally (?P<low>-?[\d.]+) to (?P<high>-?[\d.]+)")
_HALFWAY = re.compile(r"\b(?:halfway|half of|half the)\b", re.IGNORECASE)


def quantities(table: FieldTable, known: KnownEpisodes, goal: str) -> tuple[Quantity, ...]:
    """A quantity for each number of the table that moves, with amounts from aimless episodes and from the goal's words.

    A number that stands still in every episode is a target: others may be wanted near it.

    :param table: the fields to use; the episodes hold at least these.
    """
    numbers = tuple(number for said in statements(goal) for number in said.numbers)
    halfway = _HALFWAY.search(goal) is not None
    heights = [each.field(field.name)[0] for field in table if _is_height(field) for each in known.aimless[:1]]
    size = max((float(height) for height in heights), default=0.0)
    found: list[Quantity] = []
    targets: list[Field] = []
    for field in table:
        for element in range(field.size if field.size <= MOST_ELEMENTS else 0):
            values = [episode.subset([field.name])[:, element] for episode in known.aimless]
            if field.size == 1 and _stands_still(values):
                targets.append(field)
            elif (quantity := _quantity(field, element, values, known.aimless, numbers, size, halfway)) is not None:
                found.append(quantity)
    return tuple(_related(quantity, found, targets) for quantity in found)


def _is_height(field: Field) -> bool:
    return "height" in field.name and field.size == 1 and field.unit == "m"


def _stands_still(values: Sequence[FloatArray]) -> bool:
    """True if it differs between episodes, and in none of them moves."""
    return all(float(np.ptp(each)) < STILL for each in values) and float(np.ptp([each[0] for each in values])) > STILL


def _related(quantity: Quantity, others: Sequence[Quantity], targets: Sequence[Field]) -> Quantity:
    """A quantity with what it may be wanted near, and its counterparts of other parts and axes."""
    alike = [each for each in others if each.unit == quantity.unit and _but_one_word(quantity.name, each.name)]
    axes = [each for each in alike if quantity.unit == "m" and set(_differing(quantity.name, each.name)) <= AXES]
    near = tuple(
        each.name
        for each in targets
        if each.unit == quantity.unit and each.size == 1 and set(quantity.name.split("_")) <= set(each.name.split("_"))
    )
    tolerance = min(each.tolerance for each in (quantity, *axes))
    return replace(
        quantity,
        targets=near,
        near=() if near else quantity.near,
        tolerance=_rounded(tolerance * SET_POINT / NEAR, tolerance) if near else tolerance,
        alike=tuple(each.name for each in alike),
        axes=tuple(each.name for each in axes),
    )


def _differing(name: str, other: str) -> list[str]:
    ours, theirs = name.split("_"), other.split("_")
    return [word for word in (*ours, *theirs) if (word in ours) != (word in theirs)]


def _but_one_word(name: str, other: str) -> bool:
    """True if one word was replaced or added, as in ``pole_angle`` and ``second_pole_angle``."""
    ours, theirs = set(name.split("_")), set(other.split("_"))
    return ours != theirs and len(ours - theirs) <= 1 and len(theirs - ours) <= 1 and len(ours & theirs) >= 1


def _quantity(
    field: Field,
    element: int,
    values: Sequence[FloatArray],
    episodes: Sequence[Episode],
    numbers: Sequence[float],
    size: float,
    halfway: bool,
) -> Quantity | None:
    low, high = min(float(each.min()) for each in values), max(float(each.max()) for each in values)
    if high - low < STILL or _stands_still(values):
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
    drift = max(KEPT * moved, BODY * size) if field.unit == "m" else HALFWAY * moved
    return Quantity(
        name=field.name if field.size == 1 else f"{field.name}[{element}]",
        unit=field.unit,
        usual={when: _rounded(float(np.median(most)), high - low) for when, (most, _) in levels.items()},
        more=_amounts(field, {when: _of_sign(found, 1.0 if signed else 0.0) for when, found in more.items()}),
        less=_amounts(field, {when: _of_sign(found, -1.0 if signed else 0.0) for when, found in less.items()}),
        near=tuple(dict.fromkeys([*said, *_rests(field, signed, start), *(_halves(field, signed) if halfway else ())])),
        start=start,
        tolerance=_rounded(NEAR * (high - low), NEAR * (high - low)),
        drift=None if field.unit.endswith("/s") or moved < STILL else _rounded(drift, drift),
        signed=signed,
    )


def _amounts(field: Field, found: Mapping[When, tuple[float, ...]]) -> Mapping[When, tuple[float, ...]]:
    return dict.fromkeys(WHENS, (SWITCHED,)) if field.unit == SWITCH_UNIT else found


def _halves(field: Field, signed: bool) -> list[float]:
    """The middles between 0 and each end of a bounded place: "halfway" is there."""
    if field.unit != "m" or not signed:
        return []
    # A joint gives way a little beyond its range, which its documentation names.
    usual = _USUAL_RANGE.search(field.doc)
    low, high = (float(usual["low"]), float(usual["high"])) if usual else (field.low, field.high)
    return [_rounded(0.5 * end, abs(end)) for end in (high, low) if np.isfinite(end) and end]


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
    if when in ("at some moment", "again and again"):
        return np.array([each.max() for each in values]), np.array([each.min() for each in values])
    if when == "at the end":
        values = [each[-last_steps(episode) :] for each, episode in zip(values, episodes, strict=True)]
    elif when == "until the end":
        values = [each[-max(1, round(LASTING_PART * len(each))) :] for each in values]
    return np.array([each.min() for each in values]), np.array([each.max() for each in values])


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
