"""The examples of docs/reference/rules.md, and the script that writes the page."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

DOCS = Path(__file__).parents[3] / "docs"


def _generator() -> ModuleType:
    specification = importlib.util.spec_from_file_location("generate_rules", DOCS / "generate_rules.py")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[specification.name] = module  # Where pydantic looks for the names in annotations.
    specification.loader.exec_module(module)
    return module


GENERATOR = _generator()
EXAMPLES = GENERATOR.EXAMPLES.examples
EXAMPLE_LAYOUT = GENERATOR.LAYOUT
EXAMPLE_ACTION_SIZE = GENERATOR.EXAMPLES.action_size
