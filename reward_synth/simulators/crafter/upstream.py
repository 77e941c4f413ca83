"""What is used of Crafter and of opensimplex, its noise: the one place that imports them.

Where numba is installed, opensimplex has it compile functions that are not used here, and keep them in a cache folder.
A locked worker may write to none, and would fail; so numba is out of sight while they are imported. It needs the extra
``crafter``; import it where it is used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def _without(name: str) -> Iterator[None]:
    """Importing that module fails meanwhile."""
    modules: dict[str, Any] = sys.modules
    missing = object()
    before = modules.get(name, missing)
    modules[name] = None
    try:
        yield
    finally:
        del modules[name]
        if before is not missing:
            modules[name] = before


with _without("numba"):
    from crafter import constants, engine, objects
    from opensimplex import OpenSimplex
    from opensimplex.constants import GRADIENTS3, NORM_CONSTANT3

__all__ = ["GRADIENTS3", "NORM_CONSTANT3", "OpenSimplex", "constants", "engine", "objects"]
