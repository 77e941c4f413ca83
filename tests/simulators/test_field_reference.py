"""The pages on simulators are those that the tables make."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from reward_synth.simulators import get_simulator, simulator_names

DOCS = Path(__file__).parents[2] / "docs"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_fields", DOCS / "generate_fields.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = generator()


@pytest.mark.parametrize("name", GENERATOR.PAGES)
def test_the_page_is_up_to_date(name: str) -> None:
    simulator = name.removesuffix(".md")
    if simulator in simulator_names() and not get_simulator(simulator).environments():
        pytest.skip(f"{simulator} is not installed")
    assert (DOCS / "reference" / name).read_text(encoding="utf-8") == GENERATOR.page(name), (
        "run: python docs/generate_fields.py"
    )


def test_every_simulator_has_a_page() -> None:
    pages = {name.removesuffix(".md") for name in GENERATOR.PAGES}
    assert pages == {"fields", *simulator_names()} - {"gym"}
