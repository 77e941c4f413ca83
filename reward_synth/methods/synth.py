"""The default method: a designer, a critic and an analyzer in turn, over successive halving.

It combines Text2Reward (typed state, execution feedback, human rounds; arXiv:2309.11489), Auto MC-Reward (designer,
critic, analyzer; arXiv:2312.09238) and CARD (trajectory preference before training; arXiv:2410.14660).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reward_synth.core.names import RoleName
from reward_synth.core.types import Candidate
from reward_synth.evaluation.select import best_candidate
from reward_synth.methods.base import Checked, History, Proposals, Reflection, Schedule, Tools
from reward_synth.methods.briefing import brief_for
from reward_synth.roles.brief import Turn

TURNS_REMEMBERED = 4
STILL_IMPROVING = "still-improving"
"""The rule that finds a training that ended while fitness was still rising."""
SOMETIMES = 0.25
"""A reward whose policy succeeds in this share of episodes teaches the goal; what is left is practice."""
AGAIN = 2
"""Rewards that train again at once, with another seed each."""


class Synth:
    """Samples differ by emphasis; the two best rewards so far and the analyzer's text go to the next round."""

    name = "synth"
    paper = "Text2Reward (arXiv:2309.11489), Auto MC-Reward (arXiv:2312.09238), CARD (arXiv:2410.14660)"
    roles: tuple[RoleName, ...] = ("critic", "analyzer")
    trains_more = AGAIN
    defaults: Mapping[str, Any] = {}
    fixed: Mapping[str, tuple[Any, str]] = {}

    def __init__(self, tools: Tools) -> None:
        self._settings = tools.settings
        assert tools.analyzer is not None
        self._analyzer = tools.analyzer

    def propose(self, history: History) -> Proposals:
        """The designer reads the best rewards so far, lessons, the analyzer's last text and the person's words."""
        brief = brief_for(history)
        parents = tuple(attempt.id for attempt in brief.attempts)
        return Proposals(brief, self._settings.samples, parents)

    def unfinished(self, history: History) -> tuple[str, ...]:
        """The best candidate, if its fitness was still rising or it often succeeds.

        More steps then help more surely than another reward.
        """
        best = best_candidate(history.candidates, history.agreed)
        if best is None:
            return ()
        if (best.success or 0.0) < SOMETIMES and STILL_IMPROVING not in history.findings(best.id):
            return ()
        if any(candidate.continues == best.id for candidate in history.candidates):
            return ()  # The same steps on the same reward would give the same policy.
        return (best.id,)

    def again(self, history: History) -> tuple[str, ...]:
        """The rewards that sometimes led to the goal, the best one first, at most two.

        Seeds of one reward differ much, but whether this pays is not shown: see docs/guide/training.md.
        """
        led: dict[str, Candidate] = {}
        for each in sorted(history.candidates, key=lambda candidate: candidate.score, reverse=True):
            if each.status == "trained" and (each.success or 0.0) >= SOMETIMES:
                led.setdefault(history.source(each.id), each)
        return tuple(each.id for each in list(led.values())[:AGAIN])

    def schedule(self, checked: Sequence[Checked]) -> Schedule:
        """Candidates train in the order of the model's answers; after each rung the worse half stops.

        No score of a reward that was known before training has been shown to order them better: see
        docs/measurements/predictors.md.
        """
        return Schedule(tuple(each.candidate.id for each in checked), self._settings.rung_shares)

    def reflect(self, history: History) -> Reflection:
        """The analyzer reads every training of the iteration, and its own last texts."""
        tried = [c for c in history.of_iteration(history.iteration) if c.status in ("trained", "crashed")]
        short = self._analyzer.model.small
        shown = [(c.id, history.source(c.id), history.store.read_summary(c.id, short) or c.reason) for c in tried]
        turns = tuple(Turn(number, text) for number, text in sorted(history.readings.items()))[-TURNS_REMEMBERED:]
        analysis = self._analyzer.analyze(brief_for(history), shown, turns)
        return Reflection(analysis.text, analysis.exchange)
