"""The pages on fields are those that the tables make."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from reward_synth.simulators.crafter.reference import crafter_reference
from reward_synth.simulators.metaworld.reference import metaworld_reference
from reward_synth.simulators.reference import fields_reference

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    ("name", "page"),
    [("fields.md", fields_reference), ("metaworld.md", metaworld_reference), ("crafter.md", crafter_reference)],
)
def test_the_page_is_up_to_date(name: str, page: Callable[[], str]) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == page(), "run: python docs/generate_fields.py"
