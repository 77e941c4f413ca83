"""The page on fields is the one that the tables make."""

from __future__ import annotations

from pathlib import Path

from reward_synth.simulators.reference import fields_reference

PAGE = Path(__file__).parents[2] / "docs" / "fields.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == fields_reference(), "run: python docs/generate_fields.py"
