"""The typed text in which a field table is shown to a model or a person."""

from __future__ import annotations

import math
from collections.abc import Sequence

from reward_synth.state.fields import SWITCH_UNIT, ActionDimension, Field

FEWEST_ALIKE = 3
"""At least this many parts of a body must have the same fields before these are shown once for all of them."""
PART = "PART"
"""Placeholder for a part's name there. Names of fields cannot contain it, since they are in lower case."""


def render_stub(
    fields: Sequence[Field], actions: tuple[ActionDimension, ...], discrete: bool, short: bool, grouped: bool = False
) -> str:
    """See :meth:`FieldTable.stub <reward_synth.state.table.FieldTable.stub>`; the essential fields come first."""
    essential = [field for field in fields if field.essential] or fields
    lines = [_field_line(field, short) for field in essential]
    rest = [] if short else [field for field in fields if field not in essential]
    others = _grouped(rest) if grouped else [_field_line(field, short) for field in rest]
    if others:
        # Bodies have two hundred fields, of which a reward reads five.
        lines = ["# Needed most often:", *lines, "# All others:", *others]
    lines = ["class State:", *(f"    {line}" for line in lines), ""]
    lines += _action_lines(actions, discrete, short, grouped)
    return "\n".join(lines) + "\n"


def _grouped(fields: Sequence[Field]) -> list[str]:
    """Lines of the fields. Fields that differ only in the part's name share a line, after all others."""
    parts: dict[str, list[str]] = {}
    told: dict[str, str] = {}
    for field in fields:
        part = _part(field)
        line = _field_line(field, short=False)
        told[field.name] = line.replace(part, PART) if part else line
        if part:
            parts.setdefault(told[field.name], []).append(part)
    blocks: dict[tuple[str, ...], list[str]] = {}
    for line, names in parts.items():
        if len(names) >= FEWEST_ALIKE:
            blocks.setdefault(tuple(names), []).append(line)
    alone = _merged([field for field in fields if len(parts.get(told[field.name], ())) < FEWEST_ALIKE])
    for shared, lines in blocks.items():
        example = lines[0].partition(":")[0].replace(PART, shared[0])
        alone += [f"# For each {PART} of {', '.join(shared)} (as in {example}):", *lines]
    return alone


def _merged(fields: Sequence[Field]) -> list[str]:
    """Lines of the fields, one for those that differ in their names only, such as the hips of four legs."""
    alike: dict[str, list[str]] = {}
    for field in fields:
        alike.setdefault(_field_line(field, short=False).removeprefix(field.name), []).append(field.name)
    lines: list[str] = []
    for told, names in alike.items():
        lines += [", ".join(names) + told] if len(names) >= FEWEST_ALIKE else [name + told for name in names]
    return lines


def _part(field: Field) -> str:
    """The part of the body that a field is about: the longest word of its doc that its name begins with.

    The doc of an angular velocity names an angle, such as ``hip_angle``: the part is then ``hip``.
    """
    words = (word.strip(".,;:()").removesuffix("_angle") for word in field.doc.split())
    return max((word for word in words if word and field.name.startswith(f"{word}_")), key=len, default="")


def format_range(low: float, high: float) -> str:
    """``[-0.52, 1.05]``, ``>= 0``, ``<= 2``, or empty if nothing bounds the value."""
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
    # A switch's unit is its range. A joint's doc gives its normal range, and `low` and `high` how far it can be
    # forced: a small model is shown the first only.
    plain = field.unit == SWITCH_UNIT or (short and "normally" in field.doc)
    facts = ", ".join(part for part in (shape, unit, "" if plain else format_range(field.low, field.high)) if part)
    return f"{field.name}: {kind}  # {facts}. {field.doc}" if facts else f"{field.name}: {kind}  # {field.doc}"


def _action_lines(actions: tuple[ActionDimension, ...], discrete: bool, short: bool, grouped: bool) -> list[str]:
    head = f"# action: np.ndarray  # shape ({len(actions)},)"
    if discrete:
        head += ", 1.0 for the action that was chosen, 0.0 for all others"
    if short:
        ranges = {format_range(a.low, a.high) for a in actions}
        within = f", each in {ranges.pop()}" if len(ranges) == 1 else ", ranges differ"
        return [f"{head}{'' if discrete else within}: {', '.join(a.name for a in actions)}"]
    told: dict[str, list[ActionDimension]] = {}
    for a in actions:
        scale = "" if a.unit == "1" else f", 1.0 = {a.unit}"
        facts = "" if discrete else f"{format_range(a.low, a.high)}{scale}. "
        told.setdefault(f"{facts}{a.doc.replace(a.name, PART) if grouped else a.doc}", []).append(a)
    lines: dict[int, str] = {}
    for doc, alike in told.items():
        if grouped and len(alike) >= FEWEST_ALIKE:
            parts = ", ".join(f"[{a.index}] {a.name}" for a in alike)
            lines[alike[0].index] = f"#   action{parts}; for each {PART} of these  # {doc}"
        else:
            lines |= {a.index: f"#   action[{a.index}]: {a.name}  # {doc.replace(PART, a.name)}" for a in alike}
    return [head, *(lines[index] for index in sorted(lines))]
