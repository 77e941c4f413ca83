"""Text for terminals. This module imports little, so that the command line starts fast."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from reward_synth.core.number_format import duration

if TYPE_CHECKING:
    from reward_synth.core.agreement import Agreements
    from reward_synth.core.evaluation import Estimate, Evaluation, SeedScore
    from reward_synth.core.types import Candidate

_BARS = "▁▂▃▄▅▆▇█"
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """The text without control characters, except for tab and line end.

    Models write much of what is shown; an escape sequence in it could rewrite the terminal's screen or title, and a
    change of direction could make code look like other code.
    """
    return "".join(c for c in text if c in "\n\t" or (c >= " " and not "\x7f" <= c <= "\x9f" and c not in _TURNING))


def longest(timeout: float | None) -> str:
    """``, each within 5 min 00 s``; nothing if there is no limit."""
    return "" if timeout is None else f", each within {duration(timeout)}"


def sparkline(values: list[float], width: int = 10) -> str:
    """The last ``width`` values as bars, scaled from their lowest to their highest."""
    shown = values[-width:]
    if not shown:
        return ""
    low, span = min(shown), max(shown) - min(shown)
    return "".join(_BARS[round((value - low) / span * (len(_BARS) - 1)) if span else 0] for value in shown)


def result_text(success: float | None, fitness: float | None, interval: tuple[float, float] | None = None) -> str:
    """``success 55 % [41, 68], fitness 3.1``; unknown values are left out."""
    parts = []
    if success is not None:
        between = f" [{interval[0]:.0%}, {interval[1]:.0%}]" if interval else ""
        parts.append(f"success {success:.0%}{between}")
    if fitness is not None:
        parts.append(f"fitness {fitness:.3g}")
    return ", ".join(parts) or "not trained"


def final_text(candidate: str, score: SeedScore, done: int, total: int, seconds_left: float | None) -> str:
    """``final 003-b seed 2: success 100%, fitness 3.1 in 41 s; 3 of 5 seeds, about 1 min 20 s left``."""
    crashed = score.status == "crashed"
    figures = f"crashed: {score.reason}" if crashed else result_text(score.success, score.fitness)
    left = "" if seconds_left is None else f", about {duration(seconds_left)} left"
    return (
        f"final {candidate} seed {score.index}: {figures} in {duration(score.seconds)}; {done} of {total} seeds{left}"
    )


def comparison_text(best: Candidate | None, own: Candidate | None) -> str:
    """How the best reward compares with the one that the person began with, in a sentence; empty without that one."""
    if own is None or own.status == "designed":
        return ""
    figures = result_text(own.success, own.fitness, own.success_interval)
    if own.status != "trained":
        return f"your reward, {own.id}, was {own.status}: {own.reason}"
    if best is None or best.id == own.id:
        return f"no reward did better than yours, {own.id}: {figures}"
    beside = result_text(best.success, best.fitness, best.success_interval)
    more = ", which is your reward trained on" if best.continues == own.id else ""
    return f"your reward, {own.id}, came to {figures}; the best, {best.id}{more}, to {beside}"


def selection_text(by_person: bool, agreements: Agreements | None) -> str:
    """Who chose the best reward, in a sentence without its end; empty if the task's measure did, as usual."""
    if not by_person:
        return ""
    if agreements is None or not agreements.values:
        return "to be chosen by a person's order of recorded episodes; until there is one, the task's measure chooses"
    return "chosen by its agreement with a person's order of recorded episodes, not by the task's measure"


def passed_over_text(best: str | None, candidates: Iterable[Candidate]) -> str:
    """Why a trained candidate with more fitness is not the best, in a sentence; empty if success does not say so."""
    figures = {each.id: (each.success or 0.0, each.fitness or 0.0) for each in candidates if each.status == "trained"}
    if best not in figures:
        return ""
    rival = max(figures, key=lambda name: figures[name][1])
    (success, fitness), (more_success, less_fitness) = figures[rival], figures[best]
    if fitness <= less_fitness or success >= more_success:
        return ""
    return (
        f"{rival} has more fitness, {fitness:.3g}, but success comes first: {best} succeeds in "
        f"{more_success:.0%} of its episodes, {rival} in {success:.0%}."
    )


def evaluation_lines(evaluation: Evaluation, unit: str = "") -> list[str]:
    """A final training in a few lines: means with intervals, the number of seeds that solve the task, and its cost."""
    done, crashed = len(evaluation.seeds), sum(score.status == "crashed" for score in evaluation.seeds)
    if not done:
        return [f"none of {evaluation.wanted} seeds is done"]
    missing = "" if evaluation.done else f" of {evaluation.wanted}"
    lines = [f"{done}{missing} fresh seeds, {evaluation.steps:,} steps each" + (f", {crashed} crashed" * bool(crashed))]
    if evaluation.success is not None:
        lines.append(f"success {_estimate_text(evaluation.success, '.0%')}")
    if evaluation.fitness is not None:
        lines.append(f"fitness {_estimate_text(evaluation.fitness, '.3g')} {unit}".rstrip())
    if evaluation.solved is not None and evaluation.solved_interval is not None:
        low, high = evaluation.solved_interval
        lines.append(f"solved by {round(evaluation.solved * done)} of {done} seeds [{low:.0%}, {high:.0%}]")
    lines.append(f"{evaluation.total_steps:,} steps, {duration(evaluation.cpu_seconds)} of processor time")
    return lines


def _estimate_text(estimate: Estimate, form: str) -> str:
    between = ""
    if estimate.interval is not None:
        between = f" [{estimate.interval[0]:{form}}, {estimate.interval[1]:{form}}]"
    middle = "" if estimate.iqm is None else f" (interquartile mean {estimate.iqm:{form}})"
    return f"{estimate.mean:{form}}{between}{middle}"
