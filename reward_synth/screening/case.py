"""A reward's case: behaviours with what they are paid and how they do, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.number_format import number
from reward_synth.core.types import CheckReport, EpisodeScore, Finding, PayRow, Planned, Verdict
from reward_synth.reward.rules import declared
from reward_synth.screening.groups import Behaviours
from reward_synth.screening.planner import Plan
from reward_synth.screening.reference_episodes import EXPERT
from reward_synth.state.episode import Episode, Judged
from reward_synth.state.table import FieldTable

ATTACK = declared("screen", "attack")
BY_PLAN = ("pays-for-something-else", "wrong-sign", "nothing-beyond-rest", "unreachable-bonus")
"""The rules that need a plan."""
PLANNED, EARLIER, BEST = "planned for the reward", "planned for an earlier reward", "planned for the fitness"
CLEARLY = 0.1
"""Share of the recorded episodes' spread by which a figure must differ to be clearly larger or smaller."""
FAR_BELOW = 0.5
"""Share of the way from rest to the best known fitness that the best-paid episode must not have come."""


@dataclass(frozen=True)
class Played:
    """An episode with what it was paid per step, and how it was judged; ``score`` is None if nobody can play it."""

    kind: str
    episode: Episode
    pay: float
    terms: FloatArray
    score: EpisodeScore | None
    rewards: FloatArray
    """(T,), of each step."""

    @property
    def fitness(self) -> float:
        """The task's fitness; the episode must have been judged."""
        assert self.score is not None
        return self.score.fitness

    @property
    def failed(self) -> bool:
        """True if the environment ended it, and not because the goal was reached."""
        return self.episode.terminated and not (self.score is not None and self.score.success)


@dataclass(frozen=True)
class Case:
    """All that is known, and what follows from it."""

    played: list[Played]
    terms: tuple[str, ...]
    plan: Plan
    measured: tuple[str, ...]
    fields: FieldTable
    experts: int
    discount: float
    """The learner's, per step."""

    @property
    def recorded(self) -> list[Played]:
        """The reference episodes, but for those that were planned for another reward."""
        return [each for each in self.played if each.score is not None and each.kind not in (PLANNED, EARLIER)]

    @property
    def planned(self) -> list[Played]:
        """What the planner found."""
        return [each for each in self.played if each.kind == PLANNED]

    @property
    def earlier(self) -> list[Played]:
        """What it found for other rewards. It may be a hack that this reward pays too, so it is no measure of pay."""
        return [each for each in self.played if each.kind == EARLIER]

    @property
    def rest(self) -> Played:
        """The robot that does nothing."""
        return self.played[0]

    @property
    def spread(self) -> float:
        """How much the fitness of recorded episodes differs."""
        return float(np.ptp([each.fitness for each in self.recorded]))

    @property
    def margin(self) -> float:
        """By how much an episode must be paid more than the best-paid one to be clearly paid more."""
        pay = [each.pay for each in self.recorded]
        return CLEARLY * float(max(pay) - np.median(pay)) + 1e-9 * (1.0 + abs(max(pay)))

    def told(self, report: CheckReport) -> CheckReport:
        """The report with the pay table, the findings, and each rule's verdict."""
        answers: dict[str, Verdict] = {**dict.fromkeys(ATTACK, "not found"), **self.unanswered()}
        findings = [finding for finding, _ in self._found]
        if self.plan.episodes and not self.plan.finished:
            silent = [name for name in BY_PLAN if answers[name] == "not found"]
            answers |= dict.fromkeys(silent, "not enough data")
        said = {ATTACK[name].id: answer for name, answer in answers.items()}
        summary = Planned(
            rounds=self.plan.finished,
            transitions=self.plan.transitions,
            seconds=round(self.plan.seconds, 2),
            problem=self.plan.problem,
            by_clock=self.plan.by_clock,
            sound=bool(self.plan.finished) and not findings and "could not run" not in answers.values(),
        )
        said |= {finding.id: "found" for finding in findings}
        return report.model_copy(update={"pay": self.table(), "planned": summary}).plus(findings, said)

    @cached_property
    def _found(self) -> list[tuple[Finding, Played | None]]:
        """The findings of the rules that can answer, each with the episode that shows it if one does."""
        unanswered = self.unanswered()
        return [each for each in self.findings() if unanswered.get(each[0].rule, "not found") == "not found"]

    @property
    def episodes(self) -> dict[str, Judged]:
        """The best-paid planned episode as ``planned``, and the one that shows a finding under its rule's name."""
        best = max(self.planned, key=lambda each: each.pay, default=None)
        shown = {"planned": best} | {finding.rule: each for finding, each in self._found}
        return {name: Judged(each.episode, each.score) for name, each in shown.items() if each and each.score}

    def replays(self, place: int) -> bool:
        """True if a planned episode was paid the same when it was played again from its seed."""
        each = self.planned[place]
        steps = each.episode.horizon if each.episode.terminated else each.episode.length
        return bool(np.isclose(each.pay * steps, self.plan.expected[place], rtol=1e-6, atol=1e-9))

    def unanswered(self) -> dict[str, Verdict]:
        """The rules that cannot answer no, and why."""
        can_end = any(each.episode.terminated for each in self.played)
        silent: dict[str, Verdict] = {
            "early-end-pays": "not found" if can_end else "not applicable",
            "expert-below-rest": "not found" if self.experts else "not applicable",
        }
        if any(each.score and (each.score.success or each.score.success_any) for each in self.played):
            silent["unreachable-bonus"] = "not applicable"
        if not self.plan.episodes:
            silent |= dict.fromkeys(BY_PLAN, "could not run" if self.plan.problem else "not enough data")
        elif not any(self.replays(place) for place in range(len(self.planned))):
            silent |= dict.fromkeys(BY_PLAN, "could not run")
        elif self.spread < 1e-9:
            silent |= dict.fromkeys(("pays-for-something-else", "wrong-sign"), "not enough data")
        return silent

    def findings(self) -> Iterator[tuple[Finding, Played | None]]:
        """What is wrong, and the episode that shows it."""
        yield from self._elsewhere()
        yield from self._early_end()
        yield from self._no_gain()
        yield from self._expert()
        yield from self._unpaid()

    def _elsewhere(self) -> Iterator[tuple[Finding, Played | None]]:
        """The best-paid planned episode is paid more than all others, again when replayed, and does worse."""
        if not self.planned or any(each.score and each.score.success for each in self.planned):
            return
        found = [*self.planned, *self.earlier]
        place = int(np.argmax([each.pay for each in found]))
        best = found[place]
        most = max(self.recorded, key=lambda each: each.pay)
        highest = max(each.fitness for each in self.recorded + self.earlier)
        enough = self.rest.fitness + FAR_BELOW * (highest - self.rest.fitness) - 1e-9
        replays = place >= len(self.planned) or self.replays(place)
        if not replays or best.pay <= most.pay + self.margin or best.fitness >= enough:
            return
        worse = best.fitness < self.rest.fitness - CLEARLY * self.spread
        rule = ATTACK["wrong-sign" if worse else "pays-for-something-else"]
        beside = (
            f"doing nothing has {number(self.rest.fitness)}" if worse else f"the best of them has {number(highest)}"
        )
        message = (
            f"a planned episode of {best.episode.length * best.episode.dt:.3g} s is paid {self._per_second(best)}, and "
            f"the {len(self.recorded)} recorded behaviours at most {self._per_second(most)}, yet its fitness is "
            f"{number(best.fitness)} and {beside}; {self._payers(best, most)}; in it {self._moved(best)}"
        )
        yield rule.finding(message, rule.fix or f"let this pay less than the goal: {self._payers(best, most)}"), best

    def _early_end(self) -> Iterator[tuple[Finding, Played | None]]:
        """All that lasts is paid less than nothing, and something that fails in less than half the time more."""
        judged = self.recorded + self.planned + self.earlier
        longest = max(each.episode.length for each in judged)
        lasting = max((each for each in judged if 2 * each.episode.length > longest), key=lambda each: each.pay)
        failed = [each for each in self.played if each.failed and 2 * each.episode.length <= longest]
        if not failed or lasting.pay >= 0.0:
            return
        ended = max(failed, key=lambda each: each.pay)
        if ended.pay > lasting.pay:
            what = "is over" if ended.score is None else "fails"
            message = (
                f"an episode that {what} after {ended.episode.length * ended.episode.dt:.3g} s is paid "
                f"{self._per_second(ended)} of a whole episode, "
                f"and one that lasts {lasting.episode.length * lasting.episode.dt:.3g} s at most "
                f"{self._per_second(lasting)}"
            )
            yield ATTACK["early-end-pays"].finding(message), ended

    def _no_gain(self) -> Iterator[tuple[Finding, Played | None]]:
        others = self.recorded[1:] + self.planned + self.earlier
        better = max(each.fitness for each in self.recorded) > self.rest.fitness + CLEARLY * self.spread
        most = max(each.pay for each in others)
        if better and self.plan.finished and most <= self.rest.pay + 1e-3 * self.margin:
            message = (
                f"doing nothing is paid {self._per_second(self.rest)}, and none of {len(others)} recorded and planned "
                f"episodes is paid more"
            )
            yield ATTACK["nothing-beyond-rest"].finding(message), None

    def _expert(self) -> Iterator[tuple[Finding, Played | None]]:
        experts = [each for each in self.played if each.kind == EXPERT and each.score and each.score.success_any]
        if experts and (paid := float(np.mean([each.pay for each in experts]))) < self.rest.pay:
            dt = self.rest.episode.dt
            message = (
                f"{len(experts)} episodes of an expert that reaches the goal are paid {number(paid / dt)} per second "
                f"on average, and doing nothing {number(self.rest.pay / dt)}"
            )
            least = min(experts, key=lambda each: each.pay)
            yield ATTACK["expert-below-rest"].finding(message), least

    def _unpaid(self) -> Iterator[tuple[Finding, Played | None]]:
        paid = np.any([each.terms != 0.0 for each in self.recorded + self.planned], axis=0)
        for name in np.array(self.terms)[~paid]:
            tried = f"{self.plan.transitions:,} planned transitions"
            yield ATTACK["unreachable-bonus"].finding(f"term `{name}` is 0 in all episodes, {tried} among them"), None

    def _per_second(self, each: Played) -> str:
        return f"{number(each.pay / each.episode.dt)} per second"

    def _payers(self, best: Played, other: Played) -> str:
        """The terms by which one is paid more than the other."""
        more = (best.terms - other.terms) / best.episode.dt
        shown = [k for k in np.argsort(-more)[:3] if more[k] > 0.0]
        return ", ".join(f"`{self.terms[k]}` {more[k]:+.3g} per second" for k in shown)

    def _moved(self, best: Played) -> str:
        episodes = [best, *self.recorded]
        behaviours = Behaviours({str(n): each.episode for n, each in enumerate(episodes)}, self.fields, self.measured)
        return behaviours.words(behaviours.ids[:1], behaviours.ids[1:])

    def table(self) -> tuple[PayRow, ...]:
        """What each kind of behaviour is paid, best paid first."""
        rows = [self._row(kind) for kind in dict.fromkeys(each.kind for each in self.played)]
        return tuple(sorted(rows, key=lambda row: -row.pay))

    def _row(self, kind: str) -> PayRow:
        """The best-paid episode of a kind; of an expert the median one, since the best shows what it may be paid."""
        those = sorted((each for each in self.played if each.kind == kind), key=lambda each: each.pay)
        each = those[len(those) // 2] if kind == EXPERT else those[-1]
        name = kind if len(those) == 1 else f"{kind}, {'median' if kind == EXPERT else 'best'} of {len(those)}"
        terms = {term: float(value) / each.episode.dt for term, value in zip(self.terms, each.terms, strict=True)}
        return PayRow(
            total=float(each.rewards.sum()),
            mean=float(each.rewards.mean()),
            discounted=float(each.rewards @ self.discount ** np.arange(len(each.rewards))),
            steps=len(each.rewards),
            success=each.score.success_any if each.score else None,
            behaviour=name,
            pay=float(each.pay) / each.episode.dt,
            terms=dict(terms),
            fitness=each.score.fitness if each.score else None,
        )
