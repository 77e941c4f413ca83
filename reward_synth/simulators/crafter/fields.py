"""Crafter's field table: what rewards, success and fitness may read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reward_synth.core.data import read_data
from reward_synth.core.types import Value
from reward_synth.simulators.crafter.kinds import ACHIEVEMENTS, ACTIONS, ITEMS, KINDS, VITALS
from reward_synth.simulators.data import FieldRow, fields_of
from reward_synth.state.fields import choice_of
from reward_synth.state.table import FieldTable


class _Fields(Value):
    essential: frozenset[str]
    """Names of the only fields that a small model is shown."""
    rows: tuple[FieldRow, ...]
    """With fields that only judges may read, a reward would be sparse in disguise, or know the whole map."""


_FILE = read_data(__file__, "fields.json", _Fields)


def field_table(env: Any) -> FieldTable:
    """The table of a live environment, unwrapped."""
    side = float(env.world.area[0])
    fields = fields_of(
        _FILE.rows,
        {"side": side, "farthest": 2 * side},
        kind=[{"kind": kind, "a_kind": _any(kind)} for kind in KINDS],
        vital=[{"vital": name, "doc": doc} for name, doc in VITALS.items()],
        item=[{"item": name, "spoken": name.replace("_", " ")} for name in ITEMS],
        achievement=[{"name": name, "spoken": name.replace("_", " ")} for name in ACHIEVEMENTS],
        sought=[{"kind": kind} for kind in ("tree", "cow", "diamond")],
    )
    marked = [replace(field, essential=field.name in _FILE.essential) for field in fields]
    return FieldTable(marked, choice_of(ACTIONS.items()), discrete=True)


def _any(kind: str) -> str:
    if kind in ("water", "grass", "stone", "sand", "lava", "coal", "iron"):
        return kind
    return f"{'an' if kind == 'arrow' else 'a'} {kind}"
