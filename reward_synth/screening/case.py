"""A reward's case: behaviours with what they are paid and how they do, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from reward_synth.core.number_format import number
from reward_synth.core.types import CheckReport, Finding, PayRow, Planned, Verdict
from reward_synth.reward.probe_rules import TERMS
from reward_synth.reward.rules import declared
from reward_synth.screening.groups import Behaviours
from reward_synth.screening.planner import Plan
from reward_synth.screening.played import EARLIER, HELD, PLANNED, Played
from reward_synth.screening.probe import NOTHING as DEAD_UP_TO
from reward_synth.screening.ranks import rank_correlation
from reward_synth.screening.reference_episodes import EXPERT
from reward_synth.state.episode import Judged
from reward_synth.state.table import FieldTable

ATTACK, DEAD = declared("screen", "attack"), TERMS["dead-term"]
BY_PLAN = (
    "pays-for-something-else", "wrong-sign", "beside-the-goal", "nothing-beyond-rest", "best-below-rest",
    "unreachable-bonus",
)  # fmt: skip
"""The rules that need a plan to find nothing."""
BY_RECORD = ("pays-for-something-else", "wrong-sign")
"""Those of them that may find something without."""
CLEARLY = 0.1
"""Share of the recorded episodes' spread by which a figure must differ to be clearly larger or smaller."""
FAR_BELOW, NEAR = 0.5, 0.8
"""Shares of the way from rest to the best known fitness: what has not come the first one without success does badly;
what has come the second one does well where nothing succeeds."""
NOTHING = 0.002
"""Share of the largest term's pay up to which a term pays next to nothing."""
TAIL = 100.0
"""A bonus whose condition is far away pays its best episode so many times what it pays a usual one; a small hint does
not."""
BESIDE = 0.5
"""Share of the best term's rank correlation with fitness that the terms which pay most must have."""
NEARLY = 0.75
"""Share of what doing well is paid beyond rest that doing badly must not be paid."""


@dataclass(frozen=True)
class Case:
    """All that is known, and what follows from it."""

    played: list[Played]
    terms: tuple[str, ...]
    plan: Plan
    measured: tuple[str, ...]
    """The fields that the task's measure reads; none if there is no task."""
    fields: FieldTable
    experts: int
    discount: float
    """The learner's, per step."""
    no_bonus: frozenset[str] = frozenset()
    """Terms that read nothing, so that a weight of 0 is meant, or whose stated range holds nothing positive."""

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
    def judged(self) -> list[Played]:
        """All that somebody can play; the first one rests."""
        return [each for each in self.played if each.score is not None]

    @property
    def _sure(self) -> list[Played]:
        """All that somebody can play, but for plans that do not replay."""
        unsure = {id(each) for place, each in enumerate(self.planned) if not self.replays(place)}
        return [each for each in self.judged if id(each) not in unsure]

    @property
    def rest(self) -> Played:
        """The robot that does nothing."""
        return self.played[0]

    @property
    def spread(self) -> float:
        """How much the fitness of recorded episodes differs."""
        return float(np.ptp([each.fitness for each in self.recorded]))

    @property
    def highest(self) -> float:
        """The best known fitness."""
        return max(each.fitness for each in self.judged)

    def _on_the_way(self, share: float) -> float:
        """The fitness at a share of the way from rest to the best known one."""
        return self.rest.fitness + share * (self.highest - self.rest.fitness)

    @property
    def good(self) -> list[Played]:
        """The episodes that succeed; if none does, those that do nearly as well as the best."""
        succeed = [each for each in self.judged if each.succeeds]
        return succeed or [each for each in self.judged if each.fitness >= self._on_the_way(NEAR)]

    @property
    def bad(self) -> list[Played]:
        """The episodes without success that have not come far, but for rest and for plans that do not replay."""
        enough = self._on_the_way(FAR_BELOW) - 1e-9
        return [
            each
            for each in self._sure[1:]
            if each.fitness < enough and not (each.score and each.score.success_any)
            if not (each.failed and self._is_short(each))  # That is what `early-end-pays` tells.
        ]

    def worth(self, each: Played) -> float:
        """What a step is paid while rest lasts, or, if rest ends, in the longest episode: after an end it is 0.

        Rest is recorded for a while only. To share what another is paid before it falls among the steps of a whole
        episode would make rest look better than it is.
        """
        rest = self.rest.episode
        steps = max(other.episode.length for other in self.judged) if rest.terminated else rest.length
        part = each.rewards[:steps]
        return float(part.sum()) / (steps if each.episode.terminated else len(part))

    @property
    def goal_pay(self) -> float:
        """The most that doing well is paid: of the goal, also if it is held once it is reached.

        Where nothing succeeds, whatever has come more than half of the way counts: a learner goes there for more pay.
        """
        halfway = self._on_the_way(FAR_BELOW) + 1e-9
        known = any(each.succeeds for each in self.judged)
        on_the_way = [] if known else [each for each in self._sure if each.fitness > halfway]
        held = [each for each in self.played if each.kind == HELD]
        return max(self.worth(each) for each in [*self.good, *on_the_way, *held])

    @property
    def margin(self) -> float:
        """By how much an episode must be paid more than the best-paid one to be clearly paid more."""
        pay = [self.worth(each) for each in self.recorded]
        return CLEARLY * float(max(pay) - np.median(pay)) + 1e-9 * (1.0 + abs(max(pay)))

    def told(self, report: CheckReport) -> CheckReport:
        """The report with the pay table, the findings, and each rule's verdict."""
        answers: dict[str, Verdict] = {**dict.fromkeys(ATTACK, "not found"), **self.unanswered()}
        findings = [finding for finding, _ in self._found]
        if not self.plan.finished:
            silent = [name for name in BY_PLAN if answers[name] == "not found"]
            answers |= dict.fromkeys(silent, "could not run" if self.plan.problem else "not enough data")
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
        report = self.without_refuted(report)
        return report.model_copy(update={"pay": self.table(), "planned": summary}).plus(findings, said)

    def without_refuted(self, report: CheckReport) -> CheckReport:
        """The report without dead terms that a planned episode was paid by: the probe knows recorded ones alone."""
        most = np.abs(np.stack([each.terms for each in self._sure])).max(axis=0)
        live = {f"`{name}`" for name, value in zip(self.terms, most, strict=True) if value > DEAD_UP_TO}
        kept = [
            each for each in report.findings if each.id != DEAD.id or not any(name in each.message for name in live)
        ]
        revised: dict[str, Verdict] = {}
        if len(kept) < len(report.findings) and not any(each.id == DEAD.id for each in kept):
            revised = {DEAD.id: "not found"}
        return report.model_copy(update={"findings": tuple(kept)}).plus((), revised)

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
            "best-below-rest": "not applicable" if self.experts else "not found",
        }
        if not self.plan.episodes:
            # Recorded success is enough to say that doing badly is paid as much, though not that it is not.
            shown = BY_RECORD if any(each.succeeds for each in self.recorded) else ()
            unasked = [name for name in BY_PLAN if name not in shown]
            silent |= dict.fromkeys(unasked, "could not run" if self.plan.problem else "not enough data")
        elif not any(self.replays(place) for place in range(len(self.planned))):
            silent |= dict.fromkeys(BY_PLAN, "could not run")
        elif self.spread < 1e-9:
            silent |= dict.fromkeys(BY_RECORD, "not enough data")
        return silent

    def findings(self) -> Iterator[tuple[Finding, Played | None]]:
        """What is wrong, and the episode that shows it."""
        yield from list(self._elsewhere()) or self._beside()
        yield from self._early_end()
        yield from self._no_gain()
        yield from self._best() if self.experts == 0 else self._expert()
        yield from self._unpaid()

    def _elsewhere(self) -> Iterator[tuple[Finding, Played | None]]:
        """An episode that does badly is paid nearly what those that do best are, each beyond doing nothing."""
        worst = max(self.bad, key=self.worth, default=None)
        rest = self.worth(self.rest)
        enough = max(CLEARLY * self.margin, NEARLY * (self.goal_pay - rest))
        if worst is None or self.worth(worst) - rest < enough:
            return
        wrong = worst.fitness < self.rest.fitness - CLEARLY * self.spread
        rule = ATTACK["wrong-sign" if wrong else "pays-for-something-else"]
        best = max(self.good, key=self.worth)
        does = "succeeds" if best.succeeds else f"has a fitness of {number(best.fitness)}"
        more = self._payers(worst, self.rest)
        message = (
            f"an episode ({worst.kind}) of {worst.episode.length * worst.episode.dt:.3g} s is paid "
            f"{self._per_second(worst)} with a fitness of {number(worst.fitness)}; doing nothing is paid "
            f"{self._per_second(self.rest)} with {number(self.rest.fitness)}, and what {does} ({best.kind}) "
            f"{number(self.goal_pay / best.episode.dt)} per second; more than doing nothing it is paid by {more}; "
            f"in it {self._moved(worst)}"
        )
        yield rule.finding(message, rule.fix or f"let this pay less than the goal: {more}"), worst

    def _beside(self) -> Iterator[tuple[Finding, Played | None]]:
        """What the best-paid planned episode gains is paid by terms that go with fitness far less than another does.

        Not asked where an episode shows it, since that is the same defect.
        """
        planned = (each for each in self._sure if each.kind == PLANNED)
        best = max(planned, key=lambda each: each.pay, default=self.rest)
        gains = np.maximum(best.per_step - self.rest.per_step, 0.0)
        known = any(each.succeeds for each in self.judged)
        well = known and best.fitness >= self._on_the_way(FAR_BELOW)
        paid = np.stack([each.per_step for each in self.judged])
        # A step may be paid as much as at rest, where what lasts is paid more often.
        if gains.sum() <= CLEARLY * CLEARLY * np.abs(paid).max(initial=0.0) or well:
            return
        fitness = np.array([each.fitness for each in self.judged])
        ranks = np.array([rank_correlation(column, fitness) or 0.0 for column in paid.T])
        goal = int(np.argmax(ranks))
        if ranks[goal] > 0.0 and gains @ ranks / gains.sum() < BESIDE * ranks[goal]:
            told = ", ".join(f"`{name}` {rank:+.2f}" for name, rank in zip(self.terms, ranks, strict=True))
            message = (
                f"the best-paid plan is paid more than doing nothing by {self._payers(best, self.rest)}, and that goes "
                f"with fitness far less than `{self.terms[goal]}` does (rank correlations over "
                f"{len(fitness)} episodes: {told})"
            )
            yield ATTACK["beside-the-goal"].finding(message), best

    def _early_end(self) -> Iterator[tuple[Finding, Played | None]]:
        """Something that fails in less than half the time is paid more than all that lasts or succeeds."""
        failed = [each for each in self.played if each.failed and self._is_short(each)]
        early = {id(each) for each in failed}
        lasting = max((each for each in self.judged if id(each) not in early), key=lambda each: each.pay)
        ended = max(failed, key=lambda each: each.pay, default=None)
        # Where nobody judges, what ends an episode may be success, which is right to be paid for.
        blamed = lasting.pay < 0.0 or bool(self.measured)
        if ended is not None and ended.pay > lasting.pay and blamed:
            what = "is over" if ended.score is None else "fails"
            message = (
                f"an episode that {what} after {ended.episode.length * ended.episode.dt:.3g} s is paid "
                f"{number(ended.pay / ended.episode.dt)} per second of a whole episode, "
                f"and one that lasts {lasting.episode.length * lasting.episode.dt:.3g} s at most "
                f"{number(lasting.pay / lasting.episode.dt)}"
            )
            yield ATTACK["early-end-pays"].finding(message), ended

    def _is_short(self, each: Played) -> bool:
        return 2 * each.episode.length <= max(other.episode.length for other in self.judged)

    def _no_gain(self) -> Iterator[tuple[Finding, Played | None]]:
        others = self.recorded[1:] + self.planned + self.earlier
        better = max(each.fitness for each in self.recorded) > self.rest.fitness + CLEARLY * self.spread
        most = max(self.worth(each) for each in others)
        if better and self.plan.finished and most <= self.worth(self.rest) + 1e-3 * self.margin:
            message = (
                f"doing nothing is paid {self._per_second(self.rest)}, and none of {len(others)} recorded and planned "
                f"episodes is paid more"
            )
            yield ATTACK["nothing-beyond-rest"].finding(message), None

    def _expert(self) -> Iterator[tuple[Finding, Played | None]]:
        """Experts that come to the goal, or the goal itself where one stays, are paid less than rest."""
        rest, dt = self.worth(self.rest), self.rest.episode.dt
        experts = [each for each in self.played if each.kind == EXPERT and each.score and each.score.success_any]
        if not experts:
            return
        paid = float(np.mean([self.worth(each) for each in experts]))
        held = [self.worth(each) for each in self.played if each.kind == HELD]
        # A learner stays at the goal, if the environment does not end the episode there: the way may be paid less.
        ends = any(each.episode.terminated for each in experts)
        counts = paid if ends or not held else min(held)
        if counts < rest:
            told = f", {number(counts / dt)} if one stays there," if counts != paid else ""
            message = (
                f"{len(experts)} episodes of an expert that reaches the goal are paid {number(paid / dt)} per second "
                f"on average{told} and doing nothing {number(rest / dt)}"
            )
            least = min(experts, key=self.worth)
            yield ATTACK["expert-below-rest"].finding(message), least

    def _best(self) -> Iterator[tuple[Finding, Played | None]]:
        """Where no expert shows the goal, the best that was found stands for it."""
        if self.highest - self.rest.fitness > CLEARLY * self.spread and self.goal_pay < self.worth(self.rest):
            best = max(self.good, key=self.worth)
            message = (
                f"what does best of all that is known ({best.kind}, fitness {number(best.fitness)}) is paid "
                f"{self._per_second(best)}, and doing nothing, with {number(self.rest.fitness)}, "
                f"{self._per_second(self.rest)}"
            )
            yield ATTACK["best-below-rest"].finding(message), best

    def _unpaid(self) -> Iterator[tuple[Finding, Played | None]]:
        """A bonus of sigmoids is never quite 0, so that the tail of one counts as nothing."""
        paid = np.stack([each.per_step for each in self.recorded + self.planned])
        largest = float(np.abs(paid).max(initial=0.0))
        for name, values in zip(self.terms, paid.T, strict=True):
            positive = values[values > 0.0]
            value, usual = (float(positive.max()), float(np.median(positive))) if positive.size else (0.0, 0.0)
            nothing = value <= DEAD_UP_TO * largest or (value <= NOTHING * largest and value >= TAIL * usual)
            cost = values.min() < 0.0 or np.signbit(values).all()  # A cost that was never due is -0.0.
            if nothing and not cost and name not in self.no_bonus:
                most_of_it = f"at most {number(value)}, beside {number(largest)} of the largest term," if value else "0"
                tried = f"{self.plan.transitions:,} planned transitions among them"
                message = f"term `{name}` is {most_of_it} in the mean of all episodes, {tried}"
                yield ATTACK["unreachable-bonus"].finding(message), None

    def _per_second(self, each: Played) -> str:
        return f"{number(self.worth(each) / each.episode.dt)} per second"

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
