"""The data files in simulators' folders: environments in ``tasks.json``, and fields in ``fields.json``."""

from __future__ import annotations

import functools
import itertools
import math
from collections import ChainMap
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from reward_synth.core.types import Value
from reward_synth.state.fields import Field, Reader


class KnownEnvironment(Value):
    """What is known of an environment even if the simulator's extra is not installed."""

    description: str
    """One line, for choosing an environment by goal."""
    seen: str = ""
    """What the policy sees."""
    why: str = ""
    """A remark for readers of the file."""


class FieldRow(Value):
    """One field, or one for each of several things.

    Its texts may contain placeholders such as ``{name}``, for values that :func:`fields_of` is given.
    """

    each: str = ""
    """What the row is repeated for. Neighbouring rows for the same are repeated together."""
    name: str
    shape: tuple[int, ...] = ()
    unit: str = "1"
    low: float | str = -math.inf
    high: float | str = math.inf
    doc: str
    code: str | tuple[str, ...] = ""
    """See :class:`~reward_synth.state.fields.Field`. Several expressions are the elements of a vector."""
    read: str = ""
    """In place of ``code``: an expression over ``env``, the unwrapped environment, and ``np``."""
    essential: bool = False
    judge_only: bool = False
    why: str = ""
    """A remark for readers of the file."""

    def field(self, values: Mapping[str, Any]) -> Field:
        """The field, with the values inserted into its texts."""
        name, doc = (text.format_map(values) for text in (self.name, self.doc))
        low, high = (float(str(bound).format_map(values)) for bound in (self.low, self.high))
        if isinstance(self.code, str):
            code = self.code.format_map(values)
        else:
            code = f"({', '.join(element.format_map(values) for element in self.code)})"
        read: Any = _reader(self.read.format_map(values)) if self.read else None
        return Field(name, self.shape, self.unit, low, high, doc.strip(), read, self.essential, code, self.judge_only)


@functools.cache
def _reader(expression: str) -> Reader:
    reader: Reader = eval(f"lambda env: {expression}", {"np": np})
    return reader


def fields_of(rows: Iterable[FieldRow], values: dict[str, Any], **things: Iterable[dict[str, Any]]) -> list[Field]:
    """The fields of all rows in order; of several with the same name only the first.

    :param values: values of placeholders that every text may contain.
    :param things: for each value of ``each``, the things to repeat the row for, with their further placeholders.
    """
    fields: dict[str, Field] = {}
    for each, group in itertools.groupby(rows, lambda row: row.each):
        together = list(group)
        for thing in things[each] if each else [{}]:
            for row in together:
                field = row.field(ChainMap(thing, values))
                fields.setdefault(field.name, field)
    return list(fields.values())
