"""Rewards that train more than once: on, from their checkpoint, or again, with another seed.

A training that ended while fitness rose gets as many steps again, as a new candidate. More steps on a working reward
help more surely than another reward, so both are tried in parallel. Once no iteration is left and nothing goes on, what
sometimes led to the goal trains again from scratch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from reward_synth.core.files import refuse_links, write_bytes
from reward_synth.core.types import Candidate, candidate_id
from reward_synth.methods.refine import Refined
from reward_synth.search.jobs import line_of
from reward_synth.search.session import SearchSession
from reward_synth.training.job import BEST_POLICY, CHECKPOINT, EVALUATIONS, POLICY

HANDED_OVER = {name: name for name in (CHECKPOINT, "progress.csv", EVALUATIONS)} | {POLICY: BEST_POLICY}
"""The files that a continued training gets from its parent, with their new names.

The parent's policy is the one to beat, until the continued training has a better one."""


def continued(
    session: SearchSession, iteration: int, first: int, parents: Sequence[str]
) -> list[tuple[Candidate, Refined]]:
    """Make candidates that continue other candidates' trainings, each with as many steps again."""
    items = [_of_reward(session, iteration, number, parent) for number, parent in enumerate(parents, start=first)]
    return [(made.model_copy(update={"continues": made.parents[0]}), item) for made, item in items]


def repeated(session: SearchSession, iteration: int, parents: Sequence[str]) -> list[tuple[Candidate, Refined]]:
    """Make candidates that train other candidates' rewards again. The seed follows from their own ids."""
    items = [_of_reward(session, iteration, number, parent) for number, parent in enumerate(parents)]
    return [(made.model_copy(update={"repeats": made.parents[0]}), item) for made, item in items]


def _of_reward(session: SearchSession, iteration: int, number: int, parent: str) -> tuple[Candidate, Refined]:
    """A candidate that trains another one's reward once more."""
    item = session.refiner.inspect(session.store.read_reward(parent), screen=False)
    candidate = Candidate(
        id=candidate_id(iteration, number),
        iteration=iteration,
        parents=(parent,),
        valid_at_first=item.valid_at_first,
        valid=item.valid,
    )
    return candidate, item


def kind_of_round(
    session: SearchSession, iteration: int, candidates: Sequence[Candidate]
) -> Literal["design", "train on", "train again"] | None:
    """What a round does: design rewards, or, once all iterations for designs are used, only continue the best training
    or train the best rewards again.

    None if the search is over: nothing is worth it, or too many rounds in a row have done so.

    :param candidates: all that there are.
    """
    here = [candidate for candidate in candidates if candidate.iteration == iteration]
    designed = {c.iteration for c in candidates if c.designed_anew and c.iteration < iteration}
    # The first candidate is saved last: without it, an iteration was cut off while its designs were saved.
    if here and here[0].id == candidate_id(iteration, 0) and not here[0].designed_anew:
        return "train on" if here[0].continues is not None else "train again"
    if len(designed) < session.settings.iterations:
        return "design"
    if here or session.solved:
        return None
    later = [candidate for candidate in candidates if max(designed) < candidate.iteration < iteration]
    on = len({candidate.iteration for candidate in later if candidate.continues is not None})
    again = len({candidate.iteration for candidate in later if candidate.repeats is not None})
    if on < session.settings.train_on and going_on(session, iteration):
        return "train on"
    wanted = again < session.settings.train_again
    return "train again" if wanted and session.method.again(session.history(iteration)) else None


def going_on(session: SearchSession, iteration: int) -> list[str]:
    """The candidates whose training the method continues in this iteration; all of them have a checkpoint."""
    if session.solved:
        return []
    seeds = range(session.settings.seeds)
    return [
        candidate
        for candidate in session.method.unfinished(session.history(iteration))
        if all((session.store.train_dir(candidate, index) / CHECKPOINT).exists() for index in seeds)
    ]


def hand_over(session: SearchSession, candidate: str) -> None:
    """Give a continued candidate the files of its parent."""
    store = session.store
    parent = store.candidate(candidate).continues
    for index in range(session.settings.seeds if parent is not None else 0):
        hand_over_files(store.train_dir(str(parent), index), store.train_dir(candidate, index), HANDED_OVER)


def hand_over_files(source: Path, target: Path, names: Mapping[str, str]) -> None:
    """Copy a training's files to another folder, without replacing any file.

    :param names: name in ``source`` to name in ``target``.
    :raises RewardSynthError: the source folder holds a link, whose target would be copied.
    """
    refuse_links(source)
    for name, there in names.items():
        if (source / name).exists() and not (target / there).exists():
            write_bytes(target / there, (source / name).read_bytes())


def beyond_parent(session: SearchSession, candidate: Candidate) -> Candidate:
    """Say whose reward it trains, and count only the steps that a continued candidate took after its parent's end."""
    if candidate.repeats is not None:
        reason = "; ".join(filter(None, (f"trains {candidate.repeats}'s reward again", candidate.reason)))
        return candidate.model_copy(update={"reason": reason})
    if candidate.continues is None:
        return candidate
    store = session.store
    line = map(store.known, line_of(store, candidate.id)[1:])
    before = sum(each.steps for each in line if each is not None)
    reason = "; ".join(filter(None, (f"goes on from {candidate.continues}", candidate.reason)))
    return candidate.model_copy(update={"steps": max(0, candidate.steps - before), "reason": reason})


def drop_checkpoints(session: SearchSession) -> None:
    """Delete the checkpoints of finished trainings except the best one's, because their buffers would fill the disk."""
    best = session.best.id if session.best is not None else None
    for candidate in session.store.candidates():
        if candidate.id != best and candidate.status not in ("designed", "rejected"):
            for index in range(session.settings.seeds):
                (session.store.train_dir(candidate.id, index) / CHECKPOINT).unlink(missing_ok=True)
