"""Data tables stored beside a module, validated when they are read.

They are JSON because most processes read several of them, and parsing YAML takes up to 0.2 s per file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


def read_data(module: str, name: str, kind: type[T]) -> T:
    """Read the file ``name`` beside a module as a value of type ``kind``.

    :param module: the module's ``__file__``.
    :raises pydantic.ValidationError: the file does not fit.
    """
    return TypeAdapter(kind).validate_json(Path(module).with_name(name).read_bytes())
