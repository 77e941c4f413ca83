"""``report.html``: a run on one page that needs no other file and no network."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from reward_synth.core import number_format
from reward_synth.core.agreement import Agreements
from reward_synth.core.evaluation import Evaluation
from reward_synth.core.feedback import Feedback
from reward_synth.core.types import Candidate, EvaluationPoint, PayRow, TermStatistics
from reward_synth.display.text import printable
from reward_synth.report import plots
from reward_synth.store import RunInfo
from reward_synth.tasks.spec import TaskSpec

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


def marked_up(text: str) -> Markup:
    """Markdown as HTML, from ``<h3>`` on down. Models wrote a part of it: no HTML, link or picture of theirs counts."""
    parser = _parser()
    tokens = parser.parse(printable(text))
    for token in tokens:
        if token.tag[:1] == "h" and token.tag[1:].isdigit():
            token.tag = f"h{min(6, int(token.tag[1:]) + 2)}"
        elif token.tag in ("th", "td") and token.attrs.pop("style", "") == "text-align:right":
            token.attrSet("class", "n")  # The pages of the viewer forbid styles within elements.
    page = parser.renderer.render(tokens, parser.options, {})
    return Markup(page.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>"))


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "link", "autolink", "reference"])


FILTERS = {
    "marked_up": marked_up,
    "number": number_format.number,
    "percent": number_format.percent,
    "steps": number_format.steps,
    "dollars": number_format.dollars_in_table,
    "duration": partial(number_format.duration, unknown="–"),
}
"""How pages write numbers, of which an unknown one is a dash, and Markdown."""


@dataclass(frozen=True)
class CostRow:
    """The cost of one role with one model."""

    role: str
    model: str
    calls: int
    prompt_tokens: int | None
    completion_tokens: int | None
    usd: float | None
    """None if a price is unknown; 0.0 for models that run here."""
    seconds: float


@dataclass(frozen=True)
class FilmLink:
    """A film of a candidate, within the page or beside it."""

    title: str
    """``003-b, median``."""
    address: str
    """The film itself as ``data:``, or its path from the page."""
    embedded: bool


@dataclass(frozen=True)
class BestReward:
    """The reward that the run ends with, and its training."""

    id: str
    source: str
    summary: str = ""
    """The text of its ``summary.md``."""
    evaluations: tuple[EvaluationPoint, ...] = ()
    terms: tuple[TermStatistics, ...] = ()
    pay: tuple[PayRow, ...] = ()
    """What it pays known behaviours; empty if it was not attacked."""


@dataclass(frozen=True)
class ReportData:
    """Everything that the page shows. Each text in it may come from a model and is escaped."""

    info: RunInfo
    task: TaskSpec
    command: str
    """The command line that started the run."""
    candidates: tuple[Candidate, ...] = ()
    best: BestReward | None = None
    readings: Mapping[int, str] = field(default_factory=dict)
    """The analyzer's text on each iteration, oldest first."""
    feedback: tuple[Feedback, ...] = ()
    compared: str = ""
    """How the best reward compares with the one that the person began with."""
    chosen: str = ""
    """Who chose the best reward, if not the task's measure."""
    passed_over: str = ""
    """Why a candidate with more fitness is not the best; empty if there is none."""
    agreements: Agreements | None = None
    """How well rewards and measure agree with the person; None if nobody has ordered episodes."""
    costs: tuple[CostRow, ...] = ()
    given_up: str = ""
    """What may be billed beside that."""
    evaluations: tuple[Evaluation, ...] = ()
    """Final trainings, on fresh seeds."""
    films: tuple[FilmLink, ...] = ()
    """Those of the best reward come first."""
    environment_steps: int = 0
    """All trainings together, failed and final ones included."""
    steps_saved: int = 0
    """Steps saved by early stops, compared with training every candidate on every seed to its end."""


def clean(value: Any) -> Any:
    """A page's value without control characters, as on a terminal; markup of templates stays as it is."""
    return printable(value) if type(value) is str else value


def render_report(data: ReportData) -> str:
    """The page as HTML text."""
    return page(
        "report.html.j2",
        run=data,
        pictures=_pictures(data),
        total_usd=number_format.total(row.usd for row in data.costs),
    )


def page(template: str, **values: Any) -> str:
    """A page from one of the templates; every text in it is escaped."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        # The page contains generated code and text of models.
        autoescape=True,
        finalize=clean,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment.get_template(template).render(**values)


def _pictures(data: ReportData) -> dict[str, str]:
    """The addresses (``data:``) of the plots by their titles."""
    drawn = {}
    if any(candidate.success is not None for candidate in data.candidates):
        drawn["Best success and fitness by iteration"] = plots.run_progress(data.candidates, data.task.fitness_unit)
    best = data.best
    if best and best.evaluations:
        curve = plots.training_curve(best.evaluations, data.task.fitness_unit, data.task.success_threshold)
        drawn[f"Training of {best.id}: success and fitness"] = curve
    if best and any(term.share for term in best.terms):
        at = [point.step for point in best.evaluations]
        drawn[f"Reward terms of {best.id}"] = plots.term_shares(best.terms, at)
    return {title: _address(svg) for title, svg in drawn.items()}


def _address(svg: str) -> str:
    # As an image and not as markup: browsers then run no script in it, and ids of several plots do not clash.
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode('ascii')}"
