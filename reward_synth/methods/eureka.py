"""Eureka: a population of rewards, and a conversation that continues from the best of each iteration.

Ma et al. 2023, "Eureka: Human-Level Reward Design via Coding Large Language Models", arXiv:2310.12931. Sixteen samples
come from the same prompt and all are trained to the end. The best one's answer and the curves of its terms are the next
two turns of the conversation. Unlike the paper, this version keeps our lint and sandbox: what they reject corresponds
to what fails to execute in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from reward_synth.core.names import RoleName
from reward_synth.core.types import Candidate
from reward_synth.diagnosis.evidence import merge_curves, merge_terms
from reward_synth.evaluation.select import best_candidate
from reward_synth.llm.base import Message
from reward_synth.methods.base import Checked, History, Proposals, Reflection, Schedule, Tools
from reward_synth.methods.briefing import opening_brief, ordered_behaviours, words_of
from reward_synth.roles.brief import Attempt


class Eureka:
    """Reflects on the best reward of each iteration; no critic, no repair, no screen, no early stop."""

    name = "eureka"
    paper = "Eureka (arXiv:2310.12931)"
    roles: tuple[RoleName, ...] = ()
    trains_more = 0
    defaults: Mapping[str, Any] = {"samples": 16, "iterations": 5, "temperature": 1.0}
    fixed: Mapping[str, tuple[Any, str]] = {
        "critic": (False, "eureka has no critic"),
        "repairs": (0, "eureka draws new samples instead of repairing one"),
        "shots": (0, "eureka shows no worked examples"),
        "rungs": ("1", "eureka trains every sample to its end"),
        "train_on": (0, "eureka trains every sample once"),
        "keep_going": (True, "eureka uses all its iterations"),
    }

    def __init__(self, tools: Tools) -> None:
        self._settings = tools.settings
        self._prompts = tools.prompts

    def propose(self, history: History) -> Proposals:
        """All samples share one prompt; from the second iteration on, it continues the conversation with the best."""
        brief, count = opening_brief(history), self._settings.samples
        for number in range(history.iteration - 1, 0, -1):
            best = best_candidate(history.of_iteration(number), history.agreed)
            if best is not None:
                turns = self._turns(history, best, number)
                return Proposals(brief, count, (best.id,), turns, spread=False, screen=False)
        # If nothing could be trained, the paper repeats the iteration with the same messages.
        brief = replace(brief, feedback=tuple(self._words(history)), ordered=ordered_behaviours(history, ()))
        return Proposals(brief, count, spread=False, screen=False)

    @staticmethod
    def _words(history: History) -> list[str]:
        return [text for answer in history.answers if (text := words_of(answer))]

    def _turns(self, history: History, best: Candidate, number: int) -> tuple[Message, ...]:
        source = history.source(best.id)
        answer = f"```python\n{source.rstrip()}\n```"
        request = self._prompts.render(
            "eureka/next.md.j2",
            reflection=history.readings.get(number, ""),
            feedback=self._words(history),
            ordered=ordered_behaviours(history, (Attempt(best.id, source, ""),)),
        )
        return Message(role="assistant", content=answer), Message(role="user", content=request)

    def unfinished(self, history: History) -> tuple[str, ...]:
        """None: every sample is trained once."""
        return ()

    def again(self, history: History) -> tuple[str, ...]:
        """None: every sample is trained once."""
        return ()

    def schedule(self, checked: Sequence[Checked]) -> Schedule:
        """All candidates train to their end, in the order of sampling."""
        return Schedule(tuple(each.candidate.id for each in checked))

    def reflect(self, history: History) -> Reflection:
        """The curves of success, fitness and every term of the iteration's best reward."""
        best = best_candidate(history.of_iteration(history.iteration), history.agreed)
        if best is None:
            return Reflection("No sample of this iteration could be trained.")
        results = history.results(best.id)
        values = {"best": best, "curve": merge_curves(results), "terms": merge_terms(results)}
        return Reflection(self._prompts.render("eureka/reflection.md.j2", unit=history.task.fitness_unit, **values))
