"""Candidates of a model's drafts, and of rewards that the person wrote."""

from __future__ import annotations

from reward_synth.core.types import Candidate, candidate_id
from reward_synth.methods.refine import Refined
from reward_synth.search.session import SearchSession
from reward_synth.store.candidate_files import START


def made(name: str, iteration: int, item: Refined, parents: tuple[str, ...]) -> Candidate:
    """The candidate of a draft after its last round."""
    return Candidate(
        id=name,
        iteration=iteration,
        parents=parents,
        status="rejected" if item.reason else "designed",
        reason=item.reason,
        repairs=item.repairs,
        valid_at_first=item.valid_at_first,
        valid=item.valid,
        alignment=item.report.alignment.reward if item.report.alignment else None,
    )


def started_from(session: SearchSession, iteration: int, screen: bool) -> list[tuple[Candidate, Refined]]:
    """What the first iteration begins with: the person's reward, and the one that follows from a small model's form."""
    if iteration > 1:
        return []
    store = session.store
    items = [] if (source := store.start_reward()) is None else [_own(session, START, source, (), screen)]
    if (source := store.form_reward()) is not None:
        item = session.refiner.inspect(source, screen=screen)
        items.append((made(candidate_id(1, len(items)), 1, item, ()), item))
    return items


def edited(session: SearchSession, iteration: int, first: int, screen: bool) -> list[tuple[Candidate, Refined]]:
    """Rewards that a person wrote and that are not candidates yet, as candidates of this iteration."""
    store = session.store
    known = {store.read_reward(c.id) for c in store.candidates() if store.has_reward(c.id)}
    items: list[tuple[Candidate, Refined]] = []
    for answer in store.answers():
        if answer.edited and answer.edited not in known:
            parents = (answer.edited_from,) if answer.edited_from else ()
            items.append(_own(session, candidate_id(iteration, first + len(items)), answer.edited, parents, screen))
    return items


def _own(
    session: SearchSession, name: str, source: str, parents: tuple[str, ...], screen: bool
) -> tuple[Candidate, Refined]:
    item = session.refiner.inspect(source, screen=screen)
    candidate = made(name, int(name.partition("-")[0]), item, parents)
    return candidate.model_copy(update={"author": "person"}), item
