"""Plots of a candidate and of a run, as SVG text.

Models choose the names of reward terms. The names are drawn as plain text, never parsed as mathematics.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reward_synth.core import number_format as wording
from reward_synth.core.types import Candidate, EvaluationPoint, TermStatistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Distinct for colour-blind eyes, after Okabe and Ito.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#999999")
LONGEST_NAME = 40
LETTER = 0.014
"""Width of a letter of the legend, as a share of the figure's."""


def training_curve(
    evaluations: Sequence[EvaluationPoint], fitness_unit: str, success_threshold: float | None = None
) -> str:
    """Success and fitness over training.

    :param success_threshold: drawn as a line, if given.
    :raises ValueError: without evaluations.
    """
    _need(evaluations, "evaluations")
    figure, axes = _figure()
    at = [point.step for point in evaluations]
    _success_line(axes, at, [point.success for point in evaluations], success_threshold)
    _step_axis(axes)
    _fitness_line(axes, at, [point.fitness for point in evaluations], fitness_unit)
    return _svg(figure)


def term_shares(terms: Sequence[TermStatistics], at: Sequence[int] | None = None) -> str:
    """Each reward term's share of the reward's magnitude over training, stacked to 100 %.

    :param at: environment steps of the points. If it is missing or has another length, the points are numbered.
    :raises ValueError: without terms.
    """
    _need([term for term in terms if term.share], "terms")
    figure, axes = _figure(right=0.91 - LETTER * max(len(_label(term.name)) for term in terms))
    count = len(terms[0].share)
    counted = at is None or len(at) != count
    places = list(range(1, count + 1)) if at is None or counted else list(at)
    bottom = [0.0] * count
    for index, term in enumerate(terms):
        top = [low + share for low, share in zip(bottom, term.share, strict=True)]
        colour = COLOURS[index % len(COLOURS)]
        axes.fill_between(places, bottom, top, color=colour, alpha=0.8, linewidth=0, label=_label(term.name))
        bottom = top
    axes.set_ylim(0, 1)
    axes.set_xlim(places[0], places[-1] if count > 1 else places[0] + 1)
    if counted:
        axes.set_xlabel("evaluation")
    else:
        _step_axis(axes)
    axes.set_ylabel("share of the reward's magnitude")
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=8)
    return _svg(figure)


def run_progress(candidates: Sequence[Candidate], fitness_unit: str) -> str:
    """Best success and fitness after each iteration, with every trained candidate as a dot.

    :raises ValueError: if no candidate was trained.
    """
    trained = [c for c in candidates if c.success is not None]
    _need(trained, "trained candidates")
    figure, axes = _figure()
    iterations = sorted({c.iteration for c in trained})
    best = [max((c for c in trained if c.iteration <= i), key=lambda c: c.score) for i in iterations]
    successes = [c.success or 0.0 for c in trained]
    axes.scatter([c.iteration for c in trained], successes, color=COLOURS[0], alpha=0.3, s=18)
    _success_line(axes, iterations, [c.success or 0.0 for c in best], None)
    axes.set_xlabel("iteration")
    axes.set_xticks(iterations)
    _fitness_line(axes, iterations, [math.nan if c.fitness is None else c.fitness for c in best], fitness_unit)
    return _svg(figure)


def _step_axis(axes: Axes) -> None:
    axes.set_xlabel("environment steps")
    axes.xaxis.set_major_formatter(lambda value, _: wording.steps(value))


def _success_line(axes: Axes, at: Sequence[int], values: Sequence[float], threshold: float | None) -> None:
    axes.plot(at, values, color=COLOURS[0], marker="o", markersize=4)
    axes.set_ylim(-0.05, 1.05)
    axes.set_ylabel("success (share of episodes)", color=COLOURS[0])
    if threshold is not None:
        axes.axhline(threshold, color=COLOURS[0], linestyle=":", linewidth=1)


def _fitness_line(axes: Axes, at: Sequence[int], values: Sequence[float], unit: str) -> None:
    right = axes.twinx()
    right.plot(at, values, color=COLOURS[1], marker="s", markersize=4)
    text = _label(f"fitness ({unit})", 2 * LONGEST_NAME)
    # A long unit would be wider than the axis is high.
    right.set_ylabel(text, color=COLOURS[1], fontsize=min(10.0, 320 / len(text)))
    right.spines["top"].set_visible(False)


def _figure(right: float = 0.85) -> tuple[Figure, Axes]:
    """A figure with room beside its axes.

    :param right: where the axes end, as a share of the width; what follows is for a second axis or a legend.
    """
    # Use the object interface, since pyplot keeps global state and looks for a display.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.2))
    # A layout that Matplotlib finds by itself takes three quarters of the drawing's time.
    figure.subplots_adjust(left=0.11, right=right, bottom=0.16, top=0.95)
    axes = figure.add_subplot()
    axes.spines["top"].set_visible(False)
    axes.grid(alpha=0.25)
    return figure, axes


def _svg(figure: Figure) -> str:
    import matplotlib

    drawn = io.StringIO()
    # With a fixed salt and no date, the same numbers give the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": "reward-synth", "svg.fonttype": "none"}):
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()


def _label(name: str, longest: int = LONGEST_NAME) -> str:
    # Escaped dollar signs are plain text; otherwise Matplotlib would read a pair of them as mathematics.
    text = name if len(name) <= longest else f"{name[: longest - 1]}…"
    text = text.replace("$", r"\$")
    # Matplotlib leaves labels that begin with an underscore out of a legend.
    return f" {text}" if text.startswith("_") else text


def _need(values: Sequence[object], what: str) -> None:
    if not values:
        raise ValueError(f"nothing to draw: no {what}")
