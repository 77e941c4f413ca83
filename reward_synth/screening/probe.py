"""The probe: it runs a reward on real and random transitions in a separate process, and reports what is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.arrays import FloatArray
from reward_synth.core.rules import verdicts
from reward_synth.core.types import CheckReport, Finding, Verdict
from reward_synth.core.waiting import Deadline
from reward_synth.reward.contract import RewardError
from reward_synth.reward.lint import lint
from reward_synth.reward.probe_rules import CALLS, TERMS
from reward_synth.reward.source import term_line
from reward_synth.sandbox.process import RewardProcess
from reward_synth.state.view import Layout, column_indices, columns, sublayout

PROBE_SECONDS = 10.0
RANDOM_ROWS = 256
NOTHING = 1e-6
"""A term that varies by less than this gives a learner no usable signal."""
LARGEST_TERM = 1e6
SLOWEST_CALL = 0.5e-3
"""In seconds; a simulator's step takes about 0.1 ms."""
UNBOUNDED = 10.0


@dataclass(frozen=True)
class Transitions:
    """Real transitions, episode after episode, with all fields of the environment.

    Some should come from zero actions, so that they include the state at rest, the others from random actions.
    """

    states: FloatArray
    """(N, W), before the step."""
    actions: FloatArray
    """(N, A)."""
    next_states: FloatArray
    """(N, W), after the step."""
    starts: NDArray[np.bool_]
    """(N,), True at the first transition of an episode."""
    falls: bool = False
    """True if an episode failed and ended early: a constant then pays for lasting, or for ending."""
    hurries: bool = False
    """True if success ended an episode early: a constant cost then pays for haste."""
    succeed: bool = True
    """False if no episode shows the task done: a term that pays for that is then 0 in all of them."""

    def __len__(self) -> int:
        return len(self.states)


def check(
    source: str,
    layout: Layout,
    ranges: tuple[FloatArray, FloatArray],
    transitions: Transitions,
    action_size: int,
    seconds: float = PROBE_SECONDS,
) -> CheckReport:
    """Lint a reward and, if the lint has no error, run it.

    :param source: text of the reward file.
    :param layout: all fields of the environment.
    :param ranges: low and high per column of ``layout``, shape (W,) each.
    :param transitions: real transitions with the rows of ``layout``.
    :param action_size: elements of an action.
    :param seconds: time limit for everything.
    :returns: the findings; ``terms`` is empty if the reward could not be run.
    :raises RewardSynthError: if no process can be started on this machine.
    """
    report = lint(source, layout, action_size=action_size)
    asked = [*CALLS.values(), *TERMS.values()]
    if not report.ok:
        answers = verdicts(asked, (), "could not run")
        return CheckReport(findings=report.findings, fields=report.fields, verdicts=answers)
    chosen = column_indices(layout, report.fields)
    states, next_states = transitions.states[:, chosen], transitions.next_states[:, chosen]
    real = replace(transitions, states=states, next_states=next_states)
    low, high = (np.asarray(bound, dtype=np.float64)[chosen] for bound in ranges)
    deadline = Deadline(seconds)
    fields = sublayout(layout, report.fields)
    try:
        with RewardProcess(source, fields, action_size, deadline=deadline) as process:
            probe = _Probe(process, fields, real, report.uses_memory, deadline)
            findings, answers = probe.run(_random_transitions(real, low, high))
            terms = process.terms
    except RewardError as error:
        findings, terms, answers = [error.finding], (), verdicts(asked, (error.finding,), "could not run")
    placed = [_with_line(finding, source) for finding in findings]
    return CheckReport(findings=(*report.findings, *placed), fields=report.fields, terms=terms, verdicts=answers)


def _with_line(finding: Finding, source: str) -> Finding:
    """The finding with the line of the term that it is about, if it has no line of its own."""
    match = re.match(r"term `(\w+)`", finding.message)
    if finding.line is not None or match is None:
        return finding
    return finding.model_copy(update={"line": term_line(source, match[1])})


def _random_transitions(real: Transitions, low: FloatArray, high: FloatArray) -> Transitions:
    """Random rows within the ranges, each an episode of one step: states that no rollout has visited yet.

    In an unbounded column, the real values show what is plausible; wider ranges would find faults in impossible
    states.
    """
    generator = np.random.default_rng(0)
    rows = np.concatenate([real.states, real.next_states])
    if len(rows):
        middle, spread = rows.mean(axis=0), np.ptp(rows, axis=0) + 0.1
    else:
        middle, spread = np.zeros_like(low), np.full_like(low, UNBOUNDED)
    start = np.where(np.isfinite(low), low, middle - 2.0 * spread)
    end = np.where(np.isfinite(high), high, middle + 2.0 * spread)
    end = np.maximum(start, end)
    bound = np.abs(real.actions).max(axis=0) if len(real.actions) else np.ones(real.actions.shape[1])
    size = (RANDOM_ROWS, len(low))
    return Transitions(
        states=generator.uniform(start, end, size),
        actions=generator.uniform(-bound, bound, (RANDOM_ROWS, len(bound))),
        next_states=generator.uniform(start, end, size),
        starts=np.ones(RANDOM_ROWS, dtype=bool),
    )


@dataclass(frozen=True)
class _Probe:
    """One probe in progress."""

    process: RewardProcess
    layout: Layout
    real: Transitions
    uses_memory: bool
    deadline: Deadline
    """Of all of it."""

    def run(self, random: Transitions) -> tuple[list[Finding], dict[str, Verdict]]:
        """Findings and the verdict of each rule. It raises RewardError if the reward cannot be run further."""
        begun = self.process.cpu_seconds
        try:
            self.evaluate(self.real)  # The names of all terms are known only after this.
        except RewardError as error:
            raise RewardError(self.located(error)) from error
        spent = (self.process.cpu_seconds - begun) / max(1, len(self.real))
        findings = self.try_random(random)
        terms = self.evaluate(self.real)
        findings += self.impurities(terms)
        on_terms, otherwise = about_terms(
            terms, self.process.terms, self.real.falls, self.real.succeed, self.real.hurries
        )
        findings += on_terms
        if spent > SLOWEST_CALL:
            message = f"one call takes {spent * 1e3:.1f} ms, longer than a step of the simulator"
            findings.append(CALLS["slow"].finding(message))
        answers = verdicts(CALLS.values(), findings, "not found") | verdicts(TERMS.values(), findings, otherwise)
        return findings, answers

    def evaluate(self, transitions: Transitions, backwards: bool = False) -> FloatArray:
        """Terms (N, K) of all transitions, in their order; episodes run in parallel, optionally in reverse order."""
        starts = np.arange(len(transitions))
        if self.uses_memory:
            starts = np.flatnonzero(transitions.starts | (starts == 0))
        lengths = np.diff(np.append(starts, len(transitions)))
        # The longest episodes come first, so that those still running are the first rows of every batch.
        order = np.arange(len(starts))[:: -1 if backwards else 1]
        ranking = order[np.argsort(-lengths[order], kind="stable")]
        parts: list[tuple[NDArray[np.intp], FloatArray]] = []
        for step in range(int(lengths.max(initial=0))):
            rows = starts[ranking[lengths[ranking] > step]] + step
            parts.append((rows, self.batch(transitions, rows, step == 0)))
        terms = np.zeros((len(transitions), len(self.process.terms)))
        for rows, values in parts:
            terms[rows, : values.shape[1]] = values
        return terms

    def batch(self, transitions: Transitions, rows: NDArray[np.intp], first: bool) -> FloatArray:
        """Terms of some transitions, each in its own environment."""
        self.process.deadline = Deadline(max(0.1, self.deadline.left), self.deadline)
        try:
            return self.process.evaluate(
                transitions.states[rows],
                transitions.actions[rows],
                transitions.next_states[rows],
                np.full(len(rows), first),
            ).terms
        except RewardError as error:
            row = None if error.row is None else int(rows[error.row])
            raise RewardError(error.finding, row) from error

    def located(self, error: RewardError) -> Finding:
        """The finding, extended by the values at the faulty transition."""
        if error.row is None:
            return error.finding
        still = not self.real.actions[error.row].any()
        where = "at rest (zero action)" if still else "on a real transition"
        values = circumstances(self.layout, self.real.next_states[error.row])
        return error.finding.model_copy(update={"message": f"{error.finding.message}, {where}{values}"})

    def try_random(self, random: Transitions) -> list[Finding]:
        """Findings that occur only in states that no rollout has visited yet."""
        try:
            self.evaluate(random)
        except RewardError as error:
            if error.finding.rule != "not-finite":
                raise
            # The sampled state may be unreachable, so this does not forbid training.
            values = "" if error.row is None else circumstances(self.layout, random.next_states[error.row])
            message = f"{error.finding.message}, in a state within the fields' ranges{values}"
            return [error.finding.model_copy(update={"message": message, "severity": "warning"})]
        return []

    def impurities(self, terms: FloatArray) -> list[Finding]:
        """Find hidden state: the same transitions in another order must give the same terms."""
        again = self.evaluate(self.real, backwards=True)
        if np.array_equal(terms, again):
            return []
        column = int(np.argmax(np.abs(terms - again).max(axis=0)))
        message = f"term `{self.process.terms[column]}` differs when the same transitions are run again"
        return [CALLS["impure"].finding(message)]


def circumstances(layout: Layout, row: FloatArray) -> str:
    """The values of a few fields in a row (W,), as the end of a sentence; empty if no field is a number."""
    places = columns(layout)
    shown = [f"{name} = {row[places[name]][0]:.4g}" for name, shape in layout if shape == ()][:6]
    return f", where next_state has {', '.join(shown)}" if shown else ""


def about_terms(
    terms: FloatArray, names: tuple[str, ...], falls: bool = False, succeed: bool = True, hurries: bool = False
) -> tuple[list[Finding], Verdict]:
    """Findings on the values (N, K) of real transitions: dead, constant, doubled or too large terms.

    :param falls: see :class:`Transitions`, also for ``succeed`` and ``hurries``.
    :returns: the findings, and the verdict of the rules without a finding.
    """
    if not names:
        return [CALLS["no-terms"].finding("it returned no term at all")], "not applicable"
    if len(terms) < 2:
        return [], "not enough data"
    findings: list[Finding] = []
    constant = np.ptp(terms, axis=0) == 0.0
    if constant.all():
        values = ", ".join(f"`{name}` = {terms[0, k]:.4g}" for k, name in enumerate(names))
        message = f"all terms have the same value on every one of {len(terms)} real transitions: {values}"
        return [TERMS["constant-reward"].finding(message)], "not applicable"
    for k, name in enumerate(names):
        meant = (falls or hurries) and terms[0, k] != 0.0  # `ending-pays` says if it is meant the wrong way round.
        unreached = terms[0, k] == 0.0 and not succeed
        if constant[k] and not meant and not unreached:
            rule, value = ("constant-term", f"{terms[0, k]:.4g}") if terms[0, k] else ("dead-term", "0")
            message = f"term `{name}` is {value} on all of {len(terms)} real transitions"
            findings.append(TERMS[rule].finding(message))
        largest = float(np.abs(terms[:, k]).max())
        if largest <= NOTHING and not constant[k]:
            message = f"term `{name}` is at most {largest:.1g} in size on all of {len(terms)} real transitions"
            findings.append(TERMS["dead-term"].finding(message))
        if largest > LARGEST_TERM:
            findings.append(TERMS["too-large-term"].finding(f"term `{name}` reaches {largest:.3g}"))
    for k, other in doubled(terms)[:1]:
        rest = ", ".join(names[:k] + names[k + 1 :])
        what = f"the sum of the others ({rest})" if other is None else f"`{names[other]}`"
        message = f"term `{names[k]}` equals {what}: all would count twice"
        findings.append(TERMS["doubled-term"].finding(message, f"delete `{names[k]}`"))
    return findings, "not found"


def doubled(terms: FloatArray) -> list[tuple[int, int | None]]:
    """Terms that equal the sum of all others (k, None), or an earlier term (k, its index)."""
    found: list[tuple[int, int | None]] = []
    # Two terms that are almost 0 everywhere look alike, but that proves nothing.
    live = np.flatnonzero(np.ptp(terms, axis=0) > NOTHING)
    total = terms.sum(axis=1)
    for k in live[::-1].tolist():
        for other in live[live < k].tolist():
            if np.allclose(terms[:, k], terms[:, other], rtol=1e-9, atol=1e-12):
                found.append((k, other))
        if len(live) > 2 and np.allclose(terms[:, k], total - terms[:, k], rtol=1e-9, atol=1e-12):
            found.append((k, None))
    return found
