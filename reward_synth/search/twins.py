"""Rewards that are not trained, because another one that pays the same is.

This is decided before the race and again after it. Only a training that went well stands for another one, and by then
the episodes of its own policy are known: they show what a policy finds in such a reward, and no script may have.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from reward_synth.core.types import Candidate, CheckReport
from reward_synth.reward.contract import RewardError
from reward_synth.screening.ranking import MISALIGNED
from reward_synth.screening.twins import SAME, paid, same_pay
from reward_synth.search.jobs import is_stale, training_jobs
from reward_synth.search.session import SearchSession
from reward_synth.training.presets import preset_for


def held_back(session: SearchSession, order: Sequence[str]) -> dict[str, str]:
    """Candidates that wait for the training of another one, which may make their own needless: each with the other.

    What a person wrote, a reward that trains on or again and a training that has begun never wait.

    :param order: the candidates that are to train, in their order.
    """
    store, held = session.store, dict[str, str]()
    trained = [each.id for each in store.candidates() if each.status == "trained" and store.has_reward(each.id)]
    known = [name for name in trained if name not in order]
    for candidate in map(store.candidate, order):
        waits = candidate.status == "designed" and candidate.designed_anew and candidate.author == "designer"
        if waits and not store.was_trained(candidate.id):
            other = next((each for each in known if same_in_words(session, candidate.id, each)), None)
            if other is not None:
                held[candidate.id] = other
                continue
        if candidate.status in ("designed", "trained"):
            known.append(candidate.id)
    return held


def as_twin(session: SearchSession, name: str, other: str) -> Candidate | None:
    """The candidate as one that is not trained; None if the other one's training does not stand for it."""
    store = session.store
    if store.candidate(other).status != "trained" or is_stale(store, session.task, session.settings, other):
        return None
    words = same_in_words(session, name, other)
    if not words:
        return None
    steps = sum(job.steps for job in training_jobs(store, session.task, session.settings, name))
    return store.candidate(name).model_copy(update={"status": "rejected", "reason": words, "steps_saved": steps})


def same_in_words(session: SearchSession, name: str, other: str) -> str:
    """How a candidate's reward is the same as another one's, on all that is stored; empty if it is not."""
    store, task, checker = session.store, session.task, session.prepared.checker
    sources = [store.read_reward(each) for each in (name, other)]
    if sources[0] == sources[1]:
        return f"the same code as {other}"
    reports = [store.read_check(each) or CheckReport() for each in (name, other)]
    if any(MISALIGNED.id not in report.verdicts for report in reports):
        return ""  # The method compares no episodes.
    if _ranked_apart(*reports):
        return ""
    reference = checker.reference_episodes
    # A constant is lost only where rewards lose their mean.
    lost = (
        reference.lasts and task.training.scale == "sum" and preset_for(task, session.settings.learner).learner == "ppo"
    )
    try:
        pays = [checker.paid(*each) for each in zip(sources, reports, strict=True)]
        if same_pay(*pays, but_constant=lost) is None:
            return ""
        own = [episode for index in range(session.settings.seeds) for episode in store.episodes(other, index)]
        if own:
            new = [paid(*each, own, task.training.scale) for each in zip(sources, reports, strict=True)]
            pays = [np.concatenate(each, axis=1) for each in zip(pays, new, strict=True)]
    except RewardError:
        return ""
    same = same_pay(*pays, but_constant=lost)
    return f"{same.as_text(other)}, so it was not trained" if same else ""


def _ranked_apart(one: CheckReport, other: CheckReport) -> bool:
    """True if the checks have shown that two rewards order the reference episodes in two ways.

    Neither a factor nor a constant changes the order of the mean pay per step. To compute what each earlier reward pays
    takes a locked process each, and most are told apart by this.
    """
    if one.alignment is None or other.alignment is None or one.alignment.behaviours != other.alignment.behaviours:
        return False
    return abs(one.alignment.reward - other.alignment.reward) > SAME
