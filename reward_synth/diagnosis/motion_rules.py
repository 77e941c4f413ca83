"""Rules about the policy's motion, from recorded episodes and their actions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.number_format import number, percent, plural, with_unit
from reward_synth.core.types import Verdict
from reward_synth.diagnosis.detector import Detector, Said, detector, episodes, trained_out, trajectories, unsolved
from reward_synth.diagnosis.evidence import Evidence
from reward_synth.diagnosis.trajectories import Played, Series, series_of
from reward_synth.state.fields import POSITION_UNITS, Field

EARLY = 0.5
"""An episode ends early if it lasts less than this share of the horizon."""
STILL_SPEED = 0.05
"""The robot stands still if every position changes more slowly than this (m/s, rad/s)."""
JITTER_SPEED = 0.2
JITTER_FLIPS = 0.25
JITTER_NET = 0.1
SATURATED_SHARE = 0.8
# This share of an episode is ignored at its start, because a robot that settles onto its feet moves.
SETTLING = 0.2
SHORTEST_EPISODE = 10


def _settled(evidence: Evidence) -> Verdict | None:
    """Require an episode that is long enough to show how the policy moves."""
    return None if _long_enough(evidence) else "not enough data"


def _places(evidence: Evidence) -> Verdict | None:
    """Require a position or an angle among the fields worth reporting."""
    return None if _position_names(evidence) else "not applicable"


def _bounded(evidence: Evidence) -> Verdict | None:
    """Require continuous actions with bounds."""
    bounds = [(each.low, each.high) for each in evidence.table.actions]
    return "not applicable" if evidence.table.discrete or not bounds or not np.isfinite(bounds).all() else None


@detector(unsolved, trained_out, episodes(1))
def wrong_direction(evidence: Evidence) -> Said:
    """Does the policy move, but against the goal?

    A position moved the other way, or fitness fell below 0: turn the sign of the term that pays for it.
    """
    fitness = evidence.fitness or 0.0
    if fitness >= -evidence.noise:
        return
    unit = evidence.task.fitness_unit
    travelled = _travel_that_is_fitness(evidence)
    if travelled:
        name, net = travelled
        yield (
            f"The policy moves against the goal: `{name}` changed by {with_unit(net, 'm')} in an episode on average, "
            f"which the task counts as {with_unit(fitness, unit)}.",
            "Turn the sign of the term that pays for this movement.",
        )
    elif evidence.curve and evidence.curve[0].fitness - fitness > evidence.noise:
        yield (
            f"Fitness is negative and training made it worse: {with_unit(evidence.curve[0].fitness, unit)} at the "
            f"first evaluation, {with_unit(fitness, unit)} at the end.",
            "Check the sign of the largest term: it may pay for moving away from the goal.",
        )


@detector(episodes(1))
def falls_early(evidence: Evidence) -> Said:
    """Are most episodes ended by the environment, long before the horizon and without success?

    At least half of them before half of the horizon: pay for the healthy posture at every step.
    """
    horizon = evidence.task.horizon
    measured = evidence.scores
    early = [m for m in measured if m.fell and m.length < EARLY * horizon]
    if not early or len(early) < 0.5 * len(measured):
        return
    length = float(np.mean([m.length for m in early]))
    crossed = _crossed(evidence)
    told = f" In the last state, {', and '.join(f'{each} in {count}' for each, count in crossed)}." if crossed else ""
    names = " and ".join(dict.fromkeys(each.split()[0] for each, _ in crossed))
    kept = f"{names} within its bounds" if names else "the posture that the environment calls healthy"
    yield (
        f"{len(early)} of {plural(len(measured), 'episode')} were ended by the environment (fallen, or out of bounds) "
        f"after {number(length)} of {horizon} steps on average.{told}",
        f"Pay at every step for keeping {kept}, more than a quick fall can earn, and lower "
        " what rewards the lunge; the last values of the worst episode show what gives way.",
    )


def _crossed(evidence: Evidence) -> list[tuple[str, int]]:
    """The environment's bounds that early ends crossed, in words, with the number of recorded episodes of each."""
    counted: Counter[str] = Counter()
    for one in evidence.played:
        if not one.score.fell or one.score.length >= EARLY * evidence.task.horizon:
            continue
        for field in evidence.table:
            if field.healthy is not None:
                counted.update(_beyond(field, one.episode.field(field.name)[-1]))
    return counted.most_common()


def _beyond(field: Field, value: FloatArray) -> Iterator[str]:
    low, high = field.healthy or (-np.inf, np.inf)
    if np.min(value) <= low:
        yield f"`{field.name}` is below {with_unit(low, field.unit)}"
    if np.max(value) >= high:
        yield f"`{field.name}` is above {with_unit(high, field.unit)}"


@detector(unsolved, trajectories, _settled, _places)
def stands_still(evidence: Evidence) -> Said:
    """Does nothing move that could, once the robot has settled?

    No position changes by more than 0.05 m/s or rad/s: doing nothing must pay less than trying.
    """
    played = _long_enough(evidence)
    # Not only the fields worth reporting: a hand may move while what it should push does not.
    moving = [field.name for field in evidence.table if field.unit in POSITION_UNITS]
    fastest = 0.0
    name = ""
    for one in played:
        for series in series_of(one.episode, evidence.table, moving):
            values = series.values[int(SETTLING * len(series.values)) :]
            speed = float(np.abs(np.diff(values)).mean()) / one.episode.dt
            if speed >= fastest:
                fastest, name = speed, f"{series.name} ({series.unit}/s)"
    if not name or fastest >= STILL_SPEED:
        return
    yield (
        f"The robot stands still: the fastest of its positions, {name}, changes by {number(fastest)} on average; "
        f"actions are {percent(_effort(evidence, played))} of their range.",
        "Doing nothing must pay less than trying: remove constant bonuses, lower the action penalty, and reward the "
        "goal's movement from the first small step on.",
    )


def _travels(evidence: Evidence) -> Verdict | None:
    """Require a goal of getting somewhere. For a drafted task that is known only if its fitness is a distance."""
    return "not applicable" if evidence.task.drafted and _travel_that_is_fitness(evidence) is None else None


@detector(unsolved, trajectories, _settled, _places, _travels)
def jitter(evidence: Evidence) -> Said:
    """Does a position go back and forth fast without getting anywhere?

    A horizontal position ends where it began: reward signed progress instead of its magnitude.
    """
    worst: tuple[float, str, float, float] | None = None
    for one in _long_enough(evidence):
        for series in _positions(evidence, one):
            if series.unit != "m" or series.vertical:
                continue
            steps = np.diff(series.values)
            path, net = float(np.abs(steps).sum()), abs(float(series.values[-1] - series.values[0]))
            speed = path / (len(steps) * one.episode.dt)
            flips = float(np.mean(np.sign(steps[1:]) * np.sign(steps[:-1]) < 0))
            shaking = speed > JITTER_SPEED and net < JITTER_NET * path and flips > JITTER_FLIPS
            if shaking and (worst is None or speed > worst[0]):
                worst = (speed, series.name, net, flips)
    if worst:
        speed, name, net, flips = worst
        yield (
            f"`{name}` shakes back and forth at {number(speed)} m/s on average, turning round at {percent(flips)} of "
            f"the steps, and ends only {number(net)} m from where it began.",
            "Reward signed progress (next minus present position) or a signed velocity, not its magnitude, and charge "
            "a little for large actions.",
        )


@detector(unsolved, _bounded, trajectories)
def action_saturation(evidence: Evidence) -> Said:
    """Do actions lie at their bounds most of the time?

    More than 80 % of the time: charge a little more for large actions.
    """
    low = np.array([each.low for each in evidence.table.actions])
    high = np.array([each.high for each in evidence.table.actions])
    actions = np.concatenate([p.episode.actions for p in evidence.played])
    margin = 0.01 * (high - low)
    share = float(np.mean((actions <= low + margin) | (actions >= high - margin)))
    if share > SATURATED_SHARE:
        yield (
            f"Actions lie at their bounds {percent(share)} of the time: the policy switches between extremes.",
            "Charge a little more for large actions (the sum of squares, a few percent of the main term).",
        )


DETECTORS: tuple[Detector, ...] = (wrong_direction, falls_early, stands_still, jitter, action_saturation)


def _long_enough(evidence: Evidence) -> list[Played]:
    return [one for one in evidence.played if one.score.length >= SHORTEST_EPISODE]


def _position_names(evidence: Evidence) -> list[str]:
    known = [field for name in evidence.fields if (field := evidence.table.get(name)) is not None]
    return [field.name for field in known if field.unit in POSITION_UNITS]


def _positions(evidence: Evidence, one: Played) -> list[Series]:
    return series_of(one.episode, evidence.table, _position_names(evidence))


def _effort(evidence: Evidence, played: list[Played]) -> float:
    """Mean magnitude of the actions, as a share of the largest magnitude that each may have."""
    bounds = np.array([max(abs(d.low), abs(d.high)) for d in evidence.table.actions])
    actions = np.concatenate([p.episode.actions for p in played])
    if len(bounds) != actions.shape[1] or not np.isfinite(bounds).all():
        return float(np.abs(actions).mean())
    return float((np.abs(actions) / bounds).mean())


def _travel_that_is_fitness(evidence: Evidence) -> tuple[str, float] | None:
    """The position whose net change (whole or per second, with either sign) equals fitness, and its mean change."""
    if not evidence.played:
        return None
    fitness = np.array([one.score.fitness for one in evidence.played])
    tolerance = 0.05 * np.abs(fitness) + 0.02
    per_episode = [{s.name: s for s in _positions(evidence, one) if s.unit == "m"} for one in evidence.played]
    seconds = np.array([len(one.episode.actions) * one.episode.dt for one in evidence.played])
    horizon = evidence.task.horizon * evidence.played[0].episode.dt
    for name in per_episode[0]:
        if not all(name in series for series in per_episode):
            continue
        net = np.array([float(s[name].values[-1] - s[name].values[0]) for s in per_episode])
        for travelled in (net, net / seconds, net / horizon):
            if any(bool((np.abs(sign * travelled - fitness) <= tolerance).all()) for sign in (1, -1)):
                return name, float(net.mean())
    return None
