"""The loop: design, check, criticise, screen, train, evaluate, analyse, ask the person, and again."""

from __future__ import annotations

from reward_synth.core.types import Outcome
from reward_synth.display.base import Display
from reward_synth.evaluation.select import best_candidate, is_solved
from reward_synth.preparation.preflight import Preflight
from reward_synth.preparation.settle import Confirm
from reward_synth.search.session import Parts
from reward_synth.search.steps import Ask, analyze, consult, design, solved, train
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore


def search(
    store: RunStore,
    goal: str,
    settings: Settings,
    display: Display,
    ask: Ask | None = None,
    confirm: Confirm | None = None,
    tried: Preflight | None = None,
) -> Outcome:
    """Search until the task is solved, the iterations are done, or a limit is met. Finished work is not repeated.

    :param ask: None if nobody is there to answer; the request then waits in the run folder.
    :param confirm: shows a drafted success measure; None if nobody is there to accept it.
    :param tried: the task and its environment, where they have been tried before the run was made.
    """
    with Parts.assemble(store, goal, settings, display, confirm, tried) as parts:
        for iteration in range(1, settings.iterations + 1):
            display.iteration(iteration, settings.iterations)
            if not store.iteration_done(iteration):
                if reason := parts.reason_to_stop():
                    return _ended(parts, "stopped", reason)
                candidates = design(parts, iteration)
                candidates = train(parts, candidates)
                if reason := parts.reason_to_stop():
                    return _ended(parts, "stopped", reason)
                analyze(parts, iteration, candidates)
            if solved(parts):
                return _ended(parts, "solved", "the task's own measure says that it works")
            if ended := consult(parts, iteration, ask):
                return ended
        return _ended(parts, "unsolved", f"no reward reached the task's measure in {settings.iterations} iterations")


def _ended(parts: Parts, status: str, reason: str) -> Outcome:
    best = best_candidate(parts.store.candidates())
    if status == "unsolved" and is_solved(best, parts.task):
        status, reason = "solved", "all iterations are done"
    return Outcome.model_validate({"status": status, "best": best.id if best else None, "reason": reason})
