"""Keeps ``agreements.json`` up to date: how well each trained reward agrees with what the person has said so far."""

from __future__ import annotations

import hashlib
import json

from reward_synth.core.agreement import Agreement, Agreements
from reward_synth.preferences.alignment import Judgement
from reward_synth.preferences.episodes import stored_episodes
from reward_synth.preferences.workbench import Workbench
from reward_synth.state.table import FieldTable
from reward_synth.store import RunStore
from reward_synth.tasks.spec import TaskSpec


def updated_agreements(store: RunStore, task: TaskSpec, table: FieldTable) -> Agreements | None:
    """The agreements, computed for candidates that were trained since, or for all if the person has said more.

    :return: None if the person has judged no episode.
    :raises RewardSynthError: no process can be started, or a file was changed.
    """
    judgement = Judgement.of(store.answers())
    if not judgement.ids:
        return None
    digest = _digest(judgement)
    earlier = store.read_agreements()
    if earlier is None or earlier.judged != digest:
        earlier = None
    known = earlier.candidates if earlier else {}
    new = [each.id for each in store.candidates() if each.status == "trained" and each.id not in known]
    if earlier is not None and not new:
        return earlier
    # Episodes that nobody has judged change no figure.
    bench = Workbench(store, task, table, stored_episodes(store, table, 0, judgement.ids))
    found: dict[str, Agreement | None] = {
        name: bench.agreement(bench.pay(store.read_reward(name)), judgement) for name in new
    }
    agreements = Agreements(
        judged=digest,
        candidates=known | found,
        fitness=earlier.fitness if earlier else bench.fitness_agreement(judgement),
        success=earlier.success if earlier else bench.success_agreement(judgement),
    )
    store.write_agreements(agreements)
    return agreements


def _digest(judgement: Judgement) -> str:
    said = [judgement.order, [pair.model_dump() for pair in judgement.pairs]]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]
