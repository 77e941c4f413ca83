"""A person's judgement in words and figures, for prompts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reward_synth.core.number_format import number, plural
from reward_synth.preferences.alignment import Judgement
from reward_synth.preferences.workbench import Workbench
from reward_synth.screening.payment import Payment


def judgement_text(bench: Workbench, judgement: Judgement, rewards: Sequence[tuple[str, str]]) -> str:
    """Which behaviours the person preferred over which, and what rewards pay there.

    :param rewards: id and source of each reward that is told of.
    :return: empty if none of the judged episodes is among the workbench's.
    """
    groups = bench.ranks(judgement)
    ranks = [group.members for group in groups]
    lines = ["Best first:"] if groups else []
    for place, group in enumerate(groups, start=1):
        lines.append(f"{place}. {plural(len(group.members), 'episode')}: {group.words}")
    lines += _pairs_text(bench, judgement)
    if not lines:
        return ""
    if rewards and ranks:
        lines += ["", "Mean reward per step of each behaviour, in the same order:"]
    for name, source in rewards:
        payment = bench.pay(source)
        if payment.ok:
            lines += _paid(bench, judgement, name, payment, ranks)
    return "\n".join(lines)


def _known(bench: Workbench, names: Sequence[str]) -> tuple[str, ...]:
    there = set(bench.ids)
    return tuple(name for name in names if name in there)


def _pairs_text(bench: Workbench, judgement: Judgement) -> list[str]:
    """How the better episodes of pairs differ from the worse ones, in a line; none without a decided pair."""
    decided = [pair for pair in judgement.pairs if pair.answer in ("first", "second")]
    better = _known(bench, [pair.first if pair.answer == "first" else pair.second for pair in decided])
    worse = _known(bench, [pair.second if pair.answer == "first" else pair.first for pair in decided])
    if not better or not worse:
        return []
    words = bench.behaviours.words(better, worse)
    return [f"The better episode of {plural(len(decided), 'pair')}: {words}"]


def _paid(
    bench: Workbench, judgement: Judgement, name: str, payment: Payment, ranks: Sequence[tuple[str, ...]]
) -> list[str]:
    """What one reward pays each rank, whole and term by term, how well it agrees, and where it does not."""
    agreed = bench.agreement(payment, judgement)
    lines = [f"{name}: agreement with the person {agreed.as_text() if agreed else 'unknown'}"]
    if not ranks:
        return lines
    means = np.stack([bench.group_pay(payment, rank) for rank in ranks])
    place = {episode: row for row, episode in enumerate(payment.ids)}
    whole = [float(payment.pay[[place[each] for each in rank]].mean()) for rank in ranks]
    rows = [("reward", whole)]
    if len(payment.terms) > 1:
        rows += [(f"`{term}`", column.tolist()) for term, column in zip(payment.terms, means.T, strict=True)]
    lines += [f"  {title}: {', '.join(number(figure) for figure in figures)}" for title, figures in rows]
    wrong = [place for place in range(1, len(whole)) if whole[place] > whole[place - 1]]
    lines += [f"  It pays {place + 1} more than {place}." for place in wrong]
    return lines
