"""Tables of values beside a module, checked as they are read.

They are JSON, since most processes read several: as YAML this takes up to 0.2 s a file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


def read_data(module: str, name: str, kind: type[T]) -> T:
    """The file of that name which lies beside a module, as that kind of value.

    :param module: the module's ``__file__``.
    :raises pydantic.ValidationError: the file does not fit.
    """
    return TypeAdapter(kind).validate_json(Path(module).with_name(name).read_bytes())
