"""Screens a reward before any training: does it rank reference episodes as the task's fitness does?

CARD calls it trajectory preference evaluation. A plain ranking of returns would reject good rewards with an action
penalty, since the penalty decides among nearly still episodes. So only a clear contradiction is a finding.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.rules import declare, verdicts
from reward_synth.core.types import Alignment, CheckReport, Finding, Verdict
from reward_synth.reward.contract import RewardError
from reward_synth.screening.ranks import rank_correlation
from reward_synth.screening.reference_episodes import ReferenceEpisodes
from reward_synth.screening.stated import OUTSIDE, outside_stated
from reward_synth.screening.terms import episode_terms
from reward_synth.screening.ways import WAYS, ask_ways

CONTRADICTION = -0.3
"""Below this rank correlation, a reward or term is reported to pay for the wrong thing."""
MISALIGNED = declare(
    "screen", "misaligned", "error", "Does the reward pay more where the task goes worse?",
    f"Over recorded episodes, the reward's mean per step ranks with fitness below {CONTRADICTION:g}.",
    "check the sign of each term against the goal's direction",
)  # fmt: skip


ENDING_PAYS = declare(
    "screen", "ending-pays", "warning", "Does an early end pay?",
    "All terms are costs, recorded episodes fail early, and living on costs more than failing does.",
    "each step costs, so that failing soon pays: add a constant for each step that it lasts, or shift terms above 0",
)  # fmt: skip

RULES = (MISALIGNED, ENDING_PAYS, *WAYS.values(), OUTSIDE)


def screen(
    source: str,
    report: CheckReport,
    reference: ReferenceEpisodes,
    known: bool = True,
    speeds: Collection[str] | None = None,
) -> CheckReport:
    """Rank the reference episodes by the reward and by each of its terms, and compare with the task's fitness.

    If all episodes have equal fitness, there is not enough data. A reward that is equal in all is not misaligned.

    :param known: False for a goal that nobody prepared. If no episode shows it done, a right reward may rank low: for a
        turn, say, the fitness is highest when the robot tumbles, and for a push hardly any episode moves the object.
        Then there is not enough data, and no rank is told: critics have believed ranks against the goal's own term.
    :param speeds: the fields that are speeds; None if nobody knows which are.
    :returns: the report with the result.
    """
    fitness = np.array([m.fitness for m in reference.scores])
    if np.ptp(fitness) < 1e-9:
        return report.plus((), verdicts(RULES, (), "not enough data"))
    try:
        terms_of = episode_terms(source, report, reference.episodes)
    except RewardError as error:
        answers = verdicts(RULES, (), "could not run") | {error.finding.id: "found"}
        return report.plus((error.finding,), answers)
    ending = _ending_pays(terms_of, reference)
    report = report.plus(ending, verdicts((ENDING_PAYS,), ending, "not found"))
    report = ask_ways(source, report, reference, terms_of, speeds)
    outside = outside_stated(source, report.terms, terms_of)
    silent: Verdict = "not applicable" if outside is None else "not found"
    report = report.plus(outside or (), verdicts((OUTSIDE,), outside or (), silent))
    if not known and not reference.succeed:
        return report.plus((), {MISALIGNED.id: "not enough data"})
    means = np.stack([values.mean(axis=0) for values in terms_of])
    whole = rank_correlation(means.sum(axis=1), fitness)
    if whole is None:
        return report.plus((), {MISALIGNED.id: "not applicable"})
    each = zip(report.terms, (rank_correlation(column, fitness) for column in means.T), strict=True)
    terms = {name: value for name, value in each if value is not None}
    sums = np.array([values.sum() for values in terms_of])
    summed = rank_correlation(sums, fitness)
    alignment = Alignment(behaviours=len(fitness), reward=whole, whole=summed, terms=terms)
    ranked = report.model_copy(update={"alignment": alignment})
    found = (_misaligned(alignment),) if whole < CONTRADICTION else ()
    return ranked.plus(found, verdicts((MISALIGNED,), found, "not found"))


def _ending_pays(terms_of: Sequence[FloatArray], reference: ReferenceEpisodes) -> tuple[Finding, ...]:
    """A finding if failing at once would be worth more than what is usual, for all the steps that are left.

    Terms that are costs throughout are right where an end is success, or where a failure costs more than living on.
    """
    fell = [score.fell for score in reference.scores]
    if not any(fell) or max(values.max() for values in terms_of) > 0.0:
        return ()
    totals = [values.sum(axis=1) for values in terms_of]
    living = float(
        np.median(np.concatenate([each[:-1] if over else each for each, over in zip(totals, fell, strict=True)]))
    )
    ends = [(each[-1], len(each)) for each, over in zip(totals, fell, strict=True) if over]
    end, length = float(np.median([each for each, _ in ends])), int(np.median([each for _, each in ends]))
    left = reference.episodes[0].horizon - length
    if living * left >= end:
        return ()
    message = (
        f"each step costs, {-living:.3g} as a rule, and failing costs {-end:.3g} once: {sum(fell)} of {len(fell)} "
        f"recorded episodes fail, after {length} steps as a rule, and save the cost of up to {left:,} more"
    )
    return (ENDING_PAYS.finding(message),)


def _misaligned(alignment: Alignment) -> Finding:
    culprits = {name: value for name, value in alignment.terms.items() if value < CONTRADICTION}
    names = ", ".join(f"`{name}` ({value:+.2f})" for name, value in culprits.items())
    only = " and ".join(f"`{name}`" for name in culprits)
    return MISALIGNED.finding(
        f"of {alignment.behaviours} recorded behaviours, those that do better at the goal get LESS reward "
        f"(rank correlation {alignment.reward:+.2f})" + (f"; by term: {names}" if names else ""),
        f"delete {only}, or turn its sign round; leave the other terms as they are" if only else None,
    )
