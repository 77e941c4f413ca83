"""Attacks a reward: what is paid most, and is that the goal?

The pay table says what the reward pays behaviours that anybody can name: rest, a statue, noise, an expert, an expert
in reverse. The planner looks for what is paid more than all of them. The task's frozen fitness judges what it found.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from reward_synth.core.arrays import FloatArray
from reward_synth.core.number_format import number
from reward_synth.core.rules import verdicts
from reward_synth.core.types import CheckReport, EpisodeScore, Finding, PayRow, Planned, Verdict
from reward_synth.evaluation.scoring import measured_table, score_episodes
from reward_synth.reward.contract import RewardError
from reward_synth.reward.rules import declared
from reward_synth.reward.scale import recorded_scale
from reward_synth.screening.groups import Behaviours
from reward_synth.screening.payment import Payment, pay_of
from reward_synth.screening.planner import Plan, Start, plan, plan_fitness, planned_steps
from reward_synth.screening.reference_episodes import EXPERT, SEED, ReferenceEpisodes
from reward_synth.state.episode import Episode
from reward_synth.state.table import FieldTable
from reward_synth.tasks.spec import TaskSpec

ATTACK = declared("screen", "attack")
BY_PLAN = ("pays-for-something-else", "wrong-sign", "nothing-beyond-rest", "unreachable-bonus")
"""The rules that need a plan."""
PLANNED, BEST = "planned for the reward", "planned for the fitness"
CLEARLY = 0.1
"""Share of the recorded episodes' spread by which a figure must differ to be clearly larger or smaller."""
FAR_BELOW = 0.5
"""Share of the way from rest to the best known fitness that the best-paid episode must not have come."""
ROUNDS = 4
BEST_SHARE = 2.0
"""How many times as long is spent on the fitness as on a reward, since it is asked of an episode at a time."""
HELD = 10
"""Steps of a statue."""


@dataclass(frozen=True)
class _Played:
    """An episode with what it was paid per step, and how it was judged; ``score`` is None if nobody can play it."""

    kind: str
    episode: Episode
    pay: float
    terms: FloatArray
    score: EpisodeScore | None

    @property
    def fitness(self) -> float:
        """The task's fitness; the episode must have been judged."""
        assert self.score is not None
        return self.score.fitness

    @property
    def failed(self) -> bool:
        """True if the environment ended it, and not because the goal was reached."""
        return self.episode.terminated and not (self.score is not None and self.score.success)


def attack(
    source: str,
    report: CheckReport,
    task: TaskSpec,
    table: FieldTable,
    reference: ReferenceEpisodes,
    seconds: float,
    discount: float = 0.99,
) -> CheckReport:
    """Pay known behaviours, plan against the reward, and say what is wrong with what is paid most.

    :param report: of the reward, which must be ok.
    :param seconds: processor time of the planner; 0 leaves it out, and with it the rules that need it.
    :param discount: the learner's, per environment step.
    :returns: the report with pay, findings and verdicts.
    :raises RewardSynthError: the environment or the locked process cannot be started.
    """
    length = planned_steps(task.horizon, reference.episodes[0].dt)
    episodes = [_first(episode, length) for episode in reference.episodes]
    kinds = reference.kinds or ("recorded",) * len(episodes)
    first = pay_of(source, table, _named(episodes), task.training.scale)
    if not first.ok:
        return _could_not_run(report, first.findings[-1])
    found = Plan(problem="no time was given for it")
    if seconds > 0.0:
        starts = _starts(table, episodes, first.pay)
        scale = recorded_scale(source) or task.training.scale
        try:
            found = plan(task, table, source, report, starts, seconds, discount, scale)
        except RewardError as error:
            message = f"{error.finding.message}, in a state that the planner reached"
            return _could_not_run(report, error.finding.model_copy(update={"message": message}))
    everything = [*episodes, *found.episodes]
    scores: list[EpisodeScore | None] = [*score_episodes(task, table, everything)]
    made = dict(_made(episodes, kinds, scores))
    kinds = (*kinds, *[PLANNED] * len(found.episodes), *made)
    everything += made.values()
    payment = pay_of(source, table, _named(everything), task.training.scale)
    if not payment.ok:
        return _could_not_run(report, payment.findings[-1])
    scores += [None] * len(made)
    played = [
        _Played(*each) for each in zip(kinds, everything, payment.pay, payment.per_term, scores, strict=True)
    ]  # fmt: skip
    case = _Case(played, payment, found, measured_table(task, table).for_rewards().names, table, reference.experts)
    return case.told(report)


def with_best(task: TaskSpec, table: FieldTable, reference: ReferenceEpisodes, seconds: float) -> ReferenceEpisodes:
    """The reference episodes, and after them those that were planned for the task's fitness.

    Made once per task. Scripted behaviours hardly ever do well, so that a hack beside them looks fine.
    """
    fitness = np.array([score.fitness for score in reference.scores])
    length = planned_steps(task.horizon, reference.episodes[0].dt)
    episodes = [_first(episode, length) for episode in reference.episodes]
    try:
        found = plan_fitness(task, table, _starts(table, episodes, fitness), BEST_SHARE * seconds)
    except RewardError:
        return reference  # The measure wants whole episodes, or an expert's success.
    if not found.episodes:
        return reference
    scores = score_episodes(task, table, found.episodes)
    kinds = reference.kinds or ("recorded",) * len(episodes)
    return ReferenceEpisodes(
        (*reference.episodes, *found.episodes),
        (*reference.scores, *scores),
        reference.experts,
        (*kinds, *[BEST] * len(scores)),
    )


def _named(episodes: list[Episode]) -> dict[str, Episode]:
    return {str(place): episode for place, episode in enumerate(episodes)}


def _could_not_run(report: CheckReport, finding: Finding) -> CheckReport:
    return report.plus((finding,), {**verdicts(ATTACK.values(), (), "could not run"), finding.id: "found"})


def _first(episode: Episode, length: int) -> Episode:
    """The first steps of an episode, so that it is compared with planned ones of the same length."""
    if episode.length <= length:
        return episode
    return replace(episode, rows=episode.rows[: length + 1], actions=episode.actions[:length], terminated=False)


def _starts(table: FieldTable, episodes: list[Episode], pay: FloatArray) -> list[Start]:
    """In turn from what is paid best among the recorded episodes, and from nothing."""
    low = np.array([action.low for action in table.actions])
    high = np.array([action.high for action in table.actions])
    best = [episodes[place] for place in np.argsort(-pay, kind="stable")]
    starts: list[Start] = []
    for place in range(ROUNDS // 2):
        known = best[place % len(best)]
        starts.append(Start(known.seed, 2.0 * (known.actions - low) / (high - low) - 1.0))
        starts.append(Start(SEED + place))
    return starts


def _made(
    episodes: list[Episode], kinds: tuple[str, ...], scores: list[EpisodeScore | None]
) -> Iterator[tuple[str, Episode]]:
    """Behaviours that nobody plays: the name of each, and how its episode would look."""
    rest = episodes[0]
    yield "statue at the start", _still(rest, 0)
    if any(episode.terminated for episode in episodes):
        yield "an end at once", replace(rest, rows=rest.rows[:2], actions=rest.actions[:1], terminated=True)
    expert = next((e for e, kind in zip(episodes, kinds, strict=True) if kind == EXPERT), None)
    if expert is not None:
        yield "expert in reverse", replace(expert, rows=expert.rows[::-1], actions=expert.actions[::-1])
    done = next((e for e, score in zip(episodes, scores, strict=False) if score and score.success), None)
    if done is not None:
        yield "statue at the goal", _still(done, -1)


def _still(episode: Episode, place: int) -> Episode:
    rows = np.repeat(episode.rows[[place]], HELD + 1, axis=0)
    return replace(episode, rows=rows, actions=np.zeros((HELD, episode.actions.shape[1])), terminated=False)


@dataclass(frozen=True)
class _Case:
    """All that is known, and what follows from it."""

    played: list[_Played]
    payment: Payment
    plan: Plan
    measured: tuple[str, ...]
    fields: FieldTable
    experts: int

    @property
    def recorded(self) -> list[_Played]:
        """The reference episodes."""
        return [each for each in self.played if each.score is not None and each.kind != PLANNED]

    @property
    def planned(self) -> list[_Played]:
        """What the planner found."""
        return [each for each in self.played if each.kind == PLANNED]

    @property
    def rest(self) -> _Played:
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
        findings = [finding for finding in self.findings() if answers[finding.rule] == "not found"]
        if self.plan.episodes and not self.plan.finished:
            silent = [name for name in BY_PLAN if answers[name] == "not found"]
            answers |= dict.fromkeys(silent, "not enough data")
        said = {ATTACK[name].id: answer for name, answer in answers.items()}
        summary = Planned(
            rounds=self.plan.finished,
            transitions=self.plan.transitions,
            seconds=round(self.plan.seconds, 2),
            problem=self.plan.problem,
            sound=bool(self.plan.finished) and not findings and "could not run" not in answers.values(),
        )
        said |= {finding.id: "found" for finding in findings}
        return report.model_copy(update={"pay": self.table(), "planned": summary}).plus(findings, said)

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

    def findings(self) -> Iterator[Finding]:
        """What is wrong."""
        yield from self._elsewhere()
        yield from self._early_end()
        yield from self._no_gain()
        yield from self._expert()
        yield from self._unpaid()

    def _elsewhere(self) -> Iterator[Finding]:
        """The best-paid planned episode is paid more than all others, again when replayed, and does worse."""
        if not self.planned or any(each.score and each.score.success for each in self.planned):
            return
        place = int(np.argmax([each.pay for each in self.planned]))
        best = self.planned[place]
        most = max(self.recorded, key=lambda each: each.pay)
        highest = max(each.fitness for each in self.recorded)
        enough = self.rest.fitness + FAR_BELOW * (highest - self.rest.fitness) - 1e-9
        if not self.replays(place) or best.pay <= most.pay + self.margin or best.fitness >= enough:
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
        yield rule.finding(message, rule.fix or f"let this pay less than the goal: {self._payers(best, most)}")

    def _early_end(self) -> Iterator[Finding]:
        """All that lasts is paid less than nothing, and something that fails in less than half the time more."""
        judged = self.recorded + self.planned
        longest = max(each.episode.length for each in judged)
        lasting = max((each for each in judged if 2 * each.episode.length > longest), key=lambda each: each.pay)
        failed = [each for each in self.played if each.failed and 2 * each.episode.length <= longest]
        if not failed or lasting.pay >= 0.0:
            return
        ended = max(failed, key=lambda each: each.pay)
        if ended.pay > lasting.pay:
            what = "is over" if ended.score is None else "fails"
            yield ATTACK["early-end-pays"].finding(
                f"an episode that {what} after {ended.episode.length * ended.episode.dt:.3g} s is paid "
                f"{self._per_second(ended)} of a whole episode, "
                f"and one that lasts {lasting.episode.length * lasting.episode.dt:.3g} s at most "
                f"{self._per_second(lasting)}"
            )

    def _no_gain(self) -> Iterator[Finding]:
        others = [each for each in self.recorded[1:] + self.planned]
        better = max(each.fitness for each in self.recorded) > self.rest.fitness + CLEARLY * self.spread
        most = max(each.pay for each in others)
        if better and self.plan.finished and most <= self.rest.pay + 1e-3 * self.margin:
            yield ATTACK["nothing-beyond-rest"].finding(
                f"doing nothing is paid {self._per_second(self.rest)}, and none of {len(others)} recorded and planned "
                f"episodes is paid more"
            )

    def _expert(self) -> Iterator[Finding]:
        experts = [each for each in self.played if each.kind == EXPERT and each.score and each.score.success_any]
        if experts and (paid := float(np.mean([each.pay for each in experts]))) < self.rest.pay:
            dt = self.rest.episode.dt
            yield ATTACK["expert-below-rest"].finding(
                f"{len(experts)} episodes of an expert that reaches the goal are paid {number(paid / dt)} per second "
                f"on average, and doing nothing {number(self.rest.pay / dt)}"
            )

    def _unpaid(self) -> Iterator[Finding]:
        paid = np.any([each.terms != 0.0 for each in self.recorded + self.planned], axis=0)
        for name in np.array(self.payment.terms)[~paid]:
            tried = f"{self.plan.transitions:,} planned transitions"
            yield ATTACK["unreachable-bonus"].finding(f"term `{name}` is 0 in all episodes, {tried} among them")

    def _per_second(self, each: _Played) -> str:
        return f"{number(each.pay / each.episode.dt)} per second"

    def _payers(self, best: _Played, other: _Played) -> str:
        """The terms by which one is paid more than the other."""
        more = (best.terms - other.terms) / best.episode.dt
        shown = [k for k in np.argsort(-more)[:3] if more[k] > 0.0]
        return ", ".join(f"`{self.payment.terms[k]}` {more[k]:+.3g} per second" for k in shown)

    def _moved(self, best: _Played) -> str:
        episodes = [best, *self.recorded]
        behaviours = Behaviours(_named([each.episode for each in episodes]), self.fields, self.measured)
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
        terms = {
            term: float(value) / each.episode.dt for term, value in zip(self.payment.terms, each.terms, strict=True)
        }
        return PayRow(
            behaviour=name,
            pay=float(each.pay) / each.episode.dt,
            terms=dict(terms),
            fitness=each.score.fitness if each.score else None,
        )
