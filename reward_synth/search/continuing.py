"""Trainings that go on: a reward whose training ended on the way up gets as many steps again, as another candidate.

More steps on a reward that works are surer than another reward. Both are tried side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from reward_synth.core.files import refuse_links, write_bytes
from reward_synth.core.types import Candidate, candidate_id
from reward_synth.methods.refine import Refined
from reward_synth.search.jobs import line_of
from reward_synth.search.session import SearchSession
from reward_synth.training.job import BEST_POLICY, CHECKPOINT, POLICY

HANDED_OVER = {CHECKPOINT: CHECKPOINT, "progress.csv": "progress.csv", POLICY: BEST_POLICY}
"""What a training leaves to the one that goes on with it, by the name that it has there.

The policy is the one against which the further training's are held, until one is better."""


def continued(
    session: SearchSession, iteration: int, first: int, parents: Sequence[str]
) -> list[tuple[Candidate, Refined]]:
    """Candidates that go on with another's training, each with as many steps again."""
    items = []
    for number, parent in enumerate(parents, start=first):
        item = session.refiner.inspect(session.store.read_reward(parent), screen=False)
        candidate = Candidate(
            id=candidate_id(iteration, number),
            iteration=iteration,
            parents=(parent,),
            continues=parent,
            valid_at_first=item.valid_at_first,
            valid=item.valid,
        )
        items.append((candidate, item))
    return items


def designs_nothing(session: SearchSession, iteration: int) -> bool:
    """True for a round in which the best training goes on and no reward is designed: the iterations are used up."""
    candidates = session.store.candidates()
    first = [c for c in candidates if c.id == candidate_id(iteration, 0)]
    if first:
        return first[0].continues is not None
    designed = {c.iteration for c in candidates if c.continues is None and c.iteration < iteration}
    return len(designed) >= session.settings.iterations


def going_on(session: SearchSession, iteration: int) -> list[str]:
    """The candidates whose training the method has go on in this iteration; all have left a checkpoint."""
    seeds = range(session.settings.seeds)
    return [
        candidate
        for candidate in session.method.unfinished(session.history(iteration))
        if all((session.store.train_dir(candidate, index) / CHECKPOINT).exists() for index in seeds)
    ]


def is_worthwhile(session: SearchSession, iteration: int) -> bool:
    """True if a round that designs nothing was begun, or may be: a training goes on, and not too many did in a row."""
    candidates = session.store.candidates()
    if any(candidate.iteration == iteration for candidate in candidates):
        return True
    if session.solved:
        return False
    last = max(candidate.iteration for candidate in candidates if candidate.continues is None)
    return iteration - last <= session.settings.train_on and bool(going_on(session, iteration))


def hand_over(session: SearchSession, candidate: str) -> None:
    """Give a candidate that goes on with another's training what that one left."""
    store = session.store
    parent = store.candidate(candidate).continues
    for index in range(session.settings.seeds if parent is not None else 0):
        hand_over_files(store.train_dir(str(parent), index), store.train_dir(candidate, index), HANDED_OVER)


def hand_over_files(source: Path, target: Path, names: Mapping[str, str]) -> None:
    """Copy a training's files to another's folder, but none that is there already.

    :param names: of the files in ``source``, to their names in ``target``.
    :raises RewardSynthError: the training left a link, whose target would be copied.
    """
    refuse_links(source)
    for name, there in names.items():
        if (source / name).exists() and not (target / there).exists():
            write_bytes(target / there, (source / name).read_bytes())


def beyond_parent(session: SearchSession, candidate: Candidate) -> Candidate:
    """A candidate that went on with another's training spent only the steps after that one's end."""
    if candidate.continues is None:
        return candidate
    store = session.store
    before = sum(store.candidate(each).steps for each in line_of(store, candidate.id)[1:])
    reason = "; ".join(filter(None, (f"goes on from {candidate.continues}", candidate.reason)))
    return candidate.model_copy(update={"steps": max(0, candidate.steps - before), "reason": reason})


def drop_checkpoints(session: SearchSession) -> None:
    """Of all trainings that are done, only the best can go on: the others' replay buffers would fill the disk."""
    best = session.best.id if session.best is not None else None
    for candidate in session.store.candidates():
        if candidate.id != best and candidate.status not in ("designed", "rejected"):
            for index in range(session.settings.seeds):
                (session.store.train_dir(candidate.id, index) / CHECKPOINT).unlink(missing_ok=True)
