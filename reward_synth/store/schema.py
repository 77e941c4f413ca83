"""The schema of a run folder: its version, and one migration for each step from an older version.

A run of an older version can be read; its files are rewritten only when it is resumed. To change the schema,
raise :data:`SCHEMA`, add the step to :data:`MIGRATIONS`, and keep a run of the old schema under
``tests/store/old_runs``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reward_synth.core.errors import RewardSynthError

SCHEMA = 2
Record = dict[str, Any]


def _name_the_method(manifest: Record) -> Record:
    """Before schema 2 there was one method."""
    return {"method": "synth"} | manifest


MIGRATIONS: dict[int, Callable[[Record], Record]] = {1: _name_the_method}
"""For each older schema of ``run.json``, the function that converts it to the next one."""


def migrate(manifest: Record) -> Record:
    """Convert a ``run.json`` of any earlier schema to the present one.

    :raises RewardSynthError: a newer version wrote it.
    """
    number = manifest.get("format")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= SCHEMA:
        raise RewardSynthError(
            f"this run has the schema {number!r}, and this version knows those up to {SCHEMA}",
            "a newer version of reward-synth wrote it: pip install --upgrade reward-synth",
        )
    while number < SCHEMA:
        manifest = MIGRATIONS[number](manifest)
        number += 1
    return manifest | {"format": SCHEMA}


def migrate_event(record: Record) -> Record:
    """Convert a line of ``events.jsonl`` of any earlier schema to the present one.

    A resumed run of schema 1 holds lines of both schemas, so the form of each line decides.
    """
    candidate = record.get("candidate")
    if record.get("kind") in ("designed", "trained") and isinstance(candidate, str):
        known = {name: record[name] for name in ("status", "reason", "success") if name in record}
        whole = {"id": candidate, "iteration": int(candidate.split("-")[0])} | known
        return {"time": record.get("time"), "kind": record["kind"], "candidate": whole}
    if record.get("kind") == "started" and "run_dir" not in record:
        return {**record, "run_dir": ""}
    if record.get("kind") == "rung" and "rungs" not in record:
        return {**record, "rungs": record.get("number", 1)}
    return record
