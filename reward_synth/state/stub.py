"""The typed text in which a field table is shown to a model or a person."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reward_synth.state.fields import SWITCH_UNIT, ActionDimension, Field


def render_stub(fields: Sequence[Field], actions: tuple[ActionDimension, ...], discrete: bool, short: bool) -> str:
    """See :meth:`FieldTable.stub <reward_synth.state.table.FieldTable.stub>`; the essential fields come first."""
    essential = [field for field in fields if field.essential] or fields
    lines = [_field_line(field, short) for field in essential]
    others = [] if short else [_field_line(field, short) for field in fields if field not in essential]
    if others:
        # Bodies have two hundred fields, of which a reward reads five.
        lines = ["# Needed most often:", *lines, "# All others:", *others]
    lines = ["class State:", *(f"    {line}" for line in lines), ""]
    lines += _action_lines(actions, discrete, short)
    return "\n".join(lines) + "\n"


def format_range(low: float, high: float) -> str:
    """``[-0.52, 1.05]``, ``>= 0``, ``<= 2``, or nothing where unbounded."""
    if math.isinf(low) and math.isinf(high):
        return ""
    if math.isinf(high):
        return f">= {low:.4g}"
    if math.isinf(low):
        return f"<= {high:.4g}"
    return f"[{low:.4g}, {high:.4g}]"


def _field_line(field: Field, short: bool) -> str:
    kind = "float" if field.shape == () else "np.ndarray"
    shape = "" if field.shape == () else f"shape {field.shape}"
    unit = "" if field.unit == "1" else field.unit
    # A switch says its range in its unit. A joint's doc tells where it normally is, the range how far it can
    # be forced: a small model reads the first only.
    plain = field.unit == SWITCH_UNIT or (short and "normally" in field.doc)
    facts = ", ".join(part for part in (shape, unit, "" if plain else format_range(field.low, field.high)) if part)
    return f"{field.name}: {kind}  # {facts}. {field.doc}" if facts else f"{field.name}: {kind}  # {field.doc}"


def _action_lines(actions: tuple[ActionDimension, ...], discrete: bool, short: bool) -> list[str]:
    head = f"# action: np.ndarray  # shape ({len(actions)},)"
    if discrete:
        head += ", 1.0 for the action that was chosen, 0.0 for all others"
    if short:
        ranges = {format_range(a.low, a.high) for a in actions}
        within = f", each in {ranges.pop()}" if len(ranges) == 1 else ", ranges differ"
        return [f"{head}{'' if discrete else within}: {', '.join(a.name for a in actions)}"]
    lines = [head]
    for a in actions:
        scale = "" if a.unit == "1" else f", 1.0 = {a.unit}"
        facts = "" if discrete else f"{format_range(a.low, a.high)}{scale}. "
        lines.append(f"#   action[{a.index}]: {a.name}  # {facts}{a.doc}")
    return lines
