"""Makes a lost ``run.json`` again from what else the run folder says."""

from __future__ import annotations

import json
from typing import Any

from reward_synth.core.errors import RewardSynthError
from reward_synth.store import RunInfo, RunStore
from reward_synth.store.manifest import MANIFEST, now
from reward_synth.store.schema import SCHEMA
from reward_synth.tasks.spec import load_task

WARNING = "run.json was lost, and was made again from the journal; the packages' versions are not known any more"


def rebuilt_info(store: RunStore) -> RunInfo:
    """The facts of a run whose ``run.json`` is lost: from the settings, the task, the journal and ``best.json``.

    :raises RewardSynthError: a newer version wrote it, or what would say the facts is lost too.
    """
    written = _written(store)
    if isinstance(written.get("format"), int) and written["format"] > SCHEMA:
        raise RewardSynthError("a newer version of reward-synth wrote it", "pip install --upgrade reward-synth")
    settings, events = store.settings(), [each for each in store.events() if isinstance(each.get("time"), str)]
    turns = [each for each in events if each.get("kind") in ("started", "ended")]
    goal = next((str(each["goal"]) for each in turns if each.get("goal")), None)
    if goal is None:
        raise RewardSynthError("the journal, which also holds the goal, is lost", "restore the file from a copy")
    status = str(turns[-1].get("status", "running"))
    goes_on, over = status in ("running", "stopped", "waiting", "failed"), ("solved", "unsolved", "accepted")
    warnings = [str(each.get("text", "")) for each in events if each.get("kind") == "warning"]
    return RunInfo.model_validate(
        {
            "id": store.id,
            "goal": goal,
            "task": None if store.read_task() is None else load_task(store.task_path).name,
            "method": settings.method,
            "model": settings.model,
            "status": status if goes_on else "done",
            "outcome": status if status in over else "",
            "reason": turns[-1].get("reason", ""),
            "created": events[0]["time"],
            "updated": now(),
            "seconds": turns[-1].get("seconds") or 0.0,
            "warnings": list(dict.fromkeys([*warnings, WARNING])),
            "seed": settings.seed,
        }
        | _best(store)
    )


def _written(store: RunStore) -> dict[str, Any]:
    """What can be read of the file as it is."""
    try:
        found = json.loads((store.path / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _best(store: RunStore) -> dict[str, Any]:
    try:
        found = json.loads((store.path / "best.json").read_bytes())
        return {"best": found["candidate"], "success": found["success"], "fitness": found["fitness"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}
