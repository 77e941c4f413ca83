"""For imports of upstream's packages: hide a module, or set an environment variable."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def module_hidden(name: str) -> Iterator[None]:
    """Make imports of that module fail inside the ``with`` block."""
    modules: dict[str, Any] = sys.modules
    with _entry(modules, name, None):
        yield


@contextmanager
def variable_set(name: str, value: str) -> Iterator[None]:
    """Set that environment variable inside the ``with`` block."""
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
