"""How a page's template is filled in. Everything in it is escaped: models and environments wrote much of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, JSONResponse

from reward_synth.report.html import FILTERS, clean


def page(template: str, **values: Any) -> HTMLResponse:
    """A template's HTML with these values."""
    return HTMLResponse(_environment().get_template(template).render(values))


def finite_json(data: Any) -> JSONResponse:
    """The data as JSON, with null for each number that is not finite: JSON has no NaN."""
    return JSONResponse(_finite(data))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1] / "templates"),
        autoescape=True,
        finalize=clean,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment
