"""Parses values with a form of their own. Plain Python only, because ``reward-synth --help`` loads it."""

from __future__ import annotations

import itertools
import re

from reward_synth.core.names import role_name

_DURATION = re.compile(
    r"(?:(?P<d>\d+(?:\.\d+)?)d)?(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m(?:in)?)?(?:(?P<s>\d+(?:\.\d+)?)s)?"
)
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}


def parse_duration(value: object) -> object:
    """Seconds from ``2h``, ``30m``, ``1h30m``, ``90s``, ``90`` or a number; else ValueError."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower().replace(" ", "")
    match = _DURATION.fullmatch(text)
    if text and match:
        return sum(float(amount) * _SECONDS[unit] for unit, amount in match.groupdict().items() if amount)
    try:
        return float(text)
    except ValueError:
        raise ValueError("must be a time such as 2h, 30m, 1h30m or a number of seconds") from None


def parse_some_time(value: object) -> object:
    """Like :func:`parse_duration`, but 0 is refused."""
    seconds = parse_duration(value)
    if seconds == 0:
        raise ValueError("must be more than 0 seconds")
    return seconds


def parse_rungs(value: object) -> tuple[float, ...]:
    """Shares of the training budget from ``0.1,0.3,1`` or ``1``; ValueError unless they rise to 1."""
    try:
        shares = tuple(float(part) for part in str(value).split(","))
    except ValueError:
        shares = ()
    if not shares or shares[-1] != 1 or not all(0 < low < high for low, high in itertools.pairwise(shares)):
        raise ValueError("must be shares of the steps that rise to 1, such as 0.1,0.3,1")
    return shares


def spell_rungs(value: object) -> str:
    """The shares in a uniform spelling."""
    return ",".join(f"{share:g}" for share in parse_rungs(value))


def rename_roles(value: object) -> object:
    """A mapping by role, with the present role names."""
    return {role_name(key): entry for key, entry in value.items()} if isinstance(value, dict) else value
