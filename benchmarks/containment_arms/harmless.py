"""Rewards that must pass the lint and run in the reward process: those of the corpus, and all that models wrote."""

from __future__ import annotations

import functools
from typing import TypedDict

import numpy as np
from recorded import recorded_rewards

from containment_arms import corpus, transitions
from containment_arms.corpus import ACTION_SIZE, LAYOUT
from reward_synth.reward.contract import RewardError, load_reward
from reward_synth.sandbox.process import RewardProcess
from reward_synth.screening import probe
from reward_synth.screening.checker import RewardChecker
from reward_synth.screening.probe import Transitions
from reward_synth.state.view import Layout, viewer
from reward_synth.tasks.spec import load_task

CONTAINMENT_RULES = frozenset({"forbidden", "died", "deadline", "memory", "exception"})


class Report(TypedDict):
    """One reward."""

    name: str
    lint: list[str]
    """Errors of the lint, as rule and message."""
    probe: list[str]
    """Errors of the probe."""
    same: bool | None
    """Whether the process gives what a plain call gives; None if one of them fails."""
    plain_error: str
    """How the plain call fails, if it does."""
    process_error: str


def plain_rewards(source: str, layout: Layout, real: Transitions) -> np.ndarray:
    """Sums of terms, (N,), from calls in this process; the source must be harmless."""
    function, view = load_reward(source), viewer(layout)
    memory: dict[object, object] = {}
    rewards = []
    for k in range(len(real)):
        if real.starts[k]:
            memory = {}
        arguments = (view(real.states[k]), real.actions[k], view(real.next_states[k]))
        terms = function(*arguments, memory) if function.takes_memory else function(*arguments)
        rewards.append(float(sum(terms.values())))
    return np.array(rewards)


def contained_rewards(source: str, layout: Layout, real: Transitions, action_size: int) -> np.ndarray:
    """Likewise from the reward process, one transition after the other."""
    with RewardProcess(source, layout, action_size) as process:
        return np.array(
            [
                process.evaluate(
                    real.states[k : k + 1], real.actions[k : k + 1], real.next_states[k : k + 1], real.starts[k : k + 1]
                ).rewards[0]
                for k in range(len(real))
            ]
        )


def report_on(name: str, source: str, runs: str, checker: RewardChecker | None) -> Report:
    """Lint, probe, and compare with a plain call.

    :param source: what is checked.
    :param runs: what is run for the comparison.
    :param checker: of the task; None for the corpus' own fields.
    """
    if checker is None:
        layout, real, size = LAYOUT, transitions.some_transitions(), ACTION_SIZE
        checked = probe.check(source, layout, transitions.ranges(), real, size)
    else:
        layout, size = checker.table.layout(), len(checker.table.actions)
        real = checker.reference_episodes.transitions(checker.table.names)
        real = Transitions(real.states[:64], real.actions[:64], real.next_states[:64], real.starts[:64])
        checked = checker.check(source)
    errors = [finding for finding in checked.findings if finding.severity == "error"]
    plain: np.ndarray | None = None
    plain_error = process_error = ""
    same: bool | None = None
    try:
        with np.errstate(all="ignore"):
            plain = plain_rewards(runs, layout, real)
    except Exception as error:  # noqa: BLE001  (what rewards raise)
        plain_error = f"{type(error).__name__}: {error}"
    try:
        contained = contained_rewards(runs, layout, real, size)
        same = None if plain is None else bool(np.allclose(plain, contained, equal_nan=True))
    except RewardError as error:
        process_error = str(error)
    return Report(
        name=name,
        lint=[f"{f.rule}: {f.message}" for f in errors if f.source == "lint"],
        probe=[f"{f.rule}: {f.message}" for f in errors if f.source == "probe"],
        same=same,
        plain_error=plain_error,
        process_error=process_error,
    )


def corpus_reports() -> list[Report]:
    """The harmless half of the shared corpus."""
    return [report_on(f"corpus/{a.id}", a.lintable, a.runnable, None) for a in corpus.load_benign()]


def model_reports() -> list[Report]:
    """Every recorded reward of a model, on the fields and reference episodes of its task."""
    checker = functools.cache(lambda task: RewardChecker.of(load_task(task)))
    return [
        report_on(f"{reward.short_task}/{reward.name}", reward.source, reward.source, checker(reward.task))
        for reward in recorded_rewards()
    ]


def all_reports() -> list[Report]:
    """Both."""
    return corpus_reports() + model_reports()


def is_sound(report: Report) -> bool:
    """True if a plain call gives numbers, so that containment has no reason to stop it."""
    return not report["plain_error"]


def is_false_alarm(report: Report) -> bool:
    """True if the process stops or changes what a plain call computes."""
    return is_sound(report) and not report["same"]


def as_text(reports: list[Report]) -> str:
    """Counts, and every reward that something stopped."""
    sound = [report for report in reports if is_sound(report)]
    lines = [
        f"{len(reports)} rewards, {len(sound)} run in a plain call",
        f"{sum(map(is_false_alarm, sound))} of these fail or differ in the reward process",
        f"{sum(bool(report['lint']) for report in sound)} of these are refused by the lint",
        f"{sum(bool(report['probe']) for report in sound)} of these have errors of the probe",
    ]
    for report in reports:
        what = [*report["lint"], *report["probe"], report["plain_error"], report["process_error"]]
        what += ["differs from a plain call"] if report["same"] is False else []
        if any(what):
            lines.append(f"{report['name']}: " + " | ".join(text for text in what if text))
    return "\n".join(lines)
