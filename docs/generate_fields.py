"""Writes fields.md and a page per simulator from the field tables: ``python docs/generate_fields.py``."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from reward_synth.simulators.crafter.reference import crafter_reference  # noqa: E402
from reward_synth.simulators.maniskill.reference import maniskill_reference  # noqa: E402
from reward_synth.simulators.metaworld.reference import metaworld_reference  # noqa: E402
from reward_synth.simulators.reference import fields_reference  # noqa: E402

if __name__ == "__main__":
    (HERE / "fields.md").write_text(fields_reference(), encoding="utf-8")
    (HERE / "crafter.md").write_text(crafter_reference(), encoding="utf-8")
    (HERE / "maniskill.md").write_text(maniskill_reference(), encoding="utf-8")
    (HERE / "metaworld.md").write_text(metaworld_reference(), encoding="utf-8")
