"""The loop: design and check, train, reflect, ask the person, repeat.

The session's method (``methods/``) decides what to design, what to train and what to reflect on.
"""

from __future__ import annotations

from itertools import count

from reward_synth.core.types import Outcome
from reward_synth.evaluation.select import is_promising
from reward_synth.events.model import IterationStarted, StatusChanged, Warned
from reward_synth.search.continuing import kind_of_round
from reward_synth.search.second_opinion import dispute
from reward_synth.search.session import SearchSession
from reward_synth.search.steps import Ask, accepted, ask_person, design, reflect, replace_lost_best, train, train_more

WITHOUT_DESIGN = {
    "train on": "the best training goes on",
    "train again": "what sometimes led to the goal trains again, with another seed",
}
"""What is told of a round in which no reward is designed."""
WORKS = "the task's own measure says that it works"


def search(session: SearchSession, ask: Ask | None = None) -> Outcome:
    """Search until the task is solved, the iterations are done, or a limit applies. Finished work is not repeated.

    :param ask: None if nobody can answer; the request then waits in the run folder.
    """
    replace_lost_best(session)
    iterations, made = session.settings.iterations, session.store.candidates()
    for iteration in count(1):
        if ended := accepted(session):
            return ended
        kind = kind_of_round(session, iteration, made)
        if kind is None:
            break
        session.emit(IterationStarted(number=iteration, total=max(iteration, iterations)))
        if kind != "design":
            session.emit(StatusChanged(text=f"no reward is designed: {WITHOUT_DESIGN[kind]}"))
        if not session.store.iteration_done(iteration):
            if reason := session.reason_to_stop():
                return _ended(session, "stopped", reason)
            again = kind == "train again"
            candidates = design(session, iteration) if kind == "design" else train_more(session, iteration, again)
            candidates = train(session, candidates)
            if ended := accepted(session):
                return ended
            if reason := session.reason_to_stop():
                return _ended(session, "stopped", reason)
            reflect(session, iteration, candidates)
            made = session.store.candidates()
        if session.finished:
            return _ended(session, "solved", WORKS)
        if ended := ask_person(session, iteration, ask):
            return ended
        if session.finished:  # If a person selects, their answer may be what was missing.
            return _ended(session, "solved", WORKS)
    return _out_of_iterations(session)


def _out_of_iterations(session: SearchSession) -> Outcome:
    if session.solved and session.chosen:
        return _ended(session, "solved", "all iterations are done")
    if session.solved:
        return _ended(session, "waiting", "the best reward is for a person to choose, who has ordered no episodes yet")
    reason = f"no reward reached the task's measure in {session.settings.iterations} iterations"
    if session.best is not None and is_promising(session.best, session.task):
        reason += f"; {session.best.id} is promising: {session.best.success:.0%} of {session.best.episodes} episodes"
    return _ended(session, "unsolved", reason)


def _ended(session: SearchSession, status: str, reason: str) -> Outcome:
    best = session.best.id if session.best else None
    if best is not None and (doubt := dispute(session.store, session.prepared.table, best)) is not None:
        session.emit(Warned(text=doubt))
    return Outcome.model_validate({"status": status, "best": best, "reason": reason})
