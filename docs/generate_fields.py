"""Writes fields.md and a page per simulator from their field tables: ``python docs/generate_fields.py``.

A page is a template in ``templates/simulators/``, which asks the simulators for what it shows. A test holds the pages
equal to what this script would write.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from reward_synth.simulators import get_simulator
from reward_synth.simulators.protocol import Simulator
from reward_synth.state.fields import SWITCH_UNIT, ActionDimension, Field
from reward_synth.state.stub import format_range
from reward_synth.state.table import FieldTable

FOLDER = Path(__file__).resolve().parent
TEMPLATES = FOLDER / "templates" / "simulators"
PAGES = tuple(sorted(path.name.removesuffix(".j2") for path in TEMPLATES.glob("*.md.j2")))


def page(name: str) -> str:
    """The text of a page: ``metaworld.md``."""
    loader = FileSystemLoader(TEMPLATES)
    templates = Environment(
        loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    templates.filters.update(sentence=sentence, quoted=quoted)
    return templates.get_template(f"{name}.j2").render(
        simulator=get_simulator,
        module=importlib.import_module,
        field_table=field_table,
        seconds_per_step=seconds_per_step,
        field_rows=field_rows,
        action_rows=action_rows,
    )


def field_table(simulator: Simulator, env_id: str, **arguments: Any) -> FieldTable:
    """The table of an environment that is made with these arguments."""
    with closing(simulator.make(env_id, arguments)) as env:
        return simulator.fields(env)


def seconds_per_step(simulator: Simulator, env_id: str) -> float:
    """Simulated seconds that one step takes."""
    with closing(simulator.make(env_id, {})) as env:
        return simulator.seconds_per_step(env)


def sentence(text: str) -> str:
    """The text with a capital at its beginning."""
    return f"{text[0].upper()}{text[1:]}"


def quoted(names: Iterable[str]) -> str:
    """The names as code, with commas."""
    return ", ".join(f"`{name}`" for name in names)


def field_rows(fields: Iterable[Field]) -> str:
    """A Markdown table of fields."""
    rows = ["| field | shape | unit | range | meaning |", "| --- | --- | --- | --- | --- |"]
    for field in fields:
        shape = "float" if field.shape == () else "×".join(map(str, field.shape))
        extent = "0 or 1" if field.unit == SWITCH_UNIT else format_range(field.low, field.high)
        unit = "" if field.unit == SWITCH_UNIT else field.unit
        meaning = f"{field.doc} For success and fitness only." if field.judge_only else field.doc
        rows.append(f"| `{field.name}` | {shape} | {unit} | {extent} | {meaning} |")
    return "\n".join(rows)


def action_rows(actions: Iterable[ActionDimension]) -> str:
    """A Markdown table of the action's elements."""
    rows = ["| index | name | range | 1.0 is | meaning |", "| --- | --- | --- | --- | --- |"]
    for a in actions:
        rows.append(f"| {a.index} | {a.name} | {format_range(a.low, a.high)} | {a.unit} | {a.doc} |")
    return "\n".join(rows)


if __name__ == "__main__":
    for each in PAGES:
        (FOLDER / "reference" / each).write_text(page(each), encoding="utf-8")
