"""Two questions about the way to a goal, asked of recorded steps that are changed: turned round, or brought to a stand.

A changed step may be one that no body can make. What the reward pays for it is its own doing all the same, and nothing
but that is told.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.arrays import FloatArray
from reward_synth.core.number_format import number, percent, plural
from reward_synth.core.rules import verdicts
from reward_synth.core.types import CheckReport, Finding, Verdict
from reward_synth.reward.contract import RewardError
from reward_synth.reward.rules import declared
from reward_synth.screening.ranks import rank_correlation
from reward_synth.screening.reference_episodes import ReferenceEpisodes
from reward_synth.screening.terms import Transitions, episode_terms, terms_at
from reward_synth.state.episode import Episode
from reward_synth.state.view import columns, sublayout

WAYS = declared("screen", "ways")
EITHER_WAY, AGAIN, DROWNED = WAYS.values()
DIRECTED = 0.8
"""Rank correlation with fitness from which on a number has a right direction and a wrong one."""
FEWEST = 3
"""Episodes in which a speed must have either sign."""
BEST = 8
"""The best episodes, at most so many, show the right way."""
BOTH = 0.4
"""Share of what the right way is paid that going to and fro must not be paid; with `abs` it is all, with `max` half."""
SHOWN, MANY, MOSTLY, WEIGHTY = 3, 10, 0.4, 0.05
"""Episodes of which the way is taken again; steps of each, or share of them, in which a term must pay, since what
happens once or twice, as getting an item, may not be undone; and the share of all that is paid there which it must make
up."""
SAME = 1e-6
"""Share of a term's largest size that counts as nothing."""
FELT = 0.05
"""Share of the whole pay that going the right way must change, or nothing can be told of it."""
LEFT = 0.5
"""Share of the fitness that is still to be made where an expert could stop."""
WORTH = 0.05
"""What the rest of the way is worth at least, as a share of what is paid for coming there."""


def ask_ways(
    source: str,
    report: CheckReport,
    reference: ReferenceEpisodes,
    paid: Sequence[FloatArray],
    speeds: Collection[str] | None = None,
) -> CheckReport:
    """The report of a reward that was run on the reference episodes, with what these rules answer.

    :param paid: its terms at each step of them.
    :param speeds: the fields that are speeds, whose sign is their direction; None if nobody knows which are.
    """
    for rule, found in (
        (EITHER_WAY, _either_way(source, report, reference, paid, speeds)),
        (AGAIN, _paid_again(source, report, reference)),
        (DROWNED, _drowned(source, report, reference)),
    ):
        findings = (found,) if isinstance(found, Finding) else ()
        report = report.plus(findings, verdicts((rule,), findings, found if isinstance(found, str) else "not found"))
    return report


def _either_way(
    source: str,
    report: CheckReport,
    reference: ReferenceEpisodes,
    paid: Sequence[FloatArray],
    speeds: Collection[str] | None,
) -> Finding | Verdict:
    """Whether going there and back again is paid a good part of what going there is, each beyond standing still."""
    fitness = np.array([score.fitness for score in reference.scores])
    directed = _Directed.of(report, reference.episodes, fitness, speeds)
    best = [place for place in np.argsort(-fitness, kind="stable")[:BEST] if fitness[place] > fitness[0]]
    if not directed.names or not best:
        return "not applicable"
    steps = Transitions.of([reference.episodes[place] for place in best], report.fields)
    changed = directed.turned(steps).joined(directed.stilled(steps))
    try:
        turned, stilled = np.split(terms_at(source, report, reference.episodes[0].layout, changed), 2)
    except RewardError:
        return "could not run"  # It fails in steps that nobody makes, which is no fault.
    there = np.concatenate([paid[place] for place in best])
    gained = (there - stilled).sum()
    # A sign cancels out: what is left after there and back is paid for the motion, not for the direction.
    left = ((there + turned) / 2.0 - stilled).sum(axis=0)
    if gained <= FELT * np.abs(there.sum(axis=1)).sum() or left.sum() < BOTH * gained:
        return "not found"
    terms = " and ".join(f"`{name}`" for name in np.array(report.terms)[left >= left.max() / 2.0])
    fields = ", ".join(f"`{name}`" for name in directed.names[:3])
    return EITHER_WAY.finding(
        f"{terms} would still pay if {fields} went the other way in every second of {len(there):,} recorded steps: "
        f"to and fro is paid {percent(float(left.sum() / gained))} of what going on is, each beyond standing still, "
        f"and fitness goes with the direction"
    )


@dataclass(frozen=True)
class _Directed:
    """The columns of what a reward reads in which the goal has a direction."""

    names: tuple[str, ...]
    """As code reads them: `x_velocity`, `torso_velocity[0]`."""
    places: NDArray[np.intp]
    """Those whose change over an episode ranks with fitness."""
    speeds: NDArray[np.intp]
    """Those whose mean does so better, and which go either way."""

    @classmethod
    def of(
        cls, report: CheckReport, episodes: Sequence[Episode], fitness: FloatArray, speeds: Collection[str] | None
    ) -> _Directed:
        """Those of the fields that the report names; fitness (N,) is that of the episodes."""
        layout = sublayout(episodes[0].layout, report.fields)
        rows = [each.subset(report.fields) for each in episodes]
        means = np.stack([each.mean(axis=0) for each in rows])
        by_change, by_mean = (
            np.abs([rank_correlation(column, fitness) or 0.0 for column in table.T])
            for table in (np.stack([each[-1] - each[0] for each in rows]), means)
        )
        either = np.minimum((means > 0.0).sum(axis=0), (means < 0.0).sum(axis=0)) >= FEWEST
        place = by_change >= np.maximum(DIRECTED, by_mean)
        speed = ~place & (by_mean >= DIRECTED) & either
        for name, where in columns(layout).items():
            speed[where] &= speeds is None or name in speeds
        names: list[str] = []
        for name, where in columns(layout).items():
            found = np.flatnonzero((place | speed)[where])
            names += [name if dict(layout)[name] == () else f"{name}[{index}]" for index in found]
        return cls(tuple(names), np.flatnonzero(place), np.flatnonzero(speed))

    def turned(self, steps: Transitions) -> Transitions:
        """The steps the other way: from the place that they lead to to the one that they begin at."""
        before, after = steps.states.copy(), steps.next_states.copy()
        before[:, self.places], after[:, self.places] = after[:, self.places], before[:, self.places]
        before[:, self.speeds] *= -1.0
        after[:, self.speeds] *= -1.0
        return steps._replace(states=before, next_states=after)

    def stilled(self, steps: Transitions) -> Transitions:
        """The steps without speed, and without a change of place."""
        before, after = steps.states.copy(), steps.next_states.copy()
        after[:, self.places] = before[:, self.places]
        before[:, self.speeds] = after[:, self.speeds] = 0.0
        return steps._replace(states=before, next_states=after)


def _paid_again(source: str, report: CheckReport, reference: ReferenceEpisodes) -> Finding | Verdict:
    """Whether the way to the goal is paid a second time after the way back, by terms that pay for changes only."""
    shown = _best_shown(reference)
    if not shown:
        return "not applicable"
    steps = Transitions.of(shown, report.fields)
    try:
        laps = episode_terms(source, report, [there_and_back(each) for each in shown])
        still = terms_at(source, report, shown[0].layout, steps._replace(states=steps.next_states))
    except RewardError:
        return "could not run"  # Nobody makes the way back, so that it is no fault.
    there = np.concatenate([lap[: len(lap) // 3] for lap in laps])
    once = np.maximum(there.sum(axis=0), 0.0)
    again = np.sum([lap[len(lap) // 3 :].sum(axis=0) for lap in laps], axis=0)
    size = SAME * np.abs(there).max(axis=0)
    often = (there > size).sum(axis=0) >= min(MANY * len(shown), MOSTLY * len(there))
    changes = (np.abs(still).max(axis=0) <= size) & often
    found = changes & (again >= BOTH * once) & (once > WEIGHTY * once.sum())
    if not found.any():
        return "not found"
    terms = " and ".join(f"`{name}`" for name in np.array(report.terms)[found])
    return AGAIN.finding(
        f"{terms} paid {number(once[found].sum())} on the way of {plural(len(shown), 'episode')} that do best, "
        f"and {number(again[found].sum())} more when it went all the way back and then there again"
    )


def there_and_back(episode: Episode) -> Episode:
    """An episode, then its states in reverse, and then itself once more. No body may be able to make it."""
    rows, actions = episode.rows, episode.actions
    return replace(
        episode,
        rows=np.concatenate([rows, rows[-2::-1], rows[1:]]),
        actions=np.concatenate([actions, actions[::-1], actions]),
    )


def _best_shown(reference: ReferenceEpisodes) -> list[Episode]:
    """The episodes that show best how the goal is come to."""
    scores = [(score.success, score.fitness) for score in reference.scores]
    ranked = sorted(range(len(scores)), key=lambda place: scores[place], reverse=True)
    return [reference.episodes[place] for place in ranked[:SHOWN] if scores[place] > scores[0]]


def _drowned(source: str, report: CheckReport, reference: ReferenceEpisodes) -> Finding | Verdict:
    """Whether an expert that stops, with most of the goal still to be made, is paid as much as if it went on."""
    if not reference.stops:
        return "not applicable"
    try:
        terms = np.stack([values.sum(axis=0) for values in episode_terms(source, report, reference.stops)])
    except RewardError:
        return "could not run"
    fitness, pay = np.array(reference.stop_fitness), terms.sum(axis=1)
    gained, left = pay - pay[0], pay[-1] - pay
    early = fitness[-1] - fitness >= LEFT * (fitness[-1] - fitness[0])
    if pay[-1] <= pay[0]:
        return "not found"  # The whole way is worth less than none: a wrong sign, which `misaligned` tells.
    places = np.flatnonzero(early & (gained > 0.0) & (left < WORTH * gained))
    if not len(places):
        return "not found"
    place = min(places, key=lambda each: left[each] / gained[each])
    loudest = int(np.argmax(terms[place] - terms[0]))
    return DROWNED.finding(
        f"an expert that stands still once its fitness is {number(fitness[place])}, of {number(fitness[-1])} at the "
        f"end, is paid {number(gained[place])} more than one that never moves, mostly by `{report.terms[loudest]}`; "
        f"going on adds {number(left[place])}"
    )
