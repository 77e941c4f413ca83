"""Importing upstream's packages without what they look for beside themselves."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def module_hidden(name: str) -> Iterator[None]:
    """Importing that module fails meanwhile."""
    modules: dict[str, Any] = sys.modules
    with _entry(modules, name, None):
        yield


@contextmanager
def variable_set(name: str, value: str) -> Iterator[None]:
    """That variable of the environment has that value meanwhile."""
    with _entry(os.environ, name, value):
        yield


@contextmanager
def _entry(mapping: MutableMapping[str, Any], name: str, value: Any) -> Iterator[None]:
    missing = object()
    before = mapping.get(name, missing)
    mapping[name] = value
    try:
        yield
    finally:
        del mapping[name]
        if before is not missing:
            mapping[name] = before
